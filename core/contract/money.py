"""Money is Int64 minor units; a quotient is rounded once, exactly, by a named mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from typing import TypeVar

import polars as pl

from loanbook.core.contract.currencies import EXPONENTS, UNSTATED
from loanbook.core.errors import PolicyError

PPB = 10**9
"""Parts per billion in one: a rate of 9.99 % a year is 99 900 000 ppb."""

MAX_MINOR = 10**15
"""Largest amount of one row, in minor units. Keeps every Int128 product exact
(10^15 minor x 10^9 ppb x 366 days x 366 period days < 1.7 * 10^38)."""

_OF_LOANS = "USD EUR GBP INR CHF CAD AUD MXN BRL JPY KRW VND CLP ISK UGX XAF XOF PYG KWD BHD JOD OMR TND IQD LYD"
"""Currencies that loans may be in: those whose exponent is not 2, and common ones with 2. Their places are their
codes, which are stored: a new one comes last."""
EXPONENT: Mapping[str, int] = {name: EXPONENTS[name] for name in _OF_LOANS.split()}
"""Decimals by currency of loans."""
CURRENCY_CODES = {name: code for code, name in enumerate(EXPONENT)}
CURRENCY_NAMES = {code: name for name, code in CURRENCY_CODES.items()}


_Code = TypeVar("_Code", bound=IntEnum)
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


class Rounding(IntEnum):
    """How a quotient that is not whole becomes whole minor units."""

    half_even = 0
    half_up = 1
    down = 2
    up = 3


def to_minor(amount: str, currency: str) -> int:
    """Whole minor units of a decimal string; raises ValueError if it has more decimals."""
    try:
        scaled = Decimal(amount).scaleb(EXPONENT[currency])
    except InvalidOperation as bad:
        raise ValueError(f"{amount!r} is not a decimal amount") from bad
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount!r} has more decimals than {currency} allows")
    return int(scaled)


def to_major(minor: int, currency: str) -> str:
    """The decimal string of whole minor units: ``to_major(322625, "USD") == "3226.25"``."""
    return f"{Decimal(minor).scaleb(-EXPONENT[currency]):.{EXPONENT[currency]}f}"


def rate_to_ppb(rate: str) -> int:
    """Parts per billion of a rate written as a decimal string of per cent ("9.99")."""
    scaled = Decimal(rate) * (PPB // 100)
    if scaled != scaled.to_integral_value():
        raise PolicyError(f"rate {rate} % is finer than one part per billion; round it")
    return int(scaled)


def percent(ppb: int) -> str:
    """Parts per billion as a decimal string of per cent, every digit of it: 123456789 is "12.3456789"."""
    return f"{Decimal(ppb).scaleb(-7).normalize():f}"


def decimal_text(minor: pl.Expr, decimals: pl.Expr | int) -> pl.Expr:
    """Minor units (Int64) as a decimal string with so many decimals: -1250 with 2 is "-12.50"."""
    places = pl.lit(decimals, dtype=pl.Int64) if isinstance(decimals, int) else decimals
    unit = pl.lit(10, dtype=pl.Int64).pow(places).cast(pl.Int64)
    sign = pl.when(minor < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    whole = sign + (minor.abs() // unit).cast(pl.String)
    part = (minor.abs() % unit).cast(pl.String).str.zfill(places)
    return pl.when(places == 0).then(whole).otherwise(whole + "." + part)


def major(name: str, currency: str | None = None) -> pl.Expr:
    """A column of minor units as text with the decimals of its currency: of the one that is named, else
    of the row's `currency` (its name)."""
    if currency is not None:
        return decimal_text(pl.col(name), EXPONENT[currency]).alias(name)
    decimals = pl.col("currency").replace_strict(dict(EXPONENT), return_dtype=pl.Int64)
    return decimal_text(pl.col(name), decimals).alias(name)


def major_of_any(name: str) -> pl.Expr:
    """The same of what banks tell: of every currency of ISO 4217, and two decimals where the row names none."""
    decimals = pl.col("currency").replace_strict(
        dict(EXPONENTS), default=UNSTATED, return_dtype=pl.Int64
    )
    return decimal_text(pl.col(name), decimals).alias(name)


def currency_name() -> pl.Expr:
    """The name of the row's `currency` (its code); null where the row has none."""
    return pl.col("currency").replace_strict(CURRENCY_NAMES, default=None, return_dtype=pl.String)


def int128(value: int | pl.Expr) -> pl.Expr:
    """The value as Int128, for products that may pass 2^63."""
    return pl.lit(value, dtype=pl.Int128) if isinstance(value, int) else value.cast(pl.Int128)


