"""`loanbook collections settle`: what would settle a loan for less, by policy and by the engine, and ordering it once it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.contract.money import to_major, to_minor
from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.agreements.acting import desk as desk_now
from loanbook.pipelines.commands.console import iso_date, keyed, loan_and_key, out
from loanbook.pipelines.commands.people.orders import acting_at, print_preview

if TYPE_CHECKING:
    from loanbook.core.access.actor import Actor
    from loanbook.pipelines.approvals.desk import Desk


def settle(
    loan: Annotated[str, typer.Argument(help="Key of the loan.")],
    amount: Annotated[
        str, typer.Argument(help="What would settle it; with --propose left out.")
    ] = "",
    by: Annotated[str | None, typer.Option(help="Day by which it is to be paid.")] = None,
    propose: Annotated[
        bool, typer.Option("--propose", help="Order the settlement: the money came.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Reason code, with --propose.")] = "settlement",
    as_: Annotated[str, typer.Option("--as", help="In a demo alone: the person who acts.")] = "",
) -> None:
    """What a settlement gives up, whether policy lets you offer it, and what it would book; nothing is written.

    With `--propose` the settlement itself is ordered, once the money came: it waits for other people in the queue of orders.
    Floor and authority (policy `settlement_rules`) bind there too, whoever orders it.
    """
    desk = desk_now()
    who = acting_at(desk, as_)
    if propose:
        _proposed(desk, who, loan, reason)
        return
    from loanbook.core.collections.settling import why_not
    from loanbook.pipelines.approvals.settlement import offered, rules_of

    day = iso_date(by, "--by")
    if day is None or not amount:
        raise LoanbookError("say what would settle it and by when: AMOUNT --by 2024-03-31")
    currency = _currency(desk, loan)
    try:
        minor = to_minor(amount, currency)
    except ValueError as bad:
        raise LoanbookError(str(bad)) from None
    offer, seen = offered(desk, loan, minor, day)
    told = {
        "owed": offer.owed,
        "offer": offer.paid,
        "floor": offer.floor,
        "given up": offer.given_up,
    }
    out.print(", ".join(f"{name} {to_major(n, currency)}" for name, n in told.items()) + f" {currency}; "
              f"floor {offer.floor_percent} % at {offer.days_past_due} days past due")  # fmt: skip
    print_preview(seen)
    published = desk.ledger.published()[1]
    assert published is not None
    why = why_not(offer, rules_of(desk, published), who)
    out.print(f"You may not offer it: {why}." if why else
              f"You may offer it. Write it down: loanbook collections promise {loan} {day}={amount} --at …; once it came: "
              f"loanbook collections settle {loan} --propose")  # fmt: skip


def _proposed(desk: Desk, who: Actor, loan: str, reason: str) -> None:
    from loanbook.core.store.people import queue
    from loanbook.pipelines.approvals.approving import judged_again, proposed
    from loanbook.pipelines.approvals.preview import preview

    published = desk.ledger.published()[1]
    wanted = {"command": "settle", "loan_key": loan, "value_date": str(published), "reason": reason}
    id_ = proposed(desk, who, wanted)
    waiting = queue.order(desk.people, id_)
    print_preview(preview(judged_again(desk, waiting), desk.policies))
    out.print(
        f"Order {id_} waits for {waiting.approvals_needed} approval(s), until {waiting.expires_at:%Y-%m-%d}."
    )


def _currency(desk: Desk, loan: str) -> str:
    number, _ = loan_and_key(desk.reader, loan)
    return str(keyed(pl.DataFrame({"loan_id": [number]}), desk.reader)["currency"][0])
