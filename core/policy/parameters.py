"""What a product's file says as the parameters that its loans pin.

A column of `loanbook.core.contract.parameters.Parameters` says with its `source` which field of the file it
is read from: `schedule.stub`, or `schedule.tranches = all` for whether the field is that word. A field of
a part that the product has not (`line.due_days` of a loan) is 0. A word becomes the code that the column's
unit names, a percentage parts per billion. What no field says as it stands is worked out in `_computed`;
what needs other policies, in `PolicyBook.pins`.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import dataframely as dy

from loanbook.core.catalogue.codes import (
    AfterChargeOff,
    CreditUse,
    Excess,
    InterestMode,
    NonAccrual,
    Rebate,
)
from loanbook.core.contract.dates.business_days import BusinessDay
from loanbook.core.contract.dates.day_count import RateBasis
from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.first_period import Stub, StubInterest
from loanbook.core.contract.money import PPB, Rounding, rate_to_ppb
from loanbook.core.contract.parameters import Parameters
from loanbook.core.contract.steps_and_seasons import PLAIN, packed
from loanbook.core.frames import metadata
from loanbook.core.policy.product import Product

Values = dict[str, int | bool]

_ENUMS: tuple[type[IntEnum], ...] = (
    AfterChargeOff, Amortisation, BusinessDay, CreditUse, Excess, InterestMode, NonAccrual,
    Rebate, Rounding, Stub, StubInterest,
)  # fmt: skip
CODES: dict[str, dict[str, int]] = {
    f"code of {each.__name__}": {name: member.value for name, member in each.__members__.items()}
    for each in _ENUMS
} | {"code of RateBasis": {each.words: each.value for each in RateBasis}}
"""Codes of the words that a file may say, by the unit of the column that holds them."""
UNBOUNDED = 2**60
"""A rate (parts per billion) that no rate reaches."""


def of_product(product: Product, schema: type[dy.Schema] = Parameters) -> Values:
    """Every parameter that the product's file says by itself."""
    units = metadata(schema, "unit")
    read = {
        name: value_of(product, source, units[name])
        for name, source in metadata(schema, "source").items()
        if source is not None
    }
    return read | _computed(product)


def value_of(product: Product, source: str, unit: str) -> int | bool:
    """What a `source` says of a product, as a column of a `unit` holds it."""
    path, _, word = source.partition(" = ")
    value: Any = product
    for field in path.split("."):
        value = getattr(value, field)
        if value is None:  # the product has no such part
            return 0
    if word:
        return bool(value == word)
    if unit in CODES:
        return CODES[unit][value]
    return rate_to_ppb(value) if path.endswith("percent") else int(value)


def _computed(product: Product) -> Values:
    """What no field of the file says as it stands."""
    step, season = product.schedule.step_up, product.schedule.season
    return {
        "step_every": step.every if step else 1,
        "season": packed([Fraction(share) for share in season]) if season else PLAIN,
        "revolving": product.line is not None,
        **_floating(product),
    }


def _floating(product: Product) -> Values:
    """How a product's rate follows its index, in parts per billion; of a fixed rate, nothing."""
    rules = product.floating
    if rules is None:
        return dict.fromkeys(("rate_multiplier", "rate_floor", "rate_cap", "reset_cap"), 0)

    def ppb(text: str | None, otherwise: int) -> int:
        return otherwise if text is None else int(Decimal(text) * 10**7)

    return {
        "rate_multiplier": int(Decimal(rules.multiplier) * PPB),
        "rate_floor": ppb(rules.floor_percent, -UNBOUNDED),
        "rate_cap": ppb(rules.cap_percent, UNBOUNDED),
        "reset_cap": ppb(rules.reset_cap_percent, UNBOUNDED),
    }
