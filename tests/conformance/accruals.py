"""Accrual rows as the suite lists them, from what the engine earned day by day.

The suite books interest when its end of day runs: the first run books one row, dated the day
before, with all that was earned by then; later runs a row for each day since the last one. A
classic (cumulative) schedule books an instalment's interest on its due date. What is left when a
loan closes is booked then, at a charge-off what was earned by then. Charges are booked on their
due date, or when they were submitted where the suite's configuration says so, as it does of charges
after maturity that are booked at once. Products with
activity posting also list each instalment's income on its due date, or at closing; a change that spreads
instalments anew takes back what they no longer ask.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from loanbook.core.catalogue.codes import MONEY_IN, Kind, Status
from loanbook.core.catalogue.components import Component
from tests.conformance.deferred import Taken
from tests.conformance.earned import ONE_DAY, SPREADING, Earned, still_lives

if TYPE_CHECKING:
    from tests.conformance.shown import Shown

END_OF_DAY = ("cob_loan", "cob_all", "cob_catch_up")
AT_ONCE = "enable-immediate-charge-accrual-post-maturity"
ACTIVITY = "Accrual Activity"


@dataclass
class Booked:
    """What has been booked so far, step by step."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    through: dt.date | None = None
    interest: int = 0
    charged: set[tuple[int, dt.date]] = field(default_factory=set)
    """Step and due date of charges: one step may charge every instalment."""
    posted: set[int] = field(default_factory=set)
    after: int = -1
    taken: int = 0
    """Deferred income that rows have by now."""
    lost: dict[str, Any] | None = None
    """The row of what a charge-off took of it."""
    whole: int | None = None
    """Deferred income that the last closing took, all there was."""
    ended: dt.date = dt.date.min
    """Day to which a closing booked."""
    closing: tuple[dict[str, Any], set[int]] | None = None
    """The activity row of a closing, and the instalments that it listed."""

    def copy(self) -> Booked:
        return Booked(list(self.rows), self.through, self.interest, set(self.charged),
                      set(self.posted), self.after, self.taken, self.lost, self.whole, self.ended, self.closing)  # fmt: skip

    def add(self, date: dt.date, step: int, interest: int, fees: int, penalties: int,
            kind: str = "Accrual") -> None:  # fmt: skip
        if interest + fees + penalties == 0:
            return
        if kind == "Accrual":
            self.interest += interest
        self.rows.append(
            {"date": date, "type": kind, "i": step, "implicit": True, "reverted": False,
             "principal": 0, "interest": interest, "fees": fees, "penalties": penalties,
             "amount": interest + fees + penalties, "balance": 0, "overpayment": 0}
        )  # fmt: skip


def rows_of(shown: Shown) -> list[dict[str, Any]]:
    """Accrual rows of a loan as it is known after the life's last step; none of a payout still
    planned, or of a product without accounting."""
    none = shown.life.planned or shown.terms["accounting_rule"] == "NONE"
    return [] if none else _booked(shown).rows


def _booked(shown: Shown) -> Booked:
    life = shown.life
    memory: dict[int, Booked] = shown.seen.__dict__.setdefault("booked", {})
    if life.number in memory:
        return memory[life.number]
    earlier = [
        x
        for x in shown.by.values()
        if x.loan == life.loan and x.after < life.after and not x.ahead_of
    ]
    booked = Booked()
    if earlier:
        before = max(earlier, key=lambda x: x.after)
        booked = _booked(shown.of(before, shown.by, shown.seen)).copy()
    if not life.planned:
        _go_on(booked, shown)
    memory[life.number] = booked
    return booked


