"""Positions: what a loan carries from one day to the next, beside its terms."""

from __future__ import annotations

import dataframely as dy

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.parameters import Parameters
from loanbook.core.contract.terms import Agreed, Terms
from loanbook.core.frames import (
    DATE,
    DAYS,
    EXACT,
    FLAG,
    KEY,
    MINOR,
    PPB_YEAR,
    changing,
    column,
    extended,
)

ARREARS, RUNNING, INCOME, LINE = "arrears", "running", "income", "line"
"""Groups of columns that few loans have: what is due and late, or impaired; what moved within the running
period; charges, deferred income and taxes; a line of credit. Of a loan that has nothing in a group the
group is not stored (`loanbook.core.store.grouped`)."""


class _Claim(dy.Schema):
    loan_id = dy.Int64(primary_key=True, metadata=column("The loan's number", KEY))
    status = dy.Int8(
        metadata=column("State at the end of the day", "code of Status", Status.active.value)
    )
    principal = dy.Int64(min=0, metadata=column("Principal owed, billed or not", MINOR, 0))
    interest_accrued = dy.Int64(
        metadata=column(
            "Interest earned and not billed; below zero: paid before it was earned", MINOR, 0
        )
    )


_Dues = extended(
    _Claim,
    {
        each.due: dy.Int64(min=0, metadata=column(each.row.meaning, MINOR, 0, group=ARREARS))
        for each in Component
    },
)
"""With a column of what is due for each component of the catalogue."""


