"""Every command asks first whether who acts may do it; in production what was run stands in the audit trail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps

from loanbook.core.access.actor import AccessError
from loanbook.core.store.people.acting import is_demo, must_be_allowed

OPEN = ""
"""Of a command that reads no instance and changes none."""
DEMO = "demo"
"""Of a command that is for demo instances alone."""


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
    from loanbook.pipelines.resources import settings_if_any

    where = settings_if_any()
    if where is None or is_demo(where):
        return
    if action == DEMO:
        raise AccessError(
            f'`loanbook {name}` is for demo instances; this one says profile = "production" in loanbook.toml'
        )
    actor = must_be_allowed(where, action, told=name)
    from loanbook.core.store.people.audit import Record, log
    from loanbook.core.store.people.database import open_people

    asked = {"arguments": sys.argv[1:]}
    log(open_people(where), actor, Record("command.run", ("command", name), after=asked))
