"""What was found of an agreement's parties: identity checks, and whose the account is that is paid to.

Rows are added, none is changed; the last one counts. Providers are asked elsewhere: what they answered is recorded
here with their name, their reference and the hash of the answer. No name and no account is kept in plain text.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
import unicodedata
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import polars as pl
from rapidfuzz import fuzz

from loanbook.core.access.actor import Actor
from loanbook.core.documents.paper import Party, party
from loanbook.core.errors import LoanbookError
from loanbook.core.payments.out.accounts import of_the_rail
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.agreements import AgreementRules
from loanbook.core.policy.originators import Originator
from loanbook.core.store.agreements.keeping import SEALED, keep
from loanbook.core.store.agreements.offers import CHECK, offer
from loanbook.core.store.sending.vault import PARTICULARS, Vault
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.agreements.parties import vault_of

SCORER = f"rapidfuzz {version('rapidfuzz')} token_sort_ratio"


@dataclass(frozen=True)
class Answer:
    """What a provider answered."""

    provider: str
    reference: str
    on: dt.date
    actor: Actor
    """Who recorded it."""


def record_kyc(ledger: Ledger, offer_id: str, named: str, passed: bool, answer: Answer) -> None:
    """Record the identity check of a party, named by role or token."""
    found = offer(ledger, offer_id, answer.on)
    who = party([Party(**each) for each in json.loads(found["parties"])], named)
    row = _row(found["offer_id"], "kyc", answer) | {"passed": passed, "account": who.token}
    keep(ledger, {"party_checks": pl.DataFrame([row], schema=CHECK)})


def record_account(
    ledger: Ledger, policies: PolicyBook, offer_id: str, told: dict[str, str], answer: Answer
) -> int:
    """Record the account that an agreement is paid to, as its bank tells it, and how alike its holder and a party are.

    `told`: `bank`, `account`, `account_type`, `holder`, and the `originator` that pays. Returns the score, per cent.
    """
    found = offer(ledger, offer_id, answer.on)
    by = policies.in_force(Originator, told.get("originator", ""), answer.on)
    if by.currency != found["currency"]:
        raise LoanbookError(
            f"originator {by.name} pays {by.currency}, the loan is in {found['currency']}; take another"
        )
    particulars = _particulars(told, by)
    rules = policies.in_force(AgreementRules, "standard", answer.on)
    score, person = _nearest(ledger, json.loads(found["parties"]), particulars["holder"], answer.actor)  # fmt: skip
    vault = Vault(ledger.settings.lake, ledger.settings)
    sealed = vault.sealed(pl.DataFrame([particulars]), [person])
    row = _row(found["offer_id"], "ownership", answer) | {
        "passed": score >= rules.least_name_score, "account": sealed["token"][0], "score": score,
        "needed": rules.least_name_score, "scorer": SCORER,
        "evidence": hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest(),
    }  # fmt: skip
    row["reference"] = f"{by.name}:{answer.reference}"
    keep(ledger, {"party_checks": pl.DataFrame([row], schema=CHECK), SEALED: sealed})
    return score


def _particulars(told: dict[str, str], by: Originator) -> dict[str, str]:
    """The account as its rail has it. LoanbookError, without its number, where it has another form."""
    lacking = [name for name in ("account", "holder") if not told.get(name, "").strip()]
    strange = told.keys() - {*PARTICULARS, "originator"}
    if lacking or strange:
        raise LoanbookError(
            f"an account is told by {', '.join(PARTICULARS)} and originator; "
            + (f"{lacking[0]} is lacking" if lacking else f"{sorted(strange)[0]} is none of them")
        )
    account = {name: told.get(name, "").strip() for name in PARTICULARS}
    if by.rail == "sepa":
        account["account"] = account["account"].replace(" ", "")
    elif not account["account_type"]:
        account["account_type"] = "checking"
    fits = pl.DataFrame([{**account, "rail": by.rail}]).select(of_the_rail()).item()
    if not fits:
        raise LoanbookError(
            f"the account has not the form of the rail {by.rail}: check bank and account with the borrower"
        )
    return account


def _row(offer_id: str, what: str, answer: Answer) -> dict[str, Any]:
    return dict.fromkeys(CHECK.names()) | {
        "check_id": f"ch-{secrets.token_hex(6)}", "offer_id": offer_id, "what": what, "provider": answer.provider,
        "reference": answer.reference, "actor": answer.actor.name, "on_date": answer.on,
    }  # fmt: skip


def _nearest(
    ledger: Ledger, parties: list[dict[str, str]], holder: str, actor: Actor
) -> tuple[int, str]:
    """How alike a holder's name and that of the party who is nearest are, compared within the vault; and who that is."""
    tokens = pl.Series([party["token"] for party in parties])
    with vault_of(ledger.settings) as vault:
        scores = vault.alike(tokens, pl.Series([holder] * len(tokens)), actor, name_score)
    known = [
        (score, token) for score, token in zip(scores, tokens, strict=True) if score is not None
    ]
    if not known:
        raise LoanbookError("no name of a party is known any more: nothing can be paid to them")
    return max(known)


def name_score(one: str, other: str) -> int:
    """How alike two names are, per cent, rounded down: words in any order, without accents, case and signs."""
    return int(fuzz.token_sort_ratio(_plain(one), _plain(other)))


def _plain(name: str) -> str:
    bare = "".join(
        c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c)
    )
    return " ".join("".join(c if c.isalnum() else " " for c in bare).split())
