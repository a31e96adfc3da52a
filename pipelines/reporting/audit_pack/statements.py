"""Borrowers' statements: what a loan is, what was paid and what it paid, what was charged, what is owed and due."""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.money import major
from loanbook.core.servicing.loan.claim import claim, part
from loanbook.core.store.clocks import Clocks
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.documents.rendering import Page, all_rendered, spelled_out

MOST_PAPERS = 1_000
"""Statements that are set as PDF in one pack; more are a matter of a narrower scope."""
OWED = (*(each.row.part for each in Component), "credit", "total")
"""What is owed, billed or not; `total` is the claim less the borrower's credit."""
_PAID = ("amount", "principal", "interest", "fees", "penalties", "taxes", "credit")
_PAYMENT = ("value_date", "kind", *_PAID)
_CHARGE = ("value_date", "kind", "amount")
_DUE = ("due_date", "instalment_no", "component", "amount", "paid")
_HEAD = (
    "loan_key", "product", "currency", "state", "disbursed_on", "principal_agreed", "rate_ppb", "instalments",
    "closed_on",
)  # fmt: skip
CHARGES = (Kind.charge_assessed, Kind.charge_waived, Kind.charge_adjusted, Kind.interest_waived, Kind.goodwill_credit)  # fmt: skip


def statements(reader: LedgerReader, at: Clocks) -> pl.DataFrame:
    """A row a loan, living or ended, in minor units: its head, `as_of`, `owed` (struct), `days_past_due`, and lists of
    `payments`, `charges` and open `dues`. What was taken back is left out."""
    head = reader.loans(at.on, at.known)
    parts = [part(each).alias(each.row.part) for each in Component]
    owed = pl.struct(*parts, "credit", (claim() - pl.col("credit")).alias("total"))
    positions = reader.positions(at.on, at.known).select(
        "loan_id", owed.alias("owed"), "days_past_due"
    )
    payments = reader.payments(at.on, at.known, names=True).filter("stands")
    charges = reader.events(at.on, at.known, kinds=CHARGES, names=True).filter("stands")
    names = {each.value: each.name for each in Component}
    dues = reader.dues(at.on, at.known).with_columns(
        pl.col("component").replace_strict(names, return_dtype=pl.String)
    )
    told = head.join(positions, on="loan_id", how="left", maintain_order="left")
    for name, rows, columns in (("payments", payments, _PAYMENT), ("charges", charges, _CHARGE), ("dues", dues, _DUE)):  # fmt: skip
        lists = rows.group_by("loan_id", maintain_order=True).agg(pl.struct(columns).alias(name))
        told = told.join(lists, on="loan_id", how="left", maintain_order="left")
    told = told.with_columns(as_of=pl.lit(at.on), known_at=pl.lit(at.known), unit=pl.lit("minor"))
    return told.select(*_HEAD, "as_of", "known_at", "unit", "owed", "days_past_due",
                       *(pl.col(name).fill_null([]) for name in ("payments", "charges", "dues")))  # fmt: skip


def papers(told: pl.DataFrame, lender: str) -> list[bytes]:
    """The statements as PDFs, in their order."""
    return all_rendered([spelled_out(_page(row, lender)) for row in told.to_dicts()])


def _page(row: dict[str, Any], lender: str) -> Page:
    currency = row["currency"]
    owed = _amounts([row["owed"] or dict.fromkeys(OWED, 0)], OWED, currency)[0]
    facts = [
        ["Product", row["product"].partition("@")[0]], ["State", row["state"]],
        ["Paid out", str(row["disbursed_on"] or "–")],
        ["Agreed", _amounts([{"a": row["principal_agreed"]}], ("a",), currency)[0][0]],
        ["Days past due", str(row["days_past_due"] if row["days_past_due"] is not None else "–")],
        *([name.replace("_", " ").capitalize(), amount] for name, amount in zip(OWED, owed, strict=True)),
    ]  # fmt: skip
    data = {
        "title": f"Statement of loan {row['loan_key']}", "lender": lender, "as_of": row["as_of"].isoformat(),
        "currency": currency, "facts": facts,
        "payments": _table(row["payments"], ("value_date", "kind"), _PAID, currency),
        "charges": _table(row["charges"], ("value_date", "kind"), ("amount",), currency),
        "dues": _table(row["dues"], ("due_date", "component"), ("amount", "paid"), currency),
    }  # fmt: skip
    return Page("statement", data, row["as_of"])


def _table(
    rows: list[dict[str, Any]], texts: tuple[str, ...], amounts: tuple[str, ...], currency: str
) -> dict[str, Any]:
    """Heads and columns of text."""
    told = [[str(row[name]).replace("_", " ") for row in rows] for name in texts]
    money = _amounts(rows, amounts, currency)
    columns = told + [[row[n] for row in money] for n in range(len(amounts))]
    heads = [name.replace("_", " ") for name in (*texts, *amounts)]
    return {"heads": heads, "columns": columns, "rows": len(rows)}


def _amounts(rows: list[dict[str, Any]], names: tuple[str, ...], currency: str) -> list[list[str]]:
    """Amounts of rows as text with the currency's decimals."""
    frame = pl.DataFrame(
        [[row[name] or 0 for name in names] for row in rows],
        schema=dict.fromkeys(names, pl.Int64), orient="row",
    )  # fmt: skip
    return [list(row) for row in frame.select(major(name, currency) for name in names).rows()]
