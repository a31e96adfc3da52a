"""The shipped policy on the public sample: applications that a lender granted, with its grades and instalments."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from loanbook.core.contract.money import rate_to_ppb
from loanbook.core.decision.comparing import back_test, compared, moves
from loanbook.core.decision.deciding import decide
from loanbook.core.decision.terms import instalment_factor
from loanbook.core.decision.validity import calibration, rank_correlation, separation, stability
from loanbook.core.policy.book import parse
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.pipelines.simulation.applicants import inputs_of, issued
from loanbook.pipelines.simulation.landing import FOLDER, public_tape

FILE = FOLDER.parent / "policies" / "decisions" / "personal-loan.yaml"
TAPE = public_tape()
STEP = TAPE["sub_grade"].str.head(1).replace_strict(dict(zip("ABCDEFG", range(7), strict=True)), return_dtype=pl.Int64) * 5 + TAPE["sub_grade"].str.tail(1).cast(pl.Int64)  # fmt: skip
MARCH = issued(TAPE) == dt.date(2018, 3, 1)


@pytest.fixture(scope="module")
def policy() -> DecisionPolicy:
    found = parse("decisions", FILE.name, FILE.read_text(encoding="utf-8"))
    assert isinstance(found, DecisionPolicy)
    return found


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    keys = {
        "currency": pl.lit("USD"),
        "decided_at": dt.datetime(2018, 4, 1),
        "bureau_age_days": pl.lit(1),
    }
    return inputs_of(TAPE).with_row_index("application_id").with_columns(**keys)


@pytest.fixture(scope="module")
def decided(rows: pl.DataFrame, policy: DecisionPolicy) -> pl.DataFrame:
    return decide(rows, policy)[0]


def test_points_rank_the_sample_as_its_lender_did_in_months_that_they_were_not_fitted_to(
    decided: pl.DataFrame,
) -> None:
    points = decided["points"]
    early, late = points.filter(~MARCH), points.filter(MARCH)
    # fitted to January and February (0.50); a card that knows no score of a bureau comes no nearer to A1 to G5
    assert 0.45 < rank_correlation(late, -STEP.filter(MARCH)) < 0.60
    assert stability(early, late, [600, 620, 640, 660, 680])[0] < 0.1
    assert stability(early, late - 60, [600, 620, 640, 660, 680])[0] > 0.25
    bad = ~TAPE["loan_status"].is_in(["Current", "Fully Paid"])
    # the honest part: five months of granted loans don't show that points tell who pays
    assert 0.4 < separation(late, bad.filter(MARCH)) < 0.6
    by_grade = calibration(decided["grade"], bad)
    assert by_grade["loans"].sum() == decided["grade"].count()
    last = by_grade.filter(pl.col("band") == "F").row(0, named=True)
    assert (last["bad"], round(last["high"], 4)) == (0, 0.0787)  # none of 45: z² / (n + z²)


def test_what_the_sample_lacks_is_referred_and_what_it_has_is_decided(
    decided: pl.DataFrame,
) -> None:
    lacking = TAPE["num_accounts_120d_past_due"] == "NA"
    assert set(decided.filter(lacking)["outcome"]) == {"referred", "rejected"}
    named = decided.filter(pl.col("outcome") == "referred")["missing"]
    assert named.str.contains("accounts_past_due_120").sum() > 250
    shares = decided["outcome"].value_counts().rows()
    assert {outcome for outcome, _ in shares} == {"approved", "referred", "rejected"}
    assert dict(shares)["approved"] > 8_000
    assert decided.filter(pl.col("outcome") == "approved").select(
        ((pl.col("amount") > 0) & (pl.col("missing") == "") & (pl.col("unknowns") == 0)).all()
    ).item()  # fmt: skip


def test_the_estimate_of_an_instalment_is_what_the_sample_s_lender_asked(
    rows: pl.DataFrame,
) -> None:
    ours = [
        -(-amount * instalment_factor(rate_to_ppb(rate), term) // 10**12)
        for amount, rate, term in zip(
            rows["amount"], TAPE["interest_rate"], rows["term"], strict=True
        )
    ]
    theirs = (TAPE["installment"].cast(pl.Decimal(12, 2)) * 100).cast(pl.Int64)
    off = (pl.Series(ours) - theirs).abs()
    assert (off <= 1).mean() > 0.999


def test_a_challenger_is_told_apart_and_both_are_set_against_what_loans_did(
    rows: pl.DataFrame, decided: pl.DataFrame, policy: DecisionPolicy
) -> None:
    text = FILE.read_text(encoding="utf-8").replace(
        "debt_to_income_bp > 4500", "debt_to_income_bp > 3000"
    )
    other = parse("decisions", "other.yaml", text.replace("name: personal-loan", "name: other"))
    assert isinstance(other, DecisionPolicy)
    made, _ = decide(rows, other)
    told = moves(decided, made)
    assert told["applications"].sum() == 10_000
    high = rows["debt_to_income_bp"].is_between(3001, 4500)
    moved = compared(decided, made)
    assert set(moved["application_id"]) <= set(rows.filter(high)["application_id"].cast(pl.String))
    assert moved.height == decided.filter(high & (decided["outcome"] != "rejected")).height + decided.filter(
        high & (decided["outcome"] == "rejected") & (decided["reasons"] != made["reasons"])
    ).height  # fmt: skip
    lost = TAPE["loan_status"] == "Charged Off"
    loans = rows.select(pl.col("application_id").cast(pl.String), lent="amount").with_columns(
        bad=lost, lost=pl.when(lost).then("lent").otherwise(0)
    )
    tested = back_test(decided, loans)
    assert tested["bad"].sum() == 7
    assert tested["lent"].sum() == rows["amount"].sum()
    assert tested["applications"].sum() == 10_000
