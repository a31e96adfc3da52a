"""What may be ordered of a loan: the rules in their order of precedence, and the one pass over orders.

A new rule is a function in `rules/` and a line in `RULES`; `states.py` is the table by state.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.frames import empty
from loanbook.core.servicing.orders.order import Orders
from loanbook.core.servicing.orders.rule import Rule
from loanbook.core.servicing.orders.rules import (
    approval,
    contract,
    credit_line,
    endings,
    money,
    pauses,
    schedule,
    state,
)
from loanbook.core.servicing.orders.states import ALLOWED, STATES

__all__ = ["ALLOWED", "COLUMNS", "RULES", "STATES", "broken_rule"]

RULES: tuple[Rule, ...] = (
    approval.needs_a_second_person,
    state.loan_was_withdrawn,
    state.a_published_version_has_read_it,
    state.nothing_is_paid_out,
    state.valued_before_boarding,
    state.loan_has_not_ended,
    state.loan_has_ended,
    state.loan_owes_nothing,
    state.loan_is_charged_off,
    credit_line.no_line_of_credit,
    credit_line.a_line_has_no_schedule,
    credit_line.less_than_the_day_pays_out,
    credit_line.draw_period_is_over,
    credit_line.the_product_has_no_advances,
    contract.flat_loans_do_not_change,
    contract.rate_above_the_products_bound,
    pauses.no_interest_follows_the_balance,
    pauses.pause_ends_before_it_begins,
    pauses.pause_longer_than_the_bound,
    pauses.pause_not_after_value_date,
    pauses.pause_shares_a_day_with_another,
    contract.contract_is_terminated,
    contract.another_change_on_the_day,
    contract.a_moratorium_runs,
    contract.schedule_is_agreed_row_by_row,
    contract.change_of_fixed_interest,
    contract.change_of_interest_that_a_reage_fixed,
    pauses.no_instalment_was_billed_yet,
    money.more_principal_at_fixed_interest,
    schedule.reage_of_fixed_interest,
    schedule.no_instalment_to_come,
    schedule.due_date_not_after_value_date,
    schedule.due_date_before_the_start_date,
    schedule.due_date_beyond_the_bound,
    schedule.term_beyond_the_bound,
    schedule.charge_due_in_the_past,
    schedule.nothing_to_spread_anew_yet,
    endings.charge_off_before_the_last_payment,
    money.more_than_may_be_lent,
    money.fee_not_below_the_payout,
    money.more_than_was_capitalised,
    money.more_than_was_bought_down,
    money.more_than_the_credit,
    money.charge_above_the_bound,
    money.no_merchant,
)
"""In order of precedence: the first that an order breaks names the refusal."""

COLUMNS: dict[str, pl.DataType] = dict(empty(Orders).schema)
"""What `broken_rule` reads, with its types; meaning and unit stand in `Orders`."""


def broken_rule(orders: pl.DataFrame) -> pl.Series:
    """`rule` (String) that each order breaks; null: it may enter.

    `orders`: one a row, with at least the columns of
    :class:`loanbook.core.servicing.orders.order.Orders`; the error is dataframely's where one is
    missing or of another type.
    """
    checked = Orders.validate(orders.select(COLUMNS.keys()))
    refusals = [pl.when(rule.broken()).then(pl.lit(rule.refusal)) for rule in RULES]
    return checked.select(rule=pl.coalesce(refusals)).to_series()
