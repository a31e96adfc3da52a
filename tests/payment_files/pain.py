"""Instructions of ISO 20022 and what became of them beside their expectations."""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.payments.bank_file import BankFile
from loanbook.pipelines.formats.bank.values import minor_of
from tests.payment_files.camt import judged
from tests.payment_files.comparing import Comparison


def compare(expected: dict[str, Any], file: BankFile, to: Comparison) -> None:
    """Credit transfers and direct debits."""
    problems = judged(expected, file, to)
    to.exactly("message", expected.get("message_id"), file.message_id)
    to.exactly("created", expected.get("created"), file.created)
    to.exactly(
        "initiating party", expected.get("initiating_party"), file.heading.get("initiating_party")
    )
    number = expected.get("stated_nb_of_txs")
    to.exactly(
        "stated payments", None if number is None else str(number), file.heading.get("nb_of_txs")
    )
    to.exactly("stated sum", expected.get("stated_ctrl_sum"), file.heading.get("ctrl_sum"))
    batches = file.frame("batches").to_dicts()
    to.exactly("payment informations", expected.get("n_payment_infos", 0), len(batches))
    to.exactly("payments", expected.get("n_transactions", 0), file.entries.height)
    to.exactly("sums", _told(expected.get("sums_minor", {})), _sums(file.entries))
    for theirs, ours in zip(expected.get("payment_infos", []), batches, strict=False):
        _batch(theirs, ours, file, to)
    to.problems(problems, file)  # fmt: skip


def _told(sums: dict[str, int | None]) -> dict[str, int]:
    return {currency: minor for currency, minor in sums.items() if minor is not None}


def _sums(entries: pl.DataFrame) -> dict[str, int]:
    return dict(
        entries.drop_nulls("amount").group_by("currency").agg(pl.col("amount").sum()).rows()
    )


def _batch(expected: dict[str, Any], ours: dict[str, Any], file: BankFile, to: Comparison) -> None:
    place = f"payment information {ours['batch']}"
    names = {
        "id": "number", "method": "entry_class", "date": "date_text", "sequence_type": "sequence_type",
        "local_instrument": "local_instrument", "service_level": "service_class", "transactions": "entries",
    }  # fmt: skip
    for theirs, name in names.items():
        to.same(f"{place} {theirs}", expected[theirs], ours[name])
    iban = expected["debtor_iban"] if file.format == "pain.001" else expected["creditor_iban"]
    to.same(f"{place} account", iban, ours["account"])
    entries = file.entries.filter(pl.col("batch") == ours["batch"])
    to.exactly(f"{place} sums", _told(expected["sums_minor"]), _sums(entries))
    mandates = file.frame("mandates").filter(pl.col("batch") == ours["batch"]).to_dicts()
    told = [
        (m["mandate_id"], m["signed"], m["amended"], m["end_to_end_id"])
        for m in expected.get("mandates", [])
    ]
    mine = [
        (m["mandate"], m["signed"] and str(m["signed"]), m["amended"], m["end_to_end_id"])
        for m in mandates
    ]
    if "mandates" in expected:
        to.exactly(f"{place} mandates", told, mine)  # fmt: skip


def compare_status(expected: dict[str, Any], file: BankFile, to: Comparison) -> None:
    """Status reports."""
    problems = judged(expected, file, to)
    to.exactly("message", expected.get("message_id"), file.message_id)
    to.exactly("created", expected.get("created"), file.created)
    original = {k: v for k, v in (expected.get("original") or {}).items() if v is not None}
    to.exactly("original", original, file.heading)
    rows = file.frame("acknowledgements")
    group = rows.filter(pl.col("level") == "group").to_dicts()
    to.exactly("group status", expected.get("group_status"), group[0]["status"] if group else None)
    to.exactly(
        "group reasons",
        _codes(expected.get("group_reasons")),
        group[0]["reasons"] if group else None,
    )
    batches = rows.filter(pl.col("level") == "batch").to_dicts()
    payments = rows.filter(pl.col("level") == "payment")
    told = expected.get("payment_infos", [])
    to.exactly("payments", expected.get("n_transactions", 0), payments.height)
    to.exactly(
        "payment informations",
        [(b["id"], b["status"], _codes(b["reasons"])) for b in told],
        [(b["batch_id"], b["status"], b["reasons"]) for b in batches],
    )
    for theirs in told:
        mine = payments.filter(pl.col("batch_id") == theirs["id"]).to_dicts()
        to.exactly(
            f"payments of {theirs['id']}",
            [
                (t["instr_id"], t["end_to_end_id"], t["status"], _codes(t["reasons"]))
                for t in theirs["transactions"]
            ],
            [(t["instruction_id"], t["end_to_end_id"], t["status"], t["reasons"]) for t in mine],
        )
        for one, ours in zip(theirs["transactions"], mine, strict=False):
            to.same(
                "amount",
                one["amount"] and minor_of(one["amount"], ours["currency"])[0],
                ours["amount"],
            )
    to.problems(problems, file)  # fmt: skip


def _codes(reasons: list[dict[str, Any]] | None) -> str | None:
    return " ".join(each["code"] for each in reasons or [] if each["code"]) or None
