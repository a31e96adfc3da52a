"""A decision: certain declines, doubt, approval; and nothing passes by falling through."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
import pytest

from loanbook.core.catalogue.inputs import BY_NAME
from loanbook.core.decision.deciding import again, decide, differing
from loanbook.core.decision.decisions import DECISIONS
from loanbook.core.decision.reasons import in_words
from loanbook.core.decision.terms import instalment_factor
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.conditions import compares_alike, compiled
from loanbook.core.policy.used import refusals
from tests.origination.policies import GOOD, TEXT, applications, small

POLICY = small()


def _decided(**changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    made, _ = decide(applications(**changes), POLICY)
    assert dict(made.schema) == dict(DECISIONS)
    return {row["application_id"]: row for row in made.to_dicts()}


def test_an_application_is_approved_at_the_price_of_its_grade_or_rejected_for_the_heaviest_reasons() -> (
    None
):
    found = _decided(
        good={},
        dear={
            "inquiries_12m": 5,
            "housing": "rent",
            "history_months": 60,
        },  # 500 + 0 + 10 + 50 = 560: B
        young={"age_years": 17, "bankruptcies": 1},
        low={"inquiries_12m": 9, "housing": "rent", "history_months": 10},  # 510
        long={"inquiries_12m": 5, "housing": "rent", "history_months": 60, "term": 60},
        large={"amount": 5_000_000, "income_year": 30_000_000},
        poor={"income_year": 1_300_000},  # half of 1,083.33 a month less 500.00: 41.66 a month
        poorest={
            "income_year": 1_250_000
        },  # 520.83 a month less 500.00 bears less than the least amount
        referred={"device_applications_1d": 3, "bureau_age_days": 31},
    )
    good = found["good"]
    # 10,000.00 over 36 months at 6 %: 304.22 (any annuity table has 30.42 for a thousand)
    assert (good["outcome"], good["grade"], good["points"], good["rate_ppb"]) == (
        "approved",
        "A",
        650,
        60_000_000,
    )
    assert (good["amount"], good["instalment"], good["reasons"], good["hits"]) == (
        1_000_000,
        30_422,
        "",
        0,
    )
    assert (found["dear"]["grade"], found["dear"]["rate_ppb"]) == ("B", 120_000_000)
    assert (found["young"]["outcome"], found["young"]["reasons"], found["young"]["hits"]) == (
        "rejected", "too_young,bankrupt", 0b11,
    )  # fmt: skip
    # lost: 60 of 60, 50 of 50, 30 of 40
    assert found["low"]["reasons"] == "points_inquiries_12m,points_history_months,points_housing"
    assert (found["low"]["outcome"], found["low"]["grade"], found["low"]["amount"]) == (
        "rejected",
        None,
        None,
    )
    assert (found["long"]["outcome"], found["long"]["reasons"]) == ("rejected", "term_not_offered")
    large, poor = found["large"], found["poor"]
    assert (large["outcome"], large["amount"], large["reasons"]) == (
        "approved",
        4_000_000,
        "amount_above_limit",
    )
    assert (poor["outcome"], poor["reasons"], poor["instalment"]) == (
        "approved",
        "amount_not_affordable",
        4_166,
    )
    assert (found["poorest"]["outcome"], found["poorest"]["reasons"]) == (
        "rejected", "amount_below_minimum,amount_not_affordable",
    )  # fmt: skip
    assert (found["referred"]["outcome"], found["referred"]["reasons"]) == (
        "referred",
        "many_devices,stale_report",
    )
    assert (
        in_words(POLICY, found["young"]["reasons"])[0]
        == "You are below the age at which we may lend."
    )


def test_what_is_missing_or_mistyped_is_a_referral_that_names_it_and_never_a_pass() -> None:
    read = [name for name in POLICY.reads if name in GOOD]
    optional = {
        "months_since_delinquency",
        "history_months",
    }  # the policy says what their absence means
    missing = {f"no_{name}": {name: None} for name in read}
    found = _decided(**missing, both={"inquiries_12m": None, "bankruptcies": 2})
    for name in read:
        row = found[f"no_{name}"]
        if name in optional:
            assert (row["outcome"], row["missing"]) == ("approved", ""), name
        else:
            assert (row["outcome"], row["missing"], row["amount"]) == ("referred", name, None), name
            assert row["reasons"].startswith("missing_input"), name
    assert found["both"]["outcome"] == "rejected", (
        "what is certain is not held up by what is missing"
    )
    wrong = applications(a={}, b={}).with_columns(
        income_year=pl.Series(["60k", "6000000"]), housing=pl.Series(["tent", "own"])
    )
    made, _ = decide(wrong, POLICY)
    assert made["outcome"].to_list() == ["referred", "approved"]
    assert made["mistyped"].to_list() == ["income_year,housing", ""]
    lacking, _ = decide(applications(a={}).drop("bankruptcies"), POLICY)
    assert lacking.select("outcome", "missing").row(0) == ("referred", "bankruptcies")
    for value in (
        1.5,
        10**17,
        True,
        "1e3",
    ):  # no fraction, no number beyond bounds, no yes, no other writing
        made, _ = decide(applications(a={}).with_columns(bankruptcies=pl.lit(value)), POLICY)
        assert made.select("outcome", "mistyped").row(0) == ("referred", "bankruptcies"), value


def test_a_decision_made_again_from_what_is_stored_is_the_same_byte_for_byte() -> None:
    rows = applications(**{f"a{n}": {"bankruptcies": n % 3, "inquiries_12m": n, "age_years": None if n % 7 == 0 else 30}
                           for n in range(40)})  # fmt: skip
    made, inputs = decide(rows, POLICY)
    assert again(made, inputs, POLICY).equals(made, null_equal=True)
    assert differing(made, again(made, inputs, POLICY)).is_empty()
    moved = rows.with_columns(
        bankruptcies=pl.lit(0)
    )  # the bureau's data have moved on: they take no part
    assert not decide(moved, POLICY)[0].equals(made)
    other = small(TEXT.replace("bankruptcies > 0", "bankruptcies > 1"))
    assert differing(made, again(made, inputs, other)).height == 40, (
        "another policy has another hash"
    )
    assert made["decision_id"].n_unique() == 40
    shuffled, _ = decide(rows.reverse(), POLICY)
    assert shuffled.reverse().equals(made), "an answer hangs on no other row"


@pytest.mark.parametrize(("condition", "why"), [
    ("COALESCE(bankruptcies, 0) > 0", "'COALESCE' is no input"), ("CASE WHEN age_years < 18 THEN TRUE ELSE FALSE END", "no input"),
    ("age_years IS NULL", "no input"), ("amount / 2 > 1", "has no place"), ("amount", "no yes or no"),
    ("purpose < 3", "can't be evaluated"), ("shoe_size > 3", "'shoe_size' is no input"), ("1 = 1", "reads no input"),
    ("age_years < 18 -- AND amount > 1", "remark"), ("amount * income_year > 1", "a product has a number"),
    ("age_years < 18; DROP TABLE loans", "has no place"),
])  # fmt: skip
def test_a_condition_that_could_hide_a_missing_input_is_refused_with_its_word(
    condition: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        compiled(condition)


def test_a_word_or_a_yes_is_compared_with_its_like_alone() -> None:
    for condition in ("consent_bureau", "NOT consent_bank", "NOT (consent_bank) OR term > 3", "consent_bank = TRUE",
                      "kyc <> 'passed'", "kyc NOT IN ('passed', 'review')", "'failed' = kyc", "housing = 'barge'",
                      "housing BETWEEN 'a' AND 'm' AND kyc = 'failed'", "term > 3 AND (kyc = 'failed' OR state IN ('NJ'))"):  # fmt: skip
        assert compiled(condition)
        compares_alike(condition)
    for condition, why in (
        ("consent_bureau <> 'given'", "consent_bureau is yes or no: write consent_bureau, or NOT consent_bureau"),
        ("(consent_bureau) = 1", "yes or no"), ("consent_bank IN ('yes')", "yes or no"), ("kyc <> 'pased'", "is never 'pased'; it is one of passed"),
        ("kyc IN ('passed', 'ok')", "kyc is never 'ok'"), ("(term > 3) = 'yes'", "'yes' is a word"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=re.escape(why)):
            compares_alike(condition)
    # asked of a version before it decides: one that decided under an older release is read, and kept, as it is
    old = small(TEXT.replace("when: age_years < 18", "when: consent_bureau = 'given'"))
    key = ("decisions", old.name, old.version)
    book = PolicyBook((("decisions", old),))
    assert "rule too_young: consent_bureau is yes or no" in refusals(book, {}, None)[key]
    assert (
        refusals(book, {key: old}, None)
        == {}
        == refusals(PolicyBook((("decisions", POLICY),)), {}, None)
    )


def test_a_policy_that_can_not_decide_is_refused_with_its_field() -> None:
    for change, why in (
        (("when: age_years < 18", "when: agee < 18"), r"rules.0.when.*'agee' is no input"),
        (("{points: 0}]", "{below: 9, points: 0}]"), "the last range, and no other, is open above"),
        (("words: {mortgage", "bins: [{points: 1}], words: {mortgage"), "housing is a word"),
        (("from_points: 540", "from_points: 640"), "from_points must descend"),
        (("code: bankrupt,", "code: too_young,"), "too_young stands twice"),
        (("maximum_minor: 2000000", "maximum_minor: 20"), "below minimum_minor"),
        (("[months_since_delinquency]", "[age_years]"), "not read by the condition"),
        (("income: [income_year]", "income: [term]"), "term is no amount"),
    ):
        assert change[0] in TEXT
        with pytest.raises(PolicyError, match=why):
            small(TEXT.replace(*change))


def test_every_sign_that_is_allowed_is_unknown_where_an_input_is_missing() -> None:
    frame = applications(a={}).select(
        pl.lit(None, dtype=each.type).alias(name) for name, each in BY_NAME.items()
    )
    for text in ("term = 3", "NOT term = 3", "term IN (1, 2)", "term NOT IN (1, 2)", "term BETWEEN 1 AND 2", "term <> 3",
                 "NOT consent_bank", "consent_bank", "housing = 'own' AND term > 1", "term + 1 > amount - 3",
                 "term * 3 >= -amount", "housing NOT IN ('own')", "(term > 1 OR amount > 1)"):  # fmt: skip
        assert frame.select(compiled(text).expression.alias("x"))["x"].to_list() == [None], text


def test_the_instalment_of_an_estimate_is_that_of_an_annuity() -> None:
    # 100,000 at 9.99 % over 36 months: 3,226.25 (Frappe Lending's own case)
    assert round(instalment_factor(99_900_000, 36) / 10**12 * 100_000, 2) == 3226.25
    assert instalment_factor(0, 12) == -(-(10**12) // 12)
