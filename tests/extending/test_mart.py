"""A mart is a file and a row: it is filled by a close, and readers, page, asset and reference show it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.extending.product_copy import insert

MART = '''
"""Principal by entity and product."""

import polars as pl

from loanbook.core.store.marts.changes import of_table
from loanbook.core.store.marts.mart import KEYS, Column, Mart

MART = Mart(
    "principal_by_product",
    "Principal by date, entity and product.",
    {
        **KEYS,
        "entity": Column(pl.Int16, "the lender's book", "code of entities", "l.entity"),
        "product": Column(pl.Int16, "product of the loans", "code of products", "l.product"),
        "principal": Column(pl.Int64, "their principal", "minor units", total_of="p.principal"),
    },
    of_table("positions"),
)
'''
LANDING = {
    "2018-01-03": {"payments_2018-01-03.csv": "payment_ref,loan_key,amount,currency,value_date\n"}
}


def extend(root: Path) -> None:
    """The product has one mart more: a row and a file."""
    marts = root / "core" / "store" / "marts"
    (marts / "principal_by_product.py").write_text(MART, encoding="utf-8")
    insert(marts / "__init__.py", "from loanbook.core.store.marts.filling import fill",
           "from loanbook.core.store.marts import principal_by_product\n")  # fmt: skip
    insert(marts / "__init__.py", "    recoveries.MART,\n", "    principal_by_product.MART,\n")


def test_a_file_and_a_row_are_enough_for_a_mart(seen: dict[str, Any]) -> None:
    told = seen["mart"]
    # a day was published before there was such a mart: `migrate` fills it
    assert told["before"] == 1
    assert "principal_by_product" in told["filled"]
    # five loans owe 7,200.00 on 3 January as on the day before
    assert told["principal"] == told["data"] == [720_000]
    assert told["owed"] == [720_000, 720_000]
    assert told["days"] == 6
    assert (told["asset"], told["reference"]) == (True, True)
    assert told["page"] == told["last"][-1:]
    assert 0 < told["page"][0] < 720_000
