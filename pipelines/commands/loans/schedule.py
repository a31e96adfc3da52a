"""A loan's instalments: past and to come; and those of a loan that is not boarded yet, with its cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.catalogue.components import PARTS
from loanbook.core.contract.money import CURRENCY_NAMES, major, to_major
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import (
    AsCsv,
    AsJson,
    AsOf,
    KnownAt,
    Loan,
    asked_by,
    believed,
    found_loan,
    out,
    piped,
    show,
)

if TYPE_CHECKING:
    from loanbook.core.servicing.replay.fast_forward import History
    from loanbook.pipelines.agreements.quoting import Quote


def schedule(
    loan: Loan,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """A loan's instalments: date, amount by component, paid and status, past and to come.

    To come is what is asked if what is due is paid on the date and each instalment on its own; changes that
    are ordered for a later day are named beneath.
    """
    from loanbook.core.servicing.explain.instalments import instalments
    from loanbook.pipelines.servicing.verify import lived_by

    of = found_loan(loan, as_of, known_at)
    at = of.at
    lived = lived_by(of.reader.lake(), of.policies, of.number, at)
    rows = instalments(lived, of.policies, at.on).drop("loan_id")
    currency = CURRENCY_NAMES[int(lived.rounds[0].wide["currency"][0])]
    keyed_rows = rows.select(
        pl.lit(of.key).alias("loan_key"), pl.lit(currency).alias("currency"), pl.all()
    )
    if piped(keyed_rows, as_json, as_csv):
        return
    if rows.is_empty():
        out.print(f"Nothing was asked of loan {of.key} by {at.on}, and no instalment is to come.")
        return
    show(
        _shown(rows, currency),
        f"Instalments of loan {of.key} {believed(at)}, amounts in {currency}",
    )
    for status, part in rows.group_by("status", maintain_order=True):
        out.print(f"{status[0]}: {counted(part.height, 'instalment')}, "
                  f"{to_major(int(part['amount'].sum()), currency)} {currency}")  # fmt: skip
    for words in changes_that_wait(lived):
        out.print(f"not in it yet: {words}")


def changes_that_wait(lived: History) -> list[str]:
    """Changes of the contract that are ordered for a later day, in words: what is to come is made without."""
    from loanbook.core.catalogue.events import CHANGES, ROW
    from loanbook.core.catalogue.kinds import Kind

    waits = lived.waiting.filter(pl.col("kind").is_in([kind.value for kind in CHANGES]))
    return [
        f"{ROW[Kind(kind)].words}, ordered for {on} ({source}/{ref})"
        for kind, on, source, ref in waits.sort("value_date", "source_ref")
        .select("kind", "value_date", "source_system", "source_ref")
        .rows()
    ]


def quote(
    product: Annotated[str, typer.Argument(help="Name of the product, its newest version.")],
    terms: Annotated[
        list[str],
        typer.Argument(
            help="Terms as FIELD=VALUE, named as the columns of a canonical tape: principal, "
            "rate_percent, instalments, disbursed_on, first_due_date, …"
        ),
    ],
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """What a loan would ask and cost: instalments, APR, total cost; nothing is boarded.

    The terms go through the intake and the engine as a tape's row does, and what boarding would refuse is refused
    for the same reason: `loanbook quote flat-rate principal=1200 rate_percent=24 instalments=12
    disbursed_on=2024-01-01 first_due_date=2024-02-01`. Policies are read as their files are, also where loans
    use them as they were before; the quote says so.
    """
    from loanbook.core.store.lake import open_reader
    from loanbook.core.store.queries import Queries
    from loanbook.pipelines.agreements.quoting import edits, quoted
    from loanbook.pipelines.resources import read_policies, settings_if_any

    policies, where = read_policies(), settings_if_any()
    found = quoted(policies, product, terms)
    if where and where.has_ledger:
        with Queries(open_reader(where)) as ledger:
            told = edits(policies, product, found.disbursed_on, ledger)
        found = replace(found, notes=(*told, *found.notes))
    if as_json:
        out.print_json(data=found.as_json())
    elif piped(found.instalments, as_json, as_csv):
        return
    else:
        _print(found)


def _print(found: Quote) -> None:
    money = found.currency
    rows = found.instalments.drop("paid", "status")
    show(_shown(rows, money), f"{found.product}: instalments, amounts in {money}")
    for words, amount in found.sums().items():
        out.print(f"{words} {to_major(amount, money)}")
    out.print(f"annual percentage rate {found.apr:.3f} % (Regulation Z, Appendix J)")
    for note in found.notes:
        out.print(note)


def _shown(rows: pl.DataFrame, currency: str) -> pl.DataFrame:
    """For people: components that nothing is asked of left out, amounts in major units."""
    unused = [name for name in PARTS if not (rows[name] != 0).any()]
    named = rows.drop(unused).with_columns(asked_by()).rename({"instalment_no": "no"})
    money = [name for name in (*PARTS, "amount", "paid") if name in named.columns]
    return named.with_columns(major(name, currency) for name in money)