class Positions(_Dues):  # type: ignore[misc,valid-type]
    """One row per live loan and business date. Money in minor units.

    The claim is what `claim` in `loanbook.core.servicing.loan.claim` sums up, less `credit`. `principal`
    includes `principal_due`.
    """

    credit = dy.Int64(
        min=0,
        metadata=column("The borrower's money that met nothing owed", MINOR, 0, group=RUNNING),
    )
    accrued_today = dy.Int64(
        metadata=column("Interest earned by the night before the date", MINOR, 0)
    )
    paid_today = dy.Int64(
        min=0,
        metadata=column("Money received on the date, whatever it met", MINOR, 0, group=RUNNING),
    )
    instalment_no = dy.Int16(
        min=1, metadata=column("The instalment that is billed next", "instalment number")
    )
    period_start = dy.Date(metadata=column("The running interest period begins here", DATE))
    period_end = dy.Date(metadata=column("It ends here, and is billed in this day's close", DATE))
    next_due_date = dy.Date(
        metadata=column("Due date of that instalment, moved to a business day", DATE)
    )
    period_interest = dy.Int64(
        metadata=column("Scheduled interest of the running period; 0 past maturity", MINOR)
    )
    schedule_balance = dy.Int64(
        metadata=column("Principal left by the schedule before that instalment", MINOR)
    )
    interest_carried = dy.Int64(
        metadata=column("Scheduled interest that earlier instalments did not ask", MINOR)
    )
    segment_start = dy.Date(
        metadata=column("Since this date the balance that bears interest is the same", DATE)
    )
    accrued_units = dy.Int64(
        metadata=column(
            "Exact interest of the period's earlier balances, its whole units",
            MINOR,
            0,
            group=RUNNING,
        )
    )
    accrued_remainder = dy.Int64(
        metadata=column(
            "Exact interest of the period's earlier balances, its remainder",
            EXACT,
            0,
            group=RUNNING,
        )
    )
    accrued_prepaid = dy.Int64(
        min=0,
        metadata=column("Interest of the period paid before it is billed", MINOR, 0, group=RUNNING),
    )
    prepaid_dues = dy.Int64(
        min=0,
        metadata=column("Money standing with instalments not yet billed", MINOR, 0, group=RUNNING),
    )
    oldest_due_date = dy.Date(
        nullable=True,
        metadata=column("Due date of the oldest instalment in arrears", DATE, None, group=ARREARS),
    )
    days_past_due = dy.Int32(
        min=0,
        metadata=column(
            "Days that the loan is past due, by its product's rule", DAYS, 0, group=ARREARS
        ),
    )
    bucket = dy.Int8(
        metadata=column(
            "Range of days past due that the loan is in",
            "place in the bucket file",
            0,
            group=ARREARS,
        )
    )
    off_books = dy.Int64(
        min=0,
        metadata=column(
            "Claim of a charged-off loan, in memorandum accounts", MINOR, 0, group=ARREARS
        ),
    )
    interest_earned = dy.Int64(metadata=column("Interest earned over the loan's life", MINOR, 0))
    principal_paid = dy.Int64(
        min=0, metadata=column("Principal paid over the loan's life", MINOR, 0)
    )
    interest_paid = dy.Int64(min=0, metadata=column("Interest paid over the loan's life", MINOR, 0))
    charges_paid = dy.Int64(
        min=0,
        metadata=column(
            "Fees, penalties and taxes paid over the loan's life", MINOR, 0, group=INCOME
        ),
    )
    income_deferred = dy.Int64(
        min=0, metadata=column("Deferred fees not taken as income yet", MINOR, 0, group=INCOME)
    )
    deferred_whole = dy.Int64(
        min=0,
        metadata=column("What was deferred where the line of income began", MINOR, 0, group=INCOME),
    )
    deferred_from = dy.Date(
        nullable=True, metadata=column("The line of income begins here", DATE, None, group=INCOME)
    )
    deferred_until = dy.Date(
        nullable=True, metadata=column("The line of income ends here", DATE, None, group=INCOME)
    )
    deferred_to = dy.Int64(
        min=0,
        metadata=column(
            "What is left at its end, for later periods of the yield", MINOR, 0, group=INCOME
        ),
    )
    eir_ppb = dy.Int64(
        nullable=True,
        metadata=column(
            "Effective interest rate, deferred fees included", PPB_YEAR, None, group=INCOME
        ),
    )
    contract_yield_ppb = dy.Int64(
        nullable=True,
        metadata=column("The loan's yield without its deferred fees", PPB_YEAR, None, group=INCOME),
    )
    interest_taxed = dy.Int64(
        min=0, metadata=column("Interest that a tax was asked on so far", MINOR, 0, group=INCOME)
    )
    credit_unchanged_since = dy.Date(
        nullable=True,
        metadata=column("Since this date `credit` is what it is", DATE, None, group=RUNNING),
    )
    charged_off_on = dy.Date(
        nullable=True,
        metadata=column(
            "Off the books since, also where nothing is owed", DATE, None, group=ARREARS
        ),
    )
    written_off_on = dy.Date(
        nullable=True,
        metadata=column("The claim was written off on this date", DATE, None, group=ARREARS),
    )
    recoverable = dy.Int64(
        min=0,
        metadata=column(
            "Given up by a write-off, and not recovered since", MINOR, 0, group=ARREARS
        ),
    )
    non_accrual = dy.Bool(
        metadata=column("Interest is no income until it is received", FLAG, False, group=ARREARS)
    )
    performing_since = dy.Date(
        nullable=True,
        metadata=column("In non-accrual: without arrears since", DATE, None, group=ARREARS),
    )
    penal_base = dy.Int64(
        min=0, metadata=column("What is overdue and bears penal interest", MINOR, 0, group=ARREARS)
    )
    penal_from = dy.Date(
        nullable=True, metadata=column("It bears penal interest since", DATE, None, group=ARREARS)
    )
    in_grace = dy.Bool(
        metadata=column(
            "Line of credit: the cycle bears no interest, its statement being paid",
            FLAG,
            True,
            group=LINE,
        )
    )
    statement_unpaid = dy.Int64(
        min=0, metadata=column("Line of credit: unpaid of the last statement", MINOR, 0, group=LINE)
    )
    tranche_balance_days = dy.Int64(
        metadata=column(
            "Tranches paid out in the period, each by the nights before it: of a fixed schedule, or of "
            "`on_time_balance`",
            "minor units times nights",
            0,
            group=RUNNING,
        )
    )
    down_payment_due = dy.Int64(
        min=0,
        metadata=column(
            "Down payments due and unpaid, where they bear no interest; else 0",
            MINOR,
            0,
            group=RUNNING,
        ),
    )
    on_time_balance = dy.Int64(
        nullable=True,
        metadata=column(
            "Of a daily loan lent in parts: principal that would be left before that instalment, had each "
            "since the first later payout been paid on its day; null: not counted",
            MINOR,
            None,
            group=RUNNING,
        ),
    )
    cash_advances = dy.Int64(
        min=0,
        metadata=column(
            "Line of credit: principal that bears the cash-advance margin", MINOR, 0, group=LINE
        ),
    )
    cash_advance_units = dy.Int64(
        min=0,
        metadata=column(
            "Exact interest of cash advances alone, earlier balances, its whole units",
            MINOR,
            0,
            group=LINE,
        ),
    )
    cash_advance_remainder = dy.Int64(
        min=0,
        metadata=column(
            "Exact interest of cash advances alone, earlier balances, its remainder",
            EXACT,
            0,
            group=LINE,
        ),
    )


STATE = tuple(Positions.column_names())
CHANGING = changing(Terms, Agreed, Parameters)
"""What a change of the contract may set anew, of the columns beside the position."""
