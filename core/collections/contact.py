"""Contacts judged by contact rules: what broke which, by what evidence, and when it would have been allowed.

Days and hours are the consumer's own. Of a consumer who may be in several zones a contact is allowed where it is in all of
them (12 CFR 1006, comment 6(b)(1)(i)-2), and an earlier contact counts on the latest day that it may have been.
A preference counts from when it was told; what was told later changes no verdict.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.collections.local_time import APART, UTC, by_zone, instants, on_the_clock
from loanbook.core.policy.lending.contact_rules import (
    HOLDS,
    RULES,
    ContactRules,
    Frequency,
    Hold,
    Spaced,
    minute_of,
)

CONTACTS = pl.Schema({
    "reference": pl.String(), "loan_key": pl.String(), "occurred_at": UTC, "channel": pl.String(), "direction": pl.String(),
    "outcome": pl.String(), "right_party": pl.Boolean(), "place": pl.String(), "zone": pl.String(),
})  # fmt: skip
"""A contact: `zone` is where the consumer was, by name, several set apart by `;` where that is not sure."""
PREFERENCES = pl.Schema({
    "reference": pl.String(), "loan_key": pl.String(), "stated_at": UTC, "kind": pl.String(), "channel": pl.String(),
    "place": pl.String(), "days": pl.String(), "starts": pl.Int64(), "ends": pl.Int64(), "written": pl.Boolean(),
})  # fmt: skip
"""What a consumer said or gave notice of: `days` are digits of weekdays (Monday is 1), `starts` and `ends` minutes of the day."""
ASKED = pl.Schema({
    "reference": pl.String(), "loan_key": pl.String(), "at": UTC, "channel": pl.String(), "place": pl.String(),
    "zone": pl.String(),
})  # fmt: skip
"""A contact that was made or is to be made."""
BREACHES = pl.Schema({
    "reference": pl.String(), "loan_key": pl.String(), "occurred_at": UTC, "channel": pl.String(), "local_at": pl.String(),
    "rule": pl.String(), "source": pl.String(), "evidence": pl.List(pl.String()), "allowed_at": UTC,
    "allowed_local": pl.String(),
})  # fmt: skip
_WEEK = 8
"""Days after the last that a rule bars, within which hours and weekdays have come round."""


def judge(contacts: pl.DataFrame, preferences: pl.DataFrame, rules: ContactRules) -> pl.DataFrame:
    """A row for each rule that a contact of the lender's broke, schema `BREACHES`.

    `evidence`: references of the contacts and preferences that count. `allowed_at`: the first instant from the contact's own
    on at which it would have broken no rule, by what was known then, in UTC and on the consumer's clock (of several zones the
    first); null where it waits for the consumer to say otherwise, or is never allowed in every zone.
    """
    asked = contacts.filter(pl.col("direction") == "out").select(
        "reference", "loan_key", "channel", "place", "zone", at="occurred_at"
    )
    rows = _numbered(asked)
    facts = _facts(rows, contacts, preferences, rules)
    broken = _broken(rows.select("row", point="at"), rows, facts, rules)
    broken = broken.join(_not_counted(contacts, rows, rules), on=["row", "rule"], how="anti")
    some = rows.join(broken, on="row", how="semi")
    first = _first_allowed(some, facts, rules)
    told = broken.join(rows, on="row").join(first, on="row", how="left")
    sources = {name: rule.source for name, rule in rules.rules.items()}
    evidence = pl.when(pl.col("own")).then(
        pl.concat_list("evidence", pl.concat_list("reference"))
    ).otherwise("evidence")  # fmt: skip
    made = told.with_columns(
        local_at=_shown(told, "at"), allowed_local=_shown(told, "allowed_at"), occurred_at="at", evidence=evidence,
        source=pl.col("rule").replace_strict(sources, return_dtype=pl.String),
        place_of_rule=pl.col("rule").replace_strict(_ORDER, return_dtype=pl.Int64),
    )  # fmt: skip
    return made.sort("at", "reference", "place_of_rule").select(BREACHES.names()).cast(BREACHES)


def next_allowed(
    asked: pl.DataFrame, contacts: pl.DataFrame, preferences: pl.DataFrame, rules: ContactRules
) -> pl.DataFrame:
    """`asked` (schema `ASKED`) with `allowed_at`: the first instant from `at` on at which the contact breaks no rule; null as
    `judge` has it. The same rules by the same function."""
    rows = _numbered(asked)
    first = _first_allowed(rows, _facts(rows, contacts, preferences, rules), rules)
    return rows.join(first, on="row", how="left", maintain_order="left").drop("row")


def barred(
    asked: pl.DataFrame, contacts: pl.DataFrame, preferences: pl.DataFrame, rules: ContactRules
) -> pl.DataFrame:
    """`asked` with `rules` (List): those that the contact would break at `at` itself; none: it is allowed."""
    rows = _numbered(asked)
    broken = _broken(
        rows.select("row", point="at"), rows, _facts(rows, contacts, preferences, rules), rules
    )
    places = pl.col("rule").replace_strict(_ORDER, return_dtype=pl.Int64)
    named = (
        broken.sort(places).group_by("row").agg(rules=pl.col("rule").unique(maintain_order=True))
    )
    told = rows.join(named, on="row", how="left", maintain_order="left").drop("row")
    return told.with_columns(pl.col("rules").fill_null([]))


LOOK_BACK = dt.timedelta(days=64)
"""Contacts before a day that may count on it: the longest rule is of 60 days, and a day may begin 14 hours elsewhere."""
_ORDER = {name: place for place, name in enumerate(RULES)}


def _numbered(asked: pl.DataFrame) -> pl.DataFrame:
    return asked.select(ASKED.names()).cast(ASKED).with_row_index("row").cast({"row": pl.Int64})


class _Facts:
    """What stands at each contact: frames with `row`, `rule` and what the rule is asked by."""

    def __init__(self, spaced: pl.DataFrame, lasting: pl.DataFrame, windows: pl.DataFrame) -> None:
        self.spaced = spaced
        """`row`, `rule`, `from_on` (first date that is allowed), `evidence`, `call_again_at`, `again_days`."""
        self.lasting = lasting
        """`row`, `rule`, `evidence`: bars whatever the time."""
        self.windows = windows
        """`row`, `reference`, `days`, `starts`, `ends`: times that were called inconvenient."""


def _facts(
    rows: pl.DataFrame, contacts: pl.DataFrame, preferences: pl.DataFrame, rules: ContactRules
) -> _Facts:
    """What of the log and the preferences stands at each row, by what was known at its instant."""
    said = preferences.select(PREFERENCES.names()).cast(PREFERENCES).sort("stated_at", "reference")
    log = _dated(contacts.select(CONTACTS.names()).cast(CONTACTS))
    again = rows.select("row", call_again_at=_last(rows, said, ["call_again"])["stated_at"])
    spaced = pl.concat([
        _spaced(rows, _counted(log, _on_request(log, said, rules), rules), "call_frequency", rules),
        _spaced(rows, log.filter(pl.col("right_party")), "after_conversation", rules),
    ]).join(again, on="row", how="left")  # fmt: skip
    convenience = _unlifted(rows, said)
    windows = convenience.filter(pl.col("kind") == "inconvenient_time")
    if rule := rules.inconvenient_time:
        windows = windows.filter(pl.col("channel").is_in(rule.channels))
    else:
        windows = windows.clear()
    return _Facts(
        spaced,
        _lasting(rows, said, convenience, rules),
        windows.select("row", "reference", "days", "starts", "ends"),
    )


def _dated(log: pl.DataFrame) -> pl.DataFrame:
    """Contacts with `last_on`, the latest date that they may have been of on the consumer's calendar."""
    dates = on_the_clock(by_zone(log.select("reference", "zone", "occurred_at")), "occurred_at")
    latest = dates.group_by("reference").agg(last_on=pl.col("occurred_at").dt.date().max())
    return log.join(latest, on="reference", how="left", maintain_order="left")


