"""The portfolio page: through AppTest, and in a real browser."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from loanbook.core.reporting.portfolio import by_bucket, dpd_distribution, key_figures
from loanbook.core.store.clocks import NOW
from loanbook.core.store.marts import GROUPED
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.dashboards.charts import bars
from loanbook.dashboards.charts.lines import share_lines
from loanbook.dashboards.formats import count, share, short_money
from loanbook.dashboards.parts import exports
from loanbook.dashboards.theme import LIGHT
from loanbook.pipelines.resources import read_policies
from tests.dashboards.a_browser import CHROMIUM, FLAGS, needs_chromium, served

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "dashboards" / "serving" / "app.py"


@pytest.fixture
def page(ran: Settings, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("LOANBOOK_HOME", str(ran.home))
    return AppTest.from_file(str(APP), default_timeout=60)


def _grouped(where: Settings, as_of: str | None = None) -> pl.DataFrame:
    reader = LedgerReader(where)
    _, date = reader.version_of(as_of)
    return reader.query(GROUPED.format(where=""), [date, NOW])


def test_the_figures_equal_the_metric_functions(page: AppTest, ran: Settings) -> None:
    page.run()
    assert not page.exception
    shown = {m.label: m.value for m in page.metric}
    now = key_figures(_grouped(ran))
    assert shown["Principal"] == short_money(int(now["principal"] or 0), "USD")
    assert shown["Loans"] == count(int(now["loans"] or 0))
    assert shown["PAR 30"] == share(now["par_30"])


def test_the_url_chooses_the_date(page: AppTest, ran: Settings) -> None:
    page.query_params["as_of"] = "2018-01-20"
    page.run()
    assert not page.exception
    now = key_figures(_grouped(ran, "2018-01-20"))
    assert {m.label: m.value for m in page.metric}["Loans"] == count(int(now["loans"] or 0))


def test_one_currency_at_a_time_named_with_its_own_decimals(
    restated: LedgerReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    # three loans of 1,200.00 USD, one of them paid off, and one of 120,000 JPY, which has no decimals
    monkeypatch.setenv("LOANBOOK_HOME", str(restated.settings.home))
    page = AppTest.from_file(str(APP), default_timeout=60)
    page.query_params["version"] = "7"
    page.run()
    assert not page.exception
    assert page.selectbox(key="currency").options == ["USD", "JPY"]
    assert {m.label: m.value for m in page.metric}["Principal"] == "3,600 USD"
    page.selectbox(key="currency").set_value("JPY").run()
    shown = {m.label: m.value for m in page.metric}
    assert (shown["Principal"], shown["Loans"]) == ("120,000 JPY", "1")
    table = page.dataframe[0].value
    assert table.filter(items=["bucket", "principal"]).iloc[-1].tolist() == ["all", 120_000.0]
    assert table["principal"].sum() == 2 * 120_000.0


def test_a_date_that_is_not_published_is_said(page: AppTest) -> None:
    page.query_params["as_of"] = "2031-01-01"
    page.run()
    assert not page.exception
    assert "Not published: 2031-01-01" in page.info[0].value


def test_an_instance_without_ledger_says_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOANBOOK_HOME", str(tmp_path / "nothing"))
    page = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not page.exception
    assert "loanbook run" in page.info[0].value


def test_buckets_share_out_the_whole_principal(ran: Settings) -> None:
    grouped = _grouped(ran)
    for name in ("default", "servicer-status"):
        table = by_bucket(
            grouped, read_policies().buckets(name, pl.Series(["2018-02-14"]).str.to_date()[0])
        )
        assert table["principal"].sum() == key_figures(grouped)["principal"]
        assert abs((table["share"].sum() or 0) - 1) < 1e-12


def test_figures_and_exports_are_made_of_frames(ran: Settings) -> None:
    grouped = _grouped(ran)
    table = by_bucket(
        grouped, read_policies().buckets("default", pl.Series(["2018-02-14"]).str.to_date()[0])
    )
    figure = bars.bucket_bars(table, "USD", LIGHT, "token")
    assert len(figure.data[0].x) == table.height - 1
    assert figure.layout.meta == "token"
    shares = pl.DataFrame({"month": [dt.date(2018, 1, 1), dt.date(2018, 2, 1)], "a": [20.0, 1.5]})
    assert share_lines(shares, "month", {"a": "a"}, LIGHT, "t", cut=200).data[0].y == (None, 150.0)
    many = {name: name for name in "abcd"}
    near = pl.DataFrame(
        {
            "month": [dt.date(2018, 1, 1), dt.date(2018, 2, 1)],
            "a": [2.0, 1.0],
            "b": [1.0, 0.99],
            "c": [1.0, 0.98],
            "d": [0.1, 0.0],
        }
    )
    labels = sorted(
        each.y for each in share_lines(near, "month", many, LIGHT, "t").layout.annotations
    )
    assert labels == pytest.approx([0, 86, 99, 112]), (
        "near lines have their names around them, 13 apart"
    )
    assert bars.dpd_bars(dpd_distribution(grouped), "USD", LIGHT, "t", 5) is not None
    assert exports.csv(table).startswith(b"place,bucket")
    keys = pl.DataFrame({"loan": ["=1+1", "-5.00", "@a", "L-1", None], "n": [-1, 2, 3, 4, 5]})
    assert exports.csv(keys).split() == [
        b"loan,n", b"'=1+1,-1", b"-5.00,2", b"'@a,3", b"L-1,4", b",5",
    ]  # fmt: skip
    assert exports.xlsx(table, {"what": "x"})[:2] == b"PK"
    assert pl.read_parquet(exports.parquet(table, {"what": "x"})).height == table.height


@pytest.fixture(scope="module")
def server(ran: Settings) -> Iterator[str]:
    with served(APP, ran.home) as url:
        yield url


@needs_chromium
@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (900, "dark")])
def test_the_page_in_a_real_browser(server: str, tmp_path: Path, width: int, scheme: str) -> None:
    from playwright.sync_api import sync_playwright

    foreign: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_context(
            viewport={"width": width, "height": 1200}, color_scheme=scheme
        ).new_page()  # type: ignore[arg-type]
        tab.on("request", lambda r: None if r.url.startswith((server, server.replace("http", "ws"), "data:", "blob:"))
               else foreign.append(r.url))  # fmt: skip
        tab.goto(f"{server}/?as_of=2018-02-10")
        tab.wait_for_selector("[data-testid=done]", state="attached", timeout=60_000)
        tab.wait_for_function(
            "document.querySelectorAll('.js-plotly-plot').length >= 2", timeout=60_000
        )
        first = tab.locator("[data-testid=stMetricValue]").all_inner_texts()
        assert "As of 10 Feb 2018" in tab.inner_text("body")
        assert tab.url == f"{server}/portfolio?as_of=2018-02-10"
        tab.screenshot(path=tmp_path / f"portfolio-{width}-{scheme}.png", full_page=True)
        tab.locator("[data-testid=stDataFrame]").first.hover()
        tab.get_by_role("button", name="Fullscreen").first.wait_for(timeout=60_000)
        # rows leave by the card's menu, which asks who may and tells the trail
        assert tab.get_by_role("button", name="Download as CSV").count() == 0
        tab.reload()
        tab.wait_for_function(
            "document.querySelectorAll('.js-plotly-plot').length >= 2", timeout=60_000
        )
        assert tab.locator("[data-testid=stMetricValue]").all_inner_texts() == first
        assert (
            tab.get_by_role("dialog").count() == 0
        )  # where Streamlit says that there is no such page
        browser.close()
    assert foreign == []
    assert len(first) == 4


def test_the_page_of_marts_shows_what_the_mart_holds(
    ran: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOANBOOK_HOME", str(ran.home))
    script = "from loanbook.dashboards.pages.ledger import marts\nmarts.draw()"
    page = AppTest.from_string(script, default_timeout=60).run()
    assert not page.exception
    reader = LedgerReader(ran)
    held = reader.mart("portfolio_daily", reader.published_range()[1])
    assert held["loans"].sum() == reader.positions().height > 0
    shown = page.dataframe[0].value
    assert shown.shape == held.shape
    assert set(shown["status"]) <= {"active", "closed", "charged off"}, "names in place of codes"
    assert (
        sum(round(100 * float(each.replace(",", ""))) for each in shown["principal"])
        == held["principal"].sum()
    )
    assert page.selectbox(key="mart").value == "portfolio_daily"
