"""What may be ordered of a loan in which state, as the rows of the events have it; the rules of the state read it.

Orders come from people. What already happened outside (a payment, a refund, a chargeback, a
returned payment) is no order and is always taken in; it has no states.
"""

from __future__ import annotations

from loanbook.core.catalogue.events import EVENTS
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.catalogue.statuses import Status

STATES = {
    None: "nothing_is_paid_out",
    Status.active: "loan_has_not_ended",
    Status.closed: "loan_has_ended",
    Status.written_off: "loan_has_ended",
    Status.settled: "loan_has_ended",
    Status.overpaid: "loan_owes_nothing",
    Status.charged_off: "loan_is_charged_off",
}
"""The rule that a state breaks, where it forbids an order; none: no payout yet."""

ALLOWED = {row.kind: row.states for row in EVENTS if row.states is not None}
"""States in which an order may be given. A kind that is not here may come in any state.

A loan that was reopened counts as active on the value date of its reopening, and as what it is after
the day: it ends again unless it owes something.
"""


def forbidden_in(state: Status | None) -> tuple[Kind, ...]:
    """Kinds that may not be ordered of a loan in this state; none: nothing is paid out yet."""
    return tuple(kind for kind, states in ALLOWED.items() if state not in states)
