"""Commands about the ledger itself: its schema, its rows in SQL, its replay and rebuild."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
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

if TYPE_CHECKING:
    from loanbook.core.store.upkeep.maintenance import Maintained


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


def marts(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Drop them and make them anew from the ledger.")
    ] = False,
) -> None:
    """Bring the marts up to date with what is published, and list them."""
    from loanbook.core.store.marts import MARTS, filling
    from loanbook.pipelines.resources import open_stored

    ledger, _ = open_stored()
    with ledger:
        added = (filling.rebuild if rebuild else filling.fill)(ledger, MARTS)
        counts = "SELECT count(business_date) FROM {{lake}}.{}"
        rows = [ledger.one(counts.format(mart.name))[0] for mart in MARTS]
    listed = pl.DataFrame(
        {"mart": list(added), "added": list(added.values()), "rows": rows,
         "meaning": [mart.meaning for mart in MARTS]}
    )  # fmt: skip
    show(listed)


def migrate() -> None:
    """Bring the instance's ledger to the schema of this loanbook; every version stays."""
    from loanbook.core.store.marts import refresh_marts
    from loanbook.core.store.writer import Ledger
    from loanbook.pipelines.resources import settings

    ledger = Ledger(settings())
    refresh_marts(ledger)
    ledger.close()
    out.print(f"The ledger in {settings().home} has the schema of this loanbook.")


def maintain(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")
    ] = False,
) -> None:
    """Keep nights from costing more as the ledger ages; every version stays. Run it weekly, or nightly.

    Merges the files of months that ended, table by table, once a month; expires old snapshots of the lake; deletes
    merged and left-over files of the ages that [maintenance] of loanbook.toml says; shrinks an SQLite catalogue. Landed
    files that were taken in are moved into folders of their months, but for the last two.
    """
    import getpass

    from loanbook.core.store.instance import read_instance
    from loanbook.core.store.upkeep.maintenance import maintain as maintained
    from loanbook.pipelines.ingest.shelving import shelve
    from loanbook.pipelines.resources import must_be_an_instance, open_instance, settings

    where = settings()
    must_be_an_instance(where)
    rules = read_instance(where.home).maintenance
    with progress() as bar:
        task = bar.add_task("maintain", total=None)

        def stage(name: str, done: int, total: int) -> None:
            bar.update(task, description=name, completed=done, total=total)

        did = maintained(where, rules, f"user:{getpass.getuser()}", dry_run=dry_run, stage=stage)
    _print_maintained(did, dry_run)
    if rules.shelve and where.has_ledger and not dry_run:
        ledger, policies = open_instance(where)
        with ledger:
            moved = shelve(ledger, policies)
        if moved:
            out.print(
                f"{counted(moved, 'landed file')} of months past moved into the folders of their months."
            )


def _print_maintained(did: Maintained, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    merged = f"{len(did.tables)} tables {would}merged to {did.month}" if did.month else (
        "no month ended since files were merged"
    )  # fmt: skip
    out.print(
        f"{merged}; {did.expired:,} snapshots {would}expired; {did.cleaned:,} merged and "
        f"{did.orphans:,} left-over files {would}deleted"
        + ("; the catalogue was shrunk." if did.vacuumed else ".")
    )
    rows = {"data files": "files", "files on disk": "stored", "bytes on disk": "bytes",
            "bytes of the catalogue": "catalogue", "snapshots": "snapshots"}  # fmt: skip
    show(
        pl.DataFrame(
            {
                "of the lake": list(rows),
                "before": [getattr(did.before, name) for name in rows.values()],
                "after": [getattr(did.after, name) for name in rows.values()],
            }
        )
    )
    if did.cleaned == 0 and did.tables and not dry_run:
        out.print(
            "Files whose rows were merged stay for readers that began; a later run deletes them."
        )


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
        taken = withdraw(ledger, ledger.settings.place, f"user:{getpass.getuser()}", reason)
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
    out.print(
        f"{counted(seen.days, 'day')}, {counted(seen.rows, 'row')}: equal. Digest {seen.digest}"
    )
