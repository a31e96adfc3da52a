"""Files of the landing folder: whole, cut or still being written."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loanbook.core.store.known.files import folders_at_rest
from loanbook.core.store.known.keys import HASHES, ids_of, loans_by_key
from loanbook.core.store.settings import HOME_VARIABLE
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.cli import app
from loanbook.pipelines.ingest import landing, seen, shelving
from loanbook.pipelines.ingest.shelving import shelve
from loanbook.pipelines.resources import read_policies
from loanbook.pipelines.waiting import landed_paths, waiting
from tests.pipelines.files import LOANS, MONEY, close_landed, drop, rules, take, weekly_loan

LAST = "payment_ref,loan_key,currency,value_date,amount\n"


def test_a_file_that_is_cut_or_still_written_posts_no_other_amount(new_ledger: Ledger) -> None:
    ledger = new_ledger
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("L1"))
    take(ledger)
    row = "{},L1,USD,2018-01-03,1234.56"
    whole = LAST + row.format("a") + "\n" + row.format("b") + "\n"
    drop(ledger, "payments_2018-01-03.csv", whole[:-4])  # … ,1234 of 1234.56
    report = take(ledger)
    assert (report.rows_in, report.accepted, report.quarantined) == (2, 1, 1)
    assert rules(ledger, "payments_2018-01-03.csv") == {3: "last_line_without_its_end"}
    drop(ledger, "payments_2018-01-03.csv", whole)
    report = take(ledger)
    assert (report.accepted, report.duplicates, report.quarantined) == (1, 1, 0)
    assert report.notes == []
    # a date with all its digits can't be cut, but the rows after it may be
    drop(ledger, "payments_2018-01-04.csv", MONEY + "c,L1,5.00,USD,2018-01-04")
    report = take(ledger)
    assert report.accepted == 1
    assert "its last line, which has no line end" in dict(report.notes)["payments_2018-01-04.csv"]
    told = ledger.settings.home / "loanbook.toml"
    told.write_text('[intake]\ncomplete = "trailer"\n')
    drop(ledger, "payments_2018-01-05.csv", MONEY + "d,L1,5.00,USD,2018-01-05\nTRAILER,2\n")
    drop(ledger, "payments_2018-01-06.csv", MONEY + "e,L1,5.00,USD,2018-01-06\nTRAILER,1\n")
    drop(ledger, "payments_2018-01-07.csv", MONEY + "f,L1,5.00,USD,2018-01-07\n")
    report = take(ledger)
    assert (report.accepted, report.rows_in) == (1, 1)
    assert [why.partition(";")[0] for _, why in report.refused] == [
        "its trailer counts 2 rows, it has 1", "its last line is not TRAILER,COUNT, so it may be cut",
    ]  # fmt: skip
    told.write_text('[intake]\ncomplete = "checksum"\n')
    body = MONEY + "g,L1,5.00,USD,2018-01-08"
    drop(ledger, "payments_2018-01-08.csv", body)
    assert "payments_2018-01-08.csv" in dict(take(ledger).unfinished)
    drop(ledger, "payments_2018-01-08.csv.sha256", "0" * 64)
    assert "its SHA-256 is not the one of" in dict(take(ledger).refused)["payments_2018-01-08.csv"]
    drop(
        ledger, "payments_2018-01-08.csv.sha256", hashlib.sha256(body.encode()).hexdigest() + "  x"
    )
    assert take(ledger).accepted == 1
    known = ledger.rows("SELECT file_id, name, bytes, business_date FROM {lake}.files")
    paths = landed_paths(ledger.settings.landing)
    assert waiting(paths, known, lambda _: known) == []  # a checksum waits for nothing
    told.write_text("[intake]\nsettle_seconds = 600\n")
    drop(ledger, "payments_2018-01-09.csv", MONEY + "h,L1,5.00,USD,2018-01-09\n")
    assert "less than 600" in dict(take(ledger).unfinished)["payments_2018-01-09.csv"]
    refs = set(ledger.frame("SELECT source_ref FROM {lake}.events")["source_ref"])
    assert refs - {"L1"} == {"a", "b", "c", "e", "g"}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the landed files whose content is read for its hash, as it comes to it."""
    names: list[str] = []
    whole = landing.address

    def noted(path: Path) -> str:
        names.append(path.name)
        return whole(path)

    monkeypatch.setattr(landing, "address", noted)
    # what the tests write is younger than any file that a lender leaves alone
    monkeypatch.setattr(seen, "YOUNG_NS", -1)
    monkeypatch.setattr(shelving, "YOUNG_NS", -1)
    return names


def asked(read: list[str]) -> list[str]:
    """What was read since this was asked before."""
    names = sorted(read)
    read.clear()
    return names


def test_a_landed_file_is_read_again_only_where_it_changed(
    new_ledger: Ledger, read: list[str]
) -> None:
    ledger, path = new_ledger, new_ledger.settings.landing / "payments_2018-01-03.csv"
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("L1"))
    drop(ledger, path.name, MONEY + "a,L1,5.00,USD,2018-01-03\n")
    assert take(ledger).accepted == 2
    assert asked(read) == ["loan_tape_2018-01-02_canonical.csv", path.name]
    assert take(ledger).known == 2
    assert asked(read) == []
    # another amount of as many bytes, and the time that it had before: it was changed since all the same
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    with path.open("r+") as file:
        file.write(MONEY + "a,L1,6.00,USD,2018-01-03\n")
    os.utime(path, ns=times)
    report = take(ledger)
    assert asked(read) == [path.name]
    assert (report.files, report.quarantined) == (1, 1)
    assert rules(ledger, path.name) == {2: "idempotency_conflict"}
    # what is remembered is no word on what was taken in: without it, and where it is cut, all is read once
    where = ledger.settings.home / seen.SEEN
    for broken in ("", '{"x": 1}', where.read_text()[:-9]):
        where.write_text(broken)
        assert (take(ledger).known, len(asked(read))) == (2, 2)
    assert len(json.loads(where.read_text())) == 2


