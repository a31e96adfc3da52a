"""Statements (camt.053), reports of the day (camt.052) and notifications (camt.054), of every version.

Source: ISO 20022 message definition reports, bank-to-customer cash management. An entry's direction is
its own, also where it takes an earlier one back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from lxml import etree

from loanbook.core.payments.bank_file import BankFile, control, shaped
from loanbook.pipelines.formats.bank.iso20022.cutting import (
    ENTRY,
    PAYMENT,
    Cut,
    as_text,
    by_element,
    cuttable,
)
from loanbook.pipelines.formats.bank.iso20022.gathering import Gathering
from loanbook.pipelines.formats.bank.iso20022.shapes import Around, Form, Shapes
from loanbook.pipelines.formats.bank.iso20022.stream import (
    Message,
    account_of,
    child,
    children,
    code_of,
    conforms,
    date_text,
    elements,
    local,
    opened,
    text,
)
from loanbook.pipelines.formats.bank.values import (
    count_of,
    finest,
    iso_date,
    iso_dates,
    minor_columns,
    minor_of,
    plain,
    total_of,
)

FORMATS = {
    "BkToCstmrAcctRpt": ("camt.052", "Rpt"),
    "BkToCstmrStmt": ("camt.053", "Stmt"),
    "BkToCstmrDbtCdtNtfctn": ("camt.054", "Ntfctn"),
}
"""By the element that names the message: the format, and its element of one account."""
WAYS = {"CRDT": "credit", "DBIT": "debit"}
BOOKED = "BOOK"
"""State of an entry that moves the booked balance; a message that tells none has booked it."""


def _head(ntry: Any) -> dict[str, Any]:
    """An entry without the payments within it."""
    code, batch = child(ntry, "BkTxCd"), child(ntry, "NtryDtls", "Btch")
    domain, family, amount = child(code, "Domn"), child(code, "Domn", "Fmly"), child(ntry, "Amt")
    return {
        "paid": text(amount), "way": text(ntry, "CdtDbtInd"), "takes_back": text(ntry, "RvslInd"),
        "valued": date_text(ntry, "ValDt"), "booked": date_text(ntry, "BookgDt"),
        "status": text(ntry, "Sts") or code_of(ntry, "Sts"), "domain": text(domain, "Cd"), "family": text(family, "Cd"),
        "sub_family": text(family, "SubFmlyCd"), "own_code": text(code, "Prtry", "Cd"),
        "reference": text(ntry, "AcctSvcrRef"), "client_ref": text(ntry, "NtryRef"), "remittance": text(ntry, "AddtlNtryInf"),
        "sent_as": text(batch, "PmtInfId") or text(batch, "MsgId"),
        "currency": None if amount is None else amount.get("Ccy"),
    }  # fmt: skip


def _payment(one: Any) -> dict[str, Any]:
    """A payment within an entry; who pays a credit and who gets a debit are told apart by the entry."""
    references, parties, remitted = (
        child(one, "Refs"),
        child(one, "RltdPties"),
        child(one, "RmtInf"),
    )
    paid = child(one, "Amt")
    if paid is None:
        paid = child(one, "AmtDtls", "TxAmt", "Amt")
    back = child(one, "RtrInf")
    sides = {
        f"{name}{which}": found
        for side, name in (("Dbtr", "payer"), ("Cdtr", "payee"))
        for which, found in (("", text(parties, side, "Nm") or text(parties, side, "Pty", "Nm")),
                             ("_account", account_of(parties, f"{side}Acct")))
    }  # fmt: skip
    said = [text(each) for each in children(remitted, "Ustrd")]
    said += [text(each, "CdtrRefInf", "Ref") for each in children(remitted, "Strd")]
    return {
        "paid": text(paid), "end_to_end_id": text(references, "EndToEndId"), "mandate": text(references, "MndtId"),
        "reference": text(references, "AcctSvcrRef") or text(references, "TxId"), **sides,
        "back_code": code_of(back, "Rsn"), "back_reason": text(back, "AddtlInf"),
        "currency": None if paid is None else paid.get("Ccy"), "comes_back": None if back is None else "yes",
        "said": [each for each in said if each],
    }  # fmt: skip


_HEAD = Form(
    ENTRY, _head,
    leaves=("paid", "way", "takes_back", "valued", "booked", "status", "domain", "family", "sub_family", "own_code",
            "reference", "client_ref", "remittance", "sent_as"),
    fixed=("currency",),
)  # fmt: skip
_PAYMENT = Form(
    PAYMENT, _payment,
    leaves=("paid", "end_to_end_id", "mandate", "reference", "payer", "payer_account", "payee", "payee_account", "back_code",
            "back_reason"),
    fixed=("currency", "comes_back"), lists=("said",),
)  # fmt: skip


@dataclass
class _Report(Gathering):
    """With what its statements state, and the place of the one that is open."""

    statement: int = 1
    header: dict[str, str | None] = field(default_factory=dict)
    stated: list[tuple[dict[str, Any], list[tuple[str, str | None, str | None]]]] = field(
        default_factory=list
    )
    """Rows of statements, each with what it says that its entries come to: name, number, sum."""

    def add(self, name: str, rows: pl.DataFrame) -> None:
        """Rows of a frame, each text by itself: a part of another would keep the whole of it in memory."""
        if rows.height:
            self.frames[name].append(shaped(name, rows).with_columns(pl.col(pl.String) + ""))


def read(data: bytes) -> BankFile:
    """A camt message as it is told; raises IntakeError for one that may not be read."""
    message = opened(data)
    form, tag = FORMATS.get(message.container or "", ("camt", "Stmt"))
    if message.container in FORMATS:
        report = _as_text(data, message, tag) or _by_element(data, message, tag)
        _ended(report)
    else:
        report = _Report(message)
        if not message.problems:
            report.is_unknown()
            list(elements(data, message, (ENTRY,)))
    return report.ended(form, report.header)


def _as_text(data: bytes, message: Message, tag: str) -> _Report | None:
    """The message, cut as text while another thread parses it beside its schema; None where that does not do for it."""
    body = cuttable(data, message) if message.judged else None
    if body is None:
        return None
    report = _Report(message)
    with ThreadPoolExecutor(1) as beside:
        right = beside.submit(conforms, data, message)
        try:
            _gathered(
                report,
                as_text(body, message, tag, _teller(report, tag)),
                Around(message.prefix, message.namespaces, (ENTRY, PAYMENT)),
            )
        except (ValueError, etree.XMLSyntaxError):
            return None
        return report if right.result() else None


def _by_element(data: bytes, message: Message, tag: str) -> _Report:
    report = _Report(message)
    _gathered(report, by_element(data, message, tag, _teller(report, tag)), Around())
    return report


def _teller(report: _Report, tag: str) -> Callable[[Any], None]:
    """What is done with the header and the statements as they end."""

    def told(element: Any) -> None:
        if local(element.tag) == tag:
            _statement(report, element)
        else:
            report.header = {"id": text(element, "MsgId"), "created": text(element, "CreDtTm")}

    return told


def _gathered(report: _Report, cuts: Iterator[Cut], around: Around) -> None:
    """Entries, payments and returns of the cuts into the report, and what is wrong with their amounts and directions."""
    heads, payments = Shapes(_HEAD, around), Shapes(_PAYMENT, around)
    for cut in cuts:
        told = _heads(heads.columns(cut.heads))
        inside = _payments(payments.columns(cut.payments), told)
        several = inside.filter(pl.col("details") > 1)
        entries = _entries(told, inside.filter(pl.col("details") == 1))
        report.add("entries", entries)
        report.add("details", several)
        report.add("returns", _returns(inside, entries))
        report.add("problems", _problems(told))


def _heads(rows: pl.DataFrame) -> pl.DataFrame:
    """Entries as their heads tell them; `why` an amount can't be read."""
    code = pl.concat_str("domain", "family", "sub_family", separator="/", ignore_nulls=True)
    return rows.with_columns(
        *minor_columns(rows["paid"], rows["currency"]), batch="statement",
        direction=pl.col("way").replace_strict(WAYS, default=None, return_dtype=pl.String),
        reversal=pl.col("takes_back").is_in(["true", "1"]).fill_null(False),
        value_date=iso_dates(rows["valued"]), booking_date=iso_dates(rows["booked"]),
        code=pl.when(pl.col("domain").is_not_null()).then(code).otherwise("own_code"),
    )  # fmt: skip


