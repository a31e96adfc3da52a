"""Metro 2 files for credit bureaus: a base segment of 426 characters an account, and of a second borrower a J2.

Source: Credit Reporting Resource Guide (CDIA), record layouts of the 426-character format: facts of the layout alone.
Amounts are whole dollars, cents are cut; dates are MMDDYYYY, zeros where there is none; letters are capitals of
ASCII.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.policy.risk.credit_reporting import CreditReporting
from loanbook.pipelines.formats.bank_out.text import left

LENGTH = 426
NUMBER, TEXT, DATE, BLANK = "number", "text", "date", "blank"
PERSON = (
    ("surname", 25, TEXT), ("first_name", 20, TEXT), ("middle_name", 20, TEXT), ("generation", 1, BLANK),
    ("ssn", 9, NUMBER), ("birth_date", 8, DATE), ("phone", 10, NUMBER), ("ecoa", 1, TEXT),
    ("information_indicator", 2, BLANK), ("country", 2, TEXT), ("address_1", 32, TEXT), ("address_2", 32, TEXT),
    ("city", 20, TEXT), ("state", 2, TEXT), ("zip", 9, TEXT), ("address_indicator", 1, BLANK), ("residence", 1, BLANK),
)  # fmt: skip
"""Fields of a person, as the base and the J2 segment have them: name, width, kind."""
BASE = (
    ("rdw", 4, NUMBER), ("processing", 1, NUMBER), ("time_stamp", 14, TEXT), ("correction", 1, NUMBER),
    ("identification_number", 20, TEXT), ("cycle", 2, BLANK), ("account_number", 30, TEXT),
    ("portfolio_type", 1, TEXT), ("account_type", 2, TEXT), ("date_opened", 8, DATE), ("credit_limit", 9, NUMBER),
    ("highest_credit", 9, NUMBER), ("terms", 3, NUMBER), ("terms_frequency", 1, TEXT),
    ("scheduled_payment", 9, NUMBER), ("actual_payment", 9, NUMBER), ("account_status", 2, TEXT),
    ("payment_rating", 1, TEXT), ("payment_history", 24, TEXT), ("special_comment", 2, TEXT),
    ("compliance", 2, BLANK), ("current_balance", 9, NUMBER), ("amount_past_due", 9, NUMBER),
    ("charge_off", 9, NUMBER), ("date_account_info", 8, DATE), ("dofd", 8, DATE), ("date_closed", 8, DATE),
    ("date_last_payment", 8, DATE), ("interest_type", 1, BLANK), ("reserved", 16, BLANK),
    ("transaction_type", 1, BLANK), *PERSON,
)  # fmt: skip
"""The base segment: name, width, kind."""
STATUSES = ("05", "11", "13", "61", "62", "63", "64", "65", "71", "78", "80", "82", "83", "84", "88", "89", "93",
            "94", "95", "96", "97")  # fmt: skip
"""Account states that the trailer counts, in its order."""
SECOND = "second_"
"""How columns of a second borrower begin."""


def write(records: pl.DataFrame, by: CreditReporting, on: dt.date) -> bytes:
    """The file of some accounts. `records`: columns of `BASE` that are no blanks and not of the file itself; amounts in
    dollars, dates as dates, `ssn` and `phone` as digits; and those of `PERSON` again with `second_` before them,
    `second_surname` null where there is none."""
    joint = pl.col(f"{SECOND}surname").is_not_null()
    told = records.with_columns(
        rdw=pl.when(joint).then(LENGTH + 200).otherwise(LENGTH),
        processing=pl.lit(1), correction=pl.lit(0), time_stamp=pl.lit(f"{on:%m%d%Y}000000"),
        identification_number=pl.lit(by.identification_number), credit_limit=pl.lit(0),
    )  # fmt: skip
    base = pl.concat_str(_field(*each) for each in BASE)
    j2 = pl.concat_str(
        pl.lit("J2 "), *(_field(f"{SECOND}{name}", width, kind) for name, width, kind in PERSON), pl.lit("  ")
    )  # fmt: skip
    lines = told.select(pl.concat_str(base, pl.when(joint).then(j2).otherwise(pl.lit("")))).to_series()  # fmt: skip
    whole = [_header(by, on), *lines, _trailer(records)]
    return ("\n".join(whole) + "\n").encode("ascii")


def _field(name: str, width: int, kind: str) -> pl.Expr:
    if kind == BLANK:
        return pl.lit(" " * width)
    if kind == DATE:
        return pl.col(name).dt.to_string("%m%d%Y").fill_null("0" * width)
    if kind == NUMBER:
        return pl.col(name).cast(pl.String).fill_null("0").str.zfill(width).str.tail(width)
    return left(pl.col(name).str.to_uppercase(), width)


def _header(by: CreditReporting, on: dt.date) -> str:
    date = f"{on:%m%d%Y}"
    return (
        f"{LENGTH:04}HEADER{'':2}{by.innovis:<10}{by.equifax:<10}{by.experian:<5}{by.transunion:<10}"
        f"{date}{date}{'0' * 16}{by.reporter_name:<40}{by.reporter_address:<96}{by.reporter_phone:<10}"
        f"{'loanbook':<40}"
    ).ljust(LENGTH)  # fmt: skip


def _trailer(records: pl.DataFrame) -> str:
    count = dict(records["account_status"].value_counts().iter_rows())
    joint = records.filter(pl.col(f"{SECOND}surname").is_not_null())

    def there(frame: pl.DataFrame, name: str) -> int:
        return frame.height - frame[name].null_count()

    ssn, j2_ssn = there(records, "ssn"), there(joint, f"{SECOND}ssn")
    born, j2_born = there(records, "birth_date"), there(joint, f"{SECOND}birth_date")
    phones = there(records, "phone") + there(joint, f"{SECOND}phone")
    counted = [
        0, 0, joint.height, records.height + 2, 0, *(count.get(each, 0) for each in STATUSES),
        *[0] * 7, ssn + j2_ssn, ssn, 0, j2_ssn, born + j2_born, born, 0, j2_born, phones,
    ]  # fmt: skip
    told = "".join(f"{each:09}" for each in counted)
    return f"{LENGTH:04}TRAILER{records.height:09}{'':9}{told}".ljust(LENGTH)
