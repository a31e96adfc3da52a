"""Every page in every state: what it shows is what the metric functions say, and nothing breaks it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from loanbook.core.reporting.delinquency import bridge
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.segments.dimensions import Segment, dimensions
from loanbook.core.store.segments.finder import find_loans
from loanbook.core.store.segments.question import Question, literal
from loanbook.core.store.segments.questions import (
    balances,
    cohort_events,
    cohort_loans,
    listed,
    months_to,
    received,
    rolls,
)
from loanbook.core.store.settings import Settings
from loanbook.dashboards.formats import share, short_money
from loanbook.dashboards.parts.card import Shown, exported
from loanbook.dashboards.parts.views import forget, save, saved
from loanbook.dashboards.registry import PAGES

APP = Path(__file__).resolve().parents[2] / "dashboards" / "serving" / "app.py"
BY_PATH = {page.path: page for page in PAGES}


def shown(path: str, **query: str | list[str]) -> AppTest:
    """A page drawn for an address."""
    module = BY_PATH[path].draw.__module__
    page = AppTest.from_string(f"from {module} import PAGE\nPAGE.show()", default_timeout=120)
    for name, value in query.items():
        page.query_params[name.replace("__", " ")] = value
    page.run()
    assert not page.exception, (path, page.exception)
    assert not page.error, (path, page.error[0].value)
    return page


def _figures(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


@pytest.fixture
def book(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> LedgerReader:
    """A book with loans that are late, charged off, recovered of, taken over, and restated month ends."""
    monkeypatch.setenv("LOANBOOK_HOME", str(filled.home))
    return LedgerReader(filled)


def test_every_page_shows_a_book_that_has_all_that_befalls_loans(book: LedgerReader) -> None:
    charged_off = book.mart("outcomes").filter(pl.col("charged_off_on").is_not_null())["loan_id"][0]
    seen = {path: shown(path, loan=str(charged_off), where=["Product"]) for path in BY_PATH}
    # 2 January: B, C, D, E, G; 31 January; 1 February: F, H; of them B, G and C are off the live book
    assert _figures(seen["portfolio"])["Loans"] == str(
        book.mart("portfolio_daily", book.clocks().on).filter((pl.col("currency") == 0) & (pl.col("status") == 0))["loans"].sum()
    )  # fmt: skip
    # C: 1,142.76 charged off of ten loans' 38,000.00 in all, 50.00 recovered
    lent = 7 * 1_200_00 + 12_000_00 + 9_000_00 + 5_000_00
    assert _figures(seen["static-pool"])["Net loss"] == share((114_276 - 5_000) / lent)
    assert _figures(seen["restatements"])["Restating versions"] == "5"
    assert any("taken over in mid-life" in each.value for each in seen["cohorts"].caption)
    assert _figures(seen["data-quality"])["Failed"] == "0"
    assert _figures(seen["loan"])["Days past due"] != "–"
    marts = next(f.value for f in seen["system-health"].dataframe if "ledger" in f.value.columns)
    assert sorted(marts["ledger"].unique()) == ["nothing to tie to", "✓ ties"]


def test_every_page_of_an_earlier_date_as_was_believed_then_in_another_currency(
    book: LedgerReader,
) -> None:
    for path in BY_PATH:
        shown(path, as_of="2018-01-31", version="32", currency="JPY", loan="6")
    early = shown("portfolio", as_of="2018-01-31", version="32", currency="JPY")
    told = book.positions("2018-01-31", 32, names=True).filter(pl.col("currency") == "JPY")
    assert _figures(early)["Principal"] == short_money(int(told["principal"].sum()), "JPY")
    # what a reversal of February changed of 31 January is not known at version 32
    then, now = (shown("delinquency", as_of="2018-01-31", version=v) for v in ("32", "60"))
    assert _figures(then)["Overdue amount"] != _figures(now)["Overdue amount"]
    unknown = shown("cohorts", as_of="2018-02-28", version="32")
    assert "was not known yet at 32" in unknown.info[0].value


def test_a_page_of_no_ledger_says_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOANBOOK_HOME", str(tmp_path / "nothing"))
    for path in ("explore", "loan", "marts"):
        assert "loanbook run" in shown(path).info[0].value


def test_a_filter_by_an_attribute_reads_what_marts_would(
    ran: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOANBOOK_HOME", str(ran.home))
    reader = LedgerReader(ran)
    known = dimensions(reader.query)
    labels = reader.query("SELECT DISTINCT value FROM loan_attributes WHERE name = 'grade'")[
        "value"
    ]
    first, _ = reader.published_range()
    whole = Segment(reader.clocks(), 0, 100, {}, known)
    every = Segment(reader.clocks(), 0, 100, {"attribute grade": sorted(labels)}, known)
    ends = months_to(whole, first)
    # all grades are all loans: positions say what marts say
    assert not every.by_marts
    for ask in (lambda s: balances(s, ends), lambda s: rolls(s, ends), received):
        mine, theirs = (reader.query(q.sql, q.bound) for q in (ask(every), ask(whole)))
        assert mine.equals(theirs.cast(mine.schema))  # type: ignore[arg-type]
        assert mine.height > 0
    # of a book that has lived no month end there are no rows, whatever the filter
    for ask in (lambda s: balances(s, []), lambda s: rolls(s, [])):
        none = [reader.query(q.sql, q.bound) for q in (ask(every), ask(whole))]
        assert [rows.height for rows in none] == [0, 0]
        assert none[0].columns == none[1].columns
    # what is shown as SQL is what was asked
    question = cohort_loans(every, "month", "ever_30")
    assert reader.sql(question.text).equals(reader.query(question.sql, question.bound))
    assert reader.sql(cohort_events(whole, "month", "net_loss").text) is not None
    page = shown("portfolio")
    page.multiselect(key="where").set_value(["Grade"]).run()
    page.multiselect(key="in attribute grade").set_value([labels[0]]).run()
    of_a = Segment(reader.clocks(), 0, 100, {"attribute grade": [labels[0]]}, known)
    listed_ = listed(of_a, "quarter")
    loans = reader.query(listed_.sql, listed_.bound).filter(pl.col("status") == "active")
    assert _figures(page)["Loans"] == str(loans.height)
    assert 0 < loans.height < reader.positions().height


def test_the_bridge_of_a_mart_closes_at_what_positions_say(book: LedgerReader) -> None:
    known = dimensions(book.query)
    segment = Segment(book.clocks(), 0, 100, {}, known)
    question = rolls(segment, months_to(segment, book.published_range()[0]))
    steps = bridge(book.query(question.sql, question.bound), 30)
    for (end,), part in steps.group_by("business_date"):
        late = book.positions(end, names=True).filter(  # type: ignore[arg-type]
            (pl.col("currency") == "USD")
            & (pl.col("days_past_due") >= 30)
            & (pl.col("status") == "active")
        )
        assert dict(part.select("step", "amount").rows())["closing"] == late["principal"].sum()


def test_loans_are_found_by_number_key_and_amount(book: LedgerReader) -> None:
    keys = dict(book.query("SELECT loan_key, loan_id FROM loan_keys").rows())

    def found(text: str) -> set[int]:
        return set(find_loans(book.query, text)["loan_id"])

    assert found("A-2") == {keys["A-2"]}
    assert found("a-") == {keys["A-1"], keys["A-2"], keys["A-3"]}
    assert found(f"#{keys['C']}") == {keys["C"]}
    assert found("12,000.00") == {keys["A-1"]}
    assert keys["C"] in found("60.00")  # a payment of it
    assert found("%") == found("") == found("'; DROP TABLE x") == set()


def test_exports_have_units_with_the_currencys_decimals_and_minor_units_beside() -> None:
    rows = pl.DataFrame({"bucket": ["a"], "principal": [123_456]})
    out = exported(Shown("x", rows, [], ("principal",)), "KWD")
    assert out.columns == ["bucket", "principal", "principal_minor", "currency"]
    assert [str(v) for v in out.row(0)] == ["a", "123.456", "123456", "KWD"]
    assert str(exported(Shown("x", rows, [], ("principal",)), "JPY")["principal"][0]) == "123456"


def test_a_question_is_written_out_with_its_values_quoted() -> None:
    asked = Question("SELECT $a AS a, $ab AS b", {"a": "it's", "ab": 2, "c": 3})
    assert asked.text == "SELECT 'it''s' AS a, 2 AS b"
    assert asked.bound == {"a": "it's", "ab": 2}
    assert literal([None, True]) == "[NULL, true]"


def test_views_are_kept_by_name_in_the_instance(tmp_path: Path) -> None:
    save(tmp_path, " Late by grade ", {"page": ["explore"], "rows": ["Grade"]})
    assert saved(tmp_path) == {"Late by grade": {"page": ["explore"], "rows": ["Grade"]}}
    for bad in ("../x", "", ".hidden", "a/b"):
        with pytest.raises(ValueError, match="Use letters"):
            save(tmp_path, bad, {})
    (tmp_path / "views" / "broken.json").write_text("{", encoding="utf-8")
    forget(tmp_path, "Late by grade")
    assert saved(tmp_path) == {}


def test_each_page_has_an_address_of_its_own_and_stands_in_the_guide() -> None:
    assert len({page.path for page in PAGES}) == len(PAGES)
    assert all(page.icon and page.group for page in PAGES)
    guide = (APP.parents[2] / "docs" / "guide" / "pages.md").read_text()
    told = {name for line in guide.splitlines() if line.startswith("| ")
            for name in line.split("|")[1].strip().split(", ")}  # fmt: skip
    assert {page.title for page in PAGES} == told - {"page"}
    metrics = shown("metrics", metric="SMM")
    assert any("CPR" in each.value for each in metrics.markdown)
