"""How rows are shown: words, thousands apart, minor units in those of the row's currency."""

from __future__ import annotations

import polars as pl

from loanbook.dashboards.parts.table import amounts, grouped, in_words


def test_amounts_have_their_thousands_apart_and_their_currencys_decimals() -> None:
    rows = pl.DataFrame({"currency": ["USD", "JPY", "KWD", "USD", "USD"], "amount": [-123456789, 100000, 1234, 99999, None],
                         "state": ["in_review", "approved", "", None, "need_more_information"]})  # fmt: skip
    shown = rows.with_columns(*amounts("amount"), *in_words("state"))
    assert shown["amount"].to_list() == ["-1,234,567.89", "100,000", "1.234", "999.99", None]
    assert shown["state"].to_list() == ["in review", "approved", "", None, "need more information"]
    plain = pl.DataFrame({"x": ["-999999", "1000000.5", "0.00"]}).select(grouped(pl.col("x")))
    assert plain["x"].to_list() == ["-999,999", "1,000,000.5", "0.00"]
