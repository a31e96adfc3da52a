"""What orders name by `target_ref`: looked up once, written into their payloads, or refused."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from loanbook.core.catalogue.codes import MONEY_IN, REFUNDS, REVERSIBLE, Kind
from loanbook.core.catalogue.events import OF_A_CHARGE, OF_A_MANDATE
from loanbook.core.servicing.orders.what_is_left import beyond_what_is_left
from loanbook.pipelines.formats.table import Bad
from loanbook.pipelines.ingest.events import refused

_ABOUT = {
    Kind.reversal: REVERSIBLE,
    Kind.chargeback: MONEY_IN,
    Kind.charge_waived: (Kind.charge_assessed,),
    Kind.charge_adjusted: (Kind.charge_assessed,),
    Kind.interest_refunded: REFUNDS,
    **{kind: (Kind.mandate_created,) for kind in OF_A_MANDATE if kind is not Kind.mandate_created},
}
"""Orders that name another event, and the kinds that it may be of."""


def about(orders: pl.DataFrame, events: pl.DataFrame, kinds: Sequence[Kind]) -> pl.DataFrame:
    """Events of these kinds that orders name by `target_ref`: `line`, `loan_id`, `own` (the order's
    key), `key`.

    A reference is looked for on the order's loan, whoever sent it; where two have it, it may be
    written as KIND/REFERENCE or SOURCE/KIND/REFERENCE. An order that names several has several rows.
    """
    codes = [kind.value for kind in kinds]
    of_loans = events.filter(pl.col("kind").is_in(codes)).select(
        "loan_id", "source_ref", key="idempotency_key"
    )
    named = orders.select("line", "loan_id", "target_ref", own="idempotency_key")
    end = pl.col("source_ref").str.len_chars()
    rest = pl.col("key").str.head(pl.col("key").str.len_chars() - end - 1)
    kind = rest.str.split("/").list.last()
    source = rest.str.split("/").list.get(1)
    forms = (
        pl.col("source_ref"),
        pl.concat_str(kind, "source_ref", separator="/"),
        pl.concat_str(source, kind, "source_ref", separator="/"),
        pl.col("key"),
    )
    found = named.join(of_loans, on="loan_id").filter(
        pl.any_horizontal(pl.col("target_ref") == form for form in forms)
    )
    return found.select("line", "loan_id", "own", "key").unique(maintain_order=True).sort("line")


def named_events(rows: pl.DataFrame, known_events: pl.DataFrame) -> pl.DataFrame:
    """Known events that orders name, as `about` has them, by what each order may be about."""
    return pl.concat(
        about(rows.filter(pl.col("kind") == kind.value), known_events, kinds)
        for kind, kinds in _ABOUT.items()
    )


def of_orders(named: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """What these orders name, by line."""
    return named.join(orders.select("line"), on="line", how="semi", maintain_order="left").sort(
        "line"
    )


def unambiguous(rows: pl.DataFrame, named: pl.DataFrame) -> tuple[pl.DataFrame, Bad]:
    """Orders without those whose `target_ref` is of several events that it may be about."""
    several = named.group_by("line").agg(pl.col("key").n_unique()).filter(pl.col("key") > 1)
    vague = rows.join(several.select("line"), on="line", how="semi")
    kept = rows.join(several.select("line"), on="line", how="anti", maintain_order="left")
    return kept, refused(vague, "target_is_ambiguous", "command_ref")


def reversals(
    rows: pl.DataFrame, known_events: pl.DataFrame, named: pl.DataFrame
) -> tuple[pl.DataFrame, Bad]:
    """Reversals with the key of what they take back; those of nothing, or twice, are refused."""
    reversals = rows.filter(pl.col("kind") == Kind.reversal.value)
    if reversals.is_empty():
        return rows, []
    found = of_orders(named, reversals)
    # what was reversed before: by another order, or by this one sent again
    undone = known_events.filter(pl.col("reverses").is_not_null()).select(
        key="reverses", by="idempotency_key"
    )
    before = found.join(undone, on="key").filter(pl.col("by") != pl.col("own"))
    again = found.filter(pl.col("own") != pl.col("own").first().over("key"))
    twice = pl.concat([before.select("line"), again.select("line")])
    missing = reversals.filter(~pl.col("line").is_in(found["line"].implode()))
    bad: Bad = []
    judged = reversals
    for rule, frame in (  # an order is refused once, by the first rule that it breaks
        ("unknown_target", missing),
        ("already_reversed", twice),
        ("fee_was_adjusted_since", _adjusted(found, known_events)),
        ("payment_was_charged_back", _charged_back(found, rows, known_events)),
    ):
        broken = pl.col("line").is_in(frame["line"].implode())
        bad += refused(judged.filter(broken), rule, "command_ref")
        judged = judged.filter(~broken)
    lines_refused = pl.Series([b["line"] for b in bad], dtype=pl.Int64)
    body = pl.struct(reverses="key").struct.json_encode()
    bodies = found.select("line", told=body)
    kept = rows.filter(~pl.col("line").is_in(lines_refused.implode()))
    kept = kept.join(bodies, on="line", how="left", maintain_order="left")
    return kept.with_columns(payload=pl.coalesce("told", "payload")).drop("told"), bad


def chargebacks(rows: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Chargebacks with the key of the payment that they name, as `of` in their payload."""
    given = rows.filter((pl.col("kind") == Kind.chargeback.value) & (pl.col("target_ref") != ""))
    if given.is_empty():
        return rows
    found = of_orders(named, given).select("line", of="key")
    bodies = found.select("line", told=pl.struct("of").struct.json_encode())
    kept = rows.join(bodies, on="line", how="left", maintain_order="left")
    return kept.with_columns(payload=pl.coalesce("told", "payload")).drop("told")


