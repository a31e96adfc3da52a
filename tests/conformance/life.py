"""Fineract life cycles onto loanbook's events, run through the real close in one batch.

Every check of a case looks at the loan after some of its steps: what is known then is a
history of its own. So each (loan, number of steps) becomes a loan of the batch with the events
known by then, reversed payments left out, and the whole batch is closed day by day.

Mapping: terms become a product whose schedule stands whole (`materialised`), the payment
allocation or repayment strategy a waterfall for each kind of money; events of a day are taken as
they came (`day_order: sequence`), a charge of a classic (cumulative) loan before any payment. A
payoff without an amount pays what the engine says is unpaid. Interest that is recalculated on
early or late payment is daily interest. Charges at disbursement are origination fees.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

from loanbook.core.catalogue.codes import MONEY_IN, Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.pipelines.resources import read_policies
from tests.conformance import delinquency, facts, fineract, journals
from tests.conformance.accruals import END_OF_DAY
from tests.conformance.batch import Batch, Life, Seen
from tests.conformance.fineract import NotMappedError
from tests.conformance.mapping import date_of, fees_at_disbursement, mapped
from tests.conformance.outcome import Outcome, judged, of
from tests.conformance.products import (
    as_modified,
    as_planned,
    as_written_off,
    bound_to_plan,
    by_periods,
    can_recalculate,
    plan_of,
    product,
    recalculated,
    with_rates_to_come,
)
from tests.conformance.refusing import rule_of
from tests.conformance.steps import KINDS, RESPREADS, Mapped, Step
from tests.conformance.vocabulary import refuse_unknown, with_defaults

RESPREADING = (Kind.reaged, Kind.reamortised, Kind.contract_accelerated)
"""What a row tells of as it stood before it."""
COMPARED = {"after_step", "as_of", "loan", "schedule", "schedule_totals", "transactions",
            "transactions_without_accruals", "status", "outstanding", "overpaid", "overdue",
            "journal", "closed_obligations_met", "transaction_on_date", "last_payment",
            *delinquency.CHECKS, *facts.FACTS}  # fmt: skip


def run(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Outcomes of life-cycle cases; all of them are one batch of loans."""
    outcomes: list[Outcome] = []
    lives: list[Life] = []
    made: dict[str, int] = {}
    products: list[tuple[str, Any]] = []
    codes: dict[int, int] = {}
    waiting = []
    for given in cases:
        case = told_of = with_defaults(given)
        try:
            refuse_unknown(told_of)
            _asks_something(told_of)
            case = with_rates_to_come(told_of)
            told = mapped(case)
            asked = _lives(case, told)
            for t in case["loans"]:
                if recalculated(t):
                    can_recalculate(t)
            if any(
                t["multi_disburse"].get("full_term_for_tranche")
                and _tranches(told, n) > 1
                and not recalculated(t)
                for n, t in enumerate(case["loans"], start=1)
            ):
                raise NotMappedError(
                    "each tranche with a term of its own, of interest that is fixed"
                )
            for life in asked:
                life.case = _as_it_stood(case, life)
            own: dict[int, int] = {}
            for life in asked:
                t = life.case["loans"][life.loan - 1]
                fees = fees_at_disbursement(case, life.loan)
                terms = as_planned(t) if life.planned else t
                about = {k: v for k, v in terms.items() if k not in _NOT_PRODUCT}
                about |= {"daily": recalculated(terms), "fees": fees}
                key = json.dumps(about, sort_keys=True)
                if key not in made:
                    made[key] = _number_of(product(terms, fees, len(made)), made, products)
                own[id(life)] = made[key]
        except NotMappedError as gap:
            outcomes.append(of(case, "not attempted", str(gap)))
            continue
        for life in asked:
            codes[len(lives)] = own[id(life)]
            life.number = len(lives)
            lives.append(life)
        waiting.append((case, asked, told.refused))
    if not waiting:
        return outcomes
    kept = [(f, p) for f, p in read_policies().policies if f != "products"]
    policies = PolicyBook(
        tuple(sorted([*kept, *products], key=lambda e: (e[0], e[1].name)))
    ).with_registry(())
    seen = Batch(policies, lives, codes).run()
    for case, asked, orders in waiting:
        outcomes.append(_judge(case, asked, orders, seen))
    return outcomes


