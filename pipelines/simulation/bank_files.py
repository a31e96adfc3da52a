"""Payments of a simulated folder as the files of a bank or a collector, with known truth.

The loans and the money are the same; only who tells of it differs. Every file says that it is synthetic. How a payer
names the loan differs from payment to payment, by a number drawn of the payment's reference: as a reference by itself, or
within a text. A bank's fee stands beside the payments, one payment in fifty names nothing, and one in thirteen is taken back in
the next file of the format: by a processor as a dispute, which finds its payment, by a bank as an entry of its own, of which people
decide. (Of NACHA what comes back is of debits that were presented, and the simulated payers pay by themselves.)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from loanbook.core.contract.money import decimal_text
from loanbook.core.errors import LoanbookError
from loanbook.pipelines.formats.registry import dated

BANK = "09100001"
"""First eight digits of the synthetic bank's number; the ninth is 9."""
ACCOUNTS = {"camt.053": "SYNTHETIC000000001", "mt940": "SYNTHETIC000000002", "bai2": "SYNTHETIC000000003",
            "nacha": "SYNTHETIC00000004"}  # fmt: skip
"""The account that each format tells of: the policies synthetic-* of `bank_accounts` have them."""
FEE = 250
"""The bank's fee a day, cents."""
NAMELESS = 50
"""One payment in so many names nothing."""
TAKEN_BACK = 13
"""One payment in so many is taken back: a prime, so that every format has some."""
TRUTH = ("format", "file", "reference", "loan_key", "amount", "value_date", "outcome")
"""Columns of the truth: of each entry, `applied` to which loan, `returned` from which, in `suspense`, or `outside`."""


@dataclass(frozen=True)
class Day:
    """A day's entries in one format: `reference`, `key`, `text`, `cents`, the balance before them, and payments of the file
    before that are taken back."""

    date: dt.date
    entries: pl.DataFrame
    opening: int
    back: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(
            schema={"reference": pl.String, "loan_key": pl.String, "cents": pl.Int64}
        )
    )

    @property
    def closing(self) -> int:
        """The balance after them and the bank's fee."""
        return self.opening + int(self.entries["cents"].sum()) - FEE - int(self.back["cents"].sum())


def rewrite(folder: Path, formats: list[str]) -> tuple[int, Path]:
    """Write the payments (USD) of a folder's `payments_DATE.csv` in these formats, which take turns payment by
    payment, in place of them. Returns how many files there are now, and where the truth stands: beside the folder."""
    unknown = [name for name in formats if name not in WRITERS]
    if unknown:
        raise LoanbookError(f"no format is named {unknown[0]!r}; known: {', '.join(WRITERS)}")
    paths = [p for p in sorted(folder.glob("payments_*.csv")) if dated(p.name)[0] == "payments"]
    if not paths:
        raise LoanbookError(
            f"{folder} holds no payments_DATE.csv; `loanbook simulate {folder}` writes them"
        )
    told, files = [], 0
    back: dict[str, pl.DataFrame] = {}
    opening = dict.fromkeys(formats, 1_000_000)
    for path in paths:
        date = dated(path.name)[1]
        assert date is not None
        rows = _entries(pl.read_csv(path, infer_schema=False), formats)
        others = rows.filter(pl.col("currency") != "USD")
        for name in formats:
            mine = rows.filter((pl.col("format") == name) & (pl.col("currency") == "USD"))
            if mine.is_empty():
                continue
            writer = WRITERS[name]
            day = Day(
                date,
                mine,
                opening[name],
                back.get(name, mine.clear().select("reference", "loan_key", "cents")),
            )
            if writer.returned:
                back[name] = mine.filter("taken_back").select("reference", "loan_key", "cents")
            place = folder / writer.name.format(date=date)
            place.write_text(writer.write(day), encoding="utf-8")
            files += 1
            opening[name] = day.closing
            told.append(_truth(day, name, place.name, writer))
        if others.is_empty():
            path.unlink()
        else:
            others.select("payment_ref", "loan_key", "amount", "currency", "value_date").write_csv(
                path
            )
            files += 1
    truth = folder.with_name(f"{folder.name}_money_truth.csv")
    pl.concat(told).write_csv(truth)
    return files, truth


