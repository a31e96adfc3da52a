"""Letters of loans that have ended: no objection, paid in full, settlement, charge-off. What each says, as data."""

from __future__ import annotations

import datetime as dt
from typing import Any

from loanbook.core.documents.fields import Fields
from loanbook.core.documents.kinds import DocumentKind
from loanbook.core.documents.wording import day, money

TEMPLATE = "closure"
LETTERS = {
    each.name: each
    for each in (
        DocumentKind("paid_in_full", "paid-in-full letter"),
        DocumentKind("no_objection", "no-objection certificate"),
        DocumentKind("settlement_letter", "settlement letter"),
        DocumentKind("charge_off_notice", "charge-off notice"),
    )
}
"""Kinds of letter by their names."""


class Letter(Fields):
    """What a letter says. Amounts in Int64 minor units; the borrower by the token of a person of the vault, or not at all."""

    kind: str
    lender: str
    loan_key: str
    product: str
    currency: str
    jurisdiction: str
    person: str
    made_on: dt.date
    ended_on: dt.date
    lent: int
    paid: int
    """What came in all, whatever it met."""
    given_up: int
    """What was extinguished, or charged off, without money."""
    owed: int
    """What is owed still."""


def letter_words(letter: Letter) -> dict[str, Any]:
    """What the template is given: text alone."""
    ended = day(letter.ended_on)

    def amount(minor: int) -> str:
        return f"{money(minor, letter.currency)} {letter.currency}"

    title, says = {
        "paid_in_full": ("Paid in full", [
            f"The loan named above was paid in full on {ended}. Nothing is owed under it any more.",
            "The account is closed. Payments that were set up for it can be ended.",
        ]),
        "no_objection": ("No-objection certificate", [
            f"All that was owed under the loan named above was paid by {ended}. The lender has no claim under it.",
            "The lender has no objection to the release of any security that was given for it, and to the removal of any charge "
            "that was registered for it.",
        ]),
        "settlement_letter": ("Settlement", [
            f"On {ended} the lender accepted what had been paid by then in full settlement of the loan named above.",
            f"{amount(letter.given_up)} of the claim was given up. Nothing is owed under the loan any more.",
        ]),
        "charge_off_notice": ("Charge-off", [
            f"On {ended} the lender charged off the loan named above in its books: {amount(letter.given_up)}.",
            f"{amount(letter.owed)} is still owed." if letter.owed else "Nothing is demanded any more.",
        ]),
    }[letter.kind]  # fmt: skip
    facts = [
        ["Lender", letter.lender], ["Loan", letter.loan_key], ["Borrower", letter.person[:12] or "as named in the agreement"],
        ["Product", letter.product], ["Amount lent", amount(letter.lent)], ["Received in all", amount(letter.paid)],
        ["Made on", day(letter.made_on)],
    ]  # fmt: skip
    return {
        "title": title, "lender": letter.lender, "loan": letter.loan_key, "facts": facts, "says": says, "paper": letter.digest,
    }  # fmt: skip
