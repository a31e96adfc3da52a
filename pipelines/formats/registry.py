"""Every kind of file that loanbook takes in, one row a kind, in the order in which they are taken.

To add a kind: write its module (`parse`: raw bytes in, typed rows with line numbers and the rows
refused out), what its columns mean, and its row here. Landing folder, intake, Dagster's partitions and the text of a refusal
are made of this table.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

from loanbook.pipelines.formats.assignments import ASSIGNMENT_NOTES, ASSIGNMENTS
from loanbook.pipelines.formats.collected import COLLECTED, COLLECTED_NOTES
from loanbook.pipelines.formats.collections.contacts import (
    CONTACT_NOTES,
    CONTACT_PREFERENCES,
    CONTACTS,
    PREFERENCE_NOTES,
)
from loanbook.pipelines.formats.collections.promises import (
    NOTICE_FIELDS,
    NOTICE_NOTES,
    PROMISE_NOTES,
    PROMISES,
)
from loanbook.pipelines.formats.collections.recovery import (
    LEGAL_NOTES,
    LEGAL_STEPS,
    PLACEMENT_NOTES,
    PLACEMENTS,
)
from loanbook.pipelines.formats.columns import (
    BANK_NOTES,
    INDEX,
    ORDER_NOTES,
    ORDERS,
    PAYMENT_NOTES,
    PAYMENTS,
    TAPE,
    TAPE_NOTES,
    FileColumn,
)
from loanbook.pipelines.formats.origination.columns import (
    APPLICATION_NOTES,
    APPLICATIONS,
    BANK_DATA,
    BANK_DATA_NOTES,
    BUREAU,
    BUREAU_NOTES,
    CHECK_NOTES,
    CHECKS,
    CONSENT_NOTES,
    CONSENTS,
    DOCUMENT_NOTES,
    DOCUMENTS,
    PERSON_NOTES,
    PERSONS,
    SANCTION_NOTES,
    SANCTIONS,
)


@dataclass(frozen=True)
class FileKind:
    """A kind of file: how its name looks, who reads it, what a row becomes."""

    name: str
    becomes: str
    """What a row of it becomes."""
    reader: str
    """`module:function` that takes (content, file, policies, mapping, what is known) to what enters.

    Named, not imported: the rooms that read are above this one.
    """
    contract: str
    """`module:schema` of a row that may enter, whose rules are what quarantine names; or the rules by name."""
    columns: tuple[FileColumn, ...]
    """Every column that is read, as the page of file kinds tells of it."""
    notes: str = ""
    """What else a sender must know, for that page."""
    extension: str = ".csv"
    """How its name ends; empty: in any way, for its content tells its format."""
    ends_itself: bool = False
    """Whether its own format tells that it is whole, so that `[intake] complete` is not asked."""
    mappings: str = ""
    """Folder of the policies with the mappings that it may be read by; empty: its columns are fixed."""
    free_ending: bool = False
    """Whether its name may end with what is no mapping, to tell the files of a day apart."""
    counts_whole: bool = False
    """Whether a file of which a line is cut off counts for nothing, as of a list that has everybody or clears who is missing."""
    gives_loans: bool = False
    """Whether it brings loans: they get their ids at commit, before anything names them."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The whole name: kind, business date, then whatever tells the day's files apart."""
        date = r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
        return re.compile(rf"^{self.name}_{date}[\w.-]*{re.escape(self.extension)}$")

    @cached_property
    def read(self) -> Callable[..., Any]:
        """The function that `reader` names."""
        found: Callable[..., Any] = _named(self.reader)
        return found

    @property
    def rules(self) -> list[str]:
        """Names of the rules of its contract, sorted."""
        contract = _named(self.contract)
        if isinstance(contract, Mapping):
            return sorted(contract)
        return sorted(contract._schema_validation_rules())

    def mapping_of(self, stem: str) -> str:
        """The mapping that a file's name (without extension) names behind its date, up to a dot or
        an underscore (`loan_tape_DATE_MAPPING.2.csv`); empty if none."""
        if not self.mappings and not self.ends_itself:
            return ""
        ending = stem.removeprefix(f"{self.name}_").partition("_")[2]
        return re.split(r"[._]", ending)[0]


