"""All loans of all cases as one batch, closed day by day from the first event to the last look."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from core.contract.schedule import expand
from core.frames import empty
from core.ledger.accounts import ROLE
from core.ledger.codes import EventState, Kind, Status
from core.ledger.events import EVENT_COLUMNS, Events
from core.origination.boarding import payload
from core.origination.terms import Terms
from core.policy.book import PolicyBook
from core.servicing.book import Book, Dues
from core.servicing.close import close
from core.servicing.closure import claim
from core.servicing.opening import agreed_terms
from core.servicing.payoff import quote
from core.servicing.projection import project
from core.servicing.taken_back import PARTS, asked_again
from core.servicing.today import dated
from tests.conformance.mapping import Step
from tests.conformance.products import terms_row

_NOW = dt.datetime(2024, 1, 1)


@dataclass
class Life:
    """A loan of the batch: a case's loan with what was known after some of its steps."""

    case: dict[str, Any]
    loan: int
    after: int
    as_of: dt.date
    steps: list[Step]
    gone: list[Step]
    """Payments reversed by then: shown, but no longer there."""
    planned: bool = False
    """Nothing is paid out yet: the schedule shown is the one that the payout will make."""
    number: int = 0
    ahead_of: int = 0
    """The step that this look is made just before, to see what it found; 0: a check's look."""


@dataclass
class Seen:
    """What the engine showed of the batch."""

    positions: dict[int, dict[str, Any]]
    dues: pl.DataFrame
    paid: pl.DataFrame
    moved: pl.DataFrame
    events: dict[int, list[tuple[Step, int]]]
    earned: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Interest that each loan earned `on` each day: `loan_id`, `on`, `earned`."""
    ended: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Days `on` which a loan ceased to be active: `loan_id`, `on`."""


