"""`loanbook duplicates`: records of the vault that may be of one person, and what people say of them."""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from loanbook.pipelines.commands.console import MOST, AsCsv, AsJson, out, piped, reading, show
from loanbook.pipelines.commands.origination.screening import _open
from loanbook.pipelines.commands.origination.underwrite import As, Note, _office

Pair = Annotated[str, typer.Argument(help="Id of the pair, as `loanbook duplicates list` has it.")]
Reason = Annotated[str, typer.Option(help="Why, a code of policies/duplicates.")]


def run() -> None:
    """Compare all persons of the vault, and keep pairs that are new."""
    from loanbook.pipelines.origination.duplicates import look

    with _open() as (ledger, policies, people, actor):
        done = look(ledger, policies, people, actor)
    out.print(
        f"{done.persons:,} persons compared: {done.pairs:,} pairs, {done.fresh:,} of them new"
        if done.persons
        else "Nobody is new or changed since the last look."
    )


def list_pairs(
    every: Annotated[
        bool, typer.Option("--all", help="Also those of which people said something.")
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Pairs that may be one person, the heaviest first: tokens, weight in bits, and what each field weighs. With --json or
    --csv the weight is in hundredths of a bit."""
    from loanbook.core.store.origination.merges import pairs_now

    rows = pairs_now(reading().lake())
    told = rows if every else rows.filter(pl.col("event").is_null())
    if piped(told, as_json, as_csv):
        return
    shown = told.select(
        "pair_id", "person", "other", pl.col("weight") / 100, pl.col("evidence").str.replace_all(";", ", "),
        said=pl.col("event").fill_null(""),
    )  # fmt: skip
    show(shown.head(MOST)) if told.height else out.print("No pair waits.")


def show_pair(pair: Pair) -> None:
    """A pair: what each field weighs, both records as your roles show them, and what people said."""
    from loanbook.core.store.origination.merges import said_of_pairs
    from loanbook.core.store.vault.vault import Vault
    from loanbook.pipelines.origination.duplicates import evidence_of
    from loanbook.pipelines.origination.duplicates import pair as pair_of

    with _open() as (ledger, _, people, actor):
        found = pair_of(ledger, pair)
        said = said_of_pairs(ledger).filter(
            (pl.col("person") == found["person"]) & (pl.col("other") == found["other"])
        )
        both = Vault(people).masked(pl.Series([found["person"], found["other"]]), actor)
    out.print(f"[bold]{pair}[/bold]: weight {found['weight'] / 100:.2f} bits, by {found['method']}", highlight=False)  # fmt: skip
    show(evidence_of(found["evidence"]), "What it weighs, in bits")
    fields = both.drop("kind", "state").transpose(include_header=True, header_name="field", column_names="person")  # fmt: skip
    show(
        fields.filter(pl.any_horizontal(pl.exclude("field").is_not_null())),
        "As your roles show them",
    )
    if said.height:
        show(said.select("on_date", "event", "reason", "note", "maker", "checkers"), "Said of it")


def merge(pair: Pair, reason: Reason, note: Note = "", as_: As = "") -> None:
    """Order that both records are of one person: it waits for another person (`loanbook approve`)."""
    from loanbook.pipelines.origination.duplicates import MERGE

    _order(MERGE, pair, reason, note, as_)


def part(pair: Pair, reason: Reason, note: Note = "", as_: As = "") -> None:
    """Order that a merge is undone: it waits for another person (`loanbook approve`)."""
    from loanbook.pipelines.origination.duplicates import PART

    _order(PART, pair, reason, note, as_)


def _order(verb: str, pair: str, reason: str, note: str, as_: str) -> None:
    from loanbook.pipelines.origination.duplicates import order

    with _office(as_) as (office, actor):
        made = order(office, actor, verb, pair, reason, note)
    out.print(
        f"Order {made.id} waits for {made.approvals_needed} approval(s), until {made.expires_at:%Y-%m-%d}.",
        highlight=False,
    )


def apart(pair: Pair, reason: Reason, note: Note = "", as_: As = "") -> None:
    """Say that a pair is two persons: it waits no longer."""
    from loanbook.pipelines.origination.duplicates import say_apart

    with _office(as_) as (office, actor):
        say_apart(office, actor, pair, reason, note)
    out.print(f"{pair} is two persons.", highlight=False)