def _named(place: str) -> Any:
    """What `module:name` stands for."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


_INGEST, _FORMATS = "loanbook.pipelines.ingest", "loanbook.pipelines.formats"

KINDS = (
    FileKind("loan_tape", "a loan: boarded and paid out, or taken over with its balances",
             f"{_INGEST}.boarding:boarded", f"{_FORMATS}.tape.rules:Tape", TAPE, TAPE_NOTES, mappings="tapes", gives_loans=True),
    FileKind("index", "a reset of each loan whose rate follows the reference rate",
             f"{_INGEST}.fixings:taken", f"{_FORMATS}.indices:Fixings", INDEX),
    FileKind("payments", "a payment received of a loan", f"{_INGEST}.receipts:taken",
             f"{_FORMATS}.payments:Receipts", PAYMENTS, PAYMENT_NOTES,
             mappings="payment_files", free_ending=True),
    FileKind("collected", "money that another collected: a payment of its loan, or what waits in suspense",
             f"{_INGEST}.banking.collected:taken", f"{_FORMATS}.collected:RULES", COLLECTED, COLLECTED_NOTES,
             mappings="collection_files", free_ending=True, extension=""),
    FileKind("bank", "an entry of a bank account: applied to a loan, settled, in suspense, outside the book or known",
             f"{_INGEST}.banking.files:taken", "loanbook.core.payments.incoming.deciding:NOT_READ", (), BANK_NOTES,
             extension="", ends_itself=True, free_ending=True),
    FileKind("assignments", "a decision about an entry in suspense", f"{_INGEST}.banking.assignments:taken",
             f"{_FORMATS}.assignments:Assignments", ASSIGNMENTS, ASSIGNMENT_NOTES),
    FileKind("commands", "an order: an event of the kind it orders", f"{_INGEST}.orders.entering:taken",
             f"{_FORMATS}.commands:Orders", ORDERS, ORDER_NOTES,
             mappings="command_files", free_ending=True),
    FileKind("persons", "a person of the vault", f"{_INGEST}.origination.persons:taken",
             f"{_FORMATS}.origination.persons:PersonRows", PERSONS, PERSON_NOTES, extension="", free_ending=True),
    FileKind("applications", "an application, and the case of it", f"{_INGEST}.origination.applications:taken",
             f"{_FORMATS}.origination.applications:ApplicationRows", APPLICATIONS, APPLICATION_NOTES,
             extension="", mappings="application_files", free_ending=True),
    FileKind("bureau", "facts of an applicant, with the report that they stand in", f"{_INGEST}.origination.bureau:taken",
             f"{_FORMATS}.origination.bureau:ReportRows", BUREAU, BUREAU_NOTES, extension=""),
    FileKind("bank_data", "facts of an applicant's accounts, with the data that they stand in", f"{_INGEST}.origination.bureau:bank",
             f"{_FORMATS}.origination.bank_data:BankRows", BANK_DATA, BANK_DATA_NOTES, extension=""),
    FileKind("consents", "a consent, or its withdrawal", f"{_INGEST}.origination.people:consents",
             f"{_FORMATS}.origination.people:ConsentRows", CONSENTS, CONSENT_NOTES, extension=""),
    FileKind("kyc", "a check of an applicant's identity", f"{_INGEST}.origination.people:checks",
             f"{_FORMATS}.origination.people:CheckRows", CHECKS, CHECK_NOTES, extension=""),
    FileKind("applicant_documents", "a document of an applicant, sealed", f"{_INGEST}.origination.documents:taken",
             f"{_FORMATS}.origination.documents:DocumentRows", DOCUMENTS, DOCUMENT_NOTES, extension=".jsonl", free_ending=True),
    FileKind("sanctions", "an entry of a list of sanctions, in this edition", f"{_INGEST}.origination.sanctions:taken",
             f"{_FORMATS}.origination.sanctions:EntryRows", SANCTIONS, SANCTION_NOTES, extension="", free_ending=True, counts_whole=True),
    FileKind("contacts", "a contact with a borrower", f"{_INGEST}.collections.contacts:contacts",
             f"{_FORMATS}.collections.contacts:Contacts", CONTACTS, CONTACT_NOTES),
    FileKind("contact_preferences", "what a borrower said of being contacted", f"{_INGEST}.collections.contacts:preferences",
             f"{_FORMATS}.collections.contacts:ContactPreferences", CONTACT_PREFERENCES, PREFERENCE_NOTES),
    FileKind("promises", "a promised payment", f"{_INGEST}.collections.promises:promises",
             f"{_FORMATS}.collections.promises:Promises", PROMISES, PROMISE_NOTES),
    FileKind("notices", "a notice of a borrower", f"{_INGEST}.collections.promises:notices",
             f"{_FORMATS}.collections.promises:Notices", NOTICE_FIELDS, NOTICE_NOTES),
    FileKind("legal_steps", "a legal step", f"{_INGEST}.collections.recovery:legal_steps",
             f"{_FORMATS}.collections.recovery:LegalSteps", LEGAL_STEPS, LEGAL_NOTES),
    FileKind("placements", "a step of a placement", f"{_INGEST}.collections.recovery:placements",
             f"{_FORMATS}.collections.recovery:Placements", PLACEMENTS, PLACEMENT_NOTES),
)  # fmt: skip
"""Loans before rates before money before orders, so that money always finds its loan."""

BY_NAME = {kind.name: kind for kind in KINDS}
PLACE = {kind.name: place for place, kind in enumerate(KINDS)}


def recognised(name: str) -> tuple[FileKind, str] | None:
    """The kind of a file's name and the text of its date; None if it is of no kind."""
    for kind in KINDS:
        if match := kind.pattern.match(name):
            return kind, match["date"]
    return None


def dated(name: str) -> tuple[str | None, dt.date | None]:
    """Kind and business date of a file's name; a date that is none is None."""
    found = recognised(name)
    if found is None:
        return None, None
    try:
        return found[0].name, dt.date.fromisoformat(found[1])
    except ValueError:
        return found[0].name, None


def examples() -> str:
    """How files are named, for people."""
    names = [f"{kind.name}_2018-02-05{kind.extension or '.EXT'}" for kind in KINDS]
    return f"{', '.join(names[:-1])} or {names[-1]}"
