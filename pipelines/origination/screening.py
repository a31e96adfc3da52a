"""Persons of the vault matched with the lists of sanctions that landed: only who or what is new or changed is matched again.

Who is meant by an application is told by the vault's ref: `applicant/` and the token that the partner sends of the person.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from loanbook.core.access.actor import AccessError, Actor, plain_name
from loanbook.core.errors import LoanbookError
from loanbook.core.frames import hashes
from loanbook.core.origination.facts import FACTS
from loanbook.core.origination.screening import SCORER, hits
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.screening import ScreeningRules
from loanbook.core.store.agreements.keeping import keep
from loanbook.core.store.origination.screening import (
    FOUND,
    editions,
    facts_before,
    hits_now,
    listed,
    new_hits,
    screened,
    standings,
)
from loanbook.core.store.people.acting import acting
from loanbook.core.store.people.audit import Record, log
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.people.in_force import access_of
from loanbook.core.store.sending.vault import Vault as Pseudonyms
from loanbook.core.store.vault.belongings import APPLICANT
from loanbook.core.store.vault.vault import Vault
from loanbook.core.store.writer import Ledger

CLEARED, CONFIRMED = "cleared", "confirmed"


class ScreeningError(LoanbookError):
    """A hit that can't be decided on."""


@dataclass(frozen=True)
class Screened:
    """What a run of screening did."""

    persons: int
    """Persons that were matched with something."""
    pairs: int
    """Persons times names that were compared."""
    hits: int
    """Hits that are new."""


def rules_in_force(policies: PolicyBook, on: dt.date) -> ScreeningRules:
    """The rules of screening on a date. PolicyError: there are none."""
    return policies.in_force(ScreeningRules, "standard", on)


def screen(ledger: Ledger, policies: PolicyBook, people: People, actor: Actor) -> Screened:
    """Match every person of the vault with the editions that count now, as far as that was not done yet, and keep hits,
    who was screened by what, and what that tells of applicants. Repeatable. Takes `personal.read`."""
    _, last = ledger.landed_dates()
    on = last or people.clock().date()
    rules = rules_in_force(policies, on)
    now = editions(ledger)
    if now.is_empty():
        return Screened(0, 0, 0)
    vault = Vault(people)
    everyone = with_applicants(ledger, vault.everyone(actor))
    before = screened(ledger)
    parts, rows, compared = [], [], 0
    for name, edition in now.select("list", "edition").rows():
        was = before.filter(pl.col("list") == name).select("subject", "revision", "rules_hash", was="edition")  # fmt: skip
        told = everyone.join(was, left_on="person", right_on="subject", how="left", suffix="_was")
        same = (pl.col("revision") == pl.col("revision_was")) & (
            pl.col("rules_hash") == rules.digest
        )
        due = told.with_columns(was=pl.when(same.fill_null(False)).then("was")).filter(
            pl.col("was").is_null() | (pl.col("was") != edition)
        )
        for (known,), group in due.group_by("was", maintain_order=True):
            names = listed(ledger, edition, name, None if known is None else str(known))
            compared += group.height * names.height
            parts.append(
                _found(vault, actor, group, names, rules).with_columns(edition=pl.lit(edition))
            )
        rows.append(due.select(
            "applicant", "revision", subject="person", list=pl.lit(name), edition=pl.lit(edition),
            rules_hash=pl.lit(rules.digest), scorer=pl.lit(SCORER), on_date=pl.lit(on),
        ))  # fmt: skip
    found = _hits(pl.concat(parts) if parts else None, on)
    screenings = pl.concat(rows)
    if screenings.height:
        keep(ledger, {"person_screenings": screenings, "screening_hits": new_hits(ledger, found)})
    tell_applicants(ledger, rules, on)
    return Screened(screenings["subject"].n_unique(), compared, found.height)


def screen_if_listed(ledger: Ledger, policies: PolicyBook) -> Screened:
    """As `screen`, as who acts, before decisions; nothing where no list ever landed."""
    if editions(ledger).is_empty():
        return Screened(0, 0, 0)
    people = open_people(ledger.settings)
    try:
        return screen(ledger, policies, people, acting(ledger.settings, people))
    finally:
        people.close()


_FACTS = pl.Schema({**FACTS, "file_id": pl.String()})


def with_applicants(ledger: Ledger, everyone: pl.DataFrame) -> pl.DataFrame:
    """Persons with the `applicant` that applications name them by; empty where none does."""
    told = everyone["ref"].str.strip_prefix(APPLICANT)
    named = everyone.select(
        pl.when(pl.col("ref").str.starts_with(APPLICANT)).then(told)
    ).to_series()
    tokens = Pseudonyms(ledger.settings.lake).pseudonyms(named)
    return everyone.with_columns(applicant=tokens.fill_null(""))


