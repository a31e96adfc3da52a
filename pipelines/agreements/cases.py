"""Cases of applications follow their agreements: signed, disbursed, rescinded, each by what the ledger says."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.documents.offers import WITHDRAWN
from loanbook.core.errors import LoanbookError
from loanbook.core.origination.case import CASE_EVENTS, cases
from loanbook.core.store.agreements.payouts import payouts
from loanbook.core.store.origination.reading import events_of
from loanbook.core.store.origination.writing import append, head
from loanbook.core.store.queries import Queries

ACTOR = "agreements"
"""Who moves the cases."""


def follow(ledger: Queries, at: dt.datetime) -> int:
    """Move the cases whose agreement was signed, paid out or withdrawn since; how many events that took. Repeatable."""
    judged_at = head(ledger)
    whose = ledger.frame(
        "SELECT offer_id, application_id FROM {lake}.offers WHERE application_id <> ''"
    )
    known = cases(events_of(ledger, whose["application_id"]))
    steps = ledger.frame(
        "SELECT o.application_id, s.step, s.recorded_at AS happened_at, s.detail AS reference FROM {lake}.offer_steps s "
        "JOIN {lake}.offers o ON o.offer_id = s.offer_id WHERE o.application_id <> '' ORDER BY s.recorded_at"
    )
    out = payouts(ledger).filter(pl.col("state") == "handed over")
    paid = out.join(whose, on="offer_id").select(
        "application_id", happened_at="handed_over_at", reference="key"
    )
    state = known.select("application_id", "state")
    moves = [
        _moved(state, steps.filter(pl.col("step") == "signed"), "signed", ["approved"]),
        _moved(state, paid, "disbursed", ["signed", "approved"]),
        _moved(
            state,
            steps.filter(pl.col("step") == WITHDRAWN),
            "rescinded",
            ["signed", "disbursed", "approved"],
        ),
    ]
    events = pl.concat(moves)
    # what is withdrawn is not paid out, and what follows must have been signed before
    gone = events.filter(pl.col("event") == "rescinded")["application_id"]
    signed = pl.concat([events.filter(pl.col("event") == "signed")["application_id"],
                        state.filter(pl.col("state").is_in(["signed", "disbursed"]))["application_id"]])  # fmt: skip
    rest = events.filter(
        ~((pl.col("event") == "disbursed") & pl.col("application_id").is_in(gone.implode()))
        & ((pl.col("event") == "signed") | pl.col("application_id").is_in(signed.implode()))
    )
    if rest.is_empty():
        return 0
    numbered = rest.with_columns(event_no=pl.int_range(pl.len(), dtype=pl.Int64))
    append(ledger, numbered.select(CASE_EVENTS.names()).cast(CASE_EVENTS), judged_at, at=at)
    return rest.height


def _moved(state: pl.DataFrame, what: pl.DataFrame, event: str, before: list[str]) -> pl.DataFrame:
    """Events of cases in one of the states `before`, by the last of what happened to each."""
    last = what.select("application_id", "happened_at", "reference").unique(
        "application_id", keep="last", maintain_order=True
    )
    fits = last.join(
        state.filter(pl.col("state").is_in(before)),
        on="application_id",
        how="semi",
        maintain_order="left",
    )
    return fits.select("application_id", pl.lit(event).alias("event"), "happened_at", actor=pl.lit(ACTOR), reason=pl.lit(""),
                       reference=pl.col("reference").fill_null(""))  # fmt: skip


def must_be_decided(ledger: Queries, wanted: pl.DataFrame) -> None:
    """LoanbookError where what is offered is not what was decided.

    `wanted`: `application_id`, `decision_id`, `product`, `principal_agreed`, `rate_ppb`, `instalments`. An application that the
    ledger knows needs its decision; other offers rest on decisions made elsewhere.
    """
    told = ledger.beside(
        "SELECT w.*, a.application_id IS NOT NULL AS known, d.outcome, d.application_id AS _application, d.product AS _product, "
        "d.amount AS _amount, d.rate_ppb AS _rate, d.term AS _term "
        "FROM _wanted w LEFT JOIN {lake}.applications a ON a.application_id = w.application_id "
        "LEFT JOIN {lake}.decisions d ON d.decision_id = w.decision_id AND d.role = 'champion'",
        [], _wanted=wanted,
    )  # fmt: skip
    decided = pl.col("outcome").is_not_null()
    rules = {
        "has no decision of that id": pl.col("known") & ~decided,
        "was not approved": decided & (pl.col("outcome") != "approved"),
        "is another application than was decided": decided & (pl.col("_application") != pl.col("application_id")),
        "is offered another product": decided & (pl.col("_product") != pl.col("product")),
        "is offered more than was decided": decided & (pl.col("principal_agreed") > pl.col("_amount")),
        "is offered another rate": decided & (pl.col("rate_ppb") != pl.col("_rate")),
        "is offered another term": decided & (pl.col("instalments") != pl.col("_term")),
    }  # fmt: skip
    said = pl.coalesce(
        pl.when(broken.fill_null(False)).then(pl.lit(words)) for words, broken in rules.items()
    )
    wrong = told.with_columns(said=said).drop_nulls("said")
    if wrong.height:
        first = wrong.row(0, named=True)
        raise LoanbookError(
            f"application {first['application_id']} {first['said']} (decision {first['decision_id'] or 'none'}): offer what was "
            "decided, or decide anew; see `loanbook decide`"
        )
