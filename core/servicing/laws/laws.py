"""Conservation laws, checked per loan and day before a close may be committed.

Each law compares what the positions say with what the movements say, so that an error in
either shows. Source: the claim and carrying laws of the product's domain rules, Double
entry and Two balances.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.accounts import MEMORANDUM, ROLE
from loanbook.core.catalogue.codes import GIVEN_UP, MONEY_IN, Component, Kind, Status
from loanbook.core.catalogue.events import Family, kinds_of
from loanbook.core.ledger.transfers import account_movements
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE, dated
from loanbook.core.servicing.loan.claim import carried, charges_and_taxes, interest
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.replay.backdating import Restatement
from loanbook.core.servicing.replay.fast_forward import Visit


@dataclass(frozen=True)
class Law:
    """One law's verdict, with the figures it saw."""

    name: str
    holds: bool
    broken: int
    """Rows (loans, payments or accounts) that break it."""
    figures: str
    example: str = ""


@dataclass(frozen=True)
class Moved:
    """What a day, or each loan's own day of a round, did to loans."""

    before: pl.DataFrame
    """Positions the evening before."""
    after: pl.DataFrame
    dues: pl.DataFrame
    """With `business_date`, the date of the loan."""
    applied: pl.DataFrame
    allocations: pl.DataFrame
    unidentified: pl.DataFrame
    transfers: pl.DataFrame
    """Those of the day itself: no differences of a restatement."""
    lines: pl.Series
    """Ids of lines of credit, whose dues are owed from their statement on."""

    @classmethod
    def by_close(cls, before: Book, closed: DayClose) -> Moved:
        """What a close did."""
        return cls(
            before.positions, closed.book.positions, dated(closed.book.dues, closed.date),
            closed.applied, closed.allocations, closed.unidentified,
            closed.transfers.filter(pl.col("value_date") == closed.date),
            _lines(closed.book.terms),
        )  # fmt: skip

    @classmethod
    def by_round(cls, each: Visit) -> Moved:
        """What a round of a jump did."""
        after = each.wide.select(STATE)
        return cls(
            each.before, after, each.dues, each.applied, each.allocations, each.unidentified,
            each.transfers, _lines(each.wide),
        )  # fmt: skip


def _lines(terms: pl.DataFrame) -> pl.Series:
    return terms.filter("revolving")["loan_id"]


def check_laws(before: Book, closed: DayClose, balances: pl.DataFrame) -> list[Law]:
    """Every law over one close.

    `before` is the book the close began with, `balances` the general-ledger balances after
    it (`entity`, `product`, `currency`, `account`, `balance`).
    """
    return [
        *loan_laws(Moved.by_close(before, closed)),
        _ledger_equals_positions(closed, balances),
        _trial_balance(balances),
    ]


def loan_laws(moved: Moved) -> list[Law]:
    """The laws that hold for any part of the book, a day that is lived again among them."""
    return [
        _payments_are_allocated(moved),
        *_claims_move_as_events_say(moved),
        _dues_agree(moved),
        _one_row_a_loan(moved),
    ]


def restated_laws(restated: Restatement) -> list[Law]:
    """Every law of `loan_laws` over all rounds that were lived again, as one verdict each."""
    verdicts: dict[str, list[Law]] = {}
    for each in restated.lived.rounds:
        for law in loan_laws(Moved.by_round(each)):
            verdicts.setdefault(law.name, []).append(law)
    return [
        Law(
            f"restated_{name}",
            all(each.holds for each in laws),
            sum(each.broken for each in laws),
            f"{restated.loans.len()} loans from {restated.first}",
            next((each.example for each in laws if each.example), ""),
        )
        for name, laws in verdicts.items()
    ]


def _verdict(name: str, broken: pl.DataFrame, figures: str) -> Law:
    example = str(broken.head(1).to_dicts()[0]) if broken.height else ""
    return Law(name, broken.is_empty(), broken.height, figures, example)


def _payments_are_allocated(moved: Moved) -> Law:
    """Allocations of one payment sum to the payment, or the payment is held unidentified."""
    paid = moved.applied.filter(pl.col("kind").is_in([k.value for k in MONEY_IN]))
    placed = pl.concat(
        [
            moved.allocations.filter(pl.col("event_id") != 0).select("event_id", "amount"),
            moved.unidentified.select("event_id", "amount"),
        ]
    )
    sums = placed.group_by("event_id").agg(placed=pl.col("amount").sum())
    broken = (
        paid.select("event_id", "loan_id", "amount")
        .join(sums, on="event_id", how="full", coalesce=True)
        .filter(pl.col("amount").fill_null(0) != pl.col("placed").fill_null(0))
    )
    total = int(paid["amount"].sum() or 0)
    return _verdict("payments_are_allocated", broken, f"{paid.height} payments, {total} minor")


