"""NACHA files beside their expectations."""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.payments.bank_file import BankFile
from tests.payment_files.comparing import Comparison

PRENOTES = [f"{account}{last}" for account in "2345" for last in "38"]
"""Transaction codes of prenotifications."""


def compare(expected: dict[str, Any], file: BankFile, to: Comparison) -> None:
    entries, batches = file.entries, file.frame("batches")
    _whole(expected, file, to)
    told = expected["batches"]
    to.exactly("batches", len(told), batches.height)
    controls = file.frame("controls").to_dicts()
    for ours, theirs in zip(batches.to_dicts(), told, strict=False):
        _batch(theirs, ours, entries.filter(pl.col("batch") == ours["batch"]), to)
        if theirs["control"]:
            _control(f"batch {ours['batch']} control", "batch_control", theirs["control"],
                     [c for c in controls if c["line"] == theirs["control"]["line"]], to)  # fmt: skip
    of_file = [c for c in controls if c["kind"].startswith("file_control")]
    to.exactly("file control", expected["file_control"] is not None, bool(of_file) or _many(file))
    if expected["file_control"] and of_file:
        _control("file control", "file_control", expected["file_control"], of_file, to)
    _returns(expected, file, to)
    to.problems(expected["problems"], file, lines=True)


def _many(file: BankFile) -> bool:
    """Several control records: none of them is the file's."""
    found = file.problems.filter(pl.col("kind") == "file_control_count")["found"].to_list()
    return bool(found) and found != ["0"]


def _whole(expected: dict[str, Any], file: BankFile, to: Comparison) -> None:
    computed, entries = expected["computed"], file.entries
    amount, way = pl.col("amount"), pl.col("direction")
    to.same("valid", expected["valid"], file.valid)
    to.exactly("entries", computed["entries"], entries.height)
    to.exactly("addenda", computed["addenda"], _addenda(file))
    to.exactly(
        "debits",
        computed["debit_cents"],
        entries.filter(way == "debit").select(amount.sum()).item(),
    )
    to.exactly(
        "credits",
        computed["credit_cents"],
        entries.filter(way == "credit").select(amount.sum()).item(),
    )
    to.exactly(
        "orphan entries",
        computed["orphan_entries"],
        entries.filter(pl.col("batch").is_null()).height,
    )
    to.exactly("prenotes", computed["prenotes"], _prenotes(entries))
    to.exactly(
        "entry hash", computed["entry_hash"], file.frame("batches")["entry_hash"].sum() % 10**10
    )
    to.exactly(
        "currencies", {expected["currency"]}, set(entries["currency"]) or {expected["currency"]}
    )
    if expected["partial_file"]:
        to.exactly("partial", True, file.partial)
    header = {name: text.strip() for name, text in (expected["file_header"] or {}).items()}
    to.exactly("file header", header, file.heading)  # fmt: skip


def _prenotes(entries: pl.DataFrame) -> int:
    return entries.filter(pl.col("code").is_in(PRENOTES)).height


def _addenda(file: BankFile) -> int:
    """Addenda of entries, and those that no entry owns."""
    owned = int(file.entries["details"].sum())
    kinds = file.problems.filter(pl.col("kind") == "addenda_outside_entry")
    return owned + kinds.height


def _batch(expected: dict[str, Any], ours: dict[str, Any], entries: pl.DataFrame, to: Comparison) -> None:  # fmt: skip
    names = {
        "sec": "entry_class", "service_class": "service_class", "company_id": "company_id",
        "entry_description": "description", "odfi": "bank", "entries": "entries", "addenda": "addenda",
        "debit": "debit", "credit": "credit", "entry_hash": "entry_hash",
    }  # fmt: skip
    place = f"batch {ours['batch']}"
    for theirs, name in names.items():
        to.exactly(f"{place} {theirs}", expected[theirs], ours[name])
    number = ours["number"]
    to.exactly(f"{place} number", expected["number"], int(number) if number.isdigit() else None)
    to.exactly(f"{place} company", expected["company_name"], ours["company"])
    to.exactly(f"{place} date", expected["effective_entry_date"].strip(), ours["date_text"].strip())
    codes = dict(entries["code"].value_counts().rows())
    to.exactly(f"{place} transaction codes", expected["transaction_codes"], codes)
    traces = entries["reference"].head(len(expected["first_traces"])).to_list()
    to.exactly(f"{place} first traces", expected["first_traces"], traces)
    to.exactly(f"{place} prenotes", expected["prenotes"], _prenotes(entries))


def _control(
    place: str, prefix: str, expected: dict[str, Any], rows: list[dict[str, Any]], to: Comparison
) -> None:
    stated = {row["kind"].removeprefix(f"{prefix}_"): row["stated"] for row in rows}
    for name, value in expected.items():
        if name in stated:
            found = stated[name]
            if isinstance(value, int):
                found = int(found) if found and found.isdigit() else None
            told = value.strip() if isinstance(value, str) else value
            to.exactly(f"{place} {name}", told, found)


def _returns(expected: dict[str, Any], file: BankFile, to: Comparison) -> None:
    """Returns and notifications of change, each with all that is told of it."""
    by_entry = {row["entry"]: row for row in file.entries.to_dicts()}
    told = expected["returns"]
    ours = file.frame("returns").to_dicts()
    to.exactly("returns", len(told), len(ours))
    for theirs, found in zip(told, ours, strict=False):
        entry = by_entry.get(found["entry"], {})
        for name, value in {
            "line": found["line"], "code": found["code"], "original_trace": found["original"],
            "original_rdfi": found["original_bank"], "trace": found["trace"], "kind": found["kind"],
            "addenda_info": found["reason"], "entry_amount": found["amount"],
            "entry_trace": entry.get("reference"), "entry_transaction_code": entry.get("code"),
        }.items():  # fmt: skip
            to.exactly(f"return at line {theirs['line']}: {name}", theirs[name], value)
    changes = file.frame("changes").to_dicts()
    to.exactly("changes", len(expected["nocs"]), len(changes))
    amounts = {n: row["amount"] for n, row in by_entry.items()}
    for theirs, found in zip(expected["nocs"], changes, strict=False):
        for name, value in {
            "line": found["line"], "code": found["code"], "original_trace": found["original"],
            "original_rdfi": found["original_bank"], "trace": found["trace"],
            "corrected_data": found["corrected"], "entry_amount": amounts.get(found["entry"]),
            "kind": "refused_noc" if found["refused"] else "noc",
        }.items():  # fmt: skip
            to.exactly(f"change at line {theirs['line']}: {name}", theirs[name], value)
