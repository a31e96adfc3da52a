"""What products charge, as tables that the engine joins: fees, taxes, penal interest, charge-off."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from loanbook.core.catalogue.accounts import ROLES
from loanbook.core.catalogue.components import Component, is_interest
from loanbook.core.contract.jurisdiction import packed as place_of
from loanbook.core.contract.money import Rounding, rate_to_ppb
from loanbook.core.policy.base import RoundingName
from loanbook.core.policy.library import Library
from loanbook.core.policy.models import Fee, FeeAmount, LateFee, OriginationFee, Tax

_AMOUNT = {
    "fee_ppb": pl.Int64, "fee_flat": pl.Int64, "fee_min": pl.Int64, "fee_max": pl.Int64,
    "fee_rounding": pl.Int8,
}  # fmt: skip
_SPAN = {"since": pl.Date, "until": pl.Date}
_AMOUNTS = {"place": pl.Int64, **_AMOUNT, **_SPAN}


def in_force_on(date: pl.Expr) -> pl.Expr:
    """Rows of a table of charges whose version binds on the date."""
    return (pl.col("since") <= date) & (date < pl.col("until"))


def _amount(amount: FeeAmount, rounding: RoundingName) -> tuple[int, int, int, int, int]:
    """`fee_ppb`, `fee_flat`, `fee_min`, `fee_max`, `fee_rounding`."""
    most = amount.maximum_minor if amount.maximum_minor is not None else 2**62
    return (
        amount.percent_ppb, amount.flat_minor, amount.minimum_minor, most, Rounding[rounding].value
    )  # fmt: skip


BECOMES = {"refunded": "payout_clearing", "income": "unclaimed_credit_income",
           "escheated": "escheat_payable"}  # fmt: skip
"""Account role of what a small credit becomes (`SmallCreditRules`)."""


class ChargeTables(Library):
    """Tables by product, and where the law of a place differs by `place`.

    A row is a version of a policy that binds from `since` to before `until` (Date, `in_force_on`).
    """

    @cached_property
    def places(self) -> tuple[int, ...]:
        """Jurisdictions that some rule names, as numbers (`loanbook.core.contract.jurisdiction`)."""
        rules: list[LateFee | Fee | Tax] = [
            *self._all(LateFee), *self._all(Fee), *self._all(Tax)
        ]  # fmt: skip
        return tuple(sorted({place_of(code) for rule in rules for code in rule.by_jurisdiction}))

    def _amounts(self, fee: LateFee | Fee) -> list[tuple[int, ...]]:
        """`place` and `_amount` of a fee, for every place."""
        by_place = {place_of(code): amount for code, amount in fee.by_jurisdiction.items()}
        return [
            (place, *_amount(by_place.get(place, fee), fee.rounding)) for place in (0, *self.places)
        ]

    @cached_property
    def late_fees(self) -> pl.DataFrame:
        """`product`, `place` -> late-fee parameters; products without a late fee have no row.

        `place` is a jurisdiction of `places`, or 0 for any other.
        """
        rows = []
        for code, p in self.products.items():
            if (name := p.late_fee) is None:
                continue
            rows += [
                (code, fee.grace_days, *amount, *span)
                for *span, fee in self.versions(LateFee, name, p) for amount in self._amounts(fee)
            ]  # fmt: skip
        schema = {"product": pl.Int16, "fee_grace": pl.Int64, **_AMOUNTS}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _fees(self, on: str) -> pl.DataFrame:
        rows = []
        for code, p in self.products.items():
            if (name := getattr(p, f"{on}_fee")) is None:
                continue
            rows += [
                (code, fee.of == "agreed", fee.within_instalments or 2**15 - 1, *amount, *span)
                for *span, fee in self.versions(Fee, name, p) for amount in self._amounts(fee)
            ]  # fmt: skip
        schema = {
            "product": pl.Int16, "fee_of_agreed": pl.Boolean, "fee_within": pl.Int64, **_AMOUNTS
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def annual_fees(self) -> pl.DataFrame:
        """`product`, `place` -> parameters of the annual fee, as `late_fees` has them, and
        `fee_of_agreed` (Boolean: what the percentage is of)."""
        return self._fees("annual")

    @cached_property
    def prepayment_fees(self) -> pl.DataFrame:
        """As `annual_fees`, of the fee on an early payoff, with `fee_within` (Int64 instalments)."""
        return self._fees("prepayment")

    @cached_property
    def returned_payment_fees(self) -> pl.DataFrame:
        """As `annual_fees`, of the fee on a returned payment, a flat sum."""
        return self._fees("returned_payment")

    @cached_property
    def taxes(self) -> pl.DataFrame:
        """`product`, `place` -> `tax_ppb` (Int64), `tax_rounding`, and by `component` (Int8) of the
        base, a row for each that is taxed."""
        rows = []
        for code, p in self.products.items():
            if (name := p.tax) is None:
                continue
            for *span, tax in self.versions(Tax, name, p):
                by_place = {place_of(place): rate for place, rate in tax.by_jurisdiction.items()}
                rows += [
                    (code, place, Component[base].value, by_place.get(place, tax.rate_ppb),
                     Rounding[tax.rounding].value, *span)
                    for place in (0, *self.places) for base in tax.of
                ]  # fmt: skip
        schema = {
            "product": pl.Int16, "place": pl.Int64, "component": pl.Int8, "tax_ppb": pl.Int64,
            "tax_rounding": pl.Int8, **_SPAN,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def interest_taxed(self) -> frozenset[int]:
        """Codes of products whose interest bears a tax."""
        on = self.taxes.filter(is_interest())
        return frozenset(on["product"].to_list())

    @cached_property
    def penal(self) -> pl.DataFrame:
        """`product` -> `penal_ppb`, `penal_grace` (Int64), `penal_rounding`, `penal_as_charge` and
        `penal_on_interest` (Boolean); products without penal interest have no row."""
        rows = [
            (code, rate_to_ppb(p.penal.rate_percent), p.penal.grace_days,
             Rounding[p.penal.rounding].value, p.penal.mode == "charge",
             p.penal.base == "principal_and_interest")
            for code, p in self.products.items() if p.penal is not None
        ]  # fmt: skip
        schema = {
            "product": pl.Int16, "penal_ppb": pl.Int64, "penal_grace": pl.Int64,
            "penal_rounding": pl.Int8, "penal_as_charge": pl.Boolean,
            "penal_on_interest": pl.Boolean,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def small_credits(self) -> pl.DataFrame:
        """`product` -> `credit_up_to` (Int64, minor units), `credit_months` (Int32) and
        `credit_becomes`, the account role of what it becomes (Int16)."""
        rows = [
            (code, rule.up_to_minor, rule.after_months, ROLES.index(BECOMES[rule.becomes]))
            for code, p in self.products.items()
            if (rule := p.small_credit) is not None
        ]
        schema = {"product": pl.Int16, "credit_up_to": pl.Int64, "credit_months": pl.Int32,
                  "credit_becomes": pl.Int16}  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def charge_offs(self) -> pl.DataFrame:
        """`product` -> `off_after` (Int64, days past due), `off_at_month_end`; others: by order."""
        rows = [
            (code, p.charge_off.days_past_due, p.charge_off.at == "month_end")
            for code, p in self.products.items()
            if p.charge_off is not None
        ]
        schema = {"product": pl.Int16, "off_after": pl.Int64, "off_at_month_end": pl.Boolean}
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def origination_fees(self) -> pl.DataFrame:
        """`product` -> parameters of its origination fee; products without one have no row.

        `fee_of_payout`, `fee_of_interest` (Boolean: what the percentage is of), `fee_ppb`,
        `fee_flat`, `fee_min`, `fee_max` (Int64), `fee_each` (every payout), `fee_deducted`,
        `fee_deferred` (income over the loan's life).
        """
        rows = []
        for code, p in self.products.items():
            if (name := p.origination_fee) is None:
                continue
            rows += [
                (code, fee.of != "interest", fee.of != "principal", fee.every_payout,
                 fee.collected == "deducted", fee.recognition != "immediate",
                 *_amount(fee, fee.rounding), *span)
                for *span, fee in self.versions(OriginationFee, name, p)
            ]  # fmt: skip
        schema = {
            "product": pl.Int16, "fee_of_payout": pl.Boolean, "fee_of_interest": pl.Boolean,
            "fee_each": pl.Boolean, "fee_deducted": pl.Boolean, "fee_deferred": pl.Boolean,
            **_AMOUNT, **_SPAN,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")
