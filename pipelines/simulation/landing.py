"""Write a tape and its derived history as the daily files a lender would drop."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import polars as pl

from loanbook.core.catalogue.inputs import INPUTS
from loanbook.core.contract.money import decimal_text
from loanbook.pipelines.formats.tape.rows import keys
from loanbook.pipelines.instance import FILE, REASONS
from loanbook.pipelines.simulation import tape as tapes
from loanbook.pipelines.simulation.applicants import inputs_of
from loanbook.pipelines.simulation.history import derive

AS_OF = dt.date(2018, 6, 30)
THROUGH = dt.date(2018, 7, 31)
SEED = 2018
FOLDER = Path(__file__).resolve().parents[2] / "data" / "sample"
SAMPLE = FOLDER / "lendingclub_2018q1.csv.gz"
TAPE = "lendingclub"
"""Mapping of the sample's tape, and of synthetic tapes in its columns."""


def public_tape() -> pl.DataFrame:
    """The 10,000 loans of the sample, all columns as text."""
    with gzip.open(SAMPLE) as file:
        return pl.read_csv(file.read(), infer_schema=False)


def set_up(home: Path) -> None:
    """Tell an instance that its files are the sample's; what it tells of itself already stays."""
    home.mkdir(parents=True, exist_ok=True)
    if not (home / FILE).exists():
        text = f'# What this instance is told.\n[intake]\nmapping = "{TAPE}"\n'
        (home / FILE).write_text(text, encoding="utf-8")
    if not (home / REASONS).exists():
        (home / REASONS).write_bytes((FOLDER / REASONS).read_bytes())


def drop(folder: Path, tape: pl.DataFrame, *, seed: int = SEED) -> int:
    """Write `loan_tape_`, `payments_` and `commands_` files by day; returns their number.

    Deterministic: the same tape and seed give the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keyed = tape.with_columns(keys(tape))
    history = derive(tapes.figures(keyed), AS_OF, THROUGH, seed)
    loans = keyed.join(history.terms, on="loan_key", maintain_order="left").with_columns(
        first_interest_adjustment=decimal_text(pl.col("first_interest_adjustment"), 2)
    )
    payments = history.payments.select(
        "value_date",
        payment_ref=pl.concat_str(
            pl.lit("P-"), pl.col("loan_key"), pl.lit("-"), pl.col("payment_no").cast(pl.String)
        ),
        loan_key="loan_key",
        amount=decimal_text(pl.col("amount"), 2),
        currency=pl.lit("USD"),
        value_date_text=pl.col("value_date").cast(pl.String),
    ).rename({"value_date": "day", "value_date_text": "value_date"})
    orders = history.charge_offs.select(
        day="value_date",
        command_ref=pl.concat_str(pl.lit("C-"), "loan_key"),
        command=pl.lit("charge_off"),
        loan_key="loan_key",
        value_date=pl.col("value_date").cast(pl.String),
        maker=pl.lit("synthetic:collections-lead"),
        checker=pl.lit("synthetic:credit-officer"),
        reason=pl.lit("uncollectable"),
    )
    return (
        by_day(folder, "loan_tape", loans.with_columns(day="issue_date").drop("loan_key"))
        + by_day(folder, "payments", payments)
        + by_day(folder, "commands", orders)
    )


def drop_applications(folder: Path, tape: pl.DataFrame, *, seed: int = SEED) -> int:
    """Write `applications_` and `bureau_` files of a tape's borrowers by day; returns their number.

    What they say is the tape's; that they were sent on the day of issue, and that a report was drawn that day, is not: it
    holds neither date.
    """
    keyed = tape.with_columns(keys(tape))
    days = derive(tapes.figures(keyed), AS_OF, THROUGH, seed).terms.select(
        "loan_key", day="issue_date"
    )
    told = (
        inputs_of(tape)
        .with_columns(keyed["loan_key"])
        .join(days, on="loan_key", maintain_order="left")
    )
    asked = told.select(
        "day", application_ref="loan_key", product=pl.lit("lendingclub-personal"), amount=decimal_text(pl.col("amount"), 2),
        currency=pl.lit("USD"), term=pl.col("term").cast(pl.String), submitted_on=pl.col("day").cast(pl.String),
        applicant=pl.concat_str(pl.lit("borrower-of-"), "loan_key"),
        co_applicant=pl.when(pl.col("applicant_kind") == "joint").then(pl.concat_str(pl.lit("joint-borrower-of-"), "loan_key")),
        purpose="purpose", income_year=decimal_text(pl.col("income_year"), 2),
        income_verified_year=decimal_text(pl.col("income_verified_year"), 2), employment_years="employment_years",
        housing="housing", state="state",
    )  # fmt: skip
    who = told.select(pl.concat_str(pl.lit("borrower-of-"), "loan_key")).to_series()
    return by_day(folder, "applications", asked) + reports_by_day(folder, told, who)


def reports_by_day(folder: Path, told: pl.DataFrame, applicants: pl.Series) -> int:
    """Write a `bureau_` file for every `day` of borrowers (`loan_key`, by which a report is numbered, and inputs); their number."""
    reports = told.select(
        "day", report_id="loan_key", applicant=applicants, bureau=pl.lit("sample-tape"), drawn_on=pl.col("day").cast(pl.String),
        attributes=pl.struct(each.name for each in INPUTS if each.source == "bureau" and each.name in told.columns),
    )  # fmt: skip
    parts = reports.partition_by("day", as_dict=True, maintain_order=True)
    for (day,), part in parts.items():
        part.drop("day").write_ndjson(folder / f"bureau_{day}.jsonl")
    return len(parts)


def by_day(folder: Path, kind: str, rows: pl.DataFrame, ending: str = "") -> int:
    """Write a file for every `day` of `rows`, named by kind, day and `ending`; returns their number."""
    parts = rows.partition_by("day", as_dict=True, maintain_order=True)
    for (day,), part in parts.items():
        part.drop("day").write_csv(folder / f"{kind}_{day}{ending}.csv")
    return len(parts)
