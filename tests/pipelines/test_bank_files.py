"""Files of banks: each entry finds its loan or waits, totals tie, the same entry is one payment."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.payments.incoming.entries import same_as
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.payments.bank_accounts import BankAccount, EntryRule
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.resources import read_policies
from tests.pipelines.bank_files import Entry, camt, mt940
from tests.pipelines.files import LOANS, MONEY, close_landed, drop, rules, take, weekly_loan

ROOT = Path(__file__).resolve().parents[2]
DAY, LATER = "2018-01-09", "2018-01-10"
TAPE = "loan_tape_2018-01-02_canonical.csv"


def decided(ledger: Ledger) -> dict[str, str]:
    """Reference of each entry, with outcome and rule."""
    rows = ledger.frame(
        "SELECT coalesce(reference, end_to_end_id, remittance) AS r, outcome || ' ' || rule AS d FROM {lake}.bank_entries "
        "WHERE outcome <> 'duplicate'"
    )
    return dict(rows.rows())


def balance(ledger: Ledger, *roles: str) -> list[int]:
    """Balance of accounts as of the last close, in cents."""
    from loanbook.core.catalogue.accounts import ROLE

    rows = ledger.frame(
        "SELECT account, sum(balance)::BIGINT FROM {lake}.account_balances WHERE version = "
        "(SELECT max(version) FROM {lake}.versions) GROUP BY account"
    )
    held = dict(rows.rows())
    return [held.get(ROLE[role], 0) for role in roles]


def conserved(ledger: Ledger) -> None:
    """Every entry of every file has one outcome, in number and money."""
    rows = ledger.frame(
        "SELECT f.entries, count(*) AS told, count(e.outcome) AS judged FROM {lake}.bank_files f "
        "JOIN {lake}.bank_entries e USING (file_id) GROUP BY f.file_id, f.entries"
    )
    from loanbook.core.store.banking.reading import CONSERVED
    from loanbook.core.store.reader import LedgerReader

    assert LedgerReader(ledger.settings).query(CONSERVED)["conserved"].all()
    assert rows.filter(
        (pl.col("entries") > pl.col("told")) | (pl.col("told") != pl.col("judged"))
    ).is_empty()


def test_an_entry_is_applied_settled_outside_or_waits_and_the_trial_balance_shows_it(
    new_ledger: Ledger,
) -> None:
    drop(
        new_ledger, TAPE, LOANS + "".join(map(weekly_loan, ("LOAN-0001", "LOAN-0002", "LOAN-0003")))
    )
    drop(new_ledger, f"payments_{DAY}.csv", MONEY + f"card-77,LOAN-0003,30.00,USD,{DAY}\n")
    entries = [
        Entry(10400, ref="R1", e2e="LOAN-0001"),
        Entry(5000, ref="R2", text="instalment loan-0002, thank you"),
        Entry(3000, ref="R3", e2e="card-77"),
        Entry(700, ref="R4", text="LOAN-0001 and LOAN-0002"),
        Entry(900, ref="R5", text="no idea"),
        Entry(-250, ref="R6", text="Synthetic bank fee"),
        Entry(-1200, ref="R7", text="out"),
        Entry(100000, ref="R8", text="SYNTHETIC PROCESSOR PAYOUT 1"),
        Entry(100, ref="R9", e2e="LOAN-0001", status="PDNG"),
    ]
    drop(new_ledger, f"bank_{DAY}.xml", camt(DAY, entries, opening=500))
    report = take(new_ledger)
    assert not report.refused, report.refused
    assert report.reconciles
    assert decided(new_ledger) == {
        "R1": "applied loan_key", "R2": "applied loan_key_in_remittance", "R3": "settled paid_in_another_file",
        "R4": "suspense several_loans", "R5": "suspense no_loan_found", "R6": "outside bank-fee",
        "R7": "suspense money_out", "R8": "settled processor-payout", "R9": "outside not_booked",
    }  # fmt: skip
    conserved(new_ledger)
    close_landed(new_ledger)
    # bank: 104 + 50 + 30 + 7 + 9 - 12 + 1000; clearing: what the processor's payments are missing
    assert balance(new_ledger, "bank", "unidentified_receipts", "payment_clearing") == [
        118800, -400, -100000,
    ]  # fmt: skip


def test_the_same_entry_in_two_formats_or_files_is_one_payment(new_ledger: Ledger) -> None:
    drop(new_ledger, TAPE, LOANS + weekly_loan("LOAN-0001") + weekly_loan("LOAN-0002"))
    entries = [Entry(10400, ref="R1", e2e="LOAN-0001"), Entry(5000, ref="R2", e2e="LOAN-0002"), Entry(5000, e2e="LOAN-0002"),
               Entry(5000, e2e="LOAN-0002"), Entry(60, text="thing")]  # fmt: skip
    drop(new_ledger, f"bank_{DAY}_a.xml", camt(DAY, entries[:3], kind="052"))
    drop(new_ledger, f"bank_{DAY}_b.sta", mt940(DAY, entries))
    drop(new_ledger, f"bank_{DAY}_c.xml", camt(DAY, entries))
    report = take(new_ledger)
    assert not report.refused, report.refused
    counts = new_ledger.frame(
        "SELECT f.name, count(*) FILTER (WHERE outcome = 'duplicate') AS again, count(*) AS n FROM {lake}.bank_entries e "
        "JOIN {lake}.bank_files f USING (file_id) GROUP BY 1 ORDER BY 1"
    )
    assert counts.rows() == [
        (f"bank_{DAY}_a.xml", 0, 3),
        (f"bank_{DAY}_b.sta", 3, 5),
        (f"bank_{DAY}_c.xml", 5, 5),
    ]
    drop(new_ledger, f"bank_{DAY}_d.xml", camt(DAY, list(reversed(entries))))
    drop(
        new_ledger, f"bank_{DAY}_e.xml", camt(DAY, entries[3:], opening=7)
    )  # the bank cuts it in two
    drop(new_ledger, f"bank_{DAY}_f.xml", camt(DAY, entries[:3], opening=9))
    assert take(new_ledger).duplicates == 10
    assert new_ledger.one("SELECT count(*), sum(amount) FROM {lake}.events WHERE kind = 2") == (
        4,
        25400,
    )


def test_a_trace_number_that_a_bank_gives_anew_is_another_payment_and_within_some_days_the_same() -> (
    None
):
    day = dt.date(2018, 3, 2)
    one = {"account": "a", "direction": "credit", "reversal": False, "amount": 100, "currency": "USD",
           "reference": "091000010000001", "client_ref": "L", "end_to_end_id": None, "fingerprint": None}  # fmt: skip
    texts = {"end_to_end_id": pl.String, "fingerprint": pl.String}
    known = pl.DataFrame([one | {"value_date": day, "entry_id": "x"}], schema_overrides=texts)
    found = [
        same_as(
            pl.DataFrame(
                [one | {"value_date": day + dt.timedelta(days=n), "place": 1}],
                schema_overrides=texts,
            ),
            known,
        ).height
        for n in (0, 1, 4, 5, 7)
    ]
    assert found == [1, 1, 1, 0, 0]


def test_a_file_that_does_not_tie_is_refused_whole_with_both_figures(new_ledger: Ledger) -> None:
    drop(new_ledger, TAPE, LOANS + weekly_loan("LOAN-0001"))
    drop(new_ledger, f"bank_{DAY}.xml", camt(DAY, [Entry(100, ref="R1")], off=7))
    drop(new_ledger, f"bank_{DAY}_other.xml", camt(DAY, [Entry(100, ref="R1")], account="OTHER"))
    report = take(new_ledger)
    assert sorted(why for _, why in report.refused) == [
        "camt.053: closing_balance at line 1: the file states 1.0700, its entries make 1.0000; nothing of it is taken: "
        "ask the bank for the file anew",
        "no policy of bank_accounts has an account of the file (numbers that end with …THER): add the number as the bank "
        "writes it to `numbers` of one, or end the file's name with the name of the policy",
    ]
    assert new_ledger.one("SELECT count(*) FROM {lake}.events WHERE kind = 2") == (0,)


DECISIONS = "entry_id,decision,loan_key,maker,checker,reason\n"


def test_a_clerk_reads_files_and_suspense_and_assigns_by_command(
    new_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loanbook.core.store.settings import HOME_VARIABLE
    from loanbook.pipelines.commands.app import app

    drop(new_ledger, TAPE, LOANS + weekly_loan("LOAN-0001"))
    drop(
        new_ledger,
        f"bank_{DAY}.xml",
        camt(DAY, [Entry(10400, ref="R1", name="Jane Doe"), Entry(7, ref="R2", e2e="LOAN-0001")]),
    )
    take(new_ledger)
    close_landed(new_ledger)
    monkeypatch.setenv(HOME_VARIABLE, str(new_ledger.settings.home))
    ran = CliRunner()

    def told(*words: str) -> str:
        result = ran.invoke(app, ["payments", *words])
        assert result.exit_code == 0, (result.output, result.exception)
        return " ".join(result.output.split())

    assert "Days of accounts that do not tie or do not follow: 0 of 1." in told("files")
    assert '"applied_amount":7,' in told("files", "--json")
    (waiting,) = new_ledger.one(
        "SELECT entry_id FROM {lake}.bank_entries WHERE outcome = 'suspense'"
    )
    assert waiting in told("suspense")
    assert "credit: 1 entry, 104.00 USD" in told("suspense")
    assert "J… Doe" in told("entries", "--outcome", "suspense", "--json")
    by = ["--maker", "amal", "--reason", "payer_confirmed"]
    alone = ran.invoke(app, ["payments", "assign", waiting, "--loan", "LOAN-0001", *by])
    assert "name a checker" in str(alone.exception)
    assert "assignments_2018-01-10" in told(
        "assign", waiting, "--loan", "LOAN-0001", *by, "--checker", "bela"
    ).replace(" ", "")
    take(new_ledger)
    close_landed(new_ledger)
    assert "Nothing waits in suspense" in told("suspense", "--as-of", "2018-01-10")
    assert waiting in told("suspense", "--as-of", DAY)
    assert "2 entries." in told("entries", "--loan", "LOAN-0001")


def test_two_people_assign_what_waits_and_the_payment_counts_from_its_own_day(
    new_ledger: Ledger,
) -> None:
    drop(new_ledger, TAPE, LOANS + weekly_loan("LOAN-0001"))
    waits = [
        Entry(10400, ref="R1", text="?"),
        Entry(-300, ref="R2", text="?"),
        Entry(40, ref="R3", text="?"),
        Entry(50, ref="R4"),
    ]
    drop(new_ledger, f"bank_{DAY}.xml", camt(DAY, waits))
    take(new_ledger)
    close_landed(new_ledger)
    assert balance(new_ledger, "bank", "unidentified_receipts") == [10190, -10190]
    ids = dict(new_ledger.frame("SELECT reference, entry_id FROM {lake}.bank_entries").rows())
    rows = [
        f"{ids['R1']},apply,LOAN-0001,amal,bela,payer_confirmed",
        f"{ids['R1']},apply,LOAN-0001,amal,bela,payer_confirmed",  # known, after the first
        f"{ids['R1']},outside,,amal,bela,not_ours",
        f"{ids['R2']},apply,LOAN-0001,amal,bela,payer_confirmed",
        f"{ids['R3']},outside,,amal,,not_ours",
        f"{ids['R3']},outside,,amal,amal,not_ours",
        f"{ids['R3']},apply,LOAN-9,amal,bela,payer_confirmed",
        "nothing,outside,,amal,bela,not_ours",
        f"{ids['R4']},outside,,amal,bela,not_ours",
    ]  # fmt: skip
    drop(new_ledger, "assignments_2018-01-11.csv", DECISIONS + "\n".join(rows) + "\n")
    report = take(new_ledger)
    assert not report.refused, report.refused
    assert report.reconciles
    assert rules(new_ledger, "assignments_2018-01-11.csv") == {
        3: "entry_was_decided", 4: "entry_was_decided", 5: "money_out_is_no_payment", 6: "entry_needs_a_second_person",
        7: "maker_is_checker", 8: "entry_was_decided", 9: "unknown_entry",
    }  # fmt: skip
    close_landed(new_ledger)
    # 40 cents and 3 dollars out wait still; 50 cents were not the book's
    assert balance(new_ledger, "bank", "unidentified_receipts", "payment_clearing") == [
        10140,
        260,
        0,
    ]
    assert new_ledger.one("SELECT value_date::VARCHAR, booking_date::VARCHAR, actor, checker FROM {lake}.events WHERE kind = 2") == (
        DAY, "2018-01-11", "amal", "bela")  # fmt: skip
    drop(new_ledger, "assignments_2018-01-11_again.csv", DECISIONS + rows[0] + "\n")
    assert take(new_ledger).duplicates == 1
    assert new_ledger.frame(
        "SELECT * FROM {lake}.quarantine WHERE rule = 'idempotency_conflict'"
    ).is_empty()
    from loanbook.pipelines.servicing.verify import rebuild

    policies = new_ledger.register(read_policies())
    assert rebuild(new_ledger, policies).differences.is_empty()


def test_no_other_room_makes_an_event_of_a_payment() -> None:
    """Beside the import contract: `Kind.payment_received` is named where events are read, told or quoted; what makes
    them takes it from `loanbook.core.payments.incoming.emitting`."""
    readers = {
        "core/catalogue/events.py", "core/collections/promises.py", "core/servicing", "core/store", "pipelines/reporting/products.py",
        "pipelines/ingest/orders/returned_payments.py", "core/payments/incoming/emitting.py", "core/collections/placing.py",
    }  # fmt: skip
    found = [
        file.relative_to(ROOT).as_posix()
        for top in ("core", "pipelines", "dashboards")
        for file in (ROOT / top).rglob("*.py")
        if "Kind.payment_received" in file.read_text(encoding="utf-8")
    ]
    assert found
    assert [f for f in found if not any(f.startswith(r) for r in readers)] == []


SETTLED = "id,type,gross,fee,currency,created,customer_reference,payout,charge\n"


def test_what_a_processor_collected_ties_to_its_payout_and_clears_when_that_arrives(
    new_ledger: Ledger,
) -> None:
    drop(new_ledger, TAPE, LOANS + weekly_loan("LOAN-0001") + weekly_loan("LOAN-0002"))
    rows = [
        f"ch1,charge,104.00,2.50,USD,{DAY},LOAN-0001,PO-9,",
        f"ch2,charge,50.00,1.00,USD,{DAY},LOAN-0002,PO-9,",
        f"ch3,charge,20.00,,USD,{DAY},nobody,PO-9,",
        f"fee1,fee,3.00,,USD,{DAY},,PO-9,",
        f"dp1,dispute,10.00,,USD,{DAY},LOAN-0001,PO-9,ch0",
        f"po9,payout,157.50,,USD,{DAY},,PO-9,",
    ]  # fmt: skip
    body = SETTLED + "\n".join(rows) + "\n"
    drop(new_ledger, f"collected_{DAY}_synthetic-processor.csv", body.replace("157.50", "157.51"))
    drop(new_ledger, f"collected_{DAY}_nobody.csv", body)
    report = take(new_ledger)
    assert len(report.refused) == 2
    assert "no mapping is named 'nobody'" in str(report.refused)
    assert (
        "PO-9 in USD: the file states a total of 15751, its rows make 15750 (minor units)"
        in str(report.refused)
    )
    drop(new_ledger, f"collected_{DAY}_synthetic-processor.2.csv", body)
    drop(new_ledger, f"collected_{DAY}_synthetic-processor.3.csv", body + "\n")
    drop(new_ledger, f"collected_{DAY}_synthetic-branch.csv",
         f"receipt,kind,amount,day,loan,till,payer\nr1,receipt,5.00,{DAY},LOAN-0002,T1,\nr2,receipt,6.00,{DAY},LOAN-0002,T1,\n"
         f"r3,void,6.00,{DAY},LOAN-0002,T1,\nt1,deposit,5.00,{DAY},,T1,\n")  # fmt: skip
    report = take(new_ledger)
    assert report.reconciles
    assert report.duplicates == 5
    close_landed(new_ledger)
    assert balance(new_ledger, "payment_clearing", "payment_processing_expense", "unidentified_receipts", "bank") == [
        16250, 650, -400, 0,
    ]  # fmt: skip
    drop(
        new_ledger,
        "bank_2018-01-11.xml",
        camt("2018-01-11", [Entry(15750, ref="B1", e2e="PO-9"), Entry(500, ref="B2", e2e="T1")]),
    )
    take(new_ledger)
    close_landed(new_ledger)
    assert balance(new_ledger, "payment_clearing", "payment_processing_expense", "unidentified_receipts", "bank") == [
        0, 650, -400, 16250,
    ]  # fmt: skip
    conserved(new_ledger)


def test_refunds_and_chargebacks_take_their_payment_back_and_the_net_payout_clears(
    new_ledger: Ledger,
) -> None:
    drop(new_ledger, TAPE, LOANS + weekly_loan("LOAN-0001") + weekly_loan("LOAN-0002"))
    first = [
        f"ch1,charge,104.00,2.50,USD,{DAY},LOAN-0001,PO-1,", f"ch2,charge,50.00,1.00,USD,{DAY},LOAN-0002,PO-1,",
        f"ch3,charge,20.00,,USD,{DAY},LOAN-0002,PO-1,", f"rf3,refund,20.00,,USD,{DAY},,PO-1,ch3",
        f"po1,payout,150.50,,USD,{DAY},,PO-1,",
    ]  # fmt: skip
    drop(new_ledger, f"collected_{DAY}_synthetic-processor.csv", SETTLED + "\n".join(first) + "\n")
    later = "2018-01-12"
    then = [
        f"rf1,refund,104.00,,USD,{later},,PO-2,ch1", f"dp2,dispute,30.00,15.00,USD,{later},,PO-2,ch2",
        f"rf4,refund,104.00,,USD,{later},,PO-2,ch1", f"rf5,refund,1.00,,USD,{later},,PO-2,ch99",
        f"po2,payout,-254.00,,USD,{later},,PO-2,",
    ]  # fmt: skip
    body = (SETTLED + "\n".join(then) + "\n").replace("po2,payout,-254.00", "po2,payout,254.00")
    drop(new_ledger, f"collected_{later}_synthetic-processor.csv", body)
    report = take(new_ledger)
    assert "a total of 25400, its rows make -25400" in str(report.refused)
    drop(new_ledger, f"collected_{later}_synthetic-processor.csv", SETTLED + "\n".join(then) + "\n")
    report = take(new_ledger)
    assert not report.refused, report.refused
    told = decided(new_ledger)
    assert {name: told[name] for name in ("rf1", "rf3", "rf4", "rf5", "dp2")} == {
        "rf1": "returned return_of_a_payment", "rf3": "returned return_of_a_payment",
        "rf4": "suspense money_returned", "rf5": "suspense money_returned", "dp2": "returned return_of_a_payment",
    }  # fmt: skip
    taken_back = "SELECT kind, amount, reason FROM {lake}.events WHERE actor = 'collector:synthetic-processor' ORDER BY event_id"
    assert new_ledger.frame(taken_back).rows() == [
        (13, None, "collector_refund"), (10, 3000, "collector_chargeback"), (13, None, "collector_refund"),
    ]  # fmt: skip
    drop(new_ledger, f"bank_{later}.xml", camt(later, [Entry(15050, ref="B1", e2e="PO-1"), Entry(-25400, ref="B2", e2e="PO-2")], opening=10**6))  # fmt: skip
    take(new_ledger)
    close_landed(new_ledger)
    # 104 + 1 wait: taken back, and not known of which payment
    assert balance(new_ledger, "payment_clearing", "unidentified_receipts", "bank") == [0, 10500, -10350]  # fmt: skip
    conserved(new_ledger)


def lockbox(
    *cheques: tuple[int, str, str],
    off: int = 0,
    more: tuple[tuple[int, str, str], ...] = (),
    batch: str = "001",
) -> str:
    """A lockbox's file of one batch of 9 January 2018, and of a second deposit `more` of that day; a cheque is cents, its
    number, and what came with it."""
    body = [
        "10100000000010000000002180109" + "0900",
        "2" + " " * 30 + "400",
        *deposit(batch, cheques, off),
        *(deposit("007", more, 0) if more else []),
    ]
    return "\n".join([*body, f"9{len(body) + 1:06}", ""])


def deposit(batch: str, cheques: tuple[tuple[int, str, str], ...], off: int) -> list[str]:
    """Records 5 to 8 of a deposit of one batch."""
    body = [f"5{batch}000{'200124':>7}180109"]
    for n, (cents, number, text) in enumerate(cheques, 1):
        first, _, more = text.partition("|")
        body.append(
            f"6{batch}{n:03}{cents:010}{'021000021':>9}{'4711900210':>10}{number:>10}{first:<58}"
        )
        if more:
            body.append(f"4{batch}{n:03}601 {more}")
    total = sum(cents for cents, _, _ in cheques)
    body.append(f"7{batch}000{'200124':>7}180109{len(cheques):03}{total + off:010}")
    body.append(f"8{batch}000{'200124':>7}180109{len(cheques):04}{total:010}")
    return body


def test_cheques_of_a_lockbox_pay_their_loans_and_its_deposit_clears_them(
    new_ledger: Ledger,
) -> None:
    drop(new_ledger, TAPE, LOANS + weekly_loan("LOAN-0001") + weekly_loan("LOAN-0002"))
    cheques = (
        (10400, "1001", "LOAN-0001"),
        (5000, "1002", "see below|for LOAN-0002"),
        (70, "1003", "?"),
    )
    drop(new_ledger, f"collected_{DAY}_synthetic-lockbox.1.bai", lockbox(*cheques, off=1))
    drop(new_ledger, f"collected_{DAY}_synthetic-lockbox.2.bai", lockbox(*cheques)[:-9])
    drop(new_ledger, f"collected_{DAY}_synthetic-lockbox.3.bai", lockbox(*cheques))
    drop(
        new_ledger,
        f"bank_{DAY}.xml",
        camt(DAY, [Entry(15470, ref="B1", text="LOCKBOX 200124 DEPOSIT")]),
    )
    report = take(new_ledger)
    assert sorted(why[:62] for _, why in report.refused) == [
        "it has no record 9 at its end; nothing of it is taken: ask for",
        "the batch that ends at line 8 states 3 items of 15471, its che",
    ]  # fmt: skip
    assert decided(new_ledger) == {
        "200124-180109-001-001-1001": "applied loan_key",
        "200124-180109-001-002-1002": "applied loan_key_in_remittance",
        "200124-180109-001-003-1003": "suspense no_loan_found", "B1": "settled total_of_a_collector",
    }  # fmt: skip
    conserved(new_ledger)
    close_landed(new_ledger)
    assert balance(new_ledger, "payment_clearing", "unidentified_receipts", "bank") == [0, -70, 15470]  # fmt: skip


def test_two_deposits_of_a_lockbox_on_a_day_clear_each_however_the_file_is_cut(
    new_ledger: Ledger,
) -> None:
    drop(new_ledger, TAPE, LOANS + weekly_loan("LOAN-0001") + weekly_loan("LOAN-0002"))
    first, second = ((10400, "1001", "LOAN-0001"),), ((5000, "1002", "LOAN-0002"),)
    drop(new_ledger, f"collected_{DAY}_synthetic-lockbox.1.bai", lockbox(*first, more=second))
    drop(new_ledger, f"collected_{DAY}_synthetic-lockbox.2.bai", lockbox(*second, batch="007"))
    drop(new_ledger, f"collected_{DAY}_synthetic-lockbox.3.bai", lockbox(*first))
    drop(
        new_ledger,
        f"bank_{DAY}.xml",
        camt(DAY, [Entry(10400, ref="B1", text="LOCKBOX 200124"), Entry(5000, ref="B2", text="LOCKBOX 200124")]),
    )  # fmt: skip
    assert not take(new_ledger).refused
    assert decided(new_ledger) == {
        "200124-180109-001-001-1001": "applied loan_key", "200124-180109-007-001-1002": "applied loan_key",
        "B1": "settled total_of_a_collector", "B2": "settled total_of_a_collector",
    }  # fmt: skip
    # the bank takes one of the cheques back, and one that is not known
    back = camt(LATER, [Entry(-5000, ref="B3", text="RETURNED CHEQUE 0001002"), Entry(-5000, ref="B4", text="RETURNED CHEQUE 9")],
                opening=15400)  # fmt: skip
    drop(new_ledger, f"bank_{LATER}.xml", back)
    policies = new_ledger.register(read_policies())
    rule = EntryRule(
        name="returned-cheque", outcome="returned", direction="debit", text="returned cheque"
    )
    mended = PolicyBook(
        tuple(
            (
                folder,
                each.model_copy(update={"rules": [*each.rules, rule]})
                if isinstance(each, BankAccount)
                else each,
            )
            for folder, each in policies.policies
        ),
        policies.registry,
    )
    assert not take(new_ledger, mended).refused
    told = decided(new_ledger)
    assert (told["B3"], told["B4"]) == ("returned return_of_a_payment", "suspense money_out")
    conserved(new_ledger)
    close_landed(new_ledger)
    # 50.00 wait, taken back, and not known of which payment
    assert balance(new_ledger, "payment_clearing", "unidentified_receipts", "bank") == [
        0,
        5000,
        5400,
    ]
