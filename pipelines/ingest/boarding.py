"""Loans of tapes: boarded and paid out, or taken over with what they bring."""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.boarding import payload
from loanbook.core.contract.money import EXPONENT, to_major
from loanbook.core.contract.schedule.agreed_rows import agreed_by_rate
from loanbook.core.contract.terms import Terms
from loanbook.core.documents.matching import boarded_otherwise
from loanbook.core.errors import IntakeError, PolicyError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import AGREEMENT, TapeMapping
from loanbook.core.policy.product import Product
from loanbook.core.servicing.explain.disclosure import disclosed_apr, payout_fees
from loanbook.core.servicing.laws.law import AT_FAULT
from loanbook.core.servicing.laws.pinning import FAULTS, pinned
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.pipelines.formats.mapped import plain
from loanbook.pipelines.formats.tape import cells, openings, parsing
from loanbook.pipelines.formats.tape import rows as tape_rows
from loanbook.pipelines.ingest.conflicts import found, with_what_differs
from loanbook.pipelines.ingest.events import (
    Known,
    Taken,
    complete,
    event,
    refused,
    same_content,
    together,
)
from loanbook.pipelines.ingest.landing import LandingFile


def boarded(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: TapeMapping, known: Known
) -> Taken:
    """Loans of a tape, product by product; rows of a product that is none are refused."""
    raw, broken = tape_rows.read(data, mapping)
    taken = Taken(raw.height + len(broken), 0, 0, broken, None)
    for (name,), rows in raw.partition_by("product_name", as_dict=True).items():
        taken = together(taken, _of_product(str(name), rows, file, policies, mapping, known))
    return taken


def _of_product(
    name: str,
    raw: pl.DataFrame,
    file: LandingFile,
    policies: PolicyBook,
    mapping: TapeMapping,
    known: Known,
) -> Taken:
    """Loans of one product of a tape."""
    assert file.business_date is not None
    try:
        code = policies.product_code(name, file.business_date)
    except PolicyError:
        if mapping.product is not None:
            raise
        unknown = refused(raw.with_columns(product="product_name"), "unknown_product", "loan_key")
        return Taken(0, 0, 0, unknown, None)
    product: Product = policies.product(code)
    _brings_grace(product, mapping)
    parsed, bad = parsing.parse(raw, mapping, product, file.business_date)
    boarded = known.loans("loan_key", parsed["loan_key"])
    again = parsed.join(boarded, on="loan_key", how="semi")
    good = parsed.join(boarded, on="loan_key", how="anti")
    enters = pl.coalesce("taken_over_on", "disbursed_on")
    late = good.filter((enters < pl.lit(known.earliest, dtype=pl.Date)).fill_null(False))
    bad = bad + [
        {"line": line, "rule": "boarded_too_late",
         "found": f"{key}: enters on {day}, before {known.earliest}; raise late_days in [intake]"}
        for line, key, day in late.select("line", "loan_key", enters).rows()
    ]  # fmt: skip
    good = good.join(late.select("line"), on="line", how="anti")
    entity = policies.entities.index(product.entity)
    moved = _of_another_product(again, product, mapping, policies, boarded)
    alike = again.filter(~pl.col("line").is_in([row["line"] for row in moved]))
    twice = parsing.terms(alike, code, entity, product.currency)
    twice, _ = _as_agreed(twice, alike, product, policies)
    bad += moved + _contradicting(twice, alike, product, file, mapping, known)
    loans = parsing.terms(good, code, entity, product.currency)
    loans, other = _as_agreed(loans, good, product, policies)
    loans, costly = _paid_out_beyond_fees(loans, good, product, policies)
    loans, dear = within_ceilings(loans, product, policies)
    loans, unsigned = _as_signed(loans, mapping, policies, known)
    good = good.join(loans, on="line", how="semi")
    bad += other + costly + dear + unsigned
    boarded_rows = raw.join(loans, on="line", how="semi")
    named = mapping.attributes
    attributes = boarded_rows.select(
        "loan_key", *(pl.col(column).alias(name) for name, column in named.items()
                      if column in raw.columns)
    ).unpivot(index="loan_key", variable_name="name", value_name="value")  # fmt: skip
    contradicting = sum(row["rule"] == "idempotency_conflict" for row in bad)
    return Taken(
        0, good.height, again.height - contradicting, bad, _boarding(loans, good, product, file, mapping, known),
        loans, attributes, _reported(boarded_rows, mapping, product),
    )  # fmt: skip


