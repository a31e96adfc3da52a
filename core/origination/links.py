"""What applications share: how many came from the same device, address or account lately, and who is linked by what.

Known are links of the day of an application and before; the application itself is none of the others.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.origination.applications import LINKS

LINKED = pl.Schema(
    {
        "application_id": pl.String(),
        "kind": pl.String(),
        "token": pl.String(),
        "known_on": pl.Date(),
    }
)
WINDOWS = {
    "device_applications_1d": ("device", 1),
    "address_applications_7d": ("address", 7),
    "account_applications_30d": ("account", 30),
}
"""Input of velocity: the link that is counted, and days before."""


def velocity(links: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """`application_id` and the inputs of `WINDOWS`, a row of `asked` (`application_id`, `on`), in its order.

    Other applications with the same token that were known in so many days before and on the day; null where the application
    names no such thing.
    """
    found = asked.select("application_id")
    for name, (kind, days) in WINDOWS.items():
        own = asked.join(
            links.filter(pl.col("kind") == kind).select("application_id", "token"),
            on="application_id",
        )
        others = _others(own, links.filter(pl.col("kind") == kind)).filter(
            pl.col("known_on") >= pl.col("on") - pl.duration(days=days)
        )
        counted = others.group_by("application_id").agg(
            pl.col("other").n_unique().cast(pl.Int64).alias(name)
        )
        there = own.select("application_id").unique().join(counted, on="application_id", how="left")
        found = found.join(
            there.with_columns(pl.col(name).fill_null(0)),
            on="application_id",
            how="left",
            maintain_order="left",
        )
    return found


def neighbours(links: pl.DataFrame, asked: pl.DataFrame, rejected: pl.DataFrame) -> pl.DataFrame:
    """`application_id`, `linked_persons`, `linked_rejected`, a row of `asked` (`application_id`, `on`), in its order.

    Persons of other applications that share a device, phone, address or account, and of those applications the ones that
    were rejected by the day (`rejected`: `application_id`, `on`).
    """
    persons = links.filter(pl.col("kind") == "applicant").select("application_id", person="token")
    own = asked.join(
        links.filter(pl.col("kind").is_in(LINKS)).select("application_id", "kind", "token"),
        on="application_id",
    )
    others = (
        _others(own, links.filter(pl.col("kind").is_in(LINKS)))
        .select("application_id", "on", "other")
        .unique()
    )
    named = (
        others.join(persons.rename({"application_id": "other"}), on="other")
        .join(persons.rename({"person": "self"}), on="application_id")
        .filter(pl.col("person") != pl.col("self"))
    )
    refused = others.join(
        rejected.rename({"application_id": "other", "on": "day"}), on="other"
    ).filter(pl.col("day") <= pl.col("on"))
    counts = [
        named.group_by("application_id").agg(
            linked_persons=pl.col("person").n_unique().cast(pl.Int64)
        ),
        refused.group_by("application_id").agg(
            linked_rejected=pl.col("other").n_unique().cast(pl.Int64)
        ),
    ]
    found = asked.select("application_id")
    for each in counts:
        found = found.join(each, on="application_id", how="left", maintain_order="left")
    return found.with_columns(pl.col("linked_persons", "linked_rejected").fill_null(0))


def _others(own: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Links of other applications with the same token, known by the day."""
    keys = ["kind", "token"] if "kind" in own.columns else ["token"]
    both = own.join(links.select(*keys, "known_on", other="application_id"), on=keys)
    return both.filter(
        (pl.col("other") != pl.col("application_id")) & (pl.col("known_on") <= pl.col("on"))
    )


def components(links: pl.DataFrame) -> pl.DataFrame:
    """`application_id`, `component` (the least id in it), of applications that hang together by devices, phones, addresses or
    accounts: each takes the least label of those that it shares a token with, until none changes."""
    shared = (
        links.filter(pl.col("kind").is_in(LINKS)).select("application_id", "kind", "token").unique()
    )
    labels = (
        shared.select("application_id").unique().with_columns(component=pl.col("application_id"))
    )
    while True:
        held = shared.join(labels, on="application_id")
        least = held.group_by("kind", "token").agg(pl.col("component").min())
        moved = (
            shared.join(least, on=["kind", "token"])
            .group_by("application_id")
            .agg(pl.col("component").min())
        )
        # labels of labels: a chain halves with each round
        jump = moved.rename({"application_id": "component", "component": "further"})
        new = moved.join(jump, on="component", how="left").select(
            "application_id", component=pl.min_horizontal("component", "further")
        )
        if new.sort("application_id").equals(labels.sort("application_id")):
            return new.sort("component", "application_id")
        labels = new
