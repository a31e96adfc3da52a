"""`loanbook vault`: persons masked, unmasked with a reason, forgotten; keys put in place of others.

No command takes a person's data as an argument: arguments stand in the audit trail and in the shell's history.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import AsJson, out, piped, show

if TYPE_CHECKING:
    from loanbook.core.store.vault.vault import Vault

Persons = Annotated[list[str], typer.Argument(help="Tokens of persons (p_…).")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the audit trail.")]


def show_persons(persons: Persons, as_json: AsJson = False) -> None:
    """Persons as your roles show them: most fields masked."""
    from loanbook.core.store.people.acting import acting

    vault = _vault()
    _told(vault.masked(pl.Series(persons), acting(vault.people.settings, vault.people)), as_json)


def unmask(
    persons: Persons,
    reason: Reason,
    field: Annotated[list[str] | None, typer.Option(help="This field alone; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Persons as they are; each of them, the fields and the reason stand in the audit trail."""
    from loanbook.core.catalogue.personal import NAMES
    from loanbook.core.store.people.acting import acting

    vault = _vault()
    actor = acting(vault.people.settings, vault.people)
    _told(vault.open(pl.Series(persons), actor, reason, fields=field or NAMES), as_json)


def find(
    by: Annotated[str, typer.Argument(help="national_id, account, email, phone, name_and_birth, legal_name or full_name.")],
) -> None:  # fmt: skip
    """Tokens of the persons who have a value, which is asked for, or read from standard input, a line a field."""
    from loanbook.core.catalogue.personal import TOKENS
    from loanbook.core.store.people.acting import acting

    if by not in TOKENS:
        raise LoanbookError(f"nobody is found by {by!r}; use {', '.join(TOKENS)}")
    told = {name: [_asked(name)] for name in TOKENS[by]}
    vault = _vault()
    found = vault.find(
        by, pl.DataFrame(told), acting(vault.people.settings, vault.people)
    )  # fmt: skip
    for person in found["person"]:
        out.print(person)
    if found.is_empty():
        out.print("Nobody has it.")


def put(
    file: Annotated[Path, typer.Argument(help="CSV with the columns ref, kind and fields of persons.")],
    amend: Annotated[bool, typer.Option("--amend", help="What is told of known persons becomes a new revision.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Store the persons of a file: their tokens, and what became of each row. Remove the file afterwards."""
    from loanbook.core.store.people.acting import acting

    try:
        told = pl.read_csv(file, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LoanbookError(f"{file} can't be read as CSV: {type(error).__name__}; mend it") from error  # fmt: skip
    vault = _vault()
    done = vault.put(told, acting(vault.people.settings, vault.people), amend=amend)
    if not piped(done, as_json, False):
        show(done)


def erase_person(
    person: Annotated[str, typer.Argument(help="Token of the person (p_…).")],
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Destroy a person's key: what is known of them is gone for good. Figures, proofs and the token stay."""
    from loanbook.core.store.people.acting import acting
    from loanbook.core.store.vault.forgetting import erase

    if not yes:
        typer.confirm(f"Destroy the key of {person}? Nobody can undo it", abort=True)
    vault = _vault()
    fresh = erase(vault, person, acting(vault.people.settings, vault.people), reason)
    out.print(f"{person} is forgotten." if fresh else f"{person} was forgotten before; the files hold no key.")  # fmt: skip


def rotate(
    what: Annotated[str, typer.Argument(help="keys: the master key and the one that wraps persons' keys; tokens.")],
) -> None:  # fmt: skip
    """Put other keys in place while others work. What was killed goes on when it is asked for again."""
    from loanbook.core.store.people.acting import acting
    from loanbook.core.store.people.keys import MASTER_VARIABLE, NEXT_VARIABLE
    from loanbook.core.store.vault.rotating import rotate_keys, rotate_tokens

    ways = {"keys": rotate_keys, "tokens": rotate_tokens}
    if what not in ways:
        raise LoanbookError(f"{what!r} is nothing to rotate; use keys or tokens")
    vault = _vault()
    done = ways[what](vault, acting(vault.people.settings, vault.people))
    out.print(f"Version {done.version} is in force; {counted(done.persons, 'person')} made anew.")
    if done.master == "environment":
        out.print(f"Now set {MASTER_VARIABLE} to what {NEXT_VARIABLE} holds, and take {NEXT_VARIABLE} out.")  # fmt: skip


def _vault() -> Vault:
    from loanbook.core.store.vault.vault import open_vault
    from loanbook.pipelines.resources import settings

    return open_vault(settings())


def _asked(name: str) -> str:
    """A value that is typed and not shown, or a line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True, default="", show_default=False))
    return sys.stdin.readline().strip()


def _told(found: pl.DataFrame, as_json: bool) -> None:
    if piped(found, as_json, False):
        return
    known = [name for name in found.columns if found[name].null_count() < found.height]
    show(found.select(known))
