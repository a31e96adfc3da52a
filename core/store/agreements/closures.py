"""Loans that have ended, their letters, and collateral with what became of it, as the ledger keeps them."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import CLAIM_ROLES
from loanbook.core.errors import LedgerConflictError, LedgerError
from loanbook.core.store.agreements.keeping import keep
from loanbook.core.store.lists import KNOWN
from loanbook.core.store.queries import Queries

STEPS = ("held", "returned")
"""What becomes of collateral: the lender holds it, or gave it back and released its charge."""
COLLATERAL = ("title", "vehicle", "deposit", "guarantee", "other")
"""What it is."""
_LOSSES = [ROLE[name] for name in (
    "interest_charged_off", "fee_charged_off", "credit_loss", "goodwill_expense", "write_off_expense")]  # fmt: skip
ENDED = f"""
    WITH ended AS (
        SELECT loan_id, last(closed_on ORDER BY version, closed_on NULLS LAST) AS ended_on,
               last(close_reason ORDER BY version, closed_on NULLS LAST) AS why
        FROM loans WHERE close_reason IS NOT NULL AND version <= $known GROUP BY loan_id),
    lives AS (SELECT loan_id, status, charged_off_on, {" + ".join(CLAIM_ROLES)} AS owed FROM positions_at($on, $known)),
    found AS (
        SELECT loan_id, ended_on, CASE why WHEN 'paid in full' THEN 'closed' ELSE replace(why, ' ', '_') END AS ending, 0 AS owed
        FROM ended WHERE ended_on BETWEEN $since AND $on
        UNION ALL
        SELECT loan_id, charged_off_on, 'charged_off', owed FROM lives
        WHERE status = {Status.charged_off.value} AND charged_off_on BETWEEN $since AND $on),
    terms AS (SELECT loan_id, last(jurisdiction ORDER BY version) AS place, last(principal_agreed ORDER BY version) AS lent
              FROM loans WHERE close_reason IS NULL AND version <= $known AND loan_id IN (SELECT loan_id FROM found) GROUP BY loan_id),
    paid AS (SELECT p.loan_id, sum(p.amount)::BIGINT AS paid FROM allocations p
             WHERE p.loan_id IN (SELECT loan_id FROM found) AND p.version <= $version AND p.business_date <= $on AND {KNOWN}
             GROUP BY p.loan_id),
    lost AS (SELECT t.loan_id, sum(CASE WHEN t.debit IN (SELECT unnest($losses)) THEN t.amount ELSE 0 END
                                 - CASE WHEN t.credit IN (SELECT unnest($losses)) THEN t.amount ELSE 0 END)::BIGINT AS given_up
             FROM transfers t WHERE t.loan_id IN (SELECT loan_id FROM found) AND t.booking_date <= $on GROUP BY t.loan_id)
    SELECT f.loan_id, k.loan_key, f.ended_on, f.ending, t.place, cu.name AS currency, pr.name AS product, en.name AS lender, t.lent,
           coalesce(p.paid, 0) AS paid, coalesce(l.given_up, 0) AS given_up, f.owed
    FROM found f JOIN loan_keys k ON k.loan_id = f.loan_id JOIN terms t ON t.loan_id = f.loan_id
    JOIN products pr ON pr.code = k.product JOIN entities en ON en.code = k.entity JOIN currency_names cu ON cu.code = k.currency
    LEFT JOIN paid p ON p.loan_id = f.loan_id LEFT JOIN lost l ON l.loan_id = f.loan_id
    ORDER BY f.ended_on, k.loan_key
"""
"""Loans that ended from one date to another, or are charged off then, with what their letters say; `place` packed."""
LETTERS = "SELECT loan_key, kind, made_on FROM documents WHERE kind IN (SELECT unnest($kinds)) AND made_on <= $on"
HELD = """
    SELECT loan_id, loan_key, reference, any_value(kind) AS kind, min(on_date) FILTER (WHERE step = 'held') AS held_on,
           min(on_date) FILTER (WHERE step = 'returned') AS returned_on
    FROM collateral_steps WHERE on_date <= $on GROUP BY loan_id, loan_key, reference ORDER BY loan_key, reference
"""
"""Collateral, since when it is held, and when it was given back."""


def losses() -> list[int]:
    """Accounts that a loan's ending costs the lender."""
    return _LOSSES


def add_step(
    ledger: Queries, loan_key: str, what: tuple[str, str], step: str, on: dt.date, actor: str
) -> bool:  # fmt: skip
    """Write down that collateral (`what`: its reference, and what it is) is held or was given back; whether it is new.

    LedgerError: the loan is unknown, or what is given back is not held. LedgerConflictError: it stands there with another date.
    """
    reference, kind = what
    found = ledger.frame("SELECT loan_id FROM {lake}.loan_keys WHERE loan_key = ?", [loan_key])
    if found.is_empty():
        raise LedgerError(f"no loan has the key {loan_key!r}; see `loanbook loan list`")
    known = ledger.frame(
        "SELECT step, kind, on_date FROM {lake}.collateral_steps WHERE loan_key = ? AND reference = ?", [loan_key, reference]
    )  # fmt: skip
    same = known.filter(pl.col("step") == step)
    if same.height:
        if same.select("kind", "on_date").row(0) != (kind or same["kind"][0], on):
            raise LedgerConflictError(
                f"collateral {reference} of loan {loan_key} is {step} since {same['on_date'][0]} already, as {same['kind'][0]}; "
                "what stands is never edited"
            )
        return False
    held = known.filter(pl.col("step") == "held")
    if step == "returned" and (held.is_empty() or held["on_date"][0] > on):
        raise LedgerError(
            f"collateral {reference} of loan {loan_key} was not held on {on}: write down first since when it is"
        )
    row = {
        "loan_id": found["loan_id"][0], "loan_key": loan_key, "reference": reference, "kind": kind or held["kind"][0], "step": step,
        "on_date": on, "actor": actor, "known_on": on,
    }  # fmt: skip
    return keep(ledger, {"collateral_steps": pl.DataFrame([row])})