def _go_on(booked: Booked, shown: Shown) -> None:
    earned, taken = Earned(shown), Taken(shown)
    if booked.closing and still_lives(shown):  # it lives again: what closing listed is taken back
        booked.rows = [r for r in booked.rows if r is not booked.closing[0]]
        booked.posted -= booked.closing[1]
        booked.closing = None
        _list_through(booked, shown, shown.life.as_of - ONE_DAY, shown.life.after)
    if booked.lost and shown.position and shown.position["status"] != Status.charged_off:
        booked.rows = [r for r in booked.rows if r is not booked.lost]
        booked.taken -= booked.lost["amount"]
        booked.lost = None
    by_submission = at_once = False
    for step in shown.life.case["steps"]:
        if step["type"] == "config" and step["name"] == "charge-accrual-date":
            by_submission = step["value"] == "submitted-date"
        if step["type"] == "config" and step["name"] == AT_ONCE:
            at_once = step["enabled"]
        if not booked.after < step["i"] <= shown.life.after:
            continue
        if at_once and step["type"] == "charge_add" and step["loan"] == shown.life.loan:
            _charged_after_maturity(booked, shown, step)
        if step["type"] in END_OF_DAY and step.get("loan", shown.life.loan) == shown.life.loan:
            day = dt.date.fromisoformat(step["business_date"]) - ONE_DAY
            _end_of_day(booked, shown, earned, taken, day, step["i"], by_submission)
        if step["type"] == "job" and step["name"] == "periodic_accrual":  # to the day itself
            day = dt.date.fromisoformat(step["business_date"])
            _end_of_day(booked, shown, earned, taken, day, step["i"], by_submission)
        if step["type"] == "terminate_contract" and step["loan"] == shown.life.loan:
            day = dt.date.fromisoformat(step["business_date"])
            booked.add(day, step["i"], max(earned.to(day) - booked.interest, 0), 0, 0)
    late = _reaches_back(shown, booked.after, booked.through)
    if (
        late
        and any(s.kind is Kind.contract_accelerated for s, _ in shown.events)
        and still_lives(shown)
    ):
        _all_due(booked, shown, earned)
    charged = any(s.kind is Kind.charge_assessed and s.i > booked.after for s, _ in shown.events)
    booked.after = shown.life.after
    if _took_back(shown):
        _spread_anew(booked, shown)
    elif late:
        _list_anew(booked, shown)
    _at_the_end(booked, shown, earned, taken, late=late or charged)


def _reaches_back(shown: Shown, since: int, through: dt.date | None) -> bool:
    """Whether something became known since that step of a day that was over or that a night run has
    passed, or was taken back."""
    life = shown.life
    told = [s for s in life.steps if since < s.i <= life.after
            and (s.date < s.submitted or (through is not None and s.date <= through))]  # fmt: skip
    undone = [s for s in life.case["steps"]
              if s["type"] in ("reverse", "adjust") and since < s["i"] <= life.after
              and s["loan"] == life.loan]  # fmt: skip
    return bool(told or undone)


def _all_due(booked: Booked, shown: Shown, earned: Earned) -> None:
    """What news changed of interest that a contract's end made due, on the day on which it was told."""
    step = max(s["i"] for s in shown.life.case["steps"] if s["i"] <= shown.life.after)
    interest = earned.to(shown.life.as_of) - booked.interest
    booked.add(shown.life.as_of, step, max(interest, 0), 0, 0)
    if interest < 0:
        booked.interest += interest
        booked.add(shown.life.as_of, step, -interest, 0, 0, kind="Accrual Adjustment")


def _list_through(booked: Booked, shown: Shown, day: dt.date, step: int) -> None:
    """Activity of the instalments due by a day, each on its own; of products that post it."""
    if not shown.terms.get("accrual_activity_posting"):
        return
    for number, due, parts in shown.incomes():
        if due <= day and number not in booked.posted:
            booked.posted.add(number)
            booked.add(due, step, *parts, kind=ACTIVITY)


def _took_back(shown: Shown) -> bool:
    """Whether rows of activity were made anew: by a re-amortisation, by a re-age that fixes interest;
    of another re-age by what was told of before it, the next night run, or when it was undone."""
    life = shown.life
    if any(s.kind in SPREADING for s in life.gone):
        return True
    for step in life.steps:
        if step.kind is Kind.reamortised or (
            step.kind is Kind.reaged and step.body.get("interest")
        ):
            return True
        told = [s for s in (*life.steps, *life.gone) if s.date <= step.date and s.i > step.i]
        ran = [s for s in life.case["steps"]
               if s["type"] in END_OF_DAY and step.i < s["i"] <= life.after]  # fmt: skip
        if step.kind is Kind.reaged and (told or ran or step.date < step.submitted):
            return True
    return False


def _spread_anew(booked: Booked, shown: Shown) -> None:
    """Activity of the instalments through the last night run, as they are now."""
    last, of_last = booked.closing or ({}, set())
    booked.rows = [r for r in booked.rows if r["type"] != ACTIVITY or r is last]
    days = [] if still_lives(shown) else shown.ended_on()
    for number, due, parts in shown.incomes():
        if number in of_last or not shown.terms.get("accrual_activity_posting"):
            continue
        ran = booked.through is not None and due <= booked.through
        if ran and (not days or due < days[-1]):
            booked.posted.add(number)
            booked.add(due, shown.life.after, *parts, kind=ACTIVITY)
        else:
            booked.posted.discard(number)


