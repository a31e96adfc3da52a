"""What intake must know of applications, contacts and records that came before."""

from __future__ import annotations

import polars as pl

from loanbook.core.store.queries import Queries
from loanbook.core.store.sending.vault import Vault

_KEY = {
    "applications": "application_id",
    "originals": "record",
    "applicant_documents": "document_id",
    "consents": "consent_id",
    "identity_checks": "check_id",
    "sanction_names": "entry_key",
    "contacts": "contact_id",
    "contact_preferences": "preference_id",
    "promises": "promise_id",
    "notices": "notice_id",
    "legal_steps": "legal_id",
    "placements": "placement_id",
}
KNOWN = pl.Schema({"key": pl.String(), "body_hash": pl.String()})


class StoredOrigination:
    """What the ledger has of applications, for a run of intake."""

    def __init__(self, ledger: Queries, vault: Vault) -> None:
        self._ledger, self._vault = ledger, vault
        self._any: dict[str, bool] = {}

    def hashes(self, table: str, keys: pl.Series) -> pl.DataFrame:
        """`key`, `body_hash` of rows of a table (of `_KEY`) that have one of the keys."""
        if table not in self._any:
            (some,) = self._ledger.one(f"SELECT count(*) FROM {{lake}}.{table}")
            self._any[table] = bool(some)
        if not self._any[table]:  # what this run takes in is known without asking
            return pl.DataFrame(schema=KNOWN)
        key = _KEY[table]
        rows = self._ledger.beside(
            f"SELECT t.{key} AS key, t.body_hash FROM {{lake}}.{table} t JOIN _keys k ON k.key = t.{key}",
            [], _keys=keys.unique().to_frame("key"),
        )  # fmt: skip
        return rows.cast(KNOWN)

    def tokens(self, told: pl.Series) -> pl.Series:
        """Tokens of people, devices and accounts: the same for the same text, and nothing else tells it."""
        return self._vault.pseudonyms(told)

    def sealed(self, originals: pl.DataFrame) -> pl.Series:
        """Sealed bytes of originals (`record`, `text`, and the `applicant` as the sender calls them): also under the key of the
        applicant, where the vault of persons knows whose token it is; forgetting the person reaches them."""
        return self._vault.sealed_texts(
            originals["record"], originals["text"], originals["applicant"]
        )
