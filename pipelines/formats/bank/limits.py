"""How large a bank's file may be, and how its bytes become text."""

from __future__ import annotations

from loanbook.core.errors import IntakeError

MAX_BYTES = 2**30
"""1 GiB: some eleven million entries of NACHA, two million of camt."""


def allowed(data: bytes) -> bytes:
    """The bytes, if they are not too many; raises IntakeError."""
    if len(data) > MAX_BYTES:
        raise IntakeError(
            f"the file has {len(data):,} bytes, and at most {MAX_BYTES:,} are read: ask for it in parts"
        )
    return data


def text_of(data: bytes) -> str:
    """The text, without a byte order mark: UTF-8, or where it is none, one character a byte."""
    plain = allowed(data).removeprefix(b"\xef\xbb\xbf")
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        return plain.decode("latin-1")


def unix(text: str) -> str:
    """The text with line feeds alone between its lines."""
    if "\r" not in text:
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n")
