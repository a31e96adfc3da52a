"""A bank's file: read by its content, tied to its own totals, each entry decided."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from loanbook.core.contract.money import currency_name
from loanbook.core.errors import IntakeError
from loanbook.core.payments.bank_file import BankFile
from loanbook.core.payments.incoming.candidates import AWAITED, CANDIDATES
from loanbook.core.payments.incoming.cash import of_decisions
from loanbook.core.payments.incoming.deciding import PAYMENTS, Decided, KnownBook, decided, of_loans
from loanbook.core.payments.incoming.emitting import RECEIVED, payments_of
from loanbook.core.payments.incoming.entries import KNOWN, dated, entries_of, identified
from loanbook.core.payments.incoming.matching import REFERENCES
from loanbook.core.payments.incoming.own_files import BATCH, SETTLEMENTS
from loanbook.core.payments.incoming.ties import statements, untied
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.core.policy.payments.bank_accounts import BankAccount
from loanbook.core.policy.payments.matching import ReceiptMatching
from loanbook.pipelines.formats.bank.reading import READERS
from loanbook.pipelines.formats.bank.sniffing import KNOWN as FORMATS
from loanbook.pipelines.formats.bank.sniffing import format_of
from loanbook.pipelines.ingest.banking.acknowledged import acknowledged
from loanbook.pipelines.ingest.banking.cheques import cheques_back
from loanbook.pipelines.ingest.banking.returning import returning, told_of, with_returns
from loanbook.pipelines.ingest.banking.stored import (
    books_of,
    cash_of,
    file_rows,
    stored_entries,
    waiting_of,
)
from loanbook.pipelines.ingest.events import SERVICE, Known, Taken, events_of, together
from loanbook.pipelines.ingest.landing import LandingFile

SOURCE = "bank-"
"""What the source system of a bank account's payments begins with; the account's name follows."""


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a bank's file gives. IntakeError: it is of no format, of no account, or does not tie."""
    assert file.business_date is not None
    if format_of(data) == "pain.002":
        return acknowledged(READERS["pain.002"](data), file, policies, known.by(file.business_date))
    read = read_bank_file(data)
    accounts = accounts_of(policies, file.business_date)
    if why := untied(read):
        raise IntakeError(
            f"{read.format}: {why}; nothing of it is taken: ask the bank for the file anew"
        )
    told, of_statements = _with_accounts(read, accounts, file)
    if told.height and told["account"].null_count() == told.height:
        raise IntakeError(_no_account(of_statements))
    known = known.by(file.business_date)
    parts = told.partition_by("account", as_dict=True, maintain_order=True)
    if known.again is not None:
        own = [
            (_identified(rows, accounts[str(name)], file.business_date), accounts[str(name)])
            for (name,), rows in parts.items() if name in accounts
        ]  # fmt: skip
        return matched_again(own, file, policies, known)
    judged = [
        _judged(rows, accounts.get(str(name)), file.business_date, policies, known)
        for (name,), rows in parts.items()
    ] or [_judged(told, None, file.business_date, policies, known)]
    entries = pl.concat([each.entries for each in judged]).sort("place")
    settled = pl.concat([each.settled for each in judged])
    known.settled.append(settled)
    returned = returning(told_of(read, file, entries), read, file, policies, known)
    entries = with_returns(entries, returned)
    entries, cheques = cheques_back(entries, file, policies, known)
    result = entering(entries, file, known)
    tables = file_rows(read, file, of_statements) | {
        "bank_entries": stored_entries(entries, read.format, file, known),
        "suspense_candidates": waiting_of(pl.concat([each.candidates for each in judged]), entries),
        "cash_movements": cash_of(entries, accounts, policies, file, known),
        "file_settlements": settled.join(entries.select("place", "entry_id"), on="place").drop(
            "place"
        ),
    }
    result = together(together(result, returned.taken), cheques)
    return replace(result, tables=tables | dict(result.tables))


