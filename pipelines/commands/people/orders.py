"""`loanbook orders` and `loanbook approve`: orders that wait for another person, and what they would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.contract.money import major
from loanbook.pipelines.commands.agreements.acting import desk as desk_now
from loanbook.pipelines.commands.agreements.acting import who
from loanbook.pipelines.commands.console import AsJson, out, piped, show

if TYPE_CHECKING:
    from loanbook.core.access.actor import Actor
    from loanbook.core.store.people.queue import Order
    from loanbook.pipelines.approvals.desk import Desk
    from loanbook.pipelines.approvals.preview import Preview

Id = Annotated[str, typer.Argument(help="The order's id.")]
Why = Annotated[str, typer.Option(help="Why.")]
As = Annotated[str, typer.Option("--as", help="In a demo alone: the person who acts.")]
SHOWN = {"id": pl.String, "state": pl.String, "order": pl.String, "loan_key": pl.String, "value_date": pl.String,
         "amount": pl.String, "maker": pl.String, "approvals": pl.String, "waits_for": pl.String,
         "expires": pl.String, "in_the_ledger": pl.String}  # fmt: skip


def acting_at(desk: Desk, name: str) -> Actor:
    """Who acts; a demo takes anyone's word."""
    return who(desk.people.settings, name, desk.people)


def list_orders(
    all_of_them: Annotated[
        bool, typer.Option("--all", help="Also those that were decided.")
    ] = False,
    mine: Annotated[bool, typer.Option("--mine", help="Those that I may approve now.")] = False,
    as_json: AsJson = False,
) -> None:
    """Orders that wait for another person, and what became of others."""
    from loanbook.core.store.people import queue
    from loanbook.pipelines.approvals.approving import OF_OTHERS, may_of_all
    from loanbook.pipelines.approvals.releasing import release_rest
    from loanbook.pipelines.origination import duplicates, underwriting

    desk = desk_now()
    queue.expire(desk.people)
    actor = acting_at(desk, "")
    release_rest(desk.people, actor, desk.ledger)
    left = queue.orders(desk.people, queue.APPROVED)
    if any(each.proposal.command in OF_OTHERS for each in left):
        with underwriting.office_of(desk.people) as office:
            underwriting.settle_rest(office, actor)
            duplicates.settle_rest(office, actor)
    found = [
        order for order in queue.orders(desk.people)
        if all_of_them or order.state in (queue.PROPOSED, queue.APPROVED)
    ]  # fmt: skip
    if mine:
        waiting = [order for order in found if order.state == queue.PROPOSED]
        verdicts = may_of_all(desk, actor, waiting)
        found = [order for order in waiting if verdicts[order.id].allowed]
    ledger = _in_the_ledger(desk, [order.id for order in found])
    rows = pl.DataFrame([_row(order, ledger) for order in found], schema=SHOWN)
    if not piped(rows, as_json, False):
        show(rows) if rows.height else out.print("No order waits.")


def _row(order: Order, ledger: dict[str, str]) -> dict[str, str]:
    wanted = order.proposal
    left = order.approvals_needed - len(order.approved_by)
    who = f"one of {', '.join(order.roles_needed)}" if order.roles_needed else "who may approve"
    return {
        "id": order.id, "state": order.state, "order": wanted.command, "loan_key": wanted.loan_key,
        "value_date": wanted.value_date.isoformat(), "amount": wanted.fields.get("amount", ""),
        "maker": order.maker, "approvals": f"{len(order.approved_by)} of {order.approvals_needed}",
        "waits_for": f"{left} more: {who}" if order.state == "proposed" else "",
        "expires": order.expires_at.date().isoformat() if order.state == "proposed" else "",
        "in_the_ledger": ledger.get(order.id, ""),
    }  # fmt: skip


def _in_the_ledger(desk: Desk, ids: list[str]) -> dict[str, str]:
    """What became of released orders: booked on a date, or refused by a rule when they came."""
    booked = desk.reader.query(
        "SELECT source_ref, min(booking_date) AS on_date FROM events WHERE source_ref IN (SELECT unnest(?)) GROUP BY ALL",
        [ids],
    )
    return {ref: f"booked on {date}" for ref, date in booked.rows()}


