"""Entries of a bank's file as rows of one form, and by what an entry is known again."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.core.frames import DATE, FLAG, KEY, MINOR, column, empty, hashes
from loanbook.core.payments.bank_file import BankFile
from loanbook.core.policy.payments.bank_accounts import BankAccount

INTERIM = ("camt.052", "mt942")
"""Formats of reports within a day: what they tell comes again in the day's statement."""
BOOKED = ("BOOK", "booked", "")
"""States of an entry that moved the account's booked balance; a format that tells none has booked it."""
_NOTHING = ("NOTPROVIDED", "NONREF", "NONE", "NOT PROVIDED", "0", "")
"""What stands where a reference is left out."""


def _text(meaning: str) -> dy.String:
    return dy.String(nullable=True, metadata=column(meaning, "text"))


class Incoming(dy.Schema):
    """One row an entry, or a payment within an entry that sums several."""

    place = dy.Int64(metadata=column("Place in the file, from 1", KEY))
    line = dy.Int64(metadata=column("Where it stands in the file", "line or element line"))
    statement = dy.Int64(nullable=True, metadata=column("The statement's or batch's place", KEY))
    account = dy.String(nullable=True, metadata=column("The bank account's policy", "name"))
    direction = dy.String(nullable=True, metadata=column("credit or debit of the account", "text"))
    reversal = dy.Bool(metadata=column("It takes an earlier entry back", FLAG))
    amount = dy.Int64(nullable=True, metadata=column("How much", MINOR))
    currency = _text("Its currency")
    value_date = dy.Date(nullable=True, metadata=column("When the money counts", DATE))
    booked_on = dy.Date(nullable=True, metadata=column("When the bank booked it", DATE))
    status = _text("Booked, pending or for information")
    code = _text("What kind of entry")
    reference = _text("The bank's own reference; of NACHA the trace number")
    client_ref = _text("The reference that the client gave")
    end_to_end_id = _text("The id from end to end")
    mandate = _text("The mandate that it rests on")
    counterparty = _text("Name of the other side")
    counterparty_account = _text("Account of the other side")
    remittance = _text("What the payer wrote")
    returns = _text("Reason code, where it brings back what was sent")
    original = _text("Trace or id of what came back")


class Identified(Incoming):
    """Entries with what they are known by."""

    fingerprint = _text("Hash of name and remittance, where no reference is told")
    entry_id = dy.String(metadata=column("The entry's own id: what it says, hashed", KEY))


def entries_of(file: BankFile) -> pl.DataFrame:
    """Rows (schema `Incoming`, without `account`) of a file's entries, in its order.

    An entry that sums payments which make its amount is told by them; of one that they don't make the whole
    stands, since what was kept of it can't be told.
    """
    rows = _placed(file).join(
        returns_of(file).unique("place", keep="first", maintain_order=True).select("place", returns="code", original="original"),
        on="place", how="left", maintain_order="left",
    )  # fmt: skip
    refs = [
        pl.when(~pl.col(name).str.strip_chars().str.to_uppercase().is_in(_NOTHING))
        .then(pl.col(name).str.strip_chars())
        .alias(name)
        for name in ("reference", "client_ref", "end_to_end_id", "mandate")
    ]
    types = empty(Incoming).schema
    shaped = rows.with_columns(
        *refs, statement="batch", booked_on="booking_date", account=pl.lit(None, pl.String)
    )
    return shaped.select(pl.col(name).cast(type_) for name, type_ in types.items())


def returns_of(file: BankFile) -> pl.DataFrame:
    """A file's returns with the `place` (Int64) of the row of `entries_of` that each is: of an entry that is told by its
    payments that of the payment."""
    returns = file.frame("returns")
    if returns.is_empty():
        return returns.with_columns(place=pl.lit(None, pl.Int64))
    rows = _placed(file).select("entry", "nth", "place", "end_to_end_id")
    whole = rows.filter(pl.col("nth") == 0).select("entry", _whole="place")
    keys = ["entry", "original", "_nth"]
    single = (
        rows.filter(pl.col("nth") > 0)
        .rename({"end_to_end_id": "original"})
        .with_columns(_nth=_nth(keys[:2]))
    )
    return (
        returns.with_columns(_nth=_nth(keys[:2]))
        .join(single.select(*keys, "place"), on=keys, how="left", nulls_equal=True, maintain_order="left")
        .join(whole, on="entry", how="left", maintain_order="left")
        .with_columns(place=pl.coalesce("place", "_whole")).drop("_nth", "_whole")
    )  # fmt: skip


def _placed(file: BankFile) -> pl.DataFrame:
    """Entries, those that sum payments as these, with `entry`, `nth` (of its payments, from 1; 0: the entry itself) and `place`."""
    entries, details = file.entries, file.frame("details")
    sums = details.group_by("entry").agg(
        total=pl.col("amount").sum(), whole=pl.col("amount").is_not_null().all(),
        alike=pl.col("currency").n_unique(), of=pl.col("currency").first(),
    )  # fmt: skip
    split = (
        entries.select("entry", "amount", "currency").join(sums, on="entry")
        .filter(
            pl.col("whole") & (pl.col("total") == pl.col("amount"))
            & (pl.col("alike") == 1) & pl.col("of").eq_missing(pl.col("currency"))
        )
    )  # fmt: skip
    kept = entries.join(split, on="entry", how="anti").with_columns(nth=pl.lit(0, pl.Int64))
    told = ["line", "amount", "end_to_end_id", "reference", "mandate", "counterparty",
            "counterparty_account", "remittance"]  # fmt: skip
    inside = (
        entries.join(split.select("entry"), on="entry", how="semi")
        .drop(told)
        .join(details.select("entry", *told), on="entry", how="inner", maintain_order="right")
        .with_columns(nth=pl.int_range(1, pl.len() + 1).over("entry"))
        .select(kept.columns)
    )
    rows = pl.concat([kept, inside]).sort("entry", "nth")
    return rows.with_columns(place=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))


