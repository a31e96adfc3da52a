"""Instructions of ISO 20022: direct debits (pain.008) and credit transfers (pain.001), as SEPA has them.

One version of each is written, whose schema is at hand for the reader. Source: EPC130-08 and EPC132-08,
SEPA core direct debit and credit transfer, customer-to-bank implementation guidelines.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from loanbook.core.contract.currencies import EXPONENTS
from loanbook.core.contract.money import decimal_text
from loanbook.core.errors import InstructionError
from loanbook.core.payments.out.instructions import Heading, Instructions
from loanbook.core.policy.originators import Originator
from loanbook.pipelines.formats.bank_out.text import sepa_only

BATCH = ["sequence", "effective"]
"""What payments of one payment information share."""


@dataclass(frozen=True)
class _Form:
    """How the two messages differ."""

    schema: str
    container: str
    method: str
    date: tuple[str, str]
    own: str
    """Element of the side that sends the file."""
    other: str
    tag: str


_DEBITS = _Form("pain.008.001.08", "CstmrDrctDbtInitn", "DD", ("<ReqdColltnDt>", "</ReqdColltnDt>"),
                "Cdtr", "Dbtr", "DrctDbtTxInf")  # fmt: skip
_CREDITS = _Form("pain.001.001.09", "CstmrCdtTrfInitn", "TRF", ("<ReqdExctnDt><Dt>", "</Dt></ReqdExctnDt>"),
                 "Dbtr", "Cdtr", "CdtTrfTxInf")  # fmt: skip


def write(by: Originator, heading: Heading, payments: pl.DataFrame) -> bytes:
    """The message of these payments (schema `Instructions`, one row at least, all of one direction), UTF-8.

    Raises InstructionError where the rail has no room for them.
    """
    rows = Instructions.validate(payments).sort(*BATCH, "key")
    form = _form_of(rows)
    exponent = EXPONENTS[by.currency]
    told = rows.with_columns(
        batch=pl.struct(BATCH).rle_id().cast(pl.Int64) + 1, decimal=decimal_text(pl.col("amount"), exponent)
    ).with_columns(xml=_payment(form, by))  # fmt: skip
    batches = told.group_by("batch", *BATCH, maintain_order=True).agg(
        count=pl.len(), amount=pl.col("amount").sum(), xml=pl.col("xml").str.join("")
    )
    parts = batches.with_columns(decimal=decimal_text(pl.col("amount"), exponent)).select(
        pl.concat_str(
            pl.lit("<PmtInf><PmtInfId>" + _id(heading.message_id, 28)), pl.lit("-"), pl.col("batch").cast(pl.String),
            pl.lit(f"</PmtInfId><PmtMtd>{form.method}</PmtMtd><BtchBookg>true</BtchBookg><NbOfTxs>"),
            pl.col("count").cast(pl.String), pl.lit("</NbOfTxs><CtrlSum>"), "decimal",
            pl.lit("</CtrlSum><PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl>"), _kind(form),
            pl.lit("</PmtTpInf>" + form.date[0]), pl.col("effective").dt.strftime("%Y-%m-%d"),
            pl.lit(form.date[1] + _own(form, by)), "xml", pl.lit("</PmtInf>"),
        )
    )  # fmt: skip
    total = pl.select(decimal_text(pl.lit(rows["amount"].sum()), exponent)).item()
    body = "".join(parts.to_series().to_list())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{form.schema}"><{form.container}>'
        f"<GrpHdr><MsgId>{_id(heading.message_id, 35)}</MsgId><CreDtTm>{heading.created:%Y-%m-%dT%H:%M:%S}</CreDtTm>"
        f"<NbOfTxs>{rows.height}</NbOfTxs><CtrlSum>{total}</CtrlSum>"
        f"<InitgPty><Nm>{_own_text(by.company, 70)}</Nm></InitgPty></GrpHdr>"
        f"{body}</{form.container}></Document>\n"
    ).encode()


def _form_of(rows: pl.DataFrame) -> _Form:
    if rows.is_empty():
        raise InstructionError("a file to a bank needs a payment; there is none to send")
    if rows["direction"].n_unique() > 1:
        raise InstructionError("debits and credits are two messages; write each by itself")
    if rows["prenote"].any():
        raise InstructionError("the rail has no prenotifications; leave `prenote_days` out")
    debits = rows["direction"][0] == "debit"
    if (
        debits
        and rows.select(pl.any_horizontal(pl.col("mandate", "signed").is_null()).any()).item()
    ):
        raise InstructionError("a direct debit names its mandate and the day it was signed")
    long = rows.filter(pl.col("end_to_end_id").str.len_chars() > 35)
    if long.height:
        raise InstructionError(f"{long['key'][0]}: an end-to-end id has 35 characters at most")
    return _DEBITS if debits else _CREDITS


def _escaped(text: pl.Expr) -> pl.Expr:
    return text.str.replace_many(["&", "<", ">"], ["&amp;", "&lt;", "&gt;"])


def _text(name: str, width: int) -> pl.Expr:
    """A column in the letters of the rail, cut at the width of its element."""
    return _escaped(sepa_only(pl.col(name)).str.slice(0, width).str.strip_chars("/ "))


def _own_text(text: str, width: int) -> str:
    found: str = pl.DataFrame({"text": [text]}).select(_text("text", width)).item()
    return found


def _id(text: str, width: int) -> str:
    """An id of our own, whose end tells files apart."""
    return _own_text(text[-width:], width)


def _kind(form: _Form) -> pl.Expr:
    if form is _CREDITS:
        return pl.lit("")
    return pl.concat_str(
        pl.lit("<LclInstrm><Cd>CORE</Cd></LclInstrm><SeqTp>"), "sequence", pl.lit("</SeqTp>")
    )


def _own(form: _Form, by: Originator) -> str:
    """The side that sends: name, account, bank; of debits its creditor identifier."""
    sides = (
        f"<{form.own}><Nm>{_own_text(by.company, 70)}</Nm></{form.own}>"
        f"<{form.own}Acct><Id><IBAN>{by.account}</IBAN></Id></{form.own}Acct>"
        f"<{form.own}Agt><FinInstnId><BICFI>{by.bank}</BICFI></FinInstnId></{form.own}Agt>"
        "<ChrgBr>SLEV</ChrgBr>"
    )
    if form is _CREDITS:
        return sides
    return sides + (
        f"<CdtrSchmeId><Id><PrvtId><Othr><Id>{by.company_id}</Id><SchmeNm><Prtry>SEPA</Prtry></SchmeNm>"
        "</Othr></PrvtId></Id></CdtrSchmeId>"
    )


def _payment(form: _Form, by: Originator) -> pl.Expr:
    """The element of one payment."""
    side, remitted = form.other, _text("remittance", 140)
    said = pl.when(remitted != "").then(
        pl.concat_str(pl.lit("<RmtInf><Ustrd>"), remitted, pl.lit("</Ustrd></RmtInf>"))
    ).otherwise(pl.lit(""))  # fmt: skip
    money = pl.concat_str(
        pl.lit(f'<InstdAmt Ccy="{by.currency}">'), "decimal", pl.lit("</InstdAmt>")
    )
    party = pl.concat_str(
        pl.lit(f"<{side}><Nm>"), _text("holder", 70), pl.lit(f"</Nm></{side}><{side}Acct><Id><IBAN>"),
        pl.col("account").str.replace_all(" ", ""), pl.lit(f"</IBAN></Id></{side}Acct>"),
    )  # fmt: skip
    ids = pl.concat_str(
        pl.lit(f"<{form.tag}><PmtId><InstrId>"), _text("end_to_end_id", 35), pl.lit("</InstrId><EndToEndId>"),
        _text("end_to_end_id", 35), pl.lit("</EndToEndId></PmtId>"),
    )  # fmt: skip
    bank = pl.when(pl.col("bank") != "").then(
        pl.concat_str(pl.lit("<BICFI>"), "bank", pl.lit("</BICFI>"))
    )
    if form is _CREDITS:
        agent = pl.concat_str(
            pl.lit("<CdtrAgt><FinInstnId>"), bank, pl.lit("</FinInstnId></CdtrAgt>")
        ).fill_null("")
        return pl.concat_str(ids, pl.lit("<Amt>"), money, pl.lit("</Amt>"), agent, party, said, pl.lit(f"</{form.tag}>"))  # fmt: skip
    agent = pl.concat_str(
        pl.lit("<DbtrAgt><FinInstnId>"), bank.otherwise(pl.lit("<Othr><Id>NOTPROVIDED</Id></Othr>")),
        pl.lit("</FinInstnId></DbtrAgt>"),
    )  # fmt: skip
    mandate = pl.concat_str(
        pl.lit("<DrctDbtTx><MndtRltdInf><MndtId>"), _text("mandate", 35), pl.lit("</MndtId><DtOfSgntr>"),
        pl.col("signed").dt.strftime("%Y-%m-%d"), pl.lit("</DtOfSgntr></MndtRltdInf></DrctDbtTx>"),
    ).fill_null("")  # fmt: skip
    return pl.concat_str(ids, money, mandate, agent, party, said, pl.lit(f"</{form.tag}>"))