def propose(
    order: Annotated[
        str, typer.Argument(help="The order, as waive_charge (docs/guide/commands.md).")
    ],
    loan: Annotated[str, typer.Argument(help="The loan's key.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(help="Its fields as NAME=VALUE: amount=12.50 due_date=2024-03-01 …"),
    ] = None,
    on: Annotated[str, typer.Option(help="Its value date.")] = "",
    reason: Annotated[str, typer.Option(help="Reason code, as hardship.")] = "",
    as_: As = "",
) -> None:
    """Order something of a loan: it is judged by every rule, then waits until another person approves it."""
    from loanbook.core.store.people import queue
    from loanbook.pipelines.approvals.approving import judged_again, proposed

    desk = desk_now()
    wrong = [each for each in fields or [] if "=" not in each]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is no NAME=VALUE", param_hint="fields")
    told = dict(each.split("=", 1) for each in fields or [])
    wanted = {**told, "command": order, "loan_key": loan, "value_date": on, "reason": reason}
    id_ = proposed(desk, acting_at(desk, as_), wanted)
    waiting = queue.order(desk.people, id_)
    _print_preview(desk, judged_again(desk, waiting))
    out.print(
        f"Order {id_} waits for {waiting.approvals_needed} approval(s), until {waiting.expires_at:%Y-%m-%d}."
    )


def show_order(id_: Id) -> None:
    """An order, what was decided of it, and what it would do by the loan as it stands now."""
    from loanbook.core.store.people import queue

    desk = desk_now()
    queue.expire(desk.people)
    order = queue.order(desk.people, id_)
    show(pl.DataFrame([_row(order, _in_the_ledger(desk, [id_]))], schema=SHOWN))
    out.print(
        f"{order.proposal.reason}; by {order.policy}; from {order.proposal.source}. {order.proposal.comment}"
    )
    for actor, verdict, reason in order.decisions:
        out.print(f"{verdict} by {actor}: {reason or 'no reason given'}")
    if order.state == queue.PROPOSED:
        _preview_of(desk, order)


def _preview_of(desk: Desk, order: Order) -> None:
    """What an order would do; of a case its terms, of a pair its evidence."""
    from loanbook.pipelines.approvals.approving import judged_again, subject

    of = subject(order.proposal.command)
    if of == "Loan":
        _print_preview(desk, judged_again(desk, order))
        return
    told = order.proposal.fields
    if of == "Pair":
        out.print(
            f"Pair {told['pair']}: {told['person']} and {told['other']}, weight {told['weight']} bits ({told['evidence'].replace(';', ', ')})",
            highlight=False,
        )
        return
    past = f", past {told['past'].replace(',', ', ')}" if told["past"] else ""
    out.print(
        f"Application {order.proposal.loan_key}: {told['amount']} {order.proposal.currency} over {told['term']}, grade "
        f"{told['grade']}{past}", highlight=False,
    )  # fmt: skip


def approve(id_: Id, reason: Why = "", yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
            as_: As = "") -> None:  # fmt: skip
    """Approve an order, after showing what it would do; with the last approval it goes to the next intake."""
    from loanbook.core.store.people import queue
    from loanbook.pipelines.approvals.approving import approved

    desk = desk_now()
    _preview_of(desk, queue.order(desk.people, id_))
    if not yes:
        typer.confirm(f"Approve {id_}?", abort=True, err=True)
    order = approved(desk, acting_at(desk, as_), id_, reason)
    left = order.approvals_needed - len(order.approved_by)
    out.print(
        f"{id_} is {order.state}"
        + (
            f"; {left} more must approve."
            if left > 0
            else f": {order.file} lands next."
            if order.file and order.file.endswith(".csv")
            else f" ({order.file})."
        )
    )


def reject(id_: Id, reason: Why, as_: As = "") -> None:
    """Reject an order."""
    from loanbook.pipelines.approvals.approving import rejected

    desk = desk_now()
    out.print(f"{id_} is {rejected(desk, acting_at(desk, as_), id_, reason).state}.")


def withdraw(id_: Id, reason: Why = "", as_: As = "") -> None:
    """Withdraw an order of one's own."""
    from loanbook.pipelines.approvals.approving import withdrawn

    desk = desk_now()
    out.print(f"{id_} is {withdrawn(desk.people, acting_at(desk, as_), id_, reason).state}.")


def _print_preview(desk: Desk, judged: object) -> None:
    from loanbook.pipelines.approvals.judged import Judged
    from loanbook.pipelines.approvals.preview import preview

    assert isinstance(judged, Judged)
    print_preview(preview(judged, desk.policies))


def print_preview(seen: Preview) -> None:
    """What an order would do."""
    money = ["before", "after"]
    figures = seen.balances.with_columns(
        pl.when(pl.col("figure") == "days_past_due").then(pl.col(name).cast(pl.String))
        .otherwise(major(name, seen.currency)).alias(name) for name in money
    )  # fmt: skip
    show(figures, f"What it would do by {seen.on}, amounts in {seen.currency}")
    if seen.schedule.height:
        changes = seen.schedule.with_columns(major(name, seen.currency) for name in money)
        show(changes.head(24), "Instalments that change")
    if seen.postings.height:
        show(seen.postings.with_columns(major("amount", seen.currency)), "Postings")
