"""Synthetic books of any product: loans, and payments on time, late, missed and early.

Drawn from the seed alone. What a borrower is asked comes of the schedule that the contract makes
(`loanbook.core.contract.schedule`), so a loan that pays on time ends near zero; how each one behaves is its
truth, and stands beside the folder (`truth_of`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from loanbook.core.contract.dates.due_dates import Unit, add_months, due_date
from loanbook.core.contract.money import EXPONENT, decimal_text
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import empty, typed
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.schedule.fixed_schedule import down_payment
from loanbook.pipelines.simulation.landing import by_day

START, SPREAD = dt.date(2018, 1, 1), 60
"""Loans are paid out over so many days from here."""
BEHAVIOURS = ("on time", "late", "misses", "ahead")
SHARES = (0.82, 0.1, 0.05, 0.03)
PERIODS = ((1, Unit.months), (1, Unit.weeks), (2, Unit.weeks), (1, Unit.semi_monthly),
           (3, Unit.months), (10, Unit.days))  # fmt: skip
"""Periods that products without a calendar of their own are drawn with."""
CALENDAR_BOUND = ("seasonal", "pay-in-four", "lendingclub-personal")


def drop_products(
    folder: Path,
    names: list[str],
    loans: int,
    policies: PolicyBook,
    *,
    seed: int,
    days: int,
    spread: int = SPREAD,
) -> int:
    """Write daily `loan_tape_DATE_canonical`, `payments_DATE` and `commands_DATE` files; returns
    their number.

    `loans` of each product of `names`, lived for `days`. The same arguments give the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [
        _drawn(policies, name, loans, spread, np.random.default_rng([seed, place]))
        for place, name in enumerate(names)
    ]
    batches = [
        _files_of(each, asked) for each, asked in zip(drawn, _asked(policies, drawn), strict=True)
    ]
    tape = pl.concat([each for each, _, _ in batches])
    last = START + dt.timedelta(days=days)
    money = pl.concat([each for _, each, _ in batches]).filter(pl.col("value_date") <= last)
    orders = pl.concat([each for _, _, each in batches]).filter(pl.col("value_date") <= last)
    tape.select("loan_number", "product", "behaviour").write_csv(truth_of(folder))
    loans_ = tape.drop("behaviour").with_columns(day="disbursed_on")
    return (
        by_day(folder, "loan_tape", loans_, "_canonical")
        + by_day(folder, "payments", money.with_columns(day="value_date"))
        + by_day(folder, "commands", orders.with_columns(day="value_date"))
    )


def truth_of(folder: Path) -> Path:
    """Where the truth about the borrowers of a folder stands: beside it, for it is no landing file."""
    return folder.with_name(f"{folder.name}_truth.csv")


@dataclass(frozen=True)
class _Drawn:
    """Loans of one product, and how their borrowers behave."""

    product: Product
    terms: pl.DataFrame
    later: pl.DataFrame
    """Further payouts, as `_tranches` has them."""
    behaviour: np.ndarray
    number: list[str]
    draw: np.random.Generator


def _drawn(
    policies: PolicyBook, name: str, loans: int, spread: int, draw: np.random.Generator
) -> _Drawn:
    code = policies.product_code(name, START)
    product = policies.product(code)
    terms = _terms(policies, product, code, loans, spread, draw)
    behaviour = draw.choice(len(BEHAVIOURS), loans, p=SHARES)
    number = [f"S-{name}-{n:06d}" for n in range(1, loans + 1)]
    return _Drawn(product, terms, _tranches(product, terms, behaviour), behaviour, number, draw)


