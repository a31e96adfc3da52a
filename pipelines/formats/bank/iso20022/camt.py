"""Statements (camt.053), reports of the day (camt.052) and notifications (camt.054), of every version.

Source: ISO 20022 message definition reports, bank-to-customer cash management. An entry's direction is
its own, also where it takes an earlier one back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from loanbook.core.payments.bank_file import BankFile, control
from loanbook.pipelines.formats.bank.iso20022.gathering import Gathering
from loanbook.pipelines.formats.bank.iso20022.stream import (
    account_of,
    child,
    children,
    code_of,
    date_text,
    elements,
    opened,
    text,
)
from loanbook.pipelines.formats.bank.values import finest, iso_date, minor_of, plain, total_of

FORMATS = {
    "BkToCstmrAcctRpt": ("camt.052", "Rpt"),
    "BkToCstmrStmt": ("camt.053", "Stmt"),
    "BkToCstmrDbtCdtNtfctn": ("camt.054", "Ntfctn"),
}
"""By the element that names the message: the format, and its element of one account."""
WAYS = {"CRDT": "credit", "DBIT": "debit"}
BOOKED = frozenset({"BOOK", None})
"""States of an entry that moves the booked balance; a message that tells none has booked it."""


@dataclass
class _Sums:
    """What the entries of the statement that is open come to, irrespective of currencies (`finest`)."""

    count: int = 0
    counts: dict[str, int] = field(default_factory=lambda: {"credit": 0, "debit": 0})
    parts: dict[str, int] = field(default_factory=lambda: {"credit": 0, "debit": 0})
    net: int = 0
    exact: bool = True
    """Every amount could be read."""


@dataclass
class _Report(Gathering):
    """With the place of the element that is open, and its sums."""

    statement: int = 1
    entry: int = 0
    sums: _Sums = field(default_factory=_Sums)


def read(data: bytes) -> BankFile:
    """A camt message as it is told; raises IntakeError for one that may not be read."""
    message = opened(data)
    report = _Report(message)
    form, tag = FORMATS.get(message.container or "", ("camt", "Stmt"))
    told: dict[str, str | None] = {}
    if message.container in FORMATS:
        for element in elements(data, message, ("Ntry", tag, "GrpHdr")):
            name = element.tag.rpartition("}")[2]
            if name == "Ntry":
                _entry(report, element)
                report.flush()
            elif name == tag:
                _statement(report, element)
            else:
                told = {"id": text(element, "MsgId"), "created": text(element, "CreDtTm")}
        if report.statement == 1:
            report.wrong(0, "no_statement")
    elif not message.problems:
        report.is_unknown()
        list(elements(data, message, ("Ntry",)))
    return report.ended(form, told)


def _entry(report: _Report, ntry: Any) -> None:
    """One entry, with the payments within it."""
    report.entry += 1
    line, currency, amount = _amount(report, ntry, "entry_amount_missing_or_bad")
    way = WAYS.get(text(ntry, "CdtDbtInd") or "")
    status = text(ntry, "Sts") or code_of(ntry, "Sts")
    inside = [each for block in children(ntry, "NtryDtls") for each in children(block, "TxDtls")]
    row: dict[str, Any] = {
        "entry": report.entry, "line": line, "batch": report.statement, "direction": way,
        "reversal": text(ntry, "RvslInd") in {"true", "1"}, "amount": amount, "currency": currency,
        "value_date": iso_date(date_text(ntry, "ValDt")),
        "booking_date": iso_date(date_text(ntry, "BookgDt")), "status": status,
        "code": _kind(ntry), "reference": text(ntry, "AcctSvcrRef"), "client_ref": text(ntry, "NtryRef"),
        "remittance": text(ntry, "AddtlNtryInf"), "details": len(inside),
    }  # fmt: skip
    if way is None:
        report.wrong(line, "direction_missing_or_bad", text(ntry, "CdtDbtInd"))
    details = [_detail(report, each, way, currency) for each in inside]
    if len(details) == 1:
        row |= {name: value for name, value in details[0].items() if value is not None
                and name not in {"line", "amount", "currency", "reference", "entry"}}  # fmt: skip
        row["reference"] = row["reference"] or details[0]["reference"]
    else:
        batch = child(ntry, "NtryDtls", "Btch")
        row["end_to_end_id"] = text(batch, "PmtInfId") or text(batch, "MsgId")
        report.rows["details"].extend(details)
    report.rows["entries"].append(row)
    for each, detail in zip(inside, details, strict=True):
        _returned(report, each, row, detail)
    _add(report.sums, row)


def _amount(report: _Report, element: Any, kind: str) -> tuple[int, str | None, int | None]:
    """Line, currency and minor units of an element's amount; what can't be read is a problem."""
    found = child(element, "Amt")
    line = int(element.sourceline or 0)
    if found is None:
        report.wrong(line, kind)
        return line, None, None
    currency = found.get("Ccy")
    amount, why = minor_of(found.text, currency)
    if why == "amount_not_numeric":
        report.wrong(line, kind, found.text)
    elif why:
        report.wrong(line, why, f"{currency} {found.text}", hard=False)
    return line, currency, amount


def _kind(ntry: Any) -> str | None:
    """The bank transaction code: domain, family and sub-family, or the bank's own."""
    code = child(ntry, "BkTxCd")
    domain = text(code, "Domn", "Cd")
    if domain:
        family = child(code, "Domn", "Fmly")
        return "/".join(filter(None, (domain, text(family, "Cd"), text(family, "SubFmlyCd"))))
    return text(code, "Prtry", "Cd")


