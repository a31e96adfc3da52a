"""Great Expectations suites: at intake, and over a committed version before it is published.

Great Expectations takes seconds to import, so it is imported where it runs. Analytics are off.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.policy.models import Buckets
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.replay.backdating import Restatement
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.expectations import quiet_context

PUBLISHED_COLUMNS = ("loan_id", "status", "principal", "interest_due", "days_past_due", "bucket",
                     "accrued_today", "credit")  # fmt: skip


Dated = tuple[int, dt.date]
"""A version and its business date."""


_looking = threading.Lock()


@cache
def _suite(top: int) -> tuple[Any, Any]:
    """What is looked at, and what it must pass; `top`: the highest bucket. To make it takes longer than to use it."""
    import great_expectations as gx
    import great_expectations.expectations as expect

    context = quiet_context()
    batches = (
        context.data_sources.add_pandas("ledger")
        .add_dataframe_asset("positions")
        .add_batch_definition_whole_dataframe("version")
    )
    suite = context.suites.add(
        gx.ExpectationSuite(
            "before_publishing",
            expectations=[
                expect.ExpectColumnValuesToBeUnique(column="loan_id"),
                expect.ExpectColumnValuesToBeBetween(column="principal", min_value=0),
                expect.ExpectColumnValuesToBeBetween(column="interest_due", min_value=0),
                expect.ExpectColumnValuesToBeBetween(column="credit", min_value=0),
                expect.ExpectColumnValuesToBeBetween(
                    column="days_past_due", min_value=0, max_value=36_525
                ),
                expect.ExpectColumnValuesToBeBetween(column="bucket", min_value=0, max_value=top),
                expect.ExpectColumnValuesToBeInSet(
                    column="status", value_set=[s.value for s in Status]
                ),
            ],
        )
    )
    return batches, suite


@dataclass
class Gate:
    """The suite that a version must pass before readers see it."""

    buckets: Buckets

    def check(self, stored: dict[Dated, pl.DataFrame]) -> pl.DataFrame:
        """Rows for table `checks`: what each expectation saw of each version.

        `stored`: `PUBLISHED_COLUMNS` of the positions of each version. Versions are looked at together,
        and one by one, with the rows counted, where that finds anything.
        """
        found = self._seen(stored, "BOOLEAN_ONLY")
        if found["passed"].all():
            return found
        return pl.concat(self._seen({version: rows}, "BASIC") for version, rows in stored.items())

    def _seen(self, stored: dict[Dated, pl.DataFrame], told: str) -> pl.DataFrame:
        """What each expectation saw; broken rows are those of all versions. `told`: how much Great Expectations
        tells; to count costs it a third of the look."""
        started = time.perf_counter()
        # a loan is in each version once
        apart = [
            rows.with_columns(pl.col("loan_id") + (n << 40))
            for n, rows in enumerate(stored.values())
        ]
        frame = pl.concat(apart).select(PUBLISHED_COLUMNS).to_pandas()
        with _looking:
            batches, suite = _suite(len(self.buckets.ranges) - 1)
            batch = batches.get_batch({"dataframe": frame})
            results = batch.validate(suite, result_format=told).results
        seconds = (time.perf_counter() - started) / max(len(results) * len(stored), 1)
        return pl.DataFrame(
            [
                {
                    "version": version,
                    "business_date": date,
                    "suite": "great_expectations",
                    "name": _name(each),
                    "passed": bool(each.success),
                    "broken": int(each.result.get("unexpected_count") or 0),
                    "figures": f"{rows.height} rows",
                    "seconds": seconds,
                }
                for (version, date), rows in stored.items()
                for each in results
            ]
        )


def _name(result: Any) -> str:
    config = result.expectation_config
    column = config.kwargs.get("column", "table")
    return f"{config.type.removeprefix('expect_column_values_to_')}:{column}"


def against_the_past(
    version: int, date: dt.date, held: int, boarded: int, last: int | None
) -> pl.DataFrame:
    """A version whose row counts don't follow from the one before is not published.

    `held`: its positions; `boarded`: loans that entered with it; `last`: the number of live loans before
    the close (after leavers), None on the first day.
    """
    expected = (last or 0) + boarded
    off = 0 if last is None else abs(held - expected)
    figures = f"{held} loans, {expected} expected"
    return compared(version, date, "loans_follow_from_yesterday", off, figures)


def compared(version: int, date: dt.date, name: str, broken: int, figures: str) -> pl.DataFrame:
    """The row for table `checks` of a comparison that holds where nothing is broken."""
    return pl.DataFrame(
        [
            {
                "version": version,
                "business_date": date,
                "suite": "comparison",
                "name": name,
                "passed": broken == 0,
                "broken": broken,
                "figures": figures,
                "seconds": 0.0,
            }
        ]
    )


def entered(closed: DayClose, restated: Restatement | None) -> pl.Series:
    """Loans that entered the book, or were lived again: all others have had terms since they entered."""
    ids = closed.boarded["loan_id"]
    if restated is None:
        return ids
    again = restated.loans
    here = closed.book.positions["loan_id"]
    return pl.concat([ids, again.filter(again.is_in(here.implode()))]).unique()


def every_position_has_terms(ledger: Ledger, looked_at: dict[Dated, pl.Series]) -> pl.DataFrame:
    """Loans have terms in the ledger by the version that `looked_at` has them under."""
    asked = [
        pl.DataFrame({"loan_id": ids, "version": n})
        for (n, _), ids in looked_at.items()
        if ids.len()
    ]
    without = (
        ledger.without_terms(pl.concat(asked))
        if asked
        else pl.DataFrame(schema={"loan_id": pl.Int64, "version": pl.Int64})
    )
    rows = []
    for (version, date), ids in looked_at.items():
        lacking = without.filter(version=version)
        figures = f"{ids.len()} loans" + (
            f", not loan {lacking['loan_id'][0]}" if lacking.height else ""
        )
        rows.append(compared(version, date, "every_position_has_terms", lacking.height, figures))
    return pl.concat(rows)
