"""What credit bureaus are told: read back by the reader of their files, which has the places by itself, and by hand."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.policy.risk.credit_reporting import CreditReporting
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.instance import SHIPPED_POLICIES
from loanbook.core.store.lake import insert, transaction
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.vault.vault import open_vault
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.commands.app import app
from loanbook.pipelines.formats.bank.metro2 import read
from loanbook.pipelines.formats.bank_out.metro2 import BASE
from loanbook.pipelines.reporting.audit_pack import verify
from loanbook.pipelines.reporting.audit_pack.metro2 import Furnishing, furnished

PROVING = Actor("Cy", roles=frozenset({"compliance"}), second_factor=True)
SERVING = Actor("Ann", roles=frozenset({"servicing"}), second_factor=True)
ON = dt.date(2018, 3, 31)
BY = CreditReporting.model_validate({
    "name": "bureaus", "version": 1, "effective_from": dt.date(2018, 1, 1), "reporter_name": "Midtown Loans",
    "reporter_address": "1 Test Street, Springfield IL", "reporter_phone": "5555550100",
    "identification_number": "MT-0001", "equifax": "EQ1",
    "products": {"instalment-act365": {"account_type": "01"}},
})  # fmt: skip
PERSON = {
    "kind": "individual", "given_name": "Renée Ann", "family_name": "Łukasz-O'Neil", "birth_date": "1979-03-05",
    "id_country": "US", "national_id": "987-65-4329", "phone": "+1 (555) 555-0142", "address_line_1": "77 Invented Lane",
    "city": "Springfield", "region": "US-IL", "postal_code": "62701-0001", "country": "US",
}  # fmt: skip


@pytest.fixture(scope="module")
def told(filled: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Furnishing]:
    """The risk book, with persons of some loans."""
    home = tmp_path_factory.mktemp("bureau") / "home"
    where = filled.model_copy(
        update={"home": Path(shutil.copytree(filled.home, home, symlinks=True))}
    )
    vault = open_vault(where)
    rows = [{"ref": key, **PERSON} for key in "CDEFG"] + [
        {"ref": "D2", **PERSON, "given_name": "Bo", "national_id": "987-65-4320"}
    ]
    rows[3] |= {"address_line_1": None}
    persons = dict(zip("CDEFG2", vault.put(pl.DataFrame(rows), SERVING)["person"], strict=True))
    ledger = Ledger(where)
    keys = dict(ledger.frame("SELECT loan_key, loan_id FROM {lake}.loan_keys").rows())
    named = [(keys[key], "person", persons[key]) for key in "CDEFG"] + [
        (keys["D"], "second_person", persons["2"])
    ]
    columns = ["loan_id", "name", "value"]
    with transaction(ledger.connection):
        insert(ledger.connection, "loan_attributes", pl.DataFrame(named, schema=columns, orient="row"))  # fmt: skip
    ledger.close()
    return where, _made(where, PROVING)


def _made(where: Settings, who: Actor) -> Furnishing:
    reader = LedgerReader(where, Shown())
    at = reader.clocks(ON)
    reader.by(ON, at.known)
    return furnished(reader, at, BY, open_vault(where), who, "monthly reporting")


def test_accounts_are_read_back_with_states_amounts_and_history(
    told: tuple[Settings, Furnishing],
) -> None:
    file = read(told[1].data)
    assert file.valid, file.problems
    # a week's 101.50 is 439.83 a month; twelve weeks are three months; C: 1,203 charged off, 50 paid since, and late since
    # 9 January whatever was paid meanwhile; D, never paid, 81 days late; E since 30 January; G has credit
    assert file.accounts.select(
        "account_number", "account_status", "payment_history", "dofd", "date_last_payment", "highest_credit", "terms",
        "scheduled_payment", "actual_payment", "current_balance", "amount_past_due", "charge_off", "ecoa", "state",
    ).rows() == [
        ("C", "97", "10" + "B" * 22, "02082018", "03202018", 1200, "003", 439, 50, 1153, 1153, 1203, "1", "IL"),
        ("D", "78", "10" + "B" * 22, "02082018", "00000000", 1200, "003", 439, 0, 1290, 1289, 0, "2", "IL"),
        ("E", "78", "00" + "B" * 22, "03012018", "01252018", 1200, "003", 439, 0, 867, 866, 0, "1", "IL"),
        ("G", "11", "00" + "B" * 22, "00000000", "02272018", 1200, "003", 439, 0, 0, 0, 0, "1", "IL"),
    ]  # fmt: skip
    assert file.segments.rows() == [(3, "J2")]
    assert (file.header["equifax"], file.trailer["j2"], file.trailer["base_records"]) == ("EQ1", "000000001", "000000004")  # fmt: skip


def test_every_field_stands_where_the_layout_has_it(told: tuple[Settings, Furnishing]) -> None:
    assert sum(width for _, width, _ in BASE) == 426
    lines = told[1].data.decode("ascii").splitlines()
    base, joint = lines[1], lines[2]  # places count from 1, as the guide has them
    places = {
        (1, 4): "0426", (5, 5): "1", (6, 19): "03312018000000", (21, 40): "MT-0001", (43, 72): "C", (73, 75): "I01",
        (76, 83): "01022018", (105, 105): "M", (124, 125): "97", (182, 189): "03312018",
        (232, 256): "LUKASZ-O'NEIL", (257, 276): "RENEE", (277, 296): "ANN", (298, 306): "987654329",
        (307, 314): "03051979", (315, 324): "5555550142", (325, 325): "1", (328, 329): "US",
        (330, 361): "77 INVENTED LANE", (394, 413): "SPRINGFIELD", (414, 415): "IL", (416, 424): "627010001",
    }  # fmt: skip
    assert {place: base[place[0] - 1 : place[1]].strip() for place in places} == places
    assert (joint[:4], len(joint), joint[426:429]) == ("0626", 626, "J2 ")
    assert (joint[454:474].strip(), joint[495:504]) == ("BO", "987654320")
    trailer = lines[-1]  # accounts of state 78, of state 97; social security numbers; telephones
    assert [int(trailer[at : at + 9]) for at in (155, 254, 326, 353, 398)] == [2, 1, 5, 1, 5]


def test_who_is_left_out_is_told_and_who_may_not_see_borrowers_makes_no_file(
    told: tuple[Settings, Furnishing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, made = told
    why = dict(made.left_out.rows())
    assert why["F"] == "its person has no whole name or address"
    assert why["H"] == "the tape names no person of it"
    assert why["Y"] == "the policy credit_reporting names no account type of its product"
    assert "B" not in why  # it ended in January, and was told of then
    with pytest.raises(AccessError, match=r"personal\.unmask"):
        _made(where, SERVING)
    shutil.copytree(SHIPPED_POLICIES, where.home / "policies")
    (where.home / "policies" / "credit_reporting").mkdir()
    text = BY.model_dump_json()  # JSON is YAML too
    (where.home / "policies" / "credit_reporting" / "bureaus.yaml").write_text(text)
    monkeypatch.setenv("LOANBOOK_HOME", str(where.home))
    folder = tmp_path / "pack"
    done = CliRunner().invoke(app, ["export", str(folder), "--as-of", "2018-03-31", "--metro2", "monthly reporting"])  # fmt: skip
    assert done.exit_code == 0, done.output
    assert (folder / "metro2.txt").read_bytes() == made.data
    assert "F,its person has no whole name" in (folder / "metro2_left_out.csv").read_text()
    verify.check(folder)
    verify.check_metro2(folder)
    (folder / "metro2.txt").write_bytes(made.data.replace(b"TRAILER000000004", b"TRAILER000000005"))
    with pytest.raises(verify.DoesNotFit, match="counts other accounts"):
        verify.check_metro2(folder)
