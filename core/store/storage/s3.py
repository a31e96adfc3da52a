"""An S3 server as DuckDB is told of it. Its key comes from the environment or a file that it names, never from
`loanbook.toml`, and stands in no message."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import duckdb

from loanbook.core.errors import LedgerError

KEY, SECRET, TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
CREDENTIALS, PROFILE = "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE"
"""The variables by which all tools of S3 are told a key, or the file that holds it."""


@dataclass(frozen=True)
class Key:
    """What opens a bucket."""

    name: str
    secret: str
    token: str = ""


def key_of(environ: Mapping[str, str]) -> Key:
    """The key that the environment tells, or the file that it names. LedgerError says what is missing."""
    if environ.get(KEY) and environ.get(SECRET):
        return Key(environ[KEY], environ[SECRET], environ.get(TOKEN, ""))
    path, profile = environ.get(CREDENTIALS, ""), environ.get(PROFILE) or "default"
    if not path:
        raise LedgerError(
            f"data files lie on an S3 server, but no key to it is told: set {KEY} and {SECRET}, or {CREDENTIALS} to "
            "a file that holds them"
        )
    read = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            read.read_file(file)
        found = read[profile]
        return Key(found[KEY.lower()], found[SECRET.lower()], found.get(TOKEN.lower(), fallback=""))
    except OSError as error:
        raise LedgerError(f"{CREDENTIALS}: {path} can't be read: {error.strerror}") from None
    except (configparser.Error, KeyError, UnicodeDecodeError):
        # what stands in the file is told to nobody
        raise LedgerError(
            f"{CREDENTIALS}: {path} has no section [{profile}] with {KEY.lower()} and {SECRET.lower()}"
        ) from None


def open_bucket(
    connection: duckdb.DuckDBPyConnection, root: str, endpoint: str, region: str
) -> None:
    """Let a connection read and write below `root` (s3://bucket/prefix). LedgerError where no key is told.

    A server that is away for a minute is waited for: each request is made ten times more, over some two minutes.
    """
    key = key_of(os.environ)
    address = urlsplit(endpoint)
    said = {"KEY_ID": key.name, "SECRET": key.secret, "SESSION_TOKEN": key.token, "REGION": region,
            "ENDPOINT": address.netloc, "SCOPE": root}  # fmt: skip
    told = [f"{name} '{_quoted(value)}'" for name, value in said.items() if value]
    # servers but Amazon's own have one host name, and the bucket stands in the path
    told += ["URL_STYLE 'path'"] if endpoint else []
    told += ["USE_SSL false"] if address.scheme == "http" else []
    connection.execute(f"CREATE OR REPLACE SECRET loanbook (TYPE s3, {', '.join(told)})")
    connection.execute("SET http_retries = 10")
    connection.execute("SET http_retry_backoff = 2")
    # parts of 10 MB: what is uploaded at once is kept in memory
    connection.execute("SET s3_uploader_max_filesize = '100GB'")


def of_storage_away(error: Exception) -> str | None:
    """What to say where an S3 server does not answer, or refuses; None: something else is wrong."""
    told = " ".join(str(error).split())
    by_http = isinstance(error, duckdb.IOException) and ("HTTP" in told or "s3://" in told)
    if not by_http:
        return None
    return (
        f"the storage of data files can't be used: {masked(told, os.environ)[:400]}; what was published stands, "
        "nothing of this attempt was kept; see that the server answers, and that bucket, endpoint and key are right "
        "([store] in loanbook.toml), then run again"
    )


def masked(text: str, environ: Mapping[str, str]) -> str:
    """The text without the key."""
    try:
        key = key_of(environ)
    except LedgerError:
        return text
    for secret in (key.secret, key.token, key.name):
        text = text.replace(secret, "***") if secret else text
    return text


def _quoted(text: str) -> str:
    return text.replace("'", "''")
