"""Facts of alerts from a reader: what people ordered and what failed, what waits, what came close."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import MONEY_IN, Kind
from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.collections.contact import CONTACTS, PREFERENCES
from loanbook.core.collections.local_time import in_utc
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.contact_rules import ContactRules
from loanbook.core.policy.risk.alerts import AlertRules
from loanbook.core.reporting.alerts.alerts import Alerts, Facts, alerts
from loanbook.core.reporting.alerts.unusual import ACTS
from loanbook.core.reporting.alerts.waiting import NEAR, ROWS, near_misses
from loanbook.core.store.banking.reading import SUSPENSE
from loanbook.core.store.clocks import Day
from loanbook.core.store.known import contacts as log
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.collections.promised import promises_by

RULES = "standard"
"""Name of the rules that are in force for an instance."""
LOOK_BACK = dt.timedelta(days=100)
"""Contacts before a window that may count in it: the longest rule is of 60 days, a stricter one of 30 more."""
_LOSSES = [ROLE[name] for name in (
    "interest_charged_off", "fee_charged_off", "credit_loss", "goodwill_expense", "write_off_expense", "interest_waived",
    "charge_waived", "charge_adjusted")]  # fmt: skip
"""Accounts that an act costs the lender: what it came to where the order names no amount."""
_ACTS = f"""
    WITH done AS (
        SELECT *, CASE WHEN kind = {Kind.reversal.value} THEN json_extract_string(payload, '$.reverses') END AS reverses
        FROM events WHERE booking_date BETWEEN $first AND $on AND kind IN (SELECT unnest($kinds))),
    target AS (SELECT idempotency_key, kind, amount FROM events
               WHERE idempotency_key IN (SELECT reverses FROM done)),
    lost AS (SELECT event_id, sum(amount)::BIGINT AS amount FROM transfers
             WHERE booking_date >= $first AND debit IN (SELECT unnest($losses))
               AND event_id IN (SELECT event_id FROM done) GROUP BY event_id)
    SELECT e.event_id, k.loan_key, e.booking_date AS "on", coalesce(e.amount, t.amount, l.amount) AS amount, c.name AS currency,
           CASE WHEN e.source_system IN (SELECT unnest($systems)) THEN e.actor END AS "user",
           split_part(p.name, '@', 1) AS product, e.source_ref AS reference, e.reason AS detail, e.kind, t.kind AS target
    FROM done e JOIN loan_keys k USING (loan_id) JOIN products p ON p.code = k.product
    JOIN currency_names c ON c.code = k.currency
    LEFT JOIN target t ON t.idempotency_key = e.reverses LEFT JOIN lost l USING (event_id)
    ORDER BY e.event_id
"""
_PAYOUTS = """
    SELECT split_part(p.name, '@', 1) AS "of", k.loan_key, r.return_key AS reference, r.returned_on AS "on", r.amount, r.currency,
           r.code AS detail
    FROM payment_returns r JOIN loan_keys k USING (loan_id) JOIN products p ON p.code = k.product
    WHERE r.why = 'payout_reversed' AND r.returned_on BETWEEN $first AND $on
"""
_LOANS = """
    SELECT k.loan_id, split_part(p.name, '@', 1) AS product, c.name AS currency
    FROM loan_keys k JOIN products p ON p.code = k.product JOIN currency_names c ON c.code = k.currency
    WHERE k.loan_id IN (SELECT unnest($ids))
