"""The questions of pages and notebooks over a segment of a book, each one SELECT.

Where marts can tell all filters they are read; else the positions of the dates that are asked for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from loanbook.core.catalogue.codes import Status, Timing
from loanbook.core.catalogue.components import Component
from loanbook.core.reporting.cohorts import MEASURES, Measure, last_month_end
from loanbook.core.reporting.forecast.expected_loss import STAGES
from loanbook.core.store.marts.portfolio_daily import OVERDUE
from loanbook.core.store.marts.roll import ENDED_AS
from loanbook.core.store.segments.dimensions import Segment
from loanbook.core.store.segments.question import Question

NO_END = (dt.date(1900, 1, 31),)
"""Stands for no month end at all, for a question that is made of them: nothing was lent then."""
_STAGE = "CASE {} END".format(
    " ".join(
        f"WHEN p.days_past_due >= {days} THEN '{name}'" for name, days in reversed(STAGES.items())
    )
)
_MONTHS = "datediff('month', {since}, {to})::INTEGER"


def months_to(segment: Segment, first: dt.date | None, most: int = 24) -> list[dt.date]:
    """Month ends that the book has lived, to the segment's date, the last `most` of them."""
    end = last_month_end(segment.at.on)
    found: list[dt.date] = []
    while first is not None and end >= first and len(found) < most:
        found.append(end)
        end = end.replace(day=1) - dt.timedelta(days=1)
    return found[::-1]


def _question(segment: Segment, sql: str, **more: object) -> Question:
    return Question(sql, {**segment.parameters, **more})


def _of(measure: Measure) -> str:
    return "WHERE o.taken_over_on IS NULL" if measure.born_here else ""


def cohort_loans(segment: Segment, by: str, name: str, *, counts: bool = False) -> Question:
    """Loans by cohort and age: `cohort`, `age` (months to the last month end), `base`, `loans`."""
    age = _MONTHS.format(since="o.disbursed_on", to="$end")
    base = "count(*)" if counts else "sum(o.amount)"
    sql = f"""
    SELECT o.label AS cohort, {age} AS age, {base}::BIGINT AS base, count(*)::BIGINT AS loans
    FROM ({segment.loans(by)}) o {_of(MEASURES[name])} GROUP BY ALL ORDER BY ALL
    """
    return _question(segment, sql, end=last_month_end(segment.at.on))


def cohort_events(segment: Segment, by: str, name: str, *, counts: bool = False) -> Question:
    """What befell loans by cohort, age and month on book: `cohort`, `age`, `mob`, `amount`."""
    measure = MEASURES[name]
    age = _MONTHS.format(since="o.disbursed_on", to="$end")
    amount = "count(*)" if counts else f"sum({measure.amount})"
    sql = f"""
    SELECT o.label AS cohort, {age} AS age, {_MONTHS.format(since="o.disbursed_on", to=measure.on)} AS mob,
           {amount}::BIGINT AS amount
    FROM ({segment.loans(by)}) o {_of(measure)} {"AND" if measure.born_here else "WHERE"} ({measure.on}) <= $end
    GROUP BY ALL
    """
    if name == "net_loss" and not counts:
        sql += f"""
    UNION ALL BY NAME
    SELECT o.label AS cohort, {age} AS age,
           {_MONTHS.format(since="o.disbursed_on", to="r.value_date")} AS mob, -sum(r.amount)::BIGINT AS amount
    FROM ({segment.loans(by)}) o JOIN recoveries r ON r.loan_id = o.loan_id
    WHERE o.taken_over_on IS NULL AND r.version <= $known_at AND r.value_date <= $end GROUP BY ALL
    """
    return _question(segment, sql, end=last_month_end(segment.at.on))


def left_out(segment: Segment) -> Question:
    """Loans taken over in mid-life: `loans`."""
    sql = f"SELECT count(*)::BIGINT AS loans FROM ({segment.loans()}) o WHERE o.taken_over_on IS NOT NULL"
    return _question(segment, sql)


