"""A batch of loans: what occurs in it, its due dates, and what its periods are of a year.

Expressions over one row a loan with the columns of :class:`loanbook.core.contract.terms.Terms`.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract import first_period
from loanbook.core.contract.dates.day_count import ACTUAL, BASES, RateBasis, counts_days
from loanbook.core.contract.dates.due_dates import Unit, changes_of, due_date
from loanbook.core.contract.dates.instalment_dates import agreed_row, has_agreed_rows, has_maturity
from loanbook.core.contract.first_period import Stub
from loanbook.core.contract.money import PPB, by_code
from loanbook.core.contract.odd_periods import OddPeriods
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
        self.stubs: frozenset[int] = frozenset()
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
        self.odd = OddPeriods(self)
        self.reshaped = self._any_reshaped()

    def due_date(self, n: pl.Expr) -> pl.Expr:
        """Unadjusted due date of instalment `n`."""
        counted = due_date(n, self.units, matures=self.matures, changes=self.redated)
        return pl.coalesce(agreed_row(n)[0], counted) if self.agreed else counted

    def _any_reshaped(self) -> bool:
        """Whether an order made the running period of some loan longer or shorter than a whole one."""
        standing = {"period_start", "instalment_no", "adjust_accrual"} <= set(self.terms.columns)
        if not standing or self.basis <= ACTUAL.keys():
            return False
        if not (self.terms["has_stub"] & (self.terms["instalment_no"] > 1)).any():
            return False
        # lazily: of the rows that may be, no more columns than are looked at
        later = self.terms.lazy().filter(pl.col("has_stub") & (pl.col("instalment_no") > 1))
        found = later.select(self.odd.is_reshaped().any()).collect(engine=engine_for(self.terms))
        return bool(found.item())

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

    def even_factor(self) -> tuple[pl.Expr, pl.Expr]:
        """Rate of an even period, of bases that count actual days: a month has 30, and a year 360, 364, or
        else 365 of them. Numerator and denominator (Int64); 0 over 1 of other bases."""
        days, _ = self.of_a_year(RateBasis.thirty_360)
        year = {RateBasis.daily: 1, RateBasis.act_360: 360, RateBasis.act_364: 364}
        year = dict.fromkeys(ACTUAL, 365) | {RateBasis.thirty_e_360: 360} | year
        under = by_code(
            pl.col("basis"), self.basis, RateBasis,
            lambda b: pl.lit(PPB * year.get(BASES[b], 1), dtype=pl.Int64),
        )  # fmt: skip
        return pl.when(counts_days()).then(pl.col("rate_ppb") * days).otherwise(0), under
