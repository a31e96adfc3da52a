"""`loanbook events`: risk events for a subscriber, from an offset on."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.pipelines.commands.console import AsJson, out, reading, show

if TYPE_CHECKING:
    from loanbook.core.store.reader import LedgerReader

AT_ONCE = 20_000
"""Events that are read and written at once."""
SHOWN = 200


def events(
    since: Annotated[
        int,
        typer.Option(
            "--from",
            min=0,
            help="Offset: events after it; 0: from the first on. A subscriber goes on from the last one's `id`.",
        ),
    ] = 0,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Wait for more, as versions are published; with --json."),
    ] = False,
    every: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two looks with --follow.")
    ] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Changes of days past due, bucket, stage, non-accrual, flags and status, each with its cause, in order.

    With --json a CloudEvent 1.0 a line (docs/events.md). Who reads from 0 comes to the state that everyone has who read all along.
    """  # fmt: skip
    if follow and not as_json:
        raise typer.BadParameter("a table ends; use it with --json", param_hint="--follow")
    reader = reading()
    if not as_json:
        _shown(reader, since)
        return
    while True:
        since = _written(reader, since)
        if not follow:
            return
        seen = _newest(reader)
        while _newest(reader) == seen:
            time.sleep(every)
        # opened anew: loans that came, and what roles show of them, are those of now
        reader.close()
        reader = reading()


def _newest(reader: LedgerReader) -> tuple[object, ...]:
    """What differs once a version was published, or taken back."""
    return reader.query("SELECT max(settled_at), count(*) FROM publications").row(0)


def _written(reader: LedgerReader, since: int) -> int:
    """Write every event after an offset as a line of JSON; the last one's offset."""
    from loanbook.core.risk_events.cloud import cloud_events
    from loanbook.core.store.closing.outbox import identity

    source = f"urn:uuid:{identity(reader.lake())}"
    while (rows := reader.risk_events(since, AT_ONCE)).height:
        sys.stdout.write(cloud_events(rows, source).str.join("\n").item() + "\n")
        sys.stdout.flush()
        since = int(rows["sequence"][-1])
    return since


def _shown(reader: LedgerReader, since: int) -> None:
    from loanbook.core.risk_events.catalogue import BY_CODE, Cause
    from loanbook.core.risk_events.cloud import in_words

    rows = reader.risk_events(since, SHOWN)
    types = {code: each.name for code, each in BY_CODE.items()}
    causes = {cause.value: cause.name for cause in Cause}
    table = in_words(rows).select(
        "sequence", on="business_date", loan="loan_key",
        event=pl.col("kind").replace_strict(types, return_dtype=pl.String), before="before", now="now",
        cause=pl.col("cause").replace_strict(causes, return_dtype=pl.String),
        events=pl.col("events").cast(pl.List(pl.String)).list.join(" "), corrects=pl.col("corrects").cast(pl.String),
    )  # fmt: skip
    show(table.with_columns(pl.col("sequence").cast(pl.String)), "Risk events")
    if rows.height == SHOWN:
        out.print(
            f"The first {SHOWN}; go on with --from {rows['sequence'][-1]}, or read all with --json."
        )
