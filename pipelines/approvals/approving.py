"""Proposing, approving, rejecting and withdrawing orders, by the roles and the approval rules in force."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from loanbook.core.access.actor import AccessError, Actor, plain_name
from loanbook.core.access.approving import PendingOrder, may_approve
from loanbook.core.access.deciding import Verdict
from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.contract.jurisdiction import unpacked
from loanbook.core.contract.money import CURRENCY_NAMES
from loanbook.core.store.people import queue
from loanbook.core.store.people.acting import denied
from loanbook.core.store.people.database import People
from loanbook.core.store.people.users import known_names
from loanbook.pipelines.approvals import settlement
from loanbook.pipelines.approvals.desk import Desk
from loanbook.pipelines.approvals.judged import Judged, OrderRefusedError, judge
from loanbook.pipelines.approvals.releasing import release
from loanbook.pipelines.ingest.orders.signed import PENDING, minor_units
from loanbook.pipelines.origination import duplicates, underwriting
from loanbook.pipelines.origination.underwriting import office_of

OF_OTHERS = {
    underwriting.ORDER: (underwriting.may_confirm, underwriting.confirmed),
    **dict.fromkeys(duplicates.ORDERS, (duplicates.may_approve, duplicates.confirmed)),
}
"""Orders that are of no loan: who may approve one, and what the last approval does."""


def subject(command: str) -> str:
    """What an order is of: Loan, Application or Pair (of records of persons)."""
    if command == underwriting.ORDER:
        return "Application"
    return "Pair" if command in duplicates.ORDERS else "Loan"


def proposed(
    desk: Desk, maker: Actor, wanted: dict[str, str], comment: str = "", **told: str
) -> str:
    """Let an order wait for another person; its id. `wanted`: fields of its row but reference and people;
    `told`: `id` and `source`, where it came in a file. AccessError where the maker may not, OrderRefusedError
    where a rule refuses it: both stand in the trail."""
    verb = wanted.get("command", "")
    if verb not in COMMANDS:
        raise OrderRefusedError(f"{verb!r} is no order; use one of {', '.join(COMMANDS)}")
    loan = _loan(desk, wanted.get("loan_key", ""))
    amount = minor_units(wanted.get("amount", ""), loan["currency"])
    verdict = desk.access.may(maker, "order.propose", verb, amount=amount)
    if verdict.allowed and not desk.access.within(maker, "order.propose", verb, loan):
        verdict = Verdict(
            False, f"{maker.name} may not order {verb} of this loan: it is not among those assigned"
        )
    if not verdict.allowed:
        denied(desk.people, maker, verdict.why, f"order {verb}")
        raise AccessError(verdict.why)
    row = {
        **wanted,
        "command_ref": told.get("id") or "judged",
        "maker": maker.name,
        "checker": PENDING,
    }
    judged = judge(desk.ledger, desk.policies, desk.people.settings.home, row)
    if verb == settlement.VERB:
        settlement.must_be_allowed(desk, maker, judged)
    rules, step = desk.rules, desk.rules.step(verb, amount)
    version, _ = desk.ledger.published()
    waits = queue.Rules.of(rules, step, version)
    order = queue.Proposal(
        verb, wanted["loan_key"], dt.date.fromisoformat(wanted["value_date"]), wanted, amount, loan["currency"],
        wanted["reason"], comment, told.get("source", "queue"), told.get("id", ""),
    )  # fmt: skip
    return queue.propose(desk.people, maker, order, waits)


def row_of(order: queue.Order, checker: str = PENDING) -> dict[str, str]:
    """An order as a row of a command file."""
    return {
        **order.proposal.fields,
        "command_ref": order.id,
        "maker": order.maker,
        "checker": checker,
    }


def judged_again(desk: Desk, order: queue.Order) -> Judged:
    """A waiting order, judged by its loan as it stands now. OrderRefusedError names the rule."""
    judged = judge(desk.ledger, desk.policies, desk.people.settings.home, row_of(order))
    if order.proposal.command == settlement.VERB:
        settlement.must_keep_floor(desk, judged)
    return judged


def may(desk: Desk, actor: Actor, order: queue.Order) -> Verdict:
    """Whether an actor may approve or reject an order. OrderRefusedError where they see no such loan."""
    if order.proposal.command in OF_OTHERS:
        return _may_of_other(desk, actor, order, known_names(desk.people))
    loan = _loan(desk, order.proposal.loan_key)
    return _may(desk, actor, order, loan, known_names(desk.people))


def may_of_all(desk: Desk, actor: Actor, orders: Sequence[queue.Order]) -> dict[str, Verdict]:
    """The same of many orders, by their ids, of one read of users and one of loans; an order of a loan that is
    not one loan that they see is nobody's to decide."""
    users = known_names(desk.people)
    found: dict[str, list[dict[str, str]]] = {}
    for loan in _loans(desk, [order.proposal.loan_key for order in orders]):
        found.setdefault(loan["account"], []).append(loan)
    verdicts = {}
    for order in orders:
        key = order.proposal.loan_key
        if order.proposal.command in OF_OTHERS:
            verdicts[order.id] = _may_of_other(desk, actor, order, users)
            continue
        try:
            verdicts[order.id] = _may(desk, actor, order, _one(key, found.get(key, [])), users)
        except OrderRefusedError as error:
            verdicts[order.id] = Verdict(False, str(error))
    return verdicts


