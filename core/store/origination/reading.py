"""Applications, decisions and cases, as people and the pipeline read them: SQL, over the views of a reader or the lake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from loanbook.core.catalogue.inputs import BY_NAME
from loanbook.core.decision.decisions import DECISIONS
from loanbook.core.decision.reasons import in_words
from loanbook.core.origination.applications import OTHERS, PARTIES
from loanbook.core.origination.case import CASE_EVENTS, cases
from loanbook.core.origination.facts import FACTS
from loanbook.core.origination.links import LINKED
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.policy.decisions.underwriting import UnderwritingPolicy
from loanbook.core.store.queries import Queries

if TYPE_CHECKING:
    from loanbook.core.store.reader import LedgerReader

EVENTS = """
    SELECT application_id, row_number() OVER (ORDER BY recorded_at, place, application_id, event) AS event_no, event, happened_at, actor,
           reason, reference
    FROM {lake}case_events
"""
"""Events of cases (schema `CASE_EVENTS`), in the order in which they were appended."""
_OWN = "amount, currency, term, purpose, income_year, income_verified_year, employment_years, age_years, borrowers, guarantors, housing, state, applicant_kind, channel"  # fmt: skip
WAITING = f"""
    WITH last AS (SELECT application_id, last(event ORDER BY recorded_at, place) AS event FROM {{lake}}.case_events
                  GROUP BY application_id),
    decided AS (SELECT application_id, last(decided_at ORDER BY recorded_at, decided_at) AS decided_at,
                       max(recorded_at) AS recorded_at, last(missing ORDER BY recorded_at, decided_at) AS missing
                FROM {{lake}}.decisions WHERE role = 'champion' GROUP BY application_id),
    news AS (SELECT a.application_id, max(f.known_on) AS known_on FROM {{lake}}.applications a
             JOIN decided d ON d.application_id = a.application_id
             JOIN {{lake}}.application_links l ON l.application_id = a.application_id AND l.kind IN {PARTIES}
             JOIN {{lake}}.applicant_facts f ON f.applicant = l.token
                  AND (f.recorded_at > d.recorded_at OR f.known_on > d.decided_at::DATE)
             GROUP BY a.application_id)
    SELECT a.application_id, a.applicant, a.product, l.event, {_OWN},
           CASE WHEN d.application_id IS NULL THEN a.business_date
                ELSE greatest(d.decided_at::DATE, n.known_on) END AS "on"
    FROM {{lake}}.applications a JOIN last l ON l.application_id = a.application_id
    LEFT JOIN decided d ON d.application_id = a.application_id
    LEFT JOIN news n ON n.application_id = a.application_id
    WHERE l.event = 'submitted' OR (l.event = 'information_requested' AND n.known_on IS NOT NULL)
    ORDER BY a.application_id
