"""A version of a policy that loans live by keeps its content; a new one changes days to come alone."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from loanbook.core.policy.base import AS_STORED, Policy
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Accounts, Buckets, HolidayCalendar
from loanbook.core.policy.used import Used, as_used, in_use, refusals
from tests.core.loans import with_more

PUBLISHED = dt.date(2018, 3, 5)
PRODUCT = "instalment-act365"


@pytest.fixture(scope="module")
def used(policies: PolicyBook) -> Used:
    return in_use(policies, [policies.registry.index(f"{PRODUCT}@1")], PUBLISHED)


def of(policies: PolicyBook, folder: str, name: str) -> Policy:
    return next(p for f, p in policies.policies if f == folder and p.name == name)


def test_what_a_loan_reads_is_its_product_and_all_that_it_names(used: Used) -> None:
    assert ("products", PRODUCT, 1) in used
    assert {folder for folder, _, _ in used} >= {
        "products", "waterfalls", "late_fees", "delinquency", "approvals", "accounts", "calendars",
        "buckets",
    }  # fmt: skip
    assert not [key for key in used if key[0] == "products" and key[1] != PRODUCT]


def test_every_policy_can_be_stored_and_read_again(policies: PolicyBook) -> None:
    for _, policy in policies.policies:
        assert type(policy).model_validate_json(policy.model_dump_json()) == policy


def test_a_used_version_with_another_content_is_refused_by_name_and_difference(
    policies: PolicyBook, used: Used
) -> None:
    for (folder, name, version), policy in used.items():
        reworded = policy.model_copy(update={"description": "in other words"})
        assert not refusals(policies.with_rules(folder, reworded), used, PUBLISHED)
        other = policy.model_copy(update={"effective_from": dt.date(1999, 1, 1)})
        book = PolicyBook(
            tuple((f, other if p is policy else p) for f, p in policies.policies), policies.registry
        )
        ((key, why),) = refusals(book, used, PUBLISHED).items()
        assert key == (folder, name, version)
        assert why.startswith(f"{folder}/{name}@{version} was used already and can't change: "
                              f"effective_from was '{policy.effective_from}', is '1999-01-01'")  # fmt: skip
        assert as_used(book, used, PUBLISHED).digest == policies.digest
        gone = PolicyBook(
            tuple((f, p) for f, p in policies.policies if p is not policy), policies.registry
        )
        assert "no file holds it; put its file back" in refusals(gone, used, PUBLISHED)[key]
        assert as_used(gone, used, PUBLISHED).digest == policies.digest


def test_a_new_version_changes_no_day_that_is_over(policies: PolicyBook, used: Used) -> None:
    later = {"version": 2, "effective_from": PUBLISHED + dt.timedelta(days=1)}
    for folder, name in {key[:2] for key in used}:
        policy = of(policies, folder, name)
        for told, refused in (
            (later, False),
            ({"version": 2}, folder not in ("products", "calendars")),
        ):
            book = with_more(policies, (folder, policy.model_copy(update=told)))
            wrong = refusals(book, used, PUBLISHED)
            assert list(wrong) == ([(folder, name, 2)] if refused else []), (folder, told)
            assert (as_used(book, used, PUBLISHED).digest == policies.digest) is refused


def test_days_on_which_none_was_in_force_may_be_given_a_version(
    policies: PolicyBook, used: Used
) -> None:
    """A product that begins before its accounts or approvals names what is not there on its first day; an
    earlier version of them is the remedy, and nothing was read of those days."""
    for folder in ("accounts", "approvals", "buckets"):
        policy = next(p for f, p in policies.policies if f == folder)
        before = {"version": 2, "effective_from": policy.effective_from - dt.timedelta(days=1)}
        book = with_more(policies, (folder, policy.model_copy(update=before)))
        assert not refusals(book, used, PUBLISHED)


def test_a_new_calendar_keeps_the_holidays_that_are_over(policies: PolicyBook, used: Used) -> None:
    folder, name, _ = next(key for key in used if key[0] == "calendars")
    calendar = of(policies, folder, name)
    assert isinstance(calendar, HolidayCalendar)
    for day, refused in (("2018-03-05", True), ("2018-03-06", False)):
        holidays = sorted({*calendar.holidays} ^ {dt.date.fromisoformat(day)})
        newer = calendar.model_copy(update={"version": 2, "holidays": holidays})
        wrong = refusals(with_more(policies, (folder, newer)), used, PUBLISHED)
        assert bool(wrong) is refused
        assert all(
            f"changes the holiday {day} of days that are published" in w for w in wrong.values()
        )


def test_what_no_loan_reads_may_change(policies: PolicyBook, used: Used) -> None:
    book = policies.with_rules("products", of(policies, "products", "daily-rate").model_copy(
        update={"effective_from": dt.date(2001, 1, 1), "version": 1}))  # fmt: skip
    assert not refusals(book, used, PUBLISHED)
    assert not in_use(policies, [], PUBLISHED)
    assert Buckets in {type(p) for p in used.values()}


def test_a_version_of_law_changes_days_to_come_alone(policies: PolicyBook) -> None:
    inr = [policies.registry.index("instalment-inr@1")]
    used = in_use(policies, inr, PUBLISHED)  # the version of 2024 binds no day that is published
    assert [key for key in used if key[0] == "taxes"] == [("taxes", "gst-18", 1)]
    assert not refusals(policies, used, PUBLISHED)
    later = in_use(policies, inr, dt.date(2024, 1, 1))
    assert ("taxes", "gst-18", 2) in later
    key = ("taxes", "gst-18", 3)
    rate = later["taxes", "gst-18", 2].model_copy(
        update={"version": 3, "effective_from": PUBLISHED, "rate_ppb": 10**8}
    )
    book = with_more(policies, ("taxes", rate))
    assert "give it a later effective_from" in refusals(book, used, PUBLISHED)[key]
    assert not refusals(book, used, dt.date(2018, 3, 4))


def test_a_chart_has_numbers_for_accounts_that_came_after_it_was_used(
    policies: PolicyBook, used: Used
) -> None:
    """A chart that was used by a release with fewer roles is read, agrees with its file, and takes the new
    numbers from it; a number that it had stays what it was."""
    key, chart = next((key, p) for key, p in used.items() if isinstance(p, Accounts))
    fewer = {role: n for role, n in chart.numbers.items() if role != "tax_payable"}
    content = json.dumps(chart.model_dump(mode="json") | {"numbers": fewer})
    with pytest.raises(ValueError, match="roles missing: \\['tax_payable'\\]"):
        Accounts.model_validate_json(content)
    before = Accounts.model_validate_json(content, context=AS_STORED)
    then = {**used, key: before}
    assert not refusals(policies, then, PUBLISHED)
    assert as_used(policies, then, PUBLISHED).digest == policies.digest
    other = chart.model_copy(update={"numbers": chart.numbers | {"bank": "9999"}})
    book = policies.with_rules("accounts", other)
    assert "numbers.bank was" in refusals(book, then, PUBLISHED)[key]