def _entries(rows: pl.DataFrame, formats: list[str]) -> pl.DataFrame:
    """Payments with the format that tells of each, and how: `key` as a reference, or `text` around it."""
    digits = pl.col("payment_ref").str.extract_all(r"[0-9]").list.join("").str.tail(9)
    number = (
        digits.str.to_integer(strict=False).fill_null(0) + pl.col("payment_ref").str.len_chars()
    )
    drawn = rows.with_columns(n=(number * 48_271 + pl.int_range(pl.len()) * 7_919) % 2_147_483_647)
    nameless = pl.col("n") % NAMELESS == 7
    as_key = pl.col("n") % 3 == 0
    taken_back = (pl.col("n") % TAKEN_BACK == 11) & ~nameless
    return drawn.with_columns(
        format=pl.lit(formats).list.get(pl.col("n") % len(formats)) if len(formats) > 1 else pl.lit(formats[0]),
        reference="payment_ref", nameless=nameless, taken_back=taken_back,
        cents=pl.col("amount").str.replace(".", "", literal=True).str.to_integer(strict=True),
        key=pl.when(as_key & ~nameless).then("loan_key").otherwise(pl.lit("")),
        text=pl.when(nameless).then(pl.lit("synthetic payment"))
        .when(as_key).then(pl.lit("synthetic")).otherwise(pl.format("synthetic instalment {} thanks", "loan_key")),
    )  # fmt: skip


BACK = "BACK-"
"""What the reference of what takes a payment back begins with."""


def _truth(day: Day, name: str, file: str, writer: Writer) -> pl.DataFrame:
    rows = day.entries.select(
        format=pl.lit(name), file=pl.lit(file), reference="reference",
        loan_key=pl.when(~pl.col("nameless")).then("loan_key"), amount="cents",
        value_date=pl.lit(str(day.date)),
        outcome=pl.when("nameless").then(pl.lit("suspense")).otherwise(pl.lit("applied")),
    )  # fmt: skip
    found = writer.returned == "returned"
    back = day.back.select(
        format=pl.lit(name), file=pl.lit(file), reference=BACK + pl.col("reference"),
        loan_key=pl.col("loan_key") if found else pl.lit(None, pl.String), amount="cents", value_date=pl.lit(str(day.date)),
        outcome=pl.lit(writer.returned or ""),
    )  # fmt: skip
    rows = pl.concat([rows, back])
    if not writer.has_fee:
        return rows
    fee = (name, file, f"FEE-{day.date}", None, FEE, str(day.date), "outside")
    return pl.concat([rows, pl.DataFrame([fee], schema=rows.schema, orient="row")])


def _lines(rows: pl.DataFrame, *parts: pl.Expr, between: str = "") -> str:
    """One text of all rows, each the parts in a row."""
    return between.join(rows.select(pl.concat_str(*parts)).to_series())


def _escaped(name: str) -> pl.Expr:
    text = pl.col(name)
    for sign, told in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.str.replace_all(sign, told, literal=True)
    return text


def _decimal(cents: int) -> str:
    return f"{abs(cents) // 100}.{abs(cents) % 100:02}"


def camt(day: Day) -> str:
    """A camt.053 of version 2."""
    date = f"<BookgDt><Dt>{day.date}</Dt></BookgDt><ValDt><Dt>{day.date}</Dt></ValDt>"

    def entry(way: str, amount: str) -> str:
        return (
            f'<Ntry><Amt Ccy="USD">{amount}</Amt><CdtDbtInd>{way}<Sts>BOOK</Sts>{date}<AcctSvcrRef>'
        )

    code = ("</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{}</Cd><SubFmlyCd>{}</SubFmlyCd></Fmly></Domn></BkTxCd>"
            "<NtryDtls><TxDtls>")  # fmt: skip
    end = "</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    amount = decimal_text(pl.col("cents"), 2)
    head, tail = entry("CRDT</CdtDbtInd>", "\x00").split("\x00")
    body = _lines(
        day.entries, pl.lit(head), amount, pl.lit(tail), pl.col("reference"),
        pl.lit(code.format("RCDT", "ESCT")),
        pl.when(pl.col("key") != "").then(pl.format("<Refs><EndToEndId>{}</EndToEndId></Refs>", "key")).otherwise(pl.lit("")),
        pl.lit("<RmtInf><Ustrd>"), _escaped("text"), pl.lit(end),
    )  # fmt: skip
    first, last = entry("DBIT</CdtDbtInd><RvslInd>true</RvslInd>", "\x00").split("\x00")
    body += _lines(
        day.back, pl.lit(first), amount, pl.lit(last), BACK + pl.col("reference"), pl.lit(code.format("RCDT", "ESCT")),
        pl.lit("<RmtInf><Ustrd>Synthetic payment taken back" + end),
    )  # fmt: skip
    fee = f"{entry('DBIT</CdtDbtInd>', _decimal(FEE))}FEE-{day.date}{code.format('MDOP', 'CHRG')}<RmtInf><Ustrd>Synthetic bank fee{end}"

    def balance(kind: str, cents: int) -> str:
        way = "CRDT" if cents >= 0 else "DBIT"
        return (f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="USD">{_decimal(cents)}</Amt>'
                f"<CdtDbtInd>{way}</CdtDbtInd><Dt><Dt>{day.date}</Dt></Dt></Bal>")  # fmt: skip

    return (
        '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">'
        f"<BkToCstmrStmt><GrpHdr><MsgId>SYNTHETIC-{day.date}</MsgId><CreDtTm>{day.date}T20:00:00</CreDtTm></GrpHdr><Stmt>"
        f"<Id>SYNTHETIC-{day.date}</Id><CreDtTm>{day.date}T20:00:00</CreDtTm><Acct><Id><Othr><Id>{ACCOUNTS['camt.053']}</Id></Othr></Id>"
        f"<Ccy>USD</Ccy></Acct>{balance('OPBD', day.opening)}{balance('CLBD', day.closing)}{body}{fee}</Stmt></BkToCstmrStmt></Document>"
    )


