"""Who wants to hear of each published day: the command sets a listener, the asset tells it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextvars import ContextVar

Listener = Callable[[dt.date], None]
published: ContextVar[Listener] = ContextVar("published", default=lambda date: None)
"""Called with each business date as it is published, in the process that runs the job."""
