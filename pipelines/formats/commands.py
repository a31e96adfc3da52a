"""Command files: what people order, with maker, checker and a reason code.

A command is a verb of `loanbook.core.catalogue.events`; its row there says which of the fields below
it needs and which it may have. A file without commands that have a field needs no column of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.codes import Flag
from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.ledger.people import same_person
from loanbook.core.policy.file_mappings import (
    CANONICAL_COMMANDS,
    COMMAND_REQUIRED,
    CommandMapping,
)
from loanbook.pipelines.formats.mapped import canonical, plain
from loanbook.pipelines.formats.table import (
    PERCENTAGE,
    Parsed,
    date_in,
    quoted,
    split,
    unit_code,
    whole_number,
    within_the_calendar,
)

COLUMNS = ["command_ref", *COMMAND_REQUIRED]


@dataclass(frozen=True)
class OrderField:
    """A field that some commands have: its column as it is read, and what people are told of it."""

    name: str
    column: dy.Column
    meaning: str
    form: str
    personal: bool = False
    """Whether its text is of a person, so that no refusal quotes it."""


FIELDS = (
    OrderField("amount", dy.String(), "of money, a charge or a limit",
               "decimal in the loan's currency: 7500 or 7500.25; no sign"),
    OrderField("due_date", dy.Date(nullable=True),
               "due date of a charge, date to move to, last day of a pause", "YYYY-MM-DD"),
    OrderField("target_ref", dy.String(max_length=64),
               "reference of the payment or order that it is about; loan that pays a refinancing", "text"),
    OrderField("rate_percent", dy.String(), "the new yearly rate", "percentage, up to seven decimals"),
    OrderField("instalments", dy.Int16(nullable=True, min=1, max=600),
               "how many: more, of a new schedule, or passed over", "1 to 600"),
    OrderField("keep", dy.String(), "what stays where the contract changes",
               "term (the default), instalment"),
    OrderField("every", dy.Int16(nullable=True, min=1, max=366),
               "units in a period of a re-aged schedule", "1 to 366"),
    OrderField("unit", dy.String(), "unit of `every`", "months, weeks, days"),
    OrderField("start_date", dy.Date(nullable=True), "first day of a pause, or of its end; from when on an instalment that falls due moves",
               "YYYY-MM-DD"),
    OrderField("interest", dy.String(),
               "what becomes of interest where the schedule is made anew or rests",
               "level, payable, full; split; none, simple, capitalised"),
    OrderField("flag", dy.String(), "what is known of the borrower", ", ".join(Flag.__members__)),
    OrderField("originator", dy.String(), "of a mandate: who may debit the account, by which rail",
               "name of a policy in originators"),
    OrderField("bank", dy.String(), "of a mandate: the payer's bank", "routing number of 9 digits; SEPA: BIC, or empty",
               personal=True),
    OrderField("account", dy.String(), "of a mandate: the payer's account", "account number, up to 17 characters; SEPA: IBAN",
               personal=True),
    OrderField("account_type", dy.String(), "of a mandate by NACHA: kind of account", "checking (the default), savings"),
    OrderField("holder", dy.String(), "of a mandate: who holds the account", "name, up to 70 characters", personal=True),
    OrderField("collects", dy.String(), "of a mandate: whether it serves more than one debit", "recurring (the default), once"),
    OrderField("payday", dy.Int16(nullable=True, min=1, max=31), "of a mandate: day of the month on which the payer is paid",
               "1 to 31; in a shorter month its last day"),
    OrderField("channel", dy.String(), "of a mandate: how the payer consented", "code: web, phone, paper, branch or the like"),
    OrderField("consent", dy.String(), "of a mandate: digest of the text that the payer consented to", "SHA-256 in 64 hexadecimal digits"),
    OrderField("consented_at", dy.String(), "of a mandate: when the payer consented", "time with its zone: 2024-01-31T09:30:00Z"),
)  # fmt: skip
"""Every field that a command may have beside `COLUMNS`."""
_READ = tuple(f.name for f in FIELDS if not isinstance(f.column, dy.String))
"""Fields that are read as numbers or dates."""


def needing(name: str) -> list[str]:
    """Commands that must have the field."""
    return [verb for verb, (_, command) in COMMANDS.items() if name in command.needs]


def taking(name: str) -> list[str]:
    """Commands that must or may have the field."""
    return [verb for verb, (_, c) in COMMANDS.items() if name in (*c.needs, *c.may)]


def _needs(name: str) -> pl.Expr:
    return pl.col("command").is_in(needing(name))


def _takes(name: str) -> pl.Expr:
    return pl.col("command").is_in(taking(name))


def _given(field: OrderField) -> pl.Expr:
    text = isinstance(field.column, dy.String)
    return pl.col(field.name) != "" if text else pl.col(field.name).is_not_null()


_Fields: Any = type("_Fields", (dy.Schema,), {f.name: f.column for f in FIELDS})


class Orders(_Fields):
    """A command as it may enter: known, dated, ordered and approved by two people."""

    line = dy.Int64()
    command_ref = dy.String(min_length=1, max_length=64)
    command = dy.String()
    loan_key = dy.String(min_length=1)
    value_date = dy.Date(nullable=True)
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
        left_out = (pl.col("amount") == "") & ~_needs("amount")
        number = pl.col("amount").str.contains(r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,3})?$")
        return ~_takes("amount") | left_out | (number & pl.col("amount").str.contains("[1-9]"))

    @dy.rule()
    def amount_where_the_command_has_none(cls) -> pl.Expr:
        return _takes("amount") | (pl.col("amount") == "")

    @dy.rule()
    def field_not_read(cls) -> pl.Expr:
        """A date or number that is there but is none must not pass for one that was left out."""
        return ~pl.col("unread")

    @dy.rule()
    def command_without_a_due_date(cls) -> pl.Expr:
        return ~_needs("due_date") | pl.col("due_date").is_not_null()

    @dy.rule()
    def rate_not_a_percentage(cls) -> pl.Expr:
        percentage = pl.col("rate_percent").str.contains(rf"^{PERCENTAGE}\s*%?$")
        return (pl.col("rate_percent") == "") | percentage

    @dy.rule()
    def command_without_instalments(cls) -> pl.Expr:
        return ~_needs("instalments") | pl.col("instalments").is_not_null()

    @dy.rule()
    def period_not_every_and_unit(cls) -> pl.Expr:
        both = pl.col("every").is_not_null() & pl.col("unit").is_in(["months", "weeks", "days"])
        neither = pl.col("every").is_null() & (pl.col("unit") == "")
        return ~_takes("every") | neither | both

    @dy.rule()
    def schedule_ends_beyond_the_calendar(cls) -> pl.Expr:
        """The last instalment of a new schedule falls due by the last date that a file may name."""
        every = pl.col("every").fill_null(1)
        return ~_takes("every") | within_the_calendar("due_date", every, unit_code(pl.col("unit")))

    @dy.rule()
    def keep_not_term_or_instalment(cls) -> pl.Expr:
        return pl.col("keep").is_in(["", "term", "instalment"])

    @dy.rule()
    def interest_not_as_the_command_has_it(cls) -> pl.Expr:
        words = pl.coalesce(
            pl.when(pl.col("command") == verb).then(
                pl.col("interest").is_in(list(command.interest))
            )
            for verb, (_, command) in COMMANDS.items()
        )
        return words.fill_null(pl.col("interest") == "")

    @dy.rule()
    def command_without_a_start_date(cls) -> pl.Expr:
        return ~_needs("start_date") | pl.col("start_date").is_not_null()

    @dy.rule()
    def command_without_its_target(cls) -> pl.Expr:
        return ~_needs("target_ref") | (pl.col("target_ref") != "")

    @dy.rule()
    def flag_not_known(cls) -> pl.Expr:
        return (pl.col("flag") == "") | pl.col("flag").is_in(list(Flag.__members__))

    @dy.rule()
    def collects_not_recurring_or_once(cls) -> pl.Expr:
        return pl.col("collects").is_in(["", "recurring", "once"])

    @dy.rule()
    def account_type_not_known(cls) -> pl.Expr:
        return pl.col("account_type").is_in(["", "checking", "savings"])

    @dy.rule()
    def account_not_told_whole(cls) -> pl.Expr:
        """Bank and kind of account belong to an account, and an account to its holder."""
        told = pl.any_horizontal(pl.col(n) != "" for n in ("bank", "account_type", "holder"))
        return ~told | (pl.col("account") != "")

    @dy.rule()
    def channel_not_a_code(cls) -> pl.Expr:
        return pl.col("channel").str.contains(r"^([a-z][a-z0-9_]{1,39})?$")

    @dy.rule()
    def consent_not_a_digest(cls) -> pl.Expr:
        return pl.col("consent").str.contains(r"^([0-9a-f]{64})?$")

    @dy.rule()
    def consented_at_not_a_time(cls) -> pl.Expr:
        form = (
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})$"
        )
        day = pl.col("consented_at").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        whole = pl.col("consented_at").str.contains(form) & day.is_not_null()
        return (pl.col("consented_at") == "") | whole

    @dy.rule()
    def command_without_a_field_it_needs(cls) -> pl.Expr:
        """What the rules above name in their own words, and any field that has none of its own."""
        return pl.all_horizontal(~_needs(f.name) | _given(f) for f in FIELDS)

    @dy.rule()
    def field_that_the_command_does_not_take(cls) -> pl.Expr:
        """What has no effect is not accepted in silence."""
        return pl.all_horizontal(_takes(f.name) | ~_given(f) for f in FIELDS)

    @dy.rule()
    def value_date_not_a_date(cls) -> pl.Expr:
        return pl.col("value_date").is_not_null()

    @dy.rule()
    def maker_is_checker(cls) -> pl.Expr:
        """Two people are two names, however they are written."""
        return ~same_person("maker", "checker")


def parse(data: bytes, file_date: dt.date, mapping: CommandMapping = CANONICAL_COMMANDS) -> Parsed:
    """Orders of a command file. Raises IntakeError if it is none."""
    texts, broken = canonical(data, mapping, "command_ref", [f.name for f in FIELDS])
    rows = texts.with_columns(plain(pl.col("amount", "rate_percent"), mapping.amounts))
    form = mapping.date_format
    typed = rows.select(
        "line", "command_ref", "command", "loan_key", "maker", "checker", "reason",
        date_in("value_date", form).alias("value_date"),
        *(_typed(f, form) for f in FIELDS),
    )  # fmt: skip
    unread = pl.any_horizontal(_unread(name, typed) for name in _READ)
    typed = typed.with_columns(rows.select(unread=unread).to_series())

    def told() -> pl.DataFrame:
        not_read = _first(_READ, lambda name: _unread(name, typed))
        return texts.with_columns(not_read.alias("field_not_read"), _untaken())

    good, bad = split(typed, Orders, "command_ref", told)
    return Parsed(texts.height + len(broken), good.drop("unread"), broken + bad)


def _unread(name: str, typed: pl.DataFrame) -> pl.Expr:
    """Whether the field's text is there and is none of what it should be."""
    return (pl.col(name) != "") & typed[name].is_null()


def _first(names: Iterable[str], holds: Callable[[str], pl.Expr]) -> pl.Expr:
    """Name and text of the first field that it holds of."""
    return pl.coalesce(
        pl.when(holds(name)).then(pl.concat_str(pl.lit(f"{name}="), _quoted(name)))
        for name in names
    )


_PERSONAL = frozenset(field.name for field in FIELDS if field.personal)


def _quoted(name: str) -> pl.Expr:
    """A field's text as a refusal may quote it."""
    return pl.lit("…") if name in _PERSONAL else quoted(name)


def _untaken() -> pl.Expr:
    """The first field that is filled and that the command does not take."""
    filled = _first([f.name for f in FIELDS], lambda name: (pl.col(name) != "") & ~_takes(name))
    return filled.alias("field_that_the_command_does_not_take")


def _typed(field: OrderField, form: str) -> pl.Expr:
    """The field's text as its column has it, dates in the `form`; null where it is none."""
    if isinstance(field.column, dy.Date):
        return date_in(field.name, form).alias(field.name)
    if isinstance(field.column, dy.String):
        return pl.col(field.name)
    return whole_number(pl.col(field.name)).cast(field.column.dtype, strict=False).alias(field.name)
