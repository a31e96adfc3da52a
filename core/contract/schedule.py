"""The schedule: one step function that turns terms into instalments.

`instalment` gives the figures of one instalment from the balance before it. The
expansion of a whole schedule, the digest kept beside the terms, and billing in the
daily close all step through it, so a schedule can't be computed in two ways.

Frames in this module hold one row per loan with the columns of
:class:`core.origination.terms.Terms`. Amounts are Int64 minor units.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

import polars as pl

from core.contract.calendar import BusinessDay, Calendar
from core.contract.day_count import CONVENTIONS
from core.contract.due_dates import Unit, due_date
from core.contract.money import (
    PPB,
    Rounding,
    by_code,
    int128,
    rounded_quotient,
    to_multiple,
    with_quotient,
)

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)
UNITY = 10**18
"""Fixed point of discount factors: 18 decimals, so that P * UNITY stays within Int128."""


class Amortisation(IntEnum):
    """How principal is spread over the instalments."""

    equal_instalment = 0
    equal_principal = 1
    flat = 2
    interest_only = 3


class RateBasis(IntEnum):
    """What the yearly rate is divided by for one period."""

    period = 0
    thirty_360 = 1
    act_365f = 2
    act_360 = 3
    act_364 = 4
    act_act = 5
    act_365_actual = 6
    act_act_closing = 7


class Stub(IntEnum):
    """What a first period that is no whole period bears."""

    prorate = 0
    plus_days_365 = 1
    whole_period = 2


ACTUAL = {
    RateBasis.act_365f: CONVENTIONS["ACT/365F"],
    RateBasis.act_360: CONVENTIONS["ACT/360"],
    RateBasis.act_364: CONVENTIONS["ACT/364"],
    RateBasis.act_act: CONVENTIONS["ACT/ACT"],
    RateBasis.act_act_closing: CONVENTIONS["ACT/ACT closing"],
    RateBasis.act_365_actual: CONVENTIONS["ACT/365 Actual"],
}
"""The bases that count actual days, with their day count."""

_WHOLE_PERIOD: dict[RateBasis, dict[Unit, tuple[int, int]]] = {
    # fraction of a year that one unit is, as numerator and denominator
    RateBasis.period: {
        Unit.months: (1, 12),
        Unit.weeks: (1, 52),
        Unit.semi_monthly: (1, 24),
        Unit.days: (1, 365),
    },
    RateBasis.thirty_360: {
        Unit.months: (30, 360),
        Unit.weeks: (7, 360),
        Unit.semi_monthly: (15, 360),
        Unit.days: (1, 360),
    },
}


def codes(frame: pl.DataFrame, column: str) -> frozenset[int]:
    """The small-integer codes that occur in a column."""
    return frozenset(frame.get_column(column).unique().to_list())


class Figures:
    """Expressions over one batch of loans; knows which codes occur in it."""

    def __init__(self, terms: pl.DataFrame) -> None:
        self.basis = codes(terms, "basis")
        self.units = codes(terms, "unit")
        self.amortisation = codes(terms, "amortisation")
        self.rounding = codes(terms, "interest_rounding")
        self.decimal = bool(terms["decimal_factor"].any())
        self.overdue = "unpaid_until" in terms.columns
        self.graced = bool(
            (terms["grace_principal"] + terms["grace_interest"] + terms["grace_charged"]).max()
        )
        self.changed = "rate_until" in terms.columns and terms["rate_until"].count() > 0
        self.paused = "paused_until" in terms.columns and terms["paused_until"].count() > 0
        self.tranched = "later" in terms.columns
        self.stubbed = bool((terms["has_stub"] & (terms["stub"] != Stub.whole_period)).any())

    def due_date(self, n: pl.Expr) -> pl.Expr:
        """Unadjusted due date of instalment `n`."""
        return due_date(n, self.units)

    def rate_factor(self) -> tuple[pl.Expr, pl.Expr]:
        """Exact rate of the period in `period_start`..`period_end`: numerator and denominator.

        Int64 both; reads `instalment_no`. Formulas: `domain.md`-style period fractions
        (30/360 per whole period) and ISDA 2006 4.16 for the actual bases.
        """
        numerators, denominators = {}, {}
        for code in self.basis:
            numerators[code], denominators[code] = self._factor(RateBasis(code))
        numerator = by_code(pl.col("basis"), self.basis, RateBasis, lambda b: numerators[b])
        denominator = by_code(pl.col("basis"), self.basis, RateBasis, lambda b: denominators[b])
        return numerator, denominator

    def with_rate(self, cursor: Frame) -> Frame:
        """`cursor` with the rate of its period as `rate_over` / `rate_under` (Int64).

        As `rate_factor` has it, or that rounded to 18 decimals where the product says so.
        """
        numerator, denominator = self.rate_factor()
        if self.changed:
            numerator, denominator = self._with_rate_before(numerator, denominator)
        rated = cursor.with_columns(rate_over=numerator, rate_under=denominator)
        if not self.decimal:
            return self._with_tranche(rated)
        half_even = frozenset({Rounding.half_even.value})
        scaled = with_quotient(
            rated.with_columns(mode=pl.lit(Rounding.half_even.value)), "scaled",
            int128(pl.col("rate_over")) * UNITY, pl.col("rate_under"), "mode", half_even,
        )  # fmt: skip
        return self._with_tranche(
            scaled.with_columns(
                rate_over=pl.when("decimal_factor").then("scaled").otherwise("rate_over"),
                rate_under=pl.when("decimal_factor").then(UNITY).otherwise("rate_under"),
            ).drop("mode", "scaled")
        )

    def _with_tranche(self, rated: Frame) -> Frame:
        """A first period in which `later` was paid out on `later_on`: it bears those nights only.

        The factor over the whole balance, rounded half-even to 18 decimals.
        """
        if not self.tranched:
            return rated
        days = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
        before = (pl.col("later_on") - pl.col("period_start")).dt.total_days().clip(0)
        within = (pl.col("instalment_no") == 1) & (pl.col("later") > 0) & (before > 0)
        whole = int128(pl.col("principal_agreed")) * days
        borne = whole - int128(pl.col("later")) * before
        unit = int128(pl.col("rate_over")) * UNITY // int128(pl.col("rate_under"))
        share = rounded_quotient(unit * borne, whole, Rounding.half_even)
        return rated.with_columns(
            rate_over=pl.when(within).then(share).otherwise("rate_over"),
            rate_under=pl.when(within).then(UNITY).otherwise("rate_under"),
        )

    def _with_rate_before(self, over: pl.Expr, under: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """The factor of a period that began at another rate: each rate for its own days."""
        until = pl.min_horizontal("rate_until", "period_end")
        nights = (until - pl.col("period_start")).dt.total_days()
        days = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
        less = pl.col("rate_before") - pl.col("rate_ppb")
        every = pl.col("every").cast(pl.Int64)

        def apart(basis: RateBasis) -> pl.Expr:
            if basis in ACTUAL:
                return over + less * ACTUAL[basis].numerator(pl.col("period_start"), until)
            part = by_code(
                pl.col("unit"), self.units, Unit,
                lambda u: pl.lit(_WHOLE_PERIOD[basis][u][0], dtype=pl.Int64),
            )  # fmt: skip
            return over * days + less * every * part * nights

        split = by_code(pl.col("basis"), self.basis, RateBasis, apart)
        wider = by_code(
            pl.col("basis"), self.basis, RateBasis,
            lambda b: under if b in ACTUAL else under * days,
        )  # fmt: skip
        began = (nights > 0).fill_null(False)
        return pl.when(began).then(split).otherwise(over), pl.when(began).then(wider).otherwise(
            under
        )

    def _factor(self, basis: RateBasis) -> tuple[pl.Expr, pl.Expr]:
        rate = pl.col("rate_ppb")
        if basis in ACTUAL:
            count = ACTUAL[basis]
            days = count.numerator(pl.col("period_start"), pl.col("period_end"))
            return rate * days, pl.lit(PPB * count.denominator, dtype=pl.Int64)
        fraction = _WHOLE_PERIOD[basis]
        every = pl.col("every").cast(pl.Int64)
        over = by_code(
            pl.col("unit"), self.units, Unit, lambda u: pl.lit(fraction[u][1], dtype=pl.Int64)
        )
        part = by_code(
            pl.col("unit"), self.units, Unit, lambda u: pl.lit(fraction[u][0], dtype=pl.Int64)
        )
        numerator, denominator = rate * every * part, over * PPB
        if not self.stubbed:
            return numerator, denominator
        regular_start = self.due_date(pl.lit(0))
        actual = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
        regular = (pl.col("period_end") - regular_start).dt.total_days()
        counted = pl.col("stub") != Stub.whole_period
        stub = pl.col("has_stub") & counted & (pl.col("instalment_no") == 1)
        prorated = pl.col("stub") == Stub.prorate
        # whole period plus (or less) the odd days over 365, at simple interest
        odd = rate * (every * part * 365 + over * (actual - regular))
        return (
            pl.when(stub & prorated)
            .then(numerator * actual)
            .when(stub)
            .then(odd)
            .otherwise(numerator),
            pl.when(stub & prorated)
            .then(denominator * regular)
            .when(stub)
            .then(denominator * 365)
            .otherwise(denominator),
        )

    def rounded(self, numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
        """The quotient rounded as the loan's product rounds interest."""
        return by_code(
            pl.col("interest_rounding"),
            self.rounding,
            Rounding,
            lambda mode: rounded_quotient(int128(numerator), int128(denominator), mode),
        )

    def with_period_interest(self, cursor: Frame, name: str) -> Frame:
        """`cursor` with the interest the schedule charges for its period, rounded once (Int64).

        Reads `schedule_balance`, `instalment_no` and the period's dates.
        """
        over, under = int128(pl.col("schedule_balance")) * pl.col("rate_over"), pl.col("rate_under")
        if self.overdue:
            over, under = self._with_overdue(over, under)
        charged = with_quotient(
            self.with_rate(cursor), name, over, under, "interest_rounding", self.rounding
        ).drop("rate_over", "rate_under")
        interest = pl.col(name)
        if Amortisation.flat in self.amortisation:
            flat = pl.col("amortisation") == Amortisation.flat
            interest = pl.when(flat).then(self._flat_interest()).otherwise(interest)
        if self.graced:
            free = pl.col("instalment_no") <= pl.col("grace_charged")
            interest = pl.when(free).then(0).otherwise(interest)
        first = pl.when(pl.col("instalment_no") == 1).then(pl.col("first_interest_adjustment"))
        return charged.with_columns((interest + first.otherwise(0)).alias(name))

    def _with_overdue(self, over: pl.Expr, under: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """Exact interest if nothing is paid before `unpaid_until`, and all arrears are then.

        Unpaid principal stays in the balance for the nights until that date.
        """
        until = pl.min_horizontal(
            pl.max_horizontal("unpaid_until", "period_start"), "period_end"
        ).fill_null(pl.col("period_start"))
        days = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
        nights = (until - pl.col("period_start")).dt.total_days()
        unpaid = pl.col("principal_agreed") - pl.col("schedule_balance")
        late_share = {
            basis: pl.col("rate_over") * nights
            if RateBasis(basis) not in ACTUAL
            else pl.col("rate_ppb")
            * ACTUAL[RateBasis(basis)].numerator(pl.col("period_start"), until)
            * days
            for basis in self.basis
        }
        late = by_code(pl.col("basis"), self.basis, RateBasis, lambda b: late_share[b])
        return over * days + int128(unpaid) * int128(late), int128(under) * days

    def _flat_interest(self) -> pl.Expr:
        """P * r * t rounded once, spread evenly, the remainder on the last instalment.

        A period of an actual basis bears its own days, the last what is left of the total.
        """
        n = pl.col("instalments").cast(pl.Int64)
        total = pl.col("flat_interest")
        # rounded, but never so far up that the last instalment's interest would fall below zero
        ceiling = total // (n - 1).clip(lower_bound=1)
        even = pl.min_horizontal(self.rounded(total, n), ceiling)
        last = pl.col("instalment_no") == pl.col("instalments")
        return pl.when(last).then(total - even * (n - 1)).otherwise(even)

    def principal_part(self, interest: pl.Expr, unbilled: pl.Expr) -> pl.Expr:
        """Principal of instalment `instalment_no`, given its interest and what is unbilled."""
        n = pl.col("instalments").cast(pl.Int64)
        bearing = n - pl.col("grace_principal").cast(pl.Int64)
        share = self.rounded(pl.col("principal_agreed") - pl.col("balloon"), bearing)
        level = pl.col("emi") + pl.when(pl.col("instalment_no") == 1).then(
            pl.col("first_interest_adjustment")
        ).otherwise(0)
        rules = {
            Amortisation.equal_instalment: (level - interest).clip(lower_bound=0),
            Amortisation.equal_principal: share,
            Amortisation.flat: pl.when(pl.col("emi") > 0)
            .then((level - interest).clip(lower_bound=0))
            .otherwise(share),
            Amortisation.interest_only: pl.lit(0, dtype=pl.Int64),
        }
        part = by_code(pl.col("amortisation"), self.amortisation, Amortisation, lambda a: rules[a])
        if self.graced:
            graced = pl.col("instalment_no") <= pl.col("grace_principal")
            part = pl.when(graced).then(0).otherwise(part)
        last = pl.col("instalment_no") >= pl.col("instalments")
        return pl.when(last).then(unbilled).otherwise(pl.min_horizontal(part, unbilled))


def adjusted(date: pl.Expr, frame: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.Expr:
    """`date` moved by each loan's business-day convention and calendar code."""
    chosen = date
    pairs = frame.select("business_day", "calendar").unique().rows()
    for convention, calendar in pairs:
        if convention == BusinessDay.unadjusted:
            continue
        moved = calendars[calendar].adjust(date, BusinessDay(convention))
        same = (pl.col("business_day") == convention) & (pl.col("calendar") == calendar)
        chosen = pl.when(same).then(moved).otherwise(chosen)
    return chosen


CURSOR = ("instalment_no", "period_start", "period_end", "schedule_balance", "interest_carried")
"""Columns that `open_schedule` adds: where a loan stands in its schedule."""


def open_schedule(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` standing before instalment 1: cursor columns added.

    Adds `instalment_no` (Int16), `period_start`, `period_end` (Date, unadjusted),
    `schedule_balance` and `interest_carried` (Int64).
    """
    figures = Figures(terms)
    return terms.with_columns(
        instalment_no=pl.lit(1, dtype=pl.Int16),
        period_start=pl.col("disbursed_on"),
        period_end=figures.due_date(pl.lit(1)),
        schedule_balance=pl.col("principal_agreed"),
        interest_carried=pl.lit(0, dtype=pl.Int64),
    )


def instalment(cursor: Frame, figures: Figures) -> Frame:
    """The figures of the instalment the cursor stands before.

    Adds `asked_interest` and `asked_principal` (Int64) and
    `interest_after` (Int64, interest carried to the next one: deferred by grace, or
    above the level instalment).
    """
    charged = figures.with_period_interest(cursor, "asked_interest").with_columns(
        asked_interest=pl.col("asked_interest") + pl.col("interest_carried")
    )
    last = pl.col("instalment_no") >= pl.col("instalments")
    level = (pl.col("amortisation") == Amortisation.equal_instalment) & ~last
    deferred = (pl.col("instalment_no") <= pl.col("grace_interest")) & ~last
    ceiling = pl.when(level).then(
        pl.col("emi")
        + pl.when(pl.col("instalment_no") == 1)
        .then(pl.col("first_interest_adjustment"))
        .otherwise(0)
    )
    asked = (
        pl.when(deferred)
        .then(0)
        .when(level & (pl.col("instalment_no") > pl.col("grace_principal")))
        .then(pl.min_horizontal("asked_interest", ceiling))
        .otherwise(pl.col("asked_interest"))
    )
    split = charged.with_columns(
        asked_interest=asked, interest_after=pl.col("asked_interest") - asked
    )
    return split.with_columns(
        asked_principal=figures.principal_part(pl.col("asked_interest"), pl.col("schedule_balance"))
    )


def advance(billed: Frame, figures: Figures) -> Frame:
    """The cursor after the instalment whose figures `instalment` added."""
    return billed.with_columns(
        schedule_balance=pl.col("schedule_balance") - pl.col("asked_principal"),
        interest_carried=pl.col("interest_after"),
        instalment_no=pl.col("instalment_no") + 1,
        period_start=pl.col("period_end"),
        period_end=figures.due_date(pl.col("instalment_no") + 1),
    ).drop("asked_interest", "asked_principal", "interest_after")


def agree(terms: pl.DataFrame) -> pl.DataFrame:
    """Fix what the schedule needs before it runs: stub flag, flat total, level instalment.

    Fills `has_stub`, `flat_interest` and, where it is null, `emi`.
    """
    raw = terms.with_columns(
        has_stub=pl.lit(False), flat_interest=pl.lit(0, dtype=pl.Int64), stub=pl.col("stub")
    )
    if not codes(terms, "basis") <= ACTUAL.keys():  # actual days need no flag for an odd period
        regular_start = due_date(pl.lit(0), codes(terms, "unit"))
        odd = raw.lazy().select(has_stub=regular_start != pl.col("disbursed_on")).collect()
        raw = raw.with_columns(odd["has_stub"])
    raw = _with_flat_total(raw)
    missing = raw.filter(pl.col("emi").is_null())
    if missing.is_empty():
        return raw
    agreed = raw.filter(pl.col("emi").is_not_null())
    solved = _smoothed(missing.with_columns(emi=_level_instalment(missing)))
    return pl.concat([agreed, solved]).sort("loan_id")


def _with_flat_total(terms: pl.DataFrame) -> pl.DataFrame:
    if Amortisation.flat not in codes(terms, "amortisation"):
        return terms
    figures = Figures(terms)
    whole = open_schedule(terms)
    if any(basis in figures.basis for basis in ACTUAL):
        # t is the actual time from disbursement to the last due date
        whole = whole.with_columns(period_end=figures.due_date(pl.col("instalments")))
        periods = (
            pl.when(pl.col("basis") >= RateBasis.act_365f)
            .then(1)
            .otherwise(pl.col("instalments").cast(pl.Int64))
        )
    else:
        periods = pl.col("instalments").cast(pl.Int64)
    whole = with_quotient(
        figures.with_rate(whole), "total",
        int128(pl.col("principal_agreed")) * pl.col("rate_over") * periods, pl.col("rate_under"),
        "interest_rounding", figures.rounding,
    )  # fmt: skip
    flat = pl.col("amortisation") == Amortisation.flat
    return terms.with_columns(
        whole.select(flat_interest=pl.when(flat).then(pl.col("total")).otherwise(0)).to_series()
    )


def _level_instalment(terms: pl.DataFrame) -> pl.Series:
    """EMI = (P - balloon * v_n) / sum of v_k, rounded to the minor unit, then to the multiple.

    v_k is the discount factor to due k, held with 18 decimals in Int128. The same value
    as P * prod(1 + rf) / F_n with F_k = 1 + F_(k-1) (1 + rf_k). Flat loans: (P + I) / n.
    0 where the kind of schedule has no level instalment.
    """
    if "later" in terms.columns:  # smoothing finds the nights that a tranche does not bear
        smooth = pl.col("smooth_last_instalment")
        terms = terms.with_columns(later=pl.when(smooth).then(0).otherwise("later"))
    figures = Figures(terms)
    cursor = open_schedule(terms).with_columns(
        v=pl.lit(UNITY, dtype=pl.Int128), total=pl.lit(0, dtype=pl.Int128)
    )
    over, under = int128(pl.col("rate_over")), int128(pl.col("rate_under"))
    grace = pl.col("instalment_no") <= pl.col("grace_principal")
    for _ in range(int(terms["instalments"].max())):  # type: ignore[arg-type]
        within = (pl.col("instalment_no") <= pl.col("instalments")) & ~grace
        discounted = pl.col("v") * under // (under + over)
        cursor = (
            figures.with_rate(cursor)
            .with_columns(next=pl.when(within).then(discounted).otherwise(pl.col("v")))
            .with_columns(
                v=pl.col("next"),
                total=pl.col("total") + pl.when(within).then(pl.col("next")).otherwise(0),
            )
            .with_columns(
                instalment_no=pl.col("instalment_no") + 1,
                period_start=pl.col("period_end"),
                period_end=figures.due_date(pl.col("instalment_no") + 1),
            )
        )
    n = pl.col("instalments").cast(pl.Int64)
    present = int128(pl.col("principal_agreed")) * UNITY - int128(pl.col("balloon")) * pl.col("v")
    modes = codes(terms, "instalment_rounding")

    def rounded(mode: Rounding) -> pl.Expr:
        level = rounded_quotient(present, pl.col("total"), mode)
        flat = rounded_quotient(
            int128(pl.col("principal_agreed") + pl.col("flat_interest")), int128(n), mode
        )
        one = (
            pl.when(pl.col("amortisation") == Amortisation.equal_instalment)
            .then(level)
            .when(
                (pl.col("amortisation") == Amortisation.flat) & (pl.col("instalment_multiple") > 1)
            )
            .then(flat)
            .otherwise(0)
        )
        return _or_unrounded(one, to_multiple(one, pl.col("instalment_multiple"), mode))

    return cursor.select(
        emi=by_code(pl.col("instalment_rounding"), modes, Rounding, rounded)
    ).to_series()


def _or_unrounded(amount: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """An instalment below half its multiple stays as it is, or nothing would be paid."""
    return pl.when(whole == 0).then(amount).otherwise(whole)


def _smoothed(terms: pl.DataFrame) -> pl.DataFrame:
    """Move the level instalment where the last one differs too much from the one before.

    Up to three rounds: if |last - previous| > n // 2 minor units, EMI' = EMI +
    round(difference / n), kept only if the difference shrinks.
    """
    flagged = terms.filter(pl.col("smooth_last_instalment") & (pl.col("instalments") > 1))
    if flagged.is_empty():
        return terms
    rest = terms.filter(~(pl.col("smooth_last_instalment") & (pl.col("instalments") > 1)))
    gap = last_instalment_gap(flagged)
    for _ in range(3):
        n = pl.col("instalments").cast(pl.Int64)
        tried = flagged.with_columns(gap=gap, emi_before=pl.col("emi"))
        wide = pl.col("gap").abs() > n // 2
        sign = pl.when(pl.col("gap") < 0).then(-1).otherwise(1)
        step = sign * rounded_quotient(int128(pl.col("gap").abs()), int128(n), Rounding.half_even)
        moved = _or_unrounded(
            pl.col("emi") + step,
            to_multiple(pl.col("emi") + step, pl.col("instalment_multiple"), Rounding.half_even),
        )
        tried = tried.with_columns(emi=pl.when(wide).then(moved).otherwise(pl.col("emi")))
        after = last_instalment_gap(tried.drop("gap", "emi_before"))
        better = after.abs() < gap.abs()
        if not better.any():
            break
        flagged = tried.with_columns(
            emi=pl.when(better).then(pl.col("emi")).otherwise(pl.col("emi_before"))
        ).drop("gap", "emi_before")
        gap = pl.select(pl.when(better).then(after).otherwise(gap)).to_series()
    return pl.concat([rest, flagged]).sort("loan_id")


def last_instalment_gap(terms: pl.DataFrame) -> pl.Series:
    """Last instalment less the one before it, in minor units, in the order of `terms`."""
    rows = expand(terms)
    payment = pl.col("principal") + pl.col("interest")
    gap = rows.group_by("loan_id", maintain_order=True).agg(
        gap=payment.sort_by("instalment_no").last()
        - payment.sort_by("instalment_no").slice(-2, 1).first()
    )
    return terms.select("loan_id").join(gap, on="loan_id", maintain_order="left")["gap"]


def expand(terms: pl.DataFrame) -> pl.DataFrame:
    """Every instalment of every loan.

    Terms as `agree` left them. Returns `loan_id`, `instalment_no`, `period_start`,
    `period_end`, `opening`, `principal`, `interest`, `closing` in order of instalment.
    """
    return expand_from(open_schedule(terms))


def expand_from(standing: pl.DataFrame) -> pl.DataFrame:
    """Every instalment from the one that each loan's cursor stands before, as `expand`."""
    figures = Figures(standing)
    within = pl.col("instalment_no") <= pl.col("instalments")
    cursor = standing.filter(within).lazy()
    parts = []
    left = standing.select(pl.col("instalments").cast(pl.Int64) - pl.col("instalment_no") + 1)
    for _ in range(max(int(left.max().item()), 1)):
        asked = instalment(cursor, figures).collect()
        parts.append(
            asked.select(
                "loan_id",
                "instalment_no",
                "period_start",
                "period_end",
                pl.col("schedule_balance").alias("opening"),
                pl.col("asked_principal").alias("principal"),
                pl.col("asked_interest").alias("interest"),
                closing=pl.col("schedule_balance") - pl.col("asked_principal"),
            )
        )
        cursor = advance(asked.lazy(), figures).filter(within)
    return pl.concat(parts).sort("loan_id", "instalment_no")


def digest(terms: pl.DataFrame) -> pl.DataFrame:
    """`loan_id` and `schedule_digest` (UInt64), a hash over the figures of the whole schedule."""
    return digest_of(expand(terms))


def digest_of(rows: pl.DataFrame) -> pl.DataFrame:
    """`loan_id` and `schedule_digest` of expanded instalments.

    A polynomial in wrapping 64-bit arithmetic rather than a library's hash, whose
    value may change from one release to the next.
    """
    prime = pl.lit(1_099_511_628_211, dtype=pl.UInt64)
    rows = rows.with_columns(pl.col("period_end").to_physical().alias("day"))
    mixed = pl.lit(14_695_981_039_346_656_037, dtype=pl.UInt64)
    for column in ("instalment_no", "day", "principal", "interest"):
        mixed = mixed.xor(pl.col(column).cast(pl.Int64).reinterpret(signed=False)) * prime
    return (
        rows.select("loan_id", schedule_digest=mixed)
        .group_by("loan_id")
        .agg(pl.col("schedule_digest").sum())
    )
