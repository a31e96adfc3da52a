"""Every command asks first whether who acts may do it; in production what was run stands in the audit trail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps

from loanbook.core.access.actor import AccessError
from loanbook.core.store.people.acting import is_demo, log_denied, must_be_allowed, reading_of

OPEN = ""
"""Of a command that reads no instance and changes none."""
DEMO = "demo"
"""Of a command that is for demo instances alone."""
WHOLE = "ledger.read of every loan"
"""Of a command that reads past the views, and so takes a role that filters no row."""


def guarded(name: str, action: str, command: Callable[..., None]) -> Callable[..., None]:
    """The command, run only if who acts may do the action (of `ACTIONS`, `OPEN` or `DEMO`)."""

    @wraps(command)
    def asked(*args: object, **options: object) -> None:
        if action != OPEN:
            allow(name, action)
        command(*args, **options)

    return asked


def allow(name: str, action: str) -> None:
    """AccessError unless who acts may do an action on the instance at hand; logged in production."""
    from loanbook.core.access.deciding import READ  # late: policies load what help has no use for
    from loanbook.pipelines.resources import settings_if_any

    where = settings_if_any()
    if where is None or is_demo(where):
        return
    if action == DEMO:
        raise AccessError(
            f'`loanbook {name}` is for demo instances; this one says profile = "production" in loanbook.toml'
        )
    actor = must_be_allowed(where, READ if action == WHOLE else action, told=name)
    if action == WHOLE and not reading_of(where).sees_every_row:
        why = f"`loanbook {name}` reads every loan, and your roles read some alone"
        log_denied(where, why)
        raise AccessError(f"{why}; somebody whose role reads all of them runs it")
    from loanbook.core.store.people.audit import Record, log
    from loanbook.core.store.people.database import open_people

    asked = {"arguments": sys.argv[1:]}
    log(open_people(where), actor, Record("command.run", ("command", name), after=asked))
