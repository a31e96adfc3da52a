"""A day closed in shards: the same figures by any number of them, wherever they run."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from loanbook.core.servicing.laws.law import in_all
from loanbook.core.servicing.replay import backdating
from loanbook.core.store.closing import outbox
from loanbook.core.store.instance import Close as Rules
from loanbook.core.store.instance import InstanceError
from loanbook.core.store.lake import LAKE
from loanbook.core.store.parts.groups import grouped
from loanbook.core.store.parts.part import part_of
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.upkeep.files import damaged, data_files
from loanbook.core.store.upkeep.partitions import outgrown
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.resources import read_policies
from loanbook.pipelines.servicing.sharding.driver import shards_of
from loanbook.pipelines.servicing.sharding.executors import executor_of
from loanbook.pipelines.servicing.verify import rebuild
from tests.conftest import copied
from tests.pipelines.sharding import faults
from tests.pipelines.sharding.closing import close_in, must_equal


def test_figures_are_equal_to_the_byte_in_three_shards(
    in_three: Ledger, one_frame: dict[str, pl.DataFrame]
) -> None:
    must_equal(in_three, one_frame)
    first = in_three.frame("SELECT min(version) AS version FROM {lake}.held_loans")["version"][0]
    assert in_three.held_by(first)["loan_id"].to_list() == [faults.BENT]
    files = _files_of(in_three, first)
    assert 1 <= len(files) <= 3
    assert all(file.read_bytes()[:4] == b"PARE" for file in files)
    place = in_three.settings.place
    assert damaged(in_three, place, data_files(in_three, place), read=True) == []
    stored = in_three.frame(
        "SELECT loan_id FROM {lake}.positions WHERE business_date = '2018-01-06'"
    )
    assert LedgerReader(in_three.settings).positions().height == stored.height > 0
    assert rebuild(in_three, in_three.register(read_policies())).differences.is_empty()


def test_figures_are_equal_to_the_byte_in_seven_shards_as_a_large_book_has_them(
    eve_of_shards: Path,
    one_frame: dict[str, pl.DataFrame],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # what is lived again is stored a loan at a time, and each table's rows as they come
    monkeypatch.setattr(backdating, "DAYS_AT_ONCE", 1)
    monkeypatch.setattr(outbox, "ROWS_AT_ONCE", 1)
    ledger = Ledger(copied(eve_of_shards, tmp_path / "home"))
    outgrown(ledger.connection, 0, 250_000)  # its positions are in no partition
    reports = close_in(ledger, 'executor = "none"\nshards = 7')
    must_equal(ledger, one_frame)
    assert [day.held["loan_id"].to_list() for day in reports] == [[], [faults.BENT], []]
    assert 1 <= len(_files_of(ledger, reports[0].version)) <= 7
    ledger.close()


def _files_of(ledger: Ledger, version: int) -> list[Path]:
    return list((ledger.settings.data / "main/position_core").glob(f"*-{version}-*-*/*"))


def test_worker_processes_give_the_same_also_where_one_is_killed(
    eve_of_shards: Path,
    one_frame: dict[str, pl.DataFrame],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(faults.MARK, str(tmp_path / "killed"))
    ledger = Ledger(copied(eve_of_shards, tmp_path / "home"))
    close_in(ledger, 'executor = "local"\nshards = 3', faults.killed_once)
    assert (tmp_path / "killed").exists()
    must_equal(ledger, one_frame)
    ledger.close()


def test_a_cluster_of_dask_gives_the_same_also_where_a_worker_is_killed(
    eve_of_shards: Path,
    one_frame: dict[str, pl.DataFrame],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    distributed = pytest.importorskip("distributed", reason="pip install 'loanbook[dask]'")
    monkeypatch.setenv(faults.MARK, str(tmp_path / "killed"))
    ledger = Ledger(copied(eve_of_shards, tmp_path / "home"))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        host="127.0.0.1", local_directory=str(tmp_path),
    ) as cluster:  # fmt: skip
        address = cluster.scheduler_address
        close_in(
            ledger, f'executor = "dask"\nscheduler = "{address}"\nshards = 3', faults.killed_once
        )
    assert (tmp_path / "killed").exists()
    must_equal(ledger, one_frame)
    ledger.close()


def test_a_cluster_of_ray_gives_the_same(
    eve_of_shards: Path, one_frame: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    ray = pytest.importorskip("ray", reason="pip install 'loanbook[ray]'")
    started = ray.init(num_cpus=2, include_dashboard=False)
    ledger = Ledger(copied(eve_of_shards, tmp_path / "home"))
    close_in(
        ledger, f'executor = "ray"\nscheduler = "{started.address_info["address"]}"\nshards = 2'
    )
    must_equal(ledger, one_frame)
    ledger.close()


def test_a_shard_reads_its_own_loans_and_skips_the_others_files(in_three: Ledger) -> None:
    version, date = in_three.one(
        "SELECT version, business_date FROM {lake}.versions ORDER BY version DESC LIMIT 1"
    )
    ids = in_three.frame(
        "SELECT loan_id FROM {lake}.positions WHERE version = ? ORDER BY 1", [version]
    )["loan_id"]
    part = part_of(in_three, int(ids[0]), int(ids[1]), 0)

    def plan(where: str) -> str:
        rows = in_three.connection.execute(
            f"EXPLAIN ANALYZE SELECT loan_id, principal FROM {LAKE}.position_core "
            f"WHERE version = {version} AND business_date = DATE '{date}' AND {where}"
        ).fetchall()
        return str(rows[0][1])

    assert "Total Files Read: 3" in plan("true")
    assert "Total Files Read: 1" in plan(f"loan_id >= {part.low} AND loan_id < {part.high}")


def test_loans_of_a_borrower_go_together_and_joint_ones_join_their_groups() -> None:
    ties = pl.DataFrame({"loan_id": [5, 9, 9, 12, 20], "other": [3, 5, 7, 11, 12]})
    assert grouped(ties).rows() == [(5, 3), (7, 3), (9, 3), (12, 11), (20, 11)]
    chain = pl.DataFrame({"loan_id": range(2, 1002), "other": range(1, 1001)})
    assert grouped(chain)["leader"].unique().to_list() == [1]
    assert grouped(ties.clear()).is_empty()


def test_figures_of_parts_are_told_as_of_the_whole() -> None:
    assert in_all(["12 loans", "0 loans"]) == "12 loans"
    assert in_all(["2 payments, 300 minor", "1 payments, -50 minor"]) == "3 payments, 250 minor"
    assert (
        in_all(["2 loans from 2018-01-05", "1 loans from 2018-01-03"]) == "3 loans from 2018-01-03"
    )


def test_a_book_is_cut_by_its_size_and_an_executor_says_what_it_lacks() -> None:
    rules = Rules()
    assert shards_of(rules, 1_999_999) == 0
    assert shards_of(rules, 2_000_000) >= 1
    assert shards_of(rules, 50_000_000) == 100
    assert shards_of(Rules(executor="none"), 10**7) == 0
    assert shards_of(Rules(executor="none", shards=8), 10**7) == 8
    with pytest.raises(InstanceError, match="no `scheduler`: write its address"):
        executor_of(Rules(executor="dask"))
