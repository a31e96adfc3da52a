"""The rules of orders: each has words and a name of its own, can be broken, and stands on the page."""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
from collections import Counter
from typing import Any

import dataframely as dy
import polars as pl
import pytest

from loanbook.core.catalogue.codes import InterestMode, Kind, Status
from loanbook.core.contract.figures import Amortisation
from loanbook.core.servicing.orders import rules as room
from loanbook.core.servicing.orders.allowed import COLUMNS, RULES, broken_rule
from loanbook.core.servicing.orders.beside import OTHERS, with_others
from loanbook.core.servicing.orders.order import Orders
from loanbook.core.servicing.orders.page import orders_page
from loanbook.core.servicing.orders.rule import Rule
from loanbook.core.servicing.orders.what_is_left import beyond_what_is_left
from loanbook.pipelines.resources import ROOT

DAY = dt.date(2024, 3, 15)
NEXT = DAY + dt.timedelta(days=1)
FIXED = {"interest_mode": InterestMode.scheduled.value}
SOUND: dict[str, Any] = {
    "kind": Kind.rate_changed.value, "value_date": DAY, "amount": 100, "rate_ppb": 10**8,
    "due_date": DAY + dt.timedelta(days=30), "starts": DAY + dt.timedelta(days=5),
    "advance": False, "checked": True, "status": Status.active.value, "credit": 500,
    "disbursed_on": dt.date(2024, 1, 1), "last_money": dt.date(2024, 3, 1), "rate_now": 10**8,
    "moratorium_left": None, "accelerated_on": None, "rows_agreed": False, "interest_fixed": False, "payout_fee": 0, "term_after": 24, "most_instalments": 600, "instalment_no": 3,
    "instalments_agreed": 12, "lent": 1_000, "limit": 1_100, "capitalised": 100,
    "bought_down": 100, "amortisation": Amortisation.equal_instalment.value,
    "interest_mode": InterestMode.daily.value, "materialised": False, "revolving": False,
    "cash_advance_margin": 0, "rival": False, "pause_beside": False, "paid_out": 0,
    "withdrawn": False, "published": True, "highest_ppb": 3 * 10**8, "alone_below": None,
    "charge_limit": 1_000, "due_within_days": 1_830, "pause_days": 1_096, "merchant": True,
}  # fmt: skip
"""An order that may enter: a change of rate on an active instalment loan."""

BREAKS: dict[str, tuple[Kind, dict[str, Any]]] = {
    "needs_a_second_person": (Kind.goodwill_credit, {"checked": False, "alone_below": 100}),
    "loan_was_withdrawn": (Kind.rate_changed, {"withdrawn": True}),
    "a_published_version_has_read_it": (Kind.boarding_withdrawn, {}),
    "nothing_is_paid_out": (Kind.rate_changed, {"status": None}),
    "valued_before_boarding": (Kind.goodwill_credit, {"value_date": dt.date(2023, 12, 31)}),
    "loan_has_not_ended": (Kind.reopened, {}),
    "loan_has_ended": (Kind.reopened, {"status": Status.written_off.value}),
    "loan_owes_nothing": (Kind.write_off, {"status": Status.overpaid.value}),
    "loan_is_charged_off": (Kind.disbursed, {"status": Status.charged_off.value}),
    "no_line_of_credit": (Kind.limit_changed, {}),
    "a_line_has_no_schedule": (Kind.term_extended, {"revolving": True}),
    "less_than_the_day_pays_out": (
        Kind.limit_changed,
        {"revolving": True, "paid_out": 50, "amount": 999},
    ),
    "draw_period_is_over": (Kind.disbursed, {"revolving": True, "instalment_no": 13}),
    "the_product_has_no_advances": (Kind.disbursed, {"revolving": True, "advance": True}),
    "flat_loans_do_not_change": (
        Kind.term_extended,
        {"amortisation": Amortisation.flat.value},
    ),
    "rate_above_the_products_bound": (Kind.rate_changed, {"rate_ppb": 3 * 10**8 + 1}),
    "no_interest_follows_the_balance": (Kind.interest_paused, {"rate_now": 0}),
    "pause_ends_before_it_begins": (Kind.delinquency_paused, {"due_date": DAY}),
    "pause_longer_than_the_bound": (Kind.delinquency_paused, {"due_date": dt.date(2224, 3, 20)}),
    "pause_not_after_value_date": (Kind.interest_paused, {"starts": DAY}),
    "pause_shares_a_day_with_another": (Kind.delinquency_paused, {"pause_beside": True}),
    "contract_is_terminated": (Kind.rate_changed, {"accelerated_on": DAY}),
    "another_change_on_the_day": (Kind.rate_changed, {"rival": True}),
    "a_moratorium_runs": (Kind.rate_changed, {"moratorium_left": 1}),
    "schedule_is_agreed_row_by_row": (Kind.rate_changed, {"rows_agreed": True}),
    "change_of_fixed_interest": (Kind.contract_accelerated, FIXED),
    "change_of_interest_that_a_reage_fixed": (Kind.interest_capitalised, {"interest_fixed": True}),
    "no_instalment_was_billed_yet": (Kind.moratorium_granted, {"instalment_no": 1}),
    "more_principal_at_fixed_interest": (Kind.disbursed, FIXED),
    "reage_of_fixed_interest": (Kind.reaged, FIXED),
    "no_instalment_to_come": (Kind.term_extended, {"instalment_no": 13}),
    "due_date_not_after_value_date": (Kind.due_date_moved, {"due_date": DAY}),
    "due_date_before_the_start_date": (
        Kind.due_date_moved,
        {"due_date": NEXT, "starts": dt.date(2024, 9, 1)},
    ),
    "due_date_beyond_the_bound": (Kind.charge_assessed, {"due_date": dt.date(2299, 12, 31)}),
    "term_beyond_the_bound": (Kind.term_extended, {"term_after": 601}),
    "charge_due_in_the_past": (Kind.charge_assessed, {"due_date": dt.date(2024, 3, 14)}),
    "nothing_to_spread_anew_yet": (Kind.reamortised, {"disbursed_on": DAY}),
    "charge_off_before_the_last_payment": (Kind.charge_off, {"last_money": NEXT}),
    "more_than_may_be_lent": (Kind.disbursed, {"amount": 101}),
    "fee_not_below_the_payout": (Kind.disbursed, {"payout_fee": 100}),
    "more_than_was_capitalised": (Kind.capitalised_fee_adjusted, {"amount": 101}),
    "more_than_was_bought_down": (Kind.buy_down_adjusted, {"amount": 101}),
    "more_than_the_credit": (Kind.credit_refunded, {"amount": 501}),
    "charge_above_the_bound": (Kind.charge_assessed, {"amount": 1_001}),
    "no_merchant": (Kind.merchant_refund, {"merchant": False}),
}
"""An order for each rule, by its name: what is ordered, and what else differs from the sound one."""


