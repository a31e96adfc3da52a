"""What intake must know of loans and of earlier entries before an entry may be of one."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.components import DUES
from loanbook.core.contract.money import CURRENCY_NAMES
from loanbook.core.payments.incoming.candidates import AWAITED
from loanbook.core.payments.incoming.cash import MOVEMENTS, transfers
from loanbook.core.payments.incoming.deciding import MAY_BE_MATCHED, PAYMENTS
from loanbook.core.payments.incoming.entries import KNOWN
from loanbook.core.payments.incoming.matching import REFERENCES
from loanbook.core.payments.incoming.own_files import BATCH, BATCHES, COLLECTED
from loanbook.core.policy.payments.matching import ReceiptMatching
from loanbook.core.store.banking.names import alike
from loanbook.core.store.banking.singly import BOOKED, TOLD
from loanbook.core.store.queries import PUBLISHED, Queries


class StoredBank:
    """What the ledger has of banks, for a run of intake."""

    def __init__(self, ledger: Queries) -> None:
        self._ledger = ledger
        self._awaited: dict[str, pl.DataFrame] = {}

    def entries(self, accounts: list[str], first: dt.date, last: dt.date) -> pl.DataFrame:
        """As `known_entries`."""
        return known_entries(self._ledger, accounts, first, last)

    def waiting(self, ids: pl.Series) -> pl.DataFrame:
        """As `put_in_suspense`."""
        return put_in_suspense(self._ledger, ids)

    def entries_named(self, account: str, references: pl.Series) -> pl.DataFrame:
        """As the function of this name."""
        return entries_named(self._ledger, account, references)

    def cheques(self, accounts: list[str], amounts: pl.Series) -> pl.DataFrame:
        """`reference`, `entry_id`, `account`, `amount` of what collectors were paid, of these amounts."""
        return self._ledger.beside(
            "SELECT e.reference, e.entry_id, e.account, e.amount FROM {lake}.bank_entries e JOIN _amounts a ON a.amount = e.amount "
            "WHERE e.account IN (SELECT unnest($accounts)) AND e.direction = 'credit' AND e.outcome NOT IN ('duplicate', 'quarantined')",
            {"accounts": accounts},
            _amounts=amounts.drop_nulls().unique().rename("amount").to_frame(),
        )  # fmt: skip

    def payments(self, references: pl.Series, settled: pl.DataFrame) -> pl.DataFrame:
        """As `payments_under`."""
        return payments_under(self._ledger, references, settled)

    def batches(self, currency: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        """As `batches_sent`."""
        return batches_sent(self._ledger, currency, first, last)

    def references(self, policy: ReceiptMatching) -> pl.DataFrame:
        """As `loan_references`."""
        return loan_references(self._ledger, policy)

    def awaited(self, policy: ReceiptMatching) -> pl.DataFrame:
        """As the function of this name, asked once a run: nothing is published meanwhile."""
        if policy.name_attribute not in self._awaited:
            self._awaited[policy.name_attribute] = awaited(self._ledger, policy)
        return self._awaited[policy.name_attribute]

    def alike(self, pairs: pl.DataFrame) -> pl.Series:
        """As `loanbook.core.store.banking.names.alike`."""
        return alike(pairs)


def known_entries(
    ledger: Queries, accounts: list[str], first: dt.date, last: dt.date
) -> pl.DataFrame:
    """Entries of bank accounts that are known and valued between two dates (columns `KNOWN`), in the order in
    which they came."""
    return ledger.beside(
        f"SELECT {', '.join(KNOWN)} FROM {{lake}}.bank_entries WHERE outcome NOT IN ('duplicate', "
        "'quarantined') AND value_date BETWEEN $first AND $last AND account IN (SELECT unnest($accounts)) "
        "ORDER BY recorded_at, file_id, place",
        {"first": first, "last": last, "accounts": accounts},
    )


def put_in_suspense(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """Entries with one of the ids that came to suspense: `entry_id`, `account`, `direction`, `amount`,
    `currency`, `value_date`, and `decided`, `decided_loan`, what people decided of them (null: nothing yet)."""
    return ledger.beside(
        "SELECT e.entry_id, e.account, e.direction, e.amount, e.currency, e.value_date, d.outcome AS decided, "
        "d.loan_id AS decided_loan FROM {lake}.bank_entries e JOIN _ids i ON i.entry_id = e.entry_id "
        "LEFT JOIN {lake}.entry_decisions d ON d.entry_id = e.entry_id WHERE e.outcome = 'suspense'",
        [],
        _ids=pl.DataFrame({"entry_id": ids.unique().cast(pl.String)}),
    )


def entries_named(ledger: Queries, account: str, references: pl.Series) -> pl.DataFrame:
    """`reference`, `entry_id`, `account`, `direction` of entries of an account that have one of the references of their own."""
    return ledger.beside(
        "SELECT e.reference, e.entry_id, e.account, e.direction FROM {lake}.bank_entries e "
        "JOIN _refs r ON r.value = e.reference WHERE e.account = $account "
        "AND e.outcome NOT IN ('duplicate', 'quarantined')",
        {"account": account},
        _refs=pl.DataFrame({"value": references.drop_nulls().unique().cast(pl.String)}),
    )


def payments_under(ledger: Queries, references: pl.Series, settled: pl.DataFrame) -> pl.DataFrame:
    """Payments of other files that bear one of the references, and debits and payouts that were sent under it (schema `PAYMENTS`). `settled`: batches that are not stored yet as booked as
    one (columns `BATCH`)."""
    batch = ", ".join(BATCH)
    return ledger.beside(
        "SELECT e.source_ref, e.loan_id, e.amount, e.value_date, 'credit' AS direction, false AS with_its_file "
        "FROM {lake}.events e JOIN _refs r ON r.value = e.source_ref WHERE e.kind = $kind UNION ALL "
        "SELECT r.value, i.loan_id, i.amount, i.effective, "
        "CASE WHEN i.direction = 'debit' THEN 'credit' ELSE 'debit' END, s.file_key IS NOT NULL "
        "FROM {lake}.instructions i JOIN _refs r ON r.value IN (i.trace, i.end_to_end_id) "
        f"LEFT JOIN (SELECT {batch} FROM {{lake}}.file_settlements UNION SELECT {batch} FROM _settled) s ON {_OF_BATCH} "
        "WHERE i.payment_key IS NOT NULL OR (i.direction = 'credit' AND i.amount > 0)",
        {"kind": Kind.payment_received.value},
        _refs=pl.DataFrame({"value": references.drop_nulls().unique().cast(pl.String)}),
        _settled=settled.select(BATCH),
    ).cast(PAYMENTS)  # type: ignore[arg-type]


_OF_BATCH = " AND ".join(f"s.{name} IS NOT DISTINCT FROM i.{name}" for name in BATCH)
"""Whether a row of `file_settlements` is of an instruction's batch."""