def mt940(day: Day) -> str:
    """An MT940."""
    date = f"{day.date:%y%m%d}"

    def balance(tag: str, cents: int) -> str:
        way = "C" if cents >= 0 else "D"
        return f":{tag}:{way}{date}USD{_decimal(cents).replace('.', ',')}\n"

    amount = decimal_text(pl.col("cents"), 2).str.replace(".", ",", literal=True)
    key = pl.when((pl.col("key") != "") & (pl.col("key").str.len_chars() <= 16)).then("key")
    text = (
        pl.when((pl.col("key") != "") & key.is_null())
        .then(pl.format("{} {}", "text", "key"))
        .otherwise("text")
    )
    body = _lines(
        day.entries, pl.lit(f":61:{date}{date[2:]}C"), amount, pl.lit("NTRF"), key.fill_null("NONREF"),
        pl.lit("//"), pl.col("reference"), pl.lit("\n:86:/REMI/"), text, pl.lit("\n"),
    )  # fmt: skip
    body += _lines(
        day.back, pl.lit(f":61:{date}{date[2:]}RC"), amount, pl.lit("NRTINONREF//"), BACK + pl.col("reference"),
        pl.lit("\n:86:/REMI/Synthetic payment taken back\n"),
    )  # fmt: skip
    fee = f":61:{date}{date[2:]}D{_decimal(FEE).replace('.', ',')}NCHGNONREF//FEE-{day.date}\n:86:/REMI/Synthetic bank fee\n"
    return (f":20:SYNTHETIC\n:25:{ACCOUNTS['mt940']}\n:28C:{day.date:%j}/1\n{balance('60F', day.opening)}{body}{fee}"
            f"{balance('62F', day.closing)}-\n")  # fmt: skip


def bai2(day: Day) -> str:
    """A BAI2 file of one group and account."""
    date, total = (
        f"{day.date:%y%m%d}",
        int(day.entries["cents"].sum())
        + int(day.back["cents"].sum())
        + FEE
        + day.opening
        + day.closing,
    )
    plain = pl.col("text").str.replace_all("[,/]", " ")
    body = _lines(
        day.entries, pl.lit("16,195,"), pl.col("cents").cast(pl.String), pl.lit(",Z,"), pl.col("reference"),
        pl.lit(","), pl.col("key"), pl.lit(","), plain, pl.lit("/\n"),
    )  # fmt: skip
    body += _lines(
        day.back, pl.lit("16,555,"), pl.col("cents").cast(pl.String), pl.lit(",Z,"), BACK + pl.col("reference"),
        pl.lit(",,Synthetic payment taken back/\n"),
    )  # fmt: skip
    rows = day.entries.height + day.back.height
    return (
        f"01,{BANK}9,SYNTHETIC,{date},2000,1,80,1,2/\n02,SYNTHETIC,{BANK}9,1,{date},2000,USD,2/\n"
        f"03,{ACCOUNTS['bai2']},USD,010,{day.opening},,,015,{day.closing},,/\n{body}"
        f"16,698,{FEE},Z,FEE-{day.date},,Synthetic bank fee/\n"
        f"49,{total},{rows + 3}/\n98,{total},1,{rows + 5}/\n99,{total},1,{rows + 7}/\n"
    )


BATCH = 100_000
"""Entries of a batch at most: its control has room for 999,999 entries and addenda."""


