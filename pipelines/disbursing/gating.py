"""What holds payouts of agreements back, by what the ledger knows of them now."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import polars as pl

from loanbook.core.documents.kinds import AGREEMENT
from loanbook.core.documents.payouts import FACTS, GATES, gates
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.agreements import AgreementRules
from loanbook.core.store.agreements.offers import checks, identity_result, offer
from loanbook.core.store.agreements.payouts import payouts, payouts_of_day
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.agreements.offering import BORROWER
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.verifying import verified

LIVES = ("waits", "booked", "instructed", "handed over")
"""States of a payout that is on its way or was made."""


NOW = dt.date.max
"""An agreement counts as it stands, whatever day is paid for: with every step that was taken of it."""


class PayoutRefusedError(LoanbookError):
    """A payout that a gate holds back; the message names each."""


def facts(
    ledger: Ledger, policies: PolicyBook, found: dict[str, Any], amount: int, on: dt.date, own: str = ""
) -> dict[str, Any]:  # fmt: skip
    """What the gates ask of a payout (`FACTS`) of an offer. `own`: its key, where it was asked for already."""
    rules = policies.in_force(AgreementRules, "standard", on)
    told = checks(ledger, found["offer_id"])
    owned = told.filter(pl.col("what") == "ownership").tail(1)
    rivals = payouts(
        ledger, "p.offer_id = $offer AND p.key <> $own", {"offer": found["offer_id"], "own": own}
    )
    return {
        "loan_key": found["loan_key"], "state": found["state"], "verified": _verified(ledger, found["offer_id"]),
        "kyc": _passed(ledger, told, found),
        "account": owned["account"].first(), "score": owned["score"].first(), "needed": rules.least_name_score,
        "boarded": found["loan_id"] is not None, "paid_out": rivals["state"].is_in(LIVES).any(),
        "amount": amount, "agreed": found["amount"],
        "of_the_day": payouts_of_day(ledger, on, found["currency"], found["loan_key"]),
        "limit": rules.most_a_day.get(found["currency"]),
    }  # fmt: skip


def _verified(ledger: Ledger, offer_id: str) -> bool:
    """Whether the signed agreement is what was kept, and its signature holds."""
    seen = verified(ledger, DocumentStore(ledger.settings), offer_id).filter(
        pl.col("kind") == AGREEMENT.name
    )
    return "signed" in seen["file"] and bool((seen["verdict"] == "OK").all())


def _passed(ledger: Ledger, told: pl.DataFrame, found: dict[str, Any]) -> bool:
    """Whether the last identity check of each party passed; of a borrower of whom none was recorded here, what the
    application's own file of checks said last."""
    last = told.filter(pl.col("what") == "kyc").unique("account", keep="last")
    parties = json.loads(found["parties"])
    passed = set(last.filter("passed")["account"])
    if identity_result(ledger, found["application_id"]) == "passed":
        passed |= {each["token"] for each in parties if each["role"] == BORROWER} - set(
            last["account"]
        )
    return {each["token"] for each in parties} <= passed


def held_back(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """`loan_key`, `gate` of payouts (rows of `FACTS`) that gates hold back."""
    return gates(pl.DataFrame(rows, schema=FACTS))


def must_pass(
    ledger: Ledger, policies: PolicyBook, id_: str, amount: int, on: dt.date
) -> dict[str, Any]:
    """The offer of a payout that nothing holds back, with the `account` to pay to. PayoutRefusedError names each gate."""
    found = offer(ledger, id_, NOW)
    known = facts(ledger, policies, found, amount, on)
    held = held_back([known])["gate"].to_list()
    if held:
        told = "; ".join(f"{gate}: {GATES[gate]}" for gate in held)
        raise PayoutRefusedError(f"loan {found['loan_key']} is not paid out: {told}")
    return found | {
        "account": known["account"],
        "originator": _originator(ledger, found["offer_id"]),
    }


def _originator(ledger: Ledger, offer_id: str) -> str:
    """Who pays to the account that was confirmed last."""
    owned = checks(ledger, offer_id).filter(pl.col("what") == "ownership").tail(1)
    return str(owned["reference"][0]).partition(":")[0]


def refused_now(ledger: Ledger, policies: PolicyBook, keys: list[str]) -> pl.DataFrame:
    """`disbursement`, `gate`: payouts that were asked for and that a gate holds back now, by its first gate."""
    schema = {"disbursement": pl.String, "gate": pl.String}
    asked = payouts(ledger, "p.key IN (SELECT unnest($keys))", {"keys": keys})
    rows = []
    for row in asked.to_dicts():
        found = offer(ledger, row["offer_id"], NOW)
        known = facts(ledger, policies, found, row["amount"], row["value_date"], row["key"])
        if known["account"] != row["account"]:  # another account was named since
            known |= {"score": None}
        held = held_back([known])["gate"]
        if held.len():
            rows.append((row["key"], held[0]))
    return pl.DataFrame(rows, schema=schema, orient="row")
