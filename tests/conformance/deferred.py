"""Deferred income as the suite takes it: each fee by a line of its own, rounded by itself; all of it when
the loan is sold. loanbook runs one line a loan, rounded as a whole."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

import polars as pl

from loanbook.core.catalogue.codes import Kind

if TYPE_CHECKING:
    from tests.conformance.shown import Shown

ONE_DAY = dt.timedelta(days=1)
SIGN = {Kind.fee_capitalised: 1, Kind.capitalised_fee_adjusted: -1, Kind.rate_bought_down: 1,
        Kind.buy_down_adjusted: -1}  # fmt: skip


class Taken:
    """Deferred income of a loan that is taken, or lost, by the end of each day, its night included."""

    def __init__(self, shown: Shown) -> None:
        mine = shown.seen.of(shown.id, "deferred").sort("on")
        self._left = dict(mine.select("on", "next").rows())
        self._night = dict(mine.select("on", pl.col("next") - pl.col("then")).rows())
        moves = [
            (s.date, (s.amount or 0) * SIGN[s.kind], s.i) for s, _ in shown.events if s.kind in SIGN
        ]
        self.signs = [(on, amount) for on, amount, _ in moves]
        steps = [s for s in shown.life.case["steps"] if s["i"] <= shown.life.after]
        self.sales = {dt.date.fromisoformat(s["settlement_date"]) for s in steps
                      if s["type"] == "asset_transfer" and s["loan"] == shown.life.loan
                      and s["transaction_type"] == "sale" and s.get("expect") != "rejected"}  # fmt: skip
        of = {s["i"]: s.get("original_date") for s in steps}
        self._by_fee = self._apart(
            [(on, amount, of[i] and dt.date.fromisoformat(of[i])) for on, amount, i in moves],
            dict(mine.select("on", "until").rows()),
        )
        given = shown.terms.get("capitalized_income")
        self.kind = "Capitalized Income" if given else "Buy Down Fee"
        given = given or shown.terms.get("buy_down_fee") or {}
        self.fee = given.get("income_type") == "FEE"

    def _apart(
        self, moves: list[tuple[dt.date, int, dt.date | None]], until: dict[dt.date, dt.date]
    ) -> dict[dt.date, int]:
        """What is taken by the end of each day, each fee's by itself; of a loan with one that is not sold
        nothing, the engine's line says it."""
        if sum(amount > 0 for _, amount, _ in moves) < 2 and not self.sales:
            return {}
        fees: list[tuple[dt.date, int, Decimal]] = []  # since when, what it is, what is left of it
        found = {}
        for day in sorted(until):
            fees += [
                (on, whole, Decimal(whole)) for on, whole, _ in moves if on == day and whole > 0
            ]
            for on, amount, of in moves:
                if on == day and amount < 0:
                    n = next((n for n, fee in enumerate(fees) if fee[0] == of), 0)
                    fees[n] = (
                        fees[n][0],
                        fees[n][1] + amount,
                        max(fees[n][2] + amount, Decimal(0)),
                    )
            nights = (until[day] - day).days
            fees = [(since, whole, left - left / nights if nights > 0 else Decimal(0))
                    for since, whole, left in fees]  # fmt: skip
            found[day] = sum(int((whole - left).to_integral_value(ROUND_HALF_EVEN))
                             for _, whole, left in fees)  # fmt: skip
            if day in self.sales:
                fees = [(since, whole, Decimal(0)) for since, whole, _ in fees]
        return found

    def given(self, date: dt.date) -> int:
        """What was deferred by a date, less what was given back."""
        return sum(n for on, n in self.signs if on <= date)

    def to(self, date: dt.date) -> int:
        return self._by_fee.get(date, self.given(date) - self._left.get(date, 0))

    def before(self, date: dt.date) -> int:
        """To the end of a day on which the line ended: by the line of the day before."""
        eve = date - ONE_DAY
        return self.to(eve) + self._night.get(eve, 0)
