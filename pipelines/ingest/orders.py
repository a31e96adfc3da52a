"""Orders of a command file against the loans they name: what may enter, and what breaks which rule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import (
    MONEY_IN,
    REFUNDS,
    REVERSIBLE,
    InterestMode,
    Kind,
    Status,
)
from loanbook.core.catalogue.components import ASKED_AGAIN, Component
from loanbook.core.catalogue.events import (
    COMMANDS,
    DEFERS,
    Command,
    Deferral,
    EventKind,
    Family,
    Field,
    kinds_of,
)
from loanbook.core.contract.due_dates import Unit
from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.money import CURRENCY_CODES, EXPONENT, PPB, int128, rate_to_ppb
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import CommandMapping
from loanbook.core.servicing.orders.allowed import ALLOWED, broken_rule
from loanbook.core.servicing.orders.beside import OTHERS, with_others
from loanbook.core.servicing.orders.what_is_left import beyond_what_is_left
from loanbook.core.servicing.payments.chargebacks import asked_again
from loanbook.pipelines.formats import payments
from loanbook.pipelines.formats.table import percent_ppb
from loanbook.pipelines.ingest.events import Known, about, keyed, refused
from loanbook.pipelines.ingest.refunds import on_refunds

Bad = list[dict[str, Any]]
_ADVANCES = [verb for verb, (_, command) in COMMANDS.items() if command.sets.get("advance")]


def lawful(
    matched: pl.DataFrame,
    policies: PolicyBook,
    known: Known,
    mapping: CommandMapping,
    day: dt.date,
) -> tuple[pl.DataFrame, Bad]:
    """Orders that may enter, as rows of events with `kind`, and the rows refused, with rule.

    `matched`: `commands.Orders` joined to their loans. `known`: how these stand, and the events that
    an order may be about. `day`: of the file, whose approvals hold.
    """
    decimals = {CURRENCY_CODES[name]: exponent for name, exponent in EXPONENT.items()}
    exponent = pl.col("loan_currency").replace_strict(decimals, return_dtype=pl.UInt32)
    kinds = {verb: row.kind.value for verb, (row, _) in COMMANDS.items()}
    orders = matched.with_columns(
        kind=pl.col("command").replace_strict(kinds, return_dtype=pl.Int8),
        minor=payments.exact_minor(pl.col("amount"), exponent),
        rate_ppb=percent_ppb(pl.col("rate_percent")),
    )
    wrong = (pl.col("amount") != "") & pl.col("minor").is_null()
    context = _context(orders, policies, known.standing, day)
    rules = _judged(context, orders.with_columns(wrong=wrong), _beside(orders, known))
    judged = orders.with_columns(
        rule=pl.when(wrong).then(pl.lit("amount_finer_than_currency")).otherwise(rules)
    )
    bad = refused(judged.filter(pl.col("rule").is_not_null()), pl.col("rule"), "command_ref")
    rows = keyed(_events(judged.filter(pl.col("rule").is_null())), mapping, known)
    events = known.events("loan_id", rows["loan_id"])
    rows, vague = _ambiguous(rows, events)
    rows = _chargebacks(rows, events)
    rows, unfit = _reversals(rows, events)
    rows, missing = _waivers(rows, events)
    rows, unpaid = _refinancings(rows, known.loans)
    rows, unnamed = on_refunds(rows, events)
    rows, beyond = _within_what_is_left(rows, events)
    return rows, bad + vague + unfit + missing + unpaid + unnamed + beyond


def _ambiguous(rows: pl.DataFrame, known_events: pl.DataFrame) -> tuple[pl.DataFrame, Bad]:
    """Orders without those whose `target_ref` is of several events that it may be about."""
    found = pl.concat(
        about(rows.filter(pl.col("kind") == kind.value), known_events, kinds)
        for kind, kinds in _ABOUT.items()
    )
    several = found.group_by("line").agg(pl.col("key").n_unique()).filter(pl.col("key") > 1)
    vague = rows.join(several.select("line"), on="line", how="semi")
    kept = rows.join(several.select("line"), on="line", how="anti", maintain_order="left")
    return kept, refused(vague, "target_is_ambiguous", "command_ref")


_ABOUT = {
    Kind.reversal: REVERSIBLE,
    Kind.chargeback: MONEY_IN,
    Kind.charge_waived: (Kind.charge_assessed,),
    Kind.charge_adjusted: (Kind.charge_assessed,),
    Kind.interest_refunded: REFUNDS,
}
"""Orders that name another event, and the kinds that it may be of."""


_PASSES = 20
"""How often orders are judged anew without those that were refused; then all that break a rule are."""


def _judged(context: pl.DataFrame, orders: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
    """The rule that each order breaks, or null, judged beside `others` and the orders before it in the
    file that enter.

    `context`: what the rules read, in the order of `orders` (with `wrong`: refused whatever the rules
    say). Of the orders of a loan that break a rule beside others, the first is refused, then the rest
    are judged anew.
    """
    broken = context.select(rule=_rule(context, others.clear())).to_series()
    for number in range(_PASSES):
        enters = orders.filter(broken.is_null() & ~orders["wrong"])
        neighbours = pl.concat([others, _as_others(enters)])
        rules = _rule(context, neighbours)
        fresh = context.select("loan_id", new=rules.is_not_null() & broken.is_null())
        if not fresh["new"].any():
            break
        nth = pl.col("new").cum_sum().over("loan_id")
        first = pl.col("new") & (nth == 1) if number < _PASSES - 1 else pl.col("new")
        broken = pl.select(
            pl.when(fresh.select(first).to_series()).then(rules).otherwise(broken)
        ).to_series()
    return broken.alias("rule")


def _rule(context: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
    """The rule that each order breaks beside the others, or null."""
    told = with_others(context, others)
    agreed = pl.col("agreed")
    limits = {
        "limit": agreed + pl.col("over_minor") + _share(agreed, "over_ppb"),
        "charge_limit": _share(agreed, "charge_ppb"),
    }
    return broken_rule(told.with_columns(**limits))


def _as_others(orders: pl.DataFrame) -> pl.DataFrame:
    """Orders of the file as those that come after them see them (schema `OTHERS`)."""
    return orders.select(
        "loan_id", "kind", "value_date", amount="minor", start="start_date", end="due_date",
        source_ref="command_ref", waits=pl.lit(True), place="line",
    ).select(OTHERS.keys()).cast(OTHERS)  # type: ignore[arg-type]  # fmt: skip


def _beside(orders: pl.DataFrame, known: Known) -> pl.DataFrame:
    """Events of the orders' loans that stand (schema `OTHERS`), those taken back in the file left out."""
    ids = orders["loan_id"].unique()
    names = ["loan_id", "kind", "value_date", "booking_date", "amount", "source_ref",
             "idempotency_key", "payload"]  # fmt: skip
    waiting = [
        rows.select(names) for rows in known.waiting if rows["loan_id"].null_count() < rows.height
    ]
    events = pl.concat([known.history(ids).select(names), *waiting], how="vertical_relaxed")
    events = events.filter(pl.col("loan_id").is_in(ids.implode())).with_row_index("event_id")
    withdrawn = events.filter(pl.col("kind") == Kind.boarding_withdrawn.value)
    told = pl.concat([effective_events(events), withdrawn])
    undone = orders.filter(pl.col("kind") == Kind.reversal.value)["target_ref"]
    told = told.filter(~pl.col("source_ref").is_in(undone.implode()))
    day = {name: pl.col("payload").str.json_path_match(f"$.{name}").str.to_date(strict=False)
           for name in ("start", "end")}  # fmt: skip
    open_ = pl.lit(known.first_open, dtype=pl.Date)
    return told.with_columns(
        **day, waits=(pl.col("booking_date") >= open_).fill_null(True), place=pl.lit(-1)
    ).select(OTHERS.keys()).cast(OTHERS)  # type: ignore[arg-type]  # fmt: skip


