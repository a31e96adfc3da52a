"""Promises of a ledger by both clocks, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from loanbook.core.collections.promises import JUDGED, judged, money_of
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.promise_rules import PromiseRules
from loanbook.core.store.known import promises as stored

if TYPE_CHECKING:
    from loanbook.core.store.clocks import Clocks
    from loanbook.core.store.reader import LedgerReader


def promises_by(
    reader: LedgerReader, policies: PolicyBook, at: Clocks, loan: int | None = None
) -> pl.DataFrame:
    """Promised payments of a loan, or of all, judged by what is known by both clocks: `JUDGED` with `loan_key`.

    Nothing of it is stored, so money that comes late or is returned changes it at once, and what was said before can be
    asked for by its version.
    """
    made = reader.query(stored.PROMISES, {"on": at.on, "booked": at.booked, "loan": loan})
    if made.is_empty():
        return pl.DataFrame(schema={**JUDGED, "loan_key": pl.String})
    since = {"on": at.on, "booked": at.booked, "first": made["promised_on"].min()}
    events = reader.lake().beside(stored.MONEY, since, _promised=made.select("loan_id").unique())
    money = money_of(events)
    keys = made.select("reference", "loan_key")
    rules = policies.every_version(PromiseRules, "standard")
    return judged(made, money, rules, at.on).join(
        keys, on="reference", how="left", maintain_order="left"
    )
