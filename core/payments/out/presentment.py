"""Which debits go out on a day: what falls due, by which mandate, what stands in the way.

A debit is asked for once: its key is the loan, the due date and the attempt. A due date that is no banking day is
collected on the next one; the file goes so many banking days before as the originator says.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.policy.originators import Originator, ReturnCodes

RETRY = "RETRY PYMT"
"""Description of a NACHA batch of debits that are presented again (subsection 2.13.4, which has it so)."""
DEBITS = {
    "key": pl.String, "purpose": pl.String, "loan_id": pl.Int64, "mandate": pl.String, "account": pl.String,
    "due_date": pl.Date, "attempt": pl.Int32, "first_effective": pl.Date, "effective": pl.Date,
    "amount": pl.Int64, "description": pl.String, "sequence": pl.String, "signed": pl.Date,
}  # fmt: skip
"""Debits to present; `purpose`: instalment, retry or prenote."""
PASSED = {
    "loan_id": pl.Int64, "mandate": pl.String, "due_date": pl.Date, "amount": pl.Int64, "why": pl.String,
}  # fmt: skip
"""Debits that fell to the day and are not presented."""
WHY = {
    "mandate_created": "its mandate has not begun",
    "mandate_suspended": "its mandate is suspended",
    "mandate_revoked": "its mandate was revoked",
    "mandate_expired": "its mandate has expired",
    "above_the_cap": "more than its mandate allows a debit to be",
    "promised_elsewhere": "money that came or is on its way covers it",
    "waits_for_prenote": "the account's prenotification may still come back",
    "not_owed_any_more": "what came back was paid since, or is not owed any more",
    "too_late_to_retry": "the days in which it may be presented again are over",
}
"""Why a debit is not presented."""


@dataclass(frozen=True)
class Situation:
    """What presentments of a day are judged by."""

    owed: pl.DataFrame
    """`loan_id`, `due_date`, `amount`: what is unpaid of dues and of those to come, in the book."""
    money: pl.DataFrame
    """`loan_id`, `value_date`, `amount`: money that the book does not hold yet."""
    mandates: pl.DataFrame
    """`loanbook.core.payments.out.mandates.MANDATES`."""
    sent: pl.DataFrame
    """Instructions so far of the loans: `key`, `purpose`, `loan_id`, `mandate`, `account`, `due_date`, `attempt`,
    `first_effective`, `effective`, `amount`, and of those that came back `code`, `returned_on` (else null)."""


@dataclass(frozen=True)
class BankingDay:
    """The day of a file, and the day on which its debits settle."""

    day: dt.date
    settles: dt.date
    calendar: Calendar


def effective_on(calendar: Calendar, day: dt.date, lead_days: int) -> dt.date | None:
    """The banking day on which the day's file settles, so many banking days on; None: the day is none."""
    given = pl.DataFrame({"day": [day]})
    if not given.select(calendar.is_business_day(pl.col("day"))).item():
        return None
    found: dt.date = given.select(banking_days_after(pl.col("day"), lead_days, calendar)).item()
    return found


def banking_days_after(day: pl.Expr, days: int, calendar: Calendar) -> pl.Expr:
    """So many banking days after a date, which counts from the next one where it is none itself."""
    weekdays = tuple(each not in calendar.weekend for each in range(1, 8))
    return day.dt.add_business_days(
        days, week_mask=weekdays, holidays=list(calendar.holidays), roll="forward"
    )


