"""The queue of late loans by both clocks: read once, scored and assigned by core, the same whenever it is asked for."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from loanbook.core.collections.contact import CONTACTS, LOOK_BACK, PREFERENCES, barred, next_allowed
from loanbook.core.collections.local_time import UTC, by_zone, in_utc, instants
from loanbook.core.collections.queue import LATE, listed, with_teams
from loanbook.core.contract.jurisdiction import unpacked
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.collection_queues import CollectionQueue, Team
from loanbook.core.policy.lending.contact_rules import ContactRules
from loanbook.core.policy.references import BUCKETS
from loanbook.core.reporting.roll_rates import forward_percent, matrix
from loanbook.core.servicing.arrears.days_past_due import bucket
from loanbook.core.store.known import queue as stored
from loanbook.pipelines.collections.placed import held_by
from loanbook.pipelines.collections.promised import promises_by

if TYPE_CHECKING:
    from loanbook.core.store.clocks import Clocks
    from loanbook.core.store.reader import LedgerReader


def queue_rules(policies: PolicyBook, on: dt.date) -> CollectionQueue:
    """The policy of the queue on a date."""
    return policies.in_force(CollectionQueue, "standard", on)


def queue_by(
    reader: LedgerReader, policies: PolicyBook, at: Clocks, channel: str = "call"
) -> pl.DataFrame:
    """The queue that the close of a date gives for the day after it: schema `loanbook.core.collections.queue.QUEUE`.

    `reader` sees every loan: what one agent has hangs on what the others have. Nothing is stored, and nothing is drawn, so
    who asks again gets the same, also for a date that is long over.
    """
    queue = queue_rules(policies, at.on)
    late = late_by(reader, policies, at, queue.from_days_past_due)
    loans = with_teams(late, queue)
    contacts, said = told_by(reader, at)
    parts = []
    for team in queue.teams:
        theirs = loans.filter(pl.col("team") == team.name)
        rules = contact_rules_on(policies, team.contact_rules, at.on)
        parts.append(
            allowed_on(theirs, (contacts, said), team, rules, at.on + dt.timedelta(days=1), channel)
        )
    return listed(loans, _placed(pl.concat(parts), reader, at), queue)


def _placed(allowed: pl.DataFrame, reader: LedgerReader, at: Clocks) -> pl.DataFrame:
    """Times of contact, with none for loans that an agency holds: nobody of the lender's calls there."""
    theirs = held_by(reader, at).select("loan_id", _with=pl.format("placed with {}", "agency"))
    rows = allowed.join(theirs, on="loan_id", how="left", maintain_order="left")
    away = pl.col("_with").is_not_null()
    return rows.with_columns(
        allowed_at=pl.when(~away).then("allowed_at"), rules=pl.when(away).then(pl.concat_list("_with")).otherwise("rules")
    ).drop("_with")  # fmt: skip


def contact_rules_on(policies: PolicyBook, name: str, on: dt.date) -> ContactRules:
    """Contact rules on a date; before the first version of them that one, so that no day has none."""
    every = policies.every_version(ContactRules, name)
    return [*every[:1], *(each for each in every if each.effective_from <= on)][-1]


def late_by(
    reader: LedgerReader, policies: PolicyBook, at: Clocks, days: int, loan: int | None = None
) -> pl.DataFrame:
    """Loans (or one) of so many days past due: schema `LATE`."""
    rows = reader.query(
        stored.LATE,
        {"on": at.on, "known": at.known, "booked": at.booked, "days": days, "loan": loan},
    )
    codes = {code: unpacked(code) or None for code in rows["place"].drop_nulls().unique()}
    region = pl.col("place").replace_strict(codes, default=None, return_dtype=pl.String)
    last = _last_promises(promises_by(reader, policies, at, loan))
    told = rows.with_columns(region=region).join(
        last, on="loan_id", how="left", maintain_order="left"
    )
    return _with_roll(told, reader, policies, at).select(LATE.names()).cast(LATE)


