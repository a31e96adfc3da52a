"""Signatures on documents: an adapter for whoever runs them, and a stand-in that signs on this machine.

A provider takes a PDF and who signs it, and gives the signed file back with the certificate, its own reference and
how the call went. The stand-in signs with a P-256 key of the instance: it proves that the file is what was signed
here, not who sat before the screen. Another provider is another class with `sign`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import time
from dataclasses import dataclass
from typing import Any, Protocol, cast

from asn1crypto import keys as asn1_keys
from asn1crypto import pem, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from loanbook.core.store.agreements.signing_key import document_key
from loanbook.core.store.settings import Settings


@dataclass(frozen=True)
class Signer:
    """Who signs: never told in the file, which names the signer by `token`."""

    token: str
    mask: str


@dataclass(frozen=True)
class Signed:
    """A signed file, and how the call went."""

    data: bytes
    certificate: bytes
    """Of whoever signed, DER."""
    at: dt.datetime
    provider: str
    reference: str
    code: int
    latency_ms: int

    @property
    def certificate_pem(self) -> str:
        """The certificate as text."""
        return pem.armor("CERTIFICATE", self.certificate).decode()


class ESign(Protocol):
    """Somebody who has a document signed."""

    def sign(self, document: bytes, signer: Signer, at: dt.datetime) -> Signed:
        """The document as it was signed."""


class LocalESign:
    """The stand-in: signs with the instance's own key, and asks nobody."""

    def __init__(self, where: Settings) -> None:
        key, certificate = document_key(where)
        self._certificate = certificate
        own, chain = x509.Certificate.load(certificate), cast(Any, SimpleCertificateStore)()
        chain.register(own)
        self._signer = signers.SimpleSigner(
            signing_cert=own, signing_key=asn1_keys.PrivateKeyInfo.load(key), cert_registry=chain
        )

    def sign(self, document: bytes, signer: Signer, at: dt.datetime) -> Signed:
        """See `ESign`."""
        began = time.perf_counter()
        about = signers.PdfSignatureMetadata(
            field_name="Borrower", name=f"{signer.mask} ({signer.token[-12:]})", reason="Agreed",
            md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES,
        )  # fmt: skip
        out = io.BytesIO()
        signers.PdfSigner(about, signer=self._signer).sign_pdf(
            IncrementalPdfFileWriter(io.BytesIO(document)), output=out
        )
        data = out.getvalue()
        reference = hashlib.sha256(data).hexdigest()[:16]
        took = round((time.perf_counter() - began) * 1000)
        return Signed(data, self._certificate, at, "local stand-in", reference, 200, took)


def signature_fault(data: bytes, certificate_pem: str) -> str:
    """What is wrong with a file's signature; empty: it is of the certificate, holds, and covers the whole file."""
    _, _, der = pem.unarmor(certificate_pem.encode())
    trusted = ValidationContext(
        trust_roots=[x509.Certificate.load(der)], allow_fetching=False, revocation_mode="soft-fail"
    )
    try:
        signatures = PdfFileReader(io.BytesIO(data)).embedded_signatures
        if len(signatures) != 1:
            return f"holds {len(signatures)} signatures, one is expected"
        status = validate_pdf_signature(signatures[0], trusted)
    except (
        Exception
    ) as error:  # a reader of damaged files fails in any way; each is a fault of the file
        return f"has a signature that can't be read ({type(error).__name__})"
    if not (status.intact and status.valid):
        return "has a signature that does not hold: the signed bytes are others"
    if not status.trusted:
        return "is signed by another certificate than was kept"
    if status.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        return "has bytes that the signature does not cover"
    return ""
