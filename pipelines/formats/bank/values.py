"""Amounts and dates as they stand in files of text, one at a time."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from loanbook.core.contract.currencies import EXPONENTS, UNSTATED
from loanbook.core.contract.money import MAX_MINOR

AMOUNT = re.compile(r"^([0-9]{0,18})(?:[.,]([0-9]{0,18}))?$")
ISO_DATE = re.compile(r"^([0-9]{4})-([0-9]{2})-([0-9]{2})")


def minor_of(text: str | None, currency: str | None) -> tuple[int | None, str | None]:
    """Minor units of a plain decimal without a sign, comma or point before its decimals; or None and the
    kind of problem. Zeros beyond the currency's decimals do no harm. No currency: two decimals."""
    match = AMOUNT.match((text or "").strip())
    if not match or not (match[1] or match[2]):
        return None, "amount_not_numeric"
    if currency and currency not in EXPONENTS:
        return None, "unknown_currency"
    places = EXPONENTS[currency] if currency else UNSTATED
    decimals = (match[2] or "").rstrip("0")
    if len(decimals) > places:
        return None, "amount_finer_than_currency"
    minor = int(match[1] or 0) * 10**places + int(decimals.ljust(places, "0") or 0)
    if minor > MAX_MINOR:
        return None, "amount_too_large"
    return minor, None


FINEST = max(EXPONENTS.values())


def finest(minor: int, currency: str | None) -> int:
    """Minor units as whole parts of the finest currency's minor unit: totals that a file states
    irrespective of currencies are compared in it."""
    return int(minor * 10 ** (FINEST - EXPONENTS.get(currency or "", UNSTATED)))


def plain(parts: int) -> str:
    """What `finest` makes, as a decimal."""
    return f"{Decimal(parts).scaleb(-FINEST):f}"


def total_of(text: str | None) -> int | None:
    """A total of whatever currency, in the parts of `finest`; None if it is none."""
    match = AMOUNT.match((text or "").strip())
    if not match or not (match[1] or match[2]) or len((match[2] or "").rstrip("0")) > FINEST:
        return None
    return int(match[1] or 0) * 10**FINEST + int((match[2] or "").rstrip("0").ljust(FINEST, "0"))


def iso_date(text: str | None) -> dt.date | None:
    """The date that a text begins with (YYYY-MM-DD, whatever time and zone follow); None if it is none."""
    match = ISO_DATE.match((text or "").strip())
    if not match:
        return None
    try:
        return dt.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
