"""Reference and engine, day by day: the first difference of each loan."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from loanbook.core.catalogue.components import Component
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Delinquency, HolidayCalendar, LateFee, Tax, Waterfall
from loanbook.core.policy.product import Product
from tests.oracle.engine import POSITION, STATUS, engine_days
from tests.oracle.lives import Life, lives
from tests.oracle.options import own_policies
from tests.oracle.reference.life import close, live
from tests.oracle.reference.loan import Loan
from tests.oracle.reference.model import Day, Event, Rules, Terms
from tests.oracle.reference.schedule import Plan

DUE = {"loan_id": pl.Int64, "date": pl.Date, "instalment_no": pl.Int16, "component": pl.Int8,
       "due_date": pl.Date, "amount": pl.Int64, "paid": pl.Int64}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """The first day on which a loan's figures are not the same."""

    life: Life
    date: dt.date
    column: str
    reference: Any
    engine: Any


def rules_of(book: PolicyBook, product: Product) -> Rules:
    """A product and what it names, as the reference reads them."""
    on = dt.date(2024, 1, 1)
    named = {f"{p.name}": p for _, p in book.policies if isinstance(p, Waterfall)}

    def of(model: Any, name: str | None) -> Any:
        return book.in_force(model, name, on) if name else None

    return Rules(
        product, named, of(Delinquency, product.delinquency), of(LateFee, product.late_fee),
        of(Tax, product.tax), of(HolidayCalendar, product.schedule.calendar),
    )  # fmt: skip


def with_products(policies: PolicyBook, products: Sequence[Product]) -> PolicyBook:
    """The shipped policies, and those of the lives."""
    more = [*own_policies(), *(("products", p) for p in products)]
    both = sorted([*policies.policies, *more], key=lambda e: (e[0], e[1].name))
    return PolicyBook(tuple(both)).with_registry(())


def planned(policies: PolicyBook) -> Any:
    """For the making of lives: due dates and what the instalments ask, about."""

    def of(product: Product, terms: Terms) -> tuple[list[dt.date], list[int]]:
        rules = rules_of(policies, product)
        loan = Loan(rules, terms, Plan(rules, terms))
        close(loan, terms.disbursed_on, [Event("disbursed", terms.disbursed_on, terms.principal)])
        level = loan.emi or (loan.rows[1].interest + loan.rows[1].principal if loan.rows else 0)
        numbers = range(1, loan.plan.last + 1)
        asks = [loan.plan.asked(k, level or 1000) for k in numbers]
        return [loan.plan.due_date(k) for k in numbers], asks

    return of


def known_in_time(policies: PolicyBook, life: Life, through: dt.date) -> Iterable[Day]:
    """Every day of a life, as if all had been known in time."""
    product = policies.product(policies.registry.index(f"{life.product}@1"))
    return live(rules_of(policies, product), life.terms, life.events, through)


