"""Instructions to a bank: credit transfers (pain.001) and direct debits (pain.008), of every version.

Source: ISO 20022 message definition reports, payments initiation. A control sum adds amounts irrespective
of their currencies.
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
from loanbook.pipelines.formats.bank.values import (
    count_of,
    finest,
    iso_date,
    minor_of,
    plain,
    total_of,
)

FORMATS = {
    "CstmrCdtTrfInitn": ("pain.001", "CdtTrfTxInf", "credit"),
    "CstmrDrctDbtInitn": ("pain.008", "DrctDbtTxInf", "debit"),
}
"""By the element that names the message: the format, its element of one payment, and its direction."""


@dataclass
class _Sums:
    """Payments so far: how many, and their sum irrespective of currencies (`finest`)."""

    count: int = 0
    parts: int = 0
    exact: bool = True

    def add(self, other: _Sums) -> None:
        self.count += other.count
        self.parts += other.parts
        self.exact = self.exact and other.exact


@dataclass
class _Report(Gathering):
    """With the place of the element that is open, and its sums."""

    direction: str = ""
    batch: int = 1
    entry: int = 0
    of_batch: _Sums = field(default_factory=_Sums)
    of_file: _Sums = field(default_factory=_Sums)


def read(data: bytes) -> BankFile:
    """A file of instructions as it is told; raises IntakeError for one that may not be read."""
    message = opened(data)
    form, tag, direction = FORMATS.get(message.container or "", ("pain", "CdtTrfTxInf", "credit"))
    report = _Report(message, direction=direction)
    told: dict[str, str | None] = {}
    if message.container in FORMATS:
        for element in elements(data, message, (tag, "PmtInf", "GrpHdr")):
            name = element.tag.rpartition("}")[2]
            if name == tag:
                _payment(report, element)
                report.flush()
            elif name == "PmtInf":
                _batch(report, element)
            else:
                told = {"id": text(element, "MsgId"), "created": text(element, "CreDtTm"),
                        "initiating_party": text(element, "InitgPty", "Nm"),
                        "nb_of_txs": text(element, "NbOfTxs"), "ctrl_sum": text(element, "CtrlSum")}  # fmt: skip
        _totals(report, 0, "group", (told.get("nb_of_txs"), told.get("ctrl_sum")), report.of_file)
        if report.batch == 1:
            report.wrong(0, "no_payment_information")
    elif not message.problems:
        report.is_unknown()
    return report.ended(form, told, ("initiating_party", "nb_of_txs", "ctrl_sum"))


def _payment(report: _Report, one: Any) -> None:
    """One payment that is asked for."""
    report.entry += 1
    line, side = int(one.sourceline or 0), "Cdtr" if report.direction == "credit" else "Dbtr"
    paid = child(one, "InstdAmt")
    if paid is None:
        paid = child(one, "Amt", "InstdAmt")
    if paid is None:
        paid = child(one, "Amt", "EqvtAmt", "Amt")
    currency = paid.get("Ccy") if paid is not None else None
    amount, why = minor_of(paid.text, currency) if paid is not None else (None, "amount_missing")
    if why:
        report.wrong(line, why, paid.text if paid is not None else "", hard=why != "amount_finer_than_currency")  # fmt: skip
    remitted = child(one, "RmtInf")
    said = [each.text.strip() for each in children(remitted, "Ustrd") if each.text]
    said += [ref for each in children(remitted, "Strd") if (ref := text(each, "CdtrRefInf", "Ref"))]
    mandate = child(one, "DrctDbtTx", "MndtRltdInf")
    row: dict[str, Any] = {
        "entry": report.entry, "line": line, "batch": report.batch, "direction": report.direction,
        "reversal": False, "amount": amount, "currency": currency, "details": 0,
        "end_to_end_id": text(one, "PmtId", "EndToEndId"), "client_ref": text(one, "PmtId", "InstrId"),
        "mandate": text(mandate, "MndtId"), "counterparty": text(one, side, "Nm"),
        "counterparty_account": account_of(one, f"{side}Acct"),
        "counterparty_bank": _bank(child(one, f"{side}Agt")), "remittance": " ".join(said) or None,
    }  # fmt: skip
    report.rows["entries"].append(row)
    if mandate is not None:
        report.rows["mandates"].append({
            "line": int(mandate.sourceline or 0), "batch": report.batch, "mandate": row["mandate"],
            "signed": iso_date(text(mandate, "DtOfSgntr")), "amended": text(mandate, "AmdmntInd"),
            "end_to_end_id": row["end_to_end_id"],
        })  # fmt: skip
    parts = 0 if amount is None else finest(amount, currency)
    report.of_batch.add(_Sums(1, parts, amount is not None))


def _bank(agent: Any) -> str | None:
    found = child(agent, "FinInstnId")
    return (
        text(found, "BICFI")
        or text(found, "BIC")
        or text(found, "ClrSysMmbId", "MmbId")
        or text(found, "Othr", "Id")
    )


def _batch(report: _Report, element: Any) -> None:
    """A payment information, when all its payments have passed."""
    line = int(element.sourceline or 0)
    credit = report.direction == "credit"
    side, date = ("Dbtr", "ReqdExctnDt") if credit else ("Cdtr", "ReqdColltnDt")
    told = date_text(element, date)
    kind = child(element, "PmtTpInf")
    report.rows["batches"].append({
        "batch": report.batch, "line": line, "number": text(element, "PmtInfId"),
        "entry_class": text(element, "PmtMtd"), "service_class": code_of(kind, "SvcLvl"),
        "local_instrument": code_of(kind, "LclInstrm"), "sequence_type": text(kind, "SeqTp"),
        "company": text(element, side, "Nm"), "account": account_of(element, f"{side}Acct"),
        "bank": _bank(child(element, f"{side}Agt")), "date": iso_date(told), "date_text": told,
        "entries": report.of_batch.count,
    })  # fmt: skip
    stated = (text(element, "NbOfTxs"), text(element, "CtrlSum"))
    _totals(report, line, "payment_info", stated, report.of_batch)
    report.of_file.add(report.of_batch)
    report.of_batch = _Sums()
    report.batch += 1


def _totals(
    report: _Report, line: int, level: str, stated: tuple[str | None, str | None], sums: _Sums
) -> None:
    """How many payments and which sum a level states, beside its payments."""
    number, total = stated
    rows = []
    if number is not None:
        rows.append(control(line, f"{level}_nb_of_txs", count_of(number), sums.count))
    if total is not None and sums.exact:
        parts = total_of(total)
        shown = total if parts is None else plain(parts)
        rows.append(control(line, f"{level}_ctrl_sum", shown, plain(sums.parts)))
    report.rows["controls"].extend(rows)
    for each in rows:
        if not each["ties"]:
            found = f"stated {each['stated']}, computed {each['computed']}"
            report.wrong(line, each["kind"], found, hard=False)