def _context(
    orders: pl.DataFrame,
    policies: PolicyBook,
    standing: Callable[[pl.Series], pl.DataFrame],
    day: dt.date,
) -> pl.DataFrame:
    """Orders with what the rules read of the loan as it stands and of its product, one a row."""
    about = (
        orders.drop("amount")
        .rename(
            {"minor": "amount", "boards_on": "disbursed_on", "start_date": "starts"}
        )  # fmt: skip
        .join(
            _of_products(orders["product"], policies),
            on="product",
            how="left",
            maintain_order="left",
        )
        .join(policies.alone_below(day), on=["product", "kind"], how="left", maintain_order="left")
        .join(standing(orders["loan_id"]), on="loan_id", how="left", maintain_order="left")
    )
    about = _with_reopened(about)
    # paid out, and not closed for the first time yet: it lives by the order's day
    begun = pl.when(pl.col("disbursed_on") <= pl.col("value_date")).then(
        pl.lit(Status.active.value, dtype=pl.Int8)
    )
    return about.with_columns(
        # a line lends what it was paid back again
        lent=pl.when("revolving")
        .then(pl.col("owed").fill_null(0) + pl.col("drawn_since").fill_null(0))
        .otherwise("lent")
    ).with_columns(
        status=pl.coalesce("status", begun),
        advance=pl.col("command").is_in(_ADVANCES),
        checked=pl.col("checker") != "",
        **_with_orders_before(),
    )


