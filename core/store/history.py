"""What the ledger knows of some loans before a date: the past that late news is read against."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import ENDED
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import empty, typed
from loanbook.core.ledger.events import EVENT_COLUMNS, Events
from loanbook.core.ledger.transfers import Transfers
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.dues import Dues
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.loan.positions import Positions
from loanbook.core.store.clocks import NOT_RESTATED_BY, NOW, known_last
from loanbook.core.store.queries import PUBLISHED, Queries, ids_table


def revised(terms: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """Boarded terms with those of changed loans in place of them."""
    if changed.is_empty():
        return terms
    others = terms.join(changed, on="loan_id", how="anti", maintain_order="left")
    current = changed.join(terms, on="loan_id", how="semi")
    return pl.concat([others, current.cast(dict(others.schema))]).sort("loan_id")  # type: ignore[arg-type]


class StoredHistory:
    """The published ledger as `loanbook.core.servicing.replay.backdating.LedgerHistory`, before the close of `date`,
    as known at a version (default: now)."""

    def __init__(
        self, ledger: Queries, policies: PolicyBook, date: dt.date, known_at: int = NOW
    ) -> None:
        self._ledger, self._policies, self._date = ledger, policies, date
        self._known_at = known_at

    def events(self, ids: pl.Series) -> pl.DataFrame:
        """See `LedgerHistory`."""
        rows = self._of(
            f"SELECT {', '.join(f'e.{c}' for c in EVENT_COLUMNS)} FROM {{lake}}.events e "
            "JOIN _ids ON _ids.loan_id = e.loan_id WHERE e.booking_date < ? ORDER BY e.event_id",
            ids, [self._date],
        )  # fmt: skip
        return rows.with_columns(pl.col("recorded_at").cast(pl.Datetime("us")))

    def ended(self, ids: pl.Series) -> pl.DataFrame:
        """See `LedgerHistory`."""
        rows = self._of(
            "SELECT l.loan_id, min(l.closed_on) AS ended_on "
            "FROM {lake}.loans l JOIN _ids ON _ids.loan_id = l.loan_id "
            f"WHERE l.close_reason IS NOT NULL AND l.version IN {PUBLISHED} GROUP BY l.loan_id",
            ids, [],
        )  # fmt: skip
        return rows.with_columns(pl.col("ended_on").cast(pl.Date))

    def book(self, ids: pl.Series, date: dt.date) -> Book:
        """See `LedgerHistory`."""
        nothing = empty(Events)
        names = ", ".join(f"l.{c}" for c in Terms.column_names())
        with self._ledger.aside(_ids=ids_table(ids)) as ledger:
            first = ledger.first_published()
            if first is None or date < first:
                return Book.empty(self._policies.pins, nothing)
            positions = self._known(
                ledger, "positions", Positions.column_names(), "t.loan_id", date
            )
            dues = self._known(
                ledger, "dues", Dues.column_names(), "t.loan_id, t.instalment_no, t.component", date
            )
            terms = ledger.frame(
                f"SELECT DISTINCT {names} FROM {{lake}}.loans l JOIN _ids "
                "ON _ids.loan_id = l.loan_id WHERE l.close_reason IS NULL "
                f"AND l.version IN {PUBLISHED} ORDER BY l.loan_id"
            )
            changed = ledger.frame(
                f"SELECT {names.replace('l.', 'c.')} FROM {{lake}}.changed_terms c JOIN _ids "
                f"ON _ids.loan_id = c.loan_id WHERE c.version IN {PUBLISHED} "
                f"AND c.business_date <= ? AND c.version <= ? AND {NOT_RESTATED_BY.format(row='c')} "
                "QUALIFY row_number() OVER (PARTITION BY c.loan_id ORDER BY c.business_date DESC) = 1",
                [date, self._known_at, self._known_at],
            )
        live = typed(positions, Positions).filter(~pl.col("status").is_in(ENDED))
        terms, changed = (
            rows.join(live.select("loan_id"), on="loan_id", how="semi", maintain_order="left")
            for rows in (terms, changed)
        )
        terms = revised(typed(terms, Terms), typed(changed, Terms))
        agreed = agreed_terms(terms, self._policies.pins)
        return Book(date, agreed, live, typed(dues, Dues), nothing)

    def _known(
        self, ledger: Queries, table: str, columns: list[str], order: str, date: dt.date
    ) -> pl.DataFrame:
        named = ", ".join(f"t.{c}" for c in columns)
        sql = known_last(table, named, order, "AND t.loan_id IN (SELECT loan_id FROM _ids)")
        return ledger.frame(sql, {"on": date, "known_at": self._known_at})

    def transfers(self, ids: pl.Series, since: dt.date) -> pl.DataFrame:
        """See `LedgerHistory`."""
        names = ", ".join(f"t.{c}" for c in Transfers.column_names())
        rows = self._of(
            f"SELECT {names} FROM {{lake}}.transfers t JOIN _ids ON _ids.loan_id = t.loan_id "
            f"WHERE t.value_date >= ? AND t.version IN {PUBLISHED}",
            ids, [since],
        )  # fmt: skip
        return rows.cast(dict(empty(Transfers).schema))  # type: ignore[arg-type]

    def _of(
        self, sql: str, ids: pl.Series, parameters: list[object] | dict[str, object]
    ) -> pl.DataFrame:
        return self._ledger.of_loans(sql, ids, parameters)