class Batch:
    """All loans of all cases, closed day by day from the first event to the last look."""

    def __init__(self, policies: PolicyBook, lives: list[Life], codes: dict[int, int]) -> None:
        self.policies, self.lives = policies, lives
        self.events: dict[int, list[tuple[Step, int]]] = {}
        rows, terms = [], []
        places = {p: policies.registry.index(f"p{p}@1") for p in set(codes.values())}
        for life in lives:
            outs = [s for s in life.steps if s.kind is Kind.disbursed]
            if not outs:
                continue
            code = places[codes[life.number]]
            first = min(outs, key=lambda s: (s.date, s.i))
            pin = policies.pins.filter(pl.col("product") == code).row(0, named=True)
            row = terms_row(
                life.case["loans"][life.loan - 1], first, code, pin["entity"], pin["currency"]
            )
            terms.append(row | {"loan_id": life.number + 1})
            cumulative = life.case["loans"][life.loan - 1]["schedule_type"] == "CUMULATIVE"
            self.events[life.number] = []
            for place, s in enumerate(sorted(life.steps, key=_order(cumulative, first.date))):
                event = len(rows) + 1
                on = (
                    first.date
                    if cumulative and s.kind is Kind.charge_assessed
                    else max(s.date, first.date)
                )
                rows.append(
                    {"event_id": event, "kind": s.kind.value, "loan_id": life.number + 1,
                     "value_date": on, "amount": s.amount, "source_ref": f"{place:04d}",
                     "payload": json.dumps(s.body) if s.body else None}
                )  # fmt: skip
                self.events[life.number].append((s, event))
        boarded = pl.DataFrame(terms, schema=empty(Terms).schema)
        self.products = boarded.select("loan_id", "product")
        self._in_per_cent(boarded, rows)
        self.first = boarded["disbursed_on"].min() if terms else None
        events = pl.DataFrame(rows, schema={"event_id": pl.Int64, "kind": pl.Int8, "loan_id": pl.Int64,
                                            "value_date": pl.Date, "amount": pl.Int64,
                                            "source_ref": pl.String, "payload": pl.String})  # fmt: skip
        board = boarded.select(
            event_id=-pl.col("loan_id"), kind=pl.lit(Kind.loan_boarded.value, dtype=pl.Int8),
            loan_id="loan_id", value_date="disbursed_on", amount=pl.lit(None, dtype=pl.Int64),
            source_ref=pl.lit(""), payload=payload(boarded),
        )  # fmt: skip
        filled = pl.concat([board, events]).with_columns(
            booking_date="value_date", currency=pl.lit(0, dtype=pl.Int8), source_system=pl.lit("case"),
            idempotency_key=pl.col("event_id").cast(pl.String), body_hash=pl.lit(""),
            state=pl.lit(EventState.accepted.value, dtype=pl.Int8), file_id=pl.lit(""),
            line=pl.lit(0, dtype=pl.Int64), actor=pl.lit("case"), checker=pl.lit(None, dtype=pl.String),
            reason=pl.lit(None, dtype=pl.String), correlation_id=pl.lit(""),
            recorded_at=pl.lit(_NOW).cast(pl.Datetime("us")),
        ).select(EVENT_COLUMNS)  # fmt: skip
        self.by_day = {k[0]: f for k, f in filled.partition_by("value_date", as_dict=True).items()}
        self.nothing = empty(Events)

    def _in_per_cent(self, boarded: pl.DataFrame, rows: list[dict[str, Any]]) -> None:
        """Amounts of charges in per cent of what is lent and the interest of its schedule."""
        asked = {e: s for own in self.events.values() for s, e in own if s.percent is not None}
        if not asked:
            return
        theirs = boarded.filter(pl.col("loan_id").is_in(
            [r["loan_id"] for r in rows if r["event_id"] in asked]))  # fmt: skip
        sums = expand(agreed_terms(theirs, self.policies.pins)).group_by("loan_id").agg(
            lent=(pl.col("principal") + pl.col("interest")).sum()
        )  # fmt: skip
        base = dict(sums.rows())
        for row in rows:
            step = asked.get(row["event_id"])
            if step is not None and step.percent is not None:
                share = Decimal(base[row["loan_id"]]) * step.percent / 100
                row["amount"] = step.amount = int(share.to_integral_value("ROUND_HALF_EVEN"))

    def run(self) -> Seen:
        seen = Seen({}, empty(Dues), pl.DataFrame(), pl.DataFrame(), self.events)
        if self.first is None:
            return seen
        looks: dict[dt.date, list[int]] = {}
        for life in self.lives:
            looks.setdefault(life.as_of, []).append(life.number + 1)
        book = Book.empty(self.policies.pins, self.nothing)
        book = Book(None, book.terms, book.positions, book.dues, book.pending,
                    book.wide(), empty(Dues))  # fmt: skip
        date, last = self.first, max(looks)
        grid, paid, moved = [], [], []
        earned, ended, idle = [], [], pl.Series([], dtype=pl.Int64)
        while date <= last:
            today = self.by_day.get(date, self.nothing)
            unknown = pl.col("amount").is_null() & (pl.col("kind") == Kind.payment_received)
            asked = today.filter(unknown)
            if asked.height:  # pay what the engine says is unpaid once the rest of the day is in
                then = close(book, today.filter(~unknown), self.policies, date).book
                owed = then.dues.group_by("loan_id").agg(
                    owed=(pl.col("amount") - pl.col("paid")).sum()
                )
                # lent today, and not by a schedule that stands: nothing is due of it yet
                ours = pl.col("loan_id").is_in(book.terms["loan_id"].implode())
                new = then.wide().filter(~ours & ~pl.col("whole_schedule"))
                new = new.select("loan_id", owed=claim())
                owed = pl.concat([owed.join(new, on="loan_id", how="anti"), new])
                owed = self._quoted(book, date, owed, asked["loan_id"], today.filter(~unknown))
                today = (
                    today.join(owed, on="loan_id", how="left", maintain_order="left")
                    .with_columns(amount=pl.when(unknown).then("owed").otherwise("amount"))
                    .drop("owed")
                    .filter((pl.col("kind") != Kind.payment_received) | (pl.col("amount") > 0))
                )
            today = self._asked_again(book, today, paid, date)
            done = close(book, today, self.policies, date)
            book = done.book
            day = pl.lit(date)
            shown = book.positions.select("loan_id", "status", earned="accrued_today", on=day)
            earned.append(_nights(shown, done.transfers))
            still = shown.filter(pl.col("status") != Status.active.value)["loan_id"]
            ended.append(
                shown.filter(
                    pl.col("loan_id").is_in(still.filter(~still.is_in(idle.implode())).implode())
                ).select("loan_id", "on")
            )
            idle = still
            grid.append(done.settled)
            paid.append(done.allocations.with_columns(on=day))
            moved.append(done.transfers.filter(pl.col("loan_id") > 0))
            if date in looks:
                ids = pl.Series(looks[date], dtype=pl.Int64)
                mine = pl.col("loan_id").is_in(ids.implode())
                grid.append(book.dues.filter(mine))
                grid.append(self._foreseen(book, ids, date))
                now = book.positions.filter(mine)
                assert book.closed is not None
                assert book.closed_dues is not None
                before_ = book.closed.filter(mine).select(now.columns)
                for row in pl.concat([before_, now]).to_dicts():
                    seen.positions[row["loan_id"]] = row
                # nobody looks at these again
                book = Book(book.date, book.terms.filter(~book.terms["loan_id"].is_in(ids.implode())),
                            book.positions.filter(~mine), book.dues.filter(~mine),
                            book.pending.filter(~mine), book.closed.filter(~mine),
                            book.closed_dues.filter(~mine))  # fmt: skip
            date += dt.timedelta(days=1)
        seen.dues = pl.concat(grid)
        seen.earned, seen.ended = pl.concat(earned), pl.concat(ended)
        seen.paid, seen.moved = pl.concat(paid), pl.concat(moved)
        return seen

    def _asked_again(
        self, book: Book, today: pl.DataFrame, paid: list[pl.DataFrame], date: dt.date
    ) -> pl.DataFrame:
        """The day's events, chargebacks with what their payment had met by then."""
        taken = pl.col("kind") == Kind.chargeback.value
        ordered = self.policies.chargeback_ranks["product"]
        theirs = self.products.filter(pl.col("product").is_in(ordered.implode()))["loan_id"]
        mine = today.filter(taken & pl.col("loan_id").is_in(theirs.implode()))
        if mine.is_empty():
            return today
        columns = ["event_id", "component", "amount"]
        # the payment may be of the same day
        met = [close(book, today.filter(~taken), self.policies, date).allocations, *paid]
        asked = mine.select("event_id", "loan_id", "amount", target=self._targets(mine)).join(
            self.products, on="loan_id"
        )
        parts = asked_again(
            asked.drop_nulls("target"),
            pl.concat(each.select(columns) for each in met),
            self.policies.chargeback_ranks,
        )
        told = parts.select("event_id", told=pl.struct(*PARTS).struct.json_encode())
        return (
            today.join(told, on="event_id", how="left", maintain_order="left")
            .with_columns(payload=pl.coalesce("told", "payload"))
            .drop("told")
        )

    def _targets(self, mine: pl.DataFrame) -> pl.Series:
        """The payment that each chargeback takes back, as its event."""
        found = []
        for event, loan in mine.select("event_id", "loan_id").rows():
            own = self.events[loan - 1]
            step = next(s for s, e in own if e == event)
            found.append(next((e for s, e in own if s.i == step.target), None))
        return pl.Series(found, dtype=pl.Int64)

    def _quoted(
        self,
        book: Book,
        date: dt.date,
        owed: pl.DataFrame,
        ids: pl.Series,
        others: pl.DataFrame,
    ) -> pl.DataFrame:
        """What settles loans whose interest follows the balance, in place of their whole grid."""
        ours = pl.col("loan_id").is_in(ids.implode()) & ~pl.col("whole_schedule")
        some = book.terms.filter(ours)["loan_id"]
        if some.is_empty():
            return owed
        mine = pl.col("loan_id").is_in(some.implode())
        part = Book(book.date, book.terms.filter(mine), book.positions.filter(mine),
                    book.dues.filter(mine), others.filter(mine))  # fmt: skip
        told = quote(part, self.policies, date).select("loan_id", owed="payoff")
        return pl.concat([owed.filter(~mine), told])

    def _foreseen(self, book: Book, ids: pl.Series, date: dt.date) -> pl.DataFrame:
        """Rows that raise the dues of loans billed step by step to the instalments to come."""
        mine = pl.col("loan_id").is_in(ids.implode()) & ~pl.col("whole_schedule")
        some = book.wide().filter(mine)
        if some.is_empty():
            return empty(Dues)
        rows = project(dated(some, date), book.dues, self.policies.calendars).unpivot(
            index=["loan_id", "instalment_no", "due_date"], on=["principal", "interest"],
            variable_name="component", value_name="amount",
        )  # fmt: skip
        codes_ = {"principal": 0, "interest": 1}
        keys = ["loan_id", "instalment_no", "component"]
        coded = rows.with_columns(pl.col("component").replace_strict(codes_, return_dtype=pl.Int8))
        stands = book.dues.select(*keys, stood="amount")
        return (
            coded.join(stands, on=keys, how="left")
            .with_columns(
                amount=pl.col("amount") - pl.col("stood").fill_null(0),
                paid=pl.lit(0, dtype=pl.Int64),
                fee_assessed=pl.lit(False),
            )
            .select(Dues.column_names())
        )


def _nights(shown: pl.DataFrame, transfers: pl.DataFrame) -> pl.DataFrame:
    """Interest of the day's nights; what a charge-off claims ahead of its nights is none."""
    ahead = transfers.filter(
        (pl.col("loan_id") > 0)
        & (pl.col("event_id") > 0)
        & (pl.col("debit") == ROLE["interest_accrued"])
        & (pl.col("credit") == ROLE["interest_income"])
    ).select("loan_id", ahead="amount")
    nights = shown.join(ahead, on="loan_id", how="left").with_columns(
        earned=pl.col("earned") - pl.col("ahead").fill_null(0)
    )
    return nights.filter(pl.col("earned") != 0).select("loan_id", "earned", "on")


def _order(cumulative: bool, first: dt.date) -> Any:
    """Replay order: value date, disbursements first, submission date, creation."""

    def key(s: Step) -> Any:
        early = cumulative and s.kind is Kind.charge_assessed
        return (first if early else s.date, s.kind is not Kind.disbursed, not early, s.submitted, s.i,
                s.implicit)  # fmt: skip

    return key
