"""Papers of loans: terms, figures and schedule by the engine, under the names of an offer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.components import PARTS
from loanbook.core.contract.jurisdiction import unpacked
from loanbook.core.contract.terms import Terms
from loanbook.core.documents.clauses import clauses, of_parties
from loanbook.core.documents.kinds import DISCLOSURES
from loanbook.core.documents.matching import as_terms
from loanbook.core.documents.paper import Figures, Paper, Party, Schedule
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.agreements import AgreementRules, Place
from loanbook.core.policy.product import Product
from loanbook.core.servicing.explain.disclosure import disclosed_apr
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.store.instance import read_instance
from loanbook.core.store.settings import Settings
from loanbook.pipelines.agreements.quoting import Quote, quotes

RULES = "standard"
"""The policy of agreements that counts."""


@dataclass(frozen=True)
class Head:
    """What an offer is called, and who is bound."""

    offer_id: str
    application_id: str
    decision_id: str
    loan_key: str
    parties: tuple[Party, ...]
    made_on: dt.date


def papers(
    loans: pl.DataFrame, policies: PolicyBook, heads: dict[str, Head], where: Settings
) -> list[Paper]:
    """The papers of loans (schema `Terms`, `loan_key`), in their order. PolicyError: no form of disclosure is named for one."""
    terms = loans.select(Terms.column_names())
    solved = agreed_terms(terms, policies.pins).select("loan_id", "emi")
    agreed = (
        loans.drop("emi").join(solved, on="loan_id", how="left", maintain_order="left").to_dicts()
    )
    places = [_place(policies, loan, heads[loan["loan_key"]].made_on) for loan in agreed]
    rates = _rates(terms, [place.disclosure for _, place in places], policies)
    lender = read_instance(where.home).entity
    made = []
    for loan, (rules, place), quote in zip(agreed, places, quotes(terms, policies), strict=True):
        product, head = policies.product(loan["product"]), heads[loan["loan_key"]]
        where_made = unpacked(loan["jurisdiction"])
        made.append(Paper(
            offer_id=head.offer_id, application_id=head.application_id, decision_id=head.decision_id,
            loan_key=head.loan_key, lender=lender or product.entity, product=quote.product,
            product_words=product.description or product.name, currency=product.currency, jurisdiction=where_made,
            disclosure=place.disclosure, made_on=head.made_on,
            expires_on=head.made_on + dt.timedelta(days=rules.offer_days), cooling_off_days=place.cooling_off_days,
            parties=head.parties, terms=as_terms(loan), figures=_figures(quote, rates[loan["loan_id"]]),
            schedule=_schedule(quote), 
            clauses=(*clauses(product, policies, where_made, head.made_on), *of_parties(head.parties)),
        ))  # fmt: skip
    return made


def _place(
    policies: PolicyBook, loan: dict[str, object], on: dt.date
) -> tuple[AgreementRules, Place]:
    rules = policies.in_force(AgreementRules, RULES, on)
    product: Product = policies.product(int(str(loan["product"])))
    code = loan["jurisdiction"]
    where = unpacked(int(str(code)) if code is not None else None)
    place = rules.place(where, product.currency)
    if place is None:
        raise PolicyError(
            f"agreements/{rules.name}@{rules.version}: nothing is said of the jurisdiction {where or '(none)'} or the currency "
            f"{product.currency}; name the form of disclosure below by_jurisdiction or by_currency"
        )
    return rules, place


def _rates(terms: pl.DataFrame, forms: list[str], policies: PolicyBook) -> dict[int, str]:
    """The annual percentage rate by loan, as the form of each has it."""
    by_form = terms.with_columns(_form=pl.Series(forms, dtype=pl.String))
    parts = [
        disclosed_apr(rows.drop("_form"), policies, DISCLOSURES[str(form)].apr)
        for (form,), rows in by_form.partition_by("_form", as_dict=True).items()
    ]
    return {loan: f"{apr:.3f}" for loan, apr in pl.concat(parts).rows()}


def _figures(quote: Quote, apr: str) -> Figures:
    sums = {name: int(quote.instalments[name].sum()) for name in (*PARTS, "amount")}
    return Figures(
        lent=quote.lent, paid_out=quote.paid_out, fee=quote.fee, interest=sums["interest"], taxes=sums["taxes"],
        charges=sums["fees"] + sums["penalties"], total_of_payments=sums["amount"], apr_percent=apr,
    )  # fmt: skip


def _schedule(quote: Quote) -> Schedule:
    rows = quote.instalments.with_columns(
        other=pl.col("amount") - pl.col("principal") - pl.col("interest"),
        balance=quote.lent - pl.col("principal").cum_sum(),
    )
    return Schedule(**{
        name: tuple(rows[name]) for name in ("due_date", "principal", "interest", "other", "amount", "balance")
    })  # fmt: skip
