"""What a row of a loan tape says of its loan, and what its product says of such rows."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode
from loanbook.core.contract.dates.day_count import ACTUAL
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.dates.iso_dates import ISO
from loanbook.core.contract.first_period import StubInterest
from loanbook.core.contract.jurisdiction import pack
from loanbook.core.policy.file_mappings import AGREEMENT, TapeMapping
from loanbook.core.policy.product import Product
from loanbook.pipelines.formats.mapped import plain
from loanbook.pipelines.formats.payments import exact_minor
from loanbook.pipelines.formats.table import (
    EARLIEST,
    ISO_FORM,
    LATEST,
    date_in,
)
from loanbook.pipelines.formats.tape.cells import Cells, amount, rate, signed_minor, unit


def floating(of: dict[str, str], mapping: TapeMapping) -> dict[str, pl.Expr]:
    """Terms of a floating rate, where the mapping has them."""
    spread, first = of.get("spread_percent"), of.get("first_reset_on")
    date = mapping.date_format
    return {
        "spread_ppb": rate(spread, mapping) if spread else pl.lit(None, dtype=pl.Int64),
        "first_reset_on": date_in(first, date) if first else pl.lit(None, dtype=pl.Date),
    }


def terms_told(cells: Cells, product: Product) -> dict[str, pl.Expr]:
    """What a row says of its loan, and what its product says of such rows."""
    of, mapping = cells.of, cells.mapping
    principal = amount(of["principal"], mapping, cells.exponent)
    first_adjustment = pl.lit(0, dtype=pl.Int64)
    if "first_interest_adjustment" in of:
        text = plain(pl.col(of["first_interest_adjustment"]), mapping.amounts)
        first_adjustment = pl.when(text == "").then(0).otherwise(signed_minor(text, cells.exponent))
    solved = pl.lit(True)
    if "instalment" in of:  # a tape of many products may leave a field empty; of one it must tell
        solved = (cells.text("instalment") == "") & pl.lit(mapping.product_column is not None)
    graced = product.schedule.grace_principal
    line = product.line
    return {
        "principal": principal,
        "rate_ppb": rate(of["rate_percent"], mapping),
        "instalments": _instalments(cells),
        "instalment": cells.money("instalment", None),
        "solved": solved,
        "balloon": cells.money("balloon", 0),
        "every": cells.whole("every", 1),
        "unit": unit(of),
        "second_anchor_day": cells.whole("second_anchor_day", 1),
        "disbursed_on": cells.date("disbursed_on"),
        "first_due_date": cells.date("first_due_date"),
        "first_interest_adjustment": first_adjustment,
        "first_interest_adjusts": pl.lit(_adjusts(product)),
        "revolving": pl.lit(line is not None),
        "has_advances": pl.lit(line is not None and line.cash_advances is not None),
        "drawn": _drawn(cells, product, principal),
        "jurisdiction": pack(cells.text("jurisdiction")),
        "jurisdiction_told": cells.text("jurisdiction"),
        "counts_days": pl.lit(product.schedule.rate_basis in {basis.words for basis in ACTUAL}),
        "is_flat": pl.lit(product.schedule.amortisation == "flat"),
        "interest_only": cells.whole("interest_only", graced),
        "interest_only_of_product": pl.lit(graced, dtype=pl.Int64),
        "must_exceed_grace": _grace(product),
        **_stub_interest(cells),
        **_agreed(cells, product),
    }


def _drawn(cells: Cells, product: Product, principal: pl.Expr) -> pl.Expr:
    """What is paid out as the loan enters: of an agreement nothing, for that is ordered once all gates are passed."""
    if cells.mapping.name == AGREEMENT:
        return pl.lit(0, dtype=pl.Int64)
    return cells.money("drawn", 0) if product.line else principal


_COUNTED = {"months": Unit.months, "month": Unit.months, "mon": Unit.months, "mos": Unit.months, "mo": Unit.months,
            "weeks": Unit.weeks, "week": Unit.weeks, "wks": Unit.weeks, "wk": Unit.weeks,
            "days": Unit.days, "day": Unit.days}  # fmt: skip


_ANY_UNIT = ("", "instalments", "installments", "payments", "periods")
"""What a tape may write after the number of instalments: their unit, or a word for them."""


def _instalments(cells: Cells) -> pl.Expr:
    """The number of instalments, with or without a word; null where the word is of another unit."""
    text = cells.text("instalments")
    number = text.str.extract(r"^(0|[1-9][0-9]{0,3})(?:\s*[A-Za-z]+)?$").cast(
        pl.Int64, strict=False
    )
    word = text.str.extract(r"([A-Za-z]*)$").str.to_lowercase()
    units = {name: unit.value for name, unit in _COUNTED.items()}
    of_unit = word.replace_strict(units, default=None, return_dtype=pl.Int64) == unit(cells.of)
    return pl.when(word.is_in(_ANY_UNIT) | of_unit.fill_null(False)).then(number)


def _adjusts(product: Product) -> bool:
    """Whether an adjustment of the first interest has a place: where a period has its interest as a whole,
    or its nights share it; a rate on actual days has neither, nor has a line of credit."""
    daily = InterestMode[product.interest.accrual] is InterestMode.daily
    by_days = product.schedule.rate_basis in {basis.words for basis in ACTUAL}
    return product.line is None and not (daily and by_days)


def _stub_interest(cells: Cells) -> dict[str, pl.Expr]:
    """Code of how an odd first period's interest is asked, null where the row says nothing."""
    word = cells.text("stub_interest")
    codes = {each.name: each.value for each in StubInterest}
    code = word.replace_strict(codes, default=None, return_dtype=pl.Int64)
    return {
        "stub_interest": code,
        "stub_interest_read": (code.is_not_null() | (word == "")).fill_null(True),
    }


