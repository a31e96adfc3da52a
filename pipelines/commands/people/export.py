"""`loanbook export`: an audit pack, and the check of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import AsOf, KnownAt, out


def export(
    folder: Annotated[
        Path, typer.Argument(help="Where: a new folder, or that of a pack whose writing died.")
    ],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="Of these loans alone: entity=, product=, region= or account=VALUE (a loan's key); repeated: "
                     "one of the values of each name."),
    ] = None,
    form: Annotated[
        list[str] | None, typer.Option("--format", help="csv (default), parquet, xlsx; may be repeated.")
    ] = None,
    papers: Annotated[bool, typer.Option("--papers", help="Each loan's statement as PDF too.")] = False,
    metro2: Annotated[
        str, typer.Option(help="Why a Metro 2 file is wanted: it holds borrowers' data in plain text.")
    ] = "",
) -> None:  # fmt: skip
    """Write an audit pack: loan tape, events, schedules, allocations, approvals, journal, policies, statements, access
    log, proofs, and what was restated since the export before.

    The same clocks, scope and roles give the same bytes. verify.py in it checks it offline. The export and the digest
    of its manifest stand in the audit trail.
    """
    from loanbook.core.store.people.acting import acting, is_demo, shown_to
    from loanbook.core.store.people.database import open_people
    from loanbook.core.store.people.in_force import access_of
    from loanbook.pipelines.reporting.audit_pack.asked import asked_for
    from loanbook.pipelines.reporting.audit_pack.exporting import Requester, export_pack
    from loanbook.pipelines.resources import settings

    where = settings()
    who, shown = acting(where), shown_to(where)
    wanted = asked_for(scope or [], form or ["csv"], papers, metro2)
    sees = is_demo(where) or access_of(where).may(who, "audit.read").allowed
    by = Requester(who, shown, sees)
    pack = export_pack(open_people(where), by, folder, wanted, as_of, known_at)
    out.print(f"{folder}: {counted(len(pack.files), 'file')}; digest of the manifest {pack.digest}")
    for what, why in pack.left_out.items():
        out.print(f"left out: {what}: {why}")


def check_pack(
    folder: Annotated[Path, typer.Argument(help="The pack's folder.")],
    digest: Annotated[
        str, typer.Option(help="SHA-256 of its manifest, from the audit trail.")
    ] = "",
) -> None:
    """Check an audit pack, as its own verify.py does."""
    from loanbook.pipelines.reporting.audit_pack.verify import DoesNotFit, check

    try:
        manifest = check(folder, digest)
    except (DoesNotFit, ValueError, KeyError) as wrong:
        raise LoanbookError(f"{folder} does not fit: {wrong}") from wrong
    out.print(
        f"{counted(len(manifest['files']), 'file')} fit, as of {manifest['as_of']}, version {manifest['version']}."
    )
