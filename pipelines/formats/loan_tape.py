"""Loan tapes: a lender's own columns, mapped to canonical terms by a policy file."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import InterestMode
from loanbook.core.contract.dates.day_count import ACTUAL
from loanbook.core.contract.dates.due_dates import Unit, change_text, due_date
from loanbook.core.contract.dates.iso_dates import ISO
from loanbook.core.contract.first_period import StubInterest
from loanbook.core.contract.jurisdiction import pack
from loanbook.core.contract.money import CURRENCY_CODES, EXPONENT, percent, to_major
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import codes, completed
from loanbook.core.policy.file_mappings import AGREEMENT, OWN_TAPES, TAPE_OPTIONAL, TapeMapping
from loanbook.core.policy.product import Product
from loanbook.core.servicing.changes.migration_in import AMOUNTS
from loanbook.pipelines.formats.mapped import plain, row_hashes
from loanbook.pipelines.formats.payments import exact_minor
from loanbook.pipelines.formats.table import (
    EARLIEST,
    ISO_FORM,
    LATEST,
    check_lacking,
    date_in,
    percent_ppb,
    quoted,
    read_csv,
    split,
    unit_code,
    whole_number,
    within_the_calendar,
)
from loanbook.pipelines.formats.tape_rules import Tape

DERIVED = ("issue_date", "first_due_date", "first_interest_adjustment")
"""Columns of the sample that are no part of the lender's row, so not of its key."""


MAY_LACK = (
    "jurisdiction", "drawn", "anchor_day", "end_of_month", "maturity_date", "interest_only",
    "stub_interest", "agreed_schedule", "schedule_interest",
)  # fmt: skip
"""Fields whose column a tape may lack though its mapping names it."""


def may_lack(mapping: TapeMapping) -> tuple[str, ...]:
    """Fields whose column a tape of the mapping may lack; in loanbook's own names all that no loan must tell."""
    return TAPE_OPTIONAL if mapping.name in OWN_TAPES else MAY_LACK


def signed_minor(text: pl.Expr, exponent: pl.Expr) -> pl.Expr:
    """Minor units of a decimal string that may have a minus sign."""
    text = text.str.strip_chars()
    cents = exact_minor(text.str.strip_prefix("-"), exponent)
    return pl.when(text.str.starts_with("-")).then(-cents).otherwise(cents)


def rounded_minor(text: pl.Expr, decimals: int) -> pl.Expr:
    """Minor units (Int64) of a plain decimal string of up to 12 decimals, rounded half to even: for
    figures that are only compared. Null where it is no number. `decimals`: of the currency."""
    exact = text.str.strip_chars().cast(pl.Decimal(30, 12), strict=False) * 10**decimals
    return exact.round(0, mode="half_to_even").cast(pl.Int64, strict=False)


def keys(rows: pl.DataFrame) -> pl.Series:
    """`loan_key` of rows that bring none: the hash of each row's own text and its occurrence."""
    columns = [c for c in rows.columns if c not in (*DERIVED, "line")]
    return row_hashes(rows, columns).alias("loan_key")


def _floating(of: dict[str, str], mapping: TapeMapping) -> dict[str, pl.Expr]:
    """Terms of a floating rate, where the mapping has them."""
    spread, first = of.get("spread_percent"), of.get("first_reset_on")
    date = mapping.date_format
    return {
        "spread_ppb": _rate(spread, mapping) if spread else pl.lit(None, dtype=pl.Int64),
        "first_reset_on": date_in(first, date) if first else pl.lit(None, dtype=pl.Date),
    }


def _rate(column: str, mapping: TapeMapping) -> pl.Expr:
    return percent_ppb(plain(pl.col(column), mapping.amounts))


def _amount(column: str, mapping: TapeMapping, exponent: pl.Expr) -> pl.Expr:
    return exact_minor(plain(pl.col(column), mapping.amounts), exponent)


