"""Messages of ISO 20022 as a stream of elements, checked against their schema as they pass.

Entities, document types and whatever points outside of the file are refused; libxml2's own limits hold
(256 levels, 10 MB a text). A message whose schema is not at hand is read all the same, and not judged.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Any
from xml.sax.saxutils import quoteattr

from lxml import etree

from loanbook.core.errors import IntakeError
from loanbook.core.payments.bank_file import problem
from loanbook.pipelines.formats.bank.limits import allowed

SAFE: dict[str, Any] = {
    "load_dtd": False, "no_network": True, "huge_tree": False, "remove_comments": True, "remove_pis": True,
}  # fmt: skip
"""Never `resolve_entities=False` beside a schema: lxml 6.1 then takes what is no XML without a word
(`findings/lxml-schema-hides-a-cut-file.sh`). Entities are refused with the document type."""
PIECE = 2**16
"""Bytes that are parsed at a time."""
SCHEMA = re.compile(r"(?:^|[:/])([a-z]{4}\.[0-9]{3}\.[0-9]{3}\.[0-9]{2}[a-z0-9.]*?)(?:\.xsd)?$")
"""The schema's name at the end of a namespace, as ISO and SIX form it."""


@dataclass
class Message:
    """The envelope of a message, and what was found wrong on the way."""

    namespace: str | None = None
    schema: str | None = None
    container: str | None = None
    """The element that names the message (BkToCstmrStmt, ...); None: there is none."""
    judged: bool = False
    prefix: str = ""
    """What stands before the names of its elements, with its colon."""
    namespaces: str = ""
    """Its namespaces, as an element declares them."""
    problems: list[dict[str, Any]] = field(default_factory=list)


def local(tag: Any) -> str:
    """An element's name without its namespace; empty for what is no element."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def opened(data: bytes) -> Message:
    """The envelope of a message; raises IntakeError for what may not be read."""
    message = Message()
    depth = 0
    try:
        for event, element in etree.iterparse(BytesIO(allowed(data)), ("start", "end"), **SAFE):
            depth += 1 if event == "start" else -1
            if event == "end":
                if not depth:
                    break
                continue
            if depth == 1:
                _refuse_document_type(element)
                name = element.tag
                message.namespace = name[1:].partition("}")[0] if name.startswith("{") else None
                found = SCHEMA.search(message.namespace or "")
                message.schema = found[1] if found else None
            else:
                message.container = local(element.tag)
                message.prefix = f"{element.prefix}:" if element.prefix else ""
                message.namespaces = _declared(element.nsmap)
                break
    except etree.XMLSyntaxError as fault:
        message.problems.append(problem(0, "not_well_formed", fault))
    message.judged = message.schema in _schemas()
    return message


def _declared(namespaces: dict[str | None, str]) -> str:
    """Namespaces as an element declares them."""
    told = {
        f"xmlns:{name}" if name else "xmlns": quoteattr(uri) for name, uri in namespaces.items()
    }
    return " ".join(f"{name}={uri}" for name, uri in told.items())


def _refuse_document_type(root: Any) -> None:
    info = root.getroottree().docinfo
    if info.internalDTD is not None or info.externalDTD is not None or info.doctype:
        raise IntakeError(
            "the file has a document type (DOCTYPE), which may name entities and files outside of it: "
            "no message of a bank and no list has one, so it is refused"
        )


def elements(data: bytes, message: Message, tags: tuple[str, ...]) -> Iterator[Any]:
    """Elements of the names `tags` as they end, by their order in the file.

    An element that was handed over is emptied when the next one comes, and taken out of the tree where
    it is of the first of the names, so that memory does not grow with the file.
    """
    if any(each["kind"] == "not_well_formed" for each in message.problems):
        return
    schema = _schema(message.schema) if message.judged and message.schema else None
    parser = etree.XMLPullParser(
        ("end",), tag=[f"{{*}}{tag}" for tag in tags], schema=schema, **SAFE
    )
    last = None
    for _ in _fed(parser, data, message):
        for _, element in parser.read_events():
            yield element
            if local(element.tag) != tags[0]:
                element.clear()
                continue
            if last is not None and last.getparent() is not None:
                last.getparent().remove(last)
            element.clear()
            last = element


class _Nothing:
    """What is made of a message that is only looked at beside its schema."""

    def close(self) -> None:
        """Nothing is made."""


def conforms(data: bytes, message: Message) -> bool:
    """Whether the bytes are XML that the message's schema finds right. Other threads go on meanwhile."""
    if not message.judged or not message.schema:
        return False
    parser = etree.XMLParser(target=_Nothing(), schema=_schema(message.schema), **SAFE)
    try:
        for start in range(0, len(data), PIECE):
            parser.feed(data[start : start + PIECE])
        parser.close()
    except etree.XMLSyntaxError:
        return False
    return not parser.feed_error_log


