"""Payouts: down payments, and what they add to the instalments of a schedule that stands whole.

The first payout makes the schedule; a later one, a tranche, is spread over the instalments to
come, or over all of them; where a re-age fixed their interest, it stays what it is. A down payment
is due at once.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.components import Component, is_principal, of_schedule
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.contract.figures import Amortisation
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY, NO_DUES, due_rows, merge_dues, poured
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.equal_parts import is_fixed, spread_evenly
from loanbook.core.servicing.schedule.fixed_schedule import down_payment, expanded, flat_base
from loanbook.core.servicing.schedule.level_instalment import (
    early_interest,
    lacks,
    nights_not_borne,
    prepaid_principal,
    stepped,
    with_down_payments,
    with_late_interest,
    with_on_time,
    with_shares,
)


def stand(
    paid_out: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]
) -> pl.DataFrame:
    """Dues with the instalments of what was paid out today spread over the schedule.

    `paid_out`: terms and positions before the payout, with `payout`, `with_share` of the borrower's
    own. The first payout makes the schedule; a later one makes the instalments to come anew over
    their principal and the tranche. A down payment is due at once, as an instalment numbered below zero.
    """
    open_dues = dues.join(paid_out.select("loan_id"), on="loan_id", how="semi")
    coming = open_dues.filter((pl.col("due_date") > BUSINESS_DATE) & of_schedule())
    standing = coming.group_by("loan_id").agg(
        coming_no=pl.col("instalment_no").min(),
        to_come=pl.col("amount").filter(is_principal()).sum(),
    )
    loans = paid_out.join(standing, on="loan_id", how="left", maintain_order="left")
    stays = is_fixed() & _later()
    fixed = loans.filter(stays).with_columns(
        first_no=pl.coalesce(pl.col("coming_no") - 1, _billed()),
        lent=pl.col("payout") - pl.col("down"),
    )
    spread = (
        loans.filter(~stays)
        .select(
            *paid_out.drop("payout", "shared", "down", "downs").columns,
            first_no=_billed(),
            lacks=pl.when(_later()).then(_nights_before()).otherwise(0),
            kept_emi=pl.when(pl.col("to_come").is_null() & (pl.col("down") == 0)).then("emi"),
            spread=pl.col("payout") - pl.col("down") + pl.col("to_come").fill_null(0),
            lent=flat_base(pl.col("principal") + pl.col("principal_paid") + pl.col("payout")),
        )
        .filter(pl.col("spread") > 0)
    )
    rows = pl.concat(
        [
            expanded(spread.filter(~_over_all()), calendars),
            _over_every(spread, loans, calendars),
            spread_evenly(fixed, open_dues, calendars),
        ]
    )
    # money that stands with instalments to come stays with them
    coming = coming.join(spread.filter(~_over_all()), on="loan_id", how="semi")
    cleared = dues.join(coming.select(DUE_KEY), on=DUE_KEY, how="anti")
    kept = coming.with_columns(amount=pl.lit(0, dtype=pl.Int64)).filter(pl.col("paid") > 0)
    return merge_dues(merge_dues(cleared, merge_dues(kept, rows)), shares_due(loans))


def reallocated(paid_out: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """Dues with the principal that was paid in advance of instalments to come taken again, the earliest due
    first, down payments of today before them; of loans whose product says so.

    `paid_out`: as `stand` has them, `dues` as it leaves them.
    """
    takes = paid_out.filter(pl.col("prepaid_is_reallocated") & _later())["loan_id"]
    today = (pl.col("due_date") == BUSINESS_DATE) & (pl.col("instalment_no") < 0)
    ours = pl.col("loan_id").is_in(takes.implode()) & of_schedule() & is_principal()
    open_ = ours & ((pl.col("due_date") > BUSINESS_DATE) | today)
    coming = dues.filter(open_)
    if not (coming["paid"] > 0).any():
        return dues
    down_first = pl.col("instalment_no").abs()
    in_order = coming.sort("loan_id", "due_date", down_first)
    again = in_order.with_columns(paid=poured(pl.col("paid"), "loan_id"))
    return pl.concat([dues.filter(~open_), again]).sort(DUE_KEY)


def less_prepaid(loans: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """`loans` whose `prepaid_dues` are less by what meets dues of today now; `before`, `after`: their dues."""

    def ahead(dues: pl.DataFrame) -> pl.DataFrame:
        coming = dues.filter((pl.col("due_date") > BUSINESS_DATE) & of_schedule())
        return coming.group_by("loan_id").agg(stands=pl.col("paid").sum())

    moved = ahead(before).join(ahead(after), on="loan_id", how="left", suffix="_now")
    less = moved.select("loan_id", less=pl.col("stands") - pl.col("stands_now").fill_null(0))
    joined = loans.join(less, on="loan_id", how="left", maintain_order="left")
    return joined.with_columns(
        prepaid_dues=pl.col("prepaid_dues") - pl.col("less").fill_null(0)
    ).drop("less")


def lacking(paid_out: pl.DataFrame) -> pl.DataFrame:
    """`paid_out` with `tranche_balance_days` as it is after its payout; the first one lacks nothing."""
    balance_days = pl.when(_later()).then(_nights_before()).otherwise("tranche_balance_days")
    return paid_out.with_columns(tranche_balance_days=balance_days)


def _later() -> pl.Expr:
    """A payout after the first one."""
    return pl.col("principal") + pl.col("principal_paid") > 0


def _billed() -> pl.Expr:
    return (pl.col("instalment_no") - 1).clip(upper_bound=pl.col("instalments") - 1)


def _nights_before() -> pl.Expr:
    """Balance by nights that the running period falls short by: each payout's, before it was made.

    Flat interest that is spread evenly is by periods, not by nights, and so is a payout that bears
    the whole period.
    """
    began = pl.when(_billed() > 0).then("period_start").otherwise("disbursed_on")
    nights = (BUSINESS_DATE - began).dt.total_days().clip(0)
    by_nights = (pl.col("amortisation") != Amortisation.flat) | pl.col("flat_by_days")
    by_nights = by_nights & ~pl.col("tranche_bears_period")
    balance_days = (
        pl.when(by_nights).then((pl.col("payout") - pl.col("down")) * nights).otherwise(0)
    )
    return pl.col("tranche_balance_days") + balance_days


def with_share(paid_out: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """`paid_out` with `down`, the borrower's own share, and `downs`, those asked today before it."""
    earlier = (
        dues.join(paid_out.select("loan_id"), on="loan_id", how="semi")
        .filter((pl.col("instalment_no") < 0) & (pl.col("due_date") == BUSINESS_DATE))
        .group_by("loan_id")
        .agg(downs=pl.len())
    )
    share = pl.when("shared").then(down_payment(pl.col("payout"))).otherwise(0)
    return paid_out.join(earlier, on="loan_id", how="left", maintain_order="left").with_columns(
        down=share
    )