def batches_sent(ledger: Queries, currency: str, first: dt.date, last: dt.date) -> pl.DataFrame:
    """Batches of files that were sent, and what collectors hand over as one, that no bank booked as one yet, settling
    between two dates (schema `BATCHES`)."""
    keys = ", ".join(f"i.{name}" for name in BATCH)
    return ledger.frame(
        f"""
        WITH {TOLD.format(entries="{lake}.bank_entries", when=" AND value_date BETWEEN $first AND $last")},
        refused AS (SELECT DISTINCT r.instruction_key AS key FROM {{lake}}.payment_returns r
                    JOIN {{lake}}.acknowledgements a ON a.file_id = r.file_id),
        i AS (SELECT * FROM {{lake}}.instructions WHERE effective BETWEEN $first AND $last AND currency = $currency AND amount > 0)
        SELECT {keys}, any_value(f.name) AS name, any_value(i.direction) AS direction, $currency AS currency,
               dense_rank() OVER (PARTITION BY i.file_key ORDER BY i.sequence, i.effective) AS number,
               count(*) AS payments, sum(i.amount)::BIGINT AS amount,
               coalesce(sum(i.amount) FILTER (WHERE i.key NOT IN (SELECT key FROM refused)), 0)::BIGINT AS net,
               count(*) FILTER (WHERE {BOOKED}) AS singly
        FROM i JOIN {{lake}}.files_out f ON f.file_key = i.file_key
        WHERE NOT EXISTS (SELECT 1 FROM {{lake}}.file_settlements s WHERE {_OF_BATCH})
        GROUP BY {keys}
        UNION ALL
        SELECT s.reference, s.closing_date, '', $collected, s.account, coalesce(s.number, s.reference),
               CASE WHEN s.closing < 0 THEN 'credit' ELSE 'debit' END, s.currency, 1, s.entries, abs(s.closing), abs(s.closing), 0
        FROM {{lake}}.bank_statements s JOIN {{lake}}.bank_files b ON b.file_id = s.file_id AND b.business_date = s.business_date
        WHERE b.format = $collected AND s.currency = $currency AND s.closing <> 0 AND s.closing_date BETWEEN $first AND $last
          AND NOT EXISTS (SELECT 1 FROM {{lake}}.file_settlements t WHERE t.file_key = s.reference AND t.description = s.account
                          AND t.effective = s.closing_date AND t.entry_class = $collected)
        ORDER BY 1, 2, 3, 4, 5
        """,
        {"currency": currency, "first": first, "last": last, "collected": COLLECTED},
    ).cast(BATCHES)  # type: ignore[arg-type]


