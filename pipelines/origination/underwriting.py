"""Persons decide what the policy refers to them: at once within their authority, or once another person confirmed it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.access.approving import PendingOrder, is_another
from loanbook.core.access.deciding import Access, Verdict
from loanbook.core.contract.money import to_major
from loanbook.core.decision.by_person import (
    APPROVE,
    LEADS,
    Referred,
    UnderwritingError,
    Wanted,
    judged,
    kept,
    with_terms,
)
from loanbook.core.errors import LoanbookError, PolicyError
from loanbook.core.origination.case import CASE_EVENTS
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.underwriting import UnderwritingPolicy
from loanbook.core.store.lake import utc_now
from loanbook.core.store.origination.persons import by_persons, keep_by_person, referred
from loanbook.core.store.origination.screening import editions, persons_of, standings
from loanbook.core.store.origination.writing import append, head
from loanbook.core.store.people import queue
from loanbook.core.store.people.acting import denied
from loanbook.core.store.people.audit import Record, log
from loanbook.core.store.people.database import People
from loanbook.core.store.people.in_force import access_of
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.origination.screening import rules_in_force
from loanbook.pipelines.resources import open_instance

ORDER = "decide_case"
"""What the queue calls an approval that waits for a second person."""
ACTION = "case.decide"
SOURCE = "underwriting"


@dataclass(frozen=True)
class Office:
    """What cases are decided with."""

    ledger: Ledger
    policies: PolicyBook
    people: People
    access: Access

    @classmethod
    def of(cls, ledger: Ledger, policies: PolicyBook, people: People) -> Office:
        """The office of an instance."""
        return cls(ledger, policies, people, access_of(people.settings, people))

    @property
    def today(self) -> dt.date:
        """The day of cases: the last that landed, else that of the clock."""
        _, last = self.ledger.landed_dates()
        return last or self.people.clock().date()

    def rules(self, product: str) -> UnderwritingPolicy:
        """The underwriting policy of a product today. PolicyError: there is none."""
        return rules_of(self.policies, product, self.today)


def rules_of(policies: PolicyBook, product: str, on: dt.date) -> UnderwritingPolicy:
    """The underwriting policy of a product on a date. PolicyError: there is none."""
    every = policies.all_in_force(UnderwritingPolicy, on).values()
    found = [each for each in every if each.product == product]
    if not found:
        raise PolicyError(
            f"no file of policies/underwriting is of the product {product} on {on}: put one there, as "
            "data/policies/underwriting/personal-loan.yaml is, before persons decide"
        )
    return found[0]


@contextmanager
def office_of(people: People) -> Iterator[Office]:
    """The office of the instance whose people's database is open, with its ledger open to write."""
    ledger, policies = open_instance(people.settings)
    with ledger:
        yield Office.of(ledger, policies, people)


@dataclass(frozen=True)
class Decided:
    """What became of a person's decision."""

    decision_id: str
    outcome: str
    """approved, rejected, information_requested; or waits: another person must confirm it."""
    told: Mapping[str, Any]
    """Terms and what it goes past (`loanbook.core.decision.by_person.BY_PERSON`)."""
    order: str = ""
    """The order that waits for a second person."""


def decide_case(office: Office, actor: Actor, wanted: Wanted) -> Decided:
    """A person decides. The same by the same person again is the same, and changes nothing.

    AccessError where the person may not, UnderwritingError where policy or the state of the case does not let it; both stand
    in the trail. An approval above the policy's threshold waits as an order for a second person.
    """
    if known := _known(office.ledger, actor, wanted):
        return known
    judged_at = head(office.ledger)
    try:
        _must_be_a_decider(office, actor)
        case = referred(office.ledger, wanted.application_id)
        rules = office.rules(case.policy.product)
        told = judged(case, wanted, rules)
        _must_be_screened(office, wanted)
        _must_cover(office, actor, rules, told)
    except LoanbookError as error:
        denied(office.people, actor, str(error), f"{wanted.verdict} {wanted.application_id}")
        raise
    past = [code for code in told["past"].split(",") if code]
    if wanted.verdict == APPROVE and rules.takes_two(told["amount"], past):
        return _waits(office, actor, wanted, told, rules)
    decision = kept(told, actor.name, office.today)
    _keep(office, actor, decision, rules, judged_at)
    return _as_decided(decision)


def _known(ledger: Ledger, actor: Actor, wanted: Wanted) -> Decided | None:
    """The last decision of a person on the case, where it is this one."""
    before = by_persons(ledger, "application_id = ?", [wanted.application_id]).tail(1)
    if before.is_empty():
        return None
    row = before.row(0, named=True)
    codes = tuple(code for code in (row["reasons"] or row["information"]).split(",") if code)
    same = (row["maker"], row["verdict"], row["reason"], codes, row["note"]) == (
        actor.name, wanted.verdict, wanted.reason, tuple(dict.fromkeys(wanted.codes)), wanted.note.strip(),
    ) and all(
        told is None or told == "" or told == row[name]
        for name, told in (("amount", wanted.amount), ("term", wanted.term), ("grade", wanted.grade))
    )  # fmt: skip
    if not same or (row["outcome"] == "" and _asked_anew(ledger, row)):
        return None
    return _as_decided(before)


