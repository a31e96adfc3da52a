"""What credit bureaus are told of loans: accounts of a date, with their borrowers from the vault.

A loan's borrower is the person whose token the tape's attribute `person` names, a second one `second_person`. What
can't be told stands beside it with the reason. An account that ended is told of once, in the month in which it ended.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from loanbook.core.access.actor import Actor
from loanbook.core.catalogue.components import CLAIM_ROLES
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.risk.credit_reporting import CreditReporting
from loanbook.core.servicing.loan.claim import claim, overdue
from loanbook.core.store.clocks import Clocks
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.vault.vault import Vault
from loanbook.pipelines.formats.bank_out.metro2 import PERSON, SECOND, write

MONTHS = 24
"""Months of the payment history profile, from the one before that of the date backwards."""
STATES = ((180, "84"), (150, "83"), (120, "82"), (90, "80"), (60, "78"), (30, "71"), (0, "11"))
"""Account state from so many days past due on."""
CENTS = 100
LARGEST = 999_999_999
PER_YEAR = {Unit.months: 12, Unit.semi_monthly: 24, Unit.weeks: 52, Unit.days: 365}
_FIELDS = ("given_name", "family_name", "birth_date", "national_id", "phone", "address_line_1", "address_line_2", "city",
           "region", "postal_code", "country")  # fmt: skip


@dataclass(frozen=True)
class Furnishing:
    """A Metro 2 file, and loans that it does not tell of."""

    data: bytes
    accounts: pl.DataFrame
    left_out: pl.DataFrame
    """`loan_key` and `why`."""


def furnished(
    reader: LedgerReader, at: Clocks, by: CreditReporting, vault: Vault, who: Actor, reason: str
) -> Furnishing:
    """The file of a date. AccessError where the requester may not read the persons' data, or the ledger's rows."""
    accounts = _accounts(reader, at, by)
    wanted = pl.concat([accounts["person"], accounts["second_person"]]).drop_nulls()
    persons = _persons(vault.open(wanted, who, reason, fields=_FIELDS))
    told = accounts.join(persons, on="person", how="left", maintain_order="left").join(
        persons.rename({name: f"{SECOND}{name}" for name in persons.columns}),
        on="second_person", how="left", maintain_order="left",
    )  # fmt: skip
    joint = pl.col(f"{SECOND}surname").is_not_null()
    told = told.with_columns(
        why=_why_not(),
        ecoa=pl.when(joint).then(pl.lit("2")).otherwise(pl.lit("1")),
        second_ecoa=pl.lit("2"),
    )
    good = told.filter(pl.col("why").is_null())
    return Furnishing(write(good, by, at.on), good, told.filter(pl.col("why").is_not_null()).select("loan_key", "why"))  # fmt: skip


def _why_not() -> pl.Expr:
    """Why an account is not told of; null: it is."""
    amounts = ("highest_credit", "scheduled_payment", "actual_payment", "current_balance", "amount_past_due")  # fmt: skip
    large = pl.max_horizontal(amounts) > LARGEST
    lacking = pl.any_horizontal(pl.col(n).is_null() for n in ("surname", "first_name", "address_1", "city", "state", "zip"))  # fmt: skip
    return (
        pl.when(pl.col("lacks").is_not_null()).then("lacks")
        .when(large).then(pl.lit("an amount has more digits than the format"))
        .when(pl.col("person").is_null()).then(pl.lit("the tape names no person of it"))
        .when(pl.col("surname").is_null() & pl.col("first_name").is_null())
        .then(pl.lit("its person is unknown to the vault, or was forgotten"))
        .when(lacking).then(pl.lit("its person has no whole name or address"))
        .when(pl.col("ssn").is_null() & pl.col("birth_date").is_null())
        .then(pl.lit("its person has neither a social security number nor a birth date"))
        .when(pl.col("second_person").is_not_null() & pl.col(f"{SECOND}surname").is_null())
        .then(pl.lit("its second person is unknown to the vault, or was forgotten"))
    )  # fmt: skip


def _persons(opened: pl.DataFrame) -> pl.DataFrame:
    """Persons as the format has them: `person` and its fields."""
    names = pl.col("given_name").str.splitn(" ", 2).struct
    ssn = pl.col("national_id").str.replace_all(r"[^0-9]", "")
    phone = pl.col("phone").str.replace_all(r"[^0-9]", "").str.tail(10)
    told = opened.select(
        "person", surname="family_name", first_name=names.field("field_0"), middle_name=names.field("field_1"),
        ssn=pl.when(ssn.str.len_chars() == 9).then(ssn), birth_date=pl.col("birth_date").str.to_date(strict=False),
        phone=pl.when(phone.str.len_chars() == 10).then(phone), country=pl.col("country").str.head(2),
        address_1="address_line_1", address_2="address_line_2", city="city",
        state=pl.col("region").str.split("-").list.last().str.head(2), zip=pl.col("postal_code").str.replace_all("-", ""),
    )  # fmt: skip
    kept = [name for name, _, kind in PERSON if name in told.columns and kind != "blank"]
    return told.select("person", *kept)


def _accounts(reader: LedgerReader, at: Clocks, by: CreditReporting) -> pl.DataFrame:
    """Accounts as the ledger has them, with `loan_key`, `person`, `second_person` and what they `lack`."""
    loans = reader.loans(at.on, at.known).with_columns(
        name=pl.col("product").str.split("@").list.first()
    )
    ended_before = pl.col("closed_on") < at.on.replace(day=1)
    loans = loans.filter(~ended_before.fill_null(False)).drop("state")
    positions = reader.positions(at.on, at.known).drop("status", "business_date", "version")
    shared = [n for n in positions.columns if n in loans.columns and n != "loan_id"]
    told = loans.join(positions.drop(shared), on="loan_id", how="left", maintain_order="left")
    late = told.filter(pl.col("oldest_due_date").is_not_null())["loan_id"]
    for more in (_terms(reader), _attributes(reader), _paid(reader, at), _charged_off(reader), _first_late(reader, late),
                 _history(reader, loans, at.on)):  # fmt: skip
        told = told.join(more, on="loan_id", how="left", maintain_order="left")
    types = [(name, each.portfolio_type, each.account_type) for name, each in by.products.items()]
    kinds = pl.DataFrame(types, schema=["name", "portfolio_type", "account_type"], orient="row")
    told = told.join(kinds, on="name", how="left", maintain_order="left")
    return told.with_columns(**_state(at.on), **_figures()).with_columns(
        lacks=pl.when(pl.col("portfolio_type").is_null())
        .then(pl.lit("the policy credit_reporting names no account type of its product"))
        .when(pl.col("currency") != "USD").then(pl.lit("it is not in US dollars"))
        .when(pl.col("disbursed_on").is_null()).then(pl.lit("nothing was paid out"))
        .when(pl.col("loan_key").str.len_chars() > 30).then(pl.lit("its key has more than 30 characters"))
    )  # fmt: skip


def _state(on: dt.date) -> dict[str, pl.Expr]:
    """Account state, what goes with it, and its dates."""
    paid = pl.col("close_reason").is_in(["paid in full", "settled"])
    off = pl.col("charged_off_on").is_not_null() | (pl.col("close_reason") == "written off")
    days = pl.col("days_past_due").fill_null(0)
    by_days = pl.lit("11")
    for least, code in reversed(STATES):
        by_days = pl.when(days >= least).then(pl.lit(code)).otherwise(by_days)
    status = pl.when(paid).then(pl.lit("13")).when(off).then(pl.lit("97")).otherwise(by_days)
    late = (off | (days >= 30)) & ~paid.fill_null(False)
    return {
        "account_status": status,
        "payment_rating": pl.when(paid).then(pl.lit("0")).otherwise(pl.lit("")),
        "special_comment": pl.when(pl.col("close_reason") == "settled").then(pl.lit("AU")).otherwise(pl.lit("")),
        "date_opened": pl.col("disbursed_on"),
        "date_account_info": pl.coalesce("closed_on", pl.lit(on)),
        "date_closed": pl.when(paid).then("closed_on"),
        "dofd": pl.when(late).then(pl.coalesce("first_late_on", "charged_off_on", "closed_on")),
    }  # fmt: skip


def _figures() -> dict[str, pl.Expr]:
    """Amounts in whole dollars, and the terms in months."""
    per_year = pl.col("unit").replace_strict({u.value: n for u, n in PER_YEAR.items()}, return_dtype=pl.Int64)  # fmt: skip
    every = pl.col("every").cast(pl.Int64)
    yearly = pl.col("instalment").fill_null(0) * per_year // every
    months = -(-(pl.col("instalments").cast(pl.Int64) * every * 12) // per_year)
    return {
        "terms": months, "terms_frequency": pl.lit("M"), "account_number": pl.col("loan_key"),
        "highest_credit": pl.col("principal_agreed") // CENTS,
        "scheduled_payment": pl.when(pl.col("closed_on").is_null()).then(yearly // 12 // CENTS).otherwise(0),
        "actual_payment": pl.col("paid").fill_null(0) // CENTS,
        "current_balance": (claim() - pl.col("credit")).clip(0).fill_null(0) // CENTS,
        "amount_past_due": overdue().fill_null(0) // CENTS,
        "charge_off": pl.col("charged").fill_null(0) // CENTS,
    }  # fmt: skip


def _terms(reader: LedgerReader) -> pl.DataFrame:
    return reader.query(
        "SELECT loan_id, every, unit FROM loans WHERE close_reason IS NULL "
        "QUALIFY row_number() OVER (PARTITION BY loan_id ORDER BY version) = 1"
    )


def _attributes(reader: LedgerReader) -> pl.DataFrame:
    return reader.query(
        "SELECT loan_id, max(value) FILTER (name = 'person' AND value <> '') AS person, "
        "max(value) FILTER (name = 'second_person' AND value <> '') AS second_person "
        "FROM loan_attributes GROUP BY loan_id"
    ).cast({"person": pl.String, "second_person": pl.String})


def _paid(reader: LedgerReader, at: Clocks) -> pl.DataFrame:
    """When was paid last, and what in the month of the date."""
    payments = reader.payments(at.on, at.known).filter("stands")
    month = pl.col("value_date") >= at.on.replace(day=1)
    return payments.group_by("loan_id").agg(
        date_last_payment=pl.col("value_date").max(), paid=pl.col("amount").filter(month).sum()
    )


def _charged_off(reader: LedgerReader) -> pl.DataFrame:
    """What was owed on the day of the charge-off."""
    owed = " + ".join(CLAIM_ROLES)
    return reader.query(
        f"SELECT loan_id, max({owed})::BIGINT AS charged FROM positions_now WHERE business_date = charged_off_on GROUP BY loan_id"  # noqa: S608
    )


def _first_late(reader: LedgerReader, late: pl.Series) -> pl.DataFrame:
    """Since when a loan that is late was late without a day on which nothing was: a part that is paid meanwhile, which
    moves the oldest due, makes it no younger. Source: 15 USC 1681s-2 (a)(5). The date is that of the thirtieth day."""
    return reader.query(
        """
        WITH late AS (SELECT loan_id, business_date, oldest_due_date FROM positions_now
                      WHERE loan_id IN (SELECT unnest($late))),
        good AS (SELECT loan_id, max(business_date) FILTER (oldest_due_date IS NULL) AS last FROM late GROUP BY loan_id)
        SELECT loan_id, min(oldest_due_date) + 30 AS first_late_on FROM late JOIN good USING (loan_id)
        WHERE business_date > coalesce(last, DATE '0001-01-01') GROUP BY loan_id
        """,
        {"late": late.to_list()},
    ).with_columns(pl.col("first_late_on").cast(pl.Date))


def _history(reader: LedgerReader, loans: pl.DataFrame, on: dt.date) -> pl.DataFrame:
    """The profile: a sign a month, the newest first."""
    ends, end = [], on.replace(day=1) - dt.timedelta(days=1)
    for _ in range(MONTHS):
        ends.append(end)
        end = end.replace(day=1) - dt.timedelta(days=1)
    stood = reader.query(
        "SELECT loan_id, business_date, days_past_due, charged_off_on IS NOT NULL AS off FROM positions_now "
        "WHERE business_date IN (SELECT unnest($ends))", {"ends": ends},
    )  # fmt: skip
    grid = loans.select("loan_id", "disbursed_on").join(
        pl.DataFrame({"business_date": ends}), how="cross"
    )
    told = grid.join(
        stood, on=["loan_id", "business_date"], how="left", maintain_order="left"
    ).with_columns(
        sign=pl.when(pl.col("off")).then(pl.lit("L"))
        .when(pl.col("days_past_due").is_not_null())
        .then((pl.col("days_past_due") // 30).clip(0, 6).cast(pl.String))
        .when(pl.col("business_date") < pl.col("disbursed_on")).then(pl.lit("B"))
        .otherwise(pl.lit("D"))
    )  # fmt: skip
    return told.group_by("loan_id", maintain_order=True).agg(payment_history=pl.col("sign").str.join(""))  # fmt: skip
