"""Orders about mandates: the account has the form of its rail, what they name is there and has not ended."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.events import OF_A_MANDATE
from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.payments.out.accounts import of_the_rail
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.originators import Originator
from loanbook.core.store.sending.vault import PARTICULARS, Vault
from loanbook.pipelines.formats.table import Bad
from loanbook.pipelines.ingest.events import Known, refused
from loanbook.pipelines.ingest.orders.targets import of_orders

_CREATED, _REVOKED = Kind.mandate_created.value, Kind.mandate_revoked.value
_REFERENCE = r"^[A-Za-z0-9+?/\-:().,']{1,35}$"
ACCOUNTS = "payment_accounts"
"""The ledger's table of sealed accounts: `token`, `sealed`."""


def mandates(
    rows: pl.DataFrame, policies: PolicyBook, known: Known, named: pl.DataFrame, day: dt.date
) -> tuple[pl.DataFrame, Bad]:
    """Orders, those about mandates with their payload and with a token in place of their account; those
    that break a rule are refused.

    `named`: `targets.named_events`. The sealed accounts come in the columns `_token` and `_sealed`, null of orders that tell none.
    """
    empty = rows.with_columns(_token=pl.lit(None, pl.String), _sealed=pl.lit(None, pl.Binary))
    about = rows.filter(pl.col("kind").is_in([kind.value for kind in OF_A_MANDATE]))
    if about.is_empty():
        return empty, []
    creates = pl.col("kind") == _CREATED
    targets = of_orders(named, about).select("line", of="key")
    created = known.told(about["loan_id"])
    told = (
        about.join(targets, on="line", how="left", maintain_order="left")
        .join(_of_mandates(created), on="of", how="left", maintain_order="left")
        .with_columns(by=pl.when(creates).then("originator").otherwise("_originator"))
        .join(_of_originators(policies, day), on="by", how="left", maintain_order="left")
    )
    judged = told.with_columns(rule=_rule(told, known))
    broken = judged.filter(pl.col("rule").is_not_null())
    fit = judged.filter(pl.col("rule").is_null())
    changed = _with_tokens(fit, known)
    others = empty.join(about.select("line"), on="line", how="anti", maintain_order="left")
    kept = pl.concat([others, changed.select(empty.columns)]).sort("line")
    return kept, refused(broken, pl.col("rule"), "command_ref")


def _of_mandates(events: pl.DataFrame) -> pl.DataFrame:
    """`of`, `_originator`, `_ended` (the first day on which it has) of mandates that stand."""
    stand = effective_events(events)
    payload = pl.col("payload")
    ends = (
        stand.filter(pl.col("kind") == _REVOKED)
        .select(of=payload.str.json_path_match("$.of"), _ended="value_date")
        .group_by("of").agg(pl.col("_ended").min())
    )  # fmt: skip
    created = stand.filter(pl.col("kind") == _CREATED).select(
        of="idempotency_key", _originator=payload.str.json_path_match("$.originator")
    )
    return created.join(ends, on="of", how="left")


def _of_originators(policies: PolicyBook, day: dt.date) -> pl.DataFrame:
    """`by`, `rail` and `of_rail` (code of the rail's currency) of originators in force on a day."""
    found = policies.all_in_force(Originator, day).values()
    rows = [(each.name, each.rail, CURRENCY_CODES.get(each.currency, -1)) for each in found]
    return pl.DataFrame(
        rows, schema={"by": pl.String, "rail": pl.String, "of_rail": pl.Int8}, orient="row"
    )


def _rule(told: pl.DataFrame, known: Known) -> pl.Series:
    """The rule that each order breaks, or null."""
    creates = pl.col("kind") == _CREATED
    stored = known.events("source_ref", told["source_ref"])
    others = stored.filter(pl.col("kind") == _CREATED).select(
        "source_ref", _other="idempotency_key"
    )
    others = others.unique("source_ref", keep="first", maintain_order=True)
    both = told.join(others, on="source_ref", how="left", maintain_order="left")
    named_before = pl.col("_other").is_not_null() & (pl.col("_other") != pl.col("idempotency_key"))
    twice = creates & (pl.col("idempotency_key") != pl.col("idempotency_key").first().over("source_ref"))  # fmt: skip
    account = pl.col("account") != ""
    rules = {
        "unknown_target": ~creates & pl.col("of").is_null(),
        "mandate_has_ended": ~creates & (pl.col("_ended") <= pl.col("value_date")),
        "unknown_originator": pl.col("rail").is_null(),
        "currency_is_not_the_loans": creates & (pl.col("of_rail") != pl.col("loan_currency")),
        "account_not_of_the_rail": account & ~of_the_rail(),
        "mandate_ref_not_of_the_rail": creates & ~pl.col("command_ref").str.contains(_REFERENCE),
        "mandate_is_known": creates & (named_before | twice),
    }
    said = (pl.when(broken.fill_null(False)).then(pl.lit(name)) for name, broken in rules.items())
    return both.select(rule=pl.coalesce(*said)).to_series()


def _with_tokens(rows: pl.DataFrame, known: Known) -> pl.DataFrame:
    """Orders with their payload; the particulars of accounts gave way to tokens."""
    if rows.is_empty():
        return rows.with_columns(_token=pl.lit(None, pl.String), _sealed=pl.lit(None, pl.Binary))
    rows = rows.with_columns(
        bank=pl.col("bank").str.replace_all(" ", ""),
        account=pl.when(pl.col("rail") == "sepa").then(pl.col("account").str.replace_all(" ", ""))
        .otherwise(pl.col("account").str.strip_chars()),
        account_type=pl.when((pl.col("rail") == "nacha") & (pl.col("account_type") == ""))
        .then(pl.lit("checking")).otherwise("account_type"),
    )  # fmt: skip
    persons = None
    if known.sending:
        # of a loan whose borrower the vault knows the account is lost with the borrower
        of_loans = known.sending.persons(rows["loan_id"])
        told = rows.join(of_loans, on="loan_id", how="left", maintain_order="left")
        persons = told["person"].to_list()
    sealed = Vault(known.home / "lake").sealed(rows.select(PARTICULARS), persons)
    tells = rows["account"] != ""
    token = pl.when(tells).then(sealed["token"])
    rows = rows.with_columns(_token=token, _sealed=pl.when(tells).then(sealed["sealed"]))
    of, account = pl.col("of"), pl.col("_token").alias("account")
    ends = pl.col("due_date").cast(pl.String).alias("ends")
    starts = pl.coalesce("start_date", "value_date").cast(pl.String).alias("starts")
    collects = pl.col("collects").replace("", "recurring")
    create = pl.struct(
        "originator",
        account,
        ends,
        "payday",
        starts,
        collects,
        "channel",
        "consent",
        "consented_at",
    )
    kind = pl.col("kind")
    payload = (
        pl.when(kind == _CREATED).then(create.struct.json_encode())
        .when(kind == Kind.mandate_amended.value)
        .then(pl.struct(of, account, ends, "payday").struct.json_encode())
        .otherwise(pl.struct(of).struct.json_encode())
    )  # fmt: skip
    return rows.with_columns(
        payload=payload,
        account=pl.coalesce("_token", pl.lit("")),
        bank=pl.lit(""),
        holder=pl.lit(""),
    )


def sealed_accounts(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Rows of the ledger's table of accounts, by its name, of orders that enter (`mandates`)."""
    told = rows.filter(pl.col("_token").is_not_null()).select(token="_token", sealed="_sealed")
    return {ACCOUNTS: told.unique("token", maintain_order=True)} if told.height else {}
