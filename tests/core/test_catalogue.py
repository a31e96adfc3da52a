"""The catalogue of events is whole: what a row names exists, in the rooms, the files and the books."""

from __future__ import annotations

import datetime as dt
from string import Formatter

import pytest

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.events import COMMANDS, EVENTS, MONEY_IN, ROW, STEP
from loanbook.core.catalogue.kinds import EventKind, Kind
from loanbook.core.servicing.day.transactions import handler_of
from loanbook.pipelines.formats.commands import COLUMNS, FIELDS, parse

ROWS = pytest.mark.parametrize("row", EVENTS, ids=lambda row: row.kind.name)


def test_every_kind_has_one_row_and_every_verb_orders_one_event() -> None:
    assert sorted(row.kind for row in EVENTS) == sorted(Kind)
    verbs = [command.verb for row in EVENTS for command in row.commands]
    assert len(verbs) == len(set(verbs))


@ROWS
def test_an_event_that_a_step_takes_has_a_handler_and_the_others_none(row: EventKind) -> None:
    assert (row.step is None) == (row.handler == "")
    if row.handler:
        assert callable(handler_of(row.kind))
        assert row.step in range(1, 10)  # of other steps none takes events


@ROWS
def test_an_event_is_ordered_and_told_by_fields_that_there_are(row: EventKind) -> None:
    fields = {field.name for field in FIELDS}
    said = {field.name for field in row.payload}
    for command in row.commands:
        assert {*command.needs, *command.may} <= fields
        assert set(command.sets) <= said
        assert command.becomes
    assert {field.order for field in row.payload if field.order} <= fields
    phrases = {name for phrase in row.says for _, name, _, _ in Formatter().parse(phrase) if name}
    assert phrases <= said | {"amount"}


def test_money_in_comes_from_an_account_and_is_taken_in_one_step() -> None:
    assert {ROW[kind].paid_by for kind in MONEY_IN} <= set(ROLE)
    assert {STEP[kind] for kind in MONEY_IN} == {6}


GIVEN = {
    "amount": "10.00", "due_date": "2024-02-01", "target_ref": "t", "rate_percent": "5",
    "instalments": "3", "start_date": "2024-01-20", "interest": "simple", "flag": "deceased",
    "originator": "ach", "account": "123", "holder": "Payer One", "channel": "web", "consent": "0" * 64,
    "consented_at": "2024-01-09T10:00:00Z",
}  # fmt: skip


def _refused(verb: str, needs: set[str]) -> list[str]:
    """Rules that an order breaks which has these fields alone."""
    names = [field.name for field in FIELDS]
    row = ["c1", verb, "L", "2024-01-10", "maker", "checker", "why"]
    row += [GIVEN[name] if name in needs else "" for name in names]
    text = f"{','.join([*COLUMNS, *names])}\n{','.join(row)}\n"
    return [bad["rule"] for bad in parse(text.encode(), dt.date(2024, 1, 10)).bad]


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_command_enters_with_what_it_needs_and_is_refused_without_any_of_it(verb: str) -> None:
    needs = set(COMMANDS[verb][1].needs)
    assert _refused(verb, needs) == []
    for name in needs:
        assert _refused(verb, needs - {name}), name
