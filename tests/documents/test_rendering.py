"""A page as a PDF: the same bytes anywhere, and an error where a letter or a font is missing."""

from __future__ import annotations

import datetime as dt
import hashlib
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pypdfium2
import pytest

from loanbook.pipelines.documents import rendering
from loanbook.pipelines.documents.rendering import (
    NoSignError,
    Page,
    RenderingError,
    rendered,
    spelled_out,
    template_hash,
)

DAY = dt.date(2024, 2, 29)


def page(what: str = "paid out") -> Page:
    told = {
        "title": "Loan A-1", "lender": "Lender", "as_of": "2024-02-29", "currency": "USD",
        "days": [{"date": "2024-02-29", "lines": [{"what": what, "why": "the rule"}]}],
        "stands_at": "principal 1.00", "beside": [], "proof": "lived again",
    }  # fmt: skip
    return Page("explanation", told, DAY)


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(each.get_textpage().get_text_bounded() for each in document)


def _hash(of: Page) -> str:
    return hashlib.sha256(rendered(of)).hexdigest()


def test_the_same_words_are_the_same_bytes_in_another_process_zone_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = _hash(page())
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    with pool:
        assert pool.submit(_hash, page()).result() == here
    assert _hash(page("another")) != here
    assert _hash(Page("explanation", page().data, DAY + dt.timedelta(days=1))) != here


def test_what_stands_in_a_document_is_never_markup() -> None:
    told = '#read("/etc/passwd") $x^2$ *bold* <label> \\ = head − → × ₹'
    assert told in text_of(rendered(page(told)))


def test_a_letter_that_no_font_has_is_an_error_that_does_not_quote_it() -> None:
    with pytest.raises(NoSignError, match="no sign for one of its letters") as told:
        rendered(page("漢字"))
    assert "漢" not in str(told.value)
    assert "[U+6F22][U+5B57]" in text_of(rendered(spelled_out(page("漢字"))))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ('#set text(font: "Helvetica")\nwords', "unknown font"),
        ('#read("../rendering.py")', "project root"),
        ("#sys.inputs.nothing", "does not contain key"),
    ],
)
def test_a_template_that_asks_for_what_is_not_there_fails(
    template: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrong.typ").write_text('#set document(title: "wrong")\n' + template)
    monkeypatch.setattr(rendering, "TEMPLATES", tmp_path)
    rendering._compiler.cache_clear()
    with pytest.raises(RenderingError, match=said):
        rendered(Page("wrong", {}, DAY))
    with pytest.raises(RenderingError, match="no template is called 'none'; there are wrong"):
        rendered(Page("none", {}, DAY))
    rendering._compiler.cache_clear()


def test_no_template_wants_a_package_of_the_net() -> None:
    for template in rendering.TEMPLATES.rglob("*.typ"):
        assert '"@' not in template.read_text(), template.name


def test_a_template_has_another_hash_once_what_it_shares_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("explanation.typ", "parts/house.typ"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((rendering.TEMPLATES / name).read_bytes())
    before = template_hash("explanation")
    monkeypatch.setattr(rendering, "TEMPLATES", tmp_path)
    assert template_hash("explanation") == before
    (tmp_path / "parts" / "house.typ").write_text("// another house")
    assert template_hash("explanation") != before


def test_a_process_that_was_forked_refuses_and_does_not_hang() -> None:
    rendered(page())
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            rendered(page())
        except RenderingError as told:
            os.write(writing, str(told).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    assert b"start workers by `spawn`" in os.read(reading, 1000)
    os.close(reading)
