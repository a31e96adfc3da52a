"""The schedule: one step function that turns terms into instalments.

`instalment` gives the figures of one instalment from the balance before it. The
expansion of a whole schedule, the digest kept beside the terms, and billing in the
daily close all step through it, so a schedule can't be computed in two ways.

Frames in this module hold one row per loan with the columns of
:class:`loanbook.core.contract.terms.Terms`. Amounts are Int64 minor units.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode
from loanbook.core.contract.dates.business_days import BusinessDay, Calendar
from loanbook.core.contract.dates.day_count import ACTUAL
from loanbook.core.contract.dates.due_dates import due_date
from loanbook.core.contract.figures import (
    UNITY,
    Amortisation,
    Figures,
    Frame,
    agreed_row,
    codes,
    counts_days,
    has_agreed_rows,
)
from loanbook.core.contract.first_period import StubInterest, later_stub
from loanbook.core.contract.money import (
    PPB,
    Rounding,
    even_part,
    int128,
    rounded_quotient,
    to_multiple,
    with_quotient,
)
from loanbook.core.contract.steps_and_seasons import WHOLE, alike, weight


def adjusted(date: pl.Expr, frame: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.Expr:
    """`date` moved by each loan's business-day convention and calendar code.

    A date that would move back to the payout (`disbursed_on`), or before it, moves on instead: nothing is
    due before it is lent.
    """
    chosen = date
    pairs = frame.select("business_day", "calendar").unique().rows()
    for convention, calendar in pairs:
        if convention == BusinessDay.unadjusted:
            continue
        moved = calendars[calendar].adjust(date, BusinessDay(convention))
        if convention != BusinessDay.following:
            lent = moved > pl.col("disbursed_on")
            moved = pl.when(lent).then(moved).otherwise(calendars[calendar].next(date))
        same = (pl.col("business_day") == convention) & (pl.col("calendar") == calendar)
        chosen = pl.when(same).then(moved).otherwise(chosen)
    return chosen


CURSOR = ("instalment_no", "period_start", "period_end", "schedule_balance", "interest_carried")
"""Columns that `open_schedule` adds: where a loan stands in its schedule."""


def open_schedule(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` standing before instalment 1, or the first one due after a take-over.

    Adds `instalment_no` (Int16), `period_start`, `period_end` (Date, unadjusted),
    `schedule_balance` and `interest_carried` (Int64).
    """
    figures = Figures(terms)
    cursor = _from_the_first(terms, figures)
    if "taken_over_on" not in terms.columns or not terms["taken_over_on"].count():
        return cursor
    return _migrated_in(cursor, figures)


