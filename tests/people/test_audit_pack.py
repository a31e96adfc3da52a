"""The audit pack: the same bytes each time, checked offline by one file, as the requester's roles show it."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dagster import materialize
from typer.testing import CliRunner

from loanbook.core.access.actor import Actor
from loanbook.core.access.deciding import Reading
from loanbook.core.access.trail import FIELDS
from loanbook.core.errors import LoanbookError
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.people import audit
from loanbook.core.store.people.database import open_people
from loanbook.core.store.people.users import NewUser, add_user
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.commands.app import app
from loanbook.pipelines.reporting import assets as misuse
from loanbook.pipelines.reporting.audit_pack import formats, verify, writing
from loanbook.pipelines.reporting.audit_pack.contents import PARTS
from loanbook.pipelines.reporting.audit_pack.writing import write_pack
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.assets import ledger_close
from loanbook.pipelines.servicing.days import close_days, missing_days
from tests.conftest import copied, made_once
from tests.people.conftest import ADMIN
from tests.pipelines.files import LOANS, MONEY, ORDERS, drop, take, weekly_loan

VERA = Actor("vera", roles=frozenset({"compliance"}))


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, founded: Path) -> Settings:
    """Two loans, three days, a late payment, a charge; each version names the trail."""

    def found(home: Path) -> None:
        ledger = Ledger(copied(founded, home))
        people = open_people(ledger.settings)
        drop(
            ledger,
            "loan_tape_2018-01-02_canonical.csv",
            LOANS + weekly_loan("A") + weekly_loan("B"),
        )
        drop(
            ledger,
            "commands_2018-01-03.csv",
            ORDERS + "o1,charge_fee,B,2018-01-03,9.99,2018-01-16,,m-1,c-2,late_file\n",
        )
        policies = ledger.register(read_policies())
        for name in ("payments_2018-01-03.csv", "payments_2018-01-04.csv"):
            ref = name[-5]
            drop(ledger, name, MONEY + f"p{ref},A,5.00,USD,2018-01-03\n")
            take(ledger, policies)
            audit.log(people, ADMIN, audit.Record("call", ("service", name), detail="é\x1f\nx"))
            by = replace(provenance(policies), trail=audit.head(people))
            list(close_days(ledger, policies, missing_days(ledger), by))
        ledger.close()

    return Settings(home=made_once(tmp_path_factory, "packed", found))


def written(
    book: Settings, folder: Path, shown: Shown | None = None, known: int | None = None
) -> writing.Pack:
    reader = LedgerReader(book, shown or Shown())
    at = reader.clocks(None, known)
    return write_pack(reader.by(str(at.on), at.known), at, folder, VERA, sees_trail=True)


def test_a_pack_has_the_same_bytes_each_time_and_is_checked_with_the_standard_library_alone(
    book: Settings, tmp_path: Path
) -> None:
    pack = written(book, tmp_path / "one")
    audit.log(open_people(book), ADMIN, audit.Record("call", ("service", "later")))
    assert written(book, tmp_path / "two").digest == pack.digest
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
    rows = {each["name"].partition(".")[0]: each["rows"] for each in pack.files}
    assert set(rows) == {part.name for part in PARTS} | {"access_log", "statements"}
    assert (
        rows["loan_tape"],
        rows["approvals"],
        rows["charges_and_waivers"],
        rows["restatements"],
    ) == (2, 1, 1, 1)
    assert rows["access_log"] == 2
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(tmp_path / "one" / "verify.py"), "--digest", pack.digest],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("fits: 17 files")
    assert verify.FIELDS == FIELDS
    with pytest.raises(LoanbookError, match="is not empty"):
        written(book, tmp_path / "two")


def _edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def edited(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return edited


def _with_new_hashes(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Someone who also mends the manifest."""

    def edited(folder: Path) -> None:
        _edit(name, change)(folder)
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        for each in manifest["files"]:
            if each["name"] == name:
                each.update(writing._told(folder / name, each["rows"], each["columns"]))
        path.write_text(json.dumps(manifest))

    return edited


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_edit("events.csv", lambda b: b.replace(b"9.99", b"9.98").replace(b"999", b"998")), "events.csv: lines 1 to 1000"),
        (_edit("versions.csv", lambda b: b + b"x\n"), "versions.csv"),
        (lambda folder: (folder / "policies.csv").unlink(), "policies.csv is missing"),
        (lambda folder: (folder / "extra.csv").write_text("a"), "extra.csv is no file of the pack"),
        (_with_new_hashes("access_log.jsonl", lambda b: b.replace(b"root", b"ruth", 1)), "link 1 of the chain"),
        (_with_new_hashes("access_log.jsonl", lambda b: b.splitlines(True)[0]), "ends with entry 1"),
        (_with_new_hashes("loan_tape.csv", lambda b: b.splitlines(True)[0]), "loan_tape.csv: 0 rows"),
        (_with_new_hashes("reconciliation.csv", lambda b: b[: b.rfind(b",") - 1] + b"7,0\n"), "reconciliation.csv: line"),
    ],
)  # fmt: skip
def test_the_verifier_names_the_first_thing_that_does_not_fit(
    book: Settings,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    damage: Callable[[Path], None],
    told: str,
) -> None:
    whole = made_once(tmp_path_factory, "a-pack", lambda home: written(book, home) and None)
    folder = Path(shutil.copytree(whole, tmp_path / "pack"))
    verify.check(folder)
    damage(folder)
    with pytest.raises(verify.DoesNotFit) as error:
        verify.check(folder)
    assert told in str(error.value)
    with pytest.raises(verify.DoesNotFit, match=r"manifest\.json: its SHA-256"):
        verify.check(whole, "0" * 64)


