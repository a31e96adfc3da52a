"""Orders of a command file against the loans they name: what may enter, and what breaks which rule."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.contract.money import CURRENCY_CODES, EXPONENT
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import CommandMapping
from loanbook.core.servicing.orders.allowed import broken_rule
from loanbook.core.servicing.orders.beside import OTHERS, PAUSES, with_others
from loanbook.pipelines.formats import payments
from loanbook.pipelines.formats.table import Bad, percent_ppb
from loanbook.pipelines.ingest.events import Known, keyed, refused
from loanbook.pipelines.ingest.orders import targets
from loanbook.pipelines.ingest.orders.context import order_rows, share_of
from loanbook.pipelines.ingest.orders.interest_refunds import on_refunds
from loanbook.pipelines.ingest.orders.mandates import mandates
from loanbook.pipelines.ingest.orders.payloads import as_events


def lawful(
    matched: pl.DataFrame,
    policies: PolicyBook,
    known: Known,
    mapping: CommandMapping,
    day: dt.date,
    waits_from: dt.date | None,
) -> tuple[pl.DataFrame, Bad]:
    """Orders that may enter, as rows of events with `kind`, and the rows refused, with rule.

    `matched`: `commands.Orders` joined to their loans. `known`: how these stand, and the events that
    an order may be about. `day`: of the file, whose approvals hold. `waits_from`: `on_the_eve`.
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
    context = order_rows(orders, policies, known.standing, day)
    others = _beside(orders, known, waits_from)
    rules = _judged(context, orders.with_columns(wrong=wrong), others)
    judged = orders.with_columns(
        rule=pl.when(wrong).then(pl.lit("amount_finer_than_currency")).otherwise(rules)
    )
    broken = _with_running_pause(judged.filter(pl.col("rule").is_not_null()), others, orders)
    bad = refused(broken, pl.col("rule"), "command_ref")
    rows = keyed(as_events(judged.filter(pl.col("rule").is_null())), mapping, known)
    rows, lost = _with_targets(rows, policies, known, day)
    return rows, bad + lost


PAUSE_RUNS = "another_pause_runs"


def _with_running_pause(
    broken: pl.DataFrame, others: pl.DataFrame, orders: pl.DataFrame
) -> pl.DataFrame:
    """Refused orders with what quarantine says of the pause that stands in their way, in a column of the
    rule's name."""
    stopped = broken.filter(pl.col("rule") == PAUSE_RUNS)
    if stopped.is_empty():
        return broken
    own, of_pause = pl.col("kind"), pl.col("kind_pause")
    grants, rests = Kind.moratorium_granted.value, Kind.interest_paused.value
    both = own.is_in([grants, rests]) & of_pause.is_in([grants, rests]) & (own != of_pause)
    found = (
        stopped.select("line", "loan_id", "kind", "value_date", "command_ref")
        .join(pl.concat([others, _as_others(orders)]), on="loan_id", suffix="_pause")
        .filter(
            (both | ((of_pause == own) & of_pause.is_in([kind.value for kind in PAUSES])))
            & (pl.col("place") < pl.col("line"))
            & (pl.col("command_ref") != pl.col("source_ref"))
        )
        .sort("line", "end")
        .group_by("line")
        .last()
    )
    stands = pl.when(of_pause == grants).then(
        pl.format("the moratorium {} of {}", "source_ref", "value_date_pause")
    ).otherwise(pl.format("the pause {} from {} to {}", "source_ref", "start", "end"))  # fmt: skip
    told = pl.format(
        "{}: {} stands; order this one for other days, or reverse that one", "command_ref", stands
    )
    return broken.join(
        found.select("line", told.alias(PAUSE_RUNS)), on="line", how="left", maintain_order="left"
    ).with_columns(pl.coalesce(PAUSE_RUNS, "command_ref"))


def _with_targets(
    rows: pl.DataFrame, policies: PolicyBook, known: Known, day: dt.date
) -> tuple[pl.DataFrame, Bad]:
    """Orders with what they name in their payloads; those that name nothing, or take too much, refused."""
    events = known.events("loan_id", rows["loan_id"])
    named = targets.named_events(rows, events)
    rows, vague = targets.unambiguous(rows, named)
    rows = targets.chargebacks(rows, named)
    rows, unfit = targets.reversals(rows, events, named)
    rows, missing = targets.waivers(rows, events, named)
    refinanced = rows.filter(pl.col("kind") == Kind.refinanced.value)["target_ref"]
    rows, unpaid = targets.refinancings(rows, known.loans("loan_key", refinanced))
    rows, unnamed = on_refunds(rows, events)
    rows, unfit_mandates = mandates(rows, policies, known, named, day)
    adjusted = rows.filter(pl.col("kind") == Kind.charge_adjusted.value)["loan_id"]
    if adjusted.len():
        events = targets.with_waived(events, known.waived(adjusted))
    rows, beyond = targets.within_what_is_left(rows, events)
    return rows, vague + unfit + missing + unpaid + unnamed + unfit_mandates + beyond


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
        "limit": agreed + pl.col("over_minor") + share_of(agreed, "over_ppb"),
        "charge_limit": share_of(agreed, "charge_ppb"),
    }
    return broken_rule(told.with_columns(**limits))


def _as_others(orders: pl.DataFrame) -> pl.DataFrame:
    """Orders of the file as those that come after them see them (schema `OTHERS`)."""
    return orders.select(
        "loan_id", "kind", "value_date", amount="minor", start="start_date", end="due_date",
        source_ref="command_ref", waits=pl.lit(True), place="line",
    ).select(OTHERS.keys()).cast(OTHERS)  # type: ignore[arg-type]  # fmt: skip


def _beside(orders: pl.DataFrame, known: Known, waits_from: dt.date | None) -> pl.DataFrame:
    """Events of the orders' loans that stand (schema `OTHERS`), those taken back in the file left out."""
    ids = orders["loan_id"].unique()
    events = known.told(ids)
    withdrawn = events.filter(pl.col("kind") == Kind.boarding_withdrawn.value)
    told = pl.concat([effective_events(events), withdrawn])
    undone = orders.filter(pl.col("kind") == Kind.reversal.value)["target_ref"]
    told = told.filter(~pl.col("source_ref").is_in(undone.implode()))
    day = {name: pl.col("payload").str.json_path_match(f"$.{name}").str.to_date(strict=False)
           for name in ("start", "end")}  # fmt: skip
    open_ = pl.lit(waits_from, dtype=pl.Date)
    return told.with_columns(
        **day, waits=(pl.col("booking_date") >= open_).fill_null(True), place=pl.lit(-1)
    ).select(OTHERS.keys()).cast(OTHERS)  # type: ignore[arg-type]  # fmt: skip
