"""Policy files by chance: fields drawn from the models of `core/policy`, kept where they validate."""

from __future__ import annotations

import copy
import datetime as dt
import random
import types
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from loanbook.core.catalogue.components import NAMES
from loanbook.core.catalogue.events import MONEY_IN
from loanbook.core.contract.dates.business_days import BusinessDay
from loanbook.core.errors import PolicyError
from loanbook.core.policy.base import Policy
from loanbook.core.policy.book import parse
from loanbook.core.policy.models import FOLDERS, TIMINGS
from loanbook.core.policy.product import Product
from tests.oracle.lives import START, Life
from tests.oracle.options import SINCE
from tests.oracle.reference.model import Event, Terms

NAMED = {
    "waterfall": "waterfalls", "late_fee": "late_fees", "origination_fee": "origination_fees",
    "tax": "taxes", "delinquency": "delinquency", "calendar": "calendars",
    "returned_payment_fee": "fees", "prepayment_fee": "fees", "annual_fee": "fees",
    "approvals": "approvals", "accounts": "accounts",
}  # fmt: skip
"""Fields that name another policy, and the folder of it."""
FEWEST = 4
"""Instalments of the shortest life."""
ONE_DAY = dt.timedelta(days=1)


class Fuzz:
    """A source of policies of one seed. `names`: what each folder has for others to name."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"policies/{seed}")
        self.names: dict[str, list[str]] = {
            "approvals": ["standard"], "accounts": ["standard"], "calendars": ["us-federal"],
            "delinquency": ["standard"], "waterfalls": ["standard", "us-consumer", "by-component"],
        }  # fmt: skip

    def policies(self, products: int) -> list[tuple[str, Policy]]:
        """Folder and policy: what products may name, and so many products that name it."""
        made: list[tuple[str, Policy]] = []
        for folder in ("waterfalls", "late_fees", "origination_fees", "taxes", "delinquency"):
            made += [self._file(folder, f"fuzz-{n}", {}) for n in range(5)]
            self.names.setdefault(folder, []).extend(p.name for f, p in made if f == folder)
        for event in ("returned_payment", "prepayment", "annual"):
            made += [self._file("fees", f"fuzz-{event.replace('_', '-')}-{n}", {"event": event})
                     for n in range(3)]  # fmt: skip
        return made + [self._file("products", f"fuzz-{n}", self._kind()) for n in range(products)]

    def _kind(self) -> dict[str, Any]:
        """Of seven products one is a line of credit, whose rules leave little to choose."""
        fixed = {"entity": "us-consumer", "bounds": {}}
        if self.rng.random() > 1 / 7:
            return fixed | {"kind": "instalment", "line": None}
        return fixed | {"kind": "line_of_credit", "schedule": {
            "amortisation": "interest_only", "rate_basis": self.rng.choice(("ACT/365F", "ACT/360")),
        }, "interest": {"accrual": "daily", "after_charge_off": "accelerate_maturity"},
            "payments": {"excess": "next_then_principal"}, "floating": None}  # fmt: skip

    def _file(self, folder: str, name: str, fixed: dict[str, Any]) -> tuple[str, Policy]:
        """The first file drawn that is accepted, read from its text as a lender's is."""
        told = {"name": name, "version": 1, "effective_from": SINCE, "description": "by chance"}
        while True:
            content = self._fields(FOLDERS[folder], fixed | told)
            try:
                made = parse(folder, f"{name}.yaml", yaml.safe_dump(content))
            except PolicyError:
                continue
            return folder, made

    def _fields(self, model: type[BaseModel], told: dict[str, Any]) -> dict[str, Any]:
        """Each field as told, left out where it may be, or drawn."""
        content = dict(told)
        for name, field in model.model_fields.items():
            if name not in told and (field.is_required() or self.rng.random() < 0.3):
                content[name] = self._named(model, name, field)
        return content

    def _named(self, model: type[BaseModel], name: str, field: FieldInfo) -> Any:
        """A field that its name tells more of than its type does; else what the type allows."""
        rng, optional = self.rng, not field.is_required() and field.default is None
        if name in NAMED:
            wanted = [n for n in self.names.get(NAMED[name], []) if not name.endswith("_fee")]
            if NAMED[name] == "fees":
                wanted = [
                    f"fuzz-{name.removesuffix('_fee').replace('_', '-')}-{n}" for n in range(3)
                ]
            elif name.endswith("_fee"):
                wanted = self.names[NAMED[name]]
            return rng.choice([*wanted, None] if optional else wanted)
        match name:
            case "order":
                steps = [f"{t}.{c}" for t in TIMINGS for c in NAMES]
                return rng.sample(steps, len(steps))
            case "business_day":
                return rng.choice(list(BusinessDay.__members__))
            case "season":
                return [f"{rng.randrange(31) / 10}" for _ in range(12)]
            case "ceilings":
                return rng.choice(([], ["scra"]))
            case "currency":
                return rng.choice(("USD", "JPY", "KWD", "INR"))
            case "by_kind":
                kinds = rng.sample([kind.name for kind in MONEY_IN], 2)
                return {kind: self._fields(_rule_of(field), {}) for kind in kinds}
            case "by_jurisdiction":
                return {}
            case "difficulty_reasons" | "reasons":
                return ["hardship", "insufficient_funds"]
            case "index":
                return "base"
        return self._of(field.annotation, list(field.metadata), name)

    def _of(self, kind: Any, bounds: Sequence[Any], name: str) -> Any:
        rng, origin = self.rng, get_origin(kind)
        if origin is Annotated:
            inner, *more = get_args(kind)
            return self._of(inner, [*more, *bounds], name)
        if origin in (Union, types.UnionType):
            return self._of(rng.choice(get_args(kind)), bounds, name)
        if origin is Literal:
            return rng.choice(get_args(kind))
        if origin is list:
            return [self._of(get_args(kind)[0], (), name) for _ in range(rng.randrange(3))]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return self._fields(kind, {})
        if kind is type(None):
            return None
        if kind is bool:
            return rng.random() < 0.5
        if kind is int:
            return self._number(bounds, name)
        if kind is str or kind is Decimal:
            return rng.choice(("1", "0.5", "9.99", "-3", "12.3456789", "0", "40"))
        raise TypeError(f"{name}: how is {kind} drawn?")

    def _number(self, bounds: Sequence[Any], name: str) -> int:
        """A whole number within its bounds: mostly a small one, sometimes one that is large of its sort."""
        some = [0, 1, 2, 3, 5, 12, 30, 90]
        if name.endswith("_ppb"):
            some = [0, 1, 10**6, 123_456_789, 5 * 10**7, 250_000_000, 999_999_999]
        elif name.endswith("_minor") or name == "instalment_multiple":
            some = [0, 1, 7, 100, 2_500, 60_000]
        return self.rng.choice([n for n in some if _within(n, bounds)])