def _with_roll(
    late: pl.DataFrame, reader: LedgerReader, policies: PolicyBook, at: Clocks
) -> pl.DataFrame:
    """Late loans with `roll_percent`, of what stood in their bucket at the month ends before."""
    buckets = policies.buckets(BUCKETS, at.on)
    cells = matrix(reader.query(stored.ROLLED, {"on": at.on, "known": at.known}), buckets)
    place = bucket(pl.col("days_past_due").cast(pl.Int64), buckets).cast(pl.Int32)
    return late.with_columns(place_=place).join(
        forward_percent(cells), left_on="place_", right_on="place", how="left", maintain_order="left"
    )  # fmt: skip


def _last_promises(judged: pl.DataFrame) -> pl.DataFrame:
    """Of each loan the state of its last plan: open while a part is, else what became of the part that was due last."""
    newest = judged.filter(pl.col("plan") == pl.col("plan").max().over("loan_id"))
    is_open = pl.col("verdict") == "open"
    return newest.sort("due_date", "reference").group_by("loan_id").agg(
        promise=pl.when(is_open.any()).then(pl.lit("open")).otherwise(pl.col("verdict").last()),
        promise_due=pl.col("due_date").filter(is_open).min(),
        promise_last_day=pl.col("last_day").filter(is_open).min(),
    )  # fmt: skip


def told_by(
    reader: LedgerReader, at: Clocks, loan: int | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Contacts that may count on the day after a date, and what borrowers said: schemas `CONTACTS`, `PREFERENCES`."""
    ends = {
        "last": dt.datetime.combine(at.on + dt.timedelta(days=2), dt.time()),
        "booked": at.booked,
        "loan": loan,
    }
    first = {"first": dt.datetime.combine(at.on - LOOK_BACK, dt.time())}
    contacts = in_utc(reader.query(stored.CONTACTS, ends | first), CONTACTS, "occurred_at")
    return contacts, in_utc(reader.query(stored.SAID, ends), PREFERENCES, "stated_at")


def allowed_on(
    loans: pl.DataFrame, told: tuple[pl.DataFrame, pl.DataFrame], team: Team, rules: ContactRules, day: dt.date,
    channel: str,
) -> pl.DataFrame:  # fmt: skip
    """`loan_id`, `allowed_at`, `rules`: where a contact is allowed at some time of the borrower's day, that time (noon, if it
    is allowed then) and no rules; else the rules that bar it at noon, and the first instant after the day."""
    noon = barred(_asked_at(loans, team, day, channel, 12), *told, rules)
    some = noon.filter(pl.col("rules").list.len() > 0)
    later = loans.join(some, left_on="loan_key", right_on="reference", how="semi")
    first = next_allowed(_asked_at(later, team, day, channel, 0), *told, rules)
    ends = _asked_at(later, team, day + dt.timedelta(days=1), channel, 0).select(
        "reference", ends="at"
    )
    both = noon.join(first.select("reference", "allowed_at"), on="reference", how="left").join(
        ends, on="reference", how="left"
    )
    free = pl.col("rules").list.len() == 0
    today = free | (pl.col("allowed_at") < pl.col("ends")).fill_null(False)
    return both.join(loans.select("loan_id", reference="loan_key"), on="reference").select(
        "loan_id", allowed_at=pl.when(free).then("at").otherwise("allowed_at"),
        rules=pl.when(today).then([]).otherwise("rules"),
    )  # fmt: skip


def _asked_at(
    loans: pl.DataFrame, team: Team, day: dt.date, channel: str, hour: int
) -> pl.DataFrame:
    """A contact of each loan at an hour of the borrower's day (of several zones the latest, so that it is that day in all)."""
    places = pl.col("zone").fill_null(team.zone)
    rows = by_zone(loans.select("loan_key", places=places, zone=places))
    clock = rows.with_columns(clock=pl.lit(dt.datetime.combine(day, dt.time(hour))))
    at = instants(clock, "clock").group_by("loan_key", "places").agg(at=pl.col("point").max())
    return at.select(
        "loan_key", reference="loan_key", at=pl.col("at").cast(UTC), channel=pl.lit(channel), place=pl.lit(""), zone="places"
    )  # fmt: skip
