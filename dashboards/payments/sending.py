"""What is asked of banks: mandates by state, the debits of the next file, and files that were sent with what became of them."""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from loanbook.core.errors import LedgerError
from loanbook.core.payments.out.presentment import WHY
from loanbook.core.store.sending.asking import debits_of, mandates_at
from loanbook.core.store.sending.reading import SENT
from loanbook.dashboards import data
from loanbook.dashboards.formats import count, day, short_money
from loanbook.dashboards.parts.card import downloads
from loanbook.dashboards.parts.head import Clocks
from loanbook.dashboards.parts.table import amounts, in_words, show_rows, titled

STATES = ("active", "created", "suspended", "revoked", "expired")
SENT_DAYS = 60
"""Days of files that are shown."""


def mandates(clocks: Clocks) -> None:
    """Mandates at the end of the date, by state; no account."""
    rows = mandates_at(data.ledger().lake(), data.stored_policies(), clocks.as_of)
    named = _keyed(rows.drop("currency"))
    with st.container(horizontal=True):
        for state in STATES[:4]:
            st.metric(state.capitalize(), count(named.filter(pl.col("state") == state).height), border=True,
                      help=_MEANS[state])  # fmt: skip
    if named.is_empty():
        st.info("No mandate has been given.")
        return
    chosen = st.pills("State", STATES, selection_mode="multi", key="state", bind="query-params")
    kept = named.filter(pl.col("state").is_in(chosen)) if chosen else named
    shown = kept.with_columns(*amounts("cap"), *in_words("reason")).select(
        "mandate", "loan_key", "originator", "state", "since", "reason", "cap", "currency", "collects", "starts", "ends",
        "payday", "channel", "consented_at",
    )  # fmt: skip
    show_rows(shown, key="mandates", column_config=titled(shown, loan_key="Loan", cap="At most"))
    st.caption(
        "Orders change them, and so do returns and notifications of change. The account stands sealed and is not shown."
    )
    about = {"what": "Mandates", "date": clocks.as_of.isoformat()}
    downloads(
        lambda: kept.drop("account", strict=False), about, f"mandates_{clocks.as_of}", "mandates"
    )


_MEANS = {
    "active": "Debits may be asked for.", "created": "Given, and not begun.",
    "suspended": "By an order or a return's code; it may be resumed.",
    "revoked": "By the payer, or a return's code; it is over.",
}  # fmt: skip


def next_debits(clocks: Clocks) -> None:
    """What the file of the day after the date would ask for, and what falls to it and is not asked."""
    on = clocks.as_of + dt.timedelta(days=1)
    try:
        asked, passed = _asked_for(on, data.state(), data.key())
    except LedgerError as why:
        st.info(f"{why}."[0].upper() + f"{why}."[1:])
        return
    left = _keyed(passed)
    parts = [
        rows.select("loan_id", "mandate", "due_date", "amount", "attempt", "purpose", "effective", originator=pl.lit(by))
        for by, _, rows in asked
    ]  # fmt: skip
    rows = _keyed(pl.concat(parts)) if parts else left.clear()
    _sums(asked, rows.height, left.height, on)
    if rows.is_empty():
        st.info(
            f"No file asks for anything on {day(on)}: nothing falls due for it, or no bank works on that day."
        )
    else:
        shown = rows.with_columns(*amounts("amount"), *in_words("purpose")).select(
            "loan_key", "mandate", "originator", "purpose", "due_date", "amount", "currency", "attempt", "effective"
        )  # fmt: skip
        show_rows(shown, key="debits", column_config=titled(shown, loan_key="Loan", effective="Settles on"))  # fmt: skip
        st.caption(
            "Nothing is recorded by looking: `loanbook payments present` makes the files, each debit once."
        )
        about = {"what": "Debits to present", "date": on.isoformat()}
        downloads(lambda: rows, about, f"debits_{on}", "debits")
    if left.height:
        _not_asked_for(left)