def _charged_back(
    found: pl.DataFrame, rows: pl.DataFrame, known_events: pl.DataFrame
) -> pl.DataFrame:
    """Reversals (`line`) of payments that a chargeback took back: it would go out twice."""
    undone = known_events["reverses"].drop_nulls()
    before = known_events.filter(~pl.col("idempotency_key").is_in(undone.implode()))
    chargebacks = rows.filter(pl.col("kind") == Kind.chargeback.value)
    targets = chargebacks["payload"].str.json_path_match("$.of")
    taken = pl.concat([before["charged_back"].drop_nulls(), targets.drop_nulls()])
    return found.filter(pl.col("key").is_in(taken.implode())).select("line")


def _adjusted(found: pl.DataFrame, known_events: pl.DataFrame) -> pl.DataFrame:
    """Reversals (`line`) of deferred fees of which more was given back than others would leave."""
    undone = known_events["reverses"].drop_nulls()
    stands = known_events.filter(
        pl.col("family").is_not_null() & ~pl.col("idempotency_key").is_in(undone.implode())
    )
    sums = stands.group_by("loan_id", "family").agg(net=pl.col("deferred").sum())
    targets = stands.select("loan_id", "family", "deferred", key="idempotency_key")
    left = found.join(targets, on=["loan_id", "key"]).join(sums, on=["loan_id", "family"])
    return left.filter(pl.col("net") < pl.col("deferred")).select("line")


