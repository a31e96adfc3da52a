"""Money beyond what is due of loans whose interest follows the balance: the lines it is poured over.

Interest to the day first, then instalment by instalment what each has room for, then the balance.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Excess, Timing
from loanbook.core.catalogue.components import Component, is_, is_principal, of_schedule
from loanbook.core.contract.figures import Amortisation, Figures
from loanbook.core.contract.money import even_share
from loanbook.core.servicing.payments.excess.lines import early_paid, pour_line
from loanbook.core.servicing.schedule.billing import covered, with_advance

_LATER = 10_000
"""Above every instalment of a schedule, and below `_LAST` by as many."""
_LAST = 32_767
"""Above every instalment number (Int16)."""


def daily_lines(
    loans: pl.DataFrame,
    dues: pl.DataFrame,
    ranks: pl.DataFrame,
    charges: pl.DataFrame | None = None,
    settles: bool = False,
) -> pl.DataFrame:
    """Interest to the day with the next instalment, its principal, then what `excess` says.

    Before an instalment's principal come the `charges` that stand with it (`charges_in_advance`).

    Interest comes first, unless the waterfall has principal in advance before it. Money for the
    last instalments, or for all of them, pays no interest before its day, unless it `settles` the
    loan or is more than the principal. Where money that covered the instalment fixed its interest, later nights are the next one's.
    """
    if loans.is_empty():
        return pour_line(loans, pl.lit(0), None, pl.lit(0))
    own_dues = dues.join(loans.select("loan_id"), on="loan_id", how="semi")
    figures = Figures(loans)
    loans = _with_earned(loans, own_dues, figures, settles)
    slots = _with_room(_slots(loans, figures), own_dues, figures)
    return _in_order(loans, slots, ranks, charges)


def charges_in_advance(
    loans: pl.DataFrame, later: pl.DataFrame, ranks: pl.DataFrame
) -> pl.DataFrame:
    """Charges, and interest that stands, of instalments to come that the waterfall has before their
    principal.

    `loans` whose interest follows the balance, `later` lines of what stands with instalments to come.
    Returns those lines that money meets instalment by instalment, with `before_interest`.
    """
    one_by_one = pl.col("excess") != Excess.spread
    # beyond the next instalment money lowers the balance
    reaches = (pl.col("excess") != Excess.next_then_principal) | (
        pl.col("instalment_no") == pl.col("runs")
    )
    ahead = ranks.filter(pl.col("timing") == Timing.in_advance).select("rule", "component", "rank")
    return (
        later.filter(~is_principal())
        .join(
            loans.filter(one_by_one).select("loan_id", "rule", "excess", runs="instalment_no"),
            on="loan_id",
        )
        .filter(reaches)
        .join(ahead, on=["rule", "component"])
        .join(_rank_in_advance(ranks, Component.principal), on="rule")
        .join(_rank_in_advance(ranks, Component.interest), on="rule")
        .filter(pl.col("rank") < pl.col("principal"))
        .sort("loan_id", "instalment_no", "rank")
        .select(*later.columns, before_interest=pl.col("rank") < pl.col("interest"))
    )


def _from_the_end() -> pl.Expr:
    """Loans whose money goes to the last instalments, while there are any to come."""
    to_come = pl.col("instalment_no") <= pl.col("instalments")
    return (pl.col("excess") == Excess.last_instalment) & to_come


def _spreads() -> pl.Expr:
    """Loans whose money is spread evenly over all instalments to come."""
    return pl.col("excess") == Excess.spread


def _is_level() -> pl.Expr:
    """Loans of equal instalments."""
    return pl.col("amortisation") == Amortisation.equal_instalment


def _of_equal_parts() -> pl.Expr:
    """Loans of equal parts of principal."""
    return pl.col("amortisation") == Amortisation.equal_principal


def _with_earned(
    loans: pl.DataFrame, own_dues: pl.DataFrame, figures: Figures, settles: bool
) -> pl.DataFrame:
    """Loans with `earned`, the interest that the money pays, of it `takes_room` what the instalment that
    `bears` it has no room for any more."""
    waits = (_from_the_end() | _spreads()) & (not settles)
    bears = pl.col("instalment_no")
    if figures.fixes_covered:
        loans = figures.with_level(with_advance(loans, own_dues))
        loans = _with_paid_up(loans, own_dues, figures)
        ahead = (covered(loans, figures) & (pl.col("instalment_no") < pl.col("instalments"))).cast(
            pl.Int16
        )
        bears = bears + pl.max_horizontal(ahead, "paid_up")
    return loans.with_columns(
        bears=bears,
        earned=pl.when(waits)
        .then((pl.col("money") - pl.col("rest_principal")).clip(lower_bound=0))
        .otherwise(pl.min_horizontal("interest_off", "money")),
        takes_room=pl.when(waits).then(0).otherwise(pl.min_horizontal("interest_off", "money")),
        reduces=pl.col("excess") == Excess.next_then_principal,
    )


def _with_paid_up(loans: pl.DataFrame, own_dues: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """Loans with `paid_up` (Int16): how many instalments from the next one on money has paid whole, and with
    them one that it paid in part and that has no room for the interest; the last one is never counted."""
    to_come = (pl.col("instalment_no") >= pl.col("next_no")) & of_schedule()
    keys = loans.filter("covered_is_fixed").select(
        "loan_id", next_no="instalment_no", last_no="instalments"
    )
    paid = (
        own_dues.join(keys, on="loan_id")
        .filter(to_come & (pl.col("instalment_no") < pl.col("last_no")))
        .group_by("loan_id", "next_no", number="instalment_no")
        .agg(pl.col("paid").sum())
        .filter(pl.col("paid") > 0)
    )
    if paid.is_empty():
        return loans.with_columns(paid_up=pl.lit(0, dtype=pl.Int16))
    numbered = loans.join(paid.select("loan_id", "number", whole="paid"), on="loan_id")
    asked = figures.with_level(numbered, pl.col("number"), figures.due_date(pl.col("number")))
    run = (
        asked.filter(pl.col("whole") >= pl.col("level"))
        .sort("loan_id", "number")
        .with_columns(nth=pl.int_range(pl.len(), dtype=pl.Int16).over("loan_id"))
        .filter(pl.col("number") == pl.col("instalment_no") + pl.col("nth"))
        .group_by("loan_id")
        .agg(paid_up=pl.len().cast(pl.Int16))
    )
    joined = loans.join(run, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col("paid_up").fill_null(0)
    )
    ran = joined.select("loan_id", "interest_off", runs=pl.col("instalment_no") + pl.col("paid_up"))
    full = (
        asked.drop("interest_off")
        .join(ran, left_on=["loan_id", "number"], right_on=["loan_id", "runs"])
        .filter(pl.col("interest_off") > pl.col("level") - pl.col("whole"))["loan_id"]
    )
    passed = pl.col("loan_id").is_in(full.implode()).cast(pl.Int16)
    return joined.with_columns(paid_up=pl.col("paid_up") + passed)


def _slots(loans: pl.DataFrame, figures: Figures) -> pl.LazyFrame:
    """A row for every instalment that may take principal, its number the `slot`: the next one, or as
    many to come as the money can reach."""
    covers = (pl.col("money") + pl.col("prepaid_dues")) // pl.col("emi").clip(lower_bound=1)
    begins = pl.max_horizontal(pl.col("instalment_no"), pl.col("grace_principal").cast(pl.Int16))
    reach = begins + covers + 2
    ends = _from_the_end() | (pl.col("excess") == Excess.next_then_last) | _spreads()
    last = (
        pl.when("reduces")
        .then("instalment_no")
        .when(_is_level() & ~ends & pl.lit(not (figures.weighted or figures.level_changes)))
        .then(pl.min_horizontal(pl.max_horizontal("instalments", "instalment_no"), reach))
        .otherwise(pl.max_horizontal("instalments", "instalment_no"))
    )
    return (
        loans.lazy()
        .with_columns(slot=pl.int_ranges("instalment_no", last.cast(pl.Int64) + 1))
        .explode("slot")
        .with_columns(pl.col("slot").cast(pl.Int16))
    )


_OF_SLOTS = ("loan_id", "event_id", "money", "excess", "amortisation", "instalment_no", "instalments", "offered",
             "earned", "slot", "room")  # fmt: skip
"""What is read of slots once their room is known: a loan's other columns are not carried to each of them."""


