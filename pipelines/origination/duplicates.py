"""Records of the vault that may be of one person: found with their weight, shown, merged by order of two people, undone alike.

Nothing is edited: what people say of a pair is added, and reads follow it: own history, facts, linked persons and screening.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.access.approving import PendingOrder, is_another
from loanbook.core.access.deciding import Access, Verdict
from loanbook.core.errors import LoanbookError
from loanbook.core.frames import hashes
from loanbook.core.origination.duplicates import comparable
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.duplicates import DuplicateRules
from loanbook.core.store.agreements.keeping import keep
from loanbook.core.store.origination.linking import method, pairs_of
from loanbook.core.store.origination.merges import (
    FOUND,
    SAID,
    found_as,
    looked_at,
    new_pairs,
    pairs_now,
    said_of_pairs,
)
from loanbook.core.store.origination.screening import editions
from loanbook.core.store.people import queue
from loanbook.core.store.people.acting import acting, denied, has_people
from loanbook.core.store.people.audit import Record, log
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.vault.vault import Vault
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.origination.screening import (
    rules_in_force as screening_rules,
)
from loanbook.pipelines.origination.screening import (
    tell_applicants,
    with_applicants,
)
from loanbook.pipelines.origination.underwriting import Office

MERGE, PART = "merge_persons", "part_persons"
"""What the queue calls an order that merges two records, and one that undoes it."""
ORDERS: Mapping[str, str] = {MERGE: "merged", PART: "parted"}
"""What an order makes of a pair."""
APART = "apart"
ACTION = "person.merge"
SOURCE = "duplicates"


class DuplicatesError(LoanbookError):
    """A pair on which nothing of the kind can be said."""


@dataclass(frozen=True)
class Looked:
    """What a look for duplicates did."""

    persons: int
    pairs: int
    """Pairs that weigh enough."""
    fresh: int
    """Those that were not known before."""


def rules_in_force(policies: PolicyBook, on: dt.date) -> DuplicateRules:
    """The rules of duplicates on a date. PolicyError: there are none."""
    return policies.in_force(DuplicateRules, "standard", on)


def rules_if_any(policies: PolicyBook, on: dt.date) -> DuplicateRules | None:
    """As `rules_in_force`; None: there are none, and nobody is looked for."""
    return policies.all_in_force(DuplicateRules, on).get("standard")


def look(ledger: Ledger, policies: PolicyBook, people: People, actor: Actor) -> Looked:
    """Compare all persons of the vault, if one is new or changed since the last look or the rules did, and keep pairs that are
    new. Takes `personal.read`."""
    _, last = ledger.landed_dates()
    on = last or people.clock().date()
    rules = rules_in_force(policies, on)
    vault = Vault(people)
    everyone = vault.everyone(actor).sort("person")
    records = hashes(pl.Series(["|".join(f"{p}@{r}" for p, _, r in everyone.rows())]))[0]
    if looked_at(ledger) == (records, rules.digest, method()):
        return Looked(0, 0, 0)
    found = vault.within(
        everyone["person"], actor, lambda of: pairs_of(comparable(of), rules)
    )  # fmt: skip
    pairs = _kept(found, with_applicants(ledger, everyone), rules, on)
    fresh = new_pairs(ledger, pairs)
    seen = pl.DataFrame([{"persons": everyone.height, "records_hash": records, "rules_hash": rules.digest, "method": method(),
                          "pairs": pairs.height, "on_date": on}])  # fmt: skip
    keep(ledger, {"duplicate_pairs": fresh, "duplicate_looks": seen})
    return Looked(everyone.height, pairs.height, fresh.height)


def look_if_persons(ledger: Ledger, policies: PolicyBook) -> Looked:
    """As `look`, as who acts; nothing where no vault is, or no policy of duplicates."""
    _, last = ledger.landed_dates()
    if not has_people(ledger.settings) or rules_if_any(policies, last or dt.date.max) is None:
        return Looked(0, 0, 0)
    people = open_people(ledger.settings)
    try:
        return look(ledger, policies, people, acting(ledger.settings, people))
    finally:
        people.close()


def _kept(
    found: pl.DataFrame, everyone: pl.DataFrame, rules: DuplicateRules, on: dt.date
) -> pl.DataFrame:
    """Pairs as they are kept (`FOUND`)."""
    of = everyone.select("person", "applicant", "revision")
    both = found.join(of, on="person").join(
        of.select(other="person", other_applicant="applicant", other_revision="revision"), on="other"
    )  # fmt: skip
    text = pl.concat_str(
        "person", "other", pl.col("revision").cast(pl.String), pl.col("other_revision").cast(pl.String),
        pl.lit(rules.digest), separator="|",
    )  # fmt: skip
    ids = hashes(both.select(text).to_series()).str.head(16)
    return both.with_columns(
        pair_id="d" + ids, method=pl.lit(method()), rules_hash=pl.lit(rules.digest), on_date=pl.lit(on),
    ).select(FOUND.names()).cast(FOUND)  # fmt: skip


def pair(ledger: Ledger, pair_id: str) -> dict[str, Any]:
    """A pair that was found, with what was said of it (`loanbook.core.store.origination.merges.pairs_now`). DuplicatesError."""
    rows = pairs_now(ledger).filter(pl.col("pair_id") == pair_id)
    if rows.is_empty():
        raise DuplicatesError(
            f"no pair has the id {pair_id!r}, or a person of it changed since: `loanbook duplicates list` has them"
        )
    return rows.row(0, named=True)


def evidence_of(text: str) -> pl.DataFrame:
    """`field`, `found` (same, alike, other), `bits` of a pair's evidence, what speaks for it most first, the odds of any two last."""
    rows = [each.split(" ") for each in text.split(";")]
    found = [(words[0], words[1] if len(words) > 2 else "", float(words[-1])) for words in rows]
    schema = {"field": pl.String, "found": pl.String, "bits": pl.Float64}
    frame = pl.DataFrame(found, schema=schema, orient="row")
    return frame.sort(pl.col("field") == "before", -pl.col("bits"))


