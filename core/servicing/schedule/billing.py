"""Billing: on the last day of a period its interest and principal become dues."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import AfterChargeOff, InterestMode, Status
from loanbook.core.catalogue.components import Component, is_interest, is_principal, of_schedule
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.contract.dates.day_count import counts_days
from loanbook.core.contract.figures import Amortisation, Figures
from loanbook.core.contract.money import int128, with_quotient
from loanbook.core.contract.schedule.cursor import instalment, next_period, without_later_parts
from loanbook.core.contract.steps_and_seasons import alike
from loanbook.core.frames import engine_for
from loanbook.core.servicing.interest.accrual import Accrual, interest_stopped
from loanbook.core.servicing.interest.cash_advances import begun_anew
from loanbook.core.servicing.loan import balances, line, segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY, due_rows, merge_dues
from loanbook.core.servicing.loan.opening import move_period, with_period_interest
from loanbook.core.servicing.loan.taxes import untaxed
from loanbook.core.servicing.schedule.fixed_schedule import bill_whole
from loanbook.core.servicing.schedule.moved_due_dates import billed_early
from loanbook.core.servicing.schedule.running_instalment import (
    any_takes_all,
    goes_on_to_next,
    lowered,
    running_takes_all,
    with_next,
)
from loanbook.core.servicing.schedule.statements import minimum_principal, statement_balance


def is_billed() -> pl.Expr:
    """Loans whose period ends today; a charged-off claim is due as a whole already.

    An overpaid loan moves on with nothing to bill: a chargeback may put it back on its schedule.
    """
    return (pl.col("period_end") == BUSINESS_DATE) & ~whole_claim_due()


def whole_claim_due() -> pl.Expr:
    """Charged-off loans whose product makes the whole claim due with it."""
    return (pl.col("status") == Status.charged_off.value) & (
        pl.col("after_charge_off") == AfterChargeOff.accelerate_maturity.value
    )


def on_schedule(loans: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """`events` of loans that have instalments to come: nothing is spread of a claim that is due as a whole."""
    whole = loans.filter(whole_claim_due())
    return events.join(whole, on="loan_id", how="anti", maintain_order="left")


def bill(
    loans: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Bill what ends today and move the cursor on.

    Returns `loans` (terms and positions), `dues`, and the billed amounts: `loan_id`,
    `billed_interest`, `billed_principal` (Int64), what became due beyond money that had
    come in advance, `capitalised` (Int64), interest that joined the principal, and
    `taxable` (Int64), interest that is asked for the first time, with its `instalment_no` and
    `due_date`.
    """
    mask = loans.select(is_billed()).to_series()
    if not mask.any():
        none = loans.select("loan_id", **dict.fromkeys(_BILLED, "principal"), **_NOWHERE)
        return loans, dues, none.clear()
    stands = mask & loans["materialised"]
    billed = []
    if stands.any():
        ending = loans.filter(stands)
        moved, fallen = bill_whole(ending, dues)
        loans = replaced(loans, stands, ending, moved)
        nothing = pl.lit(0, dtype=pl.Int64)
        rows = fallen.with_columns(capitalised=nothing)
        billed.append(rows.select("loan_id", *_BILLED, "instalment_no", "due_date"))
    stepped = mask & ~loans["materialised"]
    if stepped.any():
        ending = loans.filter(stepped)
        with_amounts = amounts(with_advance(ending, dues))
        moved = begin_next_period(with_amounts, calendars)
        dues = with_next(_open(dues, with_amounts), moved)
        loans = replaced(loans, stepped, ending, moved)
        whole = pl.col("billed_interest") + pl.col("interest_stands")
        owed = pl.col("interest_due") + whole
        rows = with_amounts.with_columns(
            taxable=pl.min_horizontal(untaxed(owed), whole), billed_interest=whole
        )
        billed.append(rows.select("loan_id", *_BILLED, "instalment_no", due_date="next_due_date"))
    return loans, dues, pl.concat(billed)


_BILLED = ("billed_interest", "billed_principal", "capitalised", "taxable")
_NOWHERE = {
    "instalment_no": pl.lit(0, dtype=pl.Int16), "due_date": pl.lit(None, dtype=pl.Date)
}  # fmt: skip


def caught_up(
    away: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]
) -> pl.DataFrame:
    """Ended loans (terms, positions, `business_date`) that come back: past the periods that went by.

    Nothing was owed in them, so nothing is billed; the period that runs today is the one they
    would stand in had they been overpaid meanwhile. A schedule that stands whole points to its
    dues (`instalments.point`) where something is owed again.
    """
    kept = away["status"]
    moved = away.with_columns(status=pl.lit(Status.overpaid.value, dtype=pl.Int8))
    while (behind := moved.select(_behind()).to_series()).any():
        before = moved.filter(behind)
        stepped = begin_next_period(amounts(with_advance(before, dues)), calendars)
        # as of a loan that owes nothing: what it owes again bears the schedule's interest from
        # the next period on
        stepped = stepped.with_columns(period_interest=pl.lit(0, dtype=pl.Int64))
        moved = replaced(moved, behind, before, stepped.select(before.columns))
    return moved.with_columns(kept)


