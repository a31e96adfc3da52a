"""The same lives as loans of one book, through the engine by its public way in."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import polars as pl

from loanbook.core.catalogue.codes import EventState, Kind, Status
from loanbook.core.contract.boarding import payload
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import empty
from loanbook.core.ledger.events import EVENT_COLUMNS, Events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.replay.replay import replay
from tests.oracle.lives import Life
from tests.oracle.reference.dates import plain_due
from tests.oracle.reference.model import Terms as ReferenceTerms
from tests.oracle.reference.numbers import PPB

POSITION = [
    "status", "principal", "principal_due", "interest_accrued", "interest_due", "fees_due",
    "penalties_due", "taxes_due", "credit", "prepaid_dues", "days_past_due", "oldest_due_date",
]  # fmt: skip


def agreed(policies: PolicyBook, lives: Sequence[Life]) -> pl.DataFrame:
    """Terms of the lives' loans, as boarding has them."""
    rows = []
    for life in lives:
        code, terms = policies.registry.index(f"{life.product}@1"), life.terms
        product = policies.product(code)
        rows.append(
            {
                "loan_id": life.loan_id, "product": code,
                "entity": policies.entities.index(product.entity),
                "currency": CURRENCY_CODES[product.currency], "principal_agreed": terms.principal,
                "balloon": terms.balloon, "rate_ppb": int(terms.rate * PPB),
                "instalments": terms.instalments, "every": terms.every,
                "unit": Unit[terms.unit].value, "disbursed_on": terms.disbursed_on,
                "first_due_date": terms.first_due_date, "anchor_day": terms.anchor_day,
                "second_anchor_day": terms.second_anchor_day, "end_of_month": terms.end_of_month,
                "emi": terms.emi, "first_interest_adjustment": 0,
                "due_date_changes": _off_the_cycle(terms),
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema=empty(Terms).schema)


def _off_the_cycle(terms: ReferenceTerms) -> str | None:
    """The cycle of later due dates, as boarding has it."""
    if terms.anchor_since_second is None:
        return None
    cycle = replace(terms, anchor_day=terms.anchor_since_second)
    return f"2:{plain_due(cycle, 2)}:{terms.anchor_since_second}"


def events_of(policies: PolicyBook, lives: Sequence[Life]) -> pl.DataFrame:
    """Everything that happens to the lives, as the ledger keeps it."""
    terms = agreed(policies, lives)
    bodies = dict(zip(terms["loan_id"], terms.select(told=payload(terms))["told"], strict=True))
    rows = []
    for life in lives:
        kinds = {e.ref: e.kind for e in life.events}

        def key(ref: str, kinds: dict[str, str] = kinds, loan_id: int = life.loan_id) -> str:
            return f"test/{kinds[ref]}/{loan_id}-{ref}"

        code = CURRENCY_CODES[
            policies.product(policies.registry.index(f"{life.product}@1")).currency
        ]

        def row(kind: str, on: dt.date, amount: int | None, ref: str, body: str | None,
                booked: dt.date | None = None, loan_id: int = life.loan_id, code: int = code) -> dict:  # type: ignore[type-arg]  # fmt: skip
            return {
                "event_id": 0, "kind": Kind[kind].value, "loan_id": loan_id, "value_date": on,
                "booking_date": booked or on, "amount": amount, "currency": code,
                "source_system": "test", "source_ref": f"{loan_id}-{ref}",
                "idempotency_key": f"test/{kind}/{loan_id}-{ref}", "body_hash": "",
                "state": EventState.accepted.value, "file_id": "f", "line": 1, "actor": "test",
                "checker": None, "reason": None, "correlation_id": "c", "payload": body,
                "recorded_at": dt.datetime(2023, 1, 1),
            }  # fmt: skip

        rows.append(row("loan_boarded", life.terms.disbursed_on, None, "b", bodies[life.loan_id]))
        for e in life.events:
            about = dict(e.about)
            if "unit" in about:
                about["unit"] = Unit[about["unit"]].value
            if "reverses" in about:
                about["reverses"] = key(about["reverses"])
            rows.append(row(e.kind, e.value_date, e.amount or None, e.ref,
                            json.dumps(about) if about else None, e.booked))  # fmt: skip
    frame = pl.DataFrame(rows, schema=empty(Events).schema)
    return frame.with_columns(event_id=pl.int_range(1, pl.len() + 1)).select(EVENT_COLUMNS)


def engine_days(
    policies: PolicyBook, lives: Sequence[Life], through: dt.date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Positions and open dues of every loan and day."""
    return told(done for _, done in replay(events_of(policies, lives), policies, through))


def told(closes: Iterable[DayClose]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What closes say: positions and open dues of each loan and day."""
    positions, dues = [], []
    for done in closes:
        day = pl.lit(done.date).alias("date")
        positions.append(done.book.positions.select("loan_id", day, *POSITION))
        open_ = done.book.dues.filter(pl.col("amount") != pl.col("paid"))
        dues.append(
            open_.select("loan_id", day, "instalment_no", "component", "due_date", "amount", "paid")
        )
    return pl.concat(positions), pl.concat(dues)


STATUS = {s.name: s.value for s in Status}