def order(
    office: Office, actor: Actor, verb: str, pair_id: str, reason: str, note: str = ""
) -> queue.Order:
    """Order that two records are merged (`MERGE`), or that it is undone (`PART`); it waits for others. The same again is the
    same order. AccessError, DuplicatesError: both stand in the trail."""
    try:
        found = _judged(office, actor, verb, pair_id, reason)
    except LoanbookError as error:
        denied(office.people, actor, str(error), f"{verb} {pair_id}")
        raise
    rules = rules_in_force(office.policies, office.today)
    fields = {"pair": pair_id, "person": found["person"], "other": found["other"], "weight": f"{found['weight'] / 100:.2f}",
              "evidence": found["evidence"], "note": note[:500]}  # fmt: skip
    id_ = _order_id(office, verb, pair_id)
    wanted = queue.Proposal(verb, pair_id, office.today, fields, None, "", reason, note[:500], SOURCE, id_)  # fmt: skip
    version, _ = office.ledger.published()
    waits = queue.Rules(
        rules.persons_to_merge - 1, (), f"duplicates/{rules.name}@{rules.version}", rules.expires_days, version,
    )  # fmt: skip
    queue.propose(office.people, actor, wanted, waits)
    made = queue.order(office.people, id_)
    if made.state != queue.PROPOSED:
        raise DuplicatesError(f"order {id_} is {made.state}: `loanbook orders list` has it kept")
    return made


def _order_id(office: Office, verb: str, pair_id: str) -> str:
    """The id of the order about a pair that is not done with, else the next: what was rejected or expired may be ordered anew."""
    queue.expire(office.people)
    going = (queue.PROPOSED, queue.APPROVED)
    done = [
        each for each in queue.orders(office.people)
        if (each.proposal.command, each.proposal.loan_key) == (verb, pair_id) and each.state not in going
    ]  # fmt: skip
    return f"{verb.partition('_')[0]}-{pair_id}-{len(done) + 1}"


def _judged(office: Office, actor: Actor, verb: str, pair_id: str, reason: str) -> dict[str, Any]:
    if actor.kind == "service":
        raise AccessError(f"{actor.name} is a service: people say who is one person")
    allowed = office.access.may(actor, ACTION)
    if not allowed.allowed:
        raise AccessError(allowed.why)
    rules = rules_in_force(office.policies, office.today)
    reasons = rules.merges if verb == MERGE else rules.parts
    if reason not in reasons:
        raise DuplicatesError(
            f"{reason!r} is no reason for it; the policy of duplicates has {', '.join(reasons)}"
        )
    found = pair(office.ledger, pair_id)
    if verb == MERGE and found["event"] == "merged":
        raise DuplicatesError(f"{pair_id} is merged already, since {found['since']}")
    if verb != MERGE and (found["event"] == "merged") != (verb == PART):
        raise DuplicatesError(
            f"{pair_id} is {'merged: order that it is undone' if verb == APART else 'not merged'}"
        )
    return found


