"""Loans that applicants had of this ledger before, as they were known at the end of the day before their application's.

What closed on the day or later, and what a later version told of days before, takes no part: so a decision can't see the
future, and comes out alike whether the day was closed before or after it.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.store.origination.merges import ALIASES
from loanbook.core.store.queries import PUBLISHED, Queries

HISTORY = pl.Schema({
    "application_id": pl.String(), "prior_loans": pl.Int64(), "prior_worst_days": pl.Int64(), "prior_charged_off": pl.Int64(),
    "open_principal": pl.Int64(),
})  # fmt: skip
"""Inputs of the source `history` (`loanbook.core.catalogue.inputs`), a row an application."""
_PEOPLE = "('applicant', 'co_applicant', 'owner')"
_OWN = f"""
    WITH own AS (SELECT w.*, l.token FROM _asked w
                 JOIN {{lake}}.application_links l ON l.application_id = w.application_id AND l.kind IN {_PEOPLE}),
    every AS (SELECT * FROM own UNION SELECT n.application_id, n."on", n.code, s.alias AS token FROM own n
              JOIN _same s ON s.applicant = n.token AND s."on" = n."on")
    SELECT DISTINCT w.application_id, w."on", w.code, k.loan_id, k.currency FROM every w
    JOIN {{lake}}.application_links o ON o.token = w.token AND o.kind IN {_PEOPLE} AND o.application_id <> w.application_id
    JOIN {{lake}}.applications a ON a.application_id = o.application_id
    LEFT JOIN {{lake}}.offers f ON f.application_id = o.application_id
    JOIN {{lake}}.loan_keys k ON k.loan_key = coalesce(f.loan_key, a.reference)
    WHERE o.known_on <= w."on"
"""
"""Loans of other applications that name one of the same people, or whom people merged with one by the day: by their offer, else
by the application's own reference."""
_KNOWN = f"""
    WITH own AS (SELECT o.*, (SELECT max(v.version) FROM {{lake}}.versions v WHERE v.business_date < o."on" AND v.version IN {PUBLISHED}) AS known
                 FROM _own o),
    boarded AS (SELECT DISTINCT o.application_id, o.loan_id FROM own o JOIN {{lake}}.loans b ON b.loan_id = o.loan_id
                WHERE b.close_reason IS NULL AND b.version <= o.known AND b.version IN {PUBLISHED}),
    days AS (
        SELECT o.application_id, o.loan_id, p.business_date, p.days_past_due, p.charged_off_on, p.principal, o.code = o.currency AS same,
               p.business_date = (SELECT v.business_date FROM {{lake}}.versions v WHERE v.version = o.known) AS is_last
        FROM own o JOIN {{lake}}.positions p ON p.loan_id = o.loan_id
        WHERE p.business_date < o."on" AND p.version <= o.known AND p.version IN {PUBLISHED}
          AND NOT EXISTS (SELECT 1 FROM {{lake}}.restated_loans r WHERE r.loan_id = p.loan_id AND r.version > p.version
                          AND r.version <= o.known AND p.business_date BETWEEN r.from_date AND r.through_date AND r.version IN {PUBLISHED}))
    SELECT b.application_id, count(DISTINCT b.loan_id) AS prior_loans, max(d.days_past_due)::BIGINT AS prior_worst_days,
           count(DISTINCT b.loan_id) FILTER (WHERE d.charged_off_on IS NOT NULL) AS prior_charged_off,
           coalesce(sum(d.principal) FILTER (WHERE d.is_last AND d.same), 0)::BIGINT AS open_principal
    FROM boarded b LEFT JOIN days d ON d.application_id = b.application_id AND d.loan_id = b.loan_id
    GROUP BY b.application_id
"""


def own_history(
    ledger: Queries, asked: pl.DataFrame, same: pl.DataFrame | None = None
) -> pl.DataFrame:
    """`HISTORY` of applications (`asked`: `application_id`, `on`, `currency`), in their order; without a loan before the counts
    are zero, and the most days past due are not known.

    `same`: tokens of one person (`loanbook.core.store.origination.merges.ALIASES`), where people merged any."""
    code = pl.col("currency").replace_strict(CURRENCY_CODES, default=None, return_dtype=pl.Int64)
    wanted = asked.select("application_id", "on", code=code)
    same = pl.DataFrame(schema=ALIASES) if same is None else same
    own = ledger.beside(_OWN, [], _asked=wanted, _same=same)
    none = pl.DataFrame(schema=HISTORY)
    known = ledger.beside(_KNOWN, [], _own=own).cast(HISTORY) if own.height else none
    told = asked.select("application_id").join(
        known, on="application_id", how="left", maintain_order="left"
    )
    counts = [name for name in HISTORY if name not in ("application_id", "prior_worst_days")]
    return told.with_columns(pl.col(counts).fill_null(0))
