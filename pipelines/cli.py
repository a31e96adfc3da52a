"""The `loanbook` command."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.table import Table

from loanbook.core.catalogue.codes import Component, EventState, Kind, Status, label
from loanbook.core.contract.jurisdiction import unpacked
from loanbook.core.contract.money import CURRENCY_NAMES, to_major
from loanbook.core.contract.terms import Terms
from loanbook.core.errors import LoanbookError
from loanbook.core.frames import typed
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.explain.disclosure import disclosed_apr
from loanbook.core.store.instance import read_instance
from loanbook.core.store.ledger import Ledger
from loanbook.core.store.marts import refresh_marts
from loanbook.core.store.past import NOW
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import HOME_VARIABLE
from loanbook.pipelines import (
    books_commands,
    instance_init,
    loan_commands,
    report_commands,
    serve_commands,
    what_if_command,
)
from loanbook.pipelines.console import date as date_
from loanbook.pipelines.console import err, loan_id, out, plain, progress, show
from loanbook.pipelines.ingest.intake import IntakeReport, take_in
from loanbook.pipelines.ingest.landing import scan
from loanbook.pipelines.reporting.reconcile import reconcile, reported_dates, table
from loanbook.pipelines.resources import (
    default_mapping,
    open_instance,
    policies_of,
    provenance,
    read_policies,
    settings,
)
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.progress import published
from loanbook.pipelines.servicing.verify import rebuild as rebuild_ledger
from loanbook.pipelines.servicing.verify import replay_loan

app = typer.Typer(
    help="The loan platform: files in, one vectorised close a day, a versioned double-entry ledger.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
loan_app = typer.Typer(
    help="One loan: its terms, balances, dues and movements.", no_args_is_help=True
)
app.add_typer(loan_app, name="loan")
loan_commands.register(app)
what_if_command.register(app)
books_commands.register(app)
report_commands.register(app)
instance_init.register(app)
serve_commands.register(app)
PAGES = "http://localhost:8501"


@app.callback()
def instance(
    home: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the instance. Default: LOANBOOK_HOME, else the folder or a parent "
            "with loanbook.toml, else a checkout's data/instance."
        ),
    ] = None,
) -> None:
    """Choose the instance that the command works on."""
    if home is not None:
        os.environ[HOME_VARIABLE] = str(home.resolve())


@app.command()
def demo() -> None:
    """Drop the public sample of 10,000 loans into an empty landing folder, and run it."""
    from loanbook.pipelines.simulation.landing import drop, public_tape

    folder = settings().landing
    if not any(folder.glob("*.csv")) if folder.exists() else True:
        files = drop(folder, public_tape())
        out.print(
            f"Landed {files} files of the public LendingClub sample; payment dates are derived."
        )
    run()


@app.command()
def run() -> None:
    """Take landed files in and close every missing day, as one Dagster run; then reconcile."""
    from loanbook.pipelines.orchestration import prepare_home, run_job

    where = settings()
    ledger, _ = open_instance(where)
    first, last = _span(ledger)
    ledger.close()
    if first is None or last is None:
        raise LoanbookError(
            f"no file to run in {where.landing}; drop files there, or try `loanbook demo`"
        )
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
    _print_reconciliation()
    out.print(f"\nOpen the pages: [bold]loanbook pages[/bold] and {PAGES}")


def _span(ledger: Ledger) -> tuple[dt.date | None, dt.date | None]:
    """First business date to close and the last landed one, counting files not yet taken in."""
    landed = [f.business_date for f in scan(ledger.settings.landing) if f.business_date]
    if not landed:
        return None, None
    head = ledger.head().published_date
    return (head + dt.timedelta(days=1) if head else min(landed)), max(landed)


@app.command()
def close(
    date: Annotated[
        str | None, typer.Argument(help="Business date; default: the next one.")
    ] = None,
) -> None:
    """Close one business date without Dagster: take files in, close, check, publish."""
    ledger, policies = open_instance()
    _take(ledger)
    days = missing_days(ledger)
    wanted = date_(date, "date") or (days[0] if days else None)
    closed = ledger.head().published_date
    if wanted is None or (closed and wanted <= closed):
        out.print(f"{wanted or 'Every landed date'} is closed already; nothing was changed.")
        return
    if not days or wanted != days[0]:
        raise LoanbookError(
            f"{wanted} can't be closed next: "
            + (f"{days[0]} comes first" if days else "no file has landed for it")
            + "; `loanbook backfill` closes a range in order"
        )
    _close(ledger, [wanted])


@app.command()
def backfill(
    through: Annotated[str | None, typer.Argument(help="Last business date to close.")] = None,
) -> None:
    """Close every missing day in order, in one process with the book kept in memory."""
    ledger, _ = open_instance()
    _take(ledger)
    days = missing_days(ledger, date_(through, "through"))
    if not days:
        refresh_marts(ledger)  # a run that died after it published left them behind
        out.print("No day is missing; nothing was changed.")
        return
    _close(ledger, days)


def _take(ledger: Ledger) -> IntakeReport:
    policies = ledger.register(read_policies())
    with progress() as bar:
        task = bar.add_task("intake", total=None)
        report = take_in(
            ledger,
            policies,
            default_mapping(ledger.settings.home),
            correlation_id=provenance(policies).run_id,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if report.files or report.refused:
        out.print(
            f"Took in {report.files} files: {report.accepted:,} rows accepted, "
            f"{report.quarantined:,} quarantined, {report.duplicates:,} duplicates."
        )
    for name, why in report.refused:
        err.print(f"[yellow]refused[/yellow] {name}: {why}")
    return report


def _close(ledger: Ledger, days: list[dt.date]) -> None:
    policies = ledger.register(read_policies())
    with progress() as bar:
        task = bar.add_task("close", total=len(days))
        last = None
        try:
            for last in close_days(ledger, policies, days, provenance(policies)):
                bar.update(task, advance=1, description=f"published {last.date}")
        finally:  # also where a day was refused: those before it are published
            refresh_marts(ledger)
    if last is not None:
        out.print(f"Published {len(days)} days; {last.date} is version {last.version}.")


@app.command()
def status() -> None:
    """Where the ledger stands, what waits, and what the last run saw."""
    reader = LedgerReader(settings())
    versions = reader.versions()
    home = reader.settings.home
    lender = read_instance(home).entity
    facts: list[tuple[str, str]] = [("instance", f"{lender}, {home}" if lender else str(home))]
    if versions.is_empty():
        facts.append(("published", "nothing yet; run `loanbook run`"))
    else:
        last = versions.row(-1, named=True)
        facts += [
            ("published", f"{versions['business_date'][0]} to {last['business_date']}, "
             f"version {last['version']} at {last['published_at']:%Y-%m-%d %H:%M:%S} UTC"),
            ("loans", f"{last['positions']:,}"),
            ("run", last["run_id"]),
            ("policies", last["policy_hash"][:16]),
            ("code", last["code_hash"][:16]),
        ]  # fmt: skip
    rejected = reader.query("SELECT count(*) AS n FROM publications WHERE state = 'rejected'")
    late = reader.query(f"SELECT count(*) AS n FROM events WHERE state = {EventState.late.value}")
    again = reader.query("SELECT count(*) AS n FROM restated_loans")
    files = reader.query(
        "SELECT count(*) FILTER (WHERE state = 'taken') AS taken, "
        "count(*) FILTER (WHERE state = 'refused') AS refused, "
        "coalesce(sum(quarantined), 0)::BIGINT AS quarantined, "
        "coalesce(sum(duplicates), 0)::BIGINT AS duplicates FROM files"
    ).row(0, named=True)
    facts += [
        ("files", f"{files['taken']:,} taken, {files['refused']:,} refused"),
        ("rows", f"{files['quarantined']:,} quarantined, {files['duplicates']:,} duplicates"),
        ("rejected versions", f"{rejected['n'][0]:,}"),
        ("late news", f"{late['n'][0]:,} events, {again['n'][0]:,} loans restated"),
    ]
    shown = Table(show_header=False)
    for name, value in facts:
        shown.add_row(name, value)
    out.print(shown)


@loan_app.command("list")
def loan_list(
    first: Annotated[int, typer.Option(help="How many to show.")] = 20,
) -> None:
    """Loans by id, with their key."""
    show(
        LedgerReader(settings()).query("SELECT * FROM loan_keys ORDER BY loan_id LIMIT ?", [first])
    )


@loan_app.command("show")
def loanshow(
    loan: Annotated[str, typer.Argument(help="Loan id, or the loan's key.")],
    as_of: Annotated[str | None, typer.Option(help="Business date; default: the last.")] = None,
) -> None:
    """Terms, balances, open dues and allocations of one loan on a date."""
    reader = LedgerReader(settings())
    number = loan_id(reader, loan)
    day = date_(as_of, "--as-of")
    version, date = reader.version_of(day)
    terms = reader.query(
        "SELECT l.*, p.name AS product_name FROM loans l JOIN products p ON p.code = l.product "
        "WHERE loan_id = ? ORDER BY version",
        [number],
    )
    if terms.is_empty():
        raise LoanbookError(
            f"loan {number} has not been boarded by {date}; see `loanbook loan list`"
        )
    first = terms.row(0, named=True)
    changed = reader.query(
        "SELECT principal_agreed FROM changed_terms WHERE loan_id = ? AND business_date <= ? "
        "ORDER BY version DESC, business_date DESC LIMIT 1",
        [number, date],
    )
    policies = policies_of(reader)
    revolves = policies.product(first["product"]).line is not None
    agreed = (changed if revolves and changed.height else terms)["principal_agreed"][0]
    money = CURRENCY_NAMES[first["currency"]]
    shown = Table(title=f"Loan {number} as of {date}, version {version}", show_header=False,
                  title_justify="left")  # fmt: skip
    for name, value in (
        ("product", first["product_name"]),
        ("limit" if revolves else "principal", to_major(agreed, money)),
        ("rate", f"{first['rate_ppb'] / 1e7:.4f} %"),
        ("cycles to draw in", str(first["instalments"]))
        if revolves
        else ("instalments", f"{first['instalments']} of {to_major(first['emi'] or 0, money)}"),
        ("annual percentage rate", _apr(policies, terms.head(1))),
        ("jurisdiction", unpacked(first["jurisdiction"]) or "none told"),
        ("disbursed", str(first["disbursed_on"])),
        ("first statement" if revolves else "first due", str(first["first_due_date"])),
        ("closed", _ending(reader, number)),
        *_refinancings(reader, number),
    ):
        shown.add_row(name, value)
    position = reader.query(
        "SELECT * FROM positions_at(?, ?) WHERE loan_id = ?", [date, NOW, number]
    )
    if position.is_empty():
        shown.add_row("position", "none on this date: closed before it, or boarded after it")
    else:
        row = position.row(0, named=True)
        shown.add_row("status", Status(row["status"]).name)
        for name in ("principal", "interest_accrued", "principal_due", "interest_due", "fees_due",
                     "penalties_due", "taxes_due", "credit", "accrued_today"):  # fmt: skip
            shown.add_row(name.replace("_", " "), to_major(row[name], money))
        shown.add_row("next due", f"{row['next_due_date']} (instalment {row['instalment_no']})")
        shown.add_row("days past due", str(row["days_past_due"]))
    out.print(shown)
    dues = reader.query(
        "SELECT instalment_no, component, due_date, amount, paid FROM dues_at(?, ?) "
        "WHERE loan_id = ? ORDER BY 1, 2",
        [date, NOW, number],
    )
    if dues.height:
        show(dues.with_columns(component=label("component", Component)), "Open dues (minor units)")
    paid = reader.query(
        "SELECT business_date, event_id, instalment_no, component, amount FROM allocations_now "
        "WHERE loan_id = ? AND business_date <= ? ORDER BY business_date, event_id, instalment_no",
        [number, date],
    )
    if paid.height:
        named = paid.with_columns(component=label("component", Component).fill_null("credit"))
        show(named, "Allocations (minor units)")


def _refinancings(reader: LedgerReader, number: int) -> list[tuple[str, str]]:
    """The loans that this one paid off, and the one that paid it off."""
    told = reader.query(
        "SELECT loan_id, (payload->>'$.by')::BIGINT AS new_loan, value_date FROM events "
        "WHERE kind = ? AND (loan_id = ? OR (payload->>'$.by')::BIGINT = ?) ORDER BY event_id",
        [Kind.refinanced.value, number, number],
    )
    return [
        ("refinanced by", f"loan {new} on {on}") if old == number
        else ("refinances", f"loan {old} on {on}")
        for old, new, on in told.rows()
    ]  # fmt: skip


def _apr(policies: PolicyBook, boarded: pl.DataFrame) -> str:
    """The rate that Regulation Z discloses of a loan's terms; of a loan from elsewhere, none."""
    code = boarded["product"].item()
    if boarded["taken_over_on"].item() is not None or policies.product(code).line is not None:
        return "–"
    rate = disclosed_apr(typed(boarded, Terms).select(Terms.column_names()), policies)
    return f"{rate['apr'].item():.3f} % (Regulation Z)"


