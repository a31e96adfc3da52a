"""What a loan would ask and cost, by the same way in and the same engine as one that is boarded."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.catalogue.components import PARTS
from loanbook.core.contract.dates.iso_dates import from_iso
from loanbook.core.contract.schedule.stub_interest import kept_of_payout
from loanbook.core.contract.terms import Terms
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import TapeMapping
from loanbook.core.policy.product import Product
from loanbook.core.policy.used import in_use
from loanbook.core.servicing.explain.disclosure import disclosed_apr, payout_fees
from loanbook.core.servicing.explain.instalments import instalments
from loanbook.core.servicing.laws.trial import faults
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.replay.replay import relived
from loanbook.core.store.queries import Queries
from loanbook.core.store.upkeep.used_policies import contradictions
from loanbook.core.store.writing import Intake, numbered
from loanbook.pipelines.ingest.boarding import boarded
from loanbook.pipelines.ingest.events import Taken, nothing_known
from loanbook.pipelines.ingest.landing import LandingFile

FIELDS = (
    "principal", "rate_percent", "instalments", "disbursed_on", "first_due_date", "instalment", "balloon",
    "every", "unit", "anchor_day", "second_anchor_day", "end_of_month", "maturity_date", "interest_only",
    "stub_interest", "agreed_schedule", "schedule_interest", "jurisdiction", "spread_percent", "first_reset_on",
)  # fmt: skip
"""Terms that a quote takes, as a tape's mapping names them; the first five must be told."""
NEEDED = FIELDS[:5]
_KEY = "quote"


@dataclass(frozen=True)
class Quote:
    """A loan as it would be boarded. Amounts in minor units of the currency."""

    product: str
    currency: str
    instalments: pl.DataFrame
    """As `loanbook.core.servicing.explain.instalments.instalments` has them on the day of the payout."""
    lent: int
    paid_out: int
    """What the borrower gets: less a fee, the tax on it, and a stub's interest kept of the payout."""
    fee: int
    """Fee of the payout, and the tax on it."""
    apr: float
    disbursed_on: dt.date
    notes: tuple[str, ...]

    def sums(self) -> dict[str, int]:
        """What the loan comes to, in words."""
        asked = {name: int(self.instalments[name].sum()) for name in PARTS}
        cost = sum(asked.values()) - self.lent + self.fee
        return {
            "lent": self.lent,
            "paid out": self.paid_out,
            "interest": asked["interest"],
            "fee of the payout, with its tax": self.fee,
            "tax on interest": asked["taxes"],
            **self._beside(asked),
            "total of payments": int(self.instalments["amount"].sum()),
            "total cost": cost,
        }

    def _beside(self, asked: dict[str, int]) -> dict[str, int]:
        """What else the instalments ask, where they do: charges, and what a level last one asks beyond what
        is left (below zero: less), which is the borrower's credit, or stays owed."""
        rest = {"fees": asked["fees"], "penalties": asked["penalties"],
                "rounding of the level instalments": asked["principal"] - self.lent}  # fmt: skip
        return {words: amount for words, amount in rest.items() if amount}

    def as_json(self) -> dict[str, Any]:
        """The quote for another program; amounts in minor units."""
        named = asdict(self) | {"instalments": [
            {name: str(value) if isinstance(value, dt.date) else value for name, value in row.items()}
            for row in self.instalments.to_dicts()
        ], "disbursed_on": str(self.disbursed_on)}  # fmt: skip
        return named | {name.replace(" ", "_").replace(",", ""): value
                        for name, value in self.sums().items()}  # fmt: skip


