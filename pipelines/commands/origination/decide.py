"""`loanbook decide`: what waits is decided; made again; compared with a challenger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loanbook.core.contract.money import major
from loanbook.core.errors import LoanbookError, PolicyError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import AsCsv, AsJson, err, out, piped, show


def decide(
    rerun: Annotated[
        bool,
        typer.Option(
            "--rerun", help="Make every stored decision again, compare byte by byte, write nothing."
        ),
    ] = False,
    application: Annotated[
        str | None, typer.Option(help="With --rerun: of this application alone.")
    ] = None,
    challenger: Annotated[
        Path | None,
        typer.Option(
            "--challenger",
            "--policy",
            exists=True,
            dir_okay=False,
            help="A file of policies/decisions: compare it with what was decided, over the same inputs; nothing is kept.",
        ),
    ] = None,
    bad_days: Annotated[
        int,
        typer.Option(
            help="With --challenger: a loan was bad that was ever so many days past due: 30, 60 or 90."
        ),
    ] = 90,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Decide on applications that wait, each as of its own day, by the champion of its product.

    --rerun leaves what persons decided as it is, and ends with 1 if a decision comes out otherwise. A challenger is shown by outcome, with the applications that
    it decides otherwise (--json, --csv), and beside what loans of these applications did.
    """  # fmt: skip
    if rerun and challenger is not None:
        raise LoanbookError("one of them: --rerun, --challenger")
    if application is not None and not rerun:
        raise LoanbookError(
            "--application goes with --rerun; `loanbook decide` decides all that waits"
        )
    if challenger is not None:
        _compare(challenger, bad_days, as_json, as_csv)
    elif rerun:
        _again(application, as_json, as_csv)
    else:
        _decide()


def _decide() -> None:
    from loanbook.core.store.lake import utc_now
    from loanbook.pipelines.origination.deciding import decide_all
    from loanbook.pipelines.origination.screening import screen_if_listed
    from loanbook.pipelines.resources import open_instance

    ledger, policies = open_instance()
    with ledger:
        screen_if_listed(ledger, policies)
        made = decide_all(ledger, policies, utc_now)
    if made.decisions.is_empty():
        out.print("No application waits for a decision.")
    for outcome, count in made.counts().items():
        out.print(f"{outcome}: {count:,}")
    if made.without_policy:
        err.print(
            f"[yellow]{made.without_policy:,} applications wait[/yellow]: no policy of policies/decisions is champion of "
            "their product on their day"
        )


def _again(application: str | None, as_json: bool, as_csv: bool) -> None:
    from loanbook.core.store.lake import open_reader
    from loanbook.core.store.origination.persons import by_persons
    from loanbook.core.store.queries import Queries
    from loanbook.pipelines.origination.deciding import made_again
    from loanbook.pipelines.resources import settings

    where = ("true", []) if application is None else ("application_id = ?", [application])
    with Queries(open_reader(settings())) as ledger:
        count, wrong = made_again(ledger, where[0], [*where[1]])
        persons = by_persons(ledger, where[0], [*where[1]]).height
    if application is not None and not count:
        raise LoanbookError(
            f"nothing was decided on {application!r}; `loanbook apply list` has the applications"
        )
    if not piped(wrong, as_json, as_csv):
        out.print(
            f"{count:,} decisions made again: {count - wrong.height:,} the same byte for byte, {wrong.height:,} not."
        )
        if persons:
            out.print(
                f"{counted(persons, 'decision')} of persons left as they are: no policy makes them again; "
                "`loanbook underwrite overrides` counts them."
            )
        if wrong.height:
            show(wrong.head(50))
    if wrong.height:
        raise typer.Exit(1)


def _compare(file: Path, bad_days: int, as_json: bool, as_csv: bool) -> None:
    from loanbook.core.policy.book import parse
    from loanbook.core.policy.decisions.decision import DecisionPolicy
    from loanbook.core.store.origination.reading import loans_of_applications
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.origination.deciding import challenged
    from loanbook.pipelines.resources import settings

    policy = parse("decisions", file.name, file.read_text(encoding="utf-8"))
    if not isinstance(policy, DecisionPolicy):
        raise PolicyError(f"{file}: no policy of decisions")
    if bad_days not in (30, 60, 90):
        raise typer.BadParameter("write 30, 60 or 90", param_hint="--bad-days")
    reader = LedgerReader(settings())
    found = challenged(reader.lake(), policy, loans_of_applications(reader, bad_days))
    if piped(found.differing, as_json, as_csv):
        return
    both = found.moves.with_columns(major(n, found.currency) for n in ("amount", "amount_other"))
    show(both, f"Champion and challenger: applications by outcome of both, {found.currency}")
    out.print(f"{found.differing.height:,} applications come out otherwise; --csv lists them.")
    for name, rows in (("champion", found.champion), ("challenger", found.challenger)):
        if rows["loans"].sum():
            told = rows.with_columns(major(n, found.currency) for n in ("lent", "lost"))
            show(told, f"What loans of these applications did, by the {name}'s outcome and grade, {found.currency}")  # fmt: skip
    if not found.champion["loans"].sum():
        out.print("No loan was made of these applications: there is nothing to test against.")