def test_files_of_months_past_are_shelved_and_their_folders_rest(
    new_ledger: Ledger, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, folder = new_ledger, new_ledger.settings.landing
    (ledger.settings.home / "loanbook.toml").write_text("[intake]\nrest_days = 0\n")
    policies = ledger.register(read_policies())
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("L1"))
    days = ("2018-01-03", "2018-01-04", "2018-02-01", "2018-03-01")
    for day in days:
        drop(ledger, f"payments_{day}.csv", MONEY + f"{day},L1,5.00,USD,{day}\n")
    drop(ledger, "payments_2018-01-05.csv", MONEY + "late,L2,7.00,USD,2018-01-05\n")
    drop(ledger, "payments_2018-01-06.csv", "nothing that is read\n")
    take(ledger)
    close_landed(ledger)
    assert shelve(ledger, policies) == 4  # what was refused stays, and so do the last two months
    assert sorted(p.name for p in folder.iterdir()) == [
        "2018-01", "payments_2018-01-06.csv", "payments_2018-02-01.csv", "payments_2018-03-01.csv",
    ]  # fmt: skip
    assert shelve(ledger, policies) == 0
    assert take(ledger).known == 6  # in their folder they are what they were
    assert list(folders_at_rest(ledger)) == ["2018-01"]
    asked(read)
    assert take(ledger).known == 2
    assert asked(read) == []
    assert landing.landed_dates(folder)[::4] == ["2018-01-02", "2018-01-06"]
    # a loan that comes now takes its money out of a folder that rests
    drop(ledger, "loan_tape_2018-03-02_canonical.csv", LOANS + weekly_loan("L2"))
    assert take(ledger).again == 1
    # one that is sent again is known; one of its name with other rows is another, and none is lost
    drop(ledger, f"payments_{days[0]}.csv", MONEY + f"{days[0]},L1,5.00,USD,{days[0]}\n")
    drop(ledger, f"payments_{days[1]}.csv", MONEY + f"more,L1,5.00,USD,{days[1]}\n")
    assert (take(ledger).accepted, shelve(ledger, policies)) == (1, 2)
    names = {p.relative_to(folder).as_posix() for p in folder.glob("2018-01*/*")}
    assert {f"2018-01/payments_{days[1]}.csv", f"2018-01.2/payments_{days[1]}.csv"} <= names
    assert len(names) == 5
    take(ledger)
    assert sorted(folders_at_rest(ledger)) == ["2018-01", "2018-01.2"]
    # what is added to a folder that rests is found; what is overwritten in its place, when all is read
    (folder / "2018-01" / "payments_2018-01-07.csv").write_text(
        MONEY + "new,L1,1.00,USD,2018-01-07\n"
    )
    assert take(ledger).accepted == 1
    take(ledger)
    monkeypatch.setenv(HOME_VARIABLE, str(ledger.settings.home))
    assert CliRunner().invoke(app, ["status", "--files"]).exit_code == 0
    with (folder / "2018-01" / "payments_2018-01-07.csv").open("w") as file:
        file.write(MONEY + "new,L1,9.00,USD,2018-01-07\n")
    assert take(ledger).quarantined == 0
    told = str(CliRunner().invoke(app, ["status", "--files"]).exception)
    assert "payments_2018-01-07.csv" in told
    assert "touch the folder" in told
    (folder / "2018-01").touch()
    assert take(ledger).quarantined == 1
    folder.chmod(0o500)
    monkeypatch.setattr(Path, "rename", _refused)
    monkeypatch.setattr(shelving, "is_taken", lambda *_: True)
    told = str(CliRunner().invoke(app, ["maintain"]).exception)
    folder.chmod(0o700)
    assert "set shelve = false below [maintenance]" in told


def _refused(path: Path, to: Path) -> None:
    raise PermissionError(13, "Permission denied", str(path))


def test_keys_are_found_by_their_hash_and_told_apart_by_their_text(new_ledger: Ledger) -> None:
    ledger = new_ledger
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + "".join(map(weekly_loan, "ABC")))
    take(ledger)
    for table, of in HASHES.items():
        stored = ledger.frame(
            f"SELECT h.{of.hash} = md5_number_lower(k.{of.text}) AS same FROM {{lake}}.{table} k "
            f"JOIN {{lake}}.{of.table} h USING ({of.id})"
        )["same"]
        rows = ledger.one(f"SELECT count(*) FROM {{lake}}.{table}")[0]
        assert stored.to_list() == [True] * max(rows, 1)
    keys = ledger.loan_keys()["loan_key"]
    assert loans_by_key(ledger, keys.extend(keys)).sort("loan_key")["loan_key"].to_list() == [
        "A",
        "B",
        "C",
    ]
    assert loans_by_key(ledger, keys.filter(keys == "Z")).is_empty()
    # two texts of one hash: what a look-up by hash finds beside is left out by the text
    a, b = (ids_of(ledger, "loan_keys", keys.filter(keys == name))[0] for name in "AB")
    ledger.connection.execute(
        f"UPDATE _lake.loan_key_hashes SET key_hash = md5_number_lower('A') WHERE loan_id = {b}"
    )
    assert ids_of(ledger, "loan_keys", keys.filter(keys == "A").unique()).to_list() == sorted(
        [a, b]
    )
    assert loans_by_key(ledger, keys.filter(keys == "A"))["loan_id"].to_list() == [a]