def _list_anew(booked: Booked, shown: Shown) -> None:
    """Activity of the instalments that were listed, with what they ask now."""
    last, of_last = booked.closing or ({}, set())
    booked.rows = [r for r in booked.rows if r["type"] != ACTIVITY or r is last]
    for number, due, parts in shown.incomes():
        if number in booked.posted and number not in of_last:
            booked.add(due, shown.life.after, *parts, kind=ACTIVITY)


def _charged_after_maturity(booked: Booked, shown: Shown, step: dict[str, Any]) -> None:
    """Where the suite's configuration says so, a charge after the last instalment is booked at once."""
    day = dt.date.fromisoformat(step["business_date"])
    if day <= max(shown.due_dates(), default=day):
        return
    for key, on, fee, penalty in _charges(shown, booked, None, by_submission=False, run=step["i"]):
        if key[0] == step["i"]:
            booked.charged.add(key)
            booked.add(on, step["i"], 0, fee, penalty)


def _keep(booked: Booked, kept: Callable[[dict[str, Any]], bool]) -> None:
    """Take back the rows that are not kept."""
    for row in booked.rows:
        if row["type"] == "Accrual" and not kept(row):
            booked.interest -= row["interest"]
    booked.rows = [row for row in booked.rows if kept(row)]


def _unlist_closing(booked: Booked, shown: Shown, ended: dt.date) -> None:
    """Take back the activity of the closing, and of instalments due after it: it is listed anew."""
    if booked.closing:
        row, of = booked.closing
        _keep(booked, lambda each: each is not row)
        booked.posted -= of
        booked.closing = None
    _keep(booked, lambda each: each["type"] != ACTIVITY or each["date"] <= ended)
    booked.posted -= {number for number, due, _ in shown.incomes() if due > ended}


def _take(booked: Booked, taken: Taken, date: dt.date, step: int, total: int) -> None:
    """A row for deferred income that is taken since the last one, or given back."""
    more = total - booked.taken
    booked.taken = total
    kind = f"{taken.kind} Amortization" + (" Adjustment" if more < 0 else "")
    parts = (0, abs(more)) if taken.fee else (abs(more), 0)
    booked.add(date, step, *parts, 0, kind=kind)


def _charges(shown: Shown, booked: Booked, until: dt.date | None, by_submission: bool,
             run: int) -> list[tuple[tuple[int, dt.date], dt.date, int, int]]:  # fmt: skip
    """Charges not booked yet, and not waived by then: step and due date, date, fee and penalty."""
    found = []
    waived = {
        (s.body["component"], dt.date.fromisoformat(s.body["due_date"]))
        for s, _ in shown.events if s.kind is Kind.charge_waived and (not run or s.i < run)
    }  # fmt: skip
    for step, _ in shown.events:
        if step.kind is not Kind.charge_assessed:
            continue
        due = dt.date.fromisoformat(step.body["due_date"])
        on = step.submitted if by_submission else due
        if (step.i, due) in booked.charged or (step.body["component"], due) in waived:
            continue
        if until is None or on <= until:
            penalty = step.body["component"] == Component.penalty.value
            amount = step.amount or 0
            found.append(((step.i, due), on, 0 if penalty else amount, amount if penalty else 0))
    return found


def _end_of_day(
    booked: Booked, shown: Shown, earned: Earned, taken: Taken, day: dt.date, step: int,
    by_submission: bool,
) -> None:  # fmt: skip
    outs = [s.date for s, _ in shown.events if s.kind is Kind.disbursed]
    days = shown.ended_on()
    if days and not still_lives(shown):
        ended = days[-1]
        last = max((s.i for s, _ in shown.events if s.date <= ended), default=-1)
        if last > step:  # it lived when the run passed: what was told late ended it
            day = min(day, ended)
        elif ended <= day + ONE_DAY:
            if shown.position and shown.position["status"] == Status.charged_off:
                booked.through = day  # the run passed it by
            return
    if not outs or day < min(outs):
        booked.through = day
        return
    unbooked = _charges(shown, booked, day, by_submission, step)
    if booked.through is None and day <= booked.ended and not unbooked:
        return
    dates = {min(day, max([*shown.due_dates(), *_charged_for(shown)], default=day))}
    if earned.classic:
        dates = {d for d in shown.due_dates() if d <= day}
    elif booked.through is not None:
        dates = {booked.through + ONE_DAY * n for n in range(1, (day - booked.through).days + 1)}
    ahead = booked.through is None and not earned.classic and _not_told_yet(shown, day)
    booked.interest += ahead or 0  # what the first run does not know of, the second makes up for
    _book_dates(booked, shown, earned, dates, day, step, by_submission=by_submission)
    booked.interest -= ahead or 0
    if taken.signs or booked.taken:
        for date in sorted(dates):
            if booked.whole != taken.given(
                date
            ):  # a closing took all of it, and nothing came since
                _take(booked, taken, date, step, taken.to(date))
            if date in taken.sales:  # the run that settles a sale takes the rest
                _take(booked, taken, date, step, taken.given(date))
    booked.through = day
    _list_through(booked, shown, day, step)
    if any(shown.moved_interest.values()):
        _list_anew(booked, shown)


