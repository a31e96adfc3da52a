"""Which files an audit pack has, and what stands in them: read by both clocks, as the requester's roles show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.store.clocks import Clocks
from loanbook.core.store.reader import LedgerReader

OF_CHARGES = (
    Kind.charge_assessed, Kind.charge_waived, Kind.charge_adjusted, Kind.interest_waived,
    Kind.goodwill_credit, Kind.fee_capitalised, Kind.capitalised_fee_adjusted,
)  # fmt: skip
LEFT_OUT = {
    "decisions and their reasons": "loans are boarded from tapes: this ledger takes no applications",
    "call log, complaints": "they are not kept here",
}
"""What auditors ask for that no pack holds, and why."""


@dataclass(frozen=True)
class Part:
    """A file of the pack: what it is, and what reads it."""

    name: str
    meaning: str
    read: Callable[[LedgerReader, Clocks, int], pl.DataFrame]
    """Of a reader, by both clocks; the last is the version after which restatements are told."""


def _sql(query: str) -> Callable[[LedgerReader, Clocks, int], pl.DataFrame]:
    return lambda reader, at, _: reader.query(query)


def _loan_tape(reader: LedgerReader, at: Clocks, _: int) -> pl.DataFrame:
    """One row a loan, living or ended, with its position of the date where it lives."""
    positions = reader.positions(at.on, at.known).drop(
        "status", "version", "business_date", strict=False
    )
    register = reader.loans(at.on, at.known)
    shared = [name for name in positions.columns if name in register.columns and name != "loan_id"]
    return register.join(positions.drop(shared), on="loan_id", how="left", maintain_order="left")


def _reconciliation(reader: LedgerReader, at: Clocks, _: int) -> pl.DataFrame:
    """Each account's balance of the version beside the sum of all transfers to it."""
    return reader.query(
        """
        WITH moved AS (
            SELECT entity, product, currency, debit AS account, amount FROM transfers
            UNION ALL SELECT entity, product, currency, credit, -amount FROM transfers),
        sums AS (SELECT entity, product, currency, account, sum(amount)::BIGINT AS transferred
                 FROM moved GROUP BY ALL),
        told AS (SELECT entity, product, currency, account, balance FROM account_balances WHERE version = ?)
        SELECT entity, product, currency, account, r.name AS role, coalesce(balance, 0) AS balance,
               coalesce(transferred, 0) AS transferred,
               coalesce(balance, 0) - coalesce(transferred, 0) AS difference
        FROM told FULL JOIN sums USING (entity, product, currency, account)
        LEFT JOIN account_roles r ON r.code = account ORDER BY ALL
        """,
        [at.version],
    )


PARTS = (
    Part("loan_tape", "a row a loan, living or ended: its register and its position of the date", _loan_tape),
    Part("schedules", "every version of every schedule, with the digest of its rows",
         _sql("SELECT * FROM schedules ORDER BY loan_id, schedule_version")),
    Part("events", "every event by the date, with its people, also what was taken back",
         lambda reader, at, _: reader.events(at.on, at.known, names=True)),
    Part("allocations", "what every payment was allocated to, as known last",
         _sql("SELECT * FROM allocations_now ORDER BY ALL")),
    Part("charges_and_waivers", "what was charged, waived, given back or adjusted",
         lambda reader, at, _: reader.events(at.on, at.known, kinds=OF_CHARGES, names=True)),
    Part("modifications", "changes of contracts, with what makes them forbearance",
         lambda reader, at, _: reader.modifications(at.on, at.known)),
    Part("approvals", "events that people ordered: maker, checker and reason",
         lambda reader, at, _: reader.events(at.on, at.known, names=True).filter(pl.col("checker").is_not_null())),
    Part("transfers", "every movement of the double-entry ledger", _sql("SELECT * FROM transfers ORDER BY ALL")),
    Part("reconciliation", "each account's balance beside the sum of its transfers", _reconciliation),
    Part("versions", "versions of the ledger: who closed them, under which policies and code",
         _sql("SELECT * FROM versions ORDER BY version")),
    Part("policies", "versions of policies that loans live by, with their content",
         _sql("SELECT folder, name, version, content_hash, content FROM policy_versions ORDER BY ALL")),
    Part("quality_exceptions", "rows in quarantine, by rule", _sql("SELECT * EXCLUDE (recorded_at) FROM quarantine ORDER BY ALL")),
    Part("checks", "what was checked of each version", _sql("SELECT * EXCLUDE (seconds) FROM checks ORDER BY ALL")),
    Part("restatements", "what late news changed, and which events caused it",
         lambda reader, at, _: reader.restatements()),
    Part("restated_figures", "each figure that late news changed since the export before: what was said, what is said now",
         lambda reader, at, since: reader.restated(None, at.known).filter(pl.col("version") > since)),
)  # fmt: skip
"""Every file of a pack but the access log, in their order."""
