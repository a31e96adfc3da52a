"""Every version of every policy, what is in force on a date, and products by their stored code."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from loanbook.core.errors import PolicyError
from loanbook.core.policy.base import Policy
from loanbook.core.policy.file_mappings import CANONICAL_COMMANDS, CommandMapping
from loanbook.core.policy.product import Product

P = TypeVar("P", bound=Policy)


@dataclass(frozen=True)
class Library:
    """Policies by folder, and the registry of product versions by stored code."""

    policies: tuple[tuple[str, Policy], ...]
    registry: tuple[str, ...] = ()

    def _missing(self, model: type[P], name: str, on: dt.date) -> str:
        """What to say where no version of a policy is in force on a date."""
        kind = next((folder for folder, each in self.policies if isinstance(each, model)), "")
        versions = [p for p in self._all(model) if p.name == name]
        if versions:
            first = min(p.effective_from for p in versions)
            return (
                f"no version of {kind}/{name} is in force on {on}: the first is from {first}; give it "
                "an earlier `effective_from`, or add a version"
            )
        if kind:
            known = ", ".join(sorted({p.name for p in self._all(model)}))
            return f"no file of {kind} is named {name!r}; there are: {known}"
        from loanbook.core.policy.models import FOLDER_OF

        folder = FOLDER_OF[model]
        return (
            f"no policy of {folder} is there: put one into policies/{folder} of the instance, as "
            f"data/policies/{folder} of loanbook has it"
        )

    def _all(self, model: type[P]) -> list[P]:
        return [policy for _, policy in self.policies if isinstance(policy, model)]

    @cached_property
    def sources_of_orders(self) -> list[str]:
        """Systems whose events are orders of people: those of command files."""
        given = [each.source_system for each in (CANONICAL_COMMANDS, *self._all(CommandMapping))]
        return sorted(set(given))

    def in_force(self, model: type[P], name: str, on: dt.date) -> P:
        """The latest version of a policy that is effective on the date."""
        found = [p for p in self._all(model) if p.name == name and p.effective_from <= on]
        if not found:
            raise PolicyError(self._missing(model, name, on))
        return max(found, key=lambda p: (p.effective_from, p.version))

    def every_version(self, model: type[P], name: str) -> list[P]:
        """Every version of a policy, oldest first. PolicyError where there is none."""
        found = [p for p in self._all(model) if p.name == name]
        if not found:
            raise PolicyError(self._missing(model, name, dt.date.max))
        return sorted(found, key=lambda p: (p.effective_from, p.version))

    def all_in_force(self, model: type[P], on: dt.date) -> dict[str, P]:
        """Of each policy of a kind the version that `in_force` gives, by name and in the order of names."""
        found = [p for p in self._all(model) if p.effective_from <= on]
        return {
            p.name: p for p in sorted(found, key=lambda p: (p.name, p.effective_from, p.version))
        }

    def versions(
        self, model: type[P], name: str, product: Product
    ) -> list[tuple[dt.date, dt.date, P]]:
        """What binds loans of a product version, oldest first: from a date, to before another.

        The version in force on the product version's first day; of a policy of law
        (`Policy.of_law`) each from its own day on. PolicyError if there is none at all.
        """
        named = sorted(
            (p for p in self._all(model) if p.name == name),
            key=lambda p: (p.effective_from, p.version),
        )
        before = [p for p in named if p.effective_from <= product.effective_from]
        pinned = before[-1:]
        later = [p for p in named if p not in before and p.of_law]
        if pinned and pinned[0].of_law:
            pinned = [p for p in before if p.of_law]
        if not pinned and not later:
            return [(dt.date.min, dt.date.max, self.in_force(model, name, product.effective_from))]
        chain = {p.effective_from: p for p in [*pinned, *later]}
        starts = [*chain, dt.date.max]
        firsts = [start if each.of_law else dt.date.min for start, each in chain.items()]
        return [
            (first, until, each)
            for first, until, each in zip(firsts, starts[1:], chain.values(), strict=True)
        ]

    def version_on(self, model: type[P], name: str, product: Product, on: dt.date) -> P | None:
        """The version that binds loans of a product version on a date; none: none does yet."""
        found = [each for first, until, each in self.versions(model, name, product)
                 if first <= on < until]  # fmt: skip
        return found[0] if found else None

    def product(self, code: int) -> Product:
        """The product version a stored code stands for."""
        if code in self.products:
            return self.products[code]
        raise PolicyError(
            f"product {self.registry[code]} is pinned by loans but its file is gone; put it back"
        )

    @cached_property
    def products(self) -> dict[int, Product]:
        """Product versions of this book by code; a registered one whose file is gone is left out."""
        named = {f"{p.name}@{p.version}": p for p in self._all(Product)}
        return {code: named[name] for code, name in enumerate(self.registry) if name in named}