def dated(entries: pl.DataFrame, account: BankAccount, date: dt.date) -> pl.DataFrame:
    """Entries of one account with the day from which each counts; `date`: of the file, where none is told."""
    first, second = ("value_date", "booked_on")
    if account.counts_from == "booking_date":
        first, second = second, first
    return entries.with_columns(value_date=pl.coalesce(first, second, pl.lit(date)))


_SAME = ("account", "direction", "reversal", "amount", "currency")
"""What the same entry says alike in every file and format."""


def identified(entries: pl.DataFrame) -> pl.DataFrame:
    """Entries (schema `Incoming`, dated) with `fingerprint` and `entry_id`.

    The id is of what the entry says and of its place among those of the file that say the same: no file,
    line or format takes part.
    """
    words = pl.concat_str(
        pl.col("counterparty", "remittance").fill_null("").str.to_uppercase()
        .str.replace_all(r"[^\p{L}\p{N}]", ""), separator="|",
    )  # fmt: skip
    bare = pl.all_horizontal(
        pl.col(name).is_null() for name in ("reference", "client_ref", "end_to_end_id")
    )
    marked = entries.with_columns(_bare=bare, _words=words)
    few = marked.filter("_bare")
    prints = few.select("place", fingerprint=_hashed(few["_words"]))
    marked = marked.join(prints, on="place", how="left", maintain_order="left")
    told = [
        *_SAME,
        "value_date",
        "reference",
        "end_to_end_id",
        "client_ref",
        "mandate",
        "fingerprint",
    ]
    text = pl.concat_str(pl.col(told).cast(pl.String).fill_null(""), separator="\x1f")
    marked = marked.with_columns(_text=text)
    marked = marked.with_columns(
        _text=pl.concat_str("_text", pl.int_range(pl.len()).over("_text"), separator="\x1f")
    )
    return marked.with_columns(entry_id=_hashed(marked["_text"])).drop("_bare", "_words", "_text")


def _hashed(texts: pl.Series) -> pl.Series:
    """The first 20 hexadecimal digits of each text's SHA-256."""
    return hashes(texts).str.head(20)


KNOWN_BY = (
    ("reference", "reference", ()),
    ("end_to_end_id", "end_to_end_id", ("value_date",)),
    ("client_ref", "client_ref", ("value_date",)),
    ("client_ref", "end_to_end_id", ("value_date",)),
    ("end_to_end_id", "client_ref", ("value_date",)),
    ("fingerprint", "fingerprint", ("value_date",)),
)
"""By what an entry is the same as another that says `_SAME`: its own reference and the other's, and what else must
then be alike. A bank gives a reference once, while a payer may give the same one every week; some formats
have the payer's reference where others have the client's."""
_TRACE, _TRACE_DAYS = r"^[0-9]{15}$", 4
"""Form of a trace number of ACH, and for how many days it means the same: many banks number each file from one, so that the
payer of every week or fortnight bears the same number again."""
KNOWN = (
    *_SAME,
    "value_date",
    "reference",
    "client_ref",
    "end_to_end_id",
    "fingerprint",
    "entry_id",
)
"""What must be known of earlier entries."""


def same_as(entries: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """`place`, `same_as`: entries that are among the `known` ones (columns `KNOWN`), with the id of that one.

    Where several say the same, the n-th of the file is the n-th that is known: what is told once more than
    before is new.
    """
    found = entries.select("place").clear().with_columns(same_as=pl.lit(None, pl.String))
    if known.is_empty() or entries.is_empty():
        return found
    left, before = entries, _of_these_days(known, entries)
    parts = [found]
    for own, other, beside in KNOWN_BY:
        keys = [*_SAME, *beside, "_by"]
        mine = left.filter(pl.col(own).is_not_null()).with_columns(_by=own)
        theirs = before.filter(pl.col(other).is_not_null()).with_columns(_by=other)
        both = (
            mine.select(*keys, "place", _nth=_nth(keys))
            .join(
                theirs.select(*keys, _nth=_nth(keys), same_as="entry_id"),
                on=[*keys, "_nth"],
                nulls_equal=True,
            )
            .select("place", "same_as")
        )
        parts.append(both)
        left = left.join(both, on="place", how="anti", maintain_order="left")
        before = before.filter(~pl.col("entry_id").is_in(both["same_as"].implode()))
    return pl.concat(parts)


def _of_these_days(known: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Known entries without those of long before or after whose reference is a trace number."""
    days = pl.duration(days=_TRACE_DAYS)
    first, last = entries.select(
        first=pl.col("value_date").min() - days, last=pl.col("value_date").max() + days
    ).row(0)
    traced = pl.col("reference").str.contains(_TRACE).fill_null(False)
    return known.filter(~traced | pl.col("value_date").is_between(first, last))


def _nth(keys: list[str]) -> pl.Expr:
    return pl.int_range(pl.len()).over(keys)


def masked(text: str) -> pl.Expr:
    """A text as the ledger may keep it: words of more than three letters cut to their first, of long numbers
    the last four digits."""
    cut = pl.col(text).str.replace_all(r"(\p{L})\p{L}{3,}", "${1}…")
    return cut.str.replace_all(r"[0-9]{5,}([0-9]{4})", "…${1}").str.head(140)
