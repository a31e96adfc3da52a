"""What becomes of each entry of an account, by which rule: one outcome an entry, nothing left over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from loanbook.core.payments.incoming.candidates import CANDIDATES, Alike, accepted, candidates
from loanbook.core.payments.incoming.entries import BOOKED, same_as
from loanbook.core.payments.incoming.matching import BY_SCORE, WORDS, matched
from loanbook.core.payments.incoming.own_files import (
    AS_ONE,
    BATCH,
    BATCHES,
    BY_AMOUNT,
    OF_COLLECTOR,
    SETTLEMENTS,
    SEVERAL,
    SINGLY,
    Tied,
    coming_near,
    tied_by_amount,
    tied_by_reference,
)
from loanbook.core.policy.payments.bank_accounts import BankAccount, EntryRule
from loanbook.core.policy.payments.matching import ReceiptMatching

NOT_READ = {
    "amount_not_read": "its amount can't be read, or is finer than its currency",
    "amount_is_zero": "it moves nothing",
    "direction_not_read": "it can't be told whether it is money in or out",
    "currency_is_not_the_accounts": "its currency is not the account's",
    "valued_too_far_ahead": "it counts from a day further ahead than `ahead_days` of the account",
    "unknown_bank_account": "no policy of bank_accounts has the account's number",
}
"""Rules by which an entry is quarantined."""
WAITS = {
    "no_loan_found": "no reference, name or amount tells a loan",
    "not_sure_enough": "what tells a loan is less sure than the policy asks",
    "several_loans": "a reference tells more than one loan",
    "money_out": "money went out, and nothing explains it",
    "money_returned": "it brings back what was sent",
    "entry_reversed": "the bank takes back an earlier entry",
    "currency_is_not_the_loans": "the loan that it names is in another currency",
    "before_the_payout": "it counts from a day before the loan that it names was paid out",
    SEVERAL: "several files of ours come to its amount on these days",
    "another_amount_than_the_file": "it names a file of ours, which comes to another amount",
}
"""Why an entry waits in suspense."""
MAY_BE_MATCHED = (
    "no_loan_found", "not_sure_enough", "several_loans", "currency_is_not_the_loans", "before_the_payout",
)  # fmt: skip
"""Those that another loan or reference may end."""
OTHER = {
    "not_booked": "the bank has not booked it: it moves no balance",
    "known_before": "the same entry came before, in this format or another",
    "paid_in_another_file": "its reference is that of a payment that another file brought: it settles it",
    "payout_settled": "its reference is that of a payout that was sent",
    AS_ONE: "a file of ours, which it names, booked as one amount",
    BY_AMOUNT: "a file of ours, booked as one amount: to the cent, near the day on which it settles",
    OF_COLLECTOR: "what a collector's file hands over: to the cent, and by its name or near its day",
    SINGLY: "a file of ours as one amount, whose payments the bank told one by one before",
    "settled_with_its_file": "its payment came before with its file, booked as one amount",
    "money_out_is_outside": "money out, which is outside the book by the account's policy",
}
"""Other rules that decide; those of the account's policy have names of their own, what matches those of
`loanbook.core.payments.incoming.matching.WORDS`."""
SAYS = {**NOT_READ, **WAITS, **OTHER, **WORDS}
"""Every rule in words."""
LOANS = ("loan_id", "loan_key", "currency", "boards_on")
"""What must be known of loans: `currency` by its name."""
PAYMENTS = {
    "source_ref": pl.String, "loan_id": pl.Int64, "amount": pl.Int64, "value_date": pl.Date,
    "direction": pl.String, "with_its_file": pl.Boolean,
}  # fmt: skip
"""Schema of payments that other files brought, or that were sent: `direction` in which a bank books them, and whether it
booked their file as one amount."""


@dataclass(frozen=True)
class KnownBook:
    """What entries are judged by."""

    loans: pl.DataFrame
    """Columns `LOANS` at least."""
    references: pl.DataFrame
    """As `loanbook.core.payments.incoming.matching` has them."""
    entries: pl.DataFrame
    """Earlier entries (`loanbook.core.payments.incoming.entries.KNOWN`)."""
    payments: pl.DataFrame
    """Payments that other files brought, or that were sent (schema `PAYMENTS`)."""
    awaited: Callable[[], pl.DataFrame]
    """What loans await (`candidates.AWAITED`): asked where references leave entries."""
    alike: Alike
    batches: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=BATCHES))
    """Batches of files that were sent (`own_files.BATCHES`)."""


@dataclass(frozen=True)
class Decided:
    """Entries with `outcome`, `rule`, `said`, `loan_id`, `confidence`, `same_as`, and the candidates of those
    in suspense (`candidates.CANDIDATES`)."""

    entries: pl.DataFrame
    candidates: pl.DataFrame
    settled: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SETTLEMENTS))
    """Batches of files of ours that entries settle as one (`own_files.SETTLEMENTS`)."""


def decided(
    entries: pl.DataFrame,
    account: BankAccount,
    matching: ReceiptMatching,
    known: KnownBook,
    date: dt.date,
) -> Decided:
    """What becomes of the entries of one account (`entries.Identified`) in a file of `date`."""
    verdicts = [_unread(entries, account, date)]

    def left() -> pl.DataFrame:
        gone = pl.concat([each["place"] for each in verdicts])
        return entries.filter(~pl.col("place").is_in(gone.implode()))

    pending = ~pl.col("status").fill_null("").is_in(BOOKED)
    verdicts.append(_verdict(left().filter(pending), "outside", "not_booked"))
    again = same_as(left(), _near(known.entries, left(), account))
    verdicts.append(_verdict(left().join(again, on="place"), "duplicate", "known_before"))
    whole = tied_by_reference(left(), known.batches)
    verdicts.append(_ties(whole))
    for rule in account.rules:
        verdicts.append(_verdict(left().filter(_meant(rule)), rule.outcome, rule.name))
    verdicts.append(_paid_in_another_file(left(), known.payments, account))
    named = left().join(whole.named, on="place", how="semi")
    verdicts.append(_verdict(named, "suspense", "another_amount_than_the_file"))
    rest = known.batches.join(whole.settled, on=BATCH, how="anti", maintain_order="left")
    near = left().join(coming_near(left(), rest), on="place", how="semi", maintain_order="left")
    by_amount = tied_by_amount(_by_no_loan(near, matching, known), rest)
    verdicts.append(_ties(by_amount))
    verdicts.append(_money_out(left(), account))
    credits = left()
    found, unsure = of_loans(credits, matching, known)
    verdicts.append(found)
    told = pl.concat(verdicts, how="diagonal_relaxed")
    return Decided(
        entries.join(told, on="place", how="left", maintain_order="left"), unsure,
        pl.concat([whole.settled, by_amount.settled]),
    )  # fmt: skip


def _ties(tied: Tied) -> pl.DataFrame:
    """Verdicts of entries that are a file of ours."""
    outcome = (
        pl.when(pl.col("rule") == SEVERAL).then(pl.lit("suspense"))
        .when(pl.col("rule") == SINGLY).then(pl.lit("duplicate"))
        .otherwise(pl.lit("settled"))
    )  # fmt: skip
    return _verdict(tied.entries, outcome, pl.col("rule"))


def _by_no_loan(entries: pl.DataFrame, matching: ReceiptMatching, known: KnownBook) -> pl.DataFrame:
    """Entries of which no reference tells a loan."""
    if entries.is_empty():
        return entries
    told = matched(entries, known.loans, known.references, matching)
    return entries.join(told, on="place", how="anti", maintain_order="left")


_VERDICT = {
    "place": pl.Int64, "outcome": pl.String, "rule": pl.String, "said": pl.String,
    "loan_id": pl.Int64, "confidence": pl.Int16, "same_as": pl.String,
}  # fmt: skip


def _verdict(rows: pl.DataFrame, outcome: str | pl.Expr, rule: str | pl.Expr) -> pl.DataFrame:
    """Rows (`place`, and what they have of the other columns) with an outcome and its rule."""
    named = rows.with_columns(
        outcome=pl.lit(outcome) if isinstance(outcome, str) else outcome,
        rule=pl.lit(rule) if isinstance(rule, str) else rule,
    ).with_columns(
        said=pl.col("rule").replace_strict(
            SAYS, default="by the account's policy", return_dtype=pl.String
        )
    )
    lacking = {n: pl.lit(None, t) for n, t in _VERDICT.items() if n not in named.columns}
    return named.with_columns(**lacking).select(pl.col(n).cast(t) for n, t in _VERDICT.items())


def _unread(entries: pl.DataFrame, account: BankAccount, date: dt.date) -> pl.DataFrame:
    last = date + dt.timedelta(days=account.ahead_days)
    rules = {
        "amount_not_read": pl.col("amount").is_null(),
        "amount_is_zero": pl.col("amount") == 0,
        "direction_not_read": pl.col("direction").is_null(),
        "currency_is_not_the_accounts": pl.col("currency").fill_null(account.currency)
        != account.currency,
        "valued_too_far_ahead": pl.col("value_date") > last,
    }
    rule = pl.coalesce(pl.when(breaks).then(pl.lit(name)) for name, breaks in rules.items())
    judged = entries.with_columns(rule=rule).filter(pl.col("rule").is_not_null())
    return _verdict(judged, "quarantined", pl.col("rule"))


def _near(known: pl.DataFrame, entries: pl.DataFrame, account: BankAccount) -> pl.DataFrame:
    """Earlier entries that one of these may be: valued near to them."""
    if entries.is_empty():
        return known.clear()
    days = pl.duration(days=account.same_within_days)
    first, last = entries.select(
        pl.col("value_date").min() - days, last=pl.col("value_date").max() + days
    ).row(0)
    return known.filter(pl.col("value_date").is_between(first, last))


def _meant(rule: EntryRule) -> pl.Expr:
    """Whether a rule of the account's policy is about an entry."""
    holds = pl.lit(True)
    if rule.direction:
        holds &= pl.col("direction") == rule.direction
    if rule.code:
        holds &= pl.col("code").fill_null("").str.starts_with(rule.code)
    if rule.text:
        text = pl.concat_str(
            pl.col(
                "counterparty", "remittance", "reference", "client_ref", "end_to_end_id"
            ).fill_null(""),
            separator="\n",
        )
        holds &= text.str.to_uppercase().str.contains(rule.text.upper(), literal=True)
    return holds


