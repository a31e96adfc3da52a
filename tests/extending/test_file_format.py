"""A file format is a file and a row: fixed-width payments reach the published ledger."""

from __future__ import annotations

from pathlib import Path

from tests.extending.a_small_book import instance
from tests.extending.product_copy import insert, product_copy, run

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
R-000001L-1       000001000020240103
R-000002L-2       000002500020240103
R-000003L-9       000000100020240103
"""
ASK = """
from loanbook import open_ledger
paid = open_ledger().payments(names=True)
print(paid.select("loan_key", "amount", "value_date").rows())
print(open_ledger().sql("SELECT rule, line FROM quarantine").rows())
"""


def test_a_file_and_a_row_are_enough_for_a_format(tmp_path: Path) -> None:
    root, home = product_copy(tmp_path), tmp_path / "home"
    (root / "pipelines" / "ingest" / "lockbox.py").write_text(READER, encoding="utf-8")
    insert(root / "pipelines" / "formats" / "registry.py", '    FileKind("commands"', ROW)
    landing = instance(root, home)
    (landing / "lockbox_2024-01-03.txt").write_text(LOCKBOX, encoding="ascii")
    run(root, ["backfill"], home)
    paid, refused = run(root, ASK, home).splitlines()
    assert paid == (
        "[('L-1', 10000, datetime.date(2024, 1, 3)), ('L-2', 25000, datetime.date(2024, 1, 3))]"
    )
    assert refused == "[('unknown_loan', 4)]"  # the header that the reader wrote is line 1
    page = run(
        root, "from loanbook.pipelines.reporting.files_page import file_kinds\nprint(file_kinds())"
    )
    assert "`lockbox_YYYY-MM-DD.txt`" in page
