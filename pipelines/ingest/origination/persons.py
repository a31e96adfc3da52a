"""Files of persons: what they name goes to the vault, and of the file the ledger keeps counts and the rules of what was refused."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from loanbook.core.access.actor import AccessError
from loanbook.core.catalogue.personal import NAMES
from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.core.store.people.acting import acting
from loanbook.core.store.people.database import open_people
from loanbook.core.store.settings import Settings
from loanbook.core.store.vault.belongings import APPLICANT
from loanbook.core.store.vault.vault import Vault
from loanbook.pipelines.formats.origination.persons import persons
from loanbook.pipelines.ingest.events import Known, Taken
from loanbook.pipelines.ingest.landing import LandingFile


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of persons gives: nobody is put in the vault yet."""
    assert file.business_date is not None
    parsed = persons(data, file.business_date, APPLICANT)
    rows = parsed.good.select("line", "kind", *NAMES, ref="person_ref")
    return Taken(parsed.rows_in, rows.height, 0, parsed.bad, None, persons=rows)


def put(read: Taken, where: Settings, correlation: str) -> Taken:
    """Put the persons of a file in the vault, as who acts. Before the file is committed: a run that dies between takes it again,
    and finds them known. IntakeError: whoever acts may not."""
    if read.persons is None or read.persons.is_empty():
        return read
    people = open_people(where)
    try:
        actor = acting(where, people)
        done = Vault(people).put(read.persons.drop("line"), actor, correlation=correlation)
    except AccessError as error:
        raise IntakeError(f"{error}: persons are put in the vault by who may personal.write") from None  # fmt: skip
    finally:
        people.close()
    told = read.persons.select("line").hstack(done.select("outcome"))
    bad = []
    for rule, outcome in (
        ("person_with_another_content", "conflict"),
        ("person_is_forgotten", "erased"),
        ("person_not_kept", "refused"),
    ):
        lines = told.filter(pl.col("outcome") == outcome)["line"]
        bad += [{"line": line, "rule": rule, "found": ""} for line in lines]
    again = told.filter(pl.col("outcome") == "known").height
    return replace(
        read, accepted=told.height - len(bad) - again, duplicates=again, bad=[*read.bad, *bad], persons=None
    )  # fmt: skip
