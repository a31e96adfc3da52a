"""`loanbook export`: an audit pack, and the check of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loanbook.core.errors import LoanbookError
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import AsOf, KnownAt, out, reading


def export(
    folder: Annotated[
        Path, typer.Argument(help="Where: a new folder, or that of a pack whose writing died.")
    ],
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> None:
    """Write an audit pack: loan tape, events, schedules, allocations, approvals, journal, policies, access log, proofs.

    The same clocks and the same roles give the same bytes. verify.py in it checks it offline. The export and the
    digest of its manifest stand in the audit trail.
    """
    from loanbook.core.store.people.acting import access_of, acting, is_demo
    from loanbook.core.store.people.audit import Record, log
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.reporting.audit_pack.writing import write_pack

    reader = reading()
    at = reader.clocks(as_of, known_at)
    reader.by(str(at.on), at.known)
    where = reader.settings
    who = acting(where)
    sees = is_demo(where) or access_of(where).may(who, "audit.read").allowed
    pack = write_pack(reader, at, folder, who, sees_trail=sees)
    told = {"as_of": at.on, "known_at": at.known, "manifest_sha256": pack.digest}
    log(open_people(where), who, Record("ledger.export", ("audit_pack", pack.digest), after=told))
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