def _asks_something(case: dict[str, Any]) -> None:
    """NotMappedError for a case of which nothing would be compared: it must not pass."""
    looks = COMPARED - {"after_step", "as_of", "loan"}
    if any(looks & check.keys() for check in case["checks"]):
        return
    if not any(s.get("expect") == "rejected" for s in case["steps"]):
        told = sorted({n for c in case["checks"] for n in c if n not in COMPARED})
        raise NotMappedError(f"no check but {', '.join(told) or 'none'}")


def _number_of(
    own: list[tuple[str, Any]], made: dict[str, int], products: list[tuple[str, Any]]
) -> int:
    """Number of the product of `own` policies, which those before it refer to; policies that say the same
    are one, so that loans that live the same are one."""
    called: dict[str, str] = {}
    number = 0
    for folder, policy in own:
        told = _with_names(policy.model_dump(mode="json", exclude={"name"}), called)
        number = made.setdefault(json.dumps([folder, told], sort_keys=True), len(products))
        called[policy.name] = f"{folder[0]}{number}"
        if number == len(products):
            named = type(policy).model_validate(told | {"name": called[policy.name]})
            products.append((folder, named))
    return number


def _with_names(told: Any, names: dict[str, str]) -> Any:
    """What is told of a policy, with other names of those that it refers to."""
    if isinstance(told, dict):
        return {k: _with_names(v, names) for k, v in told.items()}
    if isinstance(told, list):
        return [_with_names(v, names) for v in told]
    return names.get(told, told) if isinstance(told, str) else told


