"""`loanbook simulate`: a synthetic book as landing files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import out


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where to write the daily files.")],
    loans: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many loans.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 2018,
    product: Annotated[
        list[str] | None,
        typer.Option(help="So many loans of this product (may be repeated); `all`: of each."),
    ] = None,
    days: Annotated[int, typer.Option(help="With --product: days of payments.")] = 200,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also into a folder that holds landing files.")
    ] = False,
) -> None:
    """Write a synthetic book of any size as daily landing files, with known truth.

    Without --product loans in the columns of the public tape; with it loans of any product and
    period, and how each borrower behaves in FOLDER_truth.csv.
    """
    from loanbook.pipelines.ingest.landing import landed_dates
    from loanbook.pipelines.resources import settings

    held = landed_dates(folder)
    if held and not overwrite:
        raise LoanbookError(
            f"{folder} holds {len(held):,} landing files ({held[0]} to {held[-1]}): those of the same name "
            "would be lost, and the two books mixed; name an empty folder, or add --overwrite"
        )
    if product:
        _simulate_products(folder, product, loans, seed, days)
        return
    from loanbook.pipelines.simulation.landing import drop, set_up
    from loanbook.pipelines.simulation.tape import synthetic

    if folder.resolve() == settings().landing:
        set_up(settings().home)
    files = drop(folder, synthetic(loans, seed), seed=seed)
    out.print(f"Wrote {counted(files, 'file')} of {counted(loans, 'synthetic loan')} to {folder}.")


def _simulate_products(folder: Path, names: list[str], loans: int, seed: int, days: int) -> None:
    from loanbook.pipelines.resources import read_policies
    from loanbook.pipelines.simulation.products import drop_products, truth_of

    policies = read_policies()
    known = sorted({p.name for p in policies.products.values()})
    wanted = known if names == ["all"] else names
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise typer.BadParameter(
            f"no product is named {unknown[0]!r}; known: {', '.join(known)}", param_hint="--product"
        )
    files = drop_products(folder, wanted, loans, policies, seed=seed, days=days)
    out.print(
        f"Wrote {counted(files, 'file')} of {counted(loans * len(wanted), 'synthetic loan')} of {counted(len(wanted), 'product')} "
        f"to {folder}; how each borrower behaves: {truth_of(folder)}."
    )
