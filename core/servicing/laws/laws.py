"""Conservation laws, checked per loan and day before a close may be committed.

Each law compares what the positions say with what the movements say, so that an error in
either shows. Source: the claim and carrying laws of the product's domain rules, Double
entry and Two balances.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.laws.accounts import ledger_equals_positions, trial_balance
from loanbook.core.servicing.laws.claims import claims_move_as_events_say
from loanbook.core.servicing.laws.dues import dues_agree, no_due_is_overpaid, one_row_a_loan
from loanbook.core.servicing.laws.law import Law, Moved
from loanbook.core.servicing.laws.payments import payments_are_allocated
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.backdating import Restatement


def check_laws(before: Book, closed: DayClose, balances: pl.DataFrame) -> list[Law]:
    """Every law over one close.

    `before` is the book the close began with, `balances` the general-ledger balances after
    it (`entity`, `product`, `currency`, `account`, `balance`).
    """
    return [
        *loan_laws(Moved.by_close(before, closed)),
        ledger_equals_positions(closed, balances),
        trial_balance(balances),
    ]


def loan_laws(moved: Moved) -> list[Law]:
    """The laws that hold for any part of the book, a day that is lived again among them."""
    return [
        payments_are_allocated(moved),
        *claims_move_as_events_say(moved),
        dues_agree(moved),
        no_due_is_overpaid(moved),
        one_row_a_loan(moved),
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
            pl.concat([each.found for each in laws if each.found.height], how="diagonal")
            if any(each.broken for each in laws)
            else laws[0].found,
        )
        for name, laws in verdicts.items()
    ]
