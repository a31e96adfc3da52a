"""Classic schedules with recalculated interest, as the suite shows them.

Money in advance stands with the running instalment; the suite lists it as if it had met that instalment's
interest first, where the order of its strategy has interest before principal. What goes on to the next
instalments (`running_then_next`) it shows with the instalment in whose period it came: that one asks so
much more, those after it so much less. Instalments that nothing is left for are no rows.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from loanbook.core.catalogue.codes import Timing
from loanbook.core.catalogue.components import Component
from tests.conformance.products import STRATEGIES, STRATEGY, rate_of, recalculated

if TYPE_CHECKING:
    from tests.conformance.shown import Shown

Rows = list[dict[str, Any]]
PRINCIPAL, INTEREST = Component.principal.value, Component.interest.value


def is_classic(terms: dict[str, Any]) -> bool:
    """A loan of a classic schedule whose interest is recalculated."""
    return terms["schedule_type"] == "CUMULATIVE" and recalculated(terms)


def takes_again(terms: dict[str, Any]) -> bool:
    """A classic loan whose schedule stands: a later payout takes again what was paid in advance."""
    return terms["schedule_type"] == "CUMULATIVE" and not recalculated(terms)


def with_what_met(dues: pl.DataFrame, paid: pl.DataFrame) -> pl.DataFrame:
    """What was paid of principal in advance, with the instalments that it stands with since a later payout took
    it again: the money that came first with the earliest due."""
    money = paid.to_dicts()
    ahead = [r for r in money
             if r["component"] == PRINCIPAL and r["timing"] == Timing.in_advance]  # fmt: skip
    others = [r for r in money if r not in ahead]
    left = {}
    for row in sorted(dues.to_dicts(), key=lambda r: (r["due"], abs(r["instalment_no"]))):
        if row["component"] == PRINCIPAL:
            number = row["instalment_no"]
            own = [
                r for r in others if r["instalment_no"] == number and r["component"] == PRINCIPAL
            ]
            left[number] = row["paid"] - sum(r["amount"] for r in own)
    found = others
    for each in sorted(ahead, key=lambda r: r["on"]):
        for number, room in left.items():
            part = min(each["amount"], room)
            if part > 0:
                found.append(each | {"instalment_no": number, "amount": part})
                left[number] -= part
                each["amount"] -= part
    return pl.DataFrame(sorted(found, key=lambda r: r["on"]), schema=paid.schema)


def shown_as(
    terms: dict[str, Any], dues: pl.DataFrame, paid: pl.DataFrame, ended: dt.date | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Dues and what was paid of them, as the suite shows them of a classic loan; `ended`: the day on which it
    was paid off."""
    owed, money = dues.to_dicts(), paid.to_dicts()
    if ended:
        _settled_on(owed, money, ended)
    rule = STRATEGY[terms["interest_recalculation"]["reschedule_strategy"]]
    if rule == "running_then_next":
        _where_it_came(owed, money)
    _, in_advance = STRATEGIES[terms["repayment_strategy"]]
    if "R" not in in_advance[: in_advance.index("I")]:
        money = _interest_first(owed, money)
    asked = {r["instalment_no"] for r in owed if r["amount"] or r["component"] > INTEREST}
    last = max(asked, default=0)
    owed = [r for r in owed if r["instalment_no"] <= last]
    return pl.DataFrame(owed, schema=dues.schema), pl.DataFrame(money, schema=paid.schema)


def _settled_on(owed: Rows, money: Rows, ended: dt.date) -> None:
    """The instalment that ran when the loan was paid off ends on that day."""
    for row in owed:
        if row["due"] > ended and row["component"] <= INTEREST:
            row["due"] = ended
            for each in money:
                if each["instalment_no"] == row["instalment_no"] and each["on"] == ended:
                    each["timing"] = Timing.due.value