"""
"""Applications that wait for the policy, with what they say and the day of whose knowledge they are decided: new ones, and
those for which something came that was missing."""


def waiting(ledger: Queries) -> pl.DataFrame:
    """Rows of `WAITING`."""
    return ledger.frame(WAITING)


def facts_of(ledger: Queries, applicants: pl.Series) -> pl.DataFrame:
    """Facts (schema `FACTS`) of applicants."""
    rows = ledger.beside(
        f"SELECT {', '.join(f'f.{name}' for name in FACTS)} FROM {{lake}}.applicant_facts f "
        "JOIN _who w ON w.applicant = f.applicant",
        [], _who=applicants.unique().to_frame("applicant"),
    )  # fmt: skip
    return rows.cast(FACTS)


def links_of(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """Links (schema `LINKED`) of applications, and of others that share a device, phone, address or account with them."""
    rows = ledger.beside(
        "WITH own AS (SELECT l.* FROM {lake}.application_links l JOIN _ids i ON i.application_id = l.application_id), "
        "near AS (SELECT DISTINCT o.application_id FROM {lake}.application_links o JOIN own n ON n.kind = o.kind "
        "AND n.token = o.token WHERE o.kind IN ('device', 'phone', 'address', 'account')) "
        "SELECT DISTINCT l.application_id, l.kind, l.token, l.known_on FROM {lake}.application_links l "
        "WHERE l.application_id IN (SELECT application_id FROM near UNION SELECT application_id FROM own)",
        [], _ids=ids.unique().to_frame("application_id"),
    )  # fmt: skip
    return rows.cast(LINKED)


def others_of(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """`application_id`, `kind`, `token` of co-applicants, guarantors and owners of applications, a row a person and role."""
    return ledger.beside(
        "SELECT DISTINCT l.application_id, l.kind, l.token FROM {lake}.application_links l JOIN _ids i "
        f"ON i.application_id = l.application_id WHERE l.kind IN {OTHERS} ORDER BY ALL",
        [], _ids=ids.unique().to_frame("application_id"),
    )  # fmt: skip


def rejected_by(ledger: Queries, ids: pl.Series) -> pl.DataFrame:
    """`application_id`, `on` (Date) of applications that were rejected."""
    return ledger.beside(
        "WITH turned AS (SELECT application_id, decided_at::DATE AS day FROM {lake}.decisions WHERE outcome = 'rejected' "
        "AND role = 'champion' UNION ALL SELECT application_id, decided_on FROM {lake}.person_decisions "
        "WHERE outcome = 'rejected') "
        'SELECT t.application_id, min(t.day) AS "on" FROM turned t JOIN _ids i ON i.application_id = t.application_id GROUP BY 1',
        [], _ids=ids.unique().to_frame("application_id"),
    )  # fmt: skip


def events_of(ledger: Queries, ids: pl.Series | None = None) -> pl.DataFrame:
    """Events of cases (schema `CASE_EVENTS`), of some applications or all."""
    sql = EVENTS.replace("{lake}", "{lake}.")
    if ids is None:
        return ledger.frame(sql).cast(CASE_EVENTS)
    rows = ledger.beside(
        f"SELECT e.* FROM ({sql}) e JOIN _ids i ON i.application_id = e.application_id ORDER BY e.event_no",
        [], _ids=ids.unique().to_frame("application_id"),
    )  # fmt: skip
    return rows.cast(CASE_EVENTS)


def decisions_of(
    ledger: Queries, where: str = "true", parameters: list[object] | None = None
) -> pl.DataFrame:
    """Decisions (schema `DECISIONS`) for which a condition holds, in the order in which they were made."""
    rows = ledger.frame(
        f"SELECT {', '.join(DECISIONS)} FROM {{lake}}.decisions WHERE {where} ORDER BY recorded_at, application_id",
        parameters or [],
    )
    return rows.cast(DECISIONS)


def inputs_of(ledger: Queries, hashes: pl.Series) -> pl.DataFrame:
    """`input_hash`, `inputs` of what decisions rest on."""
    return ledger.beside(
        "SELECT i.input_hash, any_value(i.inputs) AS inputs FROM {lake}.decision_inputs i "
        "JOIN _hashes h ON h.input_hash = i.input_hash GROUP BY i.input_hash",
        [], _hashes=hashes.unique().to_frame("input_hash"),
    )  # fmt: skip


def _bodies(table: str) -> str:
    """Policies in a table, a row a hash: `policy_hash`, `body`."""
    return f"(SELECT policy_hash, any_value(body) AS body FROM {table} GROUP BY policy_hash)"


def policies_of(ledger: Queries) -> dict[str, str]:
    """Content (JSON) of each policy that ever decided, by its hash."""
    return dict(ledger.frame(f"FROM {_bodies('{lake}.decision_policies')}").rows())


def underwriting_of(ledger: Queries) -> dict[str, str]:
    """Content (JSON) of each underwriting policy that persons ever decided by, by its hash."""
    return dict(ledger.frame(f"FROM {_bodies('{lake}.underwriting_policies')}").rows())


QUEUE = """
    WITH last AS (SELECT application_id, last(event ORDER BY recorded_at, place) AS event,
                         last(happened_at ORDER BY recorded_at, place) AS since
                  FROM case_events GROUP BY application_id),
    decided AS (SELECT application_id, last(outcome ORDER BY recorded_at, decided_at) AS outcome,
                       last(grade ORDER BY recorded_at, decided_at) AS grade,
                       last(points ORDER BY recorded_at, decided_at) AS points,
                       last(amount ORDER BY recorded_at, decided_at) AS approved,
                       last(rate_ppb ORDER BY recorded_at, decided_at) AS rate_ppb,
                       last(reasons ORDER BY recorded_at, decided_at) AS reasons,
                       last(missing ORDER BY recorded_at, decided_at) AS missing
                FROM decisions WHERE role = 'champion' GROUP BY application_id),
    person AS (SELECT * FROM person_decisions WHERE outcome <> '')
    SELECT a.application_id, a.partner, a.product, a.submitted_on, l.event, l.since, a.amount, a.currency, a.term,
           coalesce(p.outcome, d.outcome) AS outcome, coalesce(p.grade, d.grade) AS grade, d.points,
           coalesce(p.amount, d.approved) AS approved, coalesce(p.rate_ppb, d.rate_ppb) AS rate_ppb,
           coalesce(nullif(p.reasons, ''), d.reasons) AS reasons, d.missing, d.outcome AS by_policy, p.maker AS decided_by
    FROM applications a JOIN last l ON l.application_id = a.application_id
    LEFT JOIN decided d ON d.application_id = a.application_id
    LEFT JOIN person p ON p.application_id = a.application_id AND p.decided_on <= $on
    WHERE ($partner IS NULL OR a.partner = $partner) AND a.business_date <= $on
    ORDER BY l.since, a.application_id
