"""Fineract schedules onto loanbook's terms.

Mapping: SAME_AS_REPAYMENT_PERIOD is the basis `period`; DAILY with 30 days a month is
30/360, with actual days ACT/360, /364, /365F or ACT/ACT by the days of the year
(FEB_29_PERIOD_ONLY: ACT/365 Actual); a night counts in the year in which it ends (ACT/ACT
closing), or where interest is recognised from the day of the payout in which it begins (ACT/ACT);
cumulative schedules take 365 always. Where interest is recalculated, principal unpaid on the business
date stays in the balance until then. A down payment is due on the disbursement date, rounded half-even
to the multiple; the rest is a schedule of its own. A progressive schedule smooths its last instalment.
Dates count from the submission date where `repayment_start_date_type` says so.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from typing import Any

import polars as pl

from loanbook.core.contract.dates.day_count import ACTUAL, RateBasis
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.figures import Amortisation
from tests.conformance.outcome import Outcome, judged, of
from tests.conformance.terms import row, schedules

QUIET = {"set_business_date", "create_loan", "approve", "disburse", "config"}
COMPARED = {"after_step", "as_of", "loan", "schedule", "schedule_totals"}
CLOCK = {"cob_loan", "cob_all", "cob_catch_up"}
AGREED_LATE = ("fixed_emi", "first_repayment_date")
"""Terms that are given with a payout."""
UNITS = {"MONTHS": Unit.months, "WEEKS": Unit.weeks, "DAYS": Unit.days}


class NotMappedError(Exception):
    """A term this engine has no notion of yet; the message names it."""


@dataclass
class Check:
    """One expected schedule and the terms that must give it."""

    terms: dict[str, Any]
    disbursed_on: dt.date
    amount: Decimal
    expected: dict[str, Any]
    totals: dict[str, Any] | None
    as_of: dt.date | None = None


def run(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Every case of the batch; schedules of all of them are expanded at once."""
    from tests.conformance.vocabulary import refuse_unknown, with_defaults

    outcomes: list[Outcome] = []
    rows, waiting = [], []
    for given in cases:
        case = with_defaults(given)
        try:
            refuse_unknown(case)
            checks = _checks(case)
            mapped = [_row(check) for check in checks]
        except NotMappedError as gap:
            outcomes.append(of(case, "not attempted", str(gap)))
            continue
        waiting.append((case, checks, len(rows), [m[1] for m in mapped]))
        rows += [m[0] for m in mapped]
    expanded = schedules(rows)
    for case, checks, first, downs in waiting:
        found: list[str] = []
        skipped = Counter(
            name for c in case.get("checks", []) for name in c if name not in COMPARED
        )
        for place, (check, down) in enumerate(zip(checks, downs, strict=True)):
            found += _compare(check, expanded[first + place], down)
        outcome = judged(case, found)
        outcome.skipped = dict(skipped)
        outcomes.append(outcome)
    return outcomes


def _checks(case: dict[str, Any]) -> list[Check]:
    if "disbursement" in case and "terms" in case:
        out = case["disbursement"]
        return [
            Check(case["terms"], _date(out["date"]), Decimal(out["amount"]), case["schedule"],
                  case.get("totals"), _date(case["business_date"]))
        ]  # fmt: skip
    if "steps" not in case or "loans" not in case:
        raise NotMappedError("no terms, or no steps")
    return _life_cycle(case)


def loud(case: dict[str, Any]) -> set[str]:
    """Kinds of steps and terms of a case that its schedule alone does not tell of."""
    quiet = QUIET | (CLOCK if case["category"].startswith("schedule_") else set())
    given = {n for s in case["steps"] for n in AGREED_LATE if s.get(n)}
    return ({s["type"] for s in case["steps"]} - quiet) | given


def _life_cycle(case: dict[str, Any]) -> list[Check]:
    """Only the look right after a single disbursement; anything later is servicing."""
    if any(s.get("expect") == "rejected" for s in case["steps"]):
        raise NotMappedError("a step that must be refused")
    disbursals = [s for s in case["steps"] if s["type"] == "disburse"]
    checks = []
    for check in case["checks"]:
        other = set(check) - {"after_step", "as_of", "loan", "schedule", "schedule_totals"}
        if other and not case["category"].startswith("schedule_"):
            raise NotMappedError(f"life-cycle checks: {', '.join(sorted(other))}")
        terms = case["loans"][check["loan"] - 1]
        if "schedule" not in check:
            continue
        own = [
            s
            for s in disbursals
            if s.get("loan") == check["loan"] and s["i"] <= check["after_step"]
        ]
        if len(own) > 1:
            raise NotMappedError("several disbursements")
        on = own[0]["date"] if own else terms["expected_disbursement_date"]
        amount = own[0]["amount"] if own else terms["principal"]
        if own and set(own[0]) & {"fixed_emi", "first_repayment_date", "skip_auto_down_payment"}:
            raise NotMappedError("terms given at disbursement")
        checks.append(
            Check(terms, _date(on), Decimal(amount), check["schedule"],
                  check.get("schedule_totals"), _told_by(case, check))
        )  # fmt: skip
    if not checks:
        raise NotMappedError("no schedule to check")
    return checks


