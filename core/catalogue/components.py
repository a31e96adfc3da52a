"""What a claim is made of, one row a component; all that lists components is derived from the rows.

A new component is a row here. Its receivable is a role of `accounts`, with a number in the accounts
policies; a migration adds its column of positions to stored ledgers. Append only: codes are stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import polars as pl

from loanbook.core.catalogue.accounts import ROLE


@dataclass(frozen=True)
class Row:
    """What the product knows of a component."""

    part: str
    """The part of the claim that it is, as figures and reports call it."""
    meaning: str
    due: str
    """Column of positions: what is due of it and unpaid."""
    receivable: str
    """Account role that carries what is due of it."""
    loss: str
    """Account role against which a charge-off takes it off the books."""
    balance: str | None = None
    """Column of positions that counts in the claim, where that is more than what is due."""
    accrued: str | None = None
    """Column of positions, and account role, of what is earned and not billed."""
    of_schedule: bool = False
    """Instalments are made of it; else it is charged."""
    booked_to: str | None = None
    """Account role that a charge of it is booked to; none of what the schedule asks."""
    income: bool = False
    """A charge of it is the lender's income; else it is owed to another, as taxes are."""
    by_order: bool = False
    """People charge it by a command of its name, `charge_NAME`."""
    demanded_again: bool = False
    """A chargeback may ask again for what its payment had met of it."""
    taxable: bool = False
    """A tax may be on it."""
    paid_after: str | None = None
    """Component behind which a waterfall that does not name it pays it; none: all name it."""


class Component(IntEnum):
    """What a due is made of: its code, and its row."""

    _value_: int
    row: Row

    def __new__(cls, code: int, row: Row) -> Component:
        """The member of a code, with its row."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.row = row
        return made

    principal = (
        0,
        Row(
            part="principal",
            meaning="Principal billed and unpaid",
            due="principal_due",
            receivable="loan_principal",
            loss="credit_loss",
            balance="principal",
            of_schedule=True,
        ),
    )
    interest = (
        1,
        Row(
            part="interest",
            meaning="Interest billed and unpaid",
            due="interest_due",
            receivable="interest_due",
            loss="interest_charged_off",
            accrued="interest_accrued",
            of_schedule=True,
            demanded_again=True,
            taxable=True,
        ),
    )
    fee = (
        2,
        Row(
            part="fees",
            meaning="Fees charged and unpaid",
            due="fees_due",
            receivable="fees_receivable",
            loss="fee_charged_off",
            booked_to="fee_income",
            income=True,
            by_order=True,
            demanded_again=True,
            taxable=True,
        ),
    )
    penalty = (
        3,
        Row(
            part="penalties",
            meaning="Penalties charged and unpaid",
            due="penalties_due",
            receivable="penalties_receivable",
            loss="fee_charged_off",
            booked_to="penalty_income",
            income=True,
            by_order=True,
            demanded_again=True,
            taxable=True,
        ),
    )
    tax = (
        4,
        Row(
            part="taxes",
            meaning="Taxes asked and unpaid",
            due="taxes_due",
            receivable="tax_receivable",
            loss="fee_charged_off",
            booked_to="tax_payable",
        ),
    )

    @property
    def part(self) -> str:
        """The part of the claim that it is: `fees` of `fee`."""
        return self.row.part

    @property
    def due(self) -> str:
        """Column of positions: what is due of it and unpaid."""
        return self.row.due

    @property
    def charged_to(self) -> str:
        """Account role that a charge of it is booked to."""
        assert self.row.booked_to is not None, f"{self.name} is not charged"
        return self.row.booked_to

    @property
    def balances(self) -> dict[str, str]:
        """Columns of positions that make up its part of the claim, and the account role of each."""
        billed = {self.row.balance or self.row.due: self.row.receivable}
        return billed | ({self.row.accrued: self.row.accrued} if self.row.accrued else {})


BY_CODE = {each.value: each for each in Component}
NAMES = tuple(each.name for each in Component)
PARTS = {each.part: each for each in Component}
"""Parts of the claim by name, in the order of codes."""
BALANCES = {each.part: tuple(each.balances) for each in Component}
"""Parts of the claim by name, and the columns of positions that each is the sum of."""
PART_OF_ROLE = {role: each.part for each in Component for role in each.balances.values()}
"""Account roles that carry the claim, and the part that each belongs to."""
SCHEDULE = tuple(each for each in Component if each.row.of_schedule)
"""What instalments are made of; their codes come first."""
CHARGES = tuple(each for each in Component if not each.row.of_schedule)
"""What is charged beside the schedule."""
INCOME = tuple(each for each in CHARGES if each.row.income)
"""Charges that are the lender's income; others are owed to another, as taxes are."""
OWED_ON = tuple(each for each in CHARGES if not each.row.income)
DEMANDED_AGAIN = {each.name: each for each in Component if each.row.demanded_again}
"""What a chargeback may ask again, by name."""
TAXABLE = tuple(each.name for each in Component if each.row.taxable)
BY_ORDER = {f"charge_{each.name}": each for each in CHARGES if each.row.by_order}
"""Commands by which people charge a component."""
DUES = {each.due: each for each in Component}
"""Columns of positions that show what is due, and the component of each."""
CLAIM_ROLES = {column: role for each in Component for column, role in each.balances.items()}
"""Columns of positions that make up the claim, and the account role that carries each."""
RECEIVABLE = {each.value: ROLE[each.row.receivable] for each in Component}
"""Codes of components, and of the account role that money for each credits."""
LOSS = {each.value: ROLE[each.row.loss] for each in Component}
"""Codes of components, and of the account role that each was charged off against."""
_OF_SCHEDULE = max(each.value for each in SCHEDULE)
assert all(each.value > _OF_SCHEDULE for each in CHARGES), "codes of the schedule come first"


def completed_order(order: list[str], timings: tuple[str, ...]) -> list[str]:
    """A waterfall's steps (`timing.component`) with those that it may leave out (`Row.paid_after`)."""
    steps = list(order)
    for each in Component:
        for timing in timings:
            step, before = f"{timing}.{each.name}", f"{timing}.{each.row.paid_after}"
            if step not in steps and before in steps:
                steps.insert(steps.index(before) + 1, step)
    return steps


def is_(component: Component) -> pl.Expr:
    """Dues or allocations of a component; reads `component`."""
    return pl.col("component") == component.value


def is_principal() -> pl.Expr:
    """Dues or allocations of principal."""
    return is_(Component.principal)


def is_interest() -> pl.Expr:
    """Dues or allocations of interest."""
    return is_(Component.interest)


def of_schedule() -> pl.Expr:
    """Dues or allocations that instalments are made of: principal and interest."""
    return pl.col("component") <= _OF_SCHEDULE


def is_charge() -> pl.Expr:
    """Dues or allocations of what is charged beside the schedule: fees, penalties, taxes."""
    return pl.col("component") > _OF_SCHEDULE