def _behind() -> pl.Expr:
    return (pl.col("period_end") < BUSINESS_DATE) & ~whole_claim_due() & ~pl.col("materialised")


def with_advance(ending: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """What already stands with the ending instalment: paid before it is billed, or charged back; and
    `interest_later`, that with later ones."""
    ends = ending.select("loan_id", "instalments", "period_end")
    # what was asked anew after the last instalment, and has fallen due, is billed already
    billed = (pl.col("instalment_no") > pl.col("instalments")) & (
        pl.col("due_date") < pl.col("period_end")
    )
    laid = (
        dues.filter(of_schedule())
        .join(ends, on="loan_id")
        .filter(~billed)
        .select(*DUE_KEY, "paid", "amount")
    )
    interest = laid.filter(is_interest() & (pl.col("amount") > pl.col("paid")))
    later = (
        interest.join(ending.select("loan_id", ends="instalment_no"), on="loan_id")
        .filter(pl.col("instalment_no") > pl.col("ends"))
        .group_by("loan_id")
        .agg(interest_later=(pl.col("amount") - pl.col("paid")).sum())
    )
    early = (
        laid.join(ending.select("loan_id", "instalment_no"), on=["loan_id", "instalment_no"])
        .group_by("loan_id")
        .agg(
            early_principal=pl.col("paid").filter(is_principal()).sum(),
            early_interest=pl.col("paid").filter(is_interest()).sum(),
            stands=(pl.col("amount") - pl.col("paid")).filter(is_principal()).sum(),
            interest_stands=(pl.col("amount") - pl.col("paid")).filter(is_interest()).sum(),
        )
    )
    joined = ending.join(early, on="loan_id", how="left", maintain_order="left")
    return joined.join(later, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col(
            "early_principal", "early_interest", "stands", "interest_stands", "interest_later"
        ).fill_null(0)
    )


def amounts(ending: pl.DataFrame) -> pl.DataFrame:
    """`billed_interest` and `billed_principal` of the instalment, by interest mode.

    Daily products bill the interest really earned. The instalment stays: what it leaves
    after interest is principal, interest above it is carried to the next one.
    """
    figures = Figures(ending)
    scheduled = instalment(ending.lazy(), figures).collect(engine=engine_for(ending))
    daily = pl.col("interest_mode") == InterestMode.daily
    last = pl.col("instalment_no") >= pl.col("instalments")
    if figures.levels:
        last = last & ~figures.last_is_level()
    unbilled = pl.col("principal") - pl.col("principal_due") - pl.col("stands")
    level = (
        (pl.col("amortisation") == Amortisation.equal_instalment)
        & (pl.col("instalment_no") > pl.col("grace_principal"))
        & ~last
    )
    first = pl.when(pl.col("instalment_no") == 1).then(pl.col("first_interest_adjustment"))
    all_ahead = running_takes_all() if any_takes_all(ending) else pl.lit(False)
    early = pl.when(all_ahead).then(0).otherwise("early_principal")
    room = pl.col("level") + first.otherwise(0) - early - pl.col("early_interest")
    waits = (pl.col("instalment_no") <= pl.col("grace_interest")) & ~last
    waits = waits | (level & covered(scheduled, figures))
    nights = pl.col("interest_accrued") - pl.col("interest_stands") - pl.col("interest_later")
    earned = (
        pl.when(waits)
        .then(0)
        .when(level & ~_owed_anew())
        .then(pl.min_horizontal(nights, room))
        .otherwise(nights)
    )
    if figures.apart:  # the parts of a stub's interest that later instalments ask
        earned = pl.min_horizontal(earned, without_later_parts(nights))
    with_interest = scheduled.with_columns(
        billed_interest=pl.when(daily)
        .then(earned)
        # nothing is owed; of a claim that was given up the schedule asks nothing any more
        .when(pl.col("status").is_in([Status.overpaid.value, Status.written_off.value]))
        .then(0)
        .when(interest_stopped() | (pl.col("instalment_no") > pl.col("instalments")))
        .then(nights.clip(lower_bound=0))
        .otherwise(pl.col("asked_interest") - pl.col("early_interest"))
        .clip(lower_bound=0)
    )
    share = figures.principal_part(
        pl.col("billed_interest") + pl.col("early_interest"), unbilled + pl.col("early_principal")
    )
    asked_principal = pl.when(daily).then(share).otherwise(pl.col("asked_principal"))
    rest = (asked_principal - pl.col("early_principal")).clip(lower_bound=0)
    to_come = pl.col("instalment_no") < pl.col("instalments")
    beyond = pl.when(all_ahead & to_come).then(pl.col("early_principal") - asked_principal)
    asked_rest = pl.when(last).then(unbilled).otherwise(pl.min_horizontal(rest, unbilled))
    if ending["revolving"].any():
        asked_rest = pl.when("revolving").then(minimum_principal()).otherwise(asked_rest)
    billed = with_interest.with_columns(
        billed_principal=asked_rest,
        beyond_instalment=beyond.otherwise(0).clip(lower_bound=0).cast(pl.Int64),
    )
    return _with_capitalised(billed, figures)


def _with_on_time(billed: pl.DataFrame) -> pl.DataFrame:
    """`billed` with `on_time_balance` as the instalment would leave it, had each been paid on its day.

    Its period lacks `tranche_balance_days` of that balance.
    """
    counted = pl.col("on_time_balance").is_not_null()
    if billed["on_time_balance"].null_count() == billed.height:
        return billed
    cursor = billed.filter(counted)
    figures = Figures(cursor)
    days = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
    bears = int128(pl.col("on_time_balance") * days - pl.col("tranche_balance_days"))
    left = with_quotient(
        figures.with_rate(cursor), "_interest", bears * pl.col("rate_over"),
        int128(pl.col("rate_under")) * days, "interest_rounding", figures.rounding,
    )  # fmt: skip
    pays_off = figures.principal_part(pl.col("_interest"), pl.col("on_time_balance"))
    after = left.select("loan_id", _after=pl.col("on_time_balance") - pays_off)
    return (
        billed.join(after, on="loan_id", how="left", maintain_order="left")
        .with_columns(
            on_time_balance="_after",
            tranche_balance_days=pl.when(counted).then(0).otherwise("tranche_balance_days"),
        )
        .drop("_after")
    )


def _owed_anew() -> pl.Expr:
    """Instalments that were met in advance and owe principal anew: they ask its interest, beyond
    what they had room for. Reads `with_advance`."""
    return pl.col("covered_is_fixed") & (pl.col("stands") > 0) & (pl.col("early_principal") > 0)


def covered(loans: pl.DataFrame, figures: Figures) -> pl.Expr:
    """Daily instalments whose principal money in advance has met, where that fixes their interest.

    What it met is more than the instalment less its whole interest; later nights are the next one's.
    An instalment that something is owed anew with (a chargeback, a refund of credit) is not met.
    `loans`: one row a loan, `with_advance`, and `level`.
    """
    if not figures.fixes_covered:
        return pl.lit(False)
    met_ahead = (pl.col("early_principal") > 0) & (pl.col("stands") == 0)
    ahead = loans.filter(pl.col("covered_is_fixed") & met_ahead)
    if ahead.is_empty():
        return pl.lit(False)
    laid, its = Figures(ahead).in_columns(ahead)
    over, under = its.nightly_factor()
    began = pl.col("principal") - pl.col("principal_due") + pl.col("early_principal")
    # nested in one expression the factor would be computed many times over
    rated = laid.with_columns(_factor=over, _base=under)
    whole = with_quotient(
        rated, "_whole", int128(began) * pl.col("_factor"), pl.col("_base"), "interest_rounding",
        figures.rounding,
    )  # fmt: skip
    asked = pl.max_horizontal("_whole", "interest_accrued")
    met = whole.filter(pl.col("early_principal") > pl.col("level") - asked)["loan_id"]
    return pl.col("loan_id").is_in(met.implode())


def _with_capitalised(billed: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """`capitalised`: interest of the period that no instalment asks, where it joins the principal."""
    if not figures.capitalises:
        return billed.with_columns(capitalised=pl.lit(0, dtype=pl.Int64))
    daily = pl.col("interest_mode") == InterestMode.daily
    nights = pl.col("interest_accrued") - pl.col("interest_stands") - pl.col("interest_later")
    # a scheduled instalment says so itself: below zero its principal is interest unpaid
    short = pl.when(daily).then(nights - pl.col("billed_interest"))
    over = short.otherwise(-pl.col("asked_principal")).clip(lower_bound=0)
    live = pl.col("capitalises") & (pl.col("status") == Status.active.value)
    joins = pl.when(live & (pl.col("instalment_no") < pl.col("instalments"))).then(over)
    return billed.with_columns(capitalised=joins.otherwise(0)).with_columns(
        billed_interest=pl.when(daily)
        .then("billed_interest")
        .otherwise(pl.col("billed_interest") - pl.col("capitalised"))
    )


def _open(dues: pl.DataFrame, billed: pl.DataFrame) -> pl.DataFrame:
    """Add the billed amounts to the dues; a row money opened early grows by the rest."""
    fresh = pl.concat(
        due_rows(
            billed.filter(pl.col(column) > 0), "instalment_no", component, "next_due_date", column
        )
        for component, column in (
            (Component.principal, "billed_principal"),
            (Component.interest, "billed_interest"),
        )
    )
    return merge_dues(dues, fresh)


def begin_next_period(billed: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """Positions after billing: dues grown, cursor on the next instalment, accrual restarted."""
    figures = Figures(billed)
    billed = billed.with_columns(_bears_from=_falls_due_later())
    asked_interest = pl.col("billed_interest") + pl.col("interest_stands")
    settled = _with_on_time(_with_residue(billed, figures)).with_columns(
        **balances.grow_principal(pl.col("capitalised")),
        **balances.grow_due(Component.principal, pl.col("billed_principal") + pl.col("stands")),
        **balances.grow_due(Component.interest, asked_interest),
        **balances.grow_accrued(-asked_interest - pl.col("capitalised")),
        **segment.bill_prepaid(pl.col("early_interest")),
        prepaid_dues=(
            pl.col("prepaid_dues")
            - pl.col("early_interest")
            - pl.col("early_principal")
            + goes_on_to_next()
        ).clip(lower_bound=0),
    )
    moved = with_period_interest(move_period(next_period(settled, figures), calendars))
    if any_takes_all(moved):
        moved = lowered(moved, pl.col("beyond_instalment") > 0)
    if moved["revolving"].any():
        moved = moved.with_columns(**line.state(statement_balance(), pl.col("revolving")))
    return begun_anew(moved).with_columns(
        period_interest=pl.when(interest_stopped()).then(0).otherwise("period_interest"),
        **segment.restart(
            pl.when(pl.col("_bears_from").is_not_null())
            .then("_bears_from")
            .otherwise("period_start"),
            pl.col("interest_accrued") + pl.col("accrued_prepaid"),
            pl.col("residue_kept") * _over_days(),
        ),
    )


def _falls_due_later() -> pl.Expr:
    """Of a last instalment that a calendar moves, the day on which it falls due: interest after it is of the nights
    from then on, for its period is over. Null of others."""
    last = pl.col("instalment_no") == pl.col("instalments")
    later = billed_early() & (pl.col("next_due_date") > pl.col("period_end"))
    return pl.when(last & later).then("next_due_date")


def _over_days() -> pl.Expr:
    """What a period's denominator has beyond that of its rate: its days, where it prorates."""
    days = (pl.col("period_end") - pl.col("period_start")).dt.total_days().clip(lower_bound=1)
    return pl.when(counts_days()).then(1).otherwise(days)


def _with_residue(ending: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """`residue_kept`: what rounding left of the period's exact interest, if the product carries it,
    or the period is skipped: what nothing is asked of is not rounded yet. Nor is interest that each
    payment rounds, where none came.

    Over the denominator of the rate alone, so that it can move on to a period of other length.
    """
    skipped = (pl.col("level") == 0) & ~alike() & (pl.col("instalment_no") < pl.col("instalments"))
    goes_on = (pl.col("residue") == 1) | skipped | pl.col("due_at_payment")
    carries = (pl.col("interest_mode") == InterestMode.daily) & goes_on
    if ending.filter(carries).is_empty():
        return ending.with_columns(residue_kept=pl.lit(0, dtype=pl.Int64))
    laid, accrual = Accrual.of(ending)
    told = laid.with_columns(over=accrual.numerator(), under=int128(accrual.denominator()))
    exact = told.drop(accrual.columns).collect()
    # of the segment that ends today: what the accrual made of it, whole units before it left out
    billed = pl.col("interest_accrued") + pl.col("accrued_prepaid") - pl.col("accrued_units")
    left = pl.col("over") - int128(billed) * pl.col("under")
    if figures.stubbed or figures.matures or figures.reshaped or figures.reckoned:
        # an odd period has a denominator of its own; the next one has no night yet
        following = pl.col("instalment_no") + 1
        onward = ending.with_columns(
            following, period_start="period_end", period_end=figures.due_date(following)
        )
        ahead, after = Accrual(figures, accrual.modes).in_columns(onward.lazy())
        later = int128(after.denominator()) // _over_days()
        exact = exact.with_columns(ahead.select(_later=later).collect())
        left = left * pl.col("_later") // pl.col("under")
    else:
        left = left // _over_days()
    kept = pl.when(carries).then(left.cast(pl.Int64)).otherwise(0)
    return exact.with_columns(residue_kept=kept).drop("over", "under", "_later", strict=False)
