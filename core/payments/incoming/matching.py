"""What loan an entry is of, by references: the surest first.

Each step looks at what the steps before it left. Where a step finds more than one loan the entry waits in
suspense with all of them: a reference that means two loans tells none.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.policy.payments.matching import ReceiptMatching

OWN_TRACE, OWN_ID, MANDATE = "own_trace", "own_end_to_end_id", "mandate_reference"
KEY, KEY_IN_TEXT, VIRTUAL = "loan_key", "loan_key_in_remittance", "virtual_account"
BY_SCORE = "name_amount_and_date"
WORDS = {
    OWN_TRACE: "the trace number of a payment that was sent",
    OWN_ID: "the end-to-end id of a payment that was sent",
    MANDATE: "the reference of the loan's mandate",
    KEY: "the loan's key, as a reference by itself",
    KEY_IN_TEXT: "the loan's key, within what the payer wrote",
    VIRTUAL: "the account that was given to the borrower to pay to",
    BY_SCORE: "name, amount and due date together",
}
"""What each step goes by, for people."""
SURE = 1000
"""Confidence of what a reference tells."""
REFERENCES = {"kind": pl.String, "value": pl.String, "loan_id": pl.Int64}
"""Schema of what is known of loans: `kind` `trace`, `end_to_end_id`, `mandate` or `virtual_account`."""
MATCHES = {"place": pl.Int64, "loan_id": pl.Int64, "rule": pl.String, "confidence": pl.Int16}


def matched(
    entries: pl.DataFrame, loans: pl.DataFrame, references: pl.DataFrame, policy: ReceiptMatching
) -> pl.DataFrame:
    """`place`, `loan_id`, `rule`, `confidence` (schema `MATCHES`) of entries that references tell a loan of;
    several rows a place where they tell several.

    `entries`: as `loanbook.core.payments.incoming.entries` has them; `loans`: `loan_id`, `loan_key`;
    `references`: schema `REFERENCES`.
    """
    found = [pl.DataFrame(schema=MATCHES)]
    left = entries

    def take(rule: str, pairs: pl.DataFrame) -> None:
        nonlocal left
        rows = pairs.select("place", "loan_id").unique(maintain_order=True)
        if rows.is_empty():
            return
        told = rows.with_columns(rule=pl.lit(rule), confidence=pl.lit(SURE, pl.Int16))
        found.append(told.select(*MATCHES))
        left = left.join(rows, on="place", how="anti", maintain_order="left")

    own = _by_kind(references)
    for rule, kind, names in (
        (OWN_TRACE, "trace", ("original", "reference")),
        (OWN_ID, "end_to_end_id", ("end_to_end_id", "original", "client_ref")),
        (MANDATE, "mandate", ("mandate",)),
    ):
        for name in names:
            if kind in own and left.height:
                take(rule, _equal(left, name, own[kind]))
    keys = loans.select(value=normal("loan_key"), loan_id="loan_id")
    for name in ("client_ref", "end_to_end_id", "remittance"):
        take(KEY, _equal(left, name, keys))
    if left.height:
        words = words_of(left)
        long = keys.filter(pl.col("value").str.len_chars() >= policy.key_min_length)
        take(KEY_IN_TEXT, words.join(long, on="value"))
        for rule, kind in ((MANDATE, "mandate"), (VIRTUAL, "virtual_account")):
            if kind in own and left.height:
                take(
                    rule,
                    words.join(left.select("place"), on="place", how="semi").join(
                        own[kind], on="value"
                    ),
                )
    return pl.concat(found)


def normal(name: str) -> pl.Expr:
    """A reference as it is compared: capitals, without outer or inner blanks."""
    return pl.col(name).str.to_uppercase().str.replace_all(r"\s", "")


def _by_kind(references: pl.DataFrame) -> dict[str, pl.DataFrame]:
    normalised = references.with_columns(value=normal("value")).filter(pl.col("value") != "")
    parts = normalised.partition_by("kind", as_dict=True, include_key=False)
    return {str(kind): part.unique() for (kind,), part in parts.items()}


def _equal(entries: pl.DataFrame, name: str, known: pl.DataFrame) -> pl.DataFrame:
    told = entries.filter(pl.col(name).is_not_null()).select("place", value=normal(name))
    return told.join(known, on="value", maintain_order="left")


def words_of(
    entries: pl.DataFrame, columns: tuple[str, ...] = ("remittance", "client_ref", "end_to_end_id")
) -> pl.DataFrame:
    """`place`, `value`: words of what the payer wrote and gave as references: with points and slashes within
    them, with hyphens alone, and in pieces."""
    text = pl.concat_str(pl.col(columns).fill_null(""), separator=" ").str.to_uppercase()
    whole = r"[\p{L}\p{N}](?:[\p{L}\p{N}_./-]*[\p{L}\p{N}])?"
    forms = (whole, whole.replace("_./-", "_-"), r"[\p{L}\p{N}]+")
    found = [entries.select("place", value=text.str.extract_all(form)) for form in forms]
    return pl.concat(found).explode("value").drop_nulls().unique(maintain_order=True)
