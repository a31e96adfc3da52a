"""Loan tapes: a lender's own columns, mapped to canonical terms by a policy file."""

from __future__ import annotations

import hashlib

import dataframely as dy
import polars as pl

from core.contract.due_dates import Unit
from core.contract.money import CURRENCY_CODES, MAX_MINOR, PPB
from core.policy.models import Product, TapeMapping
from pipelines.formats.payments import exact_minor
from pipelines.formats.table import Parsed, date_in, read_csv, split

DERIVED = ("issue_date", "first_due_date", "first_interest_adjustment")
"""Columns of the sample that are no part of the lender's row, so not of its key."""


class Tape(dy.Schema):
    """A loan as it may be boarded: terms within the product's bounds."""

    line = dy.Int64()
    loan_key = dy.String()
    principal = dy.Int64(nullable=True)
    rate_ppb = dy.Int64(nullable=True)
    instalments = dy.Int64(nullable=True)
    instalment = dy.Int64(nullable=True)
    disbursed_on = dy.Date(nullable=True)
    first_due_date = dy.Date(nullable=True)
    first_interest_adjustment = dy.Int64(nullable=True)
    spread_ppb = dy.Int64(nullable=True)
    first_reset_on = dy.Date(nullable=True)
    amount_low = dy.Int64()
    amount_high = dy.Int64()
    rate_high = dy.Int64()
    term_low = dy.Int64()
    term_high = dy.Int64()

    @dy.rule()
    def principal_out_of_bounds(cls) -> pl.Expr:
        return pl.col("principal").is_not_null() & pl.col("principal").is_between(
            "amount_low", pl.min_horizontal("amount_high", pl.lit(MAX_MINOR))
        )

    @dy.rule()
    def rate_out_of_bounds(cls) -> pl.Expr:
        return pl.col("rate_ppb").is_not_null() & pl.col("rate_ppb").is_between(0, "rate_high")

    @dy.rule()
    def term_out_of_bounds(cls) -> pl.Expr:
        return pl.col("instalments").is_not_null() & pl.col("instalments").is_between(
            "term_low", "term_high"
        )

    @dy.rule()
    def instalment_not_an_amount(cls) -> pl.Expr:
        return pl.col("instalment").is_not_null() & (pl.col("instalment") > 0)

    @dy.rule()
    def dates_missing_or_reversed(cls) -> pl.Expr:
        return (
            pl.col("disbursed_on").is_not_null()
            & pl.col("first_due_date").is_not_null()
            & (pl.col("first_due_date") > pl.col("disbursed_on"))
        )

    @dy.rule()
    def adjustment_not_an_amount(cls) -> pl.Expr:
        return pl.col("first_interest_adjustment").is_not_null()


def signed_minor(column: str) -> pl.Expr:
    """Cents of a decimal string that may have a minus sign."""
    text = pl.col(column).str.strip_chars()
    cents = exact_minor(text.str.strip_prefix("-"), pl.lit(2, dtype=pl.UInt32))
    return pl.when(text.str.starts_with("-")).then(-cents).otherwise(cents)


def keys(rows: pl.DataFrame) -> pl.Series:
    """SHA-256 of each row's own text plus the number of its occurrence in the file."""
    own = [c for c in rows.columns if c not in (*DERIVED, "line")]
    text = rows.select(pl.concat_str(pl.col(own).fill_null(""), separator="\x1f")).to_series()
    seen = text.to_frame("t").select(pl.int_range(1, pl.len() + 1).over("t")).to_series()
    return pl.Series(
        "loan_key",
        [
            f"{hashlib.sha256(t.encode()).hexdigest()[:24]}-{n}"
            for t, n in zip(text, seen, strict=True)
        ],
        dtype=pl.String,
    )