def _where_it_came(owed: Rows, money: Rows) -> None:
    """Principal paid in advance, with the instalment in whose period it came."""
    rows = {r["instalment_no"]: r for r in owed
            if r["component"] == PRINCIPAL and r["instalment_no"] > 0}  # fmt: skip
    grid = sorted((r["due"], number) for number, r in rows.items())
    came: dict[int, int] = {}
    for each in money:
        if each["component"] != PRINCIPAL or each["timing"] == Timing.past_due:
            continue
        due, home = next((g for g in grid if g[0] >= each["on"]), (None, each["instalment_no"]))
        if each["timing"] == Timing.in_advance:
            each["instalment_no"] = home
            each["timing"] = Timing.due.value if due == each["on"] else each["timing"]
        came[home] = came.get(home, 0) + each["amount"]
    carried = 0
    for _, number in grid:
        row, here = rows[number], came.get(number, 0)
        left = row["amount"] - carried
        asks = max(left, here, 0)
        carried = max(-left, 0) + asks - max(left, 0)
        row["paid"] += asks - row["amount"]
        row["amount"] = asks


def _interest_first(owed: Rows, money: Rows) -> Rows:
    """Money of instalments that some was paid of in advance, which meets their interest first."""
    dues = {(r["instalment_no"], r["component"]): r for r in owed}
    ahead = {r["instalment_no"] for r in money
             if r["component"] == PRINCIPAL and r["timing"] == Timing.in_advance}  # fmt: skip
    ahead = {n for n in ahead if (n, INTEREST) in dues and (n, PRINCIPAL) in dues}
    schedule = (PRINCIPAL, INTEREST)
    found = [r for r in money if r["instalment_no"] not in ahead or r["component"] not in schedule]
    for number in ahead:
        interest, principal = dues[number, INTEREST], dues[number, PRINCIPAL]
        pools: dict[tuple[Any, ...], dict[str, Any]] = {}
        for each in sorted((r for r in money if r not in found), key=lambda r: r["on"]):
            if each["instalment_no"] == number:
                pool = pools.setdefault((each["event_id"], each["timing"]), each | {"amount": 0})
                pool["amount"] += each["amount"]
        interest["paid"] = principal["paid"] = 0
        for pool in pools.values():
            first = min(pool["amount"], interest["amount"] - interest["paid"])
            rest = pool["amount"] - first
            interest["paid"] += first
            principal["paid"] += rest
            found += [pool | {"component": INTEREST, "amount": first}] if first else []
            found += [pool | {"component": PRINCIPAL, "amount": rest}] if rest else []
    return sorted(found, key=lambda r: r["on"])


def earned_by(shown: Shown, until: dt.date) -> int:
    """Interest that the suite has earned by a date: of periods that are over what their instalments ask, of
    the one that runs an even share of what it asks as of that date, arrears taken to be paid then."""
    start = shown.first_payout()
    over = 0
    for number, due, parts in shown.incomes():
        if number <= 0 or due <= start:
            continue
        if due <= until:
            over, start = over + parts[0], due
            continue
        nights, gone = (due - start).days, max((until - start).days, 0)
        share = Decimal(_asked_as_of(shown, until, (start, due), parts[0])) * gone / nights
        return over + int(share.to_integral_value("ROUND_HALF_EVEN"))
    return over


def _asked_as_of(
    shown: Shown, until: dt.date, period: tuple[dt.date, dt.date], asks: int
) -> Decimal | int:
    """What an instalment that `asks` so much now asked as of a day of its period, if its arrears bore since."""
    start, due = period
    rows = shown.seen.of(shown.id, "balances").filter(pl.col("on") < due).sort("on").to_dicts()
    if not any(r["principal_due"] for r in rows if r["on"] >= max(start, until)):
        return asks
    last, total = rows[-1], 0
    stood = {r["on"]: r for r in rows}
    for n in range((due - start).days):
        night = start + dt.timedelta(days=n)
        row = stood.get(night, last)
        ahead = night >= until or night > last["on"]
        total += row["principal"] - (row["principal_due"] if ahead else 0)
    interest = Decimal(total) * Decimal(rate_of(shown.terms)) / 100 / 365
    return interest.to_integral_value("ROUND_HALF_EVEN")
