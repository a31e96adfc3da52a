"""Which format a bank's file has, by how it begins: its name tells nothing."""

from __future__ import annotations

import re

FRONT = 65_536
"""Bytes that are looked at."""
_XML = {
    b"BkToCstmr": "camt", b"CstmrPmtStsRpt": "pain.002", b"CstmrCdtTrfInitn": "pain",
    b"CstmrDrctDbtInitn": "pain",
}  # fmt: skip
_NACHA = re.compile(rb"^(1[0-9 ]{2}.{31}094|5[0-9]{3}.{46}[A-Z]{3}|[6789].{93}$)")
_BAI2 = re.compile(rb"^0[12],")
_SWIFT = re.compile(rb"^(\{1:|:(20|25|28C?|60[FM]|61|940|942):|20:)", re.M)
KNOWN = "NACHA, camt.052, 053 or 054, MT940 or MT942, BAI2, pain.001, 002 or 008"


def format_of(data: bytes) -> str | None:
    """The reader of a file's content (`reading.READERS`); None: it begins as none of them."""
    front = data[:FRONT].removeprefix(b"\xef\xbb\xbf").lstrip()
    if front.startswith(b"<") or b"\x00<" in front[:8] or b"<\x00" in front[:8]:
        plain = front.replace(b"\x00", b"")
        return next((name for mark, name in _XML.items() if mark in plain), "camt")
    line = front.split(b"\n", 1)[0].rstrip(b"\r")
    if _BAI2.match(line):
        return "bai2"
    if _NACHA.match(line):
        return "nacha"
    return "mt940" if _SWIFT.search(front) else None
