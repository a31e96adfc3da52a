"""Settlement offers: what they are worth by policy, and what paying and settling would book, before anyone orders it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from loanbook.core.access.actor import Actor
from loanbook.core.catalogue.components import CLAIM_ROLES, Component
from loanbook.core.collections.promises import money_of
from loanbook.core.collections.settling import Settlement, below_floor, settlement, why_not
from loanbook.core.contract.money import CURRENCY_NAMES, to_major
from loanbook.core.ledger.events import as_kept
from loanbook.core.policy.file_mappings import CANONICAL_PAYMENTS
from loanbook.core.policy.lending.settlement_rules import SettlementRules
from loanbook.core.store.known.promises import MONEY
from loanbook.pipelines.approvals.desk import Desk
from loanbook.pipelines.approvals.judged import Judged, OrderRefusedError, judge
from loanbook.pipelines.approvals.preview import Preview, preview
from loanbook.pipelines.ingest import receipts
from loanbook.pipelines.ingest.intake import knowledge
from loanbook.pipelines.ingest.landing import LandingFile

VERB = "settle"
_STANDS = f"""
    SELECT p.business_date, p.days_past_due, {" + ".join(f"p.{name}" for name in CLAIM_ROLES)} AS owed, k.currency
    FROM positions_now p JOIN loan_keys k ON k.loan_id = p.loan_id
    WHERE p.loan_id = $loan AND p.business_date BETWEEN $first AND $last ORDER BY p.business_date
"""


def rules_of(desk: Desk, on: dt.date) -> SettlementRules:
    """The rules in force on a date."""
    return desk.policies.in_force(SettlementRules, "standard", on)


def offered(desk: Desk, loan_key: str, amount: int, by: dt.date) -> tuple[Settlement, Preview]:
    """An offer that `amount` (minor units) paid on a day to come settles a loan: its figures by policy, of what is owed on
    that day, and what both the payment and the settlement would do by then, by the engine itself. OrderRefusedError names
    the rule that forbids it."""
    _, published = desk.ledger.published()
    if published is None or by <= published:
        raise OrderRefusedError(f"{by} is over: offer a day after {published}")
    row = {"command": VERB, "loan_key": loan_key, "value_date": str(published), "maker": "judged", "checker": "PENDING",
           "reason": "settlement", "command_ref": "judged"}  # fmt: skip
    home = desk.people.settings.home
    judged = judge(desk.ledger, desk.policies, home, row)
    stands = _stands(desk, judged.loan_id, published, rules_of(desk, published).within_days)
    currency = CURRENCY_NAMES[int(stands["currency"][0])]
    paid = _payment(desk, loan_key, to_major(amount, currency), currency, by)
    settle = judged.added.with_columns(value_date=pl.lit(by), booking_date=pl.lit(by))
    added = pl.concat([as_kept(paid), as_kept(settle)])
    first = judged.known.height + 1
    added = added.with_columns(event_id=pl.int_range(first, first + added.height, dtype=pl.Int64))
    seen = preview(Judged(judged.loan_id, judged.known, added, by), desk.policies)
    without = dict(seen.balances.select("figure", "before").rows())
    owed = sum(without.get(each.part, 0) for each in Component)
    if amount > owed:
        raise OrderRefusedError(
            f"{to_major(amount, currency)} {currency} is more than is owed on {by}: {to_major(owed, currency)}"
        )
    days = max(_most_days(stands), without.get("days_past_due", 0))
    return settlement(rules_of(desk, published), owed, amount, days), seen


def must_be_allowed(desk: Desk, maker: Actor, judged: Judged) -> None:
    """OrderRefusedError unless who orders a settlement may: what came in the days before it counts as paid for it."""
    offer, rules, currency = _ordered(desk, judged)
    _must_not(offer, rules, currency, why_not(offer, rules, maker))


def must_keep_floor(desk: Desk, judged: Judged) -> None:
    """OrderRefusedError where a settlement that waits is below its floor by now: money that was counted went back."""
    offer, rules, currency = _ordered(desk, judged)
    _must_not(offer, rules, currency, below_floor(offer, rules))


def _must_not(offer: Settlement, rules: SettlementRules, currency: str, why: str) -> None:
    if why:
        paid, owed = (to_major(minor, currency) for minor in (offer.paid, offer.owed))
        raise OrderRefusedError(
            f"{why}; {paid} of {owed} {currency} came in {rules.within_days} days"
        )


def _ordered(desk: Desk, judged: Judged) -> tuple[Settlement, SettlementRules, str]:
    """What a settlement that is ordered comes to, the rules of its day, and its currency. OrderRefusedError where
    nothing says what is owed."""
    on = judged.added["value_date"].max()
    assert isinstance(on, dt.date)
    rules = rules_of(desk, on)
    stands = _stands(desk, judged.loan_id, on, rules.within_days)
    if stands.is_empty():
        raise OrderRefusedError(
            f"the loan has no position of the {rules.within_days} days before {on}: nothing says what is owed; close "
            "the days to it first"
        )
    paid = int(money_of(_money(desk, judged.loan_id, on, rules.within_days))["amount"].sum())
    offer = settlement(rules, int(stands["owed"][-1]) + paid, paid, _most_days(stands))
    return offer, rules, CURRENCY_NAMES[int(stands["currency"][0])]


def _stands(desk: Desk, loan: int, last: dt.date, days: int) -> pl.DataFrame:
    since = last - dt.timedelta(days=days)
    return desk.reader.query(_STANDS, {"loan": loan, "first": since, "last": last})


def _most_days(stands: pl.DataFrame) -> int:
    most = stands["days_past_due"].max()
    return int(most) if isinstance(most, int) else 0


def _money(desk: Desk, loan: int, last: dt.date, days: int) -> pl.DataFrame:
    since = {"on": last, "booked": dt.date.max, "first": last - dt.timedelta(days=days)}
    return desk.ledger.beside(MONEY, since, _promised=pl.DataFrame({"loan_id": [loan]}))


def _payment(desk: Desk, loan_key: str, amount: str, currency: str, on: dt.date) -> pl.DataFrame:
    """The event of a payment, as intake would take it on a day."""
    rows = pl.DataFrame({"payment_ref": ["offered"], "loan_key": [loan_key], "amount": [amount], "currency": [currency],
                         "value_date": [str(on)]})  # fmt: skip
    data = rows.write_csv().encode()
    file = LandingFile(Path(f"payments_{on}_0.csv"), "offered", len(data), "payments", on)
    known = knowledge(desk.ledger, desk.policies, desk.people.settings.home)
    taken = receipts.taken(data, file, desk.policies, CANONICAL_PAYMENTS, known)
    if taken.bad or taken.events is None:
        found = taken.bad[0] if taken.bad else {"rule": "known already", "found": ""}
        raise OrderRefusedError(
            f"the payment would be refused by the rule {found['rule']}: {found['found']}"
        )
    return taken.events
