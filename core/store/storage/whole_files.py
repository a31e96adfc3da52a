"""Files that are there whole or not at all, whatever is killed when."""

from __future__ import annotations

import os
from pathlib import Path

PART = ".part"
"""Ending of what a run had begun to write; such names begin with a point, and nobody takes them for a file."""


def write_whole(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write a file, in place of one of its name; once it returns, its bytes and its name are on disk. `mode`: as `open` has it."""
    part = path.with_name(f".{path.name}{PART}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    to_disk(path.parent)


def to_disk(path: Path) -> None:
    """Have the system write a file, or the names of a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