def _ending(reader: LedgerReader, number: int) -> str:
    rows = reader.query("SELECT * FROM endings_now WHERE loan_id = ?", [number])
    return f"{rows['closed_on'][0]}, {rows['close_reason'][0]}" if rows.height else "–"


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the published views.")],
    as_json: Annotated[bool, typer.Option("--json", help="Rows as a JSON list.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Rows as CSV.")] = False,
) -> None:
    """Ask the published ledger in SQL. `loanbook sql "show"` lists the views."""
    reader = LedgerReader(settings())
    listed = query.strip().lower() == "show"
    rows = pl.DataFrame({"view": reader.tables()}) if listed else reader.sql(query)
    if as_json or as_csv:
        plain(rows, "json" if as_json else "csv")
    elif listed:
        out.print("\n".join(reader.tables()))
    else:
        show(rows)


@app.command()
def migrate() -> None:
    """Bring the instance's ledger to the schema of this loanbook; every version stays."""
    ledger = Ledger(settings())
    ledger.close()
    out.print(f"The ledger in {settings().home} has the schema of this loanbook.")


@app.command()
def replay(loan: Annotated[str, typer.Argument(help="Loan id, or the loan's key.")]) -> None:
    """Recompute a loan from its events, compare with the stored days, write nothing."""
    ledger, policies = open_instance()
    number = loan_id(LedgerReader(settings()), loan)
    with progress() as bar:
        task = bar.add_task("replay", total=None)
        seen = replay_loan(
            ledger, policies, number,
            lambda date: bar.update(task, advance=1, description=f"replayed {date}"),
        )  # fmt: skip
    if seen.differences.height:
        show(seen.differences.head(20), "Differences")
        raise LoanbookError(
            f"{seen.differences.height} cells of loan {number} differ from the ledger"
        )
    out.print(
        f"Loan {number}: {seen.rows} stored days equal their replay; digest {seen.digest[:16]}."
    )


