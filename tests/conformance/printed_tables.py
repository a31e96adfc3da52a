"""Printed amortisation tables and rebates, by what their terms mean (`printed_terms`).

Tables that something happens to on the way are lived (`lived`); the others are expanded from their
terms. Tables whose rate changes, or whose interest joins the principal at first, are as many
expansions as there are parts, each from the balance that the one before it leaves.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl

from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.schedule.rule_of_78 import rule_of_78
from tests.conformance import lived
from tests.conformance.outcome import Outcome, judged, of
from tests.conformance.printed_shown import Line, differences
from tests.conformance.printed_terms import Table, after, segments, table_of
from tests.conformance.printed_words import UnknownWordsError
from tests.conformance.terms import row, schedules

PERCENT = 10**10
"""A finance charge that stands for the whole, in hundred-millionths of a per cent."""


def schedule_tables(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Outcomes of tables and rebates, by what they print."""
    outcomes, waiting, changing = [], [], []
    for case in cases:
        given = case["inputs"]
        try:
            if lived.KINDS & set(given):
                changing.append((case, table_of(given)))
            elif {"remaining_months", "months_elapsed", "elapsed_months", "finance_charge"} & set(
                given
            ):
                outcomes.append(judged(case, _digits(case)))
            else:
                table = table_of(given)
                waiting.append((case, table, _first_rows(table, case["expected"])))
        except UnknownWordsError as gap:
            outcomes.append(of(case, "not attempted", str(gap)))
    outcomes += lived.run(changing) if changing else []
    batch = iter(schedules([part for _, _, parts in waiting for part in parts]))
    for case, table, parts in waiting:
        own = [next(batch) for _ in parts]
        try:
            lines = _lines(table, own)
        except UnknownWordsError as gap:
            outcomes.append(of(case, "not attempted", str(gap)))
            continue
        outcomes.append(judged(case, differences(case, table, lines)))
    return outcomes


# --- the rule of 78 --------------------------------------------------------------------

OF_DIGITS = {"rebate", "earned", "rebate_percent", "earned_percent", "unearned", "unearned_percent",
             "refund", "remaining"}  # fmt: skip


def _digits(case: dict[str, Any]) -> list[str]:
    """The rule of 78: what is given back of a charge, or earned of it, or the part of it per cent."""
    same = {
        "elapsed_months": "months_elapsed",
        "remaining": "remaining_months",
        "term": "term_months",
    }
    given, told = {same.get(k, k): v for k, v in case["inputs"].items()}, case["expected"]
    names = {"finance_charge", "total_interest", "charge", "term_months", "n", "remaining_months",
             "months_elapsed", "currency", "type", "rule"}  # fmt: skip
    if odd := set(given) - names | (set(told) - OF_DIGITS):
        raise UnknownWordsError(f"a rebate with {', '.join(sorted(odd))}")
    term = int(given.get("term_months") or given["n"])
    left = given.get("remaining_months")
    remaining = int(left) if left is not None else term - int(given["months_elapsed"])
    charge = next(
        (given[k] for k in ("finance_charge", "total_interest", "charge") if k in given), None
    )
    whole = Decimal(charge or 0)
    cents = Decimal(_given_back(int(whole * 100), term, remaining)).scaleb(-2)
    share = Decimal(_given_back(PERCENT, term, remaining)) * 100 / PERCENT
    ours = {"rebate": cents, "unearned": cents, "refund": cents, "earned": whole - cents,
            "rebate_percent": share, "unearned_percent": share, "earned_percent": 100 - share,
            "remaining": Decimal(remaining)}  # fmt: skip
    found = []
    for name, theirs in told.items():
        exact = charge is not None and "percent" not in name
        within = Decimal(0) if exact else Decimal(1).scaleb(Decimal(theirs).as_tuple().exponent) / 2  # type: ignore[arg-type]
        if "truncat" in f"{case.get('tolerance')}{case.get('note')}" and not exact:
            within *= 2  # the source cuts off what it prints
        if abs(ours[name] - Decimal(theirs)) > within:
            found.append(f"{name} {ours[name]}, expected {theirs}")
    return found


def _given_back(charge: int, term: int, remaining: int) -> int:
    frame = pl.DataFrame({"charge": [charge], "n": [term], "r": [remaining]})
    return int(frame.select(rule_of_78(pl.col("charge"), pl.col("n"), pl.col("r"))).item())