def test_a_moratorium_and_a_pause_of_interest_stand_against_each_other() -> None:
    """Of one day in one file, whichever stands first; a pause that is over by then does not."""
    pause = {"kind": Kind.interest_paused.value, "value_date": DAY, "start": NEXT, "end": NEXT}
    grants = {"kind": Kind.moratorium_granted.value, "value_date": DAY, "start": None, "end": None}
    none = {"loan_id": 1, "amount": None, "source_ref": "a", "waits": True, "place": 1}
    apart = {"line": 2, "loan_id": 1, "command_ref": "b", "agreed": None}

    def beside(kind: Kind, other: dict[str, Any], **differs: Any) -> str | None:
        own = order(kind, **differs).with_columns(**{n: pl.lit(v) for n, v in apart.items()})
        own = own.drop("rival", "pause_beside", "withdrawn", "paid_out")
        found: str | None = broken_rule(
            with_others(own, pl.DataFrame([none | other], schema=OTHERS))
        ).item()
        return found

    assert beside(Kind.moratorium_granted, pause) == "another_pause_runs"
    assert beside(Kind.interest_paused, grants, starts=NEXT, due_date=NEXT) == "another_pause_runs"
    assert beside(Kind.moratorium_granted, pause, value_date=NEXT + (NEXT - DAY)) is None


def order(kind: Kind = Kind.rate_changed, **differs: Any) -> pl.DataFrame:
    return pl.DataFrame([SOUND | differs | {"kind": kind.value}], schema=COLUMNS)


def test_the_sound_order_enters() -> None:
    assert broken_rule(order()).to_list() == [None]


def test_every_rule_of_the_room_stands_once_in_the_order_of_precedence() -> None:
    written = [
        thing
        for module in pkgutil.iter_modules(room.__path__)
        for thing in vars(importlib.import_module(f"{room.__name__}.{module.name}")).values()
        if isinstance(thing, Rule)
    ]
    assert len(written) == len(RULES)
    assert set(written) == set(RULES)


