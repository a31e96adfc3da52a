"""A subscriber of risk events in a process of its own: killed, started again, and told of what was taken back."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl

from loanbook.core.risk_events.catalogue import BY_COLUMN
from loanbook.core.risk_events.folding import fold
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.upkeep.files import withdraw
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days
from tests.conftest import copied
from tests.pipelines.a_risk_book import LAST
from tests.pipelines.files import drop, take

NOTICE = "reference,loan_key,stated_at,kind,written,reason,agent\n"
COLUMNS = {f"loanbook.risk.{each.name}": name for name, each in BY_COLUMN.items()}
State = dict[tuple[str, str], tuple[str, object]]


class Subscriber:
    """What a lender's own program would keep: an offset, and of each loan and type what holds since when."""

    def __init__(self, where: Settings) -> None:
        self.where, self.offset, self.state, self.read = where, "0", State(), 0

    def follow(self, *, lines: int | None = None) -> None:
        """Read from the offset on: all that there is, or follow, and be killed after so many lines."""
        ends = [] if lines is None else ["--follow", "--every", "0.1"]
        told = subprocess.Popen(
            [sys.executable, "-m", "loanbook.pipelines.cli", "events", "--json", "--from", self.offset, *ends],
            env={**os.environ, "LOANBOOK_HOME": str(self.where.home)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert told.stdout is not None
        for nth, line in enumerate(told.stdout, start=1):
            self._keep(json.loads(line))
            if nth == lines:
                told.kill()
                break
        told.stdout.close()
        told.wait()

    def _keep(self, event: dict) -> None:  # type: ignore[type-arg]
        assert int(event["id"]) > int(self.offset), "each comes once, in order"
        key = (event["subject"], COLUMNS[event["type"]])
        data = event["data"]
        if data["business_date"] >= self.state.get(key, ("", None))[0]:
            self.state[key] = (data["business_date"], data["now"])
        self.offset, self.read = event["id"], self.read + 1


def days_of(subscriber: Subscriber, loans: pl.DataFrame) -> dict[str, object]:
    return {
        loan: subscriber.state.get((loan, "days_past_due"), ("", 0))[1]
        for loan in loans["loan_key"]
    }


def test_a_subscriber_that_is_killed_or_starts_late_comes_to_the_state_that_positions_have(
    tmp_path: Path, filled: Settings
) -> None:
    where = copied(filled.home, tmp_path / "home")
    subscriber = Subscriber(where)
    subscriber.follow(lines=300)
    reader = LedgerReader(where)
    whole = reader.risk_events()
    assert subscriber.read == 300 < whole.height
    ledger = Ledger(where)
    taken = withdraw(ledger, where.place, "user:test", "a test")
    policies = ledger.register(read_policies())
    days = [taken.through, *(LAST + dt.timedelta(days=n) for n in (1, 2))]
    for n, (loan, kind) in enumerate(
        [("E", "attorney"), ("F", "dispute"), ("F", "dispute_answered")]
    ):
        on = LAST + dt.timedelta(days=1 + n // 2)
        drop(ledger, f"notices_{on}_{n}.csv" if n else f"notices_{on}.csv", NOTICE
             + f"n{n},{loan},{on}T09:00:00Z,{kind},yes,says_so,a-1\n")  # fmt: skip
    take(ledger)
    list(close_days(ledger, policies, days, provenance(policies)))
    ledger.close()
    subscriber.follow()
    positions = reader.positions(names=True)
    truth = dict(positions.select("loan_key", "days_past_due").rows())
    assert max(truth.values()) > 80
    assert days_of(subscriber, positions) == truth
    assert subscriber.state["E", "notices"] == ("2018-04-01", ["attorney"])
    assert subscriber.state["F", "notices"] == ("2018-04-02", [])
    late = reader.risk_events()
    assert subscriber.read == late.height
    assert late.head(whole.height).equals(whole), (
        "what was told stays as it was, that of the version taken back too"
    )
    gone = whole.filter(pl.col("version") == taken.last)
    undone = late.filter(pl.col("corrects").is_in(gone["sequence"].implode()))
    assert undone.height == gone.height > 0
    of_the_eve = LAST - dt.timedelta(days=1)
    before = late.filter(pl.col("sequence") <= undone["sequence"].max())
    assert fold(before).equals(fold(whole, of_the_eve)), (
        "until the day is closed again its eve holds"
    )
    reader.close()
