"""The place of the ledger's data files, be it a folder or a bucket: the same questions of either."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loanbook.core.store.storage.whole_files import to_disk

if TYPE_CHECKING:
    import duckdb

S3 = "s3://"


@dataclass(frozen=True)
class Place:
    """A folder, or what lies below s3://bucket/prefix."""

    root: str

    @property
    def remote(self) -> bool:
        """Whether a server keeps the files."""
        return self.root.startswith(S3)

    def at(self, below: str) -> str:
        """Path of a file below it."""
        return f"{self.root}/{below}"

    def listed(self, connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
        """Bytes of every data file that lies there, by path."""
        if not self.remote:
            return {str(path): path.stat().st_size for path in Path(self.root).rglob("*.parquet")}
        # names and bytes come with the list of the bucket; no file is opened for them
        rows = connection.execute(
            "SELECT filename, size FROM read_blob(?)", [self.at("**/*.parquet")]
        ).fetchall()
        return dict(rows)

    def lengths(
        self, connection: duckdb.DuckDBPyConnection, paths: Iterable[str]
    ) -> dict[str, int]:
        """Bytes of those of some files that are there."""
        if self.remote:
            return self.listed(connection)
        found = {}
        for path in paths:
            try:
                found[path] = os.stat(path).st_size
            except OSError:
                continue
        return found

    def keep(self, paths: Iterable[str]) -> None:
        """Have the system write files, and the folders they lie in, to disk. A server answers once it has done so."""
        if self.remote:
            return
        files = [Path(path) for path in paths]
        for each in [*files, *{path.parent for path in files}]:
            to_disk(each)