"""
"""Applications with their last event and decision, the oldest first. Over the views of a reader."""
REJECTS = """
    SELECT f.business_date, f.name, q.line, q.rule, q.found
    FROM quarantine q JOIN files f ON f.file_id = q.file_id AND f.name = q.name
    WHERE f.kind IN ('applications', 'bureau', 'bank_data', 'consents', 'kyc', 'persons', 'applicant_documents', 'sanctions') AND ($partner IS NULL OR regexp_matches(f.name, $partner))
    ORDER BY f.business_date, f.name, q.line
"""
"""Rows of partners' files that were refused, with the rule. Over the views of a reader."""


def case_of(reader: LedgerReader, application: str) -> dict[str, Any] | None:
    """All that is known of a case, over the views of a reader: `application`, `state`, `since`, `events`, `facts`, `links`,
    `others` (co-applicants, guarantors and owners, a row a person and role), `documents` (those that its people handed in),
    `persons` (decisions of persons) and `decisions`, the newest first, each with its `inputs`, reasons `in_words`, `rules` and
    `points_of`. None: there is none."""
    asked = reader.query("SELECT * FROM applications WHERE application_id = ?", [application])
    if asked.is_empty():
        return None
    rows = reader.query(
        f"SELECT * FROM ({EVENTS.format(lake='')}) WHERE application_id = ? ORDER BY event_no",
        [application],
    )
    stands = cases(rows.cast(CASE_EVENTS))
    facts = reader.query(
        "SELECT f.source, f.field, f.number, f.word, f.as_of, f.known_on, f.record, f.path FROM applicant_facts f "
        "JOIN applications a ON a.applicant = f.applicant WHERE a.application_id = ? ORDER BY f.known_on DESC, f.source, f.field",
        [application],
    )
    decided = reader.query(
        f"SELECT d.*, p.body, i.inputs FROM decisions d JOIN {_bodies('decision_policies')} p ON p.policy_hash = d.policy_hash "
        "LEFT JOIN (SELECT input_hash, any_value(inputs) AS inputs "
        "FROM decision_inputs GROUP BY 1) i ON i.input_hash = d.input_hash WHERE d.application_id = ? "
        "ORDER BY d.recorded_at DESC, d.decided_at DESC",
        [application],
    )
    links = reader.query(
        "SELECT l.kind, count(DISTINCT o.application_id) AS others FROM application_links l LEFT JOIN application_links o "
        "ON o.kind = l.kind AND o.token = l.token AND o.application_id <> l.application_id WHERE l.application_id = ? GROUP BY 1 ORDER BY 1",
        [application],
    )
    others = reader.query(
        f"SELECT DISTINCT kind, token FROM application_links WHERE application_id = ? AND kind IN {OTHERS} ORDER BY ALL",
        [application],
    )
    handed_in = reader.query(
        "SELECT d.document_id, l.kind AS of, d.type, d.media, d.bytes, d.uploader, d.uploaded_at, d.scan, d.scanner, d.sha256, d.known_on "
        "FROM application_links l JOIN applicant_documents d ON d.applicant = l.token WHERE l.application_id = ? "
        f"AND l.kind IN {PARTIES} ORDER BY d.known_on, d.document_id",
        [application],
    )
    return {
        "application": asked.to_dicts()[0], "documents": handed_in.to_dicts(), "state": stands["state"][0], "since": stands["since"][0],
        "events": rows.drop("application_id", "event_no").to_dicts(), "facts": facts.to_dicts(), "links": links.to_dicts(),
        "others": others.to_dicts(),
        "decisions": [_traced(row) for row in decided.to_dicts()], "persons": _by_persons(reader, application),
    }  # fmt: skip


