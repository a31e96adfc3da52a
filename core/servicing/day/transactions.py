"""A day's events, in order of replay, one a loan at a time over the whole portfolio.

The order is: step of the day (or as they came, where the product says `day_order: sequence`),
source system, the source's own sequence, idempotency key. A turn takes the next event of every
loan that has one, kind by kind, so any number of loans costs as many passes as the busiest has
events.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import (
    CHANGES,
    MONEY_IN,
    REFUNDS,
    AfterChargeOff,
    InterestMode,
    Kind,
    Status,
    Timing,
)
from loanbook.core.catalogue.components import CLAIM_ROLES, LOSS, RECEIVABLE, Component, is_interest
from loanbook.core.ledger.events import REPLAY_ORDER
from loanbook.core.servicing.arrears.days_past_due import OFF_RULE, off_on, oldest_unpaid
from loanbook.core.servicing.changes.acceleration import accelerate
from loanbook.core.servicing.changes.flags import flag
from loanbook.core.servicing.changes.interest_pause import pause
from loanbook.core.servicing.changes.migration_in import take_over
from loanbook.core.servicing.changes.reage import reage
from loanbook.core.servicing.changes.terms import change, with_tranche
from loanbook.core.servicing.changes.tranche import lacking, shares_due, stand, with_share
from loanbook.core.servicing.charges.fees import origination_fees
from loanbook.core.servicing.charges.ordered import charge, waive
from loanbook.core.servicing.charges.penal_interest import ask_penal
from loanbook.core.servicing.endings.closing import charge_off, extinguished
from loanbook.core.servicing.endings.interest_at_charge_off import end_interest
from loanbook.core.servicing.income.deferred_income import defer, offset_loss
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.interest.cash_advances import taken
from loanbook.core.servicing.loan import balances, line
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import claim
from loanbook.core.servicing.loan.dues import merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import tax_on_fees
from loanbook.core.servicing.payments.chargebacks import chargeback, refund_credit
from loanbook.core.servicing.payments.draws import change_limit, credit_meets_draws
from loanbook.core.servicing.payments.payoff_charges import demand_at_payoff, tax_on_interest
from loanbook.core.servicing.payments.simple_interest import due_now
from loanbook.core.servicing.payments.waterfall import (
    Allocated,
    allocate,
    money_rule,
    use_credit,
    use_credit_on,
)
from loanbook.core.servicing.schedule.coming_dues import show_principal_due
from loanbook.core.servicing.schedule.fixed_schedule import earned_whole, point
from loanbook.core.servicing.schedule.freezing import freeze_charged_off
from loanbook.core.servicing.schedule.payment_holiday import grant

STEP = {
    # after billing: they never change the instalment due on the day
    **dict.fromkeys(CHANGES, 3),
    Kind.disbursed: 4,
    Kind.migrated_in: 4,
    Kind.flag_set: 3,
    Kind.flag_cleared: 3,
    Kind.fee_capitalised: 4,
    Kind.rate_bought_down: 4,
    Kind.buy_down_adjusted: 6,
    **dict.fromkeys(MONEY_IN, 6),
    Kind.chargeback: 7,
    Kind.credit_refunded: 7,
    Kind.charge_assessed: 2,
    Kind.charge_waived: 3,
    Kind.charge_off: 9,
    Kind.write_off: 9,
    Kind.settlement_reached: 9,
}
"""Step of the day at which a kind of event is taken."""
IN_SEQUENCE = 6
"""Step of all events of a product that takes them in the order in which they came."""
_LOSSES_BACK = (*REFUNDS, Kind.interest_refunded)
"""Money that takes back the loss of a claim that is off the books; other money recovers it."""
SOURCE = {
    Kind.goodwill_credit: "goodwill_expense",
    Kind.interest_waived: "interest_waived",
    Kind.charge_adjusted: "charge_adjusted",
    Kind.capitalised_fee_adjusted: "deferred_fee_income",
    Kind.refinanced: "refinance_clearing",
    Kind.interest_refunded: "interest_income",
}
"""Account that pays for a kind of money in; others come through payment_clearing."""


def in_replay_order(todays: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """Events that change live loans, with the `step` and the `turn` in which each is taken."""
    events = todays.filter(pl.col("kind").is_in([k.value for k in STEP])).join(
        loans.select("loan_id", "product", "in_sequence"),
        on="loan_id", how="inner", maintain_order="left",
    )  # fmt: skip
    step = pl.col("kind").replace_strict(
        {k.value: s for k, s in STEP.items()}, default=0, return_dtype=pl.Int64
    )
    # as they came: with the money, the endings too
    events = events.with_columns(step=pl.when("in_sequence").then(IN_SEQUENCE).otherwise(step))
    if events["loan_id"].n_unique() == events.height:
        return events.with_columns(turn=pl.lit(0, dtype=pl.Int64))
    return events.sort("loan_id", "step", *REPLAY_ORDER, maintain_order=True).with_columns(
        turn=pl.int_range(pl.len(), dtype=pl.Int64).over("loan_id")
    )


def apply(day: DayState, events: pl.DataFrame) -> None:
    """Every event of `in_replay_order`, turn by turn."""
    for turn in range(int(events["turn"].max() or 0) + 1 if events.height else 0):  # type: ignore[arg-type]
        these = events.filter(pl.col("turn") == turn)
        for code in sorted(these["kind"].unique().to_list()):
            some = these.filter(pl.col("kind") == code)
            kind = Kind(code)
            if kind in MONEY_IN:
                _money(day, some, kind)
            elif kind in _HANDLERS:
                _HANDLERS[kind](day, some)


def _money(day: DayState, events: pl.DataFrame, kind: Kind) -> None:
    money = events.select("loan_id", "event_id", "amount", rule=money_rule(pl.lit(kind.value)))
    frozen = day.charged_off()
    due_now(day, money)
    asked = demand_at_payoff(day, money, kind)
    done = allocate(day.loans, day.dues, money, day.policies)
    day.loans, day.dues = done.loans, done.dues
    day.allocations.append(done.allocations)
    tax_on_interest(day, done.allocations, asked, kind)
    book_receipts(
        day, done.allocations, frozen, SOURCE.get(kind, "payment_clearing"), kind in _LOSSES_BACK
    )
    if kind is Kind.refinanced:  # out of what the new loan pays out
        day.book(events, "payout_clearing", "refinance_clearing", "amount")
    if kind is Kind.capitalised_fee_adjusted:
        defer(day, events.with_columns(amount=-pl.col("amount")))


def credit_meets_dues(day: DayState) -> None:
    """Step 5: the borrower's credit, where the product uses it."""
    _by_credit(day, use_credit(day.loans, day.dues, day.policies.waterfall_ranks))


