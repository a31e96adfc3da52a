"""BAI2 files beside their expectations."""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.payments.bank_file import BankFile
from tests.payment_files.comparing import Comparison, blank


def compare(expected: dict[str, Any], file: BankFile, to: Comparison) -> None:
    to.same("valid", expected["valid"], file.valid)
    header = {name: text or "" for name, text in (expected["file_header"] or {}).items()}
    to.exactly("file header", header, file.heading)
    groups, statements = file.frame("batches"), file.frame("statements")
    to.exactly("groups", expected["n_groups"], groups.height)
    to.exactly("accounts", expected["n_accounts"], statements.height)
    to.exactly("transactions", expected["n_transactions"], file.entries.height)
    sums = file.entries.group_by("direction").agg(pl.col("amount").sum())
    by = dict(sums.rows())
    to.exactly("credit", expected["sum_credit_minor"], by.get("credit", 0))
    to.exactly("debit", expected["sum_debit_minor"], by.get("debit", 0))
    for theirs, ours in zip(expected["groups"], groups.to_dicts(), strict=False):
        place = f"group {ours['batch']}"
        to.exactly(f"{place} receiver", blank(theirs["receiver"]), ours["company_id"])
        to.exactly(f"{place} originator", blank(theirs["originator"]), ours["company"])
        to.exactly(f"{place} date", blank(theirs["as_of_date"]), ours["date_text"])
    told = [account for group in expected["groups"] for account in group["accounts"]]
    for theirs, ours in zip(told, statements.to_dicts(), strict=False):
        _account(theirs, ours, file, to)
    _controls(expected, told, file, to)
    to.problems(expected["problems"], file)


def _account(
    expected: dict[str, Any], ours: dict[str, Any], file: BankFile, to: Comparison
) -> None:
    place = f"account {ours['statement']}"
    to.exactly(f"{place} account", blank(expected["account"]), ours["account"])
    to.same(f"{place} currency", expected["currency"], ours["currency"])
    balances = file.frame("balances").filter(pl.col("statement") == ours["statement"])
    summaries = [(s["type"], s["amount"], s["count"]) for s in expected["summaries"]]
    to.exactly(f"{place} sums", summaries, balances.select("code", "amount", "count").rows())
    entries = file.entries.filter(pl.col("batch") == ours["statement"])
    to.exactly(f"{place} transactions", expected["transactions"], entries.height)
    to.exactly(
        f"{place} types", expected["type_codes"], dict(entries["code"].value_counts().rows())
    )
    sums = dict(entries.group_by("direction").agg(pl.col("amount").sum()).rows())
    for name, way in (("sum_credit", "credit"), ("sum_debit", "debit"), ("other", None)):
        to.exactly(f"{place} {name}", expected[name], sums.get(way, 0))


def _controls(
    expected: dict[str, Any], accounts: list[dict[str, Any]], file: BankFile, to: Comparison
) -> None:
    """Totals and counts of each level, as stated and as computed."""
    found = file.frame("controls").select("kind", "stated", "computed").rows()
    told: dict[str, list[tuple[str, str]]] = {"account": [], "group": []}
    for name, levels in (("account", accounts), ("group", expected["groups"])):
        for level in levels:
            if control := level.get("control"):
                told[name].append((str(control["total"]), str(level["computed_total"])))
                told[name].append((str(control["records"]), str(level["computed_records"])))
    for name, pairs in told.items():
        mine = [(stated, computed) for kind, stated, computed in found
                if kind in {f"{name}_total", f"{name}_record_count"}]  # fmt: skip
        to.exactly(f"{name} controls", pairs, mine)
    if control := expected["file_control"]:
        mine = {kind: stated for kind, stated, _ in found}
        for ours, theirs in (("file_total", "total"), ("file_group_count", "groups"), ("file_record_count", "records")):  # fmt: skip
            to.exactly(f"stated {ours}", str(control[theirs]), mine.get(ours))
