"""All policies of an instance: parsed, validated, hashed, and in force on a date."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import polars as pl
import yaml
from pydantic import ValidationError

from loanbook.core.catalogue.codes import KINDS_A_PRODUCT, MONEY_IN, Excess, Kind, Timing
from loanbook.core.catalogue.components import Component
from loanbook.core.catalogue.counting import COUNTING
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.money import CURRENCY_CODES, rate_to_ppb
from loanbook.core.contract.parameters import Parameters
from loanbook.core.errors import PolicyError
from loanbook.core.frames import empty
from loanbook.core.policy import parameters
from loanbook.core.policy.base import Policy
from loanbook.core.policy.charge_tables import ChargeTables
from loanbook.core.policy.file_mappings import TapeMapping
from loanbook.core.policy.models import (
    FOLDER_OF,
    FOLDERS,
    Approvals,
    Buckets,
    Delinquency,
    HolidayCalendar,
    OriginationFee,
    RateCeiling,
    Waterfall,
)
from loanbook.core.policy.product import Product
from loanbook.core.policy.references import wrong_references

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same safe YAML, five times faster where its library in C is there."""


def parse(folder: str, file: str, text: str) -> Policy:
    """One policy of one file; PolicyError names file, field and remedy."""
    model = FOLDERS.get(folder)
    if model is None:
        raise PolicyError(f"{folder}/{file}: no such kind of policy; use {', '.join(FOLDERS)}")
    try:
        content = yaml.load(text, Loader=_LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as bad:  # 2024-02-31 is a ValueError
        raise PolicyError(f"{folder}/{file}{_where(bad)}; mend it there") from bad
    if not isinstance(content, dict):
        raise PolicyError(
            f"{folder}/{file}: no mapping of fields (found {_shown(content)}); write a line `name: VALUE` "
            "for each field"
        )
    try:
        return model.model_validate(content)
    except ValidationError as bad:
        lines = [
            f"  field {'.'.join(map(str, e['loc'])) or '(file)'}: {e['msg']}; found "
            f"{_shown(e['input'])}"
            for e in bad.errors()
        ]
        raise PolicyError(f"{folder}/{file}: mend these fields:\n" + "\n".join(lines)) from bad


def _where(bad: Exception) -> str:
    """Line of a text that is no YAML, and what is wrong there."""
    mark, problem = getattr(bad, "problem_mark", None), getattr(bad, "problem", None)
    line = f" line {mark.line + 1}" if mark is not None else ""
    if isinstance(bad, RecursionError):
        problem = "its parts are nested too deep"
    return f"{line}: not YAML: {problem or bad}"


def _shown(value: object) -> str:
    """What a file says, as JSON, cut where it is long."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _must_come_later(
    found: list[tuple[str, Policy]], file_of: Callable[[str, Policy], str]
) -> None:
    """Raise PolicyError where a version of a product is in force before the one that it follows: loans would
    be boarded with the earlier one again. Of what products name, a later version may fill the time before."""
    products = [(folder, policy) for folder, policy in found if folder == FOLDER_OF[Product]]
    for (folder, policy), (_, later) in pairwise(products):
        if later.name == policy.name and later.effective_from < policy.effective_from:
            raise PolicyError(
                f"{file_of(folder, later)}: field effective_from: {later.effective_from} of version "
                f"{later.version} is before {policy.effective_from}, that of version {policy.version} "
                f"({file_of(folder, policy)}); give the later version a later date"
            )


def _check_references(
    policies: Iterable[tuple[str, Policy]], file_of: Callable[[str, Policy], str]
) -> None:
    """Raise PolicyError, with every file and field, where policies name what they can't live by."""
    told: dict[str, list[str]] = {}
    for policy, why in wrong_references([policy for _, policy in policies]):
        told.setdefault(file_of(FOLDER_OF[type(policy)], policy), []).append(f"  {why}")
    if told:
        lines = (f"{file}: mend these fields:\n" + "\n".join(whys) for file, whys in told.items())
        raise PolicyError("\n".join(lines))


@dataclass(frozen=True)
class PolicyBook(ChargeTables):
    """Every version of every policy.

    Codes: a product version is stored as the place of ``name@version`` in `registry`, an
    append-only list kept by the store, so that stored loans keep their meaning.
    """

    @classmethod
    def of(cls, files: Iterable[tuple[str, str, str]]) -> PolicyBook:
        """A book of (folder, file name, text); PolicyError tells of every one that is wrong or repeated.

        The same files are the same book: what is worked out of one (`pins`, ...) is not again.
        """
        return _book_of(tuple(files))

    @classmethod
    def _of(cls, files: tuple[tuple[str, str, str], ...]) -> PolicyBook:
        seen: dict[tuple[str, str, int], str] = {}
        found, wrong = [], []
        for folder, file, text in files:
            try:
                policy = parse(folder, file, text)
            except PolicyError as bad:
                wrong.append(str(bad))
                continue
            key = (folder, policy.name, policy.version)
            if key in seen:
                wrong.append(
                    f"{folder}/{file}: {policy.name}@{policy.version} is already given by "
                    f"{seen[key]}; raise the version"
                )
                continue
            seen[key] = file
            found.append((folder, policy))
        if wrong:
            raise PolicyError("\n".join(wrong))
        found.sort(key=lambda each: (each[0], each[1].name, each[1].version))
        _must_come_later(found, lambda folder, p: f"{folder}/{seen[(folder, p.name, p.version)]}")
        _check_references(found, lambda folder, p: f"{folder}/{seen[(folder, p.name, p.version)]}")
        return cls(tuple(found)).with_registry(())

    def with_rules(self, folder: str, other: Policy) -> PolicyBook:
        """The book as if every version of a policy had the rules of `other`, of the same name.

        Versions and dates stay. PolicyError if no policy of the folder has the name.
        """
        names = sorted({p.name for f, p in self.policies if f == folder})
        if other.name not in names:
            raise PolicyError(
                f"{folder}: no policy is named {other.name!r}; give the file the name of the one "
                f"it stands for: {names}"
            )
        changed = tuple(
            (f, other.model_copy(update={"version": p.version, "effective_from": p.effective_from}))
            if f == folder and p.name == other.name
            else (f, p)
            for f, p in self.policies
        )
        _check_references(changed, lambda folder, p: f"{folder}/{p.name}@{p.version}")
        return PolicyBook(changed, self.registry)

    def with_registry(self, stored: Iterable[str]) -> PolicyBook:
        """The same policies with product codes that extend the `stored` ones."""
        names = list(stored)
        names += [
            n for n in (f"{p.name}@{p.version}" for p in self._all(Product)) if n not in names
        ]
        return self._by_registry.setdefault(tuple(names), PolicyBook(self.policies, tuple(names)))

    @cached_property
    def _by_registry(self) -> dict[tuple[str, ...], PolicyBook]:
        """Books of these policies by their product codes."""
        return {self.registry: self}

    def product_code(self, name: str, on: dt.date) -> int:
        """The code of the product version in force on the date."""
        product = self.in_force(Product, name, on)
        return self.registry.index(f"{product.name}@{product.version}")

    def buckets(self, name: str, on: dt.date) -> Buckets:
        """The bucket file in force."""
        return self.in_force(Buckets, name, on)

    def buckets_since(self, name: str, first: dt.date) -> tuple[Buckets, ...]:
        """The bucket file in force on a date, then those that came into force after it."""
        start = self.in_force(Buckets, name, first)
        later = [p for p in self._all(Buckets) if p.name == name and p.effective_from > first]
        return (start, *sorted(later, key=lambda p: (p.effective_from, p.version)))

    def tape(self, name: str) -> TapeMapping:
        """The latest version of a tape mapping."""
        return self.in_force(TapeMapping, name, dt.date.max)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the parsed content of all policies, in sorted order."""
        body = "\n".join(f"{folder} {policy.model_dump_json()}" for folder, policy in self.policies)
        return hashlib.sha256(body.encode()).hexdigest()

    @cached_property
    def entities(self) -> tuple[str, ...]:
        """Names of the lender's entities, in the order of their codes."""
        return tuple(dict.fromkeys(p.entity for p in self.products.values()))

    @cached_property
    def calendars(self) -> dict[int, Calendar]:
        """Calendars by code: the place of the name in sorted order."""
        return {code: each.days for code, each in enumerate(self._calendar_files)}

    @cached_property
    def _calendar_files(self) -> list[HolidayCalendar]:
        latest = {c.name: c for c in self._all(HolidayCalendar)}
        return [latest[name] for name in sorted(latest)]

    @cached_property
    def pins(self) -> pl.DataFrame:
        """One row per product version, schema `Parameters`: what its loans pin at boarding."""
        calendars = [c.name for c in self._calendar_files]
        types = empty(Parameters).schema
        rows = [
            {
                "product": code,
                "entity": self.entities.index(p.entity),
                "currency": CURRENCY_CODES[p.currency],
                "calendar": calendars.index(p.schedule.calendar),
                "deferred_by_yield": self._by_yield(p),
                "duty_ceiling": self._duty_ceiling(p),
                **parameters.of_product(p),
            }
            for code, p in self.products.items()
        ]
        made = pl.DataFrame(rows, schema_overrides=types)
        # a column too many or too few is an error, whatever order the parts come in
        return Parameters.validate(made.match_to_schema(types))

    @cached_property
    def floating(self) -> pl.DataFrame:
        """`product`, `index`, `fixing_days`, `reset_every`, `reset_unit` of floating products."""
        rows = []
        for code, p in self.products.items():
            if (reset := p.floating) is None:
                continue
            rows.append((code, reset.index, reset.fixing_days, reset.every, Unit[reset.unit].value))
        schema = {"product": pl.Int16, "index": pl.String, "fixing_days": pl.Int64,
                  "reset_every": pl.Int64, "reset_unit": pl.Int8}  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def waterfall_ranks(self) -> pl.DataFrame:
        """`rule`, `timing`, `component` -> `rank`, `block` (Int64), `vertical`, `share_first` (Boolean).

        A rule is a product and a kind of money in: product * KINDS_A_PRODUCT + kind.

        A waiver of interest meets interest first, unless the product has an order for it.
        A block is a run of steps of one timing: a horizontal waterfall goes through a block
        one instalment at a time. A down payment meets money before the instalment of its day
        (`share_first`) where a payout counts as made at first.

        The latest version of the waterfall a product names on its own first day; pinned.
        """
        rows = []
        for code, p in self.products.items():
            for kind in MONEY_IN:
                named = p.payments.by_kind.get(kind.name)
                name = named.waterfall if named else p.payments.waterfall
                w = self.in_force(Waterfall, name, p.effective_from)
                rule = code * KINDS_A_PRODUCT + kind
                block, before = -1, ""
                order = w.order
                if kind is Kind.interest_waived and named is None:  # interest, before all else
                    order = sorted(order, key=lambda step: not step.endswith(".interest"))
                for rank, step in enumerate(order):
                    timing, component = step.split(".")
                    block, before = block + (timing != before), timing
                    rows.append(
                        (rule, Timing[timing].value, Component[component].value, rank, block,
                         w.direction == "vertical", p.schedule.tranches == "all")
                    )  # fmt: skip
        schema = {
            "rule": pl.Int32, "timing": pl.Int8, "component": pl.Int8, "rank": pl.Int64,
            "block": pl.Int64, "vertical": pl.Boolean, "share_first": pl.Boolean,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def chargeback_ranks(self) -> pl.DataFrame:
        """`product`, `component` -> `rank` (Int64), of products with an order for chargebacks."""
        rows = [
            (code, Component[name].value, rank)
            for code, p in self.products.items()
            for rank, name in enumerate(p.payments.chargeback)
        ]
        schema = {"product": pl.Int16, "component": pl.Int8, "rank": pl.Int64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def excess(self) -> pl.DataFrame:
        """`rule` -> `excess` (Int8 code), where a kind of money differs from a repayment."""
        rows = [
            (code * KINDS_A_PRODUCT + Kind[name], Excess[rule.excess].value)
            for code, p in self.products.items()
            for name, rule in p.payments.by_kind.items()
        ]
        return pl.DataFrame(rows, schema={"rule": pl.Int32, "excess": pl.Int8}, orient="row")

    def ceilings(self, product: Product) -> list[tuple[dt.date, dt.date, RateCeiling]]:
        """The rate ceilings that bind a product's loans, each from a date to before another."""
        return [
            each for name in product.ceilings for each in self.versions(RateCeiling, name, product)
        ]

    def _by_yield(self, product: Product) -> bool:
        """Whether the product's deferred income is taken at the effective rate of the loan."""
        if product.origination_fee is None:
            return False
        fees = self.versions(OriginationFee, product.origination_fee, product)
        return any(fee.recognition == "effective_interest" for *_, fee in fees)

    def _duty_ceiling(self, product: Product, on: dt.date | None = None) -> int:
        """The lowest yearly rate that a ceiling allows a borrower on active duty, as in force on a date,
        without one on the product version's first day; 0: no ceiling."""
        day = on or product.effective_from
        held = [c for since, until, c in self.ceilings(product)
                if c.while_flagged == "active_duty" and since <= day < until]  # fmt: skip
        return min((rate_to_ppb(c.percent) for c in held), default=0)

    @cached_property
    def duty_ceilings(self) -> pl.DataFrame:
        """`product`, `since` (Date), `ceiling` (Int64, ppb; 0: none) of products whose ceiling on active
        duty changes with the law, by `since`."""
        rows = []
        for code, product in self.products.items():
            days = sorted({since for since, _, c in self.ceilings(product) if c.while_flagged})
            held = [(code, day, self._duty_ceiling(product, day)) for day in days]
            if len(held) > 1:
                rows += held
        schema = {"product": pl.Int16, "since": pl.Date, "ceiling": pl.Int64}
        return pl.DataFrame(rows, schema=schema, orient="row").sort("since")

    def alone_below(self, on: dt.date) -> pl.DataFrame:
        """`product`, `kind` (codes), `alone_below` (Int64, minor units): orders that one person may give
        on the date."""
        rows = [
            (code, Kind[name].value, amount)
            for code, p in self.products.items()
            for name, amount in self.in_force(
                Approvals, p.approvals, on
            ).one_person_below_minor.items()
        ]
        schema = {"product": pl.Int16, "kind": pl.Int8, "alone_below": pl.Int64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def delinquency_policies(self) -> dict[int, Delinquency]:
        """Code of a product -> its policy of delinquency."""
        return {
            code: self.in_force(Delinquency, p.delinquency, p.effective_from)
            for code, p in self.products.items()
        }

    @cached_property
    def share_tolerances(self) -> frozenset[int]:
        """Codes of products whose tolerance is a share of what an instalment asked."""
        return frozenset(c for c, d in self.delinquency_policies.items() if d.tolerance_ppb > 0)

    @cached_property
    def delinquency(self) -> pl.DataFrame:
        """`product` -> counting rules: `from_due_day` (1 counts the due date itself, RBI),
        tolerance, and one Boolean per component."""
        rows = []
        for code, d in self.delinquency_policies.items():
            for component in Component:
                rows.append(
                    (code, component.value, component.name in d.components,
                     COUNTING[d.convention].from_due_day, d.tolerance_minor, d.tolerance_ppb)
                )  # fmt: skip
        schema = {
            "product": pl.Int16, "component": pl.Int8, "counts": pl.Boolean,
            "from_due_day": pl.Int64, "tolerance": pl.Int64, "tolerance_ppb": pl.Int64,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")


@lru_cache(maxsize=8)
def _book_of(files: tuple[tuple[str, str, str], ...]) -> PolicyBook:
    """The book of files as they are; one that is refused is read again."""
    return PolicyBook._of(files)
