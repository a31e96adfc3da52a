"""Cases of applications follow their agreements: signed, disbursed, rescinded, each by what the ledger says."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.documents.offers import SIGNED, WITHDRAWN
from loanbook.core.errors import LoanbookError
from loanbook.core.origination.case import CASE_EVENTS, cases
from loanbook.core.store.agreements.payouts import payouts
from loanbook.core.store.origination.reading import events_of
from loanbook.core.store.origination.writing import append, head
from loanbook.core.store.queries import Queries

ACTOR = "agreements"
"""Who moves the cases."""
_LIVING = ("approved", "signed", "disbursed")
"""States of a case that its agreement moves."""


def follow(ledger: Queries, at: dt.datetime) -> int:
    """Move the cases whose agreement was signed, paid out or withdrawn since; how many events that took. Repeatable."""
    judged_at = head(ledger)
    happened = _happened(ledger)
    events = events_of(ledger, happened["application_id"])
    living = cases(events).filter(pl.col("state").is_in(_LIVING))
    fresh = happened.join(living, on="application_id", how="semi", maintain_order="left").join(
        events, on=["application_id", "event"], how="anti", maintain_order="left"
    )
    # what is withdrawn is not paid out
    gone = fresh.filter(pl.col("event") == "rescinded")["application_id"]
    rest = fresh.filter(
        (pl.col("event") != "disbursed") | ~pl.col("application_id").is_in(gone.implode())
    )
    if rest.is_empty():
        return 0
    numbered = rest.with_columns(
        event_no=pl.int_range(pl.len(), dtype=pl.Int64), actor=pl.lit(ACTOR), reason=pl.lit("")
    )
    append(ledger, numbered.select(CASE_EVENTS.names()).cast(CASE_EVENTS), judged_at, at=at)
    return rest.height


def _happened(ledger: Queries) -> pl.DataFrame:
    """`application_id`, `event`, `happened_at`, `reference` of what became of agreements that were signed, in the order in
    which it moves a case: each by the last of its kind."""
    names = {SIGNED: "signed", WITHDRAWN: "rescinded"}
    steps = ledger.frame(
        "SELECT o.application_id, s.step AS event, s.recorded_at AS happened_at, s.detail AS reference FROM {lake}.offer_steps s "
        "JOIN {lake}.offers o ON o.offer_id = s.offer_id WHERE o.application_id <> '' AND s.step IN (SELECT unnest(?)) "
        "ORDER BY s.recorded_at", [[*names]],
    ).with_columns(pl.col("event").replace_strict(names, return_dtype=pl.String))  # fmt: skip
    signed = steps.filter(pl.col("event") == "signed")
    whose = ledger.frame(
        "SELECT offer_id, application_id FROM {lake}.offers WHERE application_id <> ''"
    )
    paid = payouts(ledger).filter(pl.col("state") == "handed over").join(whose, on="offer_id", maintain_order="left").select(
        "application_id", happened_at="handed_over_at", reference="key", event=pl.lit("disbursed"),
    )  # fmt: skip
    withdrawn = steps.filter(pl.col("event") == "rescinded")
    every = pl.concat([signed, paid.select(steps.columns).cast(dict(steps.schema)), withdrawn])  # type: ignore[arg-type]
    return every.join(signed, on="application_id", how="semi", maintain_order="left").unique(
        ["application_id", "event"], keep="last", maintain_order=True
    ).with_columns(pl.col("reference").fill_null(""))  # fmt: skip


def must_be_decided(ledger: Queries, wanted: pl.DataFrame) -> None:
    """LoanbookError where what is offered is not what was decided.

    `wanted`: `application_id`, `decision_id`, `product`, `principal_agreed`, `rate_ppb`, `instalments`, and how many `borrowers` and
    `guarantors` are bound. An application that the
    ledger knows needs its decision, the policy's or a
    person's; other offers rest on decisions made elsewhere.
    """
    told = ledger.beside(
        "SELECT w.*, a.application_id IS NOT NULL AS known, a.borrowers AS _borrowers, a.guarantors AS _guarantors, d.outcome, d.application_id AS _application, d.product AS _product, "
        "d.amount AS _amount, d.rate_ppb AS _rate, d.term AS _term "
        "FROM _wanted w LEFT JOIN {lake}.applications a ON a.application_id = w.application_id "
        "LEFT JOIN (SELECT decision_id, application_id, outcome, product, amount, rate_ppb, term FROM {lake}.decisions "
        "WHERE role = 'champion' UNION ALL SELECT decision_id, application_id, outcome, product, amount, rate_ppb, term "
        "FROM {lake}.person_decisions WHERE outcome <> '') d ON d.decision_id = w.decision_id",
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
        "was made by another number of borrowers": pl.col("known") & (pl.col("borrowers") != pl.col("_borrowers")),
        "named another number of guarantors": pl.col("known") & (pl.col("guarantors") != pl.col("_guarantors")),
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
