"""How late a loan is, as the suite tells it: by the engine's own counts of days, grace and pauses."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from decimal import Decimal
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import MONEY_IN, Kind
from loanbook.core.servicing.arrears.days_past_due import (
    days_past_due,
    pauses_of,
    with_delinquent_days,
)
from tests.conformance.accruals import END_OF_DAY
from tests.conformance.mapping import date_of
from tests.conformance.shown import Shown
from tests.conformance.steps import KINDS, RESPREADS, UNDOES

RANGES = ((1, "RANGE_1"), (4, "RANGE_3"), (31, "RANGE_30"), (61, "RANGE_60"), (91, "RANGE_90"),
          (121, "RANGE_120"), (151, "RANGE_150"), (181, "RANGE_180"), (241, "RANGE_240"))  # fmt: skip
"""First delinquent day of each range (DICTIONARY.md, environment of the suite)."""
NONE = "NO_DELINQUENCY"
TAKES_BACK = ("reverse", "adjust", "undo_disbursal", "undo_last_disbursal")
CHECKS = ("delinquency_loan", "delinquency_range", "delinquency_installments")


def differences(shown: Shown, check: dict[str, Any]) -> list[str]:
    """Differences of what a check tells of days past due, delinquent days and ranges."""
    names = [name for name in CHECKS if name in check]
    if not names:
        return []
    on = date_of(check["as_of"])
    late = [] if shown.life.planned else _overdue(shown, on)
    ours = {"delinquency_loan": _of_loan, "delinquency_range": _of_loan,
            "delinquency_installments": _of_instalments}  # fmt: skip
    found = []
    for name in names:
        mine, theirs = ours[name](shown, late, on), check[name]
        if isinstance(theirs, dict):
            found += [f"{name} {n} {mine.get(n)}, expected {v}" for n, v in theirs.items()
                      if mine.get(n) != v]  # fmt: skip
        elif mine != sorted(theirs or [], key=lambda r: str(r["range"])):
            found.append(f"{name} {mine}, expected {theirs}")
    return found


def _overdue(shown: Shown, on: dt.date) -> list[tuple[dt.date, int]]:
    """Instalments that are past due, the oldest first: due date and what is unpaid of it."""
    left: Counter[dt.date] = Counter()
    for row in shown.dues.to_dicts():
        if row["due"] < on:
            left[row["due"]] += row["amount"] - row["paid"]
    return sorted((due, amount) for due, amount in left.items() if amount)


def _since(shown: Shown, due: dt.date) -> dt.date:
    """Since when an instalment counts as late: what was charged back before it fell due, and not paid
    since, from that day."""
    before = max((d for d in shown.due_dates() if d < due), default=dt.date.min)
    told = [s for s, _ in shown.events]
    taken = [s for s in told if s.kind is Kind.chargeback and before < s.date < due]
    for step in sorted(taken, key=lambda s: s.date):
        came = [s.amount or 0 for s in told if s.kind in MONEY_IN and s.date >= step.date]
        if sum(came) < (step.amount or 0):
            return step.date
    return due


def _classified_on(shown: Shown, on: dt.date) -> dt.date | None:
    """The day on which ranges were told last: by a night run, a job, or what came to the loan."""
    tells = {*END_OF_DAY, *KINDS, *RESPREADS, *UNDOES, *TAKES_BACK, "job"} - {"charge_add"}
    days = [date_of(s["business_date"]) for s in shown.life.case["steps"]
            if s["i"] <= shown.life.after and s["type"] in tells
            and s.get("loan", shown.life.loan) == shown.life.loan]  # fmt: skip
    return min(max(days), on) if days else None


def _days(shown: Shown, due: list[dt.date], on: dt.date, grace: int = 0) -> list[int]:
    """Days of each due date that count as delinquent: past due, less grace and pauses."""
    loans = pl.DataFrame({"loan_id": range(len(due)), "oldest_due_date": due},
                         schema={"loan_id": pl.Int64, "oldest_due_date": pl.Date})  # fmt: skip
    paused = (Kind.delinquency_paused, Kind.delinquency_resumed)
    told = [(s.kind.value, json.dumps(s.body)) for s, _ in shown.events if s.kind in paused]
    events = pl.DataFrame(told, schema={"kind": pl.Int8, "payload": pl.String}, orient="row")
    pauses = pauses_of(loans.select("loan_id").join(events, how="cross"))
    past = days_past_due(pl.lit(on), pl.col("oldest_due_date"), pl.lit(0))
    loans = loans.with_columns(days_past_due=past)
    counted = with_delinquent_days(loans, pauses, on, pl.lit(grace))
    return counted.sort("loan_id")["delinquent_days"].to_list()


def _range(days: int) -> str:
    return next((name for first, name in reversed(RANGES) if days >= first), NONE)


def _of_loan(shown: Shown, late: list[tuple[dt.date, int]], on: dt.date) -> dict[str, Any]:
    if not late:
        return {"classification": NONE, "range": NONE, "delinquent_amount": _text(shown, 0),
                "delinquent_date": None, "delinquent_days": 0, "past_due_days": 0}  # fmt: skip
    oldest = _since(shown, late[0][0])
    grace = int(shown.terms["grace_on_arrears_ageing"])
    (days,) = _days(shown, [oldest], on, grace)
    since = oldest + dt.timedelta(days=grace)
    told = _classified_on(shown, on)
    named = _range(_days(shown, [oldest], told, grace)[0]) if told else NONE
    return {"classification": named, "range": named, "delinquent_days": days, "past_due_days": (on - oldest).days,
            "delinquent_amount": _text(shown, sum(n for _, n in late)),
            "delinquent_date": since.isoformat() if days > 0 else None}  # fmt: skip


def _of_instalments(
    shown: Shown, late: list[tuple[dt.date, int]], on: dt.date
) -> list[dict[str, str]]:
    sums: Counter[str] = Counter()
    told = _classified_on(shown, on)
    if told is None:
        return []
    counted = _days(
        shown, [due for due, _ in late], told
    )  # the suite gives grace to the loan alone
    for (_, amount), days in zip(late, counted, strict=True):
        sums[_range(days)] += amount
    return [{"range": name, "amount": _text(shown, sums[name])}
            for name in sorted(sums) if name != NONE]  # fmt: skip


def _text(shown: Shown, amount: int) -> str:
    return str(Decimal(amount).scaleb(-shown.decimals).quantize(Decimal(1).scaleb(-shown.decimals)))
