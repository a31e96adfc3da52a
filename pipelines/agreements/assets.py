"""Dagster assets of agreements: the hand-off ties, every loan has its ground, every document is what was kept."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from loanbook.core.documents.offers import SIGNED
from loanbook.core.store.agreements.offers import offers_on
from loanbook.pipelines.agreements.handing_off import reconciled
from loanbook.pipelines.asset_keys import PREFIX, key
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.verifying import verified
from loanbook.pipelines.resources import open_instance
from loanbook.pipelines.servicing.assets import ledger_close

BOARDED = "loans_are_boarded_as_signed"
GROUNDED = "no_loan_without_a_signed_agreement_or_a_tape"
PROVEN = "every_document_is_what_was_kept"


@dg.asset(
    key_prefix=PREFIX, deps=[ledger_close], group_name="agreements", kinds={"polars", "ducklake"},
    check_specs=[
        dg.AssetCheckSpec(BOARDED, asset=key("agreements"), blocking=True,
                          description="Terms, figures and schedule of each loan are those of its paper, field by field."),
        dg.AssetCheckSpec(GROUNDED, asset=key("agreements"), blocking=True,
                          description="A loan that is said to be of an agreement has one that is signed."),
        dg.AssetCheckSpec(PROVEN, asset=key("agreements"), blocking=True,
                          description="Bytes by their hash, then signature and coverage, of every file."),
    ],
)  # fmt: skip
def agreements() -> Iterator[Any]:
    """Signed agreements beside the loans that were boarded of them, and the proof of every document."""
    ledger, policies = open_instance()
    with ledger:
        _, published = ledger.published()
        if published is None:
            raise dg.Failure("nothing is published yet", allow_retries=False)
        found = reconciled(ledger, policies, ledger.settings, published)
        seen = verified(ledger, DocumentStore(ledger.settings))
        waits = offers_on(ledger, published).filter(pl.col("state") == SIGNED).height
    by_rule = {
        rule: found.breaks.filter(pl.col("rule") == rule)
        for rule in ("not_as_signed", "no_signed_agreement")
    }
    bad = seen.filter(pl.col("verdict") == "FAIL")
    for name, rows in (
        (BOARDED, by_rule["not_as_signed"]),
        (GROUNDED, by_rule["no_signed_agreement"]),
        (PROVEN, bad),
    ):
        first = (
            {column: str(value) for column, value in rows.row(0, named=True).items()}
            if rows.height
            else {}
        )
        yield dg.AssetCheckResult(
            check_name=name, passed=rows.is_empty(), metadata={"found": rows.height, **first}
        )
    yield dg.MaterializeResult(
        metadata={
            "agreements": int(found.signed["agreements"].sum()), "loans": int(found.boarded["loans"].sum()),
            "loans_of_tapes": found.from_tapes, "signed_and_not_boarded": waits, "files": seen.height,
        }
    )  # fmt: skip
