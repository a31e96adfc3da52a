"""Payment files: each receipt matched to its loan, or refused with the rule named."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.money import CURRENCY_CODES, CURRENCY_NAMES
from loanbook.core.payments.incoming.emitting import RECEIVED
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping, PaymentMapping
from loanbook.pipelines.formats import payments
from loanbook.pipelines.formats.table import Parsed
from loanbook.pipelines.ingest.events import Known, Taken, events_of, matched, refused, together
from loanbook.pipelines.ingest.landing import LandingFile


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: PaymentMapping, known: Known
) -> Taken:
    """What `received` takes of a payment file."""
    assert file.business_date is not None
    return received(
        payments.parse(data, file.business_date, mapping), file, mapping, known, policies
    )


def received(
    parsed: Parsed,
    file: LandingFile,
    mapping: FileMapping,
    known: Known,
    policies: PolicyBook | None = None,
) -> Taken:
    """Payments of loans that are known, in their currency, not before the loan was paid out.

    `parsed`: rows as `payments.parse` has them, whatever the form of the file. One that tells no
    `designation` needs no column of it, and no `policies`, which say what interest would follow.
    """
    assert file.business_date is not None
    known = known.by(file.business_date)
    rows, bad = matched(parsed, known)
    code = pl.col("currency").replace_strict(CURRENCY_CODES, return_dtype=pl.Int8)
    wrong = rows.filter(code != pl.col("loan_currency"))
    bad += [
        {"line": line, "rule": "currency_is_not_the_loans", "found": f"{given}, not "
         f"{CURRENCY_NAMES[expected]}"}
        for line, given, expected in wrong.select("line", "currency", "loan_currency").rows()
    ]  # fmt: skip
    early = rows.filter(
        (code == pl.col("loan_currency")) & (pl.col("value_date") < pl.col("boards_on"))
    )
    bad += refused(early, "payment_before_disbursement", "payment_ref")
    kept = rows.filter(
        (code == pl.col("loan_currency")) & (pl.col("value_date") >= pl.col("boards_on"))
    )
    if "designation" not in kept.columns:
        kept = kept.with_columns(designation=pl.lit(""))
    fixed = kept.filter(_of_fixed_interest(kept, policies)) if policies else kept.clear()
    bad += refused(fixed, "principal_only_of_fixed_interest", "payment_ref")
    rows = kept.join(fixed, on="line", how="anti", maintain_order="left").with_columns(
        currency=code, amount="minor", source_ref="payment_ref"
    )
    said = pl.col("designation") != ""
    payload = pl.struct("designation").struct.json_encode()
    parts = [rows.filter(~said), rows.filter(said).with_columns(payload=payload)]
    fresh = events_of(parts, RECEIVED, file, mapping, known)
    return together(Taken(parsed.rows_in, 0, 0, parsed.bad + bad, None), fresh)


def _of_fixed_interest(rows: pl.DataFrame, policies: PolicyBook) -> pl.Expr:
    """Money for the principal alone, of a loan whose interest would not follow it."""
    fixed = [
        code
        for code in rows["product"].unique()
        if policies.product(code).interest.accrual == "scheduled"
        and policies.product(code).bounds.rate_ppb[1] > 0
    ]
    return (pl.col("designation") == "principal_only") & pl.col("product").is_in(fixed)
