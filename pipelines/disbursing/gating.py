"""What holds payouts of agreements back, by what the ledger knows of them now: for all payouts at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from loanbook.core.documents.payouts import FACTS, GATES, gates
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.screening import ScreeningRules
from loanbook.core.policy.lending.agreements import AgreementRules
from loanbook.core.store.agreements.documents import agreements_of
from loanbook.core.store.agreements.offers import checks, identity_results, offers_on
from loanbook.core.store.agreements.payouts import LIVES, payouts
from loanbook.core.store.origination.screening import editions, persons_of, standings
from loanbook.core.store.queries import InstanceQueries
from loanbook.pipelines.agreements.offering import BORROWER
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.verifying import verdicts
from loanbook.pipelines.origination.screening import rules_in_force

ASKED = pl.Schema({"key": pl.String, "offer_id": pl.String, "amount": pl.Int64, "value_date": pl.Date})  # fmt: skip
"""A row a payout; `key` is empty where it was not asked for yet."""
NOW = dt.date.max
"""An agreement counts as it stands, whatever day is paid for: with every step that was taken of it."""
_PARTIES = pl.List(pl.Struct({"role": pl.String, "token": pl.String}))


class PayoutRefusedError(LoanbookError):
    """A payout that a gate holds back; the message names each."""


def facts(
    ledger: InstanceQueries, policies: PolicyBook, offers: pl.DataFrame, asked: pl.DataFrame
) -> pl.DataFrame:
    """What the gates ask of payouts (`FACTS`), a row each of `asked` (`ASKED`), in its order, with its `key` and the
    `originator` that pays to the account.

    `offers`: those of the payouts, as `loanbook.core.store.agreements.offers.offers_on` tells them.
    """
    found = checks(ledger, offers["offer_id"])
    of_offers = [
        offers.select("offer_id", "loan_key", "state", "currency", agreed="amount", boarded=pl.col("loan_id").is_not_null()),
        _verified(ledger, offers), _identified(ledger, offers, found), _screened(ledger, policies, offers), _accounts(found),
    ]  # fmt: skip
    told = asked
    for more in of_offers:
        told = told.join(more, on="offer_id", how="left", maintain_order="left")
    told = _beside(ledger, _with_limits(told, policies))
    return told.select("key", "originator", *FACTS.names()).cast(FACTS)


def _verified(ledger: InstanceQueries, offers: pl.DataFrame) -> pl.DataFrame:
    """`offer_id`, `verified`: whether the signed agreement is what was kept, and its signature holds."""
    agreements = agreements_of(ledger, offers["offer_id"].to_list())
    seen = verdicts(DocumentStore(ledger.settings), agreements)
    return seen.group_by("offer_id").agg(
        verified=(pl.col("file") == "signed").any() & (pl.col("verdict") == "OK").all()
    )


def _identified(ledger: InstanceQueries, offers: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """`offer_id`, `kyc`: whether the last identity check of each party passed; of a borrower of whom none was recorded here,
    what the application's own file of checks said last."""
    named = offers.select(
        "offer_id", "application_id", party=pl.col("parties").str.json_decode(_PARTIES)
    )
    parties = named.explode("party").unnest("party")
    last = found.filter(pl.col("what") == "kyc").unique(["offer_id", "account"], keep="last")
    own = last.select("offer_id", "passed", token="account")
    both = parties.join(own, on=["offer_id", "token"], how="left").join(
        identity_results(ledger, offers["application_id"]), on="application_id", how="left"
    )
    by_file = pl.when(pl.col("role") == BORROWER).then(pl.col("kyc") == "passed")
    passed = pl.coalesce("passed", by_file).fill_null(False)
    return both.group_by("offer_id").agg(kyc=passed.all())


def _screened(ledger: InstanceQueries, policies: PolicyBook, offers: pl.DataFrame) -> pl.DataFrame:
    """`offer_id`, `sanctions`: whether a hit of a party, or of a person of the application, is open or confirmed; or, where the
    policy asks for it, one was not screened by the lists that count."""
    _, last = ledger.landed_dates()
    on = last or dt.date.max
    if editions(ledger).is_empty():
        known = policies.all_in_force(ScreeningRules, on).values()
        return offers.select("offer_id", sanctions=pl.lit(any(each.required for each in known)))
    rules = rules_in_force(policies, on)
    stands = standings(ledger, rules.persons_to_clear)
    parties = offers.select("offer_id", party=pl.col("parties").str.json_decode(_PARTIES))
    own = parties.explode("party").unnest("party").select("offer_id", subject="token").join(
        stands, on="subject", how="left"
    )  # fmt: skip
    named = persons_of(ledger, offers["application_id"])
    persons = offers.select("offer_id", "application_id").join(named, on="application_id").join(
        stands.filter(pl.col("applicant") != ""), on="applicant", how="left"
    )  # fmt: skip
    every = pl.concat(
        [own.select("offer_id", "screening"), persons.select("offer_id", "screening")]
    )
    held = pl.col("screening").is_in(["possible", "confirmed"]).fill_null(False)
    if rules.required:
        held = held | pl.col("screening").is_null()
    return every.group_by("offer_id").agg(sanctions=held.any())


