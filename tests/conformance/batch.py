"""All loans of all cases as one batch, lived from the first event to the look at each."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import ENDED, MONEY_IN, REFUNDS, RUNNING_TAKES_ALL, Kind, Status
from loanbook.core.catalogue.components import DEMANDED_AGAIN, Component
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import empty
from loanbook.core.ledger.events import Events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.steps import Visited, run_day
from loanbook.core.servicing.income.deferred_income import unamortised
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.claim import claim
from loanbook.core.servicing.loan.dues import Dues
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.payments.chargebacks import demanded_again
from loanbook.core.servicing.replay.fast_forward import History, Visit, fast_forward
from loanbook.core.servicing.replay.interest_refunds import interest_on_refunds
from loanbook.core.servicing.replay.payoff_quote import settling
from loanbook.core.servicing.schedule.projection import to_come
from tests.conformance.events import TOLD, filled
from tests.conformance.products import terms_row
from tests.conformance.steps import PARTS as PARTS_OF
from tests.conformance.steps import Step

NIGHTS = {"next": 1, "then": 2}


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
    loan_id: int = 0
    """Its loan of the batch; looks at the same history on the same day share one."""
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
    deferred: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Days `on` which loans had deferred income, and what its line leaves after the `next` night
    and the one `then`."""
    balances: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Principal, and what of it was due, at the end of the day, of classic loans whose interest is
    recalculated: `loan_id`, `on`, `principal`, `principal_due`."""
    ended: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Days `on` which a loan ceased to be active: `loan_id`, `on`."""
    shown: dict[Any, Any] = field(default_factory=dict)
    """Tables of looks, by their kind and the number of the look."""
    _apart: dict[str, dict[Any, pl.DataFrame]] = field(default_factory=dict)

    def of(self, loan: int, table: str) -> pl.DataFrame:
        """Rows of one loan in a table; every table is taken apart once, not filtered per look."""
        whole: pl.DataFrame = getattr(self, table)
        if "loan_id" not in whole.columns:
            return whole
        if table not in self._apart:
            self._apart[table] = whole.partition_by("loan_id", as_dict=True)
        return self._apart[table].get((loan,), whole.clear())


def _all_dues(lived: History) -> pl.DataFrame:
    """Dues of loans that were lived, settled or not."""
    return pl.concat(
        each.select(Dues.column_names()) for each in (lived.all("settled"), lived.dues)
    )


class _History:
    """What happens to the loan of a life, as rows of events."""

    def __init__(self, life: Life, pin: dict[str, Any]) -> None:
        """`pin`: its product's row of `PolicyBook.pins`."""
        self.life, self.loan_id, self.events = life, 0, range(0)
        theirs = life.case["loans"][life.loan - 1]
        outs = [s for s in life.steps if s.kind is Kind.disbursed]
        first = min(outs, key=lambda s: (s.date, s.i))
        self.terms = terms_row(theirs, first, pin["product"], pin["entity"], pin["currency"])
        classic = theirs["schedule_type"] == "CUMULATIVE"
        money = (s.date for s in life.steps if s.kind in MONEY_IN)
        by = max(first.date, min(money, default=dt.date.max)) if classic else dt.date.max
        self.steps = sorted(life.steps, key=_order(by, first.date))
        self.rows: list[dict[str, Any]] = []
        for place, s in enumerate(self.steps):
            on = max(s.date, first.date)
            if s.kind is Kind.charge_assessed:  # in on the day of the look, where clocks went back
                on = min(on, by, max(life.as_of, first.date))
            self.rows.append(
                {"kind": s.kind.value, "value_date": on, "amount": s.amount, "source_ref": f"{place:04d}",
                 "payload": json.dumps(s.body) if s.body else None}
            )  # fmt: skip

    def enter(self, loan_id: int, rows: list[dict[str, Any]]) -> None:
        """Add its events to the `rows` of all loans."""
        self.loan_id = loan_id
        self.events = range(len(rows) + 1, len(rows) + len(self.rows) + 1)
        for event, row in zip(self.events, self.rows, strict=True):
            row |= {"loan_id": loan_id, "event_id": event}
        rows += self.rows

    def key(self) -> str:
        """All that its loan comes to hangs on: terms, events, in which order they were told, targets."""
        told = sorted({s.i for s in self.steps})
        order = [(told.index(s.i), told.index(s.target) if s.target in told else None)
                 for s in self.steps]  # fmt: skip
        own = [[v for k, v in r.items() if k not in ("loan_id", "event_id")] for r in self.rows]
        return repr((sorted(self.terms.items(), key=str), self.life.as_of, own, order))


