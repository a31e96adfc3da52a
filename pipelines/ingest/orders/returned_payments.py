"""Fees that returned payments call for: a charge of its own beside the reversal, by policy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.components import Component
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.charge_tables import in_force_on
from loanbook.core.policy.models import Fee
from loanbook.core.servicing.loan.taxes import place


def charges(
    rows: pl.DataFrame,
    policies: PolicyBook,
    standing: Callable[[pl.Series], pl.DataFrame],
) -> pl.DataFrame:
    """Charges (rows of events) for those of `rows` that take a returned payment back.

    `rows`: orders that enter, with `kind` and `payload`. `standing`: `loanbook.core.store.order_context`. The
    charge falls due on the value date of the reversal; its reference is the reversal's own.
    """
    fees = policies.returned_payment_fees
    back = rows.filter(
        (pl.col("kind") == Kind.reversal.value)
        & pl.col("payload").str.contains(f"/{Kind.payment_received.name}/", literal=True)
        & pl.col("product").is_in(fees["product"].unique().implode())
    )
    if back.is_empty():
        return rows.clear()
    where = standing(back["loan_id"]).select("loan_id", "jurisdiction")
    reasons = pl.DataFrame(
        [(code, *each) for code in back["product"].unique().to_list()
         for each in _reasons(policies, code)],
        schema={"product": pl.Int16, "since": pl.Date, "by": pl.String, "reason": pl.String},
        orient="row",
    )  # fmt: skip
    charged = (
        back.join(reasons, on=["product", "reason"])
        .join(where, on="loan_id", how="left")
        .with_columns(place(policies.places))
        .join(fees, on=["product", "place", "since"])
        .filter(in_force_on(pl.col("value_date")))
        .with_columns(amount=pl.min_horizontal(pl.max_horizontal("fee_flat", "fee_min"), "fee_max"))
        .filter(pl.col("amount") > 0)
    )
    body = pl.struct(
        component=pl.lit(Component.fee.value), due_date=pl.col("value_date").cast(pl.String)
    )
    return charged.with_columns(
        kind=pl.lit(Kind.charge_assessed.value, dtype=pl.Int8),
        actor=pl.concat_str(pl.lit("policy:"), "by"),
        checker=pl.lit(None, dtype=pl.String),
        reason=pl.lit("returned_payment"),
        source_ref=pl.concat_str("source_ref", pl.lit("/returned")),
        payload=body.struct.json_encode(),
    ).select(rows.columns)


def _reasons(policies: PolicyBook, code: int) -> list[tuple[dt.date, str, str]]:
    """Reasons that call for the fee, by version: since when it binds, and its name."""
    product = policies.product(code)
    if product.returned_payment_fee is None:
        return []
    return [
        (since, f"fees/{fee.name}@{fee.version}", reason)
        for since, _, fee in policies.versions(Fee, product.returned_payment_fee, product)
        for reason in fee.reasons
    ]