def _accounts(found: pl.DataFrame) -> pl.DataFrame:
    """`offer_id`, `account`, `score` of the account that was named last, and the `originator` that pays to it."""
    last = found.filter(pl.col("what") == "ownership").unique("offer_id", keep="last")
    by = pl.col("reference").str.split(":").list.first()
    return last.select("offer_id", "account", "score", originator=by)


def _with_limits(told: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame:
    """Payouts with what the rules of their day ask: `needed` of the name, and the `limit` of the day in their currency."""
    days = {
        day: policies.in_force(AgreementRules, "standard", day)
        for day in told["value_date"].unique()
    }
    needed = {day: rules.least_name_score for day, rules in days.items()}
    limits = pl.DataFrame(
        [(day, currency, most) for day, rules in days.items() for currency, most in rules.most_a_day.items()],
        schema={"value_date": pl.Date, "currency": pl.String, "limit": pl.Int64}, orient="row",
    )  # fmt: skip
    return told.with_columns(
        needed=pl.col("value_date").replace_strict(needed, return_dtype=pl.Int64)
    ).join(limits, on=["value_date", "currency"], how="left", maintain_order="left")


def _beside(ledger: InstanceQueries, told: pl.DataFrame) -> pl.DataFrame:
    """Payouts with whether the agreement was `paid_out` by another, and what goes out `of_the_day` of other loans."""
    living = payouts(
        ledger, "p.offer_id IN (SELECT unnest($offers)) OR p.value_date IN (SELECT unnest($days))",
        {"offers": told["offer_id"].to_list(), "days": told["value_date"].unique().to_list()},
    ).filter(pl.col("state").is_in(LIVES))  # fmt: skip
    rivals = told.select("key", "offer_id").join(
        living.select("offer_id", other="key"), on="offer_id"
    )
    others = rivals.filter(pl.col("other") != pl.col("key"))["key"]
    day = ["value_date", "currency"]
    of_day = living.group_by(day).agg(_day=pl.col("amount").sum())
    of_loan = living.group_by(*day, "loan_key").agg(_own=pl.col("amount").sum())
    sums = told.join(of_day, on=day, how="left", maintain_order="left").join(
        of_loan, on=[*day, "loan_key"], how="left", maintain_order="left"
    )
    return sums.with_columns(
        paid_out=pl.col("key").is_in(others.implode()),
        of_the_day=pl.col("_day").fill_null(0) - pl.col("_own").fill_null(0),
    )


def _alone(
    ledger: InstanceQueries, policies: PolicyBook, found: dict[str, Any], amount: int, on: dt.date
) -> pl.DataFrame:
    """`facts` of a payout of an offer that was not asked for yet."""
    asked = pl.DataFrame([("", found["offer_id"], amount, on)], schema=ASKED, orient="row")
    return facts(ledger, policies, pl.DataFrame([found]), asked)


def held_back(
    ledger: InstanceQueries, policies: PolicyBook, found: dict[str, Any], amount: int, on: dt.date
) -> pl.DataFrame:
    """`loan_key`, `gate`: what holds the payout of an offer (`loanbook.core.store.agreements.offers.offer`) back."""
    return gates(_alone(ledger, policies, found, amount, on))


def must_pass(
    ledger: InstanceQueries, policies: PolicyBook, found: dict[str, Any], amount: int, on: dt.date
) -> dict[str, Any]:
    """The offer of a payout that nothing holds back, with the `account` to pay to. PayoutRefusedError names each gate."""
    known = _alone(ledger, policies, found, amount, on)
    held = gates(known)["gate"]
    if held.len():
        told = "; ".join(f"{gate}: {GATES[gate]}" for gate in held)
        raise PayoutRefusedError(f"loan {found['loan_key']} is not paid out: {told}")
    return found | known.select("account", "originator").row(0, named=True)


def refused_now(ledger: InstanceQueries, policies: PolicyBook, keys: list[str]) -> pl.DataFrame:
    """`disbursement`, `gate`: payouts that were asked for and that a gate holds back now, by its first gate."""
    asked = payouts(ledger, "p.key IN (SELECT unnest($keys))", {"keys": keys})
    if asked.is_empty():
        return pl.DataFrame(schema={"disbursement": pl.String, "gate": pl.String})
    of_these = "offer_id IN (SELECT unnest($ids))"
    offers = offers_on(ledger, NOW, of_these, {"ids": asked["offer_id"].to_list()})
    known = facts(ledger, policies, offers, asked.select(ASKED.names()))
    same = pl.col("account").eq_missing(asked["account"])  # else another account was named since
    held = gates(known.with_columns(score=pl.when(same).then("score")), of="key")
    return held.unique("key", keep="first", maintain_order=True).rename({"key": "disbursement"})
