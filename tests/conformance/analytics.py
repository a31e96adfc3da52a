"""Printed analytics: speeds of prepayment and default, cash flows of pools, roll rates.

What a case gives and asks is known by the names of its fields; a figure that is asked is worked out of those that are
given by `_RULES`, whatever of them is a list. One that no rule reaches, or a word that means nothing here, makes the
case not attempted, by its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import polars as pl

from loanbook.core.reporting import prepayment as speed
from loanbook.core.reporting.pool_cash_flow import cash_flow
from loanbook.core.reporting.roll_rates import expected_losses, net_flow
from tests.conformance.outcome import Outcome, judged, of


class Unknown(Exception):
    """A word or figure of a case that nothing here is known by."""


_RULES: dict[str, list[tuple[tuple[str, ...], Callable[..., pl.Expr]]]] = {
    "smm": [
        (("cpr",), speed.smm_of_cpr),
        (("abs", "month"), speed.smm_of_abs),
        (("start", "end", "amortization"), speed.smm_observed),
    ],
    "cpr": [(("smm",), speed.cpr_of_smm), (("psa", "month"), speed.cpr_of_psa)],
    "psa": [(("cpr", "month"), speed.psa_of_cpr)],
    "abs": [(("smm", "month"), speed.abs_of_smm)],
    "mdr": [(("cdr",), speed.smm_of_cpr)],
    "cdr": [(("mdr",), speed.cpr_of_smm), (("sda", "month"), speed.cdr_of_sda)],
    "bal_start": [(("rate", "term", "left_at_start"), speed.scheduled_balance)],
    "bal_end": [(("rate", "term", "left_at_end"), speed.scheduled_balance)],
    "amortization": [
        (("start", "bal_start", "bal_end"), lambda start, a, b: start * (1 - b / a)),
    ],
    "factor_scheduled": [(("start", "amortization"), lambda start, paid: start - paid)],
    "prepayment": [(("factor_scheduled", "end"), lambda due, end: due - end)],
    "interest": [(("start", "rate"), lambda start, rate: start * rate / 12)],
    "net_interest": [(("start", "net_rate"), lambda start, rate: start * rate / 12)],
    "servicing_fee": [(("interest", "net_interest"), lambda gross, net: gross - net)],
    "pass_through_principal": [(("amortization", "unscheduled"), lambda a, b: a + b)],
    "pass_through_cash_flow": [
        (("pass_through_principal", "net_interest"), lambda a, b: a + b),
    ],
    "roll_rate": [(("bucket_after", "bucket_before"), net_flow)],
}  # fmt: skip
"""How a figure is made of others: the product's functions where it has one, else what the word means."""
_NAMES = {
    "age_months": "month", "age": "month", "gross_coupon": "rate", "wac": "rate", "net_coupon": "net_rate",
    "factor_start": "start", "factor_end": "end", "face": "start",
    "remaining_term_at_issue": "term", "remaining_at_start": "left_at_start", "remaining_at_end": "left_at_end",
    "term_months": "term", "unscheduled_prepayments": "unscheduled",
    "scheduled_amortization": "amortization", "gross_interest": "interest", "pass_through_interest": "net_interest",
}  # fmt: skip
_FLOWS = {
    "performing balance": "performing", "new defaults": "defaulted", "in foreclosure": "in_foreclosure",
    "voluntary prepayments": "prepaid", "amort from defaults": "defaulted_principal",
    "actual amort": "paid_principal", "expected amortization": "expected_principal",
    "expected interest": "expected_interest", "interest lost": "lost_interest",
    "principal recovery": "recovered", "principal loss": "lost",
}  # fmt: skip
_ROLL = re.compile(r"(?:bucket|accounts|balance)_(\d+)(?:_previous_month|_this_month)?$")


def run(cases: list[dict[str, Any]]) -> list[Outcome]:
    outcomes = []
    for case in cases:
        try:
            outcomes.append(judged(case, _differences(case)))
        except Unknown as unknown:
            outcomes.append(of(case, "not attempted", str(unknown)))
    return outcomes


