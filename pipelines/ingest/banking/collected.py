"""Money that another collected: payments of loans at once, cleared when the total arrives at the bank."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl

from loanbook.core.frames import empty
from loanbook.core.payments.bank_file import BankFile
from loanbook.core.payments.incoming.cash import of_collected
from loanbook.core.payments.incoming.deciding import decided
from loanbook.core.payments.incoming.entries import Incoming, identified
from loanbook.core.payments.incoming.own_files import BATCHES, COLLECTED
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.payments.bank_accounts import BankAccount, EntryRule
from loanbook.core.policy.payments.collections import CollectionMapping
from loanbook.core.policy.payments.matching import ReceiptMatching
from loanbook.core.policy.product import Product
from loanbook.pipelines.formats.collected import Collected, parse
from loanbook.pipelines.ingest.banking.files import entering, known_book, matched_again
from loanbook.pipelines.ingest.banking.stored import books_of, file_rows, stored_entries, waiting_of
from loanbook.pipelines.ingest.banking.taken_back import taken_back
from loanbook.pipelines.ingest.events import Known, Taken
from loanbook.pipelines.ingest.landing import LandingFile

FORMAT = "collected"
_YEAR = 366


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: CollectionMapping, known: Known
) -> Taken:
    """What a collector's file gives. IntakeError: it is none, or a group does not tie to its total."""
    assert file.business_date is not None
    read = parse(data, mapping)
    account = as_account(mapping, policies, file.business_date)
    known = known.by(file.business_date)
    rows = identified(_entries(read, account.name))
    if known.again is not None:
        return matched_again([(rows, account)], file, policies, known)
    matching = policies.in_force(ReceiptMatching, mapping.matching, file.business_date)
    book = known_book(rows, account, matching, known)
    book = replace(book, payments=book.payments.clear(), batches=book.batches.clear())
    done = decided(rows, account, matching, book, file.business_date)
    result = entering(done.entries, file, known)
    entries, result = taken_back(done.entries, result, mapping, file, policies, known)
    result = replace(result, rows_in=result.rows_in + len(read.bad), bad=read.bad + result.bad)
    accounts = {account.name: account}
    booked = known.booked_on(file.business_date)
    fees = entries.join(read.rows.select("line", "fee"), on="line", maintain_order="left")
    told = _groups(read, account.name, file.business_date, mapping)
    known.payouts.append(_as_batches(told))
    tables = file_rows(BankFile(FORMAT, frames={}), file, told) | {
        "bank_entries": stored_entries(entries, FORMAT, file, known),
        "suspense_candidates": waiting_of(done.candidates, entries),
        "cash_movements": of_collected(fees, books_of(accounts, policies, file), booked),
    }
    tables["bank_files"] = tables["bank_files"].with_columns(entries=pl.lit(rows.height, pl.Int64))
    return replace(result, tables=dict(result.tables) | tables)


def as_account(mapping: CollectionMapping, policies: PolicyBook, date: dt.date) -> BankAccount:
    """A collector as an account whose entries are decided as a bank's: its fees and what it hands over apart."""
    currency = policies.in_force(Product, mapping.product, date).currency
    return BankAccount(
        name=mapping.name, version=mapping.version, effective_from=mapping.effective_from,
        product=mapping.product, currency=currency, matching=mapping.matching, same_within_days=_YEAR,
        rules=[EntryRule(name="processing-fee", outcome="settled", code="fee")],
    )  # fmt: skip


def _entries(read: Collected, account: str) -> pl.DataFrame:
    """Rows as entries (schema `Incoming`)."""
    types = empty(Incoming).schema
    told = read.rows.select(
        "line", "currency", "value_date",
        place=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        statement=pl.lit(None), account=pl.lit(account),
        direction=pl.when(pl.col("kind") == "payment").then(pl.lit("credit")).otherwise(pl.lit("debit")),
        reversal=pl.lit(False), amount="minor", booked_on="value_date", status=pl.lit(""), code="kind",
        reference="reference", client_ref=_or_null("loan_key"), end_to_end_id=pl.lit(None), mandate=pl.lit(None),
        counterparty=_or_null("payer"), counterparty_account=pl.lit(None), remittance=_or_null("note"),
        returns=pl.when(pl.col("kind").is_in(["refund", "chargeback"])).then("kind"),
        original=_or_null("original"),
    )  # fmt: skip
    return told.select(pl.col(name).cast(type_) for name, type_ in types.items())


def _or_null(name: str) -> pl.Expr:
    return pl.when(pl.col(name) != "").then(pl.col(name))


def _as_batches(groups: pl.DataFrame) -> pl.DataFrame:
    """What is handed over as one, as the ledger will have it (`own_files.BATCHES`)."""
    owed = pl.col("closing") < 0
    told = groups.filter(pl.col("closing") != 0).with_columns(amount=pl.col("closing").abs())
    rows = told.with_columns(
        file_key="reference", effective="closing_date", sequence=pl.lit(""), entry_class=pl.lit(COLLECTED),
        description="account", name=pl.coalesce("number", "reference"), payments="entries", net="amount",
        direction=pl.when(owed).then(pl.lit("credit")).otherwise(pl.lit("debit")), number=pl.lit(1), singly=pl.lit(0),
    )  # fmt: skip
    return rows.select(pl.col(name).cast(type_) for name, type_ in BATCHES.items())


def _groups(
    read: Collected, account: str, date: dt.date, mapping: CollectionMapping
) -> pl.DataFrame:
    """Groups as statements: each hands its total over."""
    number = pl.lit(None, pl.String)
    if mapping.lockbox:  # a bank names the lockbox, and neither day nor batch
        number = pl.col("group").str.extract(r"^(.*)-[^-]*-[^-]*$", 1)
    sums = read.rows.group_by("group", "currency").agg(
        entries=pl.len().cast(pl.Int64),
        credits=pl.col("minor").filter(pl.col("kind") == "payment").sum(),
        debits=pl.col("minor").filter(pl.col("kind") != "payment").sum() + pl.col("fee").sum(),
    )
    return read.totals.join(sums, on=["group", "currency"], how="left", maintain_order="left").select(
        "line", "currency", "entries", "credits", "debits",
        statement=pl.int_range(1, pl.len() + 1, dtype=pl.Int64), account=pl.lit(account),
        reference="group", number=number, interim=pl.lit(False),
        opening=pl.lit(None, pl.Int64), closing="total", opening_date=pl.lit(None, pl.Date),
        closing_date=pl.lit(date),
    )  # fmt: skip
