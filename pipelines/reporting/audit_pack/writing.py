"""An audit pack as files: the same clocks and requester give the same bytes; what a writing that died wrote stays.

A table that the requester's roles hide is left out, and the manifest says why; so is all that no pack holds.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.access.trail import FIELDS
from loanbook.core.errors import LoanbookError
from loanbook.core.store.clocks import Clocks
from loanbook.core.store.people.acting import has_people
from loanbook.core.store.people.audit import entries
from loanbook.core.store.people.database import open_people
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.reporting.audit_pack import verify
from loanbook.pipelines.reporting.audit_pack.contents import LEFT_OUT, PARTS

MANIFEST, VERIFIER, README, LOG = "manifest.json", "verify.py", "README.txt", "access_log.jsonl"
PROGRESS = ".progress.json"
"""Files that are whole, while the pack is not: the next writing of the same pack goes on from there."""


@dataclass(frozen=True)
class Pack:
    """A pack that was written."""

    digest: str
    """SHA-256 of its manifest."""
    files: list[dict[str, Any]]
    left_out: dict[str, str]


def write_pack(
    reader: LedgerReader, at: Clocks, folder: Path, who: Actor, *, sees_trail: bool
) -> Pack:
    """Write a pack. `reader`: of both clocks, as the requester's roles show it. `sees_trail`: whether they show the
    audit trail. LoanbookError where the folder holds anything else."""
    head = _head(reader, at, who)
    done = _begun(folder, head)
    left_out = dict(LEFT_OUT)
    for part in PARTS:
        name = f"{part.name}.csv"
        if _is_whole(folder, done.get(name)):
            continue
        try:
            rows = _flat(part.read(reader, at))
        except AccessError as hidden:
            left_out[part.name] = str(hidden)
            continue
        _keep(folder, name, rows.write_csv(line_terminator="\n").encode())
        done[name] = _told(
            folder / name, rows.height, [[n, str(t)] for n, t in rows.schema.items()]
        )
        (folder / PROGRESS).write_text(json.dumps({"head": head, "files": done}))
    trail = _trail(reader, at, folder) if sees_trail else None
    if trail is None:
        why = (
            "no version of the ledger names a trail by then"
            if sees_trail
            else "it takes a role that reads the audit trail"
        )
        left_out["access_log"] = why
    else:
        done[LOG] = _told(
            folder / LOG, trail["entries"], [[name, "JSON"] for name in (*FIELDS, "hash")]
        )
    files = sorted(done.values(), key=lambda each: each["name"])
    manifest = {**head, "trail": trail, "files": files, "left_out": left_out}
    _keep(folder, README, _readme(manifest).encode())
    _keep(folder, VERIFIER, Path(verify.__file__).read_bytes())
    data = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    _keep(folder, MANIFEST, data)
    (folder / PROGRESS).unlink(missing_ok=True)
    return Pack(hashlib.sha256(data).hexdigest(), files, left_out)


def _head(reader: LedgerReader, at: Clocks, who: Actor) -> dict[str, Any]:
    """What a pack is: clocks, hashes of policies and code, requester."""
    version = reader.query(
        "SELECT run_id, policy_hash, code_hash FROM versions WHERE version = ?", [at.version]
    ).row(0, named=True)
    return {
        "pack": "audit", "as_of": at.on.isoformat(), "known_at": at.known, "version": at.version,
        **version, "requester": who.words, "roles": sorted(who.roles),
        "amounts": "minor units of each loan's currency",
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
    progress.write_text(json.dumps({"head": head, "files": {}}))
    return {}


def _is_whole(folder: Path, told: dict[str, Any] | None) -> bool:
    path = folder / told["name"] if told else None
    return (
        path is not None and told is not None and path.is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest() == told["sha256"]
    )  # fmt: skip


def _flat(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows for CSV: lists as their JSON."""
    lists = [name for name, kind in rows.schema.items() if isinstance(kind, pl.List)]
    return rows.with_columns(
        pl.format(
            "[{}]", pl.col(name).list.eval(pl.element().cast(pl.String)).list.join(",")
        ).alias(name)
        for name in lists
    )


def _keep(folder: Path, name: str, data: bytes) -> None:
    fresh = folder / f".{name}"
    fresh.write_bytes(data)
    fresh.replace(folder / name)


def _told(path: Path, rows: int, columns: list[list[str]]) -> dict[str, Any]:
    data = path.read_bytes()
    return {
        "name": path.name, "rows": rows, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
        "blocks": verify.blocks(data.splitlines(keepends=True)), "columns": columns,
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
    _keep(folder, LOG, text.encode())
    return {"entries": count, "hash": hash_}


def _readme(manifest: dict[str, Any]) -> str:
    meanings = {f"{part.name}.csv": part.meaning for part in PARTS} | {
        LOG: "the audit trail, each entry with the hash of its chain"
    }
    lines = [
        f"Audit pack as of {manifest['as_of']}, as known at version {manifest['known_at']}, for {manifest['requester']}.",
        "Amounts are in minor units of each loan's currency; dates are ISO 8601; text is UTF-8, rows as RFC 4180 has them.",
        "Check it offline: python3 verify.py --digest DIGEST (the digest stands in the lender's audit trail).", "",
        *(f"{each['name']:<26} {each['rows']:>9} rows  {meanings[each['name']]}" for each in manifest["files"]),
        "", "Left out:", *(f"- {what}: {why}" for what, why in manifest["left_out"].items()),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
