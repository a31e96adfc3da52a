"""Whether an order has the approvals it needs, and who may give one.

Not its maker, nobody whom the maker stands in for or who stands in for the maker, and nobody twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loanbook.core.access.actor import Actor, plain_name
from loanbook.core.access.deciding import Access, Verdict
from loanbook.core.policy.rights.roles import ApprovalStep


@dataclass(frozen=True)
class PendingOrder:
    """What of an order decides who may approve it."""

    verb: str
    amount: int | None
    """Minor units; None: it has none."""
    maker: str
    stands_for: frozenset[str]
    """Whom the maker stands in for, or who stands in for the maker."""
    approved_by: tuple[str, ...]


def may_approve(actor: Actor, asked: PendingOrder, step: ApprovalStep, access: Access) -> Verdict:
    """Whether an actor may approve an order, or reject it."""
    apart = is_another(actor, asked)
    if not apart.allowed:
        return apart
    verdict = access.may(actor, "order.approve", asked.verb, amount=asked.amount)
    if not verdict.allowed:
        return verdict
    if step.roles and actor.kind != "demo" and not set(step.roles) & actor.roles:
        return Verdict(
            False, f"{actor.name} may not approve it: that takes one of the roles "
            f"{', '.join(step.roles)}",
        )  # fmt: skip
    return verdict


def is_another(actor: Actor, asked: PendingOrder) -> Verdict:
    """Whether an actor is a person apart from who ordered and from who approved already."""
    name, maker = plain_name(actor.name), plain_name(asked.maker)
    if name == maker:
        return Verdict(False, f"{actor.name} ordered it: another person approves")
    if name in {plain_name(each) for each in asked.stands_for} or maker in {
        plain_name(each) for each in actor.attributes.get("delegate_of", ())
    }:
        return Verdict(
            False, f"{actor.name} and {asked.maker} stand in for each other: a third approves"
        )
    if name in {plain_name(each) for each in asked.approved_by}:
        return Verdict(False, f"{actor.name} approved it already: another person must too")
    if actor.kind == "service":
        return Verdict(False, f"{actor.name} is a service: a person approves")
    return Verdict(True)


def is_approved(approved_by: Iterable[str], step: ApprovalStep) -> bool:
    """Whether enough people approved."""
    return len({plain_name(each) for each in approved_by}) >= step.approvals
