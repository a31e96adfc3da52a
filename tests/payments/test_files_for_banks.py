"""Files for banks: what is written is read back by loanbook's own readers, to the cent, and without a fault."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loanbook.core.errors import InstructionError
from loanbook.core.payments.out.instructions import Heading, Instructions
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.originators import Originator, iban_holds, routing_number_holds
from loanbook.pipelines.formats.bank.reading import READERS
from loanbook.pipelines.formats.bank_out import nacha, pain
from loanbook.pipelines.resources import read_policies

HEADING = Heading("ach-2024-02-01-1", dt.datetime(2024, 2, 1, 17, 0))
IBAN = "DE89370400440532013000"  # ISO 13616-1, the example of Germany
ROUTING = ["021000021", "011401533", "091000019"]


@pytest.fixture(scope="module")
def policies() -> PolicyBook:
    return read_policies()


def originator(policies: PolicyBook, name: str) -> Originator:
    return policies.in_force(Originator, name, dt.date(2024, 2, 1))


def payment(n: int, amount: int, **more: object) -> dict[str, object]:
    return {
        "key": f"k{n}", "direction": "debit", "effective": dt.date(2024, 2, 2), "amount": amount,
        "currency": "USD", "prenote": False, "entry_class": "PPD", "description": "LOAN PYMT",
        "sequence": "RCUR", "trace": f"02100002{n:07}", "end_to_end_id": f"L{n}", "bank": "021000021",
        "account": f"00{n}", "account_type": "checking", "holder": f"Payer {n}", "mandate": f"M{n}",
        "signed": dt.date(2024, 1, 1), "remittance": None,
    } | more  # fmt: skip


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(Instructions.create_empty().schema))


AMOUNTS = st.integers(1, 10**8)
TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=30)
ENTRIES = st.lists(
    st.tuples(
        AMOUNTS, st.sampled_from(["debit", "credit"]), st.sampled_from(nacha.CLASSES),
        st.sampled_from(ROUTING), st.sampled_from(["checking", "savings"]), TEXTS, TEXTS,
        st.sampled_from(["RCUR", "OOFF"]), st.booleans(), st.integers(2, 6),
    ),
    min_size=1, max_size=25,
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(rows=ENTRIES)
def test_a_nacha_file_is_read_back_to_the_cent_and_breaks_no_rule(
    policies: PolicyBook, rows: list
) -> None:
    made = frame(*(
        payment(n, 0 if prenote else amount, direction=way, entry_class=sec, bank=bank, account_type=kind,
                holder=name, remittance=said, sequence=often, prenote=prenote,
                effective=dt.date(2024, 2, day))
        for n, (amount, way, sec, bank, kind, name, said, often, prenote, day) in enumerate(rows, start=1)
    ))  # fmt: skip
    by = originator(policies, "ach")
    data = nacha.write(by, HEADING, made)
    assert data == nacha.write(by, HEADING, made.sample(fraction=1, shuffle=True, seed=1))
    read = READERS["nacha"](data)
    assert read.problems.rows() == []
    assert read.frame("controls")["ties"].all()
    assert {len(line) for line in data.decode().splitlines()} == {94}
    assert len(data.decode().splitlines()) % 10 == 0
    keys = ["trace", "direction", "effective", "amount", "bank", "account", "end_to_end_id"]
    found = read.entries.select(
        trace="reference", direction="direction", effective="value_date", amount="amount",
        bank="counterparty_bank", account="counterparty_account", end_to_end_id="client_ref",
    )  # fmt: skip
    assert found.sort("trace").rows() == made.select(keys).sort("trace").rows()
    codes = dict(read.entries.select("reference", "code").rows())
    assert sum(code[1] in "38" for code in codes.values()) == made["prenote"].sum()
    said = made.filter(pl.col("remittance").str.strip_chars() != "").height
    assert read.entries["details"].sum() == said


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(AMOUNTS, TEXTS, TEXTS, st.sampled_from(["FRST", "RCUR", "OOFF"]),
                               st.booleans(), st.integers(5, 7)), min_size=1, max_size=12),
       way=st.sampled_from(["debit", "credit"]))  # fmt: skip
def test_pain_messages_keep_their_schema_and_are_read_back_to_the_cent(
    policies: PolicyBook, rows: list, way: str
) -> None:
    made = frame(*(
        payment(n, amount, direction=way, currency="EUR", entry_class="", trace="", account=IBAN,
                bank="COBADEFFXXX" if told else "", account_type="", holder=f"a{name}", remittance=said,
                sequence=often, effective=dt.date(2024, 2, day))
        for n, (amount, name, said, often, told, day) in enumerate(rows, start=1)
    ))  # fmt: skip
    by = originator(policies, "sepa")
    data = pain.write(by, replace(HEADING, message_id="sepa-2024-02-01-1"), made)
    assert data == pain.write(by, replace(HEADING, message_id="sepa-2024-02-01-1"), made.reverse())
    read = READERS["pain"](data)
    assert read.judged
    assert read.problems.rows() == []
    assert read.frame("controls")["ties"].all()
    assert (read.format, read.message_id) == (
        "pain.008" if way == "debit" else "pain.001", "sepa-2024-02-01-1",
    )  # fmt: skip
    found = read.entries.select("end_to_end_id", "amount", "counterparty_account", "mandate")
    wanted = made.select("end_to_end_id", "amount", "account", "mandate")
    if way == "credit":
        wanted = wanted.with_columns(mandate=pl.lit(None, dtype=pl.String))
    assert found.sort("end_to_end_id").rows() == wanted.sort("end_to_end_id").rows()
    batches = read.frame("batches")
    assert set(batches["date"]) == set(made["effective"])
    assert batches["entries"].sum() == made.height


def test_a_nacha_file_stands_as_the_rules_print_it(policies: PolicyBook) -> None:
    """Two batches by hand: an addenda, a savings account, a retry; the hash is 2100002+1140153+2100002."""
    rows = [
        payment(1, 10025, remittance="Loan A-1", holder="Zoë Müller"),
        payment(2, 5000, bank="011401533", account_type="savings"),
        payment(3, 10025, description="RETRY PYMT"),
    ]
    lines = nacha.write(originator(policies, "ach"), HEADING, frame(*rows)).decode().splitlines()
    assert lines == [
        "101 02100002110000000012402011700A094101EXAMPLE BANK           LOANBOOK EXAMPLE               ",
        "5225LOANBOOK EXAMPLE                    1000000001PPDLOAN PYMT       240202   1021000020000001",
        "627021000021001              0000010025L1             Zoe Muller              1021000020000001",
        "705Loan A-1                                                                        00010000001",
        "637011401533002              0000005000L2             Payer 2                 0021000020000002",
        "82250000030003240155000000015025000000000000" "1000000001" + " " * 25 + "021000020000001",
        "5225LOANBOOK EXAMPLE                    1000000001PPDRETRY PYMT      240202   1021000020000002",
        "627021000021003              0000010025L3             Payer 3                 0021000020000003",
        "82250000010002100002000000010025000000000000" "1000000001" + " " * 25 + "021000020000002",
        "9000002000001000000040005340157000000025050000000000000" + " " * 39,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"amount": 10**10}, "digits"),
        ({"entry_class": "IAT"}, "entry class"),
        ({"bank": "12345"}, "bank"),
        ({"account": "1" * 18}, "account"),
        ({"trace": "1"}, "trace"),
    ],
)
def test_what_the_format_has_no_room_for_is_refused(
    policies: PolicyBook, more: dict[str, object], why: str
) -> None:
    with pytest.raises(InstructionError, match=why):
        nacha.write(originator(policies, "ach"), HEADING, frame(payment(1, 1) | more))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"mandate": None}, "mandate"),
        ({"signed": None}, "mandate"),
        ({"prenote": True}, "prenotification"),
        ({"end_to_end_id": "x" * 36}, "35"),
    ],
)
def test_what_a_direct_debit_lacks_is_refused(
    policies: PolicyBook, more: dict[str, object], why: str
) -> None:
    with pytest.raises(InstructionError, match=why):
        pain.write(originator(policies, "sepa"), HEADING, frame(payment(1, 1) | more))
    with pytest.raises(InstructionError, match="none to send"):
        pain.write(originator(policies, "sepa"), HEADING, frame())


def test_check_digits_tell_a_slip() -> None:
    """Routing numbers of the Federal Reserve's own directory, IBANs as their standard prints them."""
    assert all(map(routing_number_holds, ["021000021", "011401533", "091000019"]))
    assert not routing_number_holds("021000012")
    assert all(map(iban_holds, [IBAN, "GB29NWBK60161331926819", "FR1420041010050500013M02606"]))
    assert not iban_holds("DE89370400440532013001")
