"""A borrower withdraws within the cooling-off days: the agreement ends, and a payout is taken back as if it had never been."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.access.actor import Actor
from loanbook.core.documents.offers import OfferError
from loanbook.core.store.agreements.offers import offer, take_step
from loanbook.core.store.agreements.payouts import TAKEN_BACK, payouts
from loanbook.core.store.people import queue
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.approvals.approving import proposed, withdrawn
from loanbook.pipelines.approvals.desk import Desk


def withdraw(desk: Desk, ledger: Ledger, id_: str, on: dt.date, maker: Actor) -> list[str]:
    """Withdraw a signed agreement on a date; ids of the orders that unwind the loan, which wait for another person.

    A payout that is booked is reversed, so that no interest was ever earned; one that waits is withdrawn. OfferError:
    the cooling-off days are over, or there are none.
    """
    found = offer(ledger, id_, on)
    _must_be_in_time(ledger, found, on)
    step = {
        "offer_id": found["offer_id"],
        "step": "withdrawn",
        "on_date": on,
        "actor": maker.name,
        "detail": "",
    }
    if found["state"] != "withdrawn":  # of a run that was killed the orders are made still
        take_step(ledger, step)
    return unwound(desk, ledger, found["offer_id"], on, maker)


def _must_be_in_time(ledger: Ledger, found: dict[str, object], on: dt.date) -> None:
    signed = ledger.frame(
        "SELECT min(on_date) AS day FROM {lake}.offer_steps WHERE offer_id = ? AND step = 'signed'", [found["offer_id"]]
    )["day"][0]  # fmt: skip
    days = int(str(found["cooling_off_days"]))
    if signed is None:
        raise OfferError(
            f"offer {found['offer_id']} is {found['state']}: it is not signed; decline it"
        )
    last = signed + dt.timedelta(days=days)
    if not days or on > last:
        raise OfferError(
            f"offer {found['offer_id']} was signed on {signed}: "
            + (
                f"it could be withdrawn until {last}"
                if days
                else "its place gives no cooling-off days (policies/agreements)"
            )
            + "; settle the loan instead, see `loanbook payoff`"
        )


def unwound(desk: Desk, ledger: Ledger, offer_id: str, on: dt.date, maker: Actor) -> list[str]:
    """Orders that take the payouts of an agreement back, made once."""
    orders = []
    living = payouts(ledger, "p.offer_id = $offer", {"offer": offer_id}).filter(
        ~pl.col("state").is_in(TAKEN_BACK)
    )
    for row in living.to_dicts():
        if row["event_id"] is None:
            order = queue.order(desk.people, row["order_id"])
            if order.state == queue.PROPOSED and order.maker == maker.name:
                withdrawn(desk.people, maker, order.id, "the borrower withdrew")
            continue
        wanted = {
            "command": "reverse", "loan_key": row["loan_key"],
            "value_date": max(on, row["value_date"]).isoformat(),  # told late, it still follows its payout
            "target_ref": f"disbursed/{row['order_id']}", "reason": "cooling_off",
        }  # fmt: skip
        orders.append(
            proposed(
                desk, maker, wanted, offer_id, id=f"w-{row['order_id'][2:]}", source="withdrawal"
            )
        )
    return orders
