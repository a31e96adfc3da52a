"""Laws as properties: they hold whatever happens."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from random import Random

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.components import CHARGES, Component
from loanbook.core.contract.dates.day_count import RateBasis
from loanbook.core.contract.figures import Amortisation
from loanbook.core.ledger.transfers import transfer
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import close
from loanbook.core.servicing.laws.accounts import movements_after
from loanbook.core.servicing.laws.laws import check_laws, laws_of_parts, loan_laws
from loanbook.core.servicing.laws.moved import Moved
from loanbook.core.servicing.laws.trial import faults
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.positions import Positions
from loanbook.core.servicing.replay.fast_forward import Visit, fast_forward
from loanbook.core.store.closing.books import BALANCES
from tests.conformance.terms import expanded_together, row, schedules
from tests.core.loans import Life, Story, _event, terms

PRODUCTS = (
    "instalment-act365",
    "lendingclub-personal",
    "equal-principal",
    "flat-rate",
    "interest-only",
)
START = dt.date(2024, 1, 1)
DAYS = 40
relaxed = settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _day(n: int) -> str:
    return (START + dt.timedelta(days=n)).isoformat()


histories = st.lists(
    st.tuples(st.integers(1, DAYS - 1), st.integers(1, 3), st.integers(1, 90_000)), max_size=10
)


def _story(policies: PolicyBook, history: list[tuple[int, int, int]], products: list[str]) -> Story:
    story = Story(policies)
    for loan_id, product in enumerate(products, start=1):
        story = story.lent(terms(policies, product, loan_id=loan_id, n=6))
    for n, (day, loan_id, amount) in enumerate(history):
        story = story.paid(amount, _day(day), loan_id=loan_id, ref=f"{n:03}")
    return story


@given(
    history=histories,
    products=st.lists(st.sampled_from(PRODUCTS), min_size=3, max_size=3),
    order=st.randoms(),
    cut=st.integers(1, DAYS - 1),
)
@relaxed
def test_laws_hold_on_every_day_of_random_histories_however_they_are_lived(
    policies: PolicyBook,
    history: list[tuple[int, int, int]],
    products: list[str],
    order: Random,
    cut: int,
) -> None:
    """`live` asserts all laws: allocation sums to the payment, claims move as events say,
    the ledger equals the positions, the trial balance is zero.

    The same by a jump, by each loan alone, in any order of a day's events, from what is stored.
    """
    story = _story(policies, history, products)
    life = story.live(_day(DAYS))
    _a_jump_gives_the_same_days(story, life)
    _a_loan_alone_lives_as_in_company(story, life)
    shuffled = list(story.rows)
    order.shuffle(shuffled)
    other = Story(policies, tuple(shuffled)).live(_day(DAYS))
    assert life.days[-1].book.positions.equals(other.days[-1].book.positions)
    _the_stored_book_alone_gives_the_next_day(story, life, cut)


def _a_jump_gives_the_same_days(story: Story, life: Life) -> None:
    """Those that it does not visit too."""
    events, policies = story.events(), story.policies
    last = life.days[-1].date
    jumped = fast_forward(Book.empty(policies.pins, events), events, policies, last)
    for name in ("positions", "dues"):
        days = getattr(jumped.stay, name)(life.days[0].date, last)
        by_day = {
            d: f.drop("business_date")
            for (d,), f in days.partition_by("business_date", as_dict=True).items()
        }
        for day in life.days:
            lived = getattr(day.book, name)
            told = by_day.get(day.date, lived.clear()).select(lived.columns)
            assert told.sort(lived.columns[:3]).equals(lived.sort(lived.columns[:3])), day.date
    of_loans = pl.col("loan_id") > 0
    moved = life.transfers().filter(of_loans)
    assert jumped.all("transfers").sort(moved.columns).equals(moved.sort(moved.columns))


def _a_loan_alone_lives_as_in_company(together: Story, whole: Life) -> None:
    """One path for 1 loan and many: each loan's replay from its own events is its daily life."""
    for loan_id in (1, 2, 3):
        own = Story(together.policies, tuple(r for r in together.rows if r["loan_id"] == loan_id))
        alone = own.live(_day(DAYS))
        for one, many in zip(alone.days, whole.days, strict=True):
            theirs = many.book.positions.filter(pl.col("loan_id") == loan_id)
            assert one.book.positions.equals(theirs)


