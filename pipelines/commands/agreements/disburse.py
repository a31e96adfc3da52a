"""`loanbook disburse`: money of agreements out, once every gate is passed and another person approved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.contract.money import major_of_any
from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.agreements.acting import (
    desk,
    lake,
    lake_and_policies,
    opened_for_writing,
    who,
)
from loanbook.pipelines.commands.agreements.offers import As, On, today
from loanbook.pipelines.commands.console import AsCsv, AsJson, out, piped, show

if TYPE_CHECKING:
    from loanbook.core.access.actor import Actor
    from loanbook.pipelines.disbursing.evidence import Answer

Loan = Annotated[str, typer.Argument(help="The loan's key, or its offer's id.")]
Key = Annotated[
    str, typer.Argument(help="The loan's key, its offer's id, or the payout's own key.")
]
Source = Annotated[
    str,
    typer.Option(
        "--answer", help="Who was asked, and its own reference of the answer: PROVIDER:REFERENCE."
    ),
]


def list_payouts(loan: Annotated[str | None, typer.Option(help="Only of the loan of this key.")] = None,
                 as_json: AsJson = False, as_csv: AsCsv = False) -> None:  # fmt: skip
    """Payouts that were asked for: waits, booked, handed over, returned, failed; and what else is known of each."""
    from loanbook.core.store.agreements.payouts import payouts

    with lake() as ledger:
        rows = payouts(ledger)
    rows = rows.filter(pl.col("loan_key") == loan) if loan else rows
    told = rows.select("key", "loan_key", "amount", "currency", "value_date", "state", "order_id", "file", "acknowledged", "code",
                       "returned_on")  # fmt: skip
    if not piped(told, as_json, as_csv):
        shown = told.with_columns(major_of_any("amount"))
        show(shown, "Payouts") if told.height else out.print("No payout was asked for.")


def kyc(loan: Loan, party: Annotated[str, typer.Option(help="Role of the party, or the beginning of its token.")],
        passed: Annotated[bool, typer.Option("--passed/--failed", help="What the check found.")],
        answer: Source, on: On = None, as_: As = "") -> None:  # fmt: skip
    """Record what the identity check of a party found."""
    from loanbook.pipelines.disbursing.evidence import record_kyc

    ledger, _ = opened_for_writing()
    with ledger:
        by = _answer(answer, on, who(ledger.settings, as_))
        record_kyc(ledger, loan, party, passed, by)
    out.print(f"recorded: {'passed' if passed else 'failed'}")


def _answer(told: str, on: str | None, actor: Actor) -> Answer:
    """What a provider answered, by whom recorded."""
    from loanbook.pipelines.disbursing.evidence import Answer

    provider, colon, reference = told.partition(":")
    if not (provider and colon and reference):
        raise LoanbookError(
            f"--answer {told!r}: write PROVIDER:REFERENCE, who was asked and its own reference"
        )
    return Answer(provider, reference, today(on), actor)


def account(loan: Loan,
            told: Annotated[Path, typer.Argument(help="JSON file: bank, account, account_type, holder as the bank tells it, originator.")],
            answer: Source, on: On = None, as_: As = "") -> None:  # fmt: skip
    """Record the account to pay to, and how alike its holder and the borrower are; the account is kept sealed."""
    from loanbook.pipelines.disbursing.evidence import record_account

    try:
        content = {str(k): str(v) for k, v in json.loads(told.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError):
        raise LoanbookError(
            f"{told}: no JSON object of an account; write bank, account, account_type, holder, originator"
        ) from None
    ledger, policies = opened_for_writing()
    with ledger:
        by = _answer(answer, on, who(ledger.settings, as_))
        score = record_account(ledger, policies, loan, content, by)
    out.print(f"the names are alike by {score} %")


def gates(loan: Loan, on: On = None, as_json: AsJson = False) -> None:
    """What holds the payout of an agreement back now, each gate with its remedy."""
    from loanbook.core.documents.payouts import GATES
    from loanbook.core.store.agreements.offers import offer
    from loanbook.pipelines.disbursing.gating import held_back

    ledger, policies = lake_and_policies()
    with ledger:
        found = offer(ledger, loan, today(on))
        held = held_back(ledger, policies, found, found["amount"], today(on))
    rows = held.with_columns(remedy=pl.col("gate").replace_strict(GATES, return_dtype=pl.String))
    if not piped(rows, as_json, False):
        show(rows) if rows.height else out.print("Nothing holds it back.")


def propose_payout(loan: Loan, on: On = None,
                   key: Annotated[str, typer.Option(help="Idempotency key; default: the loan's key and the number of the try.")] = "",
                   as_: As = "") -> None:  # fmt: skip
    """Ask for the payout of an agreement: refused unless every gate is passed; then it waits for another person, or two."""
    from loanbook.pipelines.disbursing.proposing import Asked, propose

    ledger, _ = opened_for_writing()
    with ledger:
        asked = Asked(loan, today(on), None, key)
        payout, order = propose(desk(), ledger, who(ledger.settings, as_), asked)
    out.print(
        f"{payout} is asked for by order {order}: `loanbook disburse approve {payout}`, by another person"
    )


def approve_payout(
    key: Key, reason: Annotated[str, typer.Option(help="Why.")] = "", as_: As = ""
) -> None:
    """Approve a payout, after every gate was asked again; with the last approval it goes to the next intake."""
    from loanbook.pipelines.disbursing.proposing import approve

    ledger, _ = opened_for_writing()
    with ledger:
        payout, order = approve(desk(), ledger, who(ledger.settings, as_), key, reason)
    left = order.approvals_needed - len(order.approved_by)
    out.print(
        f"{payout} is {order.state}"
        + (f"; {left} more must approve" if left > 0 else f": {order.file} lands next")
    )


def prove_payout(
    key: Key,
    to: Annotated[Path, typer.Option(help="Folder for PDF and JSON.")] = Path("disbursement"),
) -> None:
    """Write the proof that a payout went out: reference, file, people, hashes, and where the ledger and its trail stood."""
    from loanbook.pipelines.disbursing.proof import prove

    ledger, _ = opened_for_writing()
    with ledger:
        for path in prove(ledger, desk().people, key, to):
            out.print(str(path), highlight=False)