def balances(segment: Segment, ends: Sequence[dt.date], by: str = "month") -> Question:
    """The book at month ends by days past due: `business_date`, `label`, `cohort` (month of origination), `status`,
    `days_past_due`, `loans`, `principal`, `overdue`, `principal_due`."""
    sums = ("loans", "principal", "overdue", "principal_due")
    if segment.by_marts and segment.known[by].in_marts:
        summed = ", ".join(f"sum({name})::BIGINT AS {name}" for name in sums)
        columns = "m.business_date, m.cohort, m.status, m.days_past_due, m.loans, m.principal, m.overdue, m.principal_due"
        sql = f"""
    SELECT business_date, label, cohort, status, days_past_due, {summed}
    FROM ({segment.rows("state", columns, by)}) WHERE business_date IN (SELECT unnest($ends))
    GROUP BY ALL HAVING sum(loans) <> 0 OR sum(principal) <> 0 ORDER BY ALL
    """
        return _question(segment, sql, ends=list(ends))
    each = " UNION ALL ".join(
        f"SELECT DATE '{end}' AS business_date, loan_id, status, days_past_due, principal, principal_due, {OVERDUE} AS overdue FROM positions_at(DATE '{end}', $known_at) p"
        for end in ends or NO_END
    )  # fmt: skip
    sql = f"""
    SELECT p.business_date, o.label, date_trunc('month', o.disbursed_on)::DATE AS cohort, p.status, p.days_past_due,
           count(*)::BIGINT AS loans, sum(p.principal)::BIGINT AS principal, sum(p.overdue)::BIGINT AS overdue,
           sum(p.principal_due)::BIGINT AS principal_due
    FROM ({each}) p JOIN ({segment.loans(by)}) o ON o.loan_id = p.loan_id GROUP BY ALL ORDER BY ALL
    """
    return _question(segment, sql)


def rolls(segment: Segment, ends: Sequence[dt.date]) -> Question:
    """Where money of month ends stood a month before: `business_date`, both states, `loans`, both principals."""
    states = "from_status, from_days, to_status, to_days"
    if segment.by_marts:
        columns = (
            "m.business_date, m.from_status, m.from_days, m.to_status, m.to_days, m.loans, "
            "m.from_principal, m.to_principal"
        )
        sql = f"""
    SELECT business_date, {states}, sum(loans)::BIGINT AS loans, sum(from_principal)::BIGINT AS from_principal,
           sum(to_principal)::BIGINT AS to_principal
    FROM ({segment.rows("roll", columns)}) WHERE business_date IN (SELECT unnest($ends))
    GROUP BY ALL HAVING sum(loans) <> 0 ORDER BY ALL
    """
        return _question(segment, sql, ends=list(ends))
    parts = " UNION ALL ".join(_rolled(end) for end in ends or NO_END)
    sql = f"""
    SELECT s.business_date, {states}, count(*)::BIGINT AS loans, sum(coalesce(from_principal, 0))::BIGINT AS from_principal,
           sum(coalesce(to_principal, 0))::BIGINT AS to_principal
    FROM ({parts}) s JOIN ({segment.loans()}) o ON o.loan_id = s.loan_id GROUP BY ALL ORDER BY ALL
    """
    return _question(segment, sql)


def _rolled(end: dt.date) -> str:
    """Each loan's states at a month end and at the one before."""
    before = end.replace(day=1) - dt.timedelta(days=1)
    return f"""
        SELECT DATE '{end}' AS business_date, coalesce(t.loan_id, f.loan_id) AS loan_id, f.status AS from_status,
               f.days_past_due AS from_days, f.principal AS from_principal,
               coalesce(t.status, {ENDED_AS}) AS to_status, t.days_past_due AS to_days, t.principal AS to_principal
        FROM (SELECT * FROM positions_at(DATE '{before}', $known_at)) f
        FULL JOIN (SELECT * FROM positions_at(DATE '{end}', $known_at)) t ON t.loan_id = f.loan_id
        LEFT JOIN endings_now e ON e.loan_id = coalesce(t.loan_id, f.loan_id)"""


def daily(segment: Segment, first: dt.date) -> Question:
    """The book by day from a date on: `business_date`, `status`, `days_past_due`, `loans`, `principal`, `overdue`.

    By the mart `portfolio_daily`, which tells product and entity alone.
    """
    columns = "m.business_date, m.status, m.days_past_due, m.loans, m.principal, m.overdue"
    sql = f"""
    SELECT business_date, status, days_past_due, sum(loans)::BIGINT AS loans, sum(principal)::BIGINT AS principal,
           sum(overdue)::BIGINT AS overdue
    FROM ({segment.rows("portfolio_daily", columns)}) WHERE business_date >= $first
    GROUP BY ALL HAVING sum(loans) <> 0 ORDER BY ALL
    """
    return _question(segment, sql, first=first)