def shares_due(loans: pl.DataFrame) -> pl.DataFrame:
    """Dues of down payments, at once, for loans `with_share`."""
    sharing = loans.filter(pl.col("shared") & (pl.col("down_payment_ppb") > 0))
    down = due_rows(sharing, _down_number(), Component.principal, BUSINESS_DATE, "down")
    return down.select(NO_DUES.columns)


def _over_all() -> pl.Expr:
    """Loans whose later payout is spread over all instalments, those already due included."""
    return pl.col("tranches_over_all") & (pl.col("rate_ppb") == 0) & pl.col("kept_emi").is_null()


def _over_every(
    spread: pl.DataFrame, loans: pl.DataFrame, calendars: dict[int, Calendar]
) -> pl.DataFrame:
    """What every instalment grows by, where a payout counts as if it had been made at first."""
    payouts = loans.select("loan_id", "payout", "down")
    over_all = spread.filter(_over_all()).join(payouts, on="loan_id", maintain_order="left")
    if over_all.is_empty():
        return NO_DUES
    lent = pl.col("principal") + pl.col("principal_paid")
    before = lent - down_payment(lent)
    nobody = {"first_no": pl.lit(0, dtype=pl.Int16), "lacks": pl.lit(0, dtype=pl.Int64)}
    old = over_all.with_columns(spread=before, lent=flat_base(lent), **nobody)
    new = over_all.with_columns(spread=before + pl.col("payout") - pl.col("down"), **nobody)
    amounts_before = expanded(old.filter(pl.col("spread") > 0), calendars).select(
        *DUE_KEY, stood="amount"
    )
    return (
        expanded(new, calendars)
        .join(amounts_before, on=DUE_KEY, how="left", maintain_order="left")
        .with_columns(amount=pl.col("amount") - pl.col("stood").fill_null(0))
        .select(NO_DUES.columns)
    )


def _down_number() -> pl.Expr:
    """Number of a down payment: below zero, by the day and its place on it (eight a day)."""
    days = (BUSINESS_DATE - pl.col("disbursed_on")).dt.total_days()
    return (-1 - days * 8 - pl.col("downs").fill_null(0).cast(pl.Int64)).cast(pl.Int16)


def with_tranche(loans: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Terms and positions with `payout` lent on top, where interest follows the balance.

    What is billed stays; the level instalment pays off what is unbilled, the payout included,
    over the instalments left. In the running period the balance lacks what was lent within it, for
    the nights before.
    """
    tranches = close_segment(loans).with_columns(
        **balances.grow_principal(pl.col("payout")),
        keep=pl.lit("term"),
        more=pl.lit(None, dtype=pl.Int16),
        lifted_interest=pl.lit(0, dtype=pl.Int64),
    )
    lent = _lent_today(tranches, day)
    tranches = prepaid_principal(with_shares(tranches, day.dues), day.dues)
    tranches = with_down_payments(tranches, day.dues)
    tranches = with_late_interest(tranches, day.dues, lent)
    tranches = tranches.join(lent, on="loan_id", how="left", maintain_order="left")
    tranches = tranches.with_columns(lacks=lacks(tranches), early_interest=early_interest(tranches))
    tranches = with_on_time(tranches, day.dues)
    # if each instalment is paid on its day, the running period lacks what is lent today alone
    on_schedule = pl.when(pl.col("early_interest") > 0).then(
        nights_not_borne(tranches, pl.col("lent"))
    )
    tranches = tranches.with_columns(lacks=on_schedule.otherwise("lacks"))
    return stepped(tranches, day.policies.calendars).select(loans.columns)


def _lent_today(tranches: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """`lent` by loan: the `payout` and those of the day before it, less the down payments of the day."""
    principal = pl.col("debit") == ROLE["loan_principal"]
    shares = day.dues.filter((pl.col("instalment_no") < 0) & (pl.col("due_date") == BUSINESS_DATE))
    lent = pl.concat(
        [
            tranches.select("loan_id", lent="payout"),
            *(m.filter(principal).select("loan_id", lent="amount") for m in day.transfers),
            shares.select("loan_id", lent=-pl.col("amount")),
        ],
    )
    return lent.group_by("loan_id").agg(pl.col("lent").sum())
