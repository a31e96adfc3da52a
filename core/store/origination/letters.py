"""Rejected applications that no letter tells yet, and what their letters rest on."""

from __future__ import annotations

import polars as pl

from loanbook.core.documents.kinds import ADVERSE_ACTION
from loanbook.core.store.queries import Queries

_UNTOLD = """
    WITH last AS (SELECT application_id, last(event ORDER BY recorded_at, place) AS event FROM {lake}.case_events GROUP BY 1),
    turned AS (
        SELECT application_id, max_by(struct_pack(decision_id, reasons, policy_hash, underwriting_hash, decided_on),
                                      (recorded_at, by_person)) AS d
        FROM (SELECT application_id, decision_id, reasons, policy_hash, '' AS underwriting_hash, decided_at::DATE AS decided_on, recorded_at,
                     0 AS by_person FROM {lake}.decisions WHERE outcome = 'rejected' AND role = 'champion'
              UNION ALL SELECT application_id, decision_id, reasons, policy_hash, underwriting_hash, decided_on, recorded_at, 1
              FROM {lake}.person_decisions WHERE outcome = 'rejected') GROUP BY 1),
    told AS (SELECT application_id, fields->>'$.decision_id' AS decision_id FROM {lake}.documents WHERE kind = $kind)
    SELECT a.application_id, a.applicant, a.product, a.amount, a.currency, a.term, a.submitted_on, t.d.decision_id AS decision_id,
           t.d.reasons AS reasons, t.d.policy_hash AS policy_hash, t.d.underwriting_hash AS underwriting_hash, t.d.decided_on AS decided_on
    FROM {lake}.applications a JOIN last l ON l.application_id = a.application_id AND l.event = 'rejected'
    JOIN turned t ON t.application_id = a.application_id
    WHERE NOT EXISTS (SELECT 1 FROM told WHERE told.application_id = a.application_id AND told.decision_id = t.d.decision_id)
    ORDER BY a.application_id
"""


def untold(ledger: Queries) -> pl.DataFrame:
    """Rejected applications without a letter of the decision that counts, a person's before the policy's of the same moment."""
    return ledger.frame(_UNTOLD, {"kind": ADVERSE_ACTION.name})


def bureaus_known(ledger: Queries, rows: pl.DataFrame) -> dict[str, list[str]]:
    """Names of the bureaus of whose reports a decision knew, by application (`rows`: `application_id`, `applicant`, `decided_on`)."""
    found = ledger.beside(
        "SELECT DISTINCT w.application_id, split_part(f.record, '/', 1) AS bureau FROM _rows w "
        "JOIN {lake}.applicant_facts f ON f.applicant = w.applicant AND f.source = 'bureau' AND f.known_on <= w.decided_on ORDER BY ALL",
        [], _rows=rows.select("application_id", "applicant", "decided_on"),
    )  # fmt: skip
    told: dict[str, list[str]] = {}
    for application, bureau in found.rows():
        told.setdefault(application, []).append(bureau)
    return told
