"""Metro 2 files that furnishers send to credit bureaus, in characters: read back as an independent check.

Source: Credit Reporting Resource Guide (CDIA), record layouts of the 426-character format. Amounts are
whole dollars. The packed (binary) format is refused. Positions count from 1 and include the last.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO

import polars as pl

from loanbook.core.errors import IntakeError
from loanbook.core.payments.bank_file import problem, rows_of
from loanbook.pipelines.formats.bank.limits import MAX_BYTES, allowed, text_of, unix

BASE = 426
"""Characters of a base segment."""
SEGMENTS = {"J1": 100, "J2": 200, "K1": 34, "K2": 34, "K3": 40, "K4": 30, "L1": 54, "N1": 146}
"""Characters of the segments that may follow it."""
MOST = 64
"""Segments that a record may have; more are named as left over."""
HEADER = {
    "rdw": (1, 4), "cycle": (11, 12), "innovis": (13, 22), "equifax": (23, 32), "experian": (33, 37),
    "transunion": (38, 47), "activity_date": (48, 55), "created": (56, 63), "program_date": (64, 71),
    "reporter": (80, 119),
}  # fmt: skip
TRAILER = {"rdw": (1, 4), "base_records": (12, 20), "status_df": (30, 38), "j1": (39, 47), "j2": (48, 56),
           "block_count": (57, 65)}  # fmt: skip
TEXTS = {
    "identification_number": (21, 40), "account_number": (43, 72), "portfolio_type": (73, 73),
    "account_type": (74, 75), "date_opened": (76, 83), "terms": (102, 104), "account_status": (124, 125),
    "payment_rating": (126, 126), "payment_history": (127, 150), "special_comment": (151, 152),
    "compliance": (153, 154), "date_account_info": (182, 189), "dofd": (190, 197),
    "date_closed": (198, 205), "date_last_payment": (206, 213), "surname": (232, 256),
    "first_name": (257, 276), "ecoa": (325, 325), "state": (414, 415), "zip": (416, 424),
    "residence": (426, 426),
}  # fmt: skip
AMOUNTS = {
    "credit_limit": (84, 92), "highest_credit": (93, 101), "scheduled_payment": (106, 114),
    "actual_payment": (115, 123), "current_balance": (155, 163), "amount_past_due": (164, 172),
    "charge_off": (173, 181),
}  # fmt: skip


@dataclass(frozen=True)
class Furnished:
    """A Metro 2 file, read.

    `accounts`: one row a base segment: `line`, texts, amounts in whole dollars (null: can't be read).
    `segments`: one row a further segment: `line`, `segment`. `problems`: as of a bank's file.
    """

    header: dict[str, str]
    trailer: dict[str, str]
    accounts: pl.DataFrame
    segments: pl.DataFrame
    problems: pl.DataFrame

    @property
    def valid(self) -> bool:
        """No hard problem."""
        return not self.problems["hard"].any()


def read(data: bytes) -> Furnished:
    """A file as it is told, plain or as the one member of a zip; raises IntakeError for what is no text."""
    lines = _lines(_text(_unzipped(allowed(data))))
    header = _fields(lines.filter(pl.col("kind") == "header").head(1), HEADER)
    trailer = _fields(lines.filter(pl.col("kind") == "trailer").head(1), TRAILER)
    bases = lines.filter(pl.col("kind") == "base")
    accounts = bases.select(
        "line",
        **{name: _at(*place).str.strip_chars() for name, place in TEXTS.items()},
        **{name: _number(*place) for name, place in AMOUNTS.items()},
    )
    segments, left = _segments(bases)
    unread = lines.filter(pl.col("kind") == "unknown")
    found = []
    if unread.height:
        shown = unread["line"].head(20).to_list()
        found.append(problem(shown[0], "unparsable_lines", f"{unread.height}: lines {shown}"))
    if left:
        found.append(problem(left[0], "segments_left_over", f"{len(left)}: lines {left[:20]}"))
    bad = accounts.filter(pl.any_horizontal(pl.col(name).is_null() for name in AMOUNTS))
    found += [problem(line, "amount_not_numeric", hard=False) for line in bad["line"]]
    found += [
        problem(0, f"no_{name}")
        for name, told in (("header", header), ("trailer", trailer))
        if not told
    ]
    stated = trailer.get("base_records")
    if stated is not None and stated.lstrip("0") != str(accounts.height).lstrip("0"):
        text = f"stated {stated}, computed {accounts.height}"
        found.append(problem(0, "trailer_base_record_count", text))
    return Furnished(header, trailer, accounts, segments, rows_of("problems", found))


_BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError,
           struct.error, zlib.error)  # fmt: skip
"""What zipfile raises of an archive that is none, or of a kind that it does not know."""


def _unzipped(data: bytes) -> bytes:
    if not data.startswith(b"PK\x03\x04"):
        return data
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) != 1 or members[0].file_size > MAX_BYTES:
                raise IntakeError(
                    f"the zip holds {len(members)} files; one is expected, of {MAX_BYTES:,} bytes at most"
                )
            with archive.open(members[0]) as member:
                return allowed(member.read(MAX_BYTES + 1))
    except _BROKEN as fault:
        raise IntakeError(f"the zip can't be opened ({fault}): send it again") from fault


def _text(data: bytes) -> str:
    """The text; the packed format and other bytes that are none are refused."""
    if b"\0" in data[:BASE]:
        raise IntakeError(
            "the file is in the packed (binary) format of Metro 2: ask for it in characters"
        )
    return unix(text_of(data)).rstrip("\n")


def _lines(text: str) -> pl.DataFrame:
    """Lines with something on them: `line`, `text` from its record descriptor on, `kind`. A text without
    line ends is cut by the record descriptors."""
    pieces = text.split("\n") if "\n" in text else _cut(text)
    plain = pl.DataFrame({"text": pl.Series(pieces, dtype=pl.String)}).with_row_index(
        "line", offset=1
    )
    kept = plain.filter(pl.col("text").str.strip_chars() != "").with_columns(
        pl.col("line").cast(pl.Int64)
    )
    behind = pl.col("text").str.slice(4)
    account = r"^[0-9]{4}.{68}[A-Z ].{2}[0-9]{26}"

    def kind(record: pl.Expr) -> pl.Expr:
        framed = record.str.contains(r"^[0-9]{4}")
        return (
            pl.when(framed & (record.str.slice(4, 6) == "HEADER")).then(pl.lit("header"))
            .when(framed & (record.str.slice(4, 7) == "TRAILER")).then(pl.lit("trailer"))
            .when(record.str.contains(account)).then(pl.lit("base"))
        )  # fmt: skip

    own, blocked = kind(pl.col("text")), kind(behind)
    # a block descriptor may stand before the record's own; an account behind what is none is not trusted
    trusted = pl.col("text").str.contains(r"^[0-9]{4}") | (blocked != "base")
    found = pl.when(trusted).then(blocked)
    return kept.with_columns(
        kind=pl.coalesce(own, found, pl.lit("unknown")),
        text=pl.when(own.is_null() & found.is_not_null()).then(behind).otherwise("text"),
    )


def _cut(text: str) -> list[str]:
    """Records one behind the other, each as long as its first four digits say; what is left is the last."""
    found, start = [], 0
    while start < len(text):
        length = text[start : start + 4]
        size = int(length) if length.isascii() and length.isdecimal() else 0
        end = start + size if size >= 10 else len(text)
        found.append(text[start:end])
        start = end
    return found


def _segments(bases: pl.DataFrame) -> tuple[pl.DataFrame, list[int]]:
    """The segments behind each base, step by step over all records, and lines where something is left."""
    rest = bases.select("line", text=pl.col("text").str.slice(BASE))
    found = [pl.DataFrame(schema={"line": pl.Int64, "segment": pl.String})]
    left: list[int] = []
    for _ in range(MOST + 1):
        rest = rest.filter(pl.col("text").str.strip_chars() != "").with_columns(
            segment=pl.col("text").str.slice(0, 2)
        )
        known = pl.col("segment").is_in(list(SEGMENTS))
        left += rest.filter(~known)["line"].to_list()
        rest = rest.filter(known)
        if not rest.height:
            return pl.concat(found), sorted(left)
        found.append(rest.select("line", "segment"))
        size = pl.col("segment").replace_strict(SEGMENTS, return_dtype=pl.Int64)
        rest = rest.select("line", text=pl.col("text").str.slice(size))
    return pl.concat(found), sorted(left + rest["line"].to_list())


def _at(first: int, last: int) -> pl.Expr:
    return pl.col("text").str.slice(first - 1, last - first + 1)


def _number(first: int, last: int) -> pl.Expr:
    """A field of digits as Int64; blank is 0, as the guide fills it; null where it is none."""
    plain = _at(first, last).str.strip_chars()
    return (
        pl.when(plain == "")
        .then(pl.lit(0, dtype=pl.Int64))
        .when(plain.str.contains(r"^[0-9]+$"))
        .then(plain.str.to_integer(strict=False))
    )


def _fields(record: pl.DataFrame, places: dict[str, tuple[int, int]]) -> dict[str, str]:
    if not record.height:
        return {}
    told = record.select(
        _at(*place).str.strip_chars().alias(name) for name, place in places.items()
    )
    return dict(told.row(0, named=True))