def _boarded(terms: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(terms, schema=empty(Terms).schema)


class Batch:
    """All loans of all cases, closed day by day from the first event to the last look."""

    def __init__(self, policies: PolicyBook, lives: list[Life], codes: dict[int, int]) -> None:
        self.policies, self.lives = policies, lives
        self.events: dict[int, list[tuple[Step, int]]] = {}
        places = {p: policies.registry.index(f"p{p}@1") for p in set(codes.values())}
        pins = {row["product"]: row for row in policies.pins.to_dicts()}
        histories = []
        for life in lives:
            if any(s.kind is Kind.disbursed for s in life.steps):
                histories.append(_History(life, pins[places[codes[life.number]]]))
        self._in_per_cent(histories)
        shared: dict[str, _History] = {}
        rows: list[dict[str, Any]] = []
        for each in histories:
            one = shared.setdefault(each.key(), each)
            if one is each:
                one.enter(len(shared), rows)
            each.life.loan_id = one.loan_id
            self.events[each.life.number] = list(zip(each.steps, one.events, strict=True))
        self.of_loan = {one.loan_id: self.events[one.life.number] for one in shared.values()}
        boarded = _boarded([one.terms | {"loan_id": one.loan_id} for one in shared.values()])
        self.products = boarded.select("loan_id", "product")
        self.first = boarded["disbursed_on"].min() if shared else None
        self.looks = {one.loan_id: one.life.as_of for one in shared.values()}
        self.filled = self._refunding(filled(boarded, pl.DataFrame(rows, schema=TOLD)))

    def _refunding(self, events: pl.DataFrame) -> pl.DataFrame:
        """Events with the interest that refunds give back; without those that give none back."""
        asked = {}
        for own in self.of_loan.values():
            for before, (step, event) in pairwise(own):
                if step.kind is Kind.interest_refunded and step.amount is None:
                    refund, of = next((e for e in own if e[0].i == step.target), before)
                    assert refund.kind in REFUNDS
                    asked[of] = event
        if not asked:
            return events
        theirs = events.filter(pl.col("event_id").is_in([*asked]))["loan_id"]
        known = events.filter(pl.col("loan_id").is_in(theirs.implode()))
        unknown = pl.col("amount").is_null() & pl.col("kind").is_in([k.value for k in MONEY_IN])
        found = interest_on_refunds(known.filter(~unknown), self.policies, pl.Series([*asked]))
        told = {asked[of]: interest for of, interest in found.rows()}
        of_event = pl.col("event_id").replace_strict(told, default=None, return_dtype=pl.Int64)
        return events.with_columns(amount=pl.coalesce(of_event, "amount")).filter(
            (pl.col("kind") != Kind.interest_refunded) | (pl.col("amount") > 0)
        )

    def _in_per_cent(self, histories: list[_History]) -> None:
        """Amounts of charges in per cent of what is lent and the interest of its schedule."""
        theirs = [e for e in histories if any(s.percent is not None for s in e.steps)]
        if not theirs:
            return
        rows: list[dict[str, Any]] = []
        for loan_id, each in enumerate(theirs, start=1):
            each.enter(loan_id, rows)
        boarded = _boarded([e.terms | {"loan_id": e.loan_id} for e in theirs])
        schedule = expand(agreed_terms(boarded, self.policies.pins))
        sums = schedule.group_by("loan_id").agg(pl.col("principal", "interest").sum())
        base = {row["loan_id"]: row for row in sums.to_dicts()}
        columns = ["loan_id", "instalment_no", "principal", "interest"]
        tables = [schedule.select(columns), self._made_anew(boarded, rows).select(columns)]
        one = {(r["loan_id"], r["instalment_no"]): r for table in tables for r in table.to_dicts()}
        for each in theirs:
            for place, (step, row) in enumerate(zip(each.steps, each.rows, strict=True)):
                if step.percent is None:
                    continue
                part = one[each.loan_id, step.nth] if step.nth else base[each.loan_id]
                whole = sum(part[name] for name in PARTS_OF[step.of])
                share = Decimal(whole) * step.percent / 100
                row["amount"] = int(share.to_integral_value("ROUND_HALF_EVEN"))
                if step.kind is Kind.charge_assessed:  # of this look: of another it may be another
                    each.steps[place] = replace(step, amount=row["amount"])
                else:
                    step.amount = row["amount"]

    def _made_anew(self, boarded: pl.DataFrame, rows: list[dict[str, Any]]) -> pl.DataFrame:
        """Instalments of schedules that stand whole and that a tranche or a charge-off makes anew:
        what is in per cent of an instalment follows it."""
        ids = set(agreed_terms(boarded, self.policies.pins).filter("materialised")["loan_id"])
        kinds = (Kind.disbursed.value, Kind.charge_off.value)
        lent = [r for r in rows if r["loan_id"] in ids and r["kind"] in kinds]
        outs = Counter(r["loan_id"] for r in lent)
        mine = [r for r in lent if outs[r["loan_id"]] > 1]
        again = boarded.filter(pl.col("loan_id").is_in({r["loan_id"] for r in mine}))
        events = filled(again, pl.DataFrame(mine, schema=TOLD))
        looks = events.group_by("loan_id").agg(through=pl.col("value_date").max())
        book = Book.empty(self.policies.pins, empty(Events))
        lived = fast_forward(book, events, self.policies, looks)

        def of(component: Component) -> pl.Expr:
            return pl.col("amount").filter(pl.col("component") == component.value).sum()

        return (
            _all_dues(lived)
            .group_by("loan_id", "instalment_no")
            .agg(principal=of(Component.principal), interest=of(Component.interest))
        )

    def run(self) -> Seen:
        seen = Seen({}, empty(Dues), pl.DataFrame(), pl.DataFrame(), self.events)
        if self.first is None:
            return seen
        looks = pl.DataFrame(
            [*self.looks.items()], schema={"loan_id": pl.Int64, "through": pl.Date}, orient="row"
        )
        book = Book.empty(self.policies.pins, empty(Events))
        lived = fast_forward(book, self.filled, self.policies, looks, self._prepared)
        shown = lived.stay.last()
        for row in shown.select(*STATE, "instalments").to_dicts():
            seen.positions[row["loan_id"]] = row
        self._with_days(seen, lived)
        foreseen = to_come(
            shown.filter(~pl.col("materialised")), lived.dues, self.policies.calendars
        )
        seen.dues = pl.concat([_all_dues(lived), foreseen.select(Dues.column_names())])
        seen.paid = lived.all("allocations").rename({"business_date": "on"})
        seen.moved = lived.all("transfers")
        return seen

    def _with_days(self, seen: Seen, lived: History) -> None:
        """What accruals are made of, day by day, of loans that earn or have deferred income; a status
        changes on a visit."""
        stood = lived.stay.stood
        earns = (pl.col("rate_ppb") != 0) | (pl.col("accrued_today") != 0) | (
            pl.col("deferred_whole") != 0)  # fmt: skip
        theirs = stood.filter(earns)["loan_id"].unique()
        some = stood.filter(pl.col("loan_id").is_in(theirs.implode()))
        last = max(self.looks.values())
        days = replace(lived.stay, stood=some).positions(self.first, last)  # type: ignore[arg-type]
        seen.deferred = days.filter(pl.col("deferred_whole") != 0).select(
            "loan_id", on="business_date", until="deferred_until",
            **{name: unamortised(pl.col("business_date") + pl.duration(days=n)) for name, n in NIGHTS.items()},
        )  # fmt: skip
        classic = stood.filter(pl.col("excess").is_in([e.value for e in RUNNING_TAKES_ALL]))[
            "loan_id"
        ]
        seen.balances = days.filter(pl.col("loan_id").is_in(classic.unique().implode())).select(
            "loan_id", "principal", "principal_due", on="business_date"
        )
        days = days.select("loan_id", earned="accrued_today", on="business_date")
        seen.earned = _nights(days, lived.all("transfers"))
        before = pl.col("status").shift(1).over("loan_id")
        ceased = before.is_null() | (before == Status.active.value) | before.is_in(ENDED)
        seen.ended = stood.filter((pl.col("status") != Status.active.value) & ceased).select(
            "loan_id", on="business_date"
        )

    def _prepared(
        self, wide: pl.DataFrame, dues: pl.DataFrame, events: pl.DataFrame, rounds: list[Visit]
    ) -> pl.DataFrame:
        """Events of a round with the amounts that the cases leave to the engine."""
        events = self._in_full(wide, dues, self._down(wide, dues, events))
        return self._asked_again(wide, dues, events, rounds)

    def _down(self, wide: pl.DataFrame, dues: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
        """Down payments of what the borrower's credit leaves of them."""
        # where what came in advance is taken again, the whole share comes, and goes on to the next ones
        whole = wide.filter(pl.col("prepaid_is_reallocated") & (pl.col("credit") == 0))["loan_id"]
        own = events.filter(
            (pl.col("kind") == Kind.down_payment) & ~pl.col("loan_id").is_in(whole.implode())
        )
        for at in own["source_ref"].unique().to_list():
            asked = own.filter(pl.col("source_ref") == at)["loan_id"]
            mine = pl.col("loan_id").is_in(asked.implode())
            before = events.filter(mine & (pl.col("source_ref") < at))
            then = self._visited(wide.filter(mine), dues.filter(mine), before).dues
            left = (
                then.filter(
                    (pl.col("instalment_no") < 0) & (pl.col("due_date") == pl.col("business_date"))
                )
                .group_by("loan_id")
                .agg(left=(pl.col("amount") - pl.col("paid")).sum())
            )
            this = (pl.col("kind") == Kind.down_payment) & (pl.col("source_ref") == at)
            less = pl.min_horizontal("amount", pl.col("left").fill_null(0))
            events = (
                events.join(left, on="loan_id", how="left", maintain_order="left")
                .with_columns(amount=pl.when(this & mine).then(less).otherwise("amount"))
                .drop("left")
                .filter(~this | (pl.col("amount") > 0))
            )
        return events

    def _in_full(
        self, wide: pl.DataFrame, dues: pl.DataFrame, events: pl.DataFrame
    ) -> pl.DataFrame:
        """Payments of all that is unpaid once what came before them on the day is in."""
        unknown = pl.col("amount").is_null() & (pl.col("kind") == Kind.payment_received)
        while events.select(unknown.any()).item():
            events = self._first_in_full(wide, dues, events, unknown)
        return events.filter((pl.col("kind") != Kind.payment_received) | (pl.col("amount") > 0))

    def _first_in_full(
        self, wide: pl.DataFrame, dues: pl.DataFrame, events: pl.DataFrame, unknown: pl.Expr
    ) -> pl.DataFrame:
        """`events` with the amount of the first such payment of each loan."""
        first = events.filter(unknown).group_by("loan_id").agg(at=pl.col("source_ref").min())
        events = events.join(first, on="loan_id", how="left", maintain_order="left")
        asks = unknown & (pl.col("source_ref") == pl.col("at"))
        mine = pl.col("loan_id").is_in(first["loan_id"].implode())
        after = self._ordered_after(events.filter(asks))
        rest = events.filter(mine & ~pl.col("event_id").is_in(after)).drop("at")
        then = self._visited(wide.filter(mine), dues.filter(mine), rest)
        owed = then.dues.group_by("loan_id").agg(owed=(pl.col("amount") - pl.col("paid")).sum())
        # lent today, and not by a schedule that stands: nothing is due of it yet
        new = pl.col("loan_id").is_in(
            rest.filter(pl.col("kind") == Kind.loan_boarded)["loan_id"].implode()
        )
        lent = then.wide.filter(new & ~pl.col("materialised")).select("loan_id", owed=claim())
        # what settles loans whose interest follows the balance, in place of their whole grid
        follows = mine & ~new & ~pl.col("materialised")
        anew = rest.filter(pl.col("kind").is_in([Kind.disbursed.value, Kind.fee_capitalised.value]))
        owes = (pl.col("status") != Status.overpaid.value) | pl.col("loan_id").is_in(
            anew["loan_id"].implode()
        )
        live = wide.filter(follows & owes)["loan_id"]
        quoted = settling(
            wide.filter(follows), dues.filter(mine), rest, live, self.policies
        ).select("loan_id", owed="payoff")
        told = pl.concat([lent, quoted])
        owed = pl.concat([owed.join(told, on="loan_id", how="anti"), told])
        later = self._paid_later(events.filter(asks))
        owed = owed.join(later, on="loan_id", how="left", maintain_order="left").with_columns(
            owed=(pl.col("owed") - pl.col("later").fill_null(0)).clip(lower_bound=0)
        )
        return (
            events.join(owed, on="loan_id", how="left", maintain_order="left")
            .with_columns(
                amount=pl.when(asks).then(pl.col("owed").fill_null(0)).otherwise("amount")
            )
            .drop("owed", "later", "at")
        )

    def _ordered_after(self, payoffs: pl.DataFrame) -> list[int]:
        """These payoffs, and the events of their loans that were ordered after them."""
        found = []
        for loan, event in payoffs.select("loan_id", "event_id").rows():
            own = self.of_loan[loan]
            payoff = next(s for s, e in own if e == event)
            found += [e for s, e in own if s.i >= payoff.i]
        return found

    def _paid_later(self, asked: pl.DataFrame) -> pl.DataFrame:
        """`later` by loan: money valued after a payoff that was known when it was ordered, less what was
        lent then."""
        paid: dict[int, int] = {}
        for loan, event in asked.select("loan_id", "event_id").rows():
            own = self.of_loan[loan]
            payoff = next(s for s, e in own if e == event)
            known = [s for s, _ in own if s.date > payoff.date and s.i < payoff.i]
            paid[loan] = sum(s.amount or 0 for s in known if s.kind in MONEY_IN)
            paid[loan] -= sum(s.amount or 0 for s in known if s.kind is Kind.disbursed)
        return pl.DataFrame([*paid.items()], schema={"loan_id": pl.Int64, "later": pl.Int64},
                            orient="row")  # fmt: skip

    def _visited(self, wide: pl.DataFrame, dues: pl.DataFrame, events: pl.DataFrame) -> Visited:
        versions = self.policies.buckets_since("default", dt.date(2000, 1, 1))
        return run_day(wide, dues, events, self.policies, versions)

    def _asked_again(
        self, wide: pl.DataFrame, dues: pl.DataFrame, events: pl.DataFrame, rounds: list[Visit]
    ) -> pl.DataFrame:
        """The day's events, chargebacks with what their payment had met by then."""
        taken = pl.col("kind") == Kind.chargeback.value
        ordered = self.policies.chargeback_ranks["product"]
        theirs = self.products.filter(pl.col("product").is_in(ordered.implode()))["loan_id"]
        mine = events.filter(taken & pl.col("loan_id").is_in(theirs.implode()))
        if mine.is_empty():
            return events
        columns = ["event_id", "component", "amount"]
        ours = pl.col("loan_id").is_in(mine["loan_id"].implode())
        # the payment may be of the same day
        today = self._visited(wide.filter(ours), dues.filter(ours), events.filter(ours & ~taken))
        met = [today.allocations, *(each.allocations for each in rounds)]
        asked = mine.select("event_id", "loan_id", "amount", target=self._targets(mine)).join(
            self.products, on="loan_id"
        )
        parts = demanded_again(
            asked.drop_nulls("target"),
            pl.concat(each.select(columns) for each in met),
            self.policies.chargeback_ranks,
        )
        told = parts.select("event_id", told=pl.struct(*DEMANDED_AGAIN).struct.json_encode())
        return (
            events.join(told, on="event_id", how="left", maintain_order="left")
            .with_columns(payload=pl.coalesce("told", "payload"))
            .drop("told")
        )

    def _targets(self, mine: pl.DataFrame) -> pl.Series:
        """The payment that each chargeback takes back, as its event."""
        found = []
        for event, loan in mine.select("event_id", "loan_id").rows():
            own = self.of_loan[loan]
            step = next(s for s, e in own if e == event)
            found.append(next((e for s, e in own if s.i == step.target), None))
        return pl.Series(found, dtype=pl.Int64)


def _nights(shown: pl.DataFrame, transfers: pl.DataFrame) -> pl.DataFrame:
    """Interest of each day's night; what a charge-off claims ahead of its nights is none."""
    ahead = transfers.filter(
        (pl.col("loan_id") > 0)
        & (pl.col("event_id") > 0)
        & (pl.col("debit") == ROLE["interest_accrued"])
        & (pl.col("credit") == ROLE["interest_income"])
    ).select("loan_id", on="value_date", ahead="amount")
    nights = shown.join(ahead, on=["loan_id", "on"], how="left").with_columns(
        earned=pl.col("earned") - pl.col("ahead").fill_null(0)
    )
    return nights.filter(pl.col("earned") != 0).select("loan_id", "earned", "on")


def _order(by: dt.date, first: dt.date) -> Any:
    """Replay order: value date, disbursements told late first, submission date, creation; charges `by` a day
    at the latest, that of a classic loan's first money, and before that."""

    def key(s: Step) -> Any:
        early = by < dt.date.max and s.kind is Kind.charge_assessed
        late = s.kind is Kind.disbursed and s.submitted > s.date
        return (
            min(max(s.date, first), by) if early else s.date,
            not late,
            not early,
            s.submitted,
            s.place,
            s.i,
            s.implicit,
        )

    return key
