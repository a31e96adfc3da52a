"""A loan in a line, its events, and its life through the one engine."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace

import polars as pl

from loanbook.core.catalogue.codes import EventState, Kind
from loanbook.core.contract.boarding import payload
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import empty
from loanbook.core.ledger.events import EVENT_COLUMNS, Events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Policy
from loanbook.core.policy.product import Product
from loanbook.core.policy.product_rules.endings import NonAccrualRules
from loanbook.core.servicing.day.close import DayClose, close
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.replay import replay
from tests.core.kept_laws import KeptLaws

_NOW = dt.datetime(2024, 1, 1)


def terms(
    policies: PolicyBook,
    product: str,
    *,
    loan_id: int = 1,
    principal: int = 120_000,
    rate: str = "12",
    n: int = 12,
    start: str = "2024-01-01",
    first_due: str = "2024-02-01",
    emi: int | None = None,
    every: int = 1,
    unit: Unit = Unit.months,
    adjustment: int = 0,
) -> pl.DataFrame:
    due = dt.date.fromisoformat(first_due)
    code = policies.registry.index(f"{product}@1")
    pinned = policies.product(code)
    return pl.DataFrame(
        [
            {
                "loan_id": loan_id, "product": code,
                "entity": policies.entities.index(pinned.entity),
                "currency": CURRENCY_CODES[pinned.currency], "principal_agreed": principal,
                "balloon": 0, "rate_ppb": round(float(rate) * 10**7), "instalments": n,
                "every": every, "unit": unit.value, "disbursed_on": dt.date.fromisoformat(start),
                "first_due_date": due, "anchor_day": due.day, "second_anchor_day": 1,
                "end_of_month": False, "emi": emi, "first_interest_adjustment": adjustment,
            }
        ],
        schema=empty(Terms).schema,
    )  # fmt: skip


def _event(
    kind: Kind, loan_id: int, on: str, amount: int | None, ref: str, body: str | None
) -> dict:  # type: ignore[type-arg]
    day = dt.date.fromisoformat(on)
    return {
        "event_id": 0, "kind": kind.value, "loan_id": loan_id, "value_date": day,
        "booking_date": day, "amount": amount, "currency": 0, "source_system": "test",
        "source_ref": ref, "idempotency_key": f"{kind.name}/{loan_id}/{on}/{ref}",
        "body_hash": "", "state": EventState.accepted.value, "file_id": "f", "line": 1,
        "actor": "test", "checker": None, "reason": None, "correlation_id": "c", "payload": body,
        "recorded_at": _NOW,
    }  # fmt: skip


def payment(amount: int, on: str, *, loan_id: int = 1, ref: str = "late") -> dict:  # type: ignore[type-arg]
    return _event(Kind.payment_received, loan_id, on, amount, ref, None)


def charged_back(amount: int, on: str, *, loan_id: int = 1, ref: str = "cb") -> dict:  # type: ignore[type-arg]
    """Money that the borrower's bank took back."""
    return _event(Kind.chargeback, loan_id, on, amount, ref, None)


def undone(key: str, on: str, *, loan_id: int = 1, ref: str = "r") -> dict:  # type: ignore[type-arg]
    """The reversal of the event with this idempotency key: it never came."""
    return _event(Kind.reversal, loan_id, on, None, ref, json.dumps({"reverses": key}))


