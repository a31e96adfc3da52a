"""Lending beyond the tape, on the public sample: borrowers who paid their loan off ask again, and are taken from application to money out.

**All of it is simulated.** What they say and what bureaus tell is the tape's of their first loan; names, identity checks, consents
and accounts are synthetic. Each step may be repeated: what was done is left as it is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from loanbook.core.access.actor import Actor
from loanbook.core.contract.money import decimal_text, percent, to_major
from loanbook.core.frames import hashes
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.agreements.offers import checks, offers_on
from loanbook.core.store.agreements.payouts import payouts
from loanbook.core.store.people import queue
from loanbook.core.store.vault.belongings import APPLICANT, persons_by_ref
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.agreements.handing_off import hand_off, reconciled
from loanbook.pipelines.agreements.offering import BORROWER, Wanted, accept, make_offers, sign
from loanbook.pipelines.approvals.desk import Desk
from loanbook.pipelines.disbursing.evidence import Answer, record_account, record_kyc
from loanbook.pipelines.disbursing.proposing import Asked, approve, propose
from loanbook.pipelines.formats.tape.rows import keys
from loanbook.pipelines.simulation.applicants import inputs_of
from loanbook.pipelines.simulation.landing import by_day, reports_by_day

ORIGINATOR = "ach-sample"
"""The policy of originators that pays the sample's agreements out."""
PREFIX = "applications/again-"
SOURCE = "stand-in"


@dataclass(frozen=True)
class Days:
    """The days of the second act."""

    asks: dt.date
    """Applications land and are decided, offers are made and signed."""
    pays: dt.date
    """Agreements are boarded and paid out."""


@dataclass(frozen=True)
class Lent:
    """What came of it."""

    asked: int
    approved: int
    agreements: int
    paid_out: int
    amount: int
    """Minor units of dollars that the ledger was ordered to pay out."""
    ties: bool
    """Whether what was signed is what was boarded, in count, amount and field by field."""


def people(first: Actor) -> tuple[Actor, Actor, Actor]:
    """Who orders payouts, and the two who approve them, in a demo: synthetic."""
    maker, one, other = ("synthetic:payments-clerk", "synthetic:credit-officer", "synthetic:head-of-lending")  # fmt: skip
    return replace(first, name=maker), replace(first, name=one), replace(first, name=other)


def who_ask(tape: pl.DataFrame, on: dt.date, count: int) -> pl.DataFrame:
    """Inputs of decisions of `count` borrowers of the tape who paid their loan off by themselves, with `loan_key`, the `day`, the
    `reference` of their second application and the token `who` that names them in both."""
    told = inputs_of(tape).with_columns(keys(tape), _status=tape["loan_status"], day=pl.lit(on))
    chosen = told.filter(
        (pl.col("_status") == "Fully Paid") & (pl.col("applicant_kind") == "individual")
    )
    return (
        chosen.drop("_status")
        .head(count)
        .with_columns(
            reference=pl.concat_str(pl.lit("again-"), "loan_key"),
            who=pl.concat_str(pl.lit("borrower-of-"), "loan_key"),
        )
    )


def check_identity(folder: Path, again: pl.DataFrame, days: Days) -> None:
    """Land what a provider of identity checks tells on the day of the payouts: so a run knows from the start how far it goes."""
    by_day(folder, "kyc", again.select(
        day=pl.lit(days.pays), check_ref="reference", applicant="who", provider=pl.lit(SOURCE), result=pl.lit("passed"),
        checked_on=pl.lit(str(days.asks)), code=pl.lit("synthetic"), latency_ms=pl.lit("0"),
    ), "_again")  # fmt: skip


def ask_again(folder: Path, again: pl.DataFrame) -> None:
    """Land applications, reports, persons and consents of borrowers (`who_ask`). The same borrowers give the same files."""
    by_day(folder, "persons", again.select(
        "day", applicant="who", full_name=pl.concat_str(pl.lit("Synthetic Borrower "), "loan_key"),
    ), "_again")  # fmt: skip
    by_day(folder, "applications", again.select(
        "day", application_ref="reference", product=pl.lit("lendingclub-personal"), amount=decimal_text(pl.col("amount"), 2),
        currency=pl.lit("USD"), term=pl.col("term").cast(pl.String), submitted_on=pl.col("day").cast(pl.String), applicant="who",
        purpose="purpose", income_year=decimal_text(pl.col("income_year"), 2),
        income_verified_year=decimal_text(pl.col("income_verified_year"), 2), employment_years="employment_years",
        housing="housing", state="state",
    ), "_again")  # fmt: skip
    reports_by_day(folder, again.with_columns(loan_key="reference"), again["who"])
    text = hashes(pl.Series(["Synthetic consent: a bureau's report may be drawn."]))[0]
    by_day(folder, "consents", again.select(
        "day", consent_ref="reference", applicant="who", purpose=pl.lit("bureau"), given=pl.lit("yes"), text_hash=pl.lit(text),
        text_version=pl.lit("1"), channel=pl.lit("synthetic"), given_at=pl.concat_str(pl.col("day").cast(pl.String), pl.lit("T00:00:00Z")),
    ), "_again")  # fmt: skip


