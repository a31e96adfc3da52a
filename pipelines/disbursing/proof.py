"""Proof of disbursement: what went out, by which file and reference, who asked and approved, and what it rests on."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.documents.kinds import PROOF
from loanbook.core.documents.wording import money
from loanbook.core.errors import LoanbookError
from loanbook.core.store.agreements.documents import agreements_of, documents_of, keep_documents
from loanbook.core.store.agreements.payouts import payouts
from loanbook.core.store.people import queue
from loanbook.core.store.people.database import People
from loanbook.core.store.sending.instructions import opened_accounts
from loanbook.core.store.sending.vault import Vault
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.disbursing.proposing import asked_under
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.making import Draft, documents
from loanbook.pipelines.documents.rendering import Page


def prove(ledger: Ledger, people: People, key: str, to: Path) -> list[Path]:
    """Write the proof of a payout that went out as PDF and JSON, and keep the PDF; their paths. The same bytes each time.

    LoanbookError: it did not go out, or came back.
    """
    key = asked_under(ledger, key)["key"]
    found = payouts(ledger, "p.key = $key", {"key": key})
    state = found["state"][0] if found.height else "not asked for"
    if state != "handed over":
        raise LoanbookError(
            f"the payout {key!r} stands at {state!r}: only what was handed over to the bank, and stands, has a proof"
        )
    told = _told(ledger, people, found.row(0, named=True))
    text = json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    page = _page(told, digest, found["value_date"][0])
    pdf = _kept(ledger, found.row(0, named=True), text, page)
    to.mkdir(parents=True, exist_ok=True)
    name = f"disbursement_{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    paths = [to / f"{name}.pdf", to / f"{name}.json"]
    paths[0].write_bytes(pdf)
    paths[1].write_text(text, encoding="utf-8")
    return paths


def _told(ledger: Ledger, people: People, row: dict[str, Any]) -> dict[str, Any]:
    order = queue.order(people, row["order_id"])
    copies = agreements_of(ledger, [row["offer_id"]])
    signed = copies.row(-1, named=True)  # the copy that was signed last, with which all had signed
    account = opened_accounts(
        ledger, Vault(ledger.settings.lake, ledger.settings), pl.Series([row["account"]])
    )["account"][0]
    if account is None:
        raise LoanbookError("the person who was paid is forgotten, and the account with them: no proof names it any more")  # fmt: skip
    booked = ledger.frame(
        "SELECT v.version, a.entries, a.hash FROM {lake}.versions v LEFT JOIN {lake}.audit_anchors a ON a.version = v.version "
        "WHERE v.business_date = ? AND v.version IN (SELECT version FROM {lake}.publications WHERE state = 'published') "
        "ORDER BY v.version LIMIT 1", [row["booking_date"]],
    ).to_dicts()  # fmt: skip
    return {
        "loan": row["loan_key"], "lender": json.loads(signed["fields"])["lender"],
        "offer": row["offer_id"], "key": row["key"], "amount_minor": row["amount"], "currency": row["currency"],
        "value_date": str(row["value_date"]), "account": f"•••• {account[-4:]}", "instruction": row["instruction"],
        "trace": row["trace"], "end_to_end_id": row["end_to_end_id"], "settles_on": str(row["effective"]),
        "file": row["file"], "file_sha256": row["file_sha256"], "handed_over_at": _utc(row["handed_over_at"]),
        "acknowledged": row["acknowledged"], "proposed_by": order.maker, "proposed_at": _utc(order.proposed_at),
        "decisions": [list(each) for each in order.decisions], "policy": order.policy,
        "agreement_sha256": signed["sha256"], "signed_sha256": signed["signed_sha256"],
        "signed_by": ", ".join(copies["signed_by"].drop_nulls()), "signed_at": _utc(signed["signed_at"]),
        "certificate_sha256": signed["certificate_sha256"], "event": row["idempotency_key"],
        "version": booked[0]["version"] if booked else None,
        "trail_entries": booked[0]["entries"] if booked else None, "trail_hash": booked[0]["hash"] if booked else None,
    }  # fmt: skip


def _utc(at: dt.datetime | None) -> str | None:
    return None if at is None else f"{at.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _page(of: dict[str, Any], digest: str, on: dt.date) -> Page:
    def rows(*names: str) -> list[list[str]]:
        return [
            [name.replace("_", " "), str(of[name]) if of[name] not in (None, "") else "none"]
            for name in names
        ]

    amount = f"{money(of['amount_minor'], of['currency'])} {of['currency']}"
    decided = [
        [f"{verdict} by", f"{actor}{f' ({reason})' if reason else ''}"]
        for actor, verdict, reason in of["decisions"]
    ]
    data = {
        "title": "Proof of disbursement", "lender": of["lender"], "loan": of["loan"],
        "sections": [
            ["Payout", [["amount", amount], *rows("value_date", "settles_on", "account", "key")]],
            ["Reference at the bank", rows("instruction", "trace", "end_to_end_id", "file", "file_sha256", "handed_over_at", "acknowledged")],
            ["People", [*rows("proposed_by", "proposed_at"), *decided, *rows("policy")]],
            ["What it rests on", rows("offer", "agreement_sha256", "signed_sha256", "signed_by", "signed_at", "certificate_sha256",
                                      "event", "version", "trail_entries", "trail_hash")],
        ],
        "proof": f"SHA-256 of the same as JSON: {digest}",
    }  # fmt: skip
    return Page(PROOF.name, data, on)


def _kept(ledger: Ledger, of: dict[str, Any], text: str, page: Page) -> bytes:
    """The proof's PDF, kept among the documents once."""
    store = DocumentStore(ledger.settings)
    before = documents_of(ledger, of["offer_id"]).filter(pl.col("kind") == PROOF.name)
    known = before.select("application_id", "kind", pl.col("number")).tail(1)
    draft = Draft(PROOF.name, text, page, of["offer_id"], of["offer_id"], of["loan_key"])
    proof = documents(store, [draft], known)
    keep_documents(ledger, proof)
    return store.get(proof["sha256"][0])