def _rule_of(field: FieldInfo) -> type[BaseModel]:
    return get_args(field.annotation)[1]  # type: ignore[no-any-return]


def _within(number: int, bounds: Sequence[Any]) -> bool:
    checks = {Ge: lambda b: number >= b.ge, Gt: lambda b: number > b.gt,
              Le: lambda b: number <= b.le, Lt: lambda b: number < b.lt}  # fmt: skip
    return all(checks[type(b)](b) for b in bounds if type(b) in checks)


_PARTS: dict[str, dict[str, Any]] = {
    "line": {"kind": "line_of_credit", "line": {}, "payments": {"excess": "next_then_principal"},
             "schedule": {"amortisation": "interest_only", "rate_basis": "ACT/365F"},
             "interest": {"accrual": "daily", "after_charge_off": "accelerate_maturity"}},
    "floating": {"floating": {"index": "base"}},
    "non_accrual": {"non_accrual": {"mode": "suspense"}},
    "charge_off": {"charge_off": {"days_past_due": 90}},
    "small_credit": {"small_credit": {"up_to_minor": 100, "becomes": "income"}},
    "penal": {"penal": {"rate_percent": "24"}},
}  # fmt: skip
"""What a product must have for a part of it to count."""
_CHARGES: dict[str, tuple[str, dict[str, Any]]] = {
    "late_fees": ("late_fee", {"grace_days": 3}), "origination_fees": ("origination_fee", {}),
    "fees": ("annual_fee", {"event": "annual"}), "taxes": ("tax", {"of": ["interest"], "rate_ppb": 1}),
    "delinquency": ("delinquency", {}),
}  # fmt: skip
"""By folder: the field of a product that names such a policy, and what such a policy must have."""


def at_their_greatest() -> list[list[tuple[str, Policy]]]:
    """Policies with one number at the highest that is accepted, each with a product that lives by it."""
    told = {"version": 1, "effective_from": SINCE}
    found = []
    for folder in ("products", *_CHARGES):
        for path, most in _bounds(FOLDERS[folder], ()):
            name, field = f"greatest-{len(found)}", ".".join(path)
            own = told | {"name": name, "description": f"{folder}: {field} {most}"}
            product: dict[str, Any] = own | {"entity": "us-consumer", "currency": "USD",
                "schedule": {"amortisation": "equal_instalment", "rate_basis": "ACT/365F"},
                "interest": {"accrual": "daily"}}  # fmt: skip
            others = []
            if folder == "products":
                product |= copy.deepcopy(_PARTS.get(path[0], {}))
                if "step_up" in path:
                    product["schedule"]["step_up"] = {"percent": "1"}
                _put(product, path, most)
            else:
                names, needs = _CHARGES[folder]
                other = own | needs
                _put(other, path, most)
                others = [(folder, parse(folder, f"{name}.yaml", yaml.safe_dump(other)))]
                product[names] = name
            made = parse("products", f"{name}.yaml", yaml.safe_dump(product))
            found.append([*others, ("products", made)])
    return found