def _not_told_yet(shown: Shown, day: dt.date) -> int:
    """Interest on principal overdue in periods that are over, of a loan whose interest follows the
    balance and that nothing was told of since its payout: its first run still has the agreed
    interest of those periods."""
    from tests.conformance.fineract import Check, _row
    from tests.conformance.products import recalculated
    from tests.conformance.terms import schedules

    outs = [s for s, _ in shown.events if s.kind is Kind.disbursed]
    known = [s for s, _ in shown.events if s.date <= day and s.kind is not Kind.charge_assessed]
    due = {d for d in shown.due_dates() if d <= day}
    if not recalculated(shown.terms) or len(outs) != 1 or len(due) < 2:
        return 0
    if outs[0].submitted > max(due):  # told of after all of them, it knew what they bore
        return 0
    now = {on: parts[0] for _, on, parts in shown.incomes() if on in due}
    if known != outs:
        agreed = _agreed_by(shown, day, max(s.i for s in known))
        return sum(now[on] - agreed.get(on, now[on]) for on in due)
    amount = Decimal(outs[0].amount or 0).scaleb(-shown.decimals)
    terms = shown.terms | {"charges": [], "product_charges": []}
    planned, _ = _row(Check(terms, outs[0].date, amount, {}, None, outs[0].date))
    (table,) = schedules([planned])
    told = dict(table.select("period_end", "interest").rows())
    return sum(now[on] - told.get(on, now[on]) for on in due)


def _agreed_by(shown: Shown, day: dt.date, step: int) -> dict[dt.date, int]:
    """Interest of the instalments due by a day, as the last step known of the loan left it."""
    looks = [x for x in shown.by.values()
             if x.loan == shown.life.loan and not x.ahead_of and step <= x.after < shown.life.after
             and x.as_of <= day and not x.planned]  # fmt: skip
    if not looks:
        return {}
    before = shown.of(min(looks, key=lambda x: x.after), shown.by, shown.seen)
    return {on: parts[0] for _, on, parts in before.incomes() if on > before.life.as_of}


def _book_dates(
    booked: Booked, shown: Shown, earned: Earned, dates: set[dt.date], until: dt.date, step: int,
    *, by_submission: bool = False,
) -> None:  # fmt: skip
    """A row for each of the dates, and in a classic schedule for each charge's own."""
    charges = _charges(shown, booked, until, by_submission, step)
    if booked.through is not None and until >= booked.through:
        _book_passed(booked, shown, charges, step, booked.through)
    if earned.classic:
        dates = dates | {c[1] for c in charges}
    for date in sorted(dates):
        own = [c for c in charges if c[1] <= date and c[0] not in booked.charged]
        booked.charged |= {c[0] for c in own}
        interest = earned.to(date) - booked.interest
        if earned.classic and date not in shown.due_dates():
            interest = 0
        booked.add(date, step, max(interest, 0), sum(c[2] for c in own), sum(c[3] for c in own))
        if interest < 0:  # a change since took it back
            booked.interest += interest
            booked.add(date, step, -interest, 0, 0, kind="Accrual Adjustment")


def _book_passed(
    booked: Booked, shown: Shown, charges: list[Any], step: int, passed: dt.date
) -> None:
    """A row for each charge of a day that a night run has passed, dated by the instalment that asks it."""
    for key, on, fee, penalty in charges:
        if on <= passed:
            due = min((d for d in shown.due_dates() if d >= on), default=on)
            booked.charged.add(key)
            booked.add(min(due, passed), step, 0, fee, penalty)


def _close(booked: Booked, shown: Shown, earned: Earned, day: dt.date, step: int,
           until: dt.date | None) -> None:  # fmt: skip
    """A row for interest earned by the `day` and charges due `until` then, if any is left."""
    charges = _charges(shown, booked, until, by_submission=False, run=step)
    booked.charged |= {c[0] for c in charges}
    claimed = earned.begun(day) if until == dt.date.min else earned.to(day) + _asked_again(shown)
    interest = claimed - booked.interest
    booked.add(day, step, max(interest, 0), sum(c[2] for c in charges), sum(c[3] for c in charges))
    if interest < 0:  # what ends gives back what it does not claim
        booked.interest += interest
        booked.add(day, step, -interest, 0, 0, kind="Accrual Adjustment")


