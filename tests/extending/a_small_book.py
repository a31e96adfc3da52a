"""Two made-up loans in an instance of the copy, for tests that extend the product."""

from __future__ import annotations

from pathlib import Path

from tests.extending.product_copy import run

PRODUCT = "instalment-act365"
TAPE = f"""\
loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on,jurisdiction,drawn,borrower
L-1,{PRODUCT},1200.00,12.00,12,,,1,months,,2024-01-02,2024-02-02,,,,,
L-2,{PRODUCT},2400.00,12.00,12,,,1,months,,2024-01-02,2024-02-02,,,,,
"""


def instance(root: Path, home: Path) -> Path:
    """A new instance of the copy with the tape of 2 January 2024 landed; returns its landing folder."""
    run(root, ["init", str(home), "--entity", "Made-up lender"])
    landing = home / "landing"
    (landing / "loan_tape_2024-01-02.csv").write_text(TAPE, encoding="utf-8")
    return landing