def _told_by(case: dict[str, Any], check: dict[str, Any]) -> dt.date:
    """The day to which late interest is shown: that of the look, of a classic schedule that of the last step
    or night run before it."""
    if case["loans"][check["loan"] - 1]["schedule_type"] == "PROGRESSIVE":
        return _date(check["as_of"])
    days = [s["business_date"] for s in case["steps"]
            if s["i"] <= check["after_step"] and s["type"] not in ("set_business_date", "config")]  # fmt: skip
    return _date(max(day for day in days if day))


def _date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def minor(amount: Decimal | str, decimals: int) -> int:
    return int(Decimal(amount).scaleb(decimals).to_integral_value(ROUND_HALF_EVEN))


def _basis(terms: dict[str, Any]) -> RateBasis:
    if terms["interest_calculation_period"] == "SAME_AS_REPAYMENT_PERIOD":
        return RateBasis.period
    if terms["schedule_type"] == "CUMULATIVE" and terms["days_in_year"] == "ACTUAL":
        return RateBasis.act_365f
    if terms["days_in_month"] == "30":
        if terms["days_in_year"] != "360":
            raise NotMappedError(f"30 days a month over {terms['days_in_year']}")
        return RateBasis.thirty_360
    if terms.get("days_in_year_custom_strategy") == "FEB_29_PERIOD_ONLY":
        return RateBasis.act_365_actual
    from_the_day_out = terms.get("interest_recognition_on_disbursement_date")
    return {
        "360": RateBasis.act_360, "364": RateBasis.act_364, "365": RateBasis.act_365f,
        "ACTUAL": RateBasis.act_act if from_the_day_out else RateBasis.act_act_closing,
    }[terms["days_in_year"]]  # fmt: skip


def _row(check: Check) -> tuple[dict[str, object], int]:
    """Terms of the schedule after the down payment, and the down payment in minor units."""
    terms = check.terms
    if terms.get("charges") or terms.get("product_charges"):
        raise NotMappedError("charges on the application")
    if terms["amortization_type"] not in ("EQUAL_INSTALLMENTS", "EQUAL_PRINCIPAL"):
        raise NotMappedError(terms["amortization_type"])
    decimals = int(terms["currency_decimals"])
    multiple = int(Decimal(terms["installment_amount_multiple_of"] or 0).scaleb(decimals)) or 1
    whole = minor(check.amount, decimals)
    down = 0
    if terms["down_payment"].get("enabled"):
        share = check.amount * Decimal(terms["down_payment"]["percent"]) / 100
        down = minor(share, decimals)
        if multiple > 1:
            down = int((Decimal(down) / multiple).to_integral_value(ROUND_HALF_EVEN)) * multiple
    start = check.disbursed_on
    from_submission = terms["repayment_start_date_type"] == "SUBMITTED_ON_DATE"
    anchor = _date(terms["submitted_on"]) if from_submission else start
    unit = UNITS[terms["repayment_frequency_type"]]
    every = int(terms["repayment_every"])
    progressive = terms["schedule_type"] == "PROGRESSIVE"
    flat = terms["interest_type"] == "FLAT"
    if flat:
        kind = Amortisation.flat
    elif terms["amortization_type"] == "EQUAL_PRINCIPAL":
        kind = Amortisation.equal_principal
    else:
        kind = Amortisation.equal_instalment
    first_due = _first_due(anchor, unit, every)
    again = terms["interest_recalculation"]
    recalculated = again["enabled"] and not again.get("disallow_interest_on_past_due")
    mapped = row(
        principal=whole - down,
        rate_percent=_yearly(terms),
        n=int(terms["number_of_repayments"]),
        start=start,
        first_due=first_due,
        unit=unit,
        every=every,
        anchor_day=anchor.day if unit is Unit.months else None,
        amortisation=kind,
        basis=_basis(terms),
        multiple=multiple,
        decimal_factor=progressive and not flat and _basis(terms) <= RateBasis.thirty_360,
        matures_on=matures_on(terms, anchor),
        lent=whole if flat and not progressive else None,
        flat_by_days=flat and by_days(terms),
        even_periods=even_periods(terms),
        unpaid_until=_unpaid_until(check, first_due) if recalculated else None,
        smooth=progressive and kind is Amortisation.equal_instalment,
        emi=minor(terms["fixed_emi_amount"], decimals) if terms.get("fixed_emi_amount") else None,
        grace=(
            int(terms["grace_on_principal_payment"]),
            int(terms["grace_on_interest_payment"]),
            int(terms["grace_on_interest_charged"]),
        ),
    )
    return mapped, down


