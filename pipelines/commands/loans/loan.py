"""Commands about one loan: which there are, how one stands, the statements of a line of credit."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer
from rich.table import Table

from loanbook.core.catalogue.codes import Kind, Status, Timing, label
from loanbook.core.catalogue.components import DUES, Component
from loanbook.core.contract.money import CURRENCY_NAMES, major, percent, to_major
from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import (
    AsOf,
    KnownAt,
    Loan,
    asked_by,
    believed,
    found_loan,
    out,
    reading,
    show,
)

if TYPE_CHECKING:
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.servicing.loan.book import Book
    from loanbook.core.store.clocks import Clocks
    from loanbook.core.store.reader import LedgerReader


def list_loans(
    first: Annotated[int, typer.Option(help="How many to show.")] = 20,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> None:
    """Loans by number, with their key, state and terms, boarded by a date."""
    reader = reading()
    at = reader.clocks(as_of, known_at)
    loans = reader.loans(at.on, at.known)
    shown = loans.head(first).select(
        pl.format("#{}", "loan_id").alias("number"), "loan_key", "product", "currency", "state",
        "disbursed_on", major("principal_agreed"), "instalments",
    )  # fmt: skip
    show(shown, f"{counted(loans.height, 'loan')} {believed(at)}")
    if loans.height > shown.height:
        out.print(
            f"{shown.height:,} of {loans.height:,} are shown; `--first {loans.height}` shows all."
        )
    (waiting,) = reader.query("SELECT count(*) AS n FROM loan_keys WHERE boards_on > ?", [at.on])[
        "n"
    ]
    if waiting:
        out.print(f"Taken in, to board after {at.on}: {counted(waiting, 'loan')}.")


@dataclass(frozen=True)
class _Shown:
    """A loan as it is shown: what the ledger says of it by two clocks."""

    reader: LedgerReader
    policies: PolicyBook
    number: int
    at: Clocks
    boarded: dict[str, Any]
    """Its row of `loans` as it was boarded, with `product_name`."""
    book: Book
    """Its terms and dues on the date; empty where it does not live on it."""
    position: dict[str, Any] | None
    """Its row of positions with `version`, that which its figures are of; None: none on the date."""

    @property
    def money(self) -> str:
        return CURRENCY_NAMES[self.boarded["currency"]]

    @property
    def revolves(self) -> bool:
        return self.policies.product(self.boarded["product"]).line is not None

    def term(self, name: str) -> Any:
        """A term as it stands on the date."""
        terms = self.book.terms
        return terms[name].item() if terms.height else self.boarded[name]


def show_loan(
    loan: Loan,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> None:
    """Terms, balances, open dues and allocations of one loan on a date."""
    from loanbook.core.store.lists import ALLOCATED

    of = found_loan(loan, as_of, known_at)
    reader, number, at = of.reader, of.number, of.at
    found = _read(reader, of.policies, number, at)
    version = at.version if found.position is None else found.position["version"]
    label_ = f"Loan {of.key} (#{number}) as of {at.on}, version {version}"
    if version != at.version:
        label_ += f", which restated version {at.version}"
    if not at.is_now:
        label_ += f", as known at version {at.known}"
    shown = Table(title=label_, show_header=False, title_justify="left")
    for name, value in (*_agreed(found), *_stands(found)):
        shown.add_row(name, value)
    out.print(shown)
    dues = reader.query(
        "SELECT instalment_no, component, due_date, amount, paid FROM dues_at(?, ?) "
        "WHERE loan_id = ? ORDER BY 1, 2",
        [at.on, at.known, number],
    )
    named = dues.with_columns(asked_by(), label("component", Component),
                              *(major(name, found.money) for name in ("amount", "paid")))  # fmt: skip
    if dues.height:
        show(named, f"Open dues, amounts in {found.money}")
    paid = reader.query(ALLOCATED, {"loan": number, "on": at.on, "version": at.known})
    if paid.height:
        none = pl.when(pl.col("timing") == Timing.given_up.value).then(pl.lit("recovered"))
        met = paid.with_columns(
            asked_by(),
            label("component", Component).fill_null(none.otherwise(pl.lit("credit"))),
            major("amount", found.money),
        ).drop("timing")
        show(met, f"What money met, amounts in {found.money}")


def _read(reader: LedgerReader, policies: PolicyBook, number: int, at: Clocks) -> _Shown:
    """What the ledger says of a loan; LoanbookError where it is not boarded by then."""
    from loanbook.core.store.history import StoredHistory
    from loanbook.pipelines.servicing.verify import not_boarded

    terms = reader.query(
        "SELECT l.*, p.name AS product_name FROM loans l JOIN products p ON p.code = l.product "
        "WHERE loan_id = ? AND version <= ? AND coalesce(boarded_on <= ?, true) "
        "AND close_reason IS NULL ORDER BY version",
        [number, at.known, at.on],
    )
    if terms.is_empty():
        raise LoanbookError(not_boarded(reader.lake(), number, at))
    past = StoredHistory(reader.lake(), policies, at.on + dt.timedelta(days=1), at.known)
    rows = reader.query(
        "SELECT * FROM positions_at(?, ?) WHERE loan_id = ?", [at.on, at.known, number]
    )
    return _Shown(
        reader, policies, number, at, terms.row(0, named=True),
        past.book(pl.Series([number]), at.on), rows.row(0, named=True) if rows.height else None,
    )  # fmt: skip


def _agreed(found: _Shown) -> list[tuple[str, str]]:
    """The contract on the date, and how it ended."""
    from loanbook.core.contract.jurisdiction import unpacked

    boarded, count = found.boarded, str(found.term("instalments"))
    level = found.term("emi")
    if level:
        count = f"{count} of {to_major(level, found.money)}"
    of_line = [("limit", "principal_agreed"), ("cycles to draw in", ""), ("first statement", "")]
    of_loan = [("principal agreed", "principal_agreed"), ("instalments", ""), ("first due", "")]
    (principal, _), (cycles, _), (first, _) = of_line if found.revolves else of_loan
    return [
        ("product", boarded["product_name"]),
        (principal, to_major(found.term("principal_agreed"), found.money)),
        ("rate", f"{percent(found.term('rate_ppb'))} %"),
        (cycles, count),
        ("annual percentage rate", _apr(found)),
        ("jurisdiction", unpacked(boarded["jurisdiction"]) or "none told"),
        ("disbursed", str(boarded["disbursed_on"])),
        (first, str(boarded["first_due_date"])),
        ("closed", _ending(found)),
        *_refinancings(found.reader, found.number, found.at),
        *_held(found.reader, found.number, found.at),
    ]


def _stands(found: _Shown) -> list[tuple[str, str]]:
    """The position on the date."""
    row = found.position
    if row is None:
        return [("position", "none on this date: the loan had ended")]
    amounts = [
        (name.replace("_", " "), to_major(row[name], found.money))
        for name in ("principal", "interest_accrued", *DUES, "credit", "accrued_today")
    ]
    return [
        ("status", Status(row["status"]).name),
        *amounts,
        ("next due", _next_due(found, row)),
        ("days past due", str(row["days_past_due"])),
    ]


def _next_due(found: _Shown, row: dict[str, Any]) -> str:
    """The next instalment, with what it will ask; that there is none, and why."""
    from loanbook.core.servicing.loan.business_date import dated
    from loanbook.core.servicing.schedule.projection import project

    if found.revolves:
        return f"{row['next_due_date']} (statement {row['instalment_no']})"
    wide = dated(found.book.wide(), found.at.on)
    coming = project(wide, found.book.dues, found.policies.calendars)
    if coming.is_empty():
        return "none: no instalment is to come"
    first = coming.row(0, named=True)
    asks = to_major(first["principal"] + first["interest"], found.money)
    return f"{first['due_date']} (instalment {first['instalment_no']}, {asks})"


def _held(reader: LedgerReader, number: int, at: Clocks) -> list[tuple[str, str]]:
    """Why the loan is shown at its last good position, if it is."""
    rows = reader.held(at.on, at.known).filter(pl.col("loan_id") == number).to_dicts()
    return [
        ("held", f"since {row['since']}, shown as of {row['good_until']}: {row['law']}: "
         f"{row['figures']}; {row['remedy']}") for row in rows
    ]  # fmt: skip


def _refinancings(reader: LedgerReader, number: int, at: Clocks) -> list[tuple[str, str]]:
    """The loans that this one paid off, and the one that paid it off."""
    refinanced = reader.query(
        "SELECT loan_id, (payload->>'$.by')::BIGINT AS new_loan, value_date FROM events "
        "WHERE kind = ? AND (loan_id = ? OR (payload->>'$.by')::BIGINT = ?) AND value_date <= ? "
        "AND booking_date <= ? ORDER BY event_id",
        [Kind.refinanced.value, number, number, at.on, at.booked],
    )
    return [
        ("refinanced by", f"loan {new} on {on}") if old == number
        else ("refinances", f"loan {old} on {on}")
        for old, new, on in refinanced.rows()
    ]  # fmt: skip


def _apr(found: _Shown) -> str:
    """The rate that Regulation Z discloses of a loan's terms; of a loan from elsewhere, none."""
    from loanbook.core.contract.terms import Terms
    from loanbook.core.frames import typed
    from loanbook.core.servicing.explain.disclosure import disclosed_apr

    if found.boarded["taken_over_on"] is not None or found.revolves:
        return "–"
    terms = pl.DataFrame([{name: found.boarded[name] for name in Terms.column_names()}])
    rate = disclosed_apr(typed(terms, Terms), found.policies)
    return f"{rate['apr'].item():.3f} % (Regulation Z)"


