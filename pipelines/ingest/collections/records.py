"""How rows on work on late loans enter: each once, of loans that are known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.frames import content_hashes
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.pipelines.formats.table import Parsed
from loanbook.pipelines.ingest.events import Known, Taken, matched, refused
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.origination.records import keep_new


@dataclass(frozen=True)
class Rows:
    """A kind of such rows, and the reader of its files."""

    table: str
    """Table that they are rows of."""
    key: str
    """Its column of the sender's own reference."""
    parse: Callable[[bytes, dt.date], Parsed]
    """A file's bytes and its date to typed rows."""
    told: list[str]
    """Columns of the file: its content, by which a row is known again."""
    columns: Sequence[pl.Expr | str]
    """Columns of the table between loan and hash."""

    def __call__(
        self, data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
    ) -> Taken:  # fmt: skip
        """What a file of them gives."""
        assert file.business_date is not None
        return self.entered(self.parse(data, file.business_date), file, known)

    def entered(self, parsed: Parsed, file: LandingFile, known: Known) -> Taken:
        """Rows that are new as rows of their table, how many are known, and those refused; one that names a `currency` names
        its loan's."""
        assert file.business_date is not None
        rows, unknown = matched(parsed, known.by(file.business_date))
        if "currency" in rows.columns:
            code = pl.col("currency").replace_strict(CURRENCY_CODES, return_dtype=pl.Int8)
            wrong = rows.filter(code != pl.col("loan_currency"))
            unknown += refused(wrong, "currency_is_not_the_loans", "currency")
            rows = rows.join(wrong, on="line", how="anti", maintain_order="left")
        rows = rows.with_columns(key="reference", body_hash=content_hashes(rows, self.told))
        kept, again, bad = keep_new(rows, self.table, known)
        made = kept.select(
            pl.col("reference").alias(self.key), "loan_id", "loan_key", *self.columns, "body_hash", "line",
            known_on=pl.lit(file.business_date),
        )  # fmt: skip
        return Taken(
            parsed.rows_in,
            made.height,
            again.height,
            parsed.bad + unknown + bad,
            None,
            tables={self.table: made},
        )
