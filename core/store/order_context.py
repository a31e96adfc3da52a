"""What the ledger tells of loans and events before an order or a payment may enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal

import polars as pl

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.events import DEFERS
from loanbook.core.catalogue.kinds import Deferral
from loanbook.core.frames import typed
from loanbook.core.ledger.events import EVENT_COLUMNS, Events
from loanbook.core.store.clocks import NOT_RESTATED
from loanbook.core.store.known.keys import ids_of, loans_by_id, loans_by_key, sources_of
from loanbook.core.store.queries import PUBLISHED, Queries, ids_table
from loanbook.core.store.writing import UNKNOWN_LOAN

By = Literal["loan_id", "source_ref"]
"""By what events are looked for."""
LoansBy = Literal["loan_id", "loan_key"]
"""By what loans are looked for."""
MANY_FILES, FEW_ROWS = 8, 200_000
"""A run of so many files reads all loans, and all events, of a ledger that has no more than so many, once; any other
looks up those that a file is about, file by file."""
EVENT_KEYS = {
    "idempotency_key": pl.String, "body_hash": pl.String, "loan_id": pl.Int64, "kind": pl.Int8,
    "amount": pl.Int64, "source_system": pl.String, "source_ref": pl.String, "reverses": pl.String,
    "charged": pl.Int64, "charge": pl.String, "deferred": pl.Int64, "family": pl.Int32,
    "refunded": pl.String, "charged_back": pl.String, "brought": pl.String,
}  # fmt: skip
"""Schema of `event_keys`."""


class StoredEvents:
    """Events of the ledger for a run of intake, as `event_keys` has them.

    What a file costs goes by its own rows, not by all that was ever taken in.
    """

    def __init__(self, ledger: Queries, files: int) -> None:
        self._ledger = ledger
        self._all = event_keys(ledger) if _few(ledger, "event", files) else None
        self._last: tuple[pl.Series, pl.DataFrame] | None = None

    def about(self, by: By, values: pl.Series) -> pl.DataFrame:
        """At least those whose `loan_id` or `source_ref` is among the values."""
        if self._all is not None:
            return self._all
        wanted = values.drop_nulls().unique().sort().alias(by)
        if self._last is None or not self._last[0].equals(wanted, check_names=True):
            ids = ids_of(self._ledger, "events", wanted) if by == "source_ref" else wanted
            nothing = pl.DataFrame(schema=EVENT_KEYS)
            self._last = wanted, event_keys(self._ledger, ids) if ids.len() else nothing
        return self._last[1]

    @cached_property
    def sources(self) -> frozenset[str]:
        """Source systems that events came from."""
        return frozenset(sources_of(self._ledger))


class StoredLoans:
    """Loans of the ledger for a run of intake, as `Queries.loan_keys` has them, with `entity_name`: the start of the
    keys of what is taken in of them."""

    def __init__(self, ledger: Queries, entities: Sequence[str], files: int) -> None:
        self._ledger, self._entities, self._files = ledger, dict(enumerate(entities)), files
        self.read_anew()

    def read_anew(self) -> None:
        """Others were boarded."""
        (self.next_id,) = self._ledger.one("SELECT next_loan_id FROM {lake}.intake_head")
        few = _few(self._ledger, "loan", self._files)
        self._all = self._named(self._ledger.loan_keys()) if few else None

    def all(self) -> pl.DataFrame:
        """All of them, read once."""
        if self._all is None:
            self._all = self._named(self._ledger.loan_keys())
        return self._all

    def about(self, by: LoansBy, values: pl.Series) -> pl.DataFrame:
        """At least those whose `loan_id` or `loan_key` is among the values."""
        if self._all is not None:
            return self._all
        asked = values.drop_nulls()
        found = loans_by_id if by == "loan_id" else loans_by_key
        return self._named(found(self._ledger, asked))

    def _named(self, loans: pl.DataFrame) -> pl.DataFrame:
        name = pl.col("entity").replace_strict(self._entities, default=None, return_dtype=pl.String)
        return loans.with_columns(entity_name=name)


def _few(ledger: Queries, what: Literal["loan", "event"], files: int) -> bool:
    """Whether a run of so many files should read all loans, or events, at once."""
    if files < MANY_FILES:
        return False
    (next_id,) = ledger.one(f"SELECT next_{what}_id FROM {{lake}}.intake_head")
    return next_id <= FEW_ROWS


COME = {
    "file_id": pl.String, "name": pl.String, "business_date": pl.Date, "line": pl.Int64,
    "boarded": pl.Date,
}  # fmt: skip
"""Schema of `come_since`."""


def come_since(ledger: Queries, quoted: int) -> pl.DataFrame:
    """Rows in quarantine by `UNKNOWN_LOAN` whose loan came since: `file_id`, `name`, `business_date` of their
    file, `line`, and `boarded`, the booking date of the loan's boarding.

    `quoted`: characters of a key that quarantine quotes; a longer one ends there with an ellipsis.
    """
    waiting = ledger.frame(
        "SELECT DISTINCT found FROM {lake}.quarantine WHERE rule = ?", [UNKNOWN_LOAN]
    )["found"]
    cut = waiting.str.len_chars() > quoted
    if not cut.any() and ids_of(ledger, "loan_keys", waiting).is_empty():
        return pl.DataFrame(schema=COME)
    return ledger.frame(
        """
        WITH waiting AS (SELECT file_id, name, line, found FROM {lake}.quarantine WHERE rule = $rule)
        SELECT w.file_id, w.name, f.business_date, w.line, max(e.booking_date) AS boarded
        FROM waiting w JOIN {lake}.loan_keys k ON w.found = CASE WHEN length(k.loan_key) > $quoted
             THEN left(k.loan_key, $quoted) || '…' ELSE k.loan_key END
        JOIN {lake}.events e ON e.loan_id = k.loan_id AND e.kind = $boarding
        JOIN {lake}.files f ON f.file_id = w.file_id AND f.name = w.name AND f.state = 'taken'
        GROUP BY ALL ORDER BY boarded, w.line
        """,
        {"rule": UNKNOWN_LOAN, "quoted": quoted, "boarding": Kind.loan_boarded.value},
    )


def event_keys(ledger: Queries, about: pl.Series | None = None) -> pl.DataFrame:
    """`idempotency_key`, `body_hash`, `loan_id`, `kind` (code), `amount`, `source_system`, `source_ref`,
    `reverses` (key, or null), schema `EVENT_KEYS`, of every event, or of those whose column of the name of `about` is in it.

    Of charges also `charged` (Int64, minor units), of them and their adjustments `charge` (the payload); of deferred fees
    `deferred` (Int64, below zero where it is given back) and `family` (`Deferral`); of interest refunds `refunded`, the key of the refund that they are on, and
    of chargebacks `charged_back`, that of the payment that they take back, where it was named; of loans that were
    taken over `brought`, the payload with their balances.
    """
    among = "" if about is None else f"WHERE {about.name} IN (SELECT {about.name} FROM _about)"
    return ledger.beside(
        f"""
        SELECT idempotency_key, body_hash, loan_id, kind, amount, source_system, source_ref,
               CASE WHEN kind = $reversal THEN payload->>'$.reverses' END AS reverses,
               CASE WHEN kind = $charge THEN amount END AS charged,
               CASE WHEN kind IN ($charge, $adjusted) THEN payload END AS charge,
               {_DEFERRED}::BIGINT AS deferred, {_DEFERRAL}::INTEGER AS family,
               CASE WHEN kind = $interest THEN payload->>'$.of' END AS refunded,
               CASE WHEN kind = $chargeback THEN payload->>'$.of' END AS charged_back,
               CASE WHEN kind = $taken_over THEN payload END AS brought
        FROM {{lake}}.events {among}
        """,
        {
            "reversal": Kind.reversal.value,
            "charge": Kind.charge_assessed.value,
            "adjusted": Kind.charge_adjusted.value,
            "interest": Kind.interest_refunded.value,
            "chargeback": Kind.chargeback.value,
            "taken_over": Kind.migrated_in.value,
        },
        **({} if about is None else {"_about": about.to_frame()}),
    )


def _by_kind(what: Callable[[Deferral, int], str]) -> str:
    """SQL of what each kind has that moves deferred income; null of others."""
    rows = (f"WHEN {kind.value} THEN {what(*moves)}" for kind, moves in DEFERS.items())
    return f"(CASE kind {' '.join(rows)} END)"


_DEFERRED = _by_kind(lambda _, sign: f"{sign} * amount")
_DEFERRAL = _by_kind(lambda deferral, _: str(deferral.value))


_CONTRACT = """version, loan_id, rate_ppb, moratorium_left, accelerated_on,
                  principal_agreed, jurisdiction, instalments, agreed_schedule, schedule_fixed_on"""
_ENDED = f"""
    SELECT loan_id, last(closed_on ORDER BY version, closed_on NULLS LAST) AS closed_on,
           last(close_reason ORDER BY version, closed_on NULLS LAST) AS reason
    FROM {{lake}}.loans WHERE close_reason IS NOT NULL AND version IN {PUBLISHED}
      AND loan_id IN (SELECT loan_id FROM _ids)
    GROUP BY loan_id"""
"""How loans ended that did, by what was said last."""
_TERMS = f"""
    SELECT loan_id, last(rate_ppb ORDER BY version) AS rate_ppb,
           last(moratorium_left ORDER BY version) AS moratorium_left,
           last(accelerated_on ORDER BY version) AS accelerated_on,
           last(agreed_schedule IS NOT NULL ORDER BY version) AS rows_agreed,
           last(schedule_fixed_on IS NOT NULL ORDER BY version) AS interest_fixed,
           last(jurisdiction ORDER BY version) AS jurisdiction,
           last(instalments ORDER BY version) AS instalments_agreed,
           last(principal_agreed ORDER BY version) AS agreed
    FROM (SELECT {_CONTRACT} FROM {{lake}}.loans WHERE close_reason IS NULL
          UNION ALL SELECT {_CONTRACT} FROM {{lake}}.changed_terms)
    WHERE version IN {PUBLISHED} AND loan_id IN (SELECT loan_id FROM _ids) GROUP BY loan_id"""
"""The contract as it stands."""
_CONTEXT = f"""
    WITH ended AS ({_ENDED}), terms AS ({_TERMS})
    SELECT _ids.loan_id, coalesce(p.credit, 0) AS credit,
           t.rate_ppb AS rate_now, t.moratorium_left, t.accelerated_on,
           t.rows_agreed, t.interest_fixed, t.instalments_agreed, t.jurisdiction, p.principal AS owed,
           p.instalment_no, t.agreed, t.loan_id IS NOT NULL AS published,
           (CASE WHEN e.closed_on IS NULL THEN p.status
                 WHEN e.reason = 'written off' THEN $written_off
                 ELSE $closed END)::TINYINT AS status
    FROM _ids
    LEFT JOIN (SELECT loan_id, status, credit, instalment_no, principal FROM {{lake}}.positions
               WHERE version = $version AND business_date = $date) p ON p.loan_id = _ids.loan_id
    LEFT JOIN ended e ON e.loan_id = _ids.loan_id
    LEFT JOIN terms t ON t.loan_id = _ids.loan_id"""


def order_context(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """Loans as they stand at the last published date, for what may be ordered of them.

    `loan_id`, `status` (Int8; null: nothing paid out yet), `credit` (Int64), `rate_now` (Int64),
    `moratorium_left` (Int16) and `accelerated_on` (Date) as the contract stands,
    `rows_agreed`, `interest_fixed` (Boolean), `jurisdiction` (Int64), `instalments_agreed` (Int16), the principal `owed`,
    `instalment_no` (Int16), the next to bill, `agreed` (Int64: the principal), and whether a `published`
    version has read the loan.
    """
    with ledger.aside(_ids=ids_table(ids.unique())) as state:
        version, date = state.published()
        return state.frame(
            _CONTEXT,
            {
                "version": version, "date": date,
                "written_off": Status.written_off.value, "closed": Status.closed.value,
            },
        )  # fmt: skip


def floating(ledger: Queries, products: list[int]) -> pl.DataFrame:
    """Loans of `products` that were boarded or will be: `loan_id`, `product`, `currency`,
    `disbursed_on`, `first_reset_on` (Date, null: it has no resets)."""
    return ledger.frame(
        "SELECT k.loan_id, k.product, k.currency, k.boards_on AS disbursed_on, "
        "(e.payload->>'$.first_reset_on')::DATE AS first_reset_on "
        "FROM {lake}.loan_keys k JOIN {lake}.events e ON e.loan_id = k.loan_id AND e.kind = $kind "
        "WHERE k.product IN (SELECT unnest($products))",
        {"kind": Kind.loan_boarded.value, "products": products},
    )


def met(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """What money met on loans `ids`, as known now: `idempotency_key`, `component`, `amount`."""
    return ledger.of_loans(
        "SELECT e.idempotency_key, a.component, a.amount FROM {lake}.allocations a "
        "JOIN _ids USING (loan_id) JOIN {lake}.events e ON e.event_id = a.event_id "
        f"WHERE a.component IS NOT NULL AND a.version IN {PUBLISHED} "
        f"AND {NOT_RESTATED.format(row='a')}",
        ids.unique(),
        [],
    )


def waived(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """Waivers of charges of loans `ids`: `idempotency_key`, `loan_id`, `charge` (the payload), and `amount`,
    what was unpaid of the charge and is forgiven; of one that no close has taken in, the whole charge."""
    from loanbook.core.servicing.orders.event_totals import forgiven

    _, date = ledger.published()
    waivers = ledger.of_loans(
        "SELECT e.event_id, e.idempotency_key, e.loan_id, e.payload, e.amount AS whole, "
        "coalesce(greatest(e.value_date, e.booking_date) <= $date, false) AS taken "
        "FROM {lake}.events e JOIN _ids USING (loan_id) WHERE e.kind = $waiver",
        ids.unique(),
        {"date": date, "waiver": Kind.charge_waived.value},
    )
    moved = ledger.of_loans(
        "SELECT t.event_id, t.debit, t.credit, t.amount FROM {lake}.transfers t JOIN _ids USING (loan_id) "
        "WHERE t.event_id IN (SELECT event_id FROM {lake}.events WHERE kind = $waiver) "
        f"AND t.version IN {PUBLISHED}",
        waivers["loan_id"].unique(),
        {"waiver": Kind.charge_waived.value},
    )
    both = forgiven(waivers, moved).join(
        waivers.select("event_id", "whole", "taken"), on="event_id", maintain_order="left"
    )
    amount = pl.when("taken").then("amount").otherwise("whole").cast(pl.Int64)
    return both.select("idempotency_key", "loan_id", "charge", amount.alias("amount"))


def history(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """Every event of loans `ids` that is known now (schema `Events`), in the order it was told."""
    rows = ledger.of_loans(
        f"SELECT {', '.join(f'e.{c}' for c in EVENT_COLUMNS)} FROM {{lake}}.events e "
        "JOIN _ids USING (loan_id) ORDER BY e.event_id",
        ids.unique(),
        [],
    )
    return typed(rows, Events)
