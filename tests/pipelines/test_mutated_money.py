"""Files of money with bytes that are wrong: no entry is lost, no cent appears or goes, nothing crashes."""

from __future__ import annotations

import datetime as dt
import os
import random
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.known.keys import LOAN_COLUMNS
from loanbook.pipelines.formats.registry import BY_NAME, dated
from loanbook.pipelines.ingest.events import Known, nothing_known
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.instance import mapping_of
from loanbook.pipelines.simulation.bank_files import WRITERS, Day
from tests.mutations import mutated

DAY = dt.date(2018, 2, 1)
TIMES = int(os.environ.get("FUZZ", "60"))


def known() -> Known:
    loans = pl.DataFrame(
        {"loan_id": [1, 2, 3], "loan_key": ["LOAN-0001", "LOAN-0002", "LOAN-0003"], "entity": 0, "product": 0,
         "currency": 0, "boards_on": dt.date(2018, 1, 1), "entity_name": "us-consumer"},
        schema=LOAN_COLUMNS | {"entity_name": pl.String},
    )  # fmt: skip
    return replace(
        nothing_known(),
        fresh_loans=[loans],
        waiting=[],
        fresh=[],
        landed=[],
        entries=[],
        payouts=[],
        decisions=[],
    )


def whole(name: str) -> bytes:
    rows = pl.DataFrame({"n": range(12)}).select(
        reference=pl.format("R{}", "n"), loan_key=pl.format("LOAN-000{}", pl.col("n") % 4),
        key=pl.when(pl.col("n") % 2 == 0).then(pl.format("LOAN-000{}", pl.col("n") % 4)).otherwise(pl.lit("")),
        text=pl.format("synthetic instalment LOAN-000{} thanks", pl.col("n") % 4), cents=1000 + pl.col("n") * 7,
        nameless=pl.lit(False),
    )  # fmt: skip
    return WRITERS[name].write(Day(DAY, rows, 5000)).encode()


@pytest.mark.parametrize("name", list(WRITERS))
def test_every_entry_of_a_broken_file_is_accounted_for(
    name: str, policies: PolicyBook, tmp_path: Path
) -> None:
    draw, data = random.Random(f"{os.environ.get('SEED', '1')}{name}"), whole(name)
    place = tmp_path / WRITERS[name].name.format(date=DAY)
    kind = BY_NAME[dated(place.name)[0] or ""]
    policies = policies.with_registry(())
    refused = taken = 0
    for n in range(TIMES):
        body = data if n == 0 else mutated(data, draw)
        file = LandingFile(place, str(n), len(body), kind.name, DAY)
        mapping, _ = mapping_of(kind, file.mapping, policies, "canonical", tmp_path)
        try:
            found = kind.read(body, file, policies, mapping, known())
        except IntakeError:
            refused += 1
            continue
        taken += 1
        assert found.rows_in == found.accepted + found.duplicates + len(found.bad)
        entries = found.tables["bank_entries"]
        assert entries["outcome"].null_count() == 0
        applied = entries.filter(pl.col("outcome") == "applied")
        paid = 0 if found.events is None else int(found.events["amount"].sum())
        assert paid == int(applied["amount"].sum())
        assert applied["loan_id"].null_count() == 0
        _books_agree(name, entries, found.tables["cash_movements"])
    assert taken >= 1
    assert refused >= 1


def _books_agree(name: str, entries: pl.DataFrame, cash: pl.DataFrame) -> None:
    """What the bank moved is what is booked of it; what waits is in unidentified receipts."""
    from loanbook.core.catalogue.accounts import ROLE

    signed = pl.when(pl.col("direction") == "credit").then("amount").otherwise(-pl.col("amount"))
    sums = dict(entries.group_by("outcome").agg(signed.sum()).rows())

    def net(role: str) -> int:
        side = {
            s: int(cash.filter(pl.col(s) == ROLE[role])["amount"].sum())
            for s in ("debit", "credit")
        }
        return side["debit"] - side["credit"]

    arrived = sum(sums.get(o, 0) for o in ("applied", "settled", "suspense"))
    assert net("bank") == (0 if name == "processor" else arrived)
    assert net("unidentified_receipts") == -sums.get("suspense", 0)