def nacha(day: Day) -> str:
    """A NACHA file of received CIE credits: bill payments, with the loan in the identification or an addenda."""
    rows = day.entries.with_columns(
        short=pl.when(pl.col("key").str.len_chars() <= 22).then("key").otherwise(pl.lit("")),
        trace=pl.format(
            "{}{}", pl.lit(BANK), pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(7)
        ),
    )
    told = (
        pl.when(pl.col("short") == "").then(pl.format("{} {}", "text", "key")).otherwise(pl.lit(""))
    )
    rows = rows.with_columns(told=told.str.strip_chars())
    date = f"{day.date:%y%m%d}"
    batches = [_batch(part, n, date) for n, part in enumerate(rows.iter_slices(BATCH), start=1)]
    count, cents = sum(n for _, n in batches), int(rows["cents"].sum())
    hashed = int(BANK) * rows.height % 10**10
    lines = 2 + 2 * len(batches) + count
    blocks = -(-lines // 10)
    head = f"101 {BANK}9 {BANK}9{date}2000A094101{'SYNTHETIC BANK':<23}{'SYNTHETIC BILLER':<23}{'':8}\n"
    control = f"9{len(batches):06}{blocks:06}{count:08}{hashed:010}{0:012}{cents:012}{'':39}\n"
    body = "".join(text for text, _ in batches)
    return head + body + control + ("9" * 94 + "\n") * (blocks * 10 - lines)


def _batch(rows: pl.DataFrame, number: int, date: str) -> tuple[str, int]:
    """A batch of CIE credits, and how many entries and addenda it has."""
    with_text = pl.col("told") != ""
    addenda = pl.concat_str(
        pl.lit("705"), pl.col("told").str.head(80).str.pad_end(80), pl.lit("0001"),
        pl.col("trace").str.tail(7), pl.lit("\n"),
    )  # fmt: skip
    body = _lines(
        rows, pl.lit(f"622{BANK}9"), pl.lit(ACCOUNTS["nacha"].ljust(17)),
        pl.col("cents").cast(pl.String).str.zfill(10), pl.lit("SYNTHETIC PAYER"),
        pl.col("short").str.pad_end(22), pl.lit("  "), with_text.cast(pl.Int8).cast(pl.String),
        pl.col("trace"), pl.lit("\n"), pl.when(with_text).then(addenda).otherwise(pl.lit("")),
    )  # fmt: skip
    count = rows.height + int(rows.select(with_text.sum()).item())
    cents, hashed = int(rows["cents"].sum()), int(BANK) * rows.height % 10**10
    head = f"5220{'SYNTHETIC BILLER':<16}{'':20}{'1234567890':<10}CIE{'PAYMENT':<10}{'':6}{date}   1{BANK}{number:07}\n"
    tail = (
        f"8220{count:06}{hashed:010}{0:012}{cents:012}{'1234567890':<10}{'':25}{BANK}{number:07}\n"
    )
    return head + body + tail, count


def processor(day: Day) -> str:
    """A card processor's settlement of a day: a fee of one per cent of each charge, and the payout."""
    rows = day.entries.with_columns(fee=pl.col("cents") // 100)
    note = pl.when(pl.col("nameless")).then(pl.lit("")).otherwise("loan_key")
    body = _lines(
        rows, pl.col("reference"), pl.lit(",charge,"), decimal_text(pl.col("cents"), 2), pl.lit(","),
        decimal_text(pl.col("fee"), 2), pl.lit(f",USD,{day.date},"), note, pl.lit(f",SYNTHETIC-PAYOUT-{day.date},\n"),
    )  # fmt: skip
    body += _lines(
        day.back, BACK + pl.col("reference"), pl.lit(",dispute,"), decimal_text(pl.col("cents"), 2),
        pl.lit(f",,USD,{day.date},,SYNTHETIC-PAYOUT-{day.date},"), pl.col("reference"), pl.lit("\n"),
    )  # fmt: skip
    net = int(rows["cents"].sum()) - int(rows["fee"].sum()) - int(day.back["cents"].sum())
    return (f"id,type,gross,fee,currency,created,customer_reference,payout,charge\n{body}"
            f"PAYOUT-{day.date},payout,{'-' if net < 0 else ''}{_decimal(net)},,USD,{day.date},,SYNTHETIC-PAYOUT-{day.date},\n")  # fmt: skip


@dataclass(frozen=True)
class Writer:
    """How a format is written, and how its files are named."""

    write: Callable[[Day], str]
    name: str
    has_fee: bool = True
    returned: str | None = "suspense"
    """The outcome of what takes a payment back; None: the format tells none."""


WRITERS: Mapping[str, Writer] = {
    "camt.053": Writer(camt, "bank_{date}_camt.xml"),
    "mt940": Writer(mt940, "bank_{date}_mt940.sta"),
    "bai2": Writer(bai2, "bank_{date}_bai2.txt"),
    "nacha": Writer(nacha, "bank_{date}_nacha.ach", has_fee=False, returned=None),
    "processor": Writer(
        processor, "collected_{date}_synthetic-processor.csv", has_fee=False, returned="returned"
    ),
}
"""Formats that a simulated folder's money may be written in."""
