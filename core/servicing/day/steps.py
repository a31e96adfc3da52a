"""The order of the day as data: what each step does to the loans, and when it acts again.

A close takes all loans through one date, a jump each through its own
(`loanbook.core.servicing.loan.business_date`); both loop over `STEPS`. Interest is earned to the date
before (`loanbook.core.servicing.day.night`). A step that acts on a day of its own names its dates in
the same row, so that no jump passes over it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from loanbook.core.catalogue.codes import ENDED, MONEY_IN
from loanbook.core.frames import empty
from loanbook.core.ledger.transfers import Transfers, all_of, transfer
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Buckets
from loanbook.core.servicing.arrears.days_past_due import age, with_oldest
from loanbook.core.servicing.charges.annual_fees import assess_annual_fees
from loanbook.core.servicing.charges.late_fees import assess_late_fees
from loanbook.core.servicing.charges.penal_interest import ask_penal, with_base
from loanbook.core.servicing.day import next_dates as dates
from loanbook.core.servicing.day.next_dates import Awaiting
from loanbook.core.servicing.day.transactions import apply, in_replay_order
from loanbook.core.servicing.endings.charge_off import charge_off_by_rule
from loanbook.core.servicing.endings.closing import close_at_zero
from loanbook.core.servicing.endings.small_balance import write_off_small_balances
from loanbook.core.servicing.endings.write_off import give_up_anew
from loanbook.core.servicing.income.accounting_basis import off_accrual, reclassified, translate
from loanbook.core.servicing.income.deferred_income import recognise_remainder, restart
from loanbook.core.servicing.income.effective_interest import follow_yield
from loanbook.core.servicing.interest.cash_advances import bears_more, paid_last
from loanbook.core.servicing.interest.pauses import begin_next
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import any_off_accrual, off_books
from loanbook.core.servicing.loan.dues import DUE_KEY
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.payments import credit_balances
from loanbook.core.servicing.payments.allocations import Allocations
from loanbook.core.servicing.payments.credit_use import credit_meets_dues
from loanbook.core.servicing.payments.draws import judge_grace
from loanbook.core.servicing.schedule import moved_due_dates
from loanbook.core.servicing.schedule.billing_run import fall_due
from loanbook.core.servicing.schedule.coming_dues import show_down_payments_due
from loanbook.core.servicing.schedule.payment_holiday import pass_over


@dataclass(frozen=True)
class Visited:
    """The loans after their day, and the movements that led there."""

    wide: pl.DataFrame
    """Terms, positions and `business_date`, with `oldest` and `from_due_day` of their arrears."""
    dues: pl.DataFrame
    """Open dues and those to come, with `business_date`; by loan, instalment and component."""
    settled: pl.DataFrame
    """Dues that are paid, or of loans that ended."""
    transfers: pl.DataFrame
    allocations: pl.DataFrame
    unidentified: pl.DataFrame
    changed: pl.DataFrame
    """`loan_id`, `event_id` (the last one) of loans whose terms an event changed."""


@dataclass(kw_only=True)
class Day(DayState):
    """A day while it runs: its loans as the night left them, its events, and what it decided."""

    events: pl.DataFrame
    versions: tuple[Buckets, ...]
    before: pl.DataFrame = field(init=False)
    """The loans as the day began with them."""
    ordered: pl.DataFrame = field(init=False)
    """Events of live loans, with `nth`, the order of replay of their loan, and `step`."""
    after: pl.DataFrame = field(init=False)
    """The loans at its end, with `oldest` and `from_due_day` of their arrears."""
    reclassified: pl.DataFrame = field(init=False)
    """Transfers between accounts of loans whose accounting status turned."""
    aside: pl.DataFrame = field(init=False)
    """Due dates of instalments that are billed and not due yet (`moved_due_dates.ASIDE`)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.before = self.loans
        self.ordered = in_replay_order(self.events, self.loans)
        self.after, self.reclassified = self.loans, empty(Transfers)
        self.aside = pl.DataFrame(schema=moved_due_dates.ASIDE)
        self.take_as_due()

    def take_as_due(self) -> None:
        """Instalments that are billed and not due yet are owed as those that fall due today."""
        self.dues, self.aside = moved_due_dates.as_due(self.dues, self.loans, self.aside)


