"""A mart is a file and a row: it is filled by a close, and readers, page, asset and reference show it."""

from __future__ import annotations

from pathlib import Path

from tests.extending.a_small_book import instance
from tests.extending.product_copy import insert, product_copy, run

MART = '''
"""Principal by entity and product."""

import polars as pl

from loanbook.core.store.marts.mart import KEYS, Column, Mart

MART = Mart(
    "principal_by_product",
    "Principal by date, entity and product.",
    {
        **KEYS,
        "entity": Column(pl.Int16, "the lender's book", "code of entities"),
        "product": Column(pl.Int16, "product of the loans", "code of products"),
        "principal": Column(pl.Int64, "their principal", "minor units"),
    },
    "l.entity, l.product, sum(p.principal)::BIGINT AS principal",
)
'''
ASK = """
from loanbook import open_ledger
from loanbook.dashboards import data
from loanbook.pipelines.definitions import defs
from loanbook.pipelines.reporting.reference import reference
ledger = open_ledger()
last = ledger.principal_by_product("2024-01-03")
assert last.equals(ledger.mart("principal_by_product", "2024-01-03"))
print(last["principal"].to_list())
print(ledger.mart("principal_by_product").height)
print(ledger.sql("SELECT sum(principal)::BIGINT AS n FROM principal_by_product")["n"].to_list())
print(data.mart("principal_by_product", ledger.published_range()[1], 2)["principal"].to_list())
print("loanbook/principal_by_product" in {k.to_user_string() for k in defs.resolve_asset_graph().get_all_asset_keys()})
print("### principal_by_product" in reference())
"""
PAGE = """
from streamlit.testing.v1 import AppTest
page = AppTest.from_string("from loanbook.dashboards import marts; marts.page()", default_timeout=90)
page.query_params["mart"] = "principal_by_product"
page.run()
assert not page.exception, page.exception
print(page.dataframe[0].value["principal"].to_list())
"""


def test_a_file_and_a_row_are_enough_for_a_mart(tmp_path: Path) -> None:
    root, home = product_copy(tmp_path), tmp_path / "home"
    landing = instance(root, home)
    run(root, ["close"], home)  # a day is published before there is such a mart
    marts = root / "core" / "store" / "marts"
    (marts / "principal_by_product.py").write_text(MART, encoding="utf-8")
    insert(marts / "__init__.py", "from loanbook.core.store.marts.mart import TOLD",
           "from loanbook.core.store.marts import principal_by_product\n")  # fmt: skip
    insert(marts / "__init__.py", ')\n"""Every mart."""', " principal_by_product.MART,")
    before = run(root, "from loanbook import open_ledger\n"
                 "print(open_ledger().mart('principal_by_product').height)", home)  # fmt: skip
    assert before.strip() == "0"
    assert "principal_by_product" in run(root, ["marts"], home)
    (landing / "payments_2024-01-03.csv").write_text(
        "payment_ref,loan_key,amount,currency,value_date\n", encoding="utf-8"
    )
    run(root, ["close"], home)
    # in one process: each imports Dagster, the pages and the engine anew
    owed, rows, both_days, data, asset, told, *_, page = run(root, ASK + PAGE, home).splitlines()
    assert (owed, rows, both_days, data) == ("[360000]", "2", "[720000]", "[360000]")
    assert (asset, told, page) == ("True", "True", "[360000]")