def portfolio(segment: Segment, on: dt.date) -> Question:
    """A date by status and days past due: `status`, `days_past_due`, `loans`, `principal`, `overdue`, `currency`."""
    if set(segment.filters) <= {"product", "entity"}:
        columns = "m.business_date, m.currency, m.status, m.days_past_due, m.loans, m.principal, m.overdue"
        sql = f"""
    SELECT currency, status, days_past_due, sum(loans)::BIGINT AS loans, sum(principal)::BIGINT AS principal,
           sum(overdue)::BIGINT AS overdue
    FROM ({segment.rows("portfolio_daily", columns)}) WHERE business_date = $date
    GROUP BY ALL HAVING sum(loans) <> 0 ORDER BY ALL
    """
        return _question(segment, sql, date=on)
    sql = f"""
    SELECT o.currency, p.status, p.days_past_due, count(*)::BIGINT AS loans, sum(p.principal)::BIGINT AS principal,
           sum({OVERDUE})::BIGINT AS overdue
    FROM (SELECT * FROM positions_at($date, $known_at)) p JOIN ({segment.loans()}) o ON o.loan_id = p.loan_id
    GROUP BY ALL ORDER BY ALL
    """
    return _question(segment, sql, date=on)


def received(segment: Segment) -> Question:
    """What money met by month: `month` (its first day), `paid_due`, `paid_late`, `paid_in_advance`, `principal_paid`,
    `principal_due_paid`, `interest_paid`."""
    due, late, ahead = (each.value for each in (Timing.due, Timing.past_due, Timing.in_advance))
    principal, interest = Component.principal.value, Component.interest.value
    if segment.by_marts:
        source = segment.rows("collections", "m.business_date, m.component, m.timing, m.amount")
    else:
        source = (
            "SELECT a.business_date, a.component, a.timing, a.amount FROM allocations a "
            f"JOIN ({segment.loans()}) o ON o.loan_id = a.loan_id WHERE a.business_date <= $on AND "
            "a.version <= $known_at AND NOT EXISTS (SELECT 1 FROM restated_loans r WHERE r.loan_id = a.loan_id "
            "AND r.version > a.version AND r.version <= $known_at "
            "AND a.business_date BETWEEN r.from_date AND r.through_date)"
        )
    sums = {
        "paid_due": f"timing = {due}", "paid_late": f"timing = {late}", "paid_in_advance": f"timing = {ahead}",
        "principal_paid": f"component = {principal} AND timing <> {Timing.given_up.value}",
        "principal_due_paid": f"component = {principal} AND timing IN ({due}, {late})",
        "interest_paid": f"component = {interest} AND timing <> {Timing.given_up.value}",
    }  # fmt: skip
    columns = ", ".join(
        f"coalesce(sum(amount) FILTER (WHERE {where}), 0)::BIGINT AS {name}"
        for name, where in sums.items()
    )
    sql = f"SELECT date_trunc('month', business_date)::DATE AS month, {columns} FROM ({source}) GROUP BY ALL ORDER BY 1"
    return _question(segment, sql)


def losses(segment: Segment) -> Question:
    """Charge-offs and recoveries by month: `month`, `charged_off`, `recovered`."""
    sql = f"""
    WITH o AS ({segment.loans()})
    SELECT month, coalesce(sum(charged_off), 0)::BIGINT AS charged_off, coalesce(sum(recovered), 0)::BIGINT AS recovered FROM (
        SELECT date_trunc('month', charged_off_on)::DATE AS month, principal_charged_off AS charged_off, 0 AS recovered
        FROM o WHERE charged_off_on IS NOT NULL
        UNION ALL
        SELECT date_trunc('month', r.value_date)::DATE, 0, r.amount FROM recoveries r JOIN o ON o.loan_id = r.loan_id
        WHERE r.version <= $known_at AND r.value_date <= $on) GROUP BY month ORDER BY month
    """
    return _question(segment, sql)


def originated(segment: Segment) -> Question:
    """What was lent by month: `month`, `loans`, `amount`."""
    sql = f"""
    SELECT date_trunc('month', o.disbursed_on)::DATE AS month, count(*)::BIGINT AS loans, sum(o.amount)::BIGINT AS amount
    FROM ({segment.loans()}) o GROUP BY ALL ORDER BY 1
    """
    return _question(segment, sql)


