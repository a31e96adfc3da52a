"""SWIFT's statements MT940 and interim reports MT942, as banks send them, bare or in SWIFT's blocks.

Source: SWIFT Standards MT, category 9; the fields in field 86 by the German banks (DK, annex 3) and by the
Dutch code words. C and RD add to the account, D and RC take from it.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any

from loanbook.core.payments.bank_file import BankFile, control, problem, rows_of
from loanbook.pipelines.formats.bank.limits import text_of, unix
from loanbook.pipelines.formats.bank.swift.remittance import remittance
from loanbook.pipelines.formats.bank.values import minor_of

TAGS = frozenset(
    [
        "20",
        "21",
        "25",
        "25P",
        "28",
        "28C",
        "34F",
        "13",
        "13D",
        "NS",
        "60F",
        "60M",
        "61",
        "86",
        "62F",
        "62M",
        "64",
        "65",
        "65F",
        "90C",
        "90D",
        "940",
        "942",
    ]
)
"""What opens a field; another word between colons at the start of a line is text that was wrapped."""
MESSAGES = frozenset({"940", "942"})
"""The name of the message, which some banks send as a field."""
FIELD = re.compile(r"^:([0-9A-Z]{2,3}):(.*)$")
FOLDED = 35
"""Characters of a line of text by the standard; banks fold at other widths too."""
BALANCE = re.compile(r"^(R?[CD])([0-9]{6})([A-Z]{3})([0-9]+(?:[,.][0-9]*)?)$")
ENTRY = re.compile(
    r"^(?P<value>[0-9]{6})(?P<booked>[0-9]{4}|[ ]{4})?(?P<mark>[RE]?[CD])[A-Z]?"
    r"(?P<amount>[0-9]+(?:[,.][0-9]*)?)[ ]?(?P<type>[A-Z][A-Z0-9 ]{3})(?P<rest>.*)$"
)
SUMMARY = re.compile(r"^([0-9]{1,5})([A-Z]{3})([0-9]+(?:[,.][0-9]*)?)$")


@dataclass
class _Report:
    """Rows gathered while the fields pass by."""

    statements: list[dict[str, Any]] = field(default_factory=list)
    balances: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    texts: dict[int, list[str]] = field(default_factory=dict)
    controls: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    after_entry: bool = False
    """Whether text now tells of the last entry, and not of the statement."""


def read(data: bytes) -> BankFile:
    """A file of statements or interim reports; raises IntakeError for one that is too large."""
    text = unix(text_of(data))
    if "@@:" in text:  # some banks end lines so
        text = text.replace("@@", "\n")
    report, fields = _Report(), _fields(text)
    for line, tag, lines in fields:
        _take(report, line, tag, lines)
    if not fields:
        report.problems.append(problem(0, "no_statement"))
    _close(report)
    interim = any(tag in {"34F", "13", "13D", "90C", "90D", "942"} for _, tag, _ in fields)
    names = ("statements", "balances", "entries", "controls", "problems")
    return BankFile(
        format="mt942" if interim else "mt940",
        partial=not any(b["code"].startswith("62") for b in report.balances),
        frames={name: rows_of(name, getattr(report, name)) for name in names},
    )


def _fields(text: str) -> list[tuple[int, str, list[str]]]:
    """Line, tag and lines of each field. SWIFT's blocks and what stands before the first field are none."""
    found: list[tuple[int, str, list[str]]] = []
    inside = False
    for n, line in enumerate(text.split("\n"), start=1):
        match = FIELD.match(line.lstrip("\ufeff"))
        if match and match[1] in TAGS:
            found.append((n, match[1], [match[2]]))
            inside = True
        elif line.rstrip() == "-" or line.startswith(("-}", "{")):
            inside = False
        elif inside:
            found[-1][2].append(line)
    return found


def _take(report: _Report, line: int, tag: str, lines: list[str]) -> None:
    """One field into the rows."""
    first = lines[0].strip()
    if tag in MESSAGES:
        report.after_entry = False
        return
    if tag == "20" or not report.statements:
        report.statements.append({"statement": len(report.statements) + 1, "line": line})
        report.after_entry = False
    statement = report.statements[-1]
    if tag == "20":
        statement["reference"] = first
    elif tag in {"25", "25P"}:
        statement["account"] = first
    elif tag in {"28", "28C"}:
        statement["number"] = first
    elif tag == "34F":
        statement.setdefault("currency", first[:3])
    elif tag[:2] in {"60", "62", "64", "65"}:
        report.after_entry = False
        _balance(report, line, tag, first)
    elif tag == "61":
        _entry(report, line, lines)
    elif tag in {"90C", "90D"}:
        report.after_entry = False
        statement[f"_{tag}"] = (line, first)
    elif tag in {"86", "NS"} and report.after_entry:
        report.texts.setdefault(len(report.entries), []).extend(lines)


