"""What the ledger keeps of a bank's file: the file, its statements, its entries, and what is booked of them."""

from __future__ import annotations

import polars as pl

from loanbook.core.payments.bank_file import BankFile
from loanbook.core.payments.incoming.cash import of_entries
from loanbook.core.payments.incoming.entries import masked
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.payments.bank_accounts import BankAccount
from loanbook.core.policy.product import Product
from loanbook.pipelines.ingest.events import Known
from loanbook.pipelines.ingest.landing import LandingFile


def file_rows(
    read: BankFile, file: LandingFile, statements: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Rows of the file itself and of its statements."""
    of_file = pl.DataFrame(
        {"name": [file.path.name], "business_date": [file.business_date], "format": [read.format],
         "version": [read.version], "message_id": [read.message_id], "created": [read.created],
         "entries": [read.entries.height]},
        schema_overrides={"version": pl.String, "message_id": pl.String, "created": pl.String},
    )  # fmt: skip
    told = statements.select(
        "statement", "line", "account", "reference", "number", "currency", "interim", "opening",
        "closing", "opening_date", "closing_date", "entries", "credits", "debits",
        business_date=pl.lit(file.business_date),
    )  # fmt: skip
    return {"bank_files": of_file, "bank_statements": told}


def stored_entries(
    entries: pl.DataFrame, format_: str, file: LandingFile, known: Known
) -> pl.DataFrame:
    """Entries as the ledger keeps them: no name and no free text in full."""
    assert file.business_date is not None
    booked = known.booked_on(file.business_date)
    return entries.select(
        "place", "line", "statement", "account", "direction", "reversal", "amount", "currency",
        "value_date", "booked_on", "status", "code", "reference", "client_ref", "end_to_end_id",
        "mandate", "fingerprint", "returns", "original", "outcome", "rule", "said", "loan_id",
        "confidence", entry_id=pl.coalesce("same_as", "entry_id"), payer=masked("counterparty"),
        remittance=masked("remittance"), format=pl.lit(format_),
        business_date=pl.lit(file.business_date), booking_date=pl.lit(booked),
    )  # fmt: skip


def waiting_of(unsure: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Candidates of entries in suspense, by the entry's id."""
    if unsure.is_empty():
        return unsure
    ids = entries.filter(pl.col("outcome") == "suspense").select("place", "entry_id")
    return unsure.join(ids, on="place", maintain_order="left").drop("place")


def cash_of(
    entries: pl.DataFrame,
    accounts: dict[str, BankAccount],
    policies: PolicyBook,
    file: LandingFile,
    known: Known,
) -> pl.DataFrame:
    """Movements of money at banks that the file's entries make."""
    assert file.business_date is not None
    booked = known.booked_on(file.business_date)
    return of_entries(entries, books_of(accounts, policies, file), booked)


def books_of(
    accounts: dict[str, BankAccount], policies: PolicyBook, file: LandingFile
) -> pl.DataFrame:
    """`account`, `entity`, `product` (codes), `currency`: in whose books each bank account stands."""
    assert file.business_date is not None
    rows = []
    for name, account in accounts.items():
        product = policies.in_force(Product, account.product, file.business_date)
        code = policies.product_code(account.product, file.business_date)
        rows.append((name, policies.entities.index(product.entity), code, account.currency))
    schema = {"account": pl.String, "entity": pl.Int16, "product": pl.Int16, "currency": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