def _by_credit(day: DayState, done: Allocated) -> None:
    """What the borrower's credit met, taken into the day and booked."""
    frozen = day.charged_off()
    day.loans, day.dues = done.loans, done.dues
    day.allocations.append(done.allocations)
    book_receipts(day, done.allocations, frozen, "borrower_credit")


def book_receipts(
    day: DayState,
    allocations: pl.DataFrame,
    charged_off: pl.Series,
    source: str,
    refund: bool = False,
) -> None:
    """Money against components; of a charged-off claim it is a recovery, memorandum mirrored.

    A refund of what was financed is none: it takes back the loss that was booked.
    """
    if allocations.is_empty():
        return
    off_books = allocations["loan_id"].is_in(charged_off.implode())
    recovered = off_books & allocations["component"].is_not_null()
    claims = allocations.filter(recovered)
    in_advance = is_interest() & (pl.col("timing") == Timing.in_advance)
    component = pl.col("component").replace_strict(
        RECEIVABLE, default=ROLE["borrower_credit"], return_dtype=pl.Int64
    )
    role = pl.when(in_advance).then(ROLE["interest_accrued"]).otherwise(component)
    day.book(allocations.filter(~recovered), source, role, "amount")
    loss = pl.col("component").replace_strict(LOSS, return_dtype=pl.Int64)
    day.book(claims, source, loss if refund else "recovery_income", "amount")
    day.book(claims, "memo_contra", "memo_claim", "amount")


