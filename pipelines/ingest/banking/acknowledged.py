"""What a bank says became of instructions that were sent (pain.002): kept, and rejects taken as returns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from loanbook.core.errors import IntakeError
from loanbook.core.payments.bank_file import BankFile
from loanbook.core.payments.out.returns import TOLD
from loanbook.core.policy.book import PolicyBook
from loanbook.pipelines.ingest.banking.returning import returning
from loanbook.pipelines.ingest.events import Known, Taken, together
from loanbook.pipelines.ingest.landing import LandingFile

REJECTED = "RJCT"


def acknowledged(read: BankFile, file: LandingFile, policies: PolicyBook, known: Known) -> Taken:
    """What a status report gives. IntakeError: it can't be read, or is of no file that was sent.

    Each row of it counts: accepted where it is of an instruction that was sent, else quarantined.
    """
    if not read.valid:
        told = read.problems.filter("hard").row(0, named=True)
        raise IntakeError(f"{told['kind']}: {told['found']}; ask the bank for the file anew")
    file_key = read.heading.get("message_id", "")
    sent = known.sending.sent_in(file_key) if known.sending else None
    if sent is None or sent.is_empty():
        raise IntakeError(
            f"it is about a file {file_key or '(none named)'!r} that was not sent from here; ask the bank whose it is"
        )
    acks = read.frame("acknowledgements").join(
        _placed(sent).select("end_to_end_id", instruction_key="key"), on="end_to_end_id", how="left", maintain_order="left"
    )  # fmt: skip
    is_strange = (pl.col("level") == "payment") & pl.col("instruction_key").is_null()
    strange, kept = acks.filter(is_strange), acks.filter(~is_strange)
    rows = kept.select(
        "instruction_key", "level", "status", "reasons", "line", file_key=pl.lit(file_key),
        told_on=pl.lit(file.business_date),
    )  # fmt: skip
    bad: list[dict[str, Any]] = strange.select(
        "line", rule=pl.lit("unknown_instruction"), found=pl.col("end_to_end_id").fill_null("(none)")
    ).to_dicts()  # fmt: skip
    back = returning(_rejects(kept, _placed(sent), file, read), read, file, policies, known).taken
    own = Taken(acks.height, kept.height, 0, bad, None)
    both = together(own, back)
    return replace(both, tables=dict(back.tables) | {"acknowledgements": rows})


def _placed(sent: pl.DataFrame) -> pl.DataFrame:
    """Instructions with the number of their payment information, as the file gave them."""
    ordered = sent.sort("sequence", "effective", "key")
    return ordered.with_columns(
        _batch=pl.struct("sequence", "effective").rle_id().cast(pl.Int64) + 1
    )


def _rejects(
    acks: pl.DataFrame, sent: pl.DataFrame, file: LandingFile, read: BankFile
) -> pl.DataFrame:
    """Instructions that are rejected, with the file, with their payment information or by themselves (`TOLD`)."""
    no = acks.filter(pl.col("status") == REJECTED).with_columns(
        code=pl.col("reasons").fill_null("").str.split(" ").list.first()
    )
    whole = no.filter(pl.col("level") == "group").select("line", "code").head(1)
    number = pl.col("batch_id").str.extract(r"-([0-9]+)$").cast(pl.Int64)
    batches = no.filter(pl.col("level") == "batch").select("line", "code", _batch=number)
    single = no.filter(pl.col("level") == "payment").select(
        "line", "code", "end_to_end_id", told="amount"
    )
    parts = [
        single.join(sent, on="end_to_end_id"),
        batches.join(sent, on="_batch"),
        whole.join(sent, how="cross"),
    ]
    every = pl.concat(parts, how="diagonal").unique("end_to_end_id", keep="first", maintain_order=True)  # fmt: skip
    return every.select(
        "line", "code", "currency", place=pl.lit(None, pl.Int64), original="end_to_end_id",
        trace=pl.concat_str(pl.lit((read.message_id or "status") + ":"), "end_to_end_id"),
        amount=pl.col("told") if "told" in every.columns else pl.lit(None, pl.Int64),
        returned_on=pl.lit(file.business_date),
    ).select(TOLD.keys()).cast(TOLD)  # type: ignore[arg-type]  # fmt: skip
