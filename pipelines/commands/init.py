"""`loanbook init`: a new instance, with everything that a lender sets in files of its own."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from loanbook.core.errors import PolicyError
from loanbook.core.store.instance import (
    FILE,
    SHIPPED_POLICIES,
    InstanceError,
    policy_files,
)
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import out

CANONICAL = "canonical"
"""The shipped mapping of loans in loanbook's own terms."""
SAMPLE_MAPPING = "lendingclub"
SYNTHETIC = "synthetic-"
"""How policies are named that only simulated files need."""
SAMPLE = (
    "products/lendingclub-personal.yaml",
    "tapes/lendingclub.yaml",
    "decisions/personal-loan.yaml",
    "underwriting/personal-loan.yaml",
)
"""Policies of the public sample: no part of a lender's own instance."""
OWN_FILES = ("payment_files", "command_files", "application_files", "decisions")
"""Mappings of payments, orders and applications: none is shipped, loanbook's own columns need none; and policies of
decisions, of which the sample's alone is."""
SCHEMA = "# yaml-language-server: $schema=../schemas/{kind}.json"
"""First line of a policy file: where an editor finds the fields of its kind."""
TOML = """\
# An instance of loanbook: this folder is all it reads and writes.
#   landing/   files as they come: loan_tape_DATE.csv, payments_DATE.csv, commands_DATE.csv
#   policies/  products, waterfalls, fees, mappings of tapes: edit them, add to them
#   lake/      the ledger, made by the first run
# Commands find it from here and from every folder below, or by LOANBOOK_HOME or --home.

# The lender, as people read it. The entity of a loan in the books is its product's (policies/).
entity = {entity}
# demo: whoever sits before it may do all, without an account, and it says so. production: everyone is a known
# user (`loanbook users add`), and does what their roles (policies/roles) grant.
profile = "demo"

[intake]
# The mapping (policies/tapes/NAME.yaml) of a tape whose name ends with none.
# loan_tape_2024-01-31_midtown.csv is read by the mapping `midtown`.
mapping = {mapping}
# The same of payments and orders (policies/payment_files, policies/command_files). Left out: the mapping
# that is named as that of tapes, else the only one, else loanbook's own columns.
# payments = "bank"
# commands = "desk"
# How many days before the first open date a loan may have been paid out that a tape boards.
late_days = 366
# By what a whole file is known. "line_end": a last line without its end is quarantined, for it may be cut.
# "trailer": the last line is TRAILER, and the count of the rows before it. "checksum": NAME.csv.sha256
# lands beside NAME.csv, which waits for it. "any": every file is taken as it is.
complete = "line_end"
# A file that was written less than so many seconds ago waits for the next run.
settle_seconds = 0
# A folder below landing whose files all were taken in, and where nothing changed for so many days, is not listed
# again until a file is added, removed or renamed there.
rest_days = 31

[store]
# Where the versions are catalogued. Empty: SQLite in lake/, for one machine. For several,
# PostgreSQL: "postgresql://user@host/database". Keep the password out of this file: in ~/.pgpass,
# or give the whole address in the variable LOANBOOK_CATALOGUE, which wins.
catalogue = ""
# Where the encrypted data files lie. Empty: in lake/data. Else a bucket of a server that speaks S3:
# "s3://BUCKET/PREFIX" (LOANBOOK_DATA wins). Its key is told by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in a
# file that AWS_SHARED_CREDENTIALS_FILE names, never here.
data = ""

[store.s3]
# Empty: Amazon's. Else "https://HOST:PORT" (LOANBOOK_S3_ENDPOINT and LOANBOOK_S3_REGION win).
endpoint = ""
region = "us-east-1"

[alerts]
# A program that is told when a run of Dagster failed or loans are held: it gets one JSON message on
# standard input, in this folder. Empty: nobody is told. For instance: ["sh", "-c", "cat >> alerts.jsonl"]
command = []

[held]
# Loans that break a law are held at their last good positions while the others are published: at
# most so many, and so many percent of the book. More blocks the day.
loans = 100
percent = 10

[maintenance]
# How many days old a thing must be that `loanbook maintain` does away with: snapshots of the lake (every version of
# the ledger stays), files whose rows were merged into another, files that a killed run left.
snapshot_days = 30
merged_days = 1
orphan_days = 7
# Whether landed files of months past are moved into folders of their months. false: a sender mirrors the folder,
# and would send them again.
shelve = true

[people]
# Where users, sessions, orders that wait and the audit trail are kept. Empty: SQLite in people/. Else PostgreSQL:
# "postgresql://user@host/database", or the whole address in the variable LOANBOOK_PEOPLE, which wins.
database = ""
# How many hours a sign-in lasts, and how many seconds the clock may stand behind the last entry of the audit trail.
session_hours = 8
clock_skew_seconds = 300
"""


def init(
    folder: Annotated[Path, typer.Argument(help="Where: a new folder, or an empty one.")],
    entity: Annotated[str, typer.Option(help="The lender's name, as people read it.")] = "",
    sample: Annotated[
        bool, typer.Option("--sample", help="With the product and mapping of the public sample.")
    ] = False,
) -> None:
    """Make an instance: loanbook.toml, policies to edit, a landing folder."""
    home = folder.resolve()
    files = make(home, entity or home.name, sample=sample)
    mapping = SAMPLE_MAPPING if sample else CANONICAL
    out.print(
        f"Made {home}: {FILE}, {counted(files, 'policy', 'policies')}, landing/. Tapes are read by `{mapping}`."
    )
    out.print("Next: drop files into landing/, then `loanbook run` in that folder."
              if not sample else "Next: `loanbook demo` in that folder.")  # fmt: skip


def _from_today(kind: str, text: str) -> str:
    """A shipped policy as an own one: letters are made of loans that end from now on, and of none before."""
    return text.replace("ended_from: 1900-01-01", f"ended_from: {dt.date.today()}") if kind == "closure" else text  # fmt: skip


def make(home: Path, entity: str, *, sample: bool = False) -> int:
    """Write a new instance; returns the number of policies. InstanceError if anything is there."""
    if home.exists() and not home.is_dir():
        raise InstanceError(f"{home} is a file; name a new folder or an empty one")
    found = sorted(path.name for path in home.iterdir()) if home.exists() else []
    if found:
        others = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise InstanceError(
            f"{home} is not empty: it holds {', '.join(found[:5])}{others}; name a new folder or an "
            "empty one"
        )
    copied = [
        (f"{kind}/{name}", text if sample else _from_today(kind, text))
        for kind, name, text in policy_files(SHIPPED_POLICIES)
        if sample or (f"{kind}/{name}" not in SAMPLE and not name.startswith(SYNTHETIC))
    ]
    if not copied:
        raise PolicyError(f"{SHIPPED_POLICIES} holds no policies; install loanbook anew")
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    try:
        for name, text in copied:
            path = home / "policies" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{SCHEMA.format(kind=path.parent.name)}\n{text}", encoding="utf-8")
        shutil.copytree(SHIPPED_POLICIES / "schemas", home / "policies" / "schemas")
        for folder in OWN_FILES:
            (home / "policies" / folder).mkdir(exist_ok=True)
        (home / "landing").mkdir()
        mapping = SAMPLE_MAPPING if sample else CANONICAL
        config = TOML.format(entity=_quoted(entity), mapping=_quoted(mapping))
        (home / FILE).write_text(config, encoding="utf-8")
    except OSError:
        for path in home.iterdir():  # all was ours: a second try finds it empty again
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise
    return len(copied)


def _quoted(text: str) -> str:
    """A TOML string: its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