def _put(content: dict[str, Any], path: Sequence[str], value: int) -> None:
    for part in path[:-1]:
        content = content.setdefault(part, {})
    content[path[-1]] = value


def _bounds(model: type[BaseModel], above: tuple[str, ...]) -> list[tuple[tuple[str, ...], int]]:
    """Every whole number of a model and its parts: where it stands, and the highest that is accepted."""
    found = []
    for name, field in model.model_fields.items():
        kinds, marks = [field.annotation], list(field.metadata)
        while kinds:
            kind = kinds.pop()
            if get_origin(kind) is Annotated:
                inner, *more = get_args(kind)
                kinds.append(inner)
                marks += [mark for each in more for mark in getattr(each, "metadata", [each])]
            elif get_origin(kind) in (Union, types.UnionType):
                kinds += get_args(kind)
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                found += _bounds(kind, (*above, name))
            elif kind is int and name != "version":
                most = [
                    m.le if isinstance(m, Le) else m.lt - 1 for m in marks if isinstance(m, Le | Lt)
                ]
                assert most, f"{name} of {model.__name__} has no upper bound"
                found.append(((*above, name), int(min(most))))  # type: ignore[call-overload]
    return found


def short_life(number: int, product: Product, seed: int) -> Life:
    """Four to six instalments: one paid, one late and in part, money back and charges by chance, then
    more than all is paid."""
    rng = random.Random(f"life/{seed}/{number}")
    unit, every = rng.choice((("months", 1), ("weeks", 4), ("days", 30), ("semi_monthly", 2)))
    if product.line is not None:
        unit, every = "months", 1
    day = START + ONE_DAY * rng.randrange(1, 27)
    if unit == "semi_monthly":
        day = day.replace(day=1)
    first = day + ONE_DAY * 28
    if unit in ("months", "semi_monthly"):
        first = (day.replace(day=1) + ONE_DAY * 31).replace(day=day.day)
    if rng.random() < 0.3 and unit != "semi_monthly":
        day += ONE_DAY * rng.choice((-9, 6))
    daily = product.schedule.rate_basis == "daily"
    rate = Fraction(rng.choice(("0", "0.01", "0.0333333") if daily else ("0", "9.99", "36"))) / 100
    n, principal = rng.choice((FEWEST, 6)), rng.randrange(50_000, 400_000)
    terms = Terms(principal, rate, n, every, unit, day, first, first.day, 16)
    return Life(number, product.name, terms, tuple(_happens(terms, product, rng)), {})


def _happens(terms: Terms, product: Product, rng: random.Random) -> list[Event]:
    start, first, level = (
        terms.disbursed_on,
        terms.first_due_date,
        terms.principal // terms.instalments,
    )
    late = first + ONE_DAY * (30 + rng.randrange(3, 25))
    out = [Event("disbursed", start, terms.principal, "d"),
           Event("payment_received", first, level + rng.randrange(3000), "p1"),
           Event("payment_received", late, level // 2, "p2")]  # fmt: skip
    if rng.random() < 0.3:
        out.append(Event("goodwill_credit", late + ONE_DAY, rng.randrange(1, 2000), "g"))
    if rng.random() < 0.3:
        body = {"component": rng.choice((2, 3)), "due_date": str(late + ONE_DAY * 2)}
        out.append(Event("charge_assessed", late + ONE_DAY * 2, 777, "c", about=body))
    if rng.random() < 0.3:
        out.append(Event("payment_received", late, level * 2, "x"))
        body = {"reverses": "x", "reason": "insufficient_funds"}
        out.append(Event("reversal", late + ONE_DAY * 4, ref="r", about=body))
    if product.floating is not None:
        fixed = {"index": "base", "index_ppb": 31_000_000, "fixed_on": str(late)}
        out.append(Event("rate_reset", late + ONE_DAY * 5, ref="f", about=fixed))
    last = first + ONE_DAY * rng.choice((75, 100, 140))
    return [*out, Event("payment_received", last, terms.principal * 3, "all")]