def _may(
    desk: Desk, actor: Actor, order: queue.Order, loan: dict[str, str], users: dict[str, Actor]
) -> Verdict:
    wanted = order.proposal
    verdict = may_approve(actor, _pending(order, users), order.step, desk.access)
    if verdict.allowed and not desk.access.within(actor, "order.approve", wanted.command, loan):
        return Verdict(
            False,
            f"{actor.name} may not approve orders of this loan: it is not among those assigned",
        )
    return verdict


def _pending(order: queue.Order, users: dict[str, Actor]) -> PendingOrder:
    maker = users.get(plain_name(order.maker))
    stands_for = set(maker.attributes.get("delegate_of", ())) if maker else set()
    stands_for |= {
        user.name for user in users.values()
        if plain_name(order.maker) in map(plain_name, user.attributes.get("delegate_of", ()))
    }  # fmt: skip
    wanted = order.proposal
    return PendingOrder(
        wanted.command, wanted.amount_minor, order.maker, frozenset(stands_for), order.approved_by
    )


def _may_of_other(desk: Desk, actor: Actor, order: queue.Order, users: dict[str, Actor]) -> Verdict:
    may_approve_it, _ = OF_OTHERS[order.proposal.command]
    return may_approve_it(desk.access, desk.policies, actor, _pending(order, users), order)


def approved(desk: Desk, actor: Actor, id_: str, reason: str) -> queue.Order:
    """Approve an order; with the last approval it is released to the ledger. It is judged again before."""
    waiting = queue.order(desk.people, id_)
    if waiting.proposal.command in OF_OTHERS:
        pending = _pending(waiting, known_names(desk.people))
        _, confirmed = OF_OTHERS[waiting.proposal.command]
        with office_of(desk.people) as office:
            return confirmed(office, actor, waiting, reason, pending)
    judged_again(desk, waiting)
    order = queue.decide(
        desk.people, actor, id_, queue.APPROVED, reason, lambda it: may(desk, actor, it)
    )
    return (
        release(desk.people, actor, desk.ledger, order) if order.state == queue.APPROVED else order
    )


def rejected(desk: Desk, actor: Actor, id_: str, reason: str) -> queue.Order:
    """Reject an order, as who may approve it."""
    return queue.decide(
        desk.people, actor, id_, "rejected", reason, lambda it: may(desk, actor, it)
    )


def withdrawn(people: People, actor: Actor, id_: str, reason: str) -> queue.Order:
    """Withdraw an order, as who ordered it."""

    def own(order: queue.Order) -> Verdict:
        if plain_name(order.maker) == plain_name(actor.name):
            return Verdict(True)
        return Verdict(False, f"{order.maker} ordered it: nobody else withdraws it; reject it")

    return queue.decide(people, actor, id_, "withdrawn", reason, own)


def _loan(desk: Desk, key: str) -> dict[str, str]:
    """What roles ask of a loan: `entity`, `product`, `region`, `account`, and its `currency`."""
    return _one(key, _loans(desk, [key]))


def _one(key: str, found: list[dict[str, str]]) -> dict[str, str]:
    if len(found) != 1:
        raise OrderRefusedError(
            f"no loan that you see has the key {key!r}"
            if not found
            else f"several loans have the key {key!r}"
        )
    return found[0]


def _loans(desk: Desk, keys: list[str]) -> list[dict[str, str]]:
    """The same of every loan that has one of some keys."""
    found = desk.reader.query(
        "SELECT k.loan_key, en.name AS entity, split_part(pr.name, '@', 1) AS product, k.currency, "
        "max(l.jurisdiction) AS place FROM loan_keys k JOIN entities en ON en.code = k.entity "
        "JOIN products pr ON pr.code = k.product LEFT JOIN loans l ON l.loan_id = k.loan_id "
        "AND l.close_reason IS NULL WHERE k.loan_key IN (SELECT unnest(?)) GROUP BY ALL",
        [keys],
    )
    return [
        {
            "entity": row["entity"], "product": row["product"], "region": unpacked(row["place"]),
            "account": row["loan_key"], "currency": CURRENCY_NAMES[row["currency"]],
        }
        for row in found.iter_rows(named=True)
    ]  # fmt: skip