def run_planned(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Outcomes of schedules whose payout is one of several that are planned."""
    return run([_as_steps(case) for case in cases])


def _tranches(told: Mapped, loan: int) -> int:
    """Days on which a loan is paid out, or is asked to be."""
    steps = [*told.steps, *told.refused]
    return len({s.date for s in steps if s.kind is Kind.disbursed and s.loan == loan})


def _as_steps(case: dict[str, Any]) -> dict[str, Any]:
    """The case of a schedule after its payout as a life cycle of that one step."""
    on, out = {"business_date": case["business_date"]}, case["disbursement"]
    steps = [
        {"i": 0, "type": "create_loan", "loan": 1, **on},
        {"i": 1, "type": "approve", "loan": 1, "date": out["date"], "amount": case["approved"][0],
         **on},
        {"i": 2, "type": "disburse", "loan": 1, **out, **on},
    ]  # fmt: skip
    check = {"loan": 1, "after_step": 2, "as_of": case["business_date"],
             "schedule": case["schedule"], "schedule_totals": case.get("totals")}  # fmt: skip
    checks = [{k: v for k, v in check.items() if v is not None}]
    return {**case, "loans": [case["terms"]], "steps": steps, "checks": checks}


_NOT_PRODUCT = {"product", "principal", "interest_rate", "annual_interest_rate", "submitted_on",
                "expected_disbursement_date", "disbursement_plan", "number_of_repayments",
                "term_frequency"}  # fmt: skip


def _lives(case: dict[str, Any], told: Mapped) -> list[Life]:
    """A loan of the batch for each check, and one before each reversal, each change that reaches
    back and each refused order."""
    steps, reversals = told.steps, told.reversals
    found = []
    wanted = {
        (c["loan"], c["after_step"]): c["as_of"]
        for c in case["checks"]
        if c.get("as_of") and (COMPARED - {"after_step", "as_of", "loan"}) & c.keys()
    }
    for n, at in reversals.items():
        if steps[n].undone:
            continue
        step = next(s for s in case["steps"] if s["i"] == at)
        wanted.setdefault((steps[n].loan, at - 1), step["business_date"])
    for s in case["steps"]:  # what was booked before a change that reaches back stays booked
        reaches = s["type"] == "reschedule" and s["from_date"] <= s["business_date"]
        paid = s["type"] == "charge_add" and any(
            e.kind in MONEY_IN and e.loan == s["loan"] and e.i < s["i"] for e in steps
        )
        classic = case["loans"][s.get("loan", 1) - 1]["schedule_type"] == "CUMULATIVE"
        again = s["type"] == "disburse" and by_periods(case["loans"][s.get("loan", 1) - 1]) and any(
            e.kind is Kind.disbursed and e.loan == s["loan"] and e.i < s["i"] for e in steps
        )  # fmt: skip
        if reaches or again or (paid and classic) or _changes_what_ran(s, case):
            wanted.setdefault((s["loan"], s["i"] - 1), s["business_date"])
    for loan, after, on in _before_first_run(case, told):
        wanted.setdefault((loan, after), on)
    for order in told.refused:
        wanted.setdefault((order.loan, order.i - 1), order.submitted.isoformat())
    looks = [(loan, after, min(as_of, _recalculated_on(case, loan, after)), 0)
             for (loan, after), as_of in wanted.items()]  # fmt: skip
    # the row of a re-age or re-amortisation tells what stood before it
    looks += [(s.loan, s.i - 1, s.date.isoformat(), s.i)
              for s in steps if s.kind in RESPREADING]  # fmt: skip
    looks += [(loan, after, s.date.isoformat(), s.i)
              for loan, after in wanted for s in _replayed(told, loan, after)]  # fmt: skip
    for loan, after, as_of, ahead_of in sorted(looks):
        known = [n for n, s in enumerate(steps) if s.loan == loan and s.i <= after]
        if ahead_of and after >= ahead_of:
            on = date_of(as_of)
            known = [n for n in known if steps[n].date < on
                     or (steps[n].date == on and steps[n].i < ahead_of)]  # fmt: skip
        gone = [n for n in known if reversals.get(n, 10**9) <= after]
        left = [_as_replayed(steps[n], known, steps, reversals) for n in known if n not in gone]
        left = _without_fees_of_what_ended(left, case["loans"][loan - 1])
        shown = [steps[n] for n in gone if not steps[n].undone]
        life = Life(case, loan, after, date_of(as_of), left, shown, ahead_of=ahead_of)
        if not any(s.kind is Kind.disbursed for s in left):
            life = _planned(life)
        found.append(life)
    return found


def _before_first_run(case: dict[str, Any], told: Mapped) -> list[tuple[int, int, str]]:
    """Loans whose interest follows the balance and that the first night run finds with more than a period
    gone by since they were told of: its row has the interest agreed then."""
    found = []
    for loan, terms in enumerate(case["loans"], start=1):
        runs = [s for s in case["steps"] if s["type"] in END_OF_DAY and s.get("loan", loan) == loan]
        looks = any(c["loan"] == loan and ACCRUED & c.keys() for c in case["checks"])
        if not runs or not looks or not recalculated(terms):
            continue
        known = [e for e in told.steps if e.loan == loan and e.i < runs[0]["i"]]
        if sum(e.kind in MONEY_IN for e in known) and _a_period_after(known, terms) < date_of(
            runs[0]["business_date"]
        ):
            found.append((loan, runs[0]["i"] - 1, known[-1].submitted.isoformat()))
    return found


def _a_period_after(known: list[Step], terms: dict[str, Any]) -> dt.date:
    unit = fineract.UNITS[terms["repayment_frequency_type"]]
    return fineract._first_due(max(e.submitted for e in known), unit, int(terms["repayment_every"]))


def _as_replayed(step: Step, known: list[int], steps: list[Step], gone: dict[int, int]) -> Step:
    """Interest that was refunded by hand, in the amount that is due where late news has replayed it."""
    if step.kind is not Kind.interest_refunded or step.amount is None:
        return step
    late = any(e.date < step.date and (e.i > step.i or step.i < gone.get(n, 0))
               for n, e in enumerate(steps) if n in known)  # fmt: skip
    return replace(step, amount=None) if late else step


def _without_fees_of_what_ended(steps: list[Step], terms: dict[str, Any]) -> list[Step]:
    """Steps without the charges on every instalment that are of instalments which a charge-off left out: the
    one that it ends asks its own."""
    ends = [s.date for s in steps if s.kind is Kind.charge_off]
    if not ends or terms["charge_off_behaviour"] != "ACCELERATE_MATURITY":
        return steps
    falls = [date_of(s.body["due_date"]) for s in steps if s.kind is Kind.charge_assessed and s.nth]
    last = min((on for on in falls if on >= min(ends)), default=None)
    return [
        s for s in steps
        if last is None or not (s.nth and s.kind is Kind.charge_assessed and date_of(s.body["due_date"]) > last)
    ]  # fmt: skip


def _changes_what_ran(s: dict[str, Any], case: dict[str, Any]) -> bool:
    """Whether a step changes what was booked by then: days over which a night run has passed, or what they
    lead to; what a loan booked as it ended, before it lives again. Where no rows of accruals are compared
    since, it changes nothing that is looked at."""
    loan = s.get("loan")
    looks = any(
        c["loan"] == loan and c["after_step"] >= s["i"] and ACCRUED & c.keys()
        for c in case["checks"]
    )
    if not loan or not looks or case["loans"][loan - 1]["accounting_rule"] == "NONE":
        return False
    earlier = [c for c in case["steps"] if c["i"] < s["i"] and c.get("loan", loan) == loan]
    before = {c["type"] for c in earlier}
    now = max(c["business_date"] or "" for c in (s, *earlier))  # clocks may have been set back
    since = s.get("date") or s.get("start") or s.get("due_date") or s["business_date"]
    if since < now or s["type"] in ("undo_disbursal", "undo_last_disbursal"):
        return True
    if s["type"] in (*RESPREADS, "charge_off", "terminate_contract"):
        return bool(before & {*END_OF_DAY})
    return s["type"] in LIVES_AGAIN and bool(before & ENDS)


ACCRUED = {"transactions", "transaction_on_date", "new_accruals"}
"""Checks that compare rows of accruals."""
LIVES_AGAIN = (
    "disburse",
    "credit_balance_refund",
    "chargeback",
    "charge_add",
    "capitalized_income",
    "write_off",
)
"""Steps that may find a loan that has ended."""
ENDS = {name for name, kind in KINDS.items() if kind in MONEY_IN} | {"charge_off", "charge_waive"}
"""Steps after which a loan may have ended."""


def _replayed(told: Mapped, loan: int, after: int) -> list[Step]:
    """Re-ages and the like known by then before which something became known since."""
    found = []
    for s in told.steps:
        if s.loan != loan or s.i > after or s.kind not in RESPREADING:
            continue
        later = [e for n, e in enumerate(told.steps) if e.loan == loan and e.date <= s.date
                 and (s.i < e.i <= after or (e.i < s.i < told.reversals.get(n, 0) <= after))]  # fmt: skip
        if later:
            found.append(s)
    return found


def _recalculated_on(case: dict[str, Any], loan: int, after: int) -> str:
    """Day to which interest that follows the balance is shown: the loan's last step or night run; a
    charge after its end changes none of it."""
    if not recalculated(case["loans"][loan - 1]):
        return "9999-12-31"
    terms = case["loans"][loan - 1]
    unit = fineract.UNITS[terms["repayment_frequency_type"]]
    periods = int(terms["repayment_every"]) * int(terms["number_of_repayments"])
    outs = [s["date"] for s in case["steps"] if s["type"] == "disburse" and s["loan"] == loan]
    ends = fineract._first_due(date_of(min(outs)), unit, periods).isoformat() if outs else "9999"
    days = [s["business_date"] for s in case["steps"]
            if s["i"] <= after and s["type"] not in ("set_business_date", "config")
            and not (s["type"] == "charge_add" and (s.get("due_date") or "") > ends)]  # fmt: skip
    return str(max(days))


def _as_it_stood(case: dict[str, Any], life: Life) -> dict[str, Any]:
    """The case with the terms that the events of a life give its loan."""
    modified = as_modified(case, life.after)
    loans = list(modified["loans"])
    loans[life.loan - 1] = as_written_off(loans[life.loan - 1], {s.kind for s in life.steps})
    return modified | {"loans": loans}


def _planned(life: Life) -> Life:
    """The loan as its payout is planned, for the schedule that is shown before it."""
    terms = life.case["loans"][life.loan - 1]
    done = [s for s in life.case["steps"] if s["i"] <= life.after and s.get("loan") == life.loan]
    amount = next((s["amount"] for s in done if s["type"] == "approve"), terms["principal"])
    plan = plan_of(life.case, life.loan, life.after)
    if not plan or (len(plan) < 2 and not bound_to_plan(terms)):
        told = [s["expected_disbursement_date"] for s in done
                if s["type"] == "approve" and s.get("expected_disbursement_date")]  # fmt: skip
        on = date_of(told[-1] if told else terms["expected_disbursement_date"])
        plan = [(on, fineract.minor(amount, int(terms["currency_decimals"])))]
    outs = [Step(-1, Kind.disbursed, life.loan, on, lent, on) for on, lent in plan]
    charges = [s for s in life.steps if s.kind is Kind.charge_assessed]
    last = max(s.date for s in outs)
    return Life(life.case, life.loan, life.after, last, [*outs, *charges], [], planned=True)


def _judge(case: dict[str, Any], lives: list[Life], orders: list[Step], seen: Seen) -> Outcome:
    by: dict[Any, Life] = {}
    for life in lives:
        if not life.ahead_of:
            by[life.loan, life.after] = life
        elif life.after < life.ahead_of:
            by[life.loan, -life.ahead_of] = life
        else:
            by[life.loan, -life.ahead_of, life.after] = life
    found: list[str] = []
    for order in orders:
        life = by[(order.loan, order.i - 1)]
        if rule_of(order, life, seen) is None:
            found.append(f"step {order.i} ({order.kind.name}) is not refused")
    skipped: Counter[str] = Counter()
    for check in case["checks"]:
        skipped.update(name for name in check if name not in COMPARED)
        life = by.get((check["loan"], check["after_step"]))
        if life is None:
            continue
        try:
            found += [
                f"after step {check['after_step']}: {d}"
                for d in _differences(check, life, by, seen)
            ]
        except NotMappedError as gap:
            return of(case, "not attempted", str(gap))
    outcome = judged(case, found)
    outcome.skipped = dict(skipped)
    return outcome


def _differences(check: dict[str, Any], life: Life, by: dict[Any, Life], seen: Seen) -> list[str]:
    from tests.conformance.transactions import Transactions

    shown = Transactions.of(life, by, seen)
    found: list[str] = []
    if "schedule" in check or "schedule_totals" in check:
        found += shown.schedule(check)
    for name in ("transactions", "transactions_without_accruals"):
        if name in check:
            found += shown.differences(check[name], accruals=name == "transactions")
    found += shown.of_a_date(check.get("transaction_on_date", []))
    found += shown.last_payment(check.get("last_payment", {}))
    for name in ("outstanding", "overpaid", "overdue"):
        if name in check and shown.figure(name) != Decimal(check[name]):
            found.append(f"{name} {shown.figure(name)}, expected {check[name]}")
    if "status" in check and shown.status() != check["status"]:
        found.append(f"status {shown.status()}, expected {check['status']}")
    if check.get("closed_obligations_met") and shown.status() != "CLOSED_OBLIGATIONS_MET":
        found.append(f"status {shown.status()}, expected closed")
    found += delinquency.differences(shown, check)
    found += facts.differences(shown, check)
    for entry in check.get("journal", []):
        found += journals.differences(shown, entry)
    return found
