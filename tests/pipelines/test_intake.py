"""Bad input: each kind has a defined outcome, the other rows go on, and the counts reconcile."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.catalogue.codes import EventState
from loanbook.core.errors import LedgerConflictError
from loanbook.core.ledger.people import same_person
from loanbook.core.store.clocks import NOW
from loanbook.core.store.marts import PORTFOLIO_ON, refresh_marts
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import HOME_VARIABLE, Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.cli import app
from loanbook.pipelines.ingest import intake
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from tests.pipelines.files import MONEY, drop, key, rules, take


def test_each_bad_row_is_quarantined_by_its_rule_and_the_good_ones_go_on(ledger: Ledger) -> None:
    loan = key(ledger)
    lines = [
        f"ok-1,{loan},10.00,USD,2018-01-10",
        f"future,{loan},10.00,USD,2018-01-11",
        "unknown,nobody-1,10.00,USD,2018-01-10",
        f"euro,{loan},10.00,EUR,2018-01-10",
        f"huge,{loan},1000000000000000000000000000000,USD,2018-01-10",
        f"fine,{loan},10.001,USD,2018-01-10",
        f"minus,{loan},-5.00,USD,2018-01-10",
        f"word,{loan},ten,USD,2018-01-10",
        f"odd,{loan},10.00,XXX,2018-01-10",
        f"when,{loan},10.00,USD,10/01/2018",
        f"short,{loan},10.00",
        f"ok-2,{loan},0.01,USD,2018-01-10",
        f"digits,{loan},\u0661\u0660,USD,2018-01-10",  # ten, in Arabic digits: no amount was read of it
    ]
    drop(ledger, "payments_2018-01-10_bad.csv", MONEY + "\n".join(lines) + "\n")
    report = take(ledger)
    assert (report.rows_in, report.accepted, report.quarantined, report.duplicates) == (
        13,
        2,
        11,
        0,
    )
    assert report.reconciles
    assert rules(ledger, "payments_2018-01-10_bad.csv") == {
        3: "payment_in_the_future", 4: "unknown_loan", 5: "currency_is_not_the_loans",
        6: "amount_out_of_bounds", 7: "amount_finer_than_currency", 8: "amount_not_positive",
        9: "amount_not_a_number", 10: "unknown_currency", 11: "value_date_not_a_date",
        12: "truncated_row", 14: "amount_not_a_number",
    }  # fmt: skip


def test_two_runs_that_take_the_same_file_in_at_once_book_its_money_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(ledger, "payments_2018-01-10_a.csv", MONEY + f"a,{key(ledger)},1.00,USD,2018-01-10\n")
    other, judged = Ledger(ledger.settings), intake.tried

    def while_another_commits(*given: object) -> object:
        monkeypatch.setattr(intake, "tried", judged)
        assert take(other).accepted == 1
        return judged(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(intake, "tried", while_another_commits)
    with pytest.raises(LedgerConflictError, match="run again"):
        take(ledger)
    assert take(ledger).known > 0
    once = ledger.one("SELECT count(*), count(DISTINCT file_id) FROM {lake}.events "
                      "WHERE idempotency_key LIKE '%/a'")  # fmt: skip
    assert once == (1, 1)
    other.close()


def test_a_file_sent_twice_is_a_no_op(ledger: Ledger) -> None:
    drop(ledger, "payments_2018-01-10_a.csv", MONEY + f"a,{key(ledger)},1.00,USD,2018-01-10\n")
    assert take(ledger).accepted == 1
    drop(ledger, "payments_2018-01-10_b.csv", MONEY + f"a,{key(ledger)},1.00,USD,2018-01-10\n")
    again = take(ledger)
    assert (again.files, again.rows_in) == (0, 0)


def test_files_that_are_none_are_refused_with_the_remedy_and_the_rest_goes_on(
    ledger: Ledger,
) -> None:
    bad = {
        "payments_2018-01-10_garbage.csv": (b"\x00\xff\xfe\x80garbage", "not UTF-8"),
        "payments_2018-01-10_other.csv": (b"a,b\n1,2\n", "no column payment_ref"),
        "payments_2018-01-10_empty.csv": (b"", "an empty file"),
        "whatever.csv": (b"a,b\n3,4\n", "the name tells no kind"),
        "payments_2018-13-40.csv": (b"a,b\n1,2\n", "the name tells no kind"),
        "same bytes.csv": (b"a,b\n3,4\n", "the name tells no kind"),
        "payments_2018-01-10_other-too.csv": (b"a,b\n1,2\n", "no column payment_ref"),
    }
    for name, (body, _) in bad.items():
        drop(ledger, name, body)
    drop(ledger, "payments_2018-01-10_good.csv", MONEY + f"g,{key(ledger)},1.00,USD,2018-01-10\n")
    report = take(ledger)
    assert report.accepted == 1
    told = dict(report.refused)
    assert told.keys() == bad.keys()
    for name, (_, said) in bad.items():
        assert said in told[name]


def test_a_truncated_file_keeps_its_whole_rows(ledger: Ledger) -> None:
    loan = key(ledger)
    body = MONEY + f"t1,{loan},1.00,USD,2018-01-10\nt2,{loan},2.00,US"
    drop(ledger, "payments_2018-01-10_cut.csv", body)
    report = take(ledger)
    assert (report.accepted, report.quarantined) == (1, 1)


def test_a_payment_valued_before_the_last_closed_date_restates_the_days_since(
    closed_ledger: Ledger,
) -> None:
    ledger = closed_ledger
    policies = ledger.register(read_policies())
    by = provenance(policies)
    reader = LedgerReader(ledger.settings)
    day, loan = dt.date(2018, 1, 9), key(ledger)
    said = reader.versions()["version"].max()
    drop(ledger, "payments_2018-01-11.csv", MONEY + f"late,{loan},1.00,USD,2018-01-09\n")
    assert take(ledger).accepted == 1
    states = ledger.frame("SELECT state FROM {lake}.events WHERE source_ref = 'late'")
    assert states["state"].to_list() == [EventState.late]
    list(close_days(ledger, policies, missing_days(ledger), by))
    loan_id = ledger.loan_keys().filter(pl.col("loan_key") == loan)["loan_id"][0]
    one = pl.col("loan_id") == loan_id
    reported = reader.positions(day, known_at=said).filter(one)
    known = reader.positions(day).filter(one)
    assert (reported["paid_today"][0], known["paid_today"][0]) == (0, 100)
    assert reader.positions(day).height == reader.positions(day, known_at=said).height
    booked = reader.sql(
        f"SELECT DISTINCT booking_date, value_date FROM transfers WHERE loan_id = {loan_id} "
        "AND value_date = DATE '2018-01-09'"
    )
    assert booked["booking_date"].to_list() == [dt.date(2018, 1, 11)]
    without = reader.portfolio_on(day, said)
    assert refresh_marts(ledger)["portfolio_daily"] > 0
    assert refresh_marts(ledger)["portfolio_daily"] == 0
    # the mart tells both clocks what the positions tell
    for on, known_at in ((day, said), (day, NOW), (dt.date(2018, 1, 11), NOW)):
        kept = reader.query(PORTFOLIO_ON, {"on": on, "known_at": known_at})
        told = reader.positions(on, known_at=known_at)
        assert kept["loans"].sum() == told.height
        assert kept["principal"].sum() == told["principal"].sum()
    assert reader.portfolio_on(day, said).equals(without)
    beside = reader.query(
        "SELECT count(DISTINCT version) AS n FROM portfolio_daily WHERE business_date = ?", [day]
    )
    assert beside["n"][0] == 1  # 1.00 in credit changes no sum of the mart, and leaves no row
    assert replay_loan(ledger, policies, loan_id).differences.is_empty()
    assert rebuild(ledger, policies).differences.is_empty()


COMMAND = "command_ref,command,loan_key,value_date,target_ref,maker,checker,reason\n"


def test_a_reversal_names_what_it_takes_back_and_the_loan_is_as_if_it_never_came(
    ledger: Ledger,
) -> None:
    policies = ledger.register(read_policies())
    by, loan = provenance(policies), key(ledger)
    drop(ledger, "payments_2018-01-10_more.csv", MONEY + f"back,{loan},5.00,USD,2018-01-10\n")
    take(ledger)
    list(close_days(ledger, policies, missing_days(ledger), by))
    row = f",reverse,{loan},2018-01-12,{{}},maker-1,checker-2,returned_by_bank\n"
    body = COMMAND + "r1" + row.format("back") + "r2" + row.format("never")
    drop(ledger, "commands_2018-01-12.csv", body + "r3" + row.format("back"))
    report = take(ledger)
    assert (report.accepted, report.quarantined) == (1, 2)
    drop(ledger, "commands_2018-01-12_b.csv", COMMAND + "r4" + row.format("back"))
    assert take(ledger).quarantined == 1
    refused = ledger.frame("SELECT rule FROM {lake}.quarantine ORDER BY rule")["rule"].to_list()
    assert refused == ["already_reversed", "already_reversed", "unknown_target"]
    list(close_days(ledger, policies, missing_days(ledger), by))
    paid = LedgerReader(ledger.settings).sql("SELECT sum(a.amount)::BIGINT AS n FROM allocations_now a "
        "JOIN events e USING (event_id) WHERE e.source_ref = 'back'")  # fmt: skip
    assert paid["n"][0] is None
    assert rebuild(ledger, policies).differences.is_empty()


def test_a_rate_change_is_kept_with_its_schedule_and_the_stored_book_goes_on(
    closed_ledger: Ledger,
) -> None:
    ledger = closed_ledger
    policies = ledger.register(read_policies())
    by, loan = provenance(policies), key(ledger)
    head = "command_ref,command,loan_key,value_date,rate_percent,keep,maker,checker,reason\n"
    row = f",change_rate,{loan},{{}},{{}},{{}},maker-1,checker-2,hardship\n"
    body = head + "c1" + row.format("2018-01-12", "4.5", "") + "c2" + row.format(
        "2018-01-12", "99", "") + "c3" + row.format("2018-01-12", "", "")  # fmt: skip
    drop(ledger, "commands_2018-01-12.csv", body)
    report = take(ledger)
    assert (report.accepted, report.quarantined) == (1, 2)
    list(close_days(ledger, policies, missing_days(ledger), by))
    drop(ledger, "commands_2018-01-14.csv", head + "c4" + row.format("2018-01-11", "5", ""))
    take(ledger)
    # one process closes the range in memory, another one day by day from what is stored
    for day in missing_days(ledger):
        list(close_days(ledger, policies, [day], by))
    assert rebuild(ledger, policies).differences.is_empty()
    loan_id = ledger.loan_keys().filter(pl.col("loan_key") == loan)["loan_id"][0]
    kept = LedgerReader(ledger.settings).sql(
        f"SELECT schedule_version, reason FROM schedules WHERE loan_id = {loan_id} ORDER BY 1"
    )
    assert kept["reason"].to_list()[:2] == ["boarded", "rate_changed"]
    assert replay_loan(ledger, policies, loan_id).differences.is_empty()


def test_a_command_needs_a_known_order_and_two_people(ledger: Ledger) -> None:
    loan = key(ledger)
    body = (
        "command_ref,command,loan_key,value_date,maker,checker,reason\n"
        f"c1,charge_off,{loan},2018-01-10,ann,ann,uncollectable\n"
        f"c2,forgive_all,{loan},2018-01-10,ann,bob,kindness\n"
        f"c3,charge_off,{loan},2018-01-10,ann,bob,uncollectable\n"
        f"c4,charge_off,{loan},9018-01-10,ann,bob,uncollectable\n"
    )
    drop(ledger, "commands_2018-01-10_x.csv", body)
    report = take(ledger)
    assert report.accepted == 1
    assert set(rules(ledger, "commands_2018-01-10_x.csv").values()) == {
        "maker_is_checker", "unknown_command", "value_date_not_a_date",
    }  # fmt: skip


def test_a_name_in_other_letters_is_no_second_person() -> None:
    pairs = [
        ("ann", "\u0430nn", True),  # Cyrillic а
        ("hann", "\u041dann", True),  # a Cyrillic capital that looks like H, no small one
        ("aop", "\u0430\u043e\u0440", True),
        ("stra\u00dfe", "STRASSE", True),
        ("\u0130lker", "ilker", True),  # a capital with a dot
        ("\u0131lker", "Ilker", True),  # a small one without
        ("\u03a3\u03b1\u03c2", "\u03a3\u0391\u03a3", True),
        ("\uff41nn", "Ann", True),
        ("a\u3164n\u200bn", "a n n", True),
        ("jos\u00e9", "jose", False),
        ("\u0410\u043d\u043d\u0430", "Anna", False),
        ("amy", "arny", False),
        ("m-1", "c-1", False),
    ]  # fmt: skip
    told = pl.DataFrame(pairs, schema=["maker", "checker", "one"], orient="row")
    found = told.with_columns(same=same_person("maker", "checker"))
    assert found.filter(pl.col("same") != pl.col("one")).is_empty(), found


def test_an_optional_date_that_is_none_is_not_taken_for_one_left_out(ledger: Ledger) -> None:
    head = "command_ref,command,loan_key,value_date,rate_percent,due_date,maker,checker,reason\n"
    rows = [
        f"c{n},change_rate,{key(ledger)},2018-01-10,5,{told},ann,bob,agreed\n"
        for n, told in enumerate(("2018-02-30", "next week", "9999-12-31"))
    ]
    drop(ledger, "commands_2018-01-10_x.csv", head + "".join(rows))
    assert take(ledger).accepted == 0
    found = rules(ledger, "commands_2018-01-10_x.csv")
    assert found == dict.fromkeys((2, 3, 4), "field_not_read")


def test_loan_keys_of_equal_rows_differ_by_their_occurrence() -> None:
    from loanbook.pipelines.formats.tape.rows import keys

    rows = pl.DataFrame({"a": ["1", "1", "2"], "line": [2, 3, 4]})
    first, second, third = keys(rows).to_list()
    assert first.endswith("-1")
    assert second == first[:-1] + "2"
    assert third[:-2] != first[:-2]


def test_the_simulator_writes_the_same_bytes_for_the_same_seed(tmp_path: Path) -> None:
    from loanbook.pipelines.simulation.landing import drop as write
    from loanbook.pipelines.simulation.tape import synthetic

    for name in ("one", "two"):
        write(tmp_path / name, synthetic(50, seed=3), seed=3)
    one = {p.name: p.read_bytes() for p in (tmp_path / "one").iterdir()}
    two = {p.name: p.read_bytes() for p in (tmp_path / "two").iterdir()}
    assert one == two
    assert Settings(home=tmp_path).landing == tmp_path / "landing"


def test_commands_with_amounts_become_events_and_bad_ones_are_named(ledger: Ledger) -> None:
    loan = key(ledger)
    header = "command_ref,command,loan_key,value_date,amount,due_date,maker,checker,reason\n"
    lines = [
        f"a,charge_fee,{loan},2018-01-10,12.50,2018-02-20,m-1,c-1,late_document",
        f"b,goodwill_credit,{loan},2018-01-10,5.00,,m-1,c-1,service_failure",
        f"c,charge_fee,{loan},2018-01-10,12.50,,m-1,c-1,late_document",
        f"d,goodwill_credit,{loan},2018-01-10,five,,m-1,c-1,service_failure",
        f"e,write_off,{loan},2018-01-10,1.00,,m-1,c-1,fraud",
        f"f,goodwill_credit,{loan},2018-01-10,5.00,,m-1,m-1,service_failure",
        f"g,waive_interest,{loan},2018-01-10,5.001,,m-1,c-1,hardship",
    ]
    drop(ledger, "commands_2018-01-10.csv", header + "\n".join(lines) + "\n")
    report = take(ledger)
    assert (report.accepted, report.quarantined) == (2, 5)
    assert rules(ledger, "commands_2018-01-10.csv") == {
        4: "command_without_a_due_date", 5: "amount_not_a_positive_number",
        6: "amount_where_the_command_has_none", 7: "maker_is_checker",
        8: "amount_finer_than_currency",
    }  # fmt: skip
    policies = ledger.register(read_policies())
    days = list(close_days(ledger, policies, missing_days(ledger), provenance(policies, "run")))
    assert days[-1].date.isoformat() == "2018-01-10"
    fees = ledger.frame("SELECT fees_due, paid_today FROM {lake}.positions p JOIN {lake}.loan_keys k "
                        "USING (loan_id) WHERE k.loan_key = ? AND business_date = DATE '2018-01-10'",
                        [loan])  # fmt: skip
    assert fees.row(0) == (1_250, 500)


def test_a_refused_file_is_tried_again_and_said_once(ledger: Ledger) -> None:
    landing = ledger.settings.landing
    (landing / "loan_tape_2018-01-11_nobody.csv").write_text(MONEY)
    assert len(take(ledger).refused) == 1
    again = take(ledger)
    assert (len(again.refused), len(again.refused_before)) == (0, 1)
    state = "SELECT state, count(*) AS n FROM {lake}.files WHERE business_date = DATE '2018-01-11' "
    assert ledger.frame(state + "GROUP BY state").rows() == [("refused", 1)]
    (landing / "loan_tape_2018-01-11_nobody.csv").rename(landing / "payments_2018-01-11.csv")
    assert not take(ledger).refused
    assert dict(ledger.frame(state + "GROUP BY state").rows()) == {"refused": 1, "taken": 1}


def test_the_same_content_under_another_date_is_another_file(ledger: Ledger) -> None:
    landing = ledger.settings.landing
    for day in ("2018-01-11", "2018-01-12", "2018-01-13"):
        (landing / f"payments_{day}.csv").write_text(MONEY)
    assert take(ledger).files == 3
    assert str(ledger.landed_dates()[1]) == "2018-01-13"
    assert take(ledger).files == 0


def test_a_date_far_from_the_book_or_the_clock_is_refused(ledger: Ledger) -> None:
    landing = ledger.settings.landing
    for day in ("2081-01-02", "1918-01-11", "2021-01-11", "2018-01-11"):
        (landing / f"payments_{day}.csv").write_text(f"{MONEY}P{day},L,1.00,USD,{day}\n")
    report = take(ledger)
    assert sorted(name for name, _ in report.refused) == [
        "payments_1918-01-11.csv", "payments_2021-01-11.csv", "payments_2081-01-02.csv",
    ]  # fmt: skip
    assert all("mend the year in the name" in why for _, why in report.refused)
    assert str(ledger.landed_dates()[1]) == "2018-01-11"


def test_a_link_is_not_followed_and_a_folder_is_no_file(ledger: Ledger, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text(f"{MONEY}P1,L,1.00,USD,2018-01-11\n")
    (ledger.settings.landing / "payments_2018-01-11.csv").symlink_to(elsewhere)
    folder = ledger.settings.landing / "payments_2018-01-12.csv"
    folder.mkdir()
    (folder / "payments_2018-01-12.csv").write_text(f"{MONEY}P2,L,1.00,USD,2018-01-12\n")
    assert dict(take(ledger).refused) == {
        "payments_2018-01-11.csv": "a link, which is not followed; land the file itself",
        "payments_2018-01-12.csv": "a folder with the name of a file; land the file itself",
    }


def test_a_day_closes_without_a_file_where_it_is_named(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(ledger.settings.home))
    ledger.close()
    cli = CliRunner()
    assert "2018-01-13 is version" in cli.invoke(app, ["backfill", "2018-01-13"]).output
    assert "2018-01-14 is version" in cli.invoke(app, ["close", "2018-01-14"]).output
    assert "2018-01-15 comes first" in str(cli.invoke(app, ["close", "2018-01-16"]).exception)
    ahead = cli.invoke(app, ["backfill", "2081-01-02"])
    assert ahead.exit_code == 2
    assert "ahead of the clock" in ahead.output


def test_a_tape_in_loanbooks_own_names_needs_no_column_that_no_loan_must_tell(
    new_ledger: Ledger,
) -> None:
    """What is left out is as if its cell were empty; a name that is a slip of one that is left out is refused, and so
    are half months that would fall due twice on one day."""
    head = "loan_number,product,principal,rate_percent,instalments,disbursed_on,first_due_date"
    terms = "instalment-act365,1200.00,12,12,2018-01-02"
    drop(
        new_ledger, "loan_tape_2018-01-02_canonical.csv", f"{head},branch\nA,{terms},2018-02-02,N\n"
    )
    slips = {"b": "instalmnt", "c": "Anchor Day", "d": "interest_onyl", "e": "every_"}
    for name, slip in slips.items():
        drop(new_ledger, f"loan_tape_2018-01-02_canonical.{name}.csv",
             f"{head},{slip}\n{name},{terms},2018-02-02,1\n")  # fmt: skip
    halves = "loan_tape_2018-01-03_canonical.csv"
    drop(new_ledger, halves, f"{head},unit,second_anchor_day\n" + "".join(
        f"{key},{terms},{first},semi_monthly,{second}\n"
        for key, first, second in (("F", "2018-02-01", ""), ("G", "2018-02-01", "16"),
                                   ("H", "2018-01-31", "31"), ("I", "2018-01-15", "15"))
    ))  # fmt: skip
    drop(new_ledger, "payments_2018-01-03.csv",
         "payment_ref,loan_key,amount,currency,value_date,designaton\nP,A,1.00,USD,2018-01-03,pay_ahead\n")  # fmt: skip
    report = take(new_ledger)
    assert report.accepted == 2  # A and G
    assert rules(new_ledger, halves) == dict.fromkeys((2, 4, 5), "half_months_on_one_day")
    refused = dict(report.refused)
    assert len(refused) == len(slips) + 1
    for name, slip in slips.items():
        assert (
            f"{slip!r}, which nothing names"
            in refused[f"loan_tape_2018-01-02_canonical.{name}.csv"]
        )
    assert "'designation', which is much like" in refused["payments_2018-01-03.csv"]
