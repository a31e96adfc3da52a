"""Payouts as credits, and SEPA: debits as pain.008, what the bank says of them as pain.002."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.originators import Originator
from loanbook.core.store.sending.asking import mandates_at
from loanbook.core.store.sending.rates import rates_at
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.cli import app
from loanbook.pipelines.formats.bank.reading import READERS
from loanbook.pipelines.payments.paying import instruct, plan_payouts
from loanbook.pipelines.payments.presenting import plan, present
from loanbook.pipelines.resources import read_policies
from tests.core.loans import product_of, with_more
from tests.payments.a_mandated_book import DAY, HEAD, closed, create, files, shipped
from tests.payments.test_returns import back, nacha, returned
from tests.pipelines.files import LOANS, drop, take, weekly_loan


def paying(policies: PolicyBook, name: str) -> PolicyBook:
    own = policies.in_force(Originator, name, DAY)
    told = {"version": 2, "pays_out": ["disbursed", "credit_refunded"]}
    return with_more(policies, ("originators", own.model_copy(update=told)))


def test_payouts_of_the_ledger_are_instructed_once_where_the_policy_says_so(
    four_lent: Ledger,
) -> None:
    assert (
        plan_payouts(four_lent, shipped(four_lent), DAY).files == []
    )  # nothing unless a policy says so
    policies = four_lent.register(paying(read_policies(), "ach"))
    done = instruct(four_lent, policies, DAY, run_id="r")
    assert done.passed["why"].to_list() == ["no_account"]
    ((name, body),) = files(four_lent).items()
    assert name == "ach-20180108-1-C.ach"
    read = READERS["nacha"](body)
    assert read.valid
    assert read.sums() == {("credit", "USD"): 360_000}
    assert set(read.entries["code"]) == {"22"}
    assert instruct(four_lent, policies, DAY, run_id="r2").files == []
    # a payout that the bank sends back takes nothing back by itself: a person decides
    trace = done.files[0].instructions["trace"][0]
    drop(
        four_lent,
        "bank_2018-01-10_synthetic-bank.ach",
        nacha("2018-01-10", returned(1, "R03", trace, 120_000)),
    )
    take(four_lent, policies)
    assert back(four_lent) == {"R03/A": ("rejected", "payout_came_back")}
    assert set(mandates_at(four_lent, policies, dt.date(2018, 1, 10))["state"]) == {"active"}


STATUS = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt>
<GrpHdr><MsgId>STS-{day}</MsgId><CreDtTm>{day}T12:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{file}</OrgnlMsgId><OrgnlMsgNmId>pain.008.001.08</OrgnlMsgNmId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>{file}-1</OrgnlPmtInfId>{rows}</OrgnlPmtInfAndSts>
</CstmrPmtStsRpt></Document>
"""
ROW = """<TxInfAndSts><OrgnlEndToEndId>{ref}</OrgnlEndToEndId><TxSts>RJCT</TxSts>
<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf></TxInfAndSts>
"""
IBANS = ["DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606"]


def test_sepa_debits_are_acknowledged_and_rejects_are_taken_as_returns(new_ledger: Ledger) -> None:
    """Due on Tuesday the 9th: the file of Friday the 5th, two banking days before."""
    own = read_policies()
    euro = product_of(own, "instalment-act365").model_copy(
        update={"name": "instalment-eur", "currency": "EUR"}
    )
    policies = new_ledger.register(with_more(own, ("products", euro)))
    tape = "".join(map(weekly_loan, "ABC")).replace("instalment-act365", "instalment-eur")
    drop(new_ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + tape)
    drop(new_ledger, "commands_2018-01-03.csv", HEAD + "".join(
        create(f"M{key}", key, originator="sepa", bank="", account=iban) for key, iban in zip("ABC", IBANS, strict=True)))  # fmt: skip
    closed(new_ledger, "2018-01-04", policies)
    day = dt.date(2018, 1, 5)
    done = present(new_ledger, policies, day, run_id="r")
    ((name, body),) = files(new_ledger).items()
    read = READERS["pain"](body)
    assert (name, read.judged, read.valid) == ("sepa-20180105-1-D.xml", True, True)
    assert read.frame("batches").select("sequence_type", "date", "entries").rows() == [
        ("FRST", dt.date(2018, 1, 9), 3)
    ]
    assert sorted(read.entries["counterparty_account"]) == sorted(IBANS)
    ids = done.files[0].instructions.sort("loan_id")["end_to_end_id"]
    rows = ROW.format(ref=ids[0], code="AM04") + ROW.format(ref=ids[1], code="MD01") + ROW.format(ref="NOT-OURS", code="AC01")  # fmt: skip
    drop(
        new_ledger,
        "bank_2018-01-08_sepa.xml",
        STATUS.format(day="2018-01-08", file="sepa-20180105-1-D", rows=rows),
    )
    closed(new_ledger, "2018-01-09", policies)
    assert back(new_ledger) == {
        "AM04/A": ("reversal", "before_it_settled"), "MD01/B": ("reversal", "before_it_settled"),
    }  # fmt: skip
    acks = new_ledger.frame(
        "SELECT level, status, count(*) AS n FROM {lake}.acknowledgements GROUP BY ALL ORDER BY ALL"
    )
    assert acks.rows() == [("batch", None, 1), ("group", "PART", 1), ("payment", "RJCT", 2)]
    assert new_ledger.frame("SELECT rule FROM {lake}.quarantine")["rule"].to_list() == [
        "unknown_instruction"
    ]
    states = dict(
        mandates_at(new_ledger, policies, dt.date(2018, 1, 9)).select("mandate", "state").rows()
    )
    assert states == {"MA": "active", "MB": "revoked", "MC": "active"}
    # what had no funds is presented again; the mandate's first debit is over
    later = plan(new_ledger, policies, dt.date(2018, 1, 12))
    again = later.files[0].instructions.filter(pl.col("purpose") == "retry")
    assert again.select("attempt", "sequence", "description").rows() == [(2, "RCUR", "LOAN PYMT")]
    rates = rates_at(new_ledger, policies, dt.date(2018, 1, 9)).filter(
        pl.col("originator") == "sepa"
    )
    assert rates.select("measure", "debits", "returns", "alarm").rows() == [
        ("unauthorised", 3, 1, False), ("administrative", 3, 0, False), ("overall", 3, 2, False),
    ]  # fmt: skip


def test_a_clerk_presents_and_reads_what_came_back_by_commands(
    four_lent: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = four_lent.settings.home
    four_lent.close()
    monkeypatch.setenv("LOANBOOK_HOME", str(home))

    def says(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["payments", *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    dry = says("present", "--dry-run")
    assert "ach-20180108-1-D.ach: 2 payments, 203.00 USD" in dry
    assert "above_the_cap" in dry
    assert not (home / "outbox").exists()
    assert "handed over: " in says("present")
    assert "Nothing goes out for 2018-01-08 that did not before" in says("present")
    assert "active: 3" in says("mandates", "--as-of", "2018-01-08")
    assert "Rates of returns" in says("returns")
