"""Conservation laws, checked per loan and day before a close may be committed.

Each law compares what the positions say with what the movements say, so that an error in
either shows. Source: the claim and carrying laws of the product's domain rules, Double
entry and Two balances.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import polars as pl

from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.laws.accounts import ledger_equals_positions, trial_balance
from loanbook.core.servicing.laws.charges import charges_have_grounds
from loanbook.core.servicing.laws.claims import claims_move_as_events_say
from loanbook.core.servicing.laws.dues import dues_agree, no_due_is_overpaid, one_row_a_loan
from loanbook.core.servicing.laws.law import Law
from loanbook.core.servicing.laws.moved import Moved, by_part, together
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
        ledger_equals_positions(closed.book, balances),
        trial_balance(balances),
    ]


def loan_laws(moved: Moved) -> list[Law]:
    """The laws that hold for any part of the book, a day that is lived again among them."""
    return [
        payments_are_allocated(moved),
        *claims_move_as_events_say(moved),
        charges_have_grounds(moved),
        dues_agree(moved),
        no_due_is_overpaid(moved),
        one_row_a_loan(moved),
    ]


_ROWS = 250_000
"""Rows of positions that are judged at once: more is no faster and takes memory."""


def restated_laws(restated: Restatement) -> list[Law]:
    """Every law of `loan_laws` over all rounds that were lived again, as one verdict each."""
    verdicts: dict[str, list[Law]] = {}
    for parts in at_once(map(Moved.by_round, restated.lived.rounds)):
        for law in laws_of_parts(parts):
            verdicts.setdefault(law.name, []).append(law)
    return [
        Law(
            f"restated_{name}",
            all(each.holds for each in laws),
            sum(each.broken for each in laws),
            f"{restated.loans.len()} loans from {restated.first}",
            pl.concat([each.found.drop("part", strict=False) for each in laws], how="diagonal"),
        )
        for name, laws in verdicts.items()
    ]


def laws_of_parts(parts: Sequence[Moved]) -> list[Law]:
    """The laws of `loan_laws` over days or rounds, each loan by itself in each; what breaks one is
    found with its `part`, the place in `parts`."""
    laws = loan_laws(together(parts))
    return [replace(law, found=by_part(law.found)) for law in laws]


def at_once(rounds: Iterable[Moved]) -> Iterator[list[Moved]]:
    """Rounds in groups of so many rows that one look at a group is the fastest."""
    parts: list[Moved] = []
    for each in rounds:
        parts.append(each)
        if sum(part.after.height for part in parts) > _ROWS:
            yield parts
            parts = []
    if parts:
        yield parts