def _disburse(day: DayState, events: pl.DataFrame) -> None:
    """Pay out; `principal` grows from the night of the date on."""
    paying = day.loans.join(
        events.select("loan_id", "event_id", payout="amount"), on="loan_id", maintain_order="left"
    )
    cost = origination_fees(paying, day.policies.origination_fees)
    _lend(day, events, "payout_clearing")
    credit_meets_draws(day, events)
    _by_credit(day, use_credit_on(day.loans, day.dues, events["loan_id"], day.policies))
    to = pl.when("fee_deferred").then(ROLE["deferred_fee_income"]).otherwise(ROLE["fee_income"])
    day.book(cost.filter("fee_deducted"), "payout_clearing", to, "fee")
    day.book(cost.filter(~pl.col("fee_deducted")), "payment_clearing", to, "fee")
    taxed = tax_on_fees(
        cost.join(day.loans.select("loan_id", "product", "jurisdiction"), on="loan_id"),
        day.policies,
    )
    paid_by = pl.when("fee_deducted").then(ROLE["payout_clearing"])
    day.book(taxed, paid_by.otherwise(ROLE["payment_clearing"]), "tax_payable", "tax")
    later = cost.filter("fee_deferred")
    if later.height:
        defer(day, later.rename({"fee": "amount"}))


def _capitalise(day: DayState, events: pl.DataFrame) -> None:
    """A fee joins the principal, as a payout that no one gets; it is income as time goes by."""
    _lend(day, events, "deferred_fee_income")
    defer(day, events)


def _buy_down(day: DayState, events: pl.DataFrame) -> None:
    """Another, or the lender itself, pays for the borrower's rate; the claim is as it was."""
    _bought(day, events)


def _adjust_buy_down(day: DayState, events: pl.DataFrame) -> None:
    """So much of it is given back."""
    _bought(day, events.with_columns(amount=-pl.col("amount")))


def _bought(day: DayState, events: pl.DataFrame) -> None:
    own = day.loans.select("loan_id", "buy_down_expensed")
    told = events.select("loan_id", "event_id", "amount").join(own, on="loan_id")
    payer = pl.when("buy_down_expensed").then(ROLE["buy_down_expense"])
    day.book(told, payer.otherwise(ROLE["payment_clearing"]), "deferred_fee_income", "amount")
    defer(day, told)


def _lend(day: DayState, events: pl.DataFrame, source: str) -> None:
    """Principal grows by the amounts, paid for by `source`; no share of the borrower's own but
    for a payout."""
    out = events.select("loan_id", "event_id", taken(events), payout="amount")
    grown = day.loans.join(out, on="loan_id", how="left", maintain_order="left")
    whole = grown["materialised"] & grown["payout"].is_not_null()
    grown = _past_maturity(grown, whole, day)
    shared = pl.lit(source == "payout_clearing")
    if whole.any():
        paid_out = with_share(grown.filter(whole).with_columns(shared=shared), day.dues)
        day.dues = stand(paid_out.drop("event_id"), day.dues, day.policies.calendars)
        grown = replaced(grown, whole, paid_out, lacking(paid_out))
    grown = _lent(_with_share(grown.with_columns(shared=shared), day), day)
    day.loans = grown.select(day.loans.columns)
    off = pl.col("loan_id").is_in(day.charged_off().implode())
    day.book(out.filter(~off), "loan_principal", source, "payout")
    day.book(out.filter(off), "credit_loss", source, "payout")
    day.book(out.filter(off), "memo_claim", "memo_contra", "payout")
    if whole.any():
        show_principal_due(day, whole)
        day.loans = point(day.loans, day.dues, whole)


