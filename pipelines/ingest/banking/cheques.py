"""Cheques that come back: a debit of the bank's account that names a cheque of a lockbox, whose payment is reversed.

Which debits these are is policy (`rules` of `bank_accounts`, outcome `returned`): a bank tells them by a kind of entry of its
own. The cheque is found by its number, which stands somewhere in the entry, and its amount; the reversal is an order like
those of a bank's returns, so that a fee for a returned payment follows by itself.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.payments.incoming.cash import PAYOUT_BACK
from loanbook.core.payments.incoming.emitting import RECEIVED
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.payments.collections import CollectionMapping
from loanbook.pipelines.ingest.banking.returning import (
    MONEY,
    PAYMENT_BACK,
    ordered,
    reference_of,
    with_orders,
)
from loanbook.pipelines.ingest.events import Known, Taken, uncounted
from loanbook.pipelines.ingest.landing import LandingFile

REASON = "cheque_returned"
MONEY_OUT = "money_out"
"""The rule of an entry that stays in suspense, as every debit that nothing explains."""
WAITS = "returned_cheque_not_known"
WHY = {WAITS: "no one cheque of a lockbox has its number and amount, and was paid in to a loan"}
"""Why a debit stays in suspense, beside the rules of orders."""


def cheques_back(
    entries: pl.DataFrame, file: LandingFile, policies: PolicyBook, known: Known
) -> tuple[pl.DataFrame, Taken]:
    """The file's decided entries, those that return a cheque with their loan or in suspense, and the orders that they give."""
    told_of = pl.col("rule").is_in([PAYMENT_BACK, PAYOUT_BACK])  # what `returning` found
    back = entries.filter((pl.col("outcome") == "returned") & ~told_of)
    if back.is_empty():
        return entries, Taken(0, 0, 0, [], None)
    found = _with_payments(back, file, policies, known)
    orders = found.filter(pl.col("of_loan").is_not_null()).select(
        "line", of="place", part=MONEY, command=pl.lit("reverse"), loan_id="of_loan",
        target_ref=pl.concat_str(pl.lit(f"{RECEIVED.name}/"), "payment_ref"), amount=pl.lit(""), reason=pl.lit(REASON),
        command_ref=reference_of(pl.concat_str(pl.lit("cheque/"), "entry_id")), value_date=pl.lit(file.business_date),
        maker=pl.concat_str(pl.lit("bank:"), "account"), checker=pl.lit("policy:bank_accounts"),
    )  # fmt: skip
    taken = ordered(orders, file, policies, known)
    found = found.with_columns(waits=pl.when(pl.col("of_loan").is_null()).then(pl.lit(WAITS)))
    done = with_orders(entries, found, taken, WHY, pl.lit(MONEY_OUT))
    return done, uncounted(taken)


def _with_payments(
    back: pl.DataFrame, file: LandingFile, policies: PolicyBook, known: Known
) -> pl.DataFrame:
    """Entries with the payment that each takes back: `payment_ref` and `of_loan`, null where none or more than one is it."""
    assert file.business_date is not None
    boxes = [
        name
        for name, each in policies.all_in_force(CollectionMapping, file.business_date).items()
        if each.lockbox
    ]
    columns = {
        "reference": pl.String,
        "entry_id": pl.String,
        "account": pl.String,
        "amount": pl.Int64,
    }
    stored = (
        known.bank.cheques(boxes, back["amount"]) if known.bank else pl.DataFrame(schema=columns)
    )
    here = [
        each.filter(pl.col("direction") == "credit").select(columns.keys())
        for each in known.entries
    ]
    cheques = pl.concat([stored.select(columns.keys()), *here]).filter(pl.col("account").is_in(boxes)).unique("entry_id").select(
        "amount", payment_ref="entry_id", number=_bare(pl.col("reference").str.extract(r"([^-]*)$", 1))
    )  # fmt: skip
    text = pl.concat_str(
        pl.col("remittance", "reference", "client_ref", "end_to_end_id").fill_null(""),
        separator=" ",
    )
    numbers = back.select("place", "amount", number=text.str.extract_all(r"[0-9]{2,}")).explode(
        "number"
    )
    pairs = (
        numbers.with_columns(_bare(pl.col("number")))
        .join(cheques, on=["amount", "number"])
        .unique(["place", "payment_ref"])
    )
    one = pairs.filter(pl.len().over("place") == 1).select("place", "payment_ref")
    events = known.events("source_ref", one["payment_ref"].rename("source_ref"))
    paid = events.filter(pl.col("kind") == RECEIVED.value).select(
        payment_ref="source_ref", of_loan="loan_id"
    )
    return back.join(one, on="place", how="left", maintain_order="left").join(
        paid.unique("payment_ref"), on="payment_ref", how="left", maintain_order="left"
    )


def _bare(number: pl.Expr) -> pl.Expr:
    return number.str.strip_chars_start("0")
