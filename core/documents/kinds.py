"""Kinds of document, and by which law a loan's cost is disclosed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from loanbook.core.contract.disclosed.disclosure import eu_apr, in_apr, us_apr


@dataclass(frozen=True)
class DocumentKind:
    """A kind of document: its name in the store, its words, its template."""

    name: str
    words: str
    signed: bool = False
    """Whether the borrower signs it."""


@dataclass(frozen=True)
class Disclosure:
    """A form by which the law has a loan's cost told."""

    name: str
    words: str
    source: str
    apr: Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]
    """Its annual percentage rate (`loanbook.core.contract.disclosed.disclosure`)."""


OFFER = DocumentKind("offer", "offer letter")
AGREEMENT = DocumentKind("agreement", "loan agreement with its schedule", signed=True)
PROOF = DocumentKind("disbursement", "proof of disbursement")
ADVERSE_ACTION = DocumentKind("adverse_action", "notice of adverse action")
DISCLOSURES = {
    each.name: each
    for each in (
        Disclosure("truth_in_lending", "Truth in Lending disclosure", "12 CFR 1026.18, Appendix H-2", us_apr),
        Disclosure("key_facts", "Key Facts Statement", "RBI/2024-25/18, Annex A and B", in_apr),
        Disclosure("eu_standard", "Standard European Consumer Credit Information", "Directive 2008/48/EC, Annex II", eu_apr),
    )
}  # fmt: skip
"""Forms by name; a policy (`agreements`) says which place has which."""
KINDS = {
    kind.name: kind
    for kind in (OFFER, *(DocumentKind(d.name, d.words) for d in DISCLOSURES.values()), AGREEMENT, PROOF, ADVERSE_ACTION)
}  # fmt: skip
"""Every kind of document by its name, which is its template's too."""
