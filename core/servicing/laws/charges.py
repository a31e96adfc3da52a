"""Charges have grounds: what was asked is what orders say, and beyond it what the loan's dues give rise to.

The claim law takes what was charged from the transfers of the day; here it is held against what they can't
have made: the events of the day, the dues before and after it, and the position of the evening before.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Timing
from loanbook.core.catalogue.components import (
    CHARGES,
    INCOME,
    Component,
    is_,
    is_principal,
    of_schedule,
)
from loanbook.core.catalogue.events import Family, kinds_of
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.charges.annual_fees import is_anniversary
from loanbook.core.servicing.laws.law import Law, verdict
from loanbook.core.servicing.laws.moved import Moved

_ASKED = {ROLE[each.row.receivable]: each.part for each in CHARGES} | {
    ROLE["memo_charges"]: "memorandum"
}
"""The part that a charge is of, by the account that it is asked by; in memorandum it names none."""
_ANEW = [kind.value for kind in kinds_of(Family.paid_back)]
"""Kinds that ask anew for a charge that was paid, or bring one from elsewhere (`Kind.migrated_in`)."""


def charges_have_grounds(moved: Moved) -> Law:
    """A fee was ordered, or its anniversary or a payoff came; a penalty was ordered, or something was
    overdue the evening before, of an instalment that bears its first late fee or of a base that bears
    penal interest; a tax has something that it is on. No charge is waived that no order waives."""
    asked = moved.transfers.filter(pl.col("debit").is_in([*_ASKED]))
    waived = moved.transfers.filter(pl.col("debit") == ROLE["charge_waived"])
    if asked.is_empty() and waived.is_empty():
        return Law("charges_have_grounds", True, 0, "0 loans")
    brought = asked["credit"] == ROLE["migration"]
    anew = moved.applied.filter(pl.col("kind").is_in(_ANEW))["event_id"]
    asked = asked.filter(~brought & ~asked["event_id"].is_in(anew.implode()))
    part = pl.col("debit").replace_strict(_ASKED, return_dtype=pl.String)
    sums = asked.group_by("loan_id", "value_date").agg(
        *(pl.col("amount").filter(part == name).sum().alias(name) for name in _ASKED.values())
    )
    given = waived.group_by("loan_id", "value_date").agg(waived=pl.col("amount").sum())
    both = sums.join(given, on=["loan_id", "value_date"], how="full", coalesce=True)
    found = _with_grounds(_with_orders(both, moved).fill_null(0), moved)
    ordered = {each.part: pl.col(f"ordered_{each.part}") for each in INCOME}
    memo = pl.col("memorandum") > 0
    beyond = {
        each.part: pl.when(memo).then(0).otherwise(pl.col(each.part) - ordered[each.part])
        for each in INCOME
    }
    of_memo = pl.when(memo).then(
        pl.sum_horizontal("memorandum", *(each.part for each in INCOME))
        - pl.sum_horizontal(*ordered.values())
    )
    fees, penalties = (beyond[each.part] for each in (Component.fee, Component.penalty))
    either = pl.col("fee_by_rule") | pl.col("penalty_by_rule")
    broken = found.filter(
        pl.any_horizontal(amount < 0 for amount in beyond.values())
        | ((fees > 0) & ~pl.col("fee_by_rule"))
        | ((penalties > 0) & ~pl.col("penalty_by_rule"))
        | ((of_memo.fill_null(0) > 0) & ~either)
        | ((pl.col("taxes") > 0) & ~pl.col("taxed"))
        | (pl.col("waived") > pl.col("waiver"))
    )
    told = broken.select(
        "loan_id", *(c for each in INCOME for c in (each.part, f"ordered_{each.part}")),
        "taxes", "memorandum", "waived", "waiver",
    )  # fmt: skip
    return verdict("charges_have_grounds", told, f"{found.height} loans")


def _with_orders(charged: pl.DataFrame, moved: Moved) -> pl.DataFrame:
    """`charged` with what orders of the day ask of each part, and waive (`waiver`)."""
    kinds = [Kind.charge_assessed.value, Kind.charge_waived.value]
    events = moved.applied.filter(pl.col("kind").is_in(kinds)).select(moved.applied.columns)
    orders = with_payload(events, Kind.charge_assessed)
    asks = pl.col("kind") == Kind.charge_assessed.value
    sums = orders.group_by("loan_id").agg(
        *(
            pl.col("amount").filter(asks & is_(each)).sum().alias(f"ordered_{each.part}")
            for each in INCOME
        ),
        waiver=pl.col("amount").filter(~asks).sum(),
    )
    return charged.join(sums, on="loan_id", how="left")


def _with_grounds(charged: pl.DataFrame, moved: Moved) -> pl.DataFrame:
    """`charged` with whether a fee or a penalty may be asked by rule, and a tax."""
    ids = charged.select("loan_id")
    before = moved.before.join(ids, on="loan_id", how="semi").select(
        "loan_id",
        overdue=pl.col("principal_due") + pl.col("interest_due") > 0,
        bears=pl.col("penal_base") > 0,
        due_before="interest_due",
    )
    after = moved.after.join(ids, on="loan_id", how="semi").select(
        "loan_id", due_after="interest_due"
    )
    payouts = moved.payouts.join(ids, on="loan_id", how="semi")
    late = _first_late_fees(ids, moved)
    early = moved.allocations.filter(is_principal() & (pl.col("timing") == Timing.in_advance.value))
    money = moved.allocations["loan_id"].implode()
    bases = moved.transfers.filter(pl.col("debit") != ROLE["tax_receivable"])["loan_id"].implode()
    brought = moved.applied.filter(pl.col("kind") == Kind.migrated_in.value)["loan_id"].implode()
    joined = charged
    for facts in (before, after, payouts):
        joined = joined.join(facts, on="loan_id", how="left")
    loan, yes = pl.col("loan_id"), pl.col("overdue").fill_null(False)
    bears = pl.col("bears").fill_null(False) | loan.is_in(late.implode())
    billed = pl.col("due_before").fill_null(0) != pl.col("due_after").fill_null(0)
    return joined.with_columns(business_date="value_date").with_columns(
        fee_by_rule=loan.is_in(early["loan_id"].implode()) | is_anniversary(),
        penalty_by_rule=(yes & bears) | loan.is_in(brought),
        taxed=billed | loan.is_in(money) | loan.is_in(bases),
    )


def _first_late_fees(ids: pl.DataFrame, moved: Moved) -> pl.Series:
    """Loans of which an instalment bears a late fee that bore none, or that have no dues any more."""
    keys = ["loan_id", "instalment_no"]
    after = moved.dues.join(ids, on="loan_id", how="semi")
    marked = after.filter(pl.col("fee_assessed") & of_schedule())
    bore = moved.dues_before.filter("fee_assessed").join(ids, on="loan_id", how="semi")
    fresh = marked.join(bore, on=keys, how="anti")["loan_id"]
    return pl.concat([fresh, ids.join(after, on="loan_id", how="anti")["loan_id"]])
