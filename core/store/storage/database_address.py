"""The address of a catalogue in PostgreSQL, in what people read: without its password, and what to do."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

_MEND = "mend the address in LOANBOOK_CATALOGUE or below [store] in loanbook.toml"


def shown(catalogue: str) -> str:
    """The address without its password."""
    without = re.sub(r"(://[^/@:]*:).*(@)", r"\1***\2", catalogue)
    return re.sub(r"(password=)[^&\s]+", r"\1***", without)


def unreachable(catalogue: str, reason: str) -> str:
    """Why the catalogue of an address can't be used, without the password that the address may hold."""
    # a password may hold an @ that is not escaped: then the last one ends it, and messages tell its pieces
    whole = re.findall(r"://[^/@:]*:(.*)@", catalogue)
    secrets = [*whole, *(piece for each in whole for piece in each.split("@"))] + re.findall(
        r"password=([^&\s]+)", catalogue
    )
    told = " ".join(reason.split())
    # the server's own words come last
    told = told[max(0, told.find("connection to server")) :]
    for secret in sorted({*secrets, *map(unquote, secrets)}, key=len, reverse=True):
        if secret:  # a word by itself: one that has it within is none of the password's
            own = rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])"
            told = re.sub(own, "***", told)
    return f"the catalogue {shown(catalogue)} can't be used: {told[:300]}; {_MEND}, and see that its server answers"


def holds_none(catalogue: str, files: str, begun: Path) -> str:
    """What to say of a database that answers and holds no ledger, where one is to be read, or its files lie here.

    `files`: where its data files would lie; `begun`: the file that says that a ledger was begun.
    """
    return (
        f"the database of {shown(catalogue)} holds no ledger: {_MEND}, or restore the database from a "
        f"backup. A new ledger begins with `loanbook run` in an instance that has none: no files in "
        f"{files}, no {begun}; make one with `loanbook init`"
    )
