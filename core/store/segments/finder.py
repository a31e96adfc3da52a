"""Finding loans: by their number or the lender's key, by the token of a borrower, by an amount."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from loanbook.core.contract.money import EXPONENT

MOST = 50
"""So many loans are shown at most."""
_FOUND = """
    SELECT r.loan_id, r.loan_key, r.entity, r.product, r.currency, r.state, r.disbursed_on,
           r.principal_agreed, w.why
    FROM loan_register r JOIN ({wanted}) w ON w.loan_id = r.loan_id
    ORDER BY w.rank, r.loan_id LIMIT $most
"""
_BY_TEXT = """
    SELECT loan_id, 'loan' AS why, CASE WHEN loan_key = $text THEN 0 ELSE 2 END AS rank FROM loan_keys
    WHERE loan_key = $text OR loan_key ILIKE $begins ESCAPE '!'
    UNION ALL
    SELECT loan_id, 'borrower', 1 FROM loan_attributes WHERE name = 'borrower' AND value = $text
"""
_BY_NUMBER = "SELECT loan_id, 'number' AS why, 0 AS rank FROM loan_keys WHERE loan_id = $number"
_BY_AMOUNT = """
    SELECT l.loan_id, 'amount' AS why, 3 AS rank FROM loan_register l JOIN currency_names c ON c.name = l.currency
    WHERE l.principal_agreed = round($amount * pow(10, c.exponent))::BIGINT
    UNION ALL
    SELECT e.loan_id, 'payment of ' || min(e.value_date), 4 FROM events e
    JOIN currency_names c ON c.code = e.currency
    WHERE e.amount = round($amount * pow(10, c.exponent))::BIGINT AND e.loan_id IS NOT NULL GROUP BY e.loan_id
"""


def find_loans(query: Callable[..., pl.DataFrame], text: str) -> pl.DataFrame:
    """Loans that a text may mean, at most `MOST`: `loan_id`, `loan_key`, `entity`, `product`, `currency`, `state`,
    `disbursed_on`, `principal_agreed` (minor units), `why` (loan, borrower, number, amount, payment).

    `#7` is the loan of number 7; a number with decimals or thousands an amount, in units of any currency.
    """
    text = text.strip()
    plain = text.replace(",", "").replace(" ", "")
    wanted = [_BY_TEXT]
    escaped = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    bound: dict[str, object] = {"text": text, "begins": f"{escaped}%", "most": MOST}
    if plain.lstrip("#").isascii() and plain.lstrip("#").isdigit() and len(plain) < 19:
        wanted.append(_BY_NUMBER)
        bound["number"] = int(plain.lstrip("#"))
    amount = _amount(plain)
    if amount is not None and not text.startswith("#"):
        wanted.append(_BY_AMOUNT)
        bound["amount"] = amount
    if not text:
        wanted, bound = ["SELECT NULL::BIGINT AS loan_id, '' AS why, 0 AS rank"], {"most": MOST}
    each = " UNION ALL ".join(wanted)
    best = f"SELECT loan_id, arg_min(why, rank) AS why, min(rank) AS rank FROM ({each}) GROUP BY loan_id"
    return query(_FOUND.format(wanted=best), bound)


def _amount(text: str) -> float | None:
    """An amount in units of a currency; None: the text is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < 10 ** (18 - max(EXPONENT.values())) else None