def _as_signed(
    loans: pl.DataFrame, mapping: TapeMapping, policies: PolicyBook, known: Known
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Loans of a tape of agreements that are as they were signed, field by field, and the rows of the others."""
    if mapping.name != AGREEMENT or known.signed is None or loans.is_empty():
        return loans, []
    numbered = loans.with_columns(loan_id=pl.int_range(pl.len(), dtype=pl.Int64))
    solved = agreed_terms(numbered.select(Terms.column_names()), policies.pins).select(
        "loan_id", "emi"
    )
    would_be = numbered.drop("emi").join(solved, on="loan_id", maintain_order="left")
    signed = known.signed(loans["loan_key"])
    unsigned = loans.join(signed, on="loan_key", how="anti")
    other = boarded_otherwise(signed, would_be).with_columns(
        told=pl.format("{} is {}, signed {}", "field", pl.col("after").fill_null("none"), pl.col("before").fill_null("none"))
    )  # fmt: skip
    by_loan = other.group_by("loan_key").agg(differs=pl.col("told").str.join("; "))
    wrong = loans.join(by_loan, on="loan_key").with_columns(_ref=found("loan_key", "differs"))
    bad = refused(unsigned, "no_signed_agreement", "loan_key") + refused(
        wrong, "not_as_signed", "_ref"
    )
    fits = pl.concat([unsigned["line"], wrong["line"]])
    return loans.filter(~pl.col("line").is_in(fits.implode())), bad


def _brings_grace(product: Product, mapping: TapeMapping) -> None:
    """Raise IntakeError where lines with grace are taken over without what is known of it."""
    graced = product.line is not None and product.line.grace_on_draws
    if (
        mapping.opening
        and graced
        and not {"in_grace", "statement_unpaid"} <= mapping.opening.keys()
    ):
        raise IntakeError(
            f"product {product.name} gives grace on draws: the mapping's opening needs the columns of "
            "in_grace and statement_unpaid, or interest of the running cycle is not known"
        )


def _of_another_product(
    again: pl.DataFrame,
    product: Product,
    mapping: TapeMapping,
    policies: PolicyBook,
    boarded: pl.DataFrame,
) -> list[dict[str, Any]]:
    """Rows of loans that were `boarded` before as another product, where the row itself names it."""
    if mapping.product is not None or again.is_empty():
        return []
    boarded_as = boarded.select("loan_key", before="product")
    both = again.join(boarded_as, on="loan_key", maintain_order="left").drop_nulls("before")
    others = [c for c in both["before"].unique() if policies.product(c).name != product.name]
    wrong = both.filter(pl.col("before").is_in(others)).with_columns(differs=pl.lit("product"))
    told = wrong.with_columns(_ref=found("loan_key", "differs"))
    return refused(told, "idempotency_conflict", "_ref")


def _contradicting(
    loans: pl.DataFrame,
    again: pl.DataFrame,
    product: Product,
    file: LandingFile,
    mapping: TapeMapping,
    known: Known,
) -> list[dict[str, Any]]:
    """Rows of loans that were boarded before on other terms than these `loans` (terms, `line`), with another
    payout or with other balances. `again`: what the tape says of them, as `parsing.parse` has it."""
    if loans.is_empty():
        return []
    base = _entering(loans, product)
    new = pl.col("taken_over_on").is_null()
    drawn = again.select("loan_key", amount="drawn")
    payouts = base.filter(new).join(drawn, on="loan_key", how="left", maintain_order="left")
    said = {
        Kind.loan_boarded: base,
        Kind.disbursed: payouts,
        Kind.migrated_in: openings.openings(base.filter(~new), again),
    }
    said[Kind.loan_boarded] = base.with_columns(payload=payload(base.with_columns(loan_id=0)))
    told = pl.concat(complete(event(r, k, mapping, file, known)) for k, r in said.items())
    stored = known.events("source_ref", told["source_ref"]).unique("idempotency_key")
    both = told.join(
        stored.select("idempotency_key", "brought", old="body_hash", old_amount="amount"),
        on="idempotency_key", how="left", maintain_order="left",
    )  # fmt: skip
    # a loan that was taken over may come again in a tape without balances
    lived = stored.filter(pl.col("kind") == Kind.migrated_in.value)["source_ref"]
    differs = {
        Kind.loan_boarded: ~same_content(pl.col("old"), pl.col("body_hash")),
        Kind.disbursed: (pl.col("old_amount").fill_null(0) != pl.col("amount"))
        & ~pl.col("source_ref").is_in(lived.implode()),
        Kind.migrated_in: ~openings.same_balances(pl.col("brought"), pl.col("payload")),
    }
    other = pl.any_horizontal((pl.col("kind") == k.value) & d for k, d in differs.items())
    wrong = told.join(both.filter(other), on=["line", "kind"], how="semi")
    if wrong.is_empty():
        return []
    contradicts = with_what_differs(wrong, known.before(stored))
    by_line = contradicts.group_by("line", maintain_order=True).agg(
        pl.col("loan_key").first(), pl.col("differs").filter(pl.col("differs") != "").str.join(", ")
    )
    return refused(
        by_line.with_columns(_ref=found("loan_key", "differs")), "idempotency_conflict", "_ref"
    )


def _entering(loans: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Loans (terms, `loan_key`, `line`) as rows of the event that boards them, without a payload."""
    enters = pl.coalesce("taken_over_on", "disbursed_on")
    return loans.with_columns(
        loan_id=pl.lit(None, dtype=pl.Int64),
        value_date=enters,
        source_ref="loan_key",
        entity_name=pl.lit(product.entity),
    )


def _sums(row: dict[str, Any], currency: str) -> str:
    """What agreed rows sum to, beside what the loan and its rate give."""

    def money(minor: int) -> str:
        return to_major(minor, currency)

    principal, interest, by_rate = (row[n] for n in ("principal", "interest", "by_rate"))
    told = (
        f"{row['loan_key']}: principal {money(principal)}, lent {money(row['principal_agreed'])}; "
        f"interest {money(interest)}, at the rate {money(by_rate)}; rows sum to "
        f"{money(principal + interest)}, at the rate to {money(row['principal_agreed'] + by_rate)}"
    )
    return told if row["least"] >= 0 else f"{told}; the lowest part is {money(row['least'])}"


def _as_agreed(
    loans: pl.DataFrame, good: pl.DataFrame, product: Product, policies: PolicyBook
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Loans whose agreed rows have principal and interest each, and the rows of those that break a rule."""
    if not loans["agreed_schedule"].count():
        return loans, []
    told = loans.filter(pl.col("agreed_schedule").is_not_null())
    told = told.with_columns(loan_id=pl.int_range(pl.len(), dtype=pl.Int64))
    rows = agreed_by_rate(agreed_terms(told.select(Terms.column_names()), policies.pins))
    both = told.drop("agreed_schedule").join(rows, on="loan_id")
    both = both.join(good.select("line", "schedule_as_told"), on="line", maintain_order="left")
    away = (pl.col("interest") - pl.col("by_rate")).abs() > pl.col("instalments")
    rules = {
        "agreed_principal_not_the_loans": (pl.col("least") < 0)
        | (pl.col("principal") != pl.col("principal_agreed")),
        "agreed_interest_not_the_rates": away & ~pl.col("schedule_as_told"),
    }
    rule = pl.coalesce(pl.when(breaks).then(pl.lit(name)) for name, breaks in rules.items())
    judged = both.with_columns(rule=rule)
    bad = [
        {"line": row["line"], "rule": row["rule"], "found": _sums(row, product.currency)}
        for row in judged.filter(pl.col("rule").is_not_null()).to_dicts()
    ]  # fmt: skip
    kept = judged.filter(pl.col("rule").is_null()).select("line", rows="agreed_schedule")
    joined = loans.join(kept, on="line", how="left", maintain_order="left")
    fits = pl.col("agreed_schedule").is_null() | pl.col("rows").is_not_null()
    return joined.filter(fits).with_columns(agreed_schedule="rows").drop("rows"), bad


def _paid_out_beyond_fees(
    loans: pl.DataFrame, good: pl.DataFrame, product: Product, policies: PolicyBook
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Loans whose payout costs less than it is, the tax on its fee with it, and the rows of the others."""
    if product.origination_fee is None or loans.is_empty():
        return loans, []
    drawn = good.filter(pl.col("taken_over_on").is_null() & (pl.col("drawn") > 0))
    paid = loans.join(drawn.select("line", "drawn"), on="line", maintain_order="left").with_columns(
        loan_id=pl.int_range(pl.len(), dtype=pl.Int64), principal_agreed="drawn"
    )
    fees = payout_fees(paid.select(Terms.column_names()), policies)
    cost = pl.col("fee") + pl.col("tax")
    over = paid.join(fees, on="loan_id").filter(cost >= pl.col("drawn"))
    money = product.currency
    bad = [
        {"line": line, "rule": "fee_not_below_the_payout",
         "found": f"{key}: {to_major(fee, money)} of {to_major(of, money)}"}
        for line, key, fee, of in over.select("line", "loan_key", cost.alias("cost"), "drawn").rows()
    ]  # fmt: skip
    return loans.join(over.select("line"), on="line", how="anti", maintain_order="left"), bad


def within_ceilings(
    loans: pl.DataFrame, product: Product, policies: PolicyBook
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Loans that cost no more than the law allows, and the rows of those that do, with the rule."""
    ceilings = [each for each in policies.ceilings(product) if each[2].measure == "apr"]
    if not ceilings or loans.is_empty():
        return loans, []
    numbered = loans.with_columns(loan_id=pl.int_range(pl.len(), dtype=pl.Int64))
    who = numbered.select("loan_id", "line", "loan_key", "disbursed_on")
    rates, without = _aprs(numbered.select(Terms.column_names()), policies)
    costs = who.join(rates, on="loan_id")
    bad = [
        {"line": line, "rule": "apr_not_found", "found": f"{key}: {figures}"}
        for line, key, figures in who.join(without, on="loan_id").select("line", "loan_key", "figures").rows()
    ]  # fmt: skip
    for since, until, each in ceilings:
        binds = (pl.col("disbursed_on") >= since) & (pl.col("disbursed_on") < until)
        over = costs.filter(binds & (pl.col("apr") > float(each.percent)))
        bad += [
            {"line": line, "rule": "apr_above_the_ceiling",
             "found": f"{key}: {apr:.3f} % is above {each.percent} % of {each.name}@{each.version}"}
            for line, key, apr in over.select("line", "loan_key", "apr").rows()
        ]  # fmt: skip
    lines = pl.Series([row["line"] for row in bad], dtype=pl.Int64).unique()
    first = {row["line"]: row for row in reversed(bad)}
    return loans.filter(~pl.col("line").is_in(lines.implode())), list(first.values())


def _aprs(terms: pl.DataFrame, policies: PolicyBook) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`loan_id`, `apr` of loans, and `loan_id`, `figures` of those that have none, with the reason."""
    ids = terms["loan_id"]

    def of(some: pl.Series) -> pl.DataFrame:
        return disclosed_apr(terms.filter(pl.col("loan_id").is_in(some.implode())), policies)

    try:
        return of(ids), pl.DataFrame(schema=AT_FAULT)
    except FAULTS:
        without = pinned(ids, of, ids.len())
    left = ids.filter(~ids.is_in(without["loan_id"].implode()))
    return of(left), without


def _boarding(
    loans: pl.DataFrame,
    good: pl.DataFrame,
    product: Product,
    file: LandingFile,
    mapping: TapeMapping,
    known: Known,
) -> pl.DataFrame:
    """Events by which loans enter the book: terms, and the payout or the balances they bring."""
    base = _entering(loans, product)
    # the payload names every term but the id, which is given at commit and stands beside it
    with_payload = base.with_columns(loan_id=pl.lit(0, dtype=pl.Int64))
    boarded = with_payload.with_columns(payload=payload(with_payload)).with_columns(
        loan_id=pl.lit(None, dtype=pl.Int64)
    )
    brings = base.filter(pl.col("taken_over_on").is_not_null())
    out = good.select("loan_key", amount="drawn")
    paid_out = (
        base.filter(pl.col("taken_over_on").is_null())
        .join(out, on="loan_key", how="left", maintain_order="left")
        .filter(pl.col("amount") > 0)
    )
    parts = [
        (boarded, Kind.loan_boarded),
        (paid_out, Kind.disbursed),
        (openings.openings(brings, good), Kind.migrated_in),
    ]
    return pl.concat(
        complete(event(rows, kind, mapping, file, known))
        for rows, kind in parts
        if rows.height or kind is Kind.loan_boarded
    )


def _reported(raw: pl.DataFrame, mapping: TapeMapping, product: Product) -> pl.DataFrame | None:
    """The servicer's own figures, in minor units; for reconciliation, never for computing."""
    if not mapping.reported or mapping.reported_as_of is None:
        return None
    missing = [c for c in mapping.reported.values() if c not in raw.columns]
    if missing:
        return None

    decimals = EXPONENT[product.currency]
    figures = {
        name: cells.rounded_minor(plain(pl.col(column), mapping.amounts), decimals)
        for name, column in mapping.reported.items()
        if name != "status"
    }
    return raw.select(
        "loan_key",
        as_of=pl.lit(mapping.reported_as_of),
        status=pl.col(mapping.reported["status"]),
        **figures,
    )
