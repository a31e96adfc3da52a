"""A pairwise covering array: rows of options in which every two that go together meet."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

Row = dict[str, Any]
Pair = frozenset[tuple[str, int]]
"""Two options by factor and place among its values."""


class Covering:
    """Rows over factors, made one by one: each meets as many pairs that did not meet yet as a few
    greedy tries find. `dropped`: pairs that no row can have, since what they need beside them
    does not go together."""

    def __init__(
        self, factors: Mapping[str, Sequence[Any]], fits: Callable[[Row], bool], seed: int
    ) -> None:
        self._factors, self._fits, self._rng = factors, fits, random.Random(seed)
        places = [(name, n) for name, values in factors.items() for n in range(len(values))]
        pairs = (frozenset(two) for two in combinations(places, 2) if two[0][0] != two[1][0])
        self.pairs = {pair for pair in pairs if fits(self._row(dict(pair)))}
        self._left = set(self.pairs)
        self.dropped: set[Pair] = set()
        self.rows: list[Row] = []
        while self._left:
            self._add(min(self._left, key=sorted))
        by_chance = {
            pair for pair in self.dropped if any(self._has(row, pair) for row in self.rows)
        }
        self.dropped -= by_chance
        self.pairs |= by_chance

    def _has(self, row: Row, pair: Pair) -> bool:
        return all(row[name] == self._factors[name][n] for name, n in pair)

    def _row(self, places: Mapping[str, int]) -> Row:
        return {name: self._factors[name][n] for name, n in places.items()}

    def _add(self, pair: Pair, tries: int = 2) -> None:
        made = [row for row in (self._filled(dict(pair)) for _ in range(tries)) if row]
        if not made:
            self._left.discard(pair)
            self.pairs.discard(pair)
            self.dropped.add(pair)
            return
        best = max(made, key=lambda row: len(self._met(row)))
        self._left -= self._met(best)
        self.rows.append({name: self._row(best)[name] for name in self._factors})

    def _met(self, places: Mapping[str, int]) -> set[Pair]:
        return {p for p in map(frozenset, combinations(places.items(), 2)) if p in self._left}

    def _filled(self, places: dict[str, int], budget: int = 2000) -> dict[str, int] | None:
        """A whole row with these places, factors in random order, the value first that meets most."""
        rest = [name for name in self._factors if name not in places]
        self._rng.shuffle(rest)

        def fill(at: int) -> bool:
            nonlocal budget
            if at == len(rest):
                return True
            name = rest[at]
            values = self._rng.sample(range(len(self._factors[name])), len(self._factors[name]))
            new = {n: sum(frozenset(((name, n), other)) in self._left for other in places.items())
                   for n in values}  # fmt: skip
            for n in sorted(values, key=lambda n: -new[n]):
                budget -= 1
                places[name] = n
                if budget > 0 and self._fits(self._row(places)) and fill(at + 1):
                    return True
                del places[name]
            return False

        return places if fill(0) else None
