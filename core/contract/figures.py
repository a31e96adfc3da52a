"""Figures of one period: its rate, the interest the schedule charges, the principal it asks.

Expressions over one batch of loans, one row per loan with the columns of
:class:`loanbook.core.contract.terms.Terms`; `loanbook.core.contract.schedule` steps through them. Amounts are
Int64 minor units.
"""

from __future__ import annotations

from copy import copy
from enum import IntEnum
from typing import TypeVar

import polars as pl

from loanbook.core.contract import first_period
from loanbook.core.contract.batch import Batch
from loanbook.core.contract.dates.day_count import ACTUAL, BASES, RateBasis
from loanbook.core.contract.dates.instalment_dates import agreed_row
from loanbook.core.contract.effective_rate import EFFECTIVE, period_factor
from loanbook.core.contract.first_period import Stub, later_stub
from loanbook.core.contract.money import (
    PPB,
    Rounding,
    by_code,
    int128,
    rounded_quotient,
    with_quotient,
)
from loanbook.core.contract.steps_and_seasons import WHOLE, alike, weight

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)
UNITY = 10**18
"""Fixed point of discount factors: 18 decimals, so that P * UNITY stays within Int128."""


RATE_IN_FORCE = pl.col("rate_ppb")
NIGHTLY = 16
"""Decimals of a period's rate whose nights accrue: with its days, the denominator stays in Int64."""


class Amortisation(IntEnum):
    """How principal is spread over the instalments."""

    equal_instalment = 0
    equal_principal = 1
    flat = 2
    interest_only = 3