def _ending(found: _Shown) -> str:
    from loanbook.core.store.lists import ENDED_BY

    rows = found.reader.query(
        ENDED_BY, {"version": found.at.known, "on": found.at.on, "loan": found.number}
    )
    return f"{rows['closed_on'][0]}, {rows['close_reason'][0]}" if rows.height else "–"


def statements_of(
    loan: Loan,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> None:
    """Statements of a line of credit: balance, minimum due and its date, limit left to draw."""
    from loanbook.core.servicing.schedule.statements import statements
    from loanbook.pipelines.servicing.verify import lived_by

    of = found_loan(loan, as_of, known_at)
    lived = lived_by(of.reader.lake(), of.policies, of.number, of.at)
    visits = pl.concat(each.wide for each in lived.rounds)
    if not visits["revolving"].any():
        raise LoanbookError(
            f"loan {of.key} is no line of credit; see `loanbook loan show {of.key}`"
        )
    last = visits.sort("business_date").row(-1, named=True)
    currency = CURRENCY_NAMES[int(last["currency"])]
    rows = statements(visits).sort("statement_date")
    shown = rows.drop("loan_id").with_columns(
        major(name, currency) for name in ("balance", "minimum", "cash_advances")
    )
    show(shown, f"Statements of loan {of.key} {believed(of.at)}, amounts in {currency}")
    left = max(last["principal_agreed"] - last["principal"], 0)
    out.print(
        f"limit {to_major(last['principal_agreed'], currency)}, drawn "
        f"{to_major(last['principal'], currency)}, left to draw {to_major(left, currency)}"
    )
