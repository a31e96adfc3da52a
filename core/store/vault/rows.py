"""Tables of the vault, read and written by many rows at once: an ORM would cost more than the ciphers do."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import polars as pl
from sqlalchemy.orm import Session

AT_ONCE = 50_000
"""Persons that are worked on together: it bounds the memory of any number of them."""
WRAPPED = pl.Schema({"person": pl.String, "version": pl.Int64, "wrapped": pl.Binary})
SEALED = pl.Schema({"person": pl.String, "version": pl.Int64, "wrapped": pl.Binary, "kind": pl.String,
                    "revision": pl.Int64, "sealed": pl.Binary})  # fmt: skip


def is_sqlite(session: Session) -> bool:
    """Whether the people's database is SQLite."""
    return session.connection().dialect.name == "sqlite"


def instant(session: Session, at: dt.datetime) -> Any:
    """An instant as its driver takes it."""
    plain = at.astimezone(dt.UTC)
    return plain.strftime("%Y-%m-%d %H:%M:%S.%f") if is_sqlite(session) else plain


def add(session: Session, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """Insert rows into a table."""
    if rows:
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
        change(session, sql, rows)


def change(session: Session, sql: str, rows: list[tuple[Any, ...]]) -> None:
    """Run a statement once for each row; `?` stands for a value."""
    if rows:
        session.connection().exec_driver_sql(_marked(session, sql), rows)


def selected(session: Session, sql: str, values: tuple[Any, ...], schema: pl.Schema) -> pl.DataFrame:  # fmt: skip
    """Rows of a query; `?` stands for a value."""
    found = session.connection().exec_driver_sql(_marked(session, sql), values).fetchall()
    return pl.DataFrame([*map(tuple, found)], schema=schema, orient="row")


def _marked(session: Session, sql: str) -> str:
    """SQL with the driver's own mark for a value."""
    return sql if is_sqlite(session) else sql.replace("?", "%s")


def among(
    session: Session, sql: str, values: Sequence[str], schema: pl.Schema, more: tuple[Any, ...] = ()
) -> pl.DataFrame:
    """Rows of a query; `{among}` in it stands for `IN` some values, `?` for each of `more` behind them."""
    if is_sqlite(session):
        among_, told = "IN (SELECT value FROM json_each(?))", json.dumps([*values])
    else:
        among_, told = "= ANY(?)", [*values]  # type: ignore[assignment]
    return selected(session, sql.format(among=among_), (told, *more), schema)


def sealed_of(session: Session, persons: Sequence[str]) -> pl.DataFrame:
    """Last record and key of persons that are not forgotten (`SEALED`)."""
    return among(
        session,
        "SELECT p.person, k.version, k.wrapped, p.kind, p.revision, r.sealed FROM persons p "
        "JOIN person_keys k ON k.person = p.person "
        "JOIN person_records r ON r.person = p.person AND r.revision = p.revision WHERE p.person {among}",
        persons,
        SEALED,
    )