def _asked_anew(ledger: Ledger, row: Mapping[str, Any]) -> bool:
    """Whether the case went on since information was asked for."""
    now = referred(ledger, row["application_id"])
    return now.state != "need_more_information" or now.decision["decision_id"] != row["rests_on"]


def _as_decided(decision: pl.DataFrame) -> Decided:
    row = decision.row(0, named=True)
    return Decided(row["decision_id"], LEADS[row["verdict"]], row, row["order_id"])


def _must_be_a_decider(office: Office, actor: Actor) -> None:
    if actor.kind == "service":
        raise AccessError(f"{actor.name} is a service: a person decides what the policy refers")
    verdict = office.access.may(actor, ACTION)
    if not verdict.allowed:
        raise AccessError(verdict.why)


def _must_be_screened(office: Office, wanted: Wanted) -> None:
    """UnderwritingError where an approval would pass over a hit of a list of sanctions that nobody cleared."""
    if wanted.verdict != APPROVE or editions(office.ledger).is_empty():
        return
    needed = rules_in_force(office.policies, office.today).persons_to_clear
    persons = persons_of(office.ledger, pl.Series("application_id", [wanted.application_id]))
    hit = standings(office.ledger, needed).join(persons, on="applicant", how="semi").filter(
        pl.col("screening").is_in(["possible", "confirmed"])
    )  # fmt: skip
    if hit.height:
        raise UnderwritingError(
            f"{wanted.application_id}: a person of it may be one of a list of sanctions ({hit['screening'][0]}): nobody approves "
            "past that; have the hit cleared with `loanbook screening clear`, or reject"
        )


def _must_cover(
    office: Office, actor: Actor, rules: UnderwritingPolicy, told: Mapping[str, Any]
) -> None:
    if told["verdict"] != APPROVE:
        return
    verdict = covers(office.access, actor, rules, told)
    if not verdict.allowed:
        raise AccessError(verdict.why)


def covers(
    access: Access, actor: Actor, rules: UnderwritingPolicy, told: Mapping[str, Any]
) -> Verdict:
    """Whether the authority of an actor covers an approval (`amount` in minor units, `currency`, `grade`)."""
    amount, grade = told["amount"], told["grade"]
    counting = access.counting(actor)
    if actor.kind == "demo" or any(
        each.role in counting and each.covers(amount, grade) for each in rules.authorities
    ):
        return Verdict(True)
    enough = [each.role for each in rules.authorities if each.covers(amount, grade)]
    return Verdict(
        False,
        f"{actor.name} has no authority to approve {to_major(amount, told['currency'])} {told['currency']} in grade {grade}: by underwriting/{rules.name}@{rules.version} "
        f"that takes {' or '.join(enough) or 'a role that it does not have: nobody may'}",
    )


def _keep(
    office: Office, actor: Actor, decision: pl.DataFrame, rules: UnderwritingPolicy, judged_at: int
) -> None:
    row = decision.row(0, named=True)
    codes = row["reasons"] or row["information"] or row["reason"]
    event = _event(row["application_id"], LEADS[row["verdict"]], codes, row["maker"], office.today, row["decision_id"])  # fmt: skip
    keep_by_person(office.ledger, decision, event, rules, judged_at, at=utc_now())
    after = {name: row[name] for name in ("verdict", "amount", "term", "grade", "reason", "reasons", "information", "past")}  # fmt: skip
    log(office.people, actor, Record(ACTION, ("application", row["application_id"]), correlation=row["decision_id"],
                                     detail=row["note"] or row["reason"], after=after))  # fmt: skip


def _event(
    application: str, event: str, reason: str, actor: str, on: dt.date, reference: str = ""
) -> pl.DataFrame:
    moment = dt.datetime.combine(on, dt.time())
    row = (application, 0, event, moment, f"user:{actor}", reason, reference)
    return pl.DataFrame([row], schema=CASE_EVENTS, orient="row")


def received(office: Office, actor: Actor, application: str, reason: str) -> None:
    """What was asked for came, otherwise than in a file: the case is in review again. LedgerError: nothing was asked for."""
    _must_be_a_decider(office, actor)
    judged_at = head(office.ledger)
    event = _event(application, "information_received", reason, actor.name, office.today)
    append(office.ledger, event, judged_at, at=utc_now())
    log(office.people, actor, Record(ACTION, ("application", application), detail=reason,
                                     after={"verdict": "received"}))  # fmt: skip


