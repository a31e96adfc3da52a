"""Journals of one loan: what the engine moved for the events of a day, under the suite's accounts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.components import Component
from tests.conformance.fineract import minor
from tests.conformance.mapping import date_of
from tests.conformance.names import ACCOUNTS, JOURNAL
from tests.conformance.transactions import Transactions

FRAUD = "Credit Loss/Bad Debt-Fraud"
_ROLE_NAMES = {code: name for name, code in ROLE.items()}


def differences(shown: Transactions, theirs: dict[str, Any]) -> list[str]:
    at_once = theirs["type"] == "REPAYMENT_AT_DISBURSEMENT"
    kind = Kind.disbursed if at_once else JOURNAL.get(theirs["type"])
    if kind is None:
        return []
    on = date_of(theirs["date"])
    hits = [e for s, e in shown.events if s.kind is kind and s.date == on]
    mine: Counter[tuple[str, str, int]] = Counter()
    moved = _of_its_own(kind, shown.moved.filter(pl.col("event_id").is_in(hits)))
    if kind is Kind.disbursed:
        moved = moved.filter((pl.col("credit") == ROLE["fee_income"]) == at_once)
    for move in _parted(shown, moved):
        for side in ("debit", "credit"):
            if account := _account(move, side):
                mine[(account, side, 0)] += move["amount"]
    if kind is Kind.write_off:  # off the books already: out of the accounts that bore the loss
        for component, left in shown.given_up_off_the_books(moved).items():
            mine[(ACCOUNTS[component.row.loss], "credit", 0)] += left
            mine[(ACCOUNTS["write_off_expense"], "debit", 0)] += left
    for step in shown.life.gone:
        if step.kind is kind and step.date == on:
            for name, side, amount in _undone(shown, step):
                mine[(name, side, 0)] += amount
    if _reasoned(shown, Kind.write_off):  # a reason has an account
        mine = _renamed(mine, ACCOUNTS["write_off_expense"], ACCOUNTS["credit_loss"])
    if _fraud(shown):
        mine = _renamed(mine, ACCOUNTS["credit_loss"], FRAUD)
    entries: Counter[tuple[str, str, int]] = Counter()
    for entry in theirs["entries"]:
        for side in ("debit", "credit"):
            if entry[side]:
                entries[(entry["account"], side, 0)] += minor(entry[side], shown.decimals)
    if mine != entries:
        return [
            f"journal {theirs['type']} {theirs['date']}: {_text(mine)}, expected {_text(entries)}"
        ]
    return []


def _account(move: dict[str, Any], side: str) -> str | None:
    """The suite's account of one side; goodwill for interest or charges is booked with what a
    charge-off takes of them."""
    name, met = _ROLE_NAMES[move[side]], move.get("met", _ROLE_NAMES[move["credit"]])
    if side == "debit" and name == "goodwill_expense":
        name = GOODWILL_FOR.get(met, name)
    return ACCOUNTS.get(name)


def _parted(shown: Transactions, moved: pl.DataFrame) -> list[dict[str, Any]]:
    """Transfers; goodwill that a charged-off loan takes as recovery is one for each part it met."""
    goodwill = (pl.col("credit") == ROLE["recovery_income"]) & (
        pl.col("debit") == ROLE["goodwill_expense"]
    )
    found = moved.filter(~goodwill).to_dicts()
    for one in moved.filter(goodwill).partition_by("event_id"):
        move, whole = one.row(0, named=True), int(one["amount"].sum())
        own = shown.paid.filter(
            (pl.col("event_id") == move["event_id"]) & pl.col("component").is_not_null()
        )
        parts = dict(own.group_by("component").agg(pl.col("amount").sum()).rows())
        split = {_MET[Component(c)]: n for c, n in parts.items() if Component(c) in _MET}
        rest = whole - sum(split.values())
        found += [move | {"amount": n, "met": met} for met, n in (*split.items(), ("", rest)) if n]
    return found


_MET = {Component.interest: "interest_due", Component.fee: "fees_receivable",
        Component.penalty: "penalties_receivable"}  # fmt: skip
GOODWILL_FOR = {"interest_due": "interest_charged_off", "interest_accrued": "interest_charged_off",
                "fees_receivable": "fee_charged_off", "penalties_receivable": "fee_charged_off"}  # fmt: skip


def _undone(shown: Transactions, step: Any) -> list[tuple[str, str, int]]:
    """Entries of a reversed payment as it was booked, and the same the other way round."""
    then = shown.before(step)
    events = [e for s, e in then.events if s is step]
    found = []
    moved = then.moved.filter(pl.col("event_id").is_in(events))
    for move in _parted(then, _of_its_own(step.kind, moved)):
        for role in ("debit", "credit"):
            if account := _account(move, role):
                found += [(account, side, move["amount"]) for side in ("debit", "credit")]
    return found


def _reasoned(shown: Transactions, kind: Kind) -> bool:
    """Whether an event of the kind named a reason."""
    told = (*shown.life.steps, *shown.life.gone)
    return any(s.kind is kind and s.body.get("reason") for s in told)


def _renamed(entries: Counter[tuple[str, str, int]], account: str, to: str) -> Any:
    """Entries of an account under another."""
    return Counter({(to if a == account else a, b, c): n for (a, b, c), n in entries.items()})


def _fraud(shown: Transactions) -> bool:
    """The loan is flagged as fraud: the chart of accounts has an account of its own for it.

    A charge-off that names a reason goes by that.
    """
    told = (*shown.life.steps, *shown.life.gone)
    reasons = [s.body["reason"] for s in told if s.kind is Kind.charge_off and s.body.get("reason")]
    if reasons:
        return bool(reasons[-1] == "FRAUD")
    flags = [s["value"] for s in shown.life.case["steps"]
             if s["type"] == "set_fraud" and s["i"] <= shown.life.after]  # fmt: skip
    return bool(flags and flags[-1])


def _of_its_own(kind: Kind, moved: pl.DataFrame) -> pl.DataFrame:
    """Transfers of an event less what the suite books as accruals, in journals of their own.

    Those are interest that a charge-off claims ahead of its nights, deferred income that it loses,
    and income that an adjustment takes back.
    """
    if kind in (Kind.charge_off, Kind.write_off):
        return moved.filter(
            (pl.col("credit") != ROLE["interest_income"])
            & (pl.col("debit") != ROLE["interest_income"])
            & (pl.col("debit") != ROLE["deferred_fee_income"])
        )
    if kind is Kind.capitalised_fee_adjusted:
        return moved.filter(pl.col("credit") != ROLE["deferred_fee_income"])
    return moved


def _text(entries: Counter[tuple[str, str, int]]) -> str:
    return ", ".join(f"{a} {s} {v}" for (a, s, _), v in sorted(entries.items()))