def _yearly(terms: dict[str, Any]) -> str:
    """The yearly rate; one for the whole term is spread over its months."""
    if terms["interest_rate_frequency"] != "WHOLE_TERM":
        return str(terms["annual_interest_rate"])
    if terms["repayment_frequency_type"] != "MONTHS":
        raise NotMappedError("rate for a whole term that is not in months")
    months = int(terms["number_of_repayments"]) * int(terms["repayment_every"])
    return str(Decimal(terms["interest_rate"]) * 12 / months)


def by_days(terms: dict[str, Any]) -> bool:
    """Flat interest that is calculated daily, or of parts of a period: each period bears its own."""
    daily = terms["interest_calculation_period"] == "DAILY" and _basis(terms) in ACTUAL
    same = terms["interest_calculation_period"] == "SAME_AS_REPAYMENT_PERIOD"
    rate = terms.get("annual_interest_rate") or terms.get("interest_rate") or 0
    partial = same and bool(terms.get("allow_partial_period_interest")) and Decimal(str(rate)) != 0
    return (daily or partial) and terms["schedule_type"] == "PROGRESSIVE"


def _unpaid_until(check: Check, first_due: dt.date) -> dt.date | None:
    """To when arrears are taken to stand: the day of the look, or where a classic schedule counts payments at
    due dates alone the first one after it."""
    terms, on = check.terms, check.as_of
    rests = terms["interest_recalculation"].get("rest_frequency") == "SAME_AS_REPAYMENT"
    if on is None or on <= first_due or terms["schedule_type"] == "PROGRESSIVE" or not rests:
        return on
    unit, every = UNITS[terms["repayment_frequency_type"]], int(terms["repayment_every"])
    dates = (_first_due(first_due, unit, every * n) for n in range(1, 1000))
    return next(date for date in dates if date > on)


def even_periods(terms: dict[str, Any]) -> bool:
    """A classic schedule's level instalment is solved with months of 30 days."""
    level = terms["interest_type"] != "FLAT" and terms["amortization_type"] == "EQUAL_INSTALLMENTS"
    return terms["schedule_type"] == "CUMULATIVE" and level and _basis(terms) in ACTUAL


def matures_on(terms: dict[str, Any], start: dt.date) -> dt.date | None:
    """Due date of the last instalment, where the length of the loan is fixed, in units of its term."""
    length = terms.get("fixed_length_days")
    if not length:
        return None
    return _first_due(start, UNITS[terms["term_frequency_type"]], int(length))


@cache
def _first_due(anchor: dt.date, unit: Unit, every: int) -> dt.date:
    step = {Unit.months: f"{every}mo", Unit.weeks: f"{every}w", Unit.days: f"{every}d"}[unit]
    found = pl.select(pl.lit(anchor).dt.offset_by(step)).item()
    assert isinstance(found, dt.date)
    return found


def _compare(check: Check, ours: pl.DataFrame, down: int) -> list[str]:
    decimals = int(check.terms["currency_decimals"])
    start = check.disbursed_on
    table = [
        {
            "due_date": period_end, "days": (period_end - period_start).days,
            "principal_due": principal, "interest": interest, "balance": closing,
            "due": principal + interest,
        }
        for period_start, period_end, principal, interest, closing in ours.select(
            "period_start", "period_end", "principal", "interest", "closing"
        ).rows()
    ]  # fmt: skip
    if check.terms["down_payment"].get("enabled"):
        paid_down = {
            "due_date": start, "days": 0, "principal_due": down, "interest": 0,
            "balance": sum(r["principal_due"] for r in table), "due": down,
        }  # fmt: skip
        table.insert(0, paid_down)
    expected = [r for r in check.expected["rows"] if r["kind"] == "installment"]
    if len(expected) != len(table):
        return [f"{len(table)} instalments, expected {len(expected)}"]
    found = []
    for n, (mine, theirs) in enumerate(zip(table, expected, strict=True), start=1):
        if mine["due_date"].isoformat() != theirs["due_date"]:
            found.append(f"instalment {n} due {mine['due_date']}, expected {theirs['due_date']}")
        if theirs.get("days") is not None and mine["days"] != theirs["days"]:
            found.append(f"instalment {n} has {mine['days']} days, expected {theirs['days']}")
        for name in ("principal_due", "interest", "balance", "due"):
            if theirs.get(name) is not None and mine[name] != minor(theirs[name], decimals):
                got = Decimal(mine[name]).scaleb(-decimals)
                found.append(f"instalment {n} {name} {got}, expected {theirs[name]}")
    for name in ("principal_due", "interest", "due"):
        total = (check.totals or {}).get(name)
        mine_total = sum(r[name] for r in table)
        if total is not None and mine_total != minor(total, decimals):
            found.append(f"total {name} {Decimal(mine_total).scaleb(-decimals)}, expected {total}")
    return found
