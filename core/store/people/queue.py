"""Orders that wait for another person: proposed, approved, rejected, withdrawn, expired, released to the ledger.

Each step and its entry in the trail are one transaction. What was approved is released as a row of a command file
with the order's id, so that the ledger alone replays.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from loanbook.core.access.actor import AccessError, Actor, plain_name
from loanbook.core.access.approving import is_approved
from loanbook.core.access.deciding import Verdict
from loanbook.core.policy.rights.roles import ApprovalRules, ApprovalStep
from loanbook.core.store.people.audit import Record, append
from loanbook.core.store.people.database import People
from loanbook.core.store.people.models import Decision, QueuedOrder

PROPOSED, APPROVED, RELEASED = "proposed", "approved", "released"


@dataclass(frozen=True)
class Proposal:
    """An order that somebody wants."""

    command: str
    loan_key: str
    value_date: dt.date
    fields: dict[str, str]
    """Every field of its row but maker and checker, as a command file has them."""
    amount_minor: int | None
    currency: str
    reason: str
    comment: str = ""
    source: str = "queue"
    id: str = ""
    """Given where the same row of a file must stay the same order; empty: a new one."""


@dataclass(frozen=True)
class Rules:
    """By what a proposal waits."""

    approvals: int
    roles: tuple[str, ...]
    policy: str
    expires_days: int
    known_at: int
    """Version of the ledger that it was judged by."""

    @classmethod
    def of(cls, rules: ApprovalRules, step: ApprovalStep, known_at: int) -> Rules:
        """Those of a step of the approval rules."""
        named = f"approval_rules/{rules.name}@{rules.version}"
        return cls(step.approvals, tuple(step.roles), named, rules.expires_days, known_at)


@dataclass(frozen=True)
class Order:
    """An order of the queue, with what was decided of it."""

    id: str
    proposal: Proposal
    maker: str
    state: str
    proposed_at: dt.datetime
    expires_at: dt.datetime
    approvals_needed: int
    roles_needed: tuple[str, ...]
    policy: str
    file: str | None
    decisions: tuple[tuple[str, str, str], ...] = field(default=())
    """Actor, verdict and reason, in order."""

    @property
    def approved_by(self) -> tuple[str, ...]:
        """Who approved it so far."""
        return tuple(actor for actor, verdict, _ in self.decisions if verdict == APPROVED)

    @property
    def step(self) -> ApprovalStep:
        """What it needs, by the rules that were in force when it was proposed."""
        return ApprovalStep(approvals=self.approvals_needed, roles=list(self.roles_needed))


def propose(people: People, maker: Actor, wanted: Proposal, rules: Rules) -> str:
    """Let an order wait; its id. One whose id waits already is left as it is."""
    at = people.clock()
    id_ = wanted.id or f"o-{secrets.token_hex(6)}"
    with people.writing() as session:
        if wanted.id and session.get(QueuedOrder, id_) is not None:
            return id_
        session.add(
            QueuedOrder(
                id=id_, command=wanted.command, loan_key=wanted.loan_key, value_date=wanted.value_date,
                fields=json.dumps(wanted.fields, sort_keys=True), amount_minor=wanted.amount_minor,
                currency=wanted.currency, reason=wanted.reason, comment=wanted.comment[:500],
                maker=maker.name, source=wanted.source, proposed_at=at,
                expires_at=at + dt.timedelta(days=rules.expires_days), state=PROPOSED,
                approvals_needed=rules.approvals, roles_needed=json.dumps(rules.roles),
                policy=rules.policy, known_at=rules.known_at,
            )
        )  # fmt: skip
        session.flush()
        _tell(people, session, maker, "order.propose", id_, wanted, after=wanted.fields)
    return id_


def decide(
    people: People,
    actor: Actor,
    id_: str,
    verdict: str,
    reason: str,
    may: Callable[[Order], Verdict],
) -> Order:
    """Approve, reject or withdraw an order, if `may` lets the actor; as it is then.

    `verdict`: approved, rejected or withdrawn. AccessError, logged, where it may not be, or no longer waits.
    """
    with people.writing() as session:
        row = _row(session, id_)
        _expire_if_late(people, session, row)
        order = _order(session, row)
        why = f"order {id_} is {row.state}" if row.state != PROPOSED else ""
        why = why or may(order).why
        if not why:
            session.add(
                Decision(order_id=id_, actor=actor.name, actor_plain=plain_name(actor.name), verdict=verdict,
                         reason=reason[:500], decided_at=people.clock())
            )  # fmt: skip
            session.flush()
            order = _order(session, row)
            if verdict != APPROVED:
                row.state = verdict
            elif is_approved(order.approved_by, order.step):
                row.state = APPROVED
            names = {
                "approved": "order.approve",
                "rejected": "order.reject",
                "withdrawn": "order.withdraw",
            }
            _tell(people, session, actor, names[verdict], id_, order.proposal, detail=reason,
                  before={"state": PROPOSED}, after={"state": row.state})  # fmt: skip
            return _order(session, row)
        told = Record("access.denied", ("order", id_), loan=row.loan_key, success=False, detail=why)
        append(people, session, actor, told)
    raise AccessError(why)


def released(people: People, actor: Actor, id_: str, file: str) -> None:
    """Say that an approved order went to the ledger in a command file."""
    with people.writing() as session:
        row = _row(session, id_)
        if row.state == APPROVED:
            row.state, row.file = RELEASED, file
            _tell(people, session, actor, "order.release", id_, _order(session, row).proposal,
                  before={"state": APPROVED}, after={"state": RELEASED, "file": file})  # fmt: skip


def expire(people: People) -> int:
    """Let orders expire that nobody approved in time; how many did."""
    with people.writing() as session:
        waiting = session.execute(
            select(QueuedOrder).where(QueuedOrder.state == PROPOSED, QueuedOrder.expires_at <= people.clock())
        ).scalars().all()  # fmt: skip
        return sum(_expire_if_late(people, session, row) for row in waiting)


def _expire_if_late(people: People, session: Session, row: QueuedOrder) -> bool:
    if row.state != PROPOSED or row.expires_at > people.clock():
        return False
    row.state = "expired"
    clock = Actor("clock", "service")
    told = Record("order.expire", ("order", row.id), loan=row.loan_key,
                  before={"state": PROPOSED}, after={"state": "expired"})  # fmt: skip
    append(people, session, clock, told)
    return True


def order(people: People, id_: str) -> Order:
    """An order by its id. AccessError if there is none."""
    with people.reading() as session:
        return _order(session, _row(session, id_))


def orders(people: People, state: str | None = None) -> list[Order]:
    """Orders, oldest first; of a state alone where it is given."""
    wanted = select(QueuedOrder).order_by(QueuedOrder.proposed_at, QueuedOrder.id)
    if state is not None:
        wanted = wanted.where(QueuedOrder.state == state)
    with people.reading() as session:
        return _orders(session, wanted)


def decisions(
    people: People, first: dt.date, last: dt.date
) -> list[tuple[str, str, str, str, str]]:
    """What was approved or rejected from a date to one (UTC): order, loan, maker, who decided, verdict."""
    start = dt.datetime.combine(first, dt.time(), dt.UTC)
    end = dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), dt.UTC)
    wanted = (
        select(QueuedOrder.id, QueuedOrder.loan_key, QueuedOrder.maker, Decision.actor, Decision.verdict)
        .join(Decision, Decision.order_id == QueuedOrder.id)
        .where(Decision.verdict != "withdrawn", Decision.decided_at >= start, Decision.decided_at < end)
        .order_by(Decision.id)
    )  # fmt: skip
    with people.reading() as session:
        rows = session.execute(wanted)
        return [(id_, loan, maker, actor, verdict) for id_, loan, maker, actor, verdict in rows]


def _row(session: Session, id_: str) -> QueuedOrder:
    row = session.get(QueuedOrder, id_)
    if row is None:
        raise AccessError(f"no order has the id {id_!r}; see `loanbook orders list`")
    return row


def _order(session: Session, row: QueuedOrder) -> Order:
    return _orders(session, select(QueuedOrder).where(QueuedOrder.id == row.id))[0]


def _orders(session: Session, wanted: Select[QueuedOrder]) -> list[Order]:
    """Orders with what was decided of them: as many queries for all as for one."""
    decided: dict[str, list[tuple[str, str, str]]] = {}
    rows = session.execute(wanted).scalars().all()
    ids = wanted.with_only_columns(QueuedOrder.id).order_by(None)
    told = (
        select(Decision.order_id, Decision.actor, Decision.verdict, Decision.reason)
        .where(Decision.order_id.in_(ids)).order_by(Decision.id)
    )  # fmt: skip
    for id_, actor, verdict, reason in session.execute(told):
        decided.setdefault(id_, []).append((actor, verdict, reason))
    return [_with_decisions(row, decided.get(row.id, [])) for row in rows]


def _with_decisions(row: QueuedOrder, decided: list[tuple[str, str, str]]) -> Order:
    wanted = Proposal(
        row.command, row.loan_key, row.value_date, json.loads(row.fields), row.amount_minor, row.currency,
        row.reason, row.comment, row.source, row.id,
    )  # fmt: skip
    return Order(
        row.id, wanted, row.maker, row.state, row.proposed_at, row.expires_at, row.approvals_needed,
        tuple(json.loads(row.roles_needed)), row.policy, row.file,
        tuple(decided),
    )  # fmt: skip


def _tell(
    people: People,
    session: Session,
    actor: Actor,
    activity: str,
    id_: str,
    wanted: Proposal,
    **told: object,
) -> None:
    """An entry of the trail; the order's id is what leads from it to the ledger's event and back."""
    entry = Record(activity, ("order", id_), loan=wanted.loan_key, correlation=id_, **told)  # type: ignore[arg-type]
    append(people, session, actor, entry)