def _files_of(
    drawn: _Drawn, asked: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Rows of the tape, and of payment and command files."""
    product, terms, number = drawn.product, drawn.terms, drawn.number
    exponent = EXPONENT[product.currency]
    floats = product.floating is not None
    tape = terms.select(
        loan_number=pl.Series(number),
        product=pl.lit(product.name),
        principal=decimal_text(pl.col("principal_agreed"), exponent),
        rate_percent=decimal_text(pl.col("rate_ppb"), 7),
        instalments="instalments",
        instalment=pl.lit(""),
        balloon=decimal_text(pl.col("balloon"), exponent),
        every="every",
        unit=pl.col("unit").replace_strict({u.value: u.name for u in Unit}, return_dtype=pl.String),
        second_anchor_day="second_anchor_day",
        disbursed_on="disbursed_on",
        first_due_date="first_due_date",
        spread_percent=pl.lit("1.5" if floats else ""),
        first_reset_on=pl.lit(""),
        jurisdiction=pl.lit(""),
        drawn=decimal_text(pl.col("principal_agreed") // 2, exponent)
        if product.line
        else pl.lit(""),
        behaviour=pl.Series([BEHAVIOURS[b] for b in drawn.behaviour]),
    )
    orders = _ordered(drawn.later, product, number)
    if product.line is not None:
        orders = pl.concat([orders, _advances(product, terms, number)])
        return tape, _paid_to_lines(product, terms, drawn.behaviour, number), orders
    return tape, _payments(drawn, asked), orders


def _terms(
    policies: PolicyBook,
    product: Product,
    code: int,
    loans: int,
    spread: int,
    draw: np.random.Generator,
) -> pl.DataFrame:
    """Terms within the product's bounds (schema `Terms`)."""
    bounds, ten = product.bounds, 10 ** EXPONENT[product.currency]
    low, high = bounds.amount_minor
    amount = draw.integers(max(low, 500 * ten), min(high, 20_000 * ten) + 1, loans)
    most = float(bounds.rate_percent[1])
    rate = draw.uniform(min(4.0, most * 0.2), min(28.0, most * 0.9), loans)
    rate = np.round(rate, 2) if most > 1 else np.full(loans, min(0.1, most))
    few, many = bounds.instalments
    count = draw.integers(max(few, 3), min(many, 48) + 1, loans) if many > few else few
    bound = (
        product.name in CALENDAR_BOUND or product.floating is not None or product.line is not None
    )
    kinds = PERIODS[:1] if bound else PERIODS
    kind = draw.integers(0, len(kinds), loans)
    every = np.array([kinds[k][0] for k in kind])
    unit = np.array([kinds[k][1].value for k in kind])
    if many == 1:  # one period is the whole term
        every, unit = draw.integers(3, 13, loans), np.full(loans, Unit.months.value)
    least, most_left = map(float, bounds.balloon_percent)
    balloon = draw.uniform(least, most_left, loans) if least else 0
    paid_out = np.datetime64(START) + draw.integers(0, spread, loans)
    frame = pl.DataFrame(
        {
            "loan_id": np.arange(1, loans + 1), "principal_agreed": amount,
            "rate_ppb": (rate * 10**7).round().astype(np.int64), "instalments": count,
            "every": every, "unit": unit, "disbursed_on": paid_out,
            "balloon": np.asarray(amount * balloon / 100, dtype=np.int64),
        }
    )  # fmt: skip
    semi = pl.col("unit") == Unit.semi_monthly
    day = pl.col("disbursed_on").dt.day().cast(pl.Int32)
    anchored = frame.with_columns(
        product=pl.lit(code), end_of_month=pl.lit(False),
        anchor_day=pl.when(semi).then(1).otherwise(day), second_anchor_day=pl.lit(15),
        first_due_date=pl.when(semi).then(pl.col("disbursed_on").dt.month_start())
        .otherwise("disbursed_on"),
    )  # fmt: skip
    units = frozenset(frame["unit"].unique().to_list())
    # semi-monthly loans begin with the first of the next month, others a period after the payout
    due = due_date(pl.when(semi).then(3).otherwise(2), units)
    dated = anchored.with_columns(first_due_date=due).with_columns(
        anchor_day=pl.col("first_due_date").dt.day(),
        end_of_month=pl.col("first_due_date") == pl.col("first_due_date").dt.month_end(),
        entity=pl.lit(policies.entities.index(product.entity)),
        currency=policies.pins.filter(pl.col("product") == code)["currency"][0],
        first_interest_adjustment=pl.lit(0),
        spread_ppb=pl.lit(15_000_000 if product.floating else None),
    )
    absent = [name for name in Terms.column_names() if name not in dated.columns]
    whole = dated.with_columns(pl.lit(None).alias(name) for name in absent)
    return typed(whole.select(Terms.column_names()), Terms).cast(dict(empty(Terms).schema))  # type: ignore[arg-type]


TRANCHES = (1, 3)
"""Instalments on whose due dates loans that are paid out in parts have their further payouts."""


def _tranches(product: Product, terms: pl.DataFrame, behaviour: np.ndarray) -> pl.DataFrame:
    """Further payouts to borrowers who pay on time or ahead: terms (schema `Terms`) of each as a
    loan of its own over the instalments left, and `after`, the instalment on whose day it is paid out.

    Each is half of what the product lets be lent beyond what was agreed.
    """
    good = pl.Series(np.isin(behaviour, (0, 3)))
    many = product.payouts.over_ppb > 0 and product.line is None
    eligible = terms.filter(good & many)
    units = frozenset(eligible["unit"].unique().to_list())
    half = product.payouts.over_ppb // 2
    parts = []
    for after in TRANCHES if eligible.height else ():
        parts.append(
            eligible.with_columns(
                after=pl.lit(after, dtype=pl.Int16),
                disbursed_on=due_date(pl.lit(after), units),
                first_due_date=due_date(pl.lit(after + 1), units),
                principal_agreed=pl.col("principal_agreed") * half // 10**9,
                instalments=pl.col("instalments") - after,
            )
        )
    nobody = terms.clear().with_columns(after=pl.lit(0, dtype=pl.Int16))
    return pl.concat([nobody, *parts]).filter(pl.col("principal_agreed") > 0)


def _ordered(later: pl.DataFrame, product: Product, number: list[str]) -> pl.DataFrame:
    """Further payouts as rows of command files."""
    keys = pl.DataFrame({"loan_id": range(1, len(number) + 1), "loan_key": number})
    return later.join(keys, on="loan_id", maintain_order="left").select(
        command_ref=pl.format("T-{}-{}", "loan_key", "after"),
        command=pl.lit("pay_out"),
        loan_key="loan_key",
        value_date="disbursed_on",
        amount=decimal_text(pl.col("principal_agreed"), EXPONENT[product.currency]),
        maker=pl.lit("synthetic:loan-officer"),
        checker=pl.lit("synthetic:credit-officer"),
        reason=pl.lit("next_stage"),
    )


def _advances(product: Product, terms: pl.DataFrame, number: list[str]) -> pl.DataFrame:
    """Cash advances as rows of command files, where the product has them: a tenth of the limit on
    the first statement's day, to every third borrower, none of whom pays a statement in full."""
    assert product.line is not None
    draws = terms.with_columns(loan_key=pl.Series(number)).filter(
        (pl.col("loan_id") % 3 == 1) & pl.lit(product.line.cash_advances is not None)
    )
    return draws.select(
        command_ref=pl.format("A-{}", "loan_key"),
        command=pl.lit("pay_out_advance"),
        loan_key="loan_key",
        value_date="first_due_date",
        amount=decimal_text(pl.col("principal_agreed") // 10, EXPONENT[product.currency]),
        maker=pl.lit("synthetic:loan-officer"),
        checker=pl.lit("synthetic:credit-officer"),
        reason=pl.lit("cash_advance"),
    )


def _paid_to_lines(
    product: Product, terms: pl.DataFrame, behaviour: np.ndarray, number: list[str]
) -> pl.DataFrame:
    """What borrowers pay to lines that were drawn on by half: all of it, or a tenth a cycle.

    Every third pays the first statement in full and owes nothing from then on; the others pay a
    tenth of the draw before each due date, late or at times not at all as they behave.
    """
    assert product.line is not None
    due = pl.duration(days=product.line.due_days)
    drawn = pl.col("principal_agreed") // 2
    who = terms.with_columns(
        loan_key=pl.Series(number), behaves=pl.Series(behaviour.astype(np.int8)),
        n=pl.int_ranges(1, pl.lit(19)),
    ).explode("n")  # fmt: skip
    cycle = add_months(
        pl.col("first_due_date"),
        pl.col("n").cast(pl.Int32) - 1,
        pl.col("anchor_day"),
        pl.lit(False),
    )
    behaves, whole = pl.col("behaves"), pl.col("loan_id") % 3 == 0
    lag = pl.when(behaves == 1).then(9).when(behaves == 3).then(-9).otherwise(-1)
    paid = who.with_columns(
        value_date=cycle + due + pl.duration(days=lag),
        amount=pl.when(whole).then(drawn).otherwise(drawn // 10),
    ).filter(
        pl.when(whole).then(pl.col("n") == 1).otherwise(pl.col("n") <= 14)
        & ~((behaves == 2) & (pl.col("n") % 3 != 0))
    )
    return _receipts(paid, product.currency)


_LIFT = 1 << 32
"""More than a product has loans: products are told apart by it where they are worked out together."""


def _asked(policies: PolicyBook, drawn: list[_Drawn]) -> list[pl.DataFrame]:
    """What the schedules of each product's loans ask, of further payouts too: `loan_id`, `n`, `due`,
    `amount`, the down payment as 0. All schedules are made at once, which costs as one does."""

    def lifted(frames: list[pl.DataFrame]) -> pl.DataFrame:
        return pl.concat(
            each.with_columns(pl.col("loan_id") + place * _LIFT)
            for place, each in enumerate(frames)
        )

    closed_end = [each.terms if each.product.line is None else each.terms.clear() for each in drawn]
    terms = lifted(closed_end)
    agreed = agreed_terms(terms, policies.pins)
    share = agreed.select("loan_id", down=down_payment(pl.col("principal_agreed")))
    rows = expand(agreed.with_columns(principal_agreed=pl.col("principal_agreed") - share["down"]))
    later = lifted([each.later for each in drawn])
    rows = pl.concat([rows, *_rows_of(later, policies, rows)])
    billed = rows.select(
        "loan_id", n="instalment_no", due="period_end",
        amount=pl.col("principal") + pl.col("interest"),
    ).group_by("loan_id", "n", maintain_order=True).agg(
        pl.col("due").first(), pl.col("amount").sum()
    )  # fmt: skip
    down = terms.select("loan_id", n=pl.lit(0, dtype=pl.Int16), due="disbursed_on").join(
        share, on="loan_id", maintain_order="left"
    )
    first = down.rename({"down": "amount"}).select(billed.columns)
    every = pl.concat([first, billed]).filter(pl.col("amount") > 0)
    by_product = every.with_columns(
        place=pl.col("loan_id") // _LIFT, loan_id=pl.col("loan_id") % _LIFT
    ).partition_by("place", as_dict=True, include_key=False)
    return [by_product.get((place,), every.clear()) for place in range(len(drawn))]


def _payments(drawn: _Drawn, asked: pl.DataFrame) -> pl.DataFrame:
    """What borrowers pay of what is `asked` of their loans (`_asked`)."""
    terms = drawn.terms
    who = terms.select(
        "loan_id", loan_key=pl.Series(drawn.number),
        behaves=pl.Series(drawn.behaviour.astype(np.int8)),
    )  # fmt: skip
    every = asked.join(who, on="loan_id", maintain_order="left")
    chance = pl.Series(drawn.draw.random(every.height))
    lag = pl.Series(drawn.draw.integers(3, 25, every.height))
    behaves = pl.col("behaves")
    days = pl.when(behaves == 1).then(lag).when(behaves == 3).then(-lag // 3).otherwise(0)
    paid = every.with_columns(
        value_date=(pl.col("due") + pl.duration(days=days)).clip(lower_bound=START),
    ).filter(~((behaves == 2) & (chance < 0.6)))
    begun = terms.select("loan_id", "disbursed_on")
    paid = paid.join(begun, on="loan_id", maintain_order="left").with_columns(
        value_date=pl.max_horizontal("value_date", "disbursed_on")
    )
    return _receipts(paid, drawn.product.currency)


def _rows_of(later: pl.DataFrame, policies: PolicyBook, like: pl.DataFrame) -> list[pl.DataFrame]:
    """Instalments of further payouts, numbered as those of their loan."""
    found = []
    for (after,), part in later.partition_by("after", as_dict=True).items():
        rows = expand(agreed_terms(part.drop("after"), policies.pins))
        number = (pl.col("instalment_no") + int(after)).cast(pl.Int16)
        found.append(rows.with_columns(instalment_no=number).select(like.columns))
    return found


def _receipts(paid: pl.DataFrame, currency: str) -> pl.DataFrame:
    """Payments (`loan_key`, `n`, `value_date`, `amount` in minor units) as rows of payment files."""
    return paid.sort("value_date", "loan_key", "n").select(
        payment_ref=pl.format("{}-{}", "loan_key", "n"), loan_key="loan_key",
        amount=decimal_text(pl.col("amount"), EXPONENT[currency]), currency=pl.lit(currency),
        value_date="value_date",
    )  # fmt: skip
