"""Totals and balances that a file states, beside what its entries make: it ties, or is refused whole."""

from __future__ import annotations

import polars as pl

from loanbook.core.payments.bank_file import BankFile
from loanbook.core.payments.incoming.entries import BOOKED, INTERIM


def untied(file: BankFile) -> str:
    """Why a file is refused whole, with both figures; empty: its controls and balances tie.

    What is wrong with a single entry is no reason: the entry is refused by name.
    """
    controls = file.frame("controls").filter(~pl.col("ties"))
    if controls.height:
        row = controls.row(0, named=True)
        return (
            f"{row['kind']} at line {row['line']}: the file states {row['stated']}, its entries make "
            f"{row['computed']}"
        )
    balances = statements(file).filter(
        pl.col("opening").is_not_null() & pl.col("closing").is_not_null() & ~pl.col("interim")
    )
    off = balances.filter(
        ~(pl.col("opening") + pl.col("net") == pl.col("closing")).fill_null(False)
    )
    if off.height:
        row = off.row(0, named=True)
        made = "what can't be read" if row["net"] is None else str(row["opening"] + row["net"])
        return (
            f"the statement at line {row['line']} closes with {row['closing']}, its opening balance of "
            f"{row['opening']} and its entries make {made} (minor units)"
        )
    at = file.entries["line"].implode()
    hard = file.problems.filter(pl.col("hard") & ~pl.col("line").is_in(at))
    if hard.height:
        line, kind, found = hard.select("line", "kind", "found").row(0)
        return f"{kind} at line {line}" + (f": {found}" if found else "")
    return ""


def statements(file: BankFile) -> pl.DataFrame:
    """Statements with what their booked entries come to: `entries`, `credits`, `debits`, `net` (null where an
    amount or direction can't be read) and `interim`."""
    amount = pl.when(pl.col("direction") == "credit").then("amount").otherwise(-pl.col("amount"))
    unread = pl.col("amount").is_null() | pl.col("direction").is_null()
    sums = (
        file.entries.filter(pl.col("status").fill_null("").is_in(BOOKED))
        .group_by(statement="batch")
        .agg(
            entries=pl.len().cast(pl.Int64),
            credits=pl.col("amount").filter(pl.col("direction") == "credit").sum(),
            debits=pl.col("amount").filter(pl.col("direction") == "debit").sum(),
            net=amount.sum(),
            unread=unread.any(),
        )
    )
    told = file.frame("statements").join(sums, on="statement", how="left", maintain_order="left")
    return told.with_columns(
        pl.col("entries", "credits", "debits", "net").fill_null(0),
        interim=pl.lit(file.format in INTERIM),
    ).with_columns(net=pl.when(~pl.col("unread").fill_null(False)).then("net"))
