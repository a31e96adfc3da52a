"""Files in a sender's own columns: read exactly by their mapping, and known by their own source."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.policy.file_mappings import AmountForm, PaymentMapping, TapeMapping
from loanbook.core.policy.product import Product
from loanbook.core.store.instance import SHIPPED_POLICIES, policy_files
from loanbook.core.store.settings import HOME_VARIABLE
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.cli import app
from loanbook.pipelines.commands.init import make
from loanbook.pipelines.formats import commands, payments
from loanbook.pipelines.formats.mapped import plain
from loanbook.pipelines.formats.payments import exact_minor
from loanbook.pipelines.formats.registry import BY_NAME
from loanbook.pipelines.formats.tape import parsing
from loanbook.pipelines.formats.tape import rows as tape_rows
from loanbook.pipelines.ingest.boarding import _reported
from loanbook.pipelines.ingest.dry_run.suggestion import FIELDS
from tests.pipelines.files import LOANS, MONEY, drop, rules, take, weekly_loan

BANK = """\
name: bank
version: 1
effective_from: 2018-01-01
source_system: bank-x
key: TxnId
date_format: "%m/%d/%Y"
amounts: {thousands: ",", currency_sign: $}
sign: minus
columns: {loan_key: Account, amount: Amt, value_date: PostDate}
constants: {currency: USD}
"""
AGENCY = """\
name: agency
version: 1
effective_from: 2018-01-01
source_system: agency-y
columns: {loan_key: loan, amount: paid, currency: currency, value_date: day}
"""
DESK = """\
name: desk
version: 1
effective_from: 2018-01-01
source_system: desk
key: Ticket
date_format: "%d.%m.%Y"
columns: {command: Order, loan_key: Loan, value_date: Day, target_ref: About, reason: Why}
constants: {maker: clerk-1, checker: clerk-2}
"""


@pytest.fixture(scope="module")
def mapped_policies() -> PolicyBook:
    own = [("payment_files", "bank.yaml", BANK), ("payment_files", "agency.yaml", AGENCY),
           ("payment_files", "lockbox.yaml", BANK.replace("name: bank", "name: lockbox").replace("bank-x", "lockbox-z")),
           ("command_files", "desk.yaml", DESK)]  # fmt: skip
    return PolicyBook.of([*policy_files(SHIPPED_POLICIES), *own])


def test_payments_and_orders_are_read_by_their_mapping_and_known_by_their_own_source(
    new_ledger: Ledger, mapped_policies: PolicyBook
) -> None:
    ledger = new_ledger
    policies = ledger.register(mapped_policies)
    yen = "J,instalment-jpy,150000,12,12,,0,1,months,1,2018-01-02,2018-02-02,,,,\n"
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("A") + yen)
    bank = 'TxnId,Account,Amt,PostDate\nP1,A,"-$1,000.05",01/09/2018\n,A,-$2,01/09/2018\n'
    drop(ledger, "payments_2018-01-09_bank.1.csv", bank + "P2,A,$3,01/09/2018\n")
    hashed = "loan,paid,currency,day\nA,5.00,USD,2018-01-09\nA,5.00,USD,2018-01-09\n"
    drop(ledger, "payments_2018-01-09_agency.csv", hashed)
    drop(ledger, "payments_2018-01-09_canonical.csv",
         MONEY + "P1,A,7.00,USD,2018-01-09\nP1b,J,900,JPY,2018-01-09\nP8,J,800,JPY,2018-01-09\n")  # fmt: skip
    report = take(ledger, policies)
    assert (report.accepted, report.quarantined) == (2 + 1 + 2 + 3, 2)
    assert ledger.frame("SELECT line, rule, found FROM {lake}.quarantine ORDER BY line").rows() == [
        (3, "payment_ref_missing_or_too_long", "(empty)"),
        (4, "amount_not_positive", "$3"),
    ]
    paid = ledger.frame(
        "SELECT idempotency_key AS key, source_system AS source, amount FROM {lake}.events "
        "WHERE kind = 2 ORDER BY amount"
    )
    keys = [key for key in paid["key"] if "agency" not in key]
    assert keys == [
        "us-consumer/payments/payment_received/P1", "jp-consumer/payments/payment_received/P8",
        "jp-consumer/payments/payment_received/P1b", "us-consumer/bank-x/payment_received/P1",
    ]  # fmt: skip
    assert paid["amount"].to_list() == [500, 500, 700, 800, 900, 100_005]
    assert paid.filter(pl.col("key").str.contains("agency-y"))["key"].str.slice(-2).to_list() == [
        "-1", "-2",
    ]  # fmt: skip
    # an order names what it is about, whoever sent it; where two sources have it, with the source
    head = "Ticket,Order,Loan,Day,About,Why\n"
    lines = ["1,reverse,A,10.01.2018,P1,sent_back", "2,reverse,A,10.01.2018,bank-x/payment_received/P1,sent_back",
             "3,reverse,J,10.01.2018,P1b,sent back", "4,reverse,J,10.01.2018,P1b,sent_back"]  # fmt: skip
    drop(ledger, "commands_2018-01-10_desk.csv", head + "\n".join(lines) + "\n")
    assert take(ledger, policies).accepted == 2
    assert rules(ledger, "commands_2018-01-10_desk.csv") == {
        2: "target_is_ambiguous", 4: "reason_not_a_code",
    }  # fmt: skip
    undone = ledger.frame(
        "SELECT idempotency_key AS key, payload->>'$.reverses' AS of FROM {lake}.events WHERE kind = 13 "
        "ORDER BY source_ref"
    )
    assert undone.rows() == [
        ("us-consumer/desk/reversal/2", "us-consumer/bank-x/payment_received/P1"),
        ("jp-consumer/desk/reversal/4", "jp-consumer/payments/payment_received/P1b"),
    ]
    # what an earlier release keyed by the entity and the source of the tape is known when it comes again
    for ref, source in (("P1b", "lendingclub"), ("P8", "payments")):
        ledger._connection.execute(
            f"UPDATE _lake.events SET idempotency_key = 'us-consumer/{source}/payment_received/{ref}', "
            f"source_system = '{source}' WHERE source_ref = '{ref}'"
        )
    ledger._connection.execute("INSERT INTO _lake.event_sources VALUES ('lendingclub')")
    drop(ledger, "payments_2018-01-11_bank.csv", bank)
    drop(ledger, "payments_2018-01-11_agency.csv", hashed)
    drop(ledger, "payments_2018-01-11_canonical.csv",
         MONEY + "P1,A,7.00,USD,2018-01-09\nP1b,J,900,JPY,2018-01-09\nP1b,J,901,JPY,2018-01-09\n"
         "P8,J,800,JPY,2018-01-09\n")  # fmt: skip
    again = take(ledger, policies)
    assert (again.accepted, again.duplicates) == (0, 1 + 2 + 1 + 2)
    assert rules(ledger, "payments_2018-01-11_canonical.csv") == {4: "idempotency_conflict"}
    # a name that ends with no mapping says so where the columns do not fit
    drop(ledger, "payments_2018-01-12_bnak.csv", bank)
    ((_, why),) = take(ledger, policies).refused
    assert "the header has no column payment_ref" in why
    assert "no mapping is named 'bnak'; known: agency, bank, canonical, lockbox" in why
    # and, where they fit another, by which it was read; lines may end with carriage returns alone
    body = MONEY + "X1,A,1e1,USD,2018-01-09\nX2,A,5.00,USD,2018-01-09\nX3,A,.5,USD,2018-01-09\n"
    drop(ledger, "payments_2018-01-13_bnak.csv", body.replace("\n", "\r"))
    drop(ledger, "payments_2018-01-13_2.csv", MONEY)
    report = take(ledger, policies)
    ((name, note),) = report.notes
    assert name == "payments_2018-01-13_bnak.csv"
    assert note.startswith(
        "read by the mapping 'canonical': no mapping is named 'bnak'; known: agency"
    )
    assert report.accepted == 1
    assert rules(ledger, name) == {2: "amount_not_a_number", 4: "amount_not_a_number"}
    # two senders' files may read alike; a sender's own that comes twice is one
    alike = "TxnId,Account,Amt,PostDate\nQ1,A,-$4,01/14/2018\n"
    for ending in ("bank", "bank.2", "lockbox"):
        drop(ledger, f"payments_2018-01-14_{ending}.csv", alike)
    report = take(ledger, policies)
    assert (report.files, report.accepted) == (2, 2)
    assert (take(ledger, policies).files, report.quarantined) == (0, 0)


def test_a_mapping_takes_no_name_that_is_none_and_says_what_it_lacks() -> None:
    tape = (
        "name: t\nversion: 1\neffective_from: 2018-01-01\nproduct: p\nsource_system: s\ncolumns:\n"
    )
    whole = (
        "  principal: A\n  rate_percent: R\n  instalments: N\n  disbursed_on: D\n"
        "  first_due_date: F\n"
    )
    assert isinstance(parse("tapes", "t.yaml", tape + whole), TapeMapping)
    for text, said in (
        (
            tape + whole + "  instalmemt: P\n",
            r"t.yaml: mend these fields:\n  field columns.instalmemt",
        ),
        (
            tape + whole.replace("  disbursed_on: D\n", ""),
            "nothing gives disbursed_on; name the column",
        ),
        (tape + whole + "date_format: MM/DD/YYYY\n", "it tells no day, month and year"),
        (tape + whole + "reported: {balanse: B}\n", "field reported.balanse"),
        (
            tape + whole + "constants: {principal: '1'}\n",
            "stands below columns and below constants",
        ),
        (tape + whole + "amounts: {decimal: ',', thousands: ','}\n", "are the same sign"),
    ):
        with pytest.raises(PolicyError, match=said):
            parse("tapes", "t.yaml", text)


def test_an_amount_is_read_exactly_in_its_form_or_not_at_all() -> None:
    comma, euro = AmountForm(thousands=",", currency_sign="$"), AmountForm(
        thousands=".", decimal=",", currency_sign="EUR"
    )  # fmt: skip
    told = [  # text, form, minor units
        ("1,200.00", comma, 120_000), ("$1,200.00", comma, 120_000), ("$ 1,234,567.89", comma, 123_456_789),
        ("1200", comma, 120_000), ("1,20.00", comma, None), ("12,00", comma, None), ("1,200,00", comma, None),
        ("1.200,05", euro, 120_005), ("1.200,05 EUR", euro, 120_005), ("1.20", euro, None),
        ("1,200.00", AmountForm(), None), ("$5", AmountForm(), None), ("12%", comma, None),
        ("9999999999999999.99", comma, 999_999_999_999_999_999),
    ]  # fmt: skip
    for text, form, minor in told:
        frame = pl.DataFrame({"a": [text]})
        read = frame.select(exact_minor(plain(pl.col("a"), form), pl.lit(2, dtype=pl.UInt32)))
        assert read.item() == minor, text


def test_a_servicers_figures_are_in_the_loans_currency_and_the_mappings_form(
    policies: PolicyBook,
) -> None:
    """1,234.125 USD is 123,412 cents: half a minor unit goes to the even neighbour. 120,000 JPY is 120,000."""
    mapping = TapeMapping.model_construct(
        reported={"status": "state", "balance": "balance", "paid_total": "paid"},
        reported_as_of=dt.date(2018, 6, 30),
        amounts=AmountForm(thousands=",", currency_sign="$"),
    )
    told = [  # currency, balance and paid in total as the tape has them, minor units
        ("USD", "$1,234.125", "-$0.005", (123_412, 0)),
        ("JPY", "120,000", "1.5", (120_000, 2)),
        ("KWD", "12.3445", "n/a", (12_344, None)),
    ]
    product = next(p for _, p in policies.policies if isinstance(p, Product))
    for currency, balance, paid, minor in told:
        raw = pl.DataFrame(
            {"loan_key": ["1"], "state": ["Current"], "balance": [balance], "paid": [paid]}
        )
        read = _reported(raw, mapping, product.model_copy(update={"currency": currency}))
        assert read is not None
        assert read.select("balance", "paid_total").row(0) == minor, currency


def test_a_cell_that_is_not_read_is_named_by_its_reason_and_quoted(policies: PolicyBook) -> None:
    """Of a word only its first letter, where a number or a date should stand: it may be a name."""
    mapping = next(p for f, p in policies.policies if f == "tapes" and p.name == "canonical")
    assert isinstance(mapping, TapeMapping)
    product = next(p for f, p in policies.policies if p.name == "variable-rate")
    head = (
        "loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,"
        "second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on,borrower\n"
    )
    rows = {
        "1,200.00|12|6|2024-03-30|2024-04-30||": ("principal_not_an_amount", "1,200.00"),
        "1200.00|Jane Roe|6|2024-03-30|2024-04-30||": ("rate_not_a_percentage", "J… Roe"),
        "1200.00|12|six|2024-03-30|2024-04-30||": ("instalments_not_a_number", "instalments=six unit=months"),
        "1200.00|12|6|30/03/2024|2024-04-30||": ("disbursed_on_not_a_date", "30/03/2024"),
        "1200.00|12|6|2024-03-30||": ("first_due_date_not_a_date", "(empty)"),
        "1200.00|12|6|2024-03-30|2024-03-30||": (
            "first_due_date_not_after_the_payout", "first_due_date=2024-03-30 disbursed_on=2024-03-30"),
        "1200.00|12|6|2024-03-30|2024-04-30|two|": ("field_not_read", "spread_percent=two"),
        f"1200.00|12|6|2024-03-30|2024-04-30||{'9' * 60}": (
            "field_not_read", f"first_reset_on={'9' * 40}…"),
    }  # fmt: skip
    text = head
    for number, row in enumerate(rows):
        principal, rate, term, out, *rest = (*row.split("|"), "")
        due, spread, reset = rest[:3]
        text += f'L{number},variable-rate,"{principal}",{rate},{term},,0.00,1,months,,{out},{due},{spread},{reset},\n'
    raw, _ = tape_rows.read(text.encode(), mapping)
    _, bad = parsing.parse(raw, mapping, product, dt.date(2024, 3, 30))  # type: ignore[arg-type]
    assert [
        (row["rule"], row["found"]) for row in sorted(bad, key=lambda row: row["line"])
    ] == list(rows.values())
    parsed = payments.parse(
        (MONEY + 'P1,L,"$1,200.00",USD,2024-01-02\n').encode(), dt.date(2024, 1, 2)
    )
    assert parsed.bad == [{"line": 2, "rule": "amount_not_a_number", "found": "$1,200.00"}]
    order = (
        "command_ref,command,loan_key,value_date,maker,checker,reason,due_date,flag\n"
        "C1,write_off,L,2024-01-02,ann,bob,payment returned,,\n"
        "C2,write_off,L,2024-01-02,ann,bob,told,,fraud\nC3,write_off,L,2024-01-02,ann,bob,told,next week,\n"
    )
    said = commands.parse(order.encode(), dt.date(2024, 1, 2)).bad
    assert [(row["rule"], row["found"]) for row in said] == [
        ("reason_not_a_code", "payment returned; expected 2 to 40 small letters, digits and underscores, "
                              "a letter first"),
        ("field_that_the_command_does_not_take", "flag=fraud"),
        ("field_not_read", "due_date=n… w…"),
    ]  # fmt: skip


def test_a_file_is_checked_and_nothing_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loans of a tape are known to the payments after it; a header that fits none gets a mapping."""
    home = tmp_path / "home"
    make(home, "Made up")
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    monkeypatch.setenv("COLUMNS", "200")
    (home / "policies" / "payment_files" / "bank.yaml").write_text(BANK)
    before = sorted(path for path in home.rglob("*"))
    tape = tmp_path / "loan_tape_2018-01-02_canonical.csv"
    tape.write_text(LOANS + weekly_loan("A") + weekly_loan("B").replace("1200.00", "12x"))
    paid = tmp_path / "payments_2018-01-09_bank.csv"
    paid.write_text("TxnId,Account,Amt,PostDate,Note\nP1,A,-$1,01/09/2018,x\nP2,C,-$1,01/09/2018,x\n"
                    "P3,A,$1,01/09/2018,x\n")  # fmt: skip
    said = CliRunner().invoke(app, ["check", str(tape), str(paid)])
    assert said.exit_code == 0, said.output
    for line in ("read by tapes/canonical@1", "2 rows: 1 accepted, 1 quarantined, 0 duplicates",
                 "read by payment_files/bank@1, source system bank-x",
                 "3 rows: 1 accepted, 2 quarantined, 0 duplicates", "3: C", "4: $1", "not read: Note",
                 'currency = "USD"'):  # fmt: skip
        assert line in said.output, said.output
    other = tmp_path / "payments_2018-01-09_agency.csv"
    other.write_text(
        'Transaction ID,Loan No,Payment Amount,Posting Date\n7,A,"1,000.00",09.01.2018\n'
    )
    said = CliRunner().invoke(app, ["check", str(other)])
    assert said.exit_code == 1
    assert "no mapping is named 'agency'; known: bank, canonical" in " ".join(said.output.split())
    text = said.output[said.output.index("name: agency") :].split("would be")[0]
    assert parse("payment_files", "agency.yaml", text.replace("TODO", "USD")) == PaymentMapping(
        name="agency", version=1, effective_from=dt.date(2000, 1, 1), source_system="agency",
        key="Transaction ID", date_format="%d.%m.%Y", amounts=AmountForm(thousands=","),
        columns={"loan_key": "Loan No", "amount": "Payment Amount", "value_date": "Posting Date"},
        constants={"currency": "USD"},
    )  # fmt: skip
    tape = tmp_path / "loan_tape_2018-01-03_midtown.csv"
    tape.write_text("Loan Key,Product,Amount,Interest Rate,Term,Funded On,First Payment Date\n")
    said = CliRunner().invoke(app, ["check", str(tape)])
    text = said.output[said.output.index("name: midtown") :].split("would be")[0]
    assert parse("tapes", "midtown.yaml", text) == TapeMapping(
        name="midtown", version=1, effective_from=dt.date(2000, 1, 1), source_system="midtown",
        key="Loan Key", product_column="Product",
        columns={"principal": "Amount", "rate_percent": "Interest Rate", "instalments": "Term",
                 "disbursed_on": "Funded On", "first_due_date": "First Payment Date"},
    )  # fmt: skip
    assert set(FIELDS) == {kind.mappings for kind in BY_NAME.values() if kind.mappings}
    odd = {"applications_2018-01-03_own.csv": b"a,b\n1,2\n", "applications_2018-01-03_bin.csv": b"\x80\x81,\n",
           "applications_2018-01-03_none.csv": b"", "collected_2018-01-03_till": b"Kind,Amount\nsale,1\n",
           "applications_2018-01-03_json.jsonl": b'{"a": 1}\n'}  # fmt: skip
    for name, content in odd.items():
        (tmp_path / name).write_bytes(content)
    said = CliRunner().invoke(app, ["check", *(str(tmp_path / name) for name in odd)])
    assert said.exit_code == 1, said.output
    assert said.output.count("would be refused") == len(odd), said.output
    assert said.output.count("A mapping to begin with") == 2, said.output
    assert sorted(path for path in home.rglob("*")) == before
