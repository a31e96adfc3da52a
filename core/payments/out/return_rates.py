"""How much of what an originator debits comes back, against the limits of its rail.

Counts, not amounts: returns that came in the days before a date over the debits that settled in them. Source of the
ACH limits: Nacha Operating Rules, subsection 2.17.2; they stand in `policies/return_codes`.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.policy.originators import ReturnCodes

RATES = {
    "originator": pl.String, "rail": pl.String, "measure": pl.String, "debits": pl.Int64, "returns": pl.Int64,
    "rate_percent": pl.String, "limit_percent": pl.String, "alarm": pl.Boolean,
}  # fmt: skip
"""A row an originator and measure (unauthorised, administrative, overall); an alarm where returns are more than the
limit, exactly, and as many at least as the policy asks."""


def return_rates(
    debits: pl.DataFrame, returns: pl.DataFrame, codes: dict[str, ReturnCodes], on: dt.date
) -> pl.DataFrame:
    """Rates (schema `RATES`) over the days up to a date, by originator.

    `debits`: `originator`, `effective`, of debits of money. `returns`: `originator`, `code`, `returned_on` of returns of
    them, those that were refused too. `codes`: policy by originator.
    """
    rows: list[tuple[object, ...]] = []
    for name, policy in sorted(codes.items()):
        first = on - dt.timedelta(days=policy.limits.over_days - 1)
        of = pl.col("originator") == name
        sent = debits.filter(of & pl.col("effective").is_between(first, on)).height
        back = returns.filter(of & pl.col("returned_on").is_between(first, on))["code"]
        for measure, limit in (
            ("unauthorised", policy.limits.unauthorised),
            ("administrative", policy.limits.administrative),
            ("overall", policy.limits.overall),
        ):
            group = [code for code, rule in policy.codes.items() if rule.group == measure]
            count = back.len() if measure == "overall" else int(back.is_in(group).sum())
            rows.append((name, policy.rail, measure, sent, count, _percent(count, sent), limit,
                         count >= policy.limits.least_returns and _beyond(count, sent, limit)))  # fmt: skip
    return pl.DataFrame(rows, schema=RATES, orient="row")


def _percent(count: int, of: int) -> str | None:
    """Per cent with two decimals, cut; None of nothing."""
    if not of:
        return None
    hundredths = count * 10_000 // of
    return f"{hundredths // 100}.{hundredths % 100:02}"


def _beyond(count: int, of: int, limit: str | None) -> bool:
    """Whether a count is more than so many per cent, in whole numbers."""
    if limit is None:
        return False
    whole, _, decimals = limit.partition(".")
    scale = 10 ** len(decimals)
    return count * 100 * scale > int(whole + decimals) * of
