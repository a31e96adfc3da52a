"""What goes wrong with a file on its way, by chance: cut, bytes lost or changed, lines moved, other line ends."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Mutation = Callable[[random.Random, bytes], bytes]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _byte(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]


def _inserted(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(_ODD) + data[at:]


def _dropped(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randrange(1, 40) :]


def _lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines.insert(at, lines[to] if rng.random() < 0.5 else lines.pop(to % len(lines)))
    return b"\n".join(lines)


def _ends(rng: random.Random, data: bytes) -> bytes:
    return rng.choice((data.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + data, data.rstrip(b"\n"),
                       data.decode("latin-1").encode("utf-16"), data + b"\n\n\n"))  # fmt: skip


_ODD = (b'"', b"'", b",", b"\n", b"\r", b"\0", b'""', b"1e9", b"-", b"\xff", b"\xe2\x88\x9e", b" ",
        b"9" * 30, b"NaN", b"inf", b"0x10", b"=1+1", b";", b"\t", b"\xc2\xa0", b"+", b".")  # fmt: skip
MUTATIONS: tuple[Mutation, ...] = (
    _cut,
    _byte,
    _byte,
    _inserted,
    _inserted,
    _dropped,
    _lines,
    _ends,
)


def mutated(text: str | bytes, rng: random.Random, times: int | None = None) -> bytes:
    """The text with one to three mutations, or with so many."""
    data = text.encode() if isinstance(text, str) else text
    for _ in range(times or rng.randrange(1, 4)):
        if data:
            data = rng.choice(MUTATIONS)(rng, data)
    return data


_LEAF = re.compile(rb">[^<>]+<")
_SAID = (b"0", b"-1", b"1,5", b"1.005", b"999999999999999999", b"", b" ", b"&amp;", b"&#65;", b"\xc3\xa9", b"R01", b"CRDT",
         b"DBIT", b"XXX", b"2024-02-30", b"2024-02-29", b"true", b"a > b", b"<![CDATA[1]]>", b"<!-- 1 -->7", b"\n 12.50 \n")  # fmt: skip


def with_other_leaves(data: bytes, rng: random.Random, times: int) -> bytes:
    """A message of XML with so many of its leaves saying something else, or standing twice or not at all."""
    leaves = [found.span() for found in _LEAF.finditer(data) if found[0].strip(b"> \r\n\t<")]
    for start, end in sorted(rng.sample(leaves, min(times, len(leaves))), reverse=True):
        data = data[: start + 1] + rng.choice(_SAID) + data[end - 1 :]
    return data
