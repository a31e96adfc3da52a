"""What became of instructions: pain.002, for the file, each payment information and each payment.

Source: ISO 20022 message definition report, payments initiation (CustomerPaymentStatusReport).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.payments.bank_file import BankFile, problem, rows_of
from loanbook.pipelines.formats.bank.iso20022.stream import (
    child,
    children,
    code_of,
    elements,
    opened,
    text,
)
from loanbook.pipelines.formats.bank.values import minor_of

CONTAINER = "CstmrPmtStsRpt"
CHUNK = 5_000
"""Rows that are held as Python objects at most."""


def read(data: bytes) -> BankFile:
    """A status report as it is told; raises IntakeError for one that may not be read."""
    message = opened(data)
    told: dict[str, str | None] = {}
    heading: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    frames: list[pl.DataFrame] = []
    problems: list[dict[str, Any]] = []
    if message.container == CONTAINER:
        tags = ("TxInfAndSts", "OrgnlPmtInfAndSts", "OrgnlGrpInfAndSts", "GrpHdr")
        for element in elements(data, message, tags):
            name = element.tag.rpartition("}")[2]
            if name == "GrpHdr":
                told = {"id": text(element, "MsgId"), "created": text(element, "CreDtTm")}
                continue
            if name == "OrgnlGrpInfAndSts":
                heading = _original(element)
            rows.append(_status(name, element, problems))
            if len(rows) >= CHUNK:
                frames.append(rows_of("acknowledgements", rows))
                rows.clear()
    elif not message.problems:
        empty = message.container is None
        problems.append(problem(0, "empty_document" if empty else "unknown_message", message.container or ""))  # fmt: skip
    frames.append(rows_of("acknowledgements", rows))
    return BankFile(
        format="pain.002",
        version=message.schema,
        message_id=told.get("id"),
        created=told.get("created"),
        heading=heading,
        judged=message.judged,
        frames={
            "acknowledgements": pl.concat(frames).sort("line", maintain_order=True),
            "problems": rows_of("problems", [*problems, *message.problems]),
        },
    )


def _original(element: Any) -> dict[str, str]:
    """What the file that is answered said of itself."""
    names = {"message_id": "OrgnlMsgId", "message_name": "OrgnlMsgNmId",
             "nb_of_txs": "OrgnlNbOfTxs", "ctrl_sum": "OrgnlCtrlSum"}  # fmt: skip
    return {name: value for name, tag in names.items() if (value := text(element, tag))}


def _status(name: str, element: Any, problems: list[dict[str, Any]]) -> dict[str, Any]:
    """The status of the whole file, of a batch, or of a payment of one."""
    reasons = children(element, "StsRsnInf")
    codes = [code for each in reasons if (code := code_of(each, "Rsn"))]
    said = [
        more.text.strip() for each in reasons for more in children(each, "AddtlInf") if more.text
    ]
    row: dict[str, Any] = {
        "line": int(element.sourceline or 0), "reasons": " ".join(codes) or None,
        "reason": " ".join(said) or None,
    }  # fmt: skip
    if name == "OrgnlGrpInfAndSts":
        return row | {"level": "group", "batch_id": text(element, "OrgnlMsgId"), "status": text(element, "GrpSts")}  # fmt: skip
    if name == "OrgnlPmtInfAndSts":
        return row | {"level": "batch", "batch_id": text(element, "OrgnlPmtInfId"), "status": text(element, "PmtInfSts")}  # fmt: skip
    paid = child(element, "OrgnlTxRef", "Amt", "InstdAmt")
    currency = paid.get("Ccy") if paid is not None else None
    amount, why = minor_of(paid.text, currency) if paid is not None else (None, None)
    if why:
        problems.append(problem(row["line"], why, paid.text, hard=False))
    return row | {
        "level": "payment", "batch_id": text(element.getparent(), "OrgnlPmtInfId"),
        "end_to_end_id": text(element, "OrgnlEndToEndId"), "instruction_id": text(element, "OrgnlInstrId"),
        "status": text(element, "TxSts"), "amount": amount, "currency": currency,
    }  # fmt: skip