@dataclass(frozen=True)
class Step:
    """One step of the day: what it does to the loans, and on which later date it acts again."""

    number: int
    """Of the product's order of a close; steps of one number stand in the order of the table."""
    name: str
    does: str
    """What a person reads of it, in the guide and in `docs/`."""
    run: Callable[[Day], None]
    next_dates: Callable[[Awaiting], pl.DataFrame] | None = None
    """`loan_id`, `next_date` (Date): when it acts of itself; None: on days of other steps alone."""


def _take_events(first: int, last: int) -> Callable[[Day], None]:
    """Events of the steps `first` to `last`, in order of replay."""

    def run(day: Day) -> None:
        if day.ordered.height:
            apply(day, day.ordered.filter(pl.col("step").is_between(first, last)))

    return run


def _bill(day: Day) -> None:
    busy = pl.concat([fall_due(day), day.events["loan_id"]])
    day.take_as_due()
    ask_penal(day, pl.col("loan_id").is_in(busy.implode()))  # what was overdue until now bore it


def _end(day: Day) -> None:
    _take_events(9, 9)(day)
    give_up_anew(day)


def _close(day: Day) -> None:
    show_down_payments_due(day)
    if bears_more(day.loans):  # what was given up is no advance any more
        day.loans = paid_last(day.loans)
    loans, earned = close_at_zero(day.loans)
    # by the books that the loan is on before it closes
    day.book_earned(earned, "interest_accrued", "interest_income", "earned_at_payoff")
    day.loans = loans


def _release_credit(day: Day) -> None:
    day.loans = credit_balances.dated(day.loans, day.before)
    credit_balances.release_unclaimed(day)


def _defer(day: Day) -> None:
    restart(day)
    follow_yield(day)
    recognise_remainder(day)


def _bear_penal(day: Day) -> None:
    # from here on late is what is past its own due date
    day.dues = moved_due_dates.as_agreed(day.dues, day.aside, day.loans)
    with_base(day)


def _count_days(day: Day) -> None:
    oldest = with_oldest(day.loans, day.dues, day.policies.delinquency)
    day.after, day.reclassified = reclassified(age(oldest, day.versions))


def _show_off_books(day: Day) -> None:
    day.after = day.after.with_columns(off_books=off_books(day.after))


STEPS = (
    Step(2, "next_pause", "an agreed pause of interest follows one that has ended", begin_next,
         dates.of_pauses),
    Step(3, "pass_over", "instalments of a moratorium are passed over", pass_over),
    Step(3, "bill", "what is due is billed, and what was overdue is asked its penal interest",
         _bill, dates.of_billing),
    Step(3, "change", "charges by order, then changes of the contract, which leave what was billed",
         _take_events(1, 3)),
    Step(4, "disburse", "disbursements and tranches are paid out; the instalments to come follow",
         _take_events(4, 4)),
    Step(5, "use_credit", "the borrower's credit meets what is due, a down payment of the day too",
         credit_meets_dues, dates.of_credit_that_waits),
    Step(6, "allocate", "money in meets what is owed, in the order of replay; then chargebacks and "
         "refunds; all events of a product that takes them as they came", _take_events(5, 7)),
    Step(8, "spread", "orders that spread what is owed, pass it over or make it due: after the money of "
         "their day, so that what was paid is not spread", _take_events(8, 8)),
    Step(8, "late_fees", "late fees, in the first close after their grace, after the day's money",
         assess_late_fees, dates.of_late_fees),
    Step(8, "annual_fees", "annual fees, on the anniversary of the payout", assess_annual_fees,
         dates.of_anniversaries),
    Step(9, "end", "charge-offs, write-offs and settlements by order; what is owed anew of a claim that was "
         "written off is given up with it", _end),
    Step(9, "charge_off", "loans that their arrears take off the books", charge_off_by_rule,
         dates.of_charge_offs),
    Step(9, "penal_base", "what is overdue and bears penal interest from this night on", _bear_penal,
         dates.of_penal_interest),
    Step(9, "grace", "lines whose minimum is due keep or lose their grace", judge_grace,
         dates.of_statements),
    Step(9, "small_balances", "a small claim after the last instalment is written off",
         write_off_small_balances),
    Step(10, "close", "loans that owe nothing close", _close),
    Step(10, "small_credits", "a small credit that nobody asks for is let go", _release_credit,
         dates.of_small_credits),
    Step(10, "deferred_income", "deferred income begins anew, follows its yield, or is recognised",
         _defer),
    Step(11, "days_past_due", "days past due, bucket and accounting status are counted",
         _count_days, dates.of_accounting_status),
    Step(12, "position", "what is off the books is shown", _show_off_books),
)  # fmt: skip
"""The order of the day, after the night (step 1, `loanbook.core.servicing.day.night`). Source: the
product's domain rules, One day's close; step 2 stands after billing, for a change leaves what fell
due on its day."""


