"""Great Expectations, quiet and off-line: imported only where it runs, for it takes seconds."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")


def quiet_context() -> Any:
    """A context that lives in memory and draws no progress bars."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    bars: Any = {"globally": False, "metric_calculations": False}
    context.variables.progress_bars = bars
    return context