def _claims_move_as_events_say(moved: Moved) -> list[Law]:
    """Claim after = claim before + disbursed + accrued + charged - paid, per component."""
    after = moved.after
    if _nothing_moved(moved):
        return _claims(_beside(moved), None, moved)
    met = pl.col("component").is_not_null() & (pl.col("component") <= Component.tax.value)
    paid = (
        moved.allocations.filter(met)
        .group_by("loan_id")
        .agg(
            paid_principal=pl.col("amount").filter(pl.col("component") == 0).sum(),
            paid_interest=pl.col("amount").filter(pl.col("component") == 1).sum(),
            paid_charges=pl.col("amount").filter(pl.col("component") >= 2).sum(),
        )
    )
    disbursed = (
        moved.applied.filter(pl.col("kind").is_in(_LENDS))
        .group_by("loan_id")
        .agg(disbursed=pl.col("amount").sum())
    )
    todays = moved.transfers
    charges_to = [
        ROLE[name]
        for name in ("penalties_receivable", "fees_receivable", "memo_charges", "tax_receivable")
    ]
    # a charge on a claim that is off the books, or its waiver, is memorandum
    by_order = {
        kind: moved.applied.filter(pl.col("kind") == kind)["event_id"].implode()
        for kind in (Kind.charge_assessed, Kind.charge_waived)
    }
    off = (pl.col("debit") == ROLE["memo_claim"]) & pl.col("event_id").is_in(
        by_order[Kind.charge_assessed]
    )
    waived = pl.col("debit").is_in([ROLE["charge_waived"], ROLE["tax_payable"]]) | (
        pl.col("credit").is_in([ROLE["memo_claim"], ROLE["memo_charges"]])
        & pl.col("event_id").is_in(by_order[Kind.charge_waived])
    )
    penalties = (
        todays.filter(pl.col("debit").is_in(charges_to) | off | waived)
        .group_by("loan_id")
        .agg(charged=pl.when(waived).then(-pl.col("amount")).otherwise("amount").sum())
    )
    back = moved.applied.filter(pl.col("kind").is_in(_BACK))["event_id"]
    taken_back = (
        todays.filter(
            pl.col("debit").is_in([ROLE["loan_principal"], ROLE["credit_loss"]])
            & pl.col("event_id").is_in(back.implode())
        )
        .group_by("loan_id")
        .agg(back=pl.col("amount").sum())
    )
    asked_again = (
        todays.filter(
            pl.col("debit").is_in([ROLE["interest_accrued"], ROLE["memo_interest"]])
            & pl.col("event_id").is_in(back.implode())
        )
        .group_by("loan_id")
        .agg(interest_back=pl.col("amount").sum())
    )
    # interest that a loan brings which lived elsewhere
    opening = (
        todays.filter(
            (pl.col("credit") == ROLE["migration"])
            & pl.col("debit").is_in([ROLE["interest_accrued"], ROLE["interest_due"]])
        )
        .group_by("loan_id")
        .agg(opening=pl.col("amount").sum())
    )
    # interest that a moratorium adds to the principal
    grown = (
        todays.filter(
            (pl.col("debit") == ROLE["loan_principal"])
            & pl.col("credit").is_in(
                [ROLE["interest_accrued"], ROLE["deferred_capitalised_interest"]]
            )
        )
        .group_by("loan_id")
        .agg(capitalised=pl.col("amount").sum())
    )
    # a claim that was given up is zero, whatever moved it there
    asked = moved.applied.filter(pl.col("kind").is_in(_GIVES_UP))["loan_id"]
    with_credit = (pl.col("status") == Status.overpaid) & pl.col("loan_id").is_in(asked.implode())
    given_up = after.filter(pl.col("status").is_in(GIVEN_UP) | with_credit)["loan_id"]
    parts = (paid, disbursed, penalties, taken_back, asked_again, opening, grown)
    moved_loans = pl.concat([*(part["loan_id"] for part in parts), given_up]).unique()
    both = _beside(moved)
    busy = pl.col("loan_id").is_in(moved_loans.implode())
    loud = both.filter(busy)
    for part in parts:
        loud = loud.join(part, on="loan_id", how="left", maintain_order="left")
    loud = loud.fill_null(0).filter(~pl.col("loan_id").is_in(given_up.implode()))
    return _claims(both.filter(~busy), loud, moved)


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
    quiet = still.filter(
        (pl.col("principal") != pl.col("principal_before"))
        | (pl.col("interest") != pl.col("interest_before") + pl.col("accrued_today"))
        | (pl.col("charges") != pl.col("charges_before"))
    )
    first = _verdict("claim_of_quiet_loans", quiet, f"{still.height} loans")
    if loud is None:
        told = {"claim_principal": "0 loans", "claim_interest": f"{accrued} minor accrued",
                "claim_charges": "0 loans"}  # fmt: skip
        return [first, *(Law(name, True, 0, figures) for name, figures in told.items())]
    principal = loud.filter(
        pl.col("principal")
        != pl.col("principal_before")
        + pl.col("disbursed")
        + pl.col("back")
        + pl.col("capitalised")
        - pl.col("paid_principal")
    )
    owed = loud.filter(
        pl.col("interest")
        != pl.col("interest_before")
        + pl.col("accrued_today")
        + pl.col("interest_back")
        + pl.col("opening")
        - pl.col("capitalised")
        - pl.col("paid_interest")
    )
    charged = loud.filter(
        pl.col("charges") != pl.col("charges_before") + pl.col("charged") - pl.col("paid_charges")
    )
    return [
        first,
        _verdict("claim_principal", principal, f"{loud.height} loans"),
        _verdict("claim_interest", owed, f"{accrued} minor accrued"),
        _verdict("claim_charges", charged, f"{loud.height} loans"),
    ]


