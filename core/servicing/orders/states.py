"""What may be ordered of a loan in which state: one table, read by the rules of the state.

Orders come from people. What already happened outside (a payment, a refund, a chargeback, a
returned payment) is no order and is always taken in; it has no row in the table.
"""

from __future__ import annotations

from loanbook.core.catalogue.codes import Kind, Status

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

_LIVING = frozenset({Status.active})
_OWING = _LIVING | {Status.charged_off}
ALLOWED: dict[Kind, frozenset[Status | None]] = {
    Kind.disbursed: frozenset({None, Status.active, Status.overpaid}),
    Kind.charge_assessed: frozenset({None, Status.active, Status.overpaid}),
    Kind.reopened: frozenset({Status.closed, Status.settled}),
    Kind.rate_changed: _LIVING,
    Kind.term_extended: _LIVING,
    Kind.due_date_moved: _LIVING,
    Kind.reamortised: _LIVING,
    Kind.reaged: _LIVING,
    Kind.interest_paused: _LIVING,
    Kind.moratorium_granted: _LIVING,
    Kind.contract_accelerated: _LIVING,
    Kind.settlement_reached: _OWING,
    Kind.delinquency_paused: _OWING,
    Kind.delinquency_resumed: _OWING,
    Kind.charge_off: _LIVING,
    Kind.write_off: _OWING,
    Kind.interest_waived: _OWING,
    Kind.charge_waived: _LIVING,
    Kind.charge_adjusted: _OWING,
    Kind.refinanced: _OWING,
    Kind.interest_capitalised: _LIVING,
    Kind.fee_capitalised: frozenset({Status.active, Status.overpaid}),
    Kind.rate_bought_down: _LIVING,
    Kind.limit_changed: _LIVING,
}
"""States in which an order may be given. A kind that is not here may come in any state.

A loan that was reopened counts as active on the value date of its reopening, and as what it is after
the day: it ends again unless it owes something.
"""


def forbidden_in(state: Status | None) -> tuple[Kind, ...]:
    """Kinds that may not be ordered of a loan in this state; none: nothing is paid out yet."""
    return tuple(kind for kind, states in ALLOWED.items() if state not in states)
