"""The book: everything about every live loan that the next day's close depends on."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.codes import Component
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import LARGE, empty, neighbours_summed


class Positions(dy.Schema):
    """One row per live loan and business date. Money in minor units.

    The claim is `principal` + `interest_accrued` + `interest_due` + `fees_due` +
    `penalties_due` + `taxes_due`, less `credit`. `principal` includes `principal_due`.
    """

    loan_id = dy.Int64(primary_key=True)
    status = dy.Int8()
    principal = dy.Int64(min=0)  # owed, billed or not
    interest_accrued = dy.Int64()  # earned, not billed; negative: paid before it was earned
    principal_due = dy.Int64(min=0)  # billed and unpaid, as the next three
    interest_due = dy.Int64(min=0)
    fees_due = dy.Int64(min=0)
    penalties_due = dy.Int64(min=0)
    taxes_due = dy.Int64(min=0)
    credit = dy.Int64(min=0)  # the borrower's money that met nothing owed
    accrued_today = dy.Int64()
    paid_today = dy.Int64(min=0)
    instalment_no = dy.Int16(min=1)  # the instalment that is billed next
    period_start = dy.Date()
    period_end = dy.Date()  # its interest runs to here; billed in that day's close
    next_due_date = dy.Date()
    period_interest = dy.Int64()  # scheduled products: interest of the period
    schedule_balance = dy.Int64()
    interest_carried = dy.Int64()
    segment_start = dy.Date()  # start of the balance segment that is running
    accrued_units = dy.Int64()  # exact interest of earlier segments: whole units ...
    accrued_remainder = dy.Int64()  # ... and remainder over the period's denominator
    accrued_prepaid = dy.Int64(min=0)  # of the period's interest, paid before billing
    prepaid_dues = dy.Int64(min=0)  # money standing with instalments not yet billed
    oldest_due_date = dy.Date(nullable=True)
    days_past_due = dy.Int32(min=0)
    bucket = dy.Int8()
    off_books = dy.Int64(min=0)  # claim held in memorandum accounts
    interest_earned = dy.Int64()  # lifetime totals from here on
    principal_paid = dy.Int64(min=0)
    interest_paid = dy.Int64(min=0)
    charges_paid = dy.Int64(min=0)  # fees, penalties and taxes
    income_deferred = dy.Int64(min=0)  # fees not taken as income yet: what is left of ...
    deferred_whole = dy.Int64(min=0)  # ... this much, evenly ...
    deferred_from = dy.Date(nullable=True)  # ... from here ...
    deferred_until = dy.Date(nullable=True)  # ... to here ...
    deferred_to = dy.Int64(min=0)  # ... where this much is left, to be taken in later periods ...
    eir_ppb = dy.Int64(nullable=True)  # ... at this effective rate, parts per billion a year
    contract_yield_ppb = dy.Int64(nullable=True)  # ... without it the loan yields this
    interest_taxed = dy.Int64(min=0)  # interest that a tax was asked on so far
    credit_unchanged_since = dy.Date(nullable=True)  # the credit is what it is since
    charged_off_on = dy.Date(nullable=True)  # off the books since, also where it owes nothing
    non_accrual = dy.Bool()  # interest is no income until it comes
    performing_since = dy.Date(nullable=True)  # in non-accrual: without arrears since
    penal_base = dy.Int64(min=0)  # overdue, and bears penal interest ...
    penal_from = dy.Date(nullable=True)  # ... since
    in_grace = dy.Bool()  # a line of credit: the cycle bears no interest, its statement being paid
    statement_unpaid = dy.Int64(min=0)  # ... what of the last statement is unpaid
    tranche_balance_days = (
        dy.Int64()
    )  # of a whole schedule: tranches of the period by nights before
    cash_advances = dy.Int64(min=0)  # of a line's principal, what bears more than the rest ...
    cash_advance_units = dy.Int64(min=0)  # ... exact interest of it alone: whole units ...
    cash_advance_remainder = dy.Int64(min=0)  # ... and remainder, as of all the line's


class Dues(dy.Schema):
    """Open dues: one row per loan, instalment and component, on the date of the book."""

    loan_id = dy.Int64(primary_key=True)
    instalment_no = dy.Int16(primary_key=True)
    component = dy.Int8(primary_key=True)
    due_date = dy.Date()
    amount = dy.Int64(min=0)
    paid = dy.Int64(min=0)
    fee_assessed = dy.Bool()  # a late fee was charged on this instalment


NO_DUES = empty(Dues).with_columns(business_date=pl.lit(None, dtype=pl.Date))
"""No dues of a running day."""
STATE = tuple(Positions.column_names())
FIXED = ("materialised", "interest_mode", "rebate", "excess", "after_charge_off")
"""Pinned parameters that a loan whose schedule a re-age fixed has otherwise."""
CHANGING = (
    "rate_ppb", "instalments", "emi", "first_due_date", "anchor_day", "end_of_month", "every",
    "unit", "rate_until", "rate_before", "paused_from", "paused_until", "has_stub", "schedule_fixed_on",
    "reage_ended_instalment",
    "moratorium_left", "moratorium_interest", "matures_on", "accelerated_on", "flags", "rate_agreed",
    "principal_agreed", "flat_interest", *FIXED,
)  # fmt: skip
"""Terms that a change of the contract may set anew."""
DUE_COLUMN = {
    Component.principal: "principal_due",
    Component.interest: "interest_due",
    Component.fee: "fees_due",
    Component.penalty: "penalties_due",
    Component.tax: "taxes_due",
}
"""Where a position shows the unpaid dues of a component."""


@dataclass(frozen=True)
class Book:
    """Terms, positions and dues of all live loans at the end of `date`.

    `terms` and `positions` have one row per loan in the same order, by `loan_id`.
    `terms` also holds the pinned product parameters. `pending` are events that wait for
    their value date.
    """

    date: dt.date | None
    terms: pl.DataFrame
    positions: pl.DataFrame
    dues: pl.DataFrame
    pending: pl.DataFrame
    closed: pl.DataFrame | None = None
    """Terms and last positions, side by side, of loans that left the book and may come back."""
    closed_dues: pl.DataFrame | None = None

    @classmethod
    def empty(cls, pins: pl.DataFrame, events: pl.DataFrame) -> Book:
        """A book before its first day; `events` gives the schema of what waits."""
        pinned = pins.drop("entity", "currency")
        terms = with_agreed(empty(Terms).join(pinned, on="product", how="left"))
        return cls(None, terms, empty(Positions), empty(Dues), events.clear())

    @property
    def loans(self) -> int:
        """Number of loans in the book."""
        return self.positions.height

    def wide(self) -> pl.DataFrame:
        """Terms and positions side by side, one row per loan."""
        return pl.concat([self.terms, self.positions.drop("loan_id")], how="horizontal")


_COPYING = ThreadPoolExecutor(2, thread_name_prefix="replaced")


def replaced(
    frame: pl.DataFrame, at: pl.Series, before: pl.DataFrame, after: pl.DataFrame
) -> pl.DataFrame:
    """`frame` with the rows of mask `at` as they are in `after`; `before` are those rows in it.

    All in order of `loan_id`. Only columns that changed are written, of the terms those that an
    event can change.
    """
    if before.is_empty():
        return frame
    where = at.arg_true()
    changed = [
        name
        for name in (*STATE, *CHANGING)
        if not after[name].equals(before[name], null_equal=True)
    ]

    def written(name: str) -> pl.Series:
        return frame[name].scatter(where, after[name])

    # copying columns is bound by memory: more than one at a time on a large book
    many = frame.height >= LARGE
    return frame.with_columns(_COPYING.map(written, changed) if many else map(written, changed))


def due_rows(
    of: pl.DataFrame,
    number: str | pl.Expr,
    component: Component | pl.Expr,
    due_date: str | pl.Expr,
    amount: str | pl.Expr,
) -> pl.DataFrame:
    """Fresh dues of a running day, one a row of `of` (`loan_id`, `business_date`), nothing paid on them."""
    code = component if isinstance(component, pl.Expr) else pl.lit(component.value)
    no = pl.col(number) if isinstance(number, str) else number
    return of.select(
        "loan_id",
        instalment_no=no.cast(pl.Int16),
        component=code.cast(pl.Int8),
        due_date=due_date,
        amount=amount,
        paid=pl.lit(0, dtype=pl.Int64),
        fee_assessed=pl.lit(False),
        business_date="business_date",
    )


def merge_dues(dues: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Dues with the amounts and payments of `more` added; the key is unique in `dues`.

    Both are those of a running day, with the loans' `business_date`, in the same columns. A due keeps
    the last due date it was given. In order of the key.
    """
    if more.is_empty():
        return dues
    # sorting by one number and adding up neighbours is faster than joining on three columns
    rows = pl.concat([dues, more.select(dues.columns)]).with_columns(
        pl.col("fee_assessed").cast(pl.Int64), _key=_KEY
    )
    rows = rows.sort("_key", maintain_order=True)
    merged = neighbours_summed(rows, "_key", ["amount", "paid", "fee_assessed"])
    return merged.with_columns(pl.col("fee_assessed") > 0).drop("_key")


_KEY = (
    pl.col("loan_id") * 2**19
    + (pl.col("instalment_no").cast(pl.Int64) + 2**15) * 2**3
    + pl.col("component")
)
"""Loan, instalment and component in one number."""


def with_agreed(terms: pl.DataFrame) -> pl.DataFrame:
    """Terms of no loans with the columns `schedule.agree` adds, for an empty book."""
    return terms.with_columns(has_stub=pl.lit(False), flat_interest=pl.lit(0, dtype=pl.Int64))
