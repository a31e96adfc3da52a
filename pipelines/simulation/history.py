"""Derive dates and payments that end a loan near what its tape reports.

A tape gives the month of issue, the instalment, the status, the total paid and the late
fees paid on `as_of`. It gives no due dates and no single payment: THESE ARE DERIVED HERE,
by rules and a seed, and are not history. The rules read `installment`, `loan_status`,
`issue_month`, `paid_total` and `paid_late_fees`, never the reported balance, principal or
interest, so that comparing those with the engine's figures means something.

1. The paid total less late fees is k instalments and a remainder. A remainder between -29
   and 45 days' interest (on most loans a whole number of days of a 30-day month) adjusts
   the first instalment's interest to the day of issue; it is a term that is boarded.
2. Between the month after issue and `as_of` a loan has m due dates (5, 4, 3 for issues of
   January, February, March 2018 and 30 June). k = m: due on day 1 to 28, by seed. k = m + 1:
   issued on the first, due on the last day of each month. k = m - 1: issued on the last
   day, first due on the first of the second month after.
3. Late loans miss the instalment whose due date gives their reported status.
4. What a loan paid beyond that is one early payment on a seeded date. Fully paid loans pay
   off on the day on which principal and interest come to the paid total.
5. A loan that paid late fees paid as many instalments 16 to 25 days late, with the fee.
6. After `as_of`, loans reported current go on paying on the due date.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from loanbook.core.contract.dates.due_dates import Unit, due_date
from loanbook.core.contract.money import PPB, Rounding, int128, rounded_quotient

DENOMINATOR = 12 * PPB
MAX_SHIFT_DAYS = 45


@dataclass(frozen=True)
class History:
    """Derived terms and movements of a tape."""

    terms: pl.DataFrame
    """The tape's `loan_key` with `issue_date`, `first_due_date`, `first_interest_adjustment`."""
    payments: pl.DataFrame
    """`loan_key`, `payment_no`, `value_date`, `amount` (Int64 minor units)."""
    charge_offs: pl.DataFrame
    """`loan_key`, `value_date`."""


def derive(tape: pl.DataFrame, as_of: dt.date, through: dt.date, seed: int) -> History:
    """The derived history of a tape.

    `tape`: `loan_key`, `principal`, `emi`, `paid_total`, `late_fees` (Int64 minor units),
    `rate_ppb`, `instalments`, `issue_month` (Date, first of the month), `status`.
    """
    loans = _placed(_counted(_with_chance(tape, seed), as_of), as_of)
    regular = _regular(loans, as_of)
    early = loans.filter((pl.col("extra") > 0) & (pl.col("status") != "Fully Paid")).select(
        "loan_key",
        value_date=pl.min_horizontal(
            pl.col("first_due_date") + pl.duration(days=(pl.col("chance_b") * 90).cast(pl.Int64)),
            pl.lit(as_of),
        ),
        amount="extra",
    )
    after = _after(loans, as_of, through)
    payments = pl.concat([regular, early, _payoffs(loans, as_of), after]).sort(
        "loan_key", "value_date", "amount"
    )
    charge_offs = loans.filter(pl.col("status") == "Charged Off").select(
        "loan_key",
        value_date=pl.lit(as_of) - pl.duration(days=(pl.col("chance_b") * 20).cast(pl.Int64)),
    )
    terms = loans.select(
        "loan_key", "issue_date", "first_due_date", first_interest_adjustment="adjustment"
    )
    numbered = payments.with_columns(
        payment_no=pl.int_range(1, pl.len() + 1).over("loan_key")
    ).select("loan_key", "payment_no", "value_date", "amount")
    return History(terms, numbered.filter(pl.col("amount") > 0), charge_offs)


