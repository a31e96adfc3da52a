"""Loans that are never set apart, for they have a borrower in common or a refinancing links them; bounds of parts."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.store.lake import LAKE, insert, patiently, transaction
from loanbook.core.store.queries import Queries

BORROWERS = ("borrower", "co_borrower")
"""Attributes of a tape that say whose a loan is: loans that share a value of either are one group."""
GROUPS = {"loan_id": pl.Int64, "leader": pl.Int64}
"""Schema of loans that go with another one, the first of their group."""
_TO_THE_END = 1 << 62


def bounds(
    ledger: Queries, before: tuple[int, dt.date | None], date: dt.date, parts: int
) -> list[int]:
    """Ids at which the loans of a day are cut into `parts` of about as many: one more than there are parts.

    Of the loans that version and date `before` left in the book, and those that come on `date`.
    """
    shares = ", ".join(f"{n / parts:.9f}" for n in range(1, parts))
    if not shares:
        return [0, _TO_THE_END]
    (cuts,) = ledger.one(
        f"SELECT quantile_disc(loan_id, [{shares}]) FROM ("
        "SELECT loan_id FROM {lake}.position_core WHERE version = ? AND business_date = ? "
        "UNION ALL SELECT loan_id FROM {lake}.events WHERE booking_date = ? AND kind = ?)",
        [before[0], before[1], date, Kind.loan_boarded.value],
    )
    inner = sorted(set(cuts or ()))
    inner += [inner[-1] if inner else 1] * (parts - 1 - len(inner))
    return [0, *inner, _TO_THE_END]


def planned(ledger: Queries, days: tuple[dt.date, dt.date], plan: int) -> int:
    """Number of the plan of groups for days from the first to the last: `plan` if it is a new one, that of the last
    if the groups are still the same, 0 if no loan goes with another.

    A plan is rows of `loan_groups`; one is made where borrowers or refinancings say otherwise than the last.
    """
    groups = grouped(_ties(ledger, days))
    if groups.is_empty():
        return 0
    rows = ledger.frame(
        "SELECT plan, loan_id, leader FROM {lake}.loan_groups WHERE plan = "
        "(SELECT max(plan) FROM {lake}.loan_groups) ORDER BY loan_id"
    )
    if rows.height and rows.select(GROUPS.keys()).equals(groups):
        return int(rows["plan"][0])
    stored = groups.with_columns(plan=pl.lit(plan, dtype=pl.Int64))

    def store() -> None:
        with transaction(ledger.connection):
            (standing,) = ledger.one("SELECT published_version FROM {lake}.ledger_head")
            # a run that began before may still read the plan before; nobody reads one before that
            ledger.connection.execute(
                f"DELETE FROM {LAKE}.loan_groups WHERE plan < (SELECT max(plan) FROM {LAKE}.loan_groups) "
                f"AND plan <= {standing}"
            )
            insert(ledger.connection, "loan_groups", stored)

    patiently(store)
    return plan


def digest_of(ledger: Queries, plan: int) -> int:
    """By which all who read a plan of groups see that they read the same."""
    (found,) = ledger.one(
        "SELECT coalesce(bit_xor(hash(loan_id, leader)), 0) FROM {lake}.loan_groups WHERE plan = ?",
        [plan],
    )
    return int(found)


def _ties(ledger: Queries, days: tuple[dt.date, dt.date]) -> pl.DataFrame:
    """Loans that go together: `loan_id`, `other`: of one borrower, or linked by a refinancing of the days."""
    names = ", ".join(f"'{name}'" for name in BORROWERS)
    shared = ledger.frame(
        f"""
        WITH owned AS (SELECT loan_id, value FROM {{lake}}.loan_attributes
                       WHERE name IN ({names}) AND value <> '')
        SELECT o.loan_id, f.leader AS other FROM owned o JOIN (
            SELECT value, min(loan_id) AS leader FROM owned GROUP BY value
            HAVING min(loan_id) < max(loan_id)) f ON f.value = o.value
        WHERE o.loan_id <> f.leader
        """
    )
    linked = ledger.frame(
        "SELECT loan_id, json_extract_string(payload, '$.by')::BIGINT AS other FROM {lake}.events "
        "WHERE kind = ? AND booking_date <= ? AND (booking_date >= ? OR value_date >= ?)",
        [Kind.refinanced.value, days[1], days[0], days[0]],
    )
    return pl.concat([shared, linked.drop_nulls()])


def grouped(ties: pl.DataFrame) -> pl.DataFrame:
    """Loans that go with another (schema `GROUPS`), by id, of `ties` (`loan_id`, `other`): a loan's leader is the
    first of all that it is tied to, through others too."""
    both = pl.concat([ties, ties.select(loan_id="other", other="loan_id")]).unique()
    ids = pl.concat([both["loan_id"], both["other"]]).unique()
    found = pl.DataFrame({"loan_id": ids, "leader": ids}, schema=GROUPS)
    while True:  # each pass hands a leader on to the neighbours, and to those who follow them
        told = both.join(found, left_on="other", right_on="loan_id").select("loan_id", "leader")
        least = pl.concat([found, told]).group_by("loan_id").agg(pl.col("leader").min())
        jumped = least.join(
            least.select(leader="loan_id", next="leader"), on="leader", how="left"
        ).select("loan_id", leader="next")
        jumped = jumped.sort("loan_id")
        if jumped.equals(found.sort("loan_id")):
            return jumped.filter(pl.col("leader") != pl.col("loan_id"))
        found = jumped
