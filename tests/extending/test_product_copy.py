"""The copy of the product that the other tests of this folder extend."""

from __future__ import annotations

from typing import Any


def test_the_copy_runs_its_own_code_and_not_what_is_installed(seen: dict[str, Any]) -> None:
    mark, file = seen["code"]
    assert mark == "of the copy"
    assert file.endswith("product/loanbook/core/catalogue/codes.py")
