"""Misuse of orders as `core/reporting/misuse` finds it: read from the ledger and the people's database, and told of."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.events import EVENTS
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.rights.misuse import MisuseRules
from loanbook.core.reporting.misuse import DECISIONS, ORDERS, misuse
from loanbook.core.store.people.acting import has_people
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.people.queue import decisions
from loanbook.core.store.people.users import of_attribute
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.alerts.telling import Findings

ACTIVITY = "misuse.found"
RULES = "standard"
"""Name of the rules that are in force for an instance."""
_ORDERS = """
    SELECT e.event_id, k.loan_key, e.kind, e.value_date, e.booking_date, e.amount, c.name AS currency,
           e.actor AS maker, e.checker, e.reason, e.source_ref, o.borrower
    FROM events e JOIN loan_keys k ON k.loan_id = e.loan_id JOIN currency_names c ON c.code = e.currency
    LEFT JOIN (SELECT loan_id, min(value) AS borrower FROM loan_attributes
               WHERE name = 'borrower' AND value <> '' GROUP BY loan_id) o ON o.loan_id = e.loan_id
    WHERE e.kind IN (SELECT unnest($kinds)) AND e.booking_date BETWEEN $first AND $last
      AND e.source_system IN (SELECT unnest($systems)) ORDER BY e.event_id
"""


@dataclass(frozen=True)
class Found:
    """What was found on a date."""

    on: dt.date
    findings: pl.DataFrame
    """`loanbook.core.reporting.misuse.FINDINGS`."""
    evidence: pl.DataFrame
    """`loanbook.core.reporting.misuse.EVIDENCE`."""


def found_on(reader: LedgerReader, policies: PolicyBook, on: dt.date) -> Found:
    """Findings among orders that were booked in the window that ends on a date."""
    rules = policies.in_force(MisuseRules, RULES, on)
    first = on - dt.timedelta(days=rules.window_days - 1)
    told = {
        "kinds": [each.kind.value for each in EVENTS if each.commands], "first": first, "last": on,
        "systems": policies.sources_of_orders,
    }  # fmt: skip
    orders = reader.query(_ORDERS, told).cast(ORDERS)
    people = open_people(reader.settings) if has_people(reader.settings) else None
    findings, evidence = misuse(orders, _decided(orders, people, first, on), _own(people), rules)
    return Found(on, findings, evidence)


def _decided(
    orders: pl.DataFrame, people: People | None, first: dt.date, last: dt.date
) -> pl.DataFrame:
    """What was decided in the queue, and of orders that came in files, which name whom they were approved by."""
    booked = orders.filter(pl.col("checker").is_not_null())
    booked = booked.with_columns(verdict=pl.lit("approved")).select(list(DECISIONS))
    if people is None:
        return booked
    queued = pl.DataFrame(decisions(people, first, last), schema=DECISIONS, orient="row")
    return pl.concat([queued, booked.join(queued, on="source_ref", how="anti")])


def _own(people: People | None) -> pl.DataFrame:
    """Loans that are a user's own, as the attribute `own_loan` tells."""
    rows = of_attribute(people, "own_loan") if people else []
    return pl.DataFrame(rows, schema={"user": pl.String, "loan_key": pl.String}, orient="row")


def to_report(found: Found) -> Findings:
    """Findings of misuse as they are told of."""
    key = ("rule", "act", "user", "other")
    return Findings(found.on, found.findings, ACTIVITY, "misuse", key, "misuse_found", "loanbook audit misuse")  # fmt: skip
