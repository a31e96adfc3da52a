"""Notices of adverse action: a letter to each who was turned down, with the reasons of the decision in the applicant's words."""

from __future__ import annotations

import datetime as dt
from typing import Any

from loanbook.core.documents.kinds import ADVERSE_ACTION
from loanbook.core.documents.notices import Notice
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.adverse_action import AdverseAction
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.policy.decisions.underwriting import UnderwritingPolicy
from loanbook.core.policy.product import Product
from loanbook.core.store.agreements.documents import keep_documents, versions
from loanbook.core.store.instance import read_instance
from loanbook.core.store.origination.letters import bureaus_known, untold
from loanbook.core.store.origination.reading import policies_of, underwriting_of
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.making import AT_ONCE, Draft, documents, page_of_notice


def rules_in_force(policies: PolicyBook, on: dt.date) -> AdverseAction | None:
    """What letters say on a date; None: no policy does, and none is made."""
    return policies.all_in_force(AdverseAction, on).get("standard")


def make_letters(ledger: Ledger, policies: PolicyBook) -> int:
    """Make the letter of each rejected application that has none of its decision; how many. Repeatable: what is made is left.

    A letter is of the day of its decision: it is the same whenever it is made.
    """
    left = untold(ledger)
    bodies, rules = policies_of(ledger), underwriting_of(ledger)
    words = {
        key: _words(bodies[key[0]], rules.get(key[1]))
        for key in left.select("policy_hash", "underwriting_hash").unique().rows()
    }
    days = {
        day: (rules_in_force(policies, day), policies.all_in_force(Product, day)) for day in left["decided_on"].unique()
    }  # fmt: skip
    lender = read_instance(ledger.settings.home).entity or ""
    made = 0
    for part in left.iter_slices(AT_ONCE):
        known = bureaus_known(ledger, part)
        notices = []
        for row in part.to_dicts():
            says, products = days[row["decided_on"]]
            if says is not None:
                names = known.get(row["application_id"], [])
                said = words[row["policy_hash"], row["underwriting_hash"]]
                notices.append(_notice(row, says, said, names, products.get(row["product"]), lender))  # fmt: skip
        made += _kept(ledger, notices)
    return made


def _kept(ledger: Ledger, notices: list[Notice]) -> int:
    """Letters made and kept; how many are new."""
    if not notices:
        return 0
    drafts = [
        Draft(ADVERSE_ACTION.name, each.canonical, page_of_notice(each), application_id=each.application_id) for each in notices
    ]  # fmt: skip
    known = versions(ledger, [each.application_id for each in notices])
    return keep_documents(ledger, documents(DocumentStore(ledger.settings), drafts, known)).height


def _words(body: str, rules: str | None) -> dict[str, str]:
    """Reasons by code in the applicant's words: those of the policy, and those that persons may give."""
    words = DecisionPolicy.model_validate_json(body).words()
    if rules is not None:
        words |= UnderwritingPolicy.model_validate_json(rules).adverse_reasons
    return words


def _notice(
    row: dict[str, Any], says: AdverseAction, words: dict[str, str], bureaus: list[str], product: Product | None, lender: str
) -> Notice:  # fmt: skip
    codes = tuple(code for code in row["reasons"].split(",") if code)
    return Notice(
        application_id=row["application_id"], decision_id=row["decision_id"], lender=lender or says.creditor[0],
        creditor=tuple(says.creditor), product=row["product"], product_words=(product and product.description) or row["product"],
        amount=row["amount"], currency=row["currency"], term=row["term"], submitted_on=row["submitted_on"],
        decided_on=row["decided_on"], made_on=row["decided_on"], codes=codes,
        reasons=tuple(words.get(code, code.replace("_", " ")) for code in codes), statement=says.statement,
        bureaus=tuple(tuple(says.bureaus.get(name, [name])) for name in bureaus), bureau_statement=says.bureau_statement,
        policy=f"adverse_action/{says.name}@{says.version}",
    )  # fmt: skip
