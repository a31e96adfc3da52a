"""What money in costs: `python -m bench.money [ENTRIES]`, files of a synthetic bank.

Matching of a tenth of the entries in one account, beside references alone; reading and checking of NACHA and camt.053, beside bare loops over the XML that only count
entries and, where it is installed, carta-ach's reader, which checks nothing; then the whole way of a NACHA file through intake (read, matched,
applied, committed), beside a bare write of the same events. Seconds are those of one run, the best of three for
reading; a ratio below 1 is faster than what it stands beside. Peak memory is of the process after each step.
"""

from __future__ import annotations

import datetime as dt
import io
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
from lxml import etree

from loanbook.core.frames import empty
from loanbook.core.payments.incoming.candidates import AWAITED
from loanbook.core.payments.incoming.deciding import PAYMENTS, KnownBook, decided
from loanbook.core.payments.incoming.entries import KNOWN, Incoming, identified
from loanbook.core.payments.incoming.matching import matched
from loanbook.core.policy.payments.bank_accounts import BankAccount
from loanbook.core.policy.payments.matching import ReceiptMatching
from loanbook.core.store.banking.names import alike
from loanbook.core.store.lake import insert, transaction
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.banking.files import read_bank_file
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.resources import read_policies
from loanbook.pipelines.simulation.bank_files import WRITERS, Day

DAY = dt.date(2018, 2, 1)
TAPE = (
    "loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,"
    "second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on,jurisdiction,drawn\n"
)


def entries(count: int, loans: int) -> pl.DataFrame:
    """Entries that name their loan by its key, each under its own reference."""
    rows = pl.DataFrame({"n": pl.int_range(count, eager=True)})
    return rows.select(
        reference=pl.format("R{}", "n"), key=pl.format("LOAN{}", pl.col("n") % loans),
        loan_key=pl.format("LOAN{}", pl.col("n") % loans), text=pl.lit("synthetic"),
        cents=10_000 + pl.col("n") % 5_000, nameless=pl.lit(False),
    )  # fmt: skip


def timed(work: Callable[[], object], times: int = 1) -> float:
    """Seconds of the fastest of so many runs."""
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def counted(data: bytes, only: str | None = None) -> int:
    """Entries of a camt message by a bare loop over its elements, or over those of one name `only`."""
    count = 0
    for _, element in etree.iterparse(io.BytesIO(data), tag=only):
        if element.tag.endswith("}Ntry"):
            count += 1
            element.clear()
    return count


def line(name: str, seconds: float, count: int, beside: float | None = None) -> None:
    """A line of the table."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    ratio = f"{seconds / beside:8.2f}" if beside else " " * 8
    print(f"{name:<58}{seconds:9.2f} s{count / seconds:12,.0f}/s{ratio}{peak:8.2f} GiB", flush=True)


def reading(count: int) -> None:
    """Files of `count` entries in NACHA, of a fifth of it in camt.053, read and checked."""
    rows = entries(count, 50_000)
    data = WRITERS["nacha"].write(Day(DAY, rows, 0)).encode()
    ours = timed(lambda: read_bank_file(data), 3)
    try:
        from ach.parser import Parser  # type: ignore[import-not-found]
    except ImportError:
        line("NACHA, read and checked", ours, count)
    else:
        text = data.decode()
        theirs = timed(lambda: Parser(text).as_dict())
        line("NACHA, carta-ach, unchecked", theirs, count)
        line("NACHA, read and checked (ratio to carta-ach)", ours, count, theirs)
    few = rows.head(count // 5)
    xml = WRITERS["camt.053"].write(Day(DAY, few, 0)).encode()
    bare = timed(lambda: counted(xml), 2)
    line("camt.053, bare iterparse that counts", bare, few.height)
    fast = timed(lambda: counted(xml, "{*}Ntry"), 3)
    line("camt.053, the same, told of entries alone (ratio to it)", fast, few.height, bare)
    ours = timed(lambda: read_bank_file(xml), 3)
    line("camt.053, read and checked (ratio to the first)", ours, few.height, bare)


NAMES = 20_000
"""Family names of the synthetic payers; each is some loans'."""


