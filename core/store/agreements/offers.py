"""Offers with their steps, parties and checks, as the ledger keeps them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from loanbook.core.documents.offers import (
    BOARDED,
    SIGNED,
    must_be_the_only_one,
    must_follow,
    states,
)
from loanbook.core.errors import LedgerConflictError, LedgerError
from loanbook.core.origination.facts import as_known
from loanbook.core.store.agreements.keeping import keep
from loanbook.core.store.origination.reading import facts_of
from loanbook.core.store.queries import Queries

STEP = pl.Schema(
    {
        "offer_id": pl.String,
        "step": pl.String,
        "on_date": pl.Date,
        "actor": pl.String,
        "detail": pl.String,
    }
)
CHECK = pl.Schema({
    "check_id": pl.String, "offer_id": pl.String, "what": pl.String, "passed": pl.Boolean, "account": pl.String,
    "score": pl.Int32, "needed": pl.Int32, "scorer": pl.String, "provider": pl.String, "reference": pl.String,
    "evidence": pl.String, "actor": pl.String, "on_date": pl.Date,
})  # fmt: skip
"""What was found of a party: `what` is kyc or ownership; `account` and `evidence` are a token and a hash."""


def offers_on(
    ledger: Queries, on: dt.date, where: str = "TRUE", parameters: dict[str, object] | None = None
) -> pl.DataFrame:
    """Offers made by a date, those for which a condition holds, oldest first, with their `state` at its end, `since`, and
    the `loan_id` that boarding gave."""
    found = ledger.frame(
        f"SELECT * FROM {{lake}}.offers WHERE {where} ORDER BY made_on, offer_id", parameters
    )
    told = states(found, _steps(ledger, found["offer_id"]), on)
    there = ledger.beside(
        "SELECT k.loan_key, min(k.loan_id) AS loan_id FROM {lake}.loan_keys k JOIN _keys USING (loan_key) GROUP BY ALL",
        [], _keys=told.select("loan_key").unique(),
    )  # fmt: skip
    loans = told.join(there, on="loan_key", how="left", maintain_order="left")
    entered = (pl.col("state") == SIGNED) & pl.col("loan_id").is_not_null()
    return loans.with_columns(state=pl.when(entered).then(pl.lit(BOARDED)).otherwise("state"))


def _steps(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    return ledger.beside(
        "SELECT s.offer_id, s.step, s.on_date FROM {lake}.offer_steps s JOIN _ids i ON i.offer_id = s.offer_id "
        "ORDER BY s.recorded_at",
        [], _ids=ids.to_frame(),
    )  # fmt: skip


def offer(ledger: Queries, id_: str, on: dt.date) -> dict[str, Any]:
    """An offer by its id, or its loan's key, with its `state` on a date. LedgerError: there is none."""
    found = offers_on(ledger, on, "offer_id = $id OR loan_key = $id", {"id": id_})
    if found.height != 1:
        raise LedgerError(
            f"{'no offer has' if found.is_empty() else 'several offers have'} the id or loan {id_!r}; see `loanbook offers list`"
        )
    return found.row(0, named=True)


def add_offers(ledger: Queries, rows: dict[str, pl.DataFrame]) -> bool:
    """Keep offers (`offers`) with their documents. False: they are kept already, by the same body.

    LedgerConflictError as `are_new`.
    """
    return keep(ledger, rows, lambda: are_new(ledger, rows["offers"]))


def are_new(ledger: Queries, offers: pl.DataFrame) -> bool:
    """Whether none of the offers (`offer_id`, `loan_key`, `body_hash`) is kept; False: each is, by the same body.

    LedgerConflictError: an id or a loan's key is another offer's.
    """
    known = ledger.frame(
        "SELECT offer_id, loan_key, body_hash FROM {lake}.offers "
        "WHERE offer_id IN (SELECT unnest(?)) OR loan_key IN (SELECT unnest(?))",
        [offers["offer_id"].to_list(), offers["loan_key"].to_list()],
    )
    if known.is_empty():
        return True
    same = known.join(offers, on=["offer_id", "loan_key", "body_hash"], how="semi")
    if same.height == known.height == offers.height:
        return False
    other = known.join(same, on="offer_id", how="anti") if same.height < known.height else known
    raise LedgerConflictError(
        f"offer {other['offer_id'][0]} of loan {other['loan_key'][0]} is kept with another content, or not all "
        "of these are: make another offer, under another id and loan key"
    )


def take_step(
    ledger: Queries, step: dict[str, Any], more: dict[str, pl.DataFrame] | None = None
) -> None:
    """Keep a step (`STEP`) of an offer with rows of other tables. OfferError: its state does not let it be taken."""

    def allowed() -> bool:
        found = offer(ledger, step["offer_id"], step["on_date"])
        must_follow(step["offer_id"], found["state"], step["step"])
        if found["application_id"]:
            must_be_the_only_one(found, step["step"], _others(ledger, found, step["on_date"]))
        return True

    keep(ledger, {"offer_steps": pl.DataFrame([step], schema=STEP), **(more or {})}, allowed)


def keep_signature(ledger: Queries, id_: str, on: dt.date, rows: dict[str, pl.DataFrame]) -> None:
    """Keep the signature (`signatures`) of a party while others have not signed. OfferError: the offer is not accepted."""

    def allowed() -> bool:
        must_follow(id_, offer(ledger, id_, on)["state"], SIGNED)
        return True

    keep(ledger, rows, allowed)


def _others(ledger: Queries, of: dict[str, Any], on: dt.date) -> pl.DataFrame:
    """Other offers of the same application with their `state`, a step of a later date than `on` counting too."""
    last = ledger.one(
        "SELECT max(s.on_date) FROM {lake}.offer_steps s JOIN {lake}.offers o ON o.offer_id = s.offer_id "
        "WHERE o.application_id = ?", [of["application_id"]],
    )[0]  # fmt: skip
    where = "application_id = $application AND offer_id <> $own"
    asked = {"application": of["application_id"], "own": of["offer_id"]}
    return offers_on(ledger, max(on, last or on), where, asked)


def checks(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """What was found of the parties of offers, oldest first (`CHECK`)."""
    return ledger.beside(
        "SELECT c.* FROM {lake}.party_checks c JOIN _ids i ON i.offer_id = c.offer_id ORDER BY c.recorded_at",
        [], _ids=ids.unique().to_frame("offer_id"),
    )  # fmt: skip


def identity_results(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """`application_id`, `kyc` of applications: what the last check in the files of identity checks said of the applicant,
    passed, failed or review; null: there is none."""
    asked = ledger.beside(
        'SELECT a.application_id, a.applicant, DATE \'9999-12-31\' AS "on" FROM {lake}.applications a '
        "JOIN _ids i ON i.application_id = a.application_id",
        [], _ids=ids.unique().to_frame("application_id"),
    )  # fmt: skip
    told = facts_of(ledger, asked["applicant"]).filter(pl.col("field") == "kyc")
    nothing = pl.DataFrame(schema={"application_id": pl.String, "kyc": pl.String})
    return pl.concat([nothing, as_known(told, asked)], how="diagonal_relaxed").select(
        nothing.columns
    )
