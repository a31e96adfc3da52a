"""`loanbook alerts`: what is unusual, waits too long or came close to a breach, with the rows that it is made of."""

from __future__ import annotations

from typing import Annotated

import typer

from loanbook.core.contract.money import major
from loanbook.pipelines.commands.console import AsCsv, AsJson, AsOf, out, piped, reading, show


def alerts(
    as_of: AsOf = None,
    rows: Annotated[
        bool, typer.Option("--evidence", help="The rows that alerts are made of.")
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Write-offs, waivers, reversals and failed payments beyond their own history, payouts that came back, suspense and held
    loans by age, contacts that came close to a breach: by the policy `alert_rules`. Amounts that are piped are minor units."""
    from loanbook.pipelines.alerts.gathering import found_on
    from loanbook.pipelines.resources import policies_of

    reader = reading()
    found = found_on(reader, policies_of(reader), as_of)
    frame = found.evidence if rows else found.findings
    if piped(frame, as_json, as_csv):
        return
    if found.findings.is_empty():
        out.print(f"Nothing found as of {found.on}.")
        return
    if rows:
        frame = frame.with_columns(major("amount"))
    else:
        frame = frame.select("check", "rule", "measure", "dimension", "of", "why")
    show(
        frame.select(name for name in frame.columns if frame[name].null_count() < frame.height),
        f"Alerts of {found.on}",
    )
