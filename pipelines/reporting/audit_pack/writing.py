"""An audit pack as files: the same clocks and requester give the same bytes; what a writing that died wrote stays.

A table that the requester's roles hide is left out, and the manifest says why; so is all that no pack holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.access.deciding import Rows
from loanbook.core.access.trail import FIELDS
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.risk.credit_reporting import CreditReporting
from loanbook.core.store.clocks import Clocks
from loanbook.core.store.instance import read_instance
from loanbook.core.store.people.acting import has_people
from loanbook.core.store.people.audit import entries
from loanbook.core.store.people.database import open_people
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.storage.whole_files import write_whole
from loanbook.core.store.vault.vault import open_vault
from loanbook.pipelines.reporting.audit_pack import verify
from loanbook.pipelines.reporting.audit_pack.contents import LEFT_OUT, PARTS
from loanbook.pipelines.reporting.audit_pack.formats import FORMATS, flat
from loanbook.pipelines.reporting.audit_pack.metro2 import furnished
from loanbook.pipelines.reporting.audit_pack.statements import MOST_PAPERS, papers, statements
from loanbook.pipelines.resources import policies_of

MANIFEST, VERIFIER, README, LOG = "manifest.json", "verify.py", "README.txt", "access_log.jsonl"
STATEMENTS, METRO2 = "statements.jsonl", "metro2.txt"
TEXTS = (".csv", ".jsonl", ".txt")
"""Files of lines: a change of one is named by its lines."""
PROGRESS = ".progress.json"
"""Files that are whole, while the pack is not: the next writing of the same pack goes on from there."""


@dataclass(frozen=True)
class Pack:
    """A pack that was written."""

    digest: str
    """SHA-256 of its manifest."""
    files: list[dict[str, Any]]
    left_out: dict[str, str]


@dataclass(frozen=True)
class Wanted:
    """What a pack is to hold beside what every pack does."""

    formats: tuple[str, ...] = ("csv",)
    """Of `FORMATS`; every table is written in each."""
    scope: Rows = field(default_factory=dict)
    """Values by attribute: of loans that fit each of them alone. The reader shows no others."""
    since: int = 0
    """Restatements after this version are told figure by figure: what was known at the export before."""
    papers: bool = False
    """Whether each loan's statement is set as PDF too."""
    metro2: str = ""
    """Why a Metro 2 file with the borrowers' data is wanted; empty: it is not."""


def write_pack(
    reader: LedgerReader, at: Clocks, folder: Path, who: Actor, *, sees_trail: bool, wanted: Wanted | None = None
) -> Pack:  # fmt: skip
    """Write a pack. `reader`: of both clocks, as the requester's roles and the scope show it. `sees_trail`: whether
    they show the audit trail. LoanbookError where the folder holds anything else."""
    wanted = wanted or Wanted()
    head = _head(reader, at, who, wanted)
    done, left_out = _begun(folder, head), dict(LEFT_OUT)

    def keep(name: str, data: bytes, rows: pl.DataFrame) -> None:
        write_whole(folder / name, data)
        done[name] = _told(folder / name, rows.height, [[n, str(t)] for n, t in rows.schema.items()])  # fmt: skip
        write_whole(folder / PROGRESS, json.dumps({"head": head, "files": done}).encode())

    for part in PARTS:
        missing = {
            ending: make for ending in wanted.formats
            if not _is_whole(folder, done.get(f"{part.name}.{ending}")) for make in [FORMATS[ending]]
        }  # fmt: skip
        try:
            rows = part.read(reader, at, wanted.since) if missing else pl.DataFrame()
        except AccessError as hidden:
            left_out[part.name] = str(hidden)
            continue
        for ending, make in missing.items():
            keep(f"{part.name}.{ending}", make(rows, part.name), flat(rows))
    _write_statements(reader, at, folder, wanted, (done, left_out, keep))
    _write_metro2(reader, at, who, wanted, (left_out, keep))
    trail = _log_of(reader, at, folder, (done, left_out), sees_trail, wanted)
    return _finished(folder, head, trail, done, left_out)