def _sums(asked: list[tuple[str, str, pl.DataFrame]], debits: int, left: int, on: dt.date) -> None:
    """Figures of the file of a day."""
    sums = [short_money(int(rows["amount"].sum() or 0), currency) for _, currency, rows in asked]
    settles = sorted({each for _, _, rows in asked for each in rows["effective"].unique()})
    with st.container(horizontal=True):
        st.metric("Debits", count(debits), border=True,
                  help=f"That the file of {day(on)} asks for, prenotifications among them.")  # fmt: skip
        st.metric("Money", ", ".join(sums) or "–", border=True, help="What they come to, by originator.")  # fmt: skip
        st.metric("Settles", ", ".join(map(day, settles)) or "–", border=True,
                  help="The day on which the banks settle them.")  # fmt: skip
        st.metric("Not asked for", count(left), border=True,
                  help="What falls to this file and stays out, with the reason.")  # fmt: skip


def _not_asked_for(left: pl.DataFrame) -> None:
    st.subheader(
        "Not asked for", anchor=False, help="Rules of mandates, money on its way, and retries."
    )
    shown = left.with_columns(*amounts("amount"), why=pl.col("why").replace(WHY)).select(
        "loan_key", "mandate", "originator", "due_date", "amount", "currency", "why"
    )  # fmt: skip
    show_rows(shown, key="passed", column_config=titled(shown, loan_key="Loan"))


@st.cache_data(max_entries=16, show_spinner=False)
def _asked_for(
    on: dt.date, state: int, key: str
) -> tuple[list[tuple[str, str, pl.DataFrame]], pl.DataFrame]:
    """Debits by originator and currency, and what is not asked for; kept until something is written (`state`)."""
    asked, passed = debits_of(data.ledger().lake(), data.stored_policies(), on)
    return [(by.name, by.currency, rows) for by, rows in asked], passed


def files_sent(clocks: Clocks) -> None:
    """Files for banks, and what the banks booked of each."""
    first = clocks.as_of - dt.timedelta(days=SENT_DAYS - 1)
    rows = data.ledger().query(SENT, {"first": first, "on": clocks.as_of})
    waits = rows.filter(pl.col("state").is_in(["not booked", "booked in part"]))
    with st.container(horizontal=True):
        st.metric(
            "Files",
            count(rows.height),
            border=True,
            help=f"Made for {day(first)} to {day(clocks.as_of)}.",
        )
        st.metric(
            "Payments", count(int(rows["payments"].sum() or 0)), border=True, help="In these files."
        )
        st.metric("Not booked whole", count(waits.height), border=True,
                  help="Files past the day on which they settle, of which no bank's entry tells all: as one, or payment by payment.")  # fmt: skip
        st.metric("Not handed over", count(rows.filter(pl.col("handed_over_at").is_null()).height), border=True,
                  help="Recorded, and not in the outbox yet.")  # fmt: skip
    if rows.is_empty():
        st.info("No file was made for a bank in these days.")
        return
    sums = ("amount", "booked_as_one", "booked_one_by_one", "came_back")
    sign = pl.when(pl.col("state").is_in(["booked", "booked or came back"])).then(pl.lit("✓ ")).when(
        pl.col("state") == "settles later").then(pl.lit("… ")).otherwise(pl.lit("✗ "))  # fmt: skip
    shown = rows.with_columns(*amounts(*sums), state=sign + pl.col("state")).select(
        "business_date", "name", "originator", "direction", "payments", "amount", "currency", "effective", "state",
        *sums[1:], "handed_over_at",
    )  # fmt: skip
    show_rows(
        shown, key="sent", column_config=titled(shown, business_date="For", effective="Settles on")
    )
    st.caption(
        "A bank books a file as one amount, by day or batch, or payment by payment; all three are tied to it."
    )
    downloads(
        lambda: rows,
        {"what": "Files for banks", "date": clocks.as_of.isoformat()},
        f"files_sent_{clocks.as_of}",
        "sent",
    )


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of loans with `loan_key` and the name of the loan's `currency`, as the viewer sees them."""
    keys = data.ledger().query(
        "SELECT k.loan_id, k.loan_key, c.name AS currency FROM loan_keys k JOIN currency_names c ON c.code = k.currency "
        "WHERE k.loan_id IN (SELECT unnest($ids))",
        {"ids": rows["loan_id"].unique().to_list()},
    )  # fmt: skip
    return rows.join(keys, on="loan_id", how="left", maintain_order="left").drop("loan_id")
