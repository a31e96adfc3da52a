"""Names of landing files: their kind and mapping, and what an instance says of those that name none."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.pipelines.formats.registry import BY_NAME, KINDS, dated
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.instance import FILE, default_mapping, mapping_of

DAY = dt.date(2018, 1, 31)


def chosen(name: str, policies: PolicyBook, home: Path) -> tuple[FileMapping, str]:
    kind, date = dated(name)
    assert kind is not None
    ending = LandingFile(Path(name), "0", 1, kind, date).mapping
    return mapping_of(BY_NAME[kind], ending, policies, "canonical", home)


def test_every_kind_has_a_reader_and_its_name_is_known() -> None:
    for kind in KINDS:
        assert dated(f"{kind.name}_{DAY}{kind.extension}") == (kind.name, DAY)
        assert callable(kind.read)


def test_a_file_is_read_by_the_mapping_that_its_name_ends_with(
    policies: PolicyBook, tmp_path: Path
) -> None:
    for name, source in (
        (f"loan_tape_{DAY}_migration-lines.csv", "migration"),
        (f"loan_tape_{DAY}_migration.2.csv", "migration"),
        (f"loan_tape_{DAY}.csv", "canonical"),
        (f"payments_{DAY}_b.csv", "payments"),
        (f"commands_{DAY}_canonical.csv", "commands"),
        (f"index_{DAY}_b.csv", "index"),
    ):
        mapping, _ = chosen(name, policies, tmp_path)
        assert mapping.source_system == source, name


def test_a_tape_of_a_mapping_that_is_none_is_refused_with_those_there_are(
    policies: PolicyBook, tmp_path: Path
) -> None:
    with pytest.raises(IntakeError, match="no mapping is named 'midtown'; known: canonical, "):
        chosen(f"loan_tape_{DAY}_midtown.csv", policies, tmp_path)


def test_the_default_mapping_is_what_the_instance_says(
    policies: PolicyBook, tmp_path: Path
) -> None:
    assert default_mapping(tmp_path, policies) == "canonical"  # of several none is the lender's
    (tmp_path / FILE).write_text('[intake]\nmapping = "migration"\n')
    assert default_mapping(tmp_path, policies) == "migration"
    assert default_mapping(tmp_path, policies, "payment_files", "migration") == "canonical"
    (tmp_path / FILE).write_text('[intake]\nmapping = "midtown"\n')
    with pytest.raises(IntakeError, match="no mapping is named 'midtown'"):
        default_mapping(tmp_path, policies)
