"""The terms a loan is boarded with, and what the schedule fixes of them at once."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from loanbook.core.frames import COUNT, DATE, FLAG, KEY, MINOR, PPB_YEAR, column


class Terms(dy.Schema):
    """One row per loan: what was agreed. Money in minor units, rates in parts per billion."""

    loan_id = dy.Int64(
        primary_key=True, metadata=column("The loan's number, given at boarding", KEY)
    )
    product = dy.Int16(
        metadata=column(
            "The product version that the loan pins at boarding", "code of the product registry"
        )
    )
    entity = dy.Int16(
        metadata=column("The lender's entity that holds the loan", "code of the lender's entities")
    )
    currency = dy.Int8(
        metadata=column("Currency of every amount of the loan", "code of the currency list")
    )
    principal_agreed = dy.Int64(
        min=1,
        metadata=column("Principal lent; of a line of credit, its limit", MINOR, changes=True),
    )
    balloon = dy.Int64(
        min=0, metadata=column("Principal left for the last instalment beside its own", MINOR, 0)
    )
    rate_ppb = dy.Int64(min=0, metadata=column("Nominal rate in force", PPB_YEAR, changes=True))
    instalments = dy.Int16(
        min=1,
        metadata=column("Instalments from the first due date to maturity", COUNT, changes=True),
    )
    every = dy.Int16(
        min=1, metadata=column("Length of a period, counted in `unit`", COUNT, changes=True)
    )
    unit = dy.Int8(metadata=column("What `every` counts", "code of Unit", changes=True))
    disbursed_on = dy.Date(
        metadata=column("Agreed date of the first payout: interest runs from it", DATE)
    )
    first_due_date = dy.Date(
        metadata=column("Due date of instalment 1, before business days", DATE, changes=True)
    )
    anchor_day = dy.Int8(
        min=1,
        max=31,
        metadata=column(
            "Day of the month on which instalments fall due", "day of the month", changes=True
        ),
    )
    second_anchor_day = dy.Int8(
        min=1,
        max=31,
        metadata=column("Second due day of semi-monthly loans; else unused", "day of the month", 1),
    )
    end_of_month = dy.Bool(
        metadata=column("Instalments fall due on the last day of the month", FLAG, changes=True)
    )
    emi = dy.Int64(
        nullable=True,
        metadata=column(
            "Level instalment; null until the schedule solves it", MINOR, None, changes=True
        ),
    )
    level_changes = dy.String(
        nullable=True,
        metadata=column(
            "Instalments from which another level instalment is asked; null: all ask `emi`",
            "NUMBER:MINOR UNITS, with a semicolon between them",
            None,
            changes=True,
        ),
    )
    first_interest_adjustment = dy.Int64(
        metadata=column("Added to the interest of instalment 1; below zero: taken off", MINOR, 0)
    )
    rate_until = dy.Date(
        nullable=True,
        metadata=column("Before this date the rate was `rate_before`", DATE, None, changes=True),
    )
    rate_before = dy.Int64(
        nullable=True,
        metadata=column(
            "Rate before the last change, while its period runs", PPB_YEAR, None, changes=True
        ),
    )
    paused_from = dy.Date(
        nullable=True,
        metadata=column("First night that bears no interest", DATE, None, changes=True),
    )
    paused_until = dy.Date(
        nullable=True,
        metadata=column("Date from which interest is borne again", DATE, None, changes=True),
    )
    pauses_to_come = dy.String(
        nullable=True,
        metadata=column(
            "Pauses of interest after that one, as `paused_from` and `paused_until`",
            "DATE/DATE, with a semicolon between them",
            None,
            changes=True,
        ),
    )
    matures_on = dy.Date(
        nullable=True,
        metadata=column(
            "Due date of the last instalment, where not a period after the one before",
            DATE,
            None,
            changes=True,
        ),
    )
    accelerated_on = dy.Date(
        nullable=True,
        metadata=column(
            "Date on which the contract was terminated: all is due since", DATE, None, changes=True
        ),
    )
    moratorium_left = dy.Int16(
        nullable=True,
        metadata=column(
            "Instalments that a moratorium still passes over", COUNT, None, changes=True
        ),
    )
    moratorium_interest = dy.Int8(
        nullable=True,
        metadata=column(
            "What becomes of the interest of instalments passed over",
            "code of MoratoriumInterest",
            None,
            changes=True,
        ),
    )
    spread_ppb = dy.Int64(
        nullable=True,
        metadata=column("Spread of a floating rate over its index; null: fixed", PPB_YEAR, None),
    )
    first_reset_on = dy.Date(
        nullable=True,
        metadata=column("Date that a floating rate's resets are counted from", DATE, None),
    )
    flags = dy.Int16(
        nullable=True,
        metadata=column(
            "What is known of the borrower", "one bit each of Flag", None, changes=True
        ),
    )
    taken_over_on = dy.Date(
        nullable=True,
        metadata=column(
            "Last date on which another servicer kept the loan; null: originated here", DATE, None
        ),
    )
    principal_left = dy.Int64(
        nullable=True,
        metadata=column("Principal not billed when the loan was taken over", MINOR, None),
    )
    rate_agreed = dy.Int64(
        nullable=True,
        metadata=column(
            "Contract rate while a ceiling by law holds `rate_ppb` below it",
            PPB_YEAR,
            None,
            changes=True,
        ),
    )
    jurisdiction = dy.Int64(
        nullable=True,
        metadata=column(
            "Country or subdivision whose law the loan is under",
            "ISO 3166 code packed by `loanbook.core.contract.jurisdiction`",
            None,
        ),
    )
    schedule_fixed_on = dy.Date(
        nullable=True,
        metadata=column(
            "Date on which a re-age, or an agreement row by row, fixed the whole schedule",
            DATE,
            None,
            changes=True,
        ),
    )
    reage_ended_instalment = dy.Int16(
        nullable=True,
        metadata=column(
            "Instalment that the last re-age ended, with nothing in it",
            "instalment number",
            None,
            changes=True,
        ),
    )

    rate_unit = dy.Int8(
        nullable=True,
        metadata=column(
            "Unit that the rate was agreed by, where a re-age had dues counted anew: periods off the "
            "loan's due dates, or of another `unit`, are so many whole ones and a share of one; null: `unit`",
            "code of Unit",
            None,
            changes=True,
        ),
    )
    tranche_instalments = dy.Int16(
        nullable=True,
        metadata=column(
            "Instalments of a tranche with a term of its own; null: none was paid out",
            COUNT,
            None,
            changes=True,
        ),
    )
    interest_only = dy.Int16(
        nullable=True,
        metadata=column(
            "First instalments that ask no principal; null: as the product has it", COUNT, None
        ),
    )

    stub_interest_agreed = dy.Int8(
        nullable=True,
        metadata=column(
            "How the interest of an odd first period is asked; null: as the product has it",
            "code of StubInterest",
            None,
        ),
    )

    agreed_schedule = dy.String(
        nullable=True,
        metadata=column(
            "Instalments as they were agreed one by one; null: the schedule is made of the terms",
            "DATE:PRINCIPAL:INTEREST in minor units, with a semicolon between them",
            None,
            changes=True,
        ),
    )

    due_date_changes = dy.String(
        nullable=True,
        metadata=column(
            "Instalments from which due dates are counted from another date; null: all from the first",
            "NUMBER:DATE:ANCHOR DAY, with a semicolon between them",
            None,
            changes=True,
        ),
    )

    @dy.rule()
    def first_due_is_after_disbursement(cls) -> pl.Expr:
        """A loan can't be due before it is paid out (a down payment is no instalment)."""
        return pl.col("first_due_date") > pl.col("disbursed_on")


class Agreed(dy.Schema):
    """What the schedule fixes beside the terms before it runs (`schedule.agree`)."""

    has_stub = dy.Bool(
        metadata=column("The first period is no whole period", FLAG, False, changes=True)
    )
    flat_interest = dy.Int64(
        metadata=column(
            "Flat loans: interest of the whole life at the rate in force; else 0",
            MINOR,
            0,
            changes=True,
        )
    )
    stub_amount = dy.Int64(
        metadata=column(
            "Interest of the days that the first period has beyond a regular one, where it is asked "
            "beside instalments that are solved without it; below zero: of the days it lacks",
            MINOR,
            0,
            changes=True,
        )
    )
    stub_share = dy.Int64(
        metadata=column(
            "How much of `stub_amount` an instalment asks, from the first one on, as long as it lasts",
            MINOR,
            0,
            changes=True,
        )
    )