def _payments(rows: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """Payments within entries, with what is known of the entry: `details`, `direction`, `entry_amount`."""
    of = heads.select(
        "entry", "details", "direction", entry_amount="amount", entry_currency="currency"
    )
    own = pl.col("paid").is_not_null() | pl.col("currency").is_not_null()
    credit = pl.col("direction") == "credit"
    said = pl.col("said").list.join(" ")
    return rows.join(of, on="entry", how="left", maintain_order="left").with_columns(
        amount=minor_columns(rows["paid"], rows["currency"])["amount"],
        currency=pl.when(own).then("currency").otherwise("entry_currency"),
        counterparty=pl.when(credit).then("payer").otherwise("payee"),
        counterparty_account=pl.when(credit).then("payer_account").otherwise("payee_account"),
        remittance=pl.when(said != "").then(said),
    )  # fmt: skip


_OF_ONE = ("end_to_end_id", "mandate", "counterparty", "counterparty_account", "remittance")
"""What an entry of one payment has of it."""


def _entries(heads: pl.DataFrame, single: pl.DataFrame) -> pl.DataFrame:
    """Entries with what the one payment within them tells."""
    one = single.select(
        "entry", *(pl.col(name).alias(f"_{name}") for name in (*_OF_ONE, "reference"))
    )
    both = heads.join(one, on="entry", how="left", maintain_order="left")
    own = pl.when(pl.col("details") != 1).then("sent_as")
    return both.with_columns(
        end_to_end_id=pl.coalesce("_end_to_end_id", own), reference=pl.coalesce("reference", "_reference"),
        remittance=pl.coalesce("_remittance", "remittance"),
        **{name: pl.col(f"_{name}") for name in ("mandate", "counterparty", "counterparty_account")},
    )  # fmt: skip


def _returns(inside: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Money that came back, with the reason where one is told."""
    back = inside.filter(pl.col("comes_back") == "yes")
    return back.select(
        "line", "entry", code="back_code", kind=pl.lit("return"), original="end_to_end_id",
        amount=pl.when(pl.col("details") > 1).then("amount").otherwise("entry_amount"), reason="back_reason",
    )  # fmt: skip


def _problems(heads: pl.DataFrame) -> pl.DataFrame:
    """What is wrong with amounts and directions of entries."""
    unread = pl.col("why") == "amount_not_numeric"
    found = pl.col("paid").fill_null("")
    amounts = heads.filter(pl.col("why").is_not_null()).select(
        "line", kind=pl.when(unread).then(pl.lit("entry_amount_missing_or_bad")).otherwise("why"), hard=unread,
        found=pl.when(unread).then(found).otherwise(pl.concat_str("currency", found, separator=" ", ignore_nulls=True)).str.head(200),
    )  # fmt: skip
    ways = heads.filter(pl.col("direction").is_null()).select(
        "line", kind=pl.lit("direction_missing_or_bad"), hard=pl.lit(True), found=pl.col("way").fill_null("").str.head(200)
    )  # fmt: skip
    return pl.concat([amounts, ways]).sort("line", maintain_order=True)


def _statement(report: _Report, element: Any) -> None:
    """What the account's statement states; what its entries come to is asked at the end."""
    line = int(element.sourceline or 0)
    row: dict[str, Any] = {
        "statement": report.statement, "line": line, "reference": text(element, "Id"),
        "number": text(element, "ElctrncSeqNb"), "account": account_of(element, "Acct"),
        "currency": text(element, "Acct", "Ccy"),
    }  # fmt: skip
    balances: dict[str, dict[str, Any]] = {}
    for each in children(element, "Bal"):
        place, currency, amount = _balance(report, each)
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
    summary = child(element, "TxsSummry")
    told = [
        (name, text(summary, tag, "NbOfNtries"), text(summary, tag, "Sum"))
        for tag, name in (("TtlNtries", "total"), ("TtlCdtNtries", "credit"), ("TtlDbtNtries", "debit"))
    ]  # fmt: skip
    report.stated.append((row, told))
    report.statement += 1


def _balance(report: _Report, element: Any) -> tuple[int, str | None, int | None]:
    """Line, currency and minor units of a balance; what can't be read is a problem."""
    found = child(element, "Amt")
    line = int(element.sourceline or 0)
    if found is None:
        report.wrong(line, "balance_amount_missing_or_bad")
        return line, None, None
    currency = found.get("Ccy")
    amount, why = minor_of(found.text, currency)
    if why == "amount_not_numeric":
        report.wrong(line, "balance_amount_missing_or_bad", found.text)
    elif why:
        report.wrong(line, why, f"{currency} {found.text}", hard=False)
    return line, currency, amount


@dataclass
class _Sums:
    """What the entries of a statement come to, irrespective of currencies (`finest`)."""

    counts: dict[str, int] = field(default_factory=lambda: {"total": 0, "credit": 0, "debit": 0})
    parts: dict[str, int] = field(default_factory=lambda: {"total": 0, "credit": 0, "debit": 0})
    net: int = 0
    exact: bool = True
    """Every amount and direction could be read."""


def _sums(entries: pl.DataFrame) -> Mapping[int, _Sums]:
    """By statement."""
    booked = (pl.col("status") == BOOKED).fill_null(True)
    groups = entries.group_by("batch", "direction", "currency", booked=booked).agg(
        pl.len(),
        amount=pl.col("amount").cast(pl.Int128).sum(),
        unread=pl.col("amount").is_null().any(),
    )
    sums: dict[int, _Sums] = {}
    for statement, way, currency, counts, number, amount, unread in groups.rows():
        of = sums.setdefault(statement, _Sums())
        of.counts["total"] += number
        if way is not None:
            of.counts[way] += number
        of.exact = of.exact and way is not None and not unread
        parts = finest(amount, currency)
        if way is not None:
            of.parts["total"] += parts
            of.parts[way] += parts
            of.net += (parts if way == "credit" else -parts) if counts else 0
    return sums


def _ended(report: _Report) -> None:
    """Statements beside what their entries come to, when all have passed."""
    entries = report.frames.get("entries")
    sums = _sums(pl.concat(entries)) if entries else {}
    for row, told in report.stated:
        of = sums.get(row["statement"], _Sums())
        _add_up(report, row, of)
        for name, number, total in told:
            _summary(report, row["line"], (name, number, total), of)
        report.rows["statements"].append(row)
    if not report.stated:
        report.wrong(0, "no_statement")


def _add_up(report: _Report, row: dict[str, Any], sums: _Sums) -> None:
    opening, closing = row.get("opening"), row.get("closing")
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


def _summary(
    report: _Report, line: int, told: tuple[str, str | None, str | None], sums: _Sums
) -> None:
    """A number and a sum of entries as the statement states them."""
    name, number, total = told
    rows = []
    if number is not None:
        rows.append(control(line, f"summary_{name}_entries", count_of(number), sums.counts[name]))
    if total is not None and sums.exact:
        stated_sum = total_of(total)
        shown = total if stated_sum is None else plain(stated_sum)
        rows.append(control(line, f"summary_{name}_sum", shown, plain(sums.parts[name])))
    report.rows["controls"].extend(rows)
    for each in rows:
        if not each["ties"]:
            found = f"stated {each['stated']}, computed {each['computed']}"
            report.wrong(line, each["kind"], found, hard=False)