def matching(count: int, loans: int) -> None:
    """Entries of one account decided: a third tells the loan's key within a text, a third a mandate, of a third name, amount
    and due date are compared with those of all loans; beside the third alone that references tell."""
    rows = pl.DataFrame({"n": pl.int_range(count, eager=True)})
    loan, third = pl.col("n") % loans, pl.col("n") % 3
    name = pl.format("Synthetic Payer{}", loan % NAMES)
    types = empty(Incoming).schema
    told = rows.select(
        place=pl.col("n") + 1, line=pl.col("n") + 1, account=pl.lit("synthetic-bank"), direction=pl.lit("credit"),
        reversal=pl.lit(False), amount=10_000 + loan, currency=pl.lit("USD"), value_date=pl.lit(DAY), status=pl.lit("BOOK"),
        reference=pl.format("R{}", "n"), mandate=pl.when(third == 1).then(pl.format("M-{}", loan)),
        remittance=pl.when(third == 0).then(pl.format("instalment LOAN-{} thank you", loan)), counterparty=name,
    )  # fmt: skip
    lacking = [pl.lit(None, type_).alias(n) for n, type_ in types.items() if n not in told.columns]
    entries_ = identified(
        told.with_columns(lacking).select(pl.col(n).cast(t) for n, t in types.items())
    )
    ids = pl.DataFrame({"loan_id": pl.int_range(loans, eager=True)})
    policies = read_policies()
    account = policies.in_force(BankAccount, "synthetic-bank", DAY)
    policy = policies.in_force(ReceiptMatching, account.matching, DAY)
    of = ids.with_columns(
        loan_key=pl.format("LOAN-{}", "loan_id"), currency=pl.lit("USD"), boards_on=pl.lit(DAY) - pl.duration(days=30)
    )  # fmt: skip
    mandates = ids.select(kind=pl.lit("mandate"), value=pl.format("M-{}", "loan_id"), loan_id="loan_id")  # fmt: skip
    awaits = ids.select(
        "loan_id", currency=pl.lit("USD"), name=pl.format("Synthetic Payer{}", pl.col("loan_id") % NAMES),
        instalment=10_000 + pl.col("loan_id"), overdue=pl.lit(0), next_due_date=pl.lit(DAY),
    ).cast(AWAITED)  # type: ignore[arg-type]  # fmt: skip
    known = KnownBook(
        of,
        mandates,
        entries_.clear().select(KNOWN),
        pl.DataFrame(schema=PAYMENTS),
        lambda: awaits,
        alike,
    )
    outcome: dict[str, int] = {}

    def decide() -> None:
        done = decided(entries_, account, policy, known, DAY).entries
        outcome.update(done["outcome"].value_counts().rows())

    seconds = timed(decide)
    by_reference = timed(lambda: matched(entries_, of, mandates, policy))
    applied, waits = (outcome.get(name, 0) for name in ("applied", "suspense"))
    print(f"{count:,} entries, {loans:,} loans: {applied:,} applied, {waits:,} wait")
    line("references alone", by_reference, count)
    line("decided, a third by name, amount, date (ratio to it)", seconds, count, by_reference)


def whole_way(count: int, loans: int, home: Path) -> None:
    """A NACHA file through intake, beside the bare write of its events."""
    settings = Settings(home=home)
    settings.landing.mkdir(parents=True)
    ledger = Ledger(settings)
    policies = ledger.register(read_policies())
    keys = pl.DataFrame({"n": pl.int_range(loans, eager=True)})
    lines = keys.select(
        pl.format(
            "LOAN{},instalment-act365,12000.00,12,60,,0,1,months,1,2018-01-02,2018-02-02,,,,", "n"
        )
    )
    (settings.landing / f"loan_tape_{DAY}_canonical.csv").write_text(
        TAPE + "\n".join(lines.to_series()) + "\n"
    )
    take_in(ledger, policies, "canonical", correlation_id="bench")
    data = WRITERS["nacha"].write(Day(DAY, entries(count, loans), 0))
    (settings.landing / f"bank_{DAY}_synthetic-nacha.ach").write_text(data)
    seconds = timed(lambda: take_in(ledger, policies, "canonical", correlation_id="bench"))
    events = ledger.frame("SELECT * FROM {lake}.events WHERE kind = 2")
    assert events.height == count, events.height

    def write() -> None:
        with transaction(ledger.connection):
            insert(ledger.connection, "events", events.with_columns(pl.col("event_id") + 10**9))

    bare = timed(write)
    line("bare write of the events", bare, count)
    line("NACHA: read, matched, applied, committed (ratio to it)", seconds, count, bare)
    ledger.close()


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"{'':<58}{'seconds':>11}{'rate':>14}{'ratio':>8}{'peak':>12}")
    reading(count)
    matching(count // 10, max(count // 20, 1))
    for size in (count // 2, count):
        with tempfile.TemporaryDirectory() as folder:
            whole_way(size, max(size // 20, 1), Path(folder) / "home")


if __name__ == "__main__":
    main()