def _on_request(log: pl.DataFrame, said: pl.DataFrame, rules: ContactRules) -> pl.DataFrame:
    """References of contacts that were made because the consumer asked to be called: they do not count."""
    rule = rules.call_frequency
    if rule is None or not rule.call_again_days:
        return log.select("reference").clear()
    rows = log.select("loan_key", "channel", "reference", "zone", at="occurred_at").with_columns(
        row=pl.int_range(pl.len(), dtype=pl.Int64)
    )
    told = _last(rows, said, ["call_again"])["stated_at"]
    known = rows.with_columns(told).drop_nulls("stated_at")
    local = on_the_clock(by_zone(known), "at", "stated_at")
    within = _days_since("at", "stated_at") < rule.call_again_days
    return (
        local.group_by("reference")
        .agg(within.all().alias("within"))
        .filter("within")
        .select("reference")
    )


def _days_since(later: str, earlier: str) -> pl.Expr:
    return (pl.col(later).dt.date() - pl.col(earlier).dt.date()).dt.total_days()


def _not_counted(contacts: pl.DataFrame, rows: pl.DataFrame, rules: ContactRules) -> pl.DataFrame:
    """`row`, `rule` of rules of consecutive days that a contact can't break, because of what came of it."""
    outcomes = pl.DataFrame(
        [(name, outcome) for name, rule in rules.rules.items() if isinstance(rule, Spaced) for outcome in rule.not_counted],
        schema={"rule": pl.String, "outcome": pl.String}, orient="row",
    )  # fmt: skip
    made = rows.join(contacts.select("reference", "outcome"), on="reference")
    return made.join(outcomes, on="outcome").select("row", "rule")