Keep = Callable[[str, bytes, pl.DataFrame], None]


def _write_statements(
    reader: LedgerReader, at: Clocks, folder: Path, wanted: Wanted,
    so_far: tuple[dict[str, Any], dict[str, str], Keep],
) -> None:  # fmt: skip
    """Every loan's statement as a line of JSON, and, where wanted, on paper."""
    done, left_out, keep = so_far
    if not wanted.papers:
        left_out["statements as PDF"] = (
            "they were not asked for (--papers); statements.jsonl has each loan's"
        )
    if not wanted.papers and _is_whole(folder, done.get(STATEMENTS)):
        return
    try:
        told = statements(reader, at)
    except AccessError as hidden:
        left_out["statements"] = str(hidden)
        return
    keep(STATEMENTS, told.write_ndjson().encode(), told)
    if not wanted.papers:
        return
    if told.height > MOST_PAPERS:
        left_out["statements as PDF"] = (
            f"{told.height} loans are more than the {MOST_PAPERS} that are set; ask for a narrower scope"
        )
        return
    missing = told.filter(pl.Series([not _is_whole(folder, done.get(_paper(key))) for key in told["loan_key"]], dtype=pl.Boolean))  # fmt: skip
    lender = read_instance(reader.settings.home).entity or "loanbook"
    for key, pdf in zip(missing["loan_key"], papers(missing, lender), strict=True):
        keep(_paper(key), pdf, pl.DataFrame())


def _write_metro2(
    reader: LedgerReader, at: Clocks, who: Actor, wanted: Wanted, so_far: tuple[dict[str, str], Keep]
) -> None:  # fmt: skip
    """What bureaus are told, and a table of the loans that they are not told of."""
    left_out, keep = so_far
    if not wanted.metro2:
        left_out["Metro 2"] = "it was not asked for (--metro2 REASON)"
        return
    furnishers = policies_of(reader).all_in_force(CreditReporting, at.on)
    if len(furnishers) != 1:
        left_out["Metro 2"] = (
            f"{len(furnishers)} policies credit_reporting are in force; it takes one"
        )
        return
    (by,) = furnishers.values()
    try:
        made = furnished(reader, at, by, open_vault(reader.settings), who, wanted.metro2)
    except AccessError as hidden:
        left_out["Metro 2"] = str(hidden)
        return
    keep(METRO2, made.data, made.accounts.select("account_number"))
    keep(
        "metro2_left_out.csv",
        made.left_out.write_csv(line_terminator="\n").encode(),
        made.left_out,
    )


def _paper(loan_key: str) -> str:
    """Name of a loan's statement: a digest of its key, which may be no name of a file."""
    return f"statement_{hashlib.sha256(loan_key.encode()).hexdigest()[:16]}.pdf"


def _log_of(
    reader: LedgerReader, at: Clocks, folder: Path, so_far: tuple[dict[str, Any], dict[str, str]],
    sees_trail: bool, wanted: Wanted,
) -> dict[str, Any] | None:  # fmt: skip
    """Write the access log, or say why it is left out."""
    done, left_out = so_far
    whole = sees_trail and not wanted.scope
    trail = _trail(reader, at, folder) if whole else None
    if trail is not None:
        done[LOG] = _told(folder / LOG, trail["entries"], [[name, "JSON"] for name in (*FIELDS, "hash")])  # fmt: skip
        return trail
    left_out["access_log"] = (
        "no version of the ledger names a trail by then" if whole
        else "its chain tells of all loans, and a scope was asked for" if sees_trail
        else "it takes a role that reads the audit trail"
    )  # fmt: skip
    return None


def _finished(
    folder: Path, head: dict[str, Any], trail: dict[str, Any] | None, done: dict[str, Any], left_out: dict[str, str]
) -> Pack:  # fmt: skip
    """Write what tells of the files, the manifest last."""
    files = sorted(done.values(), key=lambda each: each["name"])
    manifest = {**head, "trail": trail, "files": files, "left_out": left_out}
    write_whole(folder / README, _readme(manifest).encode())
    write_whole(folder / VERIFIER, Path(verify.__file__).read_bytes())
    data = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    write_whole(folder / MANIFEST, data)
    (folder / PROGRESS).unlink(missing_ok=True)
    return Pack(hashlib.sha256(data).hexdigest(), files, left_out)


