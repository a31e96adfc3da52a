"""What may be ordered of a loan: a table by state, then what each kind of order asks.

Orders come from people. What already happened outside (a payment, a refund, a chargeback, a
returned payment) is no order and is always taken in; it has no row in the table.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import CHANGES, InterestMode, Kind, Status
from loanbook.core.contract.figures import Amortisation

STATES = {
    None: "nothing_is_paid_out",
    Status.active: "loan_has_not_ended",
    Status.closed: "loan_has_ended",
    Status.written_off: "loan_has_ended",
    Status.settled: "loan_has_ended",
    Status.overpaid: "loan_owes_nothing",
    Status.charged_off: "loan_is_charged_off",
}
"""The rule that a state breaks, where it forbids an order; none: no payout yet."""

_LIVING = frozenset({Status.active})
_OWING = _LIVING | {Status.charged_off}
ALLOWED: dict[Kind, frozenset[Status | None]] = {
    Kind.disbursed: frozenset({None, Status.active, Status.overpaid}),
    Kind.charge_assessed: frozenset({None, Status.active, Status.overpaid}),
    Kind.reopened: frozenset({Status.closed, Status.settled}),
    Kind.rate_changed: _LIVING,
    Kind.term_extended: _LIVING,
    Kind.due_date_moved: _LIVING,
    Kind.reamortised: _LIVING,
    Kind.reaged: _LIVING,
    Kind.interest_paused: _LIVING,
    Kind.moratorium_granted: _LIVING,
    Kind.contract_accelerated: _LIVING,
    Kind.settlement_reached: _OWING,
    Kind.delinquency_paused: _OWING,
    Kind.delinquency_resumed: _OWING,
    Kind.charge_off: _LIVING,
    Kind.write_off: _OWING,
    Kind.interest_waived: _OWING,
    Kind.charge_waived: _LIVING,
    Kind.charge_adjusted: _OWING,
    Kind.refinanced: _OWING,
    Kind.interest_capitalised: _LIVING,
    Kind.fee_capitalised: frozenset({Status.active, Status.overpaid}),
    Kind.rate_bought_down: _LIVING,
    Kind.limit_changed: _LIVING,
}
_OF_LINES = (Kind.rate_changed, Kind.rate_reset, Kind.interest_paused, Kind.limit_changed)
"""Changes that a line of credit knows; others change a schedule, and it has none."""
"""States in which an order may be given. A kind that is not here may come in any state.

