"""Command files: what people order, with maker, checker and a reason code."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from pipelines.formats.table import Parsed, read_csv, split

COLUMNS = ["command_ref", "command", "loan_key", "value_date", "maker", "checker", "reason"]
KNOWN = ("charge_off",)


class Orders(dy.Schema):
    """A command as it may enter: known, dated, ordered and approved by two people."""

    line = dy.Int64()
    command_ref = dy.String(min_length=1, max_length=64)
    command = dy.String()
    loan_key = dy.String(min_length=1)
    value_date = dy.Date(nullable=True)
    maker = dy.String(min_length=1, max_length=64)
    checker = dy.String(min_length=1, max_length=64)
    reason = dy.String(regex="^[a-z][a-z0-9_]{1,39}$")

    @dy.rule()
    def unknown_command(cls) -> pl.Expr:
        return pl.col("command").is_in(list(KNOWN))

    @dy.rule()
    def value_date_not_a_date(cls) -> pl.Expr:
        return pl.col("value_date").is_not_null()

    @dy.rule()
    def maker_is_checker(cls) -> pl.Expr:
        return pl.col("maker") != pl.col("checker")


def parse(data: bytes, file_date: dt.date) -> Parsed:
    """Orders of a command file. Raises IntakeError if it is none."""
    raw, broken = read_csv(data, COLUMNS)
    typed = raw.select(
        "line",
        pl.col(
            "command_ref", "command", "loan_key", "maker", "checker", "reason"
        ).str.strip_chars(),
        value_date=pl.col("value_date").str.strip_chars().str.to_date("%Y-%m-%d", strict=False),
    )
    good, bad = split(typed, Orders, "command_ref")
    return Parsed(raw.height + len(broken), good, broken + bad)
