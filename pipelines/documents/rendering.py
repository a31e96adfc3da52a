"""A template and what stands in it, as a PDF (PDF/A-2a): the same bytes for the same words, in any process and place.

Nothing of the machine reaches the bytes: fonts are those that come with the typesetter, the date is the document's
own, and templates read nothing but their own folder. What goes in is data, never markup: `#` or `$` in a name stay
what they are. A font that is not there and a letter that no font has are errors, not another font or an empty box.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import multiprocessing
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import typst

from loanbook.core.errors import LoanbookError

TEMPLATES = Path(__file__).resolve().parent / "templates"
STANDARD: typst.PDFStandard = "a-2a"
"""To be kept for decades and read aloud: no letter may be missing, the order of reading is in it."""
FEW = 100
"""So many documents are not worth the start of other processes."""


class RenderingError(LoanbookError):
    """A document that can't be set as it should be."""


class NoSignError(RenderingError):
    """A letter that no font has."""


@dataclass(frozen=True)
class Page:
    """What is to be set."""

    template: str
    """Name of a file in `templates`, without `.typ`."""
    data: Mapping[str, Any]
    """What stands in it: text, numbers and lists, as JSON has them."""
    on: dt.date
    """The document's own date."""


def rendered(page: Page) -> bytes:
    """The PDF of a page. RenderingError names the template and what is wrong, and no word of what stands in it."""
    _must_not_be_forked()
    midnight = dt.datetime.combine(page.on, dt.time(), dt.UTC)
    told = json.dumps(page.data, sort_keys=True, ensure_ascii=False, allow_nan=False)
    try:
        pdf, warnings = _compiler(page.template).compile_with_warnings(
            format="pdf", sys_inputs={"data": told, "on": page.on.isoformat()},
            pdf_standards=STANDARD, timestamp=midnight,
        )  # fmt: skip
    except typst.TypstError as error:
        raise _amiss(page.template, error.message) from None
    if warnings:
        raise _amiss(page.template, warnings[0].message)
    assert isinstance(pdf, bytes), "a PDF is one file"
    return pdf


def all_rendered(pages: Sequence[Page], workers: int = os.cpu_count() or 1) -> list[bytes]:
    """The PDFs of pages, in their order; many are shared out over processes of their own."""
    if len(pages) <= FEW or workers < 2:
        return [rendered(page) for page in pages]
    spawned = multiprocessing.get_context("spawn")  # the typesetter hangs where it is forked
    with ProcessPoolExecutor(workers, mp_context=spawned) as pool:
        return list(pool.map(rendered, pages, chunksize=max(1, len(pages) // (4 * workers))))


def template_hash(template: str) -> str:
    """SHA-256 of all that decides how data becomes bytes: the template, what it imports, the typesetter."""
    parts = [TEMPLATES / f"{template}.typ", *sorted(TEMPLATES.glob("parts/*.typ"))]
    digest = hashlib.sha256(f"typst {_version()} {STANDARD}".encode())
    for part in parts:
        digest.update(f"\n{part.name} {hashlib.sha256(part.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()


@cache
def _version() -> str:
    from importlib.metadata import version

    return version("typst")


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False)


@cache
def _compiler(template: str) -> typst.Compiler:
    path = TEMPLATES / f"{template}.typ"
    if not path.is_file():
        names = ", ".join(sorted(each.stem for each in TEMPLATES.glob("*.typ")))
        raise RenderingError(f"no template is called {template!r}; there are {names}")
    return typst.Compiler(path, root=TEMPLATES, font_paths=_fonts())


_first_used_in: list[int] = []


def _must_not_be_forked() -> None:
    """Refuse a process that was forked once the typesetter had run: its threads are not there, and it would hang."""
    if not _first_used_in:
        _first_used_in.append(os.getpid())
    if _first_used_in[0] != os.getpid():
        raise RenderingError(
            "this process was forked from one that had set a document; start workers by `spawn`"
        )


def _amiss(template: str, said: str) -> RenderingError:
    """What the typesetter says, without what stands in the document: it quotes the letters that no font has."""
    if "could not be displayed" in said:
        return NoSignError(
            f"the document {template!r} can't be set: the fonts that come with loanbook have no sign for one of "
            "its letters; write it in Latin, Greek or Cyrillic"
        )
    return RenderingError(f"the document {template!r} can't be set: {said}")


_SIGNS = re.compile(
    "[^\n\u0020-\u024f\u0370-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2190-\u21ff\u2200-\u22ff]"
)
"""Letters outside Latin, Greek, Cyrillic, punctuation, currencies, arrows and signs of arithmetic."""


def spelled_out(page: Page) -> Page:
    """The page with the code point (`[U+6F22]`) of each letter that the fonts may not have: nothing is left out."""

    def spelled(told: Any) -> Any:
        if isinstance(told, str):
            return _SIGNS.sub(lambda sign: f"[U+{ord(sign.group()):04X}]", told)
        if isinstance(told, Mapping):
            return {name: spelled(value) for name, value in told.items()}
        return [spelled(each) for each in told] if isinstance(told, list | tuple) else told

    return replace(page, data=spelled(page.data))
