"""Borrower flags: what becomes known of a borrower, with the loan's terms from the day on.

Policies read it: bankruptcy and fraud end the accrual of income (`loanbook.core.servicing.income.accounting_basis`), active
duty holds the rate below a ceiling by law (`loanbook.core.servicing.interest.rate_ceilings`).
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Flag, Kind, Status
from loanbook.core.contract.figures import Amortisation
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.changes.terms.revision import revise
from loanbook.core.servicing.interest import rate_ceilings
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.posting import DayState


def flag(day: DayState, events: pl.DataFrame) -> None:
    """Set or clear flags, one a loan."""
    orders = with_payload(events, Kind.flag_set)
    bits = {name: code.value for name, code in Flag.__members__.items()}
    orders = orders.with_columns(bit=pl.col("flag").replace_strict(bits, return_dtype=pl.Int16))
    ordered = day.loans.join(
        orders.select("loan_id", "bit", "kind"), on="loan_id", how="left", maintain_order="left"
    )
    known, bit = pl.col("flags").fill_null(0), pl.col("bit")
    # bit by bit: & and | of two columns; a cleared bit is one that was set, taken off
    cleared = known - (known & bit)
    flags = pl.when(pl.col("kind") == Kind.flag_set.value).then(known | bit).otherwise(cleared)
    day.loans = ordered.with_columns(
        flags=pl.when(bit.is_not_null()).then(flags.cast(pl.Int16)).otherwise("flags")
    ).select(day.loans.columns)
    day.changed.append(orders.select("loan_id", "event_id"))
    _rate_again(day, events)


def _rate_again(day: DayState, events: pl.DataFrame) -> None:
    """Let the rate follow what ceilings allow now; a loan that ended or is flat keeps its own."""
    agreed = pl.coalesce("rate_agreed", "rate_ppb")
    moves = (
        (pl.col("status") == Status.active.value)
        & (pl.col("amortisation") != Amortisation.flat.value)
        & (rate_ceilings.capped(agreed) != pl.col("rate_ppb"))
    )
    held = rate_ceilings.as_of(day.loans, day.policies.duty_ceilings, BUSINESS_DATE)
    loans = held.filter(moves).select("loan_id")
    moved = events.join(loans, on="loan_id", how="semi")
    if moved.height:
        revise(day, moved.select("loan_id", "event_id", keep=pl.lit("term")))
