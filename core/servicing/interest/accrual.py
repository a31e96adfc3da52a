"""Interest earned by nights, path-independent.

The exact amount of a period is ``accrued_units`` plus an Int128 numerator over a fixed
denominator; it is rounded to show it, never to continue from it. So interest from a to c
equals a to b plus b to c for every b, and a day books the difference of rounded values.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from copy import copy

import polars as pl

from loanbook.core.catalogue.codes import AfterChargeOff, InterestMode, Status
from loanbook.core.contract.dates.day_count import ACTUAL, BASES, RateBasis
from loanbook.core.contract.figures import Figures
from loanbook.core.contract.first_period import Stub
from loanbook.core.contract.money import PPB, Rounding, by_code, int128, lift, with_quotient
from loanbook.core.frames import codes, engine_for
from loanbook.core.servicing.interest.cash_advances import bears_more, margin
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import any_off_accrual, off_books


def interest_stopped() -> pl.Expr:
    """Charged-off loans whose product bears no more interest then."""
    return (pl.col("status") == Status.charged_off.value) & (
        pl.col("after_charge_off") != AfterChargeOff.regular.value
    )


def _elapsed(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    return (end - start).dt.total_days()


def rate_changes_within() -> pl.Expr:
    """Loans whose last change of the rate is in force from a day within the segment, or after it."""
    return (pl.col("rate_until") > pl.col("segment_start")).fill_null(False)


def _begin_later(loans: pl.DataFrame) -> bool:
    """Whether some loan's segment begins after its `business_date`."""
    last, now = loans["segment_start"].max(), loans["business_date"].min()
    return isinstance(last, dt.date) and isinstance(now, dt.date) and last > now


_OVER, _UNDER, _BEFORE = "_night_over", "_night_under", "_night_before"