def _fed(parser: Any, data: bytes, message: Message) -> Iterator[None]:
    """The bytes into the parser, piece by piece, up to where they are no XML; what is wrong with them."""
    try:
        for start in range(0, len(data), PIECE):
            parser.feed(data[start : start + PIECE])
            yield
        parser.close()
    except etree.XMLSyntaxError as fault:
        faults = [each for each in parser.feed_error_log if each.domain_name == "SCHEMASV"]
        broken = [each for each in parser.feed_error_log if each.domain_name != "SCHEMASV"]
        if faults:
            message.problems.append(problem(0, "xsd_invalid", faults[0].message))
        why = broken[0].message if broken else _malformed(data) if faults else str(fault)
        if why:
            message.problems.append(problem(0, "not_well_formed", why))
    yield


def _malformed(data: bytes) -> str:
    """Why the bytes are no XML, which the parser leaves out where the schema is broken before; or empty."""
    parser = etree.XMLPullParser(("end",), **SAFE)
    try:
        for start in range(0, len(data), PIECE):
            parser.feed(data[start : start + PIECE])
            for _, element in parser.read_events():
                element.clear()
        parser.close()
    except etree.XMLSyntaxError as fault:
        return str(fault)
    return ""


@cache
def _schemas() -> dict[str, str]:
    """Names of the schemas at hand."""
    with _archive() as archive:
        return {
            name.removesuffix(".xsd"): name for name in archive.namelist() if name.endswith(".xsd")
        }


def _archive() -> zipfile.ZipFile:
    place = files("loanbook.pipelines.formats.bank.iso20022") / "schemas.zip"
    return zipfile.ZipFile(BytesIO(place.read_bytes()))


@cache
def _schema(name: str) -> Any:
    with _archive() as archive:
        return etree.XMLSchema(etree.fromstring(archive.read(_schemas()[name])))


@lru_cache(4096)
def _prefix(tag: str) -> str:
    """The namespace of a name, in braces; empty where it has none."""
    return tag[: tag.rfind("}") + 1]


def child(element: Any, *names: str) -> Any:
    """The first element on a path of names, in the namespace of `element`; None if there is none."""
    if element is None:
        return None
    prefix = _prefix(element.tag)
    for name in names:
        element = next(element.iterchildren(prefix + name), None)
        if element is None:
            return None
    return element


def children(element: Any, name: str) -> list[Any]:
    """Elements of a name right below."""
    if element is None:
        return []
    return list(element.iterchildren(_prefix(element.tag) + name))


def text(element: Any, *names: str) -> str | None:
    """The text at a path of names; None if there is none."""
    found = child(element, *names)
    return (found.text or "").strip() or None if found is not None else None


def date_text(element: Any, name: str) -> str | None:
    """A date, plain or as the choice of date and time."""
    return text(element, name, "Dt") or text(element, name, "DtTm") or text(element, name)


def account_of(element: Any, name: str) -> str | None:
    """The number of an account: its IBAN, or what stands for it."""
    return text(element, name, "Id", "IBAN") or text(element, name, "Id", "Othr", "Id")


def code_of(element: Any, *names: str) -> str | None:
    """A code, or the sender's own word where the format has none."""
    return text(element, *names, "Cd") or text(element, *names, "Prtry")
