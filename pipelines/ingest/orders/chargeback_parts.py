"""Chargebacks by the product's order: what they ask again of what their payment met."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.components import DEMANDED_AGAIN
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.payments.chargebacks import demanded_again


def with_parts(
    rows: pl.DataFrame,
    policies: PolicyBook,
    met: Callable[[pl.Series], pl.DataFrame],
) -> pl.DataFrame:
    """Chargebacks that name their payment, with what the product asks again of what it met.

    `met`: `loanbook.core.store.order_context.met`. A payment of the same day is asked again as
    principal.
    """
    named = rows.filter(
        (pl.col("kind") == Kind.chargeback.value)
        & (pl.col("target_ref") != "")
        & pl.col("product").is_in(policies.chargeback_ranks["product"].implode())
    )
    if named.is_empty():
        return rows
    paid = met(named["loan_id"])
    keys = named.select(
        "line", "product", "amount", key=pl.col("payload").str.json_path_match("$.of")
    ).join(paid.select(key="idempotency_key").unique(), on="key")
    places = paid.select("idempotency_key").unique().with_row_index("target")
    targets = keys.join(places, left_on="key", right_on="idempotency_key").rename(
        {"line": "event_id"}
    )
    parts = demanded_again(
        targets, paid.join(places, on="idempotency_key").select("component", "amount",
        event_id="target"), policies.chargeback_ranks,
    )  # fmt: skip
    bodies = parts.join(targets.select("event_id", of="key"), on="event_id").select(
        line="event_id", parts=pl.struct("of", *DEMANDED_AGAIN).struct.json_encode()
    )
    return (
        rows.join(bodies, on="line", how="left", maintain_order="left")
        .with_columns(payload=pl.coalesce("parts", "payload"))
        .drop("parts")
    )
