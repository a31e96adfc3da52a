"""What is left of that which orders take from: no more goes back than came.

A chargeback takes from a payment, and with all others from the money that came in; an adjustment from
a charge, as far as it was not waived; a refund of a merchant or payee from what was paid out. What stands before an order counts,
orders of its own file too.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.codes import MONEY_IN, REFUNDS, Kind

_BROUGHT = (Kind.migrated_in,)
"""Money that another servicer lent and received is not known one by one."""


@dataclass(frozen=True)
class _Pool:
    """Orders that take from something, and what gives it; `of` names it on either side."""

    rule: str
    takes: tuple[Kind, ...]
    gives: tuple[Kind, ...]
    of: pl.Expr
    of_giver: pl.Expr
    lowers: tuple[Kind, ...] = ()
    """What takes something away before; no order of these kinds is refused for it."""


_LOAN = pl.col("loan_id").cast(pl.String)
_CHARGE = pl.concat_str(_LOAN, pl.lit("/"), "charge")  # charges of one component and due date
_POOLS = (
    _Pool("more_than_the_payment", (Kind.chargeback,), MONEY_IN, pl.col("charged_back"),
          pl.col("idempotency_key")),
    _Pool("more_than_was_paid_in", (Kind.chargeback,),
          (Kind.payment_received, Kind.down_payment, *_BROUGHT), _LOAN, _LOAN),
    _Pool("more_than_the_charge", (Kind.charge_adjusted,), (Kind.charge_assessed,), _CHARGE, _CHARGE,
          (Kind.charge_waived,)),
    _Pool("more_than_was_paid_out", REFUNDS, (Kind.disbursed, *_BROUGHT), _LOAN, _LOAN),
)  # fmt: skip


def beyond_what_is_left(orders: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """`line`, `rule` of orders that take more than is left; the first rule of each.

    `orders`, in their order: `line`, `idempotency_key`, `loan_id`, `kind`, `amount`, `charge` (the payload
    of a charge, its adjustment or waiver), `charged_back` (key of the payment that a chargeback names). `known`:
    the same of events, and `reverses`. An order that is known already is a repetition, and not judged.
    """
    columns = ["idempotency_key", "loan_id", "kind", "amount", "charge", "charged_back"]
    undone = pl.concat([known["reverses"], orders["reverses"]]).drop_nulls()
    stands = ~pl.col("idempotency_key").is_in(undone.implode())
    before = known.filter(stands).select(pl.lit(None, dtype=pl.Int64).alias("line"), *columns)
    fresh = orders.join(known, on="idempotency_key", how="anti", maintain_order="left")
    every = pl.concat([before, fresh.select("line", *columns).cast(before.schema)])
    found = pl.DataFrame(schema={"line": every.schema["line"], "rule": pl.String})
    for pool in _POOLS:
        # what is refused takes from no other pool
        left = every.join(found, on="line", how="anti", maintain_order="left")
        found = pl.concat([found, _beyond(left, pool).with_columns(rule=pl.lit(pool.rule))])
    return found


def _beyond(every: pl.DataFrame, pool: _Pool) -> pl.DataFrame:
    """`line` of orders that take more of a pool than is left: as each is refused, those after it count
    anew."""
    taking = every.filter(_among(pool.takes)).with_columns(of=pool.of)
    taking = taking.filter(pl.col("of").is_not_null() & pl.col("amount").is_not_null())
    if taking["line"].count() == 0:
        return taking.select("line").clear()
    gives = every.filter(_among(pool.gives)).with_columns(of=pool.of_giver)
    less = every.filter(_among(pool.lowers)).with_columns(pl.col("amount").neg(), of=pool.of_giver)
    left = pl.concat([gives, less]).group_by("of").agg(left=pl.col("amount").sum())
    used = taking.filter(pl.col("line").is_null()).group_by("of").agg(used=pl.col("amount").sum())
    asked = (
        taking.filter(pl.col("line").is_not_null())
        .join(left, on="of", how="left", maintain_order="left")
        .join(used, on="of", how="left", maintain_order="left")
        .with_columns(left=pl.col("left").fill_null(0) - pl.col("used").fill_null(0))
    )
    refused = asked.select("line").clear()
    while True:
        over = asked.filter(pl.col("amount").cum_sum().over("of") > pl.col("left")).unique(
            "of", keep="first", maintain_order=True
        )
        if over.is_empty():
            return refused
        refused = pl.concat([refused, over.select("line")])
        asked = asked.join(over, on="line", how="anti", maintain_order="left")


def _among(kinds: tuple[Kind, ...]) -> pl.Expr:
    return pl.col("kind").is_in([kind.value for kind in kinds])
