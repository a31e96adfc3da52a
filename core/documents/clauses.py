"""What a product's policies say of late money, early payment and a floating rate, in words for a contract."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from loanbook.core.contract.money import percent, to_major
from loanbook.core.documents.paper import BORROWERS, GUARANTOR, Clause, Party
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Fee, FeeAmount, LateFee
from loanbook.core.policy.product import Product


def clauses(
    product: Product, policies: PolicyBook, jurisdiction: str, on: dt.date
) -> tuple[Clause, ...]:
    """Clauses of a loan of the product in a place, by the policies in force on a date."""
    money = product.currency
    return (
        Clause(name="Late payment", text=_late(product, policies, jurisdiction, on)),
        Clause(name="Early repayment", text=_early(product, policies, jurisdiction, on)),
        Clause(name="Interest rate", text=_rate(product)),
        Clause(name="Days past due", text="An instalment that is not paid in full on its due date is past due from "
               f"the next day on. Amounts are in {money}; each is rounded to its minor unit."),
    )  # fmt: skip


def of_parties(parties: Sequence[Party]) -> tuple[Clause, ...]:
    """Clauses of an agreement by which several persons are bound; none where one borrower is."""
    found = []
    if sum(each.role in BORROWERS for each in parties) > 1:
        found.append(Clause(name="Several borrowers", text="Each borrower named above owes the whole of what this agreement asks; what one of "
                            "them pays, the others no longer owe."))  # fmt: skip
    if any(each.role == GUARANTOR for each in parties):
        found.append(Clause(name="Guarantee", text="The guarantor named above answers for what the borrower owes by this agreement and has not paid "
                            "when it is due."))  # fmt: skip
    return tuple(found)


def _late(product: Product, policies: PolicyBook, place: str, on: dt.date) -> str:
    parts = []
    if product.late_fee:
        rule = policies.in_force(LateFee, product.late_fee, on)
        amount = _amount(
            _of_place(rule, rule.by_jurisdiction, place),
            product.currency,
            "the principal and interest unpaid",
        )
        parts.append(
            f"An instalment that is unpaid {rule.grace_days} days after its due date costs a fee once: {amount}."
            if amount else "No fee is asked for an instalment that is paid late."
        )  # fmt: skip
    if product.penal:
        parts.append("What is overdue bears penal interest, as the product's terms say.")
    return " ".join(parts) or "No fee and no penal interest are asked for what is paid late."


def _early(product: Product, policies: PolicyBook, place: str, on: dt.date) -> str:
    said = "The loan may be paid in full at any time; interest is then owed to the day of payment."
    if product.interest.accrual == "scheduled":
        said = "The loan may be paid in full at any time; the interest then owed follows the rebate of the product."
    if not product.prepayment_fee:
        return f"{said} No fee is asked for it."
    rule = policies.in_force(Fee, product.prepayment_fee, on)
    amount = _amount(
        _of_place(rule, rule.by_jurisdiction, place),
        product.currency,
        "the amount agreed" if rule.of == "agreed" else "the principal prepaid",
    )
    return f"{said} {f'It costs a fee: {amount}.' if amount else 'No fee is asked for it.'}"


def _rate(product: Product) -> str:
    if product.floating is None:
        return "The rate is fixed for the whole term."
    return "The rate follows its index: instalments after each reset change with it, and are shown at today's rate."


def _of_place(rule: FeeAmount, by_place: dict[str, FeeAmount], place: str) -> FeeAmount:
    """The rule of a subdivision, else of its country, else the general one."""
    return by_place.get(place) or by_place.get(place.partition("-")[0]) or rule


def _amount(rule: FeeAmount, currency: str, base: str) -> str:
    """A fee in words; empty: none is asked."""
    parts = []
    if rule.flat_minor:
        parts.append(f"{to_major(rule.flat_minor, currency)} {currency}")
    if rule.percent_ppb:
        parts.append(f"{percent(rule.percent_ppb)} % of {base}")
    told = " and ".join(parts)
    if told and rule.minimum_minor:
        told += f", at least {to_major(rule.minimum_minor, currency)}"
    if told and rule.maximum_minor is not None:
        told += f", at most {to_major(rule.maximum_minor, currency)}"
    return told
