"""Statements, reports and notifications of ISO 20022 beside their expectations."""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.payments.bank_file import BankFile
from tests.payment_files.comparing import Comparison


def judged(expected: dict[str, Any], file: BankFile, to: Comparison) -> list[dict[str, Any]]:
    """Validity, by the schema and by our rules; the problems that can be compared."""
    to.exactly("schema", expected.get("schema"), file.version)
    faults = set(file.problems["kind"]) & {"not_well_formed"}
    to.exactly("well formed", expected["well_formed"], not faults)
    if expected.get("xsd_valid") is None or file.judged:
        to.same("valid", expected["valid"], file.valid)
        return expected["problems"]
    to.not_judged.append(f"no schema of {file.version} is to be had, so its validity is not judged; all else agrees")  # fmt: skip
    return [each for each in expected["problems"] if each["code"] != "xsd_invalid"]


def compare(expected: dict[str, Any], file: BankFile, to: Comparison) -> None:
    problems = judged(expected, file, to)
    to.exactly("message", expected.get("message_id"), file.message_id)
    to.exactly("created", expected.get("created"), file.created)
    statements = file.frame("statements").to_dicts()
    to.exactly("statements", expected.get("n_statements", 0), len(statements))
    to.exactly("entries", expected.get("n_entries", 0), file.entries.height)
    for theirs, ours in zip(expected.get("statements", []), statements, strict=False):
        _statement(theirs, ours, file, to)
    to.problems(problems, file)


def _statement(
    expected: dict[str, Any], ours: dict[str, Any], file: BankFile, to: Comparison
) -> None:
    place, number = f"statement {ours['statement']}", ours["statement"]
    for theirs, name in (("id", "reference"), ("sequence", "number"), ("account", "account")):
        to.exactly(f"{place} {theirs}", expected[theirs], ours[name])
    to.same(f"{place} currency", expected["account_currency"], ours["currency"])
    balances = file.frame("balances").filter(pl.col("statement") == number).to_dicts()
    told = [
        (b["code"], _signed(b), b["currency"], b["date"] and b["date"][:10])
        for b in expected["balances"]
    ]
    mine = [(b["code"], b["amount"], b["currency"], b["date"] and str(b["date"])) for b in balances]
    if all(minor is not None for _, minor, _, _ in told):
        to.exactly(f"{place} balances", told, mine)
    else:
        to.exactly(f"{place} balances", [row[:2] for row in told], [row[:2] for row in mine])
    check = expected.get("balance_check")
    to.exactly(f"{place} adds up", check and check["holds"], ours["adds_up"])
    entries = file.entries.filter(pl.col("batch") == number)
    _entries(place, expected, entries, to)
    if entries["direction"].null_count():
        return  # what stands within an entry that can't be read is not counted there
    to.exactly(f"{place} payments", expected["tx_details"], int(entries["details"].sum()))
    returns = file.frame("returns").filter(pl.col("entry").is_in(entries["entry"].implode()))
    told_back = [(r["reason"], r["end_to_end_id"]) for r in expected["returns"]]
    to.exactly(f"{place} returns", told_back, returns.select("code", "original").rows())  # fmt: skip


def _entries(place: str, expected: dict[str, Any], entries: pl.DataFrame, to: Comparison) -> None:
    way = pl.col("direction")
    to.exactly(f"{place} entries", expected["entries"], entries.height)
    to.exactly(
        f"{place} states",
        expected["status_counts"],
        dict(entries.filter(pl.col("status").is_not_null())["status"].value_counts().rows()),
    )
    for name in ("credit", "debit"):
        of = entries.filter(way == name)
        to.exactly(f"{place} {name} entries", expected[f"{name}_entries"], of.height)
        sums = dict(of.group_by("currency").agg(pl.col("amount").sum()).rows())
        told = {
            key: minor for key, minor in expected[f"sum_{name}_minor"].items() if minor is not None
        }
        to.exactly(f"{place} {name} sums", told, {key: sums.get(key) for key in told})
        to.exactly(f"{place} {name} currencies", set(expected[f"sum_{name}"]), set(sums))
    fit = entries.filter(way.is_not_null())["amount"].null_count() == 0
    to.exactly(f"{place} amounts fit", expected["amounts_fit_minor_units"], fit)
    to.exactly(f"{place} reversals", expected["reversal_entries"], int(entries["reversal"].sum()))
    dates = entries["booking_date"]
    for name, date in (("first", dates.min()), ("last", dates.max())):
        theirs = expected[f"{name}_booking"]
        to.exactly(f"{place} {name} booking", theirs and theirs[:10], date and str(date))  # fmt: skip


def _signed(balance: dict[str, Any]) -> int | None:
    minor = balance["minor"]
    return -minor if minor is not None and balance["sign"] == "DBIT" else minor
