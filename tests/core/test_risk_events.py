"""Risk events: folded they are the positions of any date as known; each is a CloudEvent and keeps its type's schema."""

from __future__ import annotations

import datetime as dt
import json
import random

import jsonschema
import polars as pl
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat

from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.core.risk_events.catalogue import BY_COLUMN, RISK_EVENTS, Cause
from loanbook.core.risk_events.changes import changes
from loanbook.core.risk_events.cloud import cloud_events, schema_of
from loanbook.core.risk_events.folding import fold
from loanbook.core.risk_events.notices import NOTICES, notice_changes
from loanbook.core.risk_events.page import example
from loanbook.core.risk_events.restating import CORRECTED, SAID, corrections
from loanbook.core.risk_events.state import READ, STATES, standing, states
from loanbook.core.servicing.replay.replay import live
from loanbook.core.store.closing.risk_events import outbox_rows
from loanbook.core.store.writing import restated_days
from tests.core.late_news import told
from tests.core.loans import Story, _event, payment, terms, undone, with_accounting

LAST = dt.date(2024, 2, 22)
ONE_DAY = dt.timedelta(days=1)


def _news(policies: PolicyBook) -> pl.DataFrame:
    """Twelve loans; money in time, late, taken back, too much; flags; a charge-off: drawn from a seed."""
    draw = random.Random(11)
    story = Story(policies)
    late = []
    for loan in range(1, 13):
        weekly = {"first_due": "2024-01-08", "n": 9}
        product = "memo" if loan == 1 else "instalment-act365"
        story = story.lent(terms(policies, product, loan_id=loan, **weekly))  # type: ignore[arg-type]
        for nth in range(draw.randrange(4)):
            on = f"2024-{draw.randrange(1, 3):02}-{draw.randrange(8, 20):02}"
            paid = payment(
                draw.choice([300, 13_000, 14_000, 60_000, 140_000]), on, loan_id=loan, ref=f"p{nth}"
            )
            late.append((draw.choice([0, 0, 3, 17]), paid))
            if draw.random() < 0.3 and on < "2024-02-12":
                back = (dt.date.fromisoformat(on) + ONE_DAY * 9).isoformat()
                late.append(
                    (
                        draw.choice([0, 5]),
                        undone(paid["idempotency_key"], back, loan_id=loan, ref=f"r{nth}"),
                    )
                )
    for kind, loan, on, days in ((Kind.flag_set, 1, "2024-02-01", 0), (Kind.flag_cleared, 1, "2024-02-12", 8),
                                 (Kind.flag_set, 2, "2024-02-08", 6)):  # fmt: skip
        body = json.dumps({"flag": "bankruptcy" if loan == 1 else "deceased"})
        late.append((days, _event(kind, loan, on, None, f"{kind}-{loan}", body)))
    late.append((2, _event(Kind.charge_off, 3, "2024-02-15", None, "off", None)))
    return told(story, *late)


def _known(rows: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, more.select(rows.columns)]).unique(
        ["loan_id", "business_date"], keep="last"
    )


