"""The key that signs documents on this machine, and its certificate, held like the instance's other secrets."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID

from loanbook.core.store.people.keys import make_file, read_file
from loanbook.core.store.settings import Settings

KEY, CERTIFICATE = "documents.key", "documents.crt"
_TEN_YEARS = 3652


def document_key(where: Settings) -> tuple[bytes, bytes]:
    """The P-256 key that signs documents (PKCS 8) and its certificate, both DER; they are made where there are none."""
    key_file, certificate_file = (where.people_folder / name for name in (KEY, CERTIFICATE))
    if not key_file.exists():
        fresh = ec.generate_private_key(ec.SECP256R1())
        make_file(key_file, fresh.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    key = read_file(key_file)
    if not certificate_file.exists():
        make_file(certificate_file, _certificate(key))
    return key, read_file(certificate_file)


def _certificate(key: bytes) -> bytes:
    """A certificate that a key gives itself, good for ten years from now."""
    private = load_der_private_key(key, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey), "documents are signed on P-256"
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "loanbook documents (local stand-in)")]
    )
    now = dt.datetime.now(dt.UTC)
    signs = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=_TEN_YEARS))
        .add_extension(signs, critical=True)
        .sign(private, SHA256()).public_bytes(Encoding.DER)
    )  # fmt: skip
