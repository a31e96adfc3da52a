"""Who may do what: roles as files, and how many must approve an order before it reaches the ledger."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.catalogue.personal import NAMES, Mask
from loanbook.core.policy.base import Days, Minor, Name, Policy

ACTIONS: dict[str, str] = {
    "ledger.read": "read what is published: pages, commands, a notebook",
    "ledger.query": "ask the published views in SQL of one's own",
    "ledger.export": "take figures out as a file",
    "book.run": "take files in, close days, publish",
    "book.maintain": "migrate, merge files, fill marts",
    "book.rollback": "take a published version back",
    "policy.change": "put another policy in force: a version closed under it names who did",
    "order.propose": "order something of a loan, for another to approve",
    "order.approve": "approve or reject what another ordered",
    "case.decide": "decide on an application that the policy refers to a person, within policies/underwriting",
    "screening.decide": "clear or confirm that a person is one of a list of sanctions",
    "person.merge": "order or approve that two records of the vault are of one person, or that a merge is undone",
    "users.read": "see users, their roles and sessions",
    "users.manage": "add and lock users, give roles, reset passwords",
    "roles.read": "see the matrix of roles",
    "audit.read": "read the audit trail",
    "audit.verify": "check that the audit trail is whole",
    "personal.write": "store a person's data in the vault",
    "personal.read": "see a person's data masked, and find persons by it",
    "personal.unmask": "read a person's data unmasked, with a reason",
    "personal.erase": "destroy a person's key for good",
    "vault.rotate": "put other keys in place of those of the vault",
}
"""Every action that a role may grant, in words."""
ORDERS = tuple(COMMANDS)
"""What `order.propose` and `order.approve` are of: the verbs of orders."""
OF_ORDERS = ("order.propose", "order.approve")
SCOPES = ("entity", "product", "region", "account")
"""Attributes of a user by which rows of loans are filtered."""

ActionName = Annotated[str, Field(json_schema_extra={"enum": list(ACTIONS)})]
Scope = Literal["entity", "product", "region", "account"]
PERSONS = "persons"
"""The view that masks of the vault's fields are written of."""


class Grant(BaseModel):
    """One action that a role may do, of what, and of whose loans."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: ActionName = Field(description="what may be done")
    of: list[str] = Field(
        default=["*"],
        min_length=1,
        description="of which things: verbs of orders, views of the ledger, fields of a person, kinds of export; *: of all",
    )
    within: list[Scope] = Field(
        default=[],
        description="rows of those loans alone whose entity, product, region (jurisdiction) or account "
        "(loan key) is among the user's attributes of that name; all of those named must fit",
    )
    below_minor: Minor | None = Field(
        default=None, description="orders of less than this alone, minor units; none: any"
    )

    @model_validator(mode="after")
    def _known(self) -> Grant:
        if self.action not in ACTIONS:
            raise ValueError(f"{self.action!r} is no action; use one of {', '.join(ACTIONS)}")
        unknown = [each for each in self.of if each not in ("*", *ORDERS)]
        if self.action in OF_ORDERS and unknown:
            raise ValueError(f"{unknown[0]!r} is no order; use * or some of {', '.join(ORDERS)}")
        others = [each for each in self.of if each not in ("*", *NAMES)]
        if self.action == "personal.unmask" and others:
            raise ValueError(
                f"{others[0]!r} is no field of a person; use * or some of {', '.join(NAMES)}"
            )
        if self.below_minor is not None and self.action not in OF_ORDERS:
            raise ValueError(f"below_minor: {self.action} has no amount; take it out")
        if self.within and self.action not in ("ledger.read", *OF_ORDERS):
            raise ValueError(
                f"within: rows are filtered by ledger.read, and orders; {self.action} has none: take it out"
            )
        return self


class Role(Policy):
    """What those who have the role may do, which rows they see and what of them is masked."""

    grants: list[Grant] = Field(min_length=1, description="actions that the role may do")
    masks: dict[str, Mask] = Field(
        default={},
        description="VIEW.COLUMN (or *.COLUMN) that is not shown as it is: nothing, a token that joins, its first "
        "letter, or its last four characters; of several roles that read, a column is masked where each masks it. "
        "persons.FIELD: how a field of the vault is shown to those who may read it masked",
    )
    second_factor: bool = Field(
        default=False, description="people must have signed in with a second factor to act in it"
    )

    @model_validator(mode="after")
    def _columns(self) -> Role:
        for place in self.masks:
            view, _, column = place.partition(".")
            if not view or not column:
                raise ValueError(f"masks: {place!r} is no VIEW.COLUMN; write loan_keys.loan_key")
            if view == PERSONS and column not in NAMES:
                raise ValueError(
                    f"masks: {column!r} is no field of a person; use {', '.join(NAMES)}"
                )
        return self


class ApprovalStep(BaseModel):
    """How many approvals an order needs from an amount on, and who may give them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    orders: list[str] = Field(default=["*"], min_length=1, description="verbs of orders; *: all")
    from_minor: Minor = Field(default=0, description="of this amount and more, minor units")
    approvals: int = Field(default=1, ge=1, le=5, description="people who must approve")
    roles: list[Name] = Field(
        default=[],
        description="roles of which each who approves must have one; none: any that may approve",
    )

    @model_validator(mode="after")
    def _known(self) -> ApprovalStep:
        unknown = [each for each in self.orders if each not in ("*", *ORDERS)]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no order; use * or some of {', '.join(ORDERS)}")
        return self


class ApprovalRules(Policy):
    """How orders of the queue are approved: the last step that fits an order counts."""

    steps: list[ApprovalStep] = Field(
        min_length=1, description="from the general to the special; the first is of all orders"
    )
    expires_days: Days = Field(
        default=14, description="days after which an order that nobody approved expires"
    )

    @model_validator(mode="after")
    def _general_first(self) -> ApprovalRules:
        first = self.steps[0]
        if first.orders != ["*"] or first.from_minor:
            raise ValueError("steps: the first is of all orders and any amount: orders: ['*']")
        return self

    def step(self, verb: str, amount: int | None) -> ApprovalStep:
        """The step that an order falls under; an order without amount counts as the largest."""
        fits = [
            each
            for each in self.steps
            if (each.orders == ["*"] or verb in each.orders)
            and (amount is None or amount >= each.from_minor)
        ]
        return fits[-1]