def _with_room(slots: pl.LazyFrame, own_dues: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """`slots` with the `room` for principal of each: what it will ask, less what stands with it and
    what the money pays of its interest. An even spread asks in two turns (`later`)."""
    stands = early_paid(own_dues).group_by("loan_id", "instalment_no")
    principal = pl.col("early").filter(is_principal()).sum()
    early = stands.agg(pl.col("early").sum(), early_principal=principal)
    slots = slots.join(
        early.lazy(), left_on=["loan_id", "slot"], right_on=["loan_id", "instalment_no"], how="left",
        maintain_order="left",
    )  # fmt: skip
    slots = figures.with_level(slots, pl.col("slot"), figures.due_date(pl.col("slot")))
    graced = pl.col("slot") <= pl.col("grace_principal")
    whole = pl.when(_is_level()).then("level").otherwise(figures.equal_part())
    # an instalment of a grace asks no principal: it stands with the first one that does
    whole = pl.when(graced).then(0).otherwise(whole)
    whole = whole + pl.when(pl.col("slot") == 1).then("first_interest_adjustment").otherwise(0)
    if figures.levels:  # a balloon stands beside a level one
        ends = (pl.col("slot") == pl.col("instalments")) & figures.last_is_level()
        whole = whole + pl.when(ends).then("balloon").otherwise(0)
    earned_interest = (
        pl.when((pl.col("slot") == pl.col("bears")) & _is_level()).then("takes_room").otherwise(0)
    )
    # equal parts are of principal alone, whatever stands of the interest
    taken = pl.when(_of_equal_parts()).then("early_principal").otherwise("early").fill_null(0)
    room = (whole - taken - earned_interest).clip(0, pl.col("rest_principal"))
    # the last instalment asks all that is left, where it is not level itself
    onward = pl.col("excess") == Excess.next_instalment
    takes_rest = (pl.col("slot") == pl.col("instalments")) & _is_level() & onward
    if figures.levels:
        takes_rest &= ~figures.last_is_level()
    room = pl.when(takes_rest).then("rest_principal").otherwise(room)
    told = slots.with_columns(room=room).select(_OF_SLOTS).collect(engine="in-memory")
    return _even_first(told, _spreads())


def _in_order(
    loans: pl.DataFrame, slots: pl.DataFrame, ranks: pl.DataFrame, charges: pl.DataFrame | None
) -> pl.DataFrame:
    """Lines of interest, of the principal of each slot and of the balance, in the order in which the
    money meets them: by `place`, an instalment's, and there charges, principal, interest by `step`."""
    interest = pour_line(loans, pl.col("bears"), Component.interest, pl.col("earned"))
    principal = pour_line(slots, pl.col("slot"), Component.principal, pl.col("room"))
    # beyond what every instalment asks alike it stands with the last one, which asks all that is left
    ends = _from_the_end() | (pl.col("excess") == Excess.next_then_last) | _spreads()
    stands = ends & _is_level() & (pl.col("instalment_no") <= pl.col("instalments"))
    number = pl.when(stands & ~pl.col("level_last")).then("instalments").otherwise(0)
    rest = pour_line(loans, number, Component.principal, pl.col("rest_principal"))
    first = _principal_first(loans, ranks)
    further = _from_the_end() | (
        (pl.col("excess") == Excess.next_then_last) & (pl.col("slot") > pl.col("instalment_no"))
    )
    place = pl.when(further).then(_LAST - pl.col("slot")).otherwise("slot") + pl.col("later")
    at_once = pl.when(first).then("instalment_no").otherwise(0)
    order = [
        interest.with_columns(place=at_once.cast(pl.Int64), step=pl.lit(2)),
        principal.with_columns(
            place=slots.select(place.cast(pl.Int64)).to_series(), step=pl.lit(1)
        ),
        rest.with_columns(place=pl.lit(_LAST, dtype=pl.Int64), step=pl.lit(1)),
    ]
    if charges is not None and charges.height:
        order.insert(0, _before_principal(charges, loans))
    # one key sorts faster than three
    key = pl.col("loan_id") * 2**18 + pl.col("place") * 4 + pl.col("step")
    return pl.concat(order).sort(key, maintain_order=True).drop("place", "step")


def _before_principal(charges: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """Lines of `charges` where the principal of their instalment is; before the interest of the next
    instalment too, where the waterfall says so."""
    joined = charges.join(
        loans.select("loan_id", "excess", runs="instalment_no"), on="loan_id", how="left",
        maintain_order="left",
    )  # fmt: skip
    number = pl.col("instalment_no").cast(pl.Int64)
    runs = pl.col("instalment_no") == pl.col("runs")
    backwards = (pl.col("excess") == Excess.last_instalment) | (
        (pl.col("excess") == Excess.next_then_last) & ~runs
    )
    place = (
        pl.when(backwards)
        .then(_LAST - number)
        .when(runs & pl.col("before_interest"))
        .then(0)
        .otherwise(number)
    )
    return joined.select(*charges.drop("before_interest").columns, place=place, step=pl.lit(0))


def _even_first(slots: pl.DataFrame, spread: pl.Expr) -> pl.DataFrame:
    """`slots` with what an even spread asks: its share of each that has room, the remainder of the last
    one, and what that leaves of their `room` `later`, the next instalment first."""
    even = slots.filter(spread & (pl.col("room") > 0))
    rest = slots.filter(~spread).with_columns(later=pl.lit(0))
    if even.is_empty():
        return rest
    count, nth = pl.len().over("loan_id"), pl.int_range(1, pl.len() + 1).over("loan_id")
    left = pl.col("offered") - pl.col("earned")
    capped = pl.min_horizontal("room", even_share(left, count, nth))
    first = even.with_columns(room=capped, later=pl.lit(0))
    then = even.with_columns(room=pl.col("room") - capped, later=pl.lit(_LATER))
    return pl.concat([rest, first, then])


def _rank_in_advance(ranks: pl.DataFrame, component: Component) -> pl.DataFrame:
    """`rule` and the rank of a component in advance, under the component's name."""
    in_advance = (pl.col("timing") == Timing.in_advance) & is_(component)
    return ranks.filter(in_advance).select("rule", pl.col("rank").alias(component.name))


def _principal_first(loans: pl.DataFrame, ranks: pl.DataFrame) -> pl.Series:
    """Of which loans the waterfall takes principal in advance before interest."""
    return (
        loans.select("rule")
        .join(
            _rank_in_advance(ranks, Component.principal),
            on="rule",
            how="left",
            maintain_order="left",
        )
        .join(
            _rank_in_advance(ranks, Component.interest),
            on="rule",
            how="left",
            maintain_order="left",
        )
        .select(first=pl.col("principal") < pl.col("interest"))
        .to_series()
        .fill_null(False)
    )
