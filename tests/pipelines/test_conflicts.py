"""A key that was seen before with other content is a conflict, named by what differs; never a duplicate."""

from __future__ import annotations

from loanbook.core.store.writer import Ledger
from tests.pipelines.files import LOANS, MONEY, drop, key, rules, take


def _found(ledger: Ledger, name: str) -> dict[int, str]:
    rows = ledger.frame(
        "SELECT line, rule || ': ' || found FROM {lake}.quarantine WHERE name = ?", [name]
    )
    return dict(rows.rows())


def test_a_file_sent_again_with_one_row_changed_gives_one_conflict(ledger: Ledger) -> None:
    loan = key(ledger)
    rows = [f"r{n},{loan},{n}.00,USD,2018-01-10" for n in range(1, 6)]
    drop(ledger, "payments_2018-01-10_a.csv", MONEY + "\n".join(rows) + "\n")
    take(ledger)
    rows[2] = f"r3,{loan},99.00,USD,2018-01-10"
    drop(ledger, "payments_2018-01-10_b.csv", MONEY + "\n".join(rows) + "\n")
    report = take(ledger)
    assert (report.accepted, report.duplicates, report.quarantined) == (0, 4, 1)
    assert rules(ledger, "payments_2018-01-10_b.csv") == {4: "idempotency_conflict"}


def test_the_same_reference_with_another_content_is_a_conflict(ledger: Ledger) -> None:
    """Whatever the content is: what is told of a borrower, the end of a pause, the terms of a loan."""
    head = "command_ref,command,loan_key,value_date,maker,checker,reason,flag,start_date,due_date\n"
    loan = key(ledger)

    def orders(day: str, flag: str, end: str) -> None:
        drop(ledger, f"commands_{day}.csv", head
             + f"F1,flag_borrower,{loan},2018-01-10,ann,bob,told,{flag},,\n"
             + f"P1,pause_delinquency,{loan},2018-01-10,ann,bob,told,,2018-01-10,{end}\n")  # fmt: skip

    orders("2018-01-11", "bankruptcy", "2018-02-10")
    assert take(ledger).accepted == 2
    orders("2018-01-12", "bankruptcy", "2018-02-10")
    assert take(ledger).duplicates == 2
    orders("2018-01-13", "fraud", "2018-06-10")
    assert take(ledger).quarantined == 2
    assert set(rules(ledger, "commands_2018-01-13.csv").values()) == {"idempotency_conflict"}


def test_a_loan_that_comes_again_on_other_terms_is_a_conflict(ledger: Ledger) -> None:
    def tape(day: str, *loans: tuple[str, str, str]) -> str:
        lines = [LOANS] + [
            f"{number},instalment-act365,{amount},{rate},12,,0,1,weeks,1,2018-01-11,2018-01-18,,,,\n"
            for number, amount, rate in loans
        ]
        drop(ledger, name := f"loan_tape_{day}_canonical.csv", "".join(lines))
        return name

    tape("2018-01-11", ("A", "1200.00", "12"), ("B", "1200.00", "12"), ("C", "1200.00", "12"))
    assert take(ledger).accepted == 3
    again = tape("2018-01-12", ("A", "1200.00", "12.0"), ("B", "1300.00", "12"), ("C", "1200", "9"))
    report = take(ledger)
    assert (report.duplicates, report.quarantined) == (1, 2)
    assert rules(ledger, again) == {3: "idempotency_conflict", 4: "idempotency_conflict"}