@app.command()
def rebuild(
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute all from events and compare; write nothing.")
    ] = False,
) -> None:
    """Recompute the whole ledger from its events and compare every published day with it."""
    if not verify:
        raise LoanbookError(
            "published versions are never overwritten: use `loanbook rebuild --verify` to compare"
        )
    ledger, policies = open_instance()
    with progress() as bar:
        task = bar.add_task("rebuild", total=None)
        seen = rebuild_ledger(
            ledger, policies,
            lambda date: bar.update(task, advance=1, description=f"rebuilt {date}"),
        )  # fmt: skip
    if seen.differences.height:
        show(seen.differences.head(20), "Differences")
        raise LoanbookError(f"{seen.differences.height} tables differ from what the events give")
    out.print(f"{seen.days} days, {seen.rows:,} rows: equal. Digest {seen.digest}")


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Where to write the daily files.")],
    loans: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many loans.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 2018,
    product: Annotated[
        list[str] | None,
        typer.Option(help="So many loans of this product (may be repeated); `all`: of each."),
    ] = None,
    days: Annotated[int, typer.Option(help="With --product: days of payments.")] = 200,
) -> None:
    """Write a synthetic book of any size as daily landing files, with known truth.

    Without --product loans in the columns of the public tape; with it loans of any product and
    period, and how each borrower behaves in FOLDER_truth.csv.
    """
    if product:
        _simulate_products(folder, product, loans, seed, days)
        return
    from loanbook.pipelines.simulation.landing import drop
    from loanbook.pipelines.simulation.tape import synthetic

    files = drop(folder, synthetic(loans, seed), seed=seed)
    out.print(f"Wrote {files} files of {loans:,} synthetic loans to {folder}.")


