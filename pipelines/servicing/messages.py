"""Messages to the program of a lender's own choice that `[alerts]` in `loanbook.toml` names."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from loanbook.core.errors import LoanbookError
from loanbook.core.store.instance import FILE, read_instance
from loanbook.core.store.settings import Settings

if TYPE_CHECKING:
    from loanbook.pipelines.servicing.publishing import DayReport

SECONDS = 60
"""How long the program may take."""


def send(where: Settings, message: dict[str, Any]) -> bool:
    """Run the instance's program in its folder with the message as JSON on standard input.

    False where `loanbook.toml` names none. LoanbookError if it can't be run, fails or takes too long.
    """
    command = read_instance(where.home).alerts.command
    if not command:
        return False
    try:
        done = subprocess.run(
            command, input=json.dumps(message), cwd=where.home, timeout=SECONDS,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LoanbookError(
            f"{where.home / FILE}: the program of [alerts] could not be run: {error}"
        ) from error
    if done.returncode:
        raise LoanbookError(
            f"{where.home / FILE}: the program of [alerts] ended with code {done.returncode}: "
            f"{done.stderr.strip()[-500:]}"
        )
    return True


def send_held(where: Settings, days: Sequence[DayReport]) -> str | None:
    """Tell of the loans that the last of the days holds, if any; returns why it could not be told."""
    if not days or days[-1].held.is_empty():
        return None
    last = days[-1]
    message = {
        "event": "loans_held",
        "instance": str(where.home),
        "lender": read_instance(where.home).entity,
        "date": last.date.isoformat(),
        "version": last.version,
        "message": f"{last.held.height} loans are held on {last.date}, see `loanbook held`",
        "loans": [
            {name: None if value is None else str(value) for name, value in row.items()}
            for row in last.held.drop("loan_id").head(MOST).to_dicts()
        ],
    }
    try:
        send(where, message)
    except LoanbookError as failed:
        return str(failed)
    return None


def send_failed_payouts(where: Settings, days: Sequence[DayReport]) -> str | None:
    """Tell of payouts of agreements that came back on the days, if any; returns why it could not be told."""
    from loanbook.core.store.guarded.scope import Shown
    from loanbook.core.store.reader import LedgerReader

    if not days:
        return None
    reader = LedgerReader(where, Shown())
    rows = reader.query(
        "SELECT k.loan_key, r.code, r.amount, r.currency, r.returned_on, r.instruction_key FROM payment_returns r "
        "JOIN loan_keys k ON k.loan_id = r.loan_id WHERE r.why = 'payout_reversed' AND r.returned_on BETWEEN ? AND ? "
        "ORDER BY r.returned_on, k.loan_key", [days[0].date, days[-1].date],
    )  # fmt: skip
    reader.close()
    if rows.is_empty():
        return None
    message = {
        "event": "payout_failed",
        "instance": str(where.home),
        "lender": read_instance(where.home).entity,
        "message": f"{rows.height} payouts came back and were taken back, see `loanbook disburse list`",
        "payouts": [
            {name: str(value) for name, value in row.items()} for row in rows.head(MOST).to_dicts()
        ],
    }
    try:
        send(where, message)
    except LoanbookError as failed:
        return str(failed)
    return None


MOST = 100
"""Loans, or payouts, that one message tells of."""
