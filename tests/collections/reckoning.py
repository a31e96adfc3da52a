"""Contact rules reckoned a second time: one contact after another, with Python's own clocks, minute by minute."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from loanbook.core.policy.lending.contact_rules import ContactRules, minute_of

Row = dict[str, Any]


def _clocks(at: dt.datetime, zones: str) -> list[dt.datetime]:
    return [at.astimezone(ZoneInfo(zone)) for zone in zones.split(";")]


def _last(
    said: list[Row], at: dt.datetime, kinds: tuple[str, ...], channel: str = ""
) -> Row | None:
    told = [
        row
        for row in said
        if row["kind"] in kinds and row["stated_at"] <= at and row["channel"] in ("", channel)
    ]
    return max(told, key=lambda row: (row["stated_at"], row["reference"]), default=None)


def _on_request(
    said: list[Row], known_at: dt.datetime, point: dt.datetime, zones: str, days: int
) -> bool:
    asked = _last([row | {"channel": ""} for row in said], known_at, ("call_again",))
    if asked is None:
        return False
    pairs = zip(_clocks(point, zones), _clocks(asked["stated_at"], zones), strict=True)
    return all((now.date() - then.date()).days < days for now, then in pairs)


def _spaced(
    one: Row, point: dt.datetime, book: tuple[list[Row], list[Row]], rules: ContactRules
) -> Iterator[str]:
    log, said = book
    first = min(clock.date() for clock in _clocks(point, one["zone"]))
    before = [
        each
        for each in log
        if (each["occurred_at"], each["reference"]) < (one["occurred_at"], one["reference"])
    ]

    def near(each: Row, days: int) -> bool:
        last = max(clock.date() for clock in _clocks(each["occurred_at"], each["zone"]))
        return (first - last).days < days

    if (rule := rules.call_frequency) and one["channel"] in rule.channels:
        counted = [
            each for each in before
            if each["direction"] == "out" and each["channel"] in rule.channels and each["outcome"] not in rule.not_counted
            and near(each, rule.days)
            and not _on_request(said, each["occurred_at"], each["occurred_at"], each["zone"], rule.call_again_days)
        ]  # fmt: skip
        free = _on_request(said, one["occurred_at"], point, one["zone"], rule.call_again_days)
        if len(counted) >= rule.most and not free:
            yield "call_frequency"
    if (again := rules.after_conversation) and one["channel"] in again.channels:
        talks = [
            e
            for e in before
            if e["right_party"] and e["channel"] in again.channels and near(e, again.days)
        ]
        if talks and not _on_request(
            said, one["occurred_at"], point, one["zone"], again.call_again_days
        ):
            yield "after_conversation"


def broken(
    one: Row, point: dt.datetime, book: tuple[list[Row], list[Row]], rules: ContactRules
) -> set[str]:
    """Rules that a contact would break at a point, by what was known when it was made."""
    said, at, channel = book[1], one["occurred_at"], one["channel"]
    found = set(_spaced(one, point, book, rules))
    clocks = _clocks(point, one["zone"])
    minutes = [(clock.isoweekday(), clock.hour * 60 + clock.minute) for clock in clocks]
    lifted = _last([row | {"channel": ""} for row in said], at, ("convenient",))
    stands = [
        row for row in said
        if row["stated_at"] <= at and (lifted is None or row["stated_at"] > lifted["stated_at"])
    ]  # fmt: skip
    if rules.hours and channel in rules.hours.channels:
        opens, closes = minute_of(rules.hours.opens), minute_of(rules.hours.closes)
        found |= {"hours" for _, minute in minutes if not opens <= minute < closes}
    if rules.inconvenient_time and channel in rules.inconvenient_time.channels:
        found |= {
            "inconvenient_time" for row in stands if row["kind"] == "inconvenient_time"
            for day, minute in minutes if str(day) in row["days"] and row["starts"] <= minute < row["ends"]
        }  # fmt: skip
    places = {row["place"] for row in stands if row["kind"] == "inconvenient_place"}
    if (
        rules.inconvenient_place
        and channel in rules.inconvenient_place.channels
        and one["place"] in places
    ):
        found.add("inconvenient_place")
    if rules.opt_out and channel in rules.opt_out.channels:
        last = _last(said, at, ("opt_out", "opt_in"), channel)
        found |= {"opt_out"} if last and last["kind"] == "opt_out" else set()
    for rule, begins, ends in (("written_stop", "stop", "stop_withdrawn"), ("attorney", "attorney", "attorney_withdrawn"),
                               ("dispute", "dispute", "dispute_answered")):  # fmt: skip
        hold = getattr(rules, rule)
        if hold and channel in hold.channels:
            heard = [
                row
                for row in said
                if row["kind"] != begins or row["written"] or not hold.written_only
            ]
            last = _last([row | {"channel": ""} for row in heard], at, (begins, ends))
            found |= {rule} if last and last["kind"] == begins else set()
    if rules.consent and channel in rules.consent.channels:
        last = _last(said, at, ("consent", "consent_withdrawn"), channel)
        found |= {"consent"} if last is None or last["kind"] != "consent" else set()
    return found


LASTING = {"opt_out", "written_stop", "attorney", "dispute", "consent", "inconvenient_place"}


def first_allowed(
    one: Row, book: tuple[list[Row], list[Row]], rules: ContactRules
) -> dt.datetime | None:
    """The first instant from a contact's own on that breaks no rule: each quarter of an hour is tried."""
    at = one["occurred_at"]
    now = broken(one, at, book, rules)
    if not now:
        return at  # type: ignore[no-any-return]
    if now & LASTING:
        return None
    point = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
    for _ in range(4 * 24 * 16):
        point += dt.timedelta(minutes=15)
        if not broken(one, point, book, rules):
            return point  # type: ignore[no-any-return]
    return None