_GIVES_UP = [kind.value for kind in kinds_of(Family.given_up)]
_LENDS = [kind.value for kind in (*kinds_of(Family.lent), Kind.migrated_in)]
_BACK = [kind.value for kind in kinds_of(Family.paid_back)]


def _dues_agree(moved: Moved) -> Law:
    """What a position shows as due equals its open dues, component by component."""
    unpaid = pl.col("amount") - pl.col("paid")

    def of(component: Component) -> pl.Expr:
        return unpaid.filter(pl.col("component") == component.value).sum()

    fallen = (pl.col("due_date") <= BUSINESS_DATE) | (pl.col("component") > Component.interest)
    if moved.lines.len():
        fallen = fallen | pl.col("loan_id").is_in(moved.lines.implode())
    open_ = (
        moved.dues.filter(fallen)
        .group_by("loan_id")
        .agg(
            a=of(Component.principal),
            b=of(Component.interest),
            c=of(Component.fee),
            d=of(Component.penalty),
            e=of(Component.tax),
        )
    )
    shown = moved.after.filter(
        (pl.col("principal_due") != 0)
        | (pl.col("interest_due") != 0)
        | (pl.col("fees_due") != 0)
        | (pl.col("penalties_due") != 0)
        | (pl.col("taxes_due") != 0)
    )
    columns = ["loan_id", "principal_due", "interest_due", "fees_due", "penalties_due", "taxes_due"]
    broken = (
        shown.select(columns)
        .join(open_, on="loan_id", how="full", coalesce=True)
        .fill_null(0)
        .filter(
            (pl.col("principal_due") != pl.col("a"))
            | (pl.col("interest_due") != pl.col("b"))
            | (pl.col("fees_due") != pl.col("c"))
            | (pl.col("penalties_due") != pl.col("d"))
            | (pl.col("taxes_due") != pl.col("e"))
        )
    )
    return _verdict("positions_show_their_dues", broken, f"{moved.dues.height} dues")


def _ledger_equals_positions(closed: DayClose, balances: pl.DataFrame) -> Law:
    """General-ledger accounts equal the carrying amounts, memorandum the off-books claims."""
    keys = ["entity", "product", "currency"]
    told = [*keys, "cash_accounting", "non_accrual_mode"]
    rows = pl.concat(
        [closed.book.terms.select(told), closed.book.positions.drop("loan_id")], how="horizontal"
    )
    expected = (
        rows.lazy()
        .group_by(keys)
        .agg(amount.sum().alias(role) for role, amount in carried(rows).items())
        .collect()
    )
    long = expected.unpivot(index=keys, variable_name="role", value_name="expected").with_columns(
        account=pl.col("role").replace_strict(ROLE, return_dtype=pl.Int16)
    )
    accounts = long["account"].unique()
    held = balances.filter(pl.col("account").is_in(accounts.implode()))
    broken = (
        long.join(held, on=[*keys, "account"], how="full", coalesce=True)
        .with_columns(pl.col("expected", "balance").fill_null(0))
        .filter(pl.col("expected") != pl.col("balance"))
    )
    total = int(closed.book.positions["principal"].sum() or 0)
    return _verdict("ledger_equals_positions", broken, f"{total} minor principal")


def _trial_balance(balances: pl.DataFrame) -> Law:
    """Debits equal credits per currency, in the general ledger and in memorandum apart."""
    memo = pl.col("account").is_in(MEMORANDUM)
    broken = (
        balances.group_by("currency", memo=memo)
        .agg(pl.col("balance").sum())
        .filter(pl.col("balance") != 0)
    )
    return _verdict("trial_balance", broken, f"{balances.height} accounts")


def _one_row_a_loan(moved: Moved) -> Law:
    """One position a loan, and no amount below zero that must not be."""
    positions = moved.after
    bad = positions.filter(
        (pl.min_horizontal("principal", "principal_due", "interest_due", "fees_due",
                           "penalties_due", "taxes_due", "credit", "cash_advances") < 0)
        | (pl.max_horizontal("principal_due", "cash_advances") > pl.col("principal"))
    )  # fmt: skip
    ids = positions["loan_id"]
    doubled = 0 if ids.is_sorted() and ids.n_unique() == ids.len() else 1
    law = _verdict("positions_are_sane", bad, f"{positions.height} loans")
    return Law(law.name, law.holds and not doubled, law.broken + doubled, law.figures, law.example)


def movements_after(balances: pl.DataFrame, closed: DayClose) -> pl.DataFrame:
    """Account balances after the close: those before it plus the day's transfers."""
    moved = account_movements(closed.transfers).rename({"movement": "balance"})
    keys = ["entity", "product", "currency", "account"]
    return (
        pl.concat([balances, moved.cast(balances.schema)])
        .group_by(keys)
        .agg(pl.col("balance").sum())
        .sort(keys)
    )
