"""One declared state: what the engine carries is the schemas' columns, in their types, no more."""

from __future__ import annotations

import json
from typing import Any

import dataframely as dy
import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.parameters import Parameters
from loanbook.core.contract.terms import Agreed, Terms
from loanbook.core.frames import (
    COMPUTED,
    MINOR,
    PPB,
    changing,
    column,
    completed,
    empty,
    metadata,
    sql_types,
    zeros,
)
from loanbook.core.ledger.events import Events
from loanbook.core.ledger.transfers import Transfers
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.parameters import of_product, value_of
from loanbook.core.servicing.loan.dues import Dues
from loanbook.core.servicing.loan.opening import agreed_terms, opened
from loanbook.core.servicing.loan.positions import CHANGING, Positions
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.payments.allocations import Allocations
from tests.core.loans import Story, _event, charged_back, terms

SCHEMAS = (Terms, Agreed, Parameters, Positions, Dues, Events, Transfers, Allocations)
DECLARED = {
    name: type_
    for schema in (Terms, Agreed, Parameters, Positions)
    for name, type_ in empty(schema).schema.items()
} | {"business_date": pl.Date()}
"""Columns of the loans of a running day, with their types."""


def state_of(loans: pl.DataFrame) -> dict[str, pl.DataType]:
    return dict(sorted(loans.schema.items()))


def with_events(story: Story, *rows: dict[str, Any]) -> Story:
    return Story(story.policies, (*story.rows, *rows))


def ordinary(policies: PolicyBook) -> Story:
    """Late, charged, waived, in advance, charged back, and at last off the books with a recovery."""
    fee = json.dumps({"due_date": "2024-02-20", "component": Component.fee.value})
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    story = story.paid(4_000, "2024-02-15").paid(30_000, "2024-03-10", ref="ahead")
    return with_events(
        story,
        _event(Kind.charge_assessed, 1, "2024-02-10", 900, "fee", fee),
        _event(Kind.goodwill_credit, 1, "2024-02-21", 300, "g", None),
        charged_back(5_000, "2024-03-20", ref="back"),
        _event(Kind.charge_off, 1, "2024-06-20", None, "off", None),
    ).paid(2_000, "2024-06-25", ref="recovery")


def changing_contract(policies: PolicyBook) -> Story:
    """Another rate, a holiday, a longer term, a re-amortisation, a ceiling; then terminated and given up."""
    story = Story(policies).lent(terms(policies, "daily-rate"))
    holiday = json.dumps({"instalments": 1, "interest": "simple"})
    rate = json.dumps({"rate_ppb": 9 * 10**7, "keep": "term"})
    return with_events(
        story,
        _event(Kind.rate_changed, 1, "2024-02-10", None, "r", rate),
        _event(Kind.moratorium_granted, 1, "2024-03-05", None, "m", holiday),
        _event(Kind.term_extended, 1, "2024-03-15", None, "x", '{"instalments": 6}'),
        _event(Kind.reamortised, 1, "2024-04-15", None, "a", '{"keep": "term"}'),
        _event(Kind.flag_set, 1, "2024-04-20", None, "f", '{"flag": "active_duty"}'),
        _event(Kind.contract_accelerated, 1, "2024-05-15", None, "t", "{}"),
        _event(Kind.write_off, 1, "2024-06-01", None, "w", None),
    )


def revolving(policies: PolicyBook) -> Story:
    """A line that is drawn, paid in part, over its statement, and limited."""
    story = Story(policies).lent(terms(policies, "card-line", principal=500_000, n=24))
    opened_line = Story(policies, story.rows[:1])
    return with_events(
        opened_line,
        _event(Kind.disbursed, 1, "2024-01-11", 100_000, "d", None),
        _event(Kind.disbursed, 1, "2024-02-05", 40_000, "cash", '{"advance": true}'),
        _event(Kind.limit_changed, 1, "2024-02-20", 300_000, "l", None),
    ).paid(20_000, "2024-02-22")


def reaged(policies: PolicyBook) -> Story:
    """Arrears and what is to come made a new schedule, which stands whole."""
    story = Story(policies).lent(terms(policies, "instalment-act365", n=4))
    body = {"instalments": 3, "due_date": "2024-04-01", "every": 1, "unit": 0, "interest": None}
    return with_events(story, _event(Kind.reaged, 1, "2024-03-12", None, "x", json.dumps(body)))


def standing_whole(policies: PolicyBook) -> Story:
    """A schedule that stands whole: two payouts, money ahead, a charge to come."""
    story = Story(policies).lent(terms(policies, "multi-tranche", principal=60_000))
    more = _event(Kind.disbursed, 1, "2024-02-11", 30_000, "t", None)
    return with_events(story, more).paid(25_000, "2024-03-10")