"""
_AGENTS = (
    "SELECT contact_id AS reference, agent FROM contacts WHERE contact_id IN (SELECT unnest($ids))"
)


def found_on(reader: LedgerReader, policies: PolicyBook, as_of: Day = None) -> Alerts:
    """Alerts of a date by the rules in force on it. PolicyError where none are."""
    on = reader.clocks(as_of).on
    rules = policies.in_force(AlertRules, RULES, on)
    first, _ = reader.published_range()
    assert first is not None, "a date was published"
    start = on - dt.timedelta(days=rules.history.window_days - 1)
    suspense = reader.query(SUSPENSE, {"on": on}).select(
        of="account", loan_key=pl.lit(None, pl.String), reference="entry_id", on="business_date", amount="amount",
        currency="currency", detail="rule",
    )  # fmt: skip
    held = reader.held(on).select(
        of=pl.col("product").str.split("@").list.first(), loan_key="loan_key", reference="law", on="since",
        amount=pl.lit(None, pl.Int64), currency=pl.lit(None, pl.String), detail="figures",
    )  # fmt: skip
    payouts = reader.query(_PAYOUTS, {"first": start, "on": on})
    acts = [_acts(reader, policies, rules, on), _broken_promises(reader, policies, rules, on)]
    facts = Facts(
        first, on, pl.concat(acts), payouts.cast(ROWS), suspense.cast(ROWS), held.cast(ROWS),
        _near(reader, policies, rules, start, on),
    )  # fmt: skip
    return alerts(facts, rules)


def _acts(
    reader: LedgerReader, policies: PolicyBook, rules: AlertRules, on: dt.date
) -> pl.DataFrame:
    """Orders of people by what they are counted as, and payments that failed (`ACTS`)."""
    kinds = [
        (act, COMMANDS[verb][0].kind.value) for act, verbs in rules.acts.items() for verb in verbs
    ]
    named = pl.DataFrame(kinds, schema={"rule": pl.String, "kind": pl.Int16}, orient="row").unique()
    back = [Kind.chargeback.value, Kind.reversal.value]
    rows = reader.query(_ACTS, {
        "first": on - _span(rules) + dt.timedelta(days=1), "on": on, "kinds": sorted({*named["kind"], *back}), "losses": _LOSSES,
        "systems": policies.sources_of_orders,
    }).with_columns(pl.col("kind", "target").cast(pl.Int16))  # fmt: skip
    ordered = (
        rows.drop_nulls("user").join(named, on="kind").with_columns(check=pl.lit("unusual_acts"))
    )
    of_money = pl.col("target").is_in([kind.value for kind in MONEY_IN])
    failed = rows.filter((pl.col("kind") == Kind.chargeback.value) | of_money).with_columns(
        check=pl.lit("payment_failures"),
        rule=pl.lit("payment_failures"),
        user=pl.lit(None, pl.String),
    )
    parts = (
        each.select(pl.col(name).cast(kind) for name, kind in ACTS.items())
        for each in (ordered, failed)
    )
    return pl.concat(parts)


def _broken_promises(
    reader: LedgerReader, policies: PolicyBook, rules: AlertRules, on: dt.date
) -> pl.DataFrame:
    """Promised payments that were broken, on the day after the last that would have kept them, by agent (`ACTS`)."""
    day = pl.col("last_day") + pl.duration(days=1)
    rows = promises_by(reader, policies, reader.clocks(on)).with_columns(on=day)
    broken = rows.filter((pl.col("verdict") == "broken") & (pl.col("on") > on - _span(rules)))
    loans = reader.query(_LOANS, {"ids": broken["loan_id"].unique().to_list()})
    named = broken.join(loans, on="loan_id", how="left").with_columns(
        event_id=pl.lit(None, pl.Int64), user="agent", detail=pl.format("due on {}", "due_date"),
        check=pl.lit("broken_promises"), rule=pl.lit("broken_promises"),
    )  # fmt: skip
    return named.select(pl.col(name).cast(kind) for name, kind in ACTS.items())


def _span(rules: AlertRules) -> dt.timedelta:
    """Days of all windows that are compared."""
    return dt.timedelta(days=rules.history.window_days * (rules.history.windows + 1))


def _near(
    reader: LedgerReader, policies: PolicyBook, rules: AlertRules, start: dt.date, on: dt.date
) -> pl.DataFrame:
    """Contacts of the last window, on the borrowers' calendars, that came close to a breach, with their `agent`."""
    nothing = pl.DataFrame(schema=pl.Schema([*NEAR.items(), ("agent", pl.String())]))
    if rules.near_misses is None:
        return nothing
    ends = {"first": dt.datetime.combine(start - LOOK_BACK, dt.time()),
            "last": dt.datetime.combine(on + dt.timedelta(days=2), dt.time())}  # fmt: skip
    contacts = in_utc(reader.query(log.CONTACTS, ends), CONTACTS, "occurred_at")
    if contacts.is_empty():
        return nothing
    said = in_utc(reader.query(log.PREFERENCES, {"last": ends["last"]}), PREFERENCES, "stated_at")
    laws = [policies.in_force(ContactRules, name, on) for name in rules.near_misses.rules]
    found = near_misses(contacts, said, laws, rules.near_misses)
    local = pl.col("local_at").str.slice(0, 10).str.to_date()
    within = found.filter(local.is_between(start, on))
    agents = reader.query(_AGENTS, {"ids": within["reference"].unique().to_list()})
    made = within.join(agents, on="reference", how="left").filter(pl.col("agent") != "")
    return made.select(nothing.columns)  # a reminder was made by nobody
