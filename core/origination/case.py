"""The case of an application: one table says which event leads from where to where; a state is what its events say.

Events are appended and never edited. An event leads to one state whatever came before, so the state of a case is that of
its last event, and the whole of a book is folded at once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

STATES = (
    "draft", "submitted", "in_review", "need_more_information", "approved", "rejected", "withdrawn", "expired",
    "signed", "disbursed",
)  # fmt: skip
"""In the order of a case's life."""
FINAL = ("rejected", "withdrawn", "expired", "disbursed")
"""States in which nobody waits for anything."""
_OPEN = ("draft", "submitted", "in_review", "need_more_information", "approved")


@dataclass(frozen=True)
class Transition:
    """An event of a case: from which states it may come, to which it leads."""

    event: str
    before: tuple[str, ...]
    """Empty: the case begins with it."""
    to: str
    words: str
    begins: bool = False
    """Whether a case may begin with it as well."""


TRANSITIONS = (
    Transition("created", (), "draft", "an application was begun", begins=True),
    Transition("submitted", ("draft",), "submitted", "it was handed in", begins=True),
    Transition("review_begun", ("submitted",), "in_review", "somebody, or the policy, looks at it"),
    Transition("information_requested", ("in_review",), "need_more_information", "something is missing"),
    Transition("information_received", ("need_more_information",), "in_review", "what was missing came"),
    Transition("approved", ("in_review", "need_more_information"), "approved", "it may be lent on the terms of the decision"),
    Transition("rejected", ("in_review", "need_more_information"), "rejected", "it is turned down, with reasons"),
    Transition("withdrawn", _OPEN, "withdrawn", "the applicant asks no longer"),
    Transition("expired", _OPEN, "expired", "its time is over"),
    Transition("signed", ("approved",), "signed", "the agreement was signed"),
    Transition("disbursed", ("signed",), "disbursed", "the money went out"),
    Transition("rescinded", ("signed", "disbursed"), "withdrawn", "the borrower withdrew within the cooling-off period"),
)  # fmt: skip
"""The one table; everything below is made of it."""
EVENTS = {each.event: each for each in TRANSITIONS}
CASE_EVENTS = pl.Schema({
    "application_id": pl.String(), "event_no": pl.Int64(), "event": pl.String(), "happened_at": pl.Datetime("us"),
    "actor": pl.String(), "reason": pl.String(), "reference": pl.String(),
})  # fmt: skip
"""A row an event. `happened_at`: when; `event_no`: its place among all events; `reference`: the decision, document or
file that it rests on."""
_BEGIN = "(none)"
_LEADS = {each.event: each.to for each in TRANSITIONS}
_ALLOWED = pl.DataFrame(
    [
        (each.event, before)
        for each in TRANSITIONS
        for before in (*each.before, *((_BEGIN,) if each.begins else ()))
    ],
    schema={"event": pl.String, "before": pl.String}, orient="row",
).with_columns(allowed=pl.lit(True))  # fmt: skip


def histories(events: pl.DataFrame) -> pl.DataFrame:
    """Events (schema `CASE_EVENTS`) in their order with the state `before` (null: none), the state `to`, until when it
    lasted (`until`; null: it lasts) and whether the table lets it (`allowed`)."""
    ordered = events.sort("application_id", "event_no")
    to = pl.col("event").replace_strict(_LEADS, default=None, return_dtype=pl.String)
    told = ordered.with_columns(to=to).with_columns(
        before=pl.col("to").shift(1).over("application_id"),
        until=pl.col("happened_at").shift(-1).over("application_id"),
    )
    key = pl.col("before").fill_null(_BEGIN)
    judged = told.with_columns(_key=key).join(
        _ALLOWED, left_on=["event", "_key"], right_on=["event", "before"], how="left", maintain_order="left"
    )  # fmt: skip
    return judged.drop("_key").with_columns(pl.col("allowed").fill_null(False))


def cases(events: pl.DataFrame) -> pl.DataFrame:
    """`application_id`, `state`, `since` (Datetime), `begun` (Datetime), `events`: a row a case."""
    return (
        histories(events)
        .group_by("application_id", maintain_order=True)
        .agg(
            state=pl.col("to").last(), since=pl.col("happened_at").last(), begun=pl.col("happened_at").first(), events=pl.len()
        )
    )  # fmt: skip


def refused(known: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
    """Those of `fresh` events that may not follow the `known` ones (both of schema `CASE_EVENTS`; fresh ones have higher
    numbers), with the state `before` each and `why`."""
    own = known.join(fresh.select("application_id").unique(), on="application_id", how="semi")
    told = histories(pl.concat([own, fresh.select(own.columns).cast(dict(own.schema))]))  # type: ignore[arg-type]
    wrong = told.filter(~pl.col("allowed")).join(
        fresh.select("application_id", "event_no"), on=["application_id", "event_no"], how="semi"
    )
    before = pl.format("a case whose state is '{}'", pl.col("before").str.replace_all("_", " "))
    return wrong.with_columns(
        why=pl.concat_str(
            before.fill_null("a case that has not begun"), pl.lit(" can't become '"),
            pl.col("to").fill_null("what is no state").str.replace_all("_", " "), pl.lit("' by "), "event",
        )
    )  # fmt: skip


def funnel(events: pl.DataFrame) -> pl.DataFrame:
    """`state`, `reached` (cases that were ever in it), `now` (cases that are in it), in the order of a case's life.

    The sum of `now` is the number of cases.
    """
    told = histories(events).filter("allowed")
    reached = told.unique(["application_id", "to"]).group_by(state="to").agg(reached=pl.len())
    now = cases(events).group_by("state").agg(now=pl.len())
    every = pl.DataFrame({"state": STATES})
    return (
        every.join(reached, on="state", how="left").join(now, on="state", how="left")
        .with_columns(pl.col("reached", "now").fill_null(0).cast(pl.Int64))
    )  # fmt: skip


def time_in_state(events: pl.DataFrame, until: dt.datetime) -> pl.DataFrame:
    """`application_id`, `state`, `entered`, `left` (null: it lasts), `seconds` (to `until` where it lasts): a row a stay.

    Stays follow each other without a gap: of a case they sum to the time since it began, or to its end.
    """
    told = histories(events)
    ends = pl.col("until").fill_null(until)
    lasts = ~pl.col("to").is_in(FINAL)
    return told.select(
        "application_id", state="to", entered="happened_at", left="until",
        seconds=pl.when(lasts | pl.col("until").is_not_null()).then((ends - pl.col("happened_at")).dt.total_seconds()).otherwise(0),
    )  # fmt: skip


AGES = ((0, "to 1 day"), (2, "2 to 5 days"), (6, "6 to 30 days"), (31, "31 days and more"))
"""First day of each range of age, and its name."""


def ageing(events: pl.DataFrame, on: dt.date) -> pl.DataFrame:
    """`state`, `age` (of `AGES`), `cases`: how long those that wait for somebody have been in their state at the end of a
    date."""
    days = (pl.lit(on) - pl.col("since").dt.date()).dt.total_days()
    place = pl.lit(AGES[0][1])
    for first, name in AGES[1:]:
        place = pl.when(days >= first).then(pl.lit(name)).otherwise(place)
    waiting = cases(events).filter(~pl.col("state").is_in(FINAL))
    return (
        waiting.with_columns(age=place).group_by("state", "age").agg(cases=pl.len())
        .sort(pl.col("state").replace_strict({s: n for n, s in enumerate(STATES)}), pl.col("age"))
    )  # fmt: skip
