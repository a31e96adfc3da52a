"""The case of an application: what may follow what, and figures that are its events."""

from __future__ import annotations

import datetime as dt

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from loanbook.core.origination.case import (
    CASE_EVENTS,
    EVENTS,
    FINAL,
    STATES,
    TRANSITIONS,
    ageing,
    cases,
    funnel,
    histories,
    refused,
    time_in_state,
)

NOON = dt.datetime(2024, 3, 1, 12)


def _events(*rows: tuple[str, str, int]) -> pl.DataFrame:
    """(case, event, days after the first of March)."""
    return pl.DataFrame(
        [(key, no, event, NOON + dt.timedelta(days=days), "synthetic:clerk", "", "") for no, (key, event, days) in enumerate(rows)],
        schema=CASE_EVENTS, orient="row",
    )  # fmt: skip


STORY = _events(
    ("a", "submitted", 0), ("b", "created", 0), ("a", "review_begun", 1), ("a", "information_requested", 2),
    ("b", "submitted", 3), ("a", "information_received", 9), ("a", "approved", 9), ("a", "signed", 10),
    ("a", "disbursed", 12), ("c", "submitted", 12),
)  # fmt: skip


def test_funnel_ageing_and_time_in_state_are_what_the_events_say() -> None:
    told = {row["state"]: (row["reached"], row["now"]) for row in funnel(STORY).to_dicts()}
    assert told["submitted"] == (3, 2)
    assert told["need_more_information"] == (1, 0)
    assert told["disbursed"] == (1, 1)
    assert sum(now for _, now in told.values()) == 3
    stays = time_in_state(STORY, NOON + dt.timedelta(days=20))
    days = (
        stays.group_by("application_id")
        .agg(pl.col("seconds").sum() // 86_400)
        .sort("application_id")
        .rows()
    )
    assert days == [("a", 12), ("b", 20), ("c", 8)]  # a ended on the 12th day
    waited = stays.filter(
        (pl.col("application_id") == "a") & (pl.col("state") == "need_more_information")
    )
    assert waited["seconds"].item() == 7 * 86_400
    old = ageing(STORY, dt.date(2024, 3, 14))
    assert old.rows() == [("submitted", "6 to 30 days", 1), ("submitted", "to 1 day", 1)]


def test_a_jump_that_the_table_does_not_name_is_refused_with_both_states() -> None:
    bad = _events(("a", "approved", 13), ("b", "approved", 13), ("c", "review_begun", 13),
                  ("d", "signed", 13), ("e", "submitted", 13), ("e", "rejected", 13), ("f", "lost", 13))  # fmt: skip
    fresh = bad.with_columns(pl.col("event_no") + 100)
    found = {
        (row["application_id"], row["event"]): row["why"]
        for row in refused(STORY, fresh).to_dicts()
    }
    assert set(found) == {
        ("a", "approved"),
        ("b", "approved"),
        ("d", "signed"),
        ("e", "rejected"),
        ("f", "lost"),
    }
    assert (
        found["a", "approved"]
        == "a case whose state is 'disbursed' can't become 'approved' by approved"
    )
    assert found["d", "signed"] == "a case that has not begun can't become 'signed' by signed"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([each.event for each in TRANSITIONS]), min_size=1, max_size=9))
def test_any_history_is_allowed_exactly_as_far_as_the_table_goes(names: list[str]) -> None:
    """A second reckoning, event by event."""
    state: str | None = None
    expected = []
    for name in names:
        event = EVENTS[name]
        expected.append(event.begins if state is None else state in event.before)
        state = event.to
    rows = _events(*(("a", name, day) for day, name in enumerate(names)))
    assert histories(rows)["allowed"].to_list() == expected
    assert cases(rows)["state"].item() == state


def test_every_state_can_be_reached_and_none_is_left_that_is_final_but_by_rescission() -> None:
    assert {each.to for each in TRANSITIONS} == set(STATES)
    leaving = {
        before for each in TRANSITIONS if each.event != "rescinded" for before in each.before
    }
    assert leaving.isdisjoint(FINAL)
