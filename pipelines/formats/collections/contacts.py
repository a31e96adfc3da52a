"""Contacts with borrowers, and what borrowers said of being contacted: a row each."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.contacts import CHANNELS, DIRECTIONS, OUTCOMES, PREFERENCES
from loanbook.core.collections.local_time import APART
from loanbook.core.policy.lending.contact_rules import CLOCK, is_zone
from loanbook.pipelines.formats.collections.moments import (
    ABOUT_LOAN,
    AT,
    IS_A_TIME,
    IS_PAST,
    LOAN,
    NAMES_AN_AGENT,
    OfAMoment,
    Stated,
    agent_who,
    own_reference,
    said_at,
    texts_of,
)
from loanbook.pipelines.formats.columns import FileColumn
from loanbook.pipelines.formats.table import Parsed, parsed

CONTACT_COLUMNS = ["reference", "loan_key", "occurred_at", "channel", "direction", "outcome", "right_party", "agent", "place", "zone"]  # fmt: skip
PREFERENCE_COLUMNS = [
    "reference",
    "loan_key",
    "stated_at",
    "kind",
    "channel",
    "place",
    "days",
    "from",
    "to",
    "written",
]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PLACE = "code: home, work or the like"
CONTACTS = (
    own_reference("contact"),
    FileColumn("loan_key", "loan that it was about", LOAN),
    FileColumn("occurred_at", "when it was made, not after the file's date", AT),
    FileColumn("channel", "how", ", ".join(CHANNELS)),
    FileColumn("direction", "out: the lender's, in: the borrower's", "out, in"),
    FileColumn("outcome", "what came of it: disposition code (docs/guide/collections.md)", ", ".join(OUTCOMES)),
    FileColumn("right_party", "whether the borrower was spoken to: of a call it is a conversation then", "yes, no"),
    agent_who("made it"),
    FileColumn("place", "where the borrower was; empty where it is not known", _PLACE),
    FileColumn("zone", "where the borrower was by time zone; several set apart by `;` where that is not sure",
               "IANA zone: America/Chicago;America/Denver"),
)  # fmt: skip
CONTACT_NOTES = """Contacts are added, never edited, and judged by any contact rules: `loanbook collections check`. `loanbook collections log`
writes one."""
CONTACT_PREFERENCES = (
    own_reference("row"),
    ABOUT_LOAN,
    FileColumn("stated_at", "when the borrower said so, not after the file's date; it counts from then on", AT),
    FileColumn("kind", "what was said (docs/guide/collections.md)", ", ".join(PREFERENCES)),
    FileColumn("channel", "of an opt-out, a consent or what takes them back: the channel; empty: all", ", ".join(CHANNELS)),
    FileColumn("place", "of an inconvenient place", _PLACE),
    FileColumn("days", "of an inconvenient time: weekdays set apart by `;`; empty: all", ", ".join(WEEKDAYS)),
    FileColumn("from", "of an inconvenient time: its first minute on the borrower's clock", "09:00"),
    FileColumn("to", "of an inconvenient time: the first minute after it, on the same day", "17:00, up to 24:00"),
    FileColumn("written", "whether it was said in writing", "yes, no"),
)  # fmt: skip
PREFERENCE_NOTES = (
    """Preferences are added, never edited: what is taken back is a row of its own."""
)
_CODE = r"^([a-z][a-z0-9_]{0,39})?$"
_OF_CHANNELS = ("opt_out", "opt_in", "consent", "consent_withdrawn")


class Contacts(OfAMoment):
    """A contact as it may enter."""

    channel = dy.String()
    direction = dy.String()
    outcome = dy.String()
    right_party = dy.String()
    agent = dy.String()
    place = dy.String()
    zones_known = dy.Bool()

    contacted_at_not_a_time = IS_A_TIME
    contacted_in_the_future = IS_PAST

    @dy.rule()
    def channel_not_known(cls) -> pl.Expr:
        return pl.col("channel").is_in(list(CHANNELS))

    @dy.rule()
    def direction_not_out_or_in(cls) -> pl.Expr:
        return pl.col("direction").is_in(list(DIRECTIONS))

    @dy.rule()
    def outcome_not_known(cls) -> pl.Expr:
        return pl.col("outcome").is_in(list(OUTCOMES))

    @dy.rule()
    def right_party_not_yes_or_no(cls) -> pl.Expr:
        return pl.col("right_party").is_in(["yes", "no"])

    agent_missing_or_too_long = NAMES_AN_AGENT

    @dy.rule()
    def place_not_a_code(cls) -> pl.Expr:
        return pl.col("place").str.contains(_CODE)

    @dy.rule()
    def zone_not_known(cls) -> pl.Expr:
        return pl.col("zones_known")


class ContactPreferences(Stated):
    """What a borrower said of being contacted, as it may enter."""

    kind = dy.String()
    channel = dy.String()
    place = dy.String()
    starts = dy.Int64(nullable=True)
    ends = dy.Int64(nullable=True)
    weekdays = dy.String(nullable=True)
    timed = dy.Bool()
    written = dy.String()

    @dy.rule()
    def preference_not_known(cls) -> pl.Expr:
        return pl.col("kind").is_in(list(PREFERENCES))

    @dy.rule()
    def channel_not_of_the_preference(cls) -> pl.Expr:
        named = pl.col("channel").is_in(list(CHANNELS)) & pl.col("kind").is_in(list(_OF_CHANNELS))
        return (pl.col("channel") == "") | named

    @dy.rule()
    def place_not_of_the_preference(cls) -> pl.Expr:
        asked = pl.col("kind") == "inconvenient_place"
        return ((pl.col("place") != "") == asked) & pl.col("place").str.contains(_CODE)

    @dy.rule()
    def times_not_of_one_day(cls) -> pl.Expr:
        asked = pl.col("kind") == "inconvenient_time"
        whole = (pl.col("starts") < pl.col("ends")).fill_null(False) & pl.col(
            "weekdays"
        ).is_not_null()
        return (asked & whole) | (~asked & ~pl.col("timed"))

    @dy.rule()
    def written_not_yes_or_no(cls) -> pl.Expr:
        return pl.col("written").is_in(["yes", "no"])


def contacts(data: bytes, file_date: dt.date) -> Parsed:
    """Contacts of a file: texts, with `moment` (Datetime, UTC). Raises IntakeError if it is none."""
    texts, broken = texts_of(data, CONTACT_COLUMNS)
    typed = texts.with_columns(
        _known_zones(texts["zone"]), **said_at("occurred_at", file_date)
    )  # fmt: skip
    return parsed(typed, Contacts, "reference", texts, broken)


def preferences(data: bytes, file_date: dt.date) -> Parsed:
    """Preferences of a file: texts, with `moment` (Datetime, UTC), `weekdays` (digits), `starts` and `ends` (minutes)."""
    texts, broken = texts_of(data, PREFERENCE_COLUMNS)
    typed = texts.with_columns(
        starts=_minute("from"), ends=_minute("to"), weekdays=_weekdays(),
        timed=pl.any_horizontal(pl.col("days", "from", "to") != ""),
        **said_at("stated_at", file_date),
    )  # fmt: skip
    return parsed(typed, ContactPreferences, "reference", texts, broken)


def _minute(column: str) -> pl.Expr:
    """Minutes from midnight of a time of day; null where it is none."""
    number = pl.col(column).str.head(2).str.to_integer(strict=False) * 60 + pl.col(column).str.tail(
        2
    ).str.to_integer(strict=False)
    return pl.when(pl.col(column).str.contains(CLOCK)).then(number)


def _weekdays() -> pl.Expr:
    """Digits of the weekdays that `days` names (all, if none); null where one is none."""
    digits = {day: str(place) for place, day in enumerate(WEEKDAYS, start=1)}
    each = (
        pl.element().str.strip_chars().replace_strict(digits, default=None, return_dtype=pl.String)
    )
    named = pl.col("days").str.split(";").list.eval(each)
    whole = named.list.eval(pl.element().is_not_null()).list.all()
    return (
        pl.when(pl.col("days") == "").then(pl.lit("1234567")).when(whole).then(named.list.join(""))
    )


def _known_zones(zones: pl.Series) -> pl.Expr:
    """Whether every zone that a text names is one: that a clock of it can be read."""
    named = zones.unique().to_list()
    known = {text: all(map(is_zone, text.split(APART))) for text in named}
    if not known:
        return pl.lit(True).alias("zones_known")
    return pl.col("zone").replace_strict(known, return_dtype=pl.Boolean).alias("zones_known")
