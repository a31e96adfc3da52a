"""Small-integer codes of everything stored. Append only: a number never changes its meaning."""

from __future__ import annotations

from enum import IntEnum

import polars as pl


class Timing(IntEnum):
    """Where a due stands against the value date of the money that meets it."""

    past_due = 0
    due = 1
    in_advance = 2


class InterestMode(IntEnum):
    """`scheduled`: fixed by the schedule. `daily`: earned on the actual principal."""

    scheduled = 0
    daily = 1


class Excess(IntEnum):
    """Where money goes that is beyond what is due."""

    next_instalment = 0
    reduce_principal = 1
    last_instalment = 2
    spread = 3
    next_then_last = 4


class AfterChargeOff(IntEnum):
    """What becomes of the contract of a charged-off loan; the claim lives on in each."""

    regular = 0  # billed and bearing interest as agreed, off the books
    zero_interest = 1  # billed, with no more interest
    accelerate_maturity = 2  # the whole claim is due at once, with no more interest


class MoratoriumInterest(IntEnum):
    """What becomes of the interest of periods that a moratorium passes over."""

    none = 0  # not earned
    simple = 1  # earned, waits without bearing interest
    capitalised = 2  # joins the principal where it would have been billed


class Rebate(IntEnum):
    """What a payoff between due dates asks of the interest to come."""

    none = 0  # scheduled: all of it
    actuarial = 1  # none of it: interest to the day
    full_period = 2  # daily: that of the running period, to its end
    rule_of_78 = 3  # scheduled: all of it, less the sum of the digits


class CreditUse(IntEnum):
    """What the borrower's credit pays."""

    hold = 0  # nothing
    next_due = 1  # dues, on their day
    payouts = 2  # those, and what a further payout lends


class NonAccrual(IntEnum):
    """What becomes of the interest of a loan in non-accrual."""

    none = 0  # the product has none
    reverse_to_memo = 1  # no income, and no receivable either: memorandum
    suspense = 2  # the receivable stays, with a suspense against it


class Flag(IntEnum):
    """What is known of a borrower, one bit each: its words, and whether income stops with it."""

    _value_: int
    words: str
    stops_income: bool

    def __new__(cls, bit: int, words: str, stops_income: bool = False) -> Flag:
        """The member of a bit, with what it means."""
        made = int.__new__(cls, bit)
        made._value_, made.words, made.stops_income = bit, words, stops_income
        return made

    bankruptcy = 1, "bankrupt: a loan is in non-accrual", True
    deceased = 2, "deceased"
    active_duty = 4, "on active duty: a ceiling by law may bind the rate"
    fraud = 8, "fraud: a loan is in non-accrual", True


class Status(IntEnum):
    """State of a loan at the end of a day."""

    active = 0
    closed = 1
    overpaid = 2
    charged_off = 3
    written_off = 4
    settled = 5


ENDED = [Status.closed.value, Status.written_off.value, Status.settled.value]
"""States in which a loan leaves the book the day after."""
GIVEN_UP = [Status.written_off.value, Status.settled.value]
"""Ended with a claim that was extinguished."""
COMES_BACK = [Status.closed.value, Status.settled.value]
"""Ended, and in the book again when money moves for the loan."""


class Kind(IntEnum):
    """Kinds of event. Nothing else changes a loan."""

    loan_boarded = 0
    disbursed = 1
    payment_received = 2
    charge_off = 3
    charge_assessed = 4
    goodwill_credit = 5
    merchant_refund = 6
    payout_refund = 7
    interest_waived = 8
    credit_refunded = 9
    chargeback = 10
    write_off = 11
    down_payment = 12
    reversal = 13
    rate_changed = 14
    term_extended = 15
    due_date_moved = 16
    reamortised = 17
    reaged = 18
    interest_paused = 19
    charge_waived = 20
    moratorium_granted = 21
    settlement_reached = 22
    delinquency_paused = 23
    delinquency_resumed = 24
    charge_adjusted = 25
    contract_accelerated = 26
    fee_capitalised = 27
    capitalised_fee_adjusted = 28
    rate_bought_down = 29
    buy_down_adjusted = 30
    flag_set = 31
    flag_cleared = 32
    refinanced = 33
    rate_reset = 34
    interest_capitalised = 35
    migrated_in = 36
    limit_changed = 37
    interest_refunded = 38
    reopened = 39


class EventState(IntEnum):
    """How an event came: in time, or after its value date was closed (it restates)."""

    accepted = 0
    late = 1