def debits(
    by: Originator, calendar: Calendar, codes: ReturnCodes, now: Situation, day: dt.date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Debits of the originator for the file of a day (schema `DEBITS`), and those that are not presented
    (`PASSED`, `why` of `WHY`). Nothing on a day that is no banking day."""
    settles = effective_on(calendar, day, by.lead_days)
    if settles is None:
        return pl.DataFrame(schema=DEBITS), pl.DataFrame(schema=PASSED)
    mandates = now.mandates.filter(pl.col("originator") == by.name)
    chosen = _chosen(mandates)
    at = BankingDay(day, settles, calendar)
    asked = [_instalments(by, at, now, chosen), _retries(by, at, codes, now, chosen)]
    known = now.sent.select("key")
    rows = pl.concat(asked).join(known, on="key", how="anti", maintain_order="left")
    rows = _judged(rows, by, at, now)
    keep = rows.filter(pl.col("why").is_null())
    passed = rows.filter(pl.col("why").is_not_null()).select(PASSED.keys())
    prenotes = _prenotes(by, chosen, now, settles)
    every = pl.concat([keep.select(DEBITS.keys()), prenotes])
    return every.sort("key"), passed.sort("loan_id", "due_date")


def _chosen(mandates: pl.DataFrame) -> pl.DataFrame:
    """One mandate a loan: the first that is active, else the one that changed last."""
    active = pl.col("state") == "active"
    return (
        mandates.with_columns(_last=~active)
        .sort("loan_id", "_last", pl.when(active).then("starts"), pl.col("since"), "mandate",
              descending=[False, False, False, True, False])
        .unique("loan_id", keep="first", maintain_order=True)
        .drop("_last")
    )  # fmt: skip


def _instalments(
    by: Originator, at: BankingDay, now: Situation, mandates: pl.DataFrame
) -> pl.DataFrame:
    """What falls due and is collected on the day that the file settles, with what of it is still to be asked."""
    due = (
        now.owed.group_by("loan_id", "due_date").agg(pl.col("amount").sum())
        .join(mandates, on="loan_id")
        .with_columns(collected=at.calendar.next(pl.col("due_date")))
        .sort("loan_id", "due_date")
    )  # fmt: skip
    of_day = pl.col("collected").is_between(at.day, at.settles)
    owed_by_then = pl.col("amount").cum_sum().over("loan_id")
    first = of_day & (of_day.cast(pl.Int64).cum_sum().over("loan_id") == 1)
    before = owed_by_then - pl.col("amount")
    asks = pl.when(first).then(before + pl.col("amount")).otherwise("amount") if by.arrears == "include" else pl.col("amount")  # fmt: skip
    left = (owed_by_then - pl.col("money").fill_null(0)).clip(0)
    return (
        due.join(_money_by(at, now), on="loan_id", how="left", maintain_order="left")
        .with_columns(asks=asks, left=left)
        .filter(of_day)
        .with_columns(
            purpose=pl.lit("instalment"), attempt=pl.lit(1, dtype=pl.Int32),
            first_effective=pl.lit(at.settles), effective=pl.lit(at.settles),
            amount=pl.min_horizontal("asks", "left"), description=pl.lit(by.debit_description),
            why=pl.when(pl.col("left") <= 0).then(pl.lit("promised_elsewhere")), key=_key(1),
        )
        .with_columns(amount=pl.when(pl.col("why").is_null()).then("amount").otherwise("asks"))
        .select(_ASKED)
    )  # fmt: skip


def _money_by(at: BankingDay, now: Situation) -> pl.DataFrame:
    """`loan_id`, `money` that comes by the day on which the file settles."""
    come = now.money.filter(pl.col("value_date") <= at.settles)
    return come.group_by("loan_id").agg(money=pl.col("amount").sum())


_ASKED = ["key", "purpose", "loan_id", "mandate", "account", "due_date", "attempt", "first_effective",
          "effective", "amount", "description", "signed", "cap", "collects", "state", "why"]  # fmt: skip


def _key(attempt: int | pl.Expr) -> pl.Expr:
    """Under which a debit is asked for once."""
    number = pl.lit(attempt) if isinstance(attempt, int) else attempt
    return pl.format("debit/{}/{}/{}", "loan_id", pl.col("due_date").cast(pl.String), number)


def _retries(
    by: Originator, at: BankingDay, codes: ReturnCodes, now: Situation, mandates: pl.DataFrame
) -> pl.DataFrame:
    """Debits that came back and may be asked for again, on the day that is right for it: the same amount."""
    rules = pl.DataFrame(
        [(code, rule.retries, rule.retry_within_days) for code, rule in codes.codes.items() if rule.retries],
        schema={"code": pl.String, "retries": pl.Int32, "within": pl.Int64}, orient="row",
    )  # fmt: skip
    last = now.sent.filter(pl.col("purpose").is_in(["instalment", "retry"])).sort("attempt").unique(
        ["loan_id", "due_date"], keep="last", maintain_order=True
    )  # fmt: skip
    back = (
        last.filter(pl.col("returned_on").is_not_null())
        .join(rules, on="code")
        .filter(pl.col("attempt") <= pl.col("retries"))
        .drop("mandate", "account")
        .join(mandates, on="loan_id")
        .with_columns(again=retried_on(by, at.calendar))
    )
    # what falls due for this file is asked by itself
    owed = (
        now.owed.filter(at.calendar.next(pl.col("due_date")) < at.day)
        .group_by("loan_id")
        .agg(owed=pl.col("amount").sum())
    )
    still = pl.col("owed").fill_null(0) - pl.col("money").fill_null(0) >= pl.col("amount")
    in_time = at.settles <= pl.col("first_effective").dt.offset_by(pl.format("{}d", "within"))
    return (
        back.filter(pl.col("again") <= at.settles)
        .join(owed, on="loan_id", how="left", maintain_order="left")
        .join(_money_by(at, now), on="loan_id", how="left", maintain_order="left")
        .with_columns(
            purpose=pl.lit("retry"), attempt=(pl.col("attempt") + 1).cast(pl.Int32),
            effective=pl.lit(at.settles),
            description=pl.lit(RETRY if by.rail == "nacha" else by.debit_description),
            why=pl.when(~in_time).then(pl.lit("too_late_to_retry"))
            .when(~still).then(pl.lit("not_owed_any_more")),
            key=_key(pl.col("attempt") + 1),
        )
        .select(_ASKED)
    )  # fmt: skip


def retried_on(by: Originator, calendar: Calendar) -> pl.Expr:
    """The banking day for which a debit that came back is presented again: the payer's next payday where one is
    known and near, else some days after the return. Reads `returned_on`, `payday`."""
    back = pl.col("returned_on")
    month = back.dt.month_start()

    def payday(of: pl.Expr) -> pl.Expr:
        return of.dt.offset_by(
            pl.format("{}d", pl.min_horizontal(pl.col("payday").cast(pl.Int64), of.dt.month_end().dt.day().cast(pl.Int64)) - 1)
        )  # fmt: skip

    this, following = payday(month), payday(month.dt.offset_by("1mo"))
    next_ = pl.when(this > back).then(this).otherwise(following)
    known = pl.col("payday").is_not_null()
    near = known & ((next_ - back).dt.total_days() <= by.payday_within_days)
    plain = back.dt.offset_by(f"{by.retry_after_days}d")
    return calendar.next(pl.when(near.fill_null(False)).then(next_).otherwise(plain))


def _judged(rows: pl.DataFrame, by: Originator, at: BankingDay, now: Situation) -> pl.DataFrame:
    """With why each is not presented, or null, and its place in the mandate's sequence."""
    used = now.sent.filter(pl.col("purpose") != "prenote").group_by("mandate").agg(used=pl.len())
    told = rows.join(used, on="mandate", how="left", maintain_order="left")
    waits = pl.lit(False)
    if by.prenote_days is not None:
        asked = now.sent.filter(pl.col("purpose") == "prenote").group_by("mandate", "account").agg(
            asked=pl.col("effective").max()
        )  # fmt: skip
        told = told.join(asked, on=["mandate", "account"], how="left", maintain_order="left")
        free = banking_days_after(pl.col("asked"), by.prenote_days, at.calendar)
        waits = (free > at.settles).fill_null(True)
    state = pl.col("state")
    other = pl.col("attempt") > 1
    single = pl.when(pl.col("collects") == "once").then(pl.lit("OOFF"))
    return told.with_columns(
        sequence=single.when(pl.col("used").is_null() & ~other).then(pl.lit("FRST")).otherwise(pl.lit("RCUR")),
        why=pl.when(state != "active").then(pl.format("mandate_{}", state))
        .when(pl.col("why").is_not_null()).then("why")
        .when(pl.col("amount") > pl.col("cap")).then(pl.lit("above_the_cap"))
        .when(waits).then(pl.lit("waits_for_prenote")),
    )  # fmt: skip


def _prenotes(
    by: Originator, mandates: pl.DataFrame, now: Situation, settles: dt.date
) -> pl.DataFrame:
    """Prenotifications of accounts that were asked about by none yet."""
    if by.prenote_days is None:
        return pl.DataFrame(schema=DEBITS)
    asked = now.sent.filter(pl.col("purpose") == "prenote").select("mandate", "account")
    fresh = mandates.filter(pl.col("state").is_in(["created", "active"])).join(
        asked, on=["mandate", "account"], how="anti", maintain_order="left"
    )
    once = pl.when(pl.col("collects") == "once").then(pl.lit("OOFF")).otherwise(pl.lit("RCUR"))
    return fresh.select(
        "loan_id", "mandate", "account", "signed",
        key=pl.format("prenote/{}/{}", "mandate", pl.col("account").str.slice(0, 12)),
        purpose=pl.lit("prenote"), due_date=pl.lit(None, pl.Date), attempt=pl.lit(1, dtype=pl.Int32),
        first_effective=pl.lit(settles), effective=pl.lit(settles), amount=pl.lit(0, dtype=pl.Int64),
        description=pl.lit(by.debit_description), sequence=once,
    ).select(DEBITS.keys())  # fmt: skip