A loan that was reopened counts as active on the value date of its reopening, and as what it is after
the day: it ends again unless it owes something.
"""


def broken_rule(orders: pl.DataFrame) -> pl.Series:
    """`rule` (String) that each order breaks; null: it may enter.

    `orders`, one a row: `kind` (Int8 code), `value_date` (Date), `amount` (Int64, minor units),
    `rate_ppb` (Int64), `due_date` (Date), null where an order has none; of the loan `status`
    (Int8, null: nothing paid out), `credit` (Int64), `disbursed_on` and `last_money` (Date:
    value date of the last money in or waiver that stands), `amortisation`, `interest_mode` (codes),
    `materialised`, `revolving` (Boolean), `highest_ppb` (Int64: the
    product's bound), `rate_now` (Int64), and of its interest pause `paused_until` (Date), of its moratorium `moratorium_left` (Int16),
    `accelerated_on` (Date), `instalment_no` (Int16: the next to bill); of a pause that is ordered
    `starts`, ends on `due_date`. `lent` and `limit` (Int64): what was lent, with fees that joined
    the principal (of a line: what is owed and was drawn since), and how much may be;
    `instalments_agreed` (Int16), of a line the cycles in which it may be drawn on; `advance` (Boolean:
    a draw at the higher rate), `checked` (Boolean: by a second person), `alone_below` (Int64: what one
    person may order less than; null: nothing), `cash_advance_margin` (Int64: the product's, 0: it has none); `capitalised`,
    `bought_down` (Int64): such fees, and what was paid for the borrower's rate, less what was given back.
    """
    kind, order = pl.col("kind"), pl.lit(None, dtype=pl.String)
    for one, states in ALLOWED.items():
        for state, rule in STATES.items():
            if state in states:
                continue
            there = pl.col("status").is_null() if state is None else pl.col("status") == state.value
            order = pl.when((kind == one.value) & there).then(pl.lit(rule)).otherwise(order)
    changes = kind.is_in([k.value for k in CHANGES])
    scheduled = pl.col("interest_mode") == InterestMode.scheduled
    dates = kind.is_in([Kind.due_date_moved.value, Kind.reaged.value])
    anew = kind.is_in([Kind.reamortised.value, Kind.reaged.value])
    alone = pl.col("checked").eq(False) & ~(pl.col("amount") < pl.col("alone_below")).fill_null(
        False
    )
    asked = (
        pl.when(alone.fill_null(False))
        .then(pl.lit("needs_a_second_person"))
        .when(order.is_not_null())
        .then(order)
        .when((kind == Kind.limit_changed) & ~pl.col("revolving"))
        .then(pl.lit("no_line_of_credit"))
        .when(
            pl.col("revolving")
            & kind.is_in([k.value for k in (*CHANGES, Kind.fee_capitalised)])
            & ~kind.is_in([k.value for k in _OF_LINES])
        )
        .then(pl.lit("a_line_has_no_schedule"))
        .when(
            pl.col("revolving")
            & (kind == Kind.disbursed)
            & (pl.col("instalment_no") > pl.col("instalments_agreed"))
        )
        .then(pl.lit("draw_period_is_over"))
        .when(pl.col("advance") & (pl.col("cash_advance_margin") == 0))
        .then(pl.lit("the_product_has_no_advances"))
        .when(
            changes
            & (kind != Kind.rate_changed)
            & (pl.col("amortisation") == Amortisation.flat.value)
        )
        .then(pl.lit("flat_loans_do_not_change"))
        .when((kind == Kind.rate_changed) & (pl.col("rate_ppb") > pl.col("highest_ppb")))
        .then(pl.lit("rate_above_the_products_bound"))
        .when((kind == Kind.interest_paused) & (scheduled | (pl.col("rate_now") == 0)))
        .then(pl.lit("no_interest_follows_the_balance"))
        .when(
            kind.is_in([Kind.interest_paused.value, Kind.delinquency_paused.value])
            & (pl.col("due_date") < pl.col("starts"))
        )
        .then(pl.lit("pause_ends_before_it_begins"))
        .when((kind == Kind.interest_paused) & (pl.col("starts") <= pl.col("value_date")))
        .then(pl.lit("pause_not_after_value_date"))
        .when((kind == Kind.interest_paused) & (pl.col("starts") <= pl.col("paused_until")))
        .then(pl.lit("another_pause_runs"))
        .when(changes & pl.col("accelerated_on").is_not_null())
        .then(pl.lit("contract_is_terminated"))
        .when(changes & (pl.col("moratorium_left") > 0))
        .then(pl.lit("a_moratorium_runs"))
        .when(
            kind.is_in(
                [
                    Kind.moratorium_granted.value,
                    Kind.contract_accelerated.value,
                    Kind.interest_capitalised.value,
                ]
            )
            & scheduled
        )
        .then(pl.lit("interest_is_fixed_by_the_schedule"))
        .when((kind == Kind.moratorium_granted) & (pl.col("instalment_no") <= 1))
        .then(pl.lit("no_instalment_was_billed_yet"))
        .when((kind == Kind.moratorium_granted) & (pl.col("paused_until") >= pl.col("value_date")))
        .then(pl.lit("another_pause_runs"))
        .when(
            kind.is_in([Kind.disbursed.value, Kind.fee_capitalised.value])
            & pl.col("status").is_not_null()
            & ~pl.col("materialised")
            & scheduled
        )
        .then(pl.lit("interest_is_fixed_by_the_schedule"))
        .when((kind == Kind.reaged) & ~pl.col("materialised") & scheduled)
        .then(pl.lit("interest_is_fixed_by_the_schedule"))
        .when(
            kind.is_in([Kind.term_extended.value, Kind.due_date_moved.value])
            & (pl.col("instalment_no") > pl.col("instalments_agreed"))
        )
        .then(pl.lit("no_instalment_to_come"))
        .when(dates & (pl.col("due_date") <= pl.col("value_date")))
        .then(pl.lit("due_date_not_after_value_date"))
        .when(anew & (pl.col("value_date") <= pl.col("disbursed_on")))
        .then(pl.lit("nothing_to_spread_anew_yet"))
        .when((kind == Kind.charge_off) & (pl.col("value_date") < pl.col("last_money")))
        .then(pl.lit("charge_off_before_the_last_payment"))
        .when(
            kind.is_in([Kind.disbursed.value, Kind.fee_capitalised.value])
            & (pl.col("lent") + pl.col("amount") > pl.col("limit"))
        )
        .then(pl.lit("more_than_may_be_lent"))
        .when((kind == Kind.capitalised_fee_adjusted) & (pl.col("amount") > pl.col("capitalised")))
        .then(pl.lit("more_than_was_capitalised"))
        .when((kind == Kind.buy_down_adjusted) & (pl.col("amount") > pl.col("bought_down")))
        .then(pl.lit("more_than_was_bought_down"))
        .when((kind == Kind.credit_refunded) & (pl.col("amount") > pl.col("credit").fill_null(0)))
        .then(pl.lit("more_than_the_credit"))
    )
    return orders.select(rule=asked).to_series()


COLUMNS = {
    "kind": pl.Int8, "value_date": pl.Date, "amount": pl.Int64, "rate_ppb": pl.Int64,
    "due_date": pl.Date, "status": pl.Int8, "credit": pl.Int64, "disbursed_on": pl.Date,
    "last_money": pl.Date, "amortisation": pl.Int8, "interest_mode": pl.Int8,
    "materialised": pl.Boolean, "highest_ppb": pl.Int64, "starts": pl.Date,
    "rate_now": pl.Int64, "paused_until": pl.Date, "moratorium_left": pl.Int16,
    "accelerated_on": pl.Date, "instalment_no": pl.Int16, "lent": pl.Int64, "limit": pl.Int64,
    "capitalised": pl.Int64, "bought_down": pl.Int64,
    "revolving": pl.Boolean, "instalments_agreed": pl.Int16,
    "advance": pl.Boolean, "cash_advance_margin": pl.Int64, "checked": pl.Boolean, "alone_below": pl.Int64,
}  # fmt: skip
"""What `refused` reads, with its types."""