def _of_products(product_codes: pl.Series, policies: PolicyBook) -> pl.DataFrame:
    """What the rules of orders read of products, by `product`."""
    codes = product_codes.unique().to_list()
    products = [policies.product(code) for code in codes]
    return pl.DataFrame(
        {
            "product": codes,
            "highest_ppb": [p.bounds.rate_ppb[1] for p in products],
            "amortisation": [Amortisation[p.schedule.amortisation].value for p in products],
            "interest_mode": [InterestMode[p.interest.accrual].value for p in products],
            "materialised": [p.schedule.materialised for p in products],
            "over_ppb": [p.payouts.over_ppb for p in products],
            "over_minor": [p.payouts.over_minor for p in products],
            "revolving": [p.line is not None for p in products],
            "charge_ppb": [p.bounds.charge_ppb for p in products],
            "due_within_days": [p.bounds.due_within_days for p in products],
            "pause_days": [p.bounds.pause_days for p in products],
            "merchant": [p.of_merchant for p in products],
            "cash_advance_margin": [
                rate_to_ppb(p.line.cash_advances.margin_percent) if p.line and p.line.cash_advances else 0
                for p in products
            ],
        },
        schema={"product": pl.Int16, "highest_ppb": pl.Int64, "amortisation": pl.Int8,
                "interest_mode": pl.Int8, "materialised": pl.Boolean,
                "over_ppb": pl.Int64, "over_minor": pl.Int64, "charge_ppb": pl.Int64,
                "due_within_days": pl.Int64, "pause_days": pl.Int64, "merchant": pl.Boolean,
                "revolving": pl.Boolean, "cash_advance_margin": pl.Int64},
    )  # fmt: skip


def _with_reopened(about: pl.DataFrame) -> pl.DataFrame:
    """Orders about loans that have ended and were reopened for the order's day: such a loan counts as
    active. What reopens it may stand in the same file, before or after them."""
    ended = pl.col("status").is_in([each.value for each in ALLOWED[Kind.reopened] if each])
    reopens = pl.col("kind") == Kind.reopened.value
    here = (reopens & ended).fill_null(False).max().over("loan_id", "value_date")
    open_ = here | (pl.col("reopened_on") == pl.col("value_date")).fill_null(False)
    living = pl.lit(Status.active.value, dtype=pl.Int8)
    return about.with_columns(
        status=pl.when(open_ & ended & ~reopens).then(living).otherwise("status")
    )


def _share(agreed: pl.Expr, ppb: str) -> pl.Expr:
    """A share of what was agreed, rounded down, no more than money can be."""
    share = int128(agreed) * int128(pl.col(ppb)) // PPB
    return share.clip(upper_bound=2**62).cast(pl.Int64)


def _with_orders_before() -> dict[str, pl.Expr]:
    """What the loan had lent and deferred by then, orders of the file before this one included."""

    def before(*kinds: Kind) -> pl.Expr:
        amount = pl.when(pl.col("kind").is_in([k.value for k in kinds])).then("amount").otherwise(0)
        return amount.cum_sum().over("loan_id") - amount

    def given_back(of: Deferral) -> pl.Expr:
        return before(*(k for k, (deferral, sign) in DEFERS.items() if deferral is of and sign < 0))

    return {
        "lent": pl.col("lent") + before(*kinds_of(Family.lent)),
        "capitalised": pl.col("capitalised") - given_back(Deferral.capitalised_fee),
        "bought_down": pl.col("bought_down") - given_back(Deferral.buy_down),
    }


def _events(orders: pl.DataFrame) -> pl.DataFrame:
    """Orders as events: what they carry, as the payload of their kind."""
    payloads = [
        pl.when(pl.col("command") == verb).then(pl.struct(said).struct.json_encode())
        for verb, (row, command) in COMMANDS.items()
        if (said := _said(row, command))
    ]
    return orders.with_columns(
        pl.col("checker").replace("", None),
        currency="loan_currency",
        amount="minor",
        source_ref="command_ref",
        actor="maker",
        payload=pl.coalesce(payloads),
    )


def _said(row: EventKind, command: Command) -> list[pl.Expr]:
    """Fields of an event's payload that its command or the order gives; the rest comes later."""
    values = []
    for field in row.payload:
        if field.name in command.sets:
            word = pl.lit(_code(field, command.sets[field.name]), dtype=field.type)
            values.append(word.alias(field.name))
        elif field.order:
            values.append(_value(field).alias(field.name))
    return values