def _floating(of: dict[str, str], date: str) -> dict[str, pl.Expr]:
    """Terms of a floating rate, where the mapping has them."""
    spread, first = of.get("spread_percent"), of.get("first_reset_on")
    told = pl.col(spread).cast(pl.Decimal(18, 7), strict=False) if spread else None
    return {
        "spread_ppb": (told * (PPB // 100)).cast(pl.Int64)
        if told is not None
        else pl.lit(None, dtype=pl.Int64),
        "first_reset_on": date_in(first, date) if first else pl.lit(None, dtype=pl.Date),
    }


def parse(data: bytes, mapping: TapeMapping, product: Product) -> tuple[Parsed, pl.DataFrame]:
    """Canonical loans of a tape, and its rows as they came with `loan_key`.

    The columns of the mapping must be there. Raises IntakeError if it is no such table.
    """
    raw, broken = read_csv(data, sorted(set(mapping.columns.values())))
    raw = raw.with_columns(keys(raw))
    of, bounds = mapping.columns, product.bounds
    date = mapping.date_format
    typed = raw.select(
        "line",
        "loan_key",
        principal=exact_minor(pl.col(of["principal"]), pl.lit(2, dtype=pl.UInt32)),
        rate_ppb=(
            pl.col(of["rate_percent"]).cast(pl.Decimal(18, 7), strict=False) * (PPB // 100)
        ).cast(pl.Int64),
        instalments=pl.col(of["instalments"]).str.extract(r"(\d+)").cast(pl.Int64, strict=False),
        instalment=exact_minor(pl.col(of["instalment"]), pl.lit(2, dtype=pl.UInt32)),
        disbursed_on=date_in(of["disbursed_on"], date),
        first_due_date=date_in(of["first_due_date"], date),
        first_interest_adjustment=signed_minor(of["first_interest_adjustment"]),
        **_floating(of, date),
        amount_low=pl.lit(bounds.amount_minor[0], dtype=pl.Int64),
        amount_high=pl.lit(bounds.amount_minor[1], dtype=pl.Int64),
        rate_high=pl.lit(int(bounds.rate_percent[1] * PPB / 100), dtype=pl.Int64),
        term_low=pl.lit(bounds.instalments[0], dtype=pl.Int64),
        term_high=pl.lit(bounds.instalments[1], dtype=pl.Int64),
    )
    good, bad = split(typed, Tape, "loan_key")
    return Parsed(raw.height + len(broken), good, broken + bad), raw


def terms(good: pl.DataFrame, product: int, entity: int, currency: str) -> pl.DataFrame:
    """Columns of `Terms` but `loan_id`, with `loan_key` and `line`, sorted by key."""
    due = pl.col("first_due_date")
    return good.sort("loan_key").select(
        "loan_key",
        "line",
        product=pl.lit(product, dtype=pl.Int16),
        entity=pl.lit(entity, dtype=pl.Int16),
        currency=pl.lit(CURRENCY_CODES[currency], dtype=pl.Int8),
        principal_agreed="principal",
        balloon=pl.lit(0, dtype=pl.Int64),
        rate_ppb="rate_ppb",
        instalments=pl.col("instalments").cast(pl.Int16),
        every=pl.lit(1, dtype=pl.Int16),
        unit=pl.lit(Unit.months.value, dtype=pl.Int8),
        disbursed_on="disbursed_on",
        first_due_date="first_due_date",
        anchor_day=due.dt.day().cast(pl.Int8),
        second_anchor_day=pl.lit(1, dtype=pl.Int8),
        end_of_month=due == due.dt.month_end(),
        emi="instalment",
        first_interest_adjustment="first_interest_adjustment",
        rate_until=pl.lit(None, dtype=pl.Date),
        paused_from=pl.lit(None, dtype=pl.Date),
        paused_until=pl.lit(None, dtype=pl.Date),
        matures_on=pl.lit(None, dtype=pl.Date),
        accelerated_on=pl.lit(None, dtype=pl.Date),
        moratorium_left=pl.lit(None, dtype=pl.Int16),
        flags=pl.lit(None, dtype=pl.Int16),
        spread_ppb="spread_ppb",
        first_reset_on="first_reset_on",
        moratorium_interest=pl.lit(None, dtype=pl.Int8),
        stands_from=pl.lit(None, dtype=pl.Date),
        rate_before=pl.lit(None, dtype=pl.Int64),
    )