def rounded_quotient(numerator: pl.Expr, denominator: pl.Expr, mode: Rounding) -> pl.Expr:
    """``numerator / denominator`` (Int128, denominator > 0) rounded to Int64 by `mode`.

    Exact: no float takes part. `down` and `up` are floor and ceiling, `half_up` breaks a tie upwards.
    An expression is planned and computed as often as it stands in another, so the numerator stands
    here as seldom as it may.
    """
    match mode:
        case Rounding.down:
            return (numerator // denominator).cast(pl.Int64)
        case Rounding.up:
            return ((numerator + denominator - 1) // denominator).cast(pl.Int64)
    twice = numerator * 2 + denominator
    if mode is Rounding.half_even:  # a tie goes up from an odd floor alone
        twice = twice - 1 + (numerator // denominator) % 2
    return (twice // (denominator * 2)).cast(pl.Int64)


def lift(floor: pl.Expr, rest: pl.Expr, denominator: pl.Expr, mode: Rounding) -> pl.Expr:
    """What rounding adds to a quotient's `floor`, given what it leaves over: 0 or 1 (Int64).

    Polars computes a shared subexpression anew, so over a whole portfolio numerator, floor
    and rest are columns, made once (`loanbook.core.servicing.interest.accrual.accrue`).
    """
    match mode:
        case Rounding.down:
            return pl.lit(0, dtype=pl.Int64)
        case Rounding.up:
            return (rest > 0).cast(pl.Int64)
        case Rounding.half_up:
            return (rest >= denominator - rest).cast(pl.Int64)
        case Rounding.half_even:
            over = denominator - rest
            odd = (floor.cast(pl.Int64) & 1) == 1
            return ((rest > over) | ((rest == over) & odd)).cast(pl.Int64)


def with_quotient(
    frame: Frame,
    name: str,
    over: pl.Expr,
    under: pl.Expr,
    mode_column: str,
    modes: frozenset[int],
) -> Frame:
    """`frame` with ``over / under`` as column `name` (Int64), rounded as each row's code says.

    What `rounded_quotient` gives, with numerator, floor and rest as columns on the way: nested in one
    expression they would be computed several times over.
    """
    divided = (
        frame.with_columns(_over=int128(over), _under=int128(under))
        .with_columns(_floor=pl.col("_over") // pl.col("_under"))
        .with_columns(_rest=pl.col("_over") - pl.col("_floor") * pl.col("_under"))
    )
    lifted = by_code(
        pl.col(mode_column),
        modes,
        Rounding,
        lambda mode: lift(pl.col("_floor"), pl.col("_rest"), pl.col("_under"), mode),
    )
    rounded = (pl.col("_floor").cast(pl.Int64) + lifted).alias(name)
    return divided.with_columns(rounded).drop("_over", "_under", "_floor", "_rest")


def by_code(
    code: pl.Expr, present: frozenset[int], kind: type[_Code], build: Callable[[_Code], pl.Expr]
) -> pl.Expr:
    """Choose an expression per row by a small-integer code column.

    Only the codes that occur (`present`) are built, so a book of one product pays
    for one branch, and codes of which one expression is made share it.
    """
    codes = sorted(present)
    assert codes, "a frame without codes has no rows to choose for"
    branches: list[tuple[pl.Expr, list[int]]] = []
    for each in reversed(codes):
        built = build(kind(each))
        like = next((of for made, of in branches if made.meta.eq(built)), None)
        if like is None:
            branches.append((built, [each]))
        else:
            like.append(each)
    chosen = branches[0][0]
    for built, of in branches[1:]:
        is_one = code == of[0] if len(of) == 1 else code.is_in(of)
        chosen = pl.when(is_one).then(built).otherwise(chosen)
    return chosen


def share_of(frame: pl.DataFrame, exact: pl.Expr, over: int, mode_column: str) -> pl.Expr:
    """`exact` (Int128) over `over`, rounded once as the code in `mode_column` of `frame` says."""
    return by_code(
        pl.col(mode_column),
        frozenset(frame[mode_column].unique().to_list()),
        Rounding,
        lambda mode: rounded_quotient(exact, int128(over), mode),
    )


def to_multiple(amount: pl.Expr, multiple: pl.Expr, mode: Rounding) -> pl.Expr:
    """`amount` rounded to a multiple of `multiple` minor units (1 leaves it alone)."""
    return rounded_quotient(int128(amount), int128(multiple), mode) * multiple


def even_part(amount: pl.Expr, count: pl.Expr) -> pl.Expr:
    """One of `count` (Int64) even parts of `amount`, rounded half-even."""
    return rounded_quotient(int128(amount), int128(count), Rounding.half_even)


def even_share(amount: pl.Expr, count: pl.Expr, nth: pl.Expr) -> pl.Expr:
    """The `nth` (from 1) of `count` even parts of `amount`: the last takes what the others leave."""
    return with_rest(amount, even_part(amount, count), count, nth)


def with_rest(amount: pl.Expr, part: pl.Expr, count: pl.Expr, nth: pl.Expr) -> pl.Expr:
    """`part` as long as `amount` lasts, and of the last of `count` what the others leave.

    Parts that are rounded up may use it up before the last (0.04 in six parts is four times 0.01).
    """
    left = (amount - part * (nth - 1)).clip(0)
    return pl.when(nth == count).then(left).otherwise(pl.min_horizontal(part, left))