def _differences(case: dict[str, Any]) -> list[str]:
    given, expected = case["inputs"], case["expected"]
    if "buckets" in given:
        return _losses(given, expected)
    if "prepay" in given:
        return _flows(given, expected, case["tolerance"])
    if "sda_percent" in given and "months_to_liquidation" in given:
        return _cumulative_defaults(given, expected)
    known = _known(given)
    found: list[str] = []
    for name, printed in expected.items():
        bare, share = _bare(name)
        also = re.search(r"^(.*)_after_month_(\d+)$", bare)
        # beyond a month in which the standard curve is level, any later one says the same
        of_month = known | {"month": pl.Series([float(also[2]) + 1])} if also else known
        ours = _worked_out(also[1] if also else bare, of_month, ())
        found += _compared(name, ours / share, printed)
    return found


def _bare(name: str) -> tuple[str, float]:
    """A field's name without its unit, and what a printed one is of a share."""
    bare = name.replace("_percent", "")
    return _NAMES.get(bare, bare), (0.01 if bare != name else 1.0)


def _known(given: dict[str, Any]) -> dict[str, pl.Series]:
    """The figures that a case gives, as shares, by name; two buckets of a roll, the earlier first."""
    known: dict[str, pl.Series] = {}
    rolls = sorted((int(found[1]), name) for name in given if (found := _ROLL.match(name)))
    if len(rolls) == 2:
        names = dict(zip(("bucket_before", "bucket_after"), (n for _, n in rolls), strict=True))
        return {ours: _series(given[name]) for ours, name in names.items()}
    for name, value in given.items():
        bare, share = _bare(name)
        known[bare] = _series(value) * share
        if bare == "term" and "month" in given:
            left = float(value) - _series(given["month"])
            known |= {"left_at_start": left + 1, "left_at_end": left}
    return known


def _series(value: Any) -> pl.Series:
    """Numbers, one or many; a speed may have its name before it (PSA150)."""
    many = value if isinstance(value, list) else [value]
    texts = [re.sub(r"^[A-Z]+\s*", "", str(each)) for each in many]
    try:
        return pl.Series([float(text) for text in texts])
    except ValueError as error:
        raise Unknown(f"no number: {value}") from error


def _worked_out(name: str, known: dict[str, pl.Series], asked: tuple[str, ...]) -> pl.Series:
    """A figure that is given, or that a rule makes of such ones."""
    if name in known:
        return known[name]
    if name not in _RULES:
        raise Unknown(f"figure {name}")
    for needs, rule in _RULES[name]:
        if set(needs) & {*asked, name}:
            continue
        try:
            parts = [_worked_out(need, known, (*asked, name)) for need in needs]
        except Unknown:
            continue
        rows = max(len(part) for part in parts)
        frame = pl.DataFrame(
            {
                str(k): part.gather([0] * rows) if len(part) == 1 else part
                for k, part in enumerate(parts)
            }
        )
        return frame.select(rule(*(pl.col(str(k)) for k in range(len(parts))))).to_series()
    raise Unknown(f"{name} of {', '.join(sorted(known))}")


def _compared(name: str, ours: pl.Series, printed: Any) -> list[str]:
    """Where figures, rounded to the decimals that are printed, are others."""
    many = printed if isinstance(printed, list) else [printed]
    if len(many) != len(ours):
        return [f"{name}: {len(ours)} figures, expected {len(many)}"]
    return [
        f"{name}: {mine}, expected {text}"
        for mine, text in zip(ours.to_list(), map(str, many), strict=True)
        if _rounded(mine, text) != Decimal(text)
    ]


def _rounded(mine: float, text: str) -> Decimal:
    places = Decimal(1).scaleb(-len(text.partition(".")[2]))
    # what a float leaves out of a half is no figure
    return Decimal(repr(round(mine, 12))).quantize(places, ROUND_HALF_UP)


