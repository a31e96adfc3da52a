"""Secrets of an instance, in files that their owner alone reads: the master key, and the key that signs.

The master key seals what must be read again (secrets of second factors, keys of persons). The signing key is
Ed25519: command files of the queue are signed with it, so that intake knows that the queue wrote them.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from loanbook.core.errors import LedgerError
from loanbook.core.store.settings import Settings

MASTER, SIGNING = "master.key", "signing.key"
_NONCE = 12


class KeyFileError(LedgerError):
    """A key is missing, open to others, or not the one that sealed."""


def master_key(settings: Settings) -> bytes:
    """The instance's master key, 32 bytes; it is made where there is none."""
    return _secret(settings.people_folder / MASTER)


def token_salt(settings: Settings) -> str:
    """A secret of its own, drawn from the master key, by which tokens of masked columns are made."""
    return hmac.digest(master_key(settings), b"tokens of masked columns", "sha256").hex()


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The key that signs command files of the queue; it is made where there is none."""
    return Ed25519PrivateKey.from_private_bytes(_secret(settings.people_folder / SIGNING))


def public_key(settings: Settings) -> str:
    """Base64 of the public half of the signing key."""
    return base64.b64encode(signing_key(settings).public_key().public_bytes_raw()).decode()


def is_signed(data: bytes, signature: bytes, key: str) -> bool:
    """Whether a signature (base64) of some bytes is that of a public key (base64, 32 bytes)."""
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(signature.strip(), validate=True), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def signature_of(data: bytes, settings: Settings) -> bytes:
    """Signature (base64) of some bytes by the instance's own key."""
    return base64.b64encode(signing_key(settings).sign(data)) + b"\n"


def sealed(data: bytes, key: bytes, about: str) -> bytes:
    """Data encrypted and bound to what it is about: it opens nowhere else. AES-256-GCM, nonce first."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, about.encode())


def opened(data: bytes, key: bytes, about: str) -> bytes:
    """What was sealed; KeyFileError where the key, or what it is about, is another."""
    try:
        return AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], about.encode())
    except InvalidTag as error:
        raise KeyFileError(
            f"{about} was sealed with another key: put the instance's {MASTER} back as it was"
        ) from error


def _secret(path: Path) -> bytes:
    """A file of 32 random bytes, made if it is not there; KeyFileError where others may read it."""
    make_file(path, secrets.token_bytes(32))
    key = read_file(path)
    if len(key) != 32:
        raise KeyFileError(
            f"{path} holds {len(key)} bytes, a key has 32: put the file back from a backup"
        )
    return key


def make_file(path: Path, content: bytes) -> None:
    """Make a file that its owner alone reads, where none is; it is whole before its name is there."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)  # another process may have been first
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def read_file(path: Path) -> bytes:
    """What a file of a secret holds; KeyFileError where others than its owner may read it."""
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(
            f"{path} is open to others than its owner (mode {stat.S_IMODE(mode):o}): `chmod 600` it, and "
            "take the key for known"
        )
    return path.read_bytes()
