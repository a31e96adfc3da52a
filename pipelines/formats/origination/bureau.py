"""Reports of bureaus: a JSON object a line with attributes, or a row a trade line; each field with where it stands.

The text of each report is kept as it came, sealed, under its SHA-256; `path` of a fact leads back into it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.inputs import INPUTS, LARGEST
from loanbook.core.errors import IntakeError
from loanbook.core.frames import hashes
from loanbook.core.origination.trade_lines import KINDS, LINES, attributes
from loanbook.pipelines.formats.origination.reading import NAMED, json_lines, must_have, plain
from loanbook.pipelines.formats.payments import exact_minor
from loanbook.pipelines.formats.table import Bad, date_in, read_csv, split, whole_number

REQUIRED = ["report_id", "applicant", "bureau", "drawn_on"]
TRADE_LINES = [*REQUIRED, "record", "currency", "account_type", "opened_on", "closed_on", "limit", "balance", "payment",
               "days_past_due", "last_late_on", "dated"]  # fmt: skip
ATTRIBUTES = [
    each.name for each in INPUTS if each.source == "bureau" and each.name != "bureau_age_days"
]
"""What an attribute of a JSON report may be; others are kept in the original alone."""


@dataclass(frozen=True)
class Reports:
    """What a file of reports gives."""

    rows_in: int
    reports: pl.DataFrame
    """`record`, `applicant`, `as_of`, `text`, `sha256`, `line`, `numbers` (lines of the file that it takes): a row a report."""
    facts: pl.DataFrame
    """`record`, `line` (the first of its report), `field`, `number`, `path`."""
    bad: Bad


class ReportRows(dy.Schema):
    """A report, or a line of one, as it may enter."""

    line = dy.Int64()
    report_id = dy.String(min_length=1, max_length=64)
    applicant = dy.String()
    bureau = dy.String()
    drawn_on = dy.Date(nullable=True)
    file_date = dy.Date()
    record = dy.String()
    wrong = dy.String()

    @dy.rule()
    def applicant_missing(cls) -> pl.Expr:
        return pl.col("applicant") != ""

    @dy.rule()
    def bureau_not_named(cls) -> pl.Expr:
        return pl.col("bureau").str.contains(NAMED)

    @dy.rule()
    def drawn_on_not_a_date(cls) -> pl.Expr:
        return pl.col("drawn_on").is_not_null()

    @dy.rule()
    def drawn_in_the_future(cls) -> pl.Expr:
        return pl.col("drawn_on").is_null() | (pl.col("drawn_on") <= pl.col("file_date"))

    @dy.rule()
    def record_not_known(cls) -> pl.Expr:
        return pl.col("record").is_in(list(KINDS))

    @dy.rule()
    def attribute_not_a_whole_number(cls) -> pl.Expr:
        return pl.col("wrong") == ""


def parse(data: bytes, file_date: dt.date) -> Reports:
    """Reports of a file. Raises IntakeError if it is none, or names people."""
    if data.lstrip()[:1] == b"{":
        return _json(data, file_date)
    return _trade_lines(data, file_date)


def _json(data: bytes, file_date: dt.date) -> Reports:
    found, broken = json_lines(data)
    must_have(list(dict.fromkeys(name for _, told, _ in found for name in told)), [])
    rows, facts = [], []
    for number, told, text in found:
        wrong = ""
        inner = told.get("attributes")
        for name, value in (inner if isinstance(inner, dict) else {}).items():
            if name in ATTRIBUTES and value is not None:
                whole = _whole(value)
                wrong = wrong or (f"{name}={str(value)[:20]}" if whole is None else "")
                facts.append((number, name, whole, f"$.attributes.{name}"))
        if not isinstance(inner, dict):
            wrong = "no attributes"
        rows.append((number, *(plain(told.get(name)) for name in REQUIRED), text, wrong))
    names = ["line", *REQUIRED, "text", "wrong"]
    texts = pl.DataFrame(
        rows, schema={n: pl.Int64() if n == "line" else pl.String() for n in names}, orient="row"
    )
    good, bad = _judged(texts.with_columns(record=pl.lit("trade")), file_date)
    reports = good.join(
        texts.select("line", "text"), on="line", maintain_order="left"
    ).with_columns(numbers=pl.concat_list("line"))
    told_of = pl.DataFrame(
        facts, schema={"line": pl.Int64(), "field": pl.String(), "number": pl.Int64(), "path": pl.String()}, orient="row"
    ).join(good.select("line", key="key"), on="line", maintain_order="left")  # fmt: skip
    return Reports(
        len(found) + len(broken), _kept(reports), told_of.select("line", "field", "number", "path", record="key"),
        broken + bad,
    )  # fmt: skip


def _whole(value: Any) -> int | None:
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if str(number) == str(value) and abs(number) <= LARGEST else None


def _judged(texts: pl.DataFrame, file_date: dt.date) -> tuple[pl.DataFrame, Bad]:
    """Rows that may enter with the `key` of their report, and those refused."""
    typed = texts.select(
        "line", "report_id", "applicant", "bureau", "record", "wrong", drawn_on=date_in("drawn_on"),
        file_date=pl.lit(file_date),
    )  # fmt: skip
    good, bad = split(typed, ReportRows, "report_id", lambda: texts.drop("wrong"))
    return good.with_columns(key=pl.concat_str("bureau", "report_id", separator="/")), bad


def _kept(reports: pl.DataFrame) -> pl.DataFrame:
    return reports.select(
        "applicant", "text", "line", "numbers", record="key", as_of="drawn_on", sha256=hashes(reports["text"])
    )  # fmt: skip


def _trade_lines(data: bytes, file_date: dt.date) -> Reports:
    texts, broken = read_csv(data, TRADE_LINES)
    must_have(texts.columns, TRADE_LINES)
    if broken:
        raise IntakeError(
            f"line {broken[0]['line']} is no row ({broken[0]['found']}): a report without it would tell too little; send "
            "the file again"
        )
    texts = texts.with_columns(pl.exclude("line").fill_null("").str.strip_chars())
    amounts = {name: exact_minor(pl.col(name)) for name in ("limit", "balance", "payment")}
    dates = {name: date_in(name) for name in ("opened_on", "closed_on", "last_late_on", "dated")}
    late = whole_number(pl.col("days_past_due"))
    typed = {**amounts, **dates, "days_past_due": late}
    unread = [pl.when((pl.col(n) != "") & each.is_null()).then(pl.concat_str(pl.lit(f"{n}="), pl.col(n).str.head(20)))
              for n, each in typed.items()]  # fmt: skip
    judged = texts.with_columns(wrong=pl.coalesce(*unread, pl.lit("")))
    good, bad = _judged(judged, file_date)
    # a report of which a line is refused would tell too little: it is refused whole
    named = texts.select("line", key=pl.concat_str("bureau", "report_id", separator="/"))
    spoilt = named.join(
        pl.DataFrame({"line": [row["line"] for row in bad]}, schema={"line": pl.Int64}), on="line"
    )["key"]
    left = good.filter(pl.col("key").is_in(spoilt.implode()))
    bad += [
        {"line": n, "rule": "report_has_a_refused_line", "found": key[:40]}
        for n, key in left.select("line", "key").rows()
    ]
    whole = good.filter(~pl.col("key").is_in(spoilt.implode()))
    lines = data.decode("utf-8-sig").split("\n")
    rows = texts.join(
        whole.select("line", key="key", drawn="drawn_on"), on="line", maintain_order="left"
    ).with_columns(**typed)
    facts = attributes(
        rows.select(pl.col("key").alias("record"), pl.col("record").alias("kind"), pl.col("drawn").alias("drawn_on"),
                    *(name for name in LINES if name not in ("record", "kind", "drawn_on"))).select(LINES.names())
    )  # fmt: skip
    reports = whole.group_by("key", maintain_order=True).agg(
        pl.col("applicant", "drawn_on", "line").first(), numbers=pl.col("line")
    )
    text = [
        "\n".join(lines[n - 1].rstrip("\r") for n in numbers)
        for numbers in reports["numbers"].to_list()
    ]
    spans = reports.select(
        "line", record="key", path=pl.concat_str(pl.lit("lines "), pl.col("numbers").list.eval(pl.element().cast(pl.String)).list.join(","))
    )  # fmt: skip
    long = facts.unpivot(index="record", variable_name="field", value_name="number").drop_nulls(
        "number"
    )
    told = long.join(spans, on="record", maintain_order="left").select(
        "record", "line", "field", "number", "path"
    )
    kept = _kept(reports.with_columns(text=pl.Series(text, dtype=pl.String)))
    return Reports(texts.height, kept, told, bad)
