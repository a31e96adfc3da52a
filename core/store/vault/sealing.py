"""Records, keys and tokens in bulk: columns in, columns out. Each value costs calls of its own, and no more.

AES-256-GCM with a nonce of its own each, and the person with it as associated data: what was moved to another
person, or to another revision, does not open. Tokens are HMAC-SHA-256 cut to 128 bits, with their key's version.
"""

from __future__ import annotations

import datetime as dt
import hmac
import os
from collections.abc import Iterable, Sequence

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from loanbook.core.catalogue.personal import NAMES, TOKENS
from loanbook.core.errors import LedgerError

NONCE, KEY, RANDOM = 12, 32, 10
RECORD = pl.Struct(dict.fromkeys(NAMES, pl.String))
"""What is sealed of a person."""
BETWEEN = "\x1f"


def random_parts(count: int, size: int) -> list[bytes]:
    """So many random values of so many bytes, drawn at once."""
    drawn = os.urandom(count * size)
    return [drawn[at : at + size] for at in range(0, count * size, size)]


def new_persons(count: int, at: dt.datetime) -> list[str]:
    """Tokens of new persons: when they were put in, to the millisecond, so that indexes grow at their end, then
    random; they tell nothing of the person."""
    when = f"{int(at.timestamp() * 1000):012x}"
    return sorted(f"p_{when}{each.hex()}" for each in random_parts(count, RANDOM))


def texts(persons: pl.DataFrame) -> list[bytes]:
    """Records (all fields, text) as they are sealed."""
    told = persons.select(pl.struct(NAMES).struct.json_encode()).to_series()
    return [each.encode() for each in told]


def records(told: Sequence[bytes]) -> pl.DataFrame:
    """What `texts` made."""
    column = pl.Series([each.decode() for each in told], dtype=pl.String)
    return column.str.json_decode(RECORD).struct.unnest()


def sealed(data: Sequence[bytes], keys: Iterable[bytes], about: Iterable[str]) -> list[bytes]:
    """Each sealed under a key of its own; nonce first."""
    return [
        nonce + AESGCM(key).encrypt(nonce, each, place.encode())
        for nonce, key, each, place in zip(
            random_parts(len(data), NONCE), keys, data, about, strict=True
        )
    ]


def opened(data: Iterable[bytes], keys: Iterable[bytes], about: Iterable[str]) -> list[bytes]:
    """What was sealed. LedgerError names the first that does not open where it stands."""
    place = ""
    try:
        return [
            AESGCM(key).decrypt(each[:NONCE], each[NONCE:], (place := bound).encode())
            for key, each, bound in zip(keys, data, about, strict=True)
        ]
    except InvalidTag:
        raise LedgerError(
            f"{place} does not open: it was changed, moved from elsewhere, or its key is of another backup; restore "
            "the people's database and its keys from one backup"
        ) from None


def wrapped(keys: Sequence[bytes], by: bytes, persons: Iterable[str]) -> list[bytes]:
    """Keys of persons under a key of the vault."""
    cipher = AESGCM(by)
    return [
        nonce + cipher.encrypt(nonce, key, person.encode())
        for nonce, key, person in zip(random_parts(len(keys), NONCE), keys, persons, strict=True)
    ]


def unwrapped(data: Sequence[bytes], by: Sequence[bytes], persons: Sequence[str]) -> list[bytes]:
    """Keys of persons, each with the key of the vault that it is under."""
    ciphers = {key: AESGCM(key) for key in set(by)}
    place = ""
    try:
        return [
            ciphers[key].decrypt(each[:NONCE], each[NONCE:], (place := person).encode())
            for each, key, person in zip(data, by, persons, strict=True)
        ]
    except InvalidTag:
        raise LedgerError(
            f"the key of {place} does not open: it was changed, or is of another backup"
        ) from None


def of_record(person: str, revision: int) -> str:
    """What a record is bound to."""
    return f"{person} revision {revision}"


def normal(field: str) -> pl.Expr:
    """What a token is made of: the same however people write it; null where there is none."""
    parts = [_plain(field, name).fill_null("") for name in TOKENS[field]]
    there = pl.col(TOKENS[field][-1]).is_not_null()
    return pl.when(there).then(pl.concat_str(parts, separator=BETWEEN))


def _plain(field: str, name: str) -> pl.Expr:
    text = pl.col(name).str.normalize("NFKC").str.to_lowercase()
    if field == "phone":
        return text.str.replace_all(r"[^0-9]", "").str.strip_chars_start("0")
    if field in ("national_id", "account"):
        return text.str.replace_all(r"[^\p{L}\p{N}]", "")
    return text.str.replace_all(r"\s+", "") if field == "email" else _words(text)


def _words(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(r"\s+", " ").str.strip_chars()


def tokens(field: str, told: Iterable[str | None], version: int, key: bytes) -> list[str | None]:
    """Tokens of normal texts, null for null: `VERSION.HEX`."""
    of, digest = f"{field}{BETWEEN}".encode(), hmac.digest
    return [
        None if each is None else f"{version}.{digest(key, of + each.encode(), 'sha256')[:16].hex()}"
        for each in told
    ]  # fmt: skip
