"""Returns, rejects and notifications of change of a bank's file: the instruction that each is of, and what it orders.

What a return says is done by orders like those of people: maker is the bank, checker the policy of its codes. So
they keep the rules of orders, and a fee for a returned payment follows by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.contract.money import EXPONENT, decimal_text
from loanbook.core.payments.bank_file import BankFile
from loanbook.core.payments.incoming.cash import PAYOUT_BACK
from loanbook.core.payments.incoming.entries import returns_of
from loanbook.core.payments.out.changes import CODES, corrected
from loanbook.core.payments.out.returns import TOLD, WHY, by_name, decided, of_nobody
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import CANONICAL_COMMANDS
from loanbook.core.policy.models import HolidayCalendar
from loanbook.core.policy.originators import Originator, ReturnCodes
from loanbook.core.store.sending.vault import PARTICULARS, Vault
from loanbook.pipelines.formats.commands import FIELDS, Orders
from loanbook.pipelines.formats.table import Parsed
from loanbook.pipelines.ingest.events import Known, Taken, uncounted
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.orders.entering import by_loans

SOURCE = "returns"
"""Source system of the orders that returns give."""
RETURNS = ("return_key", "rail", "originator", "code", "kind", "original", "trace", "instruction_key", "loan_id", "mandate",
           "amount", "currency", "returned_on", "outcome", "why", "line")  # fmt: skip
CHANGES = ("change_key", "rail", "code", "original", "instruction_key", "loan_id", "mandate", "account",
           "notified_on", "outcome", "why", "line")  # fmt: skip
ENTERS = ("reversal", "chargeback")
MONEY, _MANDATE, _NEWS = (pl.lit(n, dtype=pl.Int64) for n in range(3))
"""Parts of what a return gives: one order of each at most."""
_PARTS = 4


@dataclass(frozen=True)
class Returned:
    """What a file's returns and changes come to."""

    taken: Taken
    """Events of the orders that they give, and rows of tables; no rows of the file are counted."""
    entries: pl.DataFrame
    """`place` of the entry that told it, `outcome`, `why`, `loan_id`."""
    changes: pl.Series = field(default_factory=lambda: pl.Series("line", [], dtype=pl.Int64))
    """Lines of entries that bring a notification of change."""


def told_of(read: BankFile, file: LandingFile, decided: pl.DataFrame) -> pl.DataFrame:
    """Returns of a file (`TOLD`), by the entry that brings each; but of entries known before.

    `decided`: the entries with their `outcome`.
    """
    again = decided.filter(pl.col("outcome") == "duplicate").select("place")
    rows = returns_of(read).filter(pl.col("original").is_not_null())
    entries = decided.select("place", "currency", _line="line")
    return (
        rows.join(entries, on="place", how="left", maintain_order="left")
        .with_columns(line=pl.coalesce("_line", "line"), returned_on=pl.lit(file.business_date))
        .join(again, on="place", how="anti", maintain_order="left")
        .select(TOLD.keys()).cast(TOLD)  # type: ignore[arg-type]
    )  # fmt: skip


def returning(
    told: pl.DataFrame, read: BankFile, file: LandingFile, policies: PolicyBook, known: Known
) -> Returned:
    """Returns (`TOLD`) and the file's notifications of change, decided and ordered."""
    changes = read.frame("changes")
    if known.sending is None or (told.is_empty() and changes.is_empty()):
        return Returned(Taken(0, 0, 0, [], None), pl.DataFrame(schema={"place": pl.Int64, "outcome": pl.String, "why": pl.String, "loan_id": pl.Int64}))  # fmt: skip
    names = pl.concat([told["original"], changes["original"]]).drop_nulls().unique()
    sent = known.sending.sent_as(names)
    judged = _numbered(_of_agreements(_judged(told, sent, file, policies, known), known))
    orders = _orders_of_returns(judged, file, policies)
    listed, of_changes = _changes(_numbered(changes, judged.height), read, sent, file, known)
    every = pl.concat([orders, of_changes], how="diagonal_relaxed")
    taken = ordered(every, file, policies, known)
    judged = _as_ordered(judged, taken)
    known.returned.append(judged.filter(pl.col("outcome").is_in([*ENTERS, "noted", "rejected"])).select("return_key", "instruction_key"))  # fmt: skip
    kept = judged.filter(~pl.col("outcome").is_in(["duplicate", "unknown"]))
    tables = dict(taken.tables) | {
        "payment_returns": kept.with_columns(kind=pl.lit("return")).select(RETURNS),
        "account_changes": listed.select(CHANGES),
    }
    given = replace(uncounted(taken), tables=tables)
    return Returned(
        given, judged.select("place", "outcome", "why", "loan_id"), listed["_entry_line"]
    )