# --- tables ----------------------------------------------------------------------------


def _row(table: Table, **changed: Any) -> dict[str, object]:
    """Terms of a table for the contract engine, some of them changed."""
    kind = table.kind
    assert table.start is not None
    assert table.first is not None
    step = {}
    if kind.step is not None:
        step = {"step_percent": str(kind.step), "step_every": table.count(kind.step_every)}
    level = kind.amortisation is Amortisation.equal_instalment
    terms: dict[str, Any] = {
        "principal": table.principal, "rate_percent": str(table.rate), "n": table.n,
        "start": table.start, "first_due": table.first, "unit": table.unit, "every": table.every,
        "amortisation": kind.amortisation, "basis": table.basis, "rounding": table.interest_rounding,
        "instalment_rounding": table.instalment_rounding, "multiple": table.multiple,
        "emi": table.emi, "balloon": table.balloon, "stub": table.stub, "grace": table.grace,
        "level_last": table.level_last, "capitalises": level and not any(table.grace),
    }  # fmt: skip
    return row(**(terms | step | changed))


def _first_rows(table: Table, expected: dict[str, Any]) -> list[dict[str, object]]:
    """What is expanded at first: the table, its first part, the loan whose instalment it has, or
    one period for each balance that is printed."""
    if table.kind.opening_only:
        return [_row(table, principal=table.minor(r["opening"]), n=1,
                     amortisation=Amortisation.interest_only) for r in expected["rows"]]  # fmt: skip
    if table.kind.instalment_of and table.emi is None:
        return [_row(table, n=table.count(table.kind.instalment_of))]
    if table.kind.capitalises and table.grace[1]:  # of what waits nothing is expanded here
        return [_row(table, grace=(0, 0, 0))]
    if table.kind.rates:
        _, percent, _ = next(segments(table))
        return [_row(table, rate_percent=str(percent))]
    return [_row(table)]


def _lines(table: Table, own: list[pl.DataFrame]) -> list[Line]:
    """Instalments of a table, in order, with the `payment` of each."""
    if table.kind.opening_only:
        return [_shown(frame)[0] for frame in own]
    if table.kind.instalment_of and table.emi is None:
        first = _shown(own[0])[0]
        return _shown(schedules([_row(table, emi=first["payment"])])[0])
    if table.kind.rates:
        return _in_parts(table)
    if table.kind.capitalises and table.grace[1]:
        return _joining(table)
    return _shown(own[0])


def _shown(frame: pl.DataFrame) -> list[Line]:
    asked = pl.col("principal") + pl.col("interest")
    some = (asked != 0) | (pl.col("opening") != 0)
    return frame.filter(some).with_columns(payment=asked).to_dicts()


def _in_parts(table: Table) -> list[Line]:
    """Each rate from the balance that the one before it left, at the instalment told or a new one."""
    lines: list[Line] = []
    left, done, n = table.principal, 0, int(table.n or 0)
    for many, percent, told in segments(table):
        own = {"principal": left, "rate_percent": str(percent), "n": n - done} | _from(table, done)
        part = _shown(schedules([_row(table, **own)])[0])
        # an instalment that is printed is the one found, to the cent
        if told is not None and abs(part[0]["payment"] - told) * 2 > table.scale:
            part = _shown(schedules([_row(table, **own, emi=told)])[0])
        lines += part[:many]
        left, done = lines[-1]["closing"], done + many
    return lines


def _joining(table: Table) -> list[Line]:
    """Periods in which nothing is paid and interest joins the principal, then the table."""
    held, n = table.grace[1], int(table.n or 0)
    waiting = _row(table, emi=0, grace=(0, 0, 0), capitalises=True, n=n,
                   amortisation=Amortisation.equal_instalment)  # fmt: skip
    lines = _shown(schedules([waiting])[0])[:held]
    left = lines[-1]["closing"]
    rest = _row(table, principal=left, n=n - held, grace=(0, 0, 0), **_from(table, held))
    return lines + _shown(schedules([rest])[0])


def _from(table: Table, done: int) -> dict[str, dt.date]:
    """Dates of the part of a table that begins after so many periods."""
    assert table.start is not None
    assert table.first is not None
    if not done:
        return {}
    began = table.first if done == 1 else after(table, table.first, done - 1)
    return {"start": began, "first_due": after(table, table.first, done)}
