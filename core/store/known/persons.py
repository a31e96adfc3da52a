"""Who the borrowers of loans are, by their tokens in the vault of persons."""

from __future__ import annotations

import polars as pl

from loanbook.core.store.queries import Queries

PERSON, BORROWER = "person", "borrower"
"""Attribute of a tape, and role of a party, that name a loan's borrower in the vault of persons."""


def persons_of_loans(ledger: Queries, loans: pl.Series) -> pl.DataFrame:
    """`loan_id`, `person` of loans whose borrower is in the vault of persons: as a tape's attribute names the person, else
    as the parties of the loan's agreement do."""
    return ledger.beside(
        "SELECT loan_id, arg_min(person, place) AS person FROM ("
        "SELECT a.loan_id, a.value AS person, 0 AS place FROM {lake}.loan_attributes a "
        "WHERE a.name = $person AND a.loan_id IN (SELECT loan_id FROM _ids) UNION ALL "
        "SELECT k.loan_id, p.token, 1 FROM {lake}.offers o JOIN {lake}.loan_keys k ON k.loan_key = o.loan_key, "
        "LATERAL (SELECT unnest(from_json(o.parties, '[{{\"role\": \"VARCHAR\", \"token\": \"VARCHAR\"}}]'), recursive := true)) p "
        "WHERE p.role = $borrower AND k.loan_id IN (SELECT loan_id FROM _ids)) WHERE person LIKE 'p#_%' ESCAPE '#' GROUP BY loan_id",
        {"person": PERSON, "borrower": BORROWER},
        _ids=loans.unique().to_frame("loan_id"),
    )  # fmt: skip
