"""Policy files: what is refused, and what the error tells."""

from __future__ import annotations

import datetime as dt

import pytest

from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.policy.product import Product
from loanbook.pipelines.resources import POLICIES
from tests.core.loans import product_of

FILES = [(p.parent.name, p.name, p.read_text()) for p in sorted(POLICIES.glob("*/*.yaml"))]


def _with(folder: str, name: str, old: str, new: str) -> list[tuple[str, str, str]]:
    return [(d, f, t.replace(old, new) if (d, f) == (folder, name) else t) for d, f, t in FILES]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rate_basis: ACT/365F", "rate_basis: ACT/999", "schedule.rate_basis"),
        ("currency: USD", "currency: XXX", "ISO 4217"),
        ("accrual: daily", "accrual: weekly", "interest.accrual"),
        ("excess: next_instalment", "waterfall: nowhere", "no Waterfall is named 'nowhere'"),
        ("entity: us-consumer", "entity: us-consumer\ncolour: red", "colour"),
    ],
)
def test_an_error_names_file_field_and_remedy(old: str, new: str, said: str) -> None:
    with pytest.raises(PolicyError, match=r"instalment-act365") as error:
        PolicyBook.of(_with("products", "instalment-act365.yaml", old, new))
    assert said in str(error.value)


def test_a_waterfall_must_name_each_step_once() -> None:
    text = {f: t for d, f, t in FILES if d == "waterfalls"}["standard.yaml"]
    with pytest.raises(PolicyError, match=r"in_advance\.principal"):
        parse("waterfalls", "standard.yaml", text.replace(", in_advance.principal", ""))


def test_two_files_of_one_version_are_refused() -> None:
    again = next(each for each in FILES if each[0] == "buckets")
    with pytest.raises(PolicyError, match="raise the version"):
        PolicyBook.of([*FILES, (again[0], "copy.yaml", again[2])])


def test_a_new_bucket_file_applies_from_its_start_date() -> None:
    text = {f: t for d, f, t in FILES if d == "buckets"}["default.yaml"]
    newer = text.replace("version: 1", "version: 2").replace("2000-01-01", "2018-03-01")
    book = PolicyBook.of(
        [*FILES, ("buckets", "default-2.yaml", newer.replace("31–60", "31 to 60"))]
    )
    labels = [
        book.buckets("default", d).ranges[2].label
        for d in (dt.date(2018, 2, 28), dt.date(2018, 3, 1))
    ]
    assert labels == ["31–60", "31 to 60"]


def test_product_codes_are_append_only(policies: PolicyBook) -> None:
    stored = ("zebra-loan@1", policies.registry[0])
    book = policies.with_registry(stored)
    assert book.registry[:2] == stored
    assert book.product_code("instalment-act365", dt.date(2020, 1, 1)) == book.registry.index(
        "instalment-act365@1"
    )


def test_the_digest_is_of_content_not_of_files() -> None:
    spaced = [(d, f, "# a remark\n" + t) for d, f, t in FILES]
    assert PolicyBook.of(FILES).digest == PolicyBook.of(spaced).digest
    other = _with("late_fees", "standard.yaml", "grace_days: 10", "grace_days: 11")
    assert PolicyBook.of(FILES).digest != PolicyBook.of(other).digest


def test_money_is_not_spread_where_instalments_neither_stand_nor_follow_the_balance() -> None:
    with pytest.raises(PolicyError, match="materialised"):
        PolicyBook.of(
            _with(
                "products",
                "flat-rate.yaml",
                "late_fee:",
                "payments:\n  excess: spread\nlate_fee:",
            )
        )
    assert Product.model_fields["entity"]


def test_names_that_policies_used_before_are_still_read(policies: PolicyBook) -> None:
    mapping = next(p for f, p in policies.policies if f == "tapes" and p.name == "migration-lines")
    told = mapping.model_dump()
    told["opening"] = {"principal": "balance", "advances": "cash", "statement_left": "rest"}
    found = type(mapping).model_validate(told)
    assert found.opening == {
        "principal": "balance", "cash_advances": "cash", "statement_unpaid": "rest"
    }  # fmt: skip
    product = product_of(policies, "multi-tranche")
    schedule = product.schedule.model_dump()
    assert schedule.pop("materialised") is False
    schedule["stands_whole"] = True
    assert type(product.schedule).model_validate(schedule).materialised is True
