"""Loans that already live: their opening balances, against a migration account per entity.

A loan that is taken over enters the book in the close of the date that its balances are of, with
all of that day behind it. Its cursor stands before the first instalment due after the date
(`loanbook.core.contract.schedule.cursor.open_schedule`). What is overdue is spread evenly over the due dates that
have gone by since the first day past due, so that money for it moves days past due as it would
have. Of a schedule that stands whole the instalments to come are its own: principal that it has
more than the loan brings was paid ahead, and stands with the next ones; the last one takes what it
has less. A line of credit goes on with its last statement: what was asked by it and is unpaid, and
the grace of its cycle, whose interest so far waits.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode, Kind
from loanbook.core.catalogue.components import (
    CHARGES,
    CLAIM_ROLES,
    DUES,
    OWED_ON,
    Component,
    is_principal,
)
from loanbook.core.contract.dates.business_days import adjusted
from loanbook.core.contract.dates.due_dates import days_to_pay
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.policy.base import OPENING_BALANCES
from loanbook.core.servicing.arrears.days_past_due import days_past_due
from loanbook.core.servicing.interest.accrual import earned
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import overdue
from loanbook.core.servicing.loan.dues import due_rows, merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.fixed_schedule import expanded, financed, flat_base, point

OF_LINES = ("statement_unpaid", "cash_advances")
"""What a line of credit brings beside, minor units; 0 of other loans."""
BALANCES = OPENING_BALANCES
"""What a loan brings, minor units; `principal` includes `principal_due`, billed and unpaid."""
_MAY_LACK = tuple(each.due for each in OWED_ON)
"""Balances that payloads did not name from the first, or that come behind those: 0."""
AMOUNTS = (*BALANCES, *OF_LINES, "interest_in_grace")
OPENING = pl.Struct(
    dict.fromkeys(AMOUNTS, pl.Int64) | {"past_due_since": pl.String, "in_grace": pl.Boolean}
)
"""What the payload of a take-over says, as JSON."""


def openings(events: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, `event_id`, the columns of `BALANCES` and `OF_LINES` and `interest_in_grace` (Int64),
    `in_grace` (Boolean), `past_due_since`, `on` (Date)."""
    rows = events.filter(pl.col("kind") == Kind.migrated_in.value).select(
        "loan_id",
        "event_id",
        pl.col("payload").str.json_decode(OPENING).alias("told"),
        on="value_date",
    )
    return rows.unnest("told").with_columns(
        pl.col("past_due_since").str.to_date(),
        pl.col(*_MAY_LACK, *OF_LINES, "interest_in_grace").fill_null(0),
        pl.col("in_grace").fill_null(True),
    )


def migrate(day: DayState, events: pl.DataFrame) -> None:
    """Set what loans bring, as dues and balances, and book it against `migration`."""
    opened = openings(events)
    names = (*BALANCES, *OF_LINES, "in_grace")
    brought = opened.rename({name: f"{name}_brought" for name in names})
    joined = day.loans.join(brought, on="loan_id", how="left", maintain_order="left")
    mask = joined["event_id"].is_not_null()
    scheduled = pl.col("interest_mode") == InterestMode.scheduled
    lent = pl.when("revolving").then("principal_brought").otherwise("principal_agreed")
    at_its_end = pl.col("materialised") & (pl.col("instalment_no") > pl.col("instalments"))
    news = (
        joined.filter(mask)
        .with_columns(
            *(pl.col(f"{name}_brought").alias(name) for name in names),
            principal_paid=lent - pl.col("principal_brought"),
        )
        # past the last instalment of a schedule that stands whole nothing is to come: all is due
        .with_columns(**balances.set_due(Component.principal, "principal", where=at_its_end))
    )
    whole = news["materialised"]
    if whole.any():
        day.dues = merge_dues(day.dues, _to_come(news.filter(whole), day))
        news = point(news.with_columns(prepaid_dues=_prepaid(news, day.dues)), day.dues, whole)
    # interest of a schedule is the schedule's own: what a tape says of it may be off by rounding
    shown = news.with_columns(**segment.set_earned(0), **segment.clear_prepaid())
    accrued = pl.when(scheduled).then(earned(shown)).otherwise("interest_accrued")
    # what of a line's cycle in grace is charged once grace is lost
    waits = pl.col("interest_in_grace") * pl.col("revolving")
    news = news.with_columns(**balances.set_accrued(accrued)).with_columns(
        **segment.restart(
            pl.when(scheduled).then("segment_start").otherwise(BUSINESS_DATE),
            pl.when(scheduled).then(0).otherwise(pl.col("interest_accrued") + waits),
        ),
        **segment.set_earned_of_advances(
            pl.when("in_grace").then("interest_accrued").otherwise(0)
            * (pl.col("cash_advance_margin") > 0)
        ),
        interest_earned=pl.col("interest_accrued") + pl.col("interest_due"),
        interest_taxed="interest_due",  # where it lived before
    )
    day.dues = merge_dues(day.dues, _arrears(news, day))
    others = joined.filter(~mask).select(day.loans.columns)
    day.loans = pl.concat([others, news.select(day.loans.columns)]).sort("loan_id")
    for column, role in CLAIM_ROLES.items():
        day.book(news, role, "migration", column)
    day.book(news, "migration", "borrower_credit", "credit")


