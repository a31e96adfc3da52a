"""Which options do not go together in a life, each with its reason.

A limit names values of some factors: no row has one of each. It is one of three kinds: products
that are refused or options without a meaning, what the reference does not know, and what is not settled
between it and the engine, with the rule that decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.oracle.options import OPTIONS

Limit = tuple[str, dict[str, Sequence[Any]]]


def but(factor: str, *values: Any) -> list[Any]:
    """Every value of a factor but these."""
    return [value for value in OPTIONS[factor] if value not in values]


SCHEDULED = {"accrual": ["scheduled"]}
CHANGED = {
    "third": [
        "rate_changed",
        "term_extended",
        "moratorium_granted",
        "due_date_moved",
        "interest_capitalised",
    ]
}
SPREAD = {"third": ["reaged", "fixed", "moratorium_granted", "contract_accelerated"]}
REAMORTISED = {"third": ["reamortised", "split"]}
MORE = {"payouts": but("payouts", "one")}
AHEAD: tuple[dict[str, Sequence[Any]], ...] = (
    {"second": but("second", "none")}, {"first": ["late"]}, {"grace_principal": [2]},
)  # fmt: skip
"""Money comes before its instalment; who pays the level instalment while interest alone is asked pays in advance too."""
MOVED = {"business_day": [each for each in OPTIONS["business_day"] if each[1]]}
FOLLOWS = {"business_day": [("following", False)]}

REFUSED: list[Limit] = [
    ("flat interest is fixed by the schedule", {"amortisation": ["flat"], "accrual": ["daily"]}),
    ("a flat loan has no balloon", {"amortisation": ["flat"], "balloon": [30]}),
    ("nor instalments without principal", {"amortisation": ["flat"], "grace_principal": [2]}),
    ("fixed interest has no balance to lower", SCHEDULED | {"excess": ["next_then_principal"]}),
    ("it leaves no residue", SCHEDULED | {"residue": ["carry"]}),
    ("it has no place for more principal", SCHEDULED | MORE),
    ("it is not paused", SCHEDULED | {"third": ["interest_paused"]}),
    ("nor is a rate of zero", {"rate": ["0"], "third": ["interest_paused"]}),
    ("a share due at once needs daily interest", SCHEDULED | {"down_payment": [25]}),
    ("and level instalments", {"amortisation": but("amortisation", "equal_instalment"), "down_payment": [25]}),
    ("a rate by powers is of a schedule's periods", {"basis": ["effective"], "accrual": ["daily"]}),
    ("what it fixes is not passed over, ended or begun anew", SCHEDULED | SPREAD),
    ("nor a flat loan's", {"amortisation": ["flat"]} | SPREAD),
    ("nor spread anew", {"amortisation": ["flat"]} | REAMORTISED),
    ("and of no flat loan", {"basis": ["effective"], "amortisation": ["flat"]}),
    ("instalments that are not alike are parts of a level one",
     {"amortisation": but("amortisation", "equal_instalment"), "heights": ["steps", "seasons"]}),
    ("nothing is smoothed but level instalments", {"amortisation": ["flat"], "smooth": [True]}),
]  # fmt: skip

UNKNOWN: list[Limit] = [
    ("fixed interest beside a charge, a charge-off or a chargeback",
     SCHEDULED | {"third": ["charge_off", "given_up_later", "chargeback", "fee"]}),
    ("fixed interest whose contract changes", SCHEDULED | CHANGED),
    ("a change or a chargeback of instalments that are not level",
     {"amortisation": but("amortisation", "equal_instalment", "equal_principal"),
      "third": ["chargeback", *CHANGED["third"]]}),
    ("a charge whose date is moved", FOLLOWS | {"third": ["fee"]}),
    ("a payout beside another change, or after the claim was paid",
     MORE | {"third": ["credit_refunded", "chargeback", *CHANGED["third"]]}),
    ("a payout beside what is spread anew", MORE | SPREAD),
    ("or re-amortised", MORE | REAMORTISED),
    *(("more lent while money stands with instalments to come", MORE | ahead) for ahead in AHEAD),
    *(("a change or a chargeback while money stands with instalments to come",
       {"third": ["chargeback", *REAMORTISED["third"], "reaged", "fixed", *CHANGED["third"]]} | ahead)
      for ahead in AHEAD),
]  # fmt: skip

ANEW = ({"first": but("first", "on_time")}, {"business_day": but("business_day", ("unadjusted", False))},
        {"tax": ["oracle-all"]}, {"residue": ["carry"]}, {"smooth": [True]})  # fmt: skip

UNSETTLED: list[Limit] = [
    *(("a level instalment made anew leaves to the last one what arrears bore and what rounding left; of the "
       "running period, and of nights to a moved due date, that is not told", over | each)
      for over in (MORE, CHANGED) for each in ANEW),
    ("so does a fee that money meets before the instalment", MORE | {"third": ["fee"]}),
    ("half months that are moved off their days: what the period between is a share of",
     {"unit": [("semi_monthly", 1)], "third": ["due_date_moved"]}),
    ("half months of a contract that ended between their days, as a calendar moves them",
     MOVED | {"unit": [("semi_monthly", 1)], "third": ["contract_accelerated"]}),
    *(("so does what is spread anew", {"third": [*REAMORTISED["third"], "reaged"]} | each)
      for each in (MOVED, {"smooth": [True]})),
    ("arrears of fixed interest that are spread anew: what they bear of the running period's nights before",
     SCHEDULED | REAMORTISED),
    ("so does a later due date that moves beside a down payment that was not paid",
     {"down_payment": [25], "third": ["due_date_moved"]}),
    ("moved periods: the last day of a schedule of moved periods", SCHEDULED | MOVED),
]  # fmt: skip


def possible(has: dict[str, Any]) -> bool:
    """Whether options go together, of a row that may still lack some."""
    for limit in _LIMITS:  # asked some hundred thousand times an array
        for factor, values in limit:
            if has.get(factor, _OPEN) not in values:
                break
        else:
            return False
    return True


_OPEN = object()
_LIMITS = [
    tuple((factor, frozenset(values)) for factor, values in limit.items())
    for _, limit in (*REFUSED, *UNKNOWN, *UNSETTLED)
]
