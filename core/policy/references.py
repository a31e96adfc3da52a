"""Policies that name others: what they name must be there, from their own first day on, and of the right sort.

A close reads what a product names for every loan of the book, so one name that leads nowhere would stop
every day: it is refused when policies are read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from loanbook.core.policy.base import Policy
from loanbook.core.policy.decisions.decision import OWN_REASONS, DecisionPolicy
from loanbook.core.policy.decisions.underwriting import UnderwritingPolicy
from loanbook.core.policy.file_mappings import TapeMapping
from loanbook.core.policy.lending.collection_agencies import CollectionAgency
from loanbook.core.policy.lending.collection_queues import CollectionQueue
from loanbook.core.policy.lending.contact_rules import ContactRules
from loanbook.core.policy.lending.reminder_rules import ReminderRules
from loanbook.core.policy.lending.settlement_rules import SettlementRules
from loanbook.core.policy.models import (
    FOLDER_OF,
    Accounts,
    Approvals,
    Buckets,
    Delinquency,
    Fee,
    HolidayCalendar,
    LateFee,
    OriginationFee,
    RateCeiling,
    Tax,
    Waterfall,
)
from loanbook.core.policy.originators import Originator, ReturnCodes
from loanbook.core.policy.payments.bank_accounts import BankAccount
from loanbook.core.policy.payments.collections import CollectionMapping
from loanbook.core.policy.payments.matching import ReceiptMatching
from loanbook.core.policy.product import Product
from loanbook.core.policy.rights.providers import IdentityProvider
from loanbook.core.policy.rights.roles import Role
from loanbook.core.policy.risk.alerts import AlertRules

Reference = tuple[type[Policy], str, str]
"""Kind and name of a policy, and the field that names it."""
BUCKETS = "default"
"""The buckets by which every day is told."""


def references(product: Product) -> list[Reference]:
    """Policies that a product names."""
    payments = product.payments
    wanted: list[tuple[type[Policy], str | None, str]] = [
        (Waterfall, payments.waterfall, "payments.waterfall"),
        (LateFee, product.late_fee, "late_fee"),
        (OriginationFee, product.origination_fee, "origination_fee"),
        *((Fee, name, field) for field, (_, name) in _fees(product).items()),
        (Tax, product.tax, "tax"),
        *((RateCeiling, name, "ceilings") for name in product.ceilings),
        (Delinquency, product.delinquency, "delinquency"),
        (Approvals, product.approvals, "approvals"),
        (Accounts, product.accounts, "accounts"),
        (HolidayCalendar, product.schedule.calendar, "schedule.calendar"),
        *(
            (Waterfall, rule.waterfall, f"payments.by_kind.{kind}.waterfall")
            for kind, rule in payments.by_kind.items()
        ),
    ]
    return [(model, name, field) for model, name, field in wanted if name is not None]


def _fees(product: Product) -> dict[str, tuple[str, str | None]]:
    """Fields that name a fee: what must call for it, and its name."""
    return {
        "returned_payment_fee": ("returned_payment", product.returned_payment_fee),
        "prepayment_fee": ("prepayment", product.prepayment_fee),
        "annual_fee": ("annual", product.annual_fee),
    }


def wrong_references(policies: Iterable[Policy]) -> Iterator[tuple[Policy, str]]:
    """Policies that name what is not there, begins too late or is of another sort, each with the field and
    what to do."""
    known: dict[tuple[type[Policy], str], list[Policy]] = {}
    all_of_them = list(policies)
    for policy in all_of_them:
        known.setdefault((type(policy), policy.name), []).append(policy)
    for policy in all_of_them:
        if isinstance(policy, Product):
            named: list[Reference] = [*references(policy), (Buckets, BUCKETS, "(every product)")]
            for model, name, field in named:
                if why := _not_in_force(known, model, name, policy.effective_from):
                    yield policy, f"field {field}: {why}"
            yield from ((policy, why) for why in _other_events(policy, known))
        elif isinstance(policy, Originator):
            yield from ((policy, why) for why in _of_originator(policy, known))
        elif isinstance(policy, DecisionPolicy):
            yield from ((policy, why) for why in _of_decision(policy, known))
        elif isinstance(policy, UnderwritingPolicy):
            yield from ((policy, why) for why in _of_underwriting(policy, known))
        else:
            yield from ((policy, why) for why in _leading_nowhere(_named_by(policy), known))


def _named_by(policy: Policy) -> list[Reference]:
    """Policies that one names which must be there, whenever they begin."""
    if isinstance(policy, TapeMapping):
        return _of_mapping(policy)
    if isinstance(policy, BankAccount | CollectionMapping):
        return _of_account(policy)
    if isinstance(policy, CollectionQueue):
        return [(ContactRules, team.contact_rules, f"teams.{team.name}.contact_rules") for team in policy.teams]  # fmt: skip
    if isinstance(policy, CollectionAgency):
        return [(CollectionMapping, policy.remits_by, "remits_by")]
    if isinstance(policy, ReminderRules):
        return [
            (ContactRules, place.contact_rules, "places.contact_rules") for place in policy.places
        ]
    if isinstance(policy, SettlementRules):
        return [(Role, each.role, "authority.role") for each in policy.authority]
    if isinstance(policy, AlertRules):
        laws = policy.near_misses.rules if policy.near_misses else []
        return [(ContactRules, name, "near_misses.rules") for name in laws]
    if isinstance(policy, IdentityProvider):
        return [(Role, name, "roles") for name in policy.roles.values()]
    return []


def _leading_nowhere(
    named: list[Reference], known: dict[tuple[type[Policy], str], list[Policy]]
) -> Iterator[str]:
    for model, name, field in named:
        if (model, name) not in known:
            yield f"field {field}: {_unknown(known, model, name)}"


def _of_mapping(mapping: TapeMapping) -> list[Reference]:
    named = (
        (Product, mapping.product, "product"),
        (Buckets, mapping.reported_buckets, "reported_buckets"),
    )
    return [(model, name, field) for model, name, field in named if name is not None]


def _of_originator(
    policy: Originator, known: dict[tuple[type[Policy], str], list[Policy]]
) -> Iterator[str]:
    """Fields of an originator that name what is not there, or is of another rail."""
    named: list[Reference] = [
        (HolidayCalendar, policy.calendar, "calendar"),
        (ReturnCodes, policy.return_codes, "return_codes"),
    ]
    for model, name, field in named:
        if why := _not_in_force(known, model, name, policy.effective_from):
            yield f"field {field}: {why}"
    for codes in known.get((ReturnCodes, policy.return_codes), []):
        if isinstance(codes, ReturnCodes) and codes.rail != policy.rail:
            yield (
                f"field return_codes: return_codes/{codes.name} is of the rail {codes.rail}; name one of "
                f"{policy.rail}"
            )


def _of_decision(
    policy: DecisionPolicy, known: dict[tuple[type[Policy], str], list[Policy]]
) -> Iterator[str]:
    """Fields of a policy of decisions that name what is not there, or decide what another decides."""
    yield from _leading_nowhere([(Product, policy.product, "product")], known)
    champions = {
        each.name
        for versions in known.values()
        for each in versions
        if isinstance(each, DecisionPolicy)
        and (each.product, each.role) == (policy.product, "champion")
    }
    if policy.role == "champion" and policy.name != min(champions):
        yield (
            f"field role: decisions/{min(champions)} is champion of the product {policy.product} already; one "
            "decides, so write `role: challenger` in the other"
        )


def _of_underwriting(
    policy: UnderwritingPolicy, known: dict[tuple[type[Policy], str], list[Policy]]
) -> Iterator[str]:
    """Fields of an underwriting policy that name what is not there, or decide what another decides."""
    roles: list[Reference] = [(Role, each.role, "authorities") for each in policy.authorities]
    yield from _leading_nowhere([(Product, policy.product, "product"), *roles], known)
    every = [each for versions in known.values() for each in versions]
    others = {each.name for each in every if isinstance(each, UnderwritingPolicy) and each.product == policy.product}  # fmt: skip
    if policy.name != min(others):
        yield (
            f"field product: underwriting/{min(others)} is of the product {policy.product} already; one policy of a "
            "product, so put its rules there"
        )
    deciding = [each for each in every if isinstance(each, DecisionPolicy) and each.product == policy.product]  # fmt: skip
    codes = {*OWN_REASONS, *(rule.code for each in deciding for rule in each.rules)}
    for field in ("never_past", "two_persons_past"):
        for code in getattr(policy, field):
            if code not in codes:
                yield f"field {field}: {code} is no rule of the policies of decisions for {policy.product}"


def _of_account(account: BankAccount | CollectionMapping) -> list[Reference]:
    return [(Product, account.product, "product"), (ReceiptMatching, account.matching, "matching")]


def _not_in_force(
    known: dict[tuple[type[Policy], str], list[Policy]],
    model: type[Policy],
    name: str,
    on: dt.date,
) -> str | None:
    """Why loans of a product that begins on a date can't live by a policy; None: they can.

    What the law sets may begin later: before, there is none of it.
    """
    versions = known.get((model, name), [])
    if not versions:
        return _unknown(known, model, name)
    if any(each.effective_from <= on or each.of_law for each in versions):
        return None
    first = min(each.effective_from for each in versions)
    here = f"{FOLDER_OF[model]}/{name}"
    return (
        f"{here} begins on {first}, after the product on {on}, so no day of its loans could be closed; give "
        f"{here} an effective_from of {on} or before, or add a version of it that has"
    )


def _unknown(
    known: dict[tuple[type[Policy], str], list[Policy]], model: type[Policy], name: str
) -> str:
    names = sorted(each for kind, each in known if kind is model)
    return (
        f"no {model.__name__} is named {name!r}; known: {', '.join(names) or 'none'}; mend the name, or add "
        f"{FOLDER_OF[model]}/{name}.yaml"
    )


def _other_events(
    product: Product, known: dict[tuple[type[Policy], str], list[Policy]]
) -> Iterator[str]:
    for field, (event, name) in _fees(product).items():
        others = {
            fee.event
            for fee in known.get((Fee, name or ""), [])
            if isinstance(fee, Fee) and fee.event != event
        }
        if others:
            yield (
                f"field {field}: fees/{name} has `event: {min(others)}`; name a fee with `event: {event}`"
            )
