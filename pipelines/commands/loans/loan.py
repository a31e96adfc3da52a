"""Commands about one loan: which there are, how one stands, the statements of a line of credit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer
from rich.table import Table

from loanbook.core.catalogue.codes import Kind, Status, label
from loanbook.core.catalogue.components import DUES, Component
from loanbook.core.contract.money import CURRENCY_NAMES, EXPONENT, decimal_text, to_major
from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.console import Loan, iso_date, loan_id, out, published_day, show

if TYPE_CHECKING:
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.store.reader import LedgerReader


def list_loans(
    first: Annotated[int, typer.Option(help="How many to show.")] = 20,
) -> None:
    """Loans by id, with their key."""
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import settings

    show(
        LedgerReader(settings()).query("SELECT * FROM loan_keys ORDER BY loan_id LIMIT ?", [first])
    )


def show_loan(
    loan: Annotated[str, typer.Argument(help="The loan's key, or its number as #7.")],
    as_of: Annotated[str | None, typer.Option(help="Business date; default: the last.")] = None,
) -> None:
    """Terms, balances, open dues and allocations of one loan on a date."""
    from loanbook.core.contract.jurisdiction import unpacked
    from loanbook.core.store.clocks import NOW
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import policies_of, settings

    reader = LedgerReader(settings())
    number = loan_id(reader, loan)
    day = iso_date(as_of, "--as-of")
    version, date = reader.version_of(day)
    terms = reader.query(
        "SELECT l.*, p.name AS product_name FROM loans l JOIN products p ON p.code = l.product "
        "WHERE loan_id = ? ORDER BY version",
        [number],
    )
    if terms.is_empty():
        raise LoanbookError(
            f"loan {number} has not been boarded by {date}; see `loanbook loan list`"
        )
    first = terms.row(0, named=True)
    changed = reader.query(
        "SELECT principal_agreed FROM changed_terms WHERE loan_id = ? AND business_date <= ? "
        "ORDER BY version DESC, business_date DESC LIMIT 1",
        [number, date],
    )
    policies = policies_of(reader)
    revolves = policies.product(first["product"]).line is not None
    agreed = (changed if revolves and changed.height else terms)["principal_agreed"][0]
    money = CURRENCY_NAMES[first["currency"]]
    shown = Table(title=f"Loan {number} as of {date}, version {version}", show_header=False,
                  title_justify="left")  # fmt: skip
    for name, value in (
        ("product", first["product_name"]),
        ("limit" if revolves else "principal", to_major(agreed, money)),
        ("rate", f"{first['rate_ppb'] / 1e7:.4f} %"),
        ("cycles to draw in", str(first["instalments"]))
        if revolves
        else ("instalments", f"{first['instalments']} of {to_major(first['emi'] or 0, money)}"),
        ("annual percentage rate", _apr(policies, terms.head(1))),
        ("jurisdiction", unpacked(first["jurisdiction"]) or "none told"),
        ("disbursed", str(first["disbursed_on"])),
        ("first statement" if revolves else "first due", str(first["first_due_date"])),
        ("closed", _ending(reader, number)),
        *_refinancings(reader, number),
    ):
        shown.add_row(name, value)
    position = reader.query(
        "SELECT * FROM positions_at(?, ?) WHERE loan_id = ?", [date, NOW, number]
    )
    if position.is_empty():
        shown.add_row("position", "none on this date: closed before it, or boarded after it")
    else:
        row = position.row(0, named=True)
        shown.add_row("status", Status(row["status"]).name)
        for name in ("principal", "interest_accrued", *DUES, "credit", "accrued_today"):
            shown.add_row(name.replace("_", " "), to_major(row[name], money))
        shown.add_row("next due", f"{row['next_due_date']} (instalment {row['instalment_no']})")
        shown.add_row("days past due", str(row["days_past_due"]))
    out.print(shown)
    dues = reader.query(
        "SELECT instalment_no, component, due_date, amount, paid FROM dues_at(?, ?) "
        "WHERE loan_id = ? ORDER BY 1, 2",
        [date, NOW, number],
    )
    if dues.height:
        show(dues.with_columns(component=label("component", Component)), "Open dues (minor units)")
    paid = reader.query(
        "SELECT business_date, event_id, instalment_no, component, amount FROM allocations_now "
        "WHERE loan_id = ? AND business_date <= ? ORDER BY business_date, event_id, instalment_no",
        [number, date],
    )
    if paid.height:
        named = paid.with_columns(component=label("component", Component).fill_null("credit"))
        show(named, "Allocations (minor units)")


def _refinancings(reader: LedgerReader, number: int) -> list[tuple[str, str]]:
    """The loans that this one paid off, and the one that paid it off."""
    refinanced = reader.query(
        "SELECT loan_id, (payload->>'$.by')::BIGINT AS new_loan, value_date FROM events "
        "WHERE kind = ? AND (loan_id = ? OR (payload->>'$.by')::BIGINT = ?) ORDER BY event_id",
        [Kind.refinanced.value, number, number],
    )
    return [
        ("refinanced by", f"loan {new} on {on}") if old == number
        else ("refinances", f"loan {old} on {on}")
        for old, new, on in refinanced.rows()
    ]  # fmt: skip


def _apr(policies: PolicyBook, boarded: pl.DataFrame) -> str:
    """The rate that Regulation Z discloses of a loan's terms; of a loan from elsewhere, none."""
    from loanbook.core.contract.terms import Terms
    from loanbook.core.frames import typed
    from loanbook.core.servicing.explain.disclosure import disclosed_apr

    code = boarded["product"].item()
    if boarded["taken_over_on"].item() is not None or policies.product(code).line is not None:
        return "–"
    rate = disclosed_apr(typed(boarded, Terms).select(Terms.column_names()), policies)
    return f"{rate['apr'].item():.3f} % (Regulation Z)"


def _ending(reader: LedgerReader, number: int) -> str:
    rows = reader.query("SELECT * FROM endings_now WHERE loan_id = ?", [number])
    return f"{rows['closed_on'][0]}, {rows['close_reason'][0]}" if rows.height else "–"


def statements_of(
    loan: Loan,
    as_of: Annotated[str | None, typer.Option(help="Business date; default: the last.")] = None,
) -> None:
    """Statements of a line of credit: balance, minimum due and its date, limit left to draw."""
    from loanbook.core.servicing.replay.replay import relived
    from loanbook.core.servicing.schedule.statements import statements
    from loanbook.core.store.reader import LedgerReader
    from loanbook.pipelines.resources import open_stored, settings

    ledger, policies = open_stored()
    number = loan_id(LedgerReader(settings()), loan)
    day = published_day(ledger, iso_date(as_of, "--as-of"))
    events = ledger.events_of(number, ledger.head().published_date or day)
    lived = relived(events, policies, day)
    visits = pl.concat(each.wide for each in lived.rounds) if lived else None
    if visits is None or not visits["revolving"].any():
        raise LoanbookError(f"loan {number} is no line of credit; see `loanbook loan show {loan}`")
    last = visits.sort("business_date").row(-1, named=True)
    currency = CURRENCY_NAMES[int(last["currency"])]
    rows = statements(visits).sort("statement_date")
    shown = rows.drop("loan_id").with_columns(
        decimal_text(pl.col(name), EXPONENT[currency]).alias(name)
        for name in ("balance", "minimum")
    )
    show(shown, f"Statements of loan {number}, {currency}")
    left = max(last["principal_agreed"] - last["principal"], 0)
    out.print(
        f"limit {to_major(last['principal_agreed'], currency)}, drawn "
        f"{to_major(last['principal'], currency)}, left to draw {to_major(left, currency)}"
    )
