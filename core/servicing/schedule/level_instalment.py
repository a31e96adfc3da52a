"""The level instalment of a loan that bills step by step, made anew in the middle of its life.

It pays off what is unbilled over the instalments left. Money in advance stands with instalments
to come, so they are still to be paid off with it, and the interest of the running period is what
its nights really bear: less where the balance was lower, or interest paused.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import RUNNING_TAKES_ALL, Excess, InterestMode
from loanbook.core.catalogue.components import (
    Component,
    is_interest,
    is_principal,
    of_schedule,
)
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.first_period import later_stub
from loanbook.core.contract.money import int128
from loanbook.core.contract.schedule.expansion import expand_from
from loanbook.core.contract.steps_and_seasons import alike
from loanbook.core.frames import engine_for
from loanbook.core.servicing.interest.accrual import Accrual
from loanbook.core.servicing.interest.pauses import later_pauses
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.opening import (
    move_period,
    stub_within,
    with_level_instalment,
    with_period_interest,
)
from loanbook.core.servicing.schedule.coming_dues import unpaid_down_payments
from loanbook.core.servicing.schedule.equal_parts import with_equal_parts


def prepaid_principal(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """`standing`: principal that money in advance paid of instalments to come, `ahead` of it of
    the running one; `met`: last instalments that such money has met, which take no more part;
    `prepaid_interest`: interest that it paid of them.

    It is part of those instalments, so the level instalment counts it as still to be paid off.
    """
    cursor = loans.filter(pl.col("prepaid_dues") > 0).select(
        "loan_id", "emi", backwards=pl.col("excess") == Excess.last_instalment, next="instalment_no"
    )
    # of equal parts each to come asks its part, whatever stands with it
    met = pl.col("backwards") & (pl.col("emi") > 0) & (pl.col("paid") >= pl.col("emi"))
    principal = is_principal()
    early = (
        dues.filter(of_schedule())
        .join(cursor, on="loan_id")
        .filter(pl.col("instalment_no") >= pl.col("next"))
        .group_by("loan_id")
        .agg(
            standing=pl.col("paid").filter(~met & principal).sum(),
            ahead=pl.col("paid")
            .filter(principal & (pl.col("instalment_no") == pl.col("next")))
            .sum(),
            met=(met & principal).sum().cast(pl.Int16),
            prepaid_interest=pl.col("paid").filter(~principal).sum(),
        )
    )
    return loans.join(early, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("standing", "ahead", "met", "prepaid_interest").fill_null(0)
    )


_PERIOD_START = pl.col("period_start")


def _of_one(loans: pl.DataFrame, until: pl.Expr, since: pl.Expr = _PERIOD_START) -> pl.DataFrame:
    """`one`: what one unit of balance earns from the start of the period, or `since` a date, `until`
    another, `over` the period's denominator (Int128)."""
    never = pl.lit(None, dtype=pl.Date)
    whole = loans.with_columns(
        paused_from=never,
        paused_until=never,
        **balances.set_principal(1),
        **balances.set_due(Component.principal, 0),
        **balances.set_down_payment_due(0),
        **segment.restart(since, "accrued_units"),
        first_interest_adjustment=pl.lit(0, dtype=pl.Int64),
        business_date=until,
    )
    # of the segment as it begins here: a rate that changed within the period changes within it
    laid, accrual = Accrual.of(whole)
    told = laid.select(one=accrual.numerator(), over=int128(accrual.denominator()))
    return told.collect(engine=engine_for(loans))


def _waiting_stub(loans: pl.DataFrame) -> pl.Expr:
    """What is earned of a stub's interest and asked in parts on top of the level instalments to come."""
    if not (loans["stub_amount"] != 0).any():
        return pl.lit(0, dtype=pl.Int64)
    begun = (pl.col("instalment_no") > 1) & ~pl.col("due_at_payment")
    waits = later_stub(pl.col("instalment_no") - 1).clip(lower_bound=0)
    return pl.when(begun).then(waits).otherwise(0)


