"""What the orders beside an order make of its loan: those that wait, and those before it in the file."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import CHANGES, Kind, Status
from loanbook.core.catalogue.events import STEP

OTHERS = {
    "loan_id": pl.Int64,
    "kind": pl.Int8,
    "value_date": pl.Date,
    "amount": pl.Int64,
    "start": pl.Date,
    "end": pl.Date,
    "source_ref": pl.String,
    "waits": pl.Boolean,
    "place": pl.Int64,
}
"""Schema of events and orders that stand beside: `start` and `end` of a pause; `waits`: no published
close has taken it; `place`: the line of an order of the same file, -1 of what the ledger knows."""
_ANEW = max(STEP[kind] for kind in CHANGES)
ANEW = tuple(kind for kind in CHANGES if STEP[kind] == _ANEW)
"""Changes that make the schedule anew: of two on one day the last would win."""
PAUSES = (Kind.interest_paused, Kind.delinquency_paused)
_ENDS = {
    Kind.charge_off.value: Status.charged_off.value,
    Kind.write_off.value: Status.written_off.value,
    Kind.settlement_reached.value: Status.settled.value,
}


def with_others(orders: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Orders with what `others` (schema `OTHERS`) change of the columns that the rules read.

    `orders`: the columns of `Orders` with `line`, `loan_id`, `command_ref` and `agreed`. An order is
    not beside itself, though it was taken in before.
    """
    none = {
        **{name: pl.lit(False) for name in ("rival", "pause_beside", "withdrawn")},
        "paid_out": pl.lit(0, pl.Int64),
    }
    if others.is_empty() or orders.is_empty():
        return orders.with_columns(**none)
    own = orders.select(
        "line", "loan_id", "kind", "value_date", "starts", "due_date", "command_ref"
    )
    pairs = own.join(others, on="loan_id", suffix="_other").filter(
        (pl.col("place") < pl.col("line"))
        & ~(
            (pl.col("kind") == pl.col("kind_other"))
            & (pl.col("command_ref") == pl.col("source_ref"))
        )
    )
    found = pairs.sort("line", "value_date_other", "place").group_by("line").agg(**_of_others())
    joined = orders.join(found, on="line", how="left", maintain_order="left")
    return joined.with_columns(
        pl.col("rival", "pause_beside", "withdrawn").fill_null(False),
        pl.col("paid_out").fill_null(0),
        status=pl.coalesce("status_after", "status"),
        accelerated_on=pl.coalesce("accelerated_on", "accelerated_before"),
        agreed=pl.coalesce("limit_before", "agreed"),
        credit=pl.col("credit") - pl.col("refunded").fill_null(0),
    ).drop("status_after", "accelerated_before", "limit_before", "refunded")


def _of_others() -> dict[str, pl.Expr]:
    """What the others of one order come to."""
    kind, other = pl.col("kind"), pl.col("kind_other")
    same_day = pl.col("value_date") == pl.col("value_date_other")
    by_then = pl.col("waits") & (pl.col("value_date_other") <= pl.col("value_date"))
    anew = [each.value for each in ANEW]
    paused = kind.is_in([each.value for each in PAUSES])
    rivals = (kind == other) & kind.is_in([each.value for each in CHANGES]) & ~paused
    rivals = rivals | (kind.is_in(anew) & other.is_in(anew))
    amount = pl.col("amount")
    payouts = pl.col("waits") & same_day & (other == Kind.disbursed.value)
    return {
        "rival": (rivals & same_day).any(),
        "pause_beside": (((kind == other) & paused & _shared()) | _against_a_moratorium()).any(),
        "withdrawn": (other == Kind.boarding_withdrawn.value).any(),
        "paid_out": amount.filter(payouts).sum(),
        "refunded": amount.filter(pl.col("waits") & (other == Kind.credit_refunded.value)).sum(),
        "status_after": other.filter(by_then & other.is_in(list(_ENDS)))
        .last()
        .replace_strict(_ENDS, default=None, return_dtype=pl.Int8),
        "accelerated_before": pl.col("value_date_other")
        .filter(by_then & (other == Kind.contract_accelerated.value))
        .min(),
        "limit_before": amount.filter(by_then & (other == Kind.limit_changed.value)).last(),
    }


def _shared() -> pl.Expr:
    """Two pauses that have a day in common."""
    return (pl.col("start") <= pl.col("due_date")) & (pl.col("starts") <= pl.col("end"))


def _against_a_moratorium() -> pl.Expr:
    """A moratorium, and a pause of interest that is not over on its day. One that a close has taken in
    tells of itself (`moratorium_left`)."""
    kind, other = pl.col("kind"), pl.col("kind_other")
    grants, pauses = Kind.moratorium_granted.value, Kind.interest_paused.value
    over = (kind == grants) & (other == pauses) & (pl.col("end") >= pl.col("value_date"))
    under = (kind == pauses) & (other == grants) & (
        pl.col("due_date") >= pl.col("value_date_other")
    )  # fmt: skip
    return over | (under & pl.col("waits"))
