#!/usr/bin/env python3
"""Checks an audit pack offline: python3 verify.py [FOLDER] [--digest SHA256]

Needs Python 3.9 and nothing else. Says that all fits, or names the first file, row or link of the chain that does
not, with exit code 1. The digest of manifest.json stands in the lender's audit trail; ask for it apart from the pack:
without it whoever changes a file may change the manifest too.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import zipfile
from pathlib import Path

BLOCK = 1000
FIELDS = (
    "seq", "time", "class_uid", "activity_id", "activity_name", "actor_user_name", "actor_user_groups",
    "actor_session_uid", "src_endpoint_ip", "device_name", "metadata_correlation_uid", "entity_type",
    "entity_uid", "loan_key", "status_id", "status_detail", "before", "after",
)  # fmt: skip
BESIDE = {"manifest.json", "README.txt", "verify.py"}


class DoesNotFit(Exception):  # noqa: N818
    """What is wrong with the pack, and where."""


def blocks(lines: list[bytes]) -> list[str]:
    """SHA-256 of every so many lines: they tell where a file was changed."""
    return [
        hashlib.sha256(b"".join(lines[at : at + BLOCK])).hexdigest()
        for at in range(0, len(lines), BLOCK)
    ]


def rows_of_sheets(path: Path) -> int:
    """Rows of all sheets of a workbook beside their heads."""
    with zipfile.ZipFile(path) as book:
        sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        return sum(max(book.read(name).count(b"<row ") - 1, 0) for name in sheets)


def check_file(folder: Path, told: dict) -> None:
    """A file against what the manifest says of it."""
    path = folder / told["name"]
    if not path.is_file():
        raise DoesNotFit(f"{told['name']} is missing")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != told["sha256"]:
        lines = data.splitlines(keepends=True)
        for number, (found, wanted) in enumerate(zip(blocks(lines), told["blocks"])):  # noqa: B905
            if found != wanted:
                first = number * BLOCK + 1
                raise DoesNotFit(
                    f"{told['name']}: lines {first} to {first + BLOCK - 1} are not as they were written"
                )
        raise DoesNotFit(
            f"{told['name']}: it ends earlier or later than it did when it was written"
            if told["blocks"]
            else f"{told['name']}: it is not as it was written"
        )
    if path.suffix == ".xlsx" and (rows := rows_of_sheets(path)) != told["rows"]:
        raise DoesNotFit(f"{told['name']}: {rows} rows, the manifest says {told['rows']}")
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            rows = sum(1 for _ in reader)
        if header != [name for name, _ in told["columns"]]:
            raise DoesNotFit(f"{told['name']}: its columns are not those of the manifest")
        if rows != told["rows"]:
            raise DoesNotFit(f"{told['name']}: {rows} rows, the manifest says {told['rows']}")


def check_trail(folder: Path, manifest: dict) -> None:
    """The chain of the access log, to the entry that the ledger's version names."""
    path, trail = folder / "access_log.jsonl", manifest.get("trail")
    if not path.is_file() or not trail:
        return
    before, count = "0" * 64, 0
    with path.open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            text = "\x1f".join(
                "\x1e" if entry[name] is None else str(entry[name]) for name in FIELDS
            )
            before = hashlib.sha256((before + text).encode()).hexdigest()
            count += 1
            if entry["seq"] != count or entry["hash"] != before:
                raise DoesNotFit(f"access_log.jsonl: link {count} of the chain is broken")
    if (count, before) != (trail["entries"], trail["hash"]):
        raise DoesNotFit(
            f"access_log.jsonl: it ends with entry {count}, version {manifest['version']} names {trail['entries']}"
        )


def check_accounts(folder: Path) -> None:
    """Balances against the sums of transfers."""
    path = folder / "reconciliation.csv"
    if not path.is_file():
        return
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            if int(row["balance"]) - int(row["transferred"]) != 0:
                raise DoesNotFit(
                    f"reconciliation.csv: line {number}: the balance of {row['role']} is not the sum of its transfers"
                )


def check_metro2(folder: Path) -> None:
    """Each record as long as it says, and as many as the trailer says."""
    path = folder / "metro2.txt"
    if not path.is_file():
        return
    lines = path.read_text(encoding="ascii").splitlines()
    for number, line in enumerate(lines, 1):
        if int(line[:4]) != len(line):
            raise DoesNotFit(f"metro2.txt: line {number} is not as long as it says")
    if int(lines[-1][11:20]) != len(lines) - 2:
        raise DoesNotFit("metro2.txt: the trailer counts other accounts than there are")


def check(folder: Path, digest: str = "") -> dict:
    """The manifest of a pack that fits; DoesNotFit names the first thing that doesn't."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise DoesNotFit("manifest.json is missing")
    data = path.read_bytes()
    if digest and hashlib.sha256(data).hexdigest() != digest.lower():
        raise DoesNotFit("manifest.json: its SHA-256 is not the digest that you gave")
    manifest = json.loads(data)
    known = {each["name"] for each in manifest["files"]}
    for each in manifest["files"]:
        check_file(folder, each)
    others = sorted(p.name for p in folder.iterdir() if p.name not in known | BESIDE)
    if others:
        raise DoesNotFit(f"{others[0]} is no file of the pack")
    check_trail(folder, manifest)
    check_accounts(folder)
    check_metro2(folder)
    return manifest


def main(arguments: list[str]) -> int:
    """Exit code 0 where all fits."""
    digest = ""
    if "--digest" in arguments:
        at = arguments.index("--digest")
        digest = arguments[at + 1] if at + 1 < len(arguments) else ""
        del arguments[at : at + 2]
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    try:
        manifest = check(folder, digest)
    except (DoesNotFit, ValueError, KeyError) as wrong:
        print(f"DOES NOT FIT: {wrong}")
        return 1
    rows = sum(each["rows"] for each in manifest["files"])
    print(f"fits: {len(manifest['files'])} files, {rows} rows, as of {manifest['as_of']}, version {manifest['version']}"
          + ("" if digest else "; the manifest itself was not compared with a digest"))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
