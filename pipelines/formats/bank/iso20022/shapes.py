"""Elements of one kind as columns: how one is read is asked once of each shape, and then answered for all of that shape.

A shape is an element's text without what its leaves say. A reader looks at an element of the shape whose leaves hold
numbers (`leaf`) and tells which leaf each column is; the leaves of all elements are then taken by number. So a million
entries of a bank that writes them in three ways are read by three looks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
from lxml import etree

from loanbook.pipelines.formats.bank.iso20022.stream import SAFE, local

MARK = "\x01"
"""Stands for what a leaf says; XML has no such character, so that no text of a message has it."""
LOOKED = "\ue000"
"""Begins what a leaf says in an element that is looked at, its number: in such a one no text of the message is left."""
_TAG = re.compile("(<[^>]*>)")
_LEAF = re.compile(f"^{LOOKED}([0-9]+)$")
_ESCAPES = (("&#13;", "\r"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))  # fmt: skip


@dataclass(frozen=True)
class Form:
    """What is read of elements of one kind. `look` takes an element whose leaves hold numbers and tells by column a text of
    it: of `leaves` what `stream.text` finds, of `lists` several of these, of `fixed` what is no leaf, such as an attribute."""

    tag: str
    look: Callable[[Any], dict[str, Any]]
    leaves: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()


@dataclass(frozen=True)
class Around:
    """What elements lack that were cut out of a message as text: the prefix of its names, its namespaces, and elements of the
    names that were `cut` out of them. Without namespaces their texts are whole."""

    prefix: str = ""
    namespaces: str = ""
    cut: tuple[str, ...] = ()


class Shapes:
    """Shapes of one kind of element of a file, each looked at once."""

    def __init__(self, form: Form, around: Around) -> None:
        self.form, self.around = form, around
        self._known: dict[str, dict[str, Any]] = {}
        columns = dict.fromkeys(form.leaves, pl.Int64) | dict.fromkeys(form.fixed, pl.String)
        lists = {name: pl.List(pl.Int64) for name in form.lists}
        self._schema: dict[str, Any] = {"_shape": pl.String, **columns, **lists}

    def columns(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`rows` with the columns of the form in place of `text`, what is within an element; null where it says nothing.

        XMLSyntaxError: a text is no element's. ValueError: an element is left in it that was to be cut.
        """
        text = pl.col("text")
        cut = rows.with_columns(
            _shape=text.str.replace_all(r">[^<]*[^<\s][^<]*<", f">{MARK}<"),
            _said=text.str.replace_all(r"<[^>]*>", MARK).str.split(MARK),
        ).drop("text")
        shapes = cut["_shape"].unique(maintain_order=True).to_list()
        told = pl.DataFrame(
            [self._looked(shape) for shape in shapes], schema=self._schema, orient="row"
        )
        whole = cut.join(told, on="_shape", how="left", maintain_order="left").drop("_shape")
        escaped = bool(rows["text"].str.contains("&", literal=True).any())
        said = pl.col("_said")
        leaves = {
            name: _plain(said.list.get(pl.col(name), null_on_oob=True), escaped)
            for name in self.form.leaves if told[name].null_count() < told.height
        }  # fmt: skip
        none = {name: pl.lit(None, pl.String) for name in self.form.leaves if name not in leaves}
        lists = {
            name: said.list.gather(pl.col(name), null_on_oob=True).list.eval(
                _plain(pl.element(), escaped)
            )
            for name in self.form.lists
        }
        return whole.with_columns(**leaves, **none, **lists).drop("_said")

    def _looked(self, shape: str) -> dict[str, Any]:
        """Where each column stands in an element of the shape."""
        if shape not in self._known:
            pieces = _TAG.split(shape)
            body = "".join(
                f"{LOOKED}{n // 2}" if each == MARK else each for n, each in enumerate(pieces)
            )
            if self.around.namespaces:
                tag = self.around.prefix + self.form.tag
                body = f"<{tag} {self.around.namespaces}>{body}</{tag}>"
            # what was parsed once is only looked at, also where the name of its namespace is no URI
            parser = etree.XMLParser(recover=not self.around.namespaces, **SAFE)
            element = etree.fromstring(body, parser)
            if any(local(each.tag) in self.around.cut for each in element.iterdescendants()):
                raise ValueError(
                    "an element was not cut: its tags are more than its name, or of another prefix"
                )
            told = self.form.look(element)
            numbers = {name: leaf(told[name]) for name in self.form.leaves}
            lists = {name: [leaf(each) for each in told[name]] for name in self.form.lists}
            self._known[shape] = {
                "_shape": shape, **numbers, **{name: told[name] for name in self.form.fixed}, **lists,
            }  # fmt: skip
        return self._known[shape]


def leaf(told: str | None) -> int | None:
    """The number of the leaf that a text of a looked-at element is: of tags before it; None where it is none."""
    found = _LEAF.match(told or "")
    return int(found[1]) if found else None


def _plain(said: pl.Expr, escaped: bool) -> pl.Expr:
    """What a leaf says."""
    if escaped:
        for sign, meant in _ESCAPES:
            said = said.str.replace_all(sign, meant, literal=True)
    return said.str.strip_chars()
