"""The Great Expectations suite at intake: over the file register and the events taken in."""

from __future__ import annotations

from typing import Any

from loanbook.core.store.writer import Ledger
from loanbook.pipelines.expectations import quiet_context

CHECKS = {
    "rows_reconcile": "Every row of a file was accepted, quarantined or known already; none was lost.",
    "event_keys_are_unique": "No event stands twice: its idempotency key is its own.",
    "events_name_their_loan": "Every event is of a loan.",
    "amounts_are_positive": "An event that has an amount moves at least one minor unit.",
}
"""What each check of the suite asserts."""


def intake_suite(ledger: Ledger, run_id: str) -> list[tuple[str, bool, str]]:
    """(check, passed, figures) for every check of `CHECKS`, over what the run took in.

    A key must be unique among all events; no others are looked at.
    """
    import great_expectations.expectations as expect

    context = quiet_context()
    files = ledger.frame(
        "SELECT rows_in - accepted - quarantined - duplicates AS lost FROM {lake}.files "
        "WHERE correlation_id = ?",
        [run_id],
    ).to_pandas()
    events = ledger.frame(
        "SELECT idempotency_key, loan_id, coalesce(amount, 1) AS amount FROM {lake}.events "
        "WHERE idempotency_key IN "
        "(SELECT idempotency_key FROM {lake}.events WHERE correlation_id = ?)",
        [run_id],
    ).to_pandas()
    source = context.data_sources.add_pandas("intake")
    wanted: list[tuple[Any, Any]] = [
        (files, expect.ExpectColumnValuesToBeInSet(column="lost", value_set=[0])),
        (events, expect.ExpectColumnValuesToBeUnique(column="idempotency_key")),
        (events, expect.ExpectColumnValuesToNotBeNull(column="loan_id")),
        (events, expect.ExpectColumnValuesToBeBetween(column="amount", min_value=1)),
    ]
    found = []
    for name, (frame, expectation) in zip(CHECKS, wanted, strict=True):
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        result = batch.get_batch({"dataframe": frame}).validate(expectation)
        broken = int(result.result.get("unexpected_count") or 0)
        found.append((name, bool(result.success), f"{len(frame)} rows, {broken} break it"))
    return found
