"""An order with what its rules read of the loan, of its product and of the approvals."""

from __future__ import annotations

import dataframely as dy

_MONEY = "minor units"
_RATE = "parts per billion a year"
_DATE = "date"
_CODE = "code"
_COUNT = "instalments"
_DAYS = "days"
_YES = "yes or no"


def _about(meaning: str, unit: str) -> dict[str, str]:
    return {"meaning": meaning, "unit": unit}


class Orders(dy.Schema):
    """One row per order. Null: the order, the loan or the product has none."""

    # the order
    kind = dy.Int8(metadata=_about("what is ordered, a `Kind`", _CODE))
    value_date = dy.Date(metadata=_about("the day it takes effect", _DATE))
    amount = dy.Int64(nullable=True, metadata=_about("the money it is about", _MONEY))
    rate_ppb = dy.Int64(nullable=True, metadata=_about("the rate it asks for", _RATE))
    due_date = dy.Date(
        nullable=True,
        metadata=_about("the due date it asks for; of a pause, its last day", _DATE),
    )
    starts = dy.Date(
        nullable=True,
        metadata=_about(
            "the first day of an ordered pause; from when on what falls due moves", _DATE
        ),
    )
    advance = dy.Bool(nullable=True, metadata=_about("a draw at the higher rate", _YES))
    checked = dy.Bool(nullable=True, metadata=_about("a second person checked it", _YES))
    # the loan, orders before this one included
    status = dy.Int8(
        nullable=True, metadata=_about("its state, a `Status`; null: nothing is paid out", _CODE)
    )
    credit = dy.Int64(nullable=True, metadata=_about("the borrower's credit", _MONEY))
    disbursed_on = dy.Date(nullable=True, metadata=_about("its first payout", _DATE))
    last_money = dy.Date(
        nullable=True,
        metadata=_about("value date of the last money in, charge or waiver that stands", _DATE),
    )
    rate_now = dy.Int64(nullable=True, metadata=_about("its rate in force", _RATE))
    moratorium_left = dy.Int16(
        nullable=True, metadata=_about("what its moratorium still passes over", _COUNT)
    )
    accelerated_on = dy.Date(
        nullable=True, metadata=_about("the day its contract was terminated", _DATE)
    )
    rows_agreed = dy.Bool(
        nullable=True, metadata=_about("its instalments were agreed one by one", _YES)
    )
    interest_fixed = dy.Bool(
        nullable=True, metadata=_about("a re-age, or its rows, fixed its interest", _YES)
    )
    instalment_no = dy.Int16(nullable=True, metadata=_about("number of the next to bill", _COUNT))
    instalments_agreed = dy.Int16(
        nullable=True,
        metadata=_about("its term; of a line, the cycles in which it may be drawn on", _COUNT),
    )
    lent = dy.Int64(
        nullable=True,
        metadata=_about(
            "lent, with fees that joined the principal; of a line, owed and drawn since", _MONEY
        ),
    )
    limit = dy.Int64(nullable=True, metadata=_about("what may be lent in all", _MONEY))
    capitalised = dy.Int64(
        nullable=True, metadata=_about("fees that joined the principal, less given back", _MONEY)
    )
    bought_down = dy.Int64(
        nullable=True,
        metadata=_about("paid for the borrower's rate, less given back", _MONEY),
    )
    # the orders beside it: those that wait, and those before it in the file
    rival = dy.Bool(
        nullable=True,
        metadata=_about("the same change, or another that makes the schedule anew, that day", _YES),
    )
    pause_beside = dy.Bool(
        nullable=True,
        metadata=_about(
            "another pause of its kind shares a day with it, or a moratorium stands against a pause",
            _YES,
        ),
    )
    paid_out = dy.Int64(
        nullable=True, metadata=_about("payouts that wait, of its value date", _MONEY)
    )
    term_after = dy.Int64(
        nullable=True,
        metadata=_about(
            "instalments with those that it and orders before it in the file add", _COUNT
        ),
    )
    most_instalments = dy.Int64(
        nullable=True, metadata=_about("how many instalments a term may be extended to", _COUNT)
    )
    payout_fee = dy.Int64(
        nullable=True,
        metadata=_about(
            "what of its payout is kept as a fee, with the tax on it; a share of interest apart",
            _MONEY,
        ),
    )
    published = dy.Bool(
        nullable=True, metadata=_about("a published version has read the loan", _YES)
    )
    withdrawn = dy.Bool(
        nullable=True, metadata=_about("its boarding was taken back by an order", _YES)
    )
    # its product and the approvals
    amortisation = dy.Int8(nullable=True, metadata=_about("an `Amortisation`", _CODE))
    interest_mode = dy.Int8(nullable=True, metadata=_about("an `InterestMode`", _CODE))
    materialised = dy.Bool(
        nullable=True, metadata=_about("its schedule stands whole from the start", _YES)
    )
    revolving = dy.Bool(nullable=True, metadata=_about("a line of credit", _YES))
    cash_advance_margin = dy.Int64(
        nullable=True, metadata=_about("added to the rate for cash advances; 0: has none", _RATE)
    )
    highest_ppb = dy.Int64(nullable=True, metadata=_about("the highest rate it may have", _RATE))
    charge_limit = dy.Int64(
        nullable=True, metadata=_about("the highest charge that people may ask", _MONEY)
    )
    due_within_days = dy.Int64(
        nullable=True, metadata=_about("how far ahead a due date that it asks for may lie", _DAYS)
    )
    pause_days = dy.Int64(nullable=True, metadata=_about("the longest pause", _DAYS))
    merchant = dy.Bool(nullable=True, metadata=_about("its payout goes to a merchant", _YES))
    alone_below = dy.Int64(
        nullable=True,
        metadata=_about("one person may order less than this; null: nothing", _MONEY),
    )