@pytest.fixture(scope="module")
def lived(policies: PolicyBook) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events as a ledger of those days tells them, and what positions say of every date, as known last. After each day
    the fold of what was told is what is known of it."""
    books = with_accounting(policies)
    kept = ["loan_id", *READ, "flags", "business_date"]
    outbox, known = (
        pl.DataFrame(schema=CORRECTED | {"sequence": pl.Int64, "recorded_at": pl.Datetime("us")}),
        None,
    )
    for number, (before, closed, again) in enumerate(live(_news(books), books, LAST), start=1):
        corrected = pl.DataFrame(schema=CORRECTED)
        if again is not None:
            days = restated_days(closed, again)
            whose = pl.col("loan_id").is_in(again.loans.implode()) & (
                pl.col("business_date") >= again.first
            )
            said = (
                outbox.sort("sequence")
                .unique(["loan_id", "business_date", "kind"], keep="last")
                .filter(whose)
            )
            corrected = corrections(
                again,
                days,
                again.of_its_days(said).select(pl.col(n).cast(t) for n, t in SAID.items()),
            )
            assert known is not None
            gone = known.join(again.since, on="loan_id", how="left").filter(
                pl.col("business_date") >= pl.col("from_date")
            )
            known = known.join(gone, on=["loan_id", "business_date"], how="anti")
            known = _known(known, again.of_its_days(days.select(kept)))
        more = outbox_rows(corrected, changes(before, closed), (number, 0))
        outbox = pl.concat([outbox, more.select(outbox.columns)]) if more.height else outbox
        today = standing(closed.book).with_columns(business_date=pl.lit(closed.date)).select(kept)
        known = today if known is None else _known(known, today)
        _same(fold(outbox, closed.date), today)
    assert known is not None
    return outbox, known


def _same(folded: pl.DataFrame, positions: pl.DataFrame) -> None:
    truth = states(positions).select("loan_id", *STATES).sort("loan_id")
    folded = folded.select("loan_id", *STATES)
    assert folded.filter(pl.col("loan_id").is_in(truth["loan_id"].implode())).equals(truth)
    ended = folded.filter(~pl.col("loan_id").is_in(truth["loan_id"].implode()))
    assert ended["status"].is_in([1, 4, 5]).all()


def test_folded_events_are_the_positions_of_every_date_as_known_last(
    lived: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    outbox, known = lived
    for (date,), rows in known.partition_by("business_date", as_dict=True).items():
        assert isinstance(date, dt.date)
        _same(fold(outbox, date), rows)
    assert set(outbox["kind"].unique()) == {BY_COLUMN[name].code for name in STATES}, (
        "the story has every type"
    )


def test_a_notice_is_told_on_the_day_on_which_it_becomes_known() -> None:
    noon, day = dt.datetime(2024, 1, 1, 12), dt.date(2024, 1, 5)
    given = [  # of loan 1 an attorney, withdrawn; of 2 a stop that came with a late file; of 3 one that was known before
        (1, noon, "a", "attorney", day), (1, noon + ONE_DAY, "b", "dispute", day), (1, noon + 2 * ONE_DAY, "c", "attorney_withdrawn", day),
        (2, noon, "d", "stop", day - ONE_DAY), (3, noon, "e", "hardship", day - ONE_DAY),
        (3, noon, "f", "hardship_answered", day + ONE_DAY),
    ]  # fmt: skip
    taken_in = {"d": noon + 4 * ONE_DAY}
    rows = [(*each, taken_in.get(each[2], noon)) for each in given]
    notices = pl.DataFrame(rows, schema=NOTICES, orient="row")
    found = notice_changes(notices, day, noon + ONE_DAY)
    assert found.select("loan_id", "before", "now").rows() == [(1, 0, 8), (2, 0, 1)]
    assert notice_changes(notices, day + ONE_DAY, None).select(
        "loan_id", "before", "now"
    ).rows() == [(3, 16, 0)]
    assert notice_changes(notices, day, dt.datetime.min)["loan_id"].to_list() == [1, 2, 3]


def test_a_correction_names_the_last_that_was_told_of_the_day_and_an_event_says_what_made_it(
    lived: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    outbox, _ = lived
    keys = ["loan_id", "business_date", "kind"]
    named = outbox.filter(pl.col("corrects").is_not_null()).join(
        outbox.select(*keys, corrects="sequence"), on=[*keys, "corrects"], how="semi"
    )
    again = outbox.with_columns(nth=pl.int_range(pl.len()).over(keys))
    assert named.height == again.filter(pl.col("nth") > 0).height > 20
    assert outbox.filter(pl.col("corrects").is_not_null()).height == named.height
    told_by = outbox.filter(pl.col("cause") == Cause.event.value)
    assert told_by["event_ids"].null_count() == 0
    days = outbox.filter(
        (pl.col("kind") == BY_COLUMN["days_past_due"].code)
        & (pl.col("now") == pl.col("before") + 1)
    )
    assert days.filter(pl.col("before") > 0)["cause"].unique().to_list() == [Cause.time.value]
    flags = outbox.filter(pl.col("kind") == BY_COLUMN["flags"].code)
    assert (
        flags["event_ids"].null_count()
        == flags.filter(pl.col("cause") == Cause.correction.value).height
    )


def test_every_event_is_a_cloud_event_and_keeps_the_schema_of_its_type(
    lived: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    outbox, _ = lived
    few = outbox.group_by("kind", "cause", maintain_order=True).head(2)
    ids = (
        pl.col("event_ids")
        .str.split(" ")
        .cast(pl.List(pl.Int64))
        .fill_null(pl.lit([], pl.List(pl.Int64)))
    )
    rows = few.with_columns(events=ids, news=pl.lit([], pl.List(pl.Int64)), loan_key=pl.format("L-{}", "loan_id"),
                            version=pl.lit(1))  # fmt: skip
    schemas = {each.type: schema_of(each) for each in RISK_EVENTS}
    texts = [
        *cloud_events(rows, "/loanbook/lender"),
        *(json.dumps(example(each)) for each in RISK_EVENTS),
    ]
    for text in texts:
        read = from_structured_event(
            HTTPMessage({"content-type": "application/cloudevents+json"}, text.encode()),
            JSONFormat(),
        )
        jsonschema.validate(read.get_data(), schemas[read.get_type()])
        assert read.get_dataschema() == schemas[read.get_type()]["$id"]
    wrong = {**example(RISK_EVENTS[1])["data"], "now": -1}  # type: ignore[dict-item]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema_of(RISK_EVENTS[1]))