def _with_chance(tape: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Uniform draws from the key and the seed: the same loan always gets the same ones."""
    number = pl.col("loan_key").str.slice(0, 12).str.to_integer(base=16, strict=True)
    modulus = 2_147_483_647

    def draw(salt: int) -> pl.Expr:
        mixed = (number % modulus * 48_271 + seed * 7_919 + salt * 104_729) % modulus
        return (mixed * 16_807 % modulus) / modulus

    return tape.with_columns(chance_a=draw(1), chance_b=draw(2), chance_c=draw(3))


def _counted(tape: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """`paid` without fees, `k` whole instalments, `adjustment`, `m` due dates by `as_of`."""
    paid = pl.col("paid_total") - pl.col("late_fees")
    months = (as_of.year * 12 + as_of.month) - (
        pl.col("issue_month").dt.year().cast(pl.Int32) * 12
        + pl.col("issue_month").dt.month().cast(pl.Int32)
    )
    counted = tape.with_columns(
        paid=paid,
        k=((paid * 2 + pl.col("emi")) // (pl.col("emi") * 2)).cast(pl.Int32),
        m=months.cast(pl.Int32),
    ).with_columns(rest=pl.col("paid") - pl.col("k") * pl.col("emi"))
    a_day = pl.col("principal").cast(pl.Float64) * pl.col("rate_ppb") / (360 * PPB)
    days = pl.col("rest") / a_day
    fits = (pl.col("k") >= 1) & (days.abs() <= MAX_SHIFT_DAYS) & (days >= -29)
    return counted.with_columns(
        fits=fits.fill_null(False) & (pl.col("status") != "Fully Paid")
    ).with_columns(adjustment=pl.when("fits").then("rest").otherwise(0))


def _placed(loans: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """`issue_date`, `first_due_date`, instalments paid on time (`on_time`) and `extra`."""
    k, m, status = pl.col("k"), pl.col("m"), pl.col("status")
    current = (status == "Current") & pl.col("fits")
    month_end, ahead = current & (k == m + 1), current & (k == m - 1)
    grace, late = status == "In Grace Period", status == "Late (16-30 days)"
    overdue = status == "Late (31-120 days)"
    low = pl.when(grace).then(15).otherwise(pl.when(overdue & (k == m - 3)).then(3).otherwise(1))
    high = pl.when(late).then(14).otherwise(28)
    day = low + (pl.col("chance_a") * (high - low + 1)).floor().cast(pl.Int64)
    first = pl.col("issue_month")
    a_month_on = first.dt.offset_by("1mo") + pl.duration(days=day - 1)
    missed = pl.when(grace | late).then(1).when(overdue).then((m - k).clip(2, 4)).otherwise(0)
    owed = pl.when(month_end).then(m + 1).when(ahead).then(m - 1).otherwise(m - missed)
    on_time = pl.min_horizontal(owed.clip(lower_bound=0), k)
    placed = loans.with_columns(
        issue_date=pl.when(month_end)
        .then(first)
        .when(ahead)
        .then(first.dt.month_end())
        .otherwise(first + pl.duration(days=day - 1)),
        first_due_date=pl.when(month_end)
        .then(first.dt.month_end())
        .when(ahead)
        .then(first.dt.offset_by("2mo"))
        .otherwise(a_month_on),
        on_time=pl.when(status == "Charged Off").then(pl.min_horizontal(k, m)).otherwise(on_time),
    )
    beyond = pl.col("paid") - pl.col("on_time") * pl.col("emi") - pl.col("adjustment")
    fee = pl.max_horizontal(pl.lit(1500, dtype=pl.Int64), (pl.col("emi") + 10) // 20)
    return placed.with_columns(
        extra=beyond.clip(lower_bound=0),
        fees_paid=pl.min_horizontal(
            (pl.col("late_fees") / fee).round().cast(pl.Int32), pl.col("on_time")
        ),
        fee=fee,
        anchor_day=pl.col("first_due_date").dt.day().cast(pl.Int8),
        second_anchor_day=pl.lit(1, dtype=pl.Int8),
        end_of_month=(pl.col("first_due_date") == pl.col("first_due_date").dt.month_end()),
        every=pl.lit(1, dtype=pl.Int16),
        unit=pl.lit(Unit.months.value, dtype=pl.Int8),
    )


def _due(n: pl.Expr) -> pl.Expr:
    return due_date(n, frozenset({Unit.months.value}))


def _regular(loans: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """Instalments paid on the due date; the last ones late, with a fee, where fees were paid."""
    paying = loans.filter((pl.col("on_time") > 0) & (pl.col("status") != "Fully Paid"))
    each = paying.with_columns(n=pl.int_ranges(1, pl.col("on_time") + 1)).explode("n")
    charged = pl.col("n") > pl.col("on_time") - pl.col("fees_paid")
    delay = pl.when(charged).then(16 + (pl.col("chance_c") * 9).floor().cast(pl.Int64)).otherwise(0)
    first = pl.when(pl.col("n") == 1).then("adjustment").otherwise(0)
    return each.select(
        "loan_key",
        value_date=pl.min_horizontal(_due(pl.col("n")) + pl.duration(days=delay), pl.lit(as_of)),
        amount=pl.col("emi") + first + pl.when(charged).then("fee").otherwise(0),
    )


def _after(loans: pl.DataFrame, as_of: dt.date, through: dt.date) -> pl.DataFrame:
    """Loans reported current pay what falls due after `as_of`, until `through`."""
    months = (through.year - as_of.year) * 12 + through.month - as_of.month + 1
    current = loans.filter(pl.col("status") == "Current")
    return (
        current.with_columns(ahead=pl.int_ranges(1, pl.lit(months + 2)))
        .explode("ahead")
        .with_columns(value_date=_due(pl.col("on_time") + pl.col("ahead")))
        .filter((pl.col("value_date") > as_of) & (pl.col("value_date") <= through))
        .select("loan_key", "value_date", amount="emi")
    )


def _payoffs(loans: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """Fully paid loans: instalments on time, then all that is owed on the derived day.

    Follows the balance exactly (fractions of a cent carried), as a borrower who asks for
    a payoff quote would be told.
    """
    state = loans.filter(pl.col("status") == "Fully Paid").with_columns(
        balance=pl.col("principal"), rest_of=pl.lit(0, dtype=pl.Int128),
        target=(pl.col("paid") - pl.col("principal")).clip(lower_bound=0),
        earned=pl.lit(0, dtype=pl.Int64), n=pl.lit(1, dtype=pl.Int32), open=pl.lit(True),
    )  # fmt: skip
    found: list[pl.DataFrame] = []
    while not state.is_empty():
        start = pl.when(pl.col("n") == 1).then("issue_date").otherwise(_due(pl.col("n") - 1))
        state = state.with_columns(start=start, end=_due(pl.col("n"))).with_columns(
            days=(pl.col("end") - pl.col("start")).dt.total_days(),
            exact=int128(pl.col("balance")) * int128(pl.col("rate_ppb")),
        )
        whole = _half_even(pl.col("exact") + pl.col("rest_of"), int128(DENOMINATOR))
        state = state.with_columns(interest=whole)
        runs = (
            (pl.col("earned") + pl.col("interest") <= pl.col("target"))
            & (pl.col("end") <= as_of)
            & (pl.col("emi") - pl.col("interest") < pl.col("balance"))
        )
        ending = state.filter(~runs)
        room = (pl.lit(as_of) - pl.col("start")).dt.total_days().clip(lower_bound=0)
        share = (pl.col("target") - pl.col("earned")) / pl.col("interest").clip(lower_bound=1)
        nights = pl.min_horizontal(
            (share * pl.col("days")).round().cast(pl.Int64).clip(lower_bound=0),
            pl.col("days") - 1,
            room,
        ).clip(lower_bound=pl.when(pl.col("n") == 1).then(1).otherwise(0))
        accrued = _half_even(
            pl.col("exact") * pl.col("nights") + pl.col("rest_of") * pl.col("days"),
            int128(pl.col("days")) * DENOMINATOR,
        )
        found.append(
            ending.with_columns(nights=nights).select(
                "loan_key",
                value_date=pl.col("start") + pl.duration(days=pl.col("nights")),
                amount=pl.col("balance") + accrued,
            )
        )
        state = state.filter(runs)
        found.append(state.select("loan_key", value_date="end", amount="emi"))
        state = state.with_columns(
            balance=pl.col("balance") - pl.col("emi") + pl.col("interest"),
            rest_of=pl.col("exact") + pl.col("rest_of") - int128(pl.col("interest")) * DENOMINATOR,
            earned=pl.col("earned") + pl.col("interest"),
            n=pl.col("n") + 1,
        )
    if not found:
        return loans.clear().select("loan_key", value_date="issue_date", amount="emi")
    return pl.concat(found)


def _half_even(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    return rounded_quotient(numerator, denominator, Rounding.half_even)
