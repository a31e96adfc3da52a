"""Entries in suspense that people decide on: payments of loans, or none of the book's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from loanbook.core.contract.money import currency_name, to_major
from loanbook.core.payments.incoming.cash import of_decisions
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.core.policy.payments.bank_accounts import BankAccount
from loanbook.core.policy.payments.matching import ReceiptMatching
from loanbook.pipelines.formats.assignments import parse
from loanbook.pipelines.ingest.banking.files import accounts_of, with_payments
from loanbook.pipelines.ingest.banking.stored import books_of
from loanbook.pipelines.ingest.events import Known, Taken, refused
from loanbook.pipelines.ingest.landing import LandingFile

BY_ORDER = "order"
"""What decides an entry that people decide."""
OUTCOME = {"apply": "applied", "settled": "settled", "outside": "outside"}


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of decisions gives: payments of the entries that are applied, and what is booked."""
    assert file.business_date is not None
    parsed = parse(data)
    known = known.by(file.business_date)
    accounts = accounts_of(policies, file.business_date)
    rows = _with_entries(parsed.good, known)
    bad, again, good = _judged(rows, accounts, policies, known, file)
    booked = known.booked_on(file.business_date)
    applied = good.filter(pl.col("outcome") == "applied")
    settled = good.height - applied.height
    result = Taken(parsed.rows_in, settled, again, parsed.bad + bad, None)
    people = applied.with_columns(actor="maker", checker=pl.col("checker").replace("", None))
    result = with_payments(result, people, file, known, ("actor", "checker", "reason"))
    known.decisions.append(good.select("entry_id", "outcome", "loan_id"))
    decisions = good.select(
        "entry_id", "outcome", "loan_id", "maker", "checker", "reason", "line",
        rule=pl.lit(BY_ORDER), said=pl.lit("people decided"), booking_date=pl.lit(booked),
    )  # fmt: skip
    cash = of_decisions(good, books_of(accounts, policies, file), booked)
    return replace(result, tables={"entry_decisions": decisions, "cash_movements": cash})


def _with_entries(rows: pl.DataFrame, known: Known) -> pl.DataFrame:
    """Decisions with the entry that each is about, what was decided of it before, and the loan."""
    entries = known.bank.waiting(rows["entry_id"]) if known.bank else pl.DataFrame(schema=_ENTRY)
    before = pl.concat([_BEFORE, *known.decisions])
    entries = entries.join(
        before.select("entry_id", _outcome="outcome", _loan="loan_id"), on="entry_id", how="left"
    ).with_columns(
        decided=pl.coalesce("decided", "_outcome"),
        decided_loan=pl.coalesce("decided_loan", "_loan"),
    )
    loans = (
        known.loans("loan_key", rows["loan_key"])
        .filter(pl.col("loan_id").is_not_null())
        .select("loan_key", "loan_id", "boards_on", currency_of_loan=currency_name())
    )
    named = rows.with_columns(
        outcome=pl.col("decision").replace_strict(OUTCOME, return_dtype=pl.String)
    )
    return named.join(entries, on="entry_id", how="left", maintain_order="left").join(
        loans, on="loan_key", how="left", maintain_order="left"
    )


_ENTRY = {
    "entry_id": pl.String, "account": pl.String, "direction": pl.String, "amount": pl.Int64,
    "currency": pl.String, "value_date": pl.Date, "decided": pl.String, "decided_loan": pl.Int64,
}  # fmt: skip
_BEFORE = pl.DataFrame(schema={"entry_id": pl.String, "outcome": pl.String, "loan_id": pl.Int64})


def _judged(
    rows: pl.DataFrame,
    accounts: dict[str, BankAccount],
    policies: PolicyBook,
    known: Known,
    file: LandingFile,
) -> tuple[list[dict[str, Any]], int, pl.DataFrame]:
    """Rows refused, how many are known, and those that enter: the first of each entry."""
    assert file.business_date is not None
    alone = {
        name: policies.in_force(
            ReceiptMatching, each.matching, file.business_date
        ).one_person_below_minor
        for name, each in accounts.items()
    }
    limit = pl.col("account").replace_strict(alone, default=0, return_dtype=pl.Int64)
    applies = pl.col("outcome") == "applied"
    same = (pl.col("decided") == pl.col("outcome")) & pl.col("decided_loan").eq_missing(
        pl.col("loan_id")
    )
    again = rows.filter(same.fill_null(False))
    rows = rows.join(again.select("line"), on="line", how="anti", maintain_order="left")
    rows = rows.with_columns(first=pl.col("line") == pl.col("line").first().over("entry_id"))
    rules = {
        "unknown_entry": pl.col("account").is_null(),
        "entry_was_decided": pl.col("decided").is_not_null() | ~pl.col("first"),
        "entry_needs_a_second_person": (pl.col("checker") == "") & (pl.col("amount") >= limit),
        "unknown_loan": applies & pl.col("loan_id").is_null(),
        "money_out_is_no_payment": applies & (pl.col("direction") != "credit"),
        "currency_is_not_the_loans": applies & (pl.col("currency") != pl.col("currency_of_loan")),
        "payment_before_disbursement": applies & (pl.col("value_date") < pl.col("boards_on")),
    }
    rule = pl.coalesce(pl.when(breaks).then(pl.lit(name)) for name, breaks in rules.items())
    judged = rows.with_columns(rule=rule)
    broken = judged.filter(pl.col("rule").is_not_null())
    bad = refused(broken, pl.col("rule"), "entry_id")
    amounts = dict(zip(broken["line"], broken.select("amount", "currency").rows(), strict=True))
    for row in bad:
        amount, currency = amounts[row["line"]]
        if row["rule"] == "entry_needs_a_second_person":
            row["found"] = f"{row['found']}: {to_major(amount, currency)} {currency}"
    return bad, again.height, judged.filter(pl.col("rule").is_null())


__all__ = ["taken"]
