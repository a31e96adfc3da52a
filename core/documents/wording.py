"""An agreement in the words and units of a page: what a template is given, by kind of document. Text alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import groupby
from typing import Any

from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.money import percent, to_major
from loanbook.core.documents.kinds import AGREEMENT, DISCLOSURES, OFFER
from loanbook.core.documents.paper import Clause, Paper

Words = dict[str, Any]
_UNITS = {
    Unit.months: "month",
    Unit.weeks: "week",
    Unit.days: "day",
    Unit.semi_monthly: "half month",
}
_ANNUAL = {"truth_in_lending": "Annual percentage rate", "key_facts": "Annual percentage rate (APR)",
           "eu_standard": "Annual percentage rate of charge (APRC)"}  # fmt: skip


def told(kind: str, paper: Paper) -> Words:
    """What the template of a kind of document is given."""
    return {**_head(paper), **_TOLD[kind](paper)}


def money(minor: int, currency: str) -> str:
    """An amount with thousands apart: 12,345.60."""
    major = to_major(abs(minor), currency)
    whole, point, rest = major.partition(".")
    return f"{'−' if minor < 0 else ''}{int(whole):,}{point}{rest}"


def day(date: dt.date) -> str:
    """A date as it is read the same everywhere: 31 January 2024."""
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def _head(paper: Paper) -> Words:
    return {
        "title": "", "lender": paper.lender, "offer": paper.offer_id, "loan": paper.loan_key, "currency": paper.currency,
        "made_on": day(paper.made_on), "product": paper.product, "paper": paper.digest,
        "parties": [[party.role, f"{party.mask} ({party.token[:12]})"] for party in paper.parties],
    }  # fmt: skip


def _offer(paper: Paper) -> Words:
    return {
        "title": "Loan offer",
        "expires_on": day(paper.expires_on),
        "facts": _facts(paper),
        "cooling_off": _cooling_off(paper),
    }


def _agreement(paper: Paper) -> Words:
    return {
        "title": "Loan agreement",
        "facts": _facts(paper),
        "clauses": [[clause.name, clause.text] for clause in (*paper.clauses, *_withdrawal(paper))],
        "schedule": schedule(paper),
    }


def _facts(paper: Paper) -> list[list[str]]:
    def amount(minor: int) -> str:
        return f"{money(minor, paper.currency)} {paper.currency}"

    figures, rows = paper.figures, paper.schedule
    return [
        ["Amount of the loan", amount(figures.lent)],
        ["Paid out to you", amount(figures.paid_out)],
        ["Date of the payout", _term_date(paper, "disbursed_on")],
        ["Interest rate", f"{percent(int(paper.terms['rate_ppb'] or 0))} % a year"],
        [_ANNUAL[paper.disclosure], f"{figures.apr_percent} %"],
        ["Instalments", f"{len(rows.amount)}, {_every(paper)}"],
        ["First and last instalment", f"{day(rows.due_date[0])}, {day(rows.due_date[-1])}"],
        ["Fee of the payout, with its tax", amount(figures.fee)],
        ["Total of payments", amount(figures.total_of_payments)],
        ["Cost of the credit", amount(figures.finance_charge)],
    ]


def _term_date(paper: Paper, name: str) -> str:
    return day(dt.date.fromisoformat(str(paper.terms[name])))


def _every(paper: Paper) -> str:
    every, unit = int(paper.terms["every"] or 1), _UNITS[Unit(int(paper.terms["unit"] or 0))]
    return f"every {unit}" if every == 1 else f"every {every} {unit}s"


def _cooling_off(paper: Paper) -> str:
    if not paper.cooling_off_days:
        return "There is no right to withdraw without a reason once the agreement is signed."
    return (
        f"You may withdraw from the agreement within {paper.cooling_off_days} days of signing it, without giving a "
        "reason; what was paid out is then given back, and no interest is asked."
    )


def _withdrawal(paper: Paper) -> list[Clause]:
    return [Clause(name="Withdrawal", text=_cooling_off(paper))]


def schedule(paper: Paper) -> Words:
    """The schedule as text, a list a column: no, due date, principal, interest, other, instalment, balance."""
    rows = paper.schedule

    def amounts(column: tuple[int, ...]) -> list[str]:
        return [money(minor, paper.currency) for minor in column]

    columns = {
        "No": [str(n) for n in range(1, len(rows.amount) + 1)],
        "Due": [date.isoformat() for date in rows.due_date],
        "Principal": amounts(rows.principal),
        "Interest": amounts(rows.interest),
        "Other": amounts(rows.other),
        "Instalment": amounts(rows.amount),
        "Balance": amounts(rows.balance),
    }
    if not any(rows.other):
        del columns["Other"]
    return {"heads": list(columns), "columns": list(columns.values())}


def _payments(paper: Paper) -> list[list[str]]:
    """Runs of equal instalments: how many, of how much, when due (12 CFR 1026.18(g))."""
    rows = paper.schedule
    both = zip(rows.amount, rows.due_date, strict=True)
    told = []
    for amount, run in groupby(both, key=lambda row: row[0]):
        dates = [date for _, date in run]
        when = f"{_every(paper)}, from {day(dates[0])}" if len(dates) > 1 else day(dates[0])
        told.append([str(len(dates)), money(amount, paper.currency), when])
    return told


def _truth_in_lending(paper: Paper) -> Words:
    figures, currency = paper.figures, paper.currency
    return {
        "title": "Truth in Lending disclosure",
        "box": [
            ["ANNUAL PERCENTAGE RATE", "The cost of your credit as a yearly rate.", f"{figures.apr_percent} %"],
            ["FINANCE CHARGE", "The dollar amount the credit will cost you.", money(figures.finance_charge, currency)],
            ["Amount Financed", "The amount of credit provided to you or on your behalf.", money(figures.amount_financed, currency)],
            ["Total of Payments", "The amount you will have paid after you have made all payments as scheduled.",
             money(figures.total_of_payments, currency)],
        ],
        "payments": _payments(paper),
        "itemised": [
            ["Amount of the loan", money(figures.lent, currency)],
            ["Prepaid finance charge", money(figures.fee, currency)],
            ["Amount financed", money(figures.amount_financed, currency)],
            ["Paid to you", money(figures.paid_out, currency)],
        ],
        "clauses": [[clause.name, clause.text] for clause in paper.clauses],
    }  # fmt: skip


def _key_facts(paper: Paper) -> Words:
    figures, currency, rows = paper.figures, paper.currency, paper.schedule
    clause = {each.name: each.text for each in paper.clauses}
    kind = "Floating" if "index" in clause["Interest rate"] else "Fixed"
    return {
        "title": "Key Facts Statement",
        "first": [
            ["1", "Loan account and type of loan", f"{paper.loan_key}; {paper.product_words}"],
            ["2", "Sanctioned loan amount", f"{money(figures.lent, currency)} {currency}"],
            ["3", "Disbursal schedule", f"In full on {_term_date(paper, 'disbursed_on')}"],
            ["4", "Loan term", f"{len(rows.amount)} instalments, {_every(paper)}"],
            ["5", "Instalment details", "; ".join(f"{n} of {of}, {when}" for n, of, when in _payments(paper))],
            ["6", "Interest rate and type", f"{percent(int(paper.terms['rate_ppb'] or 0))} % a year; {kind.lower()}"],
            ["7", "Floating rate", clause["Interest rate"]],
            ["8", "Fees and charges payable to the lender, with tax", money(figures.fee, currency)],
            ["9", "Annual percentage rate (APR)", f"{figures.apr_percent} %"],
            ["10", "Contingent charges: late payment", clause["Late payment"]],
            ["", "Contingent charges: foreclosure", clause["Early repayment"]],
        ],
        "second": [["Cooling-off or look-up period", _cooling_off(paper)]],
        "computed": [
            ["1", "Sanctioned loan amount", money(figures.lent, currency)],
            ["2", "Number of instalments", str(len(rows.amount))],
            ["3", "Total interest to be charged", money(figures.interest, currency)],
            ["4", "Fees and charges payable", money(figures.fee, currency)],
            ["5", "Net disbursed amount (1 − 4)", money(figures.amount_financed, currency)],
            ["6", "Total amount to be paid by the borrower", money(figures.total_of_payments, currency)],
            ["7", "Annual percentage rate", f"{figures.apr_percent} %"],
        ],
        "schedule": schedule(paper),
    }  # fmt: skip


def _eu_standard(paper: Paper) -> Words:
    figures, currency, rows = paper.figures, paper.currency, paper.schedule
    clause = {each.name: each.text for each in paper.clauses}

    def amount(minor: int) -> str:
        return f"{money(minor, currency)} {currency}"

    return {
        "title": "Standard European Consumer Credit Information",
        "sections": [
            ["1. Identity and contact details of the creditor", [["Creditor", paper.lender]]],
            ["2. Description of the main features of the credit product", [
                ["Type of credit", paper.product_words],
                ["Total amount of credit", amount(figures.lent)],
                ["Conditions governing the drawdown", f"In full on {_term_date(paper, 'disbursed_on')}"],
                ["Duration of the credit agreement", f"{len(rows.amount)} instalments, to {day(rows.due_date[-1])}"],
                ["Instalments", "; ".join(f"{n} of {of}, {when}" for n, of, when in _payments(paper))],
                ["Total amount you will have to pay", amount(figures.total_of_payments)],
            ]],
            ["3. Costs of the credit", [
                ["Borrowing rate", f"{percent(int(paper.terms['rate_ppb'] or 0))} % a year. {clause['Interest rate']}"],
                ["Annual percentage rate of charge (APRC)", f"{figures.apr_percent} %"],
                ["Related costs", f"Fee of the payout, with its tax: {amount(figures.fee)}"],
                ["Total cost of the credit", amount(figures.finance_charge)],
                ["Costs in the case of late payments", clause["Late payment"]],
            ]],
            ["4. Other important legal aspects", [
                ["Right of withdrawal", _cooling_off(paper)],
                ["Early repayment", clause["Early repayment"]],
                ["Consultation of a database", "You are told at once and free of charge if an application is rejected on such a consultation."],
                ["Right to a draft credit agreement", "You may ask for a copy of the draft agreement, free of charge."],
                ["Period for which this is binding", f"From {day(paper.made_on)} to {day(paper.expires_on)}"],
            ]],
        ],
    }  # fmt: skip


_TOLD: dict[str, Callable[[Paper], Words]] = {
    OFFER.name: _offer,
    AGREEMENT.name: _agreement,
    "truth_in_lending": _truth_in_lending,
    "key_facts": _key_facts,
    "eu_standard": _eu_standard,
}
assert _TOLD.keys() >= DISCLOSURES.keys(), "each form has its words"
