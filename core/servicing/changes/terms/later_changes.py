"""Changes that are agreed ahead: of loans that bill step by step, instalments before them stay.

A change in force from a later period on leaves what earlier instalments ask; from the one in whose period
its day falls they ask the level that pays off what is left then.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode
from loanbook.core.contract.dates.business_days import Calendar, adjusted
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.contract.figures import Amortisation
from loanbook.core.servicing.loan.opening import with_level_instalment
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.level_instalment import with_shares
from loanbook.core.servicing.schedule.projection import project


def first_that_moves(ordered: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """`ordered` loans with `first_no`, the last instalment that stays where a later one than the next moves: the first
    that falls due on `start` or after it, or else the last one. Of loans that bill step by step."""
    later = ordered.filter(
        pl.col("moved_to").is_not_null()
        & ~pl.col("materialised")
        & (pl.col("instalment_no") < pl.col("instalments"))
        & (pl.col("start") > pl.max_horizontal("next_due_date", "period_end"))
    )
    if later.is_empty():
        return ordered
    number, last = (pl.col(name).cast(pl.Int32) for name in ("instalment_no", "instalments"))
    following = pl.int_ranges(number + 1, last + 1)
    rows = later.with_columns(_number=following).explode("_number")
    rows = rows.with_columns(_counted=due_of(pl.col("_number"), rows))
    falls = pl.max_horizontal("_counted", adjusted(pl.col("_counted"), rows, calendars))
    found = rows.filter(falls >= pl.col("start")).group_by("loan_id").agg(pl.col("_number").min())
    moves = later.select("loan_id", _last="instalments").join(found, on="loan_id", how="left")
    stays = moves.select("loan_id", _stays=pl.coalesce("_number", "_last") - 1)
    return (
        ordered.join(stays, on="loan_id", how="left", maintain_order="left")
        .with_columns(first_no=pl.coalesce("_stays", "first_no").cast(ordered.schema["first_no"]))
        .drop("_stays")
    )


def with_earlier_levels(revised: pl.DataFrame, before: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """`revised` loans at their new instalment, but for those whose change is of a later period: they keep
    the old one up to it. `before`: the same loans before the change, with its `start`, `keep`, `moved_to`,
    `first_no`."""
    revised = _with_earlier_parts(revised, before)
    later = before.filter(_waits())
    if later.is_empty():
        return revised
    plan = project(later, day.dues, day.policies.calendars)
    begins = _where_it_begins(later, plan)
    if begins.is_empty():
        return revised
    waiting = with_shares(revised.join(begins, on="loan_id", maintain_order="left"), day.dues)
    solved = with_level_instalment(waiting, _left_then(waiting)).select("loan_id", level="emi")
    changes = later.select("loan_id", old_emi="emi", old_changes="level_changes")
    told = waiting.join(solved, on="loan_id", maintain_order="left").join(
        changes, on="loan_id", maintain_order="left"
    )
    levels = _levels(told)
    found = revised.join(levels, on="loan_id", how="left", maintain_order="left")
    kept = pl.col("old_emi").is_not_null()
    return found.with_columns(
        emi=pl.coalesce("old_emi", "emi"),
        level_changes=pl.when(kept).then("all_changes").otherwise("level_changes"),
    ).drop("old_emi", "all_changes")


def _waits() -> pl.Expr:
    """Loans whose change is in force from a period after the running one, at a level instalment."""
    level = pl.col("amortisation") == Amortisation.equal_instalment
    daily = pl.col("interest_mode") == InterestMode.daily
    solves = (pl.col("keep").fill_null("term") == "term") & ~pl.col("materialised")
    waits = pl.when(pl.col("moved_to").is_not_null()).then(_moves_later())
    return level & solves & waits.otherwise(daily & (pl.col("start") >= pl.col("period_end")))


def _moves_later() -> pl.Expr:
    """Loans of which a later due date than the next moves."""
    return pl.col("moved_to").is_not_null() & (pl.col("first_no") >= pl.col("instalment_no"))


def _with_earlier_parts(revised: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """`revised` loans of equal parts of principal: where a later due date moves they ask the parts they did."""
    equal = pl.col("amortisation") == Amortisation.equal_principal
    stay = before.filter(equal & _moves_later()).select(
        "loan_id", _stays=pl.lit(True), _parts="level_changes"
    )
    if stay.is_empty():
        return revised
    return (
        revised.join(stay, on="loan_id", how="left", maintain_order="left")
        .with_columns(level_changes=pl.when("_stays").then("_parts").otherwise("level_changes"))
        .drop("_stays", "_parts")
    )


def _where_it_begins(later: pl.DataFrame, plan: pl.DataFrame) -> pl.DataFrame:
    """`first`: the instalment in whose period the change begins, and `left`, the principal that it and
    those after it pay off."""
    rows = plan.join(later.select("loan_id", "start", "moved_to", "first_no"), on="loan_id")
    of_change = pl.when(pl.col("moved_to").is_null()).then(pl.col("due_date") > pl.col("start"))
    return (
        rows.filter(of_change.otherwise(pl.col("instalment_no") > pl.col("first_no")))
        .group_by("loan_id", maintain_order=True)
        .agg(first=pl.col("instalment_no").min(), left=pl.col("principal").sum())
        .filter(pl.col("left") > 0)
    )


def _left_then(waiting: pl.DataFrame) -> pl.DataFrame:
    """`waiting` before instalment `first`, with what it and those after it are to pay off."""
    first = pl.col("first").cast(pl.Int32)
    shares = pl.col("share") * (pl.col("last_share") - pl.col("first") + 1).clip(lower_bound=0)
    return waiting.with_columns(
        instalment_no="first",
        period_start=due_of(first - 1, waiting),
        period_end=due_of(first, waiting),
        principal_agreed=pl.col("left") + shares,
    )


def _levels(told: pl.DataFrame) -> pl.DataFrame:
    """`old_emi`, and `all_changes` of the level instalment: those before `first`, and what is asked since."""
    number = pl.col("change").str.split(":").list.get(0).cast(pl.Int16)
    earlier = (
        told.select("loan_id", "first", change=pl.col("old_changes").str.split(";"))
        .explode("change")
        .filter(number < pl.col("first"))
        .group_by("loan_id", maintain_order=True)
        .agg(earlier=pl.col("change").str.join(";"))
    )
    shared = pl.col("last_share") >= pl.col("first")
    within = pl.col("level") - pl.when(shared).then("share").otherwise(0)
    after = pl.when(shared & (pl.col("instalments") > pl.col("last_share"))).then(
        pl.concat_str(pl.col("last_share") + 1, pl.lit(":"), pl.col("level"))
    )
    own = pl.concat_str(pl.col("first"), pl.lit(":"), within)
    joined = told.join(earlier, on="loan_id", how="left", maintain_order="left")
    return joined.select(
        "loan_id",
        "old_emi",
        all_changes=pl.concat_str("earlier", own, after, separator=";", ignore_nulls=True),
    )
