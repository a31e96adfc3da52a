"""What a row of a loan tape must be to enter the book: the contract that `parsing` holds rows to."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.money import MAX_MINOR, PPB, int128
from loanbook.core.frames import extended
from loanbook.core.servicing.changes.migration_in import AMOUNTS, BALANCES
from loanbook.pipelines.formats.table import within_the_calendar

MOST_GRACE = 120
"""Most instalments without principal."""


class _Row(dy.Schema):
    line = dy.Int64()
    loan_key = dy.String()
    doubled = dy.Bool()
    unread = dy.Bool()
    principal = dy.Int64(nullable=True)
    rate_ppb = dy.Int64(nullable=True)
    instalments = dy.Int64(nullable=True)
    instalment = dy.Int64(nullable=True)
    solved = dy.Bool()
    balloon = dy.Int64(nullable=True)
    every = dy.Int64(nullable=True)
    unit = dy.Int64(nullable=True)
    second_anchor_day = dy.Int64(nullable=True)
    anchor_day = dy.Int64(nullable=True)
    end_of_month = dy.Bool(nullable=True)
    due_date_changes = dy.String(nullable=True)
    disbursed_on = dy.Date(nullable=True)
    first_due_date = dy.Date(nullable=True)
    matures_on = dy.Date(nullable=True)
    maturity_told = dy.Bool()
    period_before_maturity = dy.Date(nullable=True)
    period_after_maturity = dy.Date(nullable=True)
    is_flat = dy.Bool()
    interest_only = dy.Int64(nullable=True)
    interest_only_of_product = dy.Int64()
    must_exceed_grace = dy.Int64()
    stub_interest = dy.Int64(nullable=True)
    stub_interest_read = dy.Bool()
    agreed_schedule = dy.String(nullable=True)
    agreed_schedule_read = dy.Bool()
    agreed_dates = dy.List(dy.Date(nullable=True), nullable=True)
    agreed_rows_possible = dy.Bool()
    schedule_interest_read = dy.Bool()
    schedule_as_told = dy.Bool()
    first_interest_adjustment = dy.Int64(nullable=True)
    first_interest_adjusts = dy.Bool()
    half_months_differ = dy.Bool(nullable=True)
    first_on_cycle = dy.Date(nullable=True)
    spread_ppb = dy.Int64(nullable=True)
    first_reset_on = dy.Date(nullable=True)
    revolving = dy.Bool()
    drawn = dy.Int64(nullable=True)
    jurisdiction = dy.Int64(nullable=True)
    jurisdiction_told = dy.String(nullable=True)
    taken_over_on = dy.Date(nullable=True)


_Bringing = extended(_Row, {f"opening_{name}": dy.Int64(nullable=True) for name in AMOUNTS})
"""With the balances that a loan may bring which lived elsewhere."""


class Tape(_Bringing):  # type: ignore[misc,valid-type]
    """A loan as it may be boarded: terms within the product's bounds."""

    in_grace = dy.Bool(nullable=True)
    has_advances = dy.Bool()
    past_due_since = dy.Date(nullable=True)
    amount_low = dy.Int64()
    amount_high = dy.Int64()
    rate_low = dy.Int64()
    rate_high = dy.Int64()
    term_low = dy.Int64()
    term_high = dy.Int64()
    balloon_low = dy.Int64()
    balloon_high = dy.Int64()

    @dy.rule()
    def loan_key_missing(cls) -> pl.Expr:
        return pl.col("loan_key").fill_null("") != ""

    @dy.rule()
    def loan_key_doubled(cls) -> pl.Expr:
        return ~pl.col("doubled")

    @dy.rule()
    def principal_not_an_amount(cls) -> pl.Expr:
        return pl.col("principal").is_not_null()

    @dy.rule()
    def principal_out_of_bounds(cls) -> pl.Expr:
        highest = pl.min_horizontal("amount_high", pl.lit(MAX_MINOR))
        return pl.col("principal").is_between("amount_low", highest).fill_null(True)

    @dy.rule()
    def rate_not_a_percentage(cls) -> pl.Expr:
        return pl.col("rate_ppb").is_not_null()

    @dy.rule()
    def rate_out_of_bounds(cls) -> pl.Expr:
        return pl.col("rate_ppb").is_between("rate_low", "rate_high").fill_null(True)

    @dy.rule()
    def instalments_not_a_number(cls) -> pl.Expr:
        return pl.col("instalments").is_not_null()

    @dy.rule()
    def term_out_of_bounds(cls) -> pl.Expr:
        return pl.col("instalments").is_between("term_low", "term_high").fill_null(True)

    @dy.rule()
    def field_not_read(cls) -> pl.Expr:
        """What is there and is none of what it should be must not pass for what was left out."""
        return ~pl.col("unread")

    @dy.rule()
    def instalment_not_an_amount(cls) -> pl.Expr:
        is_amount = pl.col("instalment").is_not_null() & (pl.col("instalment") > 0)
        return is_amount | pl.col("solved")

    @dy.rule()
    def period_not_known(cls) -> pl.Expr:
        counted = pl.col("every").is_not_null() & pl.col("every").is_between(1, 366)
        anchored = pl.col("second_anchor_day").is_not_null() & pl.col(
            "second_anchor_day"
        ).is_between(1, 31)
        return counted & anchored & pl.col("unit").is_not_null()

    @dy.rule()
    def anchor_day_not_a_day_of_the_month(cls) -> pl.Expr:
        return pl.col("anchor_day").is_between(1, 31).fill_null(False)

    @dy.rule()
    def first_due_date_off_its_cycle(cls) -> pl.Expr:
        return (pl.col("first_due_date") == pl.col("first_on_cycle")).fill_null(True)

    @dy.rule()
    def half_months_on_one_day(cls) -> pl.Expr:
        """Half months fall due on two days of the month."""
        return pl.col("half_months_differ").fill_null(True)

    @dy.rule()
    def end_of_month_not_yes_or_no(cls) -> pl.Expr:
        return pl.col("end_of_month").is_not_null()

    @dy.rule()
    def schedule_ends_beyond_the_calendar(cls) -> pl.Expr:
        return within_the_calendar("first_due_date", pl.col("every"), pl.col("unit"))

    @dy.rule()
    def balloon_not_an_amount(cls) -> pl.Expr:
        return pl.col("balloon").is_not_null() & (pl.col("balloon") >= 0)

    @dy.rule()
    def maturity_not_in_the_last_period(cls) -> pl.Expr:
        within = (pl.col("matures_on") > pl.col("period_before_maturity")) & (
            pl.col("matures_on") < pl.col("period_after_maturity")
        )
        return ~pl.col("maturity_told") | ((pl.col("instalments") > 1) & within).fill_null(False)

    @dy.rule()
    def flat_interest_knows_no_odd_last_period(cls) -> pl.Expr:
        return ~(pl.col("maturity_told") & pl.col("is_flat"))

    @dy.rule()
    def interest_only_not_fewer_than_instalments(cls) -> pl.Expr:
        most = pl.min_horizontal(pl.col("instalments") - 1, pl.lit(MOST_GRACE))
        of_product = pl.col("interest_only") == pl.col("interest_only_of_product")
        return (of_product | pl.col("interest_only").is_between(0, most)).fill_null(False)

    @dy.rule()
    def stub_interest_not_known(cls) -> pl.Expr:
        within = pl.col("stub_interest").is_null() | ~pl.col("revolving")
        return pl.col("stub_interest_read") & within

    @dy.rule()
    def agreed_schedule_not_read(cls) -> pl.Expr:
        return pl.col("agreed_schedule_read")

    @dy.rule()
    def schedule_interest_not_known(cls) -> pl.Expr:
        return pl.col("schedule_interest_read")

    @dy.rule()
    def agreed_schedule_not_of_this_loan(cls) -> pl.Expr:
        lived = pl.col("agreed_schedule").is_not_null() & pl.col("taken_over_on").is_not_null()
        return pl.col("agreed_rows_possible") & ~lived

    @dy.rule()
    def agreed_schedule_not_ascending(cls) -> pl.Expr:
        dates = pl.col("agreed_dates")
        ascending = dates.list.diff().list.eval(pl.element().dt.total_days()).list.min() > 0
        after = dates.list.first() > pl.col("disbursed_on")
        return (after & ascending.fill_null(True)).fill_null(True)

    @dy.rule()
    def agreed_schedule_beside_other_terms(cls) -> pl.Expr:
        dates, told = pl.col("agreed_dates"), pl.col("agreed_schedule").is_not_null()
        same = (dates.list.len() == pl.col("instalments")) & (
            dates.list.first() == pl.col("first_due_date")
        )
        none = (
            pl.col("instalment").is_null()
            & (pl.col("balloon") == 0)
            & ~pl.col("maturity_told")
            & (pl.col("interest_only") == pl.col("interest_only_of_product"))
            & (pl.col("first_interest_adjustment") == 0)
            & pl.col("stub_interest").is_null()
            & pl.col("due_date_changes").is_null()
        )
        return ~told | (same & none).fill_null(True)

    @dy.rule()
    def grace_covers_every_instalment(cls) -> pl.Expr:
        return (pl.col("instalments") > pl.col("must_exceed_grace")).fill_null(True)

    @dy.rule()
    def balloon_not_below_the_principal(cls) -> pl.Expr:
        return (pl.col("balloon") < pl.col("principal")).fill_null(True)

    @dy.rule()
    def balloon_out_of_bounds(cls) -> pl.Expr:
        principal, balloon = int128(pl.col("principal")), int128(pl.col("balloon")) * PPB
        low, high = (principal * pl.col(f"balloon_{side}") for side in ("low", "high"))
        return balloon.is_between(low, high).fill_null(True)

    @dy.rule()
    def disbursed_on_not_a_date(cls) -> pl.Expr:
        return pl.col("disbursed_on").is_not_null()

    @dy.rule()
    def first_due_date_not_a_date(cls) -> pl.Expr:
        return pl.col("first_due_date").is_not_null()

    @dy.rule()
    def first_due_date_not_after_the_payout(cls) -> pl.Expr:
        return (pl.col("first_due_date") > pl.col("disbursed_on")).fill_null(True)

    @dy.rule()
    def opening_balance_not_an_amount(cls) -> pl.Expr:
        are_amounts = pl.all_horizontal(
            pl.col(f"opening_{name}").is_not_null() & (pl.col(f"opening_{name}") >= 0)
            for name in AMOUNTS
        )
        return pl.col("taken_over_on").is_null() | are_amounts

    @dy.rule()
    def grace_not_yes_or_no(cls) -> pl.Expr:
        return pl.col("taken_over_on").is_null() | pl.col("in_grace").is_not_null()

    @dy.rule()
    def the_product_has_no_advances(cls) -> pl.Expr:
        return (pl.col("opening_cash_advances").fill_null(0) == 0) | pl.col("has_advances")

    @dy.rule()
    def more_left_than_the_line_owes(cls) -> pl.Expr:
        owed = pl.col("opening_principal")
        within = (pl.col("opening_cash_advances") <= owed) & (
            pl.col("opening_principal_due") <= owed
        )
        return pl.col("taken_over_on").is_null() | ~pl.col("revolving") | within

    @dy.rule()
    def opening_principal_beyond_what_was_lent(cls) -> pl.Expr:
        owed = pl.col("opening_principal")
        within = (owed > 0) & (owed <= pl.col("principal"))
        within = within & (pl.col("opening_principal_due") <= owed)
        return pl.col("taken_over_on").is_null() | pl.col("revolving") | within

    @dy.rule()
    def arrears_without_their_first_day(cls) -> pl.Expr:
        owed = pl.sum_horizontal(f"opening_{name}" for name in BALANCES if name.endswith("_due"))
        since = pl.col("past_due_since")
        dated = since.is_between("disbursed_on", pl.col("taken_over_on"))
        # what a line's last statement asks may be owed and not past due yet
        late = pl.when(pl.col("revolving") & since.is_null()).then(True).otherwise(dated)
        return pl.col("taken_over_on").is_null() | pl.when(owed > 0).then(
            late.fill_null(False)
        ).otherwise(since.is_null())

    @dy.rule()
    def taken_over_before_it_was_paid_out(cls) -> pl.Expr:
        return pl.col("taken_over_on").is_null() | (
            pl.col("disbursed_on") <= pl.col("taken_over_on")
        )

    @dy.rule()
    def line_without_months_as_its_cycle(cls) -> pl.Expr:
        return ~pl.col("revolving") | (pl.col("unit") == Unit.months.value)

    @dy.rule()
    def drawn_not_an_amount(cls) -> pl.Expr:
        return pl.col("drawn").is_not_null() | pl.col("principal").is_null()

    @dy.rule()
    def drawn_beyond_the_limit(cls) -> pl.Expr:
        return pl.col("drawn").is_between(0, "principal").fill_null(True)

    @dy.rule()
    def jurisdiction_not_a_code(cls) -> pl.Expr:
        is_given = pl.col("jurisdiction_told").fill_null("") != ""
        return ~is_given | pl.col("jurisdiction").is_not_null()

    @dy.rule()
    def adjustment_not_an_amount(cls) -> pl.Expr:
        return pl.col("first_interest_adjustment").is_not_null()

    @dy.rule()
    def adjustment_without_effect(cls) -> pl.Expr:
        return pl.col("first_interest_adjusts") | (
            pl.col("first_interest_adjustment").fill_null(0) == 0
        )
