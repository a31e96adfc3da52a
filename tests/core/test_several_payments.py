"""Payments of one loan that follow each other on a day: poured at once they come to what each comes to alone."""

from __future__ import annotations

import os
import random

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from loanbook.core.servicing.day import transactions
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.replay.replay import replay
from tests.core.loans import Story, _event, product_of, terms, with_more

DAYS = ("2024-01-05", "2024-01-10", "2024-01-12")
"""Before the first due date, on it, and past due."""
BEYOND = ("next_instalment", "next_then_principal", "last_instalment", "spread", "next_then_last",
          "curtailment", "recast", "running_then_next")  # fmt: skip
OF = ("instalment-act365", "flat-rate", "pay-in-four")
"""Products that take money by each rule in turn: daily, flat, held as rows."""


def _with_rules(policies: PolicyBook) -> tuple[PolicyBook, list[str]]:
    """Every shipped product, and one for each rule of money beyond what is due that its model takes."""
    shipped = sorted({p.name for folder, p in policies.policies if folder == "products"})
    made: list[tuple[str, Product]] = []
    for of in OF:
        for excess in BEYOND:
            product = product_of(policies, of)
            told = product.model_dump(mode="json") | {"name": f"{of}-{excess.replace('_', '-')}"}
            told["payments"] |= {"excess": excess}
            try:
                made.append(("products", Product.model_validate(told)))
            except ValueError:
                continue
    return with_more(policies, *made), [*shipped, *(p.name for _, p in made)]


def _payments(book: PolicyBook, products: list[str], rng: random.Random) -> Story:
    story = Story(book)
    for loan_id, product in enumerate(products, start=1):
        story = story.lent(terms(book, product, loan_id=loan_id, n=4, first_due=DAYS[1], rate="9"))
        for day in DAYS:
            most = rng.choice((2_000, 9_000, 40_000))
            for n in range(rng.choice((0, 1, 5, 6))):
                story = story.paid(rng.randint(1, most), day, loan_id=loan_id, ref=f"p{n}")
            if rng.random() < 0.3:
                back = _event(Kind.chargeback, loan_id, day, rng.randint(1, 900), "p3b", None)
                story = Story(book, (*story.rows, back))
    return story


def _lived(story: Story, book: PolicyBook) -> dict[str, pl.DataFrame]:
    days = [done for _, done in replay(story.events(), book, pl.Series(DAYS).str.to_date().max())]
    return {
        "positions": pl.concat(d.book.positions.with_columns(on=d.date) for d in days),
        "dues": pl.concat(d.book.dues.with_columns(on=d.date) for d in days),
        "allocations": pl.concat(d.allocations for d in days).sort(pl.all()),
        "transfers": pl.concat(d.transfers for d in days).sort(pl.all()),
    }


def test_payments_poured_at_once_come_to_what_each_comes_to_alone(
    policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row by row: positions, dues, allocations, transfers. Loans whose rule does not go on from where the last
    payment ended are taken one by one; what tells them apart is held here too (`SEED=1` in the environment)."""
    book, products = _with_rules(policies)
    story = _payments(book, products, random.Random(int(os.environ.get("SEED", "1"))))
    turns: list[int] = []
    received = transactions.handler_of(Kind.payment_received)

    def counted(day: DayState, payments: pl.DataFrame) -> None:
        turns.append(payments.height - payments["loan_id"].n_unique())
        received(day, payments)

    own = transactions.handler_of
    monkeypatch.setattr(
        transactions,
        "handler_of",
        lambda kind: counted if kind is Kind.payment_received else own(kind),
    )
    at_once = _lived(story, book)
    assert sum(turns) > 100  # payments that cost no turn of their own
    turns.clear()
    monkeypatch.setattr(transactions, "MANY", 1_000)
    one_by_one = _lived(story, book)
    assert sum(turns) == 0
    for name, rows in one_by_one.items():
        assert at_once[name].equals(rows), name