def _paid_in_another_file(
    entries: pl.DataFrame, payments: pl.DataFrame, account: BankAccount
) -> pl.DataFrame:
    """Money whose reference, way and amount are those of a payment that came in another file, or that was sent."""
    money = entries.filter(~pl.col("reversal") & pl.col("returns").is_null())
    parts = []
    for name in ("reference", "end_to_end_id", "client_ref"):
        both = money.join(
            payments.rename({"value_date": "paid_on"}),
            left_on=[name, "amount", "direction"],
            right_on=["source_ref", "amount", "direction"],
        )
        parts.append(
            both.select("place", "direction", "value_date", "paid_on", "loan_id", "with_its_file")
        )
    apart = (pl.col("value_date") - pl.col("paid_on")).dt.total_days().abs()
    near = pl.concat(parts).filter(apart <= account.same_within_days)
    once = near.unique("place", maintain_order=True)
    rule = (
        pl.when("with_its_file").then(pl.lit("settled_with_its_file"))
        .when(pl.col("direction") == "debit").then(pl.lit("payout_settled"))
        .otherwise(pl.lit("paid_in_another_file"))
    )  # fmt: skip
    again = pl.when("with_its_file").then(pl.lit("duplicate")).otherwise(pl.lit("settled"))
    return _verdict(once, again, rule)


