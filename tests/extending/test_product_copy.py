"""The copy of the product that the other tests of this folder extend."""

from __future__ import annotations

from pathlib import Path

from tests.extending.product_copy import insert, product_copy, run


def test_the_copy_runs_its_own_code_and_not_what_is_installed(tmp_path: Path) -> None:
    root = product_copy(tmp_path)
    insert(root / "core" / "catalogue" / "codes.py", "from enum", "MARK = 'of the copy'\n")
    text = run(root, "from loanbook.core.catalogue import codes; print(codes.MARK, codes.__file__)")
    assert text.split() == ["of", "the", "copy", str(root / "loanbook/core/catalogue/codes.py")]
