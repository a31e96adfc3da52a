"""A printed table beside the one that was worked out: rows, sums, dates."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.conformance.printed_terms import Table, date_of

Line = dict[str, Any]
"""An instalment: period_start, period_end, opening, payment, interest, principal, closing."""
NAMES = {"opening": "opening", "payment": "payment", "interest": "interest", "principal": "principal",
         "closing": "closing", "balance": "closing"}  # fmt: skip


def differences(case: dict[str, Any], table: Table, lines: list[Line]) -> list[str]:
    """Where a table differs from what is printed: rows, sums, dates."""
    expected, tolerance = case["expected"], str(case.get("tolerance", ""))
    coarse = tolerance.startswith("whole unit")
    within = Decimal(1) if coarse else Decimal("0.5").scaleb(-table.decimals)
    found: list[str] = []

    def check(name: str, ours: int, theirs: Any, minus: int = 0) -> None:
        mine = _printed(ours, table) - (_printed(minus, table) if minus else 0)
        if abs(mine - Decimal(str(theirs))) >= within:
            found.append(f"{name} {mine}, expected {theirs}")

    for number, theirs in _rows(expected):
        if number > len(lines):
            found.append(f"{len(lines)} payments, expected row {number}")
            continue
        mine = lines[number - 1]
        for name in NAMES.keys() & theirs.keys():
            if name == "principal" and table.scale > 1:  # the difference of printed balances
                check(f"row {number} {name}", mine["opening"], theirs[name], mine["closing"])
            else:
                check(f"row {number} {name}", mine[NAMES[name]], theirs[name])
        if "date" in theirs and mine["period_end"] != date_of(theirs["date"]):
            found.append(f"row {number} on {mine['period_end']}, expected {theirs['date']}")
    for name, ours in _sums(lines).items():
        if name in expected and not isinstance(expected[name], list):
            check(name, ours, expected[name])
    for name, said in _facts(lines).items():
        if name in expected and str(said) != str(expected[name]):
            found.append(f"{name} {said}, expected {expected[name]}")
    before = 0
    for run in expected.get("payments", []):
        for line in lines[before : before + run["count"]]:
            check(f"payment of {line['period_end']}", line["payment"], run["amount"])
        before += run["count"]
    years = {k.split("_")[1]: v for k, v in expected.items() if k.startswith("year_2")}
    for year, theirs in (years | expected.get("year_interest", {})).items():
        own = sum(r["interest"] for r in lines if r["period_end"].year == int(year))
        check(f"interest of {year}", own, theirs)
    return found


def _printed(amount: int, table: Table) -> Decimal:
    """An amount as tables print it: whole minor units, half-up."""
    return (Decimal(amount) / table.scale).to_integral_value(ROUND_HALF_UP).scaleb(-table.decimals)


def _rows(expected: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Printed rows by the number of their instalment: a list, a map, or fields `row1`."""
    rows = expected.get("rows", [])
    if isinstance(rows, dict):
        return [(int(n), r) for n, r in rows.items()]
    if rows:
        return [(int(r.get("period", n)), r) for n, r in enumerate(rows, start=1)]
    some = {k: v for k, v in expected.items() if k.startswith("row") and isinstance(v, dict)}
    return [(int(k[3:].strip("_")), v) for k, v in some.items()]


def _sums(lines: list[Line]) -> dict[str, int]:
    first, last = lines[0], lines[-1]
    interest = sum(r["interest"] for r in lines)
    principal = sum(r["principal"] for r in lines)
    return {
        "payment": first["payment"], "instalment": first["payment"], "emi": first["payment"],
        "regular": lines[len(lines) > 1]["payment"], "first": first["payment"], "final": last["payment"],
        "first_payment": first["payment"], "first_interest": first["interest"],
        "first_principal": first["principal"], "final_payment": last["payment"],
        "last_payment": last["payment"], "interest": first["interest"], "interest_total": interest,
        "total_interest": interest, "principal_total": principal,
        "payments_total": interest + principal, "total_paid": interest + principal,
        "residual": last["closing"],
    }  # fmt: skip


def _facts(lines: list[Line]) -> dict[str, Any]:
    days = (lines[0]["period_end"] - lines[0]["period_start"]).days
    return {"n": len(lines), "days_to_first": days, "days": days,
            "maturity": lines[-1]["period_end"].isoformat()}  # fmt: skip