def _unit(of: dict[str, str]) -> pl.Expr:
    """Code of the period's unit; months where the mapping has none."""
    if "unit" not in of:
        return pl.lit(Unit.months.value, dtype=pl.Int64)
    return unit_code(pl.col(of["unit"]).str.strip_chars())


def _anchor(of: dict[str, str], date: str) -> dict[str, pl.Expr]:
    """The day of the month on which instalments fall due, and whether it is the last one.

    Where a tape tells neither it is the day of the first due date, and the last day of the month if
    that is one; where it tells the day alone, that day, clipped to short months.
    """
    first = date_in(of["first_due_date"], date)
    day, last = first.dt.day().cast(pl.Int64), first == first.dt.month_end()
    if "anchor_day" in of:
        text = pl.col(of["anchor_day"]).str.strip_chars()
        is_given = text != ""
        day = pl.when(is_given).then(whole_number(text)).otherwise(day)
        last = last & ~is_given
    if "end_of_month" in of:
        word = pl.col(of["end_of_month"]).str.strip_chars().str.to_lowercase()
        flag = word.replace_strict(_YES_OR_NO, default=None, return_dtype=pl.Boolean)
        last = pl.when(word == "").then(last).otherwise(flag)
    # a first due date that is none is refused as that, not for what is counted from it
    return {"anchor_day": pl.when(first.is_null()).then(1).otherwise(day),
            "end_of_month": pl.when(first.is_null()).then(False).otherwise(last)}  # fmt: skip


def _maturity(of: dict[str, str], date: str) -> dict[str, pl.Expr]:
    """The date on which the last instalment falls due, where a tape tells one."""
    if "maturity_date" not in of:
        return {"matures_on": pl.lit(None, dtype=pl.Date), "maturity_told": pl.lit(False)}
    told = pl.col(of["maturity_date"]).str.strip_chars() != ""
    return {"matures_on": date_in(of["maturity_date"], date), "maturity_told": told}


def _on_cycle(typed: pl.DataFrame) -> pl.DataFrame:
    """Rows with the first due date as their cycle has it, and the due dates before the last one and after it
    where a maturity is told; one that is on the cycle is no other date."""
    counted = typed.filter(
        pl.col("anchor_day").is_between(1, 31)
        & pl.col("second_anchor_day").is_between(1, 31)
        & pl.col("every").is_between(1, 366)
        & pl.col("instalments").is_between(1, 600)
        & pl.col("unit").is_not_null()
        & pl.col("first_due_date").is_not_null()
        & within_the_calendar("first_due_date", pl.col("every"), pl.col("unit"))
    )
    anchor = pl.when("end_of_month").then(31).otherwise("anchor_day")
    on_one_day = (pl.col("unit") == Unit.semi_monthly.value) & (
        anchor == pl.col("second_anchor_day")
    )
    units, n = codes(counted, "unit"), pl.col("instalments")
    nowhere = pl.lit(None, dtype=pl.Date)
    before, on, after = (due_date(n + by, units) if units else nowhere for by in (-1, 0, 1))
    told = pl.col("maturity_told")
    dates = counted.select(
        "line",
        half_months_differ=~on_one_day,
        first_on_cycle=due_date(pl.lit(1), units) if units else nowhere,
        second_on_cycle=due_date(pl.lit(2), units) if units else nowhere,
        on_cycle=pl.when(told).then(on),
        period_before_maturity=pl.when(told).then(before),
        period_after_maturity=pl.when(told).then(after),
    )
    dated = _counted_anew(typed.join(dates, on="line", how="left", maintain_order="left"))
    own = (pl.col("matures_on") != pl.col("on_cycle")).fill_null(True)
    return dated.with_columns(
        matures_on=pl.when(own).then("matures_on"), maturity_told=pl.col("maturity_told") & own
    ).drop("on_cycle")