def say_apart(office: Office, actor: Actor, pair_id: str, reason: str, note: str = "") -> None:
    """Say that a pair is two persons: it no longer waits; nothing else follows. AccessError, DuplicatesError."""
    try:
        found = _judged(office, actor, APART, pair_id, reason)
    except LoanbookError as error:
        denied(office.people, actor, str(error), f"{APART} {pair_id}")
        raise
    if found["event"] != APART:
        _say(office, actor, APART, found, {"reason": reason, "note": note, "maker": actor.name})


def may_approve(
    access: Access, policies: PolicyBook, actor: Actor, pending: PendingOrder, waiting: queue.Order
) -> Verdict:
    """Whether an actor may approve an order about a pair, or reject it."""
    apart = is_another(actor, pending)
    if not apart.allowed:
        return apart
    if actor.kind == "service":
        return Verdict(False, f"{actor.name} is a service: people say who is one person")
    return access.may(actor, ACTION)


def confirmed(
    office: Office, actor: Actor, waiting: queue.Order, reason: str, pending: PendingOrder
) -> queue.Order:
    """Another person approves an order about a pair; with the last approval it stands. Safe to repeat."""
    wanted = waiting.proposal
    _judged(office, actor, wanted.command, wanted.loan_key, wanted.reason)
    now = queue.decide(
        office.people, actor, waiting.id, queue.APPROVED, reason,
        lambda it: may_approve(office.access, office.policies, actor, pending, it),
    )  # fmt: skip
    return settle(office, actor, now) if now.state == queue.APPROVED else now


def settle(office: Office, actor: Actor, done: queue.Order) -> queue.Order:
    """Keep what an approved order says of its pair: once, whenever a run died."""
    known = said_of_pairs(office.ledger).filter(pl.col("order_id") == done.id)
    merge_id = known["merge_id"][0] if known.height else ""
    if not merge_id:
        found = found_as(office.ledger, done.proposal.loan_key)
        told = {"reason": done.proposal.reason, "note": done.proposal.fields["note"], "maker": done.maker,
                "checkers": ", ".join(done.approved_by), "order_id": done.id}  # fmt: skip
        merge_id = _say(office, actor, ORDERS[done.proposal.command], found, told)
    queue.released(office.people, actor, done.id, merge_id)
    return queue.order(office.people, done.id)


def settle_rest(office: Office, actor: Actor) -> int:
    """Keep what approved orders say whose run died before; how many."""
    left = [each for each in queue.orders(office.people, queue.APPROVED) if each.proposal.command in ORDERS]  # fmt: skip
    for each in left:
        settle(office, actor, each)
    return len(left)


def _say(
    office: Office, actor: Actor, event: str, found: Mapping[str, Any], told: Mapping[str, str]
) -> str:
    """Add what is said of a pair, and let screening and decisions know; its id."""
    named = {name: found[name] for name in ("person", "other", "applicant", "other_applicant", "pair_id")}  # fmt: skip
    row = {"checkers": "", "order_id": ""} | named | dict(told) | {"event": event, "on_date": office.today}  # fmt: skip
    text = "|".join(str(row[name]) for name in ("event", "person", "other", "maker", "order_id"))
    moment = office.people.clock().isoformat()
    merge_id = "m" + hashes(pl.Series([f"{text}|{moment}"]))[0][:16]
    frame = pl.DataFrame([row | {"merge_id": merge_id}], infer_schema_length=None)
    keep(office.ledger, {"person_merges": frame.select(SAID.names()).cast(SAID)})
    log(office.people, actor, Record(ACTION, ("pair", found["pair_id"]), correlation=merge_id, detail=row["note"] or row["reason"],
                                     after={"event": event, "person": found["person"], "other": found["other"]}))  # fmt: skip
    if not editions(office.ledger).is_empty():  # a hit of one is a hit of the other
        tell_applicants(office.ledger, screening_rules(office.policies, office.today), office.today)
    return merge_id