class Figures(Batch):
    """Expressions over one batch of loans: the rate, interest and principal of a period."""

    def in_columns(self, frame: Frame) -> tuple[Frame, Figures]:
        """`frame` with what factors ask of its odd periods in columns (`odd.columns`), and figures of it that
        read them there."""
        frame, odd = self.odd.in_columns(frame)
        figures = copy(self)
        figures.odd = odd
        return frame, figures

    def last_is_level(self) -> pl.Expr:
        """Loans whose last instalment is as high as the others, its balloon beside it; of one that asks no
        principal before it asks all of it."""
        amortises = pl.col("grace_principal") < pl.col("instalments")
        return pl.col("level_last") & (pl.col("emi") > 0) & amortises

    def with_level(
        self, cursor: Frame, number: pl.Expr | None = None, due: pl.Expr | None = None
    ) -> Frame:
        """`cursor` with `level` (Int64): what an instalment asks where instalments are level.

        That of instalment `number` that falls `due`, without them of the one the cursor stands
        before. The first instalment's adjustment is apart.
        """
        number = pl.col("instalment_no") if number is None else number
        levelled = self._with_weighted_level(cursor, number, due)
        if not self.apart:
            return levelled
        ours = later_stub(number - 1) - later_stub(number)
        return levelled.with_columns(level=pl.col("level") + ours)

    def _with_weighted_level(self, cursor: Frame, number: pl.Expr, due: pl.Expr | None) -> Frame:
        """`with_level`, without what is asked beside the level of a stub's interest."""
        level = self._level_of(number)
        if not self.weighted:
            return cursor.with_columns(level=level)
        # the month is that of the date that is counted, wherever a calendar moves the period's end
        due = self.due_date(pl.col("instalment_no")) if due is None else due
        share = weight(number, due, self.terms)
        raised = with_quotient(
            cursor.with_columns(_weight=share), "_level_raised",
            int128(level) * int128(pl.col("_weight")), pl.lit(WHOLE),
            "instalment_rounding", self.instalment_rounding,
        )  # fmt: skip
        times = with_quotient(
            raised, "_times", pl.col("_level_raised"), pl.col("instalment_multiple"),
            "instalment_rounding", self.instalment_rounding,
        )  # fmt: skip
        whole = pl.col("_times") * pl.col("instalment_multiple")
        return times.with_columns(level=pl.when(alike()).then(level).otherwise(whole)).drop(
            "_weight", "_level_raised", "_times"
        )

    def _level_of(self, number: pl.Expr) -> pl.Expr:
        """The level instalment where tranches with terms of their own change it: the last change by
        instalment `number`."""
        changes = pl.col("level_changes").str.split(";")
        level = pl.col("emi")
        for k in range(self.level_changes):
            change = changes.list.get(k, null_on_oob=True).str.split(":")
            begun = change.list.get(0).cast(pl.Int16) <= number
            level = (
                pl.when(begun.fill_null(False))
                .then(change.list.get(1).cast(pl.Int64))
                .otherwise(level)
            )
        return level

    def rate_factor(
        self, bases: frozenset[int] | None = None, rate: pl.Expr = RATE_IN_FORCE
    ) -> tuple[pl.Expr, pl.Expr]:
        """Exact `rate` of the period in `period_start`..`period_end`: numerator and denominator.

        Int64 both; reads `instalment_no`; of loans of some `bases`, or of all. Formulas: `domain.md`-style
        period fractions (30/360 per whole period) and ISDA 2006 4.16 for the actual bases.
        """
        bases = self.basis if bases is None else bases
        factors = {code: self._factor(BASES[code], rate) for code in bases}
        over, under = (
            by_code(pl.col("basis"), bases, RateBasis, lambda b, n=n: factors[b][n])  # type: ignore[misc]
            for n in (0, 1)
        )
        return over, under

    def nightly_factor(
        self, bases: frozenset[int] | None = None, rate: str = "rate_ppb"
    ) -> tuple[pl.Expr, pl.Expr]:
        """`rate_factor`, or that of loans of some `bases` at the rate of a column (Int64 both).

        As `in_decimals` has it. Of the bases that prorate a period's factor by its nights.
        """
        return self.in_decimals(*self.rate_factor(bases, pl.col(rate)))

    def in_decimals(self, numerator: pl.Expr, denominator: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """A factor, rounded to `NIGHTLY` decimals where the product says so (Int64 both)."""
        if not self.decimal:
            return numerator, denominator
        one = 10**NIGHTLY
        decimal = pl.col("decimal_factor")
        # the rate of another loan, which is not scaled, may be too high for it
        ours = pl.when(decimal).then(numerator).otherwise(0)
        scaled = rounded_quotient(int128(ours) * one, int128(denominator), Rounding.half_even)
        return (
            pl.when(decimal).then(scaled).otherwise(numerator),
            pl.when(decimal).then(pl.lit(one, dtype=pl.Int64)).otherwise(denominator),
        )

    def with_rate(self, cursor: Frame) -> Frame:
        """`cursor` with the rate of its period as `rate_over` / `rate_under` (Int64).

        As `rate_factor` has it, or that rounded to 18 decimals where the product says so.
        """
        laid, figures = self.in_columns(cursor)
        over, under = figures.rate_factor()
        rated = laid.with_columns(rate_over=over, rate_under=under)
        if self.changed:
            before = figures._with_rate_before(pl.col("rate_over"), pl.col("rate_under"))
            rated = rated.with_columns(rate_over=before[0], rate_under=before[1])
        rated = rated.drop(figures.odd.columns)
        if not self.decimal:
            return self._with_tranche(rated)
        half_even = frozenset({Rounding.half_even.value})
        # the rate of another loan, which is not scaled, may be too high for it
        ours = pl.when("decimal_factor").then("rate_over").otherwise(0)
        scaled = with_quotient(
            rated.with_columns(mode=pl.lit(Rounding.half_even.value)), "scaled",
            int128(ours) * UNITY, pl.col("rate_under"), "mode", half_even,
        )  # fmt: skip
        return self._with_tranche(
            scaled.with_columns(
                rate_over=pl.when("decimal_factor").then("scaled").otherwise("rate_over"),
                rate_under=pl.when("decimal_factor").then(UNITY).otherwise("rate_under"),
            ).drop("mode", "scaled")
        )

    def _with_tranche(self, rated: Frame) -> Frame:
        """A first period in which the balance was less: it `lacks` so many units of it by nights.

        That is what was paid out within it, each payout for the nights before. The factor over the
        whole balance, rounded half-even to 18 decimals.
        """
        if not self.tranched:
            return rated
        days = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
        within = (pl.col("instalment_no") == 1) & (pl.col("lacks") != 0)
        balance = pl.col("principal_agreed")
        if self.by_days:  # flat interest is on all that was lent
            balance = pl.when("flat_by_days").then(self.lent).otherwise(balance)
        whole = int128(balance) * days
        borne = whole - int128(pl.col("lacks"))
        ours = pl.when(within).then("rate_over").otherwise(0)
        unit = int128(ours) * UNITY // int128(pl.col("rate_under"))
        share = rounded_quotient(unit * borne, whole, Rounding.half_even)
        return rated.with_columns(
            rate_over=pl.when(within).then(share).otherwise("rate_over"),
            rate_under=pl.when(within).then(UNITY).otherwise("rate_under"),
        )

    def _with_rate_before(self, over: pl.Expr, under: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """The factor of a period that began at another rate: each rate for its own days."""
        # the smaller of two takes no notice of a null: of a loan that bears one rate there is no date
        changed = pl.col("rate_until").is_not_null()
        until = pl.when(changed).then(pl.min_horizontal("rate_until", "period_end"))
        nights = (until - pl.col("period_start")).dt.total_days()
        days = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
        less = pl.col("rate_before") - pl.col("rate_ppb")

        def apart(basis: RateBasis) -> pl.Expr:
            if basis in ACTUAL:
                return over + less * ACTUAL[basis].numerator(pl.col("period_start"), until)
            if basis is RateBasis.effective:
                difference = int128(self._effective("rate_before") - over)
                return int128(over) * days + difference * nights
            return int128(over) * days + int128(self._factor(basis, less)[0]) * nights

        split = by_code(pl.col("basis"), self.basis, RateBasis, apart)
        wider = by_code(
            pl.col("basis"), self.basis, RateBasis,
            lambda b: under if b in ACTUAL else int128(under) * days,
        )  # fmt: skip
        began = (nights > 0).fill_null(False)
        return pl.when(began).then(split).otherwise(over), pl.when(began).then(wider).otherwise(
            under
        )

    def _factor(self, basis: RateBasis, rate: pl.Expr = RATE_IN_FORCE) -> tuple[pl.Expr, pl.Expr]:
        if basis in ACTUAL:
            count = ACTUAL[basis]
            days = count.numerator(pl.col("period_start"), pl.col("period_end"))
            return rate * days, pl.lit(PPB * count.denominator, dtype=pl.Int64)
        if basis is RateBasis.effective:
            return self._effective(), pl.lit(EFFECTIVE, dtype=pl.Int64)
        part, over = self.of_a_year(basis)
        numerator, denominator = rate * part, over * PPB
        if self.matures:  # a last period of its own length bears its share of a whole one
            last, actual, regular = self.odd.odd_last()
            numerator = numerator * pl.when(last).then(actual).otherwise(1)
            denominator = denominator * pl.when(last).then(regular).otherwise(1)
        if self.reshaped:
            days, whole = self.odd.reshaped_days()
            numerator = (
                pl.when(self.odd.is_reshaped()).then(rate * part * days).otherwise(numerator)
            )
            denominator = (
                pl.when(self.odd.is_reshaped()).then(over * PPB * whole).otherwise(denominator)
            )
        if self.off_cycle:
            days, whole = self.odd.redated_days()
            numerator = pl.when(self.odd.is_redated()).then(rate * part * days).otherwise(numerator)
            denominator = (
                pl.when(self.odd.is_redated()).then(over * PPB * whole).otherwise(denominator)
            )
        if self.agreed:
            odd_row, days, whole = self.odd.odd_row()
            numerator = pl.when(odd_row).then(rate * part * days).otherwise(numerator)
            denominator = pl.when(odd_row).then(over * PPB * whole).otherwise(denominator)
        if self.stubbed:
            numerator, denominator = self._with_stub(basis, rate, numerator, denominator)
        if not self.reckoned:
            return numerator, denominator
        parts, whole = self.odd.in_units()
        part, over = self.of_one_unit(basis)
        here = self.odd.is_reckoned()
        return (
            pl.when(here).then(rate * part * parts).otherwise(numerator),
            pl.when(here).then(over * PPB * whole).otherwise(denominator),
        )

    def _with_stub(
        self, basis: RateBasis, rate: pl.Expr, numerator: pl.Expr, denominator: pl.Expr
    ) -> tuple[pl.Expr, pl.Expr]:
        """`numerator` and `denominator` with those of first periods that are no whole ones."""
        part, over = self.of_a_year(basis)
        first = pl.col("has_stub") & (pl.col("instalment_no") == 1)
        odd = {
            stub: first_period.factor(
                Stub(stub),
                rate,
                part,
                over,
                self.odd.forward() if stub == Stub.forward else self.odd.stub_days(),
            )
            for stub in self.stubs
        }
        borne, whole = (
            by_code(pl.col("stub"), self.stubs, Stub, lambda s, n=n: odd[s][n])  # type: ignore[misc]
            for n in (0, 1)
        )
        return (
            pl.when(first).then(borne).otherwise(numerator),
            pl.when(first).then(whole).otherwise(denominator),
        )

    def whole_factor(
        self, bases: frozenset[int], rate: str = "rate_ppb"
    ) -> tuple[pl.Expr, pl.Expr]:
        """Rate of a whole period, whatever the running one is, of loans of some `bases`: numerator and
        denominator (Int64)."""
        years = {code: self.of_a_year(BASES[code]) for code in bases}
        part, year = (
            by_code(pl.col("basis"), bases, RateBasis, lambda b, n=n: years[b][n])  # type: ignore[misc]
            for n in (0, 1)
        )
        return pl.col(rate) * part, year * PPB

    def _effective(self, rate: str = "rate_ppb") -> pl.Expr:
        """Factor of the period at an effective yearly rate, over `EFFECTIVE`."""
        over, year = self.of_a_year(RateBasis.effective)
        if self.stubbed:
            odd = pl.col("has_stub") & (pl.col("instalment_no") == 1)
            odd = odd & (pl.col("stub") != Stub.whole_period)
            actual, regular = self.odd.stub_days()
            over = over * pl.when(odd).then(actual).otherwise(1)
            year = year * pl.when(odd).then(regular).otherwise(1)
        if self.off_cycle:
            odd, (actual, regular) = self.odd.is_redated(), self.odd.redated_days()
            over = over * pl.when(odd).then(actual).otherwise(1)
            year = year * pl.when(odd).then(regular).otherwise(1)
        if self.agreed:
            odd, actual, regular = self.odd.odd_row()
            over = over * pl.when(odd).then(actual).otherwise(1)
            year = year * pl.when(odd).then(regular).otherwise(1)
        if self.matures:
            last, actual, regular = self.odd.odd_last()
            over = over * pl.when(last).then(actual).otherwise(1)
            year = year * pl.when(last).then(regular).otherwise(1)
        if self.reckoned:
            here, (parts, whole) = self.odd.is_reckoned(), self.odd.in_units()
            part, one = self.of_one_unit(RateBasis.effective)
            over = pl.when(here).then(part * parts).otherwise(over)
            year = pl.when(here).then(one * whole).otherwise(year)
        # powers are costly: none for loans of another basis
        is_effective = pl.col("basis") == RateBasis.effective
        return period_factor(pl.when(is_effective).then(rate), over, year)

    def rounded(self, numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
        """The quotient rounded as the loan's product rounds interest."""
        return by_code(
            pl.col("interest_rounding"),
            self.rounding,
            Rounding,
            lambda mode: rounded_quotient(int128(numerator), int128(denominator), mode),
        )

    def equal_part(self) -> pl.Expr:
        """Principal of an instalment of equal parts, rounded as the product rounds instalments.

        Reads `level`, as `with_level` has it: where what is to come was spread anew, the part is that.
        """
        financed = int128(pl.col("principal_agreed") - pl.col("balloon"))
        parts = pl.col("instalments").cast(pl.Int64) - pl.col("grace_principal").cast(pl.Int64)
        part = by_code(
            pl.col("instalment_rounding"),
            self.instalment_rounding,
            Rounding,
            lambda mode: rounded_quotient(financed, int128(parts), mode),
        )
        if not self.level_changes or Amortisation.equal_principal not in self.amortisation:
            return part
        anew = (pl.col("amortisation") == Amortisation.equal_principal) & (
            pl.col("level_changes").is_not_null()
        )
        return pl.when(anew).then("level").otherwise(part)

    def with_period_interest(self, cursor: Frame, name: str) -> Frame:
        """`cursor` with the interest the schedule charges for its period, rounded once (Int64).

        Reads `schedule_balance`, `instalment_no`, the period's dates, and its rate as `with_rate` has it, which
        it takes away.
        """
        balance = pl.col("schedule_balance")
        by_days = Amortisation.flat in self.amortisation and (self.by_days or self.changed)
        if by_days:
            balance = pl.when(self._flat_by_days()).then(self.lent).otherwise(balance)
        over, under = int128(balance) * pl.col("rate_over"), pl.col("rate_under")
        if self.overdue:
            over, under = self._with_overdue(over, under)
        if self.carries:
            cursor, over = self._with_residue(cursor, over, under)
        charged = with_quotient(cursor, name, over, under, "interest_rounding", self.rounding)
        if self.carries:
            left = pl.col("residue_over") - int128(pl.col(name)) * int128(under)
            rest = pl.when("residue_carried").then(left).otherwise(0)
            charged = charged.with_columns(residue_over=rest)
        charged = charged.drop("rate_over", "rate_under")
        interest = pl.col(name)
        if Amortisation.flat in self.amortisation:
            flat = pl.col("amortisation") == Amortisation.flat
            if by_days:
                flat = flat & ~self._flat_by_days()
            interest = pl.when(flat).then(self._flat_interest()).otherwise(interest)
        if self.graced:
            free = pl.col("instalment_no") <= pl.col("grace_charged")
            interest = pl.when(free).then(0).otherwise(interest)
        if self.agreed:
            interest = pl.coalesce(agreed_row(pl.col("instalment_no"))[2], interest)
        first = pl.when(pl.col("instalment_no") == 1).then(pl.col("first_interest_adjustment"))
        return charged.with_columns((interest + first.otherwise(0)).alias(name))

    def _with_residue(self, rated: Frame, over: pl.Expr, under: pl.Expr) -> tuple[Frame, pl.Expr]:
        """`rated` with exact interest as `residue_over` over `residue_under` (Int128), what rounding left
        of the periods before in it where the loan carries that; and that column."""
        before = pl.col("residue_over") * int128(under) // pl.col("residue_under")
        exact = rated.with_columns(
            residue_over=int128(over) + pl.when("residue_carried").then(before).otherwise(0),
            residue_under=int128(under),
        )
        return exact, pl.col("residue_over")

    def _flat_by_days(self) -> pl.Expr:
        """Flat loans whose period bears its own days: all periods, or the one with a new rate in it."""
        by_days = pl.col("flat_by_days") if self.by_days else pl.lit(False)
        if self.changed:
            within = pl.col("rate_until").is_between("period_start", "period_end", closed="none")
            by_days = by_days | within.fill_null(False)
        return (pl.col("amortisation") == Amortisation.flat) & by_days

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
            if BASES[basis] not in ACTUAL
            else pl.col("rate_ppb")
            * ACTUAL[BASES[basis]].numerator(pl.col("period_start"), until)
            * days
            for basis in self.basis
        }
        late = by_code(pl.col("basis"), self.basis, RateBasis, lambda b: late_share[b])
        return over * days + int128(unpaid) * int128(late), int128(under) * days

    def _flat_interest(self) -> pl.Expr:
        """P * r * t rounded once, spread evenly, the remainder on the last instalment."""
        n = pl.col("instalments").cast(pl.Int64)
        total, beside = pl.col("flat_interest"), pl.lit(0, dtype=pl.Int64)
        if self.apart:
            total = total - pl.col("stub_amount")
            beside = later_stub(pl.col("instalment_no") - 1) - later_stub(pl.col("instalment_no"))
        # rounded, but never so far up that the last instalment's interest would fall below zero
        ceiling = total // (n - 1).clip(lower_bound=1)
        even = pl.min_horizontal(self.rounded(total, n), ceiling)
        last = pl.col("instalment_no") == pl.col("instalments")
        return pl.when(last).then(total - even * (n - 1)).otherwise(even) + beside

    def principal_part(self, interest: pl.Expr, unbilled: pl.Expr) -> pl.Expr:
        """Principal of instalment `instalment_no`, given its interest and what is unbilled.

        Reads `level`, as `with_level` has it.
        """
        share = self.equal_part()
        level = pl.col("level") + pl.when(pl.col("instalment_no") == 1).then(
            pl.col("first_interest_adjustment")
        ).otherwise(0)
        of_level = (level - interest).clip(lower_bound=0)
        if self.capitalises:
            of_level = pl.when("capitalises").then(level - interest).otherwise(of_level)
        rules = {
            Amortisation.equal_instalment: of_level,
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
        if self.capitalises:  # nothing is asked: all interest of the period joins the principal
            waits = pl.col("capitalises") & (pl.col("instalment_no") <= pl.col("grace_interest"))
            part = pl.when(waits & ~last).then(-interest).otherwise(part)
        if self.levels:
            balloon = pl.when(last & self.last_is_level()).then("balloon").otherwise(0)
            part = part + balloon
            last = last & ~self.last_is_level()
        within = pl.min_horizontal(part, unbilled)
        if self.levels:  # the last instalment is as high as the others, whatever it leaves
            within = pl.when("level_last").then(part).otherwise(within)
        return pl.when(last).then(unbilled).otherwise(within)
