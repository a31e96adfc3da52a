"""Contents of landed files as they were seen last, so that a file which did not change is not read again.

A file is the same as long as its file system says so: inode, bytes, and the times at which it was written and changed.
Whoever may set a machine's clock can forge them; `loanbook status --files` reads every byte and finds it. What is kept
here says nothing of what was taken in, that the ledger alone knows: the file may be deleted at any time, then all that
is listed is read once more.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

SEEN = "landed.json"
"""Name of the file in the instance's folder."""
YOUNG_NS = 2 * 10**9
"""A file that changed less than this ago is read again: it may change once more within one tick of the file system's
clock."""
Marks = tuple[int, int, int, int]
"""Inode, bytes, when written and when changed, in nanoseconds."""


class Seen:
    """Contents by path, as `landed.json` has them; of files that are asked for while it is open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before: dict[str, tuple[Marks, str]] = {}
        self._now: dict[str, tuple[Marks, str]] = {}
        with contextlib.suppress(OSError, ValueError, TypeError):  # there is none, or it was cut
            read = json.loads(path.read_text(encoding="utf-8"))
            self._before = {
                name: (tuple(marks), content) for name, (marks, content) in read.items()
            }

    def content(self, path: Path, now: os.stat_result, read: Callable[[Path], str]) -> str:
        """SHA-256 of a file, which `read` tells where it is not as it was seen; `now`: what its file system says."""
        marks, name = _marks(now), str(path)
        known = self._before.get(name)
        if known is not None and known[0] == marks:
            self._now[name] = known
            return known[1]
        since = time.time_ns() - max(now.st_mtime_ns, now.st_ctime_ns)
        content = read(path)
        if since > YOUNG_NS and _marks(path.stat()) == marks:
            self._now[name] = (marks, content)
        return content

    def keep(self) -> None:
        """Write what was asked for, and nothing else; an instance that can't be written goes without."""
        if self._now == self._before:
            return
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            fresh.write_text(json.dumps(self._now), encoding="utf-8")
            fresh.replace(self._path)


def _marks(seen: os.stat_result) -> Marks:
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