class Accrual:
    """Expressions for one batch of loans, each on its `business_date`; reads terms and positions.

    They are for the frame that `in_columns` gives with them. `columns`: those that it has for them.
    """

    def __init__(self, figures: Figures, modes: frozenset[int]) -> None:
        self.figures, self.modes = figures, modes
        self.columns: list[str] = []
        # an effective rate is of a schedule's periods: no night of a daily loan bears it
        self.basis = figures.basis - {RateBasis.effective.value} or figures.basis
        self.prorating = self.basis - ACTUAL.keys()
        self.adjusted = bool((figures.terms["first_interest_adjustment"] != 0).any())
        self.advances = bears_more(figures.terms)
        # a rate that was agreed ahead of its day: nights before it bear the one before
        self.rate_changes = (
            figures.changed and figures.terms.select(rate_changes_within().any()).item()
        )
        self.graced = bool((figures.terms["grace_charged"] > 0).any())
        # after the last instalment interest begins on the day on which that falls due
        self.begins_later = _begin_later(figures.terms)

    @classmethod
    def of(cls, loans: pl.DataFrame) -> tuple[pl.LazyFrame, Accrual]:
        """Loans with what their interest asks for, and the expressions over them; to be collected."""
        return cls(Figures(loans), codes(loans, "interest_mode")).in_columns(loans.lazy())

    def in_columns(self, loans: pl.LazyFrame) -> tuple[pl.LazyFrame, Accrual]:
        """Loans with what a night of theirs bears in columns, where a period that is no whole one makes it long,
        and the expressions that read it there."""
        figures = self.figures
        if not (self.prorating and (figures.decimal or figures.odd.asked())):
            return loans, self
        laid, figures = figures.in_columns(loans)
        accrual = copy(self)
        accrual.figures = figures
        rates = {"rate_ppb": (_OVER, _UNDER)}
        if self.rate_changes:
            rates["rate_before"] = (_BEFORE, "_before_under")
        for step in (accrual._of_period, accrual._in_decimals, accrual._by_nights):
            told: dict[str, pl.Expr] = {}
            for rate, names in rates.items():
                told |= dict(zip(names, step(rate, *map(pl.col, names)), strict=True))
            laid = laid.with_columns(**told)
        accrual.columns = [
            *figures.odd.columns,
            *(name for each in rates.values() for name in each),
        ]
        return laid, accrual

    def _of_period(self, rate: str, *_: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        return self.figures.rate_factor(self.prorating, pl.col(rate))

    def _in_decimals(self, _: str, over: pl.Expr, under: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        return self.figures.in_decimals(over, under)

    def factors(self) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
        """Balance (Int64; of a scheduled loan the period's interest), factor and nights of the segment: their
        product over `denominator` is its interest."""
        scheduled = pl.col("interest_mode") == InterestMode.scheduled
        factor = self._by_count(pl.col("rate_ppb"), lambda: self._a_night()[0])
        nights = self._counted()
        amount = self._bearing()
        if InterestMode.scheduled in self.modes:
            amount = pl.when(scheduled).then("period_interest").otherwise(amount)
            factor = pl.when(scheduled).then(1).otherwise(factor)
            nights = pl.when(scheduled).then(self._nights(_elapsed)).otherwise(nights)
        return amount, factor, nights

    def numerator(self) -> pl.Expr:
        """Exact interest since `segment_start`, with the remainder before it (Int128).

        A balance times a factor times nights, each chosen by the loan's code: the wide
        arithmetic is done once, whatever codes occur.
        """
        amount, factor, nights = self.factors()
        exact = int128(amount) * factor
        if self.advances:
            exact = exact + int128(self._earning(pl.col("cash_advances"))) * margin()
        if self.adjusted:
            exact = exact + self._agreed()
        whole = int128(pl.col("accrued_remainder")) + exact * nights
        if not self.rate_changes:
            return whole
        daily = rate_changes_within() & (pl.col("interest_mode") == InterestMode.daily)
        earlier = self._counted(pl.min_horizontal(BUSINESS_DATE, "rate_until"))
        less = int128(amount) * (self._factor_before() - factor) * earlier
        return whole + pl.when(daily).then(less).otherwise(0)

    def _factor_before(self) -> pl.Expr:
        """`factors`' factor at the rate before the last change (Int64)."""
        return self._by_count(pl.col("rate_before"), lambda: self._a_night("rate_before")[0])

    def of_advances(self) -> pl.Expr:
        """As `numerator`, of a line's advances alone (Int128)."""
        each = int128(self._earning(pl.col("cash_advances"))) * (pl.col("rate_ppb") + margin())
        return int128(pl.col("cash_advance_remainder")) + each * self._counted()

    def denominator(self) -> pl.Expr:
        """What `numerator` is over, constant within a period (Int64)."""
        return by_code(pl.col("interest_mode"), self.modes, InterestMode, self._denominator_of)

    def _period_days(self) -> pl.Expr:
        """Nights of the period; 1 where a calendar moved its end to the day that it begins: it bears none."""
        return _elapsed(pl.col("period_start"), pl.col("period_end")).clip(lower_bound=1)

    def _by_basis(self, build: Callable[[RateBasis], pl.Expr]) -> pl.Expr:
        return by_code(pl.col("basis"), self.basis, RateBasis, build)

    def _by_count(self, actual: pl.Expr, prorated: Callable[[], pl.Expr]) -> pl.Expr:
        """`actual` of loans whose basis counts days; of those that prorate a period's factor, the other."""
        if not self.prorating:
            return actual
        of_period = prorated()  # made once, whatever bases occur
        return self._by_basis(lambda b: actual if b in ACTUAL else of_period)

    def _bearing(self) -> pl.Expr:
        """The balance that bears interest by nights (Int64)."""
        bearing = pl.col("principal")
        if self.figures.frees_overdue:
            bearing = bearing - pl.when("overdue_is_free").then("principal_due").otherwise(0)
        if self.figures.frees_down:  # overdue principal that bears none has it within
            down = pl.when("overdue_is_free").then(0).otherwise("down_payment_due")
            bearing = bearing - down
        return self._earning(bearing)

    def _earning(self, balance: pl.Expr) -> pl.Expr:
        """`balance`, or 0 of loans that bear no interest (Int64)."""
        earning = (
            (pl.col("status") != Status.overpaid.value)
            & ~interest_stopped()
            & ((pl.col("instalment_no") <= pl.col("instalments")) | (pl.col("post_maturity") == 1))
        )
        if self.graced:
            earning = earning & (pl.col("instalment_no") > pl.col("grace_charged"))
        return pl.when(earning).then(balance).otherwise(0)

    def _agreed(self) -> pl.Expr:
        """What was agreed of the first period's interest beyond the rate's, by nights (Int128)."""
        first = (pl.col("interest_mode") == InterestMode.daily) & (pl.col("instalment_no") == 1)
        adjustment = pl.when(first).then("first_interest_adjustment").otherwise(0)
        return int128(adjustment) * self._by_count(
            pl.lit(0), lambda: self.figures.nightly_factor(self.prorating)[1]
        )

    def _a_night(self, rate: str = "rate_ppb") -> tuple[pl.Expr, pl.Expr]:
        """What a counted night bears at the rate of a column, of bases that prorate a period's factor: over
        and under (Int64).

        Each night of a period that an order reshaped bears its share of a whole period, so that those
        before the order keep what they bore.
        """
        if self.columns:
            return pl.col(_OVER if rate == "rate_ppb" else _BEFORE), pl.col(_UNDER)
        return self._by_nights(rate, *self._in_decimals(rate, *self._of_period(rate)))

    def _by_nights(self, rate: str, over: pl.Expr, under: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """`_a_night` of the factor of a period."""
        figures = self.figures
        under = under * self._period_days()
        if not figures.reshaped:
            return over, under
        each, year = figures.whole_factor(self.prorating, rate)
        first, second = self._whole_nights()
        here, counts_on = figures.odd.is_reshaped(), pl.col("stub") == Stub.forward.value
        _, regular = figures.odd.reshaped_days()
        shared = year * pl.when(counts_on).then(first * second).otherwise(regular)
        return pl.when(here).then(each).otherwise(over), pl.when(here).then(shared).otherwise(under)

    def _whole_nights(self) -> tuple[pl.Expr, pl.Expr]:
        """Nights of a whole period from `period_start`, and of the one after it (Int64)."""
        whole, then = self.figures.odd.whole_periods()
        return _elapsed(pl.col("period_start"), whole), _elapsed(whole, then)

    def _shares(self, start: pl.Expr, end: pl.Expr) -> pl.Expr:
        """Nights; of a period that an order reshaped where the product counts it from its start, in units of
        `_a_night`: beyond a whole period they are a share of the one after it."""
        nights = _elapsed(start, end)
        if not self.figures.reshaped:
            return nights
        first, second = self._whole_nights()
        whole, _ = self.figures.odd.whole_periods()
        beyond = (
            _elapsed(pl.max_horizontal(start, whole), pl.max_horizontal(end, whole))
        )  # fmt: skip
        pieced = self.figures.odd.is_reshaped() & (pl.col("stub") == Stub.forward.value)
        return pl.when(pieced).then((nights - beyond) * second + beyond * first).otherwise(nights)

    def _counted(self, until: pl.Expr = BUSINESS_DATE) -> pl.Expr:
        """Nights of the segment `until` a date, as the loan's basis counts them."""
        actual = {
            b: ACTUAL[b].numerator for b in (BASES[code] for code in self.basis) if b in ACTUAL
        }
        return self._by_basis(lambda b: self._nights(actual.get(b, self._shares), until))

    def _nights(
        self, count: Callable[[pl.Expr, pl.Expr], pl.Expr], until: pl.Expr = BUSINESS_DATE
    ) -> pl.Expr:
        """What `count` makes of the nights of the segment `until` a date, less those of an interest pause."""
        start = pl.col("segment_start")
        if self.begins_later:
            until = pl.max_horizontal(until, start)
        whole = count(start, until)
        if not self.figures.paused:
            return whole
        first = pl.max_horizontal(start, "paused_from")
        last = pl.max_horizontal(pl.min_horizontal(until, "paused_until"), first)
        paused = pl.col("paused_until").is_not_null()
        return whole - pl.when(paused).then(count(first, last)).otherwise(0)

    def _denominator_of(self, mode: InterestMode) -> pl.Expr:
        if mode is InterestMode.scheduled:
            return self._period_days()

        return self._by_count(self._days_a_year(), lambda: self._a_night()[1])

    def _days_a_year(self) -> pl.Expr:
        """What the days of bases that count them are over, at a rate in parts per billion (Int64)."""
        over = {
            b: ACTUAL[b].denominator for b in (BASES[code] for code in self.basis) if b in ACTUAL
        }
        return self._by_basis(lambda b: pl.lit(PPB * over.get(b, 1), dtype=pl.Int64))


def last_night(wide: pl.DataFrame) -> pl.DataFrame:
    """What the night before `business_date` bears, factor by factor, of loans (terms, positions).

    `loan_id`, `business_date`, `balance`, `factor`, `nights` as the basis counts them, `denominator`
    (Int64), as `Accrual.factors` has them, `period_days`, `advance_balance` (Int64: that bears the margin too)
    and `adjustment` (Int64: what the first period's nights share beside, or have in them).
    """
    laid, accrual = Accrual.of(wide)
    balance, factor, nights = accrual.factors()
    if accrual.rate_changes:
        early = (pl.col("rate_until") >= BUSINESS_DATE).fill_null(False)
        factor = pl.when(early).then(accrual._factor_before()).otherwise(factor)
    first = pl.when(pl.col("instalment_no") == 1).then("first_interest_adjustment")
    eve = laid.with_columns(business_date=BUSINESS_DATE.dt.offset_by("-1d"))
    told = laid.select(
        "loan_id", "business_date", balance=balance, factor=factor, nights=nights,
        denominator=accrual.denominator(), period_days=accrual._period_days(),
        advance_balance=pl.when(pl.col("cash_advance_margin") > 0).then("cash_advances").otherwise(0),
        adjustment=first.otherwise(0),
    ).collect()  # fmt: skip
    before = eve.select(nights=nights).collect()["nights"]
    return told.with_columns(nights=told["nights"] - before).cast(
        {name: pl.Int64 for name in told.columns if name not in ("loan_id", "business_date")}
    )


def accrue(wide: pl.DataFrame) -> pl.DataFrame:
    """`wide` (terms and positions) with the nights before `business_date` earned.

    Sets `interest_accrued`, `accrued_today`, `interest_earned`, `off_books`, and clears `paid_today`.
    """
    if wide.is_empty():
        return wide
    whole = earned(wide)
    growth = whole - wide["interest_accrued"]
    lived = wide.with_columns(
        growth.alias("accrued_today"),
        (wide["interest_earned"] + growth).alias("interest_earned"),
        **balances.set_accrued(whole),
        paid_today=pl.lit(0, dtype=pl.Int64),
    )
    return lived.with_columns(off_books=off_books(lived)) if any_off_accrual(lived) else lived


def earned(wide: pl.DataFrame) -> pl.Series:
    """Interest of the running period to `business_date`, rounded once, less what is paid of it; of a line
    of credit in grace that of its advances alone is shown.

    The one expression every loan goes through every day: numerator, floor and rest are
    columns, so that none of the Int128 arithmetic is done twice, and it streams in small
    pieces, so that they stay in the processor's cache.
    """
    laid, accrual = Accrual.of(wide)
    exact = laid.select(
        "interest_rounding",
        "accrued_units",
        "accrued_prepaid",
        numerator=accrual.numerator(),
        denominator=accrual.denominator(),
    ).with_columns(floor=pl.col("numerator") // int128(pl.col("denominator")))
    left = pl.col("numerator") - pl.col("floor") * int128(pl.col("denominator"))
    parts = exact.select(
        "interest_rounding",
        "denominator",
        rest=left.cast(pl.Int64),
        # with the whole units of earlier segments: whether a half rounds up goes by all of it
        floor=pl.col("accrued_units") + pl.col("floor").cast(pl.Int64),
        paid="accrued_prepaid",
    )
    lifted = by_code(
        pl.col("interest_rounding"),
        accrual.figures.rounding,
        Rounding,
        lambda mode: lift(pl.col("floor"), pl.col("rest"), pl.col("denominator"), mode),
    )
    shown = pl.col("floor") + lifted - pl.col("paid")
    # one piece: a frame whose columns are cut in different places is copied at the next selection
    whole = parts.select(shown).collect(engine=engine_for(wide)).to_series().rechunk()
    if not wide["grace_on_draws"].any():
        return whole
    hidden = wide["grace_on_draws"] & wide["in_grace"]
    visible = whole.zip_with(~hidden, pl.zeros(len(whole), dtype=pl.Int64, eager=True))
    bears = hidden & (wide["cash_advance_margin"] > 0)
    if not bears.any():
        return visible
    few = bears.arg_true()
    return visible.scatter(few, _of_advances(wide[few]))


def _of_advances(wide: pl.DataFrame) -> pl.Series:
    """Interest of a line's advances alone, as `earned` is of all."""
    laid, accrual = Accrual.of(wide)
    under = int128(accrual.denominator())
    whole = int128(pl.col("cash_advance_units")) * under + accrual.of_advances()
    shown = with_quotient(
        laid, "shown", whole, under, "interest_rounding", accrual.figures.rounding
    )
    return shown.select(pl.col("shown") - pl.col("accrued_prepaid")).collect().to_series()


def on_new_period(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """`after` with the fraction of a minor unit that loans earned `before`, over their period as it is now.

    Positions of the same daily loans row by row, whose running period a change of the contract ended
    elsewhere: the nights so far keep what they bore.
    """
    old, new = (denominators(frame).alias("_of").to_frame() for frame in (before, after))
    both = pl.concat([after, old, new.rename({"_of": "_now"})], how="horizontal")
    daily = pl.col("interest_mode") == InterestMode.daily
    scaled = int128(pl.col("accrued_remainder")) * pl.col("_now") // pl.col("_of")
    return both.with_columns(**segment.scale_remainder(scaled.cast(pl.Int64), daily)).drop(
        "_of", "_now"
    )


def denominators(loans: pl.DataFrame) -> pl.Series:
    """What the exact interest of each loan's running period is over (Int128)."""
    laid, accrual = Accrual.of(loans)
    # one denominator of all loans is a row each too
    told = laid.with_columns(_of=int128(accrual.denominator())).select("_of").collect()
    return told.to_series()


def close_segment(loans: pl.DataFrame, changes: pl.Expr | None = None) -> pl.DataFrame:
    """End the running balance segment today, exactly: whole units and remainder move on.

    To be called before a balance changes (of some loans alone: `changes`). The interest to the date is
    unchanged; a product that rounds each segment by itself goes on with what is shown of it.
    """
    if loans.is_empty():
        return loans
    laid, accrual = Accrual.of(loans)
    daily = pl.col("interest_mode") == InterestMode.daily
    exact = laid.with_columns(_over=accrual.numerator(), _under=int128(accrual.denominator()))
    exact = exact.with_columns(_floor=pl.col("_over") // pl.col("_under"))
    rest = (pl.col("_over") - pl.col("_floor") * pl.col("_under")).cast(pl.Int64)
    whole = pl.col("accrued_units") + pl.col("_floor").cast(pl.Int64)
    if accrual.advances:
        exact = _with_advances_closed(exact, accrual)
    later = pl.max_horizontal(BUSINESS_DATE, "segment_start")
    start = later if accrual.begins_later else BUSINESS_DATE
    ended = exact.with_columns(**segment.restart(start, whole, rest, where=daily))
    if loans["segment_is_rounded"].any():
        rounds = daily & pl.col("segment_is_rounded") & ~pl.col("revolving")
        rounds = rounds if changes is None else rounds & changes
        ended = ended.with_columns(**segment.end_earning(where=rounds))
    return ended.drop("_over", "_under", "_floor", *accrual.columns).collect(
        engine=engine_for(loans)
    )


def _with_advances_closed(exact: pl.LazyFrame, accrual: Accrual) -> pl.LazyFrame:
    """The segment of a line's advances ended, beside that of all; `exact` has `_under`."""
    with_units = exact.with_columns(_own=accrual.of_advances())
    with_units = with_units.with_columns(_units=pl.col("_own") // pl.col("_under"))
    rest = pl.col("_own") - pl.col("_units") * pl.col("_under")
    bears_advances = pl.col("cash_advance_margin") > 0
    return with_units.with_columns(
        **segment.set_earned_of_advances(
            pl.col("cash_advance_units") + pl.col("_units").cast(pl.Int64),
            rest.cast(pl.Int64),
            where=bears_advances,
        )
    ).drop("_own", "_units")
