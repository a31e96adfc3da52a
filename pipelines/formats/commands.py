"""Command files: what people order, with maker, checker and a reason code.

Some commands carry an `amount` (decimal, in the loan's currency), a charge also a `due_date`, a
reversal, a waiver or an adjustment of a charge the `target_ref` of the payment or command it takes
back (a chargeback may), a change of the contract `rate_percent`, `instalments` (how many more) or
the `due_date` to move to, and whether to `keep` the `term` (default) or the `instalment`; a re-age
how many `instalments` it makes, the `due_date` of the first, where the period changes `every` and
`unit` (months, weeks, days), and whether its `interest` is `level` (default), or fixed at what is
`payable` or in `full`; a re-amortisation whether the `interest` of arrears is `split` over the
instalments to come; an interest pause, or one of delinquency, its `start_date` and, as
`due_date`, its last day; what resumes delinquency its `start_date`; a moratorium how many
`instalments` it passes over and what becomes of their `interest` (`none`, `simple`, `capitalised`);
a line of credit is drawn on with `pay_out`, at its higher rate with `pay_out_advance`, and has the `amount` of `change_limit` as its limit;
a refinancing, in `target_ref`, the key of the loan that pays; what is known of a borrower its `flag`;
what a merchant or the payee of the payout gives back its `amount`, and the interest on it, in
`target_ref`, that refund, and an `amount` where it is not to be worked out. A loan that has ended
takes orders on the value date of one that `reopen`s it.
Files without such commands need none of these columns. A new command is added to `COMMANDS`.
"""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.codes import Flag, Kind, MoratoriumInterest
from loanbook.core.catalogue.components import BY_ORDER
from loanbook.pipelines.formats.table import Parsed, date_in, read_csv, split

COLUMNS = ["command_ref", "command", "loan_key", "value_date", "maker", "checker", "reason"]
COMMANDS = {
    "charge_off": Kind.charge_off,
    "write_off": Kind.write_off,
    **dict.fromkeys(BY_ORDER, Kind.charge_assessed),
    "goodwill_credit": Kind.goodwill_credit,
    "waive_interest": Kind.interest_waived,
    "refund_credit": Kind.credit_refunded,
    "chargeback": Kind.chargeback,
    "reverse": Kind.reversal,
    "change_rate": Kind.rate_changed,
    "extend_term": Kind.term_extended,
    "move_due_date": Kind.due_date_moved,
    "reamortise": Kind.reamortised,
    "reage": Kind.reaged,
    "pause_interest": Kind.interest_paused,
    "waive_charge": Kind.charge_waived,
    "adjust_charge": Kind.charge_adjusted,
    "grant_moratorium": Kind.moratorium_granted,
    "settle": Kind.settlement_reached,
    "accelerate": Kind.contract_accelerated,
    "capitalise_interest": Kind.interest_capitalised,
    "pause_delinquency": Kind.delinquency_paused,
    "resume_delinquency": Kind.delinquency_resumed,
    "refinance": Kind.refinanced,
    "flag_borrower": Kind.flag_set,
    "unflag_borrower": Kind.flag_cleared,
    "pay_out": Kind.disbursed,
    "pay_out_advance": Kind.disbursed,
    "change_limit": Kind.limit_changed,
    "capitalise_fee": Kind.fee_capitalised,
    "adjust_fee": Kind.capitalised_fee_adjusted,
    "buy_down": Kind.rate_bought_down,
    "adjust_buy_down": Kind.buy_down_adjusted,
    "merchant_refund": Kind.merchant_refund,
    "payout_refund": Kind.payout_refund,
    "refund_interest": Kind.interest_refunded,
    "reopen": Kind.reopened,
}
"""What may be ordered, and the kind of event that it becomes."""
CHANGES = (
    "change_rate", "extend_term", "move_due_date", "reamortise", "reage", "pause_interest",
    "grant_moratorium", "accelerate", "capitalise_interest",
)  # fmt: skip
ADVANCE = "pay_out_advance"
PAUSES = ("pause_delinquency", "resume_delinquency")
FLAGS = ("flag_borrower", "unflag_borrower")
WITH_TARGET = ("reverse", "waive_charge", "adjust_charge", "refinance", "refund_interest")
WITHOUT_AMOUNT = (
    *PAUSES,
    *FLAGS,
    "charge_off",
    "write_off",
    "settle",
    "reverse",
    "waive_charge",
    "reopen",
    *CHANGES,
)
OPTIONAL = (
    "amount",
    "due_date",
    "target_ref",
    "rate_percent",
    "instalments",
    "keep",
    "every",
    "unit",
    "start_date",
    "interest",
    "flag",
)
CHARGES = BY_ORDER


