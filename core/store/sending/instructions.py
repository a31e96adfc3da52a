"""Files for banks as the ledger keeps them: recorded before they are handed over, and by which instructions."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from loanbook.core.errors import LedgerError
from loanbook.core.store.known.persons import persons_of_loans
from loanbook.core.store.lake import LAKE, insert, patiently, transaction
from loanbook.core.store.queries import Queries
from loanbook.core.store.sending.vault import Vault
from loanbook.core.words import counted

INSTRUCTIONS = pl.Schema({
    "key": pl.String, "file_key": pl.String, "purpose": pl.String, "direction": pl.String, "loan_id": pl.Int64,
    "mandate": pl.String, "account": pl.String, "due_date": pl.Date, "attempt": pl.Int32,
    "first_effective": pl.Date, "effective": pl.Date, "amount": pl.Int64, "currency": pl.String,
    "entry_class": pl.String, "description": pl.String, "sequence": pl.String, "trace": pl.String,
    "end_to_end_id": pl.String, "signed": pl.Date, "remittance": pl.String, "payment_key": pl.String,
})  # fmt: skip
"""A row an instruction; `account` is a token, `payment_key` the event that it is money of (null: of none)."""
_FILES = ("file_key", "originator", "originator_version", "rail", "direction", "business_date", "number",
          "name", "sha256", "payments", "amount", "currency")  # fmt: skip


def sent(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """Instructions of loans, in their order, with `code` and `returned_on` of those that came back (else null)."""
    return ledger.of_loans(
        f"""
        SELECT {", ".join(f"i.{name}" for name in INSTRUCTIONS)}, r.code, r.returned_on
        FROM {{lake}}.instructions i JOIN _ids ON _ids.loan_id = i.loan_id
        LEFT JOIN (SELECT instruction_key, min(code) AS code, min(returned_on) AS returned_on
                   FROM {{lake}}.payment_returns WHERE outcome IN ('reversal', 'chargeback', 'rejected')
                   GROUP BY instruction_key) r ON r.instruction_key = i.key
        ORDER BY i.recorded_at, i.key
        """,
        ids,
        [],
    ).cast(INSTRUCTIONS)


def traces_given(ledger: Queries, bank: str) -> int:
    """How many trace numbers were given that begin with the eight digits of a bank."""
    (count,) = ledger.one(
        "SELECT count(*) FROM {lake}.instructions WHERE trace LIKE ?", [f"{bank[:8]}%"]
    )
    return int(count)


def files_of(ledger: Queries, originator: str, day: dt.date) -> int:
    """How many files an originator has for a day."""
    (count,) = ledger.one(
        "SELECT count(*) FROM {lake}.files_out WHERE originator = ? AND business_date = ?",
        [originator, day],
    )
    return int(count)


def not_handed_over(ledger: Queries) -> list[dict[str, Any]]:
    """Files that are recorded and not marked as handed over, oldest first."""
    rows = ledger.frame(
        f"SELECT {', '.join(_FILES)} FROM {{lake}}.files_out f WHERE NOT EXISTS "
        "(SELECT 1 FROM {lake}.files_handed_over h WHERE h.file_key = f.file_key) "
        "ORDER BY business_date, file_key"
    )
    return rows.to_dicts()


def recorded_file(ledger: Queries, key: str) -> dict[str, Any] | None:
    """A file by its key or its name; None: there is none."""
    rows = ledger.frame(
        f"SELECT {', '.join(_FILES)} FROM {{lake}}.files_out WHERE file_key = ? OR name = ?", [key, key]
    ).to_dicts()  # fmt: skip
    return rows[0] if rows else None


def mark_handed_over(ledger: Queries, key: str, at: dt.datetime) -> None:
    """Say that a file is about to be handed over, once; from then on it is never made again by itself."""
    row = pl.DataFrame({"file_key": [key], "handed_over_at": [at]})

    def mark() -> None:
        with transaction(ledger.connection):
            (known,) = ledger.connection.execute(
                f"SELECT count(*) FROM {LAKE}.files_handed_over WHERE file_key = ?", [key]
            ).fetchone() or (0,)
            if not known:
                insert(ledger.connection, "files_handed_over", row)

    patiently(mark)


def opened_accounts(ledger: Queries, vault: Vault, tokens: pl.Series) -> pl.DataFrame:
    """`token` and the particulars (`bank`, `account`, `account_type`, `holder`) of accounts that are known, a row each; null
    where the person whose it was is forgotten."""
    sealed = ledger.beside(
        "SELECT DISTINCT a.token, a.sealed FROM {lake}.payment_accounts a JOIN _tokens t ON t.token = a.token",
        [], _tokens=tokens.unique().to_frame("token"),
    )  # fmt: skip
    # one account may be of several persons: it opens as long as one of them is not forgotten
    return (
        vault.opened(sealed)
        .sort("token", "account", nulls_last=True)
        .unique("token", keep="first", maintain_order=True)
    )


def with_accounts(ledger: Queries, vault: Vault, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the particulars of the account in place of the token in `account`. LedgerError: the person of one is
    forgotten."""
    opened = opened_accounts(ledger, vault, rows["account"])
    gone = opened.filter(pl.col("account").is_null())
    if gone.height:
        raise LedgerError(
            f"{counted(gone.height, 'account')} can't be opened any more: the person was forgotten, and the key with them; "
            "a file that was handed over stands with the bank, and is not made again"
        )
    return rows.rename({"account": "token"}).join(opened, on="token", how="left", maintain_order="left").drop("token")  # fmt: skip