def _balance(report: _Report, line: int, tag: str, text: str) -> None:
    statement = report.statements[-1]
    match = BALANCE.match(text)
    date = _date(match[2]) if match else None
    if not match or date is None:
        report.problems.append(problem(line, "bad_balance", f":{tag}:{text}"))
        return
    sign, currency = match[1], match[3]
    amount, why = minor_of(match[4], currency)
    if why:
        report.problems.append(problem(line, why, f"{currency} {match[4]}", hard=False))
    if amount is not None and sign in {"D", "RC"}:
        amount = -amount
    report.balances.append({"statement": statement["statement"], "line": line, "code": tag, "amount": amount,
                            "currency": currency, "date": date})  # fmt: skip
    if tag in {"60F", "60M"} and "opening_date" not in statement:
        statement |= {"opening": amount, "opening_date": date, "currency": currency}
        report.statements[-1] = statement
    elif tag in {"62F", "62M"}:
        statement |= {"closing": amount, "closing_date": date}
        statement.setdefault("currency", currency)
        report.statements[-1] = statement


def _entry(report: _Report, line: int, lines: list[str]) -> None:
    statement = report.statements[-1]
    match = ENTRY.match(lines[0].rstrip())
    number = len(report.entries) + 1
    row: dict[str, Any] = {
        "entry": number, "line": line, "batch": statement["statement"], "reversal": False, "details": 0,
        "currency": statement.get("currency"),
    }  # fmt: skip
    report.entries.append(row)
    report.after_entry = True
    if not match:
        report.problems.append(problem(line, "bad_entry_line", lines[0]))
        return
    date, mark = _date(match["value"]), match["mark"]
    if date is None:
        report.problems.append(problem(line, "impossible_value_date", match["value"]))
    amount, why = minor_of(match["amount"], row["currency"])
    if why:
        report.problems.append(
            problem(line, why, f"{row['currency']} {match['amount']}", hard=False)
        )
    client, _, bank = match["rest"].partition("//")
    row |= {
        "direction": "credit" if mark in {"C", "RD", "EC"} else "debit",
        "reversal": mark.startswith("R"),
        "status": "expected" if mark.startswith("E") else "booked",
        "amount": amount, "value_date": date, "booking_date": _booked(date, match["booked"]),
        "code": match["type"].strip(), "client_ref": client.strip(), "reference": bank.strip() or None,
    }  # fmt: skip
    report.entries[-1] = row
    if more := [each.strip() for each in lines[1:] if each.strip()]:
        report.texts[number] = [" ".join(more)]


def _date(text: str) -> dt.date | None:
    """A date of the form YYMMDD: of 2000 to 2079, or of 1980 to 1999."""
    year = int(text[:2])
    try:
        return dt.date(year + (1900 if year >= 80 else 2000), int(text[2:4]), int(text[4:6]))
    except ValueError:
        return None


def _booked(value: dt.date | None, text: str | None) -> dt.date | None:
    """The booking date of the form MMDD, in the year that brings it nearest to the value date."""
    if value is None or not (text or "").strip():
        return None
    assert text is not None
    near = []
    for year in (value.year - 1, value.year, value.year + 1):
        try:
            near.append(dt.date(year, int(text[:2]), int(text[2:])))
        except ValueError:
            continue
    return min(near, key=lambda day: abs(day - value)) if near else None


def _close(report: _Report) -> None:
    """What texts add to the entries, and what each statement comes to."""
    for number, lines in report.texts.items():
        if number:
            report.entries[number - 1] |= remittance(lines)
    for statement in report.statements:
        rows = [row for row in report.entries if row["batch"] == statement["statement"]]
        _add_up(report, statement, rows)
        for tag, direction in (("90C", "credit"), ("90D", "debit")):
            if stated := statement.pop(f"_{tag}", None):
                _summary(report, tag, stated, [r for r in rows if r.get("direction") == direction])
    if report.statements and not any(b["code"].startswith("62") for b in report.balances):
        report.problems.append(problem(0, "no_closing_balance", hard=False))
    report.problems.sort(key=lambda each: each["line"])


def _add_up(report: _Report, statement: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    opening, closing = statement.get("opening"), statement.get("closing")
    amounts = [row.get("amount") for row in rows]
    if opening is None or closing is None or None in amounts:
        return
    net = sum(row["amount"] * (1 if row["direction"] == "credit" else -1) for row in rows)
    statement["adds_up"] = opening + net == closing
    report.controls.append(control(statement["line"], "closing_balance", closing, opening + net))
    if not statement["adds_up"]:
        found = f"{opening} and entries of {net} do not make {closing}"
        report.problems.append(problem(statement["line"], "balance_does_not_add_up", found, hard=False))  # fmt: skip


def _summary(
    report: _Report, tag: str, stated: tuple[int, str], rows: list[dict[str, Any]]
) -> None:
    """Number and sum of the entries of one direction, as an interim report states them."""
    line, text = stated
    match = SUMMARY.match(text)
    amounts = [row["amount"] for row in rows]
    if not match or None in amounts:
        report.problems.append(problem(line, f"summary_{tag}_unreadable", text, hard=False))
        return
    amount, _ = minor_of(match[3], match[2])
    ties = [
        control(line, f"summary_{tag}_count", int(match[1]), len(rows)),
        control(line, f"summary_{tag}_sum", amount, sum(amounts)),
    ]
    report.controls.extend(ties)
    if not all(each["ties"] for each in ties):
        found = f"stated {match[1]} of {match[3]}, computed {len(rows)} of {sum(amounts)}"
        report.problems.append(problem(line, f"summary_{tag}_mismatch", found, hard=False))