def quoted(policies: PolicyBook, product: str, terms: list[str]) -> Quote:
    """The quote of a product for terms as `FIELD=VALUE`.

    Raises LoanbookError for a field that is none, and, with the rule, for what boarding would refuse.
    """
    fields = _fields(terms)
    try:
        on = from_iso(fields["disbursed_on"])
    except ValueError:
        raise LoanbookError(
            f"disbursed_on={fields['disbursed_on']} is no date; write it like 2024-01-31"
        ) from None
    taken = _boarded(policies, product, fields, on)
    if taken.bad or taken.loans is None or taken.events is None:
        told = "; ".join(f"{row['rule']} ({row['found']})" for row in taken.bad)
        raise LoanbookError(
            f"{product}: such a loan would not be boarded: {told}; its bounds and ceilings stand in "
            f"the product's file (docs/policy-fields.md)"
        )
    rows: dict[str, list[pl.DataFrame]] = {}
    events = taken.events.with_columns(
        file_id=pl.lit(_KEY),
        correlation_id=pl.lit(_KEY),
        recorded_at=pl.lit(dt.datetime.combine(on, dt.time())),
    )
    numbered(Intake({"file_id": _KEY}, taken.loans, None, None, events), 1, 1, rows)
    pinned = policies.product(int(taken.loans["product"][0]))
    failing = faults(rows["events"][0], policies, after=dt.timedelta(0))
    if failing.height:
        _, law, figures = failing.row(0)
        raise LoanbookError(
            f"{product}: such a loan would not be boarded: {law}: {figures}; take other terms"
        )
    lived = relived(rows["events"][0], policies, on)
    assert lived is not None, "a loan that is taken in is boarded on the day of its payout"
    plan = instalments(lived, policies, on)
    agreed = taken.loans.with_columns(loan_id=pl.lit(1, dtype=pl.Int64)).select(
        Terms.column_names()
    )
    fees = payout_fees(agreed, policies)
    stub = int(kept_of_payout(agreed_terms(agreed, policies.pins))["kept"].sum())
    fee = int((fees["fee"] + fees["tax"]).sum())
    kept = int((fees["fee"] + fees["tax"]).filter(fees["fee_deducted"]).sum())
    lent = int(lived.book(on).positions["principal"].sum())
    return Quote(
        f"{pinned.name}@{pinned.version}", pinned.currency, plan.drop("loan_id"), lent,
        lent - kept - stub,
        fee, float(disclosed_apr(agreed, policies)["apr"].item()), on, _notes(pinned),
    )  # fmt: skip


def edits(policies: PolicyBook, product: str, on: dt.date, ledger: Queries) -> list[str]:
    """What to say of a quote on a day by files that are edited since loans of the `ledger` used them."""
    read = in_use(policies, [policies.product_code(product, on)], on)
    wrong = contradictions(ledger, policies)
    return [
        f"Quoted by the file as it is now, which no loan can be boarded by: {wrong[key]}."
        for key in sorted(read)
        if key in wrong
    ]


def _fields(terms: list[str]) -> dict[str, str]:
    pairs = [term.partition("=") for term in terms]
    for name, equals, _ in pairs:
        if not equals or name not in FIELDS:
            raise LoanbookError(
                f"{name!r} is no term: write FIELD=VALUE with a field of {', '.join(FIELDS)}"
            )
    fields = {name: value.strip() for name, _, value in pairs}
    if len(fields) < len(pairs):
        names = [name for name, *_ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise LoanbookError(f"{twice}=… is told twice; tell each term once")
    missing = [name for name in NEEDED if not fields.get(name)]
    if missing:
        raise LoanbookError(f"a quote needs {', '.join(f'{name}=…' for name in missing)}")
    return fields


def _boarded(policies: PolicyBook, product: str, fields: dict[str, str], on: dt.date) -> Taken:
    """The terms as the one row of a tape, taken in as any tape is."""
    code = policies.product_code(product, on)
    pinned = policies.product(code)
    if pinned.line is not None:
        raise LoanbookError(
            f"{product} is a line of credit: what it asks hangs on its draws, so no schedule is quoted"
        )
    row = {"key": _KEY, "product": product, "instalment": "", **fields}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([row.keys(), row.values()])
    mapping = TapeMapping.model_validate({
        "name": _KEY, "version": 1, "effective_from": dt.date(1, 1, 1), "product_column": "product",
        "source_system": _KEY, "key": "key",
        "columns": {name: name for name in row if name in FIELDS},
    })  # fmt: skip
    data = text.getvalue().encode()
    file = LandingFile(Path(_KEY), _KEY, len(data), "loan_tape", on)
    return boarded(data, file, policies, mapping, nothing_known())


def _notes(product: Product) -> tuple[str, ...]:
    """What of the loan's cost is not known when it is boarded."""
    notes = []
    if product.floating is not None:
        notes.append("The rate floats: instalments after its first reset are at today's rate.")
    if product.late_fee or product.penal:
        notes.append("What comes late costs more; the product's file says how much.")
    return tuple(notes)
