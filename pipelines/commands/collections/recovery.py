"""`loanbook collections legal | place | placed`: legal action, and loans that agencies collect."""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from loanbook.core.catalogue.recovery import LEGAL_ENDS, LEGAL_STAGES
from loanbook.core.contract.money import major
from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.collections.contacts import date_of, facts_of, landed
from loanbook.pipelines.commands.console import (
    AsCsv,
    AsJson,
    AsOf,
    believed,
    found_loan,
    iso_date,
    keyed,
    opened,
    out,
    piped,
    show,
    who_acts,
)

Agent = Annotated[str, who_acts("writes it down")]


def legal(
    loan: Annotated[str, typer.Argument(help="Key of the loan; none: loans under legal action.")] = "",
    stage: Annotated[str, typer.Argument(help=f"{', '.join(LEGAL_STAGES)}.")] = "",
    facts: Annotated[
        list[str] | None,
        typer.Argument(help="stated_at=2024-03-10T07:30:00-05:00, and where they are so next_on=2024-04-02 cost=120.00 reference=own"),
    ] = None,
    agent: Agent = "",
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """Write down a stage of legal action, as a file that lands after it was tried; without a loan list those that are under it, the next
    court date first, with what it cost so far. While it lasts contact is held, where contact rules have `legal`."""
    if not loan:
        _under_action(as_json, as_csv)
        return
    from loanbook.pipelines.commands.landing import acting_as

    if stage not in LEGAL_STAGES:
        raise LoanbookError(f"{stage!r} is no stage; use one of {', '.join(LEGAL_STAGES)}")
    row = facts_of(facts or [], ("stated_at",), {"next_on": "", "cost": "0", "reference": ""}, "a legal step")  # fmt: skip
    found = found_loan(loan, None, None)
    currency = keyed(pl.DataFrame({"loan_id": [found.number]}), found.reader)["currency"][0]
    row |= {"loan_key": found.key, "stage": stage, "amount": row.pop("cost"), "currency": str(currency)}  # fmt: skip
    landed("legal_steps", [row | {"agent": acting_as(agent, "--agent")}], "stated_at")


def _under_action(as_json: bool, as_csv: bool) -> None:
    from loanbook.core.store.known import queue as stored

    reader, _ = opened()
    at = reader.clocks(None, None)
    rows = reader.query(stored.LEGAL, {"on": at.on, "booked": at.booked, "loan": None})
    rows = rows.with_columns(pl.col("since", "stage_since").dt.replace_time_zone("UTC"))
    if piped(rows.drop("loan_id"), as_json, as_csv):
        return
    live = rows.filter(~pl.col("stage").is_in(LEGAL_ENDS))
    if live.height:
        show(live.select("loan_key", "stage", "next_on", major("cost"), "currency", "steps", pl.col("since").dt.date()), f"Under legal action {believed(at)}")  # fmt: skip
    out.print(f"{counted(live.height, 'loan')} under legal action, {rows.height - live.height} came to an end.")  # fmt: skip


def place(
    loan: Annotated[str, typer.Argument(help="Key of the loan.")],
    agency: Annotated[str, typer.Argument(help="The agency: a policy of collection_agencies.")],
    facts: Annotated[
        list[str], typer.Argument(help="stated_at=2024-03-10T07:30:00-05:00, and where it is so reference=own")
    ],
    recall: Annotated[bool, typer.Option("--recall", help="The lender takes the loan back.")] = False,
    returned: Annotated[bool, typer.Option("--returned", help="The agency gives it back.")] = False,
    agent: Agent = "",
) -> None:  # fmt: skip
    """Place a loan with an agency, or take it back: a file that lands after it was tried. While it is placed nobody of the lender's calls,
    and no reminder goes out; what the agency collects comes by its own file of `collected_…`."""
    from loanbook.pipelines.commands.landing import acting_as

    if recall and returned:
        raise LoanbookError("it is recalled, or returned: leave one of both out")
    step = "recalled" if recall else "returned" if returned else "placed"
    row = facts_of(facts, ("stated_at",), {"reference": ""}, "a placement")
    row |= {"loan_key": loan, "step": step, "agency": agency, "agent": acting_as(agent, "--agent")}
    _must_stand(row)
    landed("placements", [row], "stated_at")


def _must_stand(row: dict[str, str]) -> None:
    """LoanbookError: the agency is none, holds already what is placed with it, or does not hold what it is to give back."""
    from loanbook.pipelines.collections.placed import agency_on, held_by

    found = found_loan(row["loan_key"], None, None)
    row["loan_key"] = found.key
    agency_on(found.policies, max(found.at.on, date_of(row["stated_at"], "stated_at")), row["agency"])  # fmt: skip
    stands = held_by(found.reader, found.at, found.number)
    holders = dict(stands.select("agency", "placed_on").rows())
    holds = row["agency"] in holders
    if holds == (row["step"] == "placed"):
        told = "".join(f"{name} since {since}" for name, since in holders.items()) or "nobody"
        remedy = (
            "nothing to do"
            if holds
            else "name the agency that holds it, or leave --recall and --returned out to place it"
        )
        raise LoanbookError(f"loan {found.key} is placed with {told}, {believed(found.at)}: {remedy}")  # fmt: skip


def placed(
    agency: Annotated[str, typer.Argument(help="The agency; none: all.")] = "",
    first: Annotated[str | None, typer.Option("--from", help="First value date.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last value date.")] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """Which agency holds which loan since when; with `--from` and `--to` what commission it is due on what came in the period."""
    from loanbook.pipelines.collections.placed import commission_due, held_by

    reader, policies = opened()
    at = reader.clocks(as_of, None)
    if first is None and last is None:
        rows = held_by(reader, at)
        rows = rows.filter(pl.col("agency") == agency) if agency else rows
        told = rows.select("loan_key", "agency", "placed_on")
        if not piped(told, as_json, as_csv):
            show(told, f"Placed {believed(at)}") if told.height else out.print("No loan is placed.")
        return
    since, until = iso_date(first, "--from"), iso_date(last, "--to")
    if not agency or since is None or until is None or since > until:
        raise LoanbookError("name the agency and the period: AGENCY --from 2024-03-01 --to 2024-03-31")  # fmt: skip
    due = commission_due(reader, policies, at, agency, (since, until))
    if piped(due.drop("loan_id"), as_json, as_csv):
        return
    if due.height:
        show(due.drop("loan_id").with_columns(major("came"), major("commission")), f"Commission of {agency}")  # fmt: skip
    sums = due.group_by("currency").agg(pl.col("commission").sum()).sort("currency").with_columns(major("commission"))  # fmt: skip
    told_sums = ", ".join(f"{amount} {name}" for name, amount in sums.rows())
    out.print(f"{counted(due.height, 'loan')} paid; commission {told_sums or 'none'}.")
