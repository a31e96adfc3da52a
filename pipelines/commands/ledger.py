"""Commands about the ledger itself: its schema, its rows in SQL, its replay and rebuild."""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.console import (
    AsOf,
    KnownAt,
    Loan,
    found_loan,
    out,
    piped,
    progress,
    show,
)


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the published views.")],
    as_of: Annotated[
        str | None, typer.Option(help="Business date: rows of it and before; default: all.")
    ] = None,
    known_at: KnownAt = None,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as a JSON list.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Rows as CSV.")] = False,
) -> None:
    """Ask the published ledger in SQL. `loanbook sql "show"` lists the views.

    With a clock every view shows what it has: rows of the date and before, as they were believed then.
    """
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import settings

    reader = LedgerReader(settings()).by(as_of, known_at)
    listed = query.strip().lower() == "show"
    rows = pl.DataFrame({"view": reader.tables()}) if listed else reader.sql(query)
    if piped(rows, as_json, as_csv):
        return
    if listed:
        out.print("\n".join(reader.tables()))
    else:
        show(rows)


def marts() -> None:
    """Bring the marts up to date with what is published, and list them."""
    from loanbook.core.store.marts import MARTS, refresh_marts
    from loanbook.pipelines.resources import open_stored

    ledger, _ = open_stored()
    with ledger:
        added = refresh_marts(ledger)
        rows = [ledger.one(f"SELECT count(*) FROM {{lake}}.{mart.name}")[0] for mart in MARTS]
    listed = pl.DataFrame(
        {"mart": list(added), "added": list(added.values()), "rows": rows,
         "meaning": [mart.meaning for mart in MARTS]}
    )  # fmt: skip
    show(listed)


def migrate() -> None:
    """Bring the instance's ledger to the schema of this loanbook; every version stays."""
    from loanbook.core.store.writer import Ledger
    from loanbook.pipelines.resources import settings

    ledger = Ledger(settings())
    ledger.close()
    out.print(f"The ledger in {settings().home} has the schema of this loanbook.")


def maintain() -> None:
    """Merge the small files that closes leave behind; every version stays. Once a week is enough."""
    from loanbook.core.store.upkeep.files import merge
    from loanbook.core.store.writer import Ledger
    from loanbook.pipelines.resources import must_be_an_instance, settings

    must_be_an_instance(settings())
    with Ledger(settings()) as ledger:
        before, after = merge(ledger, ledger.settings.data)
    out.print(f"{before:,} data files are {after:,}; what was merged is deleted by the next run.")


def rollback(
    reason: Annotated[str, typer.Option(help="Why, as a person would want to read it.")],
) -> None:
    """Take the last published version back: readers see the one before, its day closes again.

    Damaged files that hold rows of that version alone are given up with it; where they hold those of
    days that were published together with it, these are taken back too.
    """
    import getpass

    from loanbook.core.store.upkeep.files import withdraw
    from loanbook.core.store.writer import Ledger
    from loanbook.pipelines.resources import must_be_an_instance, settings

    must_be_an_instance(settings())
    with Ledger(settings()) as ledger:
        taken = withdraw(ledger, ledger.settings.data, f"user:{getpass.getuser()}", reason)
    many = taken.last > taken.first
    whose = f"Versions {taken.first} to {taken.last} are" if many else f"Version {taken.last} is"
    stands = (
        f"version {taken.parent} of {taken.date} stands" if taken.date else "nothing is published"
    )
    closes = "their days" if many else "its day"
    out.print(
        f"{whose} withdrawn, {stands}; `loanbook backfill {taken.through}` closes {closes} again."
    )
    if taken.files:
        out.print(
            f"{len(taken.files)} damaged files were given up with {'them' if many else 'it'}."
        )


def replay(loan: Loan, as_of: AsOf = None, known_at: KnownAt = None) -> None:
    """Recompute a loan from its events, compare with the stored days, write nothing."""
    from loanbook.pipelines.servicing.verify import replay_loan

    of = found_loan(loan, as_of, known_at)
    seen = replay_loan(of.reader.lake(), of.policies, of.number, of.at)
    if seen.differences.height:
        show(seen.differences.head(20), "Differences")
        raise LoanbookError(
            f"{seen.differences.height} cells of loan {of.key} differ from the ledger; this is a defect, "
            "report it with them"
        )
    out.print(
        f"Loan {of.key}: {seen.rows} stored days equal their replay; digest {seen.digest[:16]}."
    )


def rebuild(
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute all from events and compare; write nothing.")
    ] = False,
) -> None:
    """Recompute the whole ledger from its events and compare every published day with it."""
    from loanbook.pipelines.resources import open_stored
    from loanbook.pipelines.servicing.verify import rebuild as rebuild_ledger

    if not verify:
        raise LoanbookError(
            "published versions are never overwritten: use `loanbook rebuild --verify` to compare"
        )
    ledger, policies = open_stored()
    with ledger, progress() as bar:
        task = bar.add_task("rebuild", total=None)
        seen = rebuild_ledger(
            ledger, policies,
            lambda date: bar.update(task, advance=1, description=f"rebuilt {date}"),
        )  # fmt: skip
    if seen.differences.height:
        show(seen.differences.head(20), "Differences")
        raise LoanbookError(f"{seen.differences.height} tables differ from what the events give")
    out.print(f"{seen.days} days, {seen.rows:,} rows: equal. Digest {seen.digest}")