def lacks(loans: pl.DataFrame) -> pl.Series:
    """Balance by nights by which the running period falls short of what the instalments pay off.

    Read off the interest that it has earned, whatever the balance was night by night; in the
    nights of an interest pause that are to come, it is all that instalments to come pay off. Down payments that
    bore nothing (`with_down_payments`) are in the principal, and no instalment to come pays them off.
    """
    whole = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
    one = _of_one(loans, BUSINESS_DATE)
    # nights are those of the whole period, whatever days the day count gives to each
    one = one.with_columns(all=_of_one(loans, pl.col("period_end"))["one"])
    # interest that was paid, and stands with no instalment, is not paid off again
    paid = (pl.col("accrued_prepaid") - pl.col("prepaid_interest")).clip(lower_bound=0)
    accrued = pl.col("accrued_units") - pl.col("lifted_interest") - paid - _waiting_stub(loans)
    exact = int128(accrued) * pl.col("over") + int128(pl.col("accrued_remainder"))
    free = pl.when("overdue_is_free").then("principal_due").otherwise(0)
    balance = pl.col("principal") - free + pl.col("standing") - pl.col("down_unpaid")
    short = int128(balance) * pl.col("one") - exact
    lacking = short * whole // pl.max_horizontal("all", pl.lit(1, dtype=pl.Int128))
    one = one.with_columns(rests=_of_nights_to_rest(loans))
    so_far = pl.when(pl.col("one") > 0).then(lacking.cast(pl.Int64)).otherwise(0)
    # scheduled interest is that of the schedule, whatever was paid
    daily = pl.col("interest_mode") == InterestMode.daily
    rests = int128(_unbilled() + pl.col("standing")) * pl.col("rests") * whole
    rests = (rests // pl.max_horizontal("all", pl.lit(1, dtype=pl.Int128))).cast(pl.Int64)
    lacking = pl.when(daily).then(so_far + rests).otherwise(0)
    return pl.concat([loans, one], how="horizontal").select(lacks=lacking).to_series()


def _of_nights_to_rest(loans: pl.DataFrame) -> pl.Series:
    """What one unit of balance would earn in the nights of pauses that are to come in the period (Int128)."""
    if loans["paused_until"].is_null().all():
        return pl.repeat(0, loans.height, dtype=pl.Int128, eager=True)
    first, later = _rested(loans), later_pauses(loans)
    if later.is_empty():
        return first
    more = later.select("place", more=_rested(later)).group_by("place").agg(pl.col("more").sum())
    both = first.to_frame("rests").with_row_index("place")
    both = both.join(more, on="place", how="left", maintain_order="left")
    return both.select(pl.col("rests") + pl.col("more").fill_null(0)).to_series()


def _rested(loans: pl.DataFrame) -> pl.Series:
    """`_of_nights_to_rest` of the pause in `paused_from` and `paused_until`."""
    until = pl.min_horizontal("paused_until", "period_end")
    since = pl.max_horizontal("paused_from", BUSINESS_DATE)
    paused = pl.col("paused_until").is_not_null() & (until > since)
    nights = _of_one(loans, pl.when(paused).then(until).otherwise(since), since)["one"]
    return loans.select(rests=pl.when(paused).then(nights).otherwise(0)).to_series()


def nights_not_borne(loans: pl.DataFrame, balance: pl.Expr) -> pl.Series:
    """Balance by nights that a `balance` lent today lacks of the running period (Int64): the nights that are over, and
    those that a pause rests, at what the day count makes of them."""
    whole = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
    of_one = loans.with_columns(
        _over=_of_one(loans, BUSINESS_DATE)["one"] + _of_nights_to_rest(loans),
        _all=_of_one(loans, pl.col("period_end"))["one"],
    )
    # a period that bears nothing lacks nothing
    lacking = int128(balance) * pl.when(pl.col("_all") > 0).then("_over").otherwise(0) * whole
    most = pl.max_horizontal("_all", pl.lit(1, dtype=pl.Int128))
    return of_one.select(lacks=(lacking // most).cast(pl.Int64)).to_series()


def bears_otherwise(loans: pl.DataFrame) -> pl.Series:
    """`lacks` of loans at the start of their running period: the interest that waits comes with it.

    Below 0 where it bears more than its own nights: what was due before, or nights before it.
    """
    one = _of_one(loans, pl.col("period_end"))
    # what is gone of the period is what the day count makes of it, not its nights
    one = one.with_columns(rest=_of_one(loans, pl.col("period_end"), BUSINESS_DATE)["one"])
    exact = int128(pl.col("accrued_units")) * pl.col("over") + int128(pl.col("accrued_remainder"))
    whole = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
    short = int128(pl.col("principal")) * (pl.col("one") - pl.col("rest")) - exact
    lacking = (short * whole // pl.max_horizontal("one", pl.lit(1, dtype=pl.Int128))).cast(pl.Int64)
    return (
        pl.concat([loans, one], how="horizontal")
        .select(lacks=pl.when(pl.col("one") > 0).then(lacking).otherwise(0))
        .to_series()
    )


def _billed_since_the_oldest(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """`first`, the oldest instalment that is billed and owes principal, which `fell_due`; `billed_first`, its principal;
    `billed`, that of those after it; `asked`, what the last of them asks."""
    return (
        dues.filter(
            of_schedule() & (pl.col("due_date") <= BUSINESS_DATE) & (pl.col("instalment_no") > 0)
        )
        .join(loans.select("loan_id"), on="loan_id", how="semi")
        .group_by("loan_id", "instalment_no")
        .agg(
            billed=pl.col("amount").filter(is_principal()).sum(),
            emi=pl.col("amount").sum(),
            fell_due=pl.col("due_date").first(),
            open=(is_principal() & (pl.col("amount") > pl.col("paid"))).any(),
        )
        .sort("loan_id", "instalment_no")
        .filter(pl.col("open").cum_sum().over("loan_id") > 0)
        .group_by("loan_id", maintain_order=True)
        .agg(
            first=pl.col("instalment_no").first(),
            billed=pl.col("billed").slice(1).sum(),
            billed_first=pl.col("billed").first(),
            asked=pl.col("emi").last(),
            fell_due=pl.col("fell_due").first(),
        )
    )


def with_late_interest(
    loans: pl.DataFrame, dues: pl.DataFrame, lent_today: pl.DataFrame | None = None
) -> pl.DataFrame:
    """`late_interest` (Int64): what arrears bore within instalments billed since the oldest open one.

    The instalments stayed what they were and paid off so much less principal. The last one takes
    that up, as it does of all late money; a level instalment made anew leaves it to it. `lent_today`
    (`loan_id`, `lent`): what of the principal was not there when those instalments were billed.
    """
    late = loans.join(_billed_since_the_oldest(loans, dues), on="loan_id", maintain_order="left")
    lent = pl.lit(0, dtype=pl.Int64)
    if lent_today is not None:
        late = late.join(lent_today, on="loan_id", how="left", maintain_order="left")
        lent = pl.col("lent").fill_null(0)
    # a down payment that was late bore interest within the oldest instalment, too
    at_once = pl.col("principal") - lent + pl.col("principal_paid") == pl.col("principal_agreed")
    of_down = ((pl.col("down_payment_ppb") > 0) & at_once).cast(pl.Int16)
    late = late.with_columns(
        first=pl.col("first") - of_down,
        billed=pl.col("billed") + of_down.cast(pl.Int64) * pl.col("billed_first"),
    ).filter(
        (pl.col("interest_mode") == InterestMode.daily)
        & (pl.col("first") + 1 < pl.col("instalment_no"))
    )
    if late.is_empty():
        return loans.with_columns(late_interest=pl.lit(0, dtype=pl.Int64))
    opened = pl.col("principal") - pl.col("principal_due") + pl.col("billed") - lent
    number = pl.col("first").cast(pl.Int32)
    # before the first one lie its own nights, whatever dates are moved since
    own = pl.when(number < 1).then(pl.col("fell_due") - pl.col("disbursed_on"))
    before_it = own.otherwise(pl.duration(days=0))
    on_time = expand_from(
        late.with_columns(
            period_start=due_of(pl.max_horizontal(number, 1), late) - before_it,
            period_end=due_of(number + 1, late),
            schedule_balance=opened,
            # by steps and seasons an instalment asks a part of the level one
            emi=pl.when(alike()).then("asked").otherwise("emi"),
            interest_carried=pl.lit(0, dtype=pl.Int64),
        ).with_columns(instalment_no=(pl.col("first") + 1).cast(pl.Int16))
    )
    paid_off = (
        on_time.join(late.select("loan_id", now="instalment_no"), on="loan_id")
        .filter(pl.col("instalment_no") < pl.col("now"))
        .group_by("loan_id")
        .agg(paid_off=pl.col("principal").sum())
    )
    late_interest = late.join(paid_off, on="loan_id").select(
        "loan_id", late_interest=(pl.col("paid_off") - pl.col("billed")).clip(lower_bound=0)
    )
    return loans.join(late_interest, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("late_interest").fill_null(0)
    )


_OFF_THE_BALANCE = [
    Excess.next_then_principal.value, Excess.curtailment.value, Excess.recast.value,
    *(each.value for each in RUNNING_TAKES_ALL),
]  # fmt: skip
"""Rules by which money in advance leaves the schedule of what is left."""
_MADE_ANEW = [Excess.recast.value, *(each.value for each in RUNNING_TAKES_ALL)]
"""Rules by which money in advance makes the instalments to come anew."""


def early_interest(loans: pl.DataFrame) -> pl.Series:
    """What instalments paid before their day saved of interest, of loans `with_late_interest` (Int64).

    They stayed what they were and paid off so much more principal. The last one is less by that; a
    level instalment made anew leaves it to it. Of loans lent at once, but for `lent` of today, whose
    schedule tells what is left of them if each instalment is paid on its day.
    """
    before = pl.col("principal") - pl.col("lent")
    at_once = before + pl.col("principal_paid") == pl.col("principal_agreed")
    follows = (pl.col("interest_mode") == InterestMode.daily) & ~pl.col("revolving")
    stands = ~pl.col("excess").is_in(_OFF_THE_BALANCE)
    as_agreed = pl.col("paused_until").is_null() & (pl.col("met") == 0)
    left = before - pl.col("principal_due") + pl.col("standing")
    saved = (pl.col("schedule_balance") - left).clip(lower_bound=0)
    known = at_once & follows & stands & as_agreed & (pl.col("late_interest") == 0)
    return loans.select(early=pl.when(known).then(saved).otherwise(0)).to_series()


def not_on_time() -> dict[str, pl.Expr]:
    """Columns of loans whose contract changed otherwise than by a payout: what would be left if each
    instalment were paid on its day is not counted any more."""
    counted = pl.col("on_time_balance").is_not_null()
    return {
        "on_time_balance": pl.lit(None, dtype=pl.Int64),
        "tranche_balance_days": pl.when(counted).then(0).otherwise("tranche_balance_days"),
    }


def with_on_time(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """Loans of a tranche with `late_interest` and `early_interest` read off `on_time_balance`, where it is
    counted, and that balance with the payout in it.

    `loans`: terms and positions after the payout, with `payout`, `down`, `standing`, `met`, `late_interest` and
    `early_interest`.
    """
    net = pl.col("payout") - pl.col("down")
    anew = (
        dues.filter(is_principal() & (pl.col("instalment_no") > 0))
        .filter((pl.col("due_date") > BUSINESS_DATE) & (pl.col("amount") > pl.col("paid")))
        .select("loan_id", owed_anew=pl.lit(True))
        .unique()
    )
    counts = (
        (pl.col("interest_mode") == InterestMode.daily)
        & (pl.col("amortisation") == Amortisation.equal_instalment)
        & ~pl.col("excess").is_in(_MADE_ANEW)
        & pl.col("paused_until").is_null()
        & pl.col("moratorium_left").is_null()
        & (pl.col("met") == 0)
        & pl.col("owed_anew").is_null()
        & ((pl.col("instalment_no") > 1) | (pl.col("down") > 0))
    )
    gap = _unbilled() - net + pl.col("standing") - pl.col("on_time_balance")
    known = counts & pl.col("on_time_balance").is_not_null()
    lent_before = pl.col("principal") + pl.col("principal_paid") > pl.col("payout")
    counts = counts & (known | (pl.col("instalment_no") > 1) | ~lent_before)
    nights = (BUSINESS_DATE - pl.col("period_start")).dt.total_days()
    before = pl.when(known).then("tranche_balance_days").otherwise(0)
    return (
        loans.join(anew, on="loan_id", how="left", maintain_order="left")
        .with_columns(
            late_interest=pl.when(known).then(gap.clip(lower_bound=0)).otherwise("late_interest"),
            early_interest=pl.when(known).then((-gap).clip(0)).otherwise("early_interest"),
            tranche_balance_days=pl.when(counts).then(before + net * nights).otherwise(0),
            counts=counts,
        )
        .with_columns(
            on_time_balance=pl.when("counts").then(
                _unbilled()
                + pl.col("standing")
                - pl.col("late_interest")
                + pl.col("early_interest")
            )
        )
        .drop("owed_anew", "counts")
    )


def with_down_payments(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """`down_unpaid` (Int64): down payments that are unpaid and bore no night's interest: those of the
    day, and where the product has them bear none, all of them. Overdue principal that bears none has them within."""
    asking = loans.filter(pl.col("down_payment_ppb") > 0)
    bears_none = pl.col("down_payment_is_free") | (pl.col("due_date") == BUSINESS_DATE)
    unpaid = (
        unpaid_down_payments(dues)
        .join(
            asking.filter(~pl.col("overdue_is_free")).select("loan_id", "down_payment_is_free"),
            on="loan_id",
        )
        .filter(bears_none)
        .group_by("loan_id")
        .agg(down_unpaid=pl.col("unpaid").sum())
    )
    joined = loans.join(unpaid, on="loan_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("down_unpaid").fill_null(0))


def with_shares(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """`share` (Int64): what each instalment to come asks of interest that was split among them, to
    instalment `last_share` (Int16); 0 where none was."""
    running = loans.filter(~pl.col("materialised")).select("loan_id", running="instalment_no")
    shares = (
        dues.filter(is_interest() & of_schedule() & (pl.col("due_date") > BUSINESS_DATE))
        .join(running, on="loan_id")
        .filter((pl.col("instalment_no") > pl.col("running")) & (pl.col("amount") > pl.col("paid")))
        .group_by("loan_id")
        .agg(share=pl.col("amount").max(), last_share=pl.col("instalment_no").max())
    )
    return loans.join(shares, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("share", "last_share").fill_null(0)
    )


STANDS = ["standing", "ahead", "met", "prepaid_interest", "late_interest", "lacks", "early_interest",
          "share", "last_share", "down_unpaid"]  # fmt: skip
"""What `stepped` reads beside terms and positions, and takes away."""


def with_what_stands(
    loans: pl.DataFrame, dues: pl.DataFrame, joined: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Loans whose level instalment is made anew today, with the columns of `STANDS`.

    What money in advance saved lowers the instalment, so none of it is left to the last one. `loans`:
    terms and positions, with `lifted_interest`. `joined` (`loan_id`, `lent`): interest within the principal that
    no instalment was billed on.
    """
    found = with_late_interest(prepaid_principal(with_shares(loans, dues), dues), dues, joined)
    found = with_down_payments(_with_gap(found, joined), dues)
    nights = (pl.col("period_end") - BUSINESS_DATE).dt.total_days()
    ahead = found.select(pl.col("ahead") * nights).to_series()
    lacking = lacks(found)
    if joined is not None:  # what arrears bore of the running period is in the principal, too
        to_pay_off = _unbilled() + pl.col("standing") - pl.col("late_interest")
        joins = pl.col("loan_id").is_in(joined["loan_id"].implode())
        of_plan = nights_not_borne(found, to_pay_off).alias("lacks")
        lacking = found.select(pl.when(joins).then(of_plan).otherwise(lacking)).to_series()
    return found.with_columns(
        (lacking + ahead).alias("lacks"),
        early_interest=pl.lit(0, dtype=pl.Int64),
    )


def _unbilled() -> pl.Expr:
    return pl.col("principal") - pl.col("principal_due")


def _with_gap(loans: pl.DataFrame, joined: pl.DataFrame | None) -> pl.DataFrame:
    """`late_interest` read off `on_time_balance`, where it is counted: less what joined the principal today."""
    if loans["on_time_balance"].null_count() == loans.height:
        return loans
    grown = pl.lit(0, dtype=pl.Int64)
    if joined is not None:
        loans = loans.join(joined, on="loan_id", how="left", maintain_order="left")
        grown = pl.col("lent").fill_null(0)
    counted = pl.col("on_time_balance").is_not_null() & (pl.col("met") == 0)
    gap = _unbilled() + pl.col("standing") - pl.col("on_time_balance") - grown
    late = pl.when(counted).then(gap.clip(lower_bound=0)).otherwise("late_interest")
    return loans.with_columns(late_interest=late).drop("lent", strict=False)


def with_balance_on_time(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """Loans that begin a moratorium with `on_time_balance` as their dues tell it: their dates are others when it ends."""
    found = with_late_interest(prepaid_principal(with_shares(loans, dues), dues), dues)
    counts = (
        (pl.col("interest_mode") == InterestMode.daily)
        & (pl.col("amortisation") == Amortisation.equal_instalment)
        & ~pl.col("excess").is_in(_MADE_ANEW)
        & (pl.col("met") == 0)
    )
    left = _unbilled() + pl.col("standing") - pl.col("late_interest")
    told = pl.coalesce("on_time_balance", pl.when(counts).then(left))
    return loans.with_columns(found.select(on_time_balance=told))


def stepped(loans: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """Level instalment and running period of loans that bill step by step; reads `STANDS`."""
    n = pl.col("instalment_no").cast(pl.Int32)
    daily = pl.col("interest_mode") == InterestMode.daily
    anew = pl.col("keep").fill_null("term") == "term"
    solves = (n <= pl.col("instalments")) & anew & (_unbilled() > 0)
    loans = loans.with_columns(period_end=due_of(n, loans))
    # what a short first period left out is in the principal already
    loans = loans.with_columns(**stub_within(solves & (n > 1) & (pl.col("stub_amount") < 0)))
    whole = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
    rest = loans.filter(solves).with_columns(
        # interest of arrears waits, and bears none until it is asked
        lacks=pl.col("lacks") + pl.when(daily).then(pl.col("lifted_interest") * whole).otherwise(0),
        lent="principal_agreed",  # flat interest is on it, whatever is left of it
        # interest that waits is paid off with the principal
        principal_agreed=pl.when(daily)
        .then(_unbilled() + pl.col("standing") - pl.col("late_interest") + pl.col("early_interest"))
        .otherwise("schedule_balance")
        + pl.col("lifted_interest"),
        instalments=pl.col("instalments") - pl.col("met"),
    )
    solved = with_level_instalment(loans.drop(STANDS, strict=False), rest)
    solved = with_equal_parts(solved, loans, rest)
    if (apart := loans.select((pl.col("share") > 0) & solves).to_series()).any():
        solved = _with_shares_within(solved, loans, apart)
    return with_period_interest(move_period(solved, calendars))


def _with_shares_within(
    solved: pl.DataFrame, loans: pl.DataFrame, apart: pl.Series
) -> pl.DataFrame:
    """Loans whose level instalment holds the shares of interest that some of their instalments ask; those
    after the last share ask all of it."""
    shares = loans.select("share", "last_share")
    later = pl.concat_str(pl.col("last_share") + 1, pl.lit(":"), "emi")
    longer = pl.col("instalments") > pl.col("last_share")
    return (
        pl.concat([solved, shares], how="horizontal")
        .with_columns(
            level_changes=pl.when(apart & longer).then(later).otherwise("level_changes"),
            emi=pl.when(apart).then(pl.col("emi") - pl.col("share")).otherwise("emi"),
        )
        .drop("share", "last_share")
    )