class Orders(dy.Schema):
    """A command as it may enter: known, dated, ordered and approved by two people."""

    line = dy.Int64()
    command_ref = dy.String(min_length=1, max_length=64)
    command = dy.String()
    loan_key = dy.String(min_length=1)
    value_date = dy.Date(nullable=True)
    amount = dy.String()
    due_date = dy.Date(nullable=True)
    target_ref = dy.String(max_length=64)
    rate_percent = dy.String()
    instalments = dy.Int16(nullable=True, min=1, max=600)
    keep = dy.String()
    every = dy.Int16(nullable=True, min=1, max=366)
    unit = dy.String()
    start_date = dy.Date(nullable=True)
    interest = dy.String()
    flag = dy.String()
    unread = dy.Bool()
    maker = dy.String(min_length=1, max_length=64)
    checker = dy.String(
        max_length=64
    )  # empty: none, where the product's approvals let one person order
    reason = dy.String(regex="^[a-z][a-z0-9_]{1,39}$")

    @dy.rule()
    def unknown_command(cls) -> pl.Expr:
        return pl.col("command").is_in(list(COMMANDS))

    @dy.rule()
    def amount_not_a_positive_number(cls) -> pl.Expr:
        open_ = (pl.col("command") == "refund_interest") & (pl.col("amount") == "")
        needs = ~pl.col("command").is_in(list(WITHOUT_AMOUNT)) & ~open_
        return ~needs | (
            pl.col("amount").str.contains(r"^\d{1,13}(\.\d{1,3})?$")
            & pl.col("amount").str.contains("[1-9]")
        )

    @dy.rule()
    def amount_where_the_command_has_none(cls) -> pl.Expr:
        return ~pl.col("command").is_in(list(WITHOUT_AMOUNT)) | (pl.col("amount") == "")

    @dy.rule()
    def command_without_a_due_date(cls) -> pl.Expr:
        needs = pl.col("command").is_in(
            [*CHARGES, "move_due_date", "reage", "pause_interest", "pause_delinquency"]
        )
        return ~needs | pl.col("due_date").is_not_null()

    @dy.rule()
    def rate_not_a_percentage(cls) -> pl.Expr:
        needs = pl.col("command") == "change_rate"
        return needs.eq(pl.col("rate_percent").str.contains(r"^\d{1,3}(\.\d{1,7})?$"))

    @dy.rule()
    def extension_without_instalments(cls) -> pl.Expr:
        needs = pl.col("command").is_in(["extend_term", "reage", "grant_moratorium"])
        return needs == pl.col("instalments").is_not_null()

    @dy.rule()
    def period_of_a_reage_alone(cls) -> pl.Expr:
        both = pl.col("every").is_not_null() & pl.col("unit").is_in(["months", "weeks", "days"])
        neither = pl.col("every").is_null() & (pl.col("unit") == "")
        return neither | (both & (pl.col("command") == "reage"))

    @dy.rule()
    def keep_is_term_or_instalment(cls) -> pl.Expr:
        return pl.col("keep").is_in(["", "term", "instalment"])

    @dy.rule()
    def interest_not_as_the_command_has_it(cls) -> pl.Expr:
        reaged = pl.col("interest").is_in(["", "level", "payable", "full"])
        rests = pl.col("interest").is_in([rule.name for rule in MoratoriumInterest])
        return (
            pl.when(pl.col("command") == "reage")
            .then(reaged)
            .when(pl.col("command") == "reamortise")
            .then(pl.col("interest").is_in(["", "split"]))
            .when(pl.col("command") == "grant_moratorium")
            .then(rests)
            .otherwise(pl.col("interest") == "")
        )

    @dy.rule()
    def pause_without_a_start_date(cls) -> pl.Expr:
        needs = pl.col("command").is_in(["pause_interest", *PAUSES])
        return needs == pl.col("start_date").is_not_null()

    @dy.rule()
    def command_without_its_target(cls) -> pl.Expr:
        named = pl.col("target_ref") != ""
        may = pl.col("command") == "chargeback"
        return may | (pl.col("command").is_in(list(WITH_TARGET)) == named)

    @dy.rule()
    def flag_is_none_that_is_known(cls) -> pl.Expr:
        named = pl.col("flag").is_in(list(Flag.__members__))
        flags = pl.col("command").is_in(list(FLAGS))
        return pl.when(flags).then(named).otherwise(pl.col("flag") == "")

    @dy.rule()
    def value_date_not_a_date(cls) -> pl.Expr:
        return pl.col("value_date").is_not_null()

    @dy.rule()
    def optional_field_not_read(cls) -> pl.Expr:
        return ~pl.col("unread")

    @dy.rule()
    def maker_is_checker(cls) -> pl.Expr:
        return pl.col("maker") != pl.col("checker")


def parse(data: bytes, file_date: dt.date) -> Parsed:
    """Orders of a command file. Raises IntakeError if it is none."""
    raw, broken = read_csv(data, COLUMNS)
    absent = [name for name in OPTIONAL if name not in raw.columns]
    raw = raw.with_columns(pl.lit("").alias(name) for name in absent)
    typed = raw.select(
        "line",
        pl.col(
            "command_ref",
            "command",
            "loan_key",
            "maker",
            "checker",
            "reason",
            "amount",
            "target_ref",
            "rate_percent",
            "keep",
            "unit",
            "interest",
            "flag",
        ).str.strip_chars(),
        instalments=pl.col("instalments").str.strip_chars().cast(pl.Int16, strict=False),
        every=pl.col("every").str.strip_chars().cast(pl.Int16, strict=False),
        due_date=date_in("due_date"),
        start_date=date_in("start_date"),
        value_date=date_in("value_date"),
    )
    # a date or number that is told but is none must not pass for one that was left out
    told = raw.select(*_READ).select(pl.all().str.strip_chars() != "")
    unread = told.select(
        pl.any_horizontal(pl.col(name) & typed[name].is_null() for name in _READ)
    ).to_series()
    good, bad = split(typed.with_columns(unread=unread), Orders, "command_ref")
    return Parsed(raw.height + len(broken), good.drop("unread"), broken + bad)


_READ = ("instalments", "every", "due_date", "start_date")
"""Optional fields that are read as numbers or dates."""
