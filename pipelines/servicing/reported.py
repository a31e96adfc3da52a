"""What the command did, told to Dagster, so that its pages know every published day.

Where no Dagster is set up nothing is told, and nothing that goes wrong here touches a close.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loanbook.core.store.settings import Settings

if TYPE_CHECKING:
    from loanbook.pipelines.servicing.publishing import DayReport

HOME = "DAGSTER_HOME"


@dataclass
class Done:
    """What one command published: days, the failure that ended it, rows that marts gained."""

    days: list[DayReport] = field(default_factory=list)
    failure: str | None = None
    marts: Mapping[str, int] = field(default_factory=dict)


def has_dagster(where: Settings) -> bool:
    """Whether a Dagster keeps this instance: the environment names its home, or it ran before."""
    return bool(os.environ.get(HOME)) or (where.home / "dagster" / "dagster.yaml").is_file()


def report(where: Settings, done: Done) -> str | None:
    """Tell Dagster of the days, their checks and the marts; returns why it could not be told."""
    if not done.days or not has_dagster(where):
        return None
    try:
        import dagster as dg

        from loanbook.pipelines.dagster_home import prepare_home

        if not os.environ.get(HOME):
            prepare_home(where)
        with dg.DagsterInstance.get() as instance:
            for event in _events(done):
                instance.report_runless_asset_event(event)
    except Exception as error:  # noqa: BLE001  # the days are published, whatever Dagster says
        return f"{type(error).__name__}: {error}"
    return None


def _events(done: Done) -> Iterable[Any]:
    """Materializations of the days and marts, and evaluations of the checks of the close."""
    import dagster as dg

    from loanbook.pipelines.asset_keys import key
    from loanbook.pipelines.servicing.assets import check_results, day_metadata

    close = key("ledger_close")
    for day in done.days:
        yield dg.AssetMaterialization(
            close,
            partition=day.date.isoformat(),
            description="closed by the loanbook command",
            metadata=day_metadata(day),
        )
    for result in check_results(done.days, done.failure):
        yield dg.AssetCheckEvaluation(
            close, str(result.check_name), result.passed, metadata=result.metadata,
            blocking=result.severity is dg.AssetCheckSeverity.ERROR, severity=result.severity,
        )  # fmt: skip
    for name, rows in done.marts.items():
        yield dg.AssetMaterialization(key(name), metadata={"rows_added": rows})
