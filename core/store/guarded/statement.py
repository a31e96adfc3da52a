"""SQL of people's own: one SELECT over the published views, judged by its parsed form before it runs.

What is not known to be harmless is refused: a table that is no view, a function that reads files, settings or the
catalogue, a kind of reference that nobody looked at. Behind it the connection itself reads no other file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

import duckdb

from loanbook.core.errors import LedgerError

TABLE_FUNCTIONS = frozenset(
    {
        "positions_at",
        "dues_at",
        "allocations_at",
        "held_loans_at",
        "range",
        "generate_series",
        "unnest",
    }
)
"""What may stand for a table, beside the views."""
_REFUSED_FUNCTIONS = frozenset(
    {
        "getenv", "current_setting", "getvariable", "write_log", "sleep_ms", "currval", "nextval", "setseed",
        "current_query", "current_query_id", "current_connection_id", "current_schemas", "in_search_path",
        "txid_current", "current_transaction_id", "stats", "json_serialize_sql", "json_deserialize_sql",
        "json_serialize_plan",
    }
)  # fmt: skip
"""Functions that tell of the machine or the connection, or change them."""
_REFERENCES = frozenset({"BASE_TABLE", "JOIN", "SUBQUERY", "TABLE_FUNCTION", "EMPTY", "EXPRESSION_LIST", "PIVOT"})  # fmt: skip
_NODES = frozenset(
    {
        "SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE", "ORDER_MODIFIER",
        "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER", "ORDER_DEFAULT", "ASCENDING",
        "DESCENDING",
    }
)  # fmt: skip
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class StatementError(LedgerError):
    """SQL that may not be asked; the message says what stands in the way."""


def must_be_harmless(
    connection: duckdb.DuckDBPyConnection, query: str, views: Collection[str]
) -> None:
    """StatementError unless a text is one SELECT over `views` and nothing else."""
    known = {name.lower() for name in views}
    told = "give one SELECT over the views " + ", ".join(sorted(views))
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise StatementError(f"that is no SQL: {error}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise StatementError(told)
    row = connection.execute("SELECT json_serialize_sql($query)", {"query": query}).fetchone()
    parsed = json.loads(row[0]) if row else {"error": True}
    if parsed.get("error"):
        raise StatementError(f"{told}; this one can't be judged: {parsed.get('error_message', '')}")
    parts = list(_parts(parsed["statements"]))
    of_query = {name.lower() for part in parts for name in _named_within(part)}
    _must_be_no_others(of_query - known)
    for part in parts:
        if why := _unknown(part, known | of_query):
            raise StatementError(f"{why}; {told}")


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    """Every part of a parsed statement."""
    waiting = [tree]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _named_within(part: dict[str, Any]) -> Iterator[str]:
    """Names that a part gives to queries within it (WITH)."""
    names = part.get("cte_map")
    if isinstance(names, dict):
        yield from (each["key"] for each in names.get("map", []))


def _must_be_no_others(names: set[str]) -> None:
    """A name that WITH gives holds within its query alone: outside, another table of it would be read."""
    for name in names:
        if not _PLAIN_NAME.fullmatch(name):
            raise StatementError(f"name it with letters, digits and _ alone: {name!r}")
        if name.startswith("_") or name in _system_views():
            raise StatementError(f"{name!r} is the name of something else; take another after WITH")


@lru_cache(maxsize=1)
def _system_views() -> frozenset[str]:
    """Views that any database has."""
    with duckdb.connect() as plain:
        rows = plain.execute("SELECT lower(view_name) FROM duckdb_views()").fetchall()
    return frozenset(name for (name,) in rows)


def _unknown(part: dict[str, Any], tables: Collection[str]) -> str | None:
    """Why a part of a statement is refused; None: it is not."""
    kind = part.get("type")
    if not isinstance(kind, str):
        return None
    where = part.get("class")
    if where in ("FUNCTION", "WINDOW"):
        return _unknown_function(part)
    if where == "PARAMETER":
        return "values are written out, not bound"
    if where is not None or kind in _NODES or kind.endswith("_TYPE_INFO"):
        return None
    if kind == "SHOW_REF":
        return _unknown_show(part)
    if kind not in _REFERENCES:
        return f"{kind} is not read here"
    if kind == "BASE_TABLE":
        name = str(part.get("table_name", ""))
        whole = ".".join(filter(None, (part.get("catalog_name"), part.get("schema_name"), name)))
        if whole.lower() not in tables or part.get("at_clause"):
            return f"{whole!r} is no view that you may read"
    if kind == "TABLE_FUNCTION":
        function = part.get("function") or {}
        name = str(function.get("function_name", ""))
        if name.lower() not in TABLE_FUNCTIONS:
            return f"{name}() is no table here"
    return None


def _unknown_show(part: dict[str, Any]) -> str | None:
    """DESCRIBE and SUMMARIZE of a query are read like it; what tells of the catalogue is refused."""
    if (
        part.get("show_type") in ("SUMMARY", "DESCRIBE")
        and part.get("query")
        and not part.get("table_name")
    ):
        return None
    return "SHOW tells of the catalogue; use DESCRIBE or SUMMARIZE of a query or a view"


def _unknown_function(part: dict[str, Any]) -> str | None:
    name = str(part.get("function_name", "")).lower()
    place = part.get("schema") or ""
    if part.get("catalog") or place not in ("", "main"):
        return f"{name}() is named with a schema"
    if part.get("class") == "WINDOW" and part.get("type") != "WINDOW_AGGREGATE":
        return None
    if name in _REFUSED_FUNCTIONS or name not in _functions() | TABLE_FUNCTIONS:
        return f"{name}() is no function that may be used here"
    return None


@lru_cache(maxsize=1)
def _functions() -> frozenset[str]:
    """Functions of a database that holds nothing and has loaded nothing."""
    with duckdb.connect() as plain:
        rows = plain.execute(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
            "WHERE function_type IN ('scalar', 'aggregate') OR "
            "(function_type = 'macro' AND internal AND function_name NOT LIKE 'pg_%' "
            "AND function_name NOT LIKE 'has_%' AND function_name NOT LIKE 'inet_%')"
        ).fetchall()
    return frozenset(name for (name,) in rows)
