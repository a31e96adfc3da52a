"""A partner's applications: one row each, by its mapping, within its contract."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.core.errors import IntakeError
from loanbook.core.origination.applications import KINDS, LINKS, PARTIES
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.partners import APPLICATION_OPTIONAL, ApplicationMapping
from loanbook.pipelines.formats.mapped import plain
from loanbook.pipelines.formats.origination.reading import read_rows
from loanbook.pipelines.formats.payments import exact_minor
from loanbook.pipelines.formats.table import Bad, Parsed, date_in, parsed, whole_number

_INCOMES = ("income_year", "income_verified_year")
_COUNTS = ("employment_years", "age_years")


class ApplicationRows(dy.Schema):
    """An application as it may enter: of a product in force, within its bounds and the partner's contract."""

    line = dy.Int64()
    application_ref = dy.String(min_length=1, max_length=64)
    product = dy.String()
    currency = dy.String()
    minor = dy.Int64(nullable=True)
    months = dy.Int64(nullable=True)
    submitted_on = dy.Date(nullable=True)
    file_date = dy.Date()
    applicant = dy.String()
    applicant_kind = dy.String()
    co_applicant = dy.String()
    guarantor = dy.String()
    owner = dy.String()
    income_bad = dy.Bool()
    count_bad = dy.Bool()
    offered = dy.Bool()
    allowed = dy.Bool()
    product_currency = dy.String(nullable=True)
    least = dy.Int64(nullable=True)
    most = dy.Int64(nullable=True)
    shortest = dy.Int64(nullable=True)
    longest = dy.Int64(nullable=True)

    @dy.rule()
    def unknown_product(cls) -> pl.Expr:
        return pl.col("offered")

    @dy.rule()
    def product_not_of_the_partner(cls) -> pl.Expr:
        return pl.col("allowed")

    @dy.rule()
    def applicant_missing(cls) -> pl.Expr:
        return pl.col("applicant") != ""

    @dy.rule()
    def applicant_kind_not_known(cls) -> pl.Expr:
        return pl.col("applicant_kind").is_in(list(KINDS))

    @dy.rule()
    def parties_not_of_the_kind(cls) -> pl.Expr:
        joint = (pl.col("applicant_kind") == "joint") == (pl.col("co_applicant") != "")
        return joint & ((pl.col("owner") == "") | (pl.col("applicant_kind") == "business"))

    @dy.rule()
    def party_named_twice(cls) -> pl.Expr:
        liable = pl.concat_list("applicant", named_in("co_applicant"), named_in("guarantor"))
        named = (liable, named_in("owner"))
        return pl.all_horizontal(each.list.n_unique() == each.list.len() for each in named)

    @dy.rule()
    def currency_is_not_the_products(cls) -> pl.Expr:
        return ~pl.col("offered") | (pl.col("currency") == pl.col("product_currency"))

    @dy.rule()
    def requested_amount_not_an_amount(cls) -> pl.Expr:
        return pl.col("minor").is_not_null()

    @dy.rule()
    def requested_amount_out_of_bounds(cls) -> pl.Expr:
        return (
            pl.col("minor").is_null()
            | pl.col("least").is_null()
            | pl.col("minor").is_between("least", "most")
        )

    @dy.rule()
    def requested_term_not_a_number(cls) -> pl.Expr:
        return pl.col("months").is_not_null()

    @dy.rule()
    def requested_term_out_of_bounds(cls) -> pl.Expr:
        return (
            pl.col("months").is_null()
            | pl.col("shortest").is_null()
            | pl.col("months").is_between("shortest", "longest")
        )

    @dy.rule()
    def submitted_on_not_a_date(cls) -> pl.Expr:
        return pl.col("submitted_on").is_not_null()

    @dy.rule()
    def submitted_in_the_future(cls) -> pl.Expr:
        return pl.col("submitted_on").is_null() | (pl.col("submitted_on") <= pl.col("file_date"))

    @dy.rule()
    def income_not_an_amount(cls) -> pl.Expr:
        return ~pl.col("income_bad")

    @dy.rule()
    def years_not_a_number(cls) -> pl.Expr:
        return ~pl.col("count_bad")