def _found(
    vault: Vault, actor: Actor, group: pl.DataFrame, names: pl.DataFrame, rules: ScreeningRules
) -> pl.DataFrame:
    def how(persons: pl.DataFrame) -> pl.DataFrame:
        return hits(persons, names, rules.threshold, rules.birth_years_apart)

    persons = group["person"] if names.height else group["person"].head(0)
    found = vault.compared(persons, actor, how)
    return found.join(group.select("revision", subject="person"), on="subject").with_columns(
        threshold=pl.lit(rules.threshold, pl.Int64)
    )


def _hits(found: pl.DataFrame | None, on: dt.date) -> pl.DataFrame:
    if found is None or found.is_empty():
        return pl.DataFrame(schema=FOUND)
    text = pl.concat_str("subject", pl.col("revision").cast(pl.String), "entry_key", separator="|")
    ids = hashes(found.select(hit_id=text).to_series()).str.head(16)
    return found.with_columns(
        hit_id="h" + ids, scorer=pl.lit(SCORER), on_date=pl.lit(on)
    ).select(FOUND.names()).cast(FOUND)  # fmt: skip


def tell_applicants(ledger: Ledger, rules: ScreeningRules, on: dt.date) -> int:
    """Let decisions know how applicants stand, where that changed; how many."""
    now = (
        standings(ledger, rules.persons_to_clear)
        .filter(pl.col("applicant") != "")
        .drop_nulls("screening")
    )
    before = facts_before(ledger)
    moved = now.join(before, on="applicant", how="left").filter(
        pl.col("word").is_null() | (pl.col("word") != pl.col("screening"))
    )
    facts = moved.select(
        "applicant", source=pl.lit("screening"), record=pl.lit("screening"), field=pl.lit("screening"),
        number=pl.lit(None, pl.Int64), word="screening", as_of=pl.lit(on), known_on=pl.lit(on), path=pl.lit(SCORER),
        line=pl.lit(0, pl.Int64), file_id=pl.lit(""),
    )  # fmt: skip
    if facts.height:
        keep(ledger, {"applicant_facts": facts.cast(_FACTS)})
    return facts.height


@dataclass(frozen=True)
class Said:
    """What a person says of a hit."""

    hit_id: str
    verdict: str
    """cleared: it is another person; confirmed: it is the person of the list."""
    reason: str
    note: str = ""


def decide_hit(
    ledger: Ledger, policies: PolicyBook, people: People, actor: Actor, said: Said
) -> str:
    """A person clears or confirms a hit; its state then: cleared once as many persons as the policy asks for said so, confirmed
    at once. The same of the same person again is nothing. AccessError, ScreeningError."""
    verdict = access_of(people.settings, people).may(actor, "screening.decide")
    if not verdict.allowed or actor.kind == "service":
        raise AccessError(verdict.why or f"{actor.name} is a service: a person decides on a hit")
    _, last = ledger.landed_dates()
    on = last or people.clock().date()
    rules = rules_in_force(policies, on)
    reasons = rules.clears if said.verdict == "cleared" else rules.confirms
    if said.reason not in reasons:
        raise ScreeningError(
            f"{said.reason!r} is no reason by which a hit is {said.verdict}; the screening policy has {', '.join(reasons)}"
        )
    if hits_now(ledger, rules.persons_to_clear).filter(pl.col("hit_id") == said.hit_id).is_empty():
        raise ScreeningError(
            f"no hit that stands has the id {said.hit_id!r}; `loanbook screening hits` has them"
        )
    maker = plain_name(actor.name)
    before = ledger.frame(
        "SELECT maker, verdict FROM {lake}.screening_verdicts WHERE hit_id = ? ORDER BY recorded_at", [said.hit_id]
    )  # fmt: skip
    own = before.filter(pl.col("maker") == maker)
    since = before.filter((pl.col("verdict") == CONFIRMED).cum_sum(reverse=True) == 0)
    repeated = not own.is_empty() and own["verdict"][-1] == said.verdict and (
        said.verdict == CONFIRMED or maker in since["maker"].to_list()
    )  # fmt: skip
    if not repeated:
        row = pl.DataFrame([{"hit_id": said.hit_id, "verdict": said.verdict, "reason": said.reason, "note": said.note[:500],
                             "maker": maker, "on_date": on}])  # fmt: skip
        keep(ledger, {"screening_verdicts": row})
        log(people, actor, Record("screening.decide", ("hit", said.hit_id), detail=said.note or said.reason,
                                  after={"verdict": said.verdict, "reason": said.reason}))  # fmt: skip
        tell_applicants(ledger, rules, on)
    now = hits_now(ledger, rules.persons_to_clear).filter(pl.col("hit_id") == said.hit_id)
    return str(now["state"][0])
