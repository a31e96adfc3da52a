"""Statements and interim reports of SWIFT beside their expectations."""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.contract.currencies import EXPONENTS
from loanbook.core.payments.bank_file import BankFile
from loanbook.pipelines.formats.bank.values import minor_of
from tests.payment_files.comparing import Comparison, blank


def compare(expected: dict[str, Any], file: BankFile, to: Comparison) -> None:
    to.same("valid", expected["valid"], file.valid)
    to.exactly("statements", expected["n_statements"], file.frame("statements").height)
    to.exactly("entries", expected["n_entries"], file.entries.height)
    to.exactly("fragment", expected["fragment"], file.partial and file.format == "mt940")
    statements = file.frame("statements").to_dicts()
    for theirs, ours in zip(expected["statements"], statements, strict=False):
        mine = file.entries.filter(pl.col("batch") == ours["statement"])
        _statement(theirs, ours, mine, to)
        _available(theirs, ours, file, to)
    to.problems(expected["problems"], file)


def _statement(
    expected: dict[str, Any], ours: dict[str, Any], entries: pl.DataFrame, to: Comparison
) -> None:
    place = f"statement {ours['statement']}"
    for name in ("reference", "account", "number"):
        to.exactly(f"{place} {name}", blank(expected[name]), blank(ours[name]))
    to.same(f"{place} currency", expected["currency"], ours["currency"])
    for name in ("opening", "closing"):
        to.exactly(f"{place} {name}", _signed(expected[name]), ours[name])
        date = (expected[name] or {}).get("date")
        to.exactly(f"{place} {name} date", date, ours[f"{name}_date"] and str(ours[f"{name}_date"]))
    if "balance_check" in expected:
        to.exactly(f"{place} adds up", expected["balance_check"]["holds"], ours["adds_up"])
    way, amount = pl.col("direction"), pl.col("amount")
    credits, debits = entries.filter(way == "credit"), entries.filter(way == "debit")
    to.exactly(f"{place} entries", expected["entries"], entries.height)
    to.exactly(f"{place} credits", expected["credits"], credits.height)
    to.exactly(f"{place} debits", expected["debits"], debits.height)
    to.exactly(f"{place} reversals", expected["reversals"], int(entries["reversal"].sum()))
    to.exactly(f"{place} unreadable", expected["bad_lines"], entries.filter(way.is_null()).height)
    to.same(f"{place} credit", expected["sum_credit_minor"], credits.select(amount.sum()).item())
    to.same(f"{place} debit", expected["sum_debit_minor"], debits.select(amount.sum()).item())
    dates = entries["value_date"]
    for name, date in (("first", dates.min()), ("last", dates.max())):
        to.exactly(f"{place} {name} value date", expected[f"{name}_value_date"], date and str(date))
    if expected["first"]:
        _first(place, expected["first"], entries.row(0, named=True), to)


def _first(place: str, expected: dict[str, Any], ours: dict[str, Any], to: Comparison) -> None:
    """The first entry, whole."""
    reversal = expected["mark"].startswith("R")
    credit = expected["mark"] in {"C", "RD", "EC"}
    to.exactly(f"{place} first direction", "credit" if credit else "debit", ours["direction"])
    to.exactly(f"{place} first reversal", reversal, ours["reversal"])
    currency = ours["currency"] if ours["currency"] in EXPONENTS else None
    to.same(f"{place} first amount", minor_of(expected["amount"], currency)[0], ours["amount"])
    value = ours["value_date"] and str(ours["value_date"])
    to.exactly(f"{place} first value date", expected["value_date"], value)
    if expected["entry_date"] and ours["value_date"]:
        booked = ours["booking_date"] and ours["booking_date"].strftime("%m%d")
        to.exactly(f"{place} first booking date", expected["entry_date"], booked)
    both = (ours["code"], blank(ours["client_ref"]))
    if expected["type"]:
        to.exactly(f"{place} first", (expected["type"], blank(expected["reference"])), both)
    else:  # it stands with the reference there
        to.exactly(f"{place} first", expected["reference"], f"{both[0]}{both[1] or ''}")


def _available(
    expected: dict[str, Any], ours: dict[str, Any], file: BankFile, to: Comparison
) -> None:
    """The available balance (field 64), and what an interim report states."""
    place, number = f"statement {ours['statement']}", ours["statement"]
    rows = file.frame("balances").filter((pl.col("statement") == number) & (pl.col("code") == "64"))
    found = rows["amount"].to_list()[:1] or [None]
    to.exactly(f"{place} available", _signed(expected["available"]), found[0])
    for name in ("summary_90C", "summary_90D"):
        if theirs := expected.get(name):
            stated = file.frame("controls").filter(pl.col("kind").str.starts_with(name))
            both = [str(theirs["count"]), str(minor_of(theirs["amount"], theirs["currency"])[0])]
            to.exactly(f"{place} {name}", True, both in [stated["stated"].to_list()[n : n + 2] for n in range(stated.height)])  # fmt: skip


def _signed(balance: dict[str, Any] | None) -> int | None:
    """Minor units of a balance, below zero when overdrawn."""
    if not balance:
        return None
    amount, _ = minor_of(balance["amount"], balance["currency"])
    return -amount if amount is not None and balance["sign"] in {"D", "RC"} else amount
