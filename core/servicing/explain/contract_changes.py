"""What changes of a contract did: the payments to come before and after, their worth, and forbearance.

Worth is the present value on the evening of the change, at the rate at which the loan's schedule as
boarded is worth its principal, of all that is due and to come. A change that takes more than 1 % of it
is a diminished obligation (EBA/GL/2016/07, 49 to 52: the net present value before and after, discounted
at the customer's original effective interest rate). A concession is forbearance where the borrower is in
difficulty: the order says so, or the loan was more than 30 days past due within three months before
(Implementing Regulation (EU) 2021/451, Annex V, 240 to 253).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.codes import CHANGES, Kind
from loanbook.core.catalogue.components import CHARGES, Component
from loanbook.core.catalogue.events import ROW
from loanbook.core.contract.disclosed.apr import solved_rate
from loanbook.core.contract.schedule.cursor import from_the_start
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.contract.terms import Terms
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.replay.replay import relived
from loanbook.core.servicing.schedule.projection import to_come

CONCESSIONS = tuple(kind for kind in CHANGES if ROW[kind].concession)
"""Changes that the lender grants; beside them a rate is a concession where it falls."""
PAST_DUE_BEFORE = 30
"""Days past due, more than which within `MONTHS_BEFORE` tell of difficulty."""
MONTHS_BEFORE = 3
DIMINISHED = 0.01
"""Share of the worth before a change that is more than a lender gives without loss."""
PAYMENTS = {"due_date": pl.Date, "principal": pl.Int64, "interest": pl.Int64, "charges": pl.Int64}


def forborne() -> pl.Expr:
    """Changes that are forbearance; reads `kind` (code), `lower_rate`, `says_difficulty` (Boolean; null:
    no) and `most_days_past_due` (Int32) of the months before."""
    granted = pl.col("kind").is_in([kind.value for kind in CONCESSIONS])
    concession = granted | pl.col("lower_rate").fill_null(False)
    late = pl.col("most_days_past_due") > PAST_DUE_BEFORE
    return concession & (late | pl.col("says_difficulty").fill_null(False))


@dataclass(frozen=True)
class Modification:
    """One change of a loan's contract, with what was to be paid without it and with it."""

    event_id: int
    date: dt.date
    kind: Kind
    before: pl.DataFrame
    """Unpaid and to come (schema `PAYMENTS`, minor units); what is past due stands on its own date."""
    after: pl.DataFrame
    worth_before: float
    worth_after: float

    @property
    def share_lost(self) -> float:
        """Of the worth before; below zero: the lender gains."""
        return 1 - self.worth_after / self.worth_before if self.worth_before else 0.0

    @property
    def diminished(self) -> bool:
        """Whether the borrower's obligation is smaller by more than 1 %."""
        return self.share_lost > DIMINISHED


def modifications(
    events: pl.DataFrame, policies: PolicyBook, loan_id: int, through: dt.date
) -> list[Modification]:
    """The changes of one loan to `through`, in order. `events`: its own (`Events`), reversed ones too.

    A line of credit has no schedule to change, and no modification.
    """
    stand = effective_events(events).filter(
        (pl.col("loan_id") == loan_id) & (pl.col("value_date") <= through)
    )
    changes = stand.filter(pl.col("kind").is_in([k.value for k in CHANGES]))
    boarded = relived(events, policies, stand["value_date"].min()) if stand.height else None  # type: ignore[arg-type]
    if boarded is None or changes.is_empty():
        return []
    wide = boarded.rounds[0].wide
    if wide["revolving"].any():
        return []
    rate = _effective(wide, policies)
    found = []
    for row in changes.sort("value_date", "event_id").to_dicts():
        earlier = (pl.col("value_date") < row["value_date"]) | (
            (pl.col("value_date") == row["value_date"]) & (pl.col("event_id") < row["event_id"])
        )
        is_change = pl.col("event_id") == row["event_id"]
        on = row["value_date"]
        before = _payments(stand.filter(earlier), policies, on)
        after = _payments(stand.filter(earlier | is_change), policies, on)
        worths = _worth(before, rate, on), _worth(after, rate, on)
        found.append(Modification(row["event_id"], on, Kind(row["kind"]), before, after, *worths))
    return found


def overlaid(change: Modification) -> pl.DataFrame:
    """Payments before and after by date: `due_date`, `before`, `after` (Int64 minor units, all
    components), `difference`."""
    total = pl.sum_horizontal("principal", "interest", "charges")
    sides = [
        side.group_by("due_date").agg(total.sum().alias(name))
        for side, name in ((change.before, "before"), (change.after, "after"))
    ]
    joined = sides[0].join(sides[1], on="due_date", how="full", coalesce=True).sort("due_date")
    return joined.with_columns(pl.col("before", "after").fill_null(0)).with_columns(
        difference=pl.col("after") - pl.col("before")
    )


def _effective(wide: pl.DataFrame, policies: PolicyBook) -> float:
    """The yearly rate, compounded, at which the schedule as boarded is worth the principal."""
    boarded = from_the_start(wide.select(Terms.column_names()))
    agreed = agreed_terms(boarded, policies.pins)
    rows = expand(agreed)
    start = agreed["disbursed_on"].item()
    years = (pl.col("period_end") - pl.lit(start)).dt.total_days() / 365
    none = pl.lit(0.0)
    paid = rows.select("loan_id", amount=pl.col("principal") + pl.col("interest"),
                       periods=years.cast(pl.Float64), fraction=none)  # fmt: skip
    out = agreed.select("loan_id", amount=-pl.col("principal_agreed"), periods=none, fraction=none)
    return float(solved_rate(pl.concat([out, paid]))["rate"].item())


def _payments(events: pl.DataFrame, policies: PolicyBook, on: dt.date) -> pl.DataFrame:
    """What the loan that `events` make has unpaid and to come on the evening of `on`."""
    lived = relived(events, policies, on)
    assert lived is not None
    book = lived.book(on)
    open_dues = dated(book.dues, on)
    coming = to_come(dated(book.wide(), on), open_dues, policies.calendars)
    rows = pl.concat(
        [
            open_dues.select("due_date", "component", left=pl.col("amount") - pl.col("paid")),
            coming.select("due_date", "component", left="amount"),
        ]
    )

    def of(*components: Component) -> pl.Expr:
        chosen = pl.col("component").is_in([c.value for c in components])
        return pl.col("left").filter(chosen).sum()

    sums = rows.group_by("due_date").agg(
        principal=of(Component.principal), interest=of(Component.interest), charges=of(*CHARGES)
    )
    owed = sums.filter(pl.sum_horizontal("principal", "interest", "charges") != 0)
    return owed.sort("due_date").select(*PAYMENTS).cast(PAYMENTS)  # type: ignore[arg-type]


def _worth(payments: pl.DataFrame, rate: float, on: dt.date) -> float:
    """Present value on `on`, minor units; what is past due is worth what it is."""
    years = (pl.col("due_date") - pl.lit(on)).dt.total_days().clip(lower_bound=0) / 365
    total = pl.sum_horizontal("principal", "interest", "charges").cast(pl.Float64)
    return float(payments.select((total / (1 + rate) ** years).sum()).item())
