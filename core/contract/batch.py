"""A batch of loans: what occurs in it, its due dates, and which of its periods are no whole ones.

Expressions over one row a loan with the columns of :class:`loanbook.core.contract.terms.Terms`.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract import first_period
from loanbook.core.contract.dates.day_count import ACTUAL, RateBasis, counts_days
from loanbook.core.contract.dates.due_dates import Unit, changes_of, due_date, first_due_for
from loanbook.core.contract.dates.instalment_dates import agreed_row, has_agreed_rows, has_maturity
from loanbook.core.contract.first_period import Stub
from loanbook.core.contract.money import by_code
from loanbook.core.contract.steps_and_seasons import weighted
from loanbook.core.frames import codes, engine_for

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
_WHOLE_PERIOD[RateBasis.effective] = _WHOLE_PERIOD[RateBasis.period]


class Batch:
    """Loans that are reckoned together; knows which codes and terms occur, so that expressions hold no others."""

    def __init__(self, terms: pl.DataFrame) -> None:
        names = frozenset(terms.columns)
        self.basis = codes(terms, "basis")
        self.units = codes(terms, "unit")
        self.amortisation = codes(terms, "amortisation")
        self.rounding = codes(terms, "interest_rounding")
        self.decimal = bool(terms["decimal_factor"].any())
        self.overdue = "unpaid_until" in names
        self.graced = bool(
            (terms["grace_principal"] + terms["grace_interest"] + terms["grace_charged"]).max()
        )
        self.changed = "rate_until" in names and terms["rate_until"].count() > 0
        self.paused = "paused_until" in names and terms["paused_until"].count() > 0
        self.tranched = "lacks" in names
        self.matures = has_maturity(terms)
        self.capitalises = "capitalises" in names and bool(terms["capitalises"].any())
        self.by_days = "flat_by_days" in names and bool(terms["flat_by_days"].any())
        self.lent = pl.coalesce("lent", "principal_agreed") if "lent" in names else (
            pl.col("principal_agreed")
        )  # fmt: skip
        self.fixes_covered = "covered_is_fixed" in names and bool(terms["covered_is_fixed"].any())
        self.frees_overdue = "overdue_is_free" in names and bool(terms["overdue_is_free"].any())
        self.frees_down = "down_payment_due" in names and bool(terms["down_payment_is_free"].any())
        self.carries = "residue_over" in names
        self.terms = terms
        self.weighted = weighted(terms)
        self.instalment_rounding = codes(terms, "instalment_rounding")
        self.level_changes = 0
        if "level_changes" in names and terms["level_changes"].count():
            self.level_changes = 1 + int(terms["level_changes"].str.count_matches(";").max())  # type: ignore[arg-type]
        self.levels = "level_last" in names and bool(terms["level_last"].any())
        self.stubbed = bool((terms["has_stub"] & (terms["stub"] != Stub.whole_period)).any())
        if self.stubbed:
            self.stubs = codes(terms.select("has_stub", "stub").filter("has_stub"), "stub")
        self.agreed = has_agreed_rows(terms)
        self.apart = "stub_amount" in names and bool((terms["stub_amount"] != 0).any())
        self.reckoned = "rate_unit" in names and terms["rate_unit"].count() > 0
        self.rate_units = (
            codes(terms.select("rate_unit").drop_nulls(), "rate_unit")
            if self.reckoned
            else frozenset()
        )
        self.redated = changes_of(terms)
        self.off_cycle = bool(self.redated) or self.matures
        self.reshaped = self._any_reshaped()

    def due_date(self, n: pl.Expr) -> pl.Expr:
        """Unadjusted due date of instalment `n`."""
        counted = due_date(n, self.units, matures=self.matures, changes=self.redated)
        return pl.coalesce(agreed_row(n)[0], counted) if self.agreed else counted

    def regular_start(self, n: pl.Expr) -> pl.Expr:
        """Where a whole period begins that ends with instalment `n`: the due date before it, but where due
        dates are counted anew from `n` on."""
        if not self.off_cycle:
            return self.due_date(n.cast(pl.Int32) - 1)
        return due_date(n.cast(pl.Int32) - 1, self.units, changes=self.redated, like=n)

    def is_redated(self) -> pl.Expr:
        """Periods from the last due date that is counted one way to the first that is counted another, no
        whole ones; so is the first after a maturity of its own, which ends on the cycle."""
        n = pl.col("instalment_no")
        counted_anew = pl.col("due_date_changes").is_not_null() if self.redated else pl.lit(False)
        if self.matures:
            counted_anew |= pl.col("matures_on").is_not_null() & (n > pl.col("instalments"))
        return (
            (n > 1)
            & counted_anew
            & ~counts_days()
            & (self.due_date(n.cast(pl.Int32) - 1) != self.regular_start(n))
        )

    def redated_days(self) -> tuple[pl.Expr, pl.Expr]:
        """Days of such a period, over those of a regular one, on the dates that are counted: as `reshaped_days`."""
        n = pl.col("instalment_no").cast(pl.Int32)
        began, ends = self.due_date(n - 1), self.due_date(n)
        counts_on = pl.col("stub") == Stub.forward.value
        on, whole = first_period.forward(began, ends)
        regular = (ends - self.regular_start(n)).dt.total_days()
        return (
            pl.when(counts_on).then(on).otherwise((ends - began).dt.total_days()),
            pl.when(counts_on).then(whole).otherwise(regular),
        )

    def _any_reshaped(self) -> bool:
        """Whether an order made the running period of some loan longer or shorter than a whole one."""
        standing = {"period_start", "instalment_no", "adjust_accrual"} <= set(self.terms.columns)
        if not standing or self.basis <= ACTUAL.keys():
            return False
        if not (self.terms["has_stub"] & (self.terms["instalment_no"] > 1)).any():
            return False
        # lazily: of the rows that may be, no more columns than are looked at
        later = self.terms.lazy().filter(pl.col("has_stub") & (pl.col("instalment_no") > 1))
        found = later.select(self.is_reshaped().any()).collect(engine=engine_for(self.terms))
        return bool(found.item())

    def is_reshaped(self) -> pl.Expr:
        """Periods after the first that an order made longer or shorter: they begin elsewhere than the due
        dates before them say. A calendar that moves the accrual moves no period so."""
        n = pl.col("instalment_no")
        cut = pl.col("period_start") != self.regular_start(n)
        reshaped = (n > 1) & pl.col("has_stub") & cut & ~pl.col("adjust_accrual") & ~counts_days()
        return reshaped & ~self.is_reckoned() if self.reckoned else reshaped

    def is_reckoned(self) -> pl.Expr:
        """Periods after a re-age that are no whole ones of the loan's own: they begin off its due dates, or its
        dues come by another unit than the rate was agreed by."""
        own = pl.col("rate_unit") == pl.col("unit")
        n = pl.col("instalment_no").cast(pl.Int32)
        regular = pl.col("adjust_accrual") | (pl.col("period_start") == self.due_date(n - 1))
        return (pl.col("rate_unit").is_not_null() & ~(own & regular)).fill_null(False)

    def stub_days(self) -> tuple[pl.Expr, pl.Expr]:
        """Days of the first period, and of a regular one that ends with it."""
        regular_start = self.due_date(pl.lit(0))
        return (
            (pl.col("period_end") - pl.col("period_start")).dt.total_days(),
            (pl.col("period_end") - regular_start).dt.total_days(),
        )

    def reshaped_days(self) -> tuple[pl.Expr, pl.Expr]:
        """Days of a period that an order reshaped, over those of a regular one: the one that ends with it, or
        as the product counts a first period from its start."""
        actual = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
        n = pl.col("instalment_no").cast(pl.Int32)
        regular = (pl.col("period_end") - self.regular_start(n)).dt.total_days()
        counts_on = pl.col("stub") == Stub.forward.value
        on, whole = first_period.forward()
        return (
            pl.when(counts_on).then(on).otherwise(actual),
            pl.when(counts_on).then(whole).otherwise(regular),
        )

    def odd_row(self) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
        """Whether the period is that of an agreed row and no whole one, its days, and those of a regular
        one, as `reshaped_days` counts them. A semi-monthly row is a whole one."""
        start, end = pl.col("period_start"), pl.col("period_end")
        before = first_due_for(end, pl.lit(1))
        whole = (first_period.whole_periods()[0] == end) | (before == start)
        odd = agreed_row(pl.col("instalment_no"))[0].is_not_null() & ~whole & before.is_not_null()
        counts_on = pl.col("stub") == Stub.forward.value
        on, after = first_period.forward()
        days = pl.when(counts_on).then(on).otherwise((end - start).dt.total_days())
        regular = pl.when(counts_on).then(after).otherwise((end - before).dt.total_days())
        return odd.fill_null(False), days, regular

    def odd_last(self) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
        """Whether the period is a last one that ends on a date of its own, its days, and those that it
        would have on the cycle."""
        last = pl.col("instalment_no") == pl.col("instalments")
        odd = (last & pl.col("matures_on").is_not_null()).fill_null(False)
        on_cycle = due_date(pl.col("instalments"), self.units, changes=self.redated)
        began = self.regular_start(pl.col("instalments"))
        actual = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
        return odd, actual, (on_cycle - began).dt.total_days()

    def of_a_year(self, basis: RateBasis) -> tuple[pl.Expr, pl.Expr]:
        """What a whole period is of a year: numerator and denominator (Int64)."""
        part, year = (
            by_code(
                pl.col("unit"), self.units, Unit,
                lambda u, n=n: pl.lit(_WHOLE_PERIOD[basis][u][n], dtype=pl.Int64),  # type: ignore[misc]
            )
            for n in (0, 1)
        )  # fmt: skip
        return pl.col("every").cast(pl.Int64) * part, year

    def of_one_unit(self, basis: RateBasis) -> tuple[pl.Expr, pl.Expr]:
        """What one `rate_unit` is of a year, of periods that are reckoned by it: numerator and denominator (Int64)."""
        part, year = (
            by_code(
                pl.col("rate_unit"), self.rate_units, Unit,
                lambda u, n=n: pl.lit(_WHOLE_PERIOD[basis][first_period.reckoned_by(u)][n], dtype=pl.Int64),  # type: ignore[misc]
            )
            for n in (0, 1)
        )  # fmt: skip
        return part, year
