"""A file format is a file and a row: fixed-width payments reach the published ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.extending.product_copy import insert

READER = '''
"""Payments of a lockbox: fixed width, amounts in cents, no header."""

import csv
import io

from loanbook.pipelines.formats import payments
from loanbook.pipelines.ingest.receipts import received


def taken(data, file, policies, mapping, known):
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(payments.COLUMNS)
    for line in data.decode("ascii").splitlines():
        ref, key, cents, day = line[:8], line[8:18], int(line[18:28]), line[28:36]
        rows.writerow([ref.strip(), key.strip(), f"{cents // 100}.{cents % 100:02}", "USD",
                       f"{day[:4]}-{day[4:6]}-{day[6:]}"])
    parsed = payments.parse(text.getvalue().encode(), file.business_date)
    return received(parsed, file, mapping, known)
'''
ROW = """    FileKind("lockbox", "a payment received of a loan, as a bank's lockbox tells it",
             f"{_INGEST}.lockbox:taken", f"{_FORMATS}.payments:Receipts", PAYMENTS,
             extension=".txt"),
"""
LOCKBOX = """\
R-000001L-1       000001000020180105
R-000002L-2       000002500020180105
R-000003L-9       000000100020180105
"""
LANDING = {"2018-01-05": {"lockbox_2018-01-05.txt": LOCKBOX}}


def extend(root: Path) -> None:
    """The product reads one kind of file more: a row and a file."""
    (root / "pipelines" / "ingest" / "lockbox.py").write_text(READER, encoding="utf-8")
    insert(root / "pipelines" / "formats" / "registry.py", '    FileKind("commands"', ROW)


def test_a_file_and_a_row_are_enough_for_a_format(seen: dict[str, Any]) -> None:
    assert [row for row in seen["lockbox"] if row[0].startswith("L")] == [
        ["L-1", "10000", "2018-01-05"],
        ["L-2", "25000", "2018-01-05"],
    ]
    # the header that the reader wrote is line 1
    assert ["lockbox_2018-01-05.txt", 4, "unknown_loan"] in seen["refused"]
    assert "`lockbox_YYYY-MM-DD.txt`" in seen["file_kinds"]
