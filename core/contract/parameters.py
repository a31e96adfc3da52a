"""The parameters that a loan pins: what its product version says, for good."""

from __future__ import annotations

import dataframely as dy

from loanbook.core.frames import COUNT, DAYS, FLAG, MINOR, PPB, PPB_YEAR, column


class Parameters(dy.Schema):
    """One row per product version: what its loans pin at boarding, joined by `product`.

    Made of the product's policy file: a column's `source` is the field that it is read from
    (`loanbook.core.policy.parameters`); one without is worked out there, or by `PolicyBook.pins`. What
    a change of the contract may set is of a loan whose schedule a re-age fixed.
    """

    product = dy.Int16(
        primary_key=True, metadata=column("The product version", "code of the product registry")
    )
    entity = dy.Int16(
        metadata=column("The lender's entity that offers it", "code of the lender's entities")
    )
    currency = dy.Int8(metadata=column("Currency of its loans", "code of the currency list"))
    amortisation = dy.Int8(
        metadata=column(
            "How principal is spread over the instalments",
            "code of Amortisation",
            source="schedule.amortisation",
        )
    )
    basis = dy.Int8(
        metadata=column(
            "What the yearly rate is divided by for a period",
            "code of RateBasis",
            source="schedule.rate_basis",
        )
    )
    stub = dy.Int8(
        metadata=column(
            "What a first period that is no whole period bears",
            "code of Stub",
            source="schedule.stub",
        )
    )
    stub_interest = dy.Int8(
        metadata=column(
            "How the interest of an odd first period is asked",
            "code of StubInterest",
            source="schedule.stub_interest",
        )
    )
    decimal_factor = dy.Bool(
        metadata=column(
            "A period's rate is held with 18 decimals, not as an exact fraction",
            FLAG,
            source="schedule.rate_factor = decimal_18",
        )
    )
    interest_mode = dy.Int8(
        metadata=column(
            "Interest is fixed by the schedule, or earned daily on the principal owed",
            "code of InterestMode",
            changes=True,
            source="interest.accrual",
        )
    )
    residue = dy.Int8(
        metadata=column(
            "The part of a minor unit that billing leaves: 0 dropped, 1 carried to the next period",
            "0 or 1",
            source="interest.residue = carry",
        )
    )
    segment_is_rounded = dy.Bool(
        metadata=column(
            "Interest of each segment is rounded by itself, not that of the period at once",
            FLAG,
            source="interest.rounded = segment",
        )
    )
    interest_rounding = dy.Int8(
        metadata=column(
            "How interest becomes whole minor units",
            "code of Rounding",
            source="schedule.interest_rounding",
        )
    )
    instalment_rounding = dy.Int8(
        metadata=column(
            "How the level instalment becomes whole",
            "code of Rounding",
            source="schedule.instalment_rounding",
        )
    )
    level_of_even_periods = dy.Bool(
        metadata=column(
            "The level instalment is solved with even periods, a month being 30 days",
            FLAG,
            source="schedule.level_periods = even",
        )
    )
    instalment_multiple = dy.Int64(
        metadata=column(
            "The level instalment is a multiple of this",
            MINOR,
            source="schedule.instalment_multiple",
        )
    )
    smooth_last_instalment = dy.Bool(
        metadata=column(
            "The level instalment is moved so that the last one differs less from it",
            FLAG,
            source="schedule.smooth_last_instalment",
        )
    )
    grace_principal = dy.Int8(
        metadata=column(
            "First instalments that ask no principal", COUNT, source="schedule.grace_principal"
        )
    )
    grace_interest = dy.Int8(
        metadata=column(
            "First instalments whose interest waits", COUNT, source="schedule.grace_interest"
        )
    )
    grace_charged = dy.Int8(
        metadata=column(
            "First instalments whose periods bear no interest",
            COUNT,
            source="schedule.grace_charged",
        )
    )
    business_day = dy.Int8(
        metadata=column(
            "How a due date that is no business day moves",
            "code of BusinessDay",
            source="schedule.business_day",
        )
    )
    calendar = dy.Int8(
        metadata=column(
            "Calendar of its business days", "place of the calendar's name in sorted order"
        )
    )
    adjust_accrual = dy.Bool(
        metadata=column(
            "The interest period ends on the moved due date", FLAG, source="schedule.adjust_accrual"
        )
    )
    post_maturity = dy.Int8(
        metadata=column(
            "After maturity the principal bears: 0 nothing, 1 the contract rate",
            "0 or 1",
            source="interest.post_maturity = contract_rate",
        )
    )
    excess = dy.Int8(
        metadata=column(
            "Where money goes that is beyond what is due",
            "code of Excess",
            changes=True,
            source="payments.excess",
        )
    )
    credit_use = dy.Int8(
        metadata=column(
            "What the borrower's credit pays", "code of CreditUse", source="payments.credit_use"
        )
    )
    charges_on_own_date = dy.Bool(
        metadata=column(
            "Charges fall due on their own date, not with the instalment of their period",
            FLAG,
            source="payments.charges = own_date",
        )
    )
    after_charge_off = dy.Int8(
        metadata=column(
            "What becomes of the contract of a charged-off loan",
            "code of AfterChargeOff",
            changes=True,
            source="interest.after_charge_off",
        )
    )
    rebate = dy.Int8(
        metadata=column(
            "What a payoff asks of the interest to come",
            "code of Rebate",
            changes=True,
            source="interest.rebate",
        )
    )
    materialised = dy.Bool(
        metadata=column(
            "The whole schedule stands as dues from disbursement on",
            FLAG,
            changes=True,
            source="schedule.materialised",
        )
    )
    down_payment_ppb = dy.Int64(
        metadata=column(
            "Share of a payout that is due at once", PPB, source="schedule.down_payment_ppb"
        )
    )
    tranches_over_all = dy.Bool(
        metadata=column(
            "A later payout is spread over all instalments, not only those to come",
            FLAG,
            source="schedule.tranches = all",
        )
    )
    tranches_own_term = dy.Bool(
        metadata=column(
            "A later payout is a schedule of its own, as long as the loan was agreed for",
            FLAG,
            source="schedule.tranches = own_term",
        )
    )
    prepaid_is_reallocated = dy.Bool(
        metadata=column(
            "Principal paid in advance is taken again where a later payout makes the instalments anew",
            FLAG,
            source="payments.prepaid_at_payout = reallocated",
        )
    )
    tranche_bears_period = dy.Bool(
        metadata=column(
            "A later payout bears the whole of the period that it falls in, not its nights",
            FLAG,
            source="schedule.tranche_interest = whole_period",
        )
    )
    in_sequence = dy.Bool(
        metadata=column(
            "Events of a day are taken as they came, not by the steps of the close",
            FLAG,
            source="day_order = sequence",
        )
    )
    deferred_as_fee = dy.Bool(
        metadata=column(
            "Deferred fees are taken as fee income, not as interest income",
            FLAG,
            source="deferred_income = fee",
        )
    )
    deferred_by_yield = dy.Bool(
        metadata=column("Deferred income is taken at the loan's effective rate, not evenly", FLAG)
    )
    claims_scheduled = dy.Bool(
        metadata=column(
            "A charge-off takes all scheduled interest off the books, not only what is earned",
            FLAG,
            source="interest.charge_off_claims = scheduled",
        )
    )
    capitalises = dy.Bool(
        metadata=column(
            "Interest above the instalment joins the principal",
            FLAG,
            source="schedule.shortfall = capitalise",
        )
    )
    small_balance = dy.Int64(
        metadata=column(
            "A claim up to this that the last instalment leaves is given up",
            MINOR,
            source="small_balance_minor",
        )
    )
    flat_by_days = dy.Bool(
        metadata=column(
            "Flat interest is spread by the days of each period, not evenly",
            FLAG,
            source="schedule.flat_interest = by_days",
        )
    )
    flat_on_lent = dy.Bool(
        metadata=column(
            "Flat interest is on all that was paid out, down payment included",
            FLAG,
            source="schedule.flat_base = lent",
        )
    )
    covered_is_fixed = dy.Bool(
        metadata=column(
            "An instalment whose principal was paid in advance bears no more interest",
            FLAG,
            source="interest.covered_instalment = fixed",
        )
    )
    overdue_is_free = dy.Bool(
        metadata=column(
            "Principal that is past due bears no more contract interest",
            FLAG,
            source="interest.overdue_principal = bears_none",
        )
    )
    down_payment_is_free = dy.Bool(
        metadata=column(
            "A down payment that is due and unpaid bears no interest",
            FLAG,
            source="interest.unpaid_down_payment = bears_none",
        )
    )
    level_last = dy.Bool(
        metadata=column(
            "The last instalment is as high as the others and leaves a residue",
            FLAG,
            source="schedule.last_instalment = level",
        )
    )
    step_ppb = dy.Int64(
        metadata=column(
            "By how much instalments grow at each step; below zero: shrink",
            PPB,
            source="schedule.step_up.percent",
        )
    )
    step_every = dy.Int32(metadata=column("Instalments of one height between two steps", COUNT))
    season = dy.Int64(
        metadata=column(
            "Share of the level instalment that each month asks",
            "twelve shares in tenths, packed by `loanbook.core.contract.steps_and_seasons`",
        )
    )
    rate_multiplier = dy.Int64(
        metadata=column("What the index is multiplied by; 0: a fixed rate", PPB)
    )
    rate_floor = dy.Int64(metadata=column("A floating rate is no lower", PPB_YEAR))
    rate_cap = dy.Int64(metadata=column("A floating rate is no higher", PPB_YEAR))
    reset_cap = dy.Int64(
        metadata=column("One reset moves a floating rate no further, either way", PPB_YEAR)
    )
    resets_keep_instalment = dy.Bool(
        metadata=column(
            "A reset keeps the instalment, not the term", FLAG, source="floating.keep = instalment"
        )
    )
    cash_accounting = dy.Bool(
        metadata=column(
            "Interest, fees and penalties are income when received, not when earned",
            FLAG,
            source="accounting = cash",
        )
    )
    non_accrual_mode = dy.Int8(
        metadata=column(
            "What becomes of the interest of a loan in non-accrual",
            "code of NonAccrual",
            source="non_accrual.mode",
        )
    )
    non_accrual_days = dy.Int32(
        metadata=column(
            "Days past due from which a loan is in non-accrual",
            DAYS,
            source="non_accrual.days_past_due",
        )
    )
    returns_days = dy.Int32(
        metadata=column(
            "Days without arrears until its interest is income again",
            DAYS,
            source="non_accrual.returns_after_days",
        )
    )
    buy_down_expensed = dy.Bool(
        metadata=column(
            "The lender itself pays for a bought-down rate, not another",
            FLAG,
            source="buy_down = expensed",
        )
    )
    duty_ceiling = dy.Int64(
        metadata=column(
            "Highest rate of a borrower on active duty, by law; 0: no ceiling", PPB_YEAR
        )
    )
    due_at_payment = dy.Bool(
        metadata=column(
            "Money pays the interest earned to its day first, whenever it comes",
            FLAG,
            changes=True,
            source="interest.interest_due_at = payment_date",
        )
    )
    revolving = dy.Bool(metadata=column("A line of credit", FLAG))
    due_days = dy.Int8(
        metadata=column(
            "Line of credit: from a statement to its due date", DAYS, source="line.due_days"
        )
    )
    grace_on_draws = dy.Bool(
        metadata=column(
            "Line of credit: no interest while each statement is paid in full by its due date",
            FLAG,
            source="line.grace_on_draws",
        )
    )
    minimum_floor = dy.Int64(
        metadata=column(
            "Line of credit: a statement's minimum, before arrears, is no less",
            MINOR,
            source="line.minimum_floor_minor",
        )
    )
    minimum_ppb = dy.Int64(
        metadata=column(
            "Line of credit: share of the principal in a statement's minimum",
            PPB,
            source="line.minimum_percent",
        )
    )
    cash_advance_margin = dy.Int64(
        metadata=column(
            "Line of credit: what cash advances bear beyond the line's rate; 0: none are made",
            PPB_YEAR,
            source="line.cash_advances.margin_percent",
        )
    )
