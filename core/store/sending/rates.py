"""Rates of returns on a date, by originator, and whether one is beyond its limit."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.payments.out.return_rates import return_rates
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.originators import Originator, ReturnCodes
from loanbook.core.store.queries import Queries

_DEBITS = """
    SELECT f.originator, i.effective FROM {lake}.instructions i JOIN {lake}.files_out f ON f.file_key = i.file_key
    WHERE i.direction = 'debit' AND i.amount > 0
"""
_BACK = """
    SELECT r.originator, r.code, r.returned_on FROM {lake}.payment_returns r
    JOIN {lake}.instructions i ON i.key = r.instruction_key
    WHERE i.direction = 'debit' AND i.amount > 0 AND r.why NOT IN ('returned_before', 'dishonoured')
"""


def rates_at(ledger: Queries, policies: PolicyBook, on: dt.date) -> pl.DataFrame:
    """`loanbook.core.payments.out.return_rates.RATES` on a date."""
    codes = {
        name: policies.in_force(ReturnCodes, by.return_codes, on)
        for name, by in policies.all_in_force(Originator, on).items()
    }
    return return_rates(ledger.frame(_DEBITS), ledger.frame(_BACK), codes, on)