def _to_come(loans: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Instalments after today of schedules that stand whole, as if paid as they were asked; what
    was paid ahead stands with the next ones."""
    shares = pl.col("down_payment_ppb") > 0
    rows = expanded(
        loans.with_columns(
            first_no=pl.lit(0, dtype=pl.Int16),
            spread=financed(pl.col("principal_agreed")),
            lent=flat_base(pl.col("principal_agreed")),
            lacks=pl.lit(0, dtype=pl.Int64),
            kept_emi=pl.when(~shares).then("emi"),
        ),
        day.policies.calendars,
    ).filter(pl.col("due_date") > BUSINESS_DATE)
    left = loans.select("loan_id", left=pl.col("principal") - pl.col("principal_due"))
    each = rows.join(left, on="loan_id", maintain_order="left").sort("loan_id", "instalment_no")
    principal = is_principal()
    principal_amount = pl.when(principal).then("amount").otherwise(0)
    each = each.with_columns(
        ahead=(principal_amount.sum().over("loan_id") - pl.col("left")).clip(lower_bound=0),
        short=(pl.col("left") - principal_amount.sum().over("loan_id")).clip(lower_bound=0),
        before=principal_amount.cum_sum().over("loan_id") - principal_amount,
        last=pl.col("instalment_no") == pl.col("instalment_no").max().over("loan_id"),
    )
    met = (pl.col("ahead") - pl.col("before")).clip(0, pl.col("amount"))
    return each.with_columns(
        paid=pl.when(principal).then(met).otherwise(0),
        amount=pl.col("amount") + pl.when(principal & pl.col("last")).then("short").otherwise(0),
    ).select(rows.columns)


def _prepaid(news: pl.DataFrame, dues: pl.DataFrame) -> pl.Series:
    """What of the instalments to come was paid before the take-over (Int64)."""
    stands = (
        dues.filter(pl.col("due_date") > BUSINESS_DATE)
        .group_by("loan_id")
        .agg(pl.col("paid").sum())
    )
    joined = news.select("loan_id").join(stands, on="loan_id", how="left", maintain_order="left")
    return joined["paid"].fill_null(0)


def _arrears(news: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Dues of what is overdue: evenly over the due dates since, the oldest takes the remainder."""
    late = news.filter(overdue() > 0)
    if late.is_empty():
        return day.dues.clear()
    each = (
        late.with_columns(k=pl.int_ranges(1, pl.col("instalment_no").cast(pl.Int64)))
        .explode("k")
        .with_columns(pl.col("k").fill_null(1).cast(pl.Int16))
    )
    each = each.with_columns(d=due_of(pl.col("k"), each))
    each = each.with_columns(d=adjusted(pl.col("d"), each, day.policies.calendars) + days_to_pay())
    # a loan whose arrears began after its last due date has them on that instalment
    last = pl.col("k") == pl.col("k").max().over("loan_id")
    since = each.filter((pl.col("d") >= pl.col("past_due_since")).fill_null(False) | last)
    begins = pl.col("k") == pl.col("k").min().over("loan_id")
    whole = since.with_columns(
        begins=begins,
        count=pl.len().over("loan_id").cast(pl.Int64),
        # what a line's last statement asks may be not past due yet
        due=pl.when(begins).then(pl.coalesce("past_due_since", "d")).otherwise("d"),
    )
    parts = []
    for column, component in DUES.items():
        even = pl.col(column) // pl.col("count")
        first = pl.col(column) - even * (pl.col("count") - 1)
        charges = component in CHARGES  # a charge stands once, with the oldest
        rest = pl.lit(0, dtype=pl.Int64) if charges else even
        amount = pl.when("begins").then(pl.col(column) if charges else first).otherwise(rest)
        rows = whole.with_columns(share=amount).filter(pl.col("share") > 0)
        parts.append(due_rows(rows, "k", component, "due", "share"))
    return pl.concat(parts).with_columns(fee_assessed=pl.col("due_date") < BUSINESS_DATE)


def tied(opened: pl.DataFrame, positions: pl.DataFrame) -> pl.DataFrame:
    """The tape beside the ledger, loan by loan and balance by balance.

    `opened`: `openings` of one date; `positions`: those of that date. Returns `loan_id`,
    `balance`, `tape`, `ledger`, `difference` (Int64 minor units), `ties` (Boolean); days past due
    are one of the balances, those of lines alone stand where they are not zero.
    """
    days = days_past_due(pl.col("on"), pl.col("past_due_since"), pl.lit(0))
    names = [*BALANCES, *OF_LINES, "days_past_due"]
    nothing = pl.col("balance").is_in(OF_LINES) & (pl.col("tape") == 0) & (pl.col("ledger") == 0)
    tape = opened.with_columns(days_past_due=days.cast(pl.Int64)).unpivot(
        names, index="loan_id", variable_name="balance", value_name="tape"
    )
    ledger = positions.select("loan_id", *(pl.col(n).cast(pl.Int64) for n in names)).unpivot(
        names, index="loan_id", variable_name="balance", value_name="ledger"
    )
    return (
        tape.join(ledger, on=["loan_id", "balance"], how="left", maintain_order="left")
        .filter(~nothing.fill_null(False))
        .with_columns(difference=pl.col("ledger") - pl.col("tape"))
        .with_columns(ties=(pl.col("difference") == 0).fill_null(False))
    )
