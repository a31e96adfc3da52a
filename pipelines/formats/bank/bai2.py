"""BAI2 cash management files: groups of accounts with balances, sums and transactions, lockbox deposits
(types 115 and 116) among them.

Source: BAI, Cash Management Balance Reporting Specifications, version 2. Amounts are in minor units of the
account's currency, that of its group, or US dollars.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from loanbook.core.contract.money import MAX_MINOR
from loanbook.core.payments.bank_file import BankFile, control, problem, rows_of
from loanbook.pipelines.formats.bank.limits import text_of, unix
from loanbook.pipelines.formats.bank.values import count_of

CURRENCY = "USD"
CODES = frozenset({"01", "02", "03", "16", "49", "88", "98", "99"})
NEXT = re.compile(r"/[ \t]*(?=(?:01|02|03|16|49|88|98|99),)")
"""Where another record begins on the same line."""
AMOUNT = re.compile(r"^[+-]?[0-9]{1,18}$")
CREDITS, DEBITS = range(100, 400), range(400, 700)
"""Type codes of money that came, and of money that went."""
OPENING, CLOSING = "010", "015"


@dataclass
class _Record:
    """A record with its continuations."""

    line: int
    code: str
    fields: list[str]
    records: int = 1
    """Itself and its continuations."""


@dataclass
class _Level:
    """Totals of what is open: an account, a group, the file."""

    line: int
    total: int = 0
    records: int = 0
    members: int = 0


@dataclass
class _Report:
    """Rows gathered while the records pass by."""

    batches: list[dict[str, Any]] = field(default_factory=list)
    statements: list[dict[str, Any]] = field(default_factory=list)
    balances: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    controls: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    heading: dict[str, str] = field(default_factory=dict)
    file: _Level | None = None
    group: _Level | None = None
    account: _Level | None = None
    closed: bool = False

    def wrong(self, line: int, kind: str, found: object = "", hard: bool = True) -> None:
        self.problems.append(problem(line, kind, found, hard))


def read(data: bytes) -> BankFile:
    """A BAI2 file as it is told; raises IntakeError for one that is too large."""
    report = _Report()
    for record in _records(unix(text_of(data)), report):
        _take(report, record)
    if report.file is None:
        report.wrong(0, "no_file_header")
    for level, kind in ((report.account, "no_account_trailer"), (report.group, "no_group_trailer")):
        if level:
            report.wrong(level.line, kind)
    if not report.closed:
        report.wrong(0, "no_file_trailer")
    report.problems.sort(key=lambda each: each["line"])
    names = ("batches", "statements", "balances", "entries", "controls", "problems")
    return BankFile(
        format="bai2",
        version=report.heading.get("version"),
        message_id=report.heading.get("file_id"),
        created=report.heading.get("created"),
        heading=report.heading,
        partial=report.file is None or not report.closed,
        frames={name: rows_of(name, getattr(report, name)) for name in names},
    )


def _records(text: str, report: _Report) -> Iterator[_Record]:
    """Records with their continuations joined; what is none is named as a problem."""
    last: _Record | None = None
    for n, line in enumerate(text.split("\n"), start=1):
        for piece in NEXT.split(line):
            plain = piece.strip()
            if not plain:
                continue
            code, _, rest = plain.partition(",")
            fields = rest.removesuffix("/").split(",")
            code = code.removesuffix("/")
            if code not in CODES or (code == "88" and last is None):
                report.wrong(n, "unknown_record", plain)
            elif code == "88":
                assert last is not None
                last.fields.extend(fields)
                last.records += 1
            else:
                if last:
                    yield last
                last = _Record(n, code, fields)
    if last:
        yield last


def _take(report: _Report, record: _Record) -> None:
    """One record into the rows, and into the totals of all that is open."""
    if record.code in {"01", "02", "03"}:
        _open(report, record)
    for level in (report.file, report.group, report.account):
        if level:
            level.records += record.records
    match record.code:
        case "03":
            _account(report, record)
        case "16":
            _entry(report, record)
        case "49" | "98" | "99":
            _trailer(report, record)
        case _:
            pass


def _open(report: _Report, record: _Record) -> None:
    told = record.fields
    if record.code == "01":
        if report.file:
            report.wrong(record.line, "second_file_header")
        report.file = _Level(record.line)
        names = (
            "sender",
            "receiver",
            "created",
            "time",
            "file_id",
            "raw_record_length",
            "",
            "version",
        )
        report.heading = {
            name: word.strip() for name, word in zip(names, told, strict=False) if name
        }
        return
    if record.code == "02":
        if report.group:
            report.wrong(report.group.line, "no_group_trailer")
        report.group, report.account = _Level(record.line), None
        date = _date(_at(told, 3))
        report.batches.append({"batch": len(report.batches) + 1, "line": record.line, "company": _at(told, 1),
                               "company_id": _at(told, 0), "date": date, "date_text": _at(told, 3),
                               "description": _at(told, 2), "account": _at(told, 5)})  # fmt: skip
        return
    if report.account:
        report.wrong(report.account.line, "no_account_trailer")
    if report.group is None:
        report.wrong(record.line, "account_outside_group")
    report.account = _Level(record.line)


def _account(report: _Report, record: _Record) -> None:
    """An account with its balances and sums: type, amount, items, availability, over and over."""
    group = report.batches[-1] if report.group and report.batches else {}
    currency = _at(record.fields, 1) or group.get("account") or CURRENCY
    statement: dict[str, Any] = {
        "statement": len(report.statements) + 1, "line": record.line, "account": _at(record.fields, 0),
        "currency": currency, "number": group.get("date_text"),
    }  # fmt: skip
    report.statements.append(statement)
    told, at, date = record.fields[2:], 0, group.get("date")
    while at < len(told):
        kind = told[at].strip()
        amount = _amount(report, record.line, _at(told, at + 1))
        count = _at(told, at + 2)
        at = _after_funds(told, at + 3)
        if not kind:
            continue
        report.balances.append({"statement": statement["statement"], "line": record.line, "code": kind,
                                "amount": amount, "currency": currency, "date": date,
                                "count": count_of(count)})  # fmt: skip
        if kind in {OPENING, CLOSING}:
            name = "opening" if kind == OPENING else "closing"
            statement |= {name: amount, f"{name}_date": date}
    report.statements[-1] = statement


def _entry(report: _Report, record: _Record) -> None:
    """A transaction: type, amount, availability, the bank's and the client's reference, text."""
    told = record.fields
    if report.account is None or not report.statements:
        report.wrong(record.line, "transaction_outside_account", ",".join(told))
    inside = report.statements[-1] if report.account and report.statements else {}
    kind = (_at(told, 0) or "").zfill(3)
    number = int(kind) if kind.isascii() and kind.isdecimal() else 0
    amount = _amount(report, record.line, _at(told, 1), needed=True)
    behind = _after_funds(told, 2)
    group = report.batches[-1] if report.group and report.batches else {}
    value = _date(_at(told, 3)) if (_at(told, 2) or "").upper() == "V" else None
    direction = "credit" if number in CREDITS else "debit" if number in DEBITS else None
    report.entries.append({
        "entry": len(report.entries) + 1, "line": record.line, "batch": inside.get("statement"),
        "direction": direction, "reversal": bool(amount and amount < 0), "amount": amount and abs(amount),
        "currency": inside.get("currency", CURRENCY), "value_date": value or group.get("date"),
        "booking_date": group.get("date"), "code": kind, "details": 0, "reference": _at(told, behind),
        "client_ref": _at(told, behind + 1),
        "remittance": " ".join(each.strip() for each in told[behind + 2 :]).strip() or None,
    })  # fmt: skip


def _after_funds(told: list[str], at: int) -> int:
    """Where the fields of availability that begin at `at` end: immediate, by value date, or by days."""
    kind = (_at(told, at) or "").upper()
    if kind == "S":
        return at + 4
    if kind == "V":
        return at + 3
    if kind == "D":
        days = _at(told, at + 1) or "0"
        return at + 2 + 2 * (int(days) if days.isdecimal() and len(days) < 4 else 0)
    return at + 1


def _amount(report: _Report, line: int, text: str | None, needed: bool = False) -> int | None:
    """Minor units with their sign, added to the totals of the account."""
    if not text and not needed:
        return None
    if not AMOUNT.match(text or "") or abs(int(text or 0)) > MAX_MINOR:
        report.wrong(line, "amount_not_numeric", text)
        return None
    if report.account:
        report.account.total += int(text or 0)
    return int(text or 0)


_NAMES = {"49": "account", "98": "group", "99": "file"}


def _trailer(report: _Report, record: _Record) -> None:
    """A level ends: its stated totals beside those of its members."""
    name = _NAMES[record.code]
    level: _Level | None = getattr(report, name)
    if level is None:
        report.wrong(record.line, f"{name}_trailer_without_header")
        return
    above = {"account": report.group, "group": report.file, "file": None}[name]
    told = record.fields
    figures = {
        "total": (_at(told, 0), level.total),
        "record_count": (_at(told, 1 if name == "account" else 2), level.records),
    }
    if name != "account":
        figures[{"group": "account_count", "file": "group_count"}[name]] = (
            _at(told, 1),
            level.members,
        )
    for figure, (text, computed) in figures.items():
        stated = int(text) if text and AMOUNT.match(text) else None
        row = control(record.line, f"{name}_{figure}", stated, computed)
        report.controls.append(row)
        if not row["ties"]:
            report.wrong(record.line, row["kind"], f"stated {text}, computed {computed}")
    if above:
        above.total += level.total
        above.members += 1
    setattr(report, name, None if name != "file" else level)
    report.closed = report.closed or name == "file"


def _at(told: list[str], place: int) -> str | None:
    """A field without the blanks around it; None if it is empty or not there."""
    return (told[place].strip() or None) if place < len(told) else None


def _date(text: str | None) -> dt.date | None:
    """A date of the form YYMMDD in this century; None if it is none."""
    try:
        return dt.datetime.strptime(text or "", "%y%m%d").date()
    except ValueError:
        return None