def _numbered(rows: pl.DataFrame, after: int = 0) -> pl.DataFrame:
    """Rows with a number of their own, `of`, by which their orders are known; a file may have all on one line."""
    return rows.with_columns(of=pl.int_range(after, after + pl.len(), dtype=pl.Int64))


def _judged(
    told: pl.DataFrame, sent: pl.DataFrame, file: LandingFile, policies: PolicyBook, known: Known
) -> pl.DataFrame:
    """Returns decided, each by the originator of its instruction; those of none are unknown."""
    assert file.business_date is not None
    assert known.sending is not None
    before = pl.concat([known.sending.returned(sent["key"]), *known.returned])
    ours = by_name(sent).select("original", by="originator")
    of = told.join(ours, on="original", how="left", maintain_order="left")
    parts = [of_nobody(of.filter(pl.col("by").is_null()).drop("by"))]
    of = of.filter(pl.col("by").is_not_null())
    for (name,), rows in of.partition_by("by", as_dict=True, maintain_order=True).items():
        by, codes, calendar = _policies(policies, str(name), file.business_date)
        theirs = sent.filter(pl.col("originator") == name)
        parts.append(decided(rows.drop("by"), theirs, before, by, codes, calendar))
    return pl.concat(parts, how="diagonal").sort("line", "place", maintain_order=True)


def _of_agreements(judged: pl.DataFrame, known: Known) -> pl.DataFrame:
    """Returns with `event_ref`: the payout of an agreement that came back, which is taken back; null of others."""
    assert known.sending is not None
    back = judged.filter(pl.col("why") == "payout_came_back")["instruction_key"]
    told = judged.join(
        known.sending.disbursements(back.unique()),
        on="instruction_key",
        how="left",
        maintain_order="left",
    )
    own = (pl.col("why") == "payout_came_back") & pl.col("event_ref").is_not_null()
    return told.with_columns(
        why=pl.when(own).then(pl.lit("payout_reversed")).otherwise("why"),
        event_ref=pl.when(own).then("event_ref"),
    )


def _policies(
    policies: PolicyBook, name: str, day: dt.date
) -> tuple[Originator, ReturnCodes, Calendar]:
    """An originator, its codes and its banking days."""
    by = policies.in_force(Originator, name, day)
    calendar = policies.in_force(HolidayCalendar, by.calendar, day).days
    return by, policies.in_force(ReturnCodes, by.return_codes, day), calendar


ORDERED_AMOUNT = decimal_text(
    pl.col("amount"), pl.col("currency").replace_strict(EXPONENT, default=2, return_dtype=pl.Int64)
)
"""The amount of a row as orders have it: in major units of its currency."""


def _orders_of_returns(
    judged: pl.DataFrame, file: LandingFile, policies: PolicyBook
) -> pl.DataFrame:
    """Reversals and chargebacks, and what becomes of the mandates."""
    enters = judged.filter(pl.col("outcome").is_in([*ENTERS]) & pl.col("payment_key").is_not_null())
    verb = pl.col("outcome").replace_strict({"reversal": "reverse", "chargeback": "chargeback"}, return_dtype=pl.String)  # fmt: skip
    money = enters.with_columns(
        command=verb, target_ref=pl.concat_str(pl.lit("payment_received/"), "instruction_key"),
        amount=pl.when(pl.col("outcome") == "chargeback").then(ORDERED_AMOUNT).otherwise(pl.lit("")),
    )  # fmt: skip
    verbs = {"suspend": "suspend_mandate", "revoke": "revoke_mandate"}
    changed = judged.filter(pl.col("mandate_becomes") != "keep").with_columns(
        command=pl.col("mandate_becomes").replace_strict(verbs, return_dtype=pl.String),
        target_ref="mandate", amount=pl.lit(""),
    )  # fmt: skip
    failed = judged.filter(pl.col("event_ref").is_not_null()).with_columns(
        command=pl.lit("reverse"),
        target_ref="event_ref",
        amount=pl.lit(""),
        reason=pl.lit("payout_failed"),
    )
    rows = pl.concat(
        [
            money.with_columns(part=MONEY),
            failed.with_columns(part=MONEY),
            changed.with_columns(part=_MANDATE),
        ],
        how="vertical_relaxed",
    )
    return rows.select(
        "line", "of", "part", "command", "loan_id", "target_ref", "amount", "reason",
        command_ref=reference_of(pl.concat_str("command", "return_key", separator="/")), value_date=pl.lit(file.business_date),
        maker=pl.concat_str(pl.lit("bank:"), "originator"), checker=pl.lit("policy:return_codes"),
    )  # fmt: skip


