"""Charges have grounds: what was asked is what orders say, and beyond it what the loan's dues give rise to;
where a policy fixes the amount, just that.

The claim law takes what was charged from the transfers of the day; here it is held against what they can't
have made: the events of the day, the dues before and after it, and the position of the evening before.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Status, Timing
from loanbook.core.catalogue.components import (
    CHARGES,
    INCOME,
    Component,
    is_,
    is_principal,
    of_schedule,
)
from loanbook.core.catalogue.events import STEP, kinds_of
from loanbook.core.catalogue.kinds import Family
from loanbook.core.frames import some_loans
from loanbook.core.ledger.events import with_payload
from loanbook.core.policy.charge_tables import in_force_on
from loanbook.core.servicing.charges.annual_fees import is_anniversary
from loanbook.core.servicing.charges.fee_amount import fee_amount
from loanbook.core.servicing.laws.law import Law, verdict
from loanbook.core.servicing.laws.moved import Moved
from loanbook.core.servicing.loan.taxes import place

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
    payouts = _wrong_payout_fees(moved)
    if asked.is_empty() and waived.is_empty():
        return verdict("charges_have_grounds", payouts, "0 loans")
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
    found = found.join(
        _fixed_amounts(found, moved), on="loan_id", how="left", maintain_order="left"
    )
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
        | (pl.col("late_fees") != pl.when(memo).then(of_memo).otherwise(penalties))
        | (pl.col("payoff_fees") != fees)
        | ((pl.col("taxes") > 0) & ~pl.col("taxed"))
        | (pl.col("waived") > pl.col("waiver"))
    )
    told = broken.select(
        "loan_id", *(c for each in INCOME for c in (each.part, f"ordered_{each.part}")),
        "taxes", "memorandum", "waived", "waiver", "late_fees", "payoff_fees",
    )  # fmt: skip
    told = pl.concat([told, payouts], how="diagonal")
    return verdict("charges_have_grounds", told, f"{found.height} loans")


def _fixed_amounts(found: pl.DataFrame, moved: Moved) -> pl.DataFrame:
    """What policies fix of the charges of some loans of `found` (as `_with_grounds` has it): `loan_id`,
    `late_fees` and `payoff_fees` (Int64); null where something else of the day may have a part in it."""
    policies = moved.policies
    if policies is None:
        return pl.DataFrame(schema=_FIXED)
    changed = moved.applied.filter(pl.col("kind").is_in(_LATER))["loan_id"]
    plain = found.filter(~pl.col("loan_id").is_in(changed.implode())).with_columns(
        place(policies.places)
    )
    late = _late_fees(plain.filter("late_alone"), moved, policies.late_fees)
    payoff = _payoff_fees(plain.filter("payoff_alone"), moved, policies.prepayment_fees)
    return late.join(payoff, on="loan_id", how="full", coalesce=True).cast(_FIXED)  # type: ignore[arg-type]


_FIXED = {"loan_id": pl.Int64, "late_fees": pl.Int64, "payoff_fees": pl.Int64}
_LATER = [kind.value for kind, step in STEP.items() if step >= STEP[Kind.reamortised]]
"""Kinds that are taken when late fees are asked, or after it: dues may have been others then."""


def _late_fees(loans: pl.DataFrame, moved: Moved, rules: pl.DataFrame) -> pl.DataFrame:
    """`late_fees` of `loans` by their rule: on what was unpaid of instalments that bear their first one."""
    if loans.is_empty():
        return loans.select("loan_id", late_fees=pl.lit(0, dtype=pl.Int64))
    keys = ["loan_id", "instalment_no"]
    bore = moved.dues_before.filter("fee_assessed").select(keys)
    unpaid = (
        moved.dues.filter(pl.col("fee_assessed") & of_schedule())
        .join(bore, on=keys, how="anti")
        .join(loans.select("loan_id", "product", "place", on="value_date"), on="loan_id")
        .join(rules, on=["product", "place"])
        .filter(in_force_on(pl.col("on")))
        .filter((pl.col("on") - pl.col("due_date")).dt.total_days() > pl.col("fee_grace"))
        .group_by(keys)
        .agg(
            *(pl.col(name).first() for name in rules.columns if name.startswith("fee_")),
            base=(pl.col("amount") - pl.col("paid")).sum(),
        )
    )
    return _summed(loans, unpaid, "late_fees")


def _payoff_fees(loans: pl.DataFrame, moved: Moved, rules: pl.DataFrame) -> pl.DataFrame:
    """`payoff_fees` of `loans` by their terms: on the principal that was paid before it was due, or on what
    was agreed."""
    ahead = moved.allocations.filter(is_principal() & (pl.col("timing") == Timing.in_advance.value))
    due = (
        loans.select("loan_id", "product", "place", "principal_agreed", on="value_date")
        .join(ahead.group_by("loan_id").agg(prepaid=pl.col("amount").sum()), on="loan_id")
        .join(rules, on=["product", "place"])
        .filter(in_force_on(pl.col("on")))
        .with_columns(base=pl.when("fee_of_agreed").then("principal_agreed").otherwise("prepaid"))
    )
    return _summed(loans, due, "payoff_fees")


def _summed(loans: pl.DataFrame, based: pl.DataFrame, name: str) -> pl.DataFrame:
    """`loan_id` of `loans` with what the rows of `based` cost them in all, as `name`; 0 where none do."""
    if based.is_empty():
        return loans.select("loan_id", pl.lit(0, dtype=pl.Int64).alias(name))
    fees = based.with_columns(_fee=fee_amount(based)).group_by("loan_id")
    sums = fees.agg(pl.col("_fee").sum().alias(name))
    asked = loans.select("loan_id").join(sums, on="loan_id", how="left", maintain_order="left")
    return asked.with_columns(pl.col(name).fill_null(0))


def _wrong_payout_fees(moved: Moved) -> pl.DataFrame:
    """Loans whose one payout of the day cost another fee than its terms say: `loan_id`, `payout_fees`,
    `payout_fees_by_terms`. One that is a share of the interest of the schedule is not known here."""
    paid_out = moved.applied.filter(pl.col("kind") == Kind.disbursed.value)
    if paid_out.is_empty() or moved.policies is None:
        return pl.DataFrame(schema=_PAYOUT_FEES)
    before = moved.before.select("loan_id", "principal", "principal_paid")
    once = (
        paid_out.filter(pl.col("loan_id").is_unique())
        .select("loan_id", "event_id", "value_date", payout="amount")
        .join(moved.payouts.select("loan_id", "product"), on="loan_id")
        .join(before, on="loan_id", how="left")
        .with_columns(pl.col("principal", "principal_paid").fill_null(0))
    )
    first = (pl.col("principal") == 0) & (pl.col("principal_paid") == 0)
    due = once.join(moved.policies.origination_fees, on="product").filter(
        in_force_on(pl.col("value_date")) & (first | pl.col("fee_each"))
    )
    unknown = due.filter("fee_of_interest")["loan_id"]
    once = once.filter(~pl.col("loan_id").is_in(unknown.implode()))
    due = due.filter(~pl.col("fee_of_interest")).with_columns(
        base=pl.when("fee_of_payout").then("payout").otherwise(0)
    )
    to_income = pl.col("credit").is_in([ROLE["fee_income"], ROLE["deferred_fee_income"]])
    kept = pl.col("debit").is_in([ROLE["payout_clearing"], ROLE["payment_clearing"]])
    booked = moved.transfers.filter(to_income & kept).group_by("loan_id", "event_id")
    sums = booked.agg(payout_fees=pl.col("amount").sum())
    found = once.join(_summed(once, due, "payout_fees_by_terms"), on="loan_id")
    found = found.join(sums, on=["loan_id", "event_id"], how="left")
    found = found.with_columns(pl.col("payout_fees").fill_null(0)).select(*_PAYOUT_FEES)
    return found.filter(pl.col("payout_fees") != pl.col("payout_fees_by_terms"))


_PAYOUT_FEES = {"loan_id": pl.Int64, "payout_fees": pl.Int64, "payout_fees_by_terms": pl.Int64}


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
    before = some_loans(moved.before, ids["loan_id"]).select(
        "loan_id",
        status_before="status",
        overdue=pl.col("principal_due") + pl.col("interest_due") > 0,
        bears=pl.col("penal_base") > 0,
        due_before="interest_due",
    )
    after = some_loans(moved.after, ids["loan_id"]).select(
        "loan_id",
        due_after="interest_due",
        base_after="penal_base",
        status_after="status",
    )
    payouts = some_loans(moved.payouts, ids["loan_id"])
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
    active = Status.active.value
    lives = (pl.col("status_before") == active) & (pl.col("status_after") == active)
    penal = pl.col("bears").fill_null(False) | (pl.col("base_after") > 0).fill_null(True)
    ends = pl.col("status_after").is_in([Status.closed.value, Status.overpaid.value])
    return joined.with_columns(business_date="value_date").with_columns(
        late_alone=lives & ~penal & (pl.col("penalties") + pl.col("memorandum") > 0),
        payoff_alone=ends & (pl.col("fees") > 0) & ~is_anniversary() & (pl.col("memorandum") == 0),
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
