"""Re-age: arrears and what is to come make a new schedule, and nothing is past due any more.

The instalment that runs ends on the day with nothing to pay; `instalments` new ones follow,
the first on `due_date`, a period apart. One that comes before the first of an earlier re-age fell
due stands in its place: the instalment that the earlier one ended goes on to the day. Days past due start again from there. For products
whose interest follows the balance, or whose schedule stands whole.

Interest is `level` (the default: the balance goes on bearing it, at a level instalment), or fixed
and spread evenly like the principal: what is `payable` on the day, or in `full`, with what the
schedule to come had. A fixed schedule stands whole from then on. Where a later re-age is level, what was
earned of the fixed interest waits for the first new instalment, and the balance bears interest again.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode
from loanbook.core.catalogue.components import (
    INCOME,
    Component,
    is_,
    is_charge,
    is_principal,
    of_schedule,
)
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.contract.dates.business_days import adjusted
from loanbook.core.contract.dates.day_count import counts_days
from loanbook.core.contract.dates.due_dates import anchor_at, due_date, first_due_for
from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.first_period import Stub
from loanbook.core.contract.money import even_share, int128
from loanbook.core.frames import codes
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.changes.roll_in_arrears import roll_in, with_lifted
from loanbook.core.servicing.interest.accrual import close_segment, denominators
from loanbook.core.servicing.loan import segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import due_rows, merge_dues, on_own_date
from loanbook.core.servicing.loan.opening import (
    FROZEN,
    freeze,
    move_period,
    with_level_instalment,
    with_period_interest,
)
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.billing_run import fall_due
from loanbook.core.servicing.schedule.coming_dues import with_place_of_charge
from loanbook.core.servicing.schedule.equal_parts import (
    PARTS,
    even_instalment,
    even_principal,
    with_parts_of,
)
from loanbook.core.servicing.schedule.fixed_schedule import (
    bill_whole,
    expanded,
    point,
    waiting_interest,
)
from loanbook.core.servicing.schedule.level_instalment import bears_otherwise, not_on_time
from loanbook.core.servicing.schedule.projection import project


def reage(day: DayState, events: pl.DataFrame) -> None:
    """Take re-ages, one a loan."""
    orders = with_payload(events, Kind.reaged).select(
        "loan_id", "event_id", "interest",
        fresh="instalments", new_every="every", new_unit="unit", to="due_date",
    )  # fmt: skip
    fixes = pl.col("interest").is_in(["payable", "full"])
    to_come = _interest_to_come(day, orders.filter(pl.col("interest") == "full")["loan_id"])
    lifted = roll_in(day, orders)
    mask = day.loans["loan_id"].is_in(orders["loan_id"].implode())
    before = close_segment(day.loans.filter(mask))
    ordered = with_lifted(before.join(orders, on="loan_id", maintain_order="left"), lifted)
    ordered = ordered.with_columns(old_over=denominators(ordered))
    ordered = _thawed(ordered, day.policies.pins)
    revised = _renumbered(ordered, day)
    ahead = _end_running(day, revised)
    revised = _with_empty(revised, day)
    day.dues = _with_charges(day.dues, revised, day)
    sets = revised.filter(fixes)
    level = revised.filter(~fixes.fill_null(False))
    whole = level["materialised"]
    stands, steps = level.filter(whole), level.filter(~whole)
    if stands.height:
        _respread(day, stands.join(ahead, on="loan_id", how="left", maintain_order="left"))
    if sets.height:
        stands = pl.concat([stands, _spread_evenly(day, sets, to_come).select(stands.columns)])
    if steps.height:
        steps = _stepped(steps, day)
    # what a schedule that stands whole asked before is no measure any more
    stands = stands.with_columns(
        emi=pl.lit(None, dtype=pl.Int64), level_changes=pl.lit(None, dtype=pl.String)
    )
    after = pl.concat([stands, steps.select(stands.columns)]).sort("loan_id")
    day.loans = replaced(day.loans, mask, day.loans.filter(mask), after)
    if steps.height and (steps["period_end"] == steps["business_date"]).any():
        fall_due(day)
    if stands.height:
        whole = mask & day.loans["materialised"]
        day.loans = point(day.loans, day.dues, whole)
        _bill_at_once(day, whole)
    day.changed.append(orders.select("loan_id", "event_id"))


def _thawed(ordered: pl.DataFrame, pins: pl.DataFrame) -> pl.DataFrame:
    """Loans whose interest was fixed and is `level` from now on, by the rules of their product again.

    What they earned of the fixed interest, and none asked yet, waits; nights count from the day on.
    `thaws` (Boolean) says which they are.
    """
    level = ~pl.col("interest").is_in(["payable", "full"]).fill_null(False)
    marked = ordered.with_columns(thaws=level & pl.col("schedule_fixed_on").is_not_null())
    if not marked["thaws"].any():
        return marked
    own = pins.select("product", *(pl.col(name).alias(f"_{name}") for name in FROZEN))
    daily = (pl.col("_interest_mode") == InterestMode.daily) | pl.col("_materialised")
    follows = pl.col("thaws") & daily
    earned = pl.col("interest_accrued") + pl.col("accrued_prepaid")
    joined = marked.join(own, on="product", how="left", maintain_order="left").with_columns(
        lifted_interest=pl.when("thaws").then("interest_accrued").otherwise("lifted_interest"),
        schedule_fixed_on=pl.when(~follows).then("schedule_fixed_on"),
        **{name: pl.when(follows).then(f"_{name}").otherwise(name) for name in FROZEN},
        **segment.restart(BUSINESS_DATE, earned, where=pl.col("thaws")),
    )
    return joined.select(marked.columns)


def _renumbered(ordered: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Terms from the day on: `first_no`, the last old number; instalments after it are new.

    What was billed, or charged back, after the last instalment keeps the number that it has.
    """
    runs = (pl.col("instalment_no") <= pl.col("instalments")) & (
        pl.col("period_start") < BUSINESS_DATE
    )
    fallen = day.dues.filter((pl.col("due_date") <= BUSINESS_DATE) & ~on_own_date())
    extra = fallen.group_by("loan_id").agg(extra_no=pl.col("instalment_no").max())
    numbered = ordered.join(extra, on="loan_id", how="left", maintain_order="left")
    again = (pl.col("reage_ended_instalment") == pl.col("instalment_no") - 1).fill_null(False)
    last = pl.col("instalment_no") - 1 + (runs & ~again).cast(pl.Int16)
    counted = (
        numbered.with_columns(
            runs=runs,
            first_no=pl.max_horizontal(last, "extra_no"),
            rate_unit=_rate_unit(pl.coalesce("rate_unit", "unit")),
        )
        .drop("extra_no")
        .with_columns(
            every=pl.coalesce("new_every", "every"),
            unit=pl.coalesce("new_unit", "unit"),
            instalments=(pl.col("first_no") + pl.col("fresh")).cast(pl.Int16),
        )
    )
    return counted.with_columns(
        first_due_date=first_due_for(pl.col("to"), pl.col("first_no")),
        anchor_day=anchor_at(pl.col("to")),
        end_of_month=pl.lit(False),
        has_stub=pl.lit(False),
        stub_amount=pl.lit(0, dtype=pl.Int64),
        agreed_schedule=pl.lit(None, dtype=pl.String),
        matures_on=pl.lit(None, dtype=pl.Date),
        due_date_changes=pl.lit(None, dtype=pl.String),
    )