def _waits(
    office: Office, actor: Actor, wanted: Wanted, told: dict[str, Any], rules: UnderwritingPolicy
) -> Decided:
    """Let an approval wait for a second person; the same again is the same order."""
    exact = with_terms(wanted, told)
    decision_id = kept(told, actor.name, office.today)["decision_id"][0]
    named = f"underwriting/{rules.name}@{rules.version}"
    order = queue.Proposal(
        ORDER, wanted.application_id, office.today, _as_fields(exact, told), told["amount"], told["currency"],
        wanted.reason, wanted.note[:500], SOURCE, f"{decision_id[:17]}",
    )  # fmt: skip
    version, _ = office.ledger.published()
    roles = tuple(each.role for each in rules.authorities if each.covers(told["amount"], told["grade"]))  # fmt: skip
    waits = queue.Rules(1, roles, named, rules.expires_days, version)
    id_ = queue.propose(office.people, actor, order, waits)
    state = queue.order(office.people, id_).state
    if state != queue.PROPOSED:
        raise UnderwritingError(
            f"the same approval was {state} before (order {id_}): change its terms or its note"
        )
    return Decided(decision_id, "waits", told, id_)


def _as_fields(wanted: Wanted, told: Mapping[str, Any]) -> dict[str, str]:
    return {
        "verdict": wanted.verdict, "amount": to_major(told["amount"], told["currency"]), "minor": str(told["amount"]),
        "term": str(told["term"]), "grade": told["grade"], "reason": wanted.reason, "past": told["past"], "note": wanted.note,
        "rests_on": told["rests_on"],
    }  # fmt: skip


def _wanted(order: queue.Order, case: Referred) -> Wanted:
    told = order.proposal.fields
    if case.decision["decision_id"] != told["rests_on"]:
        raise UnderwritingError(
            f"{order.proposal.loan_key} was decided anew by the policy since {order.maker} approved it: reject the order, and "
            "let it be decided again"
        )
    return Wanted(
        order.proposal.loan_key, told["verdict"], told["reason"], int(told["minor"]), int(told["term"]),
        "" if case.decision["grade"] else told["grade"], (), told["note"],
    )  # fmt: skip


def may_confirm(
    access: Access, policies: PolicyBook, actor: Actor, pending: PendingOrder, order: queue.Order
) -> Verdict:
    """Whether an actor may confirm an approval that waits, or refuse it."""
    apart = is_another(actor, pending)
    if not apart.allowed:
        return apart
    verdict = access.may(actor, ACTION)
    if not verdict.allowed:
        return verdict
    folder, _, version = order.policy.partition("@")
    held = [
        each
        for kind, each in policies.policies
        if isinstance(each, UnderwritingPolicy)
        and (f"{kind}/{each.name}", str(each.version)) == (folder, version)
    ]
    if not held:
        return Verdict(False, f"{order.policy}, by which it waits, is no longer there")
    told = order.proposal.fields
    terms = {
        "amount": int(told["minor"]),
        "currency": order.proposal.currency,
        "grade": told["grade"],
    }
    return covers(access, actor, held[0], terms)


def confirmed(office: Office, actor: Actor, order: queue.Order, reason: str, pending: PendingOrder) -> queue.Order:  # fmt: skip
    """The second person confirms an approval: it is judged again, and then kept. Safe to repeat."""
    case = referred(office.ledger, order.proposal.loan_key)
    wanted = _wanted(order, case)
    judged(case, wanted, office.rules(case.policy.product))
    _must_be_screened(office, wanted)
    now = queue.decide(
        office.people, actor, order.id, queue.APPROVED, reason,
        lambda it: may_confirm(office.access, office.policies, actor, pending, it),
    )  # fmt: skip
    return settle(office, actor, now) if now.state == queue.APPROVED else now


def settle(office: Office, actor: Actor, order: queue.Order) -> queue.Order:
    """Keep an approval that was confirmed: once, whenever a run died."""
    known = by_persons(office.ledger, "order_id = ?", [order.id])
    if known.is_empty():
        judged_at = head(office.ledger)
        case = referred(office.ledger, order.proposal.loan_key)
        rules = office.rules(case.policy.product)
        wanted = _wanted(order, case)
        told = judged(case, wanted, rules)
        _must_be_screened(office, wanted)
        known = kept(told, order.maker, office.today, order.approved_by, order.id)
        _keep(office, actor, known, rules, judged_at)
    queue.released(office.people, actor, order.id, known["decision_id"][0])
    return queue.order(office.people, order.id)


def settle_rest(office: Office, actor: Actor) -> int:
    """Keep approvals that were confirmed, but whose run died before; how many. One whose case went on meanwhile stays."""
    left = [each for each in queue.orders(office.people, queue.APPROVED) if each.proposal.command == ORDER]  # fmt: skip
    done = 0
    for order in left:
        try:
            settle(office, actor, order)
            done += 1
        except UnderwritingError:
            continue
    return done