def read_bank_file(data: bytes) -> BankFile:
    """A bank's file by its content; IntakeError where it is of no format that tells of accounts."""
    name = format_of(data)
    if name is None:
        raise IntakeError(f"it begins as no bank's file does; known are {FORMATS}")
    if name.startswith("pain"):
        raise IntakeError(
            "a pain message tells of instructions, not of the entries of an account; a bank's file is "
            "camt, MT940, MT942, BAI2 or NACHA"
        )
    return READERS[name](data)


def accounts_of(policies: PolicyBook, date: dt.date) -> dict[str, BankAccount]:
    """Bank accounts in force on a date, by name; IntakeError where there is none."""
    found = policies.all_in_force(BankAccount, date)
    if not found:
        raise IntakeError(
            f"no bank account is in force on {date}: add policies/bank_accounts/NAME.yaml with its number"
        )
    return found


def _with_accounts(
    read: BankFile, accounts: dict[str, BankAccount], file: LandingFile
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Entries and statements with the name of their bank account (`account`; null: no policy has it)."""
    whole = _of_whole_file(read, accounts, file)
    ties = statements(read)
    numbers = {
        _plain(number): name
        for name, each in accounts.items()
        if read.format in each.formats
        for number in each.numbers
    }
    plain = pl.col("account").str.replace_all(r"\s", "").str.to_uppercase()
    short = plain.str.extract(r"([^/]+)$", 1)
    found = pl.coalesce(
        plain.replace_strict(numbers, default=None, return_dtype=pl.String),
        short.replace_strict(numbers, default=None, return_dtype=pl.String),
    )
    named = ties.with_columns(
        number_of_account="account", account=pl.lit(whole, pl.String) if whole else found
    )
    entries = entries_of(read).drop("account")
    if ties.is_empty():
        return entries.with_columns(account=pl.lit(whole, pl.String)), named
    told = entries.join(
        named.select("statement", "account"), on="statement", how="left", maintain_order="left"
    )
    return told, named


def _no_account(statements: pl.DataFrame) -> str:
    """Why a file of accounts that no policy has is refused; of a number its last four characters are told."""
    told = statements["number_of_account"].drop_nulls().unique(maintain_order=True).to_list()
    ends = ", ".join(f"…{number[-4:]}" for number in told) or "(none)"
    return (
        f"no policy of bank_accounts has an account of the file (numbers that end with {ends}): add the number "
        "as the bank writes it to `numbers` of one, or end the file's name with the name of the policy"
    )


def _plain(number: str) -> str:
    return "".join(number.split()).upper()


def _of_whole_file(
    read: BankFile, accounts: dict[str, BankAccount], file: LandingFile
) -> str | None:
    """The bank account that a whole file is of: by the ending of its name, or, of NACHA, by its header or as
    the only one of the format."""
    assert file.business_date is not None
    ending = file.mapping
    if ending in accounts:
        return ending
    if read.format != "nacha":
        return None
    able = {name: each for name, each in accounts.items() if "nacha" in each.formats}
    to = _plain(read.heading.get("immediate_destination", ""))
    told = [name for name, each in able.items() if to and to in map(_plain, each.numbers)]
    if len(told) == 1:
        return told[0]
    if len(able) == 1:
        return next(iter(able))
    raise IntakeError(
        "a NACHA file names no account: end its name with that of the bank account "
        f"(bank_{file.business_date}_{next(iter(accounts))}.ach), or list its immediate destination "
        "under `numbers` of the account's policy"
    )


def _judged(
    rows: pl.DataFrame,
    account: BankAccount | None,
    date: dt.date,
    policies: PolicyBook,
    known: Known,
) -> Decided:
    """Entries of one account, decided; of an account that no policy has, refused by that rule."""
    if account is None:
        told = identified(rows.with_columns(pl.col("value_date").fill_null(date)))
        none = told.with_columns(
            outcome=pl.lit("quarantined"), rule=pl.lit("unknown_bank_account"),
            said=pl.lit(None, pl.String), loan_id=pl.lit(None, pl.Int64),
            confidence=pl.lit(None, pl.Int16), same_as=pl.lit(None, pl.String),
        )  # fmt: skip
        return Decided(none, pl.DataFrame(schema=CANDIDATES))
    told = _identified(rows, account, date)
    matching = policies.in_force(ReceiptMatching, account.matching, date)
    return decided(told, account, matching, known_book(told, account, matching, known), date)


def _identified(rows: pl.DataFrame, account: BankAccount, date: dt.date) -> pl.DataFrame:
    """Entries of one account, dated and in its currency where none is told, with what they are known by."""
    return identified(
        dated(rows, account, date).with_columns(pl.col("currency").fill_null(account.currency))
    )


def known_book(
    entries: pl.DataFrame, account: BankAccount, matching: ReceiptMatching, known: Known
) -> KnownBook:
    """What the entries of an account are judged by: of the ledger, and of this run of intake."""
    days = dt.timedelta(days=account.same_within_days)
    span = entries.select(first=pl.col("value_date").min(), last=pl.col("value_date").max()).row(0)
    before = [each.filter(pl.col("account") == account.name) for each in known.entries]
    refs = pl.concat([entries[n] for n in ("reference", "end_to_end_id", "client_ref")])
    # a reference of a bank may hold a loan's key in any form, so that no hash leads to it
    loans = (
        known.every_loan()
        .filter(pl.col("loan_id").is_not_null())
        .select("loan_id", "loan_key", "boards_on", "entity_name", currency=currency_name())
    )
    payments, bank = _fresh_payments(known, refs), known.bank
    if bank is None or span[0] is None:
        stored = pl.DataFrame(schema=entries.select(KNOWN).schema)
        known_entries = pl.concat([stored, *before], how="vertical_relaxed")
        nothing = pl.DataFrame(schema=REFERENCES)
        return KnownBook(loans, nothing, known_entries, payments, _nothing_awaited, _unlike)
    stored = bank.entries([account.name], span[0] - days, span[1] + days)
    settled = pl.concat([pl.DataFrame(schema=SETTLEMENTS), *known.settled])
    sent = bank.batches(account.currency, span[0] - days, span[1] + days)
    here = [each.filter(pl.col("currency") == account.currency) for each in known.payouts]
    # a collector's file that came twice hands over once
    once = pl.concat([sent, *here]).unique(BATCH, keep="first", maintain_order=True)
    batches = once.join(settled, on=BATCH, how="anti", nulls_equal=True, maintain_order="left")
    return KnownBook(
        loans,
        bank.references(matching),
        pl.concat([stored, *before], how="vertical_relaxed"),
        pl.concat([bank.payments(refs, settled), payments], how="vertical_relaxed"),
        partial(bank.awaited, matching),
        bank.alike,
        batches,
    )


def _nothing_awaited() -> pl.DataFrame:
    return pl.DataFrame(schema=AWAITED)


def _unlike(pairs: pl.DataFrame) -> pl.Series:
    return pl.Series("score", [0] * pairs.height, dtype=pl.Int16)


def _fresh_payments(known: Known, references: pl.Series) -> pl.DataFrame:
    """Payments of files of this run, not of banks, that bear one of the references."""
    told = [
        rows.filter(
            (pl.col("kind") == RECEIVED.value) & pl.col("source_ref").is_in(references.implode())
        ).with_columns(direction=pl.lit("credit"), with_its_file=pl.lit(False))
        for rows in known.waiting
    ]
    every = [each.select(pl.col(n).cast(t) for n, t in PAYMENTS.items()) for each in told]
    return pl.concat([pl.DataFrame(schema=PAYMENTS), *every])


def entering(entries: pl.DataFrame, file: LandingFile, known: Known) -> Taken:
    """Counts of a file's entries, those refused, and the payments that enter; later files know the entries."""
    bad = _refusals(entries)
    applied = entries.filter(pl.col("outcome") == "applied")
    again = int((entries["outcome"] == "duplicate").sum())
    others = entries.height - applied.height - again - len(bad)
    known.entries.append(
        entries.filter(~pl.col("outcome").is_in(["duplicate", "quarantined"])).select(KNOWN)
    )
    return with_payments(Taken(entries.height, others, again, bad, None), applied, file, known)


def with_payments(
    result: Taken,
    applied: pl.DataFrame,
    file: LandingFile,
    known: Known,
    beside: tuple[str, ...] = (),
) -> Taken:
    """What a file gives, with the payments of entries that are applied (`payments_of`), by the account of each."""
    loans = known.loans("loan_id", applied["loan_id"]).with_columns(currency=currency_name())
    parts = applied.partition_by("account", as_dict=True, maintain_order=True)
    for (account,), rows in parts.items():
        payments = payments_of(rows, loans, beside)
        fresh = events_of(payments, RECEIVED, file, source_of(str(account)), known)
        result = together(result, fresh)
    return result


def matched_again(
    parts: list[tuple[pl.DataFrame, BankAccount]],
    file: LandingFile,
    policies: PolicyBook,
    known: Known,
) -> Taken:
    """What entries of a file that wait in suspense (`known.again`: their ids) come to, now that more is known: payments
    of those that are told surely, and the candidates of the others anew. `parts`: identified entries by account."""
    assert file.business_date is not None
    assert known.again is not None
    booked = known.booked_on(file.business_date)
    result, tables = Taken(0, 0, 0, [], None), {}
    found, likely = [], []
    for rows, account in parts:
        matching = policies.in_force(ReceiptMatching, account.matching, file.business_date)
        waits = rows.filter(pl.col("entry_id").is_in(known.again.implode()))
        if waits.is_empty() or booked > file.business_date + dt.timedelta(
            days=matching.look_again_days
        ):
            continue
        told, unsure = of_loans(waits, matching, known_book(waits, account, matching, known))
        by = f"policy:receipt_matching/{matching.name}@{matching.version}"
        found.append(
            waits.join(told.filter(pl.col("outcome") == "applied"), on="place", maintain_order="left")
            .with_columns(checker=pl.lit(by))
        )  # fmt: skip
        likely.append(unsure.join(waits.select("place", "entry_id"), on="place", maintain_order="left").drop("place"))  # fmt: skip
    applied = pl.concat(found).with_columns(actor=pl.lit(SERVICE), reason=pl.lit(LATER)) if found else pl.DataFrame()  # fmt: skip
    if applied.height:
        result = with_payments(result, applied, file, known, ("actor", "checker", "reason"))
        entered = [] if result.events is None else result.events["source_ref"].to_list()
        applied = applied.filter(pl.col("entry_id").is_in(entered))
        accounts = {account.name: account for _, account in parts}
        tables["entry_decisions"] = applied.select(
            "entry_id", "outcome", "rule", "said", "loan_id", "confidence", "checker", "reason", "line",
            maker="actor", booking_date=pl.lit(booked),
        )  # fmt: skip
        tables["cash_movements"] = of_decisions(applied, books_of(accounts, policies, file), booked)
    if likely:
        tables["suspense_candidates"] = pl.concat(likely)
    return replace(result, tables=tables)


LATER = "matched_later"
"""Reason of a payment that was found after its entry had waited in suspense."""


def source_of(account: str) -> FileMapping:
    """A mapping that names the source system of a bank account's payments."""
    return FileMapping.model_validate(
        {"name": account, "version": 1, "effective_from": dt.date.min,
         "source_system": f"{SOURCE}{account}", "columns": {}}
    )  # fmt: skip


def _refusals(entries: pl.DataFrame) -> list[dict[str, Any]]:
    """Entries that can't be read, for quarantine."""
    bad = entries.filter(pl.col("outcome") == "quarantined")
    told = pl.format(
        "entry {}: {} {} {}", "place", pl.col("direction").fill_null("?"),
        pl.col("amount").cast(pl.String).fill_null("?"), pl.col("currency").fill_null("?"),
    )  # fmt: skip
    return bad.select("line", "rule", found=told).to_dicts()
