"""What the engine shows of one loan of the batch: dues, payments, movements, how it stands."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Self, cast

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Status, Timing
from loanbook.core.catalogue.components import Component
from loanbook.core.servicing.loan.dues import on_own_date
from tests.conformance import classic
from tests.conformance.batch import Life, Seen
from tests.conformance.mapping import date_of

OF = {Component.principal: "principal", Component.interest: "interest", Component.fee: "fees",
      Component.penalty: "penalties"}  # fmt: skip

BEFORE = {
    "create_loan": "SUBMITTED_AND_PENDING_APPROVAL", "approve": "APPROVED",
    "undo_approval": "SUBMITTED_AND_PENDING_APPROVAL", "undo_disbursal": "APPROVED",
    "undo_last_disbursal": "APPROVED", "reject": "REJECTED", "withdraw": "WITHDRAWN_BY_CLIENT",
}  # fmt: skip
"""Status of an application after a step, before anything is paid out."""


def _homes(dues: pl.DataFrame, last: int | None) -> dict[int, tuple[int, dt.date]]:
    """Charges due on their own date by number: the instalment that shows them, and its due date.

    After the `last` instalment there is one more, which reaches up to the latest of what falls due then.
    """
    own = dues.filter(on_own_date()) if dues.height else dues
    if own.is_empty():
        return {}
    others = dues.filter(~on_own_date() & (pl.col("instalment_no") > 0))
    grid = sorted({(due, n) for n, due in others.select("instalment_no", "due_date").rows()})
    top = max(n for _, n in grid)
    more = last is not None and top > last
    after = (top if more else top + 1, max(own["due_date"]))
    found = {}
    for number, due in own.select("instalment_no", "due_date").unique().rows():
        found[number] = next(((n, falls) for falls, n in grid if falls >= due), after)
    return found


class Look:
    """One loan as of its look: what is due and paid of it, how it stands."""

    @classmethod
    def of(cls, life: Life, by: dict[Any, Life], seen: Seen) -> Self:
        """The loan of a look, made once."""
        found = seen.shown.get((cls, life.number))
        if found is None:
            found = seen.shown[cls, life.number] = cls(life, by, seen)
        return cast(Self, found)

    def __init__(self, life: Life, by: dict[Any, Life], seen: Seen) -> None:
        self.life, self.by, self.seen = life, by, seen
        self.terms = life.case["loans"][life.loan - 1]
        self.decimals = int(self.terms["currency_decimals"])
        self.id = life.loan_id
        self.events = seen.events.get(life.number, [])
        own = seen.of(self.id, "dues")
        self.position = seen.positions.get(self.id)
        self.homes = _homes(own, self.position["instalments"] if self.position else None)
        own = self._gathered(own)
        self.dues = (
            own.with_columns(pl.col("instalment_no").replace(self._numbers()))
            .group_by("instalment_no", "component")
            .agg(pl.col("amount", "paid").sum(), due=pl.col("due_date").max())
        )
        self.paid = self._as_met(self._at_home(seen.of(self.id, "paid")))
        outs = [s for s, _ in self.events if s.kind is Kind.disbursed]
        if classic.takes_again(self.terms) and len(outs) > 1 and self.paid.height:
            self.paid = classic.with_what_met(self.dues, self.paid)
        self.moved = seen.of(self.id, "moved")
        if classic.is_classic(self.terms) and own.height:
            settled = self.position and self.position["status"] in (Status.closed, Status.overpaid)
            ended = self.ended_on()[-1] if settled else None
            self.dues, self.paid = classic.shown_as(self.terms, self.dues, self.paid, ended)
        self.met_at_charge_off = 0
        """Interest that stopped with a charge-off and that money in advance shows as having met."""
        self.moved_interest: dict[int, int] = {}
        """Interest that shows with another instalment than the one that asks it, by number."""

    def _gathered(self, own: pl.DataFrame) -> pl.DataFrame:
        """Dues with charges to come of a contract that has ended in one more instalment, up to the own
        date of the last of them."""
        ended = self._ended()
        schedule = own.filter((pl.col("component") <= 1) & (pl.col("instalment_no") > 0)) if (
            own.height) else own  # fmt: skip
        if not ended or schedule.is_empty():
            return own
        last = int(schedule["instalment_no"].max())  # type: ignore[arg-type]
        beyond = (pl.col("instalment_no") > last) & ~on_own_date()
        numbers = own.filter(beyond)["instalment_no"].unique().to_list()
        dates = [
            date_of(s.body["due_date"]) for s, _ in self.events if s.kind is Kind.charge_assessed
        ]
        falls = max((on for on in dates if on > ended[-1]), default=None)
        if not numbers or falls is None:
            return own
        self.homes |= dict.fromkeys(numbers, (last + 1, falls))
        return own.with_columns(due_date=pl.when(beyond).then(falls).otherwise("due_date"))

    def _endings(self) -> tuple[Kind, ...]:
        """Events that end the contract: its claim is one instalment since."""
        matures = self.terms["charge_off_behaviour"] == "ACCELERATE_MATURITY"
        return (Kind.contract_accelerated, *([Kind.charge_off] if matures else []))

    def _ended(self) -> list[dt.date]:
        """The days on which the contract was ended; what that makes due the suite calls not overdue."""
        return [s.date for s, _ in self.events if s.kind in self._endings()]

    def _numbers(self) -> dict[int, int]:
        return {number: home for number, (home, _) in self.homes.items()}

    def _at_home(self, paid: pl.DataFrame) -> pl.DataFrame:
        """Money for charges due on their own date, as of the instalment that shows them."""
        if not self.homes or not paid.height:
            return paid
        falls = pl.col("instalment_no").replace_strict(
            {number: due for number, (_, due) in self.homes.items()}, default=None,
            return_dtype=pl.Date,
        )  # fmt: skip
        timing = (
            pl.when(falls < pl.col("on")).then(Timing.past_due.value)
            .when(falls == pl.col("on")).then(Timing.due.value).otherwise(Timing.in_advance.value)
        )  # fmt: skip
        return paid.with_columns(
            timing=pl.when(falls.is_null()).then("timing").otherwise(timing).cast(pl.Int8),
            instalment_no=pl.col("instalment_no").replace(self._numbers()),
        )

    def _as_met(self, paid: pl.DataFrame) -> pl.DataFrame:
        """Charges that the credit met, as met by the money that left it, the earliest first: the suite
        takes that payment again, as if the charge had been known."""
        if not paid.height:
            return paid
        by_credit = (pl.col("event_id") == 0) & (pl.col("component") >= Component.fee.value)
        if not paid.select(by_credit.any()).item():
            return paid
        rows = paid.sort("on", maintain_order=True).to_dicts()
        left = [r for r in rows if r["component"] is None and r["event_id"]]
        falls = {(r["instalment_no"], r["component"]): r["due"] for r in self.dues.to_dicts()}
        found = [r for r in rows if r not in left]
        for row in [
            r for r in found if not r["event_id"] and (r["component"] or 0) >= Component.fee
        ]:
            found.remove(row)
            for money in left:
                taken = min(row["amount"], money["amount"])
                money["amount"] -= taken
                row["amount"] -= taken
                due = falls[row["instalment_no"], row["component"]]
                timing = Timing.past_due if due < money["on"] else (
                    Timing.due if due == money["on"] else Timing.in_advance)  # fmt: skip
                found.append(row | {"amount": taken, "event_id": money["event_id"],
                                    "on": money["on"], "timing": timing.value})  # fmt: skip
            found.append(row)
        kept = [r for r in (*found, *left) if r["amount"]]
        return pl.DataFrame(kept, schema=paid.schema).sort("on", maintain_order=True)

    def major(self, minor: int) -> Decimal:
        return Decimal(minor).scaleb(-self.decimals)

    # --- figures ---------------------------------------------------------------------

    def figure(self, name: str) -> Decimal:
        if name == "overpaid":
            return self.major(self.position["credit"] if self.position else 0)
        late = self.dues
        if name == "overdue":
            late = late.filter(pl.col("due") < self.life.as_of, ~pl.col("due").is_in(self._ended()))
        if self.position and self.position["status"] == Status.written_off:
            return Decimal(0)
        return self.major(int((late["amount"] - late["paid"]).sum()))

    def status(self) -> str:
        if self.position is None or self.life.planned:
            done = [s["type"] for s in self.life.case["steps"]
                    if s["i"] <= self.life.after and s["type"] in BEFORE and s["loan"] == self.life.loan]  # fmt: skip
            return BEFORE[done[-1]]
        return {
            Status.active: "ACTIVE", Status.charged_off: "ACTIVE", Status.overpaid: "OVERPAID",
            Status.closed: "CLOSED_OBLIGATIONS_MET", Status.written_off: "CLOSED_WRITTEN_OFF",
        }[Status(self.position["status"])]  # fmt: skip

    def ended_on(self) -> list[dt.date]:
        """The days on which the loan ceased to be active."""
        return sorted(self.seen.of(self.id, "ended")["on"].to_list())

    def first_payout(self) -> dt.date:
        """The day of the first payout."""
        return min(
            (s.date for s, _ in self.events if s.kind is Kind.disbursed), default=dt.date.max
        )

    def due_dates(self) -> set[dt.date]:
        """Due dates of instalments, down payments left out."""
        own = self.dues.filter((pl.col("instalment_no") > 0) & (pl.col("component") <= 1))
        return set(own["due"].to_list())

    def moved_by(self, step: Any, moves: pl.DataFrame) -> dict[str, int]:
        """What the movements of an event were, by component."""
        gone = self.given_up_off_the_books(moves) if step.kind is Kind.write_off else {}
        if gone:
            split = {name: gone.get(component, 0) for component, name in OF.items()}
            return split | {"overpayment": 0, "amount": sum(split.values())}
        # interest that a charge-off bills is claimed as billed
        moves = moves.filter(pl.col("debit") != ROLE["interest_due"])
        if step.kind is Kind.charge_off:  # what it gives up of interest it does not take
            moves = moves.filter(pl.col("debit") != ROLE["interest_income"])

        def to(role: str) -> int:
            column = "debit" if step.kind in (Kind.chargeback, Kind.credit_refunded) else "credit"
            return int(moves.filter(pl.col(column) == ROLE[role])["amount"].sum())

        charges = {"fees": to("fees_receivable"), "penalties": to("penalties_receivable")}
        interest = to("interest_due") + to("interest_accrued")
        principal = to("loan_principal")
        if step.kind in (Kind.chargeback, Kind.credit_refunded):  # of a claim off the books
            principal += to("credit_loss")
        split = {"principal": principal, "interest": interest, **charges}
        credit = to("borrower_credit")
        whole = step.amount is None or step.kind is Kind.charge_waived  # of a charge what is unpaid
        amount = sum(split.values()) if whole else step.amount
        return split | {"overpayment": credit, "amount": amount}

    def given_up_off_the_books(self, moves: pl.DataFrame) -> dict[Component, int]:
        """What a write-off of a claim that a charge-off took off the books gives up, by component: the
        engine moves it as one sum, in memorandum. What no due asks yet is principal."""
        claim = int(moves.filter(pl.col("credit") == ROLE["memo_claim"])["amount"].sum())
        if not claim:
            return {}
        open_ = self.dues.group_by("component").agg((pl.col("amount") - pl.col("paid")).sum())
        others = {Component(each): left for each, left in open_.rows() if each and left}
        return {Component.principal: claim - sum(others.values()), **others}
