"""A rule's condition: SQL over inputs (`loanbook.core.catalogue.inputs`), compiled to a Polars expression.

Only words and signs whose answer is unknown where an input is missing are allowed: comparisons, AND, OR, NOT, IN,
BETWEEN, and sums and multiples of numbers. What takes a missing value for another one (CASE, COALESCE, IS NULL, LEAST)
is refused, so that nothing passes by falling through; so is division, which is no longer exact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import polars as pl
from polars.exceptions import PolarsError

from loanbook.core.catalogue.inputs import BY_NAME, LARGEST, TYPES, WORDS

_TOKEN = re.compile(r"\s*(?:([A-Za-z_]\w*)|([0-9]+)|('[^'\\]*')|(<=|>=|<>|!=|[=<>()+\-*,])|(\S))")
_WORDS = {"AND", "OR", "NOT", "IN", "BETWEEN", "TRUE", "FALSE"}
_LARGEST = 10**5
"""The largest factor of a number; larger ones stand for amounts alone."""
_PRODUCTS = 4
"""Multiplications that a condition has at most: so no number of it passes Int128."""


@dataclass(frozen=True)
class Condition:
    """A condition that was compiled: true, false, or null where it can't be told."""

    text: str
    expression: pl.Expr
    inputs: tuple[str, ...]
    """Inputs that it reads, sorted."""


@cache
def compiled(text: str) -> Condition:
    """The condition of a text. ValueError says which word is not allowed, which input there is not, or why the
    condition gives no yes or no."""
    tokens = [match for match in _TOKEN.finditer(text) if match.group().strip()]
    _must_be_plain(tokens)
    try:
        expression = pl.sql_expr(text)
        answer = empty_inputs().select(expression.alias("answer")).schema["answer"]
    except (PolarsError, ValueError) as bad:
        why = str(bad).splitlines()[0]
        raise ValueError(f"{text!r} can't be evaluated: {why}; mend the condition") from None
    if answer != pl.Boolean:
        raise ValueError(f"{text!r} gives no yes or no; compare it with something")
    inputs = tuple(sorted(set(expression.meta.root_names())))
    if not inputs:
        raise ValueError(f"{text!r} reads no input; its answer would be the same for everyone")
    return Condition(text, expression, inputs)


def evaluable(frame: pl.DataFrame) -> pl.DataFrame:
    """Inputs as conditions are evaluated on them: whole numbers with room for sums and products."""
    return frame.with_columns(pl.col(pl.Int64).cast(pl.Int128))


@cache
def empty_inputs() -> pl.DataFrame:
    """Every input in its type, no rows: what a condition is tried on."""
    return evaluable(pl.DataFrame(schema=TYPES))


def _must_be_plain(tokens: list[re.Match[str]]) -> None:
    for place, token in enumerate(tokens):
        word, number, _, sign, other = token.groups()
        if other:
            raise ValueError(
                f"{other!r} has no place in a condition; see docs/guide/origination.md"
            )
        if word and word.upper() not in _WORDS and word not in BY_NAME:
            raise ValueError(
                f"{word!r} is no input and none of {', '.join(sorted(_WORDS))}: what stands for a missing value, and "
                "division, is not allowed; inputs stand in docs/policy-fields.md"
            )
        if number and int(number) > LARGEST:
            raise ValueError(f"{number} is larger than any input")
        if sign == "-" and place and tokens[place - 1].group(4) == "-":
            raise ValueError("two signs in a row would begin a remark, and hide what follows")
        if sign == "*":
            _must_be_a_multiple(tokens[max(place - 1, 0)], tokens[min(place + 1, len(tokens) - 1)])
    if sum(token.group(4) == "*" for token in tokens) > _PRODUCTS:
        raise ValueError(f"more than {_PRODUCTS} multiplications; split the rule")


def _must_be_a_multiple(before: re.Match[str], after: re.Match[str]) -> None:
    factors = [int(each.group(2)) for each in (before, after) if each.group(2)]
    if not factors or min(factors) > _LARGEST:
        raise ValueError(
            f"a product has a number of at most {_LARGEST:,} on one side: write `debt * 10000 > income * 4500`"
        )


_SAME = {"=", "<>", "!="}


def compares_alike(text: str) -> None:
    """ValueError where a word is compared with what is no word, or is none that its input can be, or where yes or no is
    compared with anything else: Polars lets some of that pass, and the rule would hold for everyone or for nobody."""
    tokens = [match.group(1) or match.group().strip() for match in _TOKEN.finditer(text)]
    tokens = [token for token in tokens if token]
    plain = [token for token in tokens if token not in "()"]
    for place, token in enumerate(plain):
        if token in BY_NAME and TYPES[token] == pl.Boolean():
            _must_stand_alone(plain, place)
    for place, token in enumerate(tokens):
        if token.startswith("'"):
            _must_be_a_word_of(_compared_with(tokens, place), token.strip("'"))


def _must_stand_alone(plain: list[str], place: int) -> None:
    for side in (-1, 1):
        sign, other = [
            plain[at] if 0 <= at < len(plain) else "" for at in (place + side, place + 2 * side)
        ]
        alike = other.upper() in ("TRUE", "FALSE") or TYPES.get(other) == pl.Boolean()
        if not sign or sign.upper() in ("AND", "OR", "NOT") or (sign in _SAME and alike):
            continue
        raise ValueError(
            f"{plain[place]} is yes or no: write {plain[place]}, or NOT {plain[place]}, and compare it with nothing else"
        )


def _compared_with(tokens: list[str], place: int) -> str:
    """What the word at a place is compared with: the token beyond the sign, or before IN and BETWEEN."""
    after = tokens[place + 1 : place + 3]
    if len(after) == 2 and after[0] in (*_SAME, "<", ">", "<=", ">="):
        return after[1]
    at = place - 1
    while at > 0 and (
        tokens[at] in ("(", ",")
        or tokens[at].startswith("'")
        or tokens[at].upper() in ("IN", "NOT", "BETWEEN")
    ):
        at -= 1
    if tokens[at].upper() == "AND" and at > 1 and tokens[at - 1].startswith("'"):
        return _compared_with(tokens, at - 1)  # the second bound of BETWEEN
    return (
        tokens[at - 1]
        if tokens[at] in (*_SAME, "<", ">", "<=", ">=") and at
        else tokens[max(at, 0)]
    )


def _must_be_a_word_of(name: str, word: str) -> None:
    if name not in BY_NAME or TYPES[name] != pl.String():
        raise ValueError(
            f"'{word}' is a word and {name} is none: compare a word with an input that is a word"
        )
    if word not in WORDS.get(name, (word,)):
        raise ValueError(f"{name} is never '{word}'; it is one of {', '.join(WORDS[name])}")
