"""Tranches that each have a term of their own, of loans whose interest follows the balance.

A tranche is a schedule of its own, as long as the loan was agreed for, from the period that it falls in.
Each instalment asks the sum of what runs: what it asked already, and the tranche's own level.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.contract.figures import Figures
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.opening import (
    move_period,
    with_level_instalment,
    with_period_interest,
)
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.coming_dues import placed_anew
from loanbook.core.servicing.schedule.level_instalment import nights_not_borne
from loanbook.core.servicing.schedule.projection import project


def has_own_term() -> pl.Expr:
    """Loans whose payout is a tranche with a term of its own; the first payout, or a fee that joins the
    principal, is none."""
    later = pl.col("principal") + pl.col("principal_paid") > 0
    return pl.col("tranches_own_term") & pl.col("shared") & later


def with_own_term(loans: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Terms and positions with `payout` lent on top, less `down` that is due at once.

    What the instalments asked stays; the last one goes on asking what it would have without the tranche.
    """
    tranche = with_level_instalment(loans, _alone(loans)).select("loan_id", own="emi")
    joined = (
        loans.with_columns(longest=pl.max_horizontal("instalments", _last_own()).cast(pl.Int16))
        .join(tranche, on="loan_id", maintain_order="left")
        .join(_last_demanded(loans, day), on="loan_id", how="left", maintain_order="left")
    )
    lent = close_segment(joined.drop("emi", "level_changes")).join(
        _changes(_summed(joined)), on="loan_id", maintain_order="left"
    )
    longer = pl.col("longest") > pl.col("instalments")
    lent = lent.with_columns(
        **balances.grow_principal(pl.col("payout")),
        tranche_instalments=_own_instalments(),
        instalments="longest",
        matures_on=pl.when(~longer).then("matures_on"),
    )
    number = pl.col("instalment_no").cast(pl.Int32)
    lent = lent.with_columns(period_end=due_of(number, lent))
    day.dues = placed_anew(day.dues, loans, lent, day.policies.calendars)
    return with_period_interest(move_period(lent, day.policies.calendars)).select(loans.columns)


def _own_instalments() -> pl.Expr:
    """Instalments of each tranche: as many as the loan was agreed for."""
    return pl.coalesce("tranche_instalments", "instalments")


def _last_own() -> pl.Expr:
    return pl.col("instalment_no") + _own_instalments() - 1


def _alone(loans: pl.DataFrame) -> pl.DataFrame:
    """`loans` as their tranche alone; it `lacks` the nights of the running period that are over, or that
    a pause rests."""
    net = pl.col("payout") - pl.col("down")
    return loans.with_columns(
        principal_agreed=net,
        balloon=pl.lit(0, dtype=pl.Int64),
        lacks=nights_not_borne(loans, net),
        instalments=_last_own().cast(pl.Int16),
        matures_on=pl.lit(None, dtype=pl.Date),
    )


def _last_demanded(loans: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """`last_demanded` by loan: what its last instalment asks without the tranche; no row where none is to
    come."""
    without = loans.with_columns(**balances.grow_due(Component.principal, -pl.col("down")))
    rows = project(without, day.dues, day.policies.calendars)
    return rows.group_by("loan_id", maintain_order=True).agg(
        last_demanded=(pl.col("principal") + pl.col("interest")).last()
    )


def _summed(loans: pl.DataFrame) -> pl.DataFrame:
    """A row for each instalment from the running one to the `longest`, with the `level` that it asks."""
    each = loans.with_columns(
        number=pl.int_ranges("instalment_no", pl.col("longest").cast(pl.Int64) + 1)
    ).explode("number")
    each = Figures(loans).with_level(each, pl.col("number").cast(pl.Int16), pl.col("period_end"))
    demanded = (
        pl.when(pl.col("number") < pl.col("instalments"))
        .then("level")
        .when(pl.col("number") == pl.col("instalments"))
        .then("last_demanded")
        .otherwise(0)
    )
    own = pl.when(pl.col("number") <= _last_own()).then("own").otherwise(0)
    to_come = pl.col("last_demanded").is_not_null()
    return each.with_columns(level=pl.when(to_come).then(demanded).otherwise(0) + own)


def _changes(each: pl.DataFrame) -> pl.DataFrame:
    """`emi` and `level_changes` by loan, of the `level` of each instalment `number`."""
    before = pl.col("level").shift(1).over("loan_id")
    change = pl.concat_str("number", pl.lit(":"), "level").filter("changes")
    return (
        each.with_columns(changes=(pl.col("level") != before).fill_null(False))
        .group_by("loan_id", maintain_order=True)
        .agg(
            emi=pl.col("level").first(),
            level_changes=pl.when(pl.col("changes").any()).then(change.str.join(";")),
        )
    )
