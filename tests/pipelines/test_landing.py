"""Files of the landing folder: whole, cut or still being written."""

from __future__ import annotations

import hashlib

from loanbook.core.store.writer import Ledger
from loanbook.pipelines.waiting import waiting
from tests.pipelines.files import LOANS, MONEY, drop, rules, take, weekly_loan

LAST = "payment_ref,loan_key,currency,value_date,amount\n"


def test_a_file_that_is_cut_or_still_written_posts_no_other_amount(new_ledger: Ledger) -> None:
    ledger = new_ledger
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("L1"))
    take(ledger)
    row = "{},L1,USD,2018-01-03,1234.56"
    whole = LAST + row.format("a") + "\n" + row.format("b") + "\n"
    drop(ledger, "payments_2018-01-03.csv", whole[:-4])  # … ,1234 of 1234.56
    report = take(ledger)
    assert (report.rows_in, report.accepted, report.quarantined) == (2, 1, 1)
    assert rules(ledger, "payments_2018-01-03.csv") == {3: "last_line_without_its_end"}
    drop(ledger, "payments_2018-01-03.csv", whole)
    report = take(ledger)
    assert (report.accepted, report.duplicates, report.quarantined) == (1, 1, 0)
    assert report.notes == []
    # a date with all its digits can't be cut, but the rows after it may be
    drop(ledger, "payments_2018-01-04.csv", MONEY + "c,L1,5.00,USD,2018-01-04")
    report = take(ledger)
    assert report.accepted == 1
    assert "its last line, which has no line end" in dict(report.notes)["payments_2018-01-04.csv"]
    told = ledger.settings.home / "loanbook.toml"
    told.write_text('[intake]\ncomplete = "trailer"\n')
    drop(ledger, "payments_2018-01-05.csv", MONEY + "d,L1,5.00,USD,2018-01-05\nTRAILER,2\n")
    drop(ledger, "payments_2018-01-06.csv", MONEY + "e,L1,5.00,USD,2018-01-06\nTRAILER,1\n")
    drop(ledger, "payments_2018-01-07.csv", MONEY + "f,L1,5.00,USD,2018-01-07\n")
    report = take(ledger)
    assert (report.accepted, report.rows_in) == (1, 1)
    assert [why.partition(";")[0] for _, why in report.refused] == [
        "its trailer counts 2 rows, it has 1", "its last line is not TRAILER,COUNT, so it may be cut",
    ]  # fmt: skip
    told.write_text('[intake]\ncomplete = "checksum"\n')
    body = MONEY + "g,L1,5.00,USD,2018-01-08"
    drop(ledger, "payments_2018-01-08.csv", body)
    assert "payments_2018-01-08.csv" in dict(take(ledger).unfinished)
    drop(ledger, "payments_2018-01-08.csv.sha256", "0" * 64)
    assert "its SHA-256 is not the one of" in dict(take(ledger).refused)["payments_2018-01-08.csv"]
    drop(
        ledger, "payments_2018-01-08.csv.sha256", hashlib.sha256(body.encode()).hexdigest() + "  x"
    )
    assert take(ledger).accepted == 1
    known = ledger.rows("SELECT file_id, name, bytes, business_date FROM {lake}.files")
    assert waiting(ledger.settings.landing, known) == []  # a checksum waits for nothing
    told.write_text("[intake]\nsettle_seconds = 600\n")
    drop(ledger, "payments_2018-01-09.csv", MONEY + "h,L1,5.00,USD,2018-01-09\n")
    assert "less than 600" in dict(take(ledger).unfinished)["payments_2018-01-09.csv"]
    refs = set(ledger.frame("SELECT source_ref FROM {lake}.events")["source_ref"])
    assert refs - {"L1"} == {"a", "b", "c", "e", "g"}
