"""What each page takes to be read: the one list that pages, their guide and the matrix of roles go by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loanbook.core.access.actor import Actor
from loanbook.core.access.deciding import READ, Access, Verdict


@dataclass(frozen=True)
class Needs:
    """What a page takes: one of some actions, and what of the ledger it reads."""

    actions: tuple[str, ...] = (READ,)
    """Any of these will do; none: whoever is signed in."""
    views: tuple[str, ...] = ()
    """Views of the ledger without which it says nothing."""
    whole: bool = False
    """Whether it tells of all loans at once, so that whoever sees some alone can't read it."""


_EVERY_LOAN = Needs(whole=True)
_A_LOAN = ("positions", "dues", "allocations", "transfers", "loans", "schedules", "events", "loan_keys",
           "loan_attributes", "versions", "publications", "restatements")  # fmt: skip
_LATE = ("positions", "dues", "events", "loans", "loan_keys", "versions", "publications", "contacts", "contact_preferences",
         "promises", "notices", "reminders", "legal_steps", "placements")  # fmt: skip
PAGES: Mapping[str, Needs] = {
    "portfolio": _EVERY_LOAN,
    "explore": _EVERY_LOAN,
    "loan": Needs(views=_A_LOAN),
    "cohorts": _EVERY_LOAN,
    "roll-rates": _EVERY_LOAN,
    "delinquency": _EVERY_LOAN,
    "cash-flow": _EVERY_LOAN,
    "static-pool": _EVERY_LOAN,
    "forecast": _EVERY_LOAN,
    "applications": _EVERY_LOAN,
    "duplicates": _EVERY_LOAN,
    "payments": _EVERY_LOAN,
    "collections": Needs(views=_LATE),
    "collections-performance": _EVERY_LOAN,
    "restatements": _EVERY_LOAN,
    "what-if": _EVERY_LOAN,
    "data-quality": _EVERY_LOAN,
    "alerts": _EVERY_LOAN,
    "system-health": _EVERY_LOAN,
    "metrics": Needs(actions=()),
    "marts": _EVERY_LOAN,
    "approvals": Needs(actions=("order.approve", "order.propose", "case.decide")),
    "audit": Needs(actions=("audit.read", "audit.verify")),
    "users": Needs(actions=("users.read", "users.manage")),
}
"""What each page takes, by its address."""


def may_see(access: Access, actor: Actor, needs: Needs) -> Verdict:
    """Whether an actor may read a page; if not, the role or the rows that are missing."""
    if actor.kind == "demo" or not needs.actions:
        return Verdict(True)
    verdicts = [access.may(actor, action) for action in needs.actions]
    if not any(each.allowed for each in verdicts):
        return verdicts[0]
    if READ not in needs.actions:
        return Verdict(True)
    reading = access.reading(actor)
    assert reading is not None, "who may read sees something"
    if needs.whole and not reading.sees_every_row:
        return Verdict(
            False,
            "it tells of all loans at once, and your roles show you some of them alone; a role that reads every "
            "loan shows it",
        )
    hidden = [view for view in needs.views if not reading.sees(view)]
    if needs.whole and "*" not in reading.views:
        hidden = ["every view of the ledger"]
    if hidden:
        return Verdict(False, f"it reads {', '.join(hidden)}, which none of your roles does")
    return Verdict(True)