def reference_days(
    policies: PolicyBook, made: Sequence[Life], through: dt.date,
    days: Callable[[PolicyBook, Life, dt.date], Iterable[Day]] = known_in_time,
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """Positions and open dues of every loan and day, by the reference."""
    positions, dues = [], []
    for life in made:
        for day in days(policies, life, through):
            positions.append((life.loan_id, day.date, *_row(day)))
            dues.extend(
                (life.loan_id, day.date, no, Component[c].value, on, amount, paid)
                for no, c, on, amount, paid in day.dues
            )
    schema = {"loan_id": pl.Int64, "date": pl.Date} | {
        c: pl.Date if c == "oldest_due_date" else pl.Int64 for c in POSITION
    }
    return (
        pl.DataFrame(positions, schema=schema, orient="row"),
        pl.DataFrame(dues, schema=DUE, orient="row"),
    )


def _row(day: Day) -> tuple[Any, ...]:
    return (
        STATUS[day.status], day.principal, day.principal_due, day.interest_accrued, day.interest_due,
        day.fees_due, day.penalties_due, day.taxes_due, day.credit, day.prepaid, day.days_past_due,
        day.oldest_due_date,
    )  # fmt: skip


@dataclass(frozen=True)
class Sides:
    """Positions and open dues of every day of some lives, by the engine (`theirs`) and by the reference."""

    lives: Sequence[Life]
    theirs: pl.DataFrame
    their_dues: pl.DataFrame
    ours: pl.DataFrame
    our_dues: pl.DataFrame


def lived(policies: PolicyBook, seed: int, count: int | None) -> Sides:
    """Lives of a seed, through both. `count`: None is one for each row of the covering array."""
    products, made = lives(seed, count, planned(with_products(policies, [])))
    through = max(e.value_date for life in made for e in life.events) + dt.timedelta(days=5)
    return both_sides(policies, products, made, through)


def both_sides(
    policies: PolicyBook, products: Sequence[Product], made: Sequence[Life], through: dt.date
) -> Sides:
    """Lives by products of their own, through both reckonings."""
    book = with_products(policies, products)
    return Sides(made, *engine_days(book, made, through), *reference_days(book, made, through))


def differences(sides: Sides) -> list[Difference]:
    """The first difference of each loan, of its positions first."""
    theirs, their_dues = sides.theirs, sides.their_dues
    ours, our_dues, made = sides.ours, sides.our_dues, sides.lives
    by_id = {life.loan_id: life for life in made}
    found: dict[int, Difference] = {}

    def note(frame: pl.DataFrame, columns: Sequence[str]) -> None:
        off = pl.any_horizontal(pl.col(c).ne_missing(pl.col(f"{c}_engine")) for c in columns)
        first = frame.filter(off).sort("date").group_by("loan_id", maintain_order=True).first()
        for row in first.iter_rows(named=True):
            which = next(c for c in columns if row[c] != row[f"{c}_engine"])
            known = found.get(row["loan_id"])
            if known is None or row["date"] < known.date:
                found[row["loan_id"]] = Difference(
                    by_id[row["loan_id"]], row["date"], which, row[which], row[f"{which}_engine"]
                )

    # an ended loan leaves the engine's book the day after
    both = theirs.cast({c: pl.Int64 for c in POSITION if c != "oldest_due_date"}).join(
        ours, on=["loan_id", "date"], how="left", suffix="_ref"
    )
    # what stood with instalments that will not come any more says nothing
    owes = pl.col("principal") + pl.col("interest_accrued") + pl.col("interest_due") > 0
    both = both.with_columns(
        prepaid_dues=pl.when(owes).then("prepaid_dues").otherwise("prepaid_dues_ref")
    )
    # an extinguished claim is not late: what the engine shows of it is of the day before
    given_up = pl.col("status") == STATUS["written_off"]
    both = both.with_columns(
        pl.when(given_up).then(f"{c}_ref").otherwise(c).alias(c)
        for c in ("days_past_due", "oldest_due_date")
    )
    both = both.rename({c: f"{c}_engine" for c in POSITION}).rename(
        {f"{c}_ref": c for c in POSITION}
    )
    note(both, POSITION)
    place = ["loan_id", "date", "instalment_no", "component"]
    asked = ["due_date", "amount", "paid"]
    dues = _by_component(their_dues).join(
        _by_component(our_dues), on=place, how="full", coalesce=True, suffix="_ref"
    )
    dues = dues.rename({c: f"{c}_engine" for c in asked}).rename({f"{c}_ref": c for c in asked})
    note(dues, asked)
    return sorted(found.values(), key=lambda d: d.life.loan_id)


def _by_component(dues: pl.DataFrame) -> pl.DataFrame:
    """One row a component of an instalment; charges that were added up have no due date of their own."""
    own = pl.col("component") <= Component.interest.value
    sums = dues.group_by("loan_id", "date", "instalment_no", "component").agg(
        pl.col("due_date").max(), pl.col("amount", "paid").sum()
    )
    return sums.with_columns(due_date=pl.when(own).then("due_date"))