def _by_persons(reader: LedgerReader, application: str) -> list[dict[str, Any]]:
    """Decisions of persons on an application, the newest first, with what they tell the applicant `in_words`, and `why`."""
    rows = reader.query(
        "SELECT d.*, p.body, u.body AS rules FROM person_decisions d "
        f"LEFT JOIN {_bodies('decision_policies')} p USING (policy_hash) "
        f"LEFT JOIN {_bodies('underwriting_policies')} u ON u.policy_hash = d.underwriting_hash WHERE d.application_id = ? ORDER BY d.recorded_at DESC",
        [application],
    )
    found = []
    for row in rows.to_dicts():
        policy = DecisionPolicy.model_validate_json(row.pop("body"))
        rules = UnderwritingPolicy.model_validate_json(row.pop("rules"))
        words = policy.words() | rules.adverse_reasons | rules.information
        told = [code for code in (row["reasons"] or row["information"]).split(",") if code]
        found.append(row | {
            "in_words": [words.get(code, code) for code in told], "why": rules.reasons.get(row["reason"], row["reason"]),
            "underwriting": f"{rules.name}@{rules.version}",
        })  # fmt: skip
    return found


def _traced(row: dict[str, Any]) -> dict[str, Any]:
    """A decision with its reasons in words and what each rule and characteristic gave."""
    policy = DecisionPolicy.model_validate_json(row.pop("body"))
    inputs = json.loads(row.pop("inputs") or "{}")
    points = json.loads(row.pop("points_by"))
    told = ("does not hold", "holds", "can't be told")
    return row | {
        "inputs": {name: inputs.get(name) for name in policy.reads},
        "in_words": in_words(policy, row["reasons"]),
        "lacks": [(name, BY_NAME[name].what) for name in row["missing"].split(",") if name in BY_NAME],
        "rules": [
            {"rule": rule.code, "group": rule.group, "then": rule.then, "when": rule.when,
             "answer": told[(row["hits"] >> place & 1) or 2 * (row["unknowns"] >> place & 1)],
             "inputs": ", ".join(f"{name} = {inputs.get(name)}" for name in rule.condition.inputs)}
            for place, rule in enumerate(policy.rules)
        ],
        "points_of": [
            {"input": each.input, "value": str(inputs.get(each.input)), "points": points[each.input], "most": each.most}
            for each in policy.scorecard.characteristics
        ],
    }  # fmt: skip


def loans_of_applications(reader: LedgerReader, days: int = 90) -> pl.DataFrame:
    """`application_id`, `bad` (so many days past due or charged off, ever), `lent`, `lost` (Int64 minor units) of
    applications whose reference is the key of a loan. `days`: 30, 60 or 90."""
    if reader.versions().is_empty():  # nothing is published: no loan has lived
        schema = {
            "application_id": pl.String,
            "bad": pl.Boolean,
            "lent": pl.Int64,
            "lost": pl.Int64,
        }
        return pl.DataFrame(schema=schema)
    lived = reader.mart("outcomes").select(
        "loan_id", bad=pl.col(f"first_{days}_on").is_not_null() | pl.col("charged_off_on").is_not_null(),
        lent=pl.col("amount").cast(pl.Int64), lost=pl.col("principal_charged_off").fill_null(0).cast(pl.Int64),
    )  # fmt: skip
    keys = reader.query(
        "SELECT a.application_id, k.loan_id FROM applications a JOIN loan_keys k ON k.loan_key = a.reference"
    )
    return keys.join(lived, on="loan_id").drop("loan_id")
