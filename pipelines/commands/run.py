"""Commands that run the book: take files in, close days, tell where the ledger stands, reconcile."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer
from rich.table import Table

from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import (
    AsOf,
    KnownAt,
    err,
    out,
    past_date,
    progress,
    show,
)

if TYPE_CHECKING:
    from loanbook.core.store.queries import LedgerStatus, Queries
    from loanbook.core.store.settings import Settings
    from loanbook.core.store.upkeep.files import DataFile
    from loanbook.core.store.writer import Ledger
    from loanbook.pipelines.ingest.intake import IntakeReport

PAGES = "http://localhost:8501"


def run() -> None:
    """Take landed files in and close every missing day, as one Dagster run; then reconcile."""
    run_through(None)


def run_through(through: dt.date | None) -> None:
    """As `run`, of days to a date alone; None: to the last that landed."""
    from loanbook.pipelines.dagster_home import prepare_home
    from loanbook.pipelines.orchestration import run_job
    from loanbook.pipelines.resources import open_instance, settings
    from loanbook.pipelines.servicing.progress import published

    where = settings()
    ledger, _ = open_instance(where)
    with ledger:
        first, last = _span(ledger)
        last = min(last, through) if last and through else last
        before = _refused_so_far(ledger)
    if first is None or last is None:
        raise LoanbookError(f"no file to run in {where.landing}; drop files there and run again")
    if first > last:
        out.print(f"Every landed business date to {last} is published already; nothing to do.")
    else:
        out.print(f"Closing {first} to {last} ({(last - first).days + 1} days) through Dagster.")
        prepare_home(where)
        with progress() as bar:
            task = bar.add_task("intake", total=(last - first).days + 1)
            published.set(lambda date: bar.update(task, advance=1, description=f"published {date}"))
            good, problem = run_job(first.isoformat(), last.isoformat())
        if not good:
            raise LoanbookError(problem)
    _print_intake(where, before, f"`loanbook close {first}`" if first > last else "another run")
    _print_reconciliation()
    out.print(f"\nOpen the pages: [bold]loanbook pages[/bold] and {PAGES}")


def _refused_so_far(ledger: Queries) -> tuple[int, int]:
    """Rows in quarantine and files refused, so far."""
    rows, files = ledger.one(
        "SELECT coalesce(sum(quarantined), 0)::BIGINT, count(*) FILTER (WHERE state = 'refused') "
        "FROM {lake}.files"
    )
    return int(rows), int(files)


def _print_intake(where: Settings, before: tuple[int, int], rest: str) -> None:
    """What intake refused in a run, and what it has not seen; `rest`: what takes that in. A day that is published takes
    no file in, so one that names it comes with the next day."""
    from loanbook.core.store.lake import open_reader
    from loanbook.core.store.queries import Queries
    from loanbook.pipelines.waiting import in_words

    ledger = Queries(open_reader(where))
    rows, files = (now - old for now, old in zip(_refused_so_far(ledger), before, strict=True))
    if rows:
        err.print(f"[yellow]Quarantined: {counted(rows, 'row')}[/yellow] in this run; see docs/refusals.md and "
                  '`loanbook sql "SELECT name, line, rule, found FROM quarantine"`')  # fmt: skip
    if files:
        err.print(f"[yellow]Refused: {counted(files, 'file')}[/yellow] in this run; see "
                  "`loanbook sql \"SELECT name, reason FROM files WHERE state = 'refused'\"`")  # fmt: skip
    if late := _waiting(ledger, where):
        err.print(
            f"[yellow]files[/yellow] {in_words(late)}; {rest} takes them in, or `loanbook check` them"
        )


def _waiting(ledger: Queries, where: Settings) -> list[str]:
    from loanbook.core.store.known.files import folders_at_rest, rows_of_files
    from loanbook.pipelines.waiting import landed_paths, waiting

    paths = landed_paths(where.landing, folders_at_rest(ledger))
    named = rows_of_files(ledger, "name", {path.name for path in paths})
    return waiting(paths, named, lambda contents: rows_of_files(ledger, "file_id", contents))


def _span(ledger: Ledger) -> tuple[dt.date | None, dt.date | None]:
    """First business date to close and the last landed one, counting files not yet taken in."""
    from loanbook.core.store.known.files import folders_at_rest
    from loanbook.pipelines.ingest.landing import named_dates, near_dates
    from loanbook.pipelines.waiting import landed_paths

    head = ledger.head().published_date
    named = named_dates(landed_paths(ledger.settings.landing, folders_at_rest(ledger)))
    landed = near_dates([*named, *([head] if head else [])], dt.datetime.now(dt.UTC).date())
    if not landed:
        return None, None
    return (head + dt.timedelta(days=1) if head else min(landed)), max(landed)


def close(
    date: Annotated[
        str | None, typer.Argument(help="Business date; default: the next one.")
    ] = None,
) -> None:
    """Close one business date without Dagster: take files in, close, check, publish.

    A day for which no file has landed closes too, if it is named.
    """
    from loanbook.pipelines.resources import open_instance
    from loanbook.pipelines.servicing.days import missing_days

    ledger, policies = open_instance()
    take_landed(ledger)
    named = past_date(date, "date")
    days = missing_days(ledger, named)
    wanted = named or (days[0] if days else None)
    closed = ledger.head().published_date
    if wanted is None or (closed and wanted <= closed):
        out.print(f"{wanted or 'Every landed date'} is closed already; nothing was changed.")
        return
    if not days or wanted != days[0]:
        raise LoanbookError(
            f"{wanted} can't be closed next: "
            + (f"{days[0]} comes first" if days else "no file has landed yet")
            + "; `loanbook backfill` closes a range in order"
        )
    _close(ledger, [wanted])


def backfill(
    through: Annotated[str | None, typer.Argument(help="Last business date to close.")] = None,
) -> None:
    """Close every missing day in order, in one process with the book kept in memory.

    To the last day for which a file has landed; to the day that is named, with or without files.
    """
    from loanbook.core.store.marts import refresh_marts
    from loanbook.pipelines.resources import open_instance
    from loanbook.pipelines.servicing.days import missing_days

    ledger, _ = open_instance()
    taken = take_landed(ledger)
    days = missing_days(ledger, past_date(through, "through"))
    if not days:
        refresh_marts(ledger)  # a run that died after it published left them behind
        waits = f"the close of {ledger.first_open()} books what was taken in"
        out.print(f"No day is missing; {waits if taken.accepted else 'nothing was changed'}.")
        return
    _close(ledger, days)


def take_landed(ledger: Ledger) -> IntakeReport:
    """Take landed files in, and tell what of them entered, was refused or waits."""
    from loanbook.pipelines.ingest.intake import take_in
    from loanbook.pipelines.instance import default_mapping
    from loanbook.pipelines.resources import provenance, read_policies

    policies = ledger.register(read_policies())
    with progress() as bar:
        task = bar.add_task("intake", total=None)
        report = take_in(
            ledger,
            policies,
            default_mapping(ledger.settings.home, policies),
            correlation_id=provenance(policies).run_id,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if report.files or report.refused or report.again or report.matched:
        out.print(
            f"Took in {counted(report.files, 'file')}: {counted(report.accepted, 'row')} accepted, "
            f"{report.quarantined:,} quarantined, {counted(report.duplicates, 'duplicate')}."
        )
    if report.again:
        out.print(f"Tried again: {counted(report.again, 'row')} whose loan had not come.")
    if report.matched:
        out.print(
            f"Matched now: {counted(report.matched, 'entry', 'entries')} that waited in suspense."
        )
    for name, why in report.refused:
        err.print(f"[yellow]refused[/yellow] {name}: {why}")
    if report.refused_before:
        err.print(f"{counted(len(report.refused_before), 'file')} refused before still can't be taken in; why: "
                  "`loanbook sql \"SELECT name, reason FROM files WHERE state = 'refused'\"`")  # fmt: skip
    for name, note in report.notes:
        err.print(f"[yellow]note[/yellow] {name} was {note}")
    for name, why in report.unfinished:
        err.print(f"[yellow]waits[/yellow] {name}, which may still be being written: {why}")
    return report


def _close(ledger: Ledger, days: list[dt.date]) -> None:
    from loanbook.core.store.marts import refresh_marts
    from loanbook.pipelines.resources import provenance, read_policies
    from loanbook.pipelines.servicing.days import close_days
    from loanbook.pipelines.servicing.messages import send_failed_payouts, send_held
    from loanbook.pipelines.servicing.reported import Done, report

    policies = ledger.register(read_policies())
    done = Done()
    with progress() as bar:
        task = bar.add_task("close", total=len(days))
        try:
            for day in close_days(ledger, policies, days, provenance(policies)):
                done.days.append(day)
                bar.update(task, advance=1, description=f"published {day.date}")
        except LoanbookError as error:
            done.failure = str(error)
            raise
        finally:  # also where a day was refused: those before it are published
            done.marts = refresh_marts(ledger)
            untold = report(ledger.settings, done)
    if untold:
        err.print(f"[yellow]Dagster was not told[/yellow] of what was published: {untold}")
    if done.days:
        last = done.days[-1]
        silent = send_held(ledger.settings, done.days)
        if silent:
            err.print(f"[yellow]nobody was told[/yellow] of the loans that are held: {silent}")
        if silent := send_failed_payouts(ledger.settings, done.days):
            err.print(f"[yellow]nobody was told[/yellow] of payouts that came back: {silent}")
        if last.held.height:
            err.print(f"[yellow]Held: {counted(last.held.height, 'loan')}[/yellow] at the last good "
                      "positions; `loanbook held` lists them")  # fmt: skip
        out.print(
            f"Published {counted(len(done.days), 'day')}; {last.date} is version {last.version}."
        )


def _late_news(now: LedgerStatus) -> str:
    return f"{counted(now.late_events, 'event')}, {counted(now.restated_loans, 'loan')} restated"


def status(
    files: Annotated[
        bool,
        typer.Option(
            "--files",
            help="Read every data file and every landed one, which finds changed ones too.",
        ),
    ] = False,
) -> None:
    """Where the ledger stands, what waits, and what the last run saw.

    Exit code 1 where data files of the ledger are missing, empty or changed, or a landed file changed in a folder
    that rests.
    """
    from loanbook.core.store.lake import open_reader
    from loanbook.core.store.migrations import must_be_newest
    from loanbook.core.store.queries import Queries, ledger_status
    from loanbook.core.store.upkeep.files import damaged, data_files
    from loanbook.pipelines.resources import settings
    from loanbook.pipelines.waiting import in_words

    home = settings().home
    connection = open_reader(settings())
    must_be_newest(connection, home)
    ledger = Queries(connection)
    now = ledger_status(ledger)
    facts = _of_instance(home)
    if now.published_at is None:
        facts.append(("published", "nothing yet; run `loanbook run`"))
    else:
        facts += [
            ("published", f"{now.first} to {now.last}, version {now.version} "
             f"at {now.published_at:%Y-%m-%d %H:%M:%S} UTC"),
            ("loans", f"{now.loans:,}"),
            ("run", now.run),
            ("policies", now.policies[:16]),
            ("code", now.code[:16]),
        ]  # fmt: skip
    stored = data_files(ledger, settings().place)
    facts += [
        *_unchecked(*now.unchecked),
        ("files", f"{now.files_taken:,} taken, {now.files_refused:,} refused"),
        ("waiting", in_words(_waiting(ledger, settings()))),
        ("rows", f"{now.quarantined:,} quarantined, {now.duplicates:,} duplicates"),
        ("loans held", f"{now.held:,}" + ("; see `loanbook held`" if now.held else "")),
        ("rejected versions", f"{now.rejected:,}"),
        ("data files", _merged(len(stored))),
        ("late news", _late_news(now)),
    ]
    broken = damaged(ledger, settings().place, stored, read=files)
    if broken:
        facts.append(("damaged files", f"{len(broken):,}"))
    changed = _changed(ledger, settings()) if files else []
    shown = Table(show_header=False)
    for name, value in facts:
        shown.add_row(name, value)
    out.print(shown)
    _must_be_sound(broken, changed)


def _must_be_sound(broken: list[tuple[DataFile, str]], changed: list[str]) -> None:
    """LoanbookError with the remedy where data files are damaged, or landed ones changed in folders that rest."""
    from loanbook.pipelines.waiting import in_words

    for file, what in broken[:20]:
        err.print(f"[red]damaged[/red] {file.path} of table {file.table} {what}")
    if broken:
        raise LoanbookError(
            f"{len(broken)} data files are damaged: restore them from a backup, or, where the last "
            "version alone is concerned, `loanbook rollback --reason TEXT`"
        )
    if changed:
        raise LoanbookError(
            f"{in_words(changed)} since they were: they were changed in folders that rest; touch the folder, and the "
            "next intake takes in what is new"
        )


def _changed(ledger: Queries, where: Settings) -> list[str]:
    """Names of files in folders that rest whose content was never taken in; every byte is read."""
    from loanbook.core.store.known.files import folders_at_rest, rows_of_files
    from loanbook.pipelines.waiting import landed_paths, waiting

    awake = set(landed_paths(where.landing, folders_at_rest(ledger)))
    paths = [path for path in landed_paths(where.landing) if path not in awake]
    return waiting(paths, (), lambda contents: rows_of_files(ledger, "file_id", contents))


def _of_instance(home: Path) -> list[tuple[str, str]]:
    """What status says of the instance itself."""
    from loanbook.core.store.instance import read_instance

    told = read_instance(home)
    words = f"{told.entity}, {home}" if told.entity else str(home)
    demo = "demo: whoever sits before it may do all, without an account"
    return [("instance", words), ("profile", demo if told.profile == "demo" else told.profile)]


MANY_FILES = 2_000
"""Data files from which on reads and closes are slower for their number alone."""


def _merged(count: int) -> str:
    """What status says of so many data files."""
    return f"{count:,}" + ("; `loanbook maintain` merges them" if count > MANY_FILES else "")


def _unchecked(days: int, since: dt.date | None, to: dt.date | None) -> list[tuple[str, str]]:
    """What status says of days that are committed and wait for their checks, if any do."""
    told = f"{days:,} days more, {since} to {to}: they wait for their checks, and the next run publishes them"
    return [("committed", told)] if days else []


def reconcile_command(as_of: AsOf = None, known_at: KnownAt = None) -> None:
    """Compare the engine's balances with those a servicer reported with the tape.

    Of the last date for which figures were reported, to --as-of; as the ledger was believed at --known-at.
    """
    if not _print_reconciliation(as_of, known_at):
        out.print("No servicer's figures of a published date" + (f" to {as_of}" if as_of else "")
                  + "; a tape's mapping brings them with `reported` (docs/policy-fields.md).")  # fmt: skip


def _print_reconciliation(as_of: str | None = None, known_at: str | None = None) -> bool:
    """Whether there were figures to compare with."""
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.reporting.reconcile import summary
    from loanbook.pipelines.resources import read_policies, settings

    reader = LedgerReader(settings()).by(as_of, known_at)
    policies = read_policies()
    found = summary(reader, policies, settings().home)
    if found is None:
        return False
    on, rows, counts = found
    total = counts.select(pl.lit("all").alias("status"), pl.exclude("status", "^largest.*$").sum(),
                           pl.col("^largest.*$").max())  # fmt: skip
    show(
        pl.concat([counts, total.select(counts.columns)], how="vertical_relaxed"),
        f"Engine against the servicer's figures as of {on} (the largest difference in cents)",
    )
    closed = rows.filter((pl.col("status") == "Fully Paid") & (pl.col("carrying") == 0)).height
    paid = rows.filter(pl.col("status") == "Fully Paid").height
    out.print(f"Paid-off loans at zero: {closed} of {paid}. Charged-off loans are compared at their "
              "carrying amount, which is zero.")  # fmt: skip
    return True