def strats(segment: Segment, by: str, across: str | None = None) -> Question:
    """Live loans by one dimension or two: `label`, `across`, `loans`, `principal`, `overdue`, `late_30` (principal more
    than 30 days past due), `rate` (weighted by principal, share a year), `largest` (principal of the largest loan)."""
    second = f"JOIN ({segment.loans(across)}) x ON x.loan_id = o.loan_id" if across else ""
    sql = f"""
    SELECT o.label, {"x.label" if across else "NULL::VARCHAR"} AS across, count(*)::BIGINT AS loans, sum(p.principal)::BIGINT AS principal,
           sum({OVERDUE})::BIGINT AS overdue, coalesce(sum(p.principal) FILTER (WHERE p.days_past_due > 30), 0)::BIGINT AS late_30,
           sum(p.principal * (o.rate_ppb / 1e9)) / nullif(sum(p.principal), 0) AS rate, max(p.principal) AS largest
    FROM (SELECT * FROM positions_at($on, $known_at)) p JOIN ({segment.loans(by)}) o ON o.loan_id = p.loan_id {second}
    WHERE p.status = {Status.active.value} GROUP BY ALL ORDER BY ALL
    """
    return _question(segment, sql)


def listed(segment: Segment, by: str, most: int = 500) -> Question:
    """Live loans of the segment, largest principal first: number, key, terms and standing."""
    sql = f"""
    SELECT o.loan_id, k.loan_key, o.label, o.disbursed_on, o.amount, o.rate_ppb / 1e9 AS rate, p.principal,
           {OVERDUE} AS overdue, p.days_past_due, s.name AS status
    FROM (SELECT * FROM positions_at($on, $known_at)) p JOIN ({segment.loans(by)}) o ON o.loan_id = p.loan_id
    JOIN loan_keys k ON k.loan_id = o.loan_id LEFT JOIN status_names s ON s.code = p.status
    ORDER BY p.principal DESC, o.loan_id LIMIT {int(most)}
    """
    return _question(segment, sql)


def pools(segment: Segment) -> Question:
    """Live loans as pools of one rate (to a quarter of a per cent), remaining term, age and stage: `stage`, `rate`,
    `term`, `age` (months), `loans`, `balance` (principal), `owed` (with interest)."""
    sql = f"""
    SELECT {_STAGE} AS stage,
           round(o.rate_ppb / 2500000) * 0.0025 AS rate, greatest({_MONTHS.format(since="$on", to="o.matures")}, 1)::INTEGER AS term,
           greatest({_MONTHS.format(since="o.disbursed_on", to="$on")}, 0)::INTEGER AS age, count(*)::BIGINT AS loans,
           sum(p.principal)::BIGINT AS balance, sum(p.principal + p.interest_accrued + p.interest_due)::BIGINT AS owed
    FROM (SELECT * FROM positions_at($on, $known_at)) p JOIN ({segment.loans()}) o ON o.loan_id = p.loan_id
    WHERE p.status = {Status.active.value} AND p.principal > 0 GROUP BY ALL ORDER BY ALL
    """
    return _question(segment, sql)


def digest(segment: Segment) -> Question:
    """A fixed list of loans and its fingerprint: `loans`, `amount`, `digest` (MD5 of all numbers in order)."""
    sql = f"""
    SELECT count(*)::BIGINT AS loans, coalesce(sum(o.amount), 0)::BIGINT AS amount,
           md5(coalesce(string_agg(o.loan_id::VARCHAR, ',' ORDER BY o.loan_id), '')) AS digest
    FROM ({segment.loans()}) o
    """
    return _question(segment, sql)


def first_payments(segment: Segment) -> Question:
    """First payment and early payment default: `due_30`, `unpaid_30`, `due_90`, `early_90` (loans)."""
    sql = f"""
    SELECT count(*) FILTER (WHERE o.first_due_date + 30 <= $on)::BIGINT AS due_30,
           count(*) FILTER (WHERE o.first_30_on <= o.first_due_date + 31)::BIGINT AS unpaid_30,
           count(*) FILTER (WHERE o.first_due_date + 90 <= $on)::BIGINT AS due_90,
           count(*) FILTER (WHERE o.first_90_on <= o.first_due_date + to_months(3) + to_days(91))::BIGINT AS early_90
    FROM ({segment.loans()}) o WHERE o.taken_over_on IS NULL
    """
    return _question(segment, sql)