def _counts_on() -> pl.Expr:
    """Loans whose first new period is counted from the day on: their product counts odd periods so, and
    they bill step by step. A period that a calendar moves is a whole one."""
    counts = (pl.col("stub") == Stub.forward.value) & ~pl.col("adjust_accrual")
    return counts & ~pl.col("materialised") & ~counts_days()


def _rate_unit(agreed: pl.Expr) -> pl.Expr:
    """Unit by which the rate is reckoned from the day on (Int8): the `agreed` one, where dues come by another."""
    other = (pl.coalesce("new_unit", "unit") != agreed) & ~counts_days()
    return pl.when(other | _counts_on()).then(agreed).otherwise(None).cast(pl.Int8)


def _with_empty(revised: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Terms that tell the instalment that ended, where nothing was asked or paid of it."""
    filled = day.dues.filter(pl.max_horizontal("amount", "paid") > 0).select(
        "loan_id", first_no="instalment_no", filled=pl.lit(True)
    )
    ended = revised.join(
        filled.unique(), on=["loan_id", "first_no"], how="left", maintain_order="left"
    )
    empty = pl.col("runs") & pl.col("filled").is_null()
    return ended.with_columns(
        reage_ended_instalment=pl.when(empty).then("first_no").otherwise(None).cast(pl.Int16)
    ).drop("filled")


def _end_running(day: DayState, loans: pl.DataFrame) -> pl.DataFrame:
    """End the instalment that runs on the day, and drop those to come.

    What was paid of them stays paid, with the instalment that ends, or the last one billed: their
    numbers are those of the new schedule. Returns `loan_id`, `ahead`: principal that stood with them.
    """
    nothing = pl.lit(0, dtype=pl.Int64)
    ends = due_rows(loans.filter("runs"), "first_no", Component.principal, BUSINESS_DATE, nothing)
    coming = (
        pl.col("loan_id").is_in(loans["loan_id"].implode())
        & (pl.col("due_date") > BUSINESS_DATE)
        & of_schedule()
    )
    principal = is_principal()
    ahead = day.dues.filter(coming).group_by("loan_id").agg(
        ahead=(pl.col("amount") - pl.col("paid")).filter(principal).sum()
    )  # fmt: skip
    prepaid = (
        day.dues.filter(coming & (pl.col("paid") > 0))
        .join(loans.select("loan_id", "first_no"), on="loan_id", maintain_order="left")
        .group_by("loan_id", "first_no", "component", "business_date", maintain_order=True)
        .agg(paid=pl.col("paid").sum())
    )
    moved = due_rows(prepaid, "first_no", pl.col("component"), BUSINESS_DATE, "paid").with_columns(
        paid=prepaid["paid"]
    )
    day.dues = merge_dues(merge_dues(day.dues.filter(~coming), moved), ends)
    return ahead


def _with_charges(dues: pl.DataFrame, revised: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Dues whose charges to come stand with the new instalment that falls due no earlier."""
    joins = revised.filter(~pl.col("charges_on_own_date"))["loan_id"]
    comes = (
        pl.col("loan_id").is_in(joins.implode())
        & is_charge()
        & (pl.col("due_date") > BUSINESS_DATE)
    )
    charges = dues.filter(comes)
    if charges.is_empty():
        return dues
    coming = (
        charges.drop("business_date")
        .rename({"instalment_no": "old_no"})
        .join(revised, on="loan_id", maintain_order="left")
        .with_columns(on=pl.max_horizontal("due_date", "to"))
    )
    placed = with_place_of_charge(coming, day.policies.calendars)
    moved = placed.with_columns(instalment_no="number", due_date="falls").select(dues.columns)
    return merge_dues(dues.filter(~comes), moved)


def _respread(day: DayState, stands: pl.DataFrame) -> None:
    """Rows of the new schedule of loans whose schedule stands whole."""
    spread = stands.with_columns(
        spread=pl.col("ahead").fill_null(0) + pl.col("lifted_principal"),
        period_start=pl.when("thaws")
        .then(BUSINESS_DATE)
        .otherwise(due_date(pl.col("first_no"), codes(stands, "unit"))),
        has_stub=pl.col("thaws") & ~counts_days(),
        kept_emi=pl.lit(None, dtype=pl.Int64),
    )  # fmt: skip
    rows = expanded(spread.filter(pl.col("spread") > 0), day.policies.calendars)
    day.dues = merge_dues(merge_dues(day.dues, rows), waiting_interest(stands, rows))


def _stepped(loans: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Cursor before the first new instalment, with the level instalment that pays it all off."""
    regular = due_date(pl.col("first_no"), codes(loans, "unit"))
    # a first period that ends today has no night to bear what is earned
    later = pl.col("to") > BUSINESS_DATE
    moved = loans.with_columns(
        instalment_no=(pl.col("first_no") + 1).cast(pl.Int16),
        period_start=pl.when(_counts_on() & later).then(BUSINESS_DATE).otherwise(regular),
        period_end="to",
        prepaid_dues=pl.lit(0, dtype=pl.Int64),
        **segment.earn_more(-pl.col("accrued_prepaid")),
        **segment.clear_prepaid(),
        **not_on_time(),
    )
    # the fraction of a minor unit goes on over the new period's days and units
    moved = moved.with_columns(new_over=denominators(moved))
    scaled = int128(pl.col("accrued_remainder")) * pl.col("new_over") // pl.col("old_over")
    scaled = scaled.cast(pl.Int64)
    moved = moved.with_columns(**segment.scale_remainder(scaled, ~counts_days())).drop("new_over")
    # or is dropped, as at the end of every period
    drops = pl.col("residue") == 0
    moved = moved.with_columns(**segment.set_earned("interest_accrued", where=drops))
    rest = moved.with_columns(
        bears_otherwise(moved),
        reaged=_counts_on() & later,
        principal_agreed="principal",
        # it is earned, and none of what is to be paid off
        lifted_interest=pl.lit(0, dtype=pl.Int64),
        grace_principal=pl.lit(0, dtype=pl.Int8),
    ).filter(pl.col("principal_agreed") > 0)
    moved = with_level_instalment(moved, rest)
    equal = rest.filter(pl.col("amortisation") == Amortisation.equal_principal).with_columns(
        _left=pl.col("principal") - pl.col("balloon"), _parts=pl.col("fresh").cast(pl.Int64)
    )
    moved = with_parts_of(moved, equal.select(PARTS))
    return with_period_interest(move_period(moved, day.policies.calendars))


def _bill_at_once(day: DayState, whole: pl.Series) -> None:
    """Instalments of a new schedule that fall due on the day itself."""
    fallen = pl.col("due_date") == BUSINESS_DATE
    ids = day.dues.filter(fallen & (pl.col("amount") > pl.col("paid")))["loan_id"]
    mask = whole & day.loans["loan_id"].is_in(ids.implode())
    if not mask.any():
        return
    before = day.loans.filter(mask)
    after, billed = bill_whole(before, day.dues)
    day.loans = replaced(day.loans, mask, before, after)
    day.book_within_claim(billed, "interest_due", "interest_accrued", "billed_interest")


def _interest_to_come(day: DayState, ids: pl.Series) -> pl.DataFrame:
    """`loan_id`, `to_come`: interest of the instalments to come, if arrears are paid today."""
    loans = day.loans.filter(pl.col("loan_id").is_in(ids.implode()))
    rows = project(loans, day.dues, day.policies.calendars)
    return rows.group_by("loan_id").agg(to_come=pl.col("interest").sum())


def _charges(day: DayState, loans: pl.DataFrame) -> pl.DataFrame:
    """Unpaid charges of loans that are income, by part (`fees`, `penalties`), taken off their dues to be spread with the rest."""
    unpaid = pl.col("amount") - pl.col("paid")
    unpaid_charges = (
        pl.col("loan_id").is_in(loans["loan_id"].implode())
        & pl.col("component").is_in([each.value for each in INCOME])
        & (unpaid > 0)
    )
    sums = day.dues.filter(unpaid_charges).group_by("loan_id").agg(
        unpaid.filter(is_(each)).sum().alias(each.part) for each in INCOME
    )  # fmt: skip
    # of what nothing was paid nothing stays, not even an instalment of its own
    left = day.dues.filter(~unpaid_charges | (pl.col("paid") > 0))
    day.dues = left.with_columns(amount=pl.when(unpaid_charges).then("paid").otherwise("amount"))
    return sums


def _spread_evenly(day: DayState, loans: pl.DataFrame, to_come: pl.DataFrame) -> pl.DataFrame:
    """Loans whose schedule is fixed: principal and interest in even parts, the last the rest."""
    full = pl.col("interest") == "full"
    owing = loans.join(to_come, on="loan_id", how="left", maintain_order="left").with_columns(
        owed=pl.when(full)
        .then(pl.col("to_come").fill_null(0) + pl.col("lifted_interest"))
        .otherwise("interest_accrued")
    )
    each = owing.with_columns(k=pl.int_ranges(1, pl.col("fresh").cast(pl.Int64) + 1)).explode("k")
    each = each.with_columns(instalment_no=(pl.col("first_no") + pl.col("k")).cast(pl.Int16))
    each = each.with_columns(due=due_date(pl.col("instalment_no"), codes(each, "unit")))
    each = each.with_columns(due=adjusted(pl.col("due"), each, day.policies.calendars))

    charges = [each.part for each in INCOME]
    charged = _charges(day, loans)
    each = each.join(charged, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col(charges).fill_null(0)
    )
    each = _in_even_parts(each, ["owed", *charges])
    rows = pl.concat(
        due_rows(each, "instalment_no", component, "due", f"{column}_part")
        for component, column in (
            (Component.principal, "principal"),
            (Component.interest, "owed"),
            *((each, each.part) for each in INCOME),
        )
    )
    rows = rows.filter((pl.col("amount") > 0) | is_principal())
    day.dues = merge_dues(day.dues, rows)
    set_ = freeze(owing, pl.lit(True))
    return set_.with_columns(
        schedule_fixed_on=BUSINESS_DATE,
        period_start=BUSINESS_DATE,
        **segment.restart(BUSINESS_DATE, "interest_accrued"),
        **segment.clear_prepaid(),
        prepaid_dues=pl.lit(0, dtype=pl.Int64),
    )


def _in_even_parts(each: pl.DataFrame, others: list[str]) -> pl.DataFrame:
    """The `k`th of `fresh` even parts of `others` and of principal: `owed_part`, `principal_part` and so on.

    Principal takes what the even sum of all leaves for it: more where the parts of the others, rounded up,
    have run out.
    """
    n, k = pl.col("fresh").cast(pl.Int64), pl.col("k")
    whole = even_instalment(pl.sum_horizontal("principal", *others), n)
    parts = each.with_columns(
        _whole=whole, **{f"{of}_part": even_share(pl.col(of), n, k) for of in others}
    )
    parts = parts.with_columns(
        _one=pl.col("_whole") - pl.sum_horizontal(f"{of}_part" for of in others)
    )
    principal = even_principal(pl.col("_one"), pl.col("principal"), "k", k == n)
    return parts.with_columns(principal_part=principal)