def _past_maturity(grown: pl.DataFrame, whole: pl.Series, day: DayState) -> pl.DataFrame:
    """A payout after the last instalment of a schedule that stands whole makes one more."""
    lent = pl.col("principal") + pl.col("principal_paid") > 0
    after = (
        whole & grown.select((pl.col("instalment_no") > pl.col("instalments")) & lent).to_series()
    )
    if not after.any():
        return grown
    day.changed.append(grown.filter(after).select("loan_id", "event_id"))
    more = (pl.col("instalments") + 1).cast(pl.Int16)
    return grown.with_columns(
        instalments=pl.when(after).then(more).otherwise("instalments"),
        matures_on=pl.when(~after).then("matures_on"),
    )


def _with_share(grown: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """`grown` with down payments due of loans that bill step by step; those of others stand."""
    asks = (
        pl.col("shared")
        & pl.col("payout").is_not_null()
        & (pl.col("down_payment_ppb") > 0)
        & ~pl.col("materialised")
    )
    asked = with_share(grown.filter(asks), day.dues)
    if asked.is_empty():
        return grown.with_columns(down=pl.lit(0, dtype=pl.Int64))
    day.dues = merge_dues(day.dues, shares_due(asked))
    down = asked.select("loan_id", "down")
    return grown.join(down, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("down").fill_null(0),
        **balances.grow_due(Component.principal, pl.col("down").fill_null(0)),
    )


def _lent(grown: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """`grown` with its `payout` in the principal; a tranche of a daily loan spreads anew, as does
    what a down payment leaves of the first one."""
    at = grown.select(pl.col("payout").is_not_null() & pl.col("revolving")).to_series()
    if at.any():  # what the balance before the draw has earned stays
        grown = pl.concat([grown.filter(~at), close_segment(grown.filter(at))]).sort("loan_id")
    again = (
        pl.col("payout").is_not_null()
        & ((pl.col("principal") + pl.col("principal_paid") > 0) | (pl.col("down") > 0))
        & ~pl.col("revolving")
    )
    follows = (pl.col("interest_mode") == InterestMode.daily) & ~pl.col("materialised")
    at = grown.select(again & follows).to_series()
    advanced = pl.when("advance").then("payout").otherwise(0)
    lent = grown.with_columns(
        **balances.grow_principal(pl.col("payout").fill_null(0)),
        **line.draw_cash(advanced),
    )
    if not at.any():
        return lent
    tranches = with_tranche(grown.filter(at), day)
    day.changed.append(tranches.select("loan_id", "event_id"))
    return pl.concat([lent.filter(~at), tranches]).sort("loan_id")


def _charge(day: DayState, events: pl.DataFrame) -> None:
    """A fee or penalty; the borrower's credit meets it where it meets what is not due yet."""
    charge(day, events)
    _by_credit(day, use_credit_on(day.loans, day.dues, events["loan_id"], day.policies))


def _charge_off(day: DayState, events: pl.DataFrame) -> None:
    """Off the books; the claim lives on in memorandum."""
    _claim_all(day, events)
    _mature(day, events.select("loan_id", "event_id"))
    day.loans, gone = charge_off(day.loans, events.select("loan_id", "event_id"))
    gone = gone.with_columns(claim=claim())
    for each in Component:
        for column, role in each.balances.items():
            day.book(gone, each.row.loss, role, column)
    day.book(gone, "memo_claim", "memo_contra", "claim")
    offset_loss(day, gone, "credit_loss")


def _claim_all(day: DayState, events: pl.DataFrame) -> None:
    """Interest of a schedule that stands, or that the product fixes now, is claimed to its end, or
    ends with the day where the product says so."""
    freeze_charged_off(day, events)
    end_interest(day, events)
    day.loans, rest = earned_whole(day.loans, day.dues, events)
    day.book(rest, "interest_accrued", "interest_income", "rest")


def _mature(day: DayState, events: pl.DataFrame) -> None:
    """The contract ends with the charge-off where its product says so; charges to come wait for
    their day. A line of credit has no instalments to end."""
    ending = (
        (pl.col("status") == Status.active.value)
        & (pl.col("after_charge_off") == AfterChargeOff.accelerate_maturity.value)
        & ~pl.col("revolving")
    )
    ids = day.loans.filter(ending)["loan_id"]
    told = events.filter(pl.col("loan_id").is_in(ids.implode()))
    if told.height:
        accelerate(day, told, charges=False)


def _write_off(day: DayState, events: pl.DataFrame) -> None:
    """A person gives the claim up: that which a charge-off would make."""
    _claim_all(day, events)
    _give_up(day, events, Status.written_off)


def _settle(day: DayState, events: pl.DataFrame) -> None:
    """What was agreed has come; the shortfall is given up."""
    _give_up(day, events, Status.settled)


def charge_off_by_rule(day: DayState) -> None:
    """Loans that are so late today that their product takes them off the books."""
    rules = day.policies.charge_offs
    if not day.concerns(rules):
        return
    active = day.loans.filter(pl.col("status") == Status.active.value)
    some = active.select("loan_id", "product", "business_date").join(rules, on="product")
    if some.is_empty():
        return
    fallen = day.dues.filter(pl.col("due_date") <= BUSINESS_DATE)
    oldest = oldest_unpaid(fallen, some.select("loan_id", "product"), day.policies.delinquency)
    late = some.join(oldest, on="loan_id").filter(
        off_on(pl.col("oldest"), *OFF_RULE) <= BUSINESS_DATE
    )
    if late.height:
        ask_penal(day, pl.col("loan_id").is_in(late["loan_id"].implode()))
        _charge_off(day, late.select("loan_id", event_id=pl.lit(0, dtype=pl.Int64)).sort("loan_id"))


def write_off_small_balances(day: DayState) -> None:
    """Claims of no more than the product's small balance, after the last instalment, by rule."""
    small = (
        (pl.col("small_balance") > 0)
        & (pl.col("status") == Status.active.value)
        & (pl.col("instalment_no") > pl.col("instalments"))
        & (claim() > 0)
        & (claim() <= pl.col("small_balance"))
    )
    hit = day.loans.filter(small).select("loan_id", event_id=pl.lit(0, dtype=pl.Int64))
    if hit.height:
        _give_up(day, hit, Status.settled)


def _give_up(day: DayState, events: pl.DataFrame, status: Status) -> None:
    """The claim is extinguished: every component against the write-off, or memorandum only.

    Of a loan that owes nothing, because money came to light since, there is nothing to give up.
    """
    owing = pl.col("status").is_in([Status.active.value, Status.charged_off.value])
    hit = (
        day.loans.filter(owing)
        .join(events.select("loan_id", "event_id"), on="loan_id")
        .with_columns(claim=claim())
    )
    kept = hit.filter(pl.col("status") != Status.charged_off.value)
    for column, role in CLAIM_ROLES.items():
        day.book(kept, "write_off_expense", role, column)
    off = hit.filter(pl.col("status") == Status.charged_off.value)
    day.book(off, "memo_contra", "memo_claim", "claim")
    offset_loss(day, hit, "write_off_expense")
    day.loans = extinguished(day.loans, hit["loan_id"], status)


_HANDLERS = {
    **dict.fromkeys(CHANGES, change),
    Kind.reaged: reage,
    Kind.interest_paused: pause,
    Kind.moratorium_granted: grant,
    Kind.contract_accelerated: accelerate,
    Kind.limit_changed: change_limit,
    Kind.charge_off: _charge_off,
    Kind.write_off: _write_off,
    Kind.settlement_reached: _settle,
    Kind.disbursed: _disburse,
    Kind.migrated_in: take_over,
    Kind.flag_set: flag,
    Kind.flag_cleared: flag,
    Kind.fee_capitalised: _capitalise,
    Kind.rate_bought_down: _buy_down,
    Kind.buy_down_adjusted: _adjust_buy_down,
    Kind.charge_assessed: _charge,
    Kind.charge_waived: waive,
    Kind.chargeback: chargeback,
    Kind.credit_refunded: refund_credit,
}
