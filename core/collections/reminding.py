"""Reminders of a day: which are due, by which channel each may go out and when, and why it may not.

A reminder is one step of the policy for one occasion of a loan, and is decided once: its id is made of both. Rules of contact
are those that judge every other contact, by the same function.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from loanbook.core.collections.contact import ASKED, barred, next_allowed
from loanbook.core.collections.local_time import APART, UTC, by_zone, instants
from loanbook.core.policy.lending.contact_rules import ContactRules, minute_of
from loanbook.core.policy.lending.reminder_rules import ReminderPlace, ReminderRules, ReminderStep

REMINDABLE = pl.Schema({
    "loan_id": pl.Int64(), "loan_key": pl.String(), "currency": pl.String(), "product": pl.String(), "region": pl.String(),
    "language": pl.String(), "zone": pl.String(), "days_past_due": pl.Int64(), "oldest_due_date": pl.Date(),
    "amount_due": pl.Int64(),
})  # fmt: skip
"""A loan that a reminder may be about: money in minor units; `zone` of its last contact, null where there is none."""
DUE = pl.Schema({
    "reminder_id": pl.String(), "loan_id": pl.Int64(), "loan_key": pl.String(), "step": pl.String(), "day": pl.Date(),
    "due_date": pl.Date(), "amount": pl.Int64(), "days_past_due": pl.Int64(), "currency": pl.String(),
    "product": pl.String(), "language": pl.String(), "place": pl.Int64(), "zone": pl.String(),
})  # fmt: skip
"""A reminder that is due: `place` is its number in the policy, `zone` where the borrower is."""
DECIDED = pl.Schema({
    **DUE, "state": pl.String(), "channel": pl.String(), "template": pl.Int64(), "reason": pl.String(),
    "allowed_at": UTC,
})  # fmt: skip
"""A reminder with its `state` (`send`, `later`, `suppressed`), the number of its template, and since or from when it may go
out."""
WITHHELD = {
    "no_address": "the borrower, or the address for the channel, is not known to the vault of persons",
    "placed": "an agency holds the loan",
    "no_service": "the lender has no service for the channel",
    "day_over": "the borrower's day was over before it could go out",
    "another_that_day": "a more urgent reminder of the loan goes out on the day",
    "too_soon": "the last reminder of the loan was less than `least_days_apart` ago",
}
"""Why a reminder does not go out, beside the names of contact rules."""
RUN_LASTS = dt.timedelta(minutes=10)
"""So long a run may send what was decided at its beginning: rules must allow it at both ends."""


def due(
    loans: pl.DataFrame, coming: pl.DataFrame, promises: pl.DataFrame, rules: ReminderRules, day: dt.date
) -> pl.DataFrame:  # fmt: skip
    """Reminders of a day, schema `DUE`, of each loan the most urgent first.

    `loans`: schema `REMINDABLE`, as they stood at the end of the day before. `coming`: `loan_id`, `due_date`, `amount` of what
    falls due from the day on. `promises`: as judged at the end of the day before (`promises.JUDGED`).
    """
    open_ones = promises.filter(pl.col("verdict") == "open")
    broken = promises.filter(pl.col("verdict").is_in(["broken", "partly_kept"]))
    left = (pl.col("amount") - pl.col("paid")).alias("amount")
    until = (pl.col("due_date") - pl.lit(day)).dt.total_days()
    of = {
        "due": coming.select("loan_id", "due_date", "amount", anchor=pl.col("due_date").cast(pl.String), days=until),
        "past_due": loans.select(
            "loan_id", due_date="oldest_due_date", amount="amount_due", anchor=pl.col("oldest_due_date").cast(pl.String),
            days="days_past_due",
        ),
        "promise_due": open_ones.select("loan_id", "due_date", left, anchor="reference", days=until),
        "promise_broken": broken.select(
            "loan_id", "due_date", left, anchor="reference", days=(pl.lit(day) - pl.col("last_day")).dt.total_days()
        ),
    }  # fmt: skip
    parts = [_of_step(of[step.occasion], loans, step).with_columns(urgency=pl.lit(n)) for n, step in enumerate(rules.steps)]  # fmt: skip
    place, zone = _places(rules.places)
    found = pl.concat(parts).with_columns(day=pl.lit(day), place=place).with_columns(zone=zone)
    return found.sort("loan_id", "urgency", "due_date").select(DUE.names()).cast(DUE)


def _of_step(rows: pl.DataFrame, loans: pl.DataFrame, step: ReminderStep) -> pl.DataFrame:
    """Occasions of a step, with their loans: those whose days it begins with, and the few after."""
    before = step.occasion in ("due", "promise_due")
    gone = step.days - pl.col("days") if before else pl.col("days") - step.days
    rows = rows.filter((gone >= 0) & (gone < step.within_days) & (pl.col("days") >= 0) & (pl.col("amount") > 0))  # fmt: skip
    found = rows.join(loans, on="loan_id")
    if step.products:
        found = found.filter(pl.col("product").is_in(step.products))
    id_ = pl.concat_str("loan_key", pl.lit(step.name), "anchor", separator="/")
    return found.with_columns(reminder_id=id_, step=pl.lit(step.name))


def _places(places: list[ReminderPlace]) -> tuple[pl.Expr, pl.Expr]:
    """Number of the first place that a loan fits, and where its borrower is."""
    number = pl.lit(len(places) - 1)
    for n, each in reversed([*enumerate(places)]):
        if each.regions:
            region = pl.col("region")
            fits = region.is_in(each.regions) | region.str.head(2).is_in(each.regions)
            number = pl.when(fits.fill_null(False)).then(pl.lit(n)).otherwise(number)
        else:
            number = pl.lit(n)
    zones = {n: each.zone for n, each in enumerate(places)}
    own = pl.col("place").replace_strict(zones, return_dtype=pl.String)
    return number.cast(pl.Int64), pl.coalesce("zone", own)


def decided(
    reminders: pl.DataFrame, reach: pl.DataFrame, log: tuple[pl.DataFrame, pl.DataFrame],
    rules: ReminderRules, laws: Mapping[str, ContactRules], moment: dt.datetime,
) -> pl.DataFrame:  # fmt: skip
    """What becomes of reminders (schema `DUE`, with `last_sent_on`: day of the loan's last reminder) at an instant (UTC).

    `reach`: `loan_id`, `channel`, `withheld` (of `WITHHELD`; null: the borrower can be reached by it). `log`: contacts and what
    borrowers said (`contact.CONTACTS`, `contact.PREFERENCES`). `laws`: contact rules by name. Schema `DECIDED`.
    """
    ways = _ways(reminders, rules).join(
        reach, on=["loan_id", "channel"], how="left", maintain_order="left"
    )
    ways = ways.with_columns(pl.col("withheld").fill_null("")).with_row_index("way")
    judged = _judged(ways.with_columns(pl.col("way").cast(pl.String)), log, rules, laws, moment)
    can = judged.filter("free").group_by("reminder_id", maintain_order=True).first()
    said = judged.group_by("reminder_id").agg(
        reason=pl.format("{}: {}", "channel", "reason").filter(~pl.col("free")).str.join("; "),
        wait_until=pl.col("allowed_at").min(),
    )
    rows = reminders.join(
        can.select("reminder_id", "channel", "template", "allowed_at"), on="reminder_id", how="left", maintain_order="left"
    ).join(said, on="reminder_id", how="left", maintain_order="left")  # fmt: skip
    apart = (pl.col("day") - pl.col("last_sent_on")).dt.total_days() < rules.least_days_apart
    able = pl.col("channel").is_not_null()
    soon = (apart | (pl.col("last_sent_on") == pl.col("day"))).fill_null(False)
    first = able & ~soon
    second = first & (first.cast(pl.Int64).cum_sum().over("loan_id") > 1)
    reason = (
        pl.when(able & soon).then(pl.lit("too_soon")).when(second).then(pl.lit("another_that_day"))
        .when(able).then(pl.lit("")).otherwise("reason")
    )  # fmt: skip
    goes = first & ~second
    now = pl.col("allowed_at") <= pl.lit(moment, UTC)
    state = pl.when(goes & now).then(pl.lit("send")).when(goes).then(pl.lit("later")).otherwise(pl.lit("suppressed"))  # fmt: skip
    shown = rows.with_columns(
        state=state,
        reason=reason,
        allowed_at=pl.when(able).then("allowed_at").otherwise("wait_until"),
    )
    return shown.select(DECIDED.names()).cast(DECIDED)


def _ways(reminders: pl.DataFrame, rules: ReminderRules) -> pl.DataFrame:
    """A row for each channel of each reminder, in the step's order, with its template and the clock of the step."""
    steps = pl.DataFrame(
        [(s.name, channel, minute_of(s.at)) for s in rules.steps for channel in s.channels],
        schema={"step": pl.String, "channel": pl.String, "clock": pl.Int64}, orient="row",
    )  # fmt: skip
    rows = reminders.join(steps, on="step", maintain_order="left_right")
    return rows.with_columns(template=template_of(rules))


def template_of(rules: ReminderRules) -> pl.Expr:
    """Number of the template of each reminder: in the borrower's language, else in the policy's own."""
    chosen = pl.lit(None, dtype=pl.Int64)
    for own in (False, True):
        for n, each in reversed([*enumerate(rules.templates)]):
            if not own and each.language != rules.language:
                continue
            fits = pl.col("step") == each.step
            if own:
                fits &= (pl.col("language") == each.language).fill_null(False)
            if each.products:
                fits &= pl.col("product").is_in(each.products)
            if each.channels:
                fits &= pl.col("channel").is_in(each.channels)
            chosen = pl.when(fits).then(pl.lit(n, dtype=pl.Int64)).otherwise(chosen)
    return chosen


def _judged(
    ways: pl.DataFrame, log: tuple[pl.DataFrame, pl.DataFrame], rules: ReminderRules, laws: Mapping[str, ContactRules],
    moment: dt.datetime,
) -> pl.DataFrame:  # fmt: skip
    """Ways with `free` (whether a reminder may go out on its day), `reason` why not, and `allowed_at`."""
    clocks = pl.col("day").cast(pl.Datetime("us"))
    starts = _instant(ways.with_columns(_clock=clocks + pl.duration(minutes="clock")), latest=True)
    ends = _instant(ways.with_columns(_clock=clocks + pl.duration(days=1)), latest=False)
    rows = ways.with_columns(starts=starts, ends=ends).with_columns(
        at=pl.max_horizontal("starts", pl.lit(moment, UTC))
    )
    over = pl.col("at") >= pl.col("ends")
    rows = rows.with_columns(withheld=pl.when(pl.col("withheld") == "").then(
        pl.when(over).then(pl.lit("day_over")).otherwise(pl.lit(""))).otherwise("withheld"))  # fmt: skip
    demanded = rows.filter(pl.col("withheld") == "").with_columns(
        reference="way", place_no="place", place=pl.lit("")
    )
    parts = [
        pl.DataFrame(schema={"way": pl.String, "rules": pl.List(pl.String), "allowed_at": UTC})
    ]
    for n, place in enumerate(rules.places):
        mine = demanded.filter(pl.col("place_no") == n).select(ASKED.names())
        if mine.is_empty():
            continue
        parts.append(_allowed(mine, log, laws[place.contact_rules]))
    both = rows.join(pl.concat(parts, how="diagonal"), on="way", how="left", maintain_order="left")
    within = (pl.col("allowed_at") < pl.col("ends")).fill_null(False)
    return both.with_columns(
        free=(pl.col("withheld") == "") & within,
        reason=pl.when(pl.col("withheld") != "").then("withheld").otherwise(pl.col("rules").list.join(", ")),
    )  # fmt: skip


def _allowed(
    mine: pl.DataFrame, log: tuple[pl.DataFrame, pl.DataFrame], law: ContactRules
) -> pl.DataFrame:
    """`way`, `rules` that bar it at `at` or while a run that begins then lasts, and `allowed_at`: from then on it is allowed."""
    first = next_allowed(mine, *log, law).select("reference", "at", "allowed_at")
    last = mine.join(first, on="reference").with_columns(
        at=pl.coalesce("allowed_at", "at_right") + RUN_LASTS
    )
    closing = barred(last.select(ASKED.names()), *log, law).select("reference", late="rules")
    after = next_allowed(last.select(ASKED.names()), *log, law).select("reference", after="allowed_at")  # fmt: skip
    found = barred(mine, *log, law)
    for part in (first.drop("at"), closing, after):
        found = found.join(part, on="reference", how="left", maintain_order="left")
    shut = pl.col("late").list.len() > 0
    none = pl.col("rules").list.len() == 0
    return found.select(
        way="reference", rules=pl.when(none & shut).then("late").otherwise("rules"),
        allowed_at=pl.when(shut).then("after").otherwise("allowed_at"),
    )  # fmt: skip


def _instant(rows: pl.DataFrame, *, latest: bool) -> pl.Series:
    """The instant (UTC) at which the clock of each row's zones shows `_clock`: of several zones the latest or the first."""
    pairs = rows.select("zone", "_clock").unique()
    alone = by_zone(pairs.select("_clock", places="zone", zone="zone"))
    found = instants(alone, "_clock").group_by("places", "_clock").agg(
        pl.col("point").max() if latest else pl.col("point").min()
    )  # fmt: skip
    return rows.select("zone", "_clock").join(
        found, left_on=["zone", "_clock"], right_on=["places", "_clock"], how="left", maintain_order="left"
    )["point"].cast(UTC)  # fmt: skip


def first_zone(zones: str) -> str:
    """The first of several zones, by which an instant is shown."""
    return zones.split(APART, maxsplit=1)[0]