@dataclass(frozen=True)
class Story:
    """Loans and what happens to them; `live` closes day by day and checks every law."""

    policies: PolicyBook
    rows: tuple[dict, ...] = ()  # type: ignore[type-arg]

    def lent(self, loan: pl.DataFrame) -> Story:
        row = loan.row(0, named=True)
        on = row["disbursed_on"].isoformat()
        body = loan.select(payload(loan)).item()
        boarded = _event(Kind.loan_boarded, row["loan_id"], on, None, "b", body)
        out = _event(Kind.disbursed, row["loan_id"], on, row["principal_agreed"], "d", None)
        return replace(self, rows=(*self.rows, boarded, out))

    def paid(self, amount: int, on: str, *, loan_id: int = 1, ref: str = "p") -> Story:
        return replace(
            self, rows=(*self.rows, _event(Kind.payment_received, loan_id, on, amount, ref, None))
        )

    def charged_off(self, on: str, *, loan_id: int = 1) -> Story:
        return replace(
            self, rows=(*self.rows, _event(Kind.charge_off, loan_id, on, None, "c", None))
        )

    def events(self) -> pl.DataFrame:
        frame = pl.DataFrame(list(self.rows), schema=empty(Events).schema)
        return frame.with_columns(event_id=pl.int_range(1, pl.len() + 1)).select(EVENT_COLUMNS)

    def live(self, until: str) -> Life:
        """Live to `until`, told as a close a day; laws are checked where something happened.

        By jumps, which are many times faster than `closed_daily`; that both are the same, and
        that every law holds on every day, is what `test_late_news` and `test_life` show.
        """
        last = dt.date.fromisoformat(until)
        laws, days = KeptLaws(), []
        moved: list[pl.DataFrame] = []  # since the laws were looked at
        for before, done in replay(self.events(), self.policies, last):
            moved.append(done.transfers)
            if done.date == last or (done.transfers["loan_id"] > 0).any():
                laws.day(before, done, moved=pl.concat(moved))
                moved = []
            days.append(done)
        laws.held()
        return Life(days, laws.balances)

    def closed_daily(self, until: str) -> Life:
        """Close every day to `until`, as the daily run does, and check every law on each."""
        events, last = self.events(), dt.date.fromisoformat(until)
        book, laws = Book.empty(self.policies.pins, events), KeptLaws()
        day = events["value_date"].min()
        days: list[DayClose] = []
        assert isinstance(day, dt.date)
        while day <= last:
            booked = events.filter(pl.col("booking_date") == day)
            done = close(book, booked, self.policies, day)
            laws.day(book, done)
            days.append(done)
            book, day = done.book, day + dt.timedelta(days=1)
        laws.held()
        return Life(days, laws.balances)


@dataclass(frozen=True)
class Life:
    """Every close of a story, and the general ledger at its end."""

    days: list[DayClose]
    balances: pl.DataFrame

    def on(self, day: str, loan_id: int = 1) -> dict:  # type: ignore[type-arg]
        """The position of a loan at the end of a day."""
        wanted = dt.date.fromisoformat(day)
        done = next(d for d in self.days if d.date == wanted)
        return done.book.positions.row(by_predicate=pl.col("loan_id") == loan_id, named=True)

    def dues(self, day: str) -> pl.DataFrame:
        wanted = dt.date.fromisoformat(day)
        return next(d for d in self.days if d.date == wanted).book.dues

    def allocations(self) -> pl.DataFrame:
        return pl.concat(d.allocations for d in self.days)

    def transfers(self) -> pl.DataFrame:
        return pl.concat(d.transfers for d in self.days)


def product_of(policies: PolicyBook, name: str) -> Product:
    """A shipped product, in its last version."""
    found = next(p for f, p in policies.policies if f == "products" and p.name == name)
    assert isinstance(found, Product)
    return found


def with_more(policies: PolicyBook, *more: tuple[str, Policy]) -> PolicyBook:
    """The policies and some of the test's own: folder and policy of each."""
    both = sorted([*policies.policies, *more], key=lambda e: (e[0], e[1].name))
    return PolicyBook(tuple(both)).with_registry(policies.registry)


def changed(policies: PolicyBook, product: str, **rules: object) -> PolicyBook:
    """The policies, one product with other rules of its own or of its schedule."""
    made = product_of(policies, product)
    own = {k: v for k, v in rules.items() if k in Product.model_fields}
    schedule = made.schedule.model_copy(update={k: v for k, v in rules.items() if k not in own})
    return policies.with_rules("products", made.model_copy(update={"schedule": schedule, **own}))


def ruled(policies: PolicyBook, product: str, part: str, **rules: object) -> PolicyBook:
    """The policies with some rules of one part of a product changed: `ruled(p, "x", "interest", ...)`."""
    made = product_of(policies, product)
    told = getattr(made, part).model_copy(update=rules)
    return policies.with_rules("products", made.model_copy(update={part: told}))


ACCOUNTED: dict[str, dict[str, object]] = {
    "cash": {"accounting": "cash"},
    "memo": {"non_accrual": NonAccrualRules(mode="reverse_to_memo", days_past_due=10)},
    "suspense": {"non_accrual": NonAccrualRules(mode="suspense", days_past_due=10)},
    "slow": {
        "non_accrual": NonAccrualRules(mode="suspense", days_past_due=10, returns_after_days=20)
    },
}
"""Ways of booking interest that the shipped instalment-act365 hasn't, by the name of a product."""


def with_accounting(policies: PolicyBook) -> PolicyBook:
    """The policies and a copy of instalment-act365 for each way of booking."""
    made = product_of(policies, "instalment-act365")
    rules = made.interest.model_copy(update={"after_charge_off": "regular"})
    return with_more(
        policies,
        *(
            ("products", made.model_copy(update={"name": name, "interest": rules, **changes}))
            for name, changes in ACCOUNTED.items()
        ),
    )