def _the_stored_book_alone_gives_the_next_day(story: Story, life: Life, cut: int) -> None:
    """A book reduced to its stored columns goes on exactly as the one in memory."""
    kept = life.days[cut].book
    stored = Book(kept.date, kept.terms, kept.positions.select(Positions.column_names()).clone(),
                  kept.dues.clone(), kept.pending)  # fmt: skip
    events = story.events()
    day = START + dt.timedelta(days=cut + 1)
    booked = events.filter(pl.col("booking_date") == day)
    again = close(stored, booked, story.policies, day)
    assert again.book.positions.equals(life.days[cut + 1].book.positions)
    assert again.book.dues.equals(life.days[cut + 1].book.dues)


lent = st.tuples(
    st.integers(1_000, 10**11),
    st.integers(0, 9_999),
    st.integers(1, 120),
    st.sampled_from(Amortisation),
    st.sampled_from([RateBasis(code) for code in range(6)]),
    st.dates(dt.date(2015, 1, 1), dt.date(2035, 12, 31)),
)


@given(loans=st.lists(lent, min_size=50, max_size=50))
@settings(max_examples=3, deadline=None)
def test_a_schedule_repays_exactly_what_was_lent(
    loans: list[tuple[int, int, int, Amortisation, RateBasis, dt.date]],
) -> None:
    """Schedules of all kinds, expanded as one book."""
    rows = [
        row(
            principal=principal, rate_percent=f"{rate / 100:.2f}", n=n, start=start,
            first_due=pl.select(pl.lit(start).dt.offset_by("1mo")).item(),
            amortisation=kind, basis=basis, anchor_day=start.day,
        )
        for principal, rate, n, kind, basis, start in loans
    ]  # fmt: skip
    for (principal, *_), table in zip(loans, expanded_together(rows), strict=True):
        assert table["principal"].sum() == principal
        assert table["closing"][-1] == 0
        assert (table["interest"] >= 0).all()
        assert table["period_end"].is_sorted()


def test_a_broken_figure_breaks_the_law_that_guards_it(policies: PolicyBook) -> None:
    """The laws are not satisfied by construction: one cent moved by hand is found."""
    life = Story(policies).lent(terms(policies, "instalment-act365")).live("2024-02-05")
    before, done = life.days[-2].book, life.days[-1]
    balances = life.balances
    for column, law in (
        ("principal", "ledger_equals_positions"),
        ("interest_due", "positions_show_their_dues"),
        ("accrued_today", "claim_of_quiet_loans"),
        ("credit", "ledger_equals_positions"),
    ):
        book = done.book
        moved = book.positions.with_columns(pl.col(column) + 1)
        bent = Book(book.date, book.terms, moved, book.dues, book.pending)
        tampered = replace(done, book=bent)
        broken = {each.name for each in check_laws(before, tampered, balances) if not each.holds}
        assert law in broken, (column, broken)


def test_a_charge_without_grounds_breaks_a_law(policies: PolicyBook) -> None:
    """One cent more of a charge, in positions, dues and books alike, is found beside what is right."""
    story = Story(policies)
    for loan_id, product in enumerate(
        ("simple-interest", "simple-interest", "instalment-inr"), start=1
    ):
        story = story.lent(terms(policies, product, loan_id=loan_id))
    # the first pays nothing and bears a late fee 11 days after it fell due, the third penal charges
    # for February on 1 March; the second pays, and a fee of 5.00 is ordered on 20 February
    story = story.paid(10_662, "2024-02-01", loan_id=2)
    order = {"component": Component.fee.value, "due_date": "2024-02-20"}
    ordered = _event(Kind.charge_assessed, 2, "2024-02-20", 5_00, "f", json.dumps(order))
    days = replace(story, rows=(*story.rows, ordered)).live("2024-03-01").days
    part = {each.part: each for each in CHARGES}
    charged = [d for d in days if (d.transfers["debit"] == ROLE["penalties_receivable"]).any()]
    assert {day.date.isoformat() for day in charged} >= {"2024-02-12", "2024-03-01"}
    found = []
    for on, loan_id, name in (
        ("2024-02-10", 2, "penalties"), ("2024-02-10", 2, "fees"), ("2024-02-10", 2, "taxes"),
        ("2024-02-20", 2, "fees"), ("2024-02-20", 1, "penalties"), ("2024-02-20", 1, "fees"),
        ("2024-02-12", 1, "penalties"),  # beside the late fee, whose amount its rule fixes
    ):  # fmt: skip
        nth = next(n for n, day in enumerate(days) if day.date.isoformat() == on)
        before, done, each = days[nth - 1].book, days[nth], part[name]
        book, ours = done.book, pl.col("loan_id") == loan_id
        moved = book.positions.with_columns(pl.col(each.due) + ours)
        due = book.dues.clear().extend(
            pl.DataFrame({
                "loan_id": loan_id, "instalment_no": 9, "component": each.value, "due_date": done.date,
                "amount": 1, "paid": 0, "fee_assessed": False,
            }, schema=book.dues.schema)
        )  # fmt: skip
        who = moved.filter(ours).with_columns(one=1, event_id=0, business_date=done.date)
        who = who.join(book.terms.select("loan_id", "entity", "product", "currency"), on="loan_id")
        extra = transfer(who, each.row.receivable, each.charged_to, "one")
        planted = replace(
            done,
            book=replace(book, positions=moved, dues=pl.concat([book.dues, due])),
            transfers=pl.concat([done.transfers, extra.cast(dict(done.transfers.schema))]),
        )
        laws = loan_laws(Moved.by_close(before, planted))
        assert all(law.holds for law in loan_laws(Moved.by_close(before, done)))
        found.append({law.name for law in laws if not law.holds})
    assert found == [{"charges_have_grounds"}] * 7


