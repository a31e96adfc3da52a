"""The interest of an odd first period, where a product asks it apart from the instalments.

Frames hold one row a loan with the columns of :class:`loanbook.core.contract.terms.Terms`; amounts are Int64
minor units.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.due_dates import due_date
from loanbook.core.contract.dates.instalment_dates import has_agreed_rows
from loanbook.core.contract.figures import Amortisation, Figures
from loanbook.core.contract.first_period import StubInterest
from loanbook.core.contract.money import PPB, even_part, int128, with_quotient
from loanbook.core.contract.schedule.cursor import from_the_first
from loanbook.core.frames import codes


def with_stub_apart(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` with `stub_amount` and `stub_share` of loans that ask an odd first period's interest apart.

    What the first period bears of the principal agreed beyond a regular one, rounded once by itself. An even
    spread of flat interest is what it is without it.
    """
    if "stub_interest" not in terms.columns:
        return terms
    how = stub_interest_of(terms)
    flat = (pl.col("amortisation") == Amortisation.flat) & (how == StubInterest.spread.value)
    here = (how != StubInterest.level.value) & ~flat & ~pl.col("revolving")
    here = here & (pl.col("grace_charged") == 0)  # else the period bears nothing
    if has_agreed_rows(terms):
        here = here & pl.col("agreed_schedule").is_null()
    if "taken_over_on" in terms.columns:  # asked where the loan lived before
        here = here & pl.col("taken_over_on").is_null()
    mask = terms.select(here).to_series()
    if not mask.any():
        return terms
    odd = terms.filter(mask)
    over, under = _first_rate(odd)
    regular_over, regular_under = _first_rate(from_a_regular(odd))
    # all denominators are a multiple of a billion, but those of decimal factors, which are alike
    rated = odd.with_columns(over, regular_over.alias("_less"), _u=under, _r=regular_under)
    alike_, unit = pl.col("_u") == pl.col("_r"), pl.lit(PPB, dtype=pl.Int128)
    beyond = (
        pl.when(alike_)
        .then(pl.col("rate_over") - pl.col("_less"))
        .otherwise(
            pl.col("rate_over") * (pl.col("_r") // unit) - pl.col("_less") * (pl.col("_u") // unit)
        )
    )
    figures = Figures(odd)
    rounded = with_quotient(
        rated, "_stub", int128(figures.lent) * beyond,
        pl.when(alike_).then("_u").otherwise(pl.col("_u") * (pl.col("_r") // unit)),
        "interest_rounding", figures.rounding,
    )  # fmt: skip
    share = even_part(pl.col("_stub"), pl.col("instalments").cast(pl.Int64))
    spread = how == StubInterest.spread.value
    found = rounded.select(
        stub_amount="_stub", stub_share=pl.when(spread).then(share).otherwise("_stub")
    )
    at = mask.arg_true()
    return terms.with_columns(terms[n].clone().scatter(at, found[n]) for n in found.columns)


def stub_interest_of(terms: pl.DataFrame) -> pl.Expr:
    """How each loan asks the interest of an odd first period (code of `StubInterest`)."""
    own = "stub_interest_agreed"
    return pl.coalesce(own, "stub_interest") if own in terms.columns else pl.col("stub_interest")


def kept_of_payout(agreed: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, `kept` (Int64, above zero): a stub's interest that the payout pays at once, of the
    first instalment's. `agreed`: terms as `agree` left them."""
    if "stub_interest" not in agreed.columns:
        return agreed.select("loan_id", kept=pl.lit(0, dtype=pl.Int64)).clear()
    upfront = stub_interest_of(agreed) == StubInterest.upfront.value
    kept = agreed.filter(upfront & (pl.col("stub_amount") > 0))
    return kept.select("loan_id", kept="stub_amount")


def from_a_regular(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` as if they were paid out a whole period before the first due date."""
    regular = due_date(pl.lit(0), codes(terms, "unit"))
    return terms.with_columns(disbursed_on=regular, has_stub=pl.lit(False))


def _first_rate(terms: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Rate of each loan's first period: numerator and denominator (Int128)."""
    figures = Figures(terms)
    rated = figures.with_rate(from_the_first(terms, figures))
    wide = rated.select(int128(pl.col("rate_over")), int128(pl.col("rate_under")))
    return wide["rate_over"], wide["rate_under"]
