"""Every policy file that is accepted lives: products by chance, each with a loan from its payout to its payoff.

`make oracle SEED= LIVES=` draws others, and more of them.
"""

from __future__ import annotations

import os

import pytest

from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.policy.product import Product
from loanbook.core.servicing.laws.trial import faults
from tests.core.loans import Story, product_of, terms, with_more
from tests.oracle.engine import events_of
from tests.oracle.fuzzed import Fuzz, at_their_greatest, short_life

SEED = int(os.environ.get("SEED") or 1)
PRODUCTS = max(10, int(os.environ.get("LIVES") or 80) // 8)


def test_what_validates_lives(policies: PolicyBook) -> None:
    """The trial of loans that enter a book: every law on each visit, a fault of the engine told by loan."""
    made = Fuzz(SEED).policies(PRODUCTS)
    book = with_more(policies, *made)
    products = [policy for _, policy in made if isinstance(policy, Product)]
    lives = [short_life(n, each, SEED) for n, each in enumerate(products, start=1)]
    assert len(lives) == PRODUCTS
    found = faults(events_of(book, lives), book)
    told = [
        f"{law}: {figures}\n  {products[number - 1].model_dump(exclude_defaults=True)}\n  "
        f"{lives[number - 1].terms}\n  {lives[number - 1].events}"
        for number, law, figures in found.rows()
    ]
    assert not told, f"seed {SEED}: {len(told)} products\n" + "\n".join(told[:4])


PRODUCT = """name: never
version: 1
effective_from: 2000-01-01
entity: us-consumer
currency: USD
schedule: {amortisation: equal_instalment, rate_basis: ACT/365F}
interest: {accrual: daily}
"""
TAX = "name: never\nversion: 1\neffective_from: 2000-01-01\nrate_ppb: 1\n"
CALENDAR = "name: never\nversion: 1\neffective_from: 2000-01-01\nsource: none\n"


@pytest.mark.parametrize(
    ("folder", "text", "said"),
    [
        ("products", PRODUCT + 'penal: {rate_percent: "-3"}', "penal.rate_percent"),
        (
            "products",
            PRODUCT + 'floating: {index: b, reset_cap_percent: "-1"}',
            "reset_cap_percent",
        ),
        (
            "products",
            PRODUCT + 'floating: {index: b, floor_percent: "5", cap_percent: "4"}',
            "floor_percent is above cap_percent",
        ),
        ("products", PRODUCT + "payments: {chargeback: [fee, fee]}", "fee is named twice"),
        ("taxes", TAX + "of: [fee, interest, fee]", "fee is named twice"),
        (
            "products",
            PRODUCT.replace("ACT/365F", "daily") + 'floating: {index: b, floor_percent: "21"}',
            "floor_percent: 21 % a day",
        ),
        ("products", PRODUCT + "bounds: {instalments: [60, 3]}", "instalments: 60 is above 3"),
        ("products", PRODUCT + "bounds: {rate_percent: [9.5, 3]}", "rate_percent: 9.5 is above 3"),
        (
            "products",
            PRODUCT.replace("365F}", "365F, grace_principal: 200}"),
            "schedule.grace_principal",
        ),
        ("calendars", CALENDAR + "weekend: [7, 1, 2, 3, 4, 5, 6]", "all seven days are weekend"),
        ("calendars", CALENDAR + "weekend: [0]", "weekend.0"),
    ],
)
def test_what_no_loan_could_live_by_is_refused(folder: str, text: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        parse(folder, "never.yaml", text)


def test_the_greatest_number_that_a_field_accepts_lives(policies: PolicyBook) -> None:
    """One product for each number of a product's or a charge's file, at its upper bound."""
    made = [policy for each in at_their_greatest() for policy in each]
    book = with_more(policies, *made)
    products = [policy for _, policy in made if isinstance(policy, Product)]
    assert len(products) > 35
    lives = [short_life(n, each, 1) for n, each in enumerate(products, start=1)]
    told = [(products[number - 1].description, law, figures)
            for number, law, figures in faults(events_of(book, lives), book).rows()]  # fmt: skip
    assert not told


def test_a_rate_too_high_for_18_decimals_stops_no_loan_that_has_another_rate_factor(
    policies: PolicyBook,
) -> None:
    decimal = product_of(policies, "instalment-act365")
    rounded = decimal.schedule.model_copy(update={"rate_factor": "decimal_18"})
    other = decimal.model_copy(update={"name": "rounded", "schedule": rounded})
    book = with_more(policies, ("products", other))
    story = Story(book).lent(terms(book, "daily-rate", loan_id=1, rate="40", n=2))
    story = story.lent(terms(book, "rounded", loan_id=2))
    life = story.live("2024-02-01")
    # 1,200.00 at 40 % a day for 31 nights
    assert life.on("2024-02-01", 1)["interest_due"] == 120_000 * 40 // 100 * 31
    assert life.on("2024-02-01", 2)["interest_due"] == round(120_000 * 0.12 * 31 / 365)