def _detail(report: _Report, one: Any, way: str | None, currency: str | None) -> dict[str, Any]:
    """A payment within an entry; the other side is who pays a credit and who gets a debit."""
    references, parties = child(one, "Refs"), child(one, "RltdPties")
    side = "Dbtr" if way == "credit" else "Cdtr"
    paid = child(one, "Amt")
    if paid is None:
        paid = child(one, "AmtDtls", "TxAmt", "Amt")
    amount = minor_of(paid.text, paid.get("Ccy"))[0] if paid is not None else None
    remitted = child(one, "RmtInf")
    said = [each.text.strip() for each in children(remitted, "Ustrd") if each.text]
    said += [ref for each in children(remitted, "Strd") if (ref := text(each, "CdtrRefInf", "Ref"))]
    return {
        "entry": report.entry, "line": int(one.sourceline or 0), "amount": amount,
        "currency": paid.get("Ccy") if paid is not None else currency,
        "end_to_end_id": text(references, "EndToEndId"), "mandate": text(references, "MndtId"),
        "reference": text(references, "AcctSvcrRef") or text(references, "TxId"),
        "counterparty": text(parties, side, "Nm") or text(parties, side, "Pty", "Nm"),
        "counterparty_account": account_of(parties, f"{side}Acct"),
        "remittance": " ".join(said) or None,
    }  # fmt: skip


def _returned(report: _Report, one: Any, row: dict[str, Any], detail: dict[str, Any]) -> None:
    """Money that came back, with the reason where one is told."""
    information = child(one, "RtrInf")
    if information is None:
        return
    report.rows["returns"].append({
        "line": detail["line"], "entry": row["entry"], "code": code_of(information, "Rsn"), "kind": "return",
        "original": detail["end_to_end_id"], "amount": detail["amount"] if row["details"] > 1 else row["amount"],
        "reason": text(information, "AddtlInf"),
    })  # fmt: skip


def _add(sums: _Sums, row: dict[str, Any]) -> None:
    way, amount = row["direction"], row["amount"]
    sums.count += 1
    if way is not None:
        sums.counts[way] += 1
    if way is None or amount is None:
        sums.exact = False
        return
    parts = finest(amount, row["currency"])
    sums.parts[way] += parts
    if row["status"] in BOOKED:
        sums.net += parts if way == "credit" else -parts


def _statement(report: _Report, element: Any) -> None:
    """The account's statement, when all its entries have passed."""
    line = int(element.sourceline or 0)
    row: dict[str, Any] = {
        "statement": report.statement, "line": line, "reference": text(element, "Id"),
        "number": text(element, "ElctrncSeqNb"), "account": account_of(element, "Acct"),
        "currency": text(element, "Acct", "Ccy"),
    }  # fmt: skip
    balances: dict[str, dict[str, Any]] = {}
    for each in children(element, "Bal"):
        place, currency, amount = _amount(report, each, "balance_amount_missing_or_bad")
        if amount is not None and text(each, "CdtDbtInd") == "DBIT":
            amount = -amount
        code = code_of(each, "Tp", "CdOrPrtry") or ""
        balance = {"statement": report.statement, "line": place, "code": code, "amount": amount,
                   "currency": currency, "date": iso_date(date_text(each, "Dt"))}  # fmt: skip
        balances.setdefault(code, balance)
        report.rows["balances"].append(balance)
    for name, codes in (("opening", ("OPBD", "PRCD")), ("closing", ("CLBD",))):
        found = next((balances[code] for code in codes if code in balances), None)
        if found:
            row |= {name: found["amount"], f"{name}_date": found["date"]}
            row["currency"] = row["currency"] or found["currency"]
    _add_up(report, row)
    _summary(report, element, line)
    report.rows["statements"].append(row)
    report.statement += 1
    report.sums = _Sums()


def _add_up(report: _Report, row: dict[str, Any]) -> None:
    opening, closing, sums = row.get("opening"), row.get("closing"), report.sums
    if opening is None or closing is None or not sums.exact:
        return
    ends = [finest(each, row["currency"]) for each in (opening, closing)]
    computed = ends[0] + sums.net
    row["adds_up"] = computed == ends[1]
    tie = control(row["line"], "closing_balance", plain(ends[1]), plain(computed))
    report.rows["controls"].append(tie)
    if not row["adds_up"]:
        found = f"stated {tie['stated']}, computed {tie['computed']}"
        report.wrong(row["line"], "balance_does_not_add_up", found, hard=False)


def _summary(report: _Report, element: Any, line: int) -> None:
    """Numbers and sums of entries as the statement states them."""
    stated, sums = child(element, "TxsSummry"), report.sums
    levels = (("TtlNtries", "total", sums.count, sum(sums.parts.values())),
              ("TtlCdtNtries", "credit", sums.counts["credit"], sums.parts["credit"]),
              ("TtlDbtNtries", "debit", sums.counts["debit"], sums.parts["debit"]))  # fmt: skip
    for tag, name, count, parts in levels:
        block = child(stated, tag)
        number, total = text(block, "NbOfNtries"), text(block, "Sum")
        rows = []
        if number is not None:
            told = int(number) if number.isdecimal() else None
            rows.append(control(line, f"summary_{name}_entries", told, count))
        if total is not None and sums.exact:
            stated_sum = total_of(total)
            shown = total if stated_sum is None else plain(stated_sum)
            rows.append(control(line, f"summary_{name}_sum", shown, plain(parts)))
        report.rows["controls"].extend(rows)
        for each in rows:
            if not each["ties"]:
                found = f"stated {each['stated']}, computed {each['computed']}"
                report.wrong(line, each["kind"], found, hard=False)
