"""Particulars of bank accounts as tokens and sealed bytes: the lake holds no account in plain text.

Its data files are encrypted, but least and greatest value of every column stand in the catalogue as they are, so
an account may stand in no column, not even of bytes. The key is a file beside the catalogue, or
`LOANBOOK_ACCOUNTS_KEY`; without it no file for a bank can be made, nor made again. Where the person whose account it is
is known to the vault of persons, the bytes are under that person's key too: forgetting the person reaches them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from loanbook.core.errors import ForgottenError, LedgerError
from loanbook.core.store.people.keys import make_file, read_file
from loanbook.core.store.settings import Settings
from loanbook.core.store.vault.belongings import (
    APPLICANT,
    is_personal,
    opened_of,
    persons_by_ref,
    sealed_for,
)

KEY_VARIABLE = "LOANBOOK_ACCOUNTS_KEY"
KEY_FILE = "accounts.key"
BYTES = 64
PARTICULARS = ["bank", "account", "account_type", "holder"]
"""What is sealed of an account."""


def make_key(lake: Path) -> None:
    """Make the key of a ledger's folder, where none is and the environment tells none."""
    if not os.environ.get(KEY_VARIABLE):
        make_file(lake / KEY_FILE, base64.b64encode(secrets.token_bytes(BYTES)))


class Vault:
    """Seals and opens accounts. The same particulars have the same token, and, of nobody, the same sealed bytes."""

    def __init__(self, lake: Path, where: Settings | None = None) -> None:
        self._where = lake / KEY_FILE
        self._settings = where
        key = _read(self._where)
        self._sealer = AESSIV(key)
        self._tokens = hashlib.sha256(b"token" + key).digest()

    def sealed(
        self, accounts: pl.DataFrame, persons: Sequence[str | None] | None = None
    ) -> pl.DataFrame:
        """`token` (32 characters) and `sealed` (bytes), a row an account (`PARTICULARS`, text).

        With `persons`, tokens of the vault of persons, each is sealed under its person's key too, and is lost with it.
        """
        texts = [
            json.dumps([*row], ensure_ascii=False).encode()
            for row in accounts.select(pl.col(PARTICULARS).fill_null("")).rows()
        ]
        tokens = [hmac.digest(self._tokens, text, "sha256").hex()[:32] for text in texts]
        sealed = [
            self._sealer.encrypt(text, [token.encode()])
            for text, token in zip(texts, tokens, strict=True)
        ]
        if persons is not None and any(persons):
            sealed = sealed_for(self._people(), persons, sealed, [f"account {t}" for t in tokens])
        return pl.DataFrame(
            {"token": tokens, "sealed": sealed},
            schema={"token": pl.String, "sealed": pl.Binary},
        )

    def pseudonyms(self, told: pl.Series) -> pl.Series:
        """A token of 32 characters for each text, null where there is none: keyed, so that it can't be guessed."""
        key = hashlib.sha256(b"pseudonym" + self._tokens).digest()
        found = {
            text: hmac.digest(key, text.encode(), "sha256").hex()[:32]
            for text in told.drop_nulls().unique()
        }
        return told.replace_strict(found, return_dtype=pl.String) if found else told.cast(pl.String)

    def sealed_texts(
        self, names: pl.Series, texts: pl.Series, applicants: pl.Series | None = None
    ) -> pl.Series:
        """Sealed bytes of texts, each bound to its name; under the key of its applicant too (as applications name them), where
        the vault of persons knows who that is."""
        data = [
            self._sealer.encrypt(text.encode(), [b"original", name.encode()])
            for name, text in zip(names, texts, strict=True)
        ]
        if applicants is not None and data:
            where = self._people()
            known = persons_by_ref(where, [f"{APPLICANT}{each}" for each in applicants])
            persons = [known.get(f"{APPLICANT}{each}") for each in applicants]
            if any(persons):
                data = sealed_for(where, persons, data, [f"original {name}" for name in names])
        return pl.Series("sealed", data, dtype=pl.Binary)

    def opened_text(self, name: str, sealed: bytes) -> str:
        """The text that was sealed under a name. LedgerError: it is of another key or name; ForgottenError."""
        if is_personal(sealed):
            (plain,) = opened_of(self._people(), [sealed], [f"original {name}"])
            if plain is None:
                raise ForgottenError(
                    f"the original {name} is of a person who is forgotten: nobody reads it any more"
                )
            sealed = plain
        try:
            return self._sealer.decrypt(sealed, [b"original", name.encode()]).decode()
        except InvalidTag:
            raise LedgerError(
                f"the original {name} was sealed with another key: put the ledger's own {self._where.name} back "
                f"into {self._where.parent}, or set {KEY_VARIABLE} to it"
            ) from None

    def opened(self, sealed: pl.DataFrame) -> pl.DataFrame:
        """`token` and `PARTICULARS`, a row of `sealed` (`token`, `sealed`); null particulars where the person whose it was is
        forgotten. LedgerError: it is of another key."""
        told = self._without_persons(sealed.select("token", "sealed").rows())
        nothing = [None] * len(PARTICULARS)
        rows = [
            (token, *(nothing if data is None else self._open(token, data))) for token, data in told
        ]
        names = ["token", *PARTICULARS]
        return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")

    def _without_persons(self, rows: list[tuple[str, bytes]]) -> list[tuple[str, bytes | None]]:
        """Tokens with what was sealed by this key, that of persons opened; None of who is forgotten."""
        theirs = [(token, data) for token, data in rows if is_personal(data)]
        if not theirs:
            return [*rows]
        plain = opened_of(
            self._people(), [d for _, d in theirs], [f"account {t}" for t, _ in theirs]
        )
        found = iter(plain)
        return [(token, next(found) if is_personal(data) else data) for token, data in rows]

    def _people(self) -> Settings:
        return self._settings or Settings.of(self._where.parent.parent)

    def _open(self, token: str, data: bytes) -> list[str]:
        try:
            found: list[str] = json.loads(self._sealer.decrypt(data, [token.encode()]))
        except InvalidTag:
            raise LedgerError(
                f"the account {token} was sealed with another key: put the ledger's own {self._where.name} back "
                f"into {self._where.parent}, or set {KEY_VARIABLE} to it"
            ) from None
        return found


def _read(path: Path) -> bytes:
    """The key; of a ledger that has none yet, one that is thrown away: nothing is sealed with it."""
    text = os.environ.get(KEY_VARIABLE, "").encode()
    if not text and not path.exists():
        return secrets.token_bytes(BYTES)
    try:
        key = base64.b64decode(text or read_file(path), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != BYTES:
        raise LedgerError(
            f"{KEY_VARIABLE if text else path}: no key of {BYTES} bytes in base64; put the ledger's own back"
        )
    return key