def _money_out(entries: pl.DataFrame, account: BankAccount) -> pl.DataFrame:
    """Money out, and what the bank takes back: no payment of a loan by itself."""
    out = (pl.col("direction") == "debit") | pl.col("reversal") | pl.col("returns").is_not_null()
    rule = (
        pl.when(pl.col("returns").is_not_null()).then(pl.lit("money_returned"))
        .when("reversal").then(pl.lit("entry_reversed"))
        .when(account.debits == "outside").then(pl.lit("money_out_is_outside"))
        .otherwise(pl.lit("money_out"))
    )  # fmt: skip
    named = entries.filter(out).with_columns(rule=rule)
    outside = pl.when(pl.col("rule") == "money_out_is_outside").then(pl.lit("outside"))
    return _verdict(named, outside.otherwise(pl.lit("suspense")), pl.col("rule"))


def of_loans(
    credits: pl.DataFrame, matching: ReceiptMatching, known: KnownBook
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Verdicts of money in: applied to the loan that it is surely of, or in suspense, with candidates."""
    pairs = matched(credits, known.loans, known.references, matching)
    several = pairs.filter(pl.len().over("place") > 1)
    sure = pairs.join(several, on="place", how="anti", maintain_order="left")
    rest = credits.join(pairs, on="place", how="anti", maintain_order="left")
    likely = pl.DataFrame(schema=CANDIDATES)
    if rest.height:
        likely = candidates(rest, known.awaited(), known.alike, matching)
    good = accepted(likely, matching)
    sure = pl.concat([sure, good.select(sure.columns)])
    applied = _fitting(sure, credits, known.loans)
    several = several.with_columns(
        rank=pl.int_range(1, pl.len() + 1).over("place"), confidence=1000 // pl.len().over("place")
    )
    unsure = likely.join(good, on="place", how="anti", maintain_order="left")
    waiting = rest.join(good, on="place", how="anti").select("place").with_columns(
        rule=pl.when(pl.col("place").is_in(unsure["place"].implode())).then(pl.lit("not_sure_enough"))
        .otherwise(pl.lit("no_loan_found"))
    )  # fmt: skip
    misfits = applied.filter(pl.col("outcome") == "suspense")
    named = misfits.join(sure.select("place", "loan_id", "rule"), on="place", suffix="_of").select(
        "place", loan_id="loan_id_of", confidence=pl.lit(0), rule="rule_of", rank=pl.lit(1)
    )
    verdicts = [
        applied,
        _verdict(several.select("place").unique(maintain_order=True), "suspense", "several_loans"),
        _verdict(waiting, "suspense", pl.col("rule")),
    ]
    shown = pl.concat([unsure, several, named], how="diagonal_relaxed").select(
        pl.col(name).cast(type_) for name, type_ in CANDIDATES.items()
    )
    return pl.concat(verdicts), shown.filter(pl.col("rank") <= matching.candidates)


def _fitting(sure: pl.DataFrame, credits: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """Verdicts of entries whose loan is told, one a place: applied, unless the loan can't have been paid so."""
    of = sure.join(
        loans.select("loan_id", "boards_on", loan_currency="currency"), on="loan_id", how="left",
        maintain_order="left",
    ).join(credits.select("place", "currency", "value_date"), on="place", maintain_order="left")  # fmt: skip
    misfit = pl.coalesce(
        pl.when(pl.col("currency").fill_null(pl.col("loan_currency")) != pl.col("loan_currency"))
        .then(pl.lit("currency_is_not_the_loans")),
        pl.when((pl.col("value_date") < pl.col("boards_on")).fill_null(True)).then(pl.lit("before_the_payout")),
    )  # fmt: skip
    judged = of.with_columns(misfit=misfit)
    fits = judged.filter(pl.col("misfit").is_null())
    wrong = judged.filter(pl.col("misfit").is_not_null()).select("place", rule="misfit")
    return pl.concat(
        [_verdict(fits, "applied", pl.col("rule")), _verdict(wrong, "suspense", pl.col("rule"))]
    )


__all__ = ["BY_SCORE", "Decided", "KnownBook", "decided", "of_loans"]
