"""One late loan as its desk has it: what may be done to reach the borrower now, what was said and done, what is owed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import polars as pl

from loanbook.core.catalogue.contacts import CHANNELS
from loanbook.core.collections.contact import ASKED, barred, next_allowed
from loanbook.core.collections.local_time import APART
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.contact_rules import HOLDS
from loanbook.core.store.known import desk as stored
from loanbook.pipelines.collections.promised import promises_by
from loanbook.pipelines.collections.queued import contact_rules_on, queue_rules, told_by

if TYPE_CHECKING:
    from loanbook.core.store.clocks import Clocks
    from loanbook.core.store.reader import LedgerReader

LASTING = ("inconvenient_place", "opt_out", "consent", *(name for name in HOLDS if name != "legal"))
"""Rules that bar contact until the borrower says otherwise."""
TIMELINE = pl.Schema({
    "instant": pl.Datetime("us"), "at": pl.String(), "what": pl.String(), "told": pl.String(), "by": pl.String(),
    "amount": pl.Int64(),
})  # fmt: skip
"""A row of a timeline: `instant` in UTC, `at` as it was written down, `amount` in minor units where there is one."""


def channels_now(
    reader: LedgerReader,
    policies: PolicyBook,
    at: Clocks,
    loan: dict[str, Any],
    moment: dt.datetime,
) -> pl.DataFrame:
    """Each channel by which the borrower of a queued loan may be reached at an instant (UTC), or not: `channel`, `rules`
    (List, empty: allowed), `allowed_at` (UTC; null: once what `until` says), `allowed_local` with its offset.

    Of a loan that fits no team there are no rules to ask: it is no row.
    """
    queue = queue_rules(policies, at.on)
    team = next((each for each in queue.teams if each.name == loan["team"]), None)
    if team is None:
        return pl.DataFrame(schema={"channel": pl.String, "rules": pl.List(pl.String), "allowed_at": ASKED["at"], "allowed_local": pl.String, "until": pl.String})  # fmt: skip
    zone = loan["zone"] or team.zone
    rules = contact_rules_on(policies, team.contact_rules, moment.date())
    told = told_by(reader, at, loan["loan_id"])
    asked = pl.DataFrame({
        "reference": list(CHANNELS), "loan_key": loan["loan_key"], "at": moment, "channel": list(CHANNELS), "place": "", "zone": zone,
    }, schema=ASKED)  # fmt: skip
    found = barred(asked, *told, rules).join(
        next_allowed(asked, *told, rules).select("reference", "allowed_at"), on="reference", maintain_order="left"
    )  # fmt: skip
    first = zone.split(APART)[0]
    local = pl.col("allowed_at").dt.convert_time_zone(first).dt.to_string("%Y-%m-%d %H:%M %:z")
    return found.select(
        "channel", "rules", "allowed_at", allowed_local=local, until=pl.when(pl.col("allowed_at").is_null()).then(_until())
    )  # fmt: skip


def _until() -> pl.Expr:
    """What contact waits for that no hour ends: the lender's legal action, what the borrower said, or both."""
    ended, said = "once the legal action has ended", "once the borrower says so"
    asks = pl.col("rules").list.set_intersection(pl.lit(list(LASTING))).list.len() > 0
    return (
        pl.when(~pl.col("rules").list.contains("legal"))
        .then(pl.lit(said))
        .when(asks)
        .then(pl.lit(f"{ended}, and {said}"))
        .otherwise(pl.lit(ended))
    )


def timeline(
    reader: LedgerReader, policies: PolicyBook, at: Clocks, loan: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What happened with a loan's borrower (schema `TIMELINE`, newest first), and its promises with their verdicts."""
    asked = {"on": at.on, "booked": at.booked, "loan": loan}
    rows = reader.query(stored.TIMELINE, asked)
    promises = promises_by(reader, policies, at, loan)
    made = promises.select(
        instant="promised_at", at=pl.col("promised_at").dt.to_string("%Y-%m-%dT%H:%M:%SZ"), what=pl.lit("promise"),
        told=pl.concat_str(pl.lit("by "), pl.col("due_date").cast(pl.String), pl.lit(": "), pl.col("verdict")), by="agent",
        amount="amount",
    )  # fmt: skip
    both = pl.concat([rows.select(TIMELINE.names()).cast(TIMELINE), made.cast(TIMELINE)])
    return both.sort("instant", "what", "told", descending=[True, False, False]), promises


def owed(reader: LedgerReader, at: Clocks, loan: int) -> pl.DataFrame:
    """What is due and unpaid of a loan: `due_date`, `component` (name), `amount`, `paid`, `unpaid` (minor units)."""
    return reader.query(stored.OWED, {"on": at.on, "known": at.known, "loan": loan})
