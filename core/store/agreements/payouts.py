"""Payouts asked for, and what became of each: ordered, booked, instructed, handed over, acknowledged, come back."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.errors import LedgerConflictError
from loanbook.core.store.agreements.keeping import keep
from loanbook.core.store.queries import Queries

PAYOUT = pl.Schema({
    "key": pl.String, "body_hash": pl.String, "offer_id": pl.String, "loan_key": pl.String, "order_id": pl.String,
    "account": pl.String, "originator": pl.String, "amount": pl.Int64, "currency": pl.String, "value_date": pl.Date,
    "maker": pl.String,
})  # fmt: skip
"""A payout that somebody asked for; `key` makes it one, `account` is a token."""
LIVES = ("waits", "booked", "instructed", "handed over")
"""States of a payout that is on its way or was made."""
TAKEN_BACK = ("failed", "reversed")
"""States of a payout that is none any more in the ledger."""
_ASKED = """
    SELECT p.*, e.event_id, e.idempotency_key, e.booking_date, i.key AS instruction, i.trace, i.end_to_end_id, i.effective,
           f.name AS file, f.sha256 AS file_sha256, h.handed_over_at, a.status AS acknowledged, r.code, r.returned_on,
           v.event_id IS NOT NULL AS reversed
    FROM {lake}.disbursements p
    LEFT JOIN {lake}.events e ON e.source_ref = p.order_id AND e.kind = $disbursed
    LEFT JOIN {lake}.instructions i ON i.key = 'payout/' || e.event_id
    LEFT JOIN {lake}.files_out f ON f.file_key = i.file_key
    LEFT JOIN {lake}.files_handed_over h ON h.file_key = i.file_key
    LEFT JOIN (SELECT file_key, instruction_key, last(status ORDER BY recorded_at) AS status FROM {lake}.acknowledgements
               WHERE level = 'group' OR instruction_key IS NOT NULL GROUP BY ALL) a
           ON a.file_key = i.file_key AND (a.instruction_key = i.key OR a.instruction_key IS NULL)
    LEFT JOIN (SELECT instruction_key, min(code) AS code, min(returned_on) AS returned_on FROM {lake}.payment_returns
               WHERE outcome = 'rejected' GROUP BY ALL) r ON r.instruction_key = i.key
    LEFT JOIN {lake}.events v ON v.kind = $reversal AND v.loan_id = e.loan_id
          AND (v.payload->>'$.reverses') = e.idempotency_key
"""


def payouts(
    ledger: Queries, where: str = "TRUE", parameters: dict[str, object] | None = None
) -> pl.DataFrame:
    """Payouts asked for (`PAYOUT`) with what became of each, oldest first; `state` in a word.

    States: waits (for approval, or for the close that books it), booked, instructed, handed over, returned (by the
    bank, its event not reversed yet), failed (returned and reversed), reversed (taken back before money went out).
    """
    told = ledger.frame(
        f"{_ASKED} WHERE {where} ORDER BY p.recorded_at, p.key",
        {"disbursed": Kind.disbursed.value, "reversal": Kind.reversal.value, **(parameters or {})},
    ).unique("key", keep="last", maintain_order=True)  # fmt: skip
    back = pl.col("returned_on").is_not_null()
    state = (
        pl.when(back & pl.col("reversed")).then(pl.lit("failed"))
        .when(back).then(pl.lit("returned"))
        .when("reversed").then(pl.lit("reversed"))
        .when(pl.col("handed_over_at").is_not_null()).then(pl.lit("handed over"))
        .when(pl.col("instruction").is_not_null()).then(pl.lit("instructed"))
        .when(pl.col("event_id").is_not_null()).then(pl.lit("booked"))
        .otherwise(pl.lit("waits"))
    )  # fmt: skip
    return told.with_columns(state=state)


def add_payout(ledger: Queries, row: dict[str, object]) -> bool:
    """Keep a payout (`PAYOUT`). False: the same is kept under its key. LedgerConflictError: another is."""

    def fresh() -> bool:
        known = ledger.frame(
            "SELECT body_hash FROM {lake}.disbursements WHERE key = ?", [row["key"]]
        )
        if known.is_empty():
            return True
        if known["body_hash"][0] == row["body_hash"]:
            return False
        raise LedgerConflictError(
            f"another payout was asked for under the key {row['key']!r}: the same key is the same payout; take another key"
        )

    return keep(ledger, {"disbursements": pl.DataFrame([row], schema=PAYOUT)}, fresh)


def destinations(ledger: Queries) -> pl.DataFrame:
    """Where payouts that were asked for go to: `source_ref` of the order, `account` (token), `originator`, `disbursement`, its key."""
    return ledger.frame(
        "SELECT order_id AS source_ref, account AS _account, originator AS _originator, key AS disbursement "
        "FROM {lake}.disbursements"
    )
