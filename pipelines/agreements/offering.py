"""Offers: made of a product, terms and a decision, with their documents; accepted, signed, withdrawn."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from loanbook.core.access.actor import Actor
from loanbook.core.documents.offers import OfferError
from loanbook.core.documents.paper import BORROWERS, GUARANTOR, Paper, Party, party, signers
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.agreements.documents import SIGNATURE, agreements_of, signed_by
from loanbook.core.store.agreements.offers import (
    add_offers,
    are_new,
    keep_signature,
    offer,
    take_step,
)
from loanbook.core.store.queries import Queries
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.agreements.cases import must_be_decided
from loanbook.pipelines.agreements.papers import Head, papers
from loanbook.pipelines.agreements.parties import bound, is_token, keep_address, must_be_the_same
from loanbook.pipelines.agreements.quoting import read_terms
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.making import made
from loanbook.pipelines.documents.signing import ESign, LocalESign, Signer, signature_fault

BORROWER = "borrower"
_RESTS = ["loan_key", "application_id", "decision_id", "product", "borrowers", "guarantors"]
"""What an offer rests on."""
_BODY = ["offer_id", "loan_key", "body_hash"]


@dataclass(frozen=True)
class Wanted:
    """What is to be offered: a product on terms, by a decision, to persons."""

    product: str
    fields: dict[str, str]
    """Terms by their field (`loanbook.pipelines.agreements.quoting.FIELDS`)."""
    parties: tuple[tuple[str, str], ...]
    """Role, and name or token of a person of the vault."""
    application_id: str = ""
    decision_id: str = ""
    loan_key: str = ""
    """Key that the loan is to have; empty: one is made."""
    digest: str = field(init=False)
    """By which an offer of the same content is the same; of no name."""

    def __post_init__(self) -> None:
        parties = [(role, who if is_token(who) else "") for role, who in self.parties]
        told = [self.product, self.fields, parties, self.application_id, self.decision_id, self.loan_key]  # fmt: skip
        object.__setattr__(
            self, "digest", hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        )

    @property
    def offer_id(self) -> str:
        """The offer's id: the same for the same content."""
        return f"of-{self.digest[:12]}"

    @property
    def key(self) -> str:
        """The loan's key."""
        return self.loan_key or f"L-{self.digest[:12]}"


def make_offers(
    ledger: Ledger, policies: PolicyBook, wanted: Sequence[Wanted], on: dt.date, maker: Actor
) -> list[str]:
    """Make offers with their documents, on a date; ids of those that are new. What is offered already is left as it is.

    LoanbookError names the rule by which boarding would refuse one: then none is made.
    """
    known = dict(ledger.frame("SELECT offer_id, parties FROM {lake}.offers WHERE offer_id IN (SELECT unnest(?))",
                              [[each.offer_id for each in wanted]]).rows())  # fmt: skip
    must_be_the_same(ledger.settings, [
        (each.offer_id, kept["token"], who) for each in wanted if each.offer_id in known
        for kept, (_, who) in zip(json.loads(known[each.offer_id]), each.parties, strict=True) if not is_token(who)
    ], maker)  # fmt: skip
    new = [each for each in wanted if each.offer_id not in known]
    if not new:
        return []
    _must_have_parties(new)
    loans = _terms(policies, new)
    _must_be_decided(ledger, new, loans)
    bodies = pl.DataFrame([(each.offer_id, each.key, each.digest) for each in new], schema=_BODY, orient="row")  # fmt: skip
    are_new(ledger, bodies)  # before anybody is put in the vault
    parties = bound(ledger.settings, {each.offer_id: each.parties for each in new}, maker)
    heads = {
        each.key: Head(each.offer_id, each.application_id, each.decision_id, each.key, parties[each.offer_id], on)
        for each in new
    }  # fmt: skip
    made_of = papers(loans, policies, heads, ledger.settings)
    documents = made(ledger, DocumentStore(ledger.settings), made_of)
    by_key = {each.key: each for each in new}
    rows = pl.DataFrame([_row(paper, by_key[paper.loan_key], maker.name) for paper in made_of])
    add_offers(ledger, {"offers": rows, "documents": documents})
    return [each.offer_id for each in new]


