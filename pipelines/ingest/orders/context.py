"""What the rules of orders read: the loan as it stands, its product, and orders of the file before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl

from loanbook.core.catalogue.codes import InterestMode, Kind, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.catalogue.events import COMMANDS, DEFERS, kinds_of
from loanbook.core.catalogue.kinds import Deferral, Family
from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.money import PPB, int128, rate_to_ppb
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.charges.origination_fees import kept_of_payouts
from loanbook.core.servicing.loan.taxes import tax_on
from loanbook.core.servicing.orders.allowed import ALLOWED

LONGEST = 600
"""Instalments that a term may be extended to, where its product lends for no more."""
_ADVANCES = [verb for verb, (_, command) in COMMANDS.items() if command.sets.get("advance")]


def order_rows(
    orders: pl.DataFrame,
    policies: PolicyBook,
    standing: Callable[[pl.Series], pl.DataFrame],
    day: dt.date,
) -> pl.DataFrame:
    """Orders with what the rules read of the loan as it stands and of its product, one a row."""
    about = (
        orders.drop("amount")
        .rename(
            {"minor": "amount", "boards_on": "disbursed_on", "start_date": "starts"}
        )  # fmt: skip
        .join(
            _of_products(orders["product"], policies),
            on="product",
            how="left",
            maintain_order="left",
        )
        .join(policies.alone_below(day), on=["product", "kind"], how="left", maintain_order="left")
        .join(standing(orders["loan_id"]), on="loan_id", how="left", maintain_order="left")
    )
    about = _with_reopened(about)
    # paid out, and not closed for the first time yet: it lives by the order's day
    lives = pl.col("revolving") | (pl.col("lent") > 0)  # of an agreement nothing is at first
    begun = pl.when(lives & (pl.col("disbursed_on") <= pl.col("value_date"))).then(
        pl.lit(Status.active.value, dtype=pl.Int8)
    )
    about = about.with_columns(_payout_fees(about, policies))
    return about.with_columns(
        # a line lends what it was paid back again
        lent=pl.when("revolving")
        .then(pl.col("owed").fill_null(0) + pl.col("drawn_since").fill_null(0))
        .otherwise("lent")
    ).with_columns(
        status=pl.coalesce("status", begun),
        advance=pl.col("command").is_in(_ADVANCES),
        checked=pl.col("checker") != "",
        **_with_orders_before(),
    )


def _payout_fees(about: pl.DataFrame, policies: PolicyBook) -> pl.Series:
    """`payout_fee` (Int64) of each order: what is kept of a payout, with the tax on it; 0 of others."""
    none = pl.Series("payout_fee", [0], dtype=pl.Int64).new_from_index(0, about.height)
    pays = pl.col("kind") == Kind.disbursed.value
    first = (pl.col("lent").fill_null(0) == 0) & (pl.col("owed").fill_null(0) == 0)
    paying = about.with_row_index("_place").filter(pays & (pl.col("amount") > 0))
    dated = paying.with_columns(payout="amount", business_date="value_date")
    charged = kept_of_payouts(dated, policies.origination_fees, first)
    if charged.is_empty():
        return none
    taxed = tax_on(charged, Component.fee, "fee", policies)
    return none.scatter(taxed["_place"], taxed["fee"] + taxed["tax"])


def _of_products(product_codes: pl.Series, policies: PolicyBook) -> pl.DataFrame:
    """What the rules of orders read of products, by `product`."""
    codes = product_codes.unique().to_list()
    products = [policies.product(code) for code in codes]
    return pl.DataFrame(
        {
            "product": codes,
            "highest_ppb": [p.bounds.rate_ppb[1] for p in products],
            "amortisation": [Amortisation[p.schedule.amortisation].value for p in products],
            "interest_mode": [InterestMode[p.interest.accrual].value for p in products],
            "materialised": [p.schedule.materialised for p in products],
            "over_ppb": [p.payouts.over_ppb for p in products],
            "over_minor": [p.payouts.over_minor for p in products],
            "revolving": [p.line is not None for p in products],
            "charge_ppb": [p.bounds.charge_ppb for p in products],
            "due_within_days": [p.bounds.due_within_days for p in products],
            "most_instalments": [max(LONGEST, p.bounds.instalments[1]) for p in products],
            "pause_days": [p.bounds.pause_days for p in products],
            "merchant": [p.of_merchant for p in products],
            "cash_advance_margin": [
                rate_to_ppb(p.line.cash_advances.margin_percent) if p.line and p.line.cash_advances else 0
                for p in products
            ],
        },
        schema={"product": pl.Int16, "highest_ppb": pl.Int64, "amortisation": pl.Int8,
                "interest_mode": pl.Int8, "materialised": pl.Boolean,
                "over_ppb": pl.Int64, "over_minor": pl.Int64, "charge_ppb": pl.Int64,
                "due_within_days": pl.Int64, "most_instalments": pl.Int64, "pause_days": pl.Int64, "merchant": pl.Boolean,
                "revolving": pl.Boolean, "cash_advance_margin": pl.Int64},
    )  # fmt: skip


def _with_reopened(about: pl.DataFrame) -> pl.DataFrame:
    """Orders about loans that have ended and were reopened for the order's day: such a loan counts as
    active. What reopens it may stand in the same file, before or after them."""
    ended = pl.col("status").is_in([each.value for each in ALLOWED[Kind.reopened] if each])
    reopens = pl.col("kind") == Kind.reopened.value
    here = (reopens & ended).fill_null(False).max().over("loan_id", "value_date")
    open_ = here | (pl.col("reopened_on") == pl.col("value_date")).fill_null(False)
    living = pl.lit(Status.active.value, dtype=pl.Int8)
    return about.with_columns(
        status=pl.when(open_ & ended & ~reopens).then(living).otherwise("status")
    )


def share_of(agreed: pl.Expr, ppb: str) -> pl.Expr:
    """A share of what was agreed, rounded down, no more than money can be."""
    share = int128(agreed) * int128(pl.col(ppb)) // PPB
    return share.clip(upper_bound=2**62).cast(pl.Int64)


def _with_orders_before() -> dict[str, pl.Expr]:
    """What the loan had lent and deferred by then, orders of the file before this one included."""

    def before(*kinds: Kind) -> pl.Expr:
        amount = pl.when(pl.col("kind").is_in([k.value for k in kinds])).then("amount").otherwise(0)
        return amount.cum_sum().over("loan_id") - amount

    def given_back(of: Deferral) -> pl.Expr:
        return before(*(k for k, (deferral, sign) in DEFERS.items() if deferral is of and sign < 0))

    extends = pl.when(pl.col("kind") == Kind.term_extended.value).then("instalments").otherwise(0)
    return {
        "term_after": pl.col("instalments_agreed").cast(pl.Int64)
        + extends.fill_null(0).cast(pl.Int64).cum_sum().over("loan_id"),
        "lent": pl.col("lent") + before(*kinds_of(Family.lent)),
        "capitalised": pl.col("capitalised") - given_back(Deferral.capitalised_fee),
        "bought_down": pl.col("bought_down") - given_back(Deferral.buy_down),
    }