def test_days_judged_together_are_each_judged_by_itself(policies: PolicyBook) -> None:
    story = Story(policies)
    for loan_id in (1, 2):
        story = story.lent(terms(policies, "instalment-act365", loan_id=loan_id))
    days = story.paid(4_000, "2024-02-01", loan_id=2).live("2024-02-03").days[-4:]
    pairs = list(zip(days, days[1:], strict=False))
    parts = [Moved.by_close(before.book, done) for before, done in pairs]
    assert all(law.holds for law in laws_of_parts(parts))
    second, one = parts[1], pl.col("loan_id") == 2
    bent = second.after.with_columns(
        interest_due=pl.col("interest_due") + one, credit=pl.col("credit") - 9 * one
    )
    parts[1] = replace(second, after=bent)
    found = {law.name: law.found for law in laws_of_parts(parts) if not law.holds}
    for law in ("positions_show_their_dues", "positions_are_sane"):
        assert found[law].select("part", "loan_id").rows() == [(1, 2)]


def test_balances_are_the_sum_of_all_transfers(policies: PolicyBook) -> None:
    life = (
        Story(policies)
        .lent(terms(policies, "instalment-act365"))
        .paid(4_000, "2024-02-01")
        .live("2024-02-20")
    )
    balances = pl.DataFrame(schema=BALANCES)
    for done in life.days:
        balances = movements_after(balances, done)
    assert balances.equals(life.balances)
    assert balances["balance"].sum() == 0


def test_expanding_a_batch_equals_expanding_each_alone() -> None:
    first, due = dt.date(2024, 1, 31), dt.date(2024, 2, 29)
    rows = [
        row(
            principal=10**6 + i,
            rate_percent="9.5",
            n=3 + i,
            start=first,
            first_due=due,
            anchor_day=31,
        )
        for i in range(5)
    ]
    together = schedules(rows)
    for one, many in zip([schedules([r])[0] for r in rows], together, strict=True):
        assert one.drop("loan_id").equals(many.drop("loan_id"))


def test_a_trial_tells_the_first_law_that_each_loan_breaks(
    policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounds are judged together; one cent in one loan's round is told as it is by itself."""
    story = Story(policies)
    for loan_id in (1, 2, 3):
        story = story.lent(terms(policies, "instalment-act365", loan_id=loan_id, n=3))
        story = story.paid(4_000, "2024-02-01", loan_id=loan_id)
    honest = Moved.by_round

    def bent(each: Visit) -> Moved:
        cent = (pl.col("loan_id") == 2) & (pl.col("business_date") == dt.date(2024, 2, 1))
        wide = each.wide.with_columns(principal=pl.col("principal") + cent.cast(pl.Int64))
        return honest(replace(each, wide=wide))

    assert faults(story.events(), policies).is_empty()
    monkeypatch.setattr(Moved, "by_round", staticmethod(bent))
    found = faults(story.events(), policies)
    assert found.select("loan_id", "law").rows() == [(2, "claim_principal")]
    # 40.00 met 12.23 of interest and 27.77 of principal
    assert "principal 1172.24, principal before 1200.00" in found["figures"].item()
