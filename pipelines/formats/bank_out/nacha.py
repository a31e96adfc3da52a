"""NACHA files of debits and credits: PPD, CCD and WEB, with addenda and prenotifications.

A batch holds entries of one class, description, direction and effective date. Source: Nacha Operating
Rules, appendix 3 (record format specifications).
"""

from __future__ import annotations

import polars as pl

from loanbook.core.errors import InstructionError
from loanbook.core.payments.out.instructions import Heading, Instructions
from loanbook.core.policy.originators import Originator
from loanbook.pipelines.formats.bank.nacha.records import BLOCK, HASH, LENGTH
from loanbook.pipelines.formats.bank_out.text import ascii_only, digits, left, must_fit

CLASSES = ("PPD", "CCD", "WEB")
"""Standard entry classes that are written. An addenda of each has one record at most."""
BATCH = ["direction", "entry_class", "description", "effective"]
"""What entries of one batch share."""
_MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_ACCOUNTS = {"checking": 20, "savings": 30}
_SERVICES = {"credit": 220, "debit": 225}


def write(by: Originator, heading: Heading, payments: pl.DataFrame) -> bytes:
    """The file of these payments (schema `Instructions`, one row at least), ASCII with line feeds.

    Raises InstructionError where the format has no room for them. Traces ascend within the file.
    """
    rows = Instructions.validate(payments).sort(*BATCH, "trace")
    _must_be_possible(rows, heading)
    numbered = rows.with_columns(batch=pl.struct(BATCH).rle_id().cast(pl.Int64) + 1)
    entries = numbered.with_columns(
        code=_code(), hashed=pl.col("bank").str.slice(0, 8).cast(pl.Int64),
        addenda=pl.col("remittance").fill_null("").str.strip_chars() != "",
    )  # fmt: skip
    batches = _summed(entries)
    lines = pl.concat(
        [
            _headers(batches, by), _entries(entries), _addenda(entries.filter("addenda")),
            _controls(batches, by),
        ]
    ).sort("batch", "part", "trace", "sub")["text"].to_list()  # fmt: skip
    whole = [_file_header(by, heading), *lines]
    blocks = -(-(len(whole) + 1) // BLOCK)
    whole.append(_file_control(batches, blocks))
    whole += ["9" * LENGTH] * (blocks * BLOCK - len(whole))
    return ("\n".join(whole) + "\n").encode("ascii")


def _must_be_possible(rows: pl.DataFrame, heading: Heading) -> None:
    if rows.is_empty():
        raise InstructionError("a file to a bank needs a payment; there is none to send")
    others = sorted(set(rows["entry_class"]) - set(CLASSES))
    if others:
        raise InstructionError(f"entry class {others[0]}: write one of {', '.join(CLASSES)}")
    if heading.number > len(_MODIFIERS):
        raise InstructionError(
            f"the file would be number {heading.number} of its day, and an originator has at most "
            f"{len(_MODIFIERS)} file id modifiers a day; send more in one file"
        )
    for name, form in (("bank", r"^[0-9]{9}$"), ("trace", r"^[0-9]{15}$"), ("account", r"^[ -~]{1,17}$")):  # fmt: skip
        odd = rows.filter(~pl.col(name).str.contains(form))
        if odd.height:
            raise InstructionError(f"{odd['key'][0]}: {name} has not the form of the rail ({form})")
    must_fit(rows, "amount", 10, "amount of an entry")


def _code() -> pl.Expr:
    """Transaction code: kind of account, then direction, then whether it is a prenotification."""
    account = pl.col("account_type").replace_strict(_ACCOUNTS, default=20, return_dtype=pl.Int64)
    way = pl.when(pl.col("direction") == "credit").then(2).otherwise(7)
    return account + way + pl.col("prenote").cast(pl.Int64)


def _summed(entries: pl.DataFrame) -> pl.DataFrame:
    amount, way = pl.col("amount"), pl.col("direction")
    batches = entries.group_by("batch", *BATCH, maintain_order=True).agg(
        entries=pl.len().cast(pl.Int64),
        addenda=pl.col("addenda").sum().cast(pl.Int64),
        hash=pl.col("hashed").sum() % HASH,
        debit=amount.filter(way == "debit").sum(),
        credit=amount.filter(way == "credit").sum(),
    )
    service = pl.col("direction").replace_strict(_SERVICES, return_dtype=pl.Int64)
    for name in ("debit", "credit"):
        must_fit(batches.select(pl.col(name).sum()), name, 12, f"sum of {name}s")
    return batches.with_columns(service=service, both=pl.col("entries") + pl.col("addenda"))


_NONE = pl.lit("")


def _line(batch: pl.DataFrame, part: int, *fields: pl.Expr, trace: pl.Expr = _NONE, sub: int = 0) -> pl.DataFrame:  # fmt: skip
    """Lines with their place: batch, part of it (header, entries, control), trace, addenda behind."""
    return batch.select(
        "batch", part=pl.lit(part), trace=trace, sub=pl.lit(sub), text=pl.concat_str(*fields)
    )


def _headers(batches: pl.DataFrame, by: Originator) -> pl.DataFrame:
    return _line(
        batches, 0, pl.lit("5"), digits(pl.col("service"), 3), left(pl.lit(by.company), 16),
        pl.lit(" " * 20), left(pl.lit(by.company_id), 10), left(pl.col("entry_class"), 3),
        left(pl.col("description"), 10), pl.lit(" " * 6), pl.col("effective").dt.strftime("%y%m%d"),
        pl.lit("   1"), pl.lit(by.bank[:8]), digits(pl.col("batch"), 7),
    )  # fmt: skip


def _entries(entries: pl.DataFrame) -> pl.DataFrame:
    """Of WEB the discretionary data say whether it recurs or is a single one."""
    once = pl.when(pl.col("sequence") == "OOFF").then(pl.lit("S ")).otherwise(pl.lit("R "))
    free = pl.when(pl.col("entry_class") == "WEB").then(once).otherwise(pl.lit("  "))
    return _line(
        entries, 1, pl.lit("6"), digits(pl.col("code"), 2), pl.col("bank"),
        left(pl.col("account"), 17), digits(pl.col("amount"), 10), left(pl.col("end_to_end_id"), 15),
        left(pl.col("holder"), 22), free, pl.col("addenda").cast(pl.Int64).cast(pl.String),
        pl.col("trace"), trace=pl.col("trace"),
    )  # fmt: skip


def _addenda(entries: pl.DataFrame) -> pl.DataFrame:
    return _line(
        entries, 1, pl.lit("705"), left(pl.col("remittance"), 80), pl.lit("0001"),
        pl.col("trace").str.slice(8, 7), trace=pl.col("trace"), sub=1,
    )  # fmt: skip


def _controls(batches: pl.DataFrame, by: Originator) -> pl.DataFrame:
    return _line(
        batches, 2, pl.lit("8"), digits(pl.col("service"), 3), digits(pl.col("both"), 6),
        digits(pl.col("hash"), 10), digits(pl.col("debit"), 12), digits(pl.col("credit"), 12),
        left(pl.lit(by.company_id), 10), pl.lit(" " * 25), pl.lit(by.bank[:8]),
        digits(pl.col("batch"), 7),
    )  # fmt: skip


def _file_header(by: Originator, heading: Heading) -> str:
    name, sender = pl.select(
        ascii_only(pl.lit(by.bank_name)), sender=ascii_only(pl.lit(by.company))
    ).row(0)
    return (
        f"101 {by.bank}{by.company_id:>10}{heading.created:%y%m%d%H%M}{_MODIFIERS[heading.number - 1]}"
        f"094101{name[:23]:<23}{sender[:23]:<23}{'':8}"
    )


def _file_control(batches: pl.DataFrame, blocks: int) -> str:
    hashed, debit, credit, both = batches.select(
        pl.col("hash").sum() % HASH, pl.col("debit").sum(), pl.col("credit").sum(), pl.col("both").sum()
    ).row(0)  # fmt: skip
    return f"9{batches.height:06}{blocks:06}{both:08}{hashed:010}{debit:012}{credit:012}{'':39}"
