"""Payouts of agreements: what holds them back, who approves, once whatever is killed when, and what comes back."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pypdfium2
import pytest

from loanbook.core.access.actor import Actor
from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.documents.payouts import FACTS, GATES
from loanbook.core.documents.payouts import gates as held_by
from loanbook.core.errors import LedgerConflictError, LoanbookError
from loanbook.core.store.agreements.offers import offer
from loanbook.core.store.agreements.payouts import payouts
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.people import queue
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.agreements.withdrawing import withdraw
from loanbook.pipelines.approvals.approving import approved, may
from loanbook.pipelines.disbursing import proposing
from loanbook.pipelines.disbursing.evidence import Answer, name_score, record_kyc
from loanbook.pipelines.disbursing.gating import NOW, PayoutRefusedError, must_pass
from loanbook.pipelines.disbursing.proof import prove
from loanbook.pipelines.disbursing.proposing import Asked, approve, propose
from loanbook.pipelines.formats.bank.reading import READERS
from loanbook.pipelines.payments import outbox, presenting
from loanbook.pipelines.payments.paying import instruct, plan_payouts
from loanbook.pipelines.servicing.messages import send_failed_payouts
from tests.documents.conftest import ANN, BOB, CY, PAID, Lender
from tests.payments.test_presenting import files
from tests.payments.test_returns import nacha, returned
from tests.pipelines.files import drop

NAMES_OF = {code: name for name, code in ROLE.items()}
MONDAY = PAID.replace(day=8)


def ask(lender: Lender, key: str, *checkers: Actor) -> str:
    """A payout whose gates are passed, asked for and approved."""
    lender.vouch(key)
    payout, _ = propose(lender.desk, lender.ledger, ANN, Asked(key, PAID))
    for checker in checkers:
        approve(lender.desk, lender.ledger, checker, payout, "as agreed")
    return payout


def states(lender: Lender) -> dict[str, str]:
    return dict(payouts(lender.ledger).select("key", "state").rows())


def owed(lender: Lender, day: str) -> dict[str, int]:
    """Principal and interest of the loans that are in the book at the end of a day, as known last."""
    reader = LedgerReader(lender.where, Shown())
    rows = reader.query(
        "SELECT loan_key, principal + interest_accrued AS owed FROM positions_now JOIN loan_keys USING (loan_id) WHERE business_date = ?",
        [day],
    )
    reader.close()
    return dict(rows.rows())


def taken_back(lender: Lender, key: str) -> dict[str, int]:
    """What the version that takes a payout back moves on the accounts of the lender, by role (debits above zero)."""
    rows = lender.ledger.frame(
        "WITH t AS (SELECT t.* FROM {lake}.transfers t JOIN {lake}.loan_keys k USING (loan_id) WHERE k.loan_key = ? "
        "AND t.version = (SELECT max(version) FROM {lake}.restated_loans r WHERE r.loan_id = k.loan_id)) "
        "SELECT account, sum(amount)::BIGINT AS moved FROM (SELECT debit AS account, amount FROM t UNION ALL "
        "SELECT credit, -amount FROM t) GROUP BY 1", [key],
    )  # fmt: skip
    return {NAMES_OF[code]: moved for code, moved in rows.rows()}


def test_each_gate_holds_a_payout_back_by_its_name_and_the_unknown_is_no_pass() -> None:
    passes = {
        "loan_key": "free", "state": "boarded", "verified": True, "kyc": True, "sanctions": False, "account": "t", "score": 90, "needed": 90,
        "boarded": True, "paid_out": False, "amount": 100, "agreed": 100, "of_the_day": 900, "limit": 1000,
    }  # fmt: skip
    fails = {
        "not_signed": {"state": "accepted"}, "signature_not_verified": {"verified": False}, "kyc_not_passed": {"kyc": False},
        "sanctions_not_clear": {"sanctions": True},
        "no_account": {"account": None}, "ownership_not_confirmed": {"score": 89}, "withdrawn": {"state": "withdrawn"},
        "not_boarded": {"boarded": False}, "paid_out_before": {"paid_out": True}, "more_than_agreed": {"amount": 101, "limit": None},
        "limit_of_the_day": {"of_the_day": 901},
    }  # fmt: skip
    rows = [passes, passes | {"loan_key": "no limit", "limit": None}]
    rows += [passes | {"loan_key": gate} | other for gate, other in fails.items()]
    rows.append(dict.fromkeys(FACTS.names()) | {"loan_key": "nothing known"})
    found = held_by(pl.DataFrame(rows, schema=FACTS))
    told = found.filter(pl.col("loan_key") != "nothing known")
    assert told.rows() == [(gate, gate) for gate in GATES]
    unknown = set(found.filter(pl.col("loan_key") == "nothing known")["gate"])
    assert unknown == GATES.keys() - {"withdrawn", "limit_of_the_day"}


@pytest.mark.parametrize(
    ("bank", "borrower", "least", "most"),
    [
        ("EXAMPLE ADA", "Ada Example", 100, 100),
        ("Bela Pelda", "Béla Példa", 100, 100),
        ("Ada Exampel", "Ada Example", 85, 95),
        ("Somebody Else", "Ada Example", 0, 60),
    ],
)
def test_names_are_alike_whatever_their_order_case_and_accents(
    bank: str, borrower: str, least: int, most: int
) -> None:
    assert least <= name_score(bank, borrower) <= most


def test_agreements_are_paid_out_once_come_back_and_are_withdrawn(  # noqa: PLR0915 - one book, three loans
    lender: Lender, tmp_path: Path
) -> None:
    """A: paid out, sent back by its bank, asked for anew. B: two people, a check that fails in between, proven. C: withdrawn."""
    with pytest.raises(PayoutRefusedError) as told:
        propose(lender.desk, lender.ledger, ANN, Asked("A", PAID))
    for gate in ("kyc_not_passed", "no_account", "ownership_not_confirmed"):
        assert f"{gate}: " in str(told.value)
    assert lender.vouch("A", holder="Somebody Else") < 60
    with pytest.raises(PayoutRefusedError, match="not paid out: ownership_not_confirmed: "):
        propose(lender.desk, lender.ledger, ANN, Asked("A", PAID))
    first, third = ask(lender, "A", BOB), ask(lender, "C", BOB)
    with pytest.raises(
        PayoutRefusedError, match="limit_of_the_day"
    ):  # 1,200 twice, and 12,000, of 14,000
        ask(lender, "B")
    second, _ = propose(lender.desk, lender.ledger, ANN, Asked("B", PAID.replace(day=6)))
    # the same key and content is the same payout; another content is refused
    known = payouts(lender.ledger)["order_id"].to_list()
    assert propose(lender.desk, lender.ledger, ANN, Asked("A", PAID)) == (first, known[0])
    with pytest.raises(LedgerConflictError, match="the same key is the same payout"):
        propose(lender.desk, lender.ledger, ANN, Asked("A", PAID, 100_000, first))
    approve(lender.desk, lender.ledger, BOB, second, "as agreed")
    waiting = queue.order(lender.people, known[2])
    assert "another person must too" in may(lender.desk, BOB, waiting).why
    assert "another person approves" in may(lender.desk, ANN, waiting).why
    lender.close("2018-01-05")
    assert states(lender) == {
        first: "booked",
        second: "waits",
        third: "booked",
    }  # B's amount takes two people
    by_loan = second.partition("/")[0]  # of a loan, the payout that lives
    assert approve(lender.desk, lender.ledger, CY, by_loan, "as agreed")[0] == second
    lender.pass_a_day("2018-01-07")
    with pytest.raises(LoanbookError, match="stands at 'booked': only what was handed over"):
        prove(lender.ledger, lender.people, first, tmp_path)
    # a check that fails since, and a withdrawal, hold the file back by their names
    record_kyc(lender.ledger, "B", "borrower", False, Answer("stand-in", "k2", PAID, ANN))
    with pytest.raises(LoanbookError, match="could be withdrawn until 2018-01-17"):
        withdraw(lender.desk, lender.ledger, "C", PAID.replace(day=18), ANN)
    told = PAID.replace(
        day=4
    )  # before the payout, and heard of after it: it is reversed on its day
    (order,) = withdraw(lender.desk, lender.ledger, "C", told, ANN)
    assert withdraw(lender.desk, lender.ledger, "C", told, ANN) == [order]
    held = plan_payouts(lender.ledger, lender.policies, MONDAY).passed["why"]
    assert sorted(held) == [
        "kyc_not_passed",
        "no_account",
        "withdrawn",
    ]  # the loan of the tape has no account
    record_kyc(lender.ledger, "B", "borrower", True, Answer("stand-in", "k3", PAID, ANN))
    instruct(lender.ledger, lender.policies, MONDAY, run_id="r")
    assert instruct(lender.ledger, lender.policies, MONDAY, run_id="r").files == []
    assert states(lender) == {first: "handed over", second: "handed over", third: "booked"}
    ((_, body),) = files(lender.ledger).items()
    read = READERS["nacha"](body)
    assert (read.valid, read.sums()) == (True, {("credit", "USD"): 1_320_000})
    pdf, text = prove(lender.ledger, lender.people, second, tmp_path)
    proof = json.loads(text.read_text())
    assert [who for who, *_ in proof["decisions"]] == ["Bob", "Cy"]
    assert (proof["amount_minor"], proof["account"]) == (1_200_000, "•••• 4711")
    words = "".join(
        page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf.read_bytes())
    )
    assert proof["trace"] in words
    assert "664711" not in words + text.read_text()  # no account in full
    again = prove(lender.ledger, lender.people, second, tmp_path / "again")
    assert [path.read_bytes() for path in again] == [pdf.read_bytes(), text.read_bytes()]
    # A's comes back, C's withdrawal is approved: as if they had never been
    assert owed(lender, "2018-01-07").keys() == {"TAPE", "A", "B", "C"}
    trace = payouts(lender.ledger).filter(pl.col("key") == first)["trace"][0]
    drop(
        lender.ledger,
        "bank_2018-01-10_synthetic-bank.ach",
        nacha("2018-01-10", returned(1, "R03", trace, 120_000)),
    )
    approved(lender.desk, BOB, order, "in time")
    message = lender.where.home / "message.json"
    (lender.where.home / "loanbook.toml").write_text(
        '[alerts]\ncommand = ["sh", "-c", "cat > message.json"]\n'
    )
    days = lender.close("2018-01-10")
    assert send_failed_payouts(lender.where, days) is None
    assert states(lender) == {first: "failed", second: "handed over", third: "reversed"}
    assert owed(lender, "2018-01-07").get("A", 0) == owed(lender, "2018-01-07").get("C", 0) == 0
    for key, earned in (
        ("A", 158),
        ("C", 79),
    ):  # 120,000 x 0.12 / 365 = 39.45 a night: four nights, and two
        assert taken_back(lender, key) == {
            "payout_clearing": 120_000, "loan_principal": -120_000, "interest_income": earned, "interest_accrued": -earned,
        }  # fmt: skip
    assert lender.ledger.frame("SELECT outcome, rule FROM {lake}.bank_entries").rows() == [
        ("returned", "return_of_a_payout")
    ]
    (told_of,) = json.loads(message.read_text())["payouts"]
    assert (told_of["loan_key"], told_of["amount"]) == ("A", "120000")
    with pytest.raises(PayoutRefusedError, match="not paid out: withdrawn: "):
        propose(lender.desk, lender.ledger, ANN, Asked("C", PAID.replace(day=11)))
    assert (
        must_pass(
            lender.ledger,
            lender.policies,
            offer(lender.ledger, "A", NOW),
            120_000,
            PAID.replace(day=11),
        )["state"]
        == "boarded"
    )


class Killed(BaseException):
    """The process ends here."""


POINTS = (
    (queue, "propose"),
    (proposing, "add_payout"),
    (proposing, "approved"),
    (presenting, "record"),
    (outbox, "write_whole"),
    (outbox, "mark_handed_over"),
    (outbox, "to_disk"),
)
"""Where a run is killed: from the order to the file that lies in the outbox."""


def test_a_payout_is_made_once_whatever_is_killed_when(
    lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One book: a run is killed at each point in turn, and begun again from the start."""
    lender.vouch("A")

    def run() -> None:
        key, order = propose(lender.desk, lender.ledger, ANN, Asked("A", PAID))
        if queue.order(lender.people, order).state == queue.PROPOSED:
            approve(lender.desk, lender.ledger, BOB, key, "as agreed")
        if states(lender) == {"A/1": "waits"}:
            lender.pass_a_day("2018-01-07")
        instruct(lender.ledger, lender.policies, MONDAY, run_id="r")

    died = []
    for place, name in POINTS:

        def dies(*given: object, at: str = name, **told: object) -> None:
            raise Killed(at)

        with monkeypatch.context() as killing:
            killing.setattr(place, name, dies)
            try:
                run()
            except Killed as at:
                died.append(str(at))
    run()
    run()
    assert died == [name for _, name in POINTS]
    assert states(lender) == {"A/1": "handed over"}
    ((_, body),) = files(lender.ledger).items()
    assert READERS["nacha"](body).sums() == {("credit", "USD"): 120_000}
    for table in ("disbursements", "files_out", "instructions", "files_handed_over"):
        assert lender.ledger.frame(f"SELECT count(*) FROM {{lake}}.{table}").item() == 1
    paid = lender.ledger.frame(
        "SELECT count(*) FROM {lake}.events WHERE kind = 1 AND source_ref LIKE 'd-%'"
    )
    assert paid.item() == 1
