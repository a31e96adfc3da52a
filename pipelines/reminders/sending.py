"""Reminders sent: recorded as being sent before anything leaves, then what became of each; each once by policy."""

from __future__ import annotations

import datetime as dt
import fcntl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from zoneinfo import ZoneInfo

import polars as pl

from loanbook.core.collections.reminding import RUN_LASTS, first_zone
from loanbook.core.collections.wording import worded
from loanbook.core.errors import LedgerConflictError, LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.known import reminders as stored
from loanbook.core.store.lake import utc_now
from loanbook.core.store.people.acting import acting
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.vault.vault import open_vault
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.reminders.channels import FIELDS, Services
from loanbook.pipelines.reminders.gathering import Office, reminders_at

AT_ONCE = 20
"""Reminders that are recorded together as being sent: of so many at most it is not known whether they left, where a run is
killed."""
KILLED_AFTER = dt.timedelta(minutes=15)
"""So long a reminder is being sent before its run is taken to be dead; on one machine a lock says so at once."""
_CONTACT = {"delivered": ("sent", "unsure"), "not_delivered": ("failed",)}


@contextmanager
def opened(reader: LedgerReader, policies: PolicyBook) -> Iterator[tuple[Office, Services]]:
    """What reminders are decided and sent with; who acts is asked once."""
    services = Services(reader.settings)
    vault = open_vault(reader.settings)
    try:
        actor = acting(reader.settings, vault.people)
        yield (
            Office(reader, policies, reader.clocks(None), actor, vault, services.channels),
            services,
        )
    finally:
        vault.people.close()


def send(ledger: Ledger, policies: PolicyBook, moment: dt.datetime) -> pl.DataFrame:
    """Send what may go out at an instant (UTC), and record what is suppressed; rows as recorded (`stored.REMINDERS`).

    Safe to repeat, and beside another run: what is recorded is not decided again. LedgerConflictError where another run sends.
    """
    until = time.monotonic() + RUN_LASTS.total_seconds()
    with (
        _alone(ledger),
        closing(LedgerReader(ledger.settings)) as reader,
        opened(reader, policies) as (office, services),
    ):
        done = [_settled(ledger, office, moment)]
        found = reminders_at(office, moment)
        withheld = _rows(
            office, found.filter(pl.col("state") == "suppressed"), "suppressed", moment
        )
        stored.keep(ledger, withheld)
        done.append(withheld)
        going = worded(found.filter(pl.col("state") == "send"), office.rules)
        services.must_be_services(
            going["channel"].unique().sort()
        )  # before any is recorded as being sent
        for part in going.iter_slices(AT_ONCE):
            if time.monotonic() < until:  # the next run decides on the rest anew
                done.append(_sent(ledger, office, services, part, moment))
    return pl.concat(done)


@contextmanager
def _alone(ledger: Ledger) -> Iterator[None]:
    """No other run of this machine sends; the system lets go of it where a process is killed."""
    path = ledger.settings.home / "reminders.lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LedgerConflictError("another run is sending reminders; run again when it is done") from None  # fmt: skip
        yield


def _settled(ledger: Ledger, office: Office, moment: dt.datetime) -> pl.DataFrame:
    """What a run that was killed left as being sent: it may have gone out. The policy says whether it is sent again."""
    long_ago = utc_now() - KILLED_AFTER
    left = stored.unfinished(ledger, long_ago).select(stored.REMINDERS.names())
    rows = left.with_columns(
        state=pl.lit("unsure"), reason=pl.lit("the run that sent it was killed"), actor=pl.lit(office.actor.name)
    ).cast(stored.REMINDERS)  # fmt: skip
    stored.keep(ledger, rows, _contacts(rows))
    return rows


def _sent(
    ledger: Ledger, office: Office, services: Services, part: pl.DataFrame, moment: dt.datetime
) -> pl.DataFrame:
    """A few reminders: addresses opened, recorded, sent, recorded."""
    addresses = _addresses(office, part)
    claimed = _rows(office, part, "sending", moment)
    known = part.filter(pl.col("was").is_not_null()).select("reminder_id", "was").rows()
    if not stored.claim(ledger, claimed, dict(known)):
        raise LedgerConflictError("another run took reminders first; nothing of these was sent: run again")  # fmt: skip
    taken = [
        services.send(channel, addresses.get((person, FIELDS[channel]), ""), subject, text)
        for channel, person, subject, text in part.select("channel", "person", "subject", "text").rows()
    ]  # fmt: skip
    state = pl.Series("state", ["sent" if each else "failed" for each in taken], pl.String)
    rows = claimed.with_columns(state)
    stored.keep(ledger, rows, _contacts(rows))
    return rows


def _addresses(office: Office, part: pl.DataFrame) -> dict[tuple[str, str], str]:
    """Addresses of those who are written to, by person and field; the trail names each of them."""
    fields = sorted({FIELDS[channel] for channel in part["channel"]})
    found = office.vault.open(
        part["person"], office.actor, f"reminders of {office.day}", fields=fields
    )
    long = found.unpivot(fields, index="person").drop_nulls("value")
    return {(person, field): value for person, field, value in long.rows()}


def _rows(office: Office, found: pl.DataFrame, state: str, moment: dt.datetime) -> pl.DataFrame:
    """Rows to record (`stored.REMINDERS`) of reminders (`reminding.DECIDED`)."""
    rules = office.rules
    of = f"{rules.name}@{rules.version}/"
    rows = found.with_columns(
        state=pl.lit(state), template=pl.lit(of) + (pl.col("template") + 1).cast(pl.String), decided_at=pl.lit(moment.replace(tzinfo=None)),
        allowed_at=pl.col("allowed_at").dt.replace_time_zone(None), actor=pl.lit(office.actor.name),
        known_on=pl.lit(office.day),
    )  # fmt: skip
    return rows.select(pl.col(name).cast(kind) for name, kind in stored.REMINDERS.items())


def _contacts(rows: pl.DataFrame) -> pl.DataFrame:
    """Reminders that went out, or may have, as rows of the contact log: nobody made them."""
    outcomes = {state: outcome for outcome, states in _CONTACT.items() for state in states}
    zones = [first_zone(each) for each in rows["zone"]]
    local = [
        at.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
        for at, zone in zip(rows["decided_at"], zones, strict=True)
    ]  # fmt: skip
    return rows.select(
        "loan_id", "loan_key", "channel", "zone", "known_on", contact_id=pl.format("reminder/{}/{}", "reminder_id", pl.col("decided_at").dt.epoch("s")),
        occurred_at="decided_at", occurred_text=pl.Series(local, dtype=pl.String), direction=pl.lit("out"),
        outcome=pl.col("state").replace_strict(outcomes, return_dtype=pl.String), right_party=pl.lit(False), agent=pl.lit(""),
        place=pl.lit(""), body_hash=pl.lit(""), line=pl.lit(0, pl.Int64), file_id=pl.lit("reminders"),
    )  # fmt: skip


def moment_of(at: str, demo: bool) -> dt.datetime:
    """The instant (UTC) at which reminders are decided: now, or, in a demo, the one that is said."""
    if not at:
        return dt.datetime.now(dt.UTC)
    if not demo:
        raise LoanbookError("--at is for demo instances: reminders go out by the clock")
    try:
        moment = dt.datetime.fromisoformat(at)
    except ValueError:
        moment = dt.datetime(1, 1, 1)
    if moment.tzinfo is None:
        raise LoanbookError(f"{at!r} is no instant; write it with its offset: 2024-03-10T07:30:00-05:00")  # fmt: skip
    return moment.astimezone(dt.UTC)