def instructions_of(ledger: Queries, file_key: str) -> pl.DataFrame:
    """Instructions of a file (schema `INSTRUCTIONS`)."""
    return ledger.frame(
        f"SELECT {', '.join(INSTRUCTIONS)} FROM {{lake}}.instructions WHERE file_key = ? ORDER BY key",
        [file_key],
    ).cast(INSTRUCTIONS)


_SENT = (
    f"SELECT {', '.join(f'i.{name}' for name in INSTRUCTIONS)}, f.originator, f.rail "
    "FROM {lake}.instructions i JOIN {lake}.files_out f ON f.file_key = i.file_key WHERE "
)
"""Instructions with the originator and rail of their file."""


class StoredSending:
    """What intake asks the ledger of money that went out."""

    def __init__(self, ledger: Queries, vault: Vault) -> None:
        self._ledger, self._vault = ledger, vault

    def sent_as(self, names: pl.Series) -> pl.DataFrame:
        """Instructions whose trace or end-to-end id is among `names`, with `originator` and `rail` of their file."""
        return self._ledger.beside(
            _SENT + "i.trace IN (SELECT name FROM _names) OR i.end_to_end_id IN (SELECT name FROM _names)",
            [], _names=names.to_frame("name"),
        ).cast(INSTRUCTIONS)  # fmt: skip

    def sent_in(self, file_key: str) -> pl.DataFrame:
        """As `sent_as`, of a file."""
        return self._ledger.frame(_SENT + "f.file_key = ?", [file_key]).cast(INSTRUCTIONS)

    def returned(self, keys: pl.Series) -> pl.DataFrame:
        """`return_key`, `instruction_key` of returns of these instructions that entered."""
        return self._ledger.beside(
            "SELECT r.return_key, r.instruction_key FROM {lake}.payment_returns r "
            "WHERE r.outcome IN ('reversal', 'chargeback', 'noted', 'rejected') "
            "AND r.instruction_key IN (SELECT key FROM _keys)", [], _keys=keys.to_frame("key"),
        )  # fmt: skip

    def disbursements(self, keys: pl.Series) -> pl.DataFrame:
        """`instruction_key`, `event_ref` (reference of the event that it pays) of payouts of agreements among instructions."""
        return self._ledger.beside(
            "SELECT i.key AS instruction_key, 'disbursed/' || e.source_ref AS event_ref FROM {lake}.instructions i "
            "JOIN {lake}.events e ON i.key = 'payout/' || e.event_id "
            "JOIN {lake}.disbursements d ON d.order_id = e.source_ref WHERE i.key IN (SELECT key FROM _keys)",
            [], _keys=keys.to_frame("key"),
        )  # fmt: skip

    def persons(self, ids: pl.Series) -> pl.DataFrame:
        """`loan_id`, `person` of loans whose borrower is in the vault of persons: as a tape's attribute names the person, else
        as the parties of the loan's agreement do."""
        return persons_of_loans(self._ledger, ids)

    def accounts(self, tokens: pl.Series) -> pl.DataFrame:
        """As `opened_accounts`."""
        return opened_accounts(self._ledger, self._vault, tokens)