def run_day(
    wide: pl.DataFrame,
    dues: pl.DataFrame,
    events: pl.DataFrame,
    policies: PolicyBook,
    versions: tuple[Buckets, ...],
) -> Visited:
    """Take loans through their `business_date`, step by step.

    `wide`: terms, positions earned to the date, and `business_date`, by `loan_id`; `dues` with
    `business_date`; `events` valued on the date of their loan; `versions`: the bucket files of the
    dates.
    """
    day = Day(policies=policies, loans=wide, dues=dues, events=events, versions=versions)
    for step in STEPS:
        step.run(day)
    unidentified = _unidentified(day)
    moved = [_moves(day), day.reclassified]
    open_dues, settled = _open_dues(day.dues, day.after, policies.share_tolerances)
    return Visited(
        day.after,
        open_dues,
        settled,
        all_of(moved),
        pl.concat([empty(Allocations), *day.allocations]),
        unidentified,
        _changed(day),
    )


def next_action_dates(
    live: pl.DataFrame, dues: pl.DataFrame, coming: pl.DataFrame, policies: PolicyBook
) -> pl.DataFrame:
    """`loan_id`, `next_date` (Date, after the loan's `business_date`) of loans that something awaits.

    `live`: terms, positions and `business_date`; `dues` with `business_date`; `coming`: `loan_id`,
    `day` of the events that are left. The dates of `STEPS`, and those on which events are valued.
    """
    awaiting = Awaiting(live, dues, policies)
    parts = [coming.group_by("loan_id").agg(next_date=pl.col("day").min())]
    parts += [step.next_dates(awaiting) for step in STEPS if step.next_dates is not None]
    return pl.concat(parts).group_by("loan_id").agg(pl.col("next_date").min())


def _moves(day: Day) -> pl.DataFrame:
    """What the day moved, as the accounting that its loans began it with books it."""
    moved = all_of(day.transfers)
    if any_off_accrual(day.before):
        return translate(moved, off_accrual(day.before))
    return moved


def _changed(day: DayState) -> pl.DataFrame:
    if not day.changed:
        return pl.DataFrame(schema={"loan_id": pl.Int64, "event_id": pl.Int64})
    return pl.concat(day.changed).group_by("loan_id").agg(pl.col("event_id").max())


def _unidentified(day: Day) -> pl.DataFrame:
    """Receipts for loans that the book does not know: held, not lost."""
    money = day.events.filter(pl.col("kind").is_in([k.value for k in MONEY_IN]))
    if money.is_empty():
        return money.select("loan_id", "event_id", "amount")
    live = money["loan_id"].is_in(day.loans["loan_id"].implode())
    # an event's key begins with the entity that received it
    entities = {name: code for code, name in enumerate(day.policies.entities)}
    received_by = pl.col("idempotency_key").str.split("/").list.first()
    unknown = money.filter(~live).select(
        "loan_id", "event_id", "amount", "currency", business_date="value_date",
        entity=received_by.replace_strict(entities, default=0, return_dtype=pl.Int16),
    )  # fmt: skip
    if unknown.height:
        placed = unknown.with_columns(product=pl.lit(0, dtype=pl.Int16))
        day.transfers.append(
            transfer(placed, "payment_clearing", "unidentified_receipts", "amount")
        )
    return unknown.drop("business_date", "currency", "entity")


def _open_dues(
    dues: pl.DataFrame, loans: pl.DataFrame, share_tolerances: frozenset[int]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Open dues and those still to come; and the rows that are settled, or of ended loans.

    What is paid of an instalment stands with it while it is open, where its product counts arrears as
    a share of all that it asked (`share_tolerances`).
    """
    ended = loans.select("loan_id", "status").filter(pl.col("status").is_in(ENDED))["loan_id"]
    is_open = (pl.col("amount") > pl.col("paid")) | (pl.col("due_date") > BUSINESS_DATE)
    if share_tolerances:
        whole = loans.filter(pl.col("product").is_in([*share_tolerances]))["loan_id"]
        of_open = is_open.any().over("loan_id", "instalment_no")
        is_open = is_open | (pl.col("loan_id").is_in(whole.implode()) & of_open)
    stays = dues.select(is_open & ~pl.col("loan_id").is_in(ended.implode())).to_series()
    kept = dues.filter(stays).sort(DUE_KEY)
    return kept, dues.filter(~stays)
