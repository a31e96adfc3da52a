"""Whole schedules: products whose instalments all stand as dues from disbursement on.

Charges to come, chargebacks, tranches and down payments change single instalments. A product
that has them (`schedule.materialised`) keeps every instalment to come as rows of the dues, with
its amount, so that money in advance, billing and the instalment grid read one table. Interest
of such a product is fixed by the schedule.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import AfterChargeOff, Status
from loanbook.core.catalogue.components import (
    SCHEDULE,
    Component,
    is_,
    is_charge,
    is_interest,
    is_principal,
    of_schedule,
)
from loanbook.core.contract.dates.business_days import Calendar, adjusted
from loanbook.core.contract.dates.due_dates import changes_of, counted_anew, days_to_pay
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.contract.money import PPB, Rounding, int128, rounded_quotient, to_multiple
from loanbook.core.contract.schedule.agreement import agree
from loanbook.core.contract.schedule.cursor import CURSOR, from_the_start
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY, NO_DUES, due_rows, merge_dues
from loanbook.core.servicing.loan.opening import within_level
from loanbook.core.servicing.loan.taxes import untaxed

FAR = 36_525
"""Days until a period that bills nothing more would end."""


def down_payment(amount: pl.Expr) -> pl.Expr:
    """The borrower's own share of what is paid out, rounded half-even, then to the multiple; none above it."""
    share = rounded_quotient(
        int128(amount) * int128(pl.col("down_payment_ppb")), int128(PPB), Rounding.half_even
    )
    whole = to_multiple(share, pl.col("instalment_multiple"), Rounding.half_even)
    return pl.min_horizontal(whole, amount)


def financed(lent: pl.Expr) -> pl.Expr:
    """What instalments are made of, out of all that was paid out."""
    return lent - down_payment(lent)


def flat_base(lent: pl.Expr) -> pl.Expr:
    """What flat interest is on, out of all that was paid out."""
    return pl.when("flat_on_lent").then(lent).otherwise(financed(lent))


def first_coming(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """`loans` with `first_no`, the last instalment that a change as of `start` leaves as it is.

    Of a schedule that stands whole, it is the last one due by `start`; of others the last billed
    one. `begins` is where the period after it begins.
    """
    own_dues = dues.filter(pl.col("instalment_no") > 0).join(
        loans.filter("materialised").select("loan_id", "start", "moved_to"), on="loan_id"
    )
    reaches = pl.when(pl.col("moved_to").is_null()).then(pl.col("due_date") > pl.col("start"))
    later = own_dues.filter(
        reaches.otherwise(pl.col("due_date") >= pl.col("start")) & is_principal()
    )
    coming = later.group_by("loan_id").agg(number=pl.col("instalment_no").min())
    billed = pl.col("instalment_no") - 1
    marked = loans.join(coming, on="loan_id", how="left", maintain_order="left").with_columns(
        first_no=pl.max_horizontal(pl.col("number") - 1, billed).fill_null(billed)
    )
    ahead = pl.col("first_no") > billed
    return marked.drop("number").with_columns(
        begins=pl.when(ahead).then(due_of(pl.col("first_no"), loans)).otherwise("period_start")
    )


def respread(
    loans: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]
) -> pl.DataFrame:
    """Dues with the instalments after `first_no` made anew over their own principal.

    `loans`: terms as they are from now on and positions, with what `first_coming` adds, and
    `keep` (`instalment`: as high as it was; else one that pays off over the instalments left),
    `lifted_principal`, `lifted_interest`: arrears that are spread with it, the interest as it is.
    """
    own_dues = dues.join(loans.select("loan_id", "first_no"), on="loan_id")
    coming = own_dues.filter(
        (pl.col("due_date") > BUSINESS_DATE)
        & of_schedule()
        & (pl.col("instalment_no") > pl.col("first_no"))
    ).drop("first_no")
    first = pl.col("instalment_no") == pl.col("instalment_no").min()
    principal = coming.group_by("loan_id").agg(
        spread=pl.col("amount").filter(is_principal()).sum(),
        asked=pl.col("amount").filter(first).sum(),
    )
    spread = (
        loans.join(principal, on="loan_id", maintain_order="left")
        .with_columns(
            spread=pl.col("spread") + pl.col("lifted_principal"),
            period_start="begins",
            first_no=pl.col("first_no").clip(upper_bound=pl.col("instalments") - 1),
            # beside a down payment the level instalment is that of the rest
            kept_emi=pl.when(pl.col("keep") == "instalment").then(
                pl.when(pl.col("down_payment_ppb") > 0).then("asked").otherwise("emi")
            ),
            lent=flat_base(pl.col("principal") + pl.col("principal_paid")),
        )
        .drop("asked")
    )
    rows = expanded(spread.filter(pl.col("spread") > 0), calendars)
    cleared = dues.join(coming.select(DUE_KEY), on=DUE_KEY, how="anti")
    kept = coming.with_columns(amount=pl.lit(0, dtype=pl.Int64)).filter(pl.col("paid") > 0)
    made = merge_dues(charges_follow(cleared, loans, rows), merge_dues(kept, rows))
    return with_paid_kept(merge_dues(made, waiting_interest(loans, rows)), loans)


