"""Settlement: what was agreed has come, and the shortfall is given up."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.servicing.endings.write_off import give_up
from loanbook.core.servicing.loan.posting import DayState


def settle(day: DayState, events: pl.DataFrame) -> None:
    """What was agreed has come; the shortfall is given up."""
    give_up(day, events, Status.settled)
