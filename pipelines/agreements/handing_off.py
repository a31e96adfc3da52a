"""From signed agreement to loan: a tape for intake, and what of it was boarded, in count, in amount and field by field."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.boarding import terms_of
from loanbook.core.documents.matching import unlike
from loanbook.core.documents.paper import Paper
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import AGREEMENT
from loanbook.core.store.agreements.documents import signed_agreements
from loanbook.core.store.agreements.offers import offers_on
from loanbook.core.store.queries import Queries
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.agreements.papers import Head, papers
from loanbook.pipelines.agreements.quoting import tape_of
from loanbook.pipelines.waiting import land

BREAKS = pl.Schema({"loan_key": pl.String, "offer_id": pl.String, "rule": pl.String, "field": pl.String,
                    "signed": pl.String, "boarded": pl.String})  # fmt: skip
"""What does not tie: `rule` is not_boarded, not_as_signed or no_signed_agreement."""


def hand_off(ledger: Ledger, on: dt.date) -> list[Path]:
    """Land signed agreements that are not in the ledger as tapes, a file a day of payout; where they lie.

    Nothing is paid out by them: that is ordered. The same agreements are the same file, however often this runs.
    """
    signed = offers_on(ledger, on).filter(pl.col("state") == "signed")
    by_day: dict[str, list[dict[str, str]]] = {}
    for key, text in signed.select("loan_key", "fields").sort("loan_key").rows():
        fields = json.loads(text)
        by_day.setdefault(fields["disbursed_on"], []).append({**fields, "loan_key": key})
    landed = []
    for day, rows in sorted(by_day.items()):
        data = tape_of(rows)
        name = f"loan_tape_{day}_{AGREEMENT}.{hashlib.sha256(data).hexdigest()[:12]}.csv"
        landed.append(land(ledger.settings.landing / name, data))
    return landed


@dataclass(frozen=True)
class HandOff:
    """Signed agreements beside loans, on a date; amounts in minor units by currency."""

    signed: pl.DataFrame
    """`currency`, `agreements`, `amount`."""
    boarded: pl.DataFrame
    """`currency`, `loans`, `amount` of loans of agreements."""
    from_tapes: int
    """Loans that other tapes brought: they have no agreement here, and are marked so."""
    breaks: pl.DataFrame
    """Schema `BREAKS`."""

    @property
    def ties(self) -> bool:
        """Whether count, amount and every field are the same on both sides."""
        return self.breaks.is_empty()


def reconciled(ledger: Queries, policies: PolicyBook, where: Settings, on: dt.date) -> HandOff:
    """Signed agreements beside the loans that were boarded of them."""
    offers = offers_on(ledger, on).filter(pl.col("state").is_in(["signed", "boarded"]))
    boarded = _of_agreements(ledger)
    signed = signed_agreements(ledger)
    orphans = boarded.join(signed, on="loan_key", how="anti").filter(~pl.col("withdrawn"))
    waits = offers.filter(pl.col("loan_id").is_null())
    breaks = [
        waits.select("loan_key", "offer_id", rule=pl.lit("not_boarded")),
        orphans.select("loan_key", rule=pl.lit("no_signed_agreement")),
        _unlike(ledger, signed.join(boarded, on="loan_key"), policies, where),
    ]
    sums = boarded.join(signed, on="loan_key", how="semi")
    (tapes,) = ledger.one("SELECT count(*) FROM {lake}.loan_keys")
    return HandOff(
        offers.group_by("currency").agg(agreements=pl.len(), amount=pl.col("amount").sum()).sort("currency"),
        sums.group_by("currency").agg(loans=pl.len(), amount=pl.col("principal_agreed").sum()).sort("currency"),
        tapes - boarded.height,
        pl.concat([pl.DataFrame(schema=BREAKS), *breaks], how="diagonal_relaxed").select(BREAKS.names()),
    )  # fmt: skip


def _of_agreements(ledger: Queries) -> pl.DataFrame:
    """`loan_id`, `loan_key`, `currency`, `principal_agreed`, `payload` and whether the agreement was `withdrawn`, of loans
    that a tape of agreements boarded."""
    return ledger.frame(
        """
        SELECT k.loan_id, k.loan_key, o.currency, (e.payload->>'$.principal_agreed')::BIGINT AS principal_agreed, e.payload,
               EXISTS (SELECT 1 FROM {lake}.offer_steps w WHERE w.offer_id = o.offer_id AND w.step = 'withdrawn') AS withdrawn
        FROM {lake}.loan_keys k JOIN {lake}.events e ON e.loan_id = k.loan_id AND e.kind = ? AND e.source_system = ?
        LEFT JOIN {lake}.offers o ON o.loan_key = k.loan_key ORDER BY k.loan_key
        """,
        [Kind.loan_boarded.value, AGREEMENT],
    )  # fmt: skip


def _unlike(
    ledger: Queries, both: pl.DataFrame, policies: PolicyBook, where: Settings
) -> pl.DataFrame:
    """Fields of terms, figures and schedule in which what was boarded is not what was signed."""
    if both.is_empty():
        return pl.DataFrame(schema=BREAKS)
    signed = {paper.loan_key: paper for paper in map(Paper.model_validate_json, both["fields"])}
    loans = terms_of(both).join(
        both.select("loan_id", "loan_key"), on="loan_id", maintain_order="left"
    )
    heads = {
        key: Head(of.offer_id, of.application_id, of.decision_id, key, of.parties, of.made_on) for key, of in signed.items()
    }  # fmt: skip
    parts = [
        unlike(signed[paper.loan_key], paper).select(
            "field", loan_key=pl.lit(paper.loan_key), offer_id=pl.lit(paper.offer_id), rule=pl.lit("not_as_signed"),
            signed="before", boarded="after",
        )
        for paper in papers(loans, policies, heads, where)
    ]  # fmt: skip
    return pl.concat(parts)