def _must_be_decided(ledger: Ledger, new: Sequence[Wanted], loans: pl.DataFrame) -> None:
    def bound_as(of: Wanted, *roles: str) -> int:
        return sum(role in roles for role, _ in of.parties)

    told = [
        (each.key, each.application_id, each.decision_id, each.product, bound_as(each, *BORROWERS), bound_as(each, GUARANTOR))
        for each in new
    ]  # fmt: skip
    rests = pl.DataFrame(told, schema=_RESTS, orient="row")
    terms = loans.select("loan_key", "principal_agreed", "rate_ppb", "instalments")
    must_be_decided(ledger, rests.join(terms, on="loan_key"))


def _must_have_parties(wanted: Sequence[Wanted]) -> None:
    for each in wanted:
        if not any(role == BORROWER and name.strip() for role, name in each.parties):
            raise LoanbookError(f"offer {each.offer_id}: nobody is the borrower; name one")
    keys = [each.key for each in wanted]
    twice = [key for key in keys if keys.count(key) > 1] if len(set(keys)) < len(keys) else []
    if twice:
        raise LoanbookError(
            f"loan {twice[0]} is offered twice; give each offer a loan key of its own"
        )


def _terms(policies: PolicyBook, wanted: Sequence[Wanted]) -> pl.DataFrame:
    """Terms of what is offered (schema `Terms`, `loan_key`), as tapes of their days would board them."""
    parts: list[pl.DataFrame] = []
    by_day: dict[str, list[Wanted]] = {}
    for each in wanted:
        by_day.setdefault(each.fields.get("disbursed_on", ""), []).append(each)
    for day, of_day in by_day.items():
        rows = [{**each.fields, "loan_key": each.key, "product": each.product} for each in of_day]
        try:
            on = dt.date.fromisoformat(day)
        except ValueError:
            raise LoanbookError(
                f"disbursed_on={day!r} is no date; write it like 2024-01-31"
            ) from None
        loans, bad = read_terms(policies, rows, on)
        if bad:
            raise LoanbookError(
                f"loan {of_day[bad[0]['line'] - 2].key} would not be boarded: {bad[0]['rule']} ({bad[0]['found']}); "
                "offer other terms: the product's bounds and ceilings stand in its file"
            )
        parts.append(loans)
    return pl.concat(parts).with_columns(loan_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))


def _row(paper: Paper, of: Wanted, maker: str) -> dict[str, object]:
    return {
        "offer_id": paper.offer_id, "application_id": paper.application_id, "decision_id": paper.decision_id,
        "loan_key": paper.loan_key, "product": paper.product, "entity": paper.lender, "currency": paper.currency,
        "jurisdiction": paper.jurisdiction, "disclosure": paper.disclosure,
        "fields": json.dumps({**of.fields, "product": of.product}, sort_keys=True),
        "parties": json.dumps([party.model_dump() for party in paper.parties], ensure_ascii=False),
        "amount": paper.figures.lent, "made_on": paper.made_on, "expires_on": paper.expires_on,
        "cooling_off_days": paper.cooling_off_days, "body_hash": of.digest, "maker": maker,
    }  # fmt: skip