def _pool(given: dict[str, Any]) -> pl.DataFrame:
    rate = float(given["wac_percent"]) / 100
    return pl.DataFrame(
        {
            "pool": [0], "balance": [float(given.get("balance", 1))], "wac": [rate],
            "net_rate": [float(given.get("net_rate_percent", given["wac_percent"])) / 100],
            "term": [int(given["term_months"])],
            "months_to_liquidation": [int(given["months_to_liquidation"])],
            "severity": [float(given.get("severity_percent", 0)) / 100],
            "advance": [bool(given.get("advance", True))],
        }
    )  # fmt: skip


def _speed_of(text: str) -> tuple[str, float]:
    """A speed as its case words it, `150 % PSA` or `SMM 1 %`: its name, and its share."""
    name = re.findall(r"[A-Z]+", text.upper())
    number = re.findall(r"\d+(?:\.\d+)?", text)
    if len(name) != 1 or len(number) != 1:
        raise Unknown(f"speed {text}")
    return name[0].lower(), float(number[0]) / 100


def _monthly(kind: str, share: float, target: str, months: int) -> pl.Series:
    """A speed as the share of each month."""
    known = {
        kind: pl.Series([share] * months),
        "month": pl.Series([float(m + 1) for m in range(months)]),
    }
    return _worked_out(target, known, ())


def _lived(
    given: dict[str, Any], prepay: tuple[str, float], default: tuple[str, float]
) -> pl.DataFrame:
    pool = _pool(given)
    months = int(pool["term"].item())
    speeds = pl.DataFrame({"pool": [0] * months, "month": range(1, months + 1)}).with_columns(
        smm=_monthly(*prepay, "smm", months), mdr=_monthly(*default, "mdr", months)
    )
    return cash_flow(pool, speeds)


def _flows(given: dict[str, Any], expected: dict[str, Any], tolerance: str) -> list[str]:
    months = _lived(given, _speed_of(given["prepay"]), _speed_of(given["default"]))
    row = months.row(int(given["month"]) - 1, named=True)
    within = 1 if "+-1" in tolerance else 0
    found = []
    for name, printed in expected.items():
        if name.lower() not in _FLOWS:
            raise Unknown(f"figure {name}")
        ours = _rounded(row[_FLOWS[name.lower()]], str(printed))
        if abs(ours - Decimal(printed)) > within:
            found.append(f"{name}: {ours}, expected {printed}")
    return found


def _cumulative_defaults(given: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    speeds = given["sda_percent"]
    many = speeds if isinstance(speeds, list) else [speeds]
    psa = float(given["psa_percent"]) / 100
    sums = [
        _lived(given, ("psa", psa), ("sda", float(each) / 100))["defaulted"].sum() for each in many
    ]
    (name, printed), *others = expected.items()
    if others or name != "cumulative_default_percent":
        raise Unknown(f"figure {', '.join(expected)}")
    return _compared(name, pl.Series(sums) * 100, printed)


def _losses(given: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Losses by bucket, rounded as they are printed; totals are sums of what is printed."""
    frame = pl.DataFrame(given["buckets"]).with_columns(
        outstanding=pl.col("outstanding").cast(pl.Float64),
        loss_factor=pl.col("loss_factor_percent").cast(pl.Float64) / 100,
    )
    rows = expected_losses(frame)
    printed = expected["loss_forecast"]
    losses = {
        bucket: _rounded(loss, str(printed[bucket]))
        for bucket, loss in rows.select("bucket", "loss").rows()
    }
    lent = sum((Decimal(each["outstanding"]) for each in given["buckets"]), Decimal(0))
    lost = sum(losses.values(), Decimal(0))
    ours = {
        "loss_forecast": losses,
        "total_outstanding": lent,
        "total_loss": lost,
        "loss_rate_percent": (lost * 100 / lent).quantize(Decimal("0.01"), ROUND_HALF_UP),
    }
    return [
        f"{name}: {ours.get(name)}, expected {told}"
        for name, told in expected.items()
        if ours.get(name)
        != ({b: Decimal(v) for b, v in told.items()} if isinstance(told, dict) else Decimal(told))
    ]
