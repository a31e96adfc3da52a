"""Money beyond what is due: the lines it is poured over, in order, for each kind of product.

A line is an amount asked by an instalment and component, by the balance, or by the borrower's
credit; `money` is what the loan still has to place. Where interest follows the balance, the lines are
those of `loanbook.core.servicing.payments.excess.daily_lines`.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Excess, Timing
from loanbook.core.catalogue.components import Component, is_charge
from loanbook.core.contract.money import even_share
from loanbook.core.contract.schedule.expansion import EVERYTHING, expand_from
from loanbook.core.contract.schedule.periods import Calendars
from loanbook.core.frames import begins, since_begin
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY, on_own_date
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.schedule.running_instalment import running_takes_all


def whole_lines(loans: pl.DataFrame, dues: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame:
    """Instalments to come as they stand, in the order of `excess`, then the borrower's credit.

    `spread` gives every instalment an even share, component by component; what the shares leave
    over goes to the next instalments.
    """
    keys = ["loan_id", "event_id", "money", "rule", "excess"]
    ranks = policies.waterfall_ranks.filter(pl.col("timing") == Timing.in_advance)
    coming = (
        dues.filter((pl.col("due_date") > BUSINESS_DATE) & (pl.col("amount") > pl.col("paid")))
        .join(loans.select(keys), on="loan_id")
        .join(ranks.select("rule", "component", "rank", "vertical"), on=["rule", "component"])
        .pipe(_with_their_instalment)
        .sort("loan_id", "falls", "stands_with", "rank", "due_date")
        .with_columns(
            asked=pl.col("amount") - pl.col("paid"),
            run=begins("loan_id", "falls", "stands_with").cum_sum().cast(pl.Int64),
        )
        .with_columns(nth=since_begin("run", "loan_id") + 1)
        .drop("run")
        .with_columns(count=pl.col("nth").max().over("loan_id"))
    )
    backwards = pl.col("excess") == Excess.last_instalment
    next_last = (pl.col("excess") == Excess.next_then_last) & (pl.col("nth") > 1)
    coming = (
        _evenly(coming)
        .with_columns(
            place=pl.when(backwards | next_last).then(-pl.col("nth")).otherwise("nth")
            - pl.when((pl.col("excess") == Excess.next_then_last) & (pl.col("nth") == 1))
            .then(2**20)
            .otherwise(0),
        )
        .with_columns(  # a vertical waterfall goes through all instalments, component by component
            place=pl.col("place") + pl.when("vertical").then(pl.col("rank") * 2**32).otherwise(0)
        )
    )
    shape = ["loan_id", "event_id", "money", "due_date", "instalment_no", "component"]

    def lines(part: int, demanded: pl.Expr) -> pl.DataFrame:
        return coming.select(
            *shape,
            timing=pl.lit(Timing.in_advance.value, dtype=pl.Int8),
            asked=demanded,
            part=pl.lit(part),
            place="place",
            rank="rank",
        ).filter(pl.col("asked") > 0)

    credit = pour_line(loans, pl.lit(0), None, pl.col("money")).with_columns(
        part=pl.lit(2), place=pl.lit(0, dtype=pl.Int64), rank=pl.lit(0, dtype=pl.Int64)
    )
    every = [lines(0, pl.col("capped")), lines(1, pl.col("asked") - pl.col("capped")), credit]
    ordered = pl.concat(every).sort("loan_id", "part", "place", "rank", "due_date")
    return ordered.drop("part", "place", "rank")


def _with_their_instalment(coming: pl.DataFrame) -> pl.DataFrame:
    """`stands_with` and `falls`: number and due date of a due's instalment; of a charge that is due on
    its own date, those of the instalment to come within whose period that is."""
    number, own = pl.col("instalment_no"), on_own_date()
    if not coming.select(own.any()).item():
        return coming.with_columns(stands_with=number, falls="due_date")
    in_period = coming.sort("loan_id", "due_date", ~own, maintain_order=True)
    homes = {"stands_with": number, "falls": pl.col("due_date")}
    next_one = {
        name: pl.when(~own).then(value).backward_fill().over("loan_id")
        for name, value in homes.items()
    }
    return in_period.with_columns(
        **{name: pl.coalesce(each, homes[name]) for name, each in next_one.items()}
    )


def _evenly(coming: pl.DataFrame) -> pl.DataFrame:
    """`capped`: what an instalment's component takes first: its share of an even spread, the last
    instalment the remainder, or all that it asks."""
    spread = pl.col("excess") == Excess.spread
    if not coming.select(spread.any()).item():
        return coming.with_columns(capped="asked")
    rest = coming.filter(~spread).with_columns(capped="asked")
    shared = coming.filter(spread).with_columns(
        step=pl.col("rank").rank("dense").over("loan_id"),
        left="money",
        capped=pl.lit(0, dtype=pl.Int64),
    )
    for step in sorted(shared["step"].unique().to_list()):
        count = pl.col("count")
        share = even_share(pl.col("left"), count, pl.col("nth"))
        in_step = pl.when(pl.col("step") == step)
        shared = shared.with_columns(
            capped=in_step.then(pl.min_horizontal("asked", share)).otherwise("capped")
        ).with_columns(
            left=pl.col("left") - in_step.then("capped").otherwise(0).sum().over("loan_id")
        )
    return pl.concat([rest, shared.select(rest.columns)])


def pour_line(
    loans: pl.DataFrame, instalment: pl.Expr, component: Component | None, demanded: pl.Expr
) -> pl.DataFrame:
    """A line a loan in advance: `component` None is the borrower's credit, instalment 0 the balance."""
    code = None if component is None else component.value
    return loans.select(
        "loan_id",
        "event_id",
        "money",
        due_date=pl.lit(None, dtype=pl.Date),
        instalment_no=instalment.cast(pl.Int16),
        component=pl.lit(code, dtype=pl.Int8),
        timing=pl.lit(Timing.in_advance.value, dtype=pl.Int8),
        asked=demanded,
    )


