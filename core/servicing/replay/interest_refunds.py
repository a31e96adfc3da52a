"""Interest on what a refund gave back: what the borrower would not have borne had it not been lent.

The loan is lived again by the one engine to the day of the refund: once as if what earlier refunds
gave back had never been lent, once as if this one's money had not been either. Other money stays
as it came. The interest that the first life earned and the second did not is refunded.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import REFUNDS, Kind
from loanbook.core.contract.boarding import payload, terms_of
from loanbook.core.ledger.events import EVENT_COLUMNS, REPLAY_ORDER
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.fast_forward import fast_forward


def interest_on_refunds(
    events: pl.DataFrame, policies: PolicyBook, refunds: pl.Series
) -> pl.DataFrame:
    """`event_id` of each of the `refunds` and its `interest` (Int64 minor units, 0 or more).

    `events` (schema `Events`): all of the loans that the refunds are of, whatever is known by now;
    `refunds`: ids of merchants' and payouts' refunds among them. What was paid out first counts as
    refunded first.
    """
    known = effective_events(events)
    given_back = pl.col("kind").is_in([k.value for k in REFUNDS])
    amount = pl.col("amount")
    refund_events = (
        known.filter(given_back)
        .sort("loan_id", *REPLAY_ORDER)
        .with_columns(earlier=amount.cum_sum().over("loan_id") - amount)
        .filter(pl.col("event_id").is_in(refunds.implode()))
    )
    lives = pl.concat(
        refund_events.select(
            "event_id", of="loan_id", through="value_date", less=less, sign=pl.lit(sign)
        )
        for less, sign in ((pl.col("earlier"), 1), (pl.col("earlier") + amount, -1))
    ).with_row_index("copy", offset=1)
    rest = known.filter(~given_back & (pl.col("kind") != Kind.interest_refunded.value))
    copies = _less(rest, lives.with_columns(pl.col("copy").cast(pl.Int64)))
    lived = fast_forward(
        Book.empty(policies.pins, events),
        copies,
        policies,
        lives.select(loan_id=pl.col("copy").cast(pl.Int64), through="through"),
    )
    earned = lived.stay.last().select(pl.col("loan_id").cast(pl.UInt32), "interest_earned")
    sums = (
        lives.join(earned, left_on="copy", right_on="loan_id", how="left")
        .group_by("event_id", maintain_order=True)
        .agg(interest=(pl.col("interest_earned").fill_null(0) * pl.col("sign")).sum())
    )
    return sums.with_columns(pl.col("interest").clip(lower_bound=0).cast(pl.Int64))


def _less(events: pl.DataFrame, lives: pl.DataFrame) -> pl.DataFrame:
    """Events of a copy of each loan that was lent `less`; of one that was lent nothing, none."""
    paid_out = pl.col("kind") == Kind.disbursed.value
    lent = pl.when(paid_out).then("amount").otherwise(0)
    rows = (
        events.join(lives.select("copy", "of", "through", "less"), left_on="loan_id", right_on="of")
        .filter(pl.col("value_date") <= pl.col("through"))
        .sort("copy", *REPLAY_ORDER)
        .with_columns(before=lent.cum_sum().over("copy") - lent)
    )
    gone = (pl.col("less") - pl.col("before")).clip(0, pl.col("amount"))
    rows = rows.with_columns(
        amount=pl.when(paid_out).then(pl.col("amount") - gone).otherwise("amount")
    ).filter(~paid_out | (pl.col("amount") > 0))
    first = rows.filter(paid_out).group_by("copy", maintain_order=True).agg(
        pays_on=pl.col("value_date").first(), agreed=pl.col("amount").first()
    )  # fmt: skip
    rows = rows.join(first, on="copy", maintain_order="left").with_columns(loan_id="copy")
    boards = pl.col("kind") == Kind.loan_boarded.value
    terms = terms_of(rows.filter(boards)).join(
        first.select("agreed", "pays_on", loan_id="copy"), on="loan_id", maintain_order="left"
    )
    # an instalment that was agreed for more is solved anew; a night before the first payout that is
    # left bears nothing
    resized = terms.with_columns(
        emi=pl.when(pl.col("agreed") == pl.col("principal_agreed")).then("emi"),
        principal_agreed="agreed",
        disbursed_on=pl.max_horizontal("disbursed_on", "pays_on"),
    )
    bodies = resized.select("loan_id", body=payload(resized))
    return (
        rows.join(bodies, on="loan_id", how="left", maintain_order="left")
        .with_columns(
            payload=pl.when(boards).then("body").otherwise("payload"),
            value_date=pl.when(boards).then("pays_on").otherwise("value_date"),
            event_id=pl.int_range(1, pl.len() + 1),
        )
        .select(EVENT_COLUMNS)
    )
