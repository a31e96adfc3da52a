"""The vault of persons by many at once: put in, opened, found, wrapped anew."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.access.actor import Actor
from loanbook.core.store.settings import Settings
from loanbook.core.store.vault.rotating import rotate_keys
from loanbook.core.store.vault.vault import open_vault

WHO = Actor("bench", "demo")


def people(count: int) -> pl.DataFrame:
    """Synthetic persons, each with what five tokens are made of."""
    number = pl.int_range(count, eager=True).cast(pl.String)
    return pl.DataFrame({
        "ref": "A-" + number, "kind": ["individual"] * count, "given_name": "Given " + number,
        "family_name": "Family " + number, "birth_date": ["1980-02-03"] * count, "id_country": ["US"] * count,
        "national_id": number.str.zfill(9), "email": "a" + number + "@mail.example", "phone": "+1555" + number.str.zfill(7),
        "bank": ["021000021"] * count, "account": number.str.zfill(10), "address_line_1": number + " Main Street",
        "city": ["Springfield"] * count,
    })  # fmt: skip


def vault(count: int) -> dict[str, Any]:
    """Seconds of the process for each, on one core, and the size of the database."""
    home = Path(tempfile.mkdtemp(prefix="loanbook-bench-"))
    try:
        kept, told, seconds = open_vault(Settings(home=home)), people(count), {}

        def timed(name: str, work: Callable[[], Any]) -> Any:
            start = time.process_time()
            done = work()
            seconds[name] = time.process_time() - start
            return done

        tokens = timed("put", lambda: kept.put(told, WHO))["person"]
        opened = timed("open", lambda: kept.open(tokens, WHO, "a bench"))
        assert opened["national_id"].equals(told["national_id"])
        found = timed("find", lambda: kept.find("national_id", told, WHO))
        assert found["person"].equals(tokens)
        timed("rotate", lambda: rotate_keys(kept, WHO))
        size = (home / "people" / "people.sqlite").stat().st_size
        return {"persons": count, "seconds": seconds, "bytes_a_person": size / count}
    finally:
        shutil.rmtree(home, ignore_errors=True)
