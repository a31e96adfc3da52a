"""The words of reminders: a template of the policy with what is so of each loan. Nothing of a person stands in them."""

from __future__ import annotations

from string import Formatter

import polars as pl

from loanbook.core.contract.money import major
from loanbook.core.policy.lending.reminder_rules import ReminderRules


def worded(reminders: pl.DataFrame, rules: ReminderRules) -> pl.DataFrame:
    """Reminders (`reminding.DECIDED`, with `lender`) with `subject` and `text`."""
    rows = reminders.with_columns(
        _amount=reminders.select(major("amount").cast(pl.String))["amount"], _currency="currency", _lender="lender",
        _due_date=pl.col("due_date").cast(pl.String), _loan="loan_key", _days_past_due=pl.col("days_past_due").cast(pl.String),
    )  # fmt: skip
    subject, text = pl.lit(""), pl.lit("")
    for n in reminders["template"].drop_nulls().unique():
        of, template = pl.col("template") == n, rules.templates[n]
        subject = pl.when(of).then(_filled(template.subject)).otherwise(subject)
        text = pl.when(of).then(_filled(template.text)).otherwise(text)
    return rows.select(*reminders.columns, subject=subject, text=text)


def _filled(words: str) -> pl.Expr:
    """A text with columns in place of what stands in braces."""
    parts: list[pl.Expr] = [pl.lit("")]
    for literal, name, _, _ in Formatter().parse(words):
        parts.append(pl.lit(literal))
        if name is not None:
            parts.append(pl.col(f"_{name}").fill_null(""))
    return pl.concat_str(parts)