def _agreed(cells: Cells, product: Product) -> dict[str, pl.Expr]:
    """A schedule that was agreed row by row as `Terms` hold it, a total alone without its parts; null where
    the row tells none, and where it can't be read (`agreed_schedule_read`)."""
    text = cells.text("agreed_schedule")
    each = pl.element().str.strip_chars().str.replace_all(r"\s+", " ").str.split(" ")
    parts = text.str.strip_suffix(";").str.split(";").list.eval(
        pl.concat_str(
            pl.when((each.list.len() <= 3) & each.list.first().str.contains(ISO)).then(each.list.first()),
            *(_minor_after_date(each, k, cells) for k in (1, 2)),
        )
    )  # fmt: skip
    told = (text != "").fill_null(False)
    read = told & (parts.list.len() == parts.list.drop_nulls().list.len())
    dates = parts.list.eval(pl.element().str.slice(0, 10).str.to_date(ISO_FORM, strict=False))
    within = dates.list.eval(pl.element().is_between(EARLIEST, LATEST)).list.all()
    read = read & (dates.list.drop_nulls().list.len() == dates.list.len()) & within
    word = cells.text("schedule_interest").fill_null("")
    able = product.line is None and product.floating is None
    able = able and not product.schedule.down_payment_ppb
    return {
        "agreed_schedule": pl.when(read).then(parts.list.join(";")),
        "agreed_schedule_read": read | ~told,
        "agreed_dates": pl.when(read).then(dates),
        "agreed_rows_possible": ~told | pl.lit(able),
        "schedule_interest_read": word.is_in(["", "by_rate", "as_told"]),
        "schedule_as_told": word == "as_told",
    }


def _minor_after_date(row: pl.Expr, place: int, cells: Cells) -> pl.Expr:
    """`:MINOR UNITS` of a place of an agreed row, empty where it has none; null where it is no amount."""
    text = row.list.get(place, null_on_oob=True)
    amount = exact_minor(plain(text, cells.mapping.amounts), cells.exponent)
    told = pl.concat_str(pl.lit(":"), amount.cast(pl.String))
    return pl.when(text.is_null() & pl.lit(place == 2)).then(pl.lit("")).otherwise(told)


def _grace(product: Product) -> pl.Expr:
    """The longest grace of a product whose last instalment takes no rest: a loan has more instalments."""
    rules = product.schedule
    graces = (rules.grace_principal, rules.grace_interest, rules.grace_charged)
    return pl.lit(max(graces) if rules.last_instalment == "level" else 0, dtype=pl.Int64)


def bounds(product: Product) -> dict[str, pl.Expr]:
    """Lowest and highest of what the product lends."""
    of = product.bounds
    pairs = {"amount": of.amount_minor, "rate": of.rate_ppb, "term": of.instalments,
             "balloon": of.balloon_ppb}  # fmt: skip
    return {
        f"{name}_{side}": pl.lit(bound, dtype=pl.Int64)
        for name, pair in pairs.items()
        for side, bound in zip(("low", "high"), pair, strict=True)
    }