def _counted_anew(dated: pl.DataFrame) -> pl.DataFrame:
    """Rows whose first due date is off its cycle: from the second one on dates are counted by the anchor that is
    told, and the first by its own day. Half months whose periods are shares of a year stay off: no whole one ends
    with such a first."""
    off = (pl.col("first_due_date") != pl.col("first_on_cycle")).fill_null(False)
    off = off & ~((pl.col("unit") == Unit.semi_monthly.value) & ~pl.col("counts_days"))
    anchor = pl.when("end_of_month").then(31).otherwise("anchor_day")
    return dated.with_columns(
        due_date_changes=pl.when(off & (pl.col("instalments") > 1)).then(
            change_text(pl.lit(2), pl.col("second_on_cycle"), anchor)
        ),
        first_on_cycle=pl.when(off).then("first_due_date").otherwise("first_on_cycle"),
        anchor_day=pl.when(off)
        .then(pl.col("first_due_date").dt.day())
        .otherwise("anchor_day")
        .cast(pl.Int64),
        end_of_month=pl.when(off).then(False).otherwise("end_of_month"),
    ).drop("second_on_cycle", "counts_days")


def _opening(mapping: TapeMapping, exponent: pl.Expr, on: dt.date) -> dict[str, pl.Expr]:
    """Balances that loans bring on the date, where the mapping has them; one left out is zero."""
    if not mapping.opening:
        absent = {f"opening_{name}": pl.lit(None, dtype=pl.Int64) for name in AMOUNTS}
        nowhere, grace = pl.lit(None, dtype=pl.Date), pl.lit(None, dtype=pl.Boolean)
        return absent | {"taken_over_on": nowhere, "past_due_since": nowhere, "in_grace": grace}
    of = mapping.opening
    amounts = {
        f"opening_{name}": _amount(of[name], mapping, exponent)
        if name in of
        else pl.lit(0, dtype=pl.Int64)
        for name in AMOUNTS
    }
    since = of.get("past_due_since")
    late = date_in(since, mapping.date_format) if since else pl.lit(None, dtype=pl.Date)
    grace = pl.lit(True)
    if "in_grace" in of:
        word = pl.col(of["in_grace"]).str.strip_chars().str.to_lowercase()
        grace = word.replace_strict(_YES_OR_NO, default=None, return_dtype=pl.Boolean)
    return amounts | {"taken_over_on": pl.lit(on), "past_due_since": late, "in_grace": grace}


_YES_OR_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def read(data: bytes, mapping: TapeMapping) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Rows of a tape as they came, with `line`, `loan_key`, `doubled` (an earlier row has
    the key) and `product_name`; and rows that are none.

    The columns of the mapping must be there, but those that it `may_lack`. Raises IntakeError if it is no such table.
    """
    optional = may_lack(mapping)
    needed = {column for field, column in mapping.columns.items() if field not in optional}
    named = {*needed, *mapping.opening.values()}
    named |= {name for name in (mapping.key, mapping.product_column) if name}
    raw, broken = read_csv(data, sorted(named))
    lacking = [column for column in mapping.columns.values() if column not in raw.columns]
    own = [*mapping.columns.values(), *mapping.attributes.values(), *mapping.reported.values()]
    check_lacking(raw.columns, lacking, [*named, *own])
    constants = {_constant(field): pl.lit(value) for field, value in mapping.constants.items()}
    loan_keys = (
        keys(raw) if mapping.key is None else raw[mapping.key].str.strip_chars().alias("loan_key")
    )
    product = pl.lit(mapping.product)
    if mapping.product_column:
        product = pl.col(mapping.product_column).str.strip_chars()
    named_rows = raw.with_columns(loan_keys, product_name=product, **constants)
    doubled = ~pl.col("loan_key").is_first_distinct()
    return named_rows.with_columns(doubled=doubled), broken


def _constant(field: str) -> str:
    """Column of rows that holds what the mapping says of the field on every row."""
    return f"constant:{field}"


def parse(
    raw: pl.DataFrame, mapping: TapeMapping, product: Product, file_date: dt.date
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Canonical loans of one product, of the rows of `read`; and the rows refused."""
    of = {field: column for field, column in mapping.columns.items() if column in raw.columns} | {
        field: _constant(field) for field in mapping.constants
    }
    cells = _Cells(of, mapping, pl.lit(EXPONENT[product.currency], dtype=pl.UInt32))
    typed = raw.select(
        "line",
        "loan_key",
        "doubled",
        **_terms(cells, product),
        **_anchor(of, mapping.date_format),
        **_maturity(of, mapping.date_format),
        **_floating(of, mapping),
        **_opening(mapping, cells.exponent, file_date),
        **_bounds(product),
    )
    typed = _on_cycle(typed)
    unread = _unread(raw, of, mapping, typed)
    is_unread = pl.any_horizontal(pl.lit(False), *unread.values())  # noqa: FBT003
    typed = typed.with_columns(raw.with_columns(unread=is_unread)["unread"])
    return split(
        typed, Tape, "loan_key", lambda: _with_bounds(_texts(raw, of, mapping, typed), product)
    )


