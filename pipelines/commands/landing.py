"""What commands write for intake: a file that lands once intake would take it."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from loanbook.core.access.actor import AccessError
from loanbook.core.errors import LoanbookError


def acting_as(told: str, option: str) -> str:
    """Who acts: in production who is signed in, whatever is said; a demo takes anyone's word."""
    from loanbook.core.store.people.acting import acting, is_demo
    from loanbook.pipelines.resources import settings

    where = settings()
    if not is_demo(where):
        if told:
            raise AccessError(f"{option} is for demo instances: sign in as who you are")
        return acting(where).name
    if not told:
        raise LoanbookError(f"say who it is: {option} NAME")
    return told


def land(
    kind: str, rows: pl.DataFrame, ending: str, day_of: Callable[[dt.date | None], dt.date]
) -> Path:
    """The file of rows, landed once intake would take it. LoanbookError says why it would not.

    `day_of`: the date of its name, by the first date that is open; None: nothing is published.
    """
    from loanbook.core.store.storage.whole_files import write_whole
    from loanbook.pipelines.commands.check import known_book
    from loanbook.pipelines.formats.rules import RULES
    from loanbook.pipelines.ingest.dry_run.trial import tried
    from loanbook.pipelines.instance import default_mapping
    from loanbook.pipelines.resources import settings

    where = settings()
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", ending):
        raise LoanbookError(
            f"{ending!r} can't end the name of a file: use letters, digits, hyphens, points and underscores"
        )
    policies, known = known_book()
    name = f"{kind}_{day_of(known.first_open)}_{ending}.csv"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        rows.write_csv(path)
        trial = next(tried([path], policies, default_mapping(where.home, policies), known))
        data = path.read_bytes()
    if trial.refused:
        raise LoanbookError(trial.refused)
    for bad in trial.bad:
        rule = RULES[str(bad["rule"])]
        raise LoanbookError(f"{bad['found']}: {rule.meaning or rule.name}; {rule.remedy}")
    if trial.duplicates:
        raise LoanbookError(f"{ending} is known already; nothing to do")
    waiting = where.landing / name
    if waiting.exists():
        raise LoanbookError(f"{waiting} lies there already; `loanbook run` takes it in")
    write_whole(waiting, data)
    return waiting
