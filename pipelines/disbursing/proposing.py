"""A payout asked for: once under its key, as an order that another person approves, or two above the policy's amount."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from loanbook.core.access.actor import Actor
from loanbook.core.contract.money import to_major
from loanbook.core.errors import LedgerConflictError
from loanbook.core.store.agreements.offers import offer
from loanbook.core.store.agreements.payouts import TAKEN_BACK, add_payout, payouts
from loanbook.core.store.people import queue
from loanbook.core.store.queries import Queries
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.approvals.approving import approved, proposed
from loanbook.pipelines.approvals.desk import Desk
from loanbook.pipelines.disbursing.gating import NOW, PayoutRefusedError, must_pass, refused_now

SOURCE = "disbursement"
"""What brings the order into the queue."""


@dataclass(frozen=True)
class Asked:
    """A payout that somebody asks for."""

    offer: str
    """Id of the offer, or its loan's key."""
    on: dt.date
    amount: int | None = None
    """Minor units; None: all that was agreed."""
    key: str = ""
    """Idempotency key; empty: the loan's key and the number of the try."""


def propose(desk: Desk, ledger: Ledger, maker: Actor, asked: Asked) -> tuple[str, str]:
    """Ask for a payout; its key and the id of its order, which waits for approval.

    The same key and content again: the same order, nothing more. LedgerConflictError: the key is another payout's.
    PayoutRefusedError names every gate that holds it back. What was killed between order and record is asked again.
    """
    found = offer(ledger, asked.offer, NOW)
    amount = found["amount"] if asked.amount is None else asked.amount
    key = asked.key or _next_key(ledger, found["offer_id"], found["loan_key"])
    known = payouts(ledger, "p.key = $key", {"key": key})
    if known.height:
        row = known.row(0, named=True)
        same = (row["loan_key"], row["amount"], row["value_date"]) == (
            found["loan_key"],
            amount,
            asked.on,
        )
        if not same:
            raise LedgerConflictError(
                f"under the key {key!r} {to_major(row['amount'], row['currency'])} {row['currency']} of loan "
                f"{row['loan_key']} on {row['value_date']} were asked for: the same key is the same payout; take another"
            )
        return key, str(row["order_id"])
    passed = must_pass(ledger, desk.policies, found, amount, asked.on)
    wanted = {
        "command": "pay_out", "loan_key": found["loan_key"], "value_date": asked.on.isoformat(),
        "amount": to_major(amount, found["currency"]), "reason": "agreement",
    }  # fmt: skip
    id_ = f"d-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    proposed(desk, maker, wanted, f"{found['offer_id']}, {key}", id=id_, source=SOURCE)
    if queue.order(desk.people, id_).proposal.fields != wanted:
        raise LedgerConflictError(
            f"an order waits under the key {key!r} with another content; take another key"
        )
    row = {
        "key": key, "offer_id": found["offer_id"], "loan_key": found["loan_key"], "order_id": id_,
        "account": passed["account"], "originator": passed["originator"], "amount": amount,
        "currency": found["currency"], "value_date": asked.on, "maker": maker.name,
    }  # fmt: skip
    body = json.dumps({k: str(v) for k, v in row.items() if k != "maker"}, sort_keys=True)
    add_payout(ledger, row | {"body_hash": hashlib.sha256(body.encode()).hexdigest()})
    return key, id_


def _next_key(ledger: Ledger, offer_id: str, loan_key: str) -> str:
    """The key of a loan's payout: of the one that lives, else of the next try."""
    before = payouts(ledger, "p.offer_id = $offer", {"offer": offer_id})
    living = before.filter(~pl.col("state").is_in(TAKEN_BACK))
    return str(living["key"][-1]) if living.height else f"{loan_key}/{before.height + 1}"


def approve(
    desk: Desk, ledger: Ledger, checker: Actor, key: str, reason: str
) -> tuple[str, queue.Order]:
    """Approve a payout (its own key, its loan's or its offer's), after every gate was asked again: its key, and the order."""
    row = asked_under(ledger, key)
    held = refused_now(ledger, desk.policies, [row["key"]])
    if held.height:
        raise PayoutRefusedError(f"loan {row['loan_key']} is not paid out: {held['gate'][0]}")
    return row["key"], approved(desk, checker, row["order_id"], reason)


def asked_under(ledger: Queries, key: str) -> dict[str, Any]:
    """The payout of a key: its own, else the one of a loan or an offer that was not taken back, the last of them."""
    rows = payouts(ledger, "p.key = $key OR p.loan_key = $key OR p.offer_id = $key", {"key": key})
    if rows.is_empty():
        raise LedgerConflictError(
            f"no payout was asked for under the key {key!r}; see `loanbook disburse list`"
        )
    own = rows.filter(pl.col("key") == key)
    lives = rows.filter(~pl.col("state").is_in(TAKEN_BACK))
    return next(each for each in (own, lives, rows) if each.height).row(-1, named=True)
