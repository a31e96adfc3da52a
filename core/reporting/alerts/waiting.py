"""Alerts of single rows: payouts that came back, what waits too long, contacts that came close to a breach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import polars as pl

from loanbook.core.collections.contact import BREACHES, judge
from loanbook.core.policy.lending.contact_rules import (
    ContactRules,
    Frequency,
    Hours,
    Spaced,
    minute_of,
)
from loanbook.core.policy.risk.alerts import NearMisses
from loanbook.core.reporting.alerts.unusual import EVIDENCE, FINDINGS

ROWS = pl.Schema({
    "of": pl.String, "loan_key": pl.String, "reference": pl.String, "on": pl.Date, "amount": pl.Int64, "currency": pl.String,
    "detail": pl.String,
})  # fmt: skip
"""Rows that wait, or came back: `of` is what they are counted by, `on` since when."""
NEAR = pl.Schema([*BREACHES.items(), ("policy", pl.String())])
"""Contacts that would have broken a rule by a little; `allowed_at` is when none would have been near."""


def counted(
    rows: pl.DataFrame, check: str, dimension: str, most: int, words: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """An alert where more than `most` of `ROWS` are there for one `of`; `words` say what they are."""
    by = rows.group_by("of", "currency").agg(
        value=pl.len().cast(pl.Int64), amount=pl.col("amount").sum()
    )
    beyond = by.filter(pl.col("value") > most)
    why = pl.format(
        "{} " + words + "; {} minor units of {}",
        "value",
        "amount",
        pl.col("currency").fill_null("no currency"),
    )
    return _alert(
        beyond.with_columns(why=why, typical=pl.lit(0.0), limit=pl.lit(float(most))),
        rows,
        check,
        dimension,
        "count",
    )


def aged(
    rows: pl.DataFrame, check: str, dimension: str, days: int, on: dt.date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """An alert where `ROWS` of one `of` wait for longer than `days`: the oldest of them says how long."""
    age = (pl.lit(on) - pl.col("on")).dt.total_days()
    old = rows.with_columns(age=age).filter(pl.col("age") > days)
    by = old.group_by("of", "currency").agg(
        value=pl.col("age").max(), count=pl.len(), amount=pl.col("amount").sum()
    )
    why = pl.format("{} wait for more than {} days, {} minor units of {}; the oldest for {} days", "count", pl.lit(days),
                    "amount", pl.col("currency").fill_null("no currency"), "value")  # fmt: skip
    limits = {"typical": pl.lit(None, pl.Float64), "limit": pl.lit(float(days))}
    return _alert(by.with_columns(why=why, **limits), old, check, dimension, "days")


def near_misses(
    contacts: pl.DataFrame, preferences: pl.DataFrame, policies: Iterable[ContactRules], near: NearMisses
) -> pl.DataFrame:  # fmt: skip
    """Contacts of the lender's that broke no rule and would have, had the rule been a little stricter (`NEAR`).

    The same rules by the same function: hours that end `minutes` sooner, one contact fewer, one day more.
    """
    found = [pl.DataFrame(schema=NEAR)]
    for policy in policies:
        broke = judge(contacts, preferences, policy).select("reference", "rule")
        close = judge(contacts, preferences, stricter(policy, near))
        missed = close.join(broke, on=["reference", "rule"], how="anti", maintain_order="left")
        found.append(missed.with_columns(policy=pl.lit(policy.name)).cast(NEAR))
    return pl.concat(found)


def stricter(policy: ContactRules, near: NearMisses) -> ContactRules:
    """The rules of hours, numbers and days, each a little stricter; what bars by a notice has no nearly."""
    changed: dict[str, object] = {}
    for name, rule in policy.rules.items():
        if isinstance(rule, Hours):
            opens, closes = (
                minute_of(rule.opens) + near.minutes,
                minute_of(rule.closes) - near.minutes,
            )
            if opens < closes:
                changed[name] = rule.model_copy(
                    update={"opens": _clock(opens), "closes": _clock(closes)}
                )
        elif isinstance(rule, Frequency):
            changed[name] = rule.model_copy(update={"most": max(rule.most - near.contacts, 1)})
        elif isinstance(rule, Spaced):
            changed[name] = rule.model_copy(update={"days": min(rule.days + near.days, 60)})
    return policy.model_copy(update=changed)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def close_calls(near: pl.DataFrame, least: int, on: dt.date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """An alert for each agent with so many contacts that came close (`NEAR` with `agent`)."""
    rows = near.select(
        "loan_key", "reference", of="agent", on=pl.col("local_at").str.slice(0, 10).str.to_date(), amount=pl.lit(None, pl.Int64),
        currency=pl.lit(None, pl.String),
        detail=pl.format("{} at {}: near to {} of {}", "channel", "local_at", "rule", "policy"),
    )  # fmt: skip
    by = rows.group_by("of").agg(
        value=pl.len().cast(pl.Int64), contacts=pl.col("reference").n_unique()
    )
    beyond = by.filter(pl.col("value") >= least).with_columns(
        currency=pl.lit(None, pl.String), typical=pl.lit(0.0), limit=pl.lit(float(least - 1)),
        why=pl.format("{} of the agent's contacts came close to a breach, {} times", "contacts", "value"),
    )  # fmt: skip
    return _alert(beyond, rows, "contact_near_misses", "user", "count")


def _alert(
    by: pl.DataFrame, rows: pl.DataFrame, check: str, dimension: str, measure: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    named = {"check": pl.lit(check), "rule": pl.lit(check), "dimension": pl.lit(dimension)}
    found = by.with_columns(measure=pl.lit(measure), **named)
    mine = rows.join(
        by.select("of", "currency"), on=["of", "currency"], how="semi", nulls_equal=True
    )
    evidence = mine.with_columns(
        event_id=pl.lit(None, pl.Int64), by=pl.lit(None, pl.String), **named
    )
    return (
        found.select(pl.col(name).cast(kind) for name, kind in FINDINGS.items()).sort("of", "currency"),
        evidence.select(pl.col(name).cast(kind) for name, kind in EVIDENCE.items()).sort("of", "on", "reference"),
    )  # fmt: skip