def test_a_loan_that_comes_again_with_another_product_or_payout_is_a_conflict(
    ledger: Ledger,
) -> None:
    """What a row says beside the terms counts too, and of a draw what its verb says: an advance is no plain one."""

    def line(key: str, product: str, drawn: str) -> str:
        return f"{key},{product},5000.00,18,24,,0,1,months,1,2018-01-11,2018-02-11,,,,{drawn}\n"

    drawn = [line(key, "card-line", "100.00") for key in "DEFG"]
    drop(
        ledger,
        "loan_tape_2018-01-11_canonical.csv",
        "".join([LOANS, *drawn, line("H", "card-line", "0")]),
    )
    assert take(ledger).accepted == 5
    drop(ledger, again := "loan_tape_2018-01-12_canonical.csv", "".join([
        LOANS, drawn[0], line("E", "card-line", "200.00"), line("F", "credit-line", "100.00"),
        line("G", "card-line", "0"), line("H", "card-line", "5.00"),
    ]))  # fmt: skip
    report = take(ledger)
    assert (report.duplicates, report.quarantined) == (1, 4)
    assert rules(ledger, again) == dict.fromkeys((3, 4, 5, 6), "idempotency_conflict")
    head = "command_ref,command,loan_key,value_date,maker,checker,reason,amount\n"
    for day, verb in (("12", "pay_out"), ("13", "pay_out"), ("14", "pay_out_advance")):
        drop(ledger, f"commands_2018-01-{day}.csv",
             f"{head}W1,{verb},D,2018-01-12,ann,bob,told,10.00\n")  # fmt: skip
    report = take(ledger)
    assert (report.accepted, report.duplicates) == (1, 1)
    assert rules(ledger, "commands_2018-01-14.csv") == {2: "idempotency_conflict"}


def test_a_conflict_names_what_differs_and_a_reference_is_one_commands_for_good(
    new_ledger: Ledger,
) -> None:
    def tape(day: str, *rows: str) -> str:
        drop(new_ledger, name := f"loan_tape_{day}_canonical.csv", LOANS + "".join(rows))
        return name

    def loan(key: str, amount: str, rate: str, product: str = "instalment-act365") -> str:
        return f"{key},{product},{amount},{rate},12,,0,1,weeks,1,2018-01-02,2018-01-09,,,,\n"

    tape("2018-01-02", loan("A", "1200.00", "12"), loan("B", "1200.00", "12"))
    take(new_ledger)
    again = tape(
        "2018-01-03", loan("A", "1300.00", "9"), loan("B", "1200.00", "12", "simple-interest")
    )
    head = "command_ref,command,loan_key,value_date,maker,checker,reason,amount,due_date\n"
    drop(new_ledger, "payments_2018-01-03.csv", MONEY + "P1,A,1.00,USD,2018-01-03\n")
    drop(new_ledger, "payments_2018-01-03_2.csv", MONEY + "P1,B,2.00,USD,2018-01-03\n")
    drop(new_ledger, "commands_2018-01-03.csv", head
         + "C1,charge_fee,A,2018-01-03,ann,bob,told,5.00,2018-01-09\n"
         + "C2,goodwill_credit,A,2018-01-03,ann,bob,told,1.00,\n"
         + "C2,waive_interest,A,2018-01-03,ann,bob,told,1.00,\n")  # fmt: skip
    drop(new_ledger, "commands_2018-01-03_2.csv", head
         + "C1,charge_fee,A,2018-01-03,ann,bob,told,5.00,2018-01-16\n"
         + "C1,goodwill_credit,A,2018-01-03,ann,bob,told,5.00,\n"
         + "C3,chargeback,A,2018-01-03,ann,bob,told,90000.00,\n"
         + "C2,goodwill_credit,A,2018-01-03,ann,bob,told,1.00,\n")  # fmt: skip
    report = take(new_ledger)
    assert report.reconciles
    assert _found(new_ledger, again) == {
        2: "idempotency_conflict: A: another principal, rate_percent, amount",
        3: "idempotency_conflict: B: another product",
    }
    assert _found(new_ledger, "payments_2018-01-03_2.csv") == {
        2: "idempotency_conflict: P1: another loan_key, amount"
    }
    first = _found(new_ledger, "commands_2018-01-03.csv")
    assert first == {4: "idempotency_conflict: C2: another command"}
    assert _found(new_ledger, "commands_2018-01-03_2.csv") == {
        2: "idempotency_conflict: C1: another due_date",
        3: "idempotency_conflict: C1: another command",
        4: "more_than_was_paid_in: 90000.00",
    }
