"""Lists of sanctions: OFAC's SDN as XML, the consolidated list of the UN as XML, or CSV with a row an entry."""

from __future__ import annotations

from collections.abc import Iterator

import dataframely as dy
import polars as pl
from lxml import etree

from loanbook.core.errors import IntakeError
from loanbook.core.frames import content_hashes
from loanbook.pipelines.formats.bank.iso20022.stream import SAFE, local, opened
from loanbook.pipelines.formats.origination.reading import json_rows, texts_of
from loanbook.pipelines.formats.table import Bad, Parsed, parsed, read_csv

REQUIRED = ["entry_ref", "name"]
FIELDS = ["entry_ref", "name", "kind", "aliases", "born", "program"]
_BETWEEN = ";"
_NAME_PARTS = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
_YEAR = r"\b(1[89][0-9]{2}|20[0-9]{2})\b"


class EntryRows(dy.Schema):
    """An entry of a list as it may enter."""

    line = dy.Int64()
    entry_ref = dy.String(min_length=1, max_length=64)
    name = dy.String()
    again = dy.Bool()

    @dy.rule()
    def listed_name_missing(cls) -> pl.Expr:
        return pl.col("name") != ""

    @dy.rule()
    def entry_stands_twice(cls) -> pl.Expr:
        return ~pl.col("again")


def entries(data: bytes) -> Parsed:
    """Entries of a list: `entry_ref`, `name`, `kind`, `aliases` (set apart by semicolons), `born_from`, `born_to`, `program`,
    and `body_hash` of what they are matched by."""
    texts, broken = _read(data)
    missing = [name for name in REQUIRED if name not in texts.columns]
    if missing:
        raise IntakeError(f"the list has no field {missing[0]}; it has {', '.join(texts.columns)[:120]}")  # fmt: skip
    rows = texts_of(texts, FIELDS)
    years = pl.col("born").str.extract_all(_YEAR).list.eval(pl.element().cast(pl.Int64))
    typed = rows.with_columns(
        again=pl.int_range(pl.len()).over("entry_ref") > 0, born_from=years.list.min(), born_to=years.list.max()
    )  # fmt: skip
    told = parsed(typed, EntryRows, "entry_ref", rows, broken)
    hashed = content_hashes(told.good, ["name", "aliases", "kind", "born_from", "born_to"])
    return Parsed(told.rows_in, told.good.with_columns(body_hash=hashed), told.bad)


def _read(data: bytes) -> tuple[pl.DataFrame, Bad]:
    """Rows as texts and the lines that are none, by what the content is."""
    begins = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if begins == b"<":
        return _xml(data), []
    return json_rows(data) if begins == b"{" else read_csv(data, REQUIRED)


def _xml(data: bytes) -> pl.DataFrame:
    """Entries of an XML list as text rows; `line` is the place of the entry. IntakeError: it is none, or has a document
    type, by which a file could read others."""
    opened(data)
    try:
        root = etree.fromstring(data, etree.XMLParser(**SAFE))
    except etree.XMLSyntaxError as bad:
        raise IntakeError(f"no whole XML file ({str(bad)[:80]}); fetch the list again") from None
    kinds = {"sdnList": _ofac, "CONSOLIDATED_LIST": _un}
    reader = kinds.get(local(root.tag))
    if reader is None:
        raise IntakeError(
            f"the file begins with <{local(root.tag)[:40]}>, which is none of the lists that are read: {', '.join(kinds)}"
        )
    rows = [(place, *row) for place, row in enumerate(reader(root), start=1)]
    schema = {"line": pl.Int64, **dict.fromkeys(FIELDS, pl.String)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _all(node: etree._Element, *path: str) -> list[etree._Element]:
    found = [node]
    for name in path:
        found = [child for each in found for child in each if local(child.tag) == name]
    return found


def _texts(node: etree._Element, *path: str) -> list[str]:
    return [each.text.strip() for each in _all(node, *path) if each.text and each.text.strip()]


def _joined(node: etree._Element, *names: str) -> str:
    return " ".join(text for name in names for text in _texts(node, name)).replace(_BETWEEN, " ")


def _ofac(root: etree._Element) -> Iterator[tuple[str, ...]]:
    """Entries of OFAC's SDN list (sdn.xml): uid, names, type, programs, aliases, dates of birth."""
    for entry in _all(root, "sdnEntry"):
        aliases = [_joined(aka, "firstName", "lastName") for aka in _all(entry, "akaList", "aka")]
        yield (
            "".join(_texts(entry, "uid")[:1]), _joined(entry, "firstName", "lastName"), _joined(entry, "sdnType").lower(),
            _BETWEEN.join(aliases), _BETWEEN.join(_texts(entry, "dateOfBirthList", "dateOfBirthItem", "dateOfBirth")),
            _BETWEEN.join(_texts(entry, "programList", "program")),
        )  # fmt: skip


def _un(root: etree._Element) -> Iterator[tuple[str, ...]]:
    """Entries of the consolidated list of the UN Security Council: individuals and entities."""
    for group, one, kind in (("INDIVIDUALS", "INDIVIDUAL", "individual"), ("ENTITIES", "ENTITY", "entity")):  # fmt: skip
        for entry in _all(root, group, one):
            born = f"{one}_DATE_OF_BIRTH"
            dates = [text for each in ("DATE", "YEAR", "FROM_YEAR", "TO_YEAR") for text in _texts(entry, born, each)]  # fmt: skip
            yield (
                "".join(_texts(entry, "DATAID")[:1]), _joined(entry, *_NAME_PARTS), kind,
                _BETWEEN.join(t.replace(_BETWEEN, " ") for t in _texts(entry, f"{one}_ALIAS", "ALIAS_NAME")), _BETWEEN.join(dates),
                _BETWEEN.join(_texts(entry, "UN_LIST_TYPE")),
            )  # fmt: skip