@dataclass(frozen=True)
class _Cells:
    """Fields of a tape as its mapping has them: text by field, read as what it should be.

    `of`: column of each field that there is. `exponent`: decimals of the currency.
    """

    of: dict[str, str]
    mapping: TapeMapping
    exponent: pl.Expr

    def text(self, field: str) -> pl.Expr:
        """The cell without outer spaces; null where no column has the field."""
        none = pl.lit(None, dtype=pl.String)
        return pl.col(self.of[field]).str.strip_chars() if field in self.of else none

    def whole(self, field: str, default: int) -> pl.Expr:
        """A whole number; where there is no such column, or the cell is empty, `default`."""
        if field not in self.of:
            return pl.lit(default, dtype=pl.Int64)
        text = self.text(field)
        number = whole_number(text)
        return pl.when(text == "").then(pl.lit(default, dtype=pl.Int64)).otherwise(number)

    def money(self, field: str, default: int | None) -> pl.Expr:
        """Minor units; where there is no such column, or the cell is empty, `default`."""
        if field not in self.of:
            return pl.lit(default, dtype=pl.Int64)
        amount = _amount(self.of[field], self.mapping, self.exponent)
        empty = self.text(field) == ""
        return pl.when(empty).then(pl.lit(default, dtype=pl.Int64)).otherwise(amount)

    def date(self, field: str) -> pl.Expr:
        """The date of a field that every tape has."""
        return date_in(self.of[field], self.mapping.date_format)


def _terms(cells: _Cells, product: Product) -> dict[str, pl.Expr]:
    """What a row says of its loan, and what its product says of such rows."""
    of, mapping = cells.of, cells.mapping
    principal = _amount(of["principal"], mapping, cells.exponent)
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
        "rate_ppb": _rate(of["rate_percent"], mapping),
        "instalments": _instalments(cells),
        "instalment": cells.money("instalment", None),
        "solved": solved,
        "balloon": cells.money("balloon", 0),
        "every": cells.whole("every", 1),
        "unit": _unit(of),
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


def _drawn(cells: _Cells, product: Product, principal: pl.Expr) -> pl.Expr:
    """What is paid out as the loan enters: of an agreement nothing, for that is ordered once all gates are passed."""
    if cells.mapping.name == AGREEMENT:
        return pl.lit(0, dtype=pl.Int64)
    return cells.money("drawn", 0) if product.line else principal


_COUNTED = {"months": Unit.months, "month": Unit.months, "mon": Unit.months, "mos": Unit.months, "mo": Unit.months,
            "weeks": Unit.weeks, "week": Unit.weeks, "wks": Unit.weeks, "wk": Unit.weeks,
            "days": Unit.days, "day": Unit.days}  # fmt: skip
_ANY_UNIT = ("", "instalments", "installments", "payments", "periods")
"""What a tape may write after the number of instalments: their unit, or a word for them."""


