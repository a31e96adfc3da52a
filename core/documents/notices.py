"""What a notice of adverse action says: a value, as a paper is; no name stands in it. Amounts in Int64 minor units."""

from __future__ import annotations

import datetime as dt
from typing import Any

from loanbook.core.documents.fields import Fields
from loanbook.core.documents.wording import day, money


class Notice(Fields):
    """A notice to who was turned down, by 12 CFR 1002.9 and 15 USC 1681m."""

    application_id: str
    decision_id: str
    lender: str
    creditor: tuple[str, ...]
    product: str
    product_words: str
    amount: int
    currency: str
    term: int
    submitted_on: dt.date
    decided_on: dt.date
    made_on: dt.date
    codes: tuple[str, ...]
    reasons: tuple[str, ...]
    """In the applicant's words, the weightiest first."""
    statement: str
    bureaus: tuple[tuple[str, ...], ...]
    """Of each bureau whose report was known, the lines that name it."""
    bureau_statement: str
    policy: str


def notice_words(notice: Notice) -> dict[str, Any]:
    """What the template is given: text alone."""
    return {
        "title": "Notice of action taken on your application", "lender": notice.lender, "creditor": [*notice.creditor],
        "application": notice.application_id, "made_on": day(notice.made_on), "paper": notice.digest,
        "facts": [
            ["Your application", notice.application_id], ["Received on", day(notice.submitted_on)],
            ["Asked for", f"{money(notice.amount, notice.currency)} {notice.currency} over {notice.term} instalments"],
            ["Kind of loan", notice.product_words], ["Decided on", day(notice.decided_on)],
        ],
        "reasons": [*notice.reasons], "statement": notice.statement,
        "bureaus": [[*lines] for lines in notice.bureaus], "bureau_statement": notice.bureau_statement,
    }  # fmt: skip
