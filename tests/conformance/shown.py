"""The schedule of one loan of the batch in the shape of the cases' tables."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import CHANGES, MONEY_IN, Kind, Status, Timing
from loanbook.core.catalogue.components import Component
from tests.conformance import classic
from tests.conformance.batch import Life
from tests.conformance.fineract import UNITS, _first_due, minor
from tests.conformance.look import OF, Look
from tests.conformance.mapping import date_of, fees_at_disbursement
from tests.conformance.products import plan_of, recalculated
from tests.conformance.refusing import at_most

COLUMNS = ("principal_due", "interest", "fees", "penalties", "due", "paid", "in_advance", "late",
           "outstanding")  # fmt: skip


def repeats(theirs: list[dict[str, Any]]) -> bool:
    """Whether a table has a row twice: it says no more than that each of its rows is there."""
    return any(theirs.count(each) > 1 for each in theirs)


class Shown(Look):
    """Tables of one loan, as of its look."""

    def incomes(self) -> list[tuple[int, dt.date, tuple[int, int, int]]]:
        """Interest, fees and penalties of every instalment, with its number and due date."""
        asked: dict[int, dict[int, int]] = {}
        falls: dict[int, dt.date] = {}
        rows = self.dues.select("instalment_no", "component", "amount", "due").rows()
        for number, component, amount, due in sorted(rows):
            asked.setdefault(number, {})[component] = amount
            falls[number] = max(due, falls.get(number, due))
        of = (Component.interest.value, Component.fee.value, Component.penalty.value)
        moved = self._moved_by_last_night()
        return [
            (n, falls[n], (parts.get(of[0], 0) + moved.get(n, 0), parts.get(of[1], 0), parts.get(of[2], 0)))
            for n, parts in asked.items()
        ]  # fmt: skip

    def _moved_by_last_night(self) -> dict[int, int]:
        """`moved_interest` without that of the night before the look, which no night run has passed yet."""
        if not recalculated(self.terms) or self.position is None:
            return {}
        self.moved_interest = {}
        self._instalments()
        own = self.seen.of(self.id, "earned")
        night = (
            int(own.filter(pl.col("on") == self.life.as_of)["earned"].sum()) if own.height else 0
        )
        return {n: by - (night if by > 0 else 0) for n, by in self.moved_interest.items()}

    # --- schedule --------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """Disbursements and instalments in order of date."""
        outs = [(s.date, s) for s, _ in self.events if s.kind is Kind.disbursed]
        table = self._instalments()
        table += self._unreached(table)
        table += [
            {"kind": "disbursement", "due_date": s.date, "amount": s.amount, "no": 0, "late": 0,
             "fees": cost, "due": cost, "paid": 0 if self.life.planned else cost, "in_advance": 0,
             "outstanding": cost if self.life.planned else 0, "interest": 0, "penalties": 0}
            for kind in (Kind.disbursed, Kind.fee_capitalised)
            for n, (s, event) in enumerate(e for e in self.events if e[0].kind is kind)
            for cost in (self._fee_shown(event, n == 0 and kind is Kind.disbursed),)
        ]  # fmt: skip
        self._show_refunded(table)
        table += self._tranches_to_come(len(outs))
        progressive = self.terms["schedule_type"] == "PROGRESSIVE"
        # the first period of a schedule that is fixed holds its due date too
        shared = self.terms["down_payment"].get("enabled")
        both_ends = progressive and not recalculated(self.terms) and not shared

        reaged = {s.date: self._last_before(s) for s, _ in self.events if s.kind is Kind.reaged}

        def place(row: dict[str, Any]) -> tuple[Any, ...]:
            """On one date: the first payout, an instalment of its own, payout, down payment."""
            first = row["kind"] == "disbursement" and row["due_date"] == outs[0][0]
            order = 0 if first else 2 if row["no"] == 0 else 3 if row["no"] < 0 else 1
            if row["due_date"] in reaged and row["no"] > reaged[row["due_date"]]:
                order = 3
            if order == 1 and (not progressive or (both_ends and row["no"] == 1)):
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
            # a re-age numbers the periods anew, each from the row before it
            before = before if row["no"] < 0 and not reaged else row["due_date"]
            balance = max(balance + again.get(row["no"], 0) - row["principal_due"], 0)
            row["balance"] = balance
            if both_ends and row["no"] == 1:  # what is lent on its day it shows, and does not count
                row["balance"] -= sum(s.amount or 0 for on, s in outs[1:] if on == row["due_date"])
        return table

    def _instalments(self) -> list[dict[str, Any]]:
        """Instalments with what is asked and was paid of them, in order of their numbers."""
        table = []
        emptied, placed = self._emptied(), self._placed()
        given_up = max((s.date for s, _ in self.events if s.kind is Kind.write_off), default=None)
        numbers: dict[int, list[dict[str, Any]]] = {}
        for each in self.dues.to_dicts():  # plain lists: a look has few rows, a batch many looks
            numbers.setdefault(each["instalment_no"], []).append(each)
        moneys: dict[int, list[dict[str, Any]]] = {}
        for each in placed.to_dicts():
            if each["component"] is not None:
                moneys.setdefault(each["instalment_no"], []).append(each)
        for number, own in sorted(numbers.items()):
            due = max(each["due"] for each in own)
            row: dict[str, Any] = {"kind": "installment", "due_date": due, "no": number}
            amounts = {each["component"]: each["amount"] for each in own}
            for component, name in OF.items():
                row["principal_due" if name == "principal" else name] = amounts.get(
                    component.value, 0
                )
            row["due"] = sum(each["amount"] for each in own)
            paid = sum(each["paid"] for each in own)
            row["outstanding"] = row["due"] - paid
            row["paid"] = paid - self._waived({each["component"] for each in own}, due)
            money = moneys.get(number, [])
            for name, timing in (("in_advance", Timing.in_advance), ("late", Timing.past_due)):
                row[name] = sum(m["amount"] for m in money if m["timing"] == timing.value)
            row["paid_date"] = (
                max(m["on"] for m in money) if row["outstanding"] == 0 and money else None
            )
            if row["outstanding"] == 0 and not money:
                row["paid_date"] = "?"
            if self._paid_off_in_part(row, number):
                row["paid_date"] = self.ended_on()[-1]
            if row["outstanding"] and given_up:
                row["outstanding"], row["paid_date"] = 0, given_up
            if row["outstanding"] == 0 and number in emptied and due <= emptied[number]:
                row["paid_date"] = emptied[number]
            row["open"] = {each["component"]: each["amount"] - each["paid"] for each in own}
            row["last_paid"] = max((m["on"] for m in money), default=None)
            table.append(row)
        if recalculated(self.terms):
            self._with_arrears(table)
            self._at_charge_off(table)
        return table

    def _paid_off_in_part(self, row: dict[str, Any], number: int) -> bool:
        """Whether an instalment that was met in advance in part has nothing left since a payoff: the look
        before it still asked some of it."""
        ended = self.position and self.position["status"] in (Status.closed, Status.overpaid)
        if not ended or row["outstanding"] or not recalculated(self.terms):
            return False
        if row["paid"] != row["in_advance"] or row["due_date"] <= self.ended_on()[-1]:
            return False
        looks = [x for x in self.by.values() if x.loan == self.life.loan and not x.ahead_of
                 and not x.planned and x.after < self.life.after]  # fmt: skip
        if not looks or not row["paid"]:
            return False
        before = self.of(max(looks, key=lambda x: x.after), self.by, self.seen)
        was = before.dues.filter(pl.col("instalment_no") == number)
        return bool((was["amount"] - was["paid"]).sum() and was["paid"].sum() == row["paid"])

    def _at_charge_off(self, table: list[dict[str, Any]]) -> None:
        """Interest that stopped in a period whose instalment was met in advance shows with that instalment,
        and as much principal less: it is asked with the one that asked the interest."""
        stops = self.terms["charge_off_behaviour"] == "ZERO_INTEREST"
        days = [s.date for s, _ in self.events if s.kind is Kind.charge_off and stops]
        runs = [r for r in table if days and r["no"] > 0 and r["due_date"] >= days[-1]]
        asks = next((r for r in runs[1:] if r["interest"]), None)
        if not asks or runs[0]["outstanding"]:
            return
        moved = self.met_at_charge_off = asks["interest"]
        for row, sign in ((runs[0], 1), (asks, -1)):
            row["interest"] += sign * moved
            row["principal_due"] -= sign * moved

    def _with_arrears(self, table: list[dict[str, Any]]) -> None:
        """Interest that arrears bear while all that came after them was paid in advance shows with the
        arrears, also once it is paid; so does what else an instalment asks beyond its paid level amount."""
        level = max((r["due"] for r in table[:-1] if r["no"] > 0), default=0)

        def met(row: dict[str, Any]) -> bool:
            return row["in_advance"] and (not row["open"].get(0) or row["paid"] >= level > 0)

        late = [r for r in table if r["due_date"] <= self.life.as_of and r["no"] > 0
                and (r["late"] or r["open"].get(0)) and not (met(r) and r["open"].get(0))]  # fmt: skip
        after = [r for r in table if late and r["no"] > late[-1]["no"]]
        if not after or self._ended() or not all(met(r) for r in after if r["principal_due"]):
            return
        interest = pl.col("component") == Component.interest.value
        for row in after:
            own = self.paid.filter(pl.col("instalment_no") == row["no"])
            met = own.filter(~interest & pl.col("component").is_not_null())["on"].max()
            until = late[-1]["last_paid"]
            since = own.clear()
            if met and until:
                since = own.filter(interest & (pl.col("on") > met) & (pl.col("on") <= until))
            paid = int(since["amount"].sum())
            open_ = row["open"].get(Component.interest.value, 0)
            charges = row["outstanding"] != open_ + row["open"].get(0, 0)
            if charges or (row["outstanding"] and not late[-1]["outstanding"]):
                continue
            self._shown_with(row, late[-1], open_ + paid, row["open"].get(0, 0), paid)
            for number, moved in ((row["no"], -open_ - paid), (late[-1]["no"], open_ + paid)):
                self.moved_interest[number] = self.moved_interest.get(number, 0) + moved
            if paid:
                late[-1]["paid_date"] = row["paid_date"] if not late[-1]["outstanding"] else None
                row["paid_date"] = met
            elif open_ or row["open"].get(0):
                row["paid_date"] = row["last_paid"] or "?"

    @staticmethod
    def _shown_with(
        row: dict[str, Any], arrears: dict[str, Any], interest: int, principal: int, paid: int
    ) -> None:
        """Move what an instalment asks, of it `paid`, to the `arrears`."""
        moves = {"interest": interest, "principal_due": principal, "due": interest + principal,
                 "paid": paid, "outstanding": interest + principal - paid}  # fmt: skip
        for name, amount in moves.items():
            row[name] -= amount
            arrears[name] += amount
        row["in_advance"] -= paid
        arrears["late"] += paid

    def _ahead_of(self, step: Any) -> Life:
        """The loan just before a re-age or re-amortisation, as far as it is known by now."""
        replayed = self.by.get((step.loan, -step.i, self.life.after))
        return replayed or self.by[(step.loan, -step.i)]

    def _placed(self) -> pl.DataFrame:
        """What was paid, by the instalment that it stands with: a re-age leaves money for those to
        come with the last one before it, the end of a contract gathers it in the one that ends."""
        placed = self.paid
        ends = self._endings()
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
            earlier = [e for s, e in self.events if (s.date, s.place) < (step.date, step.i)]
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
        changing = (*CHANGES, Kind.reaged, *self._endings())
        changed = any(s.kind in changing for s, _ in self.events)
        if not ended or changed or not recalculated(self.terms) or classic.is_classic(self.terms):
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
        then = self.of(self._ahead_of(step), self.by, self.seen)
        ran = then.dues.filter((pl.col("component") == 0) & (pl.col("instalment_no") > 0))
        return ran.filter(pl.col("due") < step.date).height + 1

    def _fee_shown(self, event: int, first: bool) -> int:
        """What the row of a payout tells of its fee: where several were undone, one in per cent stays that
        of the first; of payouts undone since, the first one has the fees."""
        done = [s for s in self.life.case["steps"]
                if s.get("loan") == self.life.loan and s["i"] <= self.life.after
                and s.get("expect") != "rejected"]  # fmt: skip
        fees = fees_at_disbursement(self.life.case, self.life.loan)
        cost = self._fee(event)
        if not fees or not first:
            return cost
        outs = [s for s in done if s["type"] == "disburse"]
        share = fees[0]["calculation"] in ("PERCENT_OF_AMOUNT", "PERCENT_OF_DISBURSED_AMOUNT")
        if self.life.planned and share and len(outs) > 1:
            part = (
                Decimal(minor(outs[0]["amount"], self.decimals)) * Decimal(fees[0]["amount"]) / 100
            )
            return int(part.to_integral_value("ROUND_HALF_EVEN"))
        undone = sum(s["type"] == "undo_last_disbursal" for s in done)
        every = fees[0]["time"] == "TRANCHE_DISBURSEMENT" and fees[0]["calculation"] == "FLAT"
        return cost * (1 + undone) if every and not self.life.planned else cost

    def _fee(self, event: int) -> int:
        """What a payout cost at once."""
        if not self.moved.height:
            return 0
        rows = self.moved.select("event_id", "credit", "amount").rows()
        return sum(amount for of, role, amount in rows
                   if of == event and role == ROLE["fee_income"])  # fmt: skip

    def _waived(self, parts: set[int], due: dt.date) -> int:
        """What was forgiven of the charges of an instalment: it is met, and not paid."""
        total = 0
        for step, event in self.events:
            if step.kind is Kind.charge_waived and step.body["component"] in parts:
                first = self.dues.filter(pl.col("component") == step.body["component"])["due"]
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
        # one that was due before the loan's last payout or payment is not listed any more
        told = (Kind.disbursed, Kind.reaged, Kind.reamortised, *MONEY_IN)
        last = max(
            (s.date for s, _ in self.events if s.kind is Kind.disbursed), default=dt.date.min
        )
        paid = max((s.date for s, _ in self.events if s.kind in told), default=dt.date.min)
        found = []
        for on, amount in plan[out:]:
            lent += amount
            if on > last and on >= paid and lent <= room:
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
            row = self._falls_to(table, step)
            if row is None or not split["principal"]:
                continue
            held = split["overpayment"]
            for name in ("principal_due", "due", "paid"):
                row[name] += held
            row["in_advance"] += held if step.date < row["due_date"] else 0

    def _falls_to(self, table: list[dict[str, Any]], step: Any) -> dict[str, Any] | None:
        """The instalment that principal lent anew by a step falls due with; where a re-age came
        since, at the latest the one that it ended."""
        on = step.date
        rows = [r for r in table if r["kind"] == "installment" and r["no"] > 0]
        since = [s for s, _ in self.events
                 if s.kind is Kind.reaged and (s.date, s.i) > (on, step.i)]  # fmt: skip
        if since and recalculated(self.terms):
            rows = [r for r in rows if r["no"] <= self._last_before(since[0])]
            return next((r for r in rows if r["due_date"] > on), rows[-1] if rows else None)
        if since and on in self.of(self._ahead_of(since[0]), self.by, self.seen).dues["due"]:
            return next((r for r in rows if r["due_date"] == on), None)
        later = [r for r in rows if r["due_date"] > on] or [r for r in rows if r["due_date"] == on]
        return min(later, key=lambda r: r["due_date"]) if later else None

    def _taken_back(self, table: list[dict[str, Any]]) -> dict[int, int]:
        """Principal that chargebacks and refunds put on instalments: it is lent anew there."""
        again: dict[int, int] = {}
        for step, event in self.events:
            if step.kind not in (Kind.chargeback, Kind.credit_refunded):
                continue
            split = self.moved_by(step, self.moved.filter(pl.col("event_id") == event))
            row = self._falls_to(table, step)
            if split["principal"] and row:
                anew = split["principal"] + split["overpayment"]
                again[row["no"]] = again.get(row["no"], 0) + anew
        return again

    def schedule(self, check: dict[str, Any]) -> list[str]:
        table = self.rows()
        found: list[str] = []
        expected = check.get("schedule")
        if expected:
            # payouts may be listed in another order than that of their dates
            theirs = sorted(expected["rows"], key=lambda r: str(r["due_date"]))
            if not expected.get("complete", True):  # rows that the table lists, each once
                return self._listed(table, theirs)
            if all(r["kind"] == "installment" for r in theirs):  # no payout is listed
                table = [r for r in table if r["kind"] == "installment"]
            if len(theirs) != len(table):
                return [f"{len(table)} schedule rows, expected {len(theirs)}"]
            for n, (mine, other) in enumerate(zip(table, theirs, strict=True)):
                found += self._row(n, mine, other)
            if found and repeats(theirs):
                found = self._listed(table, theirs)
        lines = [r for r in table if r["kind"] == "installment"]
        for name in COLUMNS:
            told = check.get("schedule_totals", {}).get(name)
            total = sum(r.get(name, 0) for r in (lines if name == "principal_due" else table))
            if told is not None and total != minor(told, self.decimals):
                found.append(f"total {name} {self.major(total)}, expected {told}")
        return found

    def _listed(self, table: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[str]:
        """Differences of the rows that a table lists, which leaves some out or repeats one."""
        found = []
        for n, other in enumerate(theirs):
            same = [r for r in table if r["kind"] == other["kind"]
                    and r["due_date"].isoformat() == other["due_date"]]  # fmt: skip
            tried = [self._row(n, mine, other) for mine in same]
            found += min(tried, key=len, default=[f"no schedule row due {other['due_date']}"])
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

    def _emptied(self) -> dict[int, dt.date]:
        """Instalments that a re-age or re-amortisation left with nothing to pay, and its day."""
        found = {}
        for step, _ in self.events:
            if step.kind in (Kind.reaged, Kind.reamortised, Kind.contract_accelerated):
                then = self.of(self._ahead_of(step), self.by, self.seen)
                open_ = then.dues.filter(pl.col("amount") > pl.col("paid"))["instalment_no"]
                if (
                    step.kind is Kind.reaged
                ):  # the numbers after it are those of its own instalments
                    open_ = open_.filter(open_ <= self._last_before(step))
                found |= dict.fromkeys(open_.to_list(), step.date)
        return found
