"""Claims move as events say: each loan's principal, interest and charges, from evening to evening."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import GIVEN_UP, Kind, Status
from loanbook.core.catalogue.components import (
    CHARGES,
    OWED_ON,
    is_charge,
    is_interest,
    is_principal,
)
from loanbook.core.catalogue.events import kinds_of
from loanbook.core.catalogue.kinds import Family
from loanbook.core.servicing.laws.law import Law, verdict
from loanbook.core.servicing.laws.moved import Moved
from loanbook.core.servicing.loan.claim import charges_and_taxes, interest

_GIVES_UP = [kind.value for kind in kinds_of(Family.given_up)]
_LENDS = [kind.value for kind in (*kinds_of(Family.lent), Kind.migrated_in)]
_BACK = [kind.value for kind in kinds_of(Family.paid_back)]
_ASKED = [ROLE[each.row.receivable] for each in CHARGES] + [ROLE["memo_charges"]]
"""Accounts that a charge is asked by."""
_WAIVED = [ROLE["charge_waived"], *(ROLE[each.charged_to] for each in OWED_ON)]
"""Accounts that are debited where a charge is waived, or a tax on it falls away."""


def claims_move_as_events_say(moved: Moved) -> list[Law]:
    """Claim after = claim before + disbursed + accrued + charged - paid, per component."""
    if _nothing_moved(moved):
        return _claims(_beside(moved), None, moved)
    parts = (
        _paid(moved),
        _disbursed(moved),
        _charged(moved),
        *_charged_back(moved),
        *_from_transfers(moved),
        *_given_back(moved),
    )
    given_up = _given_up(moved)
    moved_loans = pl.concat([*(part["loan_id"] for part in parts), given_up]).unique()
    both = _beside(moved)
    busy = pl.col("loan_id").is_in(moved_loans.implode())
    loud = both.filter(busy)
    for part in parts:
        loud = loud.join(part, on="loan_id", how="left", maintain_order="left")
    loud = loud.fill_null(0).with_columns(given_up=pl.col("loan_id").is_in(given_up.implode()))
    return _claims(both.filter(~busy), loud, moved)


def _paid(moved: Moved) -> pl.DataFrame:
    """What money met of each loan's principal, interest and charges."""
    amount = pl.col("amount")
    return (
        moved.allocations.filter(pl.col("component").is_not_null())
        .group_by("loan_id")
        .agg(
            paid_principal=amount.filter(is_principal()).sum(),
            paid_interest=amount.filter(is_interest()).sum(),
            paid_charges=amount.filter(is_charge()).sum(),
        )
    )


def _disbursed(moved: Moved) -> pl.DataFrame:
    """`loan_id`, `disbursed`: what was lent, brought, or made of a fee."""
    lends = moved.applied.filter(pl.col("kind").is_in(_LENDS))
    return lends.group_by("loan_id").agg(disbursed=pl.col("amount").sum())


def _charged(moved: Moved) -> pl.DataFrame:
    """`loan_id`, `charged`: charges that were asked, less those that were waived."""
    # a charge on a claim that is off the books, or its waiver, is memorandum
    by_order = {
        kind: moved.applied.filter(pl.col("kind") == kind)["event_id"].implode()
        for kind in (Kind.charge_assessed, Kind.charge_waived)
    }
    off = (pl.col("debit") == ROLE["memo_claim"]) & pl.col("event_id").is_in(
        by_order[Kind.charge_assessed]
    )
    waived = pl.col("debit").is_in(_WAIVED) | (
        pl.col("credit").is_in([ROLE["memo_claim"], ROLE["memo_charges"]])
        & pl.col("event_id").is_in(by_order[Kind.charge_waived])
    )
    return (
        moved.transfers.filter(pl.col("debit").is_in(_ASKED) | off | waived)
        .group_by("loan_id")
        .agg(charged=pl.when(waived).then(-pl.col("amount")).otherwise("amount").sum())
    )


def _charged_back(moved: Moved) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Principal that is owed anew by money that was taken back, and interest."""
    events = moved.applied.filter(pl.col("kind").is_in(_BACK))["event_id"]
    transfers = moved.transfers.filter(pl.col("event_id").is_in(events.implode()))

    def of(name: str, *roles: str) -> pl.DataFrame:
        rows = transfers.filter(pl.col("debit").is_in([ROLE[role] for role in roles]))
        return rows.group_by("loan_id").agg(pl.col("amount").sum().alias(name))

    return (
        of("charged_back_principal", "loan_principal", "credit_loss"),
        of("charged_back_interest", "interest_accrued", "memo_interest"),
    )


def _from_transfers(moved: Moved) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`opening`: interest that a loan brings which lived elsewhere; `capitalised`: interest that a
    payment holiday adds to the principal."""

    def of(name: str, rows: pl.Expr) -> pl.DataFrame:
        found = moved.transfers.filter(rows).group_by("loan_id")
        return found.agg(pl.col("amount").sum().alias(name))

    interest_roles = [ROLE["interest_accrued"], ROLE["interest_due"]]
    brought = (pl.col("credit") == ROLE["migration"]) & pl.col("debit").is_in(interest_roles)
    joins = [ROLE["interest_accrued"], ROLE["deferred_capitalised_interest"]]
    joined = (pl.col("debit") == ROLE["loan_principal"]) & pl.col("credit").is_in(joins)
    return of("opening", brought), of("capitalised", joined)