def payoff_lines(loans: pl.DataFrame) -> pl.DataFrame:
    """Interest to the date, the whole principal, and the rest to the borrower's credit."""
    nothing = pl.lit(0)
    running = running_takes_all() & (pl.col("instalment_no") <= pl.col("instalments"))
    number = pl.when(running).then("instalment_no").otherwise(0)
    rest = pl.col("money") - pl.col("rest_principal") - pl.col("interest_off")
    rest = rest - pl.col("stands") - pl.col("charges")
    lines = [
        pour_line(loans, number, Component.interest, pl.col("interest_off")),
        pour_line(loans, number, Component.principal, pl.col("rest_principal")),
        pour_line(loans, nothing, None, rest),
    ]
    return pl.concat(lines).sort("loan_id", maintain_order=True)


def principal_lines(loans: pl.DataFrame) -> pl.DataFrame:
    """A charged-off claim: accrued interest, then principal, no instalments any more."""
    lines = [
        pour_line(loans, pl.lit(0), Component.interest, pl.col("interest_off")),
        pour_line(loans, pl.lit(0), Component.principal, pl.col("rest_principal")),
    ]
    return pl.concat(lines).sort("loan_id", maintain_order=True)


def balance_lines(loans: pl.DataFrame) -> pl.DataFrame:
    """The balance, and no instalment: of a recast interest to the day comes first, of a curtailment it
    waits for its due date."""
    if loans.is_empty():
        return pour_line(loans, pl.lit(0), None, pl.lit(0))
    first = pl.col("excess") == Excess.recast.value
    interest = pour_line(loans, pl.lit(0), Component.interest, pl.col("interest_off"))
    principal = pour_line(loans, pl.lit(0), Component.principal, pl.col("rest_principal"))
    recast = loans.select(first).to_series()
    order = [
        interest.with_columns(place=pl.when(recast).then(0).otherwise(2)),
        principal.with_columns(place=pl.lit(1, dtype=pl.Int32)),
    ]
    return pl.concat(order).sort("loan_id", "place", maintain_order=True).drop("place")