def test_every_step_of_a_day_hands_on_the_declared_columns(
    policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, handed_on = dict(sorted(DECLARED.items())), 0
    plain = DayState.__setattr__

    def checked(day: DayState, name: str, value: Any) -> None:
        nonlocal handed_on
        if name == "loans":
            handed_on += 1
            assert state_of(value) == expected
        plain(day, name, value)

    # every step, and every part of one, hands its loans on through the day's state
    monkeypatch.setattr(DayState, "__setattr__", checked)
    stories = (ordinary, changing_contract, reaged, revolving, standing_whole)
    rows = [
        row | {"loan_id": loan, "idempotency_key": f"{loan}/{row['idempotency_key']}"}
        for loan, of in enumerate(stories, start=1)
        for row in of(policies).rows
    ]
    Story(policies, tuple(rows)).live("2024-07-05")
    assert handed_on >= 50


def test_the_book_between_days_holds_the_declared_columns(policies: PolicyBook) -> None:
    life = ordinary(policies).live("2024-03-01")
    for done in life.days:
        wide = done.book.wide().with_columns(business_date=pl.lit(done.date))
        assert state_of(wide) == dict(sorted(DECLARED.items()))
        assert done.book.positions.schema == empty(Positions).schema
        assert done.book.dues.schema == empty(Dues).schema
        Positions.validate(done.book.positions)
        Dues.validate(done.book.dues)


def test_every_parameter_of_a_product_is_declared(policies: PolicyBook) -> None:
    assert policies.pins.schema == empty(Parameters).schema
    assert policies.pins.height == len(policies.products)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: s.__name__)
def test_every_column_says_what_it_means_and_in_which_unit(schema: type[dy.Schema]) -> None:
    for entry in ("meaning", "unit"):
        for name, text in metadata(schema, entry).items():
            assert isinstance(text, str), name
            assert text.strip() == text != "", name
            assert "|" not in text, name


def test_what_a_column_is_at_opening_fits_its_type() -> None:
    for schema in (Terms, Agreed, Positions):
        types = empty(schema).schema
        for name, zero in metadata(schema, "zero").items():
            may_be_null = schema.columns()[name].nullable
            assert zero is COMPUTED or (zero is not None) or may_be_null, name
        opening = pl.select(**zeros(schema))
        assert opening.schema == {name: types[name] for name in opening.columns}


def test_a_loan_begins_with_the_values_that_its_columns_tell(policies: PolicyBook) -> None:
    agreed = agreed_terms(terms(policies, "instalment-act365"), policies.pins)
    first = opened(agreed, policies.calendars).row(0, named=True)
    for name, zero in metadata(Positions, "zero").items():
        assert zero is COMPUTED or first[name] == zero, name
        assert zero is not COMPUTED or first[name] is not None, name


def test_a_change_sets_terms_and_pinned_parameters_but_no_identity() -> None:
    assert len(set(CHANGING)) == len(CHANGING)
    assert {"rate_ppb", "emi", "matures_on", "has_stub", "flat_interest", "materialised"} <= set(
        CHANGING
    )
    assert not {"loan_id", "product", "entity", "currency", "disbursed_on"} & set(CHANGING)


class MoreParameters(Parameters):
    """Parameters with two columns more, each a line that says where a product's file has it."""

    lowest_multiple = dy.Int64(
        metadata=column("Fees are a multiple of this", MINOR, source="schedule.instalment_multiple")
    )
    never_dropped = dy.Bool(
        metadata=column("Residue is carried", "yes or no", source="interest.residue = carry")
    )


def test_a_new_parameter_is_one_line(policies: PolicyBook) -> None:
    for product in policies.products.values():
        values = of_product(product, MoreParameters)
        assert values["lowest_multiple"] == product.schedule.instalment_multiple
        assert values["never_dropped"] is (product.interest.residue == "carry")


def test_what_a_product_lacks_is_zero_and_a_percentage_parts_per_billion(
    policies: PolicyBook,
) -> None:
    line = next(p for p in policies.products.values() if p.line)
    loan = next(p for p in policies.products.values() if not p.line)
    assert value_of(loan, "line.due_days", "days") == 0
    assert value_of(line, "line.due_days", "days") == line.line.due_days  # type: ignore[union-attr]
    percent = line.line.minimum_percent  # type: ignore[union-attr]
    assert value_of(line, "line.minimum_percent", PPB) == round(float(percent) * 10**7)


class MorePositions(Positions):
    """Positions with a column more, as a new rule would add it."""

    fees_this_year = dy.Int64(min=0, metadata=column("Late fees of the calendar year", MINOR, 0))
    fees_year_began = dy.Date(nullable=True, metadata=column("It began here", "date", None))


class MoreTerms(Terms):
    """Terms with a column more that a change may set."""

    fee_cap = dy.Int64(metadata=column("Late fees a year are capped", MINOR, 0, changes=True))


def test_a_new_column_is_one_line(policies: PolicyBook) -> None:
    begins = pl.select(**zeros(MorePositions))
    assert begins.select("fees_this_year", "fees_year_began").row(0) == (0, None)
    assert begins.schema["fees_this_year"] == pl.Int64
    assert sql_types(MorePositions)["fees_this_year"] == "BIGINT DEFAULT 0"
    assert sql_types(MorePositions)["fees_year_began"] == "DATE"
    boarded = completed(terms(policies, "instalment-act365"), MoreTerms)
    assert boarded.select("fee_cap", "loan_id").row(0) == (0, 1)
    assert changing(MoreTerms) == (*changing(Terms), "fee_cap")