def loan_references(ledger: Queries, policy: ReceiptMatching) -> pl.DataFrame:
    """References by which entries may name loans (schema `REFERENCES`): of tapes, mandates, and what was sent to
    banks that no payment was made of yet."""
    names = {
        policy.mandate_attribute: "mandate",
        policy.virtual_account_attribute: "virtual_account",
    }
    rows = ledger.beside(
        "SELECT name, value, loan_id FROM {lake}.loan_attributes WHERE name IN (SELECT unnest($names)) "
        "AND value IS NOT NULL UNION ALL "
        "SELECT $mandates, source_ref, loan_id FROM {lake}.events WHERE kind = $created UNION ALL "
        "SELECT 'trace', trace, loan_id FROM {lake}.instructions WHERE trace IS NOT NULL "
        "AND payment_key IS NULL AND direction = 'debit' UNION ALL "
        "SELECT 'end_to_end_id', end_to_end_id, loan_id FROM {lake}.instructions "
        "WHERE end_to_end_id IS NOT NULL AND payment_key IS NULL AND direction = 'debit'",
        {
            "names": list(names), "mandates": policy.mandate_attribute,
            "created": Kind.mandate_created.value,
        },
    )  # fmt: skip
    names |= {"trace": "trace", "end_to_end_id": "end_to_end_id"}
    kinds = pl.col("name").replace_strict(names, return_dtype=pl.String)
    return rows.select(kind=kinds, value="value", loan_id="loan_id").cast(REFERENCES)  # type: ignore[arg-type]


def awaited(ledger: Queries, policy: ReceiptMatching) -> pl.DataFrame:
    """What every living loan awaits as of the last published date (schema `AWAITED`), and its borrower's
    name; before anything is published the name alone."""
    version, date = ledger.published()
    dues = " + ".join(f"p.{name}" for name in DUES)
    rows = ledger.beside(
        f"""
        WITH names AS (SELECT loan_id, any_value(value) AS name FROM {{lake}}.loan_attributes
                       WHERE name = $name GROUP BY loan_id),
        terms AS (SELECT loan_id, last(emi ORDER BY version) AS emi FROM (
                      SELECT loan_id, version, emi FROM {{lake}}.loans
                      WHERE close_reason IS NULL AND version IN {PUBLISHED}
                      UNION ALL SELECT loan_id, version, emi FROM {{lake}}.changed_terms
                      WHERE version IN {PUBLISHED}) GROUP BY loan_id)
        SELECT k.loan_id, k.currency, n.name, t.emi AS instalment, ({dues})::BIGINT AS overdue,
               p.next_due_date
        FROM {{lake}}.loan_keys k LEFT JOIN names n USING (loan_id) LEFT JOIN terms t USING (loan_id)
        LEFT JOIN (SELECT * FROM {{lake}}.positions WHERE version = $version AND business_date = $date) p
          USING (loan_id)
        """,
        {"name": policy.name_attribute, "version": version, "date": date},
    )
    named = pl.col("currency").replace_strict(CURRENCY_NAMES, return_dtype=pl.String)
    return rows.with_columns(currency=named).select(
        pl.col(name).cast(type_) for name, type_ in AWAITED.items()
    )


def cash_booked(ledger: Queries, first: dt.date, last: dt.date) -> dict[dt.date, pl.DataFrame]:
    """Transfers of money at banks (schema `Transfers`, of no loan) that closes of a range of dates book, by date."""
    rows = ledger.frame(
        f"SELECT {', '.join(MOVEMENTS)} FROM {{lake}}.cash_movements WHERE booking_date BETWEEN ? AND ?",
        [first, last],
    ).cast(MOVEMENTS)  # type: ignore[arg-type]
    parts = transfers(rows).partition_by("booking_date", as_dict=True)
    return {key[0]: part for key, part in parts.items() if isinstance(key[0], dt.date)}


def knowledge_of_loans(ledger: Queries) -> str:
    """What entries may be matched by, told so that it is another text once a loan, a mandate, an attribute, an
    instruction or a published contract has come."""
    (seen,) = ledger.one(
        f"""
        SELECT concat_ws('/', (SELECT count(*) FROM {{lake}}.loan_keys), (SELECT count(*) FROM {{lake}}.loan_attributes),
            (SELECT count(*) FROM {{lake}}.events WHERE kind = ?), (SELECT count(*) FROM {{lake}}.instructions),
            (SELECT count(*) FROM {{lake}}.loans WHERE close_reason IS NULL AND version IN {PUBLISHED}))
        """,
        [Kind.mandate_created.value],
    )
    return str(seen)


def suspense_to_match(ledger: Queries) -> tuple[pl.DataFrame, str]:
    """Entries in suspense that another loan or reference may end, of files that were not looked at since something
    came (`file_id`, `name`, `business_date`, `entry_id`); and what is known now (`knowledge_of_loans`)."""
    waiting = ledger.frame(
        "SELECT e.file_id, f.name, e.business_date, e.entry_id FROM {lake}.bank_entries e "
        "JOIN {lake}.bank_files f ON f.file_id = e.file_id AND f.business_date = e.business_date "
        "LEFT JOIN {lake}.entry_decisions d ON d.entry_id = e.entry_id "
        "WHERE e.outcome = 'suspense' AND e.direction = 'credit' AND d.entry_id IS NULL AND e.rule IN (SELECT unnest(?))",
        [list(MAY_BE_MATCHED)],
    )
    if waiting.is_empty():
        return waiting, ""
    seen = knowledge_of_loans(ledger)
    looked = ledger.frame(
        "SELECT file_id, name, business_date FROM {lake}.suspense_looks GROUP BY ALL "
        "HAVING arg_max(seen, recorded_at) = ?",
        [seen],
    )
    return waiting.join(looked, on=["file_id", "name", "business_date"], how="anti"), seen
