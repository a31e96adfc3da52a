"""What loans can be grouped and filtered by: their terms, and every attribute that a tape told of them.

SQL over `o`, a row of `CHOSEN` (the mart `outcomes` at both clocks, with the day on which a loan's term ends).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.store.clocks import Clocks
from loanbook.core.store.marts.outcomes import READ

_MATURES = f"""
    CASE unit WHEN {Unit.months.value} THEN disbursed_on + to_months(term)
              WHEN {Unit.weeks.value} THEN disbursed_on + to_days(7 * term)
              WHEN {Unit.semi_monthly.value} THEN disbursed_on + to_days(15 * term)
              ELSE disbursed_on + to_days(term) END
"""
CHOSEN = f"""
    SELECT *, ({_MATURES.strip()})::DATE AS matures FROM ({READ.replace("ORDER BY loan_id", "").strip()})
    WHERE currency = $currency
"""


@dataclass(frozen=True)
class Dimension:
    """One way to tell loans apart."""

    name: str
    title: str
    label: str
    """SQL of the text by which a loan is grouped, over `o`."""
    joins: str = ""
    ordered: bool = False
    """Its labels have an order of their own, which is that of the text."""
    in_marts: str = ""
    """SQL of the same label over a row `m` of the marts `state`, `roll` and `collections`; none: they can't tell."""


def _banded(value: str, unit: str) -> str:
    """Bands of 1, 2, 5, 10 …, with leading blanks so that text sorts as numbers do."""
    size = f"pow(10, floor(log10(greatest({value}, 1))))"
    low = f"CASE WHEN {value} < 2 * {size} THEN {size} WHEN {value} < 5 * {size} THEN 2 * {size} ELSE 5 * {size} END"
    high = f"CASE WHEN {value} < 2 * {size} THEN 2 * {size} WHEN {value} < 5 * {size} THEN 5 * {size} ELSE 10 * {size} END"
    return f"lpad(format('{{:,}}', ({low})::BIGINT), 11, ' ') || ' to ' || format('{{:,}}', ({high})::BIGINT) || '{unit}'"


_QUARTER = "strftime({0}, '%Y') || ' Q' || quarter({0})"
_TERM = f"lpad(o.term::VARCHAR, 3, ' ') || CASE o.unit WHEN {Unit.months.value} THEN ' months' WHEN {Unit.weeks.value} THEN ' weeks' WHEN {Unit.semi_monthly.value} THEN ' half months' ELSE ' days' END"
BUILT_IN = (
    Dimension("quarter", "Quarter of origination", _QUARTER.format("o.disbursed_on"), ordered=True,
              in_marts=_QUARTER.format("m.cohort")),
    Dimension("month", "Month of origination", "strftime(o.disbursed_on, '%Y-%m')", ordered=True,
              in_marts="strftime(m.cohort, '%Y-%m')"),
    Dimension("year", "Year of origination", "strftime(o.disbursed_on, '%Y')", ordered=True,
              in_marts="strftime(m.cohort, '%Y')"),
    Dimension("product", "Product", "pr.name", "LEFT JOIN products pr ON pr.code = o.product",
              in_marts="(SELECT name FROM products WHERE code = m.product)"),
    Dimension("entity", "Entity", "en.name", "LEFT JOIN entities en ON en.code = o.entity",
              in_marts="(SELECT name FROM entities WHERE code = m.entity)"),
    Dimension("term", "Term", _TERM, ordered=True),
    Dimension("amount", "Amount lent", _banded("(o.amount / $unit)", ""), ordered=True),
    Dimension("rate", "Rate", "lpad((floor(o.rate_ppb / 20000000) * 2)::INTEGER::VARCHAR, 2, ' ') || ' to ' || "
              "((floor(o.rate_ppb / 20000000) + 1) * 2)::INTEGER || ' %'", ordered=True),
    Dimension("origin", "Made here or taken over",
              "CASE WHEN o.taken_over_on IS NULL THEN 'made here' ELSE 'taken over' END"),
)  # fmt: skip
HIDDEN = ("borrower",)
"""Attributes that name people: no cohort, no filter."""
Filters = Mapping[str, Sequence[str]]
"""Labels that are wanted, by the name of their dimension."""


def dimensions(query: Callable[..., pl.DataFrame]) -> dict[str, Dimension]:
    """Every dimension of a ledger, by name: `BUILT_IN`, and `attribute NAME` of what tapes told."""
    names = query("SELECT DISTINCT name FROM loan_attributes ORDER BY name")["name"].to_list()
    told = [attribute(name) for name in names if name not in HIDDEN]
    taken = {each.title for each in BUILT_IN}
    told = [
        replace(each, title=f"{each.title} (tape)") if each.title in taken else each
        for each in told
    ]
    return {each.name: each for each in (*BUILT_IN, *told)}


def attribute(name: str) -> Dimension:
    """An attribute of a tape as a dimension; loans without it stand under `not told`."""
    alias = "a_" + "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
    quoted = name.replace("'", "''")
    return Dimension(
        f"attribute {name}",
        name.replace("_", " ").capitalize(),
        f"coalesce({alias}.value, 'not told')",
        f"LEFT JOIN (SELECT loan_id, any_value(value) AS value FROM loan_attributes WHERE name = '{quoted}' "
        f"GROUP BY loan_id) {alias} ON {alias}.loan_id = o.loan_id",
        ordered=True,
    )


@dataclass(frozen=True)
class Segment:
    """A part of a book: one currency at both clocks, with filters."""

    at: Clocks
    currency: int
    unit: int
    """Minor units in a unit of the currency."""
    filters: Filters
    known: Mapping[str, Dimension]

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of its SQL."""
        wanted = {f"f{place}": list(labels) for place, labels in enumerate(self.filters.values())}
        return {"on": self.at.on, "known_at": self.at.known, "currency": self.currency,
                "unit": self.unit, **wanted}  # fmt: skip

    @property
    def by_marts(self) -> bool:
        """Whether marts that are summed over loans can tell all its filters."""
        return all(self.known[name].in_marts for name in self.filters)

    def loans(self, by: str | None = None) -> str:
        """SQL of its loans: the columns of `CHOSEN`, and `label` by a dimension."""
        names = [*self.filters, *([by] if by else [])]
        joins = " ".join(
            dict.fromkeys(self.known[name].joins for name in names if self.known[name].joins)
        )
        label = self.known[by].label if by else "'all'"
        return f"SELECT o.*, {label} AS label FROM ({CHOSEN}) o {joins} WHERE {self._where('label') or 'true'}"

    def rows(self, mart: str, columns: str, by: str | None = None) -> str:
        """SQL of a mart's rows (`m`) as known, of its currency and filters; `label` by a dimension."""
        label = self.known[by].in_marts if by else "'all'"
        where = self._where("in_marts")
        return (
            f"SELECT {label} AS label, {columns} FROM {mart} m WHERE m.currency = $currency "
            f"AND m.version <= $known_at AND m.business_date <= $on {'AND ' + where if where else ''}"
        )

    def _where(self, side: str) -> str:
        return " AND ".join(
            f"({getattr(self.known[name], side)}) IN (SELECT unnest($f{place}))"
            for place, name in enumerate(self.filters)
        )
