"""Files of a bank for tests, synthetic: a few entries in each of the formats."""

from __future__ import annotations

from dataclasses import dataclass

ACCOUNT = "SYNTHETIC000000001"


@dataclass(frozen=True)
class Entry:
    """A booked entry; `amount` in cents, below zero: money out."""

    amount: int
    ref: str = ""
    e2e: str = ""
    text: str = ""
    name: str = ""
    mandate: str = ""
    status: str = "BOOK"


def _money(cents: int) -> str:
    return f"{abs(cents) // 100}.{abs(cents) % 100:02}"


def camt(
    day: str,
    entries: list[Entry],
    opening: int = 0,
    account: str = ACCOUNT,
    off: int = 0,
    kind: str = "053",
) -> str:
    """A camt.053 or camt.052 of one account; `off` is added to the closing balance."""
    closing = opening + off + sum(e.amount for e in entries if e.status == "BOOK")
    root, tag = {"053": ("BkToCstmrStmt", "Stmt"), "052": ("BkToCstmrAcctRpt", "Rpt")}[kind]

    def balance(code: str, cents: int) -> str:
        way = "CRDT" if cents >= 0 else "DBIT"
        return (f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="USD">{_money(cents)}</Amt>'
                f"<CdtDbtInd>{way}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>")  # fmt: skip

    def one(e: Entry) -> str:
        way, side = ("CRDT", "Dbtr") if e.amount >= 0 else ("DBIT", "Cdtr")
        refs = (f"<EndToEndId>{e.e2e}</EndToEndId>" if e.e2e else "") + (
            f"<MndtId>{e.mandate}</MndtId>" if e.mandate else "")  # fmt: skip
        detail = (f"<Refs>{refs}</Refs>" if refs else "") + (
            f"<RltdPties><{side}><Nm>{e.name}</Nm></{side}></RltdPties>" if e.name else "") + (
            f"<RmtInf><Ustrd>{e.text}</Ustrd></RmtInf>" if e.text else "")  # fmt: skip
        return (f'<Ntry><Amt Ccy="USD">{_money(e.amount)}</Amt><CdtDbtInd>{way}</CdtDbtInd><Sts>{e.status}</Sts>'
                f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>"
                + (f"<AcctSvcrRef>{e.ref}</AcctSvcrRef>" if e.ref else "")
                + "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
                + f"<NtryDtls><TxDtls>{detail}</TxDtls></NtryDtls></Ntry>")  # fmt: skip

    balances = balance("OPBD", opening) + balance("CLBD", closing) if kind == "053" else ""
    body = "".join(map(one, entries))
    return (f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.02">'
            f"<{root}><GrpHdr><MsgId>M-{day}</MsgId><CreDtTm>{day}T18:00:00</CreDtTm></GrpHdr><{tag}><Id>S-{day}</Id>"
            f"<ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>{day}T18:00:00</CreDtTm><Acct><Id><Othr><Id>{account}</Id></Othr></Id>"
            f"<Ccy>USD</Ccy></Acct>{balances}{body}</{tag}></{root}></Document>")  # fmt: skip


def mt940(day: str, entries: list[Entry], opening: int = 0) -> str:
    """An MT940 of the same."""
    short = day[2:].replace("-", "")

    def balance(tag: str, cents: int) -> str:
        return f":{tag}:{'C' if cents >= 0 else 'D'}{short}USD{_money(cents).replace('.', ',')}"

    lines = [":20:SYNTHETIC", f":25:{ACCOUNT}", ":28C:1/1", balance("60F", opening)]
    for e in entries:
        way = "C" if e.amount >= 0 else "D"
        lines.append(f":61:{short}{short[2:]}{way}{_money(e.amount).replace('.', ',')}NTRF{e.e2e or 'NONREF'}"
                     + (f"//{e.ref}" if e.ref else ""))  # fmt: skip
        told = [f"/{word}/{text}" for word, text in (("NAME", e.name), ("REMI", e.text)) if text]
        if told:
            lines.append(":86:" + "".join(told))
    return "\n".join([*lines, balance("62F", opening + sum(e.amount for e in entries)), "-", ""])