def _asked_again(shown: Shown) -> int:
    """Interest that chargebacks before a re-age ask again: what is charged back is spread with the rest, and a
    closing books all interest that instalments ask."""
    again = 0
    for step, event in shown.events:
        since = [
            s
            for s, _ in shown.events
            if s.kind is Kind.reaged and (s.date, s.i) > (step.date, step.i)
        ]
        if step.kind is Kind.chargeback and since:
            moves = shown.moved.filter(pl.col("event_id") == event)
            again += shown.moved_by(step, moves)["interest"]
    return again


def _taken_back_on(shown: Shown, since: int) -> list[dt.date]:
    """The days on which something was taken back after that step."""
    life = shown.life
    return [dt.date.fromisoformat(s["business_date"]) for s in life.case["steps"]
            if s["type"] in ("reverse", "adjust") and since < s["i"] <= life.after
            and s["loan"] == life.loan and s.get("expect") != "rejected"]  # fmt: skip


def _charged_for(shown: Shown) -> list[dt.date]:
    """The dates of charges."""
    charges = [s for s, _ in shown.events if s.kind is Kind.charge_assessed]
    return [dt.date.fromisoformat(s.body["due_date"]) for s in charges]


def _at_the_end(booked: Booked, shown: Shown, earned: Earned, taken: Taken, *, late: bool) -> None:
    days = shown.ended_on()
    if not days or shown.position is None:
        return
    off = shown.position["status"] == Status.charged_off
    # closed in between: what closing booked stays
    for day in days if still_lives(shown) else days[:-1]:
        if booked.through is None or booked.through < day:
            _close(booked, shown, earned, day, 0, until=day)
    ended = days[-1]
    if not still_lives(shown) and shown.position["status"] == Status.written_off:
        if taken.signs or booked.taken:
            _take(booked, taken, ended, shown.life.after, taken.to(ended))
        return  # of what is written off the suite accrues nothing more
    if still_lives(shown):
        return
    step = max((s.i for s, _ in shown.events), default=0)
    # money that was told last ended it, on its own date
    money = [s.date for s, _ in shown.events if s.i == step and s.kind in MONEY_IN]
    on = ended if off or booked.ended > dt.date.min else min([ended, *money])
    if off:  # what ran past a charge-off of an earlier day is taken back
        _keep(booked, lambda row: row["type"] != "Accrual" or row["date"] <= ended)
    # a charge-off books no charge that the night run did not book
    # what was told late closes the loan on the day on which it was told, at the latest its last due date
    ever_off = any(s.kind is Kind.charge_off for s, _ in shown.events)
    told = [s.submitted for s, _ in shown.events if s.i == step] + _taken_back_on(shown, step)
    last = max([ended, *shown.due_dates(), *_charged_for(shown)])
    day = ended if ever_off else min(max([ended, *told]), last)
    less = not off and earned.to(day) < booked.interest
    day = min(max([ended, *told]), last) if less else day
    _close(booked, shown, earned, day, step, until=dt.date.min if off else None)
    booked.ended = day
    if (
        booked.through is not None
    ):  # where no run was before the end, the first one after it is the first
        booked.through = max(day, booked.through)
    if taken.signs or booked.taken:
        if off and not booked.lost:
            _take(booked, taken, ended, step, taken.before(ended))
        count = len(booked.rows)
        _take(booked, taken, on, step, taken.to(ended))
        booked.whole = booked.taken if not off and booked.taken == taken.given(ended) else None
        if off and len(booked.rows) > count:
            booked.lost = booked.rows[-1]
    if shown.terms.get("accrual_activity_posting") and not off:
        if late:
            _unlist_closing(booked, shown, on)
        waits = [row for row in shown.incomes() if row[0] not in booked.posted]
        _list_through(booked, shown, on - ONE_DAY, step)  # the rest with the closing
        left = [parts for _, due, parts in waits if due >= on]
        fresh = {number for number, _, _ in waits} - booked.posted
        booked.posted |= fresh
        count = len(booked.rows)
        if left:
            booked.add(on, step, *(sum(p[k] for p in left) for k in range(3)),
                       kind=ACTIVITY)  # fmt: skip
        if len(booked.rows) > count:
            booked.closing = (booked.rows[-1], fresh)