def _head(reader: LedgerReader, at: Clocks, who: Actor, wanted: Wanted) -> dict[str, Any]:
    """What a pack is: clocks, hashes of policies and code, requester."""
    version = reader.query(
        "SELECT run_id, policy_hash, code_hash FROM versions WHERE version = ?", [at.version]
    ).row(0, named=True)
    return {
        "pack": "audit", "as_of": at.on.isoformat(), "known_at": at.known, "version": at.version,
        **version, "requester": who.words, "roles": sorted(who.roles),
        "amounts": "minor units of each loan's currency", "formats": sorted(wanted.formats),
        "scope": {name: sorted(values) for name, values in sorted(wanted.scope.items())},
        "restated_since_version": wanted.since, "papers": wanted.papers, "metro2": wanted.metro2,
    }  # fmt: skip


def _begun(folder: Path, head: dict[str, Any]) -> dict[str, Any]:
    """Files of a writing of the same pack that died; none in a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    progress = folder / PROGRESS
    if progress.is_file():
        told = json.loads(progress.read_text())
        if told["head"] == head:
            files: dict[str, Any] = told["files"]
            return files
    if any(folder.iterdir()):
        raise LoanbookError(
            f"{folder} is not empty, and holds no part of this pack; name a new folder"
        )
    write_whole(progress, json.dumps({"head": head, "files": {}}).encode())
    return {}


def _is_whole(folder: Path, told: dict[str, Any] | None) -> bool:
    path = folder / told["name"] if told else None
    return (
        path is not None and told is not None and path.is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest() == told["sha256"]
    )  # fmt: skip


def _told(path: Path, rows: int, columns: list[list[str]]) -> dict[str, Any]:
    data = path.read_bytes()
    return {
        "name": path.name, "rows": rows, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
        "blocks": verify.blocks(data.splitlines(keepends=True)) if path.suffix in TEXTS else [], "columns": columns,
    }  # fmt: skip


def _trail(reader: LedgerReader, at: Clocks, folder: Path) -> dict[str, Any] | None:
    """Write the audit trail as far as the known version names it; None: it names none."""
    found = reader.lake().frame(
        "SELECT entries, hash FROM {lake}.audit_anchors WHERE version <= ? ORDER BY version DESC LIMIT 1",
        [at.known],
    )
    if found.is_empty() or not has_people(reader.settings):
        return None
    count, hash_ = found.row(0)
    rows = entries(open_people(reader.settings)).filter(pl.col("seq") <= count)
    rows = rows.with_columns(pl.col("time").dt.epoch("us"))
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows.to_dicts())
    write_whole(folder / LOG, text.encode())
    return {"entries": count, "hash": hash_}


def _readme(manifest: dict[str, Any]) -> str:
    meanings = {part.name: part.meaning for part in PARTS} | {
        "access_log": "the audit trail, each entry with the hash of its chain",
        "statements": "each loan's statement, a line of JSON a loan",
        "metro2": "what credit bureaus are told, with borrowers' data as the vault has them now",
        "metro2_left_out": "loans that they are not told of, and why",
    }
    lines = [
        f"Audit pack as of {manifest['as_of']}, as known at version {manifest['known_at']}, for {manifest['requester']}.",
        "Amounts are in minor units of each loan's currency; dates are ISO 8601; text is UTF-8, rows as RFC 4180 has them.",
        "Check it offline: python3 verify.py --digest DIGEST (the digest stands in the lender's audit trail).", "",
        *(f"{each['name']:<30} {each['rows']:>9} rows  {meanings[each['name'].partition('.')[0]]}"
          for each in manifest["files"] if not each["name"].endswith(".pdf")),
        *(["statement_….pdf: each loan's statement; the name is of the SHA-256 of the loan's key"] if manifest["papers"] else []),
        "", "Left out:", *(f"- {what}: {why}" for what, why in manifest["left_out"].items()),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
