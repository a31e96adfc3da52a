"""Every kind of event, one row a kind, with all that is a fact of the kind. Nothing else changes a loan.

A new event is a member of `Kind` (`kinds`; append only: the number is stored), a row of `EVENTS` and the
function that its `handler` names. The day, the orders and their page, command files with their
payloads, explanations and the laws are made of this table.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import BY_ORDER, DEMANDED_AGAIN
from loanbook.core.catalogue.kinds import (
    Command,
    Deferral,
    EventKind,
    Family,
    Field,
    Kind,
    MoratoriumInterest,
)
from loanbook.core.catalogue.statuses import Status

LIVING: frozenset[Status | None] = frozenset({Status.active})
OWING = LIVING | {Status.charged_off}
BORROWING: frozenset[Status | None] = frozenset({None, Status.active, Status.overpaid})

_CHARGE = (
    Field("component", pl.Int8),
    Field("due_date", pl.Date, "due_date"),
)
_THE_CHARGE = (Field("component", pl.Int8), Field("due_date", pl.Date))  # as it was assessed
_OF = (Field("of", pl.String),)  # idempotency key of the event that it is about
_TERMS = (
    Field("rate_ppb", pl.Int64, "rate_percent"),
    Field("keep", pl.String, "keep", left_out="term"),
    Field("instalments", pl.Int16, "instalments"),
    Field("due_date", pl.Date, "due_date"),
    Field("interest", pl.String, "interest"),
)
"""What changes of terms say, each its own part: the rest is empty."""
_FROM = Field("from_date", pl.Date)  # a materialised schedule changes from here on, not at once
_SPAN = (Field("start", pl.Date, "start_date"), Field("end", pl.Date, "due_date"))
_FLAG = (Field("flag", pl.String, "flag"),)
_OF_A_MANDATE = (
    Field("account", pl.String),  # token of the account's particulars, which are kept sealed
    Field("ends", pl.Date, "due_date"),
    Field("payday", pl.Int16, "payday"),
)
_KEEPS = "the {keep} stays"

EVENTS: tuple[EventKind, ...] = (
    EventKind(
        kind=Kind.loan_boarded, family=Family.start, reversible=False,
        words="terms of a loan enter the book",  # its payload: every term, see contract/boarding
    ),
    EventKind(
        kind=Kind.migrated_in, family=Family.start, reversible=False,
        words="the balances of a loan that already lived, from another servicer",
        step=4, handler="changes.migration_in:migrate",
    ),
    EventKind(
        kind=Kind.disbursed, family=Family.lent,
        words="principal is paid out",
        step=4, handler="changes.disbursement:disburse",
        payload=(Field("advance", pl.Boolean),),
        states=BORROWING | {Status.closed}, reopens=True,
        commands=(
            Command("pay_out", needs=("amount",), becomes=
                "a tranche: principal grows, the instalments to come are made anew; within what "
                "the product lets be lent (`payouts`). A loan paid in full with room left is open "
                "again. Of a line of credit a draw, within what its limit leaves"),
            Command("pay_out_advance", needs=("amount",), sets={"advance": True}, becomes=
                "a draw of a line at its higher rate (`line.cash_advances`): it bears interest from "
                "its first night, and money beyond a minimum pays it first"),
        ),
    ),
    EventKind(
        kind=Kind.fee_capitalised, family=Family.lent,
        words="a fee joins the principal; it is income over the loan's life",
        step=4, handler="changes.fee_capitalisation:capitalise_fee",
        states=frozenset({Status.active, Status.overpaid, Status.closed}), reopens=True,
        defers=(Deferral.capitalised_fee, 1),
        commands=(Command("capitalise_fee", needs=("amount",), becomes=
            "a fee joins the principal like a payout that no one gets; it is income evenly by "
            "nights to maturity. A loan paid in full with room left is open again"),),
    ),
    EventKind(
        kind=Kind.rate_bought_down, family=Family.deferred,
        words="another pays for the borrower's rate: income over the loan's life",
        step=4, handler="income.buy_down:buy_down",
        states=LIVING,
        defers=(Deferral.buy_down, 1),
        commands=(Command("buy_down", needs=("amount",), becomes=
            "another, or the lender itself (`buy_down: expensed`), pays for the borrower's rate: "
            "income evenly by nights, the claim is as it was"),),
    ),
    EventKind(
        kind=Kind.buy_down_adjusted, family=Family.deferred, alone=True,
        words="what was paid for the borrower's rate is given back in part",
        step=6, handler="income.buy_down:adjust_buy_down",
        defers=(Deferral.buy_down, -1),
        commands=(Command("adjust_buy_down", needs=("amount",),
                          becomes="so much of it is given back"),),
    ),
    EventKind(
        kind=Kind.payment_received, family=Family.money_in, payoff_costs=True,
        words="money came in for a loan",
        step=6, handler="payments.receipts:receive",
        payload=(Field("designation", pl.String),), payload_hashed=True,
        says=("for {designation}",),
    ),
    EventKind(
        kind=Kind.down_payment, family=Family.money_in,
        words="the borrower's own share, paid at disbursement",
        step=6, handler="payments.receipts:receive",
    ),
    EventKind(
        kind=Kind.goodwill_credit, family=Family.money_in, alone=True,
        words="the lender pays for the borrower",
        step=6, handler="payments.receipts:receive", paid_by="goodwill_expense",
        commands=(Command("goodwill_credit", needs=("amount",),
                          becomes="money in at the lender's expense"),),
    ),
    EventKind(
        kind=Kind.merchant_refund, family=Family.refund,
        words="the merchant gives money back for what was financed",
        step=6, handler="payments.receipts:receive", undoes_loss=True,
        commands=(Command("merchant_refund", needs=("amount",), becomes=
            "what was financed is given back, in whole or in part: money in, through payment "
            "clearing"),),
    ),
    EventKind(
        kind=Kind.payout_refund, family=Family.refund,
        words="the payout comes back in part",
        step=6, handler="payments.receipts:receive", undoes_loss=True,
        commands=(Command("payout_refund", needs=("amount",), becomes=
            "the payee of the payout gives it back in part: money in, through payment clearing"),),
    ),
    EventKind(
        kind=Kind.interest_refunded, family=Family.money_in,
        words="interest on what a refund gave back is given back with it",
        step=6, handler="payments.receipts:receive", paid_by="interest_income", undoes_loss=True,
        payload=_OF,
        commands=(Command("refund_interest", needs=("target_ref",), may=("amount",), becomes=
            "the interest on the refund it names is given back with it: money in, out of interest "
            "income. Without an amount it is worked out, as what the loan earned by then less what "
            "it would have earned had the refunded money not been lent"),),
    ),
    EventKind(
        kind=Kind.interest_waived, family=Family.money_in, alone=True,
        words="a person forgives interest: it counts as paid by the lender",
        step=6, handler="payments.receipts:receive", paid_by="interest_waived",
        states=OWING,
        commands=(Command("waive_interest", needs=("amount",),
                          becomes="money in at the lender's expense, for interest first"),),
    ),
    EventKind(
        kind=Kind.charge_adjusted, family=Family.money_in, alone=True,
        words="a person gives a fee or penalty back: it counts as money in",
        step=6, handler="payments.receipts:receive", paid_by="charge_adjusted",
        payload=_THE_CHARGE,
        states=OWING,
        commands=(Command("adjust_charge", needs=("amount", "target_ref"), becomes=
            "so much of the fee or penalty it names is given back: it counts as money in, at the "
            "lender's expense"),),
    ),
    EventKind(
        kind=Kind.capitalised_fee_adjusted, family=Family.money_in, alone=True,
        words="a capitalised fee is given back in part: it counts as money in",
        step=6, handler="changes.fee_capitalisation:adjust_fee", paid_by="deferred_fee_income",
        defers=(Deferral.capitalised_fee, -1),
        commands=(Command("adjust_fee", needs=("amount",), becomes=
            "so much of capitalised fees is given back: it counts as money in, and is no income"),),
    ),
    EventKind(
        kind=Kind.refinanced, family=Family.money_in, payoff_costs=True,
        words="a new loan pays this one off, or in part",
        step=6, handler="payments.refinancing:refinance", paid_by="refinance_clearing",
        payload=(Field("by", pl.Int64),),
        states=OWING,
        commands=(Command("refinance", needs=("amount", "target_ref"), becomes=
            "the new loan whose key is `target_ref`, paid out that day, pays so much of this one: "
            "money in, through refinance clearing; `loan show` names both"),),
    ),
    EventKind(
        kind=Kind.charge_assessed, family=Family.charge, alone=True,
        words="a fee or penalty is charged, due on a date of its own",
        step=2, handler="payments.credit_use:charge_by_order",
        payload=_CHARGE, payload_hashed=True,
        states=BORROWING, reopens=True,
        commands=tuple(
            Command(verb, needs=("amount", "due_date"),
                    sets={"component": component.name}, becomes=
                f"a {component.name} of the instalment within whose period it falls; after the last "
                "one it is due by itself, on its date")
            for verb, component in BY_ORDER.items()
        ),
    ),
    EventKind(
        kind=Kind.charge_waived, family=Family.charge,
        words="a person forgives what is unpaid of a fee or penalty",
        step=3, handler="charges.ordered:waive",
        payload=_THE_CHARGE, payload_hashed=True,
        states=LIVING,
        commands=(Command("waive_charge", needs=("target_ref",), becomes=
            "what is unpaid of the fee or penalty it names is forgiven"),),
    ),
    EventKind(
        kind=Kind.credit_refunded, family=Family.paid_back,
        words="the borrower's credit is paid back",
        step=7, handler="payments.chargebacks:refund_credit",
        commands=(Command("refund_credit", needs=("amount",), becomes=
            "the borrower's credit paid back; what exceeds it is principal again"),),
    ),
    EventKind(
        kind=Kind.chargeback, family=Family.paid_back,
        words="the card network takes a payment back; the payment stands",
        step=7, handler="payments.chargebacks:chargeback",
        payload=(*_OF, *(Field(name, pl.Int64) for name in DEMANDED_AGAIN)),
        commands=(Command("chargeback", needs=("amount",), may=("target_ref",), becomes=
            "credit first, the rest is principal of the next instalment; where the product has an "
            "order (`payments.chargeback`) and the payment is named, what it had met is asked "
            "again"),),
    ),
    EventKind(
        kind=Kind.rate_changed, family=Family.change, concession=False,  # one where the rate falls
        words="the interest rate is another from the value date on",
        step=3, handler="changes.terms.rate_change:change_rate",
        payload=(*_TERMS, _FROM), payload_hashed=True,
        states=LIVING, says=("{rate_ppb} %", _KEEPS),
        commands=(Command("change_rate", needs=("rate_percent",), may=("keep",), becomes=
            "another rate from the value date on; nights before it keep theirs"),),
    ),
    EventKind(
        kind=Kind.rate_reset, family=Family.change, concession=False,
        words="the rate follows its index from the value date on",
        step=3, handler="changes.terms.rate_reset:reset_rate",
        payload=(Field("index", pl.String), Field("index_ppb", pl.Int64), Field("fixed_on", pl.Date)),
        payload_hashed=True,
        says=("{index}", "at {index_ppb} %", "of {fixed_on}"),
    ),
    EventKind(
        kind=Kind.term_extended, family=Family.change,
        words="the term is longer by some instalments",
        step=3, handler="changes.terms.term_extension:extend_term",
        payload=(*_TERMS, _FROM), payload_hashed=True,
        states=LIVING, says=("{instalments} more", _KEEPS),
        commands=(Command("extend_term", needs=("instalments",), may=("keep",),
                          becomes="so many instalments more"),),
    ),
    EventKind(
        kind=Kind.due_date_moved, family=Family.change,
        words="an instalment and those after it fall due on other dates",
        step=3, handler="changes.terms.due_date_change:move_due_date",
        payload=(*_TERMS, Field("from_date", pl.Date, "start_date", since=True)), payload_hashed=True,
        states=LIVING, says=("to {due_date}", "of what falls due from {from_date} on", _KEEPS),
        commands=(Command("move_due_date", needs=("due_date",), may=("keep", "start_date"),
                          becomes="the next instalment falls due then, those after it follow. With "
                          "`start_date` it is the first that falls due on that date or later (else the "
                          "last one), and those before it stay: their dates, and with `keep: term` their "
                          "height where instalments are level; those from it on pay off what is left then"),),
    ),
    EventKind(
        kind=Kind.reamortised, family=Family.change, spreads=True,
        words="arrears and what is to come are spread anew over the instalments left",
        step=8, handler="changes.terms.reamortisation:reamortise",
        payload=(*_TERMS, _FROM), payload_hashed=True,
        states=LIVING, says=(_KEEPS, "interest of arrears {interest}"),
        commands=(Command("reamortise", may=("keep", "interest"), interest=("", "split"), becomes=
            "arrears and what is to come are spread anew over the instalments left; the interest "
            "of arrears comes with the next one, or, `split`, in equal parts with all of them, each "
            "rounded, where interest follows the balance; a part whose instalment is not asked any more "
            "(a termination, a charge-off that stops interest) is given up"),),
    ),
    EventKind(
        kind=Kind.reaged, family=Family.change, spreads=True,
        words="arrears and what is to come make a new schedule; nothing is past due",
        step=8, handler="changes.reage:reage",
        payload=(
            Field("instalments", pl.Int16, "instalments"),
            Field("due_date", pl.Date, "due_date"),
            Field("every", pl.Int16, "every"),
            Field("unit", pl.Int8, "unit"),
            Field("interest", pl.String, "interest", left_out=""),
        ),
        payload_hashed=True,
        states=LIVING,
        says=("{instalments} instalments", "the first on {due_date}", "interest fixed: {interest}"),
        commands=(Command("reage", needs=("instalments", "due_date"),
            may=("every", "unit", "interest"), interest=("", "level", "payable", "full"), becomes=
            "arrears and what is to come make a new schedule of so many instalments, the first on "
            "the due date; nothing is past due any more. Interest is `level` (the balance goes on "
            "bearing it), or fixed, at what is `payable` or in `full`, and spread evenly"),),
    ),
    EventKind(
        kind=Kind.interest_capitalised, family=Family.change,
        words="interest that was earned and not billed joins the principal",
        step=8, handler="changes.terms.interest_capitalisation:capitalise_interest",
        payload=(*_TERMS, _FROM), payload_hashed=True,
        states=LIVING, says=(_KEEPS,),
        commands=(Command("capitalise_interest", may=("keep",), becomes=
            "interest earned and not billed joins the principal, as when a deferment ends"),),
    ),
    EventKind(
        kind=Kind.interest_paused, family=Family.change, rests=True,
        words="no interest is earned for some days; the instalments stay",
        step=3, handler="changes.terms.interest_pause:pause_interest",
        payload=_SPAN, payload_hashed=True,
        states=LIVING, says=("from {start}", "to {end}"),
        commands=(Command("pause_interest", needs=("start_date", "due_date"), becomes=
            "the nights before each day from the start date to the due date, the last of them, bear no "
            "interest; the instalments stay"),),
    ),
    EventKind(
        kind=Kind.moratorium_granted, family=Family.change, spreads=True, rests=True,
        words="the next instalments are passed over; all fall due later",
        step=8, handler="changes.terms.moratorium:grant_moratorium",
        payload=(
            Field("instalments", pl.Int16, "instalments"),
            Field("interest", pl.String, "interest"),
        ),
        payload_hashed=True,
        states=LIVING, says=("{instalments} of them", "interest {interest}"),
        commands=(Command("grant_moratorium", needs=("instalments", "interest"),
            interest=tuple(MoratoriumInterest.__members__), becomes=
            "so many of the next instalments are passed over and all fall due later; their interest "
            "is not earned (`none`), waits without bearing any (`simple`), or joins the principal "
            "on the due date passed over (`capitalised`); then the level instalment is solved anew. "
            "Arrears stay due"),),
    ),
    EventKind(
        kind=Kind.contract_accelerated, family=Family.change, concession=False,
        words="the lender terminates the contract: all that is owed is due",
        step=8, handler="changes.acceleration:accelerate",
        payload=_TERMS, payload_hashed=True,
        states=LIVING,
        commands=(Command("accelerate", becomes=
            "the contract is terminated: the whole principal, the interest to the day and charges "
            "to come are due on it"),),
    ),
    EventKind(
        kind=Kind.limit_changed, family=Family.change, concession=False,
        words="a line of credit has another limit from the value date on",
        step=3, handler="changes.terms.limit_change:change_limit",
        payload_hashed=True,
        states=LIVING, says=("{amount} minor units",),
        commands=(Command("change_limit", needs=("amount",), becomes=
            "a line of credit has this limit from the value date on; 0 closes it to draws, and once "
            "nothing is owed for good"),),
    ),
    EventKind(
        kind=Kind.flag_set, family=Family.notice,
        words="something becomes known of the borrower: bankruptcy, death, duty, fraud",
        step=3, handler="changes.flags:flag",
        payload=_FLAG, says=("{flag}",),
        commands=(Command("flag_borrower", needs=("flag",), becomes=
            "this is known of the borrower from the day on; bankruptcy and fraud "
            "end accrual where the product has non-accrual, active duty holds the rate below a "
            "ceiling by law"),),
    ),
    EventKind(
        kind=Kind.flag_cleared, family=Family.notice,
        words="what was known of the borrower is over",
        step=3, handler="changes.flags:flag",
        payload=_FLAG, says=("{flag}",),
        commands=(Command("unflag_borrower", needs=("flag",),
                          becomes="what was known of the borrower is so no more"),),
    ),
    EventKind(
        kind=Kind.delinquency_paused, family=Family.notice, rests=True,
        words="days past due of some days do not count as delinquent",
        payload=_SPAN,
        states=OWING, says=("from {start}", "to {end}"),
        commands=(Command("pause_delinquency", needs=("start_date", "due_date"), becomes=
            "days past due go on; those from the start date to the due date do not count as "
            "delinquent (`ledger.delinquency(as_of)`)"),),
    ),
    EventKind(
        kind=Kind.delinquency_resumed, family=Family.notice,
        words="a pause of delinquency ends before its last day",
        payload=_SPAN,
        states=OWING, says=("from {start}", "to {end}"),
        commands=(Command("resume_delinquency", needs=("start_date",),
                          becomes="ends the pause that the day is in"),),
    ),
    EventKind(
        kind=Kind.mandate_created, family=Family.notice,
        words="the borrower lets an account be debited: what was consented to, and up to which amount",
        payload=(
            Field("originator", pl.String, "originator"), *_OF_A_MANDATE,
            Field("starts", pl.Date, "start_date"),
            Field("collects", pl.String, "collects", left_out="recurring"),
            Field("channel", pl.String, "channel"), Field("consent", pl.String, "consent"),
            Field("consented_at", pl.String, "consented_at"),
        ),
        payload_hashed=True,
        says=("through {originator}", "from {starts}", "to {ends}", "{collects}", "consented by {channel}"),
        commands=(Command("create_mandate",
            needs=("originator", "account", "holder", "channel", "consent", "consented_at"),
            may=("bank", "account_type", "amount", "start_date", "due_date", "collects", "payday"), becomes=
            "the account may be debited for the loan from the start date (else the value date) to the due "
            "date, by the originator named (`policies/originators`), no more than the amount each time. The "
            "order's own reference is the mandate's, by which the bank and later orders know it; the account is "
            "kept sealed, events hold a token of it"),),
    ),
    EventKind(
        kind=Kind.mandate_amended, family=Family.notice,
        words="a mandate is for another account, amount, last day or payday",
        payload=(*_OF, *_OF_A_MANDATE), payload_hashed=True,
        says=("to {ends}",),
        commands=(Command("amend_mandate", needs=("target_ref",),
            may=("bank", "account", "account_type", "holder", "amount", "due_date", "payday"), becomes=
            "what is told takes the place of what the mandate said; an account is told whole, with its holder"),),
    ),
    EventKind(
        kind=Kind.mandate_suspended, family=Family.notice,
        words="nothing is debited by a mandate for now",
        payload=_OF, payload_hashed=True,
        commands=(Command("suspend_mandate", needs=("target_ref",),
                          becomes="nothing is debited by the mandate until it is resumed"),),
    ),
    EventKind(
        kind=Kind.mandate_resumed, family=Family.notice,
        words="a suspended mandate is active again",
        payload=_OF, payload_hashed=True,
        commands=(Command("resume_mandate", needs=("target_ref",),
                          becomes="a suspended mandate is active again"),),
    ),
    EventKind(
        kind=Kind.mandate_revoked, family=Family.notice,
        words="a mandate has ended: nothing may be debited by it any more",
        payload=_OF, payload_hashed=True,
        commands=(Command("revoke_mandate", needs=("target_ref",),
                          becomes="the mandate ends for good; another consent is another mandate"),),
    ),
    EventKind(
        kind=Kind.charge_off, family=Family.charged_off,
        words="a person takes the loan off the books; the claim lives on",
        step=9, handler="endings.charge_off:charge_off",
        states=LIVING,
        commands=(Command("charge_off",
                          becomes="off the books; the claim lives on in memorandum"),),
    ),
    EventKind(
        kind=Kind.write_off, family=Family.given_up, reversible=False,
        words="a person gives the claim up; it is extinguished",
        step=9, handler="endings.write_off:write_off",
        states=OWING,
        commands=(Command("write_off", becomes="the claim is extinguished"),),
    ),
    EventKind(
        kind=Kind.settlement_reached, family=Family.given_up, reversible=False,
        words="what was agreed has come; the rest of the claim is given up",
        step=9, handler="endings.settlement:settle",
        states=OWING,
        commands=(Command("settle", becomes=
            "what was agreed has come: the rest of the claim is given up, and the loan is "
            "settled"),),
    ),
    EventKind(
        kind=Kind.reopened, family=Family.notice, reversible=False, reopens=True,
        words="two people let orders enter for a loan that has ended, on the value date",
        states=frozenset({Status.closed, Status.settled}),
        commands=(Command("reopen", becomes=
            "a loan that has ended (paid in full, or settled) takes orders on the value date; it "
            "ends again with the day unless it owes something then. What happened outside (a "
            "return, a chargeback, late money) needs none"),),
    ),
    EventKind(
        kind=Kind.boarding_withdrawn, family=Family.reversal, reversible=False,
        words="a loan that no published version has read is taken back: it never was boarded",
        commands=(Command("withdraw", becomes=
            "a loan that no published version has read, or that is held since it could not be "
            "boarded, is taken back with all orders of it; money that came for it is kept "
            "unidentified. Its key stays taken: board it anew under another one"),),
    ),
    EventKind(
        kind=Kind.reversal, family=Family.reversal, reversible=False,
        words="another event is taken back, as if it had never come",
        payload=(Field("reverses", pl.String),), payload_hashed=True,
        commands=(Command("reverse", needs=("target_ref",), becomes=
            "the payment or command it names is taken back, as if it had never come; not a payment "
            "that a chargeback took back"),),
    ),
)  # fmt: skip

ROW = {row.kind: row for row in EVENTS}
COMMANDS = {command.verb: (row, command) for row in EVENTS for command in row.commands}
"""What may be ordered, by verb: the event that it becomes, and what it takes."""


def kinds_of(*families: Family) -> tuple[Kind, ...]:
    """Kinds of these families."""
    return tuple(row.kind for row in EVENTS if row.family in families)


EVENT_KINDS = {row.kind: row.words for row in EVENTS}
MONEY_IN = kinds_of(Family.money_in, Family.refund)
"""Kinds that are allocated to what is owed. A product may allocate each its own way."""
OF_A_CHARGE = tuple(row.kind for row in EVENTS if row.payload == _THE_CHARGE)
"""Kinds that ask a charge, give it back or forgive it; their payload says which."""
REFUNDS = kinds_of(Family.refund)
"""Kinds of money that give back what was financed."""
CHANGES = kinds_of(Family.change)
"""Kinds that change the contract: each closes the schedule in force and opens the next."""
REVERSIBLE = tuple(row.kind for row in EVENTS if row.reversible)
"""Kinds that a reversal may take back; a write-off is final."""
STEP = {row.kind: row.step for row in EVENTS if row.step is not None}
"""Step of the day at which a kind of event is taken."""
DEFERS = {row.kind: row.defers for row in EVENTS if row.defers is not None}
"""Kinds that move deferred income: which, and the sign."""
OF_A_MANDATE = (
    Kind.mandate_created, Kind.mandate_amended, Kind.mandate_suspended, Kind.mandate_resumed,
    Kind.mandate_revoked,
)  # fmt: skip
"""Kinds that make the life of a mandate; no figure of a loan hangs on them."""
REOPENING = (
    *kinds_of(Family.money_in, Family.refund, Family.paid_back),
    *(row.kind for row in EVENTS if row.reopens),
)
"""Kinds that bring an ended loan back into the book."""
KINDS_A_PRODUCT = 64
"""A money rule's code is product * KINDS_A_PRODUCT + kind: room for kinds to come."""