def running_lines(loans: pl.DataFrame) -> pl.DataFrame:
    """All to the principal of the running instalment; its interest waits for the due date, and is met
    before it by what is more than all the principal."""
    lines = [
        pour_line(loans, pl.col("instalment_no"), Component.principal, pl.col("rest_principal")),
        pour_line(loans, pl.col("instalment_no"), Component.interest, pl.col("interest_off")),
    ]
    return pl.concat(lines).sort("loan_id", maintain_order=True)


_NO_SCHEDULE = [
    name
    for name in STATE
    if name not in ("loan_id", "instalment_no", "period_start", "period_end", "schedule_balance",
                    "interest_carried", "prepaid_dues")
]  # fmt: skip
"""Columns of positions that no instalment to come goes by."""


def early_paid(dues: pl.DataFrame) -> pl.DataFrame:
    """What already stands with instalments: `early` per loan, instalment and component."""
    return dues.select(*DUE_KEY, early="paid")


def charges_beside(loans: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    """Lines of `later` of charges that stand with instalments to come of `loans`, whose schedule fixes the
    interest: money meets each with its instalment."""
    return later.filter(is_charge()).join(loans.select("loan_id"), on="loan_id", how="semi")


def scheduled_lines(
    loans: pl.DataFrame,
    dues: pl.DataFrame,
    ranks: pl.DataFrame,
    charges: pl.DataFrame,
    calendars: Calendars,
) -> pl.DataFrame:
    """Instalments to come as the schedule has them, less what stands with them already, and the `charges`
    that stand with them, each where the waterfall has it."""
    if loans.is_empty():
        return pour_line(loans, pl.lit(0), None, pl.lit(0))
    keys = ["loan_id", "event_id", "money", "rule", "excess"]
    backwards = pl.col("excess") == Excess.last_instalment
    reaches = pl.col("money") + pl.col("prepaid_dues")
    cursors = loans.drop(_NO_SCHEDULE)  # every column costs, in every step of an expansion
    coming = (
        expand_from(cursors, pl.when(backwards).then(EVERYTHING).otherwise(reaches), calendars)
        .rename({"instalment_no": "instalment", "principal": "principal_of_it"})
        .join(loans.select(keys), on="loan_id")
        # below zero, so much interest joins the principal: no instalment asks it
        .with_columns(pl.col("interest") + pl.col("principal_of_it").clip(upper_bound=0))
    )
    lines = pl.concat(
        coming.select(
            *("loan_id", "event_id", "money", "rule", "excess"),
            instalment_no="instalment",
            component=pl.lit(component.value, dtype=pl.Int8),
            asked=column,
        )
        for component, column in (
            (Component.principal, "principal_of_it"),
            (Component.interest, "interest"),
        )
    )
    advance_ranks = ranks.filter(pl.col("timing") == Timing.in_advance).drop("timing")
    lines = (
        lines.join(early_paid(dues), on=DUE_KEY, how="left")
        .with_columns(asked=pl.col("asked") - pl.col("early").fill_null(0))
        .drop("early")
    )
    beside = charges.select(*DUE_KEY, "asked", "due_date")
    beside = beside.join(loans.select(keys), on="loan_id", maintain_order="left")
    ordered = (
        pl.concat([lines, beside], how="diagonal_relaxed")
        .filter(pl.col("asked") > 0)
        .join(advance_ranks, on=["rule", "component"])
        .with_columns(
            place=pl.when(backwards).then(-pl.col("instalment_no")).otherwise("instalment_no")
        )
        .sort("loan_id", "place", "rank")
        .select(
            "loan_id", "event_id", "money", "due_date", "instalment_no", "component",
            pl.lit(Timing.in_advance.value, dtype=pl.Int8).alias("timing"), "asked",
        )
    )  # fmt: skip
    if not loans["level_last"].any():
        return ordered
    # what the last instalment leaves no instalment asks: money for it waits
    credit = pour_line(loans.filter("level_last"), pl.lit(0), None, pl.col("money"))
    return pl.concat([ordered, credit]).sort("loan_id", maintain_order=True)
