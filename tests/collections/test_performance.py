"""What came of the work: counts beside shares, and no rank for who made too few contacts."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.collections.performance import MADE, by_agent, by_channel
from loanbook.core.collections.promises import JUDGED
from loanbook.core.reporting.delinquency import late_moves
from loanbook.core.reporting.roll_rates import forward_percent

DAY = dt.date(2024, 3, 1)


def _promise(
    n: int, agent: str, plan: int, amount: int, paid: int, verdict: str
) -> tuple[object, ...]:
    return (
        str(n),
        n // 10,
        dt.datetime(2024, 2, 1),
        DAY,
        DAY,
        amount,
        agent,
        plan,
        DAY,
        paid,
        verdict,
    )


def test_an_agent_of_few_contacts_has_counts_and_no_rank() -> None:
    made = pl.DataFrame([
        ("ann", "call", 25, 5, 20), ("ann", "sms", 5, 0, 5), ("ben", "call", 40, 10, 30), ("cy", "call", 29, 29, 29), ("", "sms", 900, 0, 800),
    ], schema=MADE, orient="row")  # fmt: skip
    verdicts = pl.DataFrame([
        _promise(10, "ann", 1, 1000, 1000, "kept"), _promise(11, "ann", 1, 1000, 0, "broken"),  # one promise of two payments
        _promise(20, "ben", 1, 3000, 2000, "partly_kept"), _promise(30, "cy", 1, 500, 700, "kept"), _promise(40, "ben", 1, 900, 0, "open"),
        _promise(50, "dee", 1, 100, 0, "replaced"),
    ], schema=JUDGED, orient="row")  # fmt: skip
    rows = {row["agent"]: row for row in by_agent(made, verdicts).to_dicts()}
    assert {name: row["rank"] for name, row in rows.items()} == {
        "ben": 1,
        "ann": 2,
        "cy": None,
        "dee": None,
    }
    ann = rows["ann"]
    assert (ann["attempts"], ann["right_party"], ann["right_party_share"]) == (30, 5, 166_666)
    assert (ann["promises"], ann["promised"], ann["promise_share"]) == (1, 2, 200_000)
    assert (ann["kept_share"], ann["paid_share"]) == (500_000, 500_000)
    assert rows["ben"]["paid_share"] == 666_666
    assert rows["cy"]["paid_share"] == 1_000_000  # no more than what was promised counts
    assert (rows["dee"]["attempts"], rows["dee"]["paid_share"]) == (0, None)
    assert by_channel(made).rows() == [("sms", 905, 0, 0), ("call", 94, 44, 468_085)]


def test_late_money_rolls_stays_gets_better_is_cured_or_paid_off_and_that_is_all_of_it() -> None:
    """300 late: 90 one bucket on, 30 charged off, 60 in the same, 30 better, 45 current, 45 paid off."""
    cells = pl.DataFrame(
        [(1, 2, "31-60", 60), (2, 3, "61-90", 30), (1, 5, "charged off", 30), (2, 2, "31-60", 60), (2, 1, "1-30", 30),
         (1, 0, "current", 45), (2, 6, "paid off", 45), (0, 1, "1-30", 999)],
        schema={"origin_place": pl.Int32, "target_place": pl.Int32, "target": pl.String, "amount": pl.Int64}, orient="row",
    ).with_columns(business_date=pl.lit(DAY))  # fmt: skip
    assert late_moves(cells).row(0) == (DAY, 300, 0.4, 0.2, 0.1, 0.15, 0.15)
    # 90 of 135 that stood in the first late bucket, 30 of 165 in the second
    assert forward_percent(cells).sort("place").rows() == [(1, 66), (2, 18)]