EVENT_KINDS = {
    Kind.loan_boarded: "terms of a loan enter the book",
    Kind.disbursed: "principal is paid out",
    Kind.payment_received: "money came in for a loan",
    Kind.charge_off: "a person takes the loan off the books; the claim lives on",
    Kind.charge_assessed: "a fee or penalty is charged, due on a date of its own",
    Kind.goodwill_credit: "the lender pays for the borrower",
    Kind.merchant_refund: "the merchant gives money back for what was financed",
    Kind.payout_refund: "the payout comes back in part",
    Kind.interest_waived: "a person forgives interest: it counts as paid by the lender",
    Kind.credit_refunded: "the borrower's credit is paid back",
    Kind.chargeback: "the card network takes a payment back; the payment stands",
    Kind.write_off: "a person gives the claim up; it is extinguished",
    Kind.down_payment: "the borrower's own share, paid at disbursement",
    Kind.rate_changed: "the interest rate is another from the value date on",
    Kind.term_extended: "the term is longer by some instalments",
    Kind.due_date_moved: "the next instalment and those after it fall due later",
    Kind.reamortised: "arrears and what is to come are spread anew over the instalments left",
    Kind.reaged: "arrears and what is to come make a new schedule; nothing is past due",
    Kind.interest_paused: "no interest is earned for some days; the instalments stay",
    Kind.charge_waived: "a person forgives what is unpaid of a fee or penalty",
    Kind.moratorium_granted: "the next instalments are passed over; all fall due later",
    Kind.settlement_reached: "what was agreed has come; the rest of the claim is given up",
    Kind.delinquency_paused: "days past due of some days do not count as delinquent",
    Kind.delinquency_resumed: "a pause of delinquency ends before its last day",
    Kind.charge_adjusted: "a person gives a fee or penalty back: it counts as money in",
    Kind.contract_accelerated: "the lender terminates the contract: all that is owed is due",
    Kind.fee_capitalised: "a fee joins the principal; it is income over the loan's life",
    Kind.capitalised_fee_adjusted: "a capitalised fee is given back in part: it counts as money in",
    Kind.rate_bought_down: "another pays for the borrower's rate: income over the loan's life",
    Kind.buy_down_adjusted: "what was paid for the borrower's rate is given back in part",
    Kind.flag_set: "something becomes known of the borrower: bankruptcy, death, duty, fraud",
    Kind.flag_cleared: "what was known of the borrower is over",
    Kind.refinanced: "a new loan pays this one off, or in part",
    Kind.rate_reset: "the rate follows its index from the value date on",
    Kind.interest_capitalised: "interest that was earned and not billed joins the principal",
    Kind.migrated_in: "the balances of a loan that already lived, from another servicer",
    Kind.limit_changed: "a line of credit has another limit from the value date on",
    Kind.interest_refunded: "interest on what a refund gave back is given back with it",
    Kind.reopened: "two people let orders enter for a loan that has ended, on the value date",
    Kind.reversal: "another event is taken back, as if it had never come",
}

MONEY_IN = (
    Kind.payment_received,
    Kind.down_payment,
    Kind.goodwill_credit,
    Kind.merchant_refund,
    Kind.payout_refund,
    Kind.interest_waived,
    Kind.charge_adjusted,
    Kind.capitalised_fee_adjusted,
    Kind.refinanced,
    Kind.interest_refunded,
)
"""Kinds that are allocated to what is owed. A product may allocate each its own way."""
REFUNDS = (Kind.merchant_refund, Kind.payout_refund)
"""Kinds of money that give back what was financed."""
CHANGES = (
    Kind.rate_changed,
    Kind.term_extended,
    Kind.due_date_moved,
    Kind.reamortised,
    Kind.reaged,
    Kind.interest_paused,
    Kind.moratorium_granted,
    Kind.contract_accelerated,
    Kind.rate_reset,
    Kind.interest_capitalised,
    Kind.limit_changed,
)
"""Kinds that change the contract: each closes the schedule in force and opens the next."""
REVERSIBLE = (
    *MONEY_IN,
    *CHANGES,
    Kind.disbursed,
    Kind.charge_off,
    Kind.charge_assessed,
    Kind.charge_waived,
    Kind.credit_refunded,
    Kind.chargeback,
    Kind.delinquency_paused,
    Kind.delinquency_resumed,
    Kind.fee_capitalised,
    Kind.rate_bought_down,
    Kind.buy_down_adjusted,
    Kind.flag_set,
    Kind.flag_cleared,
)
"""Kinds that a reversal may take back; a write-off is final."""
KINDS_A_PRODUCT = 64
"""A money rule's code is product * KINDS_A_PRODUCT + kind: room for kinds to come."""


def label(column: str, kind: type[IntEnum]) -> pl.Expr:
    """The name of a code column, for people."""
    return pl.col(column).replace_strict(
        {member.value: member.name for member in kind}, return_dtype=pl.String, default=None
    )
