"""Documents that applicants hand in: what they may be, and how a file is told by its first bytes. Pure."""

from __future__ import annotations

TYPES = {
    "identity": "who the applicant is: passport, identity card, licence",
    "income": "income: payslips, tax return",
    "bank_statement": "statements of a bank account",
    "address": "where the applicant lives: a bill, a registration",
    "registration": "that a business is registered, and by whom it acts",
    "other": "anything else",
}
"""Types of document, and what each proves."""
SCANS = ("clean", "not_scanned")
"""What a scanner for malware may have said of what is kept; what is infected is refused."""
MEDIA = {
    b"%PDF-": "application/pdf",
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}
"""Kinds of file that are kept, by how they begin: their name is not asked, it may name a person."""
MOST_BYTES = 20 * 1024 * 1024


def media_of(data: bytes) -> str | None:
    """The kind of a file; None: it is none that is kept."""
    return next((media for begin, media in MEDIA.items() if data.startswith(begin)), None)
