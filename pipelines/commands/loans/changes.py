"""`loanbook schedules`: changes of a loan's contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.contract.money import CURRENCY_NAMES, major
from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.console import (
    AsJson,
    AsOf,
    KnownAt,
    Loan,
    believed,
    difficulty_reasons,
    found_loan,
    out,
    show,
)

if TYPE_CHECKING:
    from loanbook.core.servicing.explain.contract_changes import Modification


def schedules(
    loan: Loan,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    change: Annotated[int | None, typer.Option(help="Number of the change to lay over.")] = None,
    as_json: AsJson = False,
) -> None:
    """Changes of a loan's contract: the payments before and after each, its worth, forbearance.

    The worth is the present value at the loan's original effective rate (EBA/GL/2016/07).
    """
    from loanbook.core.servicing.explain.contract_changes import modifications as changes_of
    from loanbook.core.servicing.explain.contract_changes import overlaid

    of = found_loan(loan, as_of, known_at)
    number, at = of.number, of.at
    events = of.reader.lake().life_of(number, at.booked)
    found = changes_of(events, of.policies, number, at.on)
    listed = of.reader.modifications(at.on, at.known, number, difficulty_reasons(of.policies))
    described = [_told(n, each, listed) for n, each in enumerate(found, start=1)]
    if change is not None and not 1 <= change <= len(found):
        raise LoanbookError(
            f"loan {of.key} has {len(found)} changes by {at.on}: give --change a number of them"
        )
    if as_json:
        shown = [
            row | {"payments": overlaid(each).to_dicts()}
            for row, each in zip(described, found, strict=True)
        ]
        out.print_json(json.dumps(shown, default=str))
        return
    if not found:
        out.print(f"Loan {of.key} lives by the contract that it was boarded with.")
        return
    currency = CURRENCY_NAMES[int(events["currency"][0])]
    money = ("worth_before", "worth_after")
    frame = pl.DataFrame(described).with_columns(major(name, currency) for name in money)
    show(frame, f"Changes of loan {of.key} {believed(at)}, amounts in {currency}")
    number_of = change or len(found)
    sides = overlaid(found[number_of - 1])
    names = ("before", "after", "difference")
    show(sides.with_columns(major(name, currency) for name in names),
         f"Change {number_of}: what was to be paid before and after it")  # fmt: skip


def _told(number: int, change: Modification, listed: pl.DataFrame) -> dict[str, object]:
    row = listed.filter(pl.col("event_id") == change.event_id).row(0, named=True)
    return {
        "change": number, "date": change.date, "kind": change.kind.name,
        "reason": row["reason"], "actor": row["actor"], "checker": row["checker"],
        "worth_before": round(change.worth_before), "worth_after": round(change.worth_after),
        "lost_percent": round(change.share_lost * 100, 3), "diminished": change.diminished,
        "days_past_due_before": row["most_days_past_due"], "forborne": row["forborne"],
    }  # fmt: skip