def test_a_pack_shows_what_the_roles_show_and_says_what_it_left_out(
    book: Settings, tmp_path: Path
) -> None:
    seen = Reading(rows=({"account": frozenset({"A"})},), masks={"events.reason": "nothing"})
    pack = written(book, tmp_path / "own", Shown(seen))
    assert {"reconciliation", "policies", "quality_exceptions", "checks"} <= set(pack.left_out)
    assert "tells of all loans" in pack.left_out["reconciliation"]
    for path in (tmp_path / "own").glob("*.csv"):
        assert ",B," not in path.read_text(), path.name
    verify.check(tmp_path / "own")
    before = written(book, tmp_path / "before", known=2)
    assert {each["name"]: each["rows"] for each in before.files}["restatements.csv"] == 0


def test_a_pack_whose_writing_died_goes_on_where_it_was(
    book: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = written(book, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(writing, "_trail", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            written(book, tmp_path / "died")
    kept = (tmp_path / "died" / "events.csv").stat().st_mtime_ns
    (tmp_path / "died" / "checks.csv").write_text("cut")
    assert written(book, tmp_path / "died").digest == whole.digest
    assert (tmp_path / "died" / "events.csv").stat().st_mtime_ns == kept
    verify.check(tmp_path / "died", whole.digest)


def _exported(folder: Path, *asked: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["export", str(folder), *asked])
    assert done.exit_code == 0, done.output
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    verify.check(folder)
    return manifest


def test_a_pack_is_of_a_scope_in_any_format_and_tells_what_was_restated_since_the_export_before(
    book: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(book.home, tmp_path / "home", symlinks=True)
    monkeypatch.setenv("LOANBOOK_HOME", str(home))
    monkeypatch.setattr(formats, "SHEET_ROWS", 3)
    monkeypatch.setattr(formats, "CELL", 5)
    forms = ("--format", "csv", "--format", "parquet", "--format", "xlsx")
    assert _exported(tmp_path / "before", "--scope", "account=A", "--known-at", "2")["restated_since_version"] == 0  # fmt: skip
    asked = ("--scope", "account=A", *forms, "--papers")
    manifest = _exported(tmp_path / "one", *asked)
    assert (manifest["scope"], manifest["restated_since_version"]) == ({"account": ["A"]}, 2)
    assert "its chain tells of all loans" in manifest["left_out"]["access_log"]
    rows = {each["name"]: each["rows"] for each in manifest["files"]}
    assert (rows["restated_figures.csv"], rows["loan_tape.xlsx"], rows["statements.jsonl"]) == (1, 1, 1)  # fmt: skip
    assert rows["events.csv"] == rows["events.parquet"] == rows["events.xlsx"] == pl.read_parquet(tmp_path / "one" / "events.parquet").height > 3  # fmt: skip
    with zipfile.ZipFile(tmp_path / "one" / "events.xlsx") as sheets:
        assert "xl/worksheets/sheet2.xml" in sheets.namelist()
        told = sheets.read("xl/sharedStrings.xml").decode()
    assert "kind (2)" in told  # disbursed: its letters beyond the fifth stand in a column beside it
    again = _exported(tmp_path / "two", *asked)
    assert again == manifest
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name

    (line,) = (tmp_path / "one" / "statements.jsonl").read_text().splitlines()
    statement = json.loads(line)
    assert (statement["loan_key"], statement["unit"]) == ("A", "minor")
    assert {name: owed for name, owed in statement["owed"].items() if owed} == {"principal": 119039, "interest": 40, "total": 119079}  # fmt: skip
    assert [(p["amount"], p["principal"], p["interest"]) for p in statement["payments"]] == [(500, 461, 39), (500, 500, 0)]  # fmt: skip
    assert statement["dues"][0]["component"] == "principal"
    paper = tmp_path / "one" / f"statement_{hashlib.sha256(b'A').hexdigest()[:16]}.pdf"
    assert paper.read_bytes()[:5] == b"%PDF-"
    paper.write_bytes(paper.read_bytes() + b"x")
    with pytest.raises(verify.DoesNotFit, match=r"\.pdf: it is not as it was written"):
        verify.check(tmp_path / "one")
    for wrong, why in (
        ("--scope=colour=red", "write entity=VALUE"),
        ("--format=ods", "there are csv"),
    ):
        done = CliRunner().invoke(app, ["export", str(tmp_path / "three"), wrong])
        assert why in str(done.exception)


PLANTED = {"given_name": "Wilhelmina", "family_name": "Zzyzxroad", "birth_date": "1979-03-05", "national_id": "987-65-4329",
           "address_line_1": "77 Planted Lane", "email": "mina@zz.example", "phone": "+44 20 7946 0991",
           "bank": "021000021", "account": "DE02120300000000202051", "holder": "W. Z. Planted"}  # fmt: skip


def test_what_the_vault_keeps_stands_in_no_file_that_an_instance_writes(
    book: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(book.home, tmp_path / "home", symlinks=True)
    monkeypatch.setenv("LOANBOOK_HOME", str(home))
    rows = tmp_path / "persons.csv"
    rows.write_text(
        "ref,kind," + ",".join(PLANTED) + "\nA-1,individual," + ",".join(PLANTED.values()) + "\n"
    )

    def said(*arguments: str, typed: str = "") -> str:
        done = CliRunner().invoke(app, ["vault", *arguments], input=typed)
        assert done.exit_code == 0, done.output
        return done.output

    (put,) = json.loads(said("put", str(rows), "--json"))
    person = put["person"]
    assert put["outcome"] == "new"
    assert person in said("find", "email", typed="MINA@ZZ.example\n")
    (shown,) = json.loads(said("show", person, "--json"))
    assert (shown["family_name"], shown["account"], shown["birth_date"]) == ("Z…", "…2051", None)
    (plain,) = json.loads(said("unmask", person, "--reason", "a complaint", "--field", "family_name", "--json"))  # fmt: skip
    assert plain == {"person": person, "kind": "individual", "state": "open", "family_name": "Zzyzxroad"}  # fmt: skip
    assert "Version 2 is in force; 1 person made anew." in said("rotate", "keys")
    written(Settings(home=home), tmp_path / "pack")
    wanted = [form for value in PLANTED.values() for form in _forms(value) if value != "021000021"]
    files = [p for f in (home, tmp_path / "pack") for p in f.rglob("*") if p.is_file()]
    assert [(p.name, w) for p in files for body in [p.read_bytes()] for w in wanted if w in body] == []  # fmt: skip
    assert len(files) > 30
    assert "is forgotten" in said("erase", person, "--reason", "asked for it", "--yes")


def _forms(value: str) -> list[bytes]:
    """A value as files may hold it."""
    plain = value.encode()
    bare = "".join(c for c in value if c.isalnum()).encode()
    return [plain, value.lower().encode(), bare, bare.hex().encode(), plain.hex().encode(),
            value.encode("utf-16-le"), base64.b64encode(plain).rstrip(b"=")[:-1]]  # fmt: skip


def test_an_order_of_ones_own_loan_is_found_with_its_rows_and_told_of_once(
    book: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(book.home, tmp_path / "home", symlinks=True)
    monkeypatch.setenv("LOANBOOK_HOME", str(home))
    told = tmp_path / "told.json"
    (home / "loanbook.toml").write_text(f'[alerts]\ncommand = ["cp", "/dev/stdin", "{told}"]\n')
    where = Settings(home=home)
    people = open_people(where)

    def said(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["audit", "misuse", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert "Nothing found as of 2018-01-04" in said()
    add_user(people, ADMIN, NewUser("M-1", attributes={"own_loan": ["B"]}))
    (finding,) = json.loads(said("--json"))
    assert (finding["rule"], finding["user"], finding["count"]) == ("own_account", "m-1", 1)
    (row,) = json.loads(said("--evidence", "--json"))
    assert (row["loan_key"], row["maker"], row["checker"], row["amount"], row["source_ref"]) == ("B", "m-1", "c-2", 999, "o1")  # fmt: skip
    done = materialize([misuse.misuse, ledger_close], selection=[misuse.misuse])
    assert [each.passed for each in done.get_asset_check_evaluations()] == [False]
    assert json.loads(told.read_text())["findings"] == [finding]
    assert audit.entries(people, activity="misuse.found")["entity_uid"].to_list() == ["own_account:orders:m-1:"]  # fmt: skip
    told.unlink()
    materialize([misuse.misuse, ledger_close], selection=[misuse.misuse])
    assert not told.exists()
