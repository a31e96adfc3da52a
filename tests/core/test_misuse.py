"""Who orders beyond their peers, orders of loans of their own, and pairs that always agree."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from loanbook.core.catalogue.kinds import Kind
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.policy.rights.misuse import MisuseRules
from loanbook.core.reporting.misuse import DECISIONS, ORDERS, misuse

ON = dt.date(2026, 3, 31)
WAIVED, REFUNDED, REOPENED = Kind.charge_waived, Kind.credit_refunded, Kind.reopened
NO_OWN = pl.DataFrame(schema={"user": pl.String, "loan_key": pl.String})
NO_DECISIONS = pl.DataFrame(schema=DECISIONS)


@pytest.fixture
def rules(policies: PolicyBook) -> MisuseRules:
    return policies.in_force(MisuseRules, "standard", ON)


def _orders(*told: tuple[str, Kind, int], loan: str = "L-1", borrower: str | None = None) -> pl.DataFrame:  # fmt: skip
    """So many orders of a kind by a maker."""
    makers = [(maker, kind) for maker, kind, count in told for _ in range(count)]
    return pl.DataFrame(
        [(n, loan, kind.value, ON, ON, 100, "USD", maker, "bob", "asked", f"o{n}", borrower)
         for n, (maker, kind) in enumerate(makers)], schema=ORDERS, orient="row",
    )  # fmt: skip


def test_who_waives_far_more_than_the_median_is_found_and_small_counts_are_not(
    rules: MisuseRules,
) -> None:
    # waivers 3, 4, 4, 5, 6, 30: median 4.5, distances 1.5 0.5 0.5 0.5 1.5 25.5, their median 1, a spread of 1.48;
    # not less than the root of 4.5, 2.12: beyond 4.5 + 4 × 2.12 = 12.99
    peers = [("ann", 3), ("ben", 4), ("cat", 4), ("dan", 5), ("eve", 6), ("Fay", 20), (" fay", 10)]
    waivers = [(name, WAIVED, count) for name, count in peers]
    # refunds 0, 0, 0, 0, 0, 4: above 0 + 4 × 1 by none; reopenings 5 of one: above 4, and not fewer than 5
    orders = _orders(*waivers, ("ann", REFUNDED, 4), ("ben", REOPENED, 5))
    found, rows = misuse(orders, NO_DECISIONS, NO_OWN, rules)
    assert found.select("rule", "act", "user", "count", "typical", pl.col("limit").round(2)).rows() == [
        ("beyond_peers", "reopenings", "ben", 5, 0.0, 4.0),
        ("beyond_peers", "waivers", "fay", 30, 4.5, 12.99),
    ]  # fmt: skip
    assert rows.group_by("act", "user", maintain_order=True).len().rows() == [
        ("reopenings", "ben", 5),
        ("waivers", "fay", 30),
    ]
    alone, _ = misuse(orders.filter(pl.col("maker").is_in(["ann", "Fay"])), NO_DECISIONS, NO_OWN, rules)  # fmt: skip
    assert alone.is_empty()  # one other is no peer group


def test_orders_and_approvals_of_loans_of_ones_own_are_found_also_by_their_borrower(
    rules: MisuseRules,
) -> None:
    orders = pl.concat([
        _orders(("ann", WAIVED, 1), loan="L-1", borrower="x"),
        _orders(("ben", WAIVED, 2), loan="L-2", borrower="x").with_columns(pl.col("event_id") + 10),
        _orders(("ann", WAIVED, 1), loan="L-3").with_columns(pl.col("event_id") + 20),
    ])  # fmt: skip
    own = pl.DataFrame({"user": ["BOB", "ann"], "loan_key": ["L-1", "L-3"]})
    found, rows = misuse(orders, NO_DECISIONS, own, rules)
    assert found.select("rule", "user", "count").rows() == [
        ("own_account", "ann", 1), ("own_account", "bob", 3),
    ]  # fmt: skip
    assert rows["event_id"].to_list() == [20, 0, 10, 11]


def test_pairs_that_always_agree_are_found_where_others_would_not(rules: MisuseRules) -> None:
    def decided(maker: str, checker: str, yes: int, no: int = 0) -> list[tuple[str, ...]]:
        verdicts = ["approved"] * yes + ["rejected"] * no
        return [
            (f"{maker}{checker}{n}", "L-1", maker, checker, verdict)
            for n, verdict in enumerate(verdicts)
        ]

    told = [
        *decided("ann", "bob", 40), *decided("ann", "cat", 2), *decided("dan", "bob", 10, 4),
        *decided("dan", "cat", 20, 4), *decided("eve", "cat", 9, 1), *decided("eve", "fay", 10, 1),
    ]  # fmt: skip
    decisions = pl.DataFrame(told, schema=DECISIONS, orient="row")
    found, rows = misuse(pl.DataFrame(schema=ORDERS), decisions, NO_OWN, rules)
    # of 61 decisions of others 10 were rejections: of 40 it would be 6.6; 40 of ann's 42 were bob's
    assert found.select("rule", "user", "other", "count", pl.col("typical").round(1)).rows() == [
        ("always_together", "ann", "bob", 40, 23.1),
        ("never_rejects", "ann", "bob", 40, 6.6),
    ]
    assert found["why"][1] == "bob decided 40 orders of ann and rejected none; at the rate of all others it would be 6.6"  # fmt: skip
    assert rows.height == 80


def test_rules_that_name_no_order_are_refused() -> None:
    text = "name: standard\nversion: 2\neffective_from: 2026-01-01\ndescription: x\nacts: {waivers: [forgive]}\n"
    with pytest.raises(PolicyError, match=r"acts\.waivers: 'forgive' is no order; use some of"):
        parse("misuse_rules", "mine.yaml", text)
