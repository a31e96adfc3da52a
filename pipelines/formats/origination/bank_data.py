"""Bank data in the shape of Plaid's transactions and accounts: a JSON object a line for each applicant and day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import dataframely as dy
import polars as pl

from loanbook.core.contract.money import EXPONENT, MAX_MINOR
from loanbook.core.frames import hashes
from loanbook.core.origination.cash_flow import TRANSACTIONS, cash_flow
from loanbook.pipelines.formats.origination.reading import json_lines, plain
from loanbook.pipelines.formats.table import Bad, date_in, split

TEXTS = ("item_id", "applicant", "as_of")


@dataclass(frozen=True)
class BankData:
    """What a file of bank data gives."""

    rows_in: int
    records: pl.DataFrame
    """`record`, `applicant`, `as_of`, `text`, `sha256`, `line`, `numbers` (the line): a row a line."""
    facts: pl.DataFrame
    """`record`, `line`, `field`, `number`, `path`."""
    bad: Bad


class BankRows(dy.Schema):
    """Bank data of an applicant as they may enter."""

    line = dy.Int64()
    item_id = dy.String(min_length=1, max_length=64)
    applicant = dy.String()
    as_of = dy.Date(nullable=True)
    file_date = dy.Date()
    wrong = dy.String()

    @dy.rule()
    def applicant_missing(cls) -> pl.Expr:
        return pl.col("applicant") != ""

    @dy.rule()
    def as_of_not_a_date(cls) -> pl.Expr:
        return pl.col("as_of").is_not_null()

    @dy.rule()
    def bank_data_of_the_future(cls) -> pl.Expr:
        return pl.col("as_of").is_null() | (pl.col("as_of") <= pl.col("file_date"))

    @dy.rule()
    def bank_data_not_read(cls) -> pl.Expr:
        return pl.col("wrong") == ""


def parse(data: bytes, file_date: dt.date) -> BankData:
    """Bank data of a file. Raises IntakeError if it is none.

    A line holds `item_id`, `applicant`, `as_of`, `accounts` (`account_id`, `balances` with `current` and
    `iso_currency_code`) and `transactions` (`transaction_id`, `account_id`, `date`, `amount`, `pending`,
    `iso_currency_code`, `personal_finance_category.primary`). What is pending is left out; a transaction that stands twice
    counts once. One currency a line.
    """
    found, broken = json_lines(data)
    rows: list[tuple[object, ...]] = []
    flows: list[tuple[int, dt.date, int, str]] = []
    balances: list[tuple[int, int | None]] = []
    for number, told, text in found:
        wrong, moved, held = _read(told)
        rows.append((number, *(plain(told.get(name)) for name in TEXTS), text, wrong))
        flows += [(number, *each) for each in moved]
        balances.append((number, held))
    texts = pl.DataFrame(
        rows,
        schema={
            n: pl.Int64() if n == "line" else pl.String() for n in ("line", *TEXTS, "text", "wrong")
        },
        orient="row",
    )
    typed = texts.with_columns(as_of=date_in("as_of"), file_date=pl.lit(file_date))
    good, bad = split(
        typed.select(BankRows.column_names()), BankRows, "item_id", lambda: texts.drop("text")
    )
    kept = good.join(texts.select("line", "text"), on="line", maintain_order="left").with_columns(
        record=pl.concat_str("item_id", pl.col("as_of").cast(pl.String), separator="@")
    )
    records = kept.select(
        "record", "applicant", "as_of", "text", "line", numbers=pl.concat_list("line"),
        sha256=hashes(kept["text"]),
    )  # fmt: skip
    return BankData(
        len(found) + len(broken), records, _facts(flows, balances, records), broken + bad
    )


def _facts(
    flows: list[tuple[int, dt.date, int, str]],
    balances: list[tuple[int, int | None]],
    records: pl.DataFrame,
) -> pl.DataFrame:
    """What the transactions and balances of each record come to; a line is a record of its own here."""
    names = records.select("line", "record", "as_of")
    moves = pl.DataFrame(
        flows, schema={"line": pl.Int64(), "day": pl.Date(), "amount": pl.Int64(), "category": pl.String()}, orient="row"
    ).join(names, on="line").filter(pl.col("day") <= pl.col("as_of"))  # fmt: skip
    by_line = moves.with_columns(record=pl.col("line").cast(pl.String)).select(TRANSACTIONS.names())
    told = cash_flow(by_line).unpivot(index="record", variable_name="field", value_name="number").select(
        pl.col("record").cast(pl.Int64).alias("line"), "field", "number", path=pl.lit("$.transactions[*]")
    )  # fmt: skip
    held = pl.DataFrame(
        balances, schema={"line": pl.Int64(), "number": pl.Int64()}, orient="row"
    ).select(
        "line",
        "number",
        field=pl.lit("bank_balance"),
        path=pl.lit("$.accounts[*].balances.current"),
    )
    every = pl.concat([told, held.select(told.columns)]).drop_nulls("number")
    return every.join(names.drop("as_of"), on="line").select(
        "record", "line", "field", "number", "path"
    )


def _read(told: dict[str, Any]) -> tuple[str, list[tuple[dt.date, int, str]], int | None]:
    """What is wrong with a line (empty: nothing), its booked transactions, and the balance of its accounts together."""
    accounts, moved = told.get("accounts"), told.get("transactions")
    if not isinstance(accounts, list) or not isinstance(moved, list) or not accounts:
        return "no accounts, or no transactions", [], None
    currencies, seen = set(), set()
    total, flows = 0, []
    try:
        for account in accounts:
            currencies.add(account["balances"]["iso_currency_code"])
            total += _minor(
                account["balances"]["current"], account["balances"]["iso_currency_code"]
            )
        for each in moved:
            if each.get("pending") or each["transaction_id"] in seen:
                continue
            seen.add(each["transaction_id"])
            currencies.add(each["iso_currency_code"])
            amount = _minor(each["amount"], each["iso_currency_code"])
            category = (each.get("personal_finance_category") or {}).get("primary") or ""
            flows.append((dt.date.fromisoformat(each["date"]), amount, str(category)))
    except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as bad:
        return f"{type(bad).__name__} {str(bad)[:20]}", [], None
    return ("more than one currency", [], None) if len(currencies) > 1 else ("", flows, total)


def _minor(amount: object, currency: str) -> int:
    """Whole minor units. ValueError where there is a fraction of one, or no number."""
    scaled = Decimal(str(amount)).scaleb(EXPONENT[currency])
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or abs(scaled) > MAX_MINOR:
        raise ValueError(f"amount {amount}")
    return int(scaled)
