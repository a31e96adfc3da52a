"""A mapping for a header that no mapping fits: guesses to check, written as the file to keep them in."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from difflib import SequenceMatcher

import yaml

from loanbook.core.policy.decisions.partners import APPLICATION_OPTIONAL, APPLICATION_REQUIRED
from loanbook.core.policy.file_mappings import (
    COMMAND_OPTIONAL,
    COMMAND_REQUIRED,
    PAYMENT_REQUIRED,
    TAPE_OPTIONAL,
    TAPE_REQUIRED,
)
from loanbook.core.policy.payments.collections import COLLECTION_OPTIONAL, COLLECTION_REQUIRED

FIELDS = {
    "tapes": (TAPE_REQUIRED, TAPE_OPTIONAL),
    "payment_files": (PAYMENT_REQUIRED, ()),
    "command_files": (COMMAND_REQUIRED, COMMAND_OPTIONAL),
    "application_files": (APPLICATION_REQUIRED, APPLICATION_OPTIONAL),
    "collection_files": (COLLECTION_REQUIRED, COLLECTION_OPTIONAL),
}
"""What a mapping of each folder must name, and may."""
_WORDS = {
    "product_column": ("product", "product name", "product code"),
    "key": ("loan key", "loan number", "loan no", "loan id", "account number", "contract number"),
    "reference": ("payment ref", "command ref", "transaction id", "txn id", "reference", "payment id", "ticket"),
    "loan_key": ("loan key", "loan number", "loan no", "loan id", "account", "account number", "contract", "loan"),
    "principal": ("principal", "loan amount", "amount", "amount lent", "amount financed", "original balance"),
    "rate_percent": ("rate percent", "interest rate", "rate", "apr", "note rate"),
    "instalments": ("instalments", "installments", "term", "term months", "number of payments"),
    "instalment": ("instalment", "installment", "payment", "emi", "monthly payment", "payment amount"),
    "disbursed_on": ("disbursed on", "disbursement date", "funded on", "funding date", "issue date",
                     "origination date", "paid out on"),
    "first_due_date": ("first due date", "first due", "first payment date"),
    "amount": ("amount", "amt", "payment amount", "amount paid", "paid"),
    "currency": ("currency", "ccy"),
    "value_date": ("value date", "post date", "posting date", "effective date", "payment date", "date", "day"),
    "command": ("command", "order"),
    "target_ref": ("target ref", "about"),
    "reason": ("reason", "reason code", "why"),
    "jurisdiction": ("jurisdiction", "state", "country"),
}  # fmt: skip
"""What senders call a field, beside its own name."""
_SAME = ("currency", "maker", "checker", "reason")
"""Fields that are often the same on every row, so that no column has them."""
_DATES = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y%m%d", "%d-%b-%Y")
_ALIKE = 0.8
"""Names that are less alike than this are not taken for one another."""


def suggested(folder: str, name: str, header: list[str], cells: Mapping[str, list[str]]) -> str:
    """A mapping of the `folder` for a header, as YAML; `cells`: a few values of each column.

    Columns are matched by their names alone; what is required and was not found says TODO.
    """
    required, optional = FIELDS[folder]
    key = "key" if folder == "tapes" else "reference"
    of_tapes = ["product_column"] if folder == "tapes" else []
    chosen = _matched([key, *of_tapes, *required, *optional], header)
    dates = [
        value for field, column in chosen.items() if _is_date(field) for value in cells[column]
    ]
    amounts = [v for f, c in chosen.items() if f in ("principal", "amount") for v in cells[c]]
    content: dict[str, object] = {
        "name": name, "version": 1, "effective_from": dt.date(2000, 1, 1),
        **_product(folder, chosen.pop("product_column", None)),
        "source_system": name, "key": chosen.pop(key, "TODO"),
        **_date_format(dates), **_amounts(amounts),
        "columns": chosen | {f: "TODO" for f in required if f not in chosen and f not in _SAME},
    }  # fmt: skip
    same = {field: "TODO" for field in required if field in _SAME and field not in chosen}
    if same:
        content["constants"] = same
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _product(folder: str, column: str | None) -> dict[str, str]:
    """What names the product of a tape's loans: a column, or the mapping."""
    if folder != "tapes":
        return {}
    return {"product_column": column} if column else {"product": "TODO"}


def _is_date(field: str) -> bool:
    return field.endswith(("_date", "_on"))


def _matched(fields: list[str], header: list[str]) -> dict[str, str]:
    """The column of each field, best matches first; a column is of one field."""
    pairs = sorted(
        (
            (-max(_alike(column, word) for word in (field, *_WORDS.get(field, ()))), place, field, column)
            for place, field in enumerate(fields)
            for column in header
        )
    )  # fmt: skip
    found: dict[str, str] = {}
    for score, _, field, column in pairs:
        if -score >= _ALIKE and field not in found and column not in found.values():
            found[field] = column
    return {field: found[field] for field in fields if field in found}


def _alike(column: str, word: str) -> float:
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", column)
    plain, other = (re.sub(r"[^a-z0-9]", "", each.lower()) for each in (words, word))
    return SequenceMatcher(None, plain, other).ratio()


def _date_format(dates: list[str]) -> dict[str, str]:
    """The first form that reads every date; none where it is the usual one, or none does."""
    for form in _DATES:
        try:
            for date in dates:
                dt.datetime.strptime(date.strip(), form)  # noqa: DTZ007
        except ValueError:
            continue
        return {} if form == _DATES[0] else {"date_format": form}
    return {"date_format": "TODO"}


def _amounts(amounts: list[str]) -> dict[str, dict[str, str]]:
    """Thousands, decimals and currency sign, where amounts have other than plain digits."""
    text = " ".join(amounts)
    form: dict[str, str] = {}
    if re.search(r"\d,\d{3}(\D|$)", text) and not re.search(r"\d,\d{1,2}(\D|$)", text):
        form = {"thousands": ","}
    elif re.search(r"\d,\d{1,2}(\D|$)", text):
        form = {"decimal": ",", **({"thousands": "."} if re.search(r"\d\.\d{3}", text) else {})}
    sign = re.search(r"[^\d\s.,+%'-]{1,4}", text)
    if sign:
        form["currency_sign"] = sign[0]
    return {"amounts": form} if form else {}
