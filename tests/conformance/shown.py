"""What the engine shows of one loan of the batch, in the shape of the cases' tables."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Any

import polars as pl

from core.ledger.accounts import ROLE
from core.ledger.codes import CHANGES, MONEY_IN, Component, Kind, Status, Timing
from tests.conformance.accruals import rows_of
from tests.conformance.batch import Life, Seen
from tests.conformance.fineract import UNITS, _first_due, minor
from tests.conformance.mapping import date_of
from tests.conformance.names import NAMES
from tests.conformance.products import plan_of, recalculated
from tests.conformance.refusing import at_most

COLUMNS = ("principal_due", "interest", "fees", "penalties", "due", "paid", "in_advance", "late",
           "outstanding")  # fmt: skip
OF = {Component.principal: "principal", Component.interest: "interest", Component.fee: "fees",
      Component.penalty: "penalties"}  # fmt: skip


def _late(kind: str) -> int:
    """Place of what is accrued among the rows of a day: behind the rest, by type."""
    types = ("Accrual", "Accrual Activity", "Accrual Adjustment")
    if kind in types:
        return types.index(kind) + 1
    return 5 if kind.endswith("Amortization Adjustment") else 4 * kind.endswith("Amortization")


BEFORE = {
    "create_loan": "SUBMITTED_AND_PENDING_APPROVAL", "approve": "APPROVED",
    "undo_approval": "SUBMITTED_AND_PENDING_APPROVAL", "undo_disbursal": "APPROVED",
    "undo_last_disbursal": "APPROVED", "reject": "REJECTED", "withdraw": "WITHDRAWN_BY_CLIENT",
}  # fmt: skip
"""Status of an application after a step, before anything is paid out."""
AT_DISBURSEMENT = "Repayment (at time of disbursement)"


class Shown:
    """Tables of one loan, as of its look."""

    def __init__(self, life: Life, by: dict[Any, Life], seen: Seen) -> None:
        self.life, self.by, self.seen = life, by, seen
        self.terms = life.case["loans"][life.loan - 1]
        self.decimals = int(self.terms["currency_decimals"])
        self.id = life.number + 1
        self.dues = (
            seen.of(self.id, "dues")
            .group_by("instalment_no", "component")
            .agg(pl.col("amount", "paid").sum(), due=pl.col("due_date").max())
        )
        self.paid = seen.of(self.id, "paid")
        self.moved = seen.of(self.id, "moved")
        self.position = seen.positions.get(self.id)
        self.events = seen.events.get(life.number, [])

    def major(self, minor: int) -> Decimal:
        return Decimal(minor).scaleb(-self.decimals)

    # --- figures ---------------------------------------------------------------------

    def figure(self, name: str) -> Decimal:
        if name == "overpaid":
            return self.major(self.position["credit"] if self.position else 0)
        late = self.dues
        if name == "overdue":
            late = late.filter(pl.col("due") < self.life.as_of)
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

    def due_dates(self) -> set[dt.date]:
        """Due dates of instalments, down payments left out."""
        own = self.dues.filter((pl.col("instalment_no") > 0) & (pl.col("component") <= 1))
        return set(own["due"].to_list())

    def incomes(self) -> list[tuple[int, dt.date, tuple[int, int, int]]]:
        """Interest, fees and penalties of every instalment, with its number and due date."""
        found = []
        for number in sorted(self.dues["instalment_no"].unique().to_list()):
            own = self.dues.filter(pl.col("instalment_no") == number)
            parts = dict(own.select("component", "amount").rows())
            of = (Component.interest, Component.fee, Component.penalty)
            found.append((number, own["due"].max(), tuple(parts.get(c.value, 0) for c in of)))
        return found

    # --- schedule --------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """Disbursements and instalments in order of date."""
        outs = [(s.date, s) for s, _ in self.events if s.kind is Kind.disbursed]
        table = []
        emptied, placed = self._emptied(), self._placed()
        given_up = max((s.date for s, _ in self.events if s.kind is Kind.write_off), default=None)
        for number in sorted(self.dues["instalment_no"].unique().to_list()):
            own = self.dues.filter(pl.col("instalment_no") == number)
            due = own["due"].max()
            row: dict[str, Any] = {"kind": "installment", "due_date": due, "no": number}
            amounts = dict(own.select("component", "amount").rows())
            for component, name in OF.items():
                row["principal_due" if name == "principal" else name] = amounts.get(
                    component.value, 0
                )
            row["due"] = int(own["amount"].sum())
            row["outstanding"] = row["due"] - int(own["paid"].sum())
            row["paid"] = int(own["paid"].sum()) - self._waived(own, due)
            money = placed.filter(
                (pl.col("instalment_no") == number) & pl.col("component").is_not_null()
            )
            for name, timing in (("in_advance", Timing.in_advance), ("late", Timing.past_due)):
                row[name] = int(money.filter(pl.col("timing") == timing.value)["amount"].sum())
            row["paid_date"] = (
                money["on"].max() if row["outstanding"] == 0 and money.height else None
            )
            if row["outstanding"] == 0 and not money.height:
                row["paid_date"] = "?"
            if row["outstanding"] and given_up:
                row["outstanding"], row["paid_date"] = 0, given_up
            if row["outstanding"] == 0 and number in emptied and due <= emptied[number]:
                row["paid_date"] = emptied[number]
            table.append(row)
        table += self._unreached(table)
        table += [
            {"kind": "disbursement", "due_date": s.date, "amount": s.amount, "no": 0, "late": 0,
             "fees": cost, "due": cost, "paid": 0 if self.life.planned else cost, "in_advance": 0,
             "outstanding": cost if self.life.planned else 0, "interest": 0, "penalties": 0}
            for kind in (Kind.disbursed, Kind.income_capitalised)
            for s, event in self.events if s.kind is kind
            for cost in (self._fee(event),)
        ]  # fmt: skip
        self._show_refunded(table)
        table += self._tranches_to_come(len(outs))
        progressive = self.terms["schedule_type"] == "PROGRESSIVE"

        def place(row: dict[str, Any]) -> tuple[Any, ...]:
            """On one date: the first payout, an instalment of its own, payout, down payment."""
            first = row["kind"] == "disbursement" and row["due_date"] == outs[0][0]
            order = 0 if first else 2 if row["no"] == 0 else 3 if row["no"] < 0 else 1
            if order == 1 and not progressive:
                order = 4
            return row["due_date"], order, abs(row["no"])

        table.sort(key=place)
        submitted = self.terms["repayment_start_date_type"] == "SUBMITTED_ON_DATE"
        before = date_of(self.terms["submitted_on"]) if submitted else outs[0][0]
        balance = 0
        again = self._taken_back(table)
        for row in table:
            if row["kind"] == "disbursement":
                balance += row["amount"]
                row["balance"] = row["amount"]
                continue
            row["days"] = 0 if row["no"] < 0 else (row["due_date"] - before).days
            before = before if row["no"] < 0 else row["due_date"]
            balance = max(balance + again.get(row["no"], 0) - row["principal_due"], 0)
            row["balance"] = balance
        return table

    def _ahead_of(self, step: Any) -> Life:
        """The loan just before a re-age or re-amortisation, as far as it is known by now."""
        replayed = self.by.get((step.loan, -step.i, self.life.after))
        return replayed or self.by[(step.loan, -step.i)]

    def _placed(self) -> pl.DataFrame:
        """What was paid, by the instalment that it stands with: a re-age leaves money for those to
        come with the last one before it, the end of a contract gathers it in the one that ends."""
        placed = self.paid
        matures = self.terms["charge_off_behaviour"] == "ACCELERATE_MATURITY"
        ends = (Kind.accelerated, Kind.charge_off) if matures else (Kind.accelerated,)
        if placed.height and any(step.kind in ends for step, _ in self.events):
            own = self.dues.filter(pl.col("component") <= Component.interest)
            placed = placed.with_columns(
                instalment_no=pl.when(pl.col("component") <= Component.interest)
                .then(pl.min_horizontal("instalment_no", pl.lit(own["instalment_no"].max())))
                .otherwise("instalment_no")
            )
        for step, _ in self.events:
            if step.kind is not Kind.reaged or not placed.height:
                continue
            old = self._last_before(step)
            earlier = [e for s, e in self.events if s.date < step.date or s.i < step.i]
            ahead = pl.col("event_id").is_in(earlier) & (pl.col("instalment_no") > old)
            placed = placed.with_columns(
                instalment_no=pl.when(ahead)
                .then(pl.lit(old, dtype=pl.Int16))
                .otherwise("instalment_no")
            )
        return placed

    def _unreached(self, table: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Instalments that a payoff of a daily loan left with nothing, where its term never changed."""
        ended = self.position and self.position["status"] in (Status.closed, Status.overpaid)
        changed = any(s.kind in CHANGES or s.kind is Kind.reaged for s, _ in self.events)
        if not ended or changed or not recalculated(self.terms):
            return []
        first = min(s.date for s, _ in self.events if s.kind is Kind.disbursed)
        unit, every = UNITS[self.terms["repayment_frequency_type"]], self.terms["repayment_every"]
        there = {r["no"] for r in table}
        nothing = dict.fromkeys((*COLUMNS,), 0)
        return [
            nothing | {"kind": "installment", "no": n, "paid_date": self.ended_on()[-1],
                       "due_date": _first_due(first, unit, int(every) * n)}
            for n in range(1, int(self.terms["number_of_repayments"]) + 1) if n not in there
        ]  # fmt: skip

    def _last_before(self, step: Any) -> int:
        """Number of the instalment that ran, or fell due, on the day of a re-age."""
        then = Shown(self._ahead_of(step), self.by, self.seen)
        ran = then.dues.filter((pl.col("component") == 0) & (pl.col("instalment_no") > 0))
        return ran.filter(pl.col("due") < step.date).height + 1

    def _fee(self, event: int) -> int:
        """What a payout cost at once."""
        income = (pl.col("event_id") == event) & (pl.col("credit") == ROLE["fee_income"])
        return int(self.moved.filter(income)["amount"].sum()) if self.moved.height else 0

    def _waived(self, own: pl.DataFrame, due: dt.date) -> int:
        """What was forgiven of the charges of an instalment: it is met, and not paid."""
        parts = set(own["component"].to_list())
        first = self.dues.filter(pl.col("component") >= Component.fee)["due"]
        total = 0
        for step, event in self.events:
            if step.kind is Kind.charge_waived and step.body["component"] in parts:
                after = first.filter(first >= date_of(step.body["due_date"]))
                if due == (after.min() if after.len() else first.max()):
                    moves = self.moved.filter(pl.col("event_id") == event)
                    total += int(moves["amount"].sum())
        return total

    def _tranches_to_come(self, out: int) -> list[dict[str, Any]]:
        """Payouts that are planned, and not made: listed, but not lent."""
        plan = plan_of(self.life.case, self.life.loan, self.life.after)
        nothing = dict.fromkeys(("fees", "due", "paid", "in_advance", "late", "outstanding",
                                 "interest", "penalties"), 0)  # fmt: skip
        room = at_most(self.life.case, self.life.loan, self.life.after)
        lent = sum(s.amount or 0 for s, _ in self.events if s.kind is Kind.disbursed)
        last = max(
            (s.date for s, _ in self.events if s.kind is Kind.disbursed), default=dt.date.min
        )
        found = []
        for on, amount in plan[out:]:
            lent += amount
            if on > last and lent <= room:
                found.append(nothing | {"kind": "disbursement", "no": 0, "amount": amount,
                                        "due_date": on})  # fmt: skip
        return found

    def _show_refunded(self, table: list[dict[str, Any]]) -> None:
        """A refund of credit or a chargeback that the credit held in part shows whole: what it held
        is due and paid, beside what it did not hold."""
        for step, event in self.events:
            if step.kind not in (Kind.credit_refunded, Kind.chargeback):
                continue
            split = self.moved_by(step, self.moved.filter(pl.col("event_id") == event))
            row = self._falls_to(table, step.date)
            if row is None or not split["principal"]:
                continue
            held = split["overpayment"]
            for name in ("principal_due", "due", "paid"):
                row[name] += held
            row["in_advance"] += held if step.date < row["due_date"] else 0

    def _falls_to(self, table: list[dict[str, Any]], on: dt.date) -> dict[str, Any] | None:
        """The instalment that principal lent anew on a day falls due with; where a re-age came
        since, at the latest the one that it ended."""
        rows = [r for r in table if r["kind"] == "installment" and r["no"] > 0]
        since = [s for s, _ in self.events if s.kind is Kind.reaged and s.date >= on]
        if since and recalculated(self.terms):
            rows = [r for r in rows if r["no"] <= self._last_before(since[0])]
            return next((r for r in rows if r["due_date"] > on), rows[-1] if rows else None)
        later = [r for r in rows if r["due_date"] > on] or [r for r in rows if r["due_date"] == on]
        return min(later, key=lambda r: r["due_date"]) if later else None

    def _taken_back(self, table: list[dict[str, Any]]) -> dict[int, int]:
        """Principal that chargebacks and refunds put on instalments: it is lent anew there."""
        again: dict[int, int] = {}
        for step, event in self.events:
            if step.kind not in (Kind.chargeback, Kind.credit_refunded):
                continue
            anew = self.moved_by(step, self.moved.filter(pl.col("event_id") == event))["principal"]
            row = self._falls_to(table, step.date)
            if anew and row:
                again[row["no"]] = again.get(row["no"], 0) + anew
        return again

    def schedule(self, check: dict[str, Any]) -> list[str]:
        table = self.rows()
        found: list[str] = []
        expected = check.get("schedule")
        if expected:
            theirs = expected["rows"]
            if len(theirs) != len(table):
                return [f"{len(table)} schedule rows, expected {len(theirs)}"]
            for n, (mine, other) in enumerate(zip(table, theirs, strict=True)):
                found += self._row(n, mine, other)
        lines = [r for r in table if r["kind"] == "installment"]
        for name in COLUMNS:
            told = check.get("schedule_totals", {}).get(name)
            total = sum(r.get(name, 0) for r in (lines if name == "principal_due" else table))
            if told is not None and total != minor(told, self.decimals):
                found.append(f"total {name} {self.major(total)}, expected {told}")
        return found

    def _row(self, n: int, mine: dict[str, Any], other: dict[str, Any]) -> list[str]:
        found = []
        if mine["kind"] != other["kind"]:
            return [f"schedule row {n} is a {mine['kind']}, expected {other['kind']}"]
        if mine["due_date"].isoformat() != other["due_date"]:
            found.append(f"schedule row {n} due {mine['due_date']}, expected {other['due_date']}")
        if mine["kind"] == "disbursement":
            names: tuple[str, ...] = ("balance", "fees", "due", "paid", "outstanding")
        else:
            names = ("balance", *COLUMNS)
            if other.get("days") is not None and mine["days"] != other["days"]:
                found.append(f"schedule row {n} has {mine['days']} days, expected {other['days']}")
            on = mine["paid_date"]
            if on != "?" and (on.isoformat() if on else None) != other.get("paid_date"):
                found.append(f"schedule row {n} paid {on}, expected {other.get('paid_date')}")
        for name in names:
            told = other.get(name)
            if told is not None and mine[name] != minor(told, self.decimals):
                found.append(f"schedule row {n} {name} {self.major(mine[name])}, expected {told}")
        return found

    # --- transactions ----------------------------------------------------------------

    def _split(self, event: int, paid: pl.DataFrame) -> dict[str, int]:
        own = paid.filter(pl.col("event_id") == event)
        split = {
            name: int(own.filter(pl.col("component") == component.value)["amount"].sum())
            for component, name in OF.items()
        }
        return split | {
            "overpayment": int(own.filter(pl.col("component").is_null())["amount"].sum())
        }

    def transactions(self, theirs: list[dict[str, Any]], *, accruals: bool) -> list[str]:
        rows = rows_of(self)
        if not accruals:  # the suite leaves out accruals alone, not what is posted of them
            rows = [r for r in rows if r["type"] == "Accrual Activity"]
        # within a day, the suite lists them before or after what else happened
        mine = sorted(self._events() + rows, key=lambda r: (r["date"], _late(r["type"])))
        theirs = sorted(theirs, key=lambda r: (r["date"], _late(r["type"])))
        if len(mine) != len(theirs):
            types = Counter(t["type"] for t in theirs) - Counter(m["type"] for m in mine)
            return [f"{len(mine)} transactions, expected {len(theirs)}, missing {dict(types)}"]
        found = []
        for n, (a, b) in enumerate(zip(mine, theirs, strict=True)):
            found += self._transaction(n, a, b)
        return found

    def _transaction(self, n: int, a: dict[str, Any], b: dict[str, Any]) -> list[str]:
        """Differences of one row."""
        if a["type"] != b["type"] or a["date"].isoformat() != b["date"]:
            told = f"expected {b['type']} {b['date']}"
            return [f"transaction {n} {a['type']} {a['date']}, {told}"]
        found = []
        if "reverted" in b and a["reverted"] != b["reverted"]:
            found.append(f"transaction {n} reverted {a['reverted']}, expected {b['reverted']}")
        for name in ("amount", *OF.values(), "balance", "overpayment"):
            if b.get(name) is not None and a.get(name, 0) != minor(b[name], self.decimals):
                found.append(f"transaction {n} {a['type']} {name} {self.major(a.get(name, 0))}, "
                             f"expected {b[name]}")  # fmt: skip
        return found

    def _events(self) -> list[dict[str, Any]]:
        """A row for each event, reversed ones included; no accruals."""
        mine = []
        balance = 0
        told = self.events if not self.life.planned else []
        by_credit = self._by_credit()
        for step, event in sorted(told, key=lambda e: (e[0].date, e[0].i, e[0].implicit)):
            if step.kind not in NAMES:
                continue
            row: dict[str, Any] = {"date": step.date, "type": NAMES[step.kind], "i": step.i,
                                   "implicit": step.implicit, "reverted": False}  # fmt: skip
            if step.kind in MONEY_IN:
                split = self._split(event, self.paid)
                if step.implicit and not sum(split.values()):  # the credit had paid it
                    continue
                row |= split | {"amount": sum(split.values())}
                balance -= split["principal"]
            elif step.kind in (Kind.disbursed, Kind.income_capitalised):
                balance += step.amount or 0
                balance -= sum(by_credit.pop(on) for on in [*by_credit] if on <= step.date)
                lent = 0 if step.kind is Kind.disbursed else step.amount
                row |= {"amount": step.amount, "principal": lent}
            elif step.kind in (Kind.fee_bought_down, Kind.buy_down_adjusted):
                mine.append(row | self.bought_down(step))
                continue
            elif step.kind in (Kind.reaged, Kind.reamortised, Kind.accelerated):
                mine.append(row | self._respread(step) | {"balance": 0})
                continue
            else:
                moves = self.moved.filter(pl.col("event_id") == event)
                row |= self.moved_by(step, moves)
                if step.kind is Kind.charge_waived:  # the row shows what was income by then
                    for name in ("fees", "penalties"):
                        earned = sum(r[name] for r in rows_of(self) if r["i"] < step.i)
                        row[name] = min(row[name], earned)
                if step.kind in (Kind.chargeback, Kind.credit_refunded):
                    balance += row["principal"]
                elif step.kind is Kind.write_off:
                    balance = 0
            # the row of a charge-off shows none; the claim goes on
            row["balance"] = 0 if step.kind is Kind.charge_off else balance
            mine.append(row)
            cost = self._fee(event) if step.kind is Kind.disbursed else 0
            if cost:
                paid = row | {"type": AT_DISBURSEMENT, "amount": cost, "fees": cost}
                classic = self.terms["schedule_type"] == "CUMULATIVE"  # charges before all else
                mine.insert(len(mine) - classic, paid)
        self._charges_by_credit(mine)
        for step in self.life.gone:
            mine.append(self._gone(step))
        return sorted(mine, key=lambda r: (r["date"], r["i"], r["implicit"]))

    def _charges_by_credit(self, mine: list[dict[str, Any]]) -> None:
        """Charges that the credit met show as met by the money that had left it: the suite takes
        the payment again, as if the charge had been known."""
        if not self.paid.height:
            return
        met = self.paid.filter(
            (pl.col("event_id") == 0) & (pl.col("component") >= Component.fee.value)
        )
        for component, amount in met.sort("on").select("component", "amount").rows():
            left = amount
            for row in reversed(mine):
                taken = min(left, max(row.get("overpayment", 0), 0))
                if taken:
                    row["overpayment"] -= taken
                    row[OF[Component(component)]] += taken
                    left -= taken

    def _by_credit(self) -> dict[dt.date, int]:
        """Principal that the borrower's credit paid, by day."""
        if not self.paid.height:
            return {}
        own = self.paid.filter((pl.col("event_id") == 0) & (pl.col("component") == 0))
        return dict(own.group_by("on").agg(pl.col("amount").sum()).rows())

    def bought_down(self, step: Any) -> dict[str, Any]:
        """A buy-down fee, or less of it: no part of what the borrower owes."""
        part = {"INTEREST": "interest", "FEE": "fees"}[self.terms["buy_down_fee"]["income_type"]]
        return {"amount": step.amount, "principal": 0, "interest": 0, "fees": 0,
                part: step.amount, "balance": 0}  # fmt: skip

    def moved_by(self, step: Any, moves: pl.DataFrame) -> dict[str, int]:
        # interest that a charge-off bills is claimed as billed
        moves = moves.filter(pl.col("debit") != ROLE["interest_due"])

        def to(role: str) -> int:
            column = "debit" if step.kind in (Kind.chargeback, Kind.credit_refunded) else "credit"
            return int(moves.filter(pl.col(column) == ROLE[role])["amount"].sum())

        charges = {"fees": to("fees_receivable"), "penalties": to("penalties_receivable")}
        interest = to("interest_due") + to("interest_accrued")
        split = {"principal": to("loan_principal"), "interest": interest, **charges}
        credit = to("borrower_credit")
        amount = step.amount if step.amount is not None else sum(split.values())
        return split | {"overpayment": credit, "amount": amount}

    def _emptied(self) -> dict[int, dt.date]:
        """Instalments that a re-age or re-amortisation left with nothing to pay, and its day."""
        found = {}
        for step, _ in self.events:
            if step.kind in (Kind.reaged, Kind.reamortised, Kind.accelerated):
                then = Shown(self._ahead_of(step), self.by, self.seen)
                open_ = then.dues.filter(pl.col("amount") > pl.col("paid"))
                found |= dict.fromkeys(open_["instalment_no"].to_list(), step.date)
        return found

    def _respread(self, step: Any) -> dict[str, int]:
        """What a re-age or re-amortisation spread: all that is owed, or the arrears."""
        then = self._ahead_of(step)
        stood = self.seen.positions[then.number + 1]
        charges: dict[str, int] = {}
        if step.kind in (Kind.reaged, Kind.accelerated):
            principal = stood["principal"]
            interest = stood["interest_due"] + stood["interest_accrued"]
            if step.body.get("interest") == "full":
                open_ = Shown(then, self.by, self.seen).dues.filter(
                    pl.col("component") == Component.interest
                )
                interest = int((open_["amount"] - open_["paid"]).sum())
            if step.body.get("interest") or step.kind is Kind.accelerated:
                charges = {"fees": stood["fees_due"], "penalties": stood["penalties_due"]}
        else:
            principal, interest = stood["principal_due"], stood["interest_due"]
        return charges | {"principal": principal, "interest": interest,
                          "amount": principal + interest + sum(charges.values())}  # fmt: skip

    def before(self, step: Any) -> Shown:
        """The loan just before a payment was reversed."""
        at = max((life for life in self.by.values()
                  if not life.ahead_of and life.loan == self.life.loan and step in life.steps and life.after < self.life.after),
                 key=lambda life: life.after)  # fmt: skip
        return Shown(at, self.by, self.seen)

    def _gone(self, step: Any) -> dict[str, Any]:
        """A reversed payment, as it stood just before it was reversed."""
        if step.kind in (Kind.reaged, Kind.reamortised, Kind.accelerated):
            return self._respread(step) | {
                "date": step.date, "type": NAMES[step.kind], "i": step.i, "balance": 0,
                "implicit": False, "reverted": True,
            }  # fmt: skip
        then = self.before(step)
        balance = 0
        for other, event in then.events:
            if other is step and step.kind in (Kind.charge_off, Kind.charge_waived):
                moves = then.moved.filter(pl.col("event_id") == event)
                return then.moved_by(step, moves) | {
                    "date": step.date, "type": NAMES[step.kind], "i": step.i, "implicit": False,
                    "balance": 0 if step.kind is Kind.charge_off else balance, "reverted": True,
                }  # fmt: skip
            if other is step and step.kind in (Kind.fee_bought_down, Kind.buy_down_adjusted):
                return self.bought_down(step) | {"date": step.date, "type": NAMES[step.kind],
                                                 "i": step.i, "implicit": False, "reverted": True}  # fmt: skip
            if other.kind in (Kind.disbursed, Kind.income_capitalised):
                balance += other.amount or 0
                if other is step:
                    return {"date": step.date, "type": NAMES[step.kind], "i": step.i,
                            "implicit": False, "reverted": True, "amount": step.amount,
                            "principal": step.amount, "balance": balance}  # fmt: skip
            elif other.kind in MONEY_IN:
                split = then._split(event, then.paid)
                balance -= split["principal"]
                if other is step:
                    return split | {
                        "date": step.date, "type": NAMES[step.kind], "i": step.i,
                        "implicit": step.implicit, "reverted": True, "amount": sum(split.values()),
                        "balance": balance,
                    }  # fmt: skip
            elif other.kind in (Kind.chargeback, Kind.credit_refunded):
                moves = then.moved.filter(pl.col("event_id") == event)
                balance += then.moved_by(other, moves)["principal"]
        raise KeyError("the reversed payment was never seen")
