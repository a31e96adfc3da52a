"""What no bank sends: files that name others, files without end, files that were cut short."""

from __future__ import annotations

import pytest

from loanbook.core.errors import IntakeError
from loanbook.pipelines.formats.bank import limits
from loanbook.pipelines.formats.bank.iso20022 import camt
from loanbook.pipelines.formats.bank.reading import READERS
from tests.payment_files.runner import FILES

STATEMENT = FILES / "camt053" / "dvbern__Business_Sample_camt.053.001.04.xml"
"""Three entries; its opening balance and they make the closing one."""


@pytest.mark.parametrize(
    "named",
    [
        b"<!DOCTYPE Document [<!ENTITY a 'aa'><!ENTITY b '&a;&a;&a;'>]>",
        b"<!DOCTYPE Document SYSTEM 'file:///etc/hostname'>",
        b"<!DOCTYPE Document>",
    ],
)
def test_a_message_that_names_entities_or_other_files_is_refused(named: bytes) -> None:
    data = STATEMENT.read_bytes().replace(b"<Document", named + b"<Document", 1)
    for reader in ("camt", "pain", "pain.002"):
        with pytest.raises(IntakeError, match="DOCTYPE"):
            READERS[reader](data)


def test_a_statement_cut_after_its_second_entry_is_invalid_and_shows_two() -> None:
    whole = STATEMENT.read_bytes()
    second = whole.find(b"</Ntry>", whole.find(b"</Ntry>") + 1) + len(b"</Ntry>")
    assert camt.read(whole).valid
    cut = camt.read(whole[:second])
    assert cut.entries.height == 2
    assert "not_well_formed" in set(cut.problems["kind"])
    assert not cut.valid


def test_a_file_above_the_limit_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 100)
    for read in READERS.values():
        with pytest.raises(IntakeError, match="at most 100 are read"):
            read(b"9" * 101)
