"""Allocation: one payment a loan at a time meets dues in the order of its waterfall.

Money first meets past due and
due components; what is left pays the loan off, stands with the next instalments or lowers
the principal, as the product says; with nothing outstanding it is the borrower's credit.
"""

from __future__ import annotations

from dataclasses import dataclass

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.codes import (
    KINDS_A_PRODUCT,
    CreditUse,
    Excess,
    InterestMode,
    Kind,
    Rebate,
    Timing,
)
from loanbook.core.catalogue.components import CHARGES, Component, is_, is_interest, is_principal
from loanbook.core.contract.due_dates import DUE_TERMS
from loanbook.core.contract.figures import due_of
from loanbook.core.frames import KEY, MINOR, column, empty, neighbours_summed, since_begin
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.interest.cash_advances import paid_first, paid_last
from loanbook.core.servicing.interest.rebate import without_rebate
from loanbook.core.servicing.loan import balances, line, segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import merge_dues
from loanbook.core.servicing.payments.daily_excess import charges_ahead, daily_lines
from loanbook.core.servicing.payments.excess import (
    payoff_lines,
    pour_line,
    principal_lines,
    scheduled_lines,
    whole_lines,
)
from loanbook.core.servicing.schedule.billing import whole_claim_due


class Allocations(dy.Schema):
    """Which payment paid which due, how much. `instalment_no` 0: principal itself, or credit."""

    loan_id = dy.Int64(metadata=column("The loan that was paid", KEY))
    event_id = dy.Int64(metadata=column("The money's event; 0: the borrower's own credit", KEY))
    instalment_no = dy.Int16(
        metadata=column(
            "The instalment that was met; 0: principal itself, or credit", "instalment number"
        )
    )
    component = dy.Int8(
        nullable=True,
        metadata=column("What was met; null: it became the borrower's credit", "code of Component"),
    )
    timing = dy.Int8(
        metadata=column("Where the due stood against the money's value date", "code of Timing")
    )
    amount = dy.Int64(min=1, metadata=column("How much of the money met it", MINOR))


NOTHING_PLACED = empty(Allocations).with_columns(due_date=pl.lit(None, dtype=pl.Date))


@dataclass(frozen=True)
class Allocated:
    """The state after a round of payments, and what it did."""

    loans: pl.DataFrame
    dues: pl.DataFrame
    allocations: pl.DataFrame


def money_rule(kind: pl.Expr) -> pl.Expr:
    """Code of how a product allocates a kind of money; reads `product`."""
    return pl.col("product").cast(pl.Int32) * KINDS_A_PRODUCT + kind.cast(pl.Int32)


def allocate(
    loans: pl.DataFrame,
    dues: pl.DataFrame,
    money: pl.DataFrame,
    policies: PolicyBook,
) -> Allocated:
    """Allocate one payment a loan at most, valued today.

    `money`: `loan_id`, `event_id`, `amount`, `rule` (code of product and kind of money).
    Returns positions and dues after the money, and the allocations.
    """
    ranks = policies.waterfall_ranks
    at = loans["loan_id"].is_in(money["loan_id"].implode())
    before = loans.filter(at)
    paying = close_segment(before).with_columns(owed_before="principal")
    lines = paying.filter("revolving")["loan_id"]
    owed = _owed(dues, lines)
    on_dues = _meet(money, owed, ranks)
    left = _left(money, on_dues)
    paying = _apply(paying, on_dues)
    if lines.len():
        paying = paid_last(paying)
    asked_paid = paying["principal"]
    to_come = dues.filter(~pl.col("loan_id").is_in(lines.implode())) if lines.len() else dues
    further = _beyond(paying, to_come, left, policies)
    paying = _apply(paying, further)
    if lines.len():
        paying = paid_first(paying, asked_paid - paying["principal"])
    placed = pl.concat([on_dues, further])
    dues = _stamp(paying, dues, placed)
    allocations = placed.select(Allocations.column_names())
    after = paying.drop("owed_before")
    return Allocated(replaced(loans, at, before, after), dues, allocations)


