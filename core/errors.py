"""The domain's own errors: what was found, where, what was expected, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

    import polars as pl


class LoanbookError(Exception):
    """Base of every error a user can act on; the message names the remedy."""


class PolicyError(LoanbookError):
    """A policy file is missing, malformed or contradicts another one."""


class IntakeError(LoanbookError):
    """A landing file can't be taken in as a whole (a bad row is quarantined instead)."""


class InstructionError(LoanbookError):
    """A file for a bank can't be written as asked; nothing was handed over."""


class EngineError(LoanbookError):
    """The engine refuses to compute what it can't compute exactly."""


class LedgerError(LoanbookError):
    """The ledger can't be opened, read or written as asked."""


class ForgottenError(LedgerError):
    """What is asked for is of a person who is forgotten: nobody reads it any more."""


class LedgerConflictError(LedgerError):
    """Another writer committed first; nothing of this attempt was kept."""


class LawBrokenError(LedgerError):
    """A conservation law does not hold, so the close was not committed."""


class LawsBrokenError(LawBrokenError):
    """A day breaks laws, and not by single loans that could be held.

    `found`: loans at fault (`loan_id`, `law`, `figures`, `remedy`), more than the `most` that may be
    held; none where no single loan is.
    """

    def __init__(self, date: dt.date, found: pl.DataFrame, laws: list[str], most: int) -> None:
        self.date, self.found, self.laws, self.most = date, found, laws, most
        super().__init__(f"{date}: broken: {', '.join(laws)}; nothing was committed")
