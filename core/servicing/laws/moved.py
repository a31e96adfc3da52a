"""What a day did to loans, as every law reads it; several days or rounds as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import polars as pl

from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.replay.fast_forward import Visit
from loanbook.core.servicing.schedule.moved_due_dates import billed_early


@dataclass(frozen=True)
class Moved:
    """What a day, or each loan's own day of a round, did to loans."""

    before: pl.DataFrame
    """Positions the evening before."""
    after: pl.DataFrame
    """Positions after it; of loans that are held there is none, before or after."""
    dues: pl.DataFrame
    """With `business_date`, the date of the loan."""
    dues_before: pl.DataFrame
    """Dues the evening before."""
    payouts: pl.DataFrame
    """Terms of the loans after it that a law reads (`_PAYOUT`)."""
    applied: pl.DataFrame
    allocations: pl.DataFrame
    unidentified: pl.DataFrame
    transfers: pl.DataFrame
    """Those of the day itself: no differences of a restatement."""
    lines: pl.Series
    """Ids of lines of credit, whose dues are owed from their statement on."""
    ahead: pl.Series
    """Ids of loans whose instalments may be owed before they fall due."""
    policies: PolicyBook | None
    """By which the loans lived; None: nothing happened to them but interest."""

    @classmethod
    def by_close(cls, before: Book, closed: DayClose) -> Moved:
        """What a close did."""
        stood, after, dues = before.positions, closed.book.positions, closed.book.dues
        if closed.book.held.height:
            stands = ~pl.col("loan_id").is_in(closed.book.held["loan_id"].implode())
            stood, after, dues = stood.filter(stands), after.filter(stands), dues.filter(stands)
        return cls(
            stood, after, dated(dues, closed.date), before.dues, closed.book.terms.select(*_PAYOUT),
            closed.applied, closed.allocations, closed.unidentified,
            closed.transfers.filter(pl.col("value_date") == closed.date),
            _lines(closed.book.terms), _billed_early(closed.book.terms), closed.policies,
        )  # fmt: skip

    @classmethod
    def by_round(cls, each: Visit) -> Moved:
        """What a round of a jump did."""
        after = each.wide.select(STATE)
        return cls(
            each.before, after, each.dues, each.dues_before, each.wide.select(*_PAYOUT), each.applied, each.allocations, each.unidentified,
            each.transfers, _lines(each.wide), _billed_early(each.wide), each.policies,
        )  # fmt: skip


_PAYOUT = ("loan_id", "disbursed_on", "product", "jurisdiction", "principal_agreed")
_IDS = ("loan_id", "event_id")


def together(parts: Sequence[Moved]) -> Moved:
    """Days or rounds as one, so that a law costs once for all of them.

    Ids of loans and events of each part are lifted to where no other part has any; :func:`by_part`
    tells them again.
    """
    if len(parts) == 1:
        return parts[0]
    rows = {f.name: [getattr(each, f.name) for each in parts] for f in fields(Moved)}
    policies = next((each for each in rows.pop("policies") if each is not None), None)
    lines, ahead = (pl.concat(ids) + _lift(ids) for ids in (rows.pop("lines"), rows.pop("ahead")))
    frames = {name: _lifted(each) for name, each in rows.items()}
    return Moved(lines=lines, ahead=ahead, policies=policies, **frames)


_ABOVE = 1 << 40
"""More than a ledger ever numbers."""


def _lifted(frames: list[pl.DataFrame]) -> pl.DataFrame:
    ids = [key for key in _IDS if key in frames[0].columns]
    lifted = [
        pl.when(pl.col(key) == 0).then(0).otherwise(pl.col(key) + pl.col("_lift")) for key in ids
    ]
    rows = pl.concat(frames).with_columns(_lift=_lift(frames))
    return rows.with_columns(e.alias(key) for key, e in zip(ids, lifted, strict=True)).drop("_lift")


def _lift(parts: Sequence[pl.DataFrame | pl.Series]) -> pl.Series:
    """For each row of all `parts`, what its ids are lifted by."""
    places = pl.int_range(len(parts), eager=True).repeat_by(pl.Series(map(len, parts)))
    return places.explode(empty_as_null=False).cast(pl.Int64) * _ABOVE


def by_part(found: pl.DataFrame) -> pl.DataFrame:
    """Rows that break a law over parts that are `together`: ids as they are, and the place of their
    `part`."""
    ids = [key for key in _IDS if key in found.columns]
    if not ids:
        return found
    return found.with_columns(part=pl.col("loan_id") // _ABOVE).with_columns(pl.col(ids) % _ABOVE)


def _lines(terms: pl.DataFrame) -> pl.Series:
    return terms["loan_id"].filter(terms["revolving"])


def _billed_early(terms: pl.DataFrame) -> pl.Series:
    return terms.select("loan_id", early=billed_early()).filter("early")["loan_id"]
