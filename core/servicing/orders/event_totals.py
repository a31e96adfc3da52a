"""What the events of a loan come to, for an order: lent so far, deferred, reopened, money that came."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import MONEY_IN, Kind
from loanbook.core.catalogue.events import DEFERS, kinds_of
from loanbook.core.catalogue.kinds import Deferral, Family
from loanbook.core.contract.boarding import terms_of
from loanbook.core.ledger.reversals import effective_events

_FORGIVEN = [ROLE["charge_waived"], ROLE["memo_contra"]]
_CHARGED = (Kind.charge_assessed, Kind.charge_waived)


def event_totals(events: pl.DataFrame, as_of: dt.date | None) -> pl.DataFrame:
    """What the `events` of loans (schema `Events`, all that are known) come to; one row a loan.

    `loan_id`; `boarded_with` (Int64: the principal as it was boarded); `lent` (Int64: all that was paid out
    or joined the principal, and what a loan brought that was taken over), `drawn_since` (Int64: payouts
    valued after `as_of`, the last date that the loans' positions are of; all, where it is none),
    `capitalised`, `bought_down` (Int64: fees deferred, less given back), `reopened_on` and `last_money`
    (Date: value date of the last money in, charge or waiver of one that stands).
    """
    boarded = events.filter(pl.col("kind") == Kind.loan_boarded.value)
    agreed = terms_of(boarded).select(
        "loan_id",
        boarded_with="principal_agreed",
        brought=pl.when(pl.col("taken_over_on").is_not_null())
        .then("principal_agreed")
        .otherwise(0),
    )
    stands = effective_events(events)
    kind, amount, value_date = pl.col("kind"), pl.col("amount"), pl.col("value_date")
    payouts = kind == Kind.disbursed.value
    since = payouts if as_of is None else payouts & (value_date > as_of)
    sums = stands.group_by("loan_id").agg(
        lent=amount.filter(_among(kinds_of(Family.lent))).sum(),
        drawn_since=amount.filter(since).sum(),
        capitalised=_deferred(Deferral.capitalised_fee),
        bought_down=_deferred(Deferral.buy_down),
        reopened_on=value_date.filter(kind == Kind.reopened.value).max(),
        last_money=value_date.filter(_among((*MONEY_IN, *_CHARGED))).max(),
    )
    found = events.select("loan_id").unique().join(agreed, on="loan_id", how="left")
    none = pl.col("lent", "drawn_since", "capitalised", "bought_down").fill_null(0)
    return (
        found.join(sums, on="loan_id", how="left")
        .with_columns(none)
        .with_columns(lent=pl.col("lent") + pl.col("brought").fill_null(0))
        .drop("brought")
    )


def forgiven(waivers: pl.DataFrame, transfers: pl.DataFrame) -> pl.DataFrame:
    """`event_id`, `idempotency_key`, `loan_id`, `charge` (the payload) and `amount` (Int64): what `waivers` of
    charges forgave, by what they moved.

    `waivers`: events of the kind, in the columns of `Events`; `transfers`: `event_id`, `debit`, `credit`,
    `amount`, theirs among them. What the charge's account lost is on the other side; a restatement swaps them.
    """
    given, back = (pl.col(side).is_in(_FORGIVEN) for side in ("debit", "credit"))
    amount = pl.col("amount")
    signed = pl.when(given).then(amount).when(back).then(-amount).otherwise(0)
    moved = transfers.group_by("event_id").agg(amount=signed.sum())
    named = waivers.select("event_id", "idempotency_key", "loan_id", charge="payload")
    found = named.join(moved, on="event_id", how="left", maintain_order="left")
    return found.with_columns(pl.col("amount").fill_null(0))


def _deferred(of: Deferral) -> pl.Expr:
    """Fees of a sort that were deferred, less what was given back of them."""
    signs = {kind.value: sign for kind, (deferral, sign) in DEFERS.items() if deferral is of}
    signed = pl.col("kind").replace_strict(signs, default=0, return_dtype=pl.Int64)
    return (pl.col("amount") * signed).sum()


def _among(kinds: tuple[Kind, ...]) -> pl.Expr:
    return pl.col("kind").is_in([kind.value for kind in kinds])
