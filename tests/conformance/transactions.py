"""The transactions that the engine shows of one loan, in the shape of the cases' rows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Container
from decimal import Decimal
from typing import Any

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import MONEY_IN, Kind
from loanbook.core.catalogue.components import Component
from tests.conformance.accruals import ACTIVITY, rows_of
from tests.conformance.fineract import NotMappedError, minor
from tests.conformance.look import OF
from tests.conformance.names import NAMES
from tests.conformance.products import recalculated
from tests.conformance.shown import Shown, repeats

ACCRUALS = ("Accrual", "Accrual Adjustment")
AT_DISBURSEMENT = "Repayment (at time of disbursement)"


def _late(kind: str) -> int:
    """Place of what is accrued among the rows of a day: behind the rest, by type."""
    types = ("Accrual", ACTIVITY, "Accrual Adjustment")
    if kind in types:
        return types.index(kind) + 1
    return 5 if kind.endswith("Amortization Adjustment") else 4 * kind.endswith("Amortization")


def _listed(told: tuple[Any, int]) -> tuple[Any, ...]:
    """Order of the rows of events: by the date that each shows."""
    step = told[0]
    return step.listed or step.date, step.place, step.implicit


class Transactions(Shown):
    """A loan of the batch with a row for each event and accrual."""

    _parts: Counter[tuple[int, int | None]] | None = None
    _ahead: dict[int, int] | None = None

    def _split(self, event: int) -> dict[str, int]:
        """What the money of an event paid, by component, and what became credit."""
        if self._parts is None:
            self._parts = Counter()
            for row in self.paid.select("event_id", "component", "amount").rows():
                self._parts[row[:2]] += row[2]
        parts = [(name, component.value) for component, name in OF.items()]
        split = {name: self._parts[event, part] for name, part in (*parts, ("overpayment", None))}
        ahead = self._met_by_the_end().get(event, 0)
        split["interest"] += ahead
        split["principal"] -= ahead
        off = [e for s, e in self.events if s.kind is Kind.charge_off]
        if split["interest"] and off and event > off[-1] and recalculated(self.terms):
            self._instalments()
            if self.met_at_charge_off:  # what met that interest before is principal that is owed
                split["principal"] += split["interest"]
                split["interest"] = 0
        return split

    def _met_by_the_end(self) -> dict[int, int]:
        """Of a contract that ended: principal of later instalments that money in advance had met and that the
        suite shows as the interest of the one that ends it, as far as it was earned, by event."""
        if self._ahead is None:
            self._ahead = self._worked_out()
        return self._ahead

    def _worked_out(self) -> dict[int, int]:
        ends = [e for s, e in self.events if s.kind in self._endings()]
        own = self.dues.filter(pl.col("component") <= Component.interest)
        last, found = own["instalment_no"].max(), dict[int, int]()
        if not ends or self.life.planned or not self._interest_first():
            return found
        interest = own.filter(pl.col("component") == Component.interest.value)
        left = int(interest.filter(pl.col("instalment_no") == last)["amount"].sum())
        before = int(interest.filter(pl.col("instalment_no") != last)["amount"].sum())
        earned = self.seen.of(self.id, "earned")
        for step, event in self.events:
            money = self.paid.filter(
                (pl.col("event_id") == event) & (pl.col("instalment_no") > last)
            )
            if step.kind not in MONEY_IN or event > ends[-1] or money.is_empty():
                continue
            by = {c: int(money.filter(pl.col("component") == c)["amount"].sum()) for c in (0, 1)}
            nights = earned.filter(pl.col("on") <= step.date)["earned"].sum() - before
            most = min(left, int(nights)) if recalculated(self.terms) else left
            found[event] = max(min(by[0], most - by[1]), 0)
            left -= found[event] + by[1]
        return found

    def _interest_first(self) -> bool:
        """Whether money in advance meets interest before principal."""
        orders = [a["order"] for a in self.terms.get("payment_allocation") or []
                  if a["transaction_type"] == "DEFAULT"]  # fmt: skip
        return any(o.index("IN_ADVANCE_INTEREST") < o.index("IN_ADVANCE_PRINCIPAL") for o in orders)

    def _moved_row(self, step: Any, event: int) -> dict[str, int]:
        """What an event moved; of a charge-off without interest that money in advance had met."""
        row = self.moved_by(step, self.moved.filter(pl.col("event_id") == event))
        met = sum(self._met_by_the_end().values()) if step.kind is Kind.charge_off else 0
        return row | {"principal": row["principal"] + met, "interest": row["interest"] - met}

    def differences(self, theirs: list[dict[str, Any]], *, accruals: bool) -> list[str]:
        mine = self._all(accruals=accruals)
        theirs = sorted(theirs, key=lambda r: (r["date"], _late(r["type"])))
        if len(mine) != len(theirs):
            types = Counter(t["type"] for t in theirs) - Counter(m["type"] for m in mine)
            return [f"{len(mine)} transactions, expected {len(theirs)}, missing {dict(types)}"]
        return self.compared(mine, theirs)

    def compared(self, mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[str]:
        """Differences of as many rows: in turn, or of a day in any order; of a table that has a row twice,
        each of its rows must be there."""
        found = self._in_turn(mine, theirs)
        if found and repeats(theirs):
            return [lacks for b in theirs for lacks in self._lacking(mine, b)]
        return found and self._in_turn(
            sorted(mine, key=lambda r: (r["date"].isoformat(), r["type"], r["amount"])),
            sorted(theirs, key=lambda r: (r["date"], r["type"], Decimal(r["amount"]))),
        )

    def _in_turn(self, mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[str]:
        """Differences of as many rows."""
        found = []
        for n, (a, b) in enumerate(zip(mine, theirs, strict=True)):
            found += self._transaction(n, a, b)
        return found

    def _lacking(self, mine: list[dict[str, Any]], row: dict[str, Any]) -> list[str]:
        """The row, where none of the loan's is the same."""
        same = (r for r in mine if r["type"] == row["type"])
        if any(not self._transaction(0, r, row) for r in same):
            return []
        return [f"no transaction {row['type']} {row['date']} of {row['amount']}"]

    def _all(self, *, accruals: bool, gone: Container[str] | None = None) -> list[dict[str, Any]]:
        """A row for each event and accrual, in order of date; of what was reversed those types in `gone`."""
        rows = rows_of(self)
        if not accruals:  # the suite leaves out accruals alone, not what is posted of them
            rows = [r for r in rows if r["type"] not in ACCRUALS]
        # within a day, the suite lists them before or after what else happened
        return sorted(self._events(gone) + rows, key=lambda r: (r["date"], _late(r["type"])))

    def of_a_date(self, theirs: list[dict[str, Any]]) -> list[str]:
        """Rows of a date that the loan lacks."""
        if not theirs:
            return []
        mine, found = self._all(accruals=True, gone={each["row"]["type"] for each in theirs}), []
        for each in theirs:
            found += self._lacking(mine, each["row"] | {"date": each["date"]})
        return found

    def last_payment(self, theirs: dict[str, str]) -> list[str]:
        """The last money that came, and the last repayment: amount and date."""
        if not theirs:
            return []
        kinds = {NAMES[kind] for kind in MONEY_IN if kind in NAMES}
        money = [r for r in self._events(gone=()) if r["type"] in kinds]
        ours: dict[str, str] = {}
        for name, rows in (
            ("payment", money),
            ("repayment", [r for r in money if r["type"] == NAMES[Kind.payment_received]]),
        ):
            if rows:
                ours[f"last_{name}_amount"] = str(self.major(rows[-1]["amount"]))
                ours[f"last_{name}_date"] = rows[-1]["date"].isoformat()
        return [f"{n} {ours.get(n)}, expected {v}" for n, v in theirs.items() if ours.get(n) != v]

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

    def _events(self, gone: Container[str] | None = None) -> list[dict[str, Any]]:
        """A row for each event, reversed ones included (of `gone`: those types of them); no accruals."""
        mine = []
        balance = 0
        told = self.events if not self.life.planned else []
        by_credit = self._by_credit()
        for step, event in sorted(told, key=_listed):
            if step.kind not in NAMES:
                continue
            row: dict[str, Any] = {"date": _listed((step, event))[0], "type": NAMES[step.kind],
                                   "i": step.place, "implicit": step.implicit, "reverted": False}  # fmt: skip
            if step.kind in MONEY_IN:
                split = self._split(event)
                if step.implicit and not sum(split.values()):  # the credit had paid it
                    continue
                row |= split | {"amount": sum(split.values())}
                balance -= split["principal"]
            elif step.kind in (Kind.disbursed, Kind.fee_capitalised):
                balance += step.amount or 0
                balance -= sum(by_credit.pop(on) for on in [*by_credit] if on <= step.date)
                lent = 0 if step.kind is Kind.disbursed else step.amount
                row |= {"amount": step.amount, "principal": lent}
            elif step.kind in (Kind.rate_bought_down, Kind.buy_down_adjusted):
                mine.append(row | self.bought_down(step))
                continue
            elif step.kind in (Kind.reaged, Kind.reamortised, Kind.contract_accelerated):
                spread = self._respread(step)
                if spread["amount"]:  # what was told since may leave it nothing to spread
                    mine.append(row | spread | {"balance": 0})
                continue
            else:
                row |= self._moved_row(step, event)
                if step.kind is Kind.charge_waived:  # the row shows what was income by then
                    for name in ("fees", "penalties"):
                        earned = sum(r[name] for r in rows_of(self) if r["i"] < step.i)
                        row[name] = min(row[name], earned)
                if step.kind in (Kind.chargeback, Kind.credit_refunded):
                    balance += row["principal"]
                    if (
                        step.kind is Kind.chargeback and row["principal"]
                    ):  # with what the credit held
                        row |= {"principal": row["principal"] + row.pop("overpayment")}
                elif step.kind is Kind.write_off:
                    balance = 0
                elif step.kind is Kind.charge_off and not row["amount"]:
                    continue  # what was told since left it nothing to take
            # the row of a charge-off shows none; the claim goes on
            row["balance"] = 0 if step.kind is Kind.charge_off else balance
            mine.append(row)
            cost = self._fee(event) if step.kind is Kind.disbursed else 0
            if cost:
                paid = row | {"type": AT_DISBURSEMENT, "amount": cost, "fees": cost}
                classic = self.terms["schedule_type"] == "CUMULATIVE"  # charges before all else
                mine.insert(len(mine) - classic, paid)
        mine += self._taken_back_rows(gone)
        return sorted(mine, key=lambda r: (r["date"], r["i"], r["implicit"]))

    def _taken_back_rows(self, gone: Container[str] | None) -> list[dict[str, Any]]:
        """Rows of what was taken back, of `gone` those types; where no interest was refunded there is none."""
        steps = [s for s in self.life.gone if s.kind in NAMES]
        steps = [s for s in steps if gone is None or NAMES[s.kind] in gone]
        rows = [(s, self._gone(s)) for s in steps]
        return [row for s, row in rows if row["amount"] or not s.implicit]

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

    def _respread(self, step: Any) -> dict[str, int]:
        """What a re-age or re-amortisation spread: all that is owed, or the arrears."""
        then = self._ahead_of(step)
        stood = self.seen.positions[then.loan_id]
        charges: dict[str, int] = {}
        if step.kind in (Kind.reaged, Kind.contract_accelerated):
            principal = stood["principal"]
            interest = stood["interest_due"] + stood["interest_accrued"]
            if step.body.get("interest") == "full":
                open_ = self.of(then, self.by, self.seen).dues.filter(
                    pl.col("component") == Component.interest
                )
                interest = int((open_["amount"] - open_["paid"]).sum())
            if step.body.get("interest") or step.kind is Kind.contract_accelerated:
                charges = {"fees": stood["fees_due"], "penalties": stood["penalties_due"]}
            if step.kind is Kind.contract_accelerated:
                interest -= self._given_up(step)
                met = sum(self._met_by_the_end().values())
                principal, interest = principal + met, interest - met
        else:
            principal, interest = stood["principal_due"], stood["interest_due"]
        return charges | {"principal": principal, "interest": interest,
                          "amount": principal + interest + sum(charges.values())}  # fmt: skip

    def _given_up(self, step: Any) -> int:
        """Interest that the end of a contract gives up: shares of it that no instalment asks any more."""
        events = [event for other, event in self.events if other is step]
        back = (pl.col("debit") == ROLE["interest_income"]) & pl.col("event_id").is_in(events)
        return int(self.moved.filter(back)["amount"].sum()) if self.moved.height else 0

    def before(self, step: Any) -> Transactions:
        """The loan just before a payment was reversed."""
        at = max((life for life in self.by.values()
                  if not life.ahead_of and life.loan == self.life.loan and step in life.steps and life.after < self.life.after),
                 key=lambda life: life.after)  # fmt: skip
        return self.of(at, self.by, self.seen)

    def _gone(self, step: Any) -> dict[str, Any]:
        """A reversed payment, as it stood just before it was reversed."""
        if step.kind in (Kind.reaged, Kind.reamortised, Kind.contract_accelerated):
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
                    "date": step.listed or step.date, "type": NAMES[step.kind], "i": step.i, "implicit": False,
                    "balance": 0 if step.kind is Kind.charge_off else balance, "reverted": True,
                }  # fmt: skip
            if other is step and step.kind in (Kind.rate_bought_down, Kind.buy_down_adjusted):
                return self.bought_down(step) | {"date": step.date, "type": NAMES[step.kind],
                                                 "i": step.i, "implicit": False, "reverted": True}  # fmt: skip
            if other.kind in (Kind.disbursed, Kind.fee_capitalised):
                balance += other.amount or 0
                if other is step:
                    return {"date": step.date, "type": NAMES[step.kind], "i": step.i,
                            "implicit": False, "reverted": True, "amount": step.amount,
                            "principal": step.amount, "balance": balance}  # fmt: skip
            elif other.kind in MONEY_IN:
                split = then._split(event)
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
        raise NotMappedError(f"a {step.kind.name} that was reversed before it was seen")
