"""The life of an offer: which step may follow which, and where it stands on a date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import polars as pl

from loanbook.core.errors import LoanbookError

OFFERED, ACCEPTED, DECLINED, SIGNED, BOARDED, WITHDRAWN, EXPIRED = (
    "offered", "accepted", "declined", "signed", "boarded", "withdrawn", "expired",
)  # fmt: skip
FOLLOWS: dict[str, tuple[str, ...]] = {
    OFFERED: (ACCEPTED, DECLINED),
    ACCEPTED: (SIGNED, DECLINED),
    SIGNED: (BOARDED, WITHDRAWN),
    BOARDED: (WITHDRAWN,),
    DECLINED: (),
    WITHDRAWN: (),
    EXPIRED: (),
}
"""What may be done with an offer in a state. It expires by its date alone, unless it is signed."""
STEPS = pl.Schema({"offer_id": pl.String, "step": pl.String, "on_date": pl.Date})


class OfferError(LoanbookError):
    """A step that an offer's state does not let."""


def states(offers: pl.DataFrame, steps: pl.DataFrame, on: dt.date) -> pl.DataFrame:
    """`offers` (`offer_id`, `made_on`, `expires_on`) made by a date, with their `state` at its end and `since`.

    `steps`: schema `STEPS`, each in the order in which it was taken.
    """
    last = (
        steps.filter(pl.col("on_date") <= on)
        .group_by("offer_id", maintain_order=True)
        .agg(state=pl.col("step").last(), since=pl.col("on_date").last())
    )
    told = offers.filter(pl.col("made_on") <= on).join(
        last, on="offer_id", how="left", maintain_order="left"
    )
    state = pl.col("state").fill_null(OFFERED)
    late = state.is_in([OFFERED, ACCEPTED]) & (pl.col("expires_on") < on)
    return told.with_columns(
        state=pl.when(late).then(pl.lit(EXPIRED)).otherwise(state),
        since=pl.when(late).then(pl.col("expires_on").dt.offset_by("1d")).otherwise(pl.coalesce("since", "made_on")),
    )  # fmt: skip


def must_follow(offer_id: str, state: str, step: str) -> None:
    """OfferError unless the step may be taken of an offer in the state."""
    allowed = FOLLOWS[state]
    if step not in allowed:
        raise OfferError(
            f"offer {offer_id} is {state}: it can't be {step} now; "
            + (f"it may be {' or '.join(allowed)}" if allowed else "make another offer")
        )


def must_be_the_only_one(offer: Mapping[str, Any], step: str, others: pl.DataFrame) -> None:
    """OfferError where another offer of the application (`others`: `offer_id`, `loan_key`, `state`) binds already: one
    application is one agreement, for what was decided is lent once."""
    binding = {ACCEPTED: (ACCEPTED, SIGNED, BOARDED), SIGNED: (SIGNED, BOARDED)}.get(step, ())
    bound = others.filter(pl.col("state").is_in(binding))
    if bound.height:
        other = bound.row(0, named=True)
        raise OfferError(
            f"offer {offer['offer_id']} can't be {step}: of its application {offer['application_id']} offer "
            f"{other['offer_id']} (loan {other['loan_key']}) is {other['state']}; an application is one agreement: "
            "let the other one be declined or withdrawn first"
        )
