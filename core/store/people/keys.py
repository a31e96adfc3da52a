"""Secrets of an instance, in files that their owner alone reads: the master key, and the key that signs.

The master key seals what must be read again (secrets of second factors, keys of persons). The signing key is
Ed25519: command files of the queue are signed with it, so that intake knows that the queue wrote them.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from loanbook.core.errors import LedgerError
from loanbook.core.store.settings import Settings

MASTER, NEXT_MASTER, SIGNING = "master.key", "master.next.key", "signing.key"
MASTER_VARIABLE, NEXT_VARIABLE = "LOANBOOK_MASTER_KEY", "LOANBOOK_MASTER_KEY_NEXT"
"""Base64 of the master key, and of the one that is to follow it, where no file holds them."""
_NONCE = 12


class KeyFileError(LedgerError):
    """A key is missing, open to others, or not the one that sealed."""


def master_keys(settings: Settings) -> tuple[bytes, ...]:
    """The instance's master key, 32 bytes, behind the one that is about to follow it, if there is one: what is
    sealed takes the first, what is opened any. It is made where there is none."""
    if told := os.environ.get(MASTER_VARIABLE):
        follows = os.environ.get(NEXT_VARIABLE)
        return tuple(_of_text(each) for each in (follows, told) if each)
    current = _secret(settings.people_folder / MASTER)
    try:
        return _whole(settings.people_folder / NEXT_MASTER), current
    except FileNotFoundError:
        return (current,)


def _of_text(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise KeyFileError(
            f"{MASTER_VARIABLE} or {NEXT_VARIABLE} holds no key: give 32 random bytes in base64"
        )
    return key


def begin_next_master(settings: Settings) -> Literal["kept", "new", "environment"]:
    """Let there be a master key that is to follow: `new` in a file, `environment` where who sets it there made it,
    `kept` where they did not."""
    if os.environ.get(MASTER_VARIABLE):
        return "environment" if os.environ.get(NEXT_VARIABLE) else "kept"
    master_keys(settings)
    make_file(settings.people_folder / NEXT_MASTER, secrets.token_bytes(32))
    return "new"


def put_next_master_in_place(settings: Settings) -> None:
    """Let the next master key be the only one: the one before is gone with this. The environment stays as it is."""
    if not os.environ.get(MASTER_VARIABLE):
        (settings.people_folder / NEXT_MASTER).replace(settings.people_folder / MASTER)


def token_salt(settings: Settings) -> str:
    """A secret of its own, drawn from the master key, by which tokens of masked columns are made."""
    return hmac.digest(master_keys(settings)[0], b"tokens of masked columns", "sha256").hex()


def cookie_secret(settings: Settings) -> str:
    """A secret of its own, drawn from the master key, by which a provider's cookies are signed."""
    return hmac.digest(master_keys(settings)[0], b"cookies of a provider", "sha256").hex()


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


def opened(data: bytes, keys: Sequence[bytes], about: str) -> bytes:
    """What was sealed with any of some keys; KeyFileError where all of them, or what it is about, are others."""
    for key in keys:
        try:
            return AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], about.encode())
        except InvalidTag:
            continue
    raise KeyFileError(
        f"{about} was sealed with another key: put the instance's {MASTER} back as it was"
    )


def _secret(path: Path) -> bytes:
    """A file of 32 random bytes, made if it is not there; KeyFileError where others may read it."""
    make_file(path, secrets.token_bytes(32))
    return _whole(path)


def _whole(path: Path) -> bytes:
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
