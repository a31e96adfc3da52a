"""A person's decision on an application that the policy refers: within its prices and limits, and the person's authority.

The policy goes on to say what may be lent at which price; a person says whether. What an approval goes past, and
which of a policy's own reasons a rejection may give, follow from the policy's decision and the inputs that it rests on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from loanbook.core.contract.money import to_major
from loanbook.core.decision import terms
from loanbook.core.decision.inputs import from_texts
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.policy.decisions.scorecard import SHOWN_REASONS
from loanbook.core.policy.decisions.underwriting import UnderwritingPolicy

APPROVE, REJECT, ASK = "approve", "reject", "ask"
VERDICTS = (APPROVE, REJECT, ASK)
LEADS = {APPROVE: "approved", REJECT: "rejected", ASK: "information_requested"}
"""Event of the case that a verdict is."""
STATES = {
    APPROVE: ("in_review", "need_more_information"),
    REJECT: ("in_review", "need_more_information"),
    ASK: ("in_review",),
}
"""States of a case in which a verdict may be given."""
EXCEPTION, OVERRIDE = "exception", "override"
"""How a person decided otherwise than the policy leant: approved past what it refers, or rejected what it would price."""
BY_PERSON = pl.Schema({
    "decision_id": pl.String(), "application_id": pl.String(), "rests_on": pl.String(), "verdict": pl.String(), "outcome": pl.String(),
    "product": pl.String(), "currency": pl.String(), "amount": pl.Int64(), "term": pl.Int64(), "rate_ppb": pl.Int64(),
    "grade": pl.String(), "instalment": pl.Int64(), "reasons": pl.String(), "information": pl.String(), "past": pl.String(),
    "against": pl.String(), "reason": pl.String(), "note": pl.String(), "policy_hash": pl.String(), "underwriting_hash": pl.String(),
    "maker": pl.String(), "checkers": pl.String(), "order_id": pl.String(), "decided_on": pl.Date(),
})  # fmt: skip
"""A row a person's decision. `rests_on`: the policy's decision that it follows; `outcome`: approved, rejected or empty; `past`:
rules and reasons that an approval goes past; `against`: exception, override or empty; `reasons`, `information`: codes set
apart by commas; `checkers`: who confirmed it, empty where one person decides."""


class UnderwritingError(LoanbookError):
    """A decision that a person may not make; the message names the limit or the rule."""


@dataclass(frozen=True)
class Referred:
    """An application as the policy left it to a person."""

    decision: dict[str, Any]
    """The policy's decision (schema `loanbook.core.decision.decisions.DECISIONS`)."""
    inputs: str
    """The text of inputs that it rests on."""
    state: str
    """State of the case."""
    policy: DecisionPolicy
    """As it decided."""

    def holds(self) -> set[str]:
        """Codes of rules that hold for certain."""
        hits = self.decision["hits"]
        return {rule.code for place, rule in enumerate(self.policy.rules) if hits >> place & 1}


@dataclass(frozen=True)
class Wanted:
    """What a person decides of an application."""

    application_id: str
    verdict: str
    reason: str
    """Code of the underwriting policy."""
    amount: int | None = None
    """Minor units; None: as much as is asked for and may be lent."""
    term: int | None = None
    """None: the one that is asked for."""
    grade: str = ""
    """Told where the policy could not tell it; else the policy's own."""
    codes: tuple[str, ...] = field(default=())
    """Of a rejection adverse-action reasons, of a request what is asked for."""
    note: str = ""


def judged(case: Referred, wanted: Wanted, rules: UnderwritingPolicy) -> dict[str, Any]:
    """What the decision comes to (`BY_PERSON` without who decided, and when). UnderwritingError names what it breaks."""
    _may_be_given(case, wanted, rules)
    told: dict[str, Any] = {
        "application_id": wanted.application_id, "rests_on": case.decision["decision_id"], "verdict": wanted.verdict,
        "outcome": {APPROVE: "approved", REJECT: "rejected"}.get(wanted.verdict, ""), "product": case.policy.product,
        "currency": case.decision["currency"], "amount": None, "term": case.decision["term"], "rate_ppb": None, "grade": None,
        "instalment": None, "reasons": "", "information": "", "past": "", "against": "", "reason": wanted.reason,
        "note": wanted.note.strip(), "policy_hash": case.policy.digest, "underwriting_hash": rules.digest,
    }  # fmt: skip
    if wanted.verdict == APPROVE:
        return told | _approved(case, wanted, rules)
    if wanted.verdict == REJECT:
        return told | _rejected(case, wanted, rules)
    unknown = [code for code in wanted.codes if code not in rules.information]
    if unknown or not wanted.codes:
        raise UnderwritingError(_none_of("information", unknown, rules.information))
    return told | {"information": ",".join(wanted.codes)}


