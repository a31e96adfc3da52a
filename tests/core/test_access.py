"""Who may do what: the shipped roles cell by cell, rows and columns, approvals, and the chain of the trail."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loanbook.core.access.actor import Actor, plain_name
from loanbook.core.access.approving import PendingOrder, is_approved, may_approve
from loanbook.core.access.deciding import Access
from loanbook.core.access.trail import FIELDS, GENESIS, Anchor, broken, cleaned, link, text_of
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.policy.rights.roles import ACTIONS, ApprovalRules, Role

TODAY = dt.date(2026, 3, 2)
MATRIX = {
    "ledger.read": "analyst approver collection-agent collector compliance scheduler senior-underwriter servicing underwriter",
    "ledger.query": "analyst compliance",
    "ledger.export": "analyst compliance servicing",
    "book.run": "scheduler servicing",
    "book.maintain": "administrator scheduler",
    "book.rollback": "administrator",
    "policy.change": "servicing",
    "order.propose": "collection-agent collector servicing",
    "order.approve": "approver",
    "users.read": "administrator compliance",
    "users.manage": "administrator",
    "screening.decide": "compliance",
    "case.decide": "senior-underwriter underwriter",
    "roles.read": "administrator analyst approver collection-agent collector compliance senior-underwriter servicing underwriter",
    "audit.read": "compliance",
    "audit.verify": "administrator compliance",
    "personal.write": "scheduler servicing",
    "personal.read": "approver compliance reminders scheduler servicing",
    "personal.unmask": "compliance reminders",
    "person.merge": "compliance servicing",
    "personal.erase": "compliance",
    "vault.rotate": "administrator",
}
"""The shipped roles that may do an action, at all."""


def shipped(policies: PolicyBook) -> Access:
    return Access([p for _, p in policies.policies if isinstance(p, Role)], TODAY)


def test_each_shipped_role_may_do_what_the_matrix_says_and_nothing_else(
    policies: PolicyBook,
) -> None:
    access = shipped(policies)
    assert set(MATRIX) == set(ACTIONS)
    for role in access.roles:
        actor = Actor("ann", roles=frozenset({role}), second_factor=True)
        for action, roles in MATRIX.items():
            verdict = access.may(actor, action)
            assert verdict.allowed == (role in roles.split()), (role, action, verdict.why)
            assert verdict.allowed or "that takes" in verdict.why
    nobody = Actor("ann")
    assert not any(access.may(nobody, action).allowed for action in ACTIONS)


def test_no_shipped_role_orders_and_approves_and_no_one_who_manages_users_reads_loans(
    policies: PolicyBook,
) -> None:
    access = shipped(policies)
    for name, role in access.roles.items():
        granted = {grant.action for grant in role.grants}
        assert not {"order.propose", "order.approve"} <= granted, name
        assert not {"users.manage", "ledger.read"} <= granted, name


def test_a_role_that_asks_for_a_second_factor_does_nothing_without_one(
    policies: PolicyBook,
) -> None:
    access = shipped(policies)
    weak = Actor("ann", roles=frozenset({"servicing"}))
    verdict = access.may(weak, "order.propose", "write_off")
    assert not verdict.allowed
    assert "second factor" in verdict.why
    assert access.reading(weak) is None
    service = Actor("dagster", "service", frozenset({"scheduler"}))
    assert access.may(service, "book.run").allowed


def test_rows_are_those_of_any_role_and_columns_are_masked_where_each_role_masks_them(
    policies: PolicyBook,
) -> None:
    access = shipped(policies)
    collector = Actor(
        "cy", roles=frozenset({"collector"}), attributes={"region": frozenset({"US-CA"})}
    )
    seen = access.reading(collector)
    assert seen is not None
    assert seen.rows == ({"region": frozenset({"US-CA"})},)
    assert seen.mask("events", "payload") == "nothing"
    assert not seen.sees("account_balances")
    unassigned = access.reading(Actor("cy", roles=frozenset({"collector"})))
    assert unassigned is not None
    assert unassigned.rows == ({"region": frozenset()},)  # no region assigned: no row
    both = access.reading(Actor("cy", roles=frozenset({"collector", "analyst"})))
    assert both is not None
    assert both.sees_every_row
    assert both.masks == {"loan_attributes.value": "token"}  # what both mask, and nothing else
    assert access.within(collector, "order.propose", "waive_charge", {"region": "US-CA"})
    assert not access.within(collector, "order.propose", "waive_charge", {"region": "US-NY"})
    assert not access.within(collector, "order.propose", "write_off", {"region": "US-CA"})


def test_an_order_is_approved_by_another_person_who_stands_in_for_nobody_of_it_and_once() -> None:
    rules = parse("approval_rules", "x.yaml", "name: x\nversion: 1\neffective_from: 2000-01-01\n"
                  "steps:\n- {}\n- {orders: [write_off], approvals: 2, roles: [head]}\n")  # fmt: skip
    assert isinstance(rules, ApprovalRules)
    role = parse("roles", "r.yaml", "name: head\nversion: 1\neffective_from: 2000-01-01\ngrants:\n"
                 "- {action: order.approve, below_minor: 5000}\n- {action: order.approve, of: [write_off]}\n")  # fmt: skip
    assert isinstance(role, Role)
    access, step = Access([role], TODAY), rules.step("write_off", None)
    asked = PendingOrder("write_off", None, "Ann", frozenset({"Dan"}), ("Eve",))

    def verdict(name: str, asked: PendingOrder = asked, **told: Any) -> str:
        actor = Actor(name, roles=frozenset({"head"}), **told)
        found = may_approve(actor, asked, step, access)
        return "" if found.allowed else found.why

    assert "another person approves" in verdict(" ａnn")
    assert "stand in for each other" in verdict("dan")
    assert "stand in for each other" in verdict(
        "flo", attributes={"delegate_of": frozenset({"ANN"})}
    )
    assert "approved it already" in verdict("EVE")
    assert "is a service" in verdict("bot", kind="service")
    assert verdict("bob") == ""
    waiver = PendingOrder("waive_charge", 5000, "Ann", frozenset(), ())
    assert "below 5000" in verdict("bob", waiver)
    assert verdict("bob", PendingOrder("waive_charge", 4999, "Ann", frozenset(), ())) == ""
    assert "below 5000" in verdict("bob", PendingOrder("charge_off", None, "Ann", frozenset(), ()))
    assert not is_approved(["Bob", "bob "], step)
    assert is_approved(["Bob", "Cy"], step)
    assert rules.step("waive_charge", 1).approvals == 1


@pytest.mark.parametrize(
    ("grants", "told"),
    [
        ("[{action: fly}]", "'fly' is no action"),
        ("[{action: order.propose, of: [waive]}]", "'waive' is no order"),
        ("[{action: ledger.query, within: [region]}]", "within: rows are filtered"),
        ("[{action: ledger.read, below_minor: 1}]", "has no amount"),
        ("[]", "at least 1 item"),
    ],
)
def test_a_role_that_makes_no_sense_is_refused_with_file_and_field(grants: str, told: str) -> None:
    text = f"name: x\nversion: 1\neffective_from: 2000-01-01\ngrants: {grants}\n"
    with pytest.raises(PolicyError) as error:
        parse("roles", "x.yaml", text)
    assert told in str(error.value)
    assert "roles/x.yaml" in str(error.value)


@given(st.text(max_size=20))
def test_a_name_is_the_same_person_however_it_is_written(name: str) -> None:
    plain = plain_name(name)
    assert plain_name(plain) == plain
    assert plain_name(f" {name}\u200b ") == plain


def _trail(count: int) -> list[tuple[int, str, str]]:
    before, rows = GENESIS, []
    for seq in range(1, count + 1):
        text = text_of(dict.fromkeys(FIELDS) | {"seq": seq, "after": f"entry {seq}"})
        before = link(before, text)
        rows.append((seq, text, before))
    return rows


def _rechained(rows: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    before, new = GENESIS, []
    for seq, text, _ in rows:
        before = link(before, text)
        new.append((seq, text, before))
    return new


@given(st.data())
def test_a_trail_that_was_edited_cut_or_reordered_is_found_at_its_first_broken_entry(
    data: st.DataObject,
) -> None:
    rows = _trail(12)
    anchors = [Anchor(7, 8, rows[7][2]), Anchor(9, 12, rows[11][2]), Anchor(3, 0, GENESIS)]
    assert broken(rows, anchors) == (12, rows[11][2], None)
    place = data.draw(st.integers(0, 11))
    seq, text, hash_ = rows[place]
    edited = [*rows[:place], (seq, text + "!", hash_), *rows[place + 1 :]]
    cut = rows[:place] + rows[place + 1 :]
    other = data.draw(st.integers(0, 11).filter(lambda n: n != place))
    swapped = list(rows)
    swapped[place], swapped[other] = swapped[other], swapped[place]
    for wrong, first in ((edited, seq), (cut, seq), (swapped, min(place, other) + 1)):
        found = broken(wrong, anchors)[2]
        assert found is not None
        assert found.seq == first
    # whoever edits and chains anew is found by the first anchor from there on
    found = broken(_rechained(edited), anchors)[2]
    assert found is not None
    assert found.seq == (8 if place < 8 else 12)
    # whoever cuts the end off, too
    found = broken(rows[:place], anchors)[2]
    assert found is not None
    assert found.seq == place + 1


def test_no_content_of_a_field_passes_for_the_end_of_it() -> None:
    base: dict[str, Any] = dict.fromkeys(FIELDS, "")
    one = {**base, "entity_type": "a\x1fb", "entity_uid": ""}
    other = {**base, "entity_type": "a", "entity_uid": "b"}
    assert text_of({**one, "entity_type": cleaned(one["entity_type"])}) != text_of(other)
    assert cleaned("a\x1eb\n") == "a b "
    assert text_of({**base, "before": None}) != text_of({**base, "before": ""})