_CODES: dict[str, type[IntEnum]] = {"component": Component, "unit": Unit}
"""Fields of payloads whose words are stored as codes."""


def _code(field: Field, word: str | bool) -> object:
    """What a word of a command is in the payload."""
    codes = _CODES.get(field.name)
    return codes[str(word)].value if codes else word


def _value(field: Field) -> pl.Expr:
    """What an order says of a field of its event's payload."""
    if field.order == "rate_percent":
        return pl.col("rate_ppb")
    if field.name in _CODES:
        codes = {name: code.value for name, code in _CODES[field.name].__members__.items()}
        return pl.col(field.order).replace_strict(codes, default=None, return_dtype=field.type)
    value = pl.col(field.order)
    if field.type is pl.String:
        return value.replace("", field.left_out)
    return value.cast(pl.String) if field.type is pl.Date else value


def _reversals(rows: pl.DataFrame, known_events: pl.DataFrame) -> tuple[pl.DataFrame, Bad]:
    """Reversals with the key of what they take back; those of nothing, or twice, are refused."""
    reversals = rows.filter(pl.col("kind") == Kind.reversal.value)
    if reversals.is_empty():
        return rows, []
    found = about(reversals, known_events, REVERSIBLE)
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


def _chargebacks(rows: pl.DataFrame, known_events: pl.DataFrame) -> pl.DataFrame:
    """Chargebacks with the key of the payment that they name, as `of` in their payload."""
    named = rows.filter((pl.col("kind") == Kind.chargeback.value) & (pl.col("target_ref") != ""))
    if named.is_empty():
        return rows
    found = about(named, known_events, MONEY_IN).select("line", of="key")
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


def _waivers(rows: pl.DataFrame, known_events: pl.DataFrame) -> tuple[pl.DataFrame, Bad]:
    """Waivers with the amount and the place of the charge they forgive; of none, are refused.

    Adjustments too, which give back a charge in full or in part.
    """
    adjusts = pl.col("kind") == Kind.charge_adjusted.value
    waivers = rows.filter((pl.col("kind") == Kind.charge_waived.value) | adjusts)
    if waivers.is_empty():
        return rows, []
    of_file = rows.filter(pl.col("kind") == Kind.charge_assessed.value)
    every = pl.concat([known_events, of_file], how="diagonal")
    charges = pl.concat(
        [
            known_events.filter(pl.col("charged").is_not_null()).select(
                "charged", "charge", key="idempotency_key"
            ),
            of_file.select(charged="amount", charge="payload", key="idempotency_key"),
        ]
    ).unique("key", keep="first", maintain_order=True)
    found = about(waivers, every, (Kind.charge_assessed,)).join(charges, on="key")
    found = found.unique("line", keep="first", maintain_order=True)
    missing = waivers.filter(~pl.col("line").is_in(found["line"].implode()))
    bad = refused(missing, "unknown_target", "command_ref")
    kept = rows.filter(~pl.col("line").is_in(missing["line"].implode()))
    joined = kept.join(
        found.drop("loan_id", "key", "own"), on="line", how="left", maintain_order="left"
    )
    return joined.with_columns(
        amount=pl.when(adjusts).then("amount").otherwise(pl.coalesce("charged", "amount")),
        payload=pl.coalesce("charge", "payload"),
    ).drop("charged", "charge"), bad


def _within_what_is_left(
    rows: pl.DataFrame, known_events: pl.DataFrame
) -> tuple[pl.DataFrame, Bad]:
    """Orders that take back no more than is left of what they take from; the others are refused."""
    of_charge = pl.col("kind").is_in([Kind.charge_assessed.value, Kind.charge_adjusted.value])
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


def _refinancings(rows: pl.DataFrame, loans: pl.DataFrame) -> tuple[pl.DataFrame, Bad]:
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


def with_parts(
    rows: pl.DataFrame,
    policies: PolicyBook,
    met: Callable[[pl.Series], pl.DataFrame],
) -> pl.DataFrame:
    """Chargebacks that name their payment, with what the product asks again of what it met.

    `met`: `loanbook.core.store.order_context.met`. A payment that no close has allocated yet is asked again as
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
    parts = asked_again(
        targets, paid.join(places, on="idempotency_key").select("component", "amount",
        event_id="target"), policies.chargeback_ranks,
    )  # fmt: skip
    bodies = parts.join(targets.select("event_id", of="key"), on="event_id").select(
        line="event_id", parts=pl.struct("of", *ASKED_AGAIN).struct.json_encode()
    )
    return (
        rows.join(bodies, on="line", how="left", maintain_order="left")
        .with_columns(payload=pl.coalesce("parts", "payload"))
        .drop("parts")
    )
