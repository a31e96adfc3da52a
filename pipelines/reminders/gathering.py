"""What is due for a reminder on the day after a date, who can be reached how, and what becomes of each at an instant."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from loanbook.core.access.actor import Actor
from loanbook.core.collections.contact import CONTACTS, LOOK_BACK, PREFERENCES
from loanbook.core.collections.local_time import in_utc
from loanbook.core.collections.reminding import DECIDED, REMINDABLE, decided, due
from loanbook.core.contract.jurisdiction import unpacked
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.contact_rules import ContactRules
from loanbook.core.policy.lending.reminder_rules import SENT_BY, ReminderRules
from loanbook.core.servicing.explain.instalments import owed
from loanbook.core.store.history import StoredHistory
from loanbook.core.store.instance import read_instance
from loanbook.core.store.known import queue as log
from loanbook.core.store.known import reminders as stored
from loanbook.core.store.known.persons import persons_of_loans
from loanbook.pipelines.collections.placed import held_by
from loanbook.pipelines.collections.promised import promises_by
from loanbook.pipelines.collections.queued import contact_rules_on
from loanbook.pipelines.reminders.channels import FIELDS

if TYPE_CHECKING:
    from loanbook.core.store.clocks import Clocks
    from loanbook.core.store.reader import LedgerReader
    from loanbook.core.store.vault.vault import Vault

RULES = "standard"
"""The policy of reminders that counts."""


@dataclass(frozen=True)
class Office:
    """Who sends what by which rules, and with what."""

    reader: LedgerReader
    policies: PolicyBook
    at: Clocks
    actor: Actor
    vault: Vault
    channels: list[str]
    """Channels that have a service."""

    @property
    def rules(self) -> ReminderRules:
        """The policy on the day that reminders are for."""
        return self.policies.in_force(ReminderRules, RULES, self.day)

    @property
    def day(self) -> dt.date:
        """The day that reminders are for, on borrowers' calendars."""
        return self.at.on + dt.timedelta(days=1)


def reminders_at(office: Office, moment: dt.datetime) -> pl.DataFrame:
    """What becomes at an instant (UTC) of reminders that are not decided yet: schema `DECIDED`, with `person`, `lender`, and `was`: the
    state that was known of it (null: none)."""
    found = _open(office, _due(office))
    if found.is_empty():
        return (
            found.select(pl.lit(None, kind).alias(name) for name, kind in DECIDED.items())
            .clear()
            .with_columns(  # fmt: skip
                person=pl.lit(None, pl.String),
                lender=pl.lit(None, pl.String),
                was=pl.lit(None, pl.String),
            )
        )
    loans = found["loan_id"].unique()
    persons = persons_of_loans(office.reader.lake(), loans)
    last = stored.last_sent(office.reader.lake(), loans, found["reminder_id"].to_list())
    found = found.join(last, on="loan_id", how="left", maintain_order="left")
    rules = office.rules
    laws = {each.contact_rules: _law(office, each.contact_rules, moment) for each in rules.places}
    made = decided(found, _reach(office, persons, loans), _log(office, moment), rules, laws, moment)
    who = found.select("reminder_id", "lender", "was").unique("reminder_id")
    return made.join(who, on="reminder_id", how="left", maintain_order="left").join(
        persons, on="loan_id", how="left", maintain_order="left"
    )


def _due(office: Office) -> pl.DataFrame:
    """Reminders of the day (`reminding.DUE`) with `lender`, whatever became of them."""
    reader, at, rules = office.reader, office.at, office.rules
    promises = promises_by(reader, office.policies, at)
    ahead = [each.days for each in rules.steps if each.occasion == "due"]
    horizon = office.day + dt.timedelta(days=max(ahead, default=-1))
    rows = reader.query(stored.REMINDABLE, {
        "on": at.on, "known": at.known, "booked": at.booked, "horizon": horizon, "loans": promises["loan_id"].unique().to_list(),
    })  # fmt: skip
    codes = {code: unpacked(code) or None for code in rows["place"].drop_nulls().unique()}
    region = pl.col("place").replace_strict(codes, default=None, return_dtype=pl.String)
    loans = rows.with_columns(region=region)
    ids = loans.filter("comes")["loan_id"].sort()
    coming = pl.DataFrame(schema={"loan_id": pl.Int64, "due_date": pl.Date, "amount": pl.Int64})
    if len(ids):
        book = StoredHistory(reader.lake(), office.policies, office.day).book(ids, at.on)
        coming = owed(book, office.policies, at.on, horizon).filter(pl.col("due_date") > at.on)
    named = read_instance(reader.settings.home).entity
    found = due(
        loans.select(REMINDABLE.names()).cast(REMINDABLE), coming, promises, rules, office.day
    )
    lender = loans.select("loan_id", lender=pl.lit(named) if named else pl.col("lender"))
    return found.join(lender, on="loan_id", how="left", maintain_order="left")


def _open(office: Office, due_ones: pl.DataFrame) -> pl.DataFrame:
    """Reminders of which nothing is known yet, or that a service refused, and may be tried again; with `was`, their state."""
    known = stored.reminders_of(office.reader.lake(), due_ones["reminder_id"].to_list())
    again = (pl.col("state") == "failed") & (pl.col("failures") < office.rules.tries)
    if office.rules.after_crash == "again":
        again |= pl.col("state") == "unsure"
    open_ones = due_ones.join(known.filter(~again), on="reminder_id", how="anti", maintain_order="left")  # fmt: skip
    was = known.select("reminder_id", was="state")
    return open_ones.join(was, on="reminder_id", how="left", maintain_order="left")


def _reach(office: Office, persons: pl.DataFrame, loans: pl.Series) -> pl.DataFrame:
    """`loan_id`, `channel`, `withheld`: which addresses the vault has, without opening any."""
    every = loans.to_frame("loan_id").join(
        pl.DataFrame({"channel": SENT_BY, "field": [FIELDS[name] for name in SENT_BY]}), how="cross"
    )
    have = pl.DataFrame(schema={"person": pl.String, "field": pl.String})
    if persons.height:
        have = office.vault.tokens(persons["person"], office.actor).select("person", "field").unique()  # fmt: skip
    away = held_by(office.reader, office.at)["loan_id"]
    mine = persons.join(have, on="person").select("loan_id", "field", known=pl.lit(True))
    known = every.join(mine, on=["loan_id", "field"], how="left")
    return known.select(
        "loan_id", "channel",
        withheld=pl.when(pl.col("loan_id").is_in(away.implode())).then(pl.lit("placed"))
        .when(~pl.col("channel").is_in(office.channels)).then(pl.lit("no_service"))
        .when(pl.col("known").is_null()).then(pl.lit("no_address")),
    )  # fmt: skip


def _log(office: Office, moment: dt.datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Contacts that may count at an instant, and what borrowers said by then, as the ledger knows it now."""
    ends = {"last": moment.replace(tzinfo=None) + dt.timedelta(seconds=1), "booked": dt.date.max, "loan": None}  # fmt: skip
    first = {"first": moment.replace(tzinfo=None) - LOOK_BACK}
    contacts = in_utc(office.reader.query(log.CONTACTS, ends | first), CONTACTS, "occurred_at")
    return contacts, in_utc(office.reader.query(log.SAID, ends), PREFERENCES, "stated_at")


def _law(office: Office, name: str, moment: dt.datetime) -> ContactRules:
    return contact_rules_on(office.policies, name, moment.date())
