"""`loanbook check`: what intake would make of files, with nothing stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from loanbook.core.words import counted
from loanbook.pipelines.commands.console import err, out

if TYPE_CHECKING:
    from loanbook.core.policy.book import PolicyBook
    from loanbook.pipelines.ingest.dry_run.trial import Trial
    from loanbook.pipelines.ingest.events import Known


def check(
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=False, help="Files, named as they would land."),
    ],
) -> None:
    """Say what would become of each row of a file: accepted, quarantined by which rule, or known.

    Nothing is stored, and the files may lie anywhere. Loans of a tape are known to the files after
    it; what only the trial close at intake finds is not told. For a header that no mapping fits a mapping is suggested. Ends with 1 if a file would be refused.
    """
    from loanbook.pipelines.ingest.dry_run.trial import tried
    from loanbook.pipelines.instance import default_mapping
    from loanbook.pipelines.resources import settings

    policies, known = known_book()
    tape = default_mapping(settings().home, policies)
    refused = False
    for trial in tried(files, policies, tape, known):
        refused = refused or bool(trial.refused)
        _print(trial)
    if refused:
        raise typer.Exit(1)


def known_book() -> tuple[PolicyBook, Known]:
    """Policies, and what the ledger knows; nothing, where there is none yet."""
    from dataclasses import replace

    from loanbook.core.store.instance import policies_folder
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.ingest.events import nothing_known
    from loanbook.pipelines.ingest.intake import knowledge
    from loanbook.pipelines.resources import policies_of, read_policies, settings

    where = settings()
    if not where.has_ledger:
        policies = read_policies(policies_folder(where.home)).with_registry(())
        return policies, replace(nothing_known(), home=where.home)
    reader = LedgerReader(where)
    policies = policies_of(reader)
    return policies, knowledge(reader.lake(), policies, where.home)


def _print(trial: Trial) -> None:
    from loanbook.pipelines.formats.rules import RULES
    from loanbook.pipelines.ingest.dry_run.trial import EXAMPLES

    out.print(f"[bold]{escape(trial.name)}[/bold]")
    if trial.refused:
        err.print(f"[yellow]would be refused[/yellow]: {escape(trial.refused)}")
        if trial.suggestion:
            out.print(
                f"A mapping to begin with, for policies/{trial.mapping}; check every line of it:"
            )
            out.print(escape(trial.suggestion), highlight=False)
        return
    if trial.note:
        err.print(f"[yellow]note[/yellow] {escape(trial.note)}")
    rows = trial.accepted + len(trial.bad) + trial.duplicates
    by = f", read by {trial.mapping}" if trial.mapping else ""
    out.print(f"{trial.kind}{by}, source system {trial.source}", highlight=False)
    out.print(f"{counted(rows, 'row')}: {trial.accepted:,} accepted, {len(trial.bad):,} quarantined, "
              f"{trial.duplicates:,} duplicates", highlight=False)  # fmt: skip
    if trial.bad:
        table = Table("rule", "rows", "line: found", "what to do")
        for name, found in trial.by_rule.items():
            shown = "\n".join(f"{row['line']}: {row['found']}" for row in found[:EXAMPLES])
            remedy = RULES[name].remedy if name in RULES else ""
            table.add_row(name, f"{len(found):,}", escape(shown), escape(remedy))
        out.print(table)
    if trial.columns:
        pairs = ", ".join(f"{name} = {column}" for name, column in trial.columns)
        out.print(f"read: {escape(pairs)}", highlight=False)
        out.print(f"not read: {escape(', '.join(trial.unread)) or 'no column'}", highlight=False)