def _counted(log: pl.DataFrame, again: pl.DataFrame, rules: ContactRules) -> pl.DataFrame:
    """Contacts that count towards the most that are allowed."""
    rule = rules.call_frequency
    if rule is None:
        return log.clear()
    counted = (pl.col("direction") == "out") & ~pl.col("outcome").is_in(rule.not_counted)
    return log.filter(counted).join(again, on="reference", how="anti")


def _spaced(rows: pl.DataFrame, log: pl.DataFrame, name: str, rules: ContactRules) -> pl.DataFrame:
    """From which date on each row is allowed by a rule of consecutive days, and the contacts that say so.

    Pairs are made within a bucket of days and the one before it, so their number grows with the log and not with its square.
    """
    rule = rules.rules.get(name)
    if not isinstance(rule, Spaced):
        return _NO_SPACED
    most = rule.most if isinstance(rule, Frequency) else 1
    span = (rule.days + 2) * 86_400_000_000
    bucket = (pl.col("at").dt.timestamp("us") // span).alias("bucket")
    before = log.filter(pl.col("channel").is_in(rule.channels)).select(
        "loan_key", "last_on", at="occurred_at", earlier="reference"
    ).with_columns(bucket)  # fmt: skip
    pairs = rows.filter(pl.col("channel").is_in(rule.channels)).with_columns(
        bucket, _bucket=pl.concat_list(bucket - 1, bucket)
    ).explode("_bucket").join(  # fmt: skip
        before.rename({"at": "earlier_at"}), left_on=["loan_key", "_bucket"], right_on=["loan_key", "bucket"]
    )  # fmt: skip
    prior = (pl.col("earlier_at") < pl.col("at")) | (
        (pl.col("earlier_at") == pl.col("at")) & (pl.col("earlier") < pl.col("reference"))
    )
    newest = pairs.filter(prior).sort(
        "last_on", "earlier_at", "earlier", descending=True
    )  # fmt: skip
    return newest.group_by("row").agg(
        last=pl.col("last_on").get(most - 1, null_on_oob=True),
        evidence=pl.col("earlier"), days=pl.col("last_on"),
    ).drop_nulls("last").select(
        "row", rule=pl.lit(name), from_on=pl.col("last").dt.offset_by(f"{rule.days}d"), evidence="evidence",
        dates="days", again_days=pl.lit(rule.call_again_days, dtype=pl.Int64), span=pl.lit(rule.days, dtype=pl.Int64),
    )  # fmt: skip


_NO_SPACED = pl.DataFrame(schema={
    "row": pl.Int64, "rule": pl.String, "from_on": pl.Date, "evidence": pl.List(pl.String), "dates": pl.List(pl.Date),
    "again_days": pl.Int64, "span": pl.Int64,
})  # fmt: skip


def _last(rows: pl.DataFrame, said: pl.DataFrame, kinds: list[str], by: str = "") -> pl.DataFrame:
    """Of each row the last preference of some kinds that was told by its instant, in the order of `rows`; `by`: of its
    channel, or of all."""
    keys = ["loan_key", *([by] if by else [])]
    some = said.filter(pl.col("kind").is_in(kinds)).select(
        "loan_key", "stated_at", "kind", "channel", preference="reference"
    )
    if by:
        of_all = some.filter(pl.col("channel") == "").drop("channel")
        every = of_all.join(rows.select("channel").unique(), how="cross").select(some.columns)
        some = pl.concat([some.filter(pl.col("channel") != ""), every])
    else:
        some = some.drop("channel")
    some = some.sort("stated_at", "preference")
    ordered = rows.select("row", "at", "loan_key", "channel").sort("at")
    return ordered.join_asof(
        some, left_on="at", right_on="stated_at", by=keys, coalesce=False, check_sortedness=False
    ).sort("row")  # fmt: skip


def _unlifted(rows: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Inconvenient times and places that stand at each row: columns of both, `channel` and `at_place` the row's."""
    lifted = rows.with_columns(lifted_at=_last(rows, said, ["convenient"])["stated_at"])
    told = said.filter(pl.col("kind").is_in(["inconvenient_time", "inconvenient_place"]))
    pairs = lifted.select("row", "at", "loan_key", "channel", "lifted_at", at_place="place").join(
        told.drop("channel"), on="loan_key"
    )
    after = pl.col("lifted_at").is_null() | (pl.col("stated_at") > pl.col("lifted_at"))
    return pairs.filter((pl.col("stated_at") <= pl.col("at")) & after)


def _lasting(
    rows: pl.DataFrame, said: pl.DataFrame, convenience: pl.DataFrame, rules: ContactRules
) -> pl.DataFrame:
    """What bars a row until the consumer says otherwise."""
    found = []
    for name, (begins, ends) in HOLDS.items():
        hold = rules.rules.get(name)
        if not isinstance(hold, Hold):
            continue
        heard = said.filter(
            (pl.col("kind") != begins) | pl.col("written") | (not hold.written_only)
        )
        last = _last(rows, heard, [begins, ends])
        found.append(last.filter(pl.col("kind") == begins).with_columns(rule=pl.lit(name)))
    if rules.opt_out:
        last = _last(rows, said, ["opt_out", "opt_in"], "channel")
        found.append(last.filter(pl.col("kind") == "opt_out").with_columns(rule=pl.lit("opt_out")))
    if rules.consent:
        last = _last(rows, said, ["consent", "consent_withdrawn"], "channel")
        lacks = ~pl.col("kind").eq_missing(pl.lit("consent"))
        found.append(last.filter(lacks).with_columns(rule=pl.lit("consent")))
    there = (pl.col("kind") == "inconvenient_place") & (pl.col("place") == pl.col("at_place"))
    found.append(
        convenience.filter(there & bool(rules.inconvenient_place)).select(
            "row", "channel", preference="reference", rule=pl.lit("inconvenient_place")
        )
    )
    every = pl.concat([each.select("row", "channel", "rule", "preference") for each in found])
    bound = pl.DataFrame(
        [(name, channel) for name, rule in rules.rules.items() for channel in rule.channels],
        schema={"rule": pl.String, "channel": pl.String}, orient="row",
    )  # fmt: skip
    return every.join(bound, on=["rule", "channel"], how="semi").group_by("row", "rule").agg(
        evidence=pl.col("preference").drop_nulls().unique().sort()
    )  # fmt: skip


def _broken(
    points: pl.DataFrame, rows: pl.DataFrame, facts: _Facts, rules: ContactRules
) -> pl.DataFrame:
    """`row`, `point`, `rule`, `evidence`, `own` (whether the contact itself counts) of rules that a contact of the row would
    break at a point (`points`: `row`, `point`), by what stood at the row. The one place where rules are asked."""
    local = on_the_clock(
        by_zone(points.join(rows.select("row", "channel", "zone"), on="row")).with_columns(clock="point"), "clock"
    )  # fmt: skip
    minute = pl.col("clock").dt.hour().cast(pl.Int64) * 60 + pl.col("clock").dt.minute()
    local = local.with_columns(
        minute=minute, date=pl.col("clock").dt.date(), weekday=pl.col("clock").dt.weekday()
    )
    found = [
        _outside_hours(local, rules),
        _inconvenient(local, facts.windows),
        _too_soon(local, facts.spaced),
        points.join(facts.lasting, on="row").with_columns(own=pl.lit(False)).select(_BROKEN),
    ]
    return pl.concat(found)


_BROKEN = ["row", "point", "rule", "evidence", "own"]


def _outside_hours(local: pl.DataFrame, rules: ContactRules) -> pl.DataFrame:
    hours = rules.hours
    none = pl.lit([], dtype=pl.List(pl.String))
    told = local.select(
        "row", "point", "channel", "minute", rule=pl.lit("hours"), evidence=none, own=pl.lit(True)
    )
    if hours is None:
        return told.clear().select(_BROKEN)
    allowed = (pl.col("minute") >= minute_of(hours.opens)) & (
        pl.col("minute") < minute_of(hours.closes)
    )
    return told.filter(pl.col("channel").is_in(hours.channels) & ~allowed).select(_BROKEN).unique(
        ["row", "point"]
    )  # fmt: skip


def _inconvenient(local: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    within = pl.col("minute").is_between("starts", "ends", closed="left")
    on_day = pl.col("days").str.contains(pl.col("weekday").cast(pl.String), literal=True)
    return local.join(windows, on="row").filter(within & on_day).group_by("row", "point").agg(
        evidence=pl.col("reference").unique().sort()
    ).select("row", "point", "evidence", rule=pl.lit("inconvenient_time"), own=pl.lit(False)).select(_BROKEN)  # fmt: skip


def _too_soon(local: pl.DataFrame, spaced: pl.DataFrame) -> pl.DataFrame:
    near = local.join(spaced, on="row")
    if near.is_empty():
        return near.select("row", "point", "rule", "evidence", own=pl.lit(True))
    near = near.with_columns(again="call_again_at")
    near = on_the_clock(near, "again")
    free = (_days_since("clock", "again") < pl.col("again_days")).fill_null(False)
    whole = near.with_columns(on_request=free.all().over("row", "point", "rule"))
    soon = whole.filter((pl.col("date") < pl.col("from_on")) & ~pl.col("on_request"))
    first = soon.sort("date").unique(["row", "point", "rule"], keep="first", maintain_order=True)
    counts = first.explode("evidence", "dates").filter(
        pl.col("dates") > pl.col("date") - pl.duration(days="span")
    )
    return counts.group_by("row", "point", "rule").agg(evidence=pl.col("evidence").reverse()).with_columns(
        own=pl.col("rule") == "call_frequency"
    ).select(_BROKEN)  # fmt: skip


def _first_allowed(rows: pl.DataFrame, facts: _Facts, rules: ContactRules) -> pl.DataFrame:
    """`row`, `allowed_at`: the first point from the row's instant on that breaks no rule.

    Rules change their answer only where hours open, an inconvenient time ends or a day begins on one of the consumer's
    clocks, so these are the points that are tried, beside the instant itself.
    """
    open_rows = rows.join(facts.lasting, on="row", how="anti")
    if open_rows.is_empty():
        return pl.DataFrame(schema={"row": pl.Int64, "allowed_at": UTC})
    now = open_rows.select("row", point="at")
    found = [now.join(_broken(now, rows, facts, rules), on="row", how="anti")]
    several = pl.col("zone").str.contains(APART, literal=True)
    for some, spans in ((several, [(-1, _last_day(rules))]), (~several, _stages(rules))):
        left = open_rows.filter(some).join(found[0], on="row", how="anti")
        for first, last in spans:  # of one clock what lies in earlier days comes first
            if left.is_empty():
                break
            points = _points(left, facts, rules, (first, last))
            barred_at = _broken(points, rows, facts, rules).select("row", "point")
            found.append(points.join(barred_at, on=["row", "point"], how="anti"))
            left = left.join(found[-1], on="row", how="anti")
    return pl.concat(found).group_by("row").agg(allowed_at=pl.col("point").min())


def _last_day(rules: ContactRules) -> int:
    """Days after a contact's own within which some point is allowed, if any is."""
    return (
        max([0, *(rule.days for rule in rules.rules.values() if isinstance(rule, Spaced))]) + _WEEK
    )


def _stages(rules: ContactRules) -> list[tuple[int, int]]:
    """First and last days that are tried one after another: most rows are allowed within the first."""
    last = _last_day(rules)
    return [(first, min(first + 2, last)) for first in range(-1, last + 1, 3)]


def _points(
    rows: pl.DataFrame, facts: _Facts, rules: ContactRules, within: tuple[int, int]
) -> pl.DataFrame:
    """`row`, `point` at which a rule may begin to allow what it barred, from the row's instant on, of days of the borrower's
    calendar: the first and the last, counted from the row's own."""
    zones = on_the_clock(
        by_zone(rows.select("row", "at", "zone")).with_columns(clock="at"), "clock"
    )
    opens = [0] if rules.hours is None else [0, minute_of(rules.hours.opens)]
    times = pl.concat([
        rows.select("row").join(pl.DataFrame({"time": opens}, schema={"time": pl.Int64}), how="cross"),
        facts.windows.select("row", time="ends").filter(pl.col("time") < 1440),
    ]).unique()  # fmt: skip
    days = pl.DataFrame({"day": range(within[0], within[1] + 1)}, schema={"day": pl.Int64})
    clocks = zones.join(times, on="row").join(days, how="cross").with_columns(
        then=pl.col("clock").dt.truncate("1d") + pl.duration(days="day", minutes="time")
    )  # fmt: skip
    found = instants(clocks, "then").filter(pl.col("point") > pl.col("at"))
    return found.select("row", "point").unique()


def _shown(rows: pl.DataFrame, instant: str) -> pl.Series:
    """An instant as the clock of the first zone of each row shows it, with its offset."""
    named = rows.select(instant, zone=pl.col("zone").str.split(APART).list.first()).with_row_index()
    parts = [
        part.select(
            "index",
            text=pl.col(instant)
            .dt.convert_time_zone(str(zone))
            .dt.to_string("%Y-%m-%dT%H:%M:%S%:z"),
        )
        for (zone,), part in named.group_by("zone")
    ]
    if not parts:
        return pl.Series(dtype=pl.String)
    return pl.concat(parts).sort("index")["text"]
