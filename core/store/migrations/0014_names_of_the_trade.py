"""Columns and kinds of events get the names that lenders use.

Migrations 2 to 4 and 12 were added to after ledgers had seen them. What such ledgers lack is added
first, under the old names.
"""

from __future__ import annotations

from loanbook.core.store.migrations.tools import (
    Connection,
    add,
    must_find_none,
    must_have,
    must_lack,
    rename,
    run,
)

LACKING_POSITIONS = """
    fees_due BIGINT DEFAULT 0, penalties_due BIGINT DEFAULT 0, taxes_due BIGINT DEFAULT 0,
    off_books BIGINT DEFAULT 0, interest_earned BIGINT DEFAULT 0,
    income_deferred BIGINT DEFAULT 0, deferred_whole BIGINT DEFAULT 0, deferred_from DATE,
    deferred_until DATE, deferred_to BIGINT DEFAULT 0, deferred_yield BIGINT,
    deferred_rate BIGINT, interest_taxed BIGINT DEFAULT 0, credit_since DATE, charged_off_on DATE,
    non_accrual BOOLEAN DEFAULT 'false', current_since DATE, penal_base BIGINT DEFAULT 0,
    penal_from DATE, in_grace BOOLEAN DEFAULT 'true', statement_left BIGINT DEFAULT 0,
    period_lacks BIGINT DEFAULT 0, advances BIGINT DEFAULT 0, advances_whole BIGINT DEFAULT 0,
    advances_rest BIGINT DEFAULT 0
"""
LACKING_TERMS = """
    balloon BIGINT, second_anchor_day TINYINT, first_interest_adjustment BIGINT, rate_until DATE,
    rate_before BIGINT, paused_from DATE, paused_until DATE, matures_on DATE, accelerated_on DATE,
    moratorium_left SMALLINT, moratorium_interest TINYINT, spread_ppb BIGINT, first_reset_on DATE,
    flags SMALLINT, taken_over_on DATE, principal_left BIGINT, rate_agreed BIGINT,
    jurisdiction BIGINT, stands_from DATE, reaged_no SMALLINT
"""
POSITIONS = {
    "accrual_from": "segment_start",
    "accrual_whole": "accrued_units",
    "accrual_rest": "accrued_remainder",
    "accrual_paid": "accrued_prepaid",
    "advance_paid": "prepaid_dues",
    "statement_left": "statement_unpaid",
    "credit_since": "credit_unchanged_since",
    "current_since": "performing_since",
    "deferred_yield": "eir_ppb",
    "deferred_rate": "contract_yield_ppb",
    "period_lacks": "tranche_balance_days",
    "advances": "cash_advances",
    "advances_whole": "cash_advance_units",
    "advances_rest": "cash_advance_remainder",
}
TERMS = {"stands_from": "schedule_fixed_on", "reaged_no": "reage_ended_instalment"}
KINDS = {
    "extended": "term_extended",
    "settled": "settlement_reached",
    "accelerated": "contract_accelerated",
    "taken_over": "migrated_in",
    "income_capitalised": "fee_capitalised",
    "income_adjusted": "capitalised_fee_adjusted",
    "fee_bought_down": "rate_bought_down",
}
IN_PAYLOADS = {**TERMS, "statement_left": "statement_unpaid", "advances": "cash_advances"}
"""Terms of boarded loans and balances of migrated ones travel by name."""


def up(connection: Connection) -> None:
    """Add what lacks, rename columns, and rename kinds where they stand in text."""
    add(connection, "positions", LACKING_POSITIONS)
    rename(connection, "positions", POSITIONS)
    for table in ("loans", "changed_terms"):
        add(connection, table, LACKING_TERMS)
        rename(connection, table, TERMS)
    for old, new in KINDS.items():
        # a kind's name stands in the keys of its events, and in those that name them
        for column in ("idempotency_key", "payload"):
            run(
                connection,
                f"UPDATE {{lake}}.events SET {column} = replace({column}, '/{old}/', '/{new}/') "
                f"WHERE {column} LIKE '%/{old}/%'",
            )
        run(connection, f"UPDATE {{lake}}.schedules SET reason = '{new}' WHERE reason = '{old}'")
    for old, new in IN_PAYLOADS.items():
        run(
            connection,
            f"UPDATE {{lake}}.events SET payload = replace(payload, '\"{old}\":', '\"{new}\":') "
            f"WHERE payload LIKE '%\"{old}\":%'",
        )


def check(connection: Connection) -> None:
    """New names are there, old ones are not, in columns and in text."""
    must_have(connection, "positions", " ".join((*POSITIONS.values(), "interest_taxed")))
    must_lack(connection, "positions", POSITIONS)
    for table in ("loans", "changed_terms"):
        must_have(connection, table, " ".join(TERMS.values()))
        must_lack(connection, table, TERMS)
    old_kinds = " OR ".join(f"idempotency_key LIKE '%/{old}/%'" for old in KINDS)
    must_find_none(connection, "events", old_kinds)
    named = ", ".join(f"'{old}'" for old in KINDS)
    must_find_none(connection, "schedules", f"reason IN ({named})")
