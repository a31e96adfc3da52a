"""Payouts of the ledger as credits: what was disbursed, and credit that was refunded, to the account of the loan's mandate.

An originator pays out what its policy names (`pays_out`; nothing unless it says so), from its own first day on. A payout is
instructed once: its key is the event.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.documents.payouts import GATES
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.payments.out.presentment import effective_on
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.originators import Originator
from loanbook.core.store.agreements.payouts import destinations
from loanbook.core.store.queries import PUBLISHED, InstanceQueries
from loanbook.core.store.sending.asking import PASSED_BY, calendar_of, mandates_at, published_date
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.disbursing.gating import refused_now
from loanbook.pipelines.payments.presenting import (
    Presented,
    sent_out,
)
from loanbook.pipelines.payments.recording import OutFile, file_of

WHY_NOT = {
    **GATES,
    "no_disbursement": "the loan is of an agreement, and nobody asked for this payout by `loanbook disburse`",
    "no_account": "no mandate of the loan that lives tells an account",
    "another_currency": "the loan is in another currency than the rail",
}
"""Why a payout is not instructed."""


def instruct(ledger: Ledger, policies: PolicyBook, day: dt.date, *, run_id: str) -> Presented:
    """Record the credits of payouts that were not instructed before, and hand their files over. Repeatable."""
    return sent_out(plan_payouts, ledger, policies, day, run_id)


def plan_payouts(ledger: InstanceQueries, policies: PolicyBook, day: dt.date) -> Presented:
    """The files of credits for a day, nothing recorded."""
    published = published_date(ledger, day)
    mandates = mandates_at(ledger, policies, day)
    files: list[OutFile] = []
    passed = [pl.DataFrame(schema=PASSED_BY)]
    for by in policies.all_in_force(Originator, day).values():
        settles = effective_on(calendar_of(policies, by, day), day, by.credit_lead_days)
        if not by.pays_out or settles is None:
            continue
        owed = _payouts(ledger, by, published)
        told = _destined(
            owed.join(_accounts(mandates, by), on="loan_id", how="left", maintain_order="left"),
            ledger,
            policies,
            by,
        )
        other = pl.col("currency") != CURRENCY_CODES[by.currency]
        why = (
            pl.when(other).then(pl.lit("another_currency")).when(pl.col("gate").is_not_null()).then("gate")
            .when(pl.col("account").is_null()).then(pl.lit("no_account"))
        )  # fmt: skip
        judged = told.with_columns(why=why)
        left = judged.filter(pl.col("why").is_not_null()).select(
            pl.lit(by.name).alias("originator"), "loan_id", "mandate", due_date="value_date", amount="amount", why="why"
        )  # fmt: skip
        passed.append(left.select(PASSED_BY.keys()))
        rows = judged.filter(pl.col("why").is_null())
        if rows.height:
            files.append(file_of(ledger, by, day, "credit", _credits(rows, by, settles)))
    return Presented(day, files, pl.concat(passed))


def _payouts(ledger: InstanceQueries, by: Originator, published: dt.date) -> pl.DataFrame:
    """Payouts of the ledger that stand and were not instructed: what went to payout clearing by each event,
    with the code of the loan's `currency`."""
    kinds = [Kind[name].value for name in by.pays_out]
    events = ledger.stored_events(
        "value_date >= ? AND value_date <= ? AND booking_date <= ? AND (kind IN (SELECT unnest(?)) OR kind = ?)",
        [by.effective_from, published, published, kinds, Kind.reversal.value],
    )  # fmt: skip
    stand = effective_events(events).filter(pl.col("kind").is_in(kinds))
    return ledger.beside(
        f"""
        SELECT e.event_id, e.loan_id, e.kind, e.value_date, e.source_ref, sum(t.amount)::BIGINT AS amount, k.currency,
               k.loan_key IN (SELECT loan_key FROM {{lake}}.offers) AS agreed
        FROM _events e JOIN {{lake}}.transfers t ON t.event_id = e.event_id AND t.loan_id = e.loan_id
        JOIN {{lake}}.loan_keys k ON k.loan_id = e.loan_id
        WHERE t.credit = ? AND t.version IN {PUBLISHED}
          AND NOT EXISTS (SELECT 1 FROM {{lake}}.instructions i WHERE i.key = 'payout/' || e.event_id)
        GROUP BY ALL HAVING sum(t.amount) > 0 ORDER BY e.event_id
        """,
        [ROLE["payout_clearing"]],
        _events=stand.select("event_id", "loan_id", "kind", "value_date", "source_ref"),
    )  # fmt: skip


def _destined(
    owed: pl.DataFrame, ledger: InstanceQueries, policies: PolicyBook, by: Originator
) -> pl.DataFrame:
    """Payouts with the account of those that were asked for by agreement, whatever mandate there is, and the `gate` that
    holds one back; those that another originator pays are left out."""
    asked = owed.join(destinations(ledger), on="source_ref", how="left", maintain_order="left")
    ours = asked.filter(pl.col("_originator").is_null() | (pl.col("_originator") == by.name))
    held = refused_now(ledger, policies, ours["disbursement"].drop_nulls().to_list())
    own = pl.col("disbursement").is_not_null()
    unasked = pl.col("agreed") & ~own & (pl.col("kind") == Kind.disbursed.value)
    return ours.join(held, on="disbursement", how="left", maintain_order="left").with_columns(
        gate=pl.when(unasked).then(pl.lit("no_disbursement")).otherwise("gate"),
        account=pl.when(own).then("_account").otherwise("account"),
        mandate=pl.when(own).then(None).otherwise("mandate"),
    )


def _accounts(mandates: pl.DataFrame, by: Originator) -> pl.DataFrame:
    """One account a loan: that of its first mandate with the originator that lives."""
    living = mandates.filter(
        (pl.col("originator") == by.name) & pl.col("state").is_in(["created", "active"])
    )
    first = living.sort("loan_id", "starts", "mandate").unique(
        "loan_id", keep="first", maintain_order=True
    )
    return first.select("loan_id", "mandate", "account")


def _credits(rows: pl.DataFrame, by: Originator, settles: dt.date) -> pl.DataFrame:
    refund = pl.col("kind") == Kind.credit_refunded.value
    return rows.select(
        "loan_id", "mandate", "account", "amount",
        key=pl.format("payout/{}", "event_id"),
        purpose=pl.when(refund).then(pl.lit("refund")).otherwise(pl.lit("disbursement")),
        due_date="value_date", attempt=pl.lit(1, dtype=pl.Int32), first_effective=pl.lit(settles),
        effective=pl.lit(settles), description=pl.lit(by.credit_description), sequence=pl.lit("OOFF"),
        signed=pl.lit(None, pl.Date), remittance=pl.lit(None, pl.String),
        entry_class=pl.lit(("CCD" if by.entry_class == "CCD" else "PPD") if by.rail == "nacha" else ""),
    )  # fmt: skip
