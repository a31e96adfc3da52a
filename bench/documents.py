"""What documents cost: `python -m bench.documents [AGREEMENTS]`, agreements with a schedule of 36 rows.

Priced by the engine, rendered and hashed on all cores; then, apart, signed and verified one by one. Seconds are of the clock
and of all processes together (CPU), since the clock also counts what else the machine does.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import polars as pl

from loanbook.core.documents.kinds import AGREEMENT
from loanbook.core.documents.paper import Party
from loanbook.core.store.settings import Settings
from loanbook.pipelines.agreements.papers import Head, papers
from loanbook.pipelines.agreements.quoting import read_terms
from loanbook.pipelines.documents.making import page_of
from loanbook.pipelines.documents.rendering import all_rendered
from loanbook.pipelines.documents.signing import LocalESign, Signer, signature_fault
from loanbook.pipelines.resources import read_policies

Result = TypeVar("Result")
DAY = dt.date(2024, 1, 15)
SIGNED = 100
"""Agreements that are signed and verified."""


def cpu() -> float:
    """CPU seconds of this process and of those that have ended."""
    own, others = (
        resource.getrusage(resource.RUSAGE_SELF),
        resource.getrusage(resource.RUSAGE_CHILDREN),
    )
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def told(what: str, count: int, work: Callable[[], Result]) -> Result:
    """Do the work, and print what it took."""
    began, spent = time.perf_counter(), cpu()
    done = work()
    wall, used = time.perf_counter() - began, cpu() - spent
    print(f"{what:<44}{count:>8,}{wall:>10.2f}{used:>10.2f}{used / count * 1000:>12.1f}")
    return done


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    policies = read_policies()
    rows = [
        {"loan_key": f"L{n:06}", "product": "instalment-act365", "principal": f"{5_000 + n}.00", "rate_percent": "12.5",
         "instalments": "36", "disbursed_on": "2024-02-01", "first_due_date": "2024-03-01", "jurisdiction": "US"}
        for n in range(count)
    ]  # fmt: skip
    party = Party(role="borrower", token="0" * 32, mask="S•••• P••••")
    heads = {
        row["loan_key"]: Head(f"of-{row['loan_key']}", "app", "dec", row["loan_key"], (party,), DAY)
        for row in rows
    }
    print(f"{'':<44}{'count':>8}{'clock s':>10}{'CPU s':>10}{'CPU ms each':>12}")
    with tempfile.TemporaryDirectory() as folder:
        where = Settings(home=Path(folder))
        loans, bad = read_terms(policies, rows, dt.date(2024, 2, 1))
        assert not bad
        made = told("priced by the engine", count, lambda: papers(loans, policies, heads, where))
        assert pl.Series([len(paper.schedule.amount) for paper in made]).eq(36).all()
        pages = [page_of(AGREEMENT.name, paper) for paper in made]
        cores = os.cpu_count() or 1
        pdfs = told(
            f"rendered and hashed, {cores} processes",
            count,
            lambda: [(pdf, hashlib.sha256(pdf).hexdigest()) for pdf in all_rendered(pages)],
        )
        assert len({sha256 for _, sha256 in pdfs}) == count
        provider, signer = LocalESign(where), Signer("0" * 32, party.mask)
        at = dt.datetime.combine(DAY, dt.time(), dt.UTC)
        few = [pdf for pdf, _ in pdfs[:SIGNED]]
        signed = told(
            "signed (P-256)", len(few), lambda: [provider.sign(pdf, signer, at) for pdf in few]
        )
        faults = told(
            "signature and coverage verified",
            len(few),
            lambda: [signature_fault(s.data, s.certificate_pem) for s in signed],
        )
        assert not any(faults)
    print(f"bytes: {len(pdfs[0][0]):,} unsigned, {len(signed[0].data):,} signed")


if __name__ == "__main__":
    main()
