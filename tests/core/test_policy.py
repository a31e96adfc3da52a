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


LATER = "name: later\nversion: 1\neffective_from: 2025-01-01\n"
OWN = """name: own
version: 1
effective_from: 2018-01-01
entity: us-consumer
currency: USD
schedule: {amortisation: equal_instalment, rate_basis: ACT/365F, calendar: every-day}
interest: {accrual: daily}
"""
FEW = {
    "standard.yaml",
    "default.yaml",
    "every-day.yaml",
    "us-regulation-f.yaml",
}
"""Shipped files of these names; beside them all roles, which several of them name."""


def _told(*own: tuple[str, str]) -> str:
    """What is said of files beside the shipped `standard` ones; empty: they are accepted."""
    files = [
        each for each in FILES
        if (each[1] in FEW or each[0] == "roles") and each[0] not in ("collection_queues", "reminders")
    ]  # fmt: skip
    own_files = [(folder, f"own-{n}.yaml", text) for n, (folder, text) in enumerate(own)]
    try:
        PolicyBook.of([*files, *own_files])
    except PolicyError as error:
        return str(error)
    return ""


def _shipped_as_later(folder: str) -> str:
    text = next(t for d, f, t in FILES if d == folder and f in FEW)
    return text.replace("2000-01-01", "2025-01-01").replace("name: standard", "name: later").replace(
        "name: every-day", "name: later").replace("2018-01-01", "2025-01-01")  # fmt: skip


def test_a_later_version_is_not_in_force_before_the_one_that_it_follows() -> None:
    second = OWN.replace("version: 1", "version: 2").replace("2018-01-01", "2017-06-01")
    said = _told(("products", OWN), ("products", second))
    assert said == (
        "products/own-1.yaml: field effective_from: 2017-06-01 of version 2 is before 2018-01-01, that of "
        "version 1 (products/own-0.yaml); give the later version a later date"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: own\nschedule: {a: 1\nversion: [", "own.yaml line 3: not YAML: "),
        ("name: own\n\tversion: 1\n", "own.yaml line 2: not YAML: "),
        ("[1, 2]", "no mapping of fields (found [1, 2])"),
        (OWN.replace("{accrual: daily}", "[daily]"), 'field interest: .*found ["daily"]'),
    ],
)
def test_what_is_no_policy_is_told_by_line_and_as_the_file_has_it(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse("products", "own.yaml", text)
    told = str(error.value)
    assert all(part in told for part in said.split(".*"))
    assert "<" not in told
    assert "{'" not in told


def test_what_a_product_names_is_in_force_on_its_first_day() -> None:
    """A close reads it for every loan of the book, so a later one would stop every day."""
    begins_later = {
        "late_fee": ("late_fees", LATER + "grace_days: 3"),
        "origination_fee": ("origination_fees", LATER),
        "annual_fee": ("fees", LATER + "event: annual"),
        "prepayment_fee": ("fees", LATER + "event: prepayment"),
        "returned_payment_fee": ("fees", LATER + "event: returned_payment"),
        "delinquency": ("delinquency", LATER), "approvals": ("approvals", LATER),
        "accounts": ("accounts", _shipped_as_later("accounts")),
        "payments.waterfall": ("waterfalls", _shipped_as_later("waterfalls")),
        "payments.by_kind.goodwill_credit.waterfall": ("waterfalls", _shipped_as_later("waterfalls")),
        "schedule.calendar": ("calendars", _shipped_as_later("calendars")),
    }  # fmt: skip
    assert _told(("products", OWN)) == ""
    for field, other in begins_later.items():
        named = f"{field}: later\n"
        if field == "payments.waterfall":
            named = "payments: {waterfall: later}\n"
        elif field.startswith("payments"):
            named = "payments: {by_kind: {goodwill_credit: {waterfall: later, excess: next_instalment}}}\n"
        product = OWN + named
        if field == "schedule.calendar":
            product = OWN.replace("calendar: every-day", "calendar: later")
        said = _told(("products", product), other)
        assert said.startswith("products/own-0.yaml"), field
        assert f"field {field}: " in said
        assert f"{other[0]}/later begins on 2025-01-01, after the product on 2018-01-01" in said
        assert f"give {other[0]}/later an effective_from of 2018-01-01 or before" in said
        # a version from then on, or a product that begins with it, is the remedy
        earlier = other[1].replace("version: 1", "version: 2").replace("2025-01-01", "2018-01-01")
        assert _told(("products", product), other, (other[0], earlier)) == "", field
        assert _told(("products", product.replace("2018-01-01", "2025-01-01")), other) == "", field


def test_what_the_law_sets_may_begin_after_the_product() -> None:
    tax = LATER + "of: [fee]\nrate_ppb: 180000000\n"
    by_law = LATER + "grace_days: 3\nfollows: law\n"
    assert _told(("products", OWN + "tax: later"), ("taxes", tax)) == ""
    assert _told(("products", OWN + "late_fee: later"), ("late_fees", by_law)) == ""


def test_what_is_named_exists_and_is_of_the_right_sort() -> None:
    mapping = (
        "name: own\nversion: 1\neffective_from: 2018-01-01\nsource_system: own\nproduct: nowhere\n"
        "reported_buckets: none-such\ncolumns: {principal: a, rate_percent: b, instalments: c, "
        "disbursed_on: d, first_due_date: e}\n"
    )
    said = _told(("products", OWN + "annual_fee: later"), ("fees", LATER + "event: prepayment"),
                 ("tapes", mapping))  # fmt: skip
    assert "field annual_fee: fees/later has `event: prepayment`" in said
    assert "tapes/own-2.yaml: mend these fields:" in said
    assert "field product: no Product is named 'nowhere'; known: own" in said
    assert "field reported_buckets: no Buckets is named 'none-such'; known: default" in said


def test_a_waterfall_must_name_each_step_once() -> None:
    text = {f: t for d, f, t in FILES if d == "waterfalls"}["standard.yaml"]
    with pytest.raises(PolicyError, match=r"in_advance\.principal"):
        parse("waterfalls", "standard.yaml", text.replace(", in_advance.principal", ""))


def test_two_files_of_one_version_are_refused() -> None:
    again = next(each for each in FILES if each[0] == "buckets")
    with pytest.raises(PolicyError, match="raise the version"):
        PolicyBook.of([*FILES, (again[0], "copy.yaml", again[2])])


def test_every_broken_file_is_told_at_once() -> None:
    again = next(each for each in FILES if each[0] == "buckets")
    wrong = [("buckets", f"{n}.yaml", f"name: {n}") for n in ("one", "two")]
    with pytest.raises(PolicyError) as told:
        PolicyBook.of([*wrong, *FILES, (again[0], "copy.yaml", again[2])])
    for words in (
        "buckets/one.yaml: mend",
        "buckets/two.yaml: mend",
        "copy.yaml: default@1 is already",
    ):
        assert words in str(told.value)


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
