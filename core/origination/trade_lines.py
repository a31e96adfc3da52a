"""What trade lines of a bureau's report come to, as of the day on which it was drawn."""

from __future__ import annotations

import polars as pl

LINES = pl.Schema({
    "record": pl.String(), "kind": pl.String(), "account_type": pl.String(), "opened_on": pl.Date(), "closed_on": pl.Date(),
    "limit": pl.Int64(), "balance": pl.Int64(), "payment": pl.Int64(), "days_past_due": pl.Int64(),
    "last_late_on": pl.Date(), "dated": pl.Date(), "drawn_on": pl.Date(),
})  # fmt: skip
"""A row a line of a report. `kind`: trade, inquiry, collection, bankruptcy or tax_lien; amounts minor units; `last_late_on`:
when it was 30 days late or more for the last time; `dated`: day of an inquiry, collection or public record."""
KINDS = ("trade", "inquiry", "collection", "bankruptcy", "tax_lien")


def attributes(lines: pl.DataFrame) -> pl.DataFrame:
    """`record` and a column an input of the bureau (`loanbook.core.catalogue.inputs`), a row a report; null where the
    lines can't tell it. `lines`: schema `LINES`."""
    trade = pl.col("kind") == "trade"
    alive = trade & pl.col("closed_on").is_null()
    drawn = pl.col("drawn_on")

    def of(condition: pl.Expr, column: str) -> pl.Expr:
        return pl.col(column).filter(condition).sum()

    def within(column: str, months: int) -> pl.Expr:
        return pl.col(column) > drawn.dt.offset_by(f"-{months}mo")

    def count(condition: pl.Expr) -> pl.Expr:
        return condition.fill_null(False).sum().cast(pl.Int64)

    late = pl.col("last_late_on")
    told = lines.group_by("record", maintain_order=True).agg(
        total_accounts=count(trade), open_accounts=count(alive),
        credit_limit=of(alive, "limit"), credit_used=of(alive, "balance"),
        card_limit=of(alive & (pl.col("account_type") == "card"), "limit"),
        mortgages=count(alive & (pl.col("account_type") == "mortgage")),
        accounts_past_due=count(alive & (pl.col("days_past_due") > 0)),
        accounts_past_due_120=count(alive & (pl.col("days_past_due") >= 120)),
        accounts_opened_24m=count(trade & within("opened_on", 24)),
        obligations_month=of(alive, "payment"),
        delinquencies_24m=count(trade & within("last_late_on", 24)),
        inquiries_12m=count((pl.col("kind") == "inquiry") & within("dated", 12)),
        collections_12m=count((pl.col("kind") == "collection") & within("dated", 12)),
        bankruptcies=count(pl.col("kind") == "bankruptcy"), tax_liens=count(pl.col("kind") == "tax_lien"),
        _never_late=count(trade & late.is_null()),
        _first=pl.col("opened_on").filter(trade).min(), _last_late=late.filter(trade).max(), _drawn=drawn.first(),
    )  # fmt: skip
    return told.with_columns(
        utilisation_bp=pl.when(pl.col("credit_limit") > 0).then(
            pl.col("credit_used") * 10_000 // pl.col("credit_limit")
        ),
        never_late_bp=pl.when(pl.col("total_accounts") > 0).then(
            pl.col("_never_late") * 10_000 // pl.col("total_accounts")
        ),
        history_months=_months("_first", "_drawn"),
        months_since_delinquency=_months("_last_late", "_drawn"),
    ).drop("_never_late", "_first", "_last_late", "_drawn")  # fmt: skip


def _months(first: str, last: str) -> pl.Expr:
    """Whole months between two dates."""
    a, b = pl.col(first), pl.col(last)
    whole = (b.dt.year() - a.dt.year()).cast(pl.Int64) * 12 + (
        b.dt.month().cast(pl.Int64) - a.dt.month()
    )
    return whole - (b.dt.day() < a.dt.day()).cast(pl.Int64)
