"""An explanation as text: the words of a console, a file and a page of paper are the same."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.money import to_major
from loanbook.core.ledger.reversals import reversed_by
from loanbook.core.servicing.explain.explain import Explanation
from loanbook.core.servicing.explain.lines import PARTS, Held, Line


def what(line: Line, currency: str) -> str:
    """What happened, and what it moved."""
    moved = ", ".join(
        f"{part} {'+' if amount > 0 else '−'}{to_major(abs(amount), currency)}"
        for part, amount in line.moves.items()
    )
    return f"{line.what}{f'  [{moved}]' if moved else ''}"


def why(line: Line) -> str:
    """The rule and policy version that decided, and where the news came from."""
    return f"{line.rule}{f'; {line.source}' if line.source else ''}"


def stands_at(explanation: Explanation, currency: str) -> str:
    """What the lines sum to; of a held loan, as of which date."""
    parts = ", ".join(f"{part} {to_major(explanation.stands[part], currency)}" for part in PARTS)
    stands = f"{parts}; {explanation.days_past_due} days past due"
    held = explanation.held
    if held is None:
        return stands
    if held.good_until is None:
        return f"nothing: held since {held.since}, before it entered the book"
    return f"{stands}: its last good position, of {held.good_until}"


def held_by(held: Held) -> list[str]:
    """Since when a loan is held, by which law and event, and a line for each event that waits."""
    told = f"HELD since {held.since} by the law {held.law}: {held.figures}; {held.remedy}"
    events = [f"{line.date}  {line.what}: {why(line)}" for line in held.waiting]
    return (
        [told, "Not in the figures above, until the loan returns:", *events] if events else [told]
    )


def taken_back(events: pl.DataFrame, currency: str) -> list[str]:
    """Events that reversals took back: the lines are as if they had never come."""
    reversed_lines = []
    for row in reversed_by(events).to_dicts():
        amount = (
            "" if row["amount"] is None else f" of {to_major(row['amount'], currency)} {currency}"
        )
        reversed_lines.append(
            f"taken back: {Kind(row['kind']).name.replace('_', ' ')}{amount} of {row['value_date']} "
            f"({row['source_ref']}), on {row['booked']} by {row['by']}, checked by {row['checked']}, "
            f"{row['why']}"
        )
    return reversed_lines


def text_of(explanation: Explanation, events: pl.DataFrame, currency: str, loan: str) -> str:
    """The whole explanation of a loan (the lender's own key), a line a happening and one for its reason."""
    lines = [f"Loan {loan} as of {explanation.as_of}, amounts in {currency}"]
    day = None
    for line in explanation.lines:
        if line.date != day:
            day = line.date
            lines += ["", str(day)]
        lines += [f"  {what(line, currency)}", f"      {why(line)}"]
    lines += ["", f"stands at {stands_at(explanation, currency)}"]
    lines += held_by(explanation.held) if explanation.held else taken_back(events, currency)
    return "\n".join(lines) + "\n"
