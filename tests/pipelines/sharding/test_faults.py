"""Shards that run twice, lose a worker, tell of other inputs; drivers that are killed or race: nothing lost or doubled."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from loanbook.core.errors import LawBrokenError, LedgerConflictError, LedgerError
from loanbook.core.store.instance import Maintenance
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.upkeep.maintenance import maintain
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.servicing.sharding import driver
from loanbook.pipelines.servicing.sharding.executors import InThisProcess
from loanbook.pipelines.servicing.sharding.spec import Receipt, ShardSpec
from tests.conftest import copied
from tests.pipelines.sharding import faults
from tests.pipelines.sharding.closing import close_in, must_equal

TWO = 'executor = "none"\nshards = 2'


@pytest.fixture
def ledger(eve_of_shards: Path, tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(copied(eve_of_shards, tmp_path / "home"))
    yield opened
    opened.close()


def data_files(ledger: Ledger) -> int:
    return len(list(ledger.settings.data.rglob("*.parquet")))


def test_a_shard_that_ran_twice_counts_once_and_maintenance_takes_the_rest(
    ledger: Ledger, one_frame: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def twice(self: object, work: Callable, specs: Sequence[ShardSpec]) -> Iterator[Receipt]:  # type: ignore[type-arg]
        for spec in [*specs, *reversed(specs)]:
            receipt = work(spec)
            tried.append(receipt.attempt)
            yield receipt

    monkeypatch.setattr(InThisProcess, "map", twice)
    close_in(ledger, TWO)
    assert len(set(tried)) == len(tried) == 12
    must_equal(ledger, one_frame)
    many = data_files(ledger)
    orphans = _unnamed(ledger)
    assert len(orphans) > 12
    did = maintain(ledger.settings, Maintenance(), "test")
    assert (did.orphans, data_files(ledger) >= many) == (0, True)  # they are young
    long_ago = dt.datetime.now().timestamp() - 8 * 86_400
    for path in orphans:
        os.utime(path, (long_ago, long_ago))
    assert maintain(ledger.settings, Maintenance(), "test").orphans == len(orphans)
    must_equal(ledger, one_frame)


def _unnamed(ledger: Ledger) -> set[Path]:
    """Data files that the catalogue does not know."""
    from loanbook.core.store.upkeep.files import data_files

    named = {Path(file.path) for file in data_files(ledger, ledger.settings.place)}
    gone = ledger.rows(
        "SELECT path FROM __ducklake_metadata__lake.ducklake_data_file WHERE end_snapshot IS NOT NULL"
    )
    past = {path.rsplit("/", 1)[-1] for (path,) in gone}
    return {
        p for p in ledger.settings.data.rglob("*.parquet") if p not in named and p.name not in past
    }


def _bent(
    change: Callable[[list[Receipt]], list[Receipt]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(self: object, work: Callable, specs: Sequence[ShardSpec]) -> Iterator[Receipt]:  # type: ignore[type-arg]
        yield from change([work(spec) for spec in specs])

    monkeypatch.setattr(InThisProcess, "map", told)


def test_receipts_that_are_not_the_whole_day_commit_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_inputs(found: list[Receipt]) -> list[Receipt]:
        return [found[0], replace(found[1], inputs=replace(found[1].inputs, policy_hash="x"))]

    def told(**counted: object) -> Callable[[list[Receipt]], list[Receipt]]:
        def change(found: list[Receipt]) -> list[Receipt]:
            assert found[1].counted is not None
            return [found[0], replace(found[1], counted=replace(found[1].counted, **counted))]  # type: ignore[arg-type]

        return change

    cases: list[tuple[Callable[[list[Receipt]], list[Receipt]], str]] = [
        (lambda found: found[:1], r"shards \[1\] have no receipt"),
        (other_inputs, "closed from other inputs"),
        (told(stood=(5, 0)), "positions of other loans than the 10 there are"),
        (told(events=0), "events, of 8"),
        (told(rows={}), "their files hold"),
        (lambda found: [found[0], replace(found[1], files=found[0].files)], "their files hold"),
        (lambda found: [found[0], replace(found[1], expected=())], "ledger_equals_positions is broken"),
    ]  # fmt: skip
    for change, said in cases:
        with monkeypatch.context() as then:
            _bent(change, then)
            with pytest.raises(LedgerError, match=said):
                close_in(ledger, TWO, days=1)
        assert ledger.head().published_date == dt.date(2018, 1, 3)
        assert ledger.head().working_version is None
    (rows,) = ledger.one("SELECT count(*) FROM {lake}.position_core WHERE version > 2")
    assert rows == 0


def test_a_driver_that_is_killed_before_or_after_the_commit_is_run_again(
    ledger: Ledger, one_frame: dict[str, pl.DataFrame]
) -> None:
    for place in ("computed", "committed"):

        def died(name: str, date: dt.date, place: str = place) -> None:
            if name == place:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            close_in(ledger, TWO, stage=died)
        reader = LedgerReader(ledger.settings)
        assert reader.published_range()[1] == dt.date(2018, 1, 3)  # nobody sees half a day
        reader.close()
        ledger.close()
        ledger = Ledger(ledger.settings)
    close_in(ledger, TWO)
    for table in ("position_core", "transfers", "dues", "account_balances", "loans"):
        stored = ledger.frame(f"SELECT * EXCLUDE (version) FROM {{lake}}.{table}")
        assert stored.sort(stored.columns).equals(one_frame[table]), table
    skipped = ledger.frame("SELECT count(*) AS n FROM {lake}.publications WHERE state = 'skipped'")
    assert skipped["n"][0] > 0
    ledger.close()


def test_of_two_drivers_one_commits_and_an_intake_meanwhile_is_waited_for(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    register, prepared = driver.register, []

    def meanwhile(*of: object) -> None:
        if not prepared:  # another run commits something between
            prepared.append(1)
            other = Ledger(ledger.settings)
            other.reserve()
            other.close()
        register(*of)  # type: ignore[arg-type]

    with monkeypatch.context() as then:
        then.setattr(driver, "register", meanwhile)
        assert len(close_in(ledger, TWO, days=1)) == 1

    def overtaken(name: str, date: dt.date) -> None:
        if name == "computed" and not prepared[1:]:
            prepared.append(2)
            other = Ledger(ledger.settings)
            close_in(other, TWO, days=1)
            other.close()

    with pytest.raises(LedgerConflictError, match="the ledger has moved on"):
        close_in(ledger, TWO, days=1, stage=overtaken)
    doubled = ledger.frame(
        "SELECT loan_id, business_date, p.version FROM {lake}.position_core p JOIN {lake}.publications s USING (version) "
        "WHERE s.state = 'published' GROUP BY ALL HAVING count(*) > 1"
    )
    assert doubled.is_empty()
    assert ledger.head().published_date == dt.date(2018, 1, 5)


def test_more_held_loans_than_the_whole_book_may_hold_block_the_day(ledger: Ledger) -> None:
    close_in(ledger, TWO, days=1)
    toml = TWO + "\n[held]\nloans = 0"
    with pytest.raises(LawBrokenError, match="loan B of instalment-act365@1: claim_of_quiet_loans"):
        close_in(ledger, toml, faults.bent, days=1)
    assert ledger.head().published_date == dt.date(2018, 1, 4)