def waivers(
    rows: pl.DataFrame, known_events: pl.DataFrame, named: pl.DataFrame
) -> tuple[pl.DataFrame, Bad]:
    """Waivers with the amount and the place of the charge they forgive; of none, are refused.

    Adjustments too, which give back a charge in full or in part.
    """
    adjusts = pl.col("kind") == Kind.charge_adjusted.value
    waived = rows.filter((pl.col("kind") == Kind.charge_waived.value) | adjusts)
    if waived.is_empty():
        return rows, []
    of_file = rows.filter(pl.col("kind") == Kind.charge_assessed.value)
    charges = pl.concat(
        [
            known_events.filter(pl.col("charged").is_not_null()).select(
                "charged", "charge", key="idempotency_key"
            ),
            of_file.select(charged="amount", charge="payload", key="idempotency_key"),
        ]
    ).unique("key", keep="first", maintain_order=True)
    found = pl.concat([of_orders(named, waived), about(waived, of_file, (Kind.charge_assessed,))])
    found = found.join(charges, on="key", maintain_order="left")
    found = found.unique("line", keep="first", maintain_order=True)
    missing = waived.filter(~pl.col("line").is_in(found["line"].implode()))
    bad = refused(missing, "unknown_target", "command_ref")
    kept = rows.filter(~pl.col("line").is_in(missing["line"].implode()))
    joined = kept.join(
        found.drop("loan_id", "key", "own"), on="line", how="left", maintain_order="left"
    )
    return joined.with_columns(
        amount=pl.when(adjusts).then("amount").otherwise(pl.coalesce("charged", "amount")),
        payload=pl.coalesce("charge", "payload"),
    ).drop("charged", "charge"), bad


def with_waived(events: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Known events, waivers of charges with the charge and with what they forgave of it.

    `told`: as `loanbook.core.store.order_context.waived` has them.
    """
    if told.is_empty():
        return events
    forgiven = told.select("idempotency_key", of="charge", forgives="amount")
    joined = events.join(forgiven, on="idempotency_key", how="left", maintain_order="left")
    return joined.with_columns(
        charge=pl.coalesce("of", "charge"), amount=pl.coalesce("forgives", "amount")
    ).drop("of", "forgives")


def within_what_is_left(rows: pl.DataFrame, known_events: pl.DataFrame) -> tuple[pl.DataFrame, Bad]:
    """Orders that take back no more than is left of what they take from; the others are refused."""
    of_charge = pl.col("kind").is_in([k.value for k in OF_A_CHARGE])
    told = rows.with_columns(
        charge=pl.when(of_charge).then("payload"),
        charged_back=pl.when(pl.col("kind") == Kind.chargeback.value).then(
            pl.col("payload").str.json_path_match("$.of")
        ),
        reverses=pl.when(pl.col("kind") == Kind.reversal.value).then(
            pl.col("payload").str.json_path_match("$.reverses")
        ),
    )
    beyond = beyond_what_is_left(told, known_events)
    over = rows.join(beyond.select("line", broken="rule"), on="line", maintain_order="left")
    bad = refused(over, pl.col("broken"), "source_ref")
    return rows.join(beyond, on="line", how="anti", maintain_order="left"), bad


def refinancings(rows: pl.DataFrame, loans: pl.DataFrame) -> tuple[pl.DataFrame, Bad]:
    """Refinancings with the loan that pays; it is another, in the same currency, paid out that day."""
    refinancings = rows.filter(pl.col("kind") == Kind.refinanced.value)
    if refinancings.is_empty():
        return rows, []
    new = loans.select(by="loan_id", target_ref="loan_key", theirs="currency", pays_on="boards_on")
    joined = refinancings.select(
        "line", "loan_id", "loan_currency", "value_date", "target_ref"
    ).join(new, on="target_ref", how="left", maintain_order="left")
    judged = joined.with_columns(
        rule=pl.when(pl.col("by").is_null())
        .then(pl.lit("unknown_target"))
        .when(pl.col("by") == pl.col("loan_id"))
        .then(pl.lit("loan_refinances_itself"))
        .when(pl.col("theirs") != pl.col("loan_currency"))
        .then(pl.lit("currency_is_not_the_loans"))
        .when(pl.col("pays_on") != pl.col("value_date"))
        .then(pl.lit("not_the_day_of_the_new_loan"))
    )
    wrong = judged.filter(pl.col("rule").is_not_null())
    bad = refused(wrong, pl.col("rule"), "target_ref")
    body = judged.select("line", told=pl.struct("by").struct.json_encode())
    kept = rows.filter(~pl.col("line").is_in(wrong["line"].implode()))
    kept = kept.join(body, on="line", how="left", maintain_order="left")
    return kept.with_columns(payload=pl.coalesce("told", "payload")).drop("told"), bad
