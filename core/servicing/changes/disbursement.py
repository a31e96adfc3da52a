"""Disbursement: principal is paid out, at first or as a tranche; the instalments to come follow."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import InterestMode
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.servicing.changes.own_term import has_own_term, with_own_term
from loanbook.core.servicing.changes.tranche import (
    lacking,
    less_prepaid,
    reallocated,
    shares_due,
    stand,
    with_share,
    with_tranche,
)
from loanbook.core.servicing.charges.origination_fees import origination_fees
from loanbook.core.servicing.income.deferred_income import defer
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.interest.cash_advances import taken
from loanbook.core.servicing.loan import balances, line, segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import tax_on
from loanbook.core.servicing.payments.credit_use import credit_meets
from loanbook.core.servicing.payments.draws import credit_meets_draws
from loanbook.core.servicing.payments.receipts import keep_of_payout
from loanbook.core.servicing.schedule.coming_dues import (
    show_down_payments_due,
    show_principal_due,
)
from loanbook.core.servicing.schedule.fixed_schedule import instalment_of, point


def disburse(day: DayState, events: pl.DataFrame) -> None:
    """Pay out; `principal` grows from the night of the date on."""
    paying = day.loans.join(
        events.select("loan_id", "event_id", payout="amount"), on="loan_id", maintain_order="left"
    )
    cost = origination_fees(paying, day.policies.origination_fees)
    lend(day, events, "payout_clearing")
    first = paying.filter((pl.col("principal") == 0) & (pl.col("principal_paid") == 0))
    keep_of_payout(day, events.join(first, on="loan_id", how="semi"))
    credit_meets_draws(day, events)
    credit_meets(day, events["loan_id"])
    to = pl.when("fee_deferred").then(ROLE["deferred_fee_income"]).otherwise(ROLE["fee_income"])
    day.book(cost.filter("fee_deducted"), "payout_clearing", to, "fee")
    day.book(cost.filter(~pl.col("fee_deducted")), "payment_clearing", to, "fee")
    who = day.loans.select("loan_id", "product", "jurisdiction", "business_date")
    placed = cost.join(who, on="loan_id")
    taxed = tax_on(placed, Component.fee, "fee", day.policies)
    paid_by = pl.when("fee_deducted").then(ROLE["payout_clearing"])
    day.book(taxed, paid_by.otherwise(ROLE["payment_clearing"]), "tax_payable", "tax")
    deferred = cost.filter("fee_deferred")
    if deferred.height:
        defer(day, deferred.rename({"fee": "amount"}))


def lend(day: DayState, events: pl.DataFrame, source: str) -> None:
    """Principal grows by the amounts, paid for by `source`; no share of the borrower's own but
    for a payout."""
    out = events.select("loan_id", "event_id", taken(events), payout="amount")
    loans = day.loans.join(out, on="loan_id", how="left", maintain_order="left")
    materialised = loans["materialised"] & loans["payout"].is_not_null()
    loans = _past_maturity(loans, materialised, day)
    shared = pl.lit(source == "payout_clearing")
    if materialised.any():
        paid_out = with_share(loans.filter(materialised).with_columns(shared=shared), day.dues)
        day.dues = stand(paid_out.drop("event_id"), day.dues, day.policies.calendars)
        lent = lacking(paid_out)
        if paid_out["prepaid_is_reallocated"].any():
            again = reallocated(paid_out, day.dues)
            lent, day.dues = less_prepaid(lent, day.dues, again), again
        loans = replaced(loans, materialised, paid_out, lent)
    loans = _lent(_with_share(loans.with_columns(shared=shared), day), day)
    day.loans = loans.select(day.loans.columns)
    off = pl.col("loan_id").is_in(day.charged_off().implode())
    day.book(out.filter(~off), "loan_principal", source, "payout")
    day.book(out.filter(off), "credit_loss", source, "payout")
    day.book(out.filter(off), "memo_claim", "memo_contra", "payout")
    show_down_payments_due(day)
    if materialised.any():
        show_principal_due(day, materialised)
        day.loans = point(day.loans, day.dues, materialised)


def _past_maturity(loans: pl.DataFrame, materialised: pl.Series, day: DayState) -> pl.DataFrame:
    """A payout after the last instalment of a materialised schedule makes one more: the first of the
    dates to come that falls due after the day, with the period that ends on it.

    Dates that passed since the last instalment pass over their numbers: no instalment has them.
    """
    lent = pl.col("principal") + pl.col("principal_paid") > 0
    after = (
        materialised
        & loans.select((pl.col("instalment_no") > pl.col("instalments")) & lent).to_series()
    )
    if not after.any():
        return loans
    ended = loans.filter(after)
    day.changed.append(ended.select("loan_id", "event_id"))
    longer = _first_due_later(ended.with_columns(matures_on=pl.lit(None, dtype=pl.Date)), day)
    previous = due_of(pl.col("instalment_no") - 1, longer)
    begins = pl.max_horizontal("period_start", previous)
    longer = longer.with_columns(
        **segment.restart(begins, "accrued_units", "accrued_remainder"), period_start=begins
    )
    return replaced(loans, after, ended, longer)


def _first_due_later(loans: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """`loans` whose last instalment, and next one, is the first that falls due after the day."""
    # a period has a day at least: so many have passed since the last one, and no more
    passed = (BUSINESS_DATE - due_of(pl.col("instalments"), loans)).dt.total_days().clip(0)
    bound = (pl.col("instalments") + passed + 1).cast(pl.Int16)
    longer = loans.with_columns(instalments=bound, on=BUSINESS_DATE, strictly=pl.lit(True))
    number = instalment_of(longer, day.policies.calendars)["number"].cast(pl.Int16)
    return loans.with_columns(instalments=number, instalment_no=number)


def _with_share(loans: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """`loans` with down payments due of loans that bill step by step; those of others stand."""
    asks = (
        pl.col("shared")
        & pl.col("payout").is_not_null()
        & (pl.col("down_payment_ppb") > 0)
        & ~pl.col("materialised")
    )
    demanded = with_share(loans.filter(asks), day.dues)
    if demanded.is_empty():
        return loans.with_columns(down=pl.lit(0, dtype=pl.Int64))
    day.dues = merge_dues(day.dues, shares_due(demanded))
    down = demanded.select("loan_id", "down")
    return loans.join(down, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("down").fill_null(0),
        **balances.grow_due(Component.principal, pl.col("down").fill_null(0)),
    )


def _lent(loans: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """`loans` with its `payout` in the principal; a tranche of a daily loan spreads anew, as does
    what a down payment leaves of the first one."""
    draws = loans.select(pl.col("payout").is_not_null() & pl.col("revolving")).to_series()
    if draws.any():  # what the balance before the draw has earned stays
        closed = close_segment(loans.filter(draws))
        loans = pl.concat([loans.filter(~draws), closed]).sort("loan_id")
    again = (
        pl.col("payout").is_not_null()
        & ((pl.col("principal") + pl.col("principal_paid") > 0) | (pl.col("down") > 0))
        & ~pl.col("revolving")
    )
    follows = (pl.col("interest_mode") == InterestMode.daily) & ~pl.col("materialised")
    mask = loans.select(again & follows).to_series()
    advanced = pl.when("advance").then("payout").otherwise(0)
    lent = loans.with_columns(
        **balances.grow_principal(pl.col("payout").fill_null(0)),
        **line.draw_cash(advanced),
    )
    if not mask.any():
        return lent
    tranches = loans.filter(mask)
    day.changed.append(tranches.select("loan_id", "event_id"))
    own = tranches.select(has_own_term()).to_series()
    parts = [lent.filter(~mask)]
    if not own.all():
        parts.append(with_tranche(tranches.filter(~own), day))
    if own.any():
        parts.append(with_own_term(tranches.filter(own), day))
    return pl.concat(parts).sort("loan_id")