def test_every_rule_has_a_name_of_its_own_and_an_order_that_breaks_it() -> None:
    names = Counter(rule.name for rule in RULES)
    assert max(names.values()) == 1
    assert list(names) == list(BREAKS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_says_in_words_what_it_refuses_of_which_orders(rule: Rule) -> None:
    assert len(rule.words) > 40
    assert rule.words.endswith(".")
    assert rule.refusal.replace("_", "").isalpha()
    if rule.kinds is not None:
        assert rule.kinds
        assert len(set(rule.kinds)) == len(rule.kinds)
        assert all(kind in Kind for kind in rule.kinds)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_can_be_broken_by_an_order_that_breaks_none_before_it(rule: Rule) -> None:
    kind, differs = BREAKS[rule.name]
    given = order(kind, **differs)
    before = RULES[: RULES.index(rule)]
    assert given.select(rule.broken()).item() is True
    assert not any(given.select(earlier.broken()).item() for earlier in before)
    assert broken_rule(given).to_list() == [rule.refusal]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_an_order_of_another_kind_never_breaks_a_rule(rule: Rule) -> None:
    if rule.kinds is None:
        return
    _, differs = BREAKS[rule.name]
    for kind in set(Kind) - set(rule.kinds):
        assert not order(kind, **differs).select(rule.broken()).item()


def test_the_first_rule_that_is_broken_names_the_refusal() -> None:
    given = order(Kind.rate_changed, checked=False, status=None, rate_ppb=10**9)
    assert broken_rule(given).to_list() == ["needs_a_second_person"]
    given = order(Kind.rate_changed, status=None, rate_ppb=10**9)
    assert broken_rule(given).to_list() == ["nothing_is_paid_out"]


def test_an_order_of_another_shape_is_an_error() -> None:
    with pytest.raises(dy.exc.SchemaError, match="amount"):
        broken_rule(order().cast({"amount": pl.String}))
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        broken_rule(order().drop("credit"))


def test_every_column_of_an_order_says_its_meaning_and_its_unit() -> None:
    for name, column in Orders.columns().items():
        assert set(column.metadata or {}) == {"meaning", "unit"}, name


def test_the_page_of_orders_is_up_to_date() -> None:
    assert (ROOT / "docs" / "orders.md").read_text(encoding="utf-8") == orders_page()


def _taking(line: int, kind: Kind, amount: int, loan: int = 1, **names: str) -> dict[str, Any]:
    return {"line": line, "loan_id": loan, "kind": kind.value, "amount": amount, "charge": None,
            "charged_back": None, "reverses": None, "idempotency_key": f"o{line}", **names}  # fmt: skip


def test_no_more_goes_back_than_came() -> None:
    """Of a payment, of all money, of a charge, of what was paid out; refused orders take nothing."""
    fee, other = (
        '{"component":2,"due_date":"2024-02-01"}',
        '{"component":3,"due_date":"2024-02-01"}',
    )
    known = [
        _taking(0, Kind.disbursed, 1_000, idempotency_key="out"),
        _taking(0, Kind.payment_received, 300, idempotency_key="p1"),
        _taking(0, Kind.payment_received, 200, idempotency_key="p2"),
        _taking(0, Kind.payment_received, 900, idempotency_key="p3"),
        _taking(0, Kind.reversal, 0, idempotency_key="r", reverses="p3"),
        _taking(0, Kind.chargeback, 100, idempotency_key="c0", charged_back="p1"),
        _taking(0, Kind.charge_assessed, 50, idempotency_key="fee", charge=fee),
        _taking(0, Kind.charge_waived, 15, idempotency_key="w0", charge=fee),
        _taking(0, Kind.charge_adjusted, 5, idempotency_key="a0", charge=fee),
        _taking(0, Kind.payment_received, 70, 2, idempotency_key="theirs"),
        _taking(0, Kind.merchant_refund, 400, idempotency_key="m0"),
    ]
    given = [
        _taking(1, Kind.chargeback, 201, charged_back="p1"),  # 300 less 100 leaves 200
        _taking(2, Kind.chargeback, 150, charged_back="p1"),
        _taking(3, Kind.chargeback, 60, charged_back="p1"),  # 50 are left
        _taking(4, Kind.chargeback, 251),  # of 500 in all 250 are left
        _taking(5, Kind.chargeback, 250),
        _taking(6, Kind.charge_adjusted, 31, charge=fee),  # 30 are left
        _taking(7, Kind.charge_adjusted, 30, charge=fee),
        _taking(8, Kind.charge_adjusted, 1, charge=other),  # nothing was charged so
        _taking(9, Kind.payout_refund, 601),  # 600 are left
        _taking(10, Kind.payout_refund, 600),
        _taking(11, Kind.chargeback, 10**17, 2),
        _taking(12, Kind.chargeback, 100, idempotency_key="c0", charged_back="p1"),  # sent again
        _taking(13, Kind.chargeback, 1, charged_back="p3"),  # it was reversed
    ]
    schema = {"line": pl.Int64, "loan_id": pl.Int64, "kind": pl.Int8, "amount": pl.Int64,
              "charge": pl.String, "charged_back": pl.String, "reverses": pl.String,
              "idempotency_key": pl.String}  # fmt: skip
    before = pl.DataFrame(known, schema=schema).drop("line")
    found = beyond_what_is_left(pl.DataFrame(given, schema=schema), before)
    assert dict(found.sort("line").rows()) == {
        1: "more_than_the_payment", 3: "more_than_the_payment", 4: "more_than_was_paid_in",
        6: "more_than_the_charge", 8: "more_than_the_charge", 9: "more_than_was_paid_out",
        11: "more_than_was_paid_in", 13: "more_than_the_payment",
    }  # fmt: skip