def agree(ledger: Ledger, policies: PolicyBook, days: Days, actor: Actor) -> None:
    """Offers for what was approved, accepted and signed, identity and account recorded, and handed off as a tape."""
    decided = _decided(ledger).filter(pl.col("outcome") == "approved")
    persons = persons_by_ref(ledger.settings, [APPLICANT + each for each in decided["borrower"]])
    first = _month_later(days.pays)
    wanted = [
        Wanted(
            row["product"], {
                "principal": to_major(row["amount"], row["currency"]), "rate_percent": percent(row["rate_ppb"]),
                "instalments": str(row["term"]), "disbursed_on": str(days.pays), "first_due_date": str(first), "jurisdiction": "US",
            }, ((BORROWER, persons[APPLICANT + row["borrower"]]),), row["application_id"], row["decision_id"],
        )
        for row in decided.to_dicts() if APPLICANT + row["borrower"] in persons
    ]  # fmt: skip
    make_offers(ledger, policies, wanted, days.asks, actor)
    now = _own(ledger, days.asks)
    at = dt.datetime.combine(days.asks, dt.time(12), dt.UTC)
    for id_, state in now.select("offer_id", "state").rows():
        if state == "offered":
            accept(ledger, id_, days.asks, actor.name)
        if state in ("offered", "accepted"):
            sign(ledger, id_, (BORROWER, "192.0.2.1"), at, actor)
    known = {*checks(ledger, now["offer_id"]).select("offer_id", "what").rows()}
    for place, (id_, key) in enumerate(now.select("offer_id", "application_id").rows(), start=1):
        if (id_, "kyc") not in known:
            record_kyc(ledger, id_, BORROWER, True, Answer(SOURCE, f"k-{place}", days.asks, actor))
        if (id_, "ownership") not in known:
            told = {"bank": "021000021", "account": f"{place:010d}", "account_type": "checking", "originator": ORIGINATOR,
                    "holder": f"Synthetic Borrower {key.removeprefix(PREFIX)}"}  # fmt: skip
            record_account(ledger, policies, id_, told, Answer(SOURCE, f"a-{place}", days.pays, actor))  # fmt: skip
    hand_off(ledger, days.asks)


def pay_out(desk: Desk, ledger: Ledger, days: Days, who: tuple[Actor, Actor, Actor]) -> None:
    """Payouts of what is boarded, asked for by one and approved by as many others as the rules ask."""
    maker, *checkers = who
    for key in _own(ledger, days.pays).filter(pl.col("loan_id").is_not_null())["loan_key"]:
        _, id_ = propose(desk, ledger, maker, Asked(key, days.pays))
        for checker in checkers:
            if queue.order(desk.people, id_).state == queue.PROPOSED:
                approve(desk, ledger, checker, key, "synthetic")


def summed(ledger: Ledger, policies: PolicyBook, days: Days) -> Lent:
    """What came of it so far."""
    decided = _decided(ledger)
    own = _own(ledger, days.pays)
    paid = payouts(ledger).join(own.select("offer_id"), on="offer_id", how="semi")
    ties = reconciled(ledger, policies, ledger.settings, days.pays).ties
    signed = own.filter(pl.col("state").is_in(["signed", "boarded"]))
    return Lent(
        decided.height, decided.filter(pl.col("outcome") == "approved").height, signed.height, paid.height,
        int(paid["amount"].sum()), ties,
    )  # fmt: skip


def _decided(ledger: Ledger) -> pl.DataFrame:
    """Decisions on applications of those who asked again, with the sender's token of the `borrower`."""
    rows = ledger.frame(
        "SELECT application_id, decision_id, outcome, product, currency, amount, term, rate_ppb FROM {lake}.decisions "
        "WHERE starts_with(application_id, $of) AND role = 'champion' ORDER BY application_id, recorded_at", {"of": PREFIX},
    )  # fmt: skip
    last = rows.unique("application_id", keep="last", maintain_order=True)
    return last.with_columns(borrower=pl.concat_str(pl.lit("borrower-of-"), pl.col("application_id").str.strip_prefix(PREFIX)))  # fmt: skip


def _own(ledger: Ledger, on: dt.date) -> pl.DataFrame:
    return offers_on(ledger, on, "starts_with(application_id, $of)", {"of": PREFIX})


def _month_later(day: dt.date) -> dt.date:
    return pl.Series([day]).dt.offset_by("1mo")[0]