def _may_be_given(case: Referred, wanted: Wanted, rules: UnderwritingPolicy) -> None:
    if wanted.verdict not in VERDICTS:
        raise UnderwritingError(
            f"{wanted.verdict!r} is no decision; it is one of {', '.join(VERDICTS)}"
        )
    if case.state not in STATES[wanted.verdict]:
        raise UnderwritingError(
            f"{wanted.application_id} is {case.state.replace('_', ' ')}: a person decides to {wanted.verdict} where it is "
            f"{' or '.join(STATES[wanted.verdict]).replace('_', ' ')}"
        )
    if case.decision["outcome"] != "referred":
        raise UnderwritingError(
            f"{wanted.application_id} was {case.decision['outcome']} by the policy: a person decides what it refers"
        )
    if wanted.reason not in rules.reasons:
        raise UnderwritingError(
            _none_of("reason", [wanted.reason] if wanted.reason else [], rules.reasons)
        )


def _none_of(what: str, unknown: list[str], known: Iterable[str]) -> str:
    named = f"{unknown[0]!r} is no {what}" if unknown else f"no {what} is given"
    return f"{named}; the underwriting policy has {', '.join(known) or 'none: name some there'}"


def _approved(case: Referred, wanted: Wanted, rules: UnderwritingPolicy) -> dict[str, Any]:
    """Terms of an approval: the grade's price and limits, and what it goes past."""
    row = _priced(case, wanted)
    asked = row["asked"]
    caps = _caps(row, case.policy)
    most = min((cap for cap in [asked, *caps.values()] if cap is not None), default=0)
    amount = most if wanted.amount is None else wanted.amount
    least = case.policy.minimum_minor
    told = {
        name: f"{to_major(minor, case.decision['currency'])} {case.decision['currency']}"
        for name, minor in {"amount": amount, "asked": asked, "least": least, **caps}.items()
        if minor is not None
    }
    if amount > asked:
        raise UnderwritingError(f"{told['amount']} is more than is asked for ({told['asked']})")
    over = [name for name, cap in caps.items() if cap is not None and amount > cap]
    if over:
        raise UnderwritingError(
            f"{told['amount']} is more than {over[0]} ({told[over[0]]}), which the policy lets nobody pass"
        )
    if amount < least:
        raise UnderwritingError(
            f"{told['amount']} is less than the least of the product ({told['least']})"
        )
    past = _past(case, row, amount)
    if barred := [code for code in past if code in rules.never_past]:
        raise UnderwritingError(
            f"no person approves past {barred[0]} (never_past of underwriting/{rules.name}@{rules.version}): have the "
            "input mended, or reject"
        )
    instalment = -(-amount * row["factor"] // terms.UNIT)
    return {
        "amount": amount, "term": row["term"], "rate_ppb": row["rate_ppb"], "grade": row["grade"], "instalment": instalment,
        "past": ",".join(past), "against": EXCEPTION if past else "",
    }  # fmt: skip


def _priced(case: Referred, wanted: Wanted) -> dict[str, Any]:
    """The case as one row: `asked`, `term`, `grade`, `rate_ppb`, `maximum`, `factor`, `affordable`."""
    own = case.decision["grade"]
    if wanted.grade and own and wanted.grade != own:
        raise UnderwritingError(
            f"the policy gives the grade {own}: a person names one where points can't be told"
        )
    grade = own or wanted.grade
    names = [band.grade for band in case.policy.grades]
    if grade not in names:
        raise UnderwritingError(
            f"{'no grade is known' if not grade else f'{grade!r} is no grade'}: points can't be told for want of an input; "
            f"name one of {', '.join(names)}"
        )
    inputs = from_texts(pl.Series([case.inputs]))
    asked, asked_term = inputs["amount"][0], inputs["term"][0]
    if asked is None or (asked_term is None and wanted.term is None):
        raise UnderwritingError("no amount, or no term, is known: have the application sent anew")
    term = wanted.term or asked_term
    rows = inputs.with_columns(
        grade=pl.lit(grade), term=pl.lit(term, pl.Int64), asked=pl.lit(asked, pl.Int64)
    )
    priced = rows.join(terms.prices(case.policy), on=["grade", "term"], how="left").with_columns(
        affordable=terms.affordable(case.policy)
    )
    row: dict[str, Any] = priced.select(
        "asked", "term", "grade", "rate_ppb", "maximum", "factor", "affordable"
    ).row(0, named=True)
    if row["rate_ppb"] is None:
        offered = sorted(next(b for b in case.policy.grades if b.grade == grade).rate_percent)
        raise UnderwritingError(
            f"{term} months are not offered to grade {grade}: its terms are {', '.join(map(str, offered))}"
        )
    return row


def _caps(row: dict[str, Any], policy: DecisionPolicy) -> dict[str, int | None]:
    """What no person passes, by its name: a limit by which the policy refers is a person's to judge."""
    found = {}
    if policy.above_limit != "refer":
        found["the most of its grade"] = row["maximum"]
    if policy.affordability.above != "refer":
        found["what the applicant can bear"] = row["affordable"]
    return found


def _past(case: Referred, row: dict[str, Any], amount: int) -> list[str]:
    """Rules that refer and hold, and reasons of the policy's own, that an approval of an amount goes past."""
    holds = case.holds()
    found = [rule.code for rule in case.policy.rules if rule.then == "refer" and rule.code in holds]
    if case.decision["missing"] or case.decision["unknowns"]:
        found.append("missing_input")
    if case.decision["mistyped"]:
        found.append("mistyped_input")
    for code, cap in (
        ("amount_above_limit", row["maximum"]),
        ("amount_not_affordable", row["affordable"]),
    ):
        if cap is not None and amount > cap:
            found.append(code)
    return found


def _rejected(case: Referred, wanted: Wanted, rules: UnderwritingPolicy) -> dict[str, Any]:
    """Reasons that an applicant is told, each of which must be so."""
    words = case.policy.words() | rules.adverse_reasons
    unknown = [code for code in wanted.codes if code not in words]
    if unknown or not wanted.codes:
        raise UnderwritingError(_none_of("reason for rejecting", unknown, words))
    if len(set(wanted.codes)) > SHOWN_REASONS:
        raise UnderwritingError(
            f"an applicant is told {SHOWN_REASONS} reasons at most (12 CFR 1002.9, comment (b)(2)-1): name the heaviest"
        )
    untrue = [code for code in wanted.codes if not _is_so(case, code)]
    if untrue:
        raise UnderwritingError(
            f"{untrue[0]} does not hold of this application: a reason that an applicant is told must be so; see the rules "
            "and points of the decision"
        )
    priced = case.decision["grade"] is not None and case.decision["rate_ppb"] is not None
    return {
        "grade": case.decision["grade"], "rate_ppb": case.decision["rate_ppb"],
        "reasons": ",".join(dict.fromkeys(wanted.codes)), "against": OVERRIDE if priced else "",
    }  # fmt: skip


def _is_so(case: Referred, code: str) -> bool:
    """Whether a reason is so of the case, as far as the policy's decision tells."""
    if code in {rule.code for rule in case.policy.rules}:
        return code in case.holds()
    given = json.loads(case.decision["points_by"])
    for each in case.policy.scorecard.characteristics:
        if code == f"points_{each.input}":
            points = given.get(each.input)
            return points is not None and points < each.most
    return True


def kept(
    told: dict[str, Any], maker: str, on: Any, checkers: Iterable[str] = (), order: str = ""
) -> pl.DataFrame:
    """A decision as it is kept (`BY_PERSON`). The same of the same person is the same, whoever confirms it."""
    rests = {name: value for name, value in told.items() if name != "underwriting_hash"} | {"maker": maker}  # fmt: skip
    digest = hashlib.sha256(json.dumps(rests, sort_keys=True).encode()).hexdigest()
    row = told | {
        "decision_id": f"u{digest[:31]}", "maker": maker, "checkers": ",".join(checkers), "order_id": order, "decided_on": on,
    }  # fmt: skip
    return pl.DataFrame([row], schema=BY_PERSON)


def with_terms(wanted: Wanted, told: dict[str, Any]) -> Wanted:
    """The same with the terms that it came to, so that who confirms it confirms these."""
    return replace(wanted, amount=told["amount"], term=told["term"], grade=told["grade"] or "")
