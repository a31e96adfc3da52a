"""A question: one SELECT over the readers' views and its parameters, which a person can read and run again."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Question:
    """SQL with parameters by name (`$name`)."""

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bound(self) -> dict[str, Any]:
        """The parameters that the SQL names: DuckDB takes no other."""
        return {k: v for k, v in self.parameters.items() if re.search(rf"\${k}\b", self.sql)}

    @property
    def text(self) -> str:
        """The SQL with its parameters written out, for `loanbook sql` or any reader."""
        names = sorted(self.bound, key=len, reverse=True)
        if not names:
            return tidy(self.sql)
        pattern = re.compile(r"\$(" + "|".join(names) + r")\b")
        return tidy(pattern.sub(lambda found: literal(self.parameters[found[1]]), self.sql))

    @property
    def python(self) -> str:
        """Three lines of Python that go on where a page ends."""
        return (
            f'from loanbook import open_ledger\n\nrows = open_ledger().sql("""\n{self.text}\n""")'
        )


def literal(value: object) -> str:
    """A value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    return "'" + str(value).replace("'", "''") + "'"


def tidy(sql: str) -> str:
    """Without the indentation of the code that it stood in."""
    lines = [line for line in sql.splitlines() if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    return "\n".join(line[margin:].rstrip() for line in lines)