def from_the_start(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` whose schedule begins with instalment 1, also of loans that were taken over since."""
    return terms.with_columns(
        taken_over_on=pl.lit(None, dtype=pl.Date), principal_left=pl.lit(None, dtype=pl.Int64)
    )


def _from_the_first(terms: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    return terms.with_columns(
        instalment_no=pl.lit(1, dtype=pl.Int16),
        period_start=pl.col("disbursed_on"),
        period_end=figures.due_date(pl.lit(1)),
        schedule_balance=pl.col("principal_agreed"),
        interest_carried=pl.lit(0, dtype=pl.Int64),
    )


def _migrated_in(cursor: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """Loans that lived elsewhere stand before their first instalment due after that."""
    on = pl.col("taken_over_on")
    is_migrated = on.is_not_null()
    number = pl.lit(1, dtype=pl.Int16)
    for k in range(1, int(cursor.filter(is_migrated)["instalments"].max()) + 1):  # type: ignore[arg-type]
        number = number + (figures.due_date(pl.lit(k)) <= on).cast(pl.Int16)
        if k % 60 == 0:  # an expression must not grow without end
            cursor = cursor.with_columns(_number=number)
            number = pl.col("_number")
    n = pl.col("instalment_no")
    counted = cursor.with_columns(
        instalment_no=pl.when(is_migrated)
        .then(pl.min_horizontal(number, pl.col("instalments") + 1))
        .otherwise(n)
        .cast(pl.Int16)
    ).drop("_number", strict=False)
    began = pl.when(is_migrated & (n > 1)).then(figures.due_date(n - 1)).otherwise("period_start")
    return counted.with_columns(
        period_start=began,
        period_end=figures.due_date(n),
        schedule_balance=pl.coalesce("principal_left", "schedule_balance"),
    )


def instalment(cursor: Frame, figures: Figures) -> Frame:
    """The figures of the instalment the cursor stands before.

    Adds `asked_interest`, `asked_principal`, `level` (Int64) and
    `interest_after` (Int64, interest carried to the next one: deferred by grace, or
    above the level instalment).
    """
    levelled = figures.with_level(cursor)
    charged = figures.with_period_interest(levelled, "asked_interest").with_columns(
        asked_interest=pl.col("asked_interest") + pl.col("interest_carried")
    )
    last = pl.col("instalment_no") >= pl.col("instalments")
    level = (pl.col("amortisation") == Amortisation.equal_instalment) & ~last
    whole = pl.col("capitalises") if figures.capitalises else pl.lit(False)
    deferred = (pl.col("instalment_no") <= pl.col("grace_interest")) & ~last
    ceiling = pl.when(level).then(
        pl.col("level")
        + pl.when(pl.col("instalment_no") == 1)
        .then(pl.col("first_interest_adjustment"))
        .otherwise(0)
    )
    due_interest = (
        pl.when(whole)  # what is not paid of it joins the principal
        .then(pl.col("asked_interest"))
        .when(deferred)
        .then(0)
        .when(level & (pl.col("instalment_no") > pl.col("grace_principal")))
        .then(pl.min_horizontal("asked_interest", ceiling))
        .otherwise(pl.col("asked_interest"))
    )
    if figures.apart:  # the parts of a stub's interest that later instalments ask
        due_interest = pl.min_horizontal(due_interest, without_later_parts())
    split = charged.with_columns(
        asked_interest=due_interest, interest_after=pl.col("asked_interest") - due_interest
    )
    asked = split.with_columns(
        asked_principal=figures.principal_part(pl.col("asked_interest"), pl.col("schedule_balance"))
    )
    if not figures.agreed:
        return asked
    _, principal, interest = agreed_row(pl.col("instalment_no"))
    told = principal.is_not_null()
    return asked.with_columns(
        asked_principal=pl.coalesce(principal, "asked_principal"),
        asked_interest=pl.when(told).then(interest).otherwise("asked_interest"),
        interest_after=pl.when(told).then(0).otherwise("interest_after"),
    )


def without_later_parts(interest: pl.Expr | None = None) -> pl.Expr:
    """`interest` (without it: `asked_interest`) less the parts of a stub's that later instalments ask."""
    whole = pl.col("asked_interest") if interest is None else interest
    later = later_stub(pl.col("instalment_no")).clip(lower_bound=0)
    ends = pl.col("instalment_no") >= pl.col("instalments")
    # money that meets all interest earned to its day leaves none for later
    return (
        pl.when(ends | pl.col("due_at_payment"))
        .then(whole)
        .otherwise((whole - later).clip(lower_bound=0))
    )


def next_period(billed: Frame, figures: Figures) -> Frame:
    """The cursor after the instalment whose figures `instalment` added."""
    return billed.with_columns(
        schedule_balance=pl.col("schedule_balance") - pl.col("asked_principal"),
        interest_carried=pl.col("interest_after"),
        **_onward(figures),
    ).drop("asked_interest", "asked_principal", "interest_after", "level")


def _onward(figures: Figures) -> dict[str, pl.Expr]:
    """The cursor before the instalment after the one that it stands before."""
    number = pl.col("instalment_no") + 1
    return {
        "instalment_no": number,
        "period_start": pl.col("period_end"),
        "period_end": figures.due_date(number),
    }


def agree(terms: pl.DataFrame) -> pl.DataFrame:
    """Fix what the schedule needs before it runs: stub flag, flat total, level instalment.

    Fills `has_stub`, `flat_interest`, `stub_amount`, `stub_share` and, where it is null, `emi`.
    """
    none = pl.lit(0, dtype=pl.Int64)
    raw = terms.with_columns(
        has_stub=pl.lit(False), flat_interest=none, stub_amount=none, stub_share=none, stub="stub"
    )
    if not codes(terms, "basis") <= ACTUAL.keys():  # actual days need no flag for an odd period
        regular_start = due_date(pl.lit(0), codes(terms, "unit"))
        is_odd = (regular_start != pl.col("disbursed_on")) & ~counts_days()
        odd = raw.lazy().select(has_stub=is_odd).collect()
        raw = raw.with_columns(odd["has_stub"])
    if has_agreed_rows(terms):  # their periods are as agreed, and they have no level instalment
        told = pl.col("agreed_schedule").is_not_null()
        raw = raw.with_columns(
            has_stub=pl.col("has_stub") & ~told, emi=pl.when(told).then(0).otherwise("emi")
        )
    raw = _with_stub_apart(with_flat_total(raw))
    missing = raw.filter(pl.col("emi").is_null())
    if missing.is_empty():
        return raw
    agreed = raw.filter(pl.col("emi").is_not_null())
    solved = _smoothed(missing.with_columns(emi=_level_instalment(missing)))
    return pl.concat([agreed, solved]).sort("loan_id")


def _with_stub_apart(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` with `stub_amount` and `stub_share` of loans that ask an odd first period's interest apart.

    What the first period bears of the principal agreed beyond a regular one, rounded once by itself. An even
    spread of flat interest is what it is without it.
    """
    if "stub_interest" not in terms.columns:
        return terms
    how = stub_interest_of(terms)
    flat = (pl.col("amortisation") == Amortisation.flat) & (how == StubInterest.spread.value)
    here = (how != StubInterest.level.value) & ~flat & ~pl.col("revolving")
    here = here & (pl.col("grace_charged") == 0)  # else the period bears nothing
    if has_agreed_rows(terms):
        here = here & pl.col("agreed_schedule").is_null()
    if "taken_over_on" in terms.columns:  # asked where the loan lived before
        here = here & pl.col("taken_over_on").is_null()
    mask = terms.select(here).to_series()
    if not mask.any():
        return terms
    odd = terms.filter(mask)
    over, under = _first_rate(odd)
    regular_over, regular_under = _first_rate(_from_a_regular(odd))
    # all denominators are a multiple of a billion, but those of decimal factors, which are alike
    rated = odd.with_columns(over, regular_over.alias("_less"), _u=under, _r=regular_under)
    alike_, unit = pl.col("_u") == pl.col("_r"), pl.lit(PPB, dtype=pl.Int128)
    beyond = (
        pl.when(alike_)
        .then(pl.col("rate_over") - pl.col("_less"))
        .otherwise(
            pl.col("rate_over") * (pl.col("_r") // unit) - pl.col("_less") * (pl.col("_u") // unit)
        )
    )
    figures = Figures(odd)
    rounded = with_quotient(
        rated, "_stub", int128(figures.lent) * beyond,
        pl.when(alike_).then("_u").otherwise(pl.col("_u") * (pl.col("_r") // unit)),
        "interest_rounding", figures.rounding,
    )  # fmt: skip
    share = even_part(pl.col("_stub"), pl.col("instalments").cast(pl.Int64))
    spread = how == StubInterest.spread.value
    found = rounded.select(
        stub_amount="_stub", stub_share=pl.when(spread).then(share).otherwise("_stub")
    )
    at = mask.arg_true()
    return terms.with_columns(terms[n].clone().scatter(at, found[n]) for n in found.columns)


def stub_interest_of(terms: pl.DataFrame) -> pl.Expr:
    """How each loan asks the interest of an odd first period (code of `StubInterest`)."""
    own = "stub_interest_agreed"
    return pl.coalesce(own, "stub_interest") if own in terms.columns else pl.col("stub_interest")


def kept_of_payout(agreed: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, `kept` (Int64, above zero): a stub's interest that the payout pays at once, of the
    first instalment's. `agreed`: terms as `agree` left them."""
    if "stub_interest" not in agreed.columns:
        return agreed.select("loan_id", kept=pl.lit(0, dtype=pl.Int64)).clear()
    upfront = stub_interest_of(agreed) == StubInterest.upfront.value
    kept = agreed.filter(upfront & (pl.col("stub_amount") > 0))
    return kept.select("loan_id", kept="stub_amount")


def _from_a_regular(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` as if they were paid out a whole period before the first due date."""
    regular = due_date(pl.lit(0), codes(terms, "unit"))
    return terms.with_columns(disbursed_on=regular, has_stub=pl.lit(False))


def _first_rate(terms: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Rate of each loan's first period: numerator and denominator (Int128)."""
    figures = Figures(terms)
    rated = figures.with_rate(_from_the_first(terms, figures))
    wide = rated.select(int128(pl.col("rate_over")), int128(pl.col("rate_under")))
    return wide["rate_over"], wide["rate_under"]


def with_flat_total(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` with the `flat_interest` (Int64) of a whole life at the rate in force, 0 of others."""
    if Amortisation.flat not in codes(terms, "amortisation"):
        return terms
    if "rate_until" in terms.columns:  # what an earlier rate bore is billed, or its period's own
        return terms.with_columns(with_flat_total(terms.drop("rate_until"))["flat_interest"])
    figures = Figures(terms)
    whole = _from_the_first(terms, figures)
    if any(basis in figures.basis for basis in ACTUAL):
        # t is the actual time from disbursement to the last due date
        until = figures.due_date(pl.col("instalments"))
        whole = whole.with_columns(
            period_end=pl.when(counts_days()).then(until).otherwise("period_end")
        )
    whole = _with_life_rate(whole.with_columns(_lent=figures.lent), figures)
    # interest is on what was lent, also where a part of it is spread anew
    whole = with_quotient(
        whole, "total", int128(pl.col("_lent")) * pl.col("life_over"), pl.col("life_under"),
        "interest_rounding", figures.rounding,
    )  # fmt: skip
    flat = pl.col("amortisation") == Amortisation.flat
    found = whole.select(flat_interest=pl.when(flat).then(pl.col("total")).otherwise(0))
    priced = terms.with_columns(found.to_series())
    return _by_days_total(priced) if figures.by_days else priced


def _by_days_total(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` whose flat interest by days is the sum of what the periods ask, each rounded by itself."""
    flat = pl.col("amortisation") == Amortisation.flat
    mask = terms.select(flat & pl.col("flat_by_days")).to_series()
    loans = terms.filter(mask)
    if loans.is_empty():
        return terms
    figures = Figures(loans)
    cursor = _from_the_first(loans, figures).with_columns(_total=pl.lit(0, dtype=pl.Int64))
    for _ in range(int(loans["instalments"].max())):  # type: ignore[arg-type]
        with_interest = figures.with_period_interest(cursor, "_charged")
        there = pl.col("instalment_no") <= pl.col("instalments")
        cursor = with_interest.with_columns(
            _total=pl.col("_total") + pl.when(there).then("_charged").otherwise(0),
            **_onward(figures),
        ).drop("_charged")
    totals = terms["flat_interest"].clone().scatter(mask.arg_true(), cursor["_total"])
    return terms.with_columns(totals)


def _with_life_rate(first: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """Loans before instalment 1 with the rate of their whole life, `life_over` / `life_under` (Int128).

    That of the period from `period_start` to `period_end`, which of loans that count actual days is
    the life; of others so much for each period, and an odd first one bears its own share.
    """
    rated = figures.with_rate(first)
    over, under = int128(pl.col("rate_over")), int128(pl.col("rate_under"))
    periods = pl.when(counts_days()).then(1).otherwise(pl.col("instalments").cast(pl.Int64))
    if not (figures.stubbed or figures.tranched):
        return rated.with_columns(life_over=over * periods, life_under=under)
    later = figures.with_rate(first.with_columns(instalment_no=pl.lit(2, dtype=pl.Int16)))
    rated = rated.with_columns(later.select(_over="rate_over", _under="rate_under"))
    following, each = int128(pl.col("_over")) * (periods - 1), int128(pl.col("_under"))
    # an odd period is over a multiple of the others' denominator: no product of the two is needed
    within = under % each == 0
    return rated.with_columns(
        life_over=pl.when(within)
        .then(over + following * (under // each))
        .otherwise(over * each + following * under),
        life_under=pl.when(within).then(under).otherwise(under * each),
    ).drop("_over", "_under")


def _level_instalment(terms: pl.DataFrame) -> pl.Series:
    """EMI = (P - balloon * v_n) / sum of v_k, rounded to the minor unit, then to the multiple.

    v_k is the discount factor to due k, held with 18 decimals in Int128. The same value
    as P * prod(1 + rf) / F_n with F_k = 1 + F_(k-1) (1 + rf_k). Flat loans: (P + I) / n.
    0 where the kind of schedule has no level instalment.
    """
    if "stub_amount" in terms.columns and (terms["stub_amount"] != 0).any():
        apart = pl.col("stub_amount") != 0
        regular = _from_a_regular(terms).select("disbursed_on", "has_stub")
        terms = terms.with_columns(
            pl.when(apart).then(regular[name]).otherwise(name).alias(name)
            for name in regular.columns
        )
    if "lacks" in terms.columns:  # smoothing finds the nights that a tranche does not bear
        smooth = pl.col("smooth_last_instalment")
        terms = terms.with_columns(lacks=pl.when(smooth).then(0).otherwise("lacks"))
    figures = Figures(terms)
    cursor = open_schedule(terms).with_columns(
        v=pl.lit(UNITY, dtype=pl.Int128), total=pl.lit(0, dtype=pl.Int128)
    )
    over, under = int128(pl.col("rate_over")), int128(pl.col("rate_under"))
    grace = pl.col("instalment_no") <= pl.col("grace_principal")
    free = pl.col("instalment_no") <= pl.col("grace_charged")  # its period bears nothing
    for _ in range(int(terms["instalments"].max())):  # type: ignore[arg-type]
        within = (pl.col("instalment_no") <= pl.col("instalments")) & ~grace
        discounted = pl.col("v") * under // (under + over)
        cursor = (
            figures.with_rate(cursor)
            .with_columns(next=pl.when(within & ~free).then(discounted).otherwise(pl.col("v")))
            .with_columns(
                v=pl.col("next"),
                total=pl.col("total")
                + pl.when(within).then(_weighted(pl.col("next"), figures)).otherwise(0),
            )
            .with_columns(
                instalment_no=pl.col("instalment_no") + 1,
                period_start=pl.col("period_end"),
                period_end=figures.due_date(pl.col("instalment_no") + 1),
            )
        )
    present = int128(pl.col("schedule_balance")) * UNITY - int128(pl.col("balloon")) * pl.col("v")
    return _rounded_level(cursor.with_columns(_present=present), figures)


def _rounded_level(cursor: pl.DataFrame, figures: Figures) -> pl.Series:
    """The level instalment of loans whose `_present` value and `total` of factors are known.

    Rounded to the minor unit, then to the multiple; each quotient is columns, for nested in one expression
    they took 35 ms to plan, be it for one loan.
    """
    modes = codes(cursor, "instalment_rounding")
    by_days = pl.col("flat_by_days") if figures.by_days else pl.lit(False)
    level = pl.col("amortisation") == Amortisation.equal_instalment
    flat = pl.col("amortisation") == Amortisation.flat
    shared = flat & ((pl.col("instalment_multiple") > 1) | by_days)
    beside = pl.col("stub_amount") if "stub_amount" in cursor.columns else pl.lit(0)
    over = int128(pl.col("principal_agreed") + pl.col("flat_interest") - beside)
    one = with_quotient(
        cursor, "_level",
        pl.when(level).then("_present").otherwise(over),
        pl.when(level).then("total").otherwise(int128(pl.col("instalments"))),
        "instalment_rounding", modes,
    ).with_columns(_level=pl.when(level | shared).then("_level").otherwise(0))  # fmt: skip
    whole = with_quotient(
        one, "_times", pl.col("_level"), pl.col("instalment_multiple"), "instalment_rounding", modes
    ).with_columns(_whole=pl.col("_times") * pl.col("instalment_multiple"))
    return whole.select(emi=_or_unrounded(pl.col("_level"), pl.col("_whole"))).to_series()


def _weighted(factor: pl.Expr, figures: Figures) -> pl.Expr:
    """A discount factor times what its instalment asks of the level one."""
    if not figures.weighted:
        return factor
    share = weight(pl.col("instalment_no"), pl.col("period_end"), figures.terms)
    return factor * int128(share) // WHOLE


def _or_unrounded(amount: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """An instalment below half its multiple stays as it is, or nothing would be paid."""
    return pl.when(whole == 0).then(amount).otherwise(whole)


def _smoothed(terms: pl.DataFrame) -> pl.DataFrame:
    """Move the level instalment where the last one differs too much from the one before.

    Up to three rounds: if |last - previous| > n // 2 minor units, EMI' = EMI +
    round(difference / n), kept only if the difference shrinks.
    """
    flagged = terms.filter(pl.col("smooth_last_instalment") & (pl.col("instalments") > 1))
    if flagged.is_empty():
        return terms
    rest = terms.filter(~(pl.col("smooth_last_instalment") & (pl.col("instalments") > 1)))
    gap = last_instalment_gap(flagged)
    for _ in range(3):
        n = pl.col("instalments").cast(pl.Int64)
        wide = flagged.select(gap.abs() > n // 2).to_series()
        if not wide.any():
            break
        was = gap.filter(wide)
        tried = flagged.filter(wide).with_columns(_gap=was)
        sign = pl.when(pl.col("_gap") < 0).then(-1).otherwise(1)
        step = sign * rounded_quotient(int128(pl.col("_gap").abs()), int128(n), Rounding.half_even)
        whole = to_multiple(pl.col("_moved"), pl.col("instalment_multiple"), Rounding.half_even)
        tried = (
            tried.with_columns(_moved=pl.col("emi") + step)
            .with_columns(_whole=whole)
            .with_columns(emi=_or_unrounded(pl.col("_moved"), pl.col("_whole")))
            .drop("_gap", "_moved", "_whole")
        )
        after = last_instalment_gap(tried)
        better = after.abs() < was.abs()
        if not better.any():
            break
        rows = wide.arg_true().filter(better)
        flagged = flagged.with_columns(
            flagged["emi"].clone().scatter(rows, tried["emi"].filter(better))
        )
        gap = gap.scatter(rows, after.filter(better))
    return pl.concat([rest, flagged]).sort("loan_id")


def last_instalment_gap(terms: pl.DataFrame) -> pl.Series:
    """Last instalment less the one before it, in minor units, in the order of `terms`.

    Where instalments are not all alike, less what the last one asks by its weight. The last one
    takes what is left, also where it will be as high as the others.
    """
    figures = Figures(terms)
    rows = expand(terms.with_columns(level_last=pl.lit(False)))
    payment = pl.col("principal") + pl.col("interest")
    gap = rows.group_by("loan_id", maintain_order=True).agg(
        last=payment.sort_by("instalment_no").last(),
        before=payment.sort_by("instalment_no").slice(-2, 1).first(),
    )
    found = terms.join(gap, on="loan_id", how="left", maintain_order="left")
    found = found.with_columns(last=pl.col("last") - pl.col("balloon"))  # that is agreed
    if not figures.weighted:
        return found.select(pl.col("last") - pl.col("before")).to_series()
    due = figures.due_date(pl.col("instalments"))
    regular = pl.when(alike()).then("before").otherwise("level")
    levelled = figures.with_level(found, pl.col("instalments"), due)
    return levelled.select(pl.col("last") - regular).to_series()


def expand(terms: pl.DataFrame) -> pl.DataFrame:
    """Every instalment of every loan.

    Terms as `agree` left them. Returns `loan_id`, `instalment_no`, `period_start`,
    `period_end`, `opening`, `principal`, `interest`, `closing` in order of instalment.
    """
    return expand_from(open_schedule(terms))


def agreed_by_rate(agreed: pl.DataFrame) -> pl.DataFrame:
    """What the contract's rate gives of schedules that were agreed row by row.

    `agreed`: terms as `agree` left them, whose `agreed_schedule` tells of each row date and principal with
    interest, or date and total alone: then interest is what the rate bears of the balance, and of the last
    row what its total leaves beside the rest of the principal. A row bears its days where the basis counts
    them, else a whole period. `loan_id`, `agreed_schedule` with principal and interest in every row, and
    sums (Int64): `principal`, `interest`, `by_rate`; `least`, the lowest amount told or found.
    """
    figures, zero = Figures(agreed), pl.lit(0, dtype=pl.Int64)
    first, second = (agreed_row(pl.col("instalment_no"))[k] for k in (1, 2))
    cursor = _from_the_first(agreed, figures).with_columns(
        _rows=pl.lit("", dtype=pl.String),
        _principal=zero,
        _interest=zero,
        _by_rate=zero,
        _least=zero,
    )
    last = pl.col("instalment_no") == pl.col("instalments")
    flat = pl.col("amortisation") == Amortisation.flat
    bearing = pl.when(flat).then("principal_agreed").otherwise("schedule_balance")
    there, whole = pl.col("_first").is_not_null(), pl.col("_second").is_null()
    for _ in range(int(agreed["instalments"].max() or 0)):  # type: ignore[arg-type]
        rated = with_quotient(
            figures.with_rate(cursor.with_columns(_first=first, _second=second)), "_rate",
            int128(bearing) * pl.col("rate_over"), pl.col("rate_under"),
            "interest_rounding", figures.rounding,
        )  # fmt: skip
        of_total = (
            pl.when(last).then("schedule_balance").otherwise(pl.col("_first") - pl.col("_rate"))
        )
        split = rated.with_columns(
            _one=pl.when(whole).then(of_total).otherwise("_first"),
        ).with_columns(
            _two=pl.when(whole).then(pl.col("_first") - pl.col("_one")).otherwise("_second")
        )
        row = pl.format("{}:{}:{};", pl.col("period_end").dt.to_string("%Y-%m-%d"), "_one", "_two")
        low = pl.min_horizontal("_least", "_one", "_two")
        after = split.with_columns(
            _rows=pl.when(there).then(pl.col("_rows") + row).otherwise("_rows"),
            _least=pl.when(there).then(low).otherwise("_least"),
            schedule_balance=pl.col("schedule_balance") - pl.col("_one").fill_null(0),
            **{
                name: pl.col(name) + pl.when(there).then(part).otherwise(0)
                for name, part in (
                    ("_principal", "_one"),
                    ("_interest", "_two"),
                    ("_by_rate", "_rate"),
                )
            },
        )
        cursor = after.with_columns(**_onward(figures)).select(cursor.columns)
    return cursor.select(
        "loan_id", agreed_schedule=pl.col("_rows").str.strip_suffix(";"), principal="_principal",
        interest="_interest", by_rate="_by_rate", least="_least",
    )  # fmt: skip


EVERYTHING = 2**62
"""More than any instalments together ask, minor units."""


def expand_from(standing: pl.DataFrame, enough: pl.Expr | None = None) -> pl.DataFrame:
    """Every instalment from the one that each loan's cursor stands before, as `expand`.

    With `enough` (Int64 minor units) only as many as together ask that much.
    """
    standing = _with_residue(standing)
    figures = Figures(standing)
    wanted = pl.lit(EVERYTHING) if enough is None else enough
    short = pl.col("_short") > 0
    cursor = standing.with_columns(_short=wanted).filter(
        (pl.col("instalment_no") <= pl.col("instalments")) & short
    )
    steps, parts = cursor.lazy(), []
    while True:
        billed = instalment(steps, figures).collect()
        parts.append(
            billed.select(
                "loan_id",
                "instalment_no",
                "period_start",
                "period_end",
                pl.col("schedule_balance").alias("opening"),
                pl.col("asked_principal").alias("principal"),
                pl.col("asked_interest").alias("interest"),
                closing=pl.col("schedule_balance") - pl.col("asked_principal"),
            )
        )
        left = pl.col("_short") - pl.col("asked_principal") - pl.col("asked_interest")
        going = billed.with_columns(_short=left).filter(
            (pl.col("instalment_no") < pl.col("instalments")) & short
        )
        if going.is_empty():
            return pl.concat(parts).sort("loan_id", "instalment_no")
        steps = next_period(going.lazy(), figures)


def _with_residue(standing: pl.DataFrame) -> pl.DataFrame:
    """Room for what rounding leaves of a period's interest, if some loan carries it to the next.

    `residue_carried` (Boolean) and the fraction `residue_over` / `residue_under` (Int128). A daily
    product carries it; schedules held as rows are rounded instalment by instalment.
    """
    if "residue" not in standing.columns:
        return standing
    carried = (
        (pl.col("residue") == 1)
        & (pl.col("interest_mode") == InterestMode.daily.value)
        & ~pl.col("materialised")
    )
    found = standing.select(residue_carried=carried).to_series()
    if not found.any():
        return standing
    return standing.with_columns(
        found, residue_over=pl.lit(0, dtype=pl.Int128), residue_under=pl.lit(1, dtype=pl.Int128)
    )


def digest(terms: pl.DataFrame) -> pl.DataFrame:
    """`loan_id` and `schedule_digest` (UInt64), a hash over the figures of the whole schedule."""
    return digest_of(expand(terms))


def digest_of(rows: pl.DataFrame) -> pl.DataFrame:
    """`loan_id` and `schedule_digest` of expanded instalments.

    A polynomial in wrapping 64-bit arithmetic rather than a library's hash, whose
    value may change from one release to the next.
    """
    prime = pl.lit(1_099_511_628_211, dtype=pl.UInt64)
    rows = rows.with_columns(pl.col("period_end").to_physical().alias("day"))
    mixed = pl.lit(14_695_981_039_346_656_037, dtype=pl.UInt64)
    for column in ("instalment_no", "day", "principal", "interest"):
        mixed = mixed.xor(pl.col(column).cast(pl.Int64).reinterpret(signed=False)) * prime
    return (
        rows.select("loan_id", schedule_digest=mixed)
        .group_by("loan_id")
        .agg(pl.col("schedule_digest").sum())
    )