def reference_of(key: pl.Expr) -> pl.Expr:
    """A reference of an order, which is one command's for good; of 64 characters at most."""
    return key.str.replace_all(r"[^A-Za-z0-9/._-]", "-").str.slice(0, 64)


def _changes(
    changes: pl.DataFrame, read: BankFile, sent: pl.DataFrame, file: LandingFile, known: Known
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Notifications of change as rows of the ledger's table, and the amendments that they order."""
    assert known.sending is not None
    found = by_name(sent).select(
        "original", "mandate", "loan_id", "account", instruction_key="key", by="originator", rail="rail"
    )  # fmt: skip
    lines = read.entries.select("entry", _entry_line="line")
    told = (
        changes.join(lines, on="entry", how="left", maintain_order="left")
        .join(found, on="original", how="left", maintain_order="left")
        .with_columns(
            notified_on=pl.lit(file.business_date),
            change_key=pl.concat_str(pl.col("trace").fill_null("-"), "original", "code", separator="/"),
        )
    )  # fmt: skip
    old = known.sending.accounts(told["account"].drop_nulls().unique())
    fresh = told.rename({"account": "token"}).join(
        old, on="token", how="left", maintain_order="left"
    )
    new = {name: pl.coalesce(expr, pl.col(name)) for name, expr in corrected().items()}
    amends = (
        pl.col("mandate").is_not_null() & pl.col("code").is_in(list(CODES)) & ~pl.col("refused")
    )
    fresh = fresh.with_columns(**new).with_columns(
        outcome=pl.when(amends).then(pl.lit("amended")).otherwise(pl.lit("listed")),
        why=pl.when(pl.col("mandate").is_null()).then(pl.lit("unknown_payment"))
        .when(pl.col("refused")).then(pl.lit("refused_by_our_bank"))
        .when(~amends).then(pl.lit("for_a_person")).otherwise(pl.lit("by_its_code")),
    )  # fmt: skip
    sealed = Vault(known.home / "lake").sealed(fresh.select(PARTICULARS))["token"]
    listed = fresh.with_columns(account=pl.when(pl.col("outcome") == "amended").then(sealed))
    orders = fresh.filter(pl.col("outcome") == "amended").select(
        "line", "of", "loan_id", *PARTICULARS, part=_NEWS, command=pl.lit("amend_mandate"), target_ref="mandate",
        amount=pl.lit(""), reason=pl.lit("notification_of_change"), command_ref=reference_of(pl.concat_str(pl.lit("amend/"), "change_key")),
        value_date=pl.lit(file.business_date), maker=pl.concat_str(pl.lit("bank:"), "by"),
        checker=pl.lit("policy:return_codes"),
    )  # fmt: skip
    return listed, orders


def ordered(orders: pl.DataFrame, file: LandingFile, policies: PolicyBook, known: Known) -> Taken:
    """The orders as events, by the rules of orders. `orders`: the fields of orders with `loan_id`, the `line` of the file, `of`, the
    number of what gave it, and `part`, which of its orders it is."""
    if orders.is_empty():
        return Taken(0, 0, 0, [], None)
    keys = known.loans("loan_id", orders["loan_id"]).select("loan_id", "loan_key")
    told = (
        orders.join(keys, on="loan_id", how="left", maintain_order="left")
        .with_columns(line=pl.col("of") * _PARTS + pl.col("part"))
        .drop("loan_id", "of", "part")
        .sort("line")
    )
    lacking = {
        each.name: pl.lit("") if each.column.dtype == pl.String else pl.lit(None, each.column.dtype)
        for each in FIELDS if each.name not in told.columns
    }  # fmt: skip
    columns = [name for name in Orders.column_names() if name != "unread"]
    texts = [each.name for each in FIELDS if each.column.dtype == pl.String]
    rows = told.with_columns(**lacking).with_columns(pl.col(texts).fill_null("")).select(columns)
    mapping = CANONICAL_COMMANDS.model_copy(update={"source_system": SOURCE})
    parsed = Parsed(rows.height, rows.cast(_types()), [])
    taken = by_loans(parsed, file, policies, mapping, known)
    if taken.events is None:
        return taken
    of = orders.unique("of")
    line = (pl.col("line") // _PARTS).replace_strict(of["of"], of["line"])
    return replace(taken, events=taken.events.with_columns(line=line))


def _types() -> dict:
    return {name: type_ for name, type_ in Orders.create_empty().schema.items() if name != "unread"}


def broken_by(taken: Taken, of: str) -> pl.Expr:
    """The rule that the order about money broke whose number is in column `of`; null: none."""
    bad = {row["line"] // _PARTS: row["rule"] for row in taken.bad if row["line"] % _PARTS == 0}
    if not bad:
        return pl.lit(None, pl.String)
    return pl.col(of).replace_strict(bad, default=None, return_dtype=pl.String)


def _as_ordered(judged: pl.DataFrame, taken: Taken) -> pl.DataFrame:
    """Returns with what became of their orders: one that broke a rule is refused by its name."""
    broke = broken_by(taken, "of")
    comes = pl.col("outcome").is_in([*ENTERS]) | pl.col("event_ref").is_not_null()
    broken = broke.is_not_null() & comes
    return judged.with_columns(
        outcome=pl.when(broken).then(pl.lit("refused")).otherwise("outcome"),
        why=pl.when(broken).then(broke).otherwise("why"),
    )


PAYMENT_BACK = "return_of_a_payment"
"""The rule of an entry that takes a payment back."""


def with_orders(
    entries: pl.DataFrame,
    found: pl.DataFrame,
    taken: Taken,
    words: Mapping[str, str],
    rule: pl.Expr,
) -> pl.DataFrame:
    """Entries with what became of those that take a payment back: returned, or in suspense where no order is given or one broke a rule.

    `found`: `place` of each of them, `of_loan`, and `waits`, why none is given (null: one is). `taken`: what their orders
    gave (`ordered`; `of` is the place). `words`: what is said of such a reason. `rule`: that of one in suspense.
    """
    why = found.select(
        "place", _ours=True, _why=pl.coalesce("waits", broken_by(taken, "place")), _loan="of_loan"
    )
    told = entries.join(why, on="place", how="left", maintain_order="left")
    enters = pl.col("_ours") & pl.col("_why").is_null()
    waits = pl.col("_why").is_not_null()
    return told.with_columns(
        outcome=pl.when(enters).then(pl.lit("returned")).when(waits).then(pl.lit("suspense")).otherwise("outcome"),
        rule=pl.when(enters).then(pl.lit(PAYMENT_BACK)).when(waits).then(rule).otherwise("rule"),
        said=pl.coalesce(pl.col("_why").replace(words), "said"), loan_id=pl.coalesce("_loan", "loan_id"),
    ).drop("_ours", "_why", "_loan")  # fmt: skip


def with_returns(entries: pl.DataFrame, returned: Returned) -> pl.DataFrame:
    """Entries of the file with what became of those that bring something back, or news of an account."""
    places = returned.entries.unique("place", keep="first")
    told = entries.join(places.rename({"outcome": "_of", "why": "_why", "loan_id": "_loan"}), on="place", how="left", maintain_order="left")  # fmt: skip
    notes = pl.col("line").is_in(returned.changes.implode()) | (pl.col("_of") == "noted")
    comes = pl.col("_of").is_in([*ENTERS]) | (pl.col("_why") == "payout_reversed")
    settled = comes & (pl.col("outcome") == "suspense")
    said = pl.when(pl.col("_why").is_not_null() & (pl.col("outcome") == "suspense")).then(
        pl.col("_why")
    )
    unread = notes & (pl.col("outcome") == "quarantined")
    news, back = pl.lit("news_of_an_account"), pl.lit(PAYMENT_BACK)
    payout = settled & (pl.col("_why") == "payout_reversed")
    return told.with_columns(
        pl.when(unread).then(news).when(payout).then(pl.lit(PAYOUT_BACK)).when(settled).then(back).otherwise("rule").alias("rule"),
        outcome=pl.when(unread).then(pl.lit("outside")).when(settled).then(pl.lit("returned")).otherwise("outcome"),
        said=pl.coalesce(said.replace(WHY), "said"), loan_id=pl.coalesce("_loan", "loan_id"),
    ).drop("_of", "_why", "_loan")  # fmt: skip