def _given_back(moved: Moved) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`back_to_principal`, and `given_back` in all: interest that a payoff found paid before it was earned.

    Only a payoff books the borrower's credit to principal under an event: else credit meets it as money does.
    """
    to_principal = (pl.col("debit") == ROLE["borrower_credit"]) & (
        pl.col("credit") == ROLE["loan_principal"]
    )
    given = (pl.col("credit") == ROLE["borrower_credit"]) & pl.col("debit").is_in(
        [ROLE["interest_accrued"], ROLE["memo_interest"], ROLE["interest_income"]]
    )
    of_money = pl.col("event_id") != 0
    # paid out of interest income, it may become credit as a rebate does
    refunds = moved.applied.filter(pl.col("kind") == Kind.interest_refunded.value)["event_id"]
    met = moved.allocations.filter(of_money & ~pl.col("event_id").is_in(refunds.implode()))[
        "event_id"
    ].implode()

    def of(name: str, rows: pl.Expr) -> pl.DataFrame:
        found = moved.transfers.filter(rows & of_money & pl.col("event_id").is_in(met))
        return found.group_by("loan_id").agg(pl.col("amount").sum().alias(name))

    return of("back_to_principal", to_principal), of("given_back", given)


def _given_up(moved: Moved) -> pl.Series:
    """Ids of loans whose claim was given up: it is zero, whatever moved it there."""
    ending = moved.applied.filter(pl.col("kind").is_in(_GIVES_UP))["loan_id"]
    gave_up = pl.col("written_off_on").is_not_null() | pl.col("loan_id").is_in(ending.implode())
    overpaid = (pl.col("status") == Status.overpaid) & gave_up
    given_up = pl.col("status").is_in(GIVEN_UP) | overpaid
    return moved.after.select("loan_id", given_up=given_up).filter("given_up")["loan_id"]


def _nothing_moved(moved: Moved) -> bool:
    """Whether nothing but interest happened to any loan."""
    by_loan = moved.transfers["loan_id"] > 0
    return moved.applied.is_empty() and moved.allocations.is_empty() and not by_loan.any()


def _beside(moved: Moved) -> pl.DataFrame:
    """Claims the evening before and after, by component, and the day's interest."""
    parts = {"interest": interest(), "charges": charges_and_taxes()}
    was = moved.before.select(
        "loan_id", principal_before="principal", **{f"{n}_before": p for n, p in parts.items()}
    )
    is_ = moved.after.select("loan_id", "principal", "accrued_today", **parts)
    # compared row by row, without joins, where rows line up
    if was.height == is_.height and was["loan_id"].equals(is_["loan_id"]):
        return pl.concat([is_, was.drop("loan_id")], how="horizontal")
    return is_.join(was, on="loan_id", how="left", maintain_order="left").fill_null(0)


def _claims(still: pl.DataFrame, loud: pl.DataFrame | None, moved: Moved) -> list[Law]:
    """Verdicts over loans that stood still, and those that something moved, if any."""
    accrued = int(moved.after["accrued_today"].sum() or 0)
    expected = {
        "principal": pl.col("principal_before"),
        "interest": pl.col("interest_before") + pl.col("accrued_today"),
        "charges": pl.col("charges_before"),
    }
    quiet = still.filter(pl.any_horizontal(pl.col(n) != value for n, value in expected.items()))
    differ = pl.concat(
        quiet.filter(pl.col(name) != value).select(
            "loan_id", figure=pl.lit(name), after=name, before=f"{name}_before",
            accrued_today=pl.when(pl.lit(name == "interest")).then("accrued_today"),
        )
        for name, value in expected.items()
    )  # fmt: skip
    first = verdict("claim_of_quiet_loans", differ, f"{still.height} loans")
    if loud is None:
        counted = {"claim_principal": "0 loans", "claim_interest": f"{accrued} minor accrued",
                "claim_charges": "0 loans"}  # fmt: skip
        return [first, *(Law(name, True, 0, figures) for name, figures in counted.items())]
    count = f"{loud.height} loans"
    return [
        first,
        _moves("claim_principal", "principal", ("disbursed", "charged_back_principal",
               "capitalised"), ("paid_principal", "back_to_principal"), loud, count),
        _moves("claim_interest", "interest", ("accrued_today", "charged_back_interest", "opening", "given_back"),
               ("capitalised", "paid_interest"), loud, f"{accrued} minor accrued"),
        _moves("claim_charges", "charges", ("charged",), ("paid_charges",), loud, count),
    ]  # fmt: skip


def _moves(
    name: str,
    part: str,
    adds: tuple[str, ...],
    takes: tuple[str, ...],
    loud: pl.DataFrame,
    figures: str,
) -> Law:
    """A part of the claim is what it was before, with what `adds` to it, less what `takes` of it; of a claim
    that was given up nothing is left."""
    before = f"{part}_before"
    moves = pl.col(before) + sum(map(pl.col, adds), pl.lit(0)) - sum(map(pl.col, takes), pl.lit(0))
    expected = pl.when("given_up").then(0).otherwise(moves)
    told = loud.select("loan_id", part, before, *adds, *takes, expected=expected)
    return verdict(name, told.filter(pl.col(part) != pl.col("expected")), figures)