def _simulate_products(folder: Path, names: list[str], loans: int, seed: int, days: int) -> None:
    from loanbook.pipelines.simulation.products import drop_products, truth_of

    policies = read_policies()
    known = sorted({p.name for p in policies.products.values()})
    wanted = known if names == ["all"] else names
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise typer.BadParameter(
            f"no product is named {unknown[0]!r}; known: {', '.join(known)}", param_hint="--product"
        )
    files = drop_products(folder, wanted, loans, policies, seed=seed, days=days)
    out.print(
        f"Wrote {files} files of {loans * len(wanted):,} synthetic loans of {len(wanted)} products "
        f"to {folder}; how each borrower behaves: {truth_of(folder)}."
    )


def _print_reconciliation() -> None:
    reader = LedgerReader(settings())
    policies = read_policies()
    dates = reported_dates(reader)
    if not dates:
        return
    mapping = policies.tape(default_mapping(reader.settings.home))
    rows = reconcile(reader, policies, dates[-1], mapping.reported_buckets or "default")
    summary = table(rows)
    total = summary.select(pl.lit("all").alias("status"), pl.exclude("status", "^largest.*$").sum(),
                           pl.col("^largest.*$").max())  # fmt: skip
    show(
        pl.concat([summary, total.select(summary.columns)], how="vertical_relaxed"),
        f"Engine against the servicer's figures as of {dates[-1]} (the largest difference in cents)",
    )
    closed = rows.filter((pl.col("status") == "Fully Paid") & (pl.col("carrying") == 0)).height
    paid = rows.filter(pl.col("status") == "Fully Paid").height
    out.print(f"Paid-off loans at zero: {closed} of {paid}. Charged-off loans are compared at their "
              "carrying amount, which is zero.")  # fmt: skip


@app.command("reconcile")
def reconcile_command() -> None:
    """Compare the engine's balances with those a servicer reported with the tape."""
    _print_reconciliation()


def main() -> None:
    """Entry point: a domain error is one line and exit code 1, not a traceback."""
    try:
        app()
    except LoanbookError as error:
        err.print(f"[red]error[/red] {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
