"""What commands show people: both clocks, instalments, quotes, the general ledger, in units of money."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from loanbook.core.catalogue.codes import Kind
from loanbook.core.errors import LedgerError, LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import OriginationFee, Policy
from loanbook.core.servicing.replay.replay import relived
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.agreements.quoting import edits, quoted
from loanbook.pipelines.cli import app
from loanbook.pipelines.commands import console
from loanbook.pipelines.commands.loans.schedule import changes_that_wait
from loanbook.pipelines.resources import POLICIES, provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from tests.core.loans import Story, _event, changed, product_of, terms, with_more

FLAT = ("quote", "flat-rate", "principal=1200", "rate_percent=40", "instalments=12",
        "disbursed_on=2024-01-27", "first_due_date=2024-02-01")  # fmt: skip


@pytest.fixture
def told(restated: LedgerReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands read the restated ledger: A's 60.00 of 9 January came on the 12th, C's 50.00 was
    taken back on the 14th."""
    monkeypatch.setenv("LOANBOOK_HOME", str(restated.settings.home))


def ask(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def text(*words: str) -> str:
    found = ask(*words)
    assert found.exit_code == 0, found.output
    return " ".join(found.output.split())


def rows(*words: str) -> list[dict[str, str]]:
    found = ask(*words, "--csv")
    assert found.exit_code == 0, found.output
    return list(csv.DictReader(io.StringIO(found.output)))


def refused(*words: str) -> str:
    error = ask(*words).exception
    assert isinstance(error, LoanbookError)
    return str(error)


def test_what_is_no_date_version_or_instant_is_told_with_the_next_step(
    restated: LedgerReader,
) -> None:
    versions = restated.versions()
    first, last = versions["published_at"][0], versions["published_at"][-1]
    for as_of, known_at, message in (
        ("nonsense", None, "no business date; write it like 2018-06-30"),
        ("2018-02-28", None, "published are 2018-01-02 to 2018-01-14"),
        (None, 999, "version 999 was never published; published are 1 to 13, the nearest is 13"),
        (None, 0, "version 0 was never published"),
        (None, "soon", "no version and no instant; write a number such as 73, or UTC"),
        (None, "9" * 20, f"version {'9' * 20} was never published"),
        (None, "0001-01-01T00:00+14:00", "no version and no instant"),
        (None, dt.datetime(2001, 1, 1), "nothing was published by 2001-01-01"),
        ("2018-01-12", 8, "no published version answers for 2018-01-12 at version 8"),
    ):
        for read in (restated.positions, restated.dues, restated.events, restated.payments,
                     restated.loans, restated.credits, restated.modifications, restated.balances,
                     restated.after_closure, restated.delinquency):  # fmt: skip
            with pytest.raises(LedgerError, match=message):
                read(as_of, known_at)
    together = versions.filter(pl.col("published_at") == first)["version"]
    assert restated.clocks(None, first).known == together.max()  # days written at once
    assert restated.clocks(None, f"{last.isoformat()}+00:00").known == 13
    assert restated.clocks(None, last.date()).is_now
    assert restated.clocks(None, "8") == restated.clocks("2018-01-09", 8)


def test_a_restated_day_is_labelled_with_the_version_of_its_figures(told: None) -> None:
    # 60.00 of the 101.50 that fell due on 9 January: 2.76 of interest, 57.24 of principal
    now = text("loan", "show", "A", "--as-of", "2018-01-09")
    assert "as of 2018-01-09, version 11, which restated version 8" in now
    assert "1142.76" in now
    then = text("loan", "show", "A", "--as-of", "2018-01-09", "--known-at", "8")
    assert "as of 2018-01-09, version 8, as known at version 8" in then
    assert "1200.00" in then
    for words in (("explain", "A"), ("payoff", "A"), ("schedule", "A"), ("replay", "A")):
        late = text(*words, "--as-of", "2018-01-09")
        assert text(*words, "--as-of", "2018-01-09", "--known-at", "8") != late


def test_a_table_in_a_pipe_is_whole_and_says_what_it_leaves_out(told: None) -> None:
    loans = text("loan", "list", "--first", "1")
    assert "1 of 4 are shown; `--first 4` shows all" in loans
    wide = pl.DataFrame({f"column {n}": ["a long cell that is not cut"] for n in range(9)})
    with console.out.capture() as held:
        console.show(wide)
    assert held.get().count("a long cell that is not cut") == 9


def test_instalments_past_and_to_come(told: None) -> None:
    # C paid 10.00 of what fell due on 9 January: 1,200.00 x 12 % x 7/365 = 2.76, the instalment 101.50
    found = rows("schedule", "C")
    assert [row["status"] for row in found] == ["past due", *11 * ["to come"]]
    assert found[0] | {"status": ""} == {
        "loan_key": "C", "currency": "USD", "instalment_no": "1", "due_date": "2018-01-09",
        "principal": "9874", "interest": "276", "fees": "0", "penalties": "0", "taxes": "0",
        "amount": "10150", "paid": "1000", "status": "",
    }  # fmt: skip
    assert sum(int(row["principal"]) for row in found) == 120_000
    shown = text("schedule", "C")
    assert "past due: 1 instalment, 101.50 USD" in shown
    paid_off = rows("schedule", "B")  # 1,202.76 on the first due date
    assert paid_off[0]["status"] == "paid"
    yen = text("schedule", "Y")
    assert "amounts in JPY" in yen
    assert ".00" not in yen


def test_a_schedule_names_changes_that_wait_for_their_day(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    move = _event(Kind.due_date_moved, 1, "2024-03-02", None, "m1", '{"due_date": "2024-04-15"}')
    later = Story(policies, (*story.rows, move | {"booking_date": dt.date(2024, 1, 5)})).events()
    lived = relived(later, policies, dt.date(2024, 1, 10))
    assert lived is not None
    assert changes_that_wait(lived) == [
        "an instalment and those after it fall due on other dates, ordered for 2024-03-02 (test/m1)"
    ]
    on_its_day = relived(later, policies, dt.date(2024, 3, 2))
    assert on_its_day is not None
    assert changes_that_wait(on_its_day) == []


def test_a_quote_is_what_boarding_would_make_of_it() -> None:
    # 40 % on 1,200.00 for 11 + 5/31 months: 446.45, 37.20 each and 37.25 at the last; 2 % fee
    quote = json.loads(ask(*FLAT, "--json").output)
    assert [row["interest"] for row in quote["instalments"]] == [3720] * 11 + [3725]
    assert (quote["interest"], quote["fee"], quote["total_cost"]) == (44_645, 2_400, 47_045)
    assert (quote["paid_out"], quote["total_of_payments"]) == (117_600, 164_645)
    assert 78 < quote["apr"] < 79
    assert "total cost 470.45" in text(*FLAT)
    # a tax on interest: 50,000.00 x 24 % x 31/360 = 1,033.33, of it 16 % are 165.33
    terms = [word for word in FLAT[2:] if not word.startswith(("principal", "rate", "disb"))]
    mxn = json.loads(ask("quote", "instalment-mxn", "principal=50000", "rate_percent=24", *terms,
                         "disbursed_on=2024-01-01", "--json").output)  # fmt: skip
    first = mxn["instalments"][0]
    assert (first["interest"], first["taxes"]) == (103_333, 16_533)


def test_all_that_a_quote_asks_is_a_line_of_it(policies: PolicyBook) -> None:
    """Seven instalments of 149.10 leave 0.01 of 1,000.00, and the last is as high as the others."""
    made = product_of(policies, "instalment-act365")
    level = made.schedule.model_copy(update={"last_instalment": "level"})
    ours = made.model_copy(update={"name": "level", "schedule": level})
    book = with_more(policies, ("products", ours))
    terms = ["principal=1000", "rate_percent=13", "instalments=7", "disbursed_on=2024-01-27",
             "first_due_date=2024-02-27"]  # fmt: skip
    sums = quoted(book, "level", terms).sums()
    beyond = sums["rounding of the level instalments"]
    assert beyond == -1
    assert sums["total of payments"] == sums["lent"] + sums["interest"] + beyond
    assert sums["total cost"] == sums["interest"] + beyond


def test_a_quote_by_an_edited_file_says_so(restated: LedgerReader, policies: PolicyBook) -> None:
    edited = changed(policies, "instalment-act365", rate_basis="ACT/360")
    on, ledger = dt.date(2018, 3, 1), restated.lake()
    (why,) = edits(edited, "instalment-act365", on, ledger)
    assert "schedule.rate_basis was 'ACT/365F', is 'ACT/360'" in why
    assert edits(edited, "flat-rate", on, ledger) == []
    assert edits(policies, "instalment-act365", on, ledger) == []


def test_a_quote_refuses_what_boarding_refuses() -> None:
    assert "apr_above_the_ceiling" in refused("quote", "covered-borrower", *FLAT[2:])
    assert "principal_not_an_amount (x)" in refused(*FLAT[:2], "principal=x", *FLAT[3:])
    term = refused(*FLAT[:4], "instalments=9999", *FLAT[5:])
    assert "term_out_of_bounds (9999; flat-rate has 1 to 600)" in " ".join(term.split())
    assert "'principl' is no term" in refused(*FLAT[:2], "principl=3")
    assert "needs principal=…" in refused(*FLAT[:2], *FLAT[3:])
    assert "no file of products is named 'unknown'; there are: balloon, " in refused(
        "quote", "unknown", *FLAT[2:]
    )
    early = [*FLAT[:5], "disbursed_on=1817-01-27", "first_due_date=1817-02-01"]
    assert "no version of products/flat-rate is in force on 1817-01-27" in refused(*early)
    assert "line of credit" in refused("quote", "card-line", *FLAT[2:])


def test_a_payout_costs_less_than_it_is(policies: PolicyBook) -> None:
    """1,200.00 at 12 % in twelve instalments; the fee is 1,200.00, or 1,199.99 deferred at a yield."""
    plain = product_of(policies, "instalment-act365")
    fee = {"version": 1, "effective_from": plain.effective_from}
    kinds: dict[str, dict[str, object]] = {
        "kept": {"flat_minor": 120_000}, "beside": {"flat_minor": 120_000, "collected": "up_front"},
        "yields": {"flat_minor": 119_999, "recognition": "effective_interest"},
        "dear": {"percent_ppb": 500_000_000, "recognition": "effective_interest"},
    }  # fmt: skip
    own: list[tuple[str, Policy]] = []
    for name, rules in kinds.items():
        own.append(
            ("origination_fees", OriginationFee.model_validate({"name": name, **fee, **rules}))
        )
        own.append(("products", plain.model_copy(update={"name": name, "origination_fee": name})))
    level = plain.schedule.model_copy(update={"last_instalment": "level", "grace_principal": 12})
    own.append(("products", plain.model_copy(update={"name": "grace", "schedule": level})))
    book = with_more(policies, *own)
    terms = ["principal=1200", "rate_percent=12", "instalments=12", "disbursed_on=2024-01-01",
             "first_due_date=2024-02-01"]  # fmt: skip
    for name, said in (
        ("kept", "fee_not_below_the_payout (quote: 1200.00 of 1200.00)"),
        ("beside", "fee_not_below_the_payout (quote: 1200.00 of 1200.00)"),
        ("yields", "no effective rate holds it; lower them"),
        ("grace", "grace_covers_every_instalment (12)"),
    ):
        with pytest.raises(LoanbookError, match=re.escape(said)):
            quoted(book, name, terms)
    assert quoted(book, "dear", terms).paid_out == 60_000
    with pytest.raises(LoanbookError, match="principal=… is told twice"):
        quoted(book, "dear", ["principal=1", *terms])


def test_the_general_ledger_of_a_month_and_its_balance(told: None, tmp_path: Path) -> None:
    shown = text("journal", "2018-01", "--to", str(tmp_path))
    assert "JPY each" in shown
    assert "minor units" not in shown
    month = pl.read_csv(tmp_path / "gl_2018-01_us-consumer_v13.csv", infer_schema=False)
    sums = {}
    for account, debit, credit in month.select("account", "debit", "credit").rows():
        sums[account] = sums.get(account, 0) + round(100 * (float(debit) - float(credit)))
    balance = {row["account"]: int(row["debit"]) - int(row["credit"])
               for row in rows("trial-balance") if row["entity"] == "us-consumer"}  # fmt: skip
    assert {account: net for account, net in sums.items() if net} == balance
    text("journal", "2018-01", "--known-at", "3", "--to", str(tmp_path))
    assert (tmp_path / "gl_2018-01_us-consumer_v3.csv").exists()
    assert "no date and no month" in refused("journal", "2018-13")
    assert "no day of 2019-01 is published" in refused("journal", "2019-01")
    assert "JPY" in text("trial-balance", "--as-of", "2018-01-09")


def test_what_if_reconcile_and_sql_have_both_clocks(
    told: None, tmp_path: Path, policies: PolicyBook
) -> None:
    """Version 8 closed 9 January; 11, which closed the 12th, gave A's days since then anew."""
    asked = ("sql", "SELECT principal FROM positions_now JOIN loan_keys USING (loan_id) WHERE loan_key = "
             "'A' AND business_date = '2018-01-09'")  # fmt: skip
    assert [row["principal"] for row in rows(*asked)] == ["114276"]
    assert [row["principal"] for row in rows(*asked, "--known-at", "8")] == ["120000"]
    assert rows(*asked, "--as-of", "2018-01-08") == []
    last = ("sql", "SELECT max(business_date) AS day, count(*) AS n FROM versions")
    assert rows(*last, "--as-of", "2018-01-09")[0] == {"day": "2018-01-09", "n": "8"}
    paid = ("sql", "SELECT count(*) AS n FROM events WHERE source_ref = 'a1'")
    assert [rows(*paid, *clock)[0]["n"] for clock in ((), ("--known-at", "8"))] == ["1", "0"]
    state = ("sql", "SELECT count(*) AS n FROM loan_register WHERE state = 'closed'")
    assert [rows(*state, "--as-of", f"2018-01-0{day}")[0]["n"] for day in (8, 9)] == ["0", "1"]
    assert "No servicer's figures of a published date to 2018-01-09" in text(
        "reconcile", "--as-of", "2018-01-09"
    )
    folder = tmp_path / "products"
    folder.mkdir()
    file = folder / "instalment-act365.yaml"
    shipped = (POLICIES / "products" / file.name).read_text()
    file.write_text(shipped.replace("ACT/365F", "ACT/360"))
    for known, principal_paid in (("8", 0), ("13", 5_724)):
        found = json.loads(ask("what-if", "--policy", str(file), "--loans", "A", "--as-of", "2018-01-09",
                               "--known-at", known, "--json").output)  # fmt: skip
        paid_of = {row["measure"]: row["as_is"] for row in found}
        assert paid_of["principal_paid"] == principal_paid
    file.write_bytes(b"\xff\xfe")
    assert "not UTF-8 text" in refused("what-if", "--policy", str(file))
    file.write_text("name: x\neffective_from: 2024-02-31\n")
    assert "not YAML: day is out of range for month" in refused("what-if", "--policy", str(file))


def test_a_file_is_written_beside_what_another_program_reads(told: None, tmp_path: Path) -> None:
    for n, words in enumerate((("trial-balance",), ("restatements", "A"), ("credits",))):
        to = tmp_path / f"{n}.csv"
        form = () if words == ("credits",) else ("--json",)
        assert ask(*words, "--to", str(to), *form).exit_code == 0
        header = to.read_text().splitlines()[0]
        assert "currency" in header, words


def test_a_dispute_pack_names_the_lenders_loan_in_units(told: None, tmp_path: Path) -> None:
    assert ask("dispute", "A", "--to", str(tmp_path)).exit_code == 0
    assert "Loan A of us-consumer (number " in (tmp_path / "README.txt").read_text()
    assert (tmp_path / "explanation.txt").read_text().startswith("Loan A as of 2018-01-14")
    positions = pl.read_csv(tmp_path / "positions.csv", infer_schema=False)
    on = dict(positions.select("business_date", "principal").rows())
    assert (on["2018-01-08"], on["2018-01-09"]) == ("1200.00", "1142.76")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["loan_key"], manifest["version"]) == ("A", 13)


def test_what_was_said_what_is_said_now_and_which_event_did_it(
    told: None, restated: LedgerReader
) -> None:
    # A's 60.00 met 2.76 of interest and 57.24 of principal; C's 50.00 had met 47.24 of principal
    found = rows("restatements", "A", "--as-of", "2018-01-09")
    said = {row["figure"]: (row["said"], row["now"], row["difference"]) for row in found}
    assert said == {
        "principal": ("120000", "114276", "-5724"), "principal_due": ("9874", "4150", "-5724"),
        "interest_due": ("276", "0", "-276"),
    }  # fmt: skip
    assert {row["event"] for row in found} == {"payment received a1 of 2018-01-09"}
    assert {(row["version"], row["said_by"], row["booked"]) for row in found} == {
        ("11", "8", "2018-01-12")
    }
    shown = text("restatements")
    assert "1142.76 -57.24" in shown.replace("│", " ").replace("  ", " ").replace("  ", " ")
    assert "reversal r1" in shown
    assert restated.restated(known_at=10).is_empty()
    assert "Nothing was restated" in text("restatements", "--known-at", "10")
    why = text("explain", "A")
    assert "1200.00 × 12 % × 7/365 = 2.7616" in why
    assert "came late: valued 2018-01-09, booked 2018-01-12" in why


def test_two_columns_of_one_name_are_refused_with_the_remedy(told: None) -> None:
    assert "give each its own with AS" in refused("sql", "SELECT 1 AS a, 2 AS a")


def test_a_number_that_no_close_took_has_a_row_that_says_why(closed_ledger: Ledger) -> None:
    last, date = closed_ledger.published()
    assert date is not None
    closed_ledger.reserve(2)  # by a run that died
    policies = closed_ledger.register(read_policies())
    days = missing_days(closed_ledger, date + dt.timedelta(days=1))
    list(close_days(closed_ledger, policies, days, provenance(policies)))
    reader = LedgerReader(closed_ledger.settings)
    skipped = reader.query(
        "SELECT version, reason FROM publications WHERE state = 'skipped' ORDER BY version"
    )
    assert skipped["version"].to_list() == [last + 1, last + 2]
    with pytest.raises(LedgerError, match=f"skipped: .* the nearest is {last}"):
        reader.positions(known_at=last + 1)
    assert reader.clocks().version == last + 3