def _owed(dues: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    """Dues that money meets: those that fell due, and of lines of credit all that were billed."""
    fallen = pl.col("due_date") <= BUSINESS_DATE
    return dues.filter(fallen | pl.col("loan_id").is_in(lines.implode()) if lines.len() else fallen)


def use_credit(loans: pl.DataFrame, dues: pl.DataFrame, ranks: pl.DataFrame) -> Allocated:
    """The borrower's credit meets what is due, where the product uses it (`event_id` 0)."""
    holds = (pl.col("credit") > 0) & (pl.col("credit_use") != CreditUse.hold.value)
    money = _credit_as_money(loans.filter(holds), pl.lit(0, dtype=pl.Int64))
    lines = loans.filter(holds & pl.col("revolving"))["loan_id"]
    owed = _owed(dues, lines).join(money, on="loan_id", how="semi")
    owed = owed.filter(pl.col("amount") > pl.col("paid"))
    if owed.is_empty():
        return Allocated(loans, dues, empty(Allocations))
    money = money.join(owed, on="loan_id", how="semi")
    at = loans["loan_id"].is_in(money["loan_id"].implode())
    before = loans.filter(at)
    paying = close_segment(before)
    met = _meet(money, owed, ranks)
    paying = _apply(paying, met)
    paying = paid_last(paying) if lines.len() else paying
    spent = _less_credit(paying, met.group_by("loan_id").agg(pl.col("amount").sum()))
    return Allocated(
        replaced(loans, at, before, spent),
        _stamp(spent, dues, met),
        met.select(Allocations.column_names()),
    )


def use_credit_on(
    touched: pl.DataFrame, dues: pl.DataFrame, loans: pl.Series, policies: PolicyBook
) -> Allocated:
    """The borrower's credit pays what the `loans` owe, due or not, as money would (`event_id` 0),
    where the product uses it for payouts."""
    # a line's credit has paid for its draw already
    ours = (pl.col("credit_use") == CreditUse.payouts.value) & ~pl.col("revolving")
    holds = (pl.col("credit") > 0) & ours
    holders = touched.filter(holds & pl.col("loan_id").is_in(loans.implode()))
    if holders.is_empty():
        return Allocated(touched, dues, empty(Allocations))
    money = _credit_as_money(holders, -pl.col("loan_id"))
    done = allocate(touched, dues, money, policies)
    # what it does not meet came back to it
    spent = _less_credit(done.loans, money.select("loan_id", "amount"))
    met = done.allocations.filter(pl.col("component").is_not_null())
    return Allocated(spent, done.dues, met.with_columns(event_id=pl.lit(0, dtype=pl.Int64)))


def _credit_as_money(holders: pl.DataFrame, event: pl.Expr) -> pl.DataFrame:
    """The borrower's whole credit as money of the `event`, placed as a payment is."""
    rule = money_rule(pl.lit(Kind.payment_received.value))
    return holders.select("loan_id", event_id=event, amount="credit", rule=rule)


def _less_credit(paying: pl.DataFrame, spent: pl.DataFrame) -> pl.DataFrame:
    """Positions less the `amount` of credit that was `spent`: it was no receipt of today."""
    less = pl.col("amount").fill_null(0)
    return (
        paying.join(spent, on="loan_id", how="left", maintain_order="left")
        .with_columns(credit=pl.col("credit") - less, paid_today=pl.col("paid_today") - less)
        .select(paying.columns)
    )


def _left(money: pl.DataFrame, allocations: pl.DataFrame) -> pl.DataFrame:
    """`money` with `amount` less what is allocated of it; rows with nothing left are gone.

    A loan's allocations stand together, and are of one event.
    """
    used = neighbours_summed(allocations.select("event_id", used="amount"), "event_id", ["used"])
    return (
        money.join(used, on="event_id", how="left")
        .with_columns(amount=pl.col("amount") - pl.col("used").fill_null(0))
        .filter(pl.col("amount") > 0)
        .drop("used")
    )


def _meet(
    money: pl.DataFrame,
    owed: pl.DataFrame,
    ranks: pl.DataFrame,
) -> pl.DataFrame:
    """Money against dues in waterfall order: horizontal by instalment, or vertical by step."""
    timing = pl.when(pl.col("due_date") < BUSINESS_DATE).then(Timing.past_due.value)
    lines = (
        owed.filter(pl.col("amount") > pl.col("paid"))
        .join(money.rename({"amount": "money"}), on="loan_id")
        .with_columns(timing=timing.otherwise(Timing.due.value).cast(pl.Int8))
        .join(ranks, on=["rule", "timing", "component"])
    )
    by_step = pl.when(pl.col("vertical")).then(pl.col("rank")).otherwise(pl.col("block"))
    # down payments are numbered below zero, downwards
    down, nth = pl.col("instalment_no") > 0, pl.col("instalment_no").abs()
    lines = lines.with_columns(step=by_step).sort("loan_id", "step", "due_date", down, nth, "rank")
    return _poured(lines, pl.col("amount") - pl.col("paid"))


def _poured(lines: pl.DataFrame, asked: pl.Expr) -> pl.DataFrame:
    """Pour each loan's `money` over its lines, in order, until it is used up.

    The lines of a loan stand together.
    """
    before = since_begin("run", "loan_id")
    return (
        lines.with_columns(run=asked.cum_sum() - asked)
        .with_columns(poured=pl.min_horizontal(asked, pl.col("money") - before).clip(lower_bound=0))
        .filter(pl.col("poured") > 0)
        .select(
            "loan_id",
            "event_id",
            pl.col("instalment_no").cast(pl.Int16),
            pl.col("component").cast(pl.Int8),
            pl.col("timing").cast(pl.Int8),
            amount=pl.col("poured"),
            due_date=pl.col("due_date"),
        )
    )


def _beyond(
    paying: pl.DataFrame,
    dues: pl.DataFrame,
    left: pl.DataFrame,
    policies: PolicyBook,
) -> pl.DataFrame:
    """Allocations of money beyond what is due: payoff, in advance, principal, credit."""
    if left.is_empty():
        return NOTHING_PLACED
    own = policies.excess.rename({"excess": "own_excess"})
    loans = (
        paying.join(left.rename({"amount": "money"}), on="loan_id")
        .join(own, on="rule", how="left", maintain_order="left")
        .with_columns(excess=pl.coalesce("own_excess", "excess"), offered="money")
    )
    whole = loans.filter("materialised")
    if whole.is_empty():
        return _beyond_dues_to_come(loans, dues, policies.waterfall_ranks)
    stands = _poured(whole_lines(whole, dues, policies), pl.col("asked"))
    others = loans.filter(~pl.col("materialised"))
    if others.is_empty():
        return stands
    return pl.concat([stands, _beyond_dues_to_come(others, dues, policies.waterfall_ranks)])


def _beyond_dues_to_come(
    loans: pl.DataFrame, dues: pl.DataFrame, ranks: pl.DataFrame
) -> pl.DataFrame:
    """Allocations of `money` of loans whose schedule does not stand whole: what pays the whole claim
    is a payoff, other money goes where the product's `excess` says."""
    later = _standing_later(loans, dues)
    loans = without_rebate(_with_claim(loans, later))
    settles, frozen, onward = _settles(), whole_claim_due(), _settles_onward()
    spread = _spread_payoff(loans.filter(settles & onward), dues, ranks)
    paid_off = payoff_lines(loans.filter(settles & ~onward))
    early = loans.filter(~settles & ~frozen).with_columns(
        interest_off=pl.when(pl.col("rebate") == Rebate.full_period.value)
        .then(pl.col("interest_accrued").clip(lower_bound=0))
        .otherwise("interest_off")
    )
    scheduled = early.filter(pl.col("interest_mode") == InterestMode.scheduled)
    daily = early.filter((pl.col("interest_mode") == InterestMode.daily) & ~pl.col("revolving"))
    # beyond the dues of a line money pays its balance, and no interest that is not billed yet
    revolving = early.filter("revolving").with_columns(interest_off=pl.lit(0, dtype=pl.Int64))
    ahead = charges_ahead(daily, later, ranks) if later.height else None
    lines = [
        each
        for each in (
            paid_off,
            scheduled_lines(scheduled, dues, ranks),
            daily_lines(daily, dues, ranks, ahead),
            principal_lines(loans.filter(~settles & frozen)),
            principal_lines(revolving),
        )
        if each.height
    ]
    if ahead is None:
        poured = [_poured(each, pl.col("asked")) for each in lines]
        return pl.concat([NOTHING_PLACED, *poured, spread])
    return pl.concat([_poured(_with_later(lines, later, ahead, loans), pl.col("asked")), spread])


def _with_claim(loans: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    """Loans with what is claimed beyond what is due (Int64, minor units).

    `later`: lines of what stands with instalments to come, of which `stands` is principal and
    `charges` all else. `rest_principal` stands with none, `interest_off` is the interest to the date.
    """
    of_principal = is_principal()
    of_interest = is_interest()
    sums = later.group_by("loan_id").agg(
        stands=pl.col("asked").filter(of_principal).sum(),
        charges=pl.col("asked").filter(~of_principal).sum(),
        in_parts=pl.col("asked").filter(of_interest).sum(),
    )
    return (
        loans.join(sums, on="loan_id", how="left", maintain_order="left")
        .with_columns(pl.col("stands", "charges", "in_parts").fill_null(0))
        .with_columns(
            rest_principal=pl.col("principal") - pl.col("principal_due") - pl.col("stands"),
            interest_off=(pl.col("interest_accrued") - pl.col("in_parts")).clip(lower_bound=0),
        )
        .drop("in_parts")
    )


def _settles() -> pl.Expr:
    """Money that pays the whole claim."""
    later = pl.col("stands") + pl.col("charges")
    return pl.col("money") >= pl.col("rest_principal") + later + pl.col("interest_off")


def _settles_onward() -> pl.Expr:
    """Loans whose payoff stands with the instalments to come, as their money in advance does."""
    in_advance = (pl.col("interest_mode") == InterestMode.daily) & (
        pl.col("excess") != Excess.reduce_principal
    )
    nothing_later = pl.col("stands") + pl.col("charges") == 0
    to_come = pl.col("instalment_no") <= pl.col("instalments")
    return in_advance & ~whole_claim_due() & nothing_later & to_come


def _with_later(
    lines: list[pl.DataFrame], later: pl.DataFrame, ahead: pl.DataFrame, loans: pl.DataFrame
) -> pl.DataFrame:
    """Lines with those of `later` that are not met instalment by instalment (`ahead`): what else was
    charged, or charged back, and falls due later is paid last, but before any credit."""
    keys = ["loan_id", "instalment_no", "component"]
    others = later.join(ahead.select(keys), on=keys, how="anti")
    order = pl.when(pl.col("component").is_null()).then(2).otherwise(0)
    every = [*(each.with_columns(order=order) for each in lines),
             others.with_columns(order=pl.lit(1))]  # fmt: skip
    ordered = pl.concat(every).sort("loan_id", "order", maintain_order=True)
    return _within_the_rest(ordered, loans).drop("order")


def _within_the_rest(ordered: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """Lines of principal that stands with no due yet ask no more than there is of it."""
    told = ordered.join(
        loans.select("loan_id", "rest_principal"), on="loan_id", how="left", maintain_order="left"
    )
    ours = (pl.col("order") == 0) & is_principal()
    own = pl.when(ours.fill_null(False)).then("asked").otherwise(0)
    before = own.cum_sum().over("loan_id") - own
    left = (pl.col("rest_principal") - before).clip(lower_bound=0)
    capped = (
        pl.when(ours.fill_null(False)).then(pl.min_horizontal("asked", left)).otherwise("asked")
    )
    return told.with_columns(asked=capped).drop("rest_principal")


def _spread_payoff(loans: pl.DataFrame, dues: pl.DataFrame, ranks: pl.DataFrame) -> pl.DataFrame:
    """A payoff over the instalments to come, each as high as it was, the rest to the credit."""
    if loans.is_empty():
        return NOTHING_PLACED
    owed = pl.col("rest_principal") + pl.col("interest_off")
    exact = loans.with_columns(money=owed)
    over = loans.with_columns(money=pl.col("money") - owed)
    credit = pour_line(over, pl.lit(0), None, pl.col("money"))
    return pl.concat(
        [
            _poured(daily_lines(exact, dues, ranks, settles=True), pl.col("asked")),
            _poured(credit, pl.col("asked")),
        ]
    )


def _standing_later(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """What stands with instalments to come, as lines to pour money over.

    What was charged back, fees and penalties that fall due later, and interest of arrears that
    instalments to come ask in parts.
    """
    unpaid = pl.col("amount") - pl.col("paid")
    return (
        dues.filter((pl.col("due_date") > BUSINESS_DATE) & (unpaid > 0))
        .join(loans.select("loan_id", "event_id", "money"), on="loan_id")
        .select(
            "loan_id",
            "event_id",
            "money",
            "due_date",
            "instalment_no",
            "component",
            timing=pl.lit(Timing.in_advance.value, dtype=pl.Int8),
            asked=unpaid,
        )
    )


def _apply(paying: pl.DataFrame, allocations: pl.DataFrame) -> pl.DataFrame:
    """Positions after the allocations."""
    if allocations.is_empty():
        return paying
    billed = pl.col("timing") != Timing.in_advance

    def of(component: Component, when: pl.Expr | None = None) -> pl.Expr:
        chosen = is_(component)
        # a product is summed faster than a filtered column
        return pl.col("amount") * (chosen if when is None else chosen & when)

    parts = allocations.select(
        "loan_id",
        to_principal=of(Component.principal),
        to_interest=of(Component.interest),
        due_principal=of(Component.principal, billed),
        due_interest=of(Component.interest, billed),
        **{f"to_{each.part}": of(each) for each in CHARGES},
        to_credit=pl.col("amount") * pl.col("component").is_null(),
        standing=pl.col("amount") * (~billed & (pl.col("instalment_no") != 0)),
        received=pl.col("amount"),
    )
    sums = neighbours_summed(parts.sort("loan_id"), "loan_id", parts.columns[1:])
    early_interest = pl.col("to_interest") - pl.col("due_interest")
    charges: balances.Columns = {}
    for each in CHARGES:
        charges |= balances.grow_due(each, -pl.col(f"to_{each.part}"))
    return (
        paying.join(sums, on="loan_id", how="left", maintain_order="left")
        .with_columns(pl.col(sums.columns[1:]).fill_null(0))
        .with_columns(
            **balances.grow_principal(-pl.col("to_principal")),
            **balances.grow_due(Component.principal, -pl.col("due_principal")),
            **balances.grow_due(Component.interest, -pl.col("due_interest")),
            **balances.grow_accrued(-early_interest),
            **segment.prepay(early_interest),
            **charges,
            credit=pl.col("credit") + pl.col("to_credit"),
            prepaid_dues=pl.col("prepaid_dues") + pl.col("standing"),
            principal_paid=pl.col("principal_paid") + pl.col("to_principal"),
            interest_paid=pl.col("interest_paid") + pl.col("to_interest"),
            charges_paid=pl.sum_horizontal(
                "charges_paid", *(f"to_{each.part}" for each in CHARGES)
            ),
            paid_today=pl.col("paid_today") + pl.col("received"),
            **line.pay_statement(pl.col("received")),
        )
        .select(paying.columns)
    )


def _stamp(paying: pl.DataFrame, dues: pl.DataFrame, allocations: pl.DataFrame) -> pl.DataFrame:
    """Dues with the money on them; money in advance opens a due of its own amount."""
    standing = allocations.filter(
        (pl.col("instalment_no") != 0) & pl.col("component").is_not_null()
    ).join(
        paying.select("loan_id", "business_date", "next_due_date", next_no="instalment_no"),
        on="loan_id", maintain_order="left",
    )  # fmt: skip
    if standing.is_empty():
        return dues
    opens = pl.col("due_date").is_null()
    is_next = pl.col("instalment_no") == pl.col("next_no")
    dated = standing.with_columns(
        due_date=pl.when(opens & is_next).then("next_due_date").otherwise("due_date"),
        amount=pl.when(opens).then("amount").otherwise(0),
        paid="amount",
        fee_assessed=pl.lit(False),
    )
    further = dated.filter(opens)
    if further.height:
        terms = further.join(paying.select("loan_id", *DUE_TERMS), on="loan_id")
        told = terms.with_columns(due_date=due_of(pl.col("instalment_no"), terms))
        dated = pl.concat([dated.filter(~opens), told.select(dated.columns)])
    return merge_dues(dues, dated.select(dues.columns))
