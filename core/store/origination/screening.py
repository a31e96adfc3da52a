"""Lists of sanctions by edition, who was screened by which, hits, and what persons said of them."""

from __future__ import annotations

import polars as pl

from loanbook.core.origination.applications import PARTIES
from loanbook.core.origination.screening import LISTED, standing
from loanbook.core.store.origination.merges import persons_read_as
from loanbook.core.store.queries import Queries

FOUND = pl.Schema({
    "hit_id": pl.String(), "subject": pl.String(), "revision": pl.Int64(), "list": pl.String(), "entry_key": pl.String(),
    "entry_ref": pl.String(), "listed_name": pl.String(), "score": pl.Int64(), "threshold": pl.Int64(), "birth": pl.String(),
    "scorer": pl.String(), "edition": pl.String(), "on_date": pl.Date(),
})  # fmt: skip
"""A row a hit as it is kept."""
NOW = "list, last(edition ORDER BY known_on, recorded_at, edition) AS edition"
_CURRENT = f"SELECT {NOW} FROM {{lake}}.sanction_members GROUP BY list"
SCREENED = pl.Schema({"subject": pl.String, "revision": pl.Int64, "list": pl.String, "edition": pl.String, "rules_hash": pl.String})  # fmt: skip
STANDING = pl.Schema({"subject": pl.String, "applicant": pl.String, "screening": pl.String})
"""A row a person that was screened: clear, possible, confirmed, or null where a list came that it was not screened by."""


def editions(ledger: Queries) -> pl.DataFrame:
    """`list`, `edition` that counts now, a row a list."""
    return ledger.frame(_CURRENT)


def screened(ledger: Queries) -> pl.DataFrame:
    """The last screening (`SCREENED`) of each person by each list."""
    rows = ledger.frame(
        "SELECT subject, list, max_by(struct_pack(revision, edition, rules_hash), (recorded_at, on_date)) AS s "
        "FROM {lake}.person_screenings GROUP BY subject, list"
    )
    return rows.unnest("s").select(SCREENED.names()).cast(SCREENED)


def listed(ledger: Queries, edition: str, of: str, without: str | None = None) -> pl.DataFrame:
    """Names (`LISTED`) of an edition of a list; of entries alone that another edition has not, where one is told."""
    rows = ledger.frame(
        f"SELECT {', '.join(f'n.{name}' for name in LISTED)} FROM {{lake}}.sanction_names n "
        "WHERE n.list = $list AND n.entry_key IN (SELECT entry_key FROM {lake}.sanction_members WHERE edition = $edition AND list = $list) "
        "AND n.entry_key NOT IN (SELECT entry_key FROM {lake}.sanction_members WHERE edition = $without AND list = $list)",
        {"list": of, "edition": edition, "without": without or ""},
    )
    return rows.cast(LISTED)


def new_hits(ledger: Queries, found: pl.DataFrame) -> pl.DataFrame:
    """Those of `found` (`FOUND`) that are not kept yet."""
    known = ledger.beside(
        "SELECT h.hit_id FROM {lake}.screening_hits h JOIN _ids i ON i.hit_id = h.hit_id",
        [], _ids=found.select("hit_id"),
    )  # fmt: skip
    return found.join(known, on="hit_id", how="anti")


def hits_now(ledger: Queries, needed: int) -> pl.DataFrame:
    """Hits of persons as they were last screened, with entries that are still listed: columns of `screening_hits`, the
    `applicant` and their `state` (`loanbook.core.origination.screening.standing`); open ones first, the most alike at the top."""
    rows = ledger.frame(
        f"WITH now AS ({_CURRENT}), last AS (SELECT subject, max_by(struct_pack(revision, applicant), recorded_at) AS l "
        "FROM {lake}.person_screenings GROUP BY subject) "
        "SELECT DISTINCT h.* EXCLUDE (recorded_at), last.l.applicant AS applicant FROM {lake}.screening_hits h "
        "JOIN last ON last.subject = h.subject AND last.l.revision = h.revision "
        "JOIN now ON now.list = h.list JOIN {lake}.sanction_members m ON m.edition = now.edition AND m.list = h.list "
        "AND m.entry_key = h.entry_key"
    )
    verdicts = ledger.frame(
        "SELECT hit_id, verdict, maker FROM {lake}.screening_verdicts ORDER BY recorded_at"
    )
    both = rows.join(standing(rows, verdicts, needed), on="hit_id", how="left")
    return both.sort(pl.col("state") != "open", -pl.col("score"), "hit_id")


def standings(ledger: Queries, needed: int) -> pl.DataFrame:
    """Where every person that was ever screened stands (`STANDING`); a hit of one record is a hit of those merged with it."""
    open_ = hits_now(ledger, needed).group_by("subject").agg(
        confirmed=(pl.col("state") == "confirmed").any(), possible=(pl.col("state") == "open").any()
    )  # fmt: skip
    rows = ledger.frame(
        f"WITH now AS ({_CURRENT}), last AS (SELECT subject, list, max_by(struct_pack(edition, applicant), recorded_at) AS l "
        "FROM {lake}.person_screenings GROUP BY subject, list) "
        "SELECT last.subject, any_value(last.l.applicant) AS applicant, count(now.edition) = (SELECT count(*) FROM now) AS whole "
        "FROM last LEFT JOIN now ON now.list = last.list AND now.edition = last.l.edition GROUP BY last.subject"
    )
    own = rows.join(open_, on="subject", how="left")
    one = persons_read_as(ledger).rename({"person": "subject"})
    whose = pl.coalesce("reads_as", "subject")  # what is found of one record is found of the person
    told = own.join(one, on="subject", how="left").with_columns(
        confirmed=pl.col("confirmed").any().over(whose),
        possible=pl.col("possible").any().over(whose),
    )
    state = (
        pl.when(pl.col("confirmed").fill_null(False)).then(pl.lit("confirmed"))
        .when(pl.col("possible").fill_null(False)).then(pl.lit("possible"))
        .when(pl.col("whole")).then(pl.lit("clear"))
    )  # fmt: skip
    return told.select("subject", "applicant", screening=state).cast(STANDING)


def facts_before(ledger: Queries) -> pl.DataFrame:
    """`applicant`, `word` that screening told of applicants last."""
    return ledger.frame(
        "SELECT applicant, last(word ORDER BY recorded_at) AS word FROM {lake}.applicant_facts WHERE source = 'screening' GROUP BY 1"
    )


def persons_of(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """`application_id`, `applicant` (token) of every person whom applications name, in whatever role."""
    return ledger.beside(
        "SELECT DISTINCT l.application_id, l.token AS applicant FROM {lake}.application_links l JOIN _ids i "
        f"ON i.application_id = l.application_id WHERE l.kind IN {PARTIES}",
        [], _ids=ids.unique().to_frame("application_id"),
    )  # fmt: skip
