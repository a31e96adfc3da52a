"""A rule of orders: a function that says which orders break it, with what it is refused as."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.codes import Kind

Breaks = Callable[[], pl.Expr]


@dataclass(frozen=True)
class Rule:
    """What is refused, of which orders, and why: the words are the function's docstring."""

    refusal: str  # what an order that breaks it is refused as; rules of one meaning share it
    kinds: tuple[Kind, ...] | None  # of these orders alone; none: whatever is ordered
    breaks: Breaks

    @property
    def name(self) -> str:
        """The function's name, of this rule alone."""
        return self.breaks.__name__

    @property
    def words(self) -> str:
        """What is refused and why, in one paragraph."""
        return " ".join((inspect.getdoc(self.breaks) or "").split())

    def broken(self) -> pl.Expr:
        """Boolean over orders (:class:`loanbook.core.servicing.orders.order.Orders`); null: not broken."""
        if self.kinds is None:
            return self.breaks()
        return pl.col("kind").is_in([kind.value for kind in self.kinds]) & self.breaks()


def rule(refusal: str, kinds: tuple[Kind, ...] | None = None) -> Callable[[Breaks], Rule]:
    """Makes a function that returns "this order breaks it" (Boolean; null counts as no) a rule."""

    def named(breaks: Breaks) -> Rule:
        return Rule(refusal, kinds, breaks)

    return named