def _instalments(cells: _Cells) -> pl.Expr:
    """The number of instalments, with or without a word; null where the word is of another unit."""
    text = cells.text("instalments")
    number = text.str.extract(r"^(0|[1-9][0-9]{0,3})(?:\s*[A-Za-z]+)?$").cast(
        pl.Int64, strict=False
    )
    word = text.str.extract(r"([A-Za-z]*)$").str.to_lowercase()
    units = {name: unit.value for name, unit in _COUNTED.items()}
    of_unit = word.replace_strict(units, default=None, return_dtype=pl.Int64) == _unit(cells.of)
    return pl.when(word.is_in(_ANY_UNIT) | of_unit.fill_null(False)).then(number)


def _adjusts(product: Product) -> bool:
    """Whether an adjustment of the first interest has a place: where a period has its interest as a whole,
    or its nights share it; a rate on actual days has neither, nor has a line of credit."""
    daily = InterestMode[product.interest.accrual] is InterestMode.daily
    by_days = product.schedule.rate_basis in {basis.words for basis in ACTUAL}
    return product.line is None and not (daily and by_days)


def _stub_interest(cells: _Cells) -> dict[str, pl.Expr]:
    """Code of how an odd first period's interest is asked, null where the row says nothing."""
    word = cells.text("stub_interest")
    codes = {each.name: each.value for each in StubInterest}
    code = word.replace_strict(codes, default=None, return_dtype=pl.Int64)
    return {
        "stub_interest": code,
        "stub_interest_read": (code.is_not_null() | (word == "")).fill_null(True),
    }


def _agreed(cells: _Cells, product: Product) -> dict[str, pl.Expr]:
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


def _minor_after_date(row: pl.Expr, place: int, cells: _Cells) -> pl.Expr:
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


def _bounds(product: Product) -> dict[str, pl.Expr]:
    """Lowest and highest of what the product lends."""
    of = product.bounds
    pairs = {"amount": of.amount_minor, "rate": of.rate_ppb, "term": of.instalments,
             "balloon": of.balloon_ppb}  # fmt: skip
    return {
        f"{name}_{side}": pl.lit(bound, dtype=pl.Int64)
        for name, pair in pairs.items()
        for side, bound in zip(("low", "high"), pair, strict=True)
    }


_READ = {"spread_percent": "spread_ppb", "first_reset_on": "first_reset_on",
         "past_due_since": "past_due_since"}  # fmt: skip
"""Fields that may be left out, by the column that they are read into."""


def _unread(
    raw: pl.DataFrame, of: dict[str, str], mapping: TapeMapping, typed: pl.DataFrame
) -> dict[str, pl.Expr]:
    """By field: whether its cell is there and was not read."""
    columns = {**of, **mapping.opening}
    return {
        columns[field]: (pl.col(columns[field]).str.strip_chars() != "") & typed[column].is_null()
        for field, column in _READ.items()
        if field in columns
    }


def _texts(
    raw: pl.DataFrame, of: dict[str, str], mapping: TapeMapping, typed: pl.DataFrame
) -> pl.DataFrame:
    """Cells as they came, by loanbook's names, for what is quoted of a refused row; and for two
    rules the cell that breaks them."""
    cells = raw.select(
        "line", product="product_name", **{field: pl.col(column) for field, column in of.items()}
    )
    balances = {
        column: typed[name].is_null() | (typed[name] < 0)
        for field, column in mapping.opening.items()
        if (name := f"opening_{field}") in typed.columns
    }
    wrong = {"field_not_read": _unread(raw, of, mapping, typed),
             "opening_balance_not_an_amount": {c: pl.lit(w) for c, w in balances.items()}}  # fmt: skip
    told = raw.select(
        pl.coalesce(
            pl.when(is_wrong).then(pl.concat_str(pl.lit(f"{column}="), quoted(column)))
            for column, is_wrong in columns.items()
        ).alias(rule)
        for rule, columns in wrong.items()
        if columns
    )
    return pl.concat([cells, told], how="horizontal")


