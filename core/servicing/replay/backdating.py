"""Late news: loans that a backdated event or a reversal touches are lived again by the same close.

Only those loans are replayed, from the first date that changes. The ledger gets the differences
as transfers booked today; the days in between get restated rows beside the reported ones; the
book goes on as if everything had been known in time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import ENDED, Kind
from loanbook.core.catalogue.events import REOPENING, kinds_of
from loanbook.core.catalogue.kinds import Family
from loanbook.core.frames import empty
from loanbook.core.ledger.reversals import effective_events, reverses
from loanbook.core.ledger.transfers import transfer
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose, close
from loanbook.core.servicing.income.deferred_income import income
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.loan.claim import carried
from loanbook.core.servicing.loan.dues import DUE_KEY, Dues
from loanbook.core.servicing.replay.fast_forward import History, fast_forward
from loanbook.core.servicing.replay.holding import apart, rejoined

ONE_DAY = dt.timedelta(days=1)
DAYS_AT_ONCE = 250_000
"""Days of loans lived again that are stored at a time, so that what they need in memory does not grow with them."""
Close = Callable[[Book, pl.DataFrame, PolicyBook, dt.date], DayClose]
_PAIR = ["debit", "credit"]
_PLACE = ["loan_id", "entity", "product", "currency"]


class LedgerHistory(Protocol):
    """What the ledger knows of some loans before the date that is closed."""

    def events(self, ids: pl.Series) -> pl.DataFrame:
        """Every event of the loans booked before the date (schema `Events`)."""

    def ended(self, ids: pl.Series) -> pl.DataFrame:
        """Those that ever left the book: `loan_id`, `ended_on` (Date, the first time)."""

    def book(self, ids: pl.Series, date: dt.date) -> Book:
        """The loans at the end of `date` or of an earlier one, as known last."""

    def transfers(self, ids: pl.Series, since: dt.date) -> pl.DataFrame:
        """Transfers of the loans with a value date from `since` on (schema `Transfers`)."""


@dataclass(frozen=True)
class Restatement:
    """Loans lived again to the day before the close that took the news in."""

    since: pl.DataFrame
    """`loan_id`, `from_date` (Date): the first date that the news changes for each. What is stored and booked of
    a loan hangs on no other one that is lived again with it."""
    lived: History
    """The loans' lives, from the first of those dates or before."""
    transfers: pl.DataFrame
    """What the ledger must add to show what would have been booked (schema `Transfers`)."""
    had_ended: pl.Series
    """Those of the loans that had left the book before."""

    @property
    def loans(self) -> pl.Series:
        """Their ids."""
        return self.since["loan_id"]

    @property
    def first(self) -> dt.date:
        """The first date that changes for any of them."""
        first = self.since["from_date"].min()
        assert isinstance(first, dt.date)
        return first

    def in_parts(self, date: dt.date) -> Iterator[Restatement]:
        """The same of some loans at a time, with `DAYS_AT_ONCE` days to the close of `date` or little more, by loan."""
        since = self.since.sort("loan_id")
        days = (pl.lit(date) - pl.col("from_date")).dt.total_days()
        numbered = since.with_columns(_part=days.cum_sum() // DAYS_AT_ONCE)
        parts = numbered.partition_by("_part", include_key=False, maintain_order=True)
        if len(parts) <= 1:
            yield self
            return
        for part in parts:
            ids = part["loan_id"]
            ended = self.had_ended.filter(self.had_ended.is_in(ids.implode()))
            yield replace(self, since=part, lived=self.lived.of(ids), had_ended=ended)

    def of_its_days(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of `rows` (`loan_id`, `business_date`) from the first date that changes for their loan."""
        told = rows.join(self.since, on="loan_id", how="inner", maintain_order="left")
        return told.filter(pl.col("business_date") >= pl.col("from_date")).drop("from_date")


def close_with_news(
    book: Book,
    booked: pl.DataFrame,
    past: LedgerHistory,
    policies: PolicyBook,
    date: dt.date,
    close: Close = close,
) -> tuple[Book, DayClose, Restatement | None]:
    """Close `date` over the events booked on it, late ones and reversals taken in first.

    Loans that the book holds are passed by; those of them that return are lived again from the
    day after their last good one. Returns the book the close began with (restated where news asked
    for it), the close, whose transfers hold the differences, and the restatement.
    """
    book, kept = apart(book)
    of_the_held = booked.clear()
    if kept is not None:
        theirs = pl.col("loan_id").is_in(kept.held["loan_id"].implode())
        of_the_held, booked = booked.filter(theirs), booked.filter(~theirs)
    before, done, restated = _with_news(book, booked, past, policies, date, close)
    return before, rejoined(done, kept, of_the_held), restated


def _with_news(
    book: Book,
    booked: pl.DataFrame,
    past: LedgerHistory,
    policies: PolicyBook,
    date: dt.date,
    close: Close,
) -> tuple[Book, DayClose, Restatement | None]:
    """`close_with_news` of the loans that no one holds any longer."""
    ids = pl.concat([_stirred(book, booked, date), book.returning]).unique().sort()
    if ids.is_empty():
        return book, close(book, booked, policies, date), None
    is_restated = pl.col("loan_id").is_in(ids.implode())
    known = pl.concat([past.events(ids), booked.filter(is_restated)])
    effective = effective_events(known)
    stands = pl.col("event_id").is_in(effective["event_id"].implode())
    ended = past.ended(ids)
    came = pl.concat([booked.filter(is_restated), _missed(known, book)])
    news = came.unique("event_id", maintain_order=True).filter(
        stands | (pl.col("kind") == Kind.reversal)
    )
    since = _first_changes(known, news, ended, book, date)
    restated = None
    if since.height:
        restated, book = _restate(book, since, effective, ended, past, policies, date)
    book = replace(book, pending=book.pending.filter(~is_restated | stands))
    today = booked.filter(~is_restated | (stands & (pl.col("value_date") >= date)))
    done = close(book, today, policies, date)
    moved = done.transfers
    if restated is not None:
        late = is_restated & ((pl.col("value_date") < date) | (pl.col("kind") == Kind.reversal))
        due_to = news.filter(late).group_by("loan_id").agg(event_id=pl.col("event_id").max())
        corrections = (
            restated.transfers.drop("event_id")
            .join(due_to, on="loan_id", how="left")
            .with_columns(pl.col("event_id").fill_null(0))
            .select(moved.columns)
        )
        restated = replace(restated, transfers=corrections)
        moved = pl.concat([moved, corrections])
    done = replace(done, transfers=moved, book=replace(done.book, closed=None, closed_dues=None))
    return book, done, restated


def _missed(known: pl.DataFrame, book: Book) -> pl.DataFrame:
    """Events (of `known`) that were booked for the returning loans while they were held."""
    if book.returning.is_empty():
        return known.clear()
    good = book.held.select("loan_id", "good_until")
    back = known.filter(pl.col("loan_id").is_in(book.returning.implode()))
    told = back.join(good, on="loan_id", how="left", maintain_order="left")
    after = (pl.col("booking_date") > pl.col("good_until")).fill_null(True)
    return told.filter(after).select(known.columns)


def _stirred(book: Book, booked: pl.DataFrame, date: dt.date) -> pl.Series:
    """Loans with late events or reversals, and ended ones that something happens to today."""
    takes_back = pl.col("kind").is_in([kind.value for kind in kinds_of(Family.reversal)])
    late = booked.filter((pl.col("value_date") < date) | takes_back)
    taking = [kind.value for kind in REOPENING]
    today = pl.concat([book.pending, booked]).filter(pl.col("value_date") == date)
    loans = today.filter(pl.col("kind").is_in(taking))["loan_id"]
    if loans.is_empty():
        return late["loan_id"].unique().sort()
    boarded = today.filter(pl.col("kind") == Kind.loan_boarded)["loan_id"]
    live = book.positions.filter(~pl.col("status").is_in(ENDED))["loan_id"]
    back = loans.filter(~loans.is_in(live.implode()) & ~loans.is_in(boarded.implode()))
    return pl.concat([late["loan_id"], back]).unique().sort()


def _first_changes(
    known: pl.DataFrame,
    news: pl.DataFrame,
    ended: pl.DataFrame,
    book: Book,
    date: dt.date,
) -> pl.DataFrame:
    """Loans that are lived again, by id: `loan_id`, `from_date`, the first date that changes for each.

    It is that of late news, of what is taken back, the day on which a loan ended that is to live, or the day
    after the last good one of a loan that returns.
    """
    is_undone = pl.col("idempotency_key").is_in(reverses(news).implode())
    late = news.filter(pl.col("kind") != Kind.reversal)
    missed = book.held.filter(pl.col("loan_id").is_in(book.returning.implode()))
    days = [
        known.filter(is_undone).select("loan_id", from_date="value_date"),
        late.select("loan_id", from_date="value_date"),
        ended.select("loan_id", from_date="ended_on"),
        missed.select("loan_id", from_date=pl.col("good_until") + ONE_DAY),
    ]
    before = pl.concat(days).filter(pl.col("from_date") < date)
    return before.group_by("loan_id").agg(pl.col("from_date").min()).sort("loan_id")


def _restate(
    book: Book,
    since: pl.DataFrame,
    effective: pl.DataFrame,
    ended: pl.DataFrame,
    past: LedgerHistory,
    policies: PolicyBook,
    date: dt.date,
) -> tuple[Restatement, Book]:
    ids, changed = since["loan_id"], since["from_date"].min()
    assert isinstance(changed, dt.date)
    is_theirs = pl.col("loan_id").is_in(ids.implode())
    effective, ended = effective.filter(is_theirs), ended.filter(is_theirs)
    start = past.book(ids, changed - ONE_DAY)
    if start.date is None:
        beginning = effective["value_date"].min()
        first = beginning if isinstance(beginning, dt.date) else date
    else:
        first = start.date + ONE_DAY
    kept = start.wide().clear()
    start = replace(start, pending=effective.clear(), closed=kept, closed_dues=empty(Dues))
    to_live = effective.filter((pl.col("value_date") >= first) & (pl.col("value_date") < date))
    life = fast_forward(start, to_live, policies, date - ONE_DAY)
    lived = life.book(date - ONE_DAY)
    # before its first change nothing of a loan differs, from whatever day it is lived again; what an
    # earlier restatement booked there for its nights stands
    moves = (life.all("transfers"), past.transfers(ids, changed))
    lived_moves, booked = (_since(each, since) for each in moves)
    moved = _differences(book, ids, lived, lived_moves, booked, date)
    others = ~is_theirs
    wide = pl.concat([book.wide().filter(others), lived.wide().select(book.wide().columns)])
    wide = wide.sort("loan_id")
    dues = pl.concat([book.dues.filter(others), lived.dues])
    again = replace(
        book,
        terms=wide.select(book.terms.columns),
        positions=wide.select(book.positions.columns),
        dues=dues.sort(DUE_KEY),
        closed=lived.closed,
        closed_dues=lived.closed_dues,
    )
    return Restatement(since, life, moved, ended["loan_id"]), again


def _since(transfers: pl.DataFrame, since: pl.DataFrame) -> pl.DataFrame:
    """Transfers of loans from the date that `since` has of each."""
    told = transfers.join(since, on="loan_id", how="inner", maintain_order="left")
    return told.filter(pl.col("value_date") >= pl.col("from_date")).drop("from_date")


def _differences(
    book: Book,
    ids: pl.Series,
    lived: Book,
    moves: pl.DataFrame,
    booked: pl.DataFrame,
    date: dt.date,
) -> pl.DataFrame:
    """Transfers that turn what was `booked` into the `moves` of the life again, booked on `date`.

    Movements differ by loan, value date and pair of accounts.
    """
    signed = pl.concat(
        [
            _signed(moves, 1),
            _signed(booked, -1),
        ]
    )
    keys = [*_PLACE, "value_date", *_PAIR]
    moves = (
        signed.group_by(keys).agg(pl.col("amount").sum()).filter(pl.col("amount") != 0).sort(keys)
    )
    back = pl.col("amount") < 0
    moves = moves.select(
        "loan_id",
        event_id=pl.lit(0, dtype=pl.Int64),
        entity="entity",
        product="product",
        currency="currency",
        debit=pl.when(back).then("credit").otherwise("debit"),
        credit=pl.when(back).then("debit").otherwise("credit"),
        amount=pl.col("amount").abs(),
        value_date="value_date",
        booking_date=pl.lit(date),
    )
    return pl.concat([moves, *_night_differences(book, ids, lived, signed, date)])


def _signed(transfers: pl.DataFrame, sign: int) -> pl.DataFrame:
    """Movements of single loans, each pair of accounts one way round."""
    turned = pl.col("debit") > pl.col("credit")
    return transfers.select(
        *_PLACE,
        "value_date",
        debit=pl.min_horizontal(_PAIR).cast(pl.Int16),
        credit=pl.max_horizontal(_PAIR).cast(pl.Int16),
        amount=pl.when(turned).then(-pl.col("amount")).otherwise("amount") * sign,
    )


def _night_differences(
    book: Book, ids: pl.Series, lived: Book, signed: pl.DataFrame, date: dt.date
) -> list[pl.DataFrame]:
    """What nights differ by, which are booked as one sum for all loans.

    It is what a loan's own movements leave unexplained of the change of its accounts.
    """
    was = book.wide().filter(
        pl.col("loan_id").is_in(ids.implode()) & ~pl.col("status").is_in(ENDED)
    )
    now = lived.wide().filter(~pl.col("status").is_in(ENDED))
    flows = [
        signed.select("loan_id", account=side, amount=pl.col("amount") * way)
        for side, way in (("debit", -1), ("credit", 1))
    ]
    rests = (
        pl.concat([_held(now, 1), _held(was, -1), *flows])
        .group_by("loan_id")
        .agg(
            pl.col("amount").filter(pl.col("account") == ROLE[role]).sum().alias(role)
            for role in _NIGHTLY
        )
        .filter(pl.any_horizontal(pl.col(role) != 0 for role in _NIGHTLY))
    )
    if rests.is_empty():
        return []
    place = [*_PLACE, "deferred_as_fee"]
    closed = [] if lived.closed is None else [lived.closed.select(place)]
    loans = pl.concat([lived.wide().select(place), was.select(place), *closed]).unique("loan_id")
    differences = dated(
        loans.join(rests, on="loan_id").sort("loan_id"), date - ONE_DAY
    ).with_columns(
        suspended=-pl.col("interest_suspense"),
        earned=pl.col("interest_accrued") + pl.col("interest_suspense"),
    )
    moved = [
        transfer(differences, "interest_accrued", "interest_income", "earned"),
        transfer(differences, "interest_accrued", "interest_suspense", "suspended"),
        transfer(differences, "memo_interest", "memo_contra", "memo_interest"),
        transfer(differences, "memo_claim", "memo_contra", "memo_claim"),
        transfer(differences, "deferred_fee_income", income(), "deferred_fee_income"),
    ]
    return [each.with_columns(booking_date=pl.lit(date)) for each in moved]


_NIGHTLY = ("interest_accrued", "interest_suspense", "memo_interest", "memo_claim",
            "deferred_fee_income")  # fmt: skip
"""Accounts that a night moves, each against one other."""


def _held(wide: pl.DataFrame, sign: int) -> pl.DataFrame:
    """What the nightly accounts hold of loans: `loan_id`, `account`, `amount`."""
    held = {role: amount for role, amount in carried(wide).items() if role in _NIGHTLY}
    rows = wide.select("loan_id", **held).unpivot(
        index="loan_id", variable_name="role", value_name="amount"
    )
    account = pl.col("role").replace_strict(ROLE, return_dtype=pl.Int16)
    return rows.select("loan_id", account=account, amount=pl.col("amount") * sign)