def with_paid_kept(dues: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """Dues whose instalments to come ask no less than was paid of them; the last ones ask so much less.

    `loans`: those whose schedule was made anew. Money in advance stays with its instalment.
    """
    over = (pl.col("paid") - pl.col("amount")).clip(lower_bound=0)
    coming = (pl.col("due_date") > BUSINESS_DATE) & of_schedule()
    coming &= pl.col("loan_id").is_in(loans["loan_id"].implode())
    short = dues.filter(coming & (over > 0))
    if short.is_empty():
        return dues
    keys = ["loan_id", "component"]
    owed = short.group_by(keys).agg(owed=over.sum())
    open_ = (pl.col("amount") - pl.col("paid")).clip(lower_bound=0)
    own = dues.filter(coming).join(owed, on=keys)
    own = own.sort(*keys, "instalment_no", descending=[False, False, True]).with_columns(open=open_)
    before = pl.col("open").cum_sum().over(keys) - pl.col("open")
    less = pl.min_horizontal("open", (pl.col("owed") - before).clip(lower_bound=0))
    fitted = own.with_columns(amount=pl.col("amount") + over - less).select(dues.columns)
    place = [*keys, "instalment_no", "due_date"]
    rest = dues.join(fitted.select(place), on=place, how="anti")
    return pl.concat([rest, fitted]).sort(DUE_KEY)


def charges_follow(dues: pl.DataFrame, loans: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Dues whose charges to come follow the instalments of `loans`, which `rows` have anew."""
    return _joined(_with_instalments(dues, rows), loans, rows)


def _with_instalments(dues: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Dues whose charges to come fall due with their instalments, which `rows` have anew."""
    falls = rows.filter(is_principal()).select("loan_id", "instalment_no", falls="due_date")
    charged = is_charge() & (pl.col("due_date") > BUSINESS_DATE)
    moves = charged & pl.col("falls").is_not_null()
    return (
        dues.join(falls, on=["loan_id", "instalment_no"], how="left", maintain_order="left")
        .with_columns(due_date=pl.when(moves).then("falls").otherwise("due_date"))
        .drop("falls")
    )


def _joined(dues: pl.DataFrame, loans: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Dues whose charges after the last instalment join the one that falls due no earlier now."""
    after = (
        dues.filter(is_charge() & (pl.col("due_date") > BUSINESS_DATE))
        .join(
            loans.select("loan_id", "instalments", "charges_on_own_date"),
            on="loan_id",
            maintain_order="left",
        )
        .filter((pl.col("instalment_no") > pl.col("instalments")) & ~pl.col("charges_on_own_date"))
    )
    falls = rows.filter(is_principal()).select("loan_id", number="instalment_no", falls="due_date")
    held = (
        after.join(falls, on="loan_id")
        .filter(pl.col("falls") >= pl.col("due_date"))
        .group_by(DUE_KEY, maintain_order=True)
        .agg(pl.col("number").min(), pl.col("falls").min())
    )
    if held.is_empty():
        return dues
    moved = dues.join(held, on=DUE_KEY, maintain_order="left").with_columns(
        instalment_no="number", due_date="falls"
    )
    return merge_dues(dues.join(held, on=DUE_KEY, how="anti"), moved)


def waiting_interest(loans: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Dues for the `lifted_interest` of loans, on the first of the instalments in `rows`."""
    waits = loans.filter(pl.col("lifted_interest") > 0).select("loan_id", "lifted_interest")
    first = rows.filter(is_principal()).join(waits, on="loan_id")
    earliest = pl.col("instalment_no") == pl.col("instalment_no").min().over("loan_id")
    waiting = first.filter(earliest)
    return due_rows(waiting, "instalment_no", Component.interest, "due_date", "lifted_interest")


def expanded(loans: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """Rows of the dues for `spread` over the instalments after `first_no`."""
    if loans.is_empty():
        return NO_DUES
    terms = loans.with_columns(
        principal_agreed="spread",
        first_due_date=due_of(pl.col("first_no") + 1, loans),
        **counted_anew(pl.col("first_no") + 1, changes_of(loans)),
        instalments=pl.col("instalments") - pl.col("first_no"),
        disbursed_on=pl.when(pl.col("first_no") > 0).then("period_start").otherwise("disbursed_on"),
        emi="kept_emi",
        **within_level(pl.col("first_no") > 0),
        agreed_schedule=pl.when(pl.col("first_no") == 0).then("agreed_schedule"),
        **{grace: _left(grace) for grace in ("grace_principal", "grace_interest", "grace_charged")},
        first_interest_adjustment=pl.when(pl.col("first_no") == 0)
        .then("first_interest_adjustment")
        .otherwise(0),
    ).drop(CURSOR)
    rows = expand(agree(from_the_start(terms))).join(
        terms.select(
            "loan_id", "first_no", "disbursed_on", "business_day", "calendar", "business_date",
            "agreed_schedule",
        ),
        on="loan_id",
    )  # fmt: skip
    on_business_days = pl.when(pl.col("agreed_schedule").is_null())
    moved = on_business_days.then(adjusted(pl.col("period_end"), rows, calendars))
    rows = rows.with_columns(due=moved.otherwise("period_end"))
    number = pl.col("instalment_no") + pl.col("first_no")
    return pl.concat(
        due_rows(rows, number, component, "due", column).filter(
            (pl.col("amount") > 0) | (component is Component.principal)
        )
        for component, column in (
            (Component.principal, "principal"),
            (Component.interest, "interest"),
        )
    )


def _left(grace: str) -> pl.Expr:
    """What of a grace is left after `first_no` instalments (Int8)."""
    return (pl.col(grace).cast(pl.Int16) - pl.col("first_no")).clip(lower_bound=0).cast(pl.Int8)


def point(positions: pl.DataFrame, dues: pl.DataFrame, mask: pl.Series) -> pl.DataFrame:
    """Positions whose cursor stands before the next instalment of the dues, for the loans of `mask`."""
    loans = positions.filter(mask)
    coming = (
        dues.filter(
            (pl.col("due_date") > BUSINESS_DATE) & (pl.col("instalment_no") > 0) & of_schedule()
        )
        .join(loans.select("loan_id"), on="loan_id", how="semi")
        .sort("loan_id", "due_date", "instalment_no")
    )
    following = (
        coming.with_columns(first=pl.col("due_date").min().over("loan_id"))
        .filter(pl.col("due_date") == pl.col("first"))
        .group_by("loan_id")
        .agg(
            pl.col("due_date").first(),
            number=pl.col("instalment_no").first(),
            interest=pl.col("amount").filter(is_interest()).sum(),
        )
    )
    moved = (
        loans.join(following, on="loan_id", how="left", maintain_order="left")
        .with_columns(
            instalment_no=pl.coalesce("number", pl.col("instalments") + 1).cast(pl.Int16),
            period_end=pl.coalesce("due_date", BUSINESS_DATE + pl.duration(days=FAR)),
            # less what counted as earned before its nights: at a charge-off, or a re-age
            period_interest=(
                pl.col("interest").fill_null(0) - pl.col("accrued_units").clip(lower_bound=0)
            ).clip(lower_bound=0),
        )
        .with_columns(next_due_date="period_end")
    )
    return replaced(positions, mask, loans, moved)


def earned_whole(
    loans: pl.DataFrame, dues: pl.DataFrame, events: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Active loans of `events` with all interest of a schedule that stands whole as earned.

    It is fixed and none of it is given back, so a charge-off claims all of it, where it does not stop
    interest. Returns positions
    and `loan_id`, `event_id`, `rest`: what was not earned yet.
    """
    to_come = (
        dues.filter((pl.col("due_date") > BUSINESS_DATE) & is_interest())
        .group_by("loan_id")
        .agg(to_come=(pl.col("amount") - pl.col("paid")).sum())
    )
    claimed = events.select("loan_id", "event_id").join(to_come, on="loan_id", how="inner")
    claims_schedule = (
        (pl.col("status") == Status.active)
        & pl.col("materialised")
        & (
            (pl.col("after_charge_off") == AfterChargeOff.regular.value)
            | pl.col("schedule_fixed_on").is_not_null()
        )
    )
    found = loans.join(claimed, on="loan_id", how="left", maintain_order="left").with_columns(
        rest=pl.when(claims_schedule & pl.col("to_come").is_not_null())
        .then(pl.col("to_come") - pl.col("interest_accrued"))
        .otherwise(0)
    )
    rest, whole = pl.col("rest"), claims_schedule & pl.col("to_come").is_not_null()
    with_interest = found.with_columns(
        **balances.grow_accrued(rest),
        accrued_today=pl.col("accrued_today") + rest,
        interest_earned=pl.col("interest_earned") + rest,
        period_interest=pl.when(whole).then(0).otherwise("period_interest"),
    ).with_columns(**segment.end_earning(where=whole))
    earned = found.filter(rest != 0).select("loan_id", "event_id", "rest")
    return with_interest.select(loans.columns), earned


def bill_whole(ending: pl.DataFrame, dues: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Positions after the instalments of the day fell due, and what fell due (`billing.bill`).

    The rows stand already; what is paid of them was paid in advance, and taxed then.
    """
    fallen = (
        dues.filter((pl.col("due_date") == BUSINESS_DATE) & of_schedule())
        .join(ending.select("loan_id"), on="loan_id", how="semi")
        .group_by("loan_id")
        .agg(
            *(
                (pl.col("amount") - pl.col("paid")).filter(is_(c)).sum().alias(f"billed_{c.part}")
                for c in SCHEDULE
            ),
            early=pl.col("paid").filter(is_interest()).sum(),
            early_principal=pl.col("paid").filter(is_principal()).sum(),
            falls_no=pl.col("instalment_no").max(),
        )
    )
    names = ["billed_principal", "billed_interest", "early", "early_principal"]
    joined = ending.join(fallen, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.col(names).fill_null(0)
    )
    billed = joined.with_columns(
        **balances.grow_due(Component.principal, pl.col("billed_principal")),
        **balances.bill_interest(pl.col("billed_interest")),
        **segment.bill_prepaid(pl.col("early")),
        prepaid_dues=(pl.col("prepaid_dues") - pl.col("early") - pl.col("early_principal")).clip(
            lower_bound=0
        ),
        period_start=BUSINESS_DATE,
        tranche_balance_days=pl.lit(0, dtype=pl.Int64),
    )
    shown = pl.col("interest_accrued") + pl.col("accrued_prepaid")
    billed = billed.with_columns(**segment.restart(BUSINESS_DATE, shown))
    every = pl.Series([True] * billed.height, dtype=pl.Boolean)
    moved = point(billed, dues, every)
    billing_rows = billed.select(
        "loan_id",
        "billed_interest",
        "billed_principal",
        taxable=pl.min_horizontal(untaxed(), "billed_interest"),
        instalment_no=pl.col("falls_no").fill_null(pl.col("instalment_no")),
        due_date=BUSINESS_DATE,
    )
    return moved.select(ending.columns), billing_rows


def instalment_of(loans: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """`number` and `falls` (its due date) of the instalment that an amount due on `on` joins.

    `loans`: terms, `on` (Date) and `strictly` (the instalment falls due after `on`, not on it).
    After the last one it is an instalment of its own, due on `on`.
    """
    each = (
        loans.with_row_index("place")
        .with_columns(k=pl.int_ranges(1, pl.col("instalments").cast(pl.Int64) + 1))
        .explode("k")
        .with_columns(pl.col("k").cast(pl.Int16))
    )
    dated = each.with_columns(d=due_of(pl.col("k"), loans))
    dated = dated.with_columns(d=adjusted(pl.col("d"), dated, calendars))
    late = (
        pl.when("strictly").then(pl.col("d") > pl.col("on")).otherwise(pl.col("d") >= pl.col("on"))
    )
    falls = pl.col("d") + days_to_pay()
    found = dated.filter(late).group_by("place").agg(number=pl.col("k").min(), falls=falls.min())
    extra = (pl.col("instalments") + 1).cast(pl.Int16)
    return (
        loans.with_row_index("place")
        .join(found, on="place", how="left", maintain_order="left")
        .with_columns(number=pl.coalesce("number", extra), falls=pl.coalesce("falls", "on"))
        .drop("place")
    )