def read_wanted(path: Path) -> list[Wanted]:
    """Offers to make of a file: a JSON object a line with `product`, `terms`, `parties` (role, and name or person), and what names it."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            terms = {name: str(value) for name, value in told["terms"].items()}
            parties = tuple(
                (each["role"], each.get("person") or each["name"]) for each in told["parties"]
            )
            names = {
                name: str(told.get(name, ""))
                for name in ("application_id", "decision_id", "loan_key")
            }
            found.append(Wanted(str(told["product"]), terms, parties, **names))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LoanbookError(
                f"{path}, line {number}: no offer can be read there ({type(error).__name__}: {str(error)[:60]}); write "
                '{"product": …, "terms": {…}, "parties": [{"role": "borrower", "name": …}], "decision_id": …}'
            ) from None
    return found


def accept(ledger: Queries, id_: str, on: dt.date, actor: str) -> None:
    """The borrower accepts an offer that stands. OfferError: it does not."""
    _step(ledger, id_, "accepted", on, actor)


def decline(ledger: Queries, id_: str, on: dt.date, actor: str, reason: str) -> None:
    """The borrower, or the lender, declines an offer that is not signed."""
    _step(ledger, id_, "declined", on, actor, reason)


def _step(ledger: Queries, id_: str, step: str, on: dt.date, actor: str, detail: str = "") -> None:
    found = offer(ledger, id_, on)
    row = {
        "offer_id": found["offer_id"],
        "step": step,
        "on_date": on,
        "actor": actor,
        "detail": detail,
    }
    take_step(ledger, row)


def sign(
    ledger: Ledger, id_: str, signer: tuple[str, str], at: dt.datetime, actor: Actor, provider: ESign | None = None
) -> str:  # fmt: skip
    """Have the agreement of an accepted offer signed by a party (`signer`: role or token, address); the signed file's hash.

    What comes back must be the document as it was shown, with one signature more that covers all of it: else
    nothing is kept. Each borrower and guarantor signs a copy of it; with the last the offer is signed.
    """
    found = offer(ledger, id_, at.date())
    if found["state"] != "accepted":
        raise OfferError(
            f"offer {found['offer_id']} is {found['state']}: only what is accepted, and stands, is signed"
        )
    parties = [Party(**each) for each in json.loads(found["parties"])]
    who = party(parties, signer[0])
    store = DocumentStore(ledger.settings)
    agreement = agreements_of(ledger, [found["offer_id"]])
    left = [
        each.token
        for each in signers(parties)
        if each.token not in signed_by(ledger, found["offer_id"])
    ]
    if who.token not in left:
        raise OfferError(
            f"offer {found['offer_id']}: {who.role} {who.token[:12]} "
            f"{'signed already' if who in signers(parties) else 'is no borrower and no guarantor, and does not sign'}"
        )
    shown = store.get(agreement["sha256"][0])
    signed = (provider or LocalESign(ledger.settings)).sign(shown, Signer(who.token, who.mask), at)
    fault = signature_fault(signed.data, signed.certificate_pem)
    if fault or not signed.data.startswith(shown):
        raise OfferError(
            f"offer {found['offer_id']}: what {signed.provider} gave back ({signed.reference}) "
            f"{fault or 'is not the document that was shown'}: nothing is kept; have it signed anew"
        )
    keep_address(ledger.settings, who.token, signer[1], actor)
    row = {
        "sha256": agreement["sha256"][0], "signed_sha256": store.put(signed.data), "offer_id": found["offer_id"],
        "signer": who.token, "mask": who.mask, "provider": signed.provider, "reference": signed.reference,
        "code": signed.code, "latency_ms": signed.latency_ms,
        "signed_at": at.astimezone(dt.UTC).replace(tzinfo=None), "certificate": signed.certificate_pem,
        "certificate_sha256": hashlib.sha256(signed.certificate).hexdigest(),
    }  # fmt: skip
    kept = {"signatures": pl.DataFrame([row], schema=SIGNATURE)}
    if left != [who.token]:
        keep_signature(ledger, found["offer_id"], at.date(), kept)
        return str(row["signed_sha256"])
    step = {
        "offer_id": found["offer_id"],
        "step": "signed",
        "on_date": at.date(),
        "actor": actor.name,
        "detail": row["signed_sha256"],
    }
    take_step(ledger, step, kept)
    return str(row["signed_sha256"])