def _with_bounds(texts: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Texts with what is quoted where a bound of the product is broken: the cell, and the bounds."""
    of = product.bounds
    spans = {
        "principal": ("principal", [to_major(n, product.currency) for n in of.amount_minor]),
        "rate": ("rate_percent", [f"{percent(n)} %" for n in of.rate_ppb]),
        "term": ("instalments", [str(n) for n in of.instalments]),
        "balloon": ("balloon", [f"{percent(n)} % of the principal" for n in of.balloon_ppb]),
    }
    return texts.with_columns(
        pl.concat_str(quoted(cell), pl.lit(f"; {product.name} has {low} to {high}")).alias(
            f"{name}_out_of_bounds"
        )
        for name, (cell, (low, high)) in spans.items()
        if cell in texts.columns
    )


def terms(good: pl.DataFrame, product: int, entity: int, currency: str) -> pl.DataFrame:
    """Columns of `Terms` but `loan_id`, with `loan_key` and `line`, sorted by key.

    What a tape does not bring is as the schema has it where a loan begins.
    """
    brought = good.sort("loan_key").select(
        "loan_key",
        "line",
        product=pl.lit(product, dtype=pl.Int16),
        entity=pl.lit(entity, dtype=pl.Int16),
        currency=pl.lit(CURRENCY_CODES[currency], dtype=pl.Int8),
        principal_agreed="principal",
        balloon="balloon",
        rate_ppb="rate_ppb",
        instalments=pl.col("instalments").cast(pl.Int16),
        every=pl.col("every").cast(pl.Int16),
        unit=pl.col("unit").cast(pl.Int8),
        disbursed_on="disbursed_on",
        first_due_date="first_due_date",
        anchor_day=pl.col("anchor_day").cast(pl.Int8),
        second_anchor_day=pl.col("second_anchor_day").cast(pl.Int8),
        end_of_month="end_of_month",
        emi="instalment",
        matures_on="matures_on",
        due_date_changes="due_date_changes",
        interest_only=pl.when(pl.col("interest_only") != pl.col("interest_only_of_product"))
        .then("interest_only")
        .cast(pl.Int16),
        agreed_schedule="agreed_schedule",
        schedule_fixed_on=pl.when(pl.col("agreed_schedule").is_not_null()).then("disbursed_on"),
        stub_interest_agreed=pl.col("stub_interest").cast(pl.Int8),
        first_interest_adjustment="first_interest_adjustment",
        spread_ppb="spread_ppb",
        first_reset_on="first_reset_on",
        taken_over_on="taken_over_on",
        principal_left=pl.col("opening_principal") - pl.col("opening_principal_due"),
        jurisdiction="jurisdiction",
    )
    return completed(brought, Terms)


def openings(brings: pl.DataFrame, good: pl.DataFrame) -> pl.DataFrame:
    """`brings` with `amount`, the principal, and the JSON `payload` of what each loan brings."""
    balances = good.select(
        "loan_key", *(pl.col(f"opening_{name}").alias(f"_{name}") for name in AMOUNTS),
        _since=pl.col("past_due_since").cast(pl.String), _grace="in_grace",
    )  # fmt: skip
    fields = [pl.col(f"_{name}").alias(name) for name in AMOUNTS]
    body = pl.struct(*fields, past_due_since="_since", in_grace="_grace").struct.json_encode()
    return (
        brings.join(balances, on="loan_key", how="left", maintain_order="left")
        .with_columns(amount="_principal", payload=body)
        .select(*brings.columns, "amount", "payload")
    )


def same_balances(before: pl.Expr, now: pl.Expr) -> pl.Expr:
    """Whether two payloads of `openings` bring the same amounts; what one does not name is zero. No payload
    before: the loan was not taken over, nothing is contradicted."""
    amounts = [
        before.str.json_path_match(f"$.{name}").fill_null("0")
        == now.str.json_path_match(f"$.{name}").fill_null("0")
        for name in AMOUNTS
    ]
    return before.is_null() | pl.all_horizontal(amounts)
