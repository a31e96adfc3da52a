"""What a loan would ask and cost, by the same way in and the same engine as one that is boarded."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import EventState, Kind
from loanbook.core.catalogue.components import PARTS
from loanbook.core.contract.boarding import payload
from loanbook.core.contract.dates.iso_dates import from_iso
from loanbook.core.contract.schedule.stub_interest import kept_of_payout
from loanbook.core.contract.terms import Terms
from loanbook.core.errors import LoanbookError
from loanbook.core.ledger.events import as_kept
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import QUOTED_TAPE
from loanbook.core.policy.product import Product
from loanbook.core.policy.used import in_use
from loanbook.core.servicing.explain.disclosure import disclosed_apr, payout_fees
from loanbook.core.servicing.explain.instalments import instalments
from loanbook.core.servicing.laws.trial import faults
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.replay.replay import relived
from loanbook.core.store.queries import Queries
from loanbook.core.store.upkeep.used_policies import contradictions
from loanbook.pipelines.ingest.boarding import boarded
from loanbook.pipelines.ingest.events import nothing_known
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
    loans = would_be_boarded(policies, product, fields_of(terms))
    return quotes(loans, policies)[0]


def quotes(loans: pl.DataFrame, policies: PolicyBook) -> list[Quote]:
    """The quotes of loans (schema `Terms`) as the engine lives them, in their order, the amount agreed paid out at once.

    LoanbookError names the law that one would break.
    """
    events = _events(loans)
    failing = faults(events, policies, after=dt.timedelta(0))
    if failing.height:
        number, law, figures = failing.row(0)
        code = loans.filter(pl.col("loan_id") == number)["product"].item()
        raise LoanbookError(
            f"{policies.product(code).name}: such a loan would not be boarded: {law}: {figures}; take other terms"
        )
    plans, lent = [], []
    for (on,), rows in loans.partition_by("disbursed_on", as_dict=True).items():
        assert isinstance(on, dt.date)
        lived = relived(events.join(rows, on="loan_id", how="semi"), policies, on)
        assert lived is not None, "a loan that is taken in is boarded on the day of its payout"
        plans.append(instalments(lived, policies, on))
        lent.append(lived.book(on).positions.select("loan_id", "principal"))
    figures = _figures(loans, pl.concat(lent), policies)
    by_loan = pl.concat(plans).partition_by("loan_id", as_dict=True, maintain_order=True)
    return [_quote(row, by_loan, policies) for row in figures.to_dicts()]


def _events(loans: pl.DataFrame) -> pl.DataFrame:
    """Boarding and payout of loans (schema `Events`), as those of a tape."""
    told = loans.with_columns(
        value_date="disbursed_on", booking_date="disbursed_on", source_system=pl.lit(_KEY),
        source_ref=pl.col("loan_id").cast(pl.String), line="loan_id", file_id=pl.lit(_KEY),
        correlation_id=pl.lit(_KEY), actor=pl.lit(_KEY), body_hash=pl.lit(""),
        state=pl.lit(EventState.accepted.value), recorded_at=pl.lit(dt.datetime(1, 1, 1)),
    )  # fmt: skip
    boards = told.with_columns(kind=pl.lit(Kind.loan_boarded.value), payload=payload(told))
    pays = told.with_columns(kind=pl.lit(Kind.disbursed.value), amount="principal_agreed")
    both = pl.concat([boards, pays], how="diagonal_relaxed").sort("loan_id", "kind")
    return as_kept(
        both.with_columns(
            event_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
            idempotency_key=pl.format("{}/{}", "kind", "loan_id"),
        )
    )


def _figures(loans: pl.DataFrame, lent: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame:
    """`loan_id`, `product`, `jurisdiction`, `disbursed_on`, `lent`, `fee` with its tax, what is `kept` of the payout, and
    `apr` of loans, in their order."""
    fees = payout_fees(loans, policies).select(
        "loan_id", fee=pl.col("fee") + pl.col("tax"),
        kept=pl.when("fee_deducted").then(pl.col("fee") + pl.col("tax")).otherwise(0),
    )  # fmt: skip
    stubs = kept_of_payout(agreed_terms(loans, policies.pins)).select("loan_id", stub="kept")
    told = loans.select("loan_id", "product", "jurisdiction", "disbursed_on")
    for more in (lent.rename({"principal": "lent"}), fees, stubs, disclosed_apr(loans, policies)):
        told = told.join(more, on="loan_id", how="left", maintain_order="left")
    costs = ("fee", "kept", "stub")
    return told.with_columns(pl.col(costs).fill_null(0))


def _quote(
    of: dict[str, Any], plans: dict[tuple[object, ...], pl.DataFrame], policies: PolicyBook
) -> Quote:
    pinned = policies.product(of["product"])
    plan = plans[of["loan_id"],].drop("loan_id")
    return Quote(
        f"{pinned.name}@{pinned.version}", pinned.currency, plan, of["lent"],
        of["lent"] - of["kept"] - of["stub"], of["fee"], of["apr"], of["disbursed_on"], _notes(pinned),
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


def fields_of(terms: list[str]) -> dict[str, str]:
    """Terms as `FIELD=VALUE` by their field. LoanbookError: one is none, is told twice, or lacks."""
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


def would_be_boarded(policies: PolicyBook, product: str, fields: dict[str, str]) -> pl.DataFrame:
    """The loan (schema `Terms`, number 1) that a tape's row of these fields would board.

    LoanbookError names the rule by which boarding would refuse it.
    """
    try:
        on = from_iso(fields["disbursed_on"])
    except ValueError:
        raise LoanbookError(
            f"disbursed_on={fields['disbursed_on']} is no date; write it like 2024-01-31"
        ) from None
    loans, bad = read_terms(policies, [{"loan_key": _KEY, "product": product, **fields}], on)
    if bad:
        told = "; ".join(f"{row['rule']} ({row['found']})" for row in bad)
        raise LoanbookError(
            f"{product}: such a loan would not be boarded: {told}; its bounds and ceilings stand in "
            f"the product's file (docs/policy-fields.md)"
        )
    return loans.select(Terms.column_names())


def read_terms(
    policies: PolicyBook, rows: list[dict[str, str]], on: dt.date
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Terms of rows (`loan_key`, `product`, `FIELDS`) as a tape of the day has them, numbered from 1 in the order of their
    keys, with `loan_key`; and the rows that intake refuses (`line`, `rule`, `found`)."""
    for product in {row["product"] for row in rows}:
        if policies.product(policies.product_code(product, on)).line is not None:
            raise LoanbookError(
                f"{product} is a line of credit: what it asks hangs on its draws, so no schedule is quoted"
            )
    data = tape_of(rows)
    file = LandingFile(Path(_KEY), _KEY, len(data), "loan_tape", on)
    taken = boarded(data, file, policies, QUOTED_TAPE, nothing_known())
    terms = pl.DataFrame(schema={"loan_key": pl.String}) if taken.loans is None else taken.loans
    return terms.with_columns(loan_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)), taken.bad


def tape_of(rows: list[dict[str, str]]) -> bytes:
    """Rows as a tape of agreements; the same bytes for the same rows."""
    told = [name for name in FIELDS if any(name in row for row in rows)]
    text = io.StringIO()
    writer = csv.DictWriter(
        text, ["loan_key", "product", "instalment", *(n for n in told if n != "instalment")],
        restval="", lineterminator="\n",
    )  # fmt: skip
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _notes(product: Product) -> tuple[str, ...]:
    """What of the loan's cost is not known when it is boarded."""
    notes = []
    if product.floating is not None:
        notes.append("The rate floats: instalments after its first reset are at today's rate.")
    if product.late_fee or product.penal:
        notes.append("What comes late costs more; the product's file says how much.")
    return tuple(notes)