def named_in(name: str) -> pl.Expr:
    """Those whom a field names, set apart by semicolons: a list of texts."""
    told = pl.col(name).str.split(";").list.eval(pl.element().str.strip_chars())
    return told.list.eval(pl.element().filter(pl.element() != ""))


def parse(
    data: bytes, file_date: dt.date, mapping: ApplicationMapping, policies: PolicyBook
) -> Parsed:
    """Applications of a file: texts by loanbook's names, with `minor`, `months` and the incomes and counts as numbers."""
    texts, broken = _by_names(data, mapping)
    if texts.height > mapping.most_rows:
        raise IntakeError(
            f"{texts.height:,} rows are more than `most_rows` of application_files/{mapping.name}; send it in parts"
        )
    money = {
        name: exact_minor(plain(pl.col(name), mapping.amounts)) for name in ("amount", *_INCOMES)
    }
    counts = {name: whole_number(pl.col(name)) for name in _COUNTS}
    typed = texts.with_columns(
        minor=money["amount"], months=whole_number(pl.col("term")),
        submitted_on=date_in("submitted_on", mapping.date_format), file_date=pl.lit(file_date),
        income_bad=pl.any_horizontal((pl.col(n) != "") & money[n].is_null() for n in _INCOMES),
        count_bad=pl.any_horizontal((pl.col(n) != "") & (counts[n].is_null() | (counts[n] < 0)) for n in _COUNTS),
        **{f"{name}_minor": money[name] for name in _INCOMES},
        **{f"{name}_number": counts[name] for name in _COUNTS},
        allowed=pl.col("product").is_in(mapping.products) if mapping.products else pl.lit(True),
    )  # fmt: skip
    joined = typed.join(
        _products(policies, file_date), on="product", how="left", maintain_order="left"
    ).with_columns(pl.col("offered").fill_null(False))
    return parsed(joined, ApplicationRows, "application_ref", texts, broken)


def _by_names(data: bytes, mapping: ApplicationMapping) -> tuple[pl.DataFrame, Bad]:
    """Rows as text by loanbook's names; what may be absent and is, is empty."""
    needed = [
        column for name, column in mapping.columns.items() if name not in APPLICATION_OPTIONAL
    ]
    raw, broken = read_rows(data, [mapping.key, *needed])
    fields: dict[str, pl.Expr] = {
        name: pl.col(column) if column in raw.columns else pl.lit("")
        for name, column in mapping.columns.items()
    }
    fields |= {name: pl.lit(value) for name, value in mapping.constants.items()}
    fields |= {name: pl.lit("") for name in APPLICATION_OPTIONAL if name not in fields}
    rows = raw.select(
        "line", application_ref=pl.col(mapping.key).str.strip_chars(),
        **{name: each.fill_null("").str.strip_chars() for name, each in fields.items()},
    )  # fmt: skip
    kind = pl.when(pl.col("applicant_kind") != "").then("applicant_kind")
    guessed = (
        pl.when(pl.col("co_applicant") != "").then(pl.lit("joint")).otherwise(pl.lit("individual"))
    )
    return rows.with_columns(applicant_kind=pl.coalesce(kind, guessed)), broken


def _products(policies: PolicyBook, on: dt.date) -> pl.DataFrame:
    """Products in force on a date with their bounds."""
    from loanbook.core.policy.product import Product

    rows = [
        (p.name, p.currency, *p.bounds.amount_minor, *p.bounds.instalments, True)
        for p in policies.all_in_force(Product, on).values()
    ]
    schema = {"product": pl.String(), "product_currency": pl.String(), "least": pl.Int64(), "most": pl.Int64(),
              "shortest": pl.Int64(), "longest": pl.Int64(), "offered": pl.Boolean()}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


TOKENS = (*PARTIES, *LINKS)
"""Fields of which tokens alone are kept."""
