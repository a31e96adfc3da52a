"""A dispute pack: a loan's path cent by cent, its events and rows, the policies it lives by, and proof.

Everything is written by the published ledger and the loan's own events; a second pack of the same loan,
date and version is the same to the byte. `manifest.json` has the SHA-256 of every file.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import polars as pl

from loanbook.core.catalogue.codes import Kind, Timing, label
from loanbook.core.catalogue.components import Component
from loanbook.core.cells import without_formulas
from loanbook.core.contract.money import CURRENCY_NAMES, major
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.explain.explain import Explanation
from loanbook.core.store.clocks import Clocks
from loanbook.core.store.lists import ALLOCATED, KNOWN
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.views import MONEY
from loanbook.pipelines.documents.rendering import NoSignError, Page, rendered, spelled_out
from loanbook.pipelines.reporting.wording import held_by, stands_at, taken_back, text_of, what, why
from loanbook.pipelines.resources import code_hash
from loanbook.pipelines.servicing.verify import Verified, explained

README = """Loan {loan} of {entity} (number {number} in loanbook), as of {day}, known at version {version} of the ledger.
Amounts are in {currency}; explanation.json alone has minor units.

explanation.txt, .json, .pdf  what happened to every cent, the rule that decided it, and its source
events.csv                    every event of the loan, those that were taken back too
positions.csv                 the loan on every date, as known last
allocations.csv               what every payment was allocated to
transfers.csv                 the loan's own movements in the double-entry ledger
policies.json                 the policies in force for its product
replay.json                   the loan lived again from its events, beside what the ledger stored
manifest.json                 rows and SHA-256 of each file, and the hashes of policies and code
"""


def write_pack(
    reader: LedgerReader, policies: PolicyBook, loan_id: int, at: Clocks, folder: Path
) -> list[Path]:
    """Write the files of a loan's dispute pack; returns their paths.

    Raises LoanbookError where the ledger has no event of the loan, its lines do not sum to its position, or
    it does not come out as the ledger has it.
    """
    whose = reader.query(
        "SELECT k.loan_key, e.name AS entity FROM loan_keys k JOIN entities e ON e.code = k.entity "
        "WHERE k.loan_id = ?",
        [loan_id],
    ).row(0, named=True)
    events = reader.lake().life_of(loan_id, at.booked)
    explanation, seen = explained(reader.lake(), policies, loan_id, at)
    currency = CURRENCY_NAMES[int(events["currency"][0])]
    folder.mkdir(parents=True, exist_ok=True)
    tables = _tables(reader, events, loan_id, at)
    proof = _proof(seen)
    paper = _paper(f"Loan {whose['loan_key']}", whose["entity"], explanation, events, proof)
    texts = {
        "README.txt": README.format(
            loan=whose["loan_key"], entity=whose["entity"], number=loan_id, day=at.on,
            version=at.known, currency=currency,
        ),
        "explanation.txt": text_of(explanation, events, currency, whose["loan_key"]),
        "explanation.json": json.dumps(
            {"loan_key": whose["loan_key"], "currency": currency, "unit": "minor"}
            | asdict(explanation), default=str, indent=1,
        ),
        "policies.json": json.dumps(_in_force(policies, reader, loan_id, at.on), indent=1),
        "replay.json": json.dumps(proof, indent=1),
    }  # fmt: skip
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, rows in tables.items():
        without_formulas(_in_major(rows, currency)).write_csv(folder / name)
    (folder / "explanation.pdf").write_bytes(_set(paper))
    manifest = {
        "loan_key": whose["loan_key"], "entity": whose["entity"], "loan_id": loan_id,
        "as_of": str(at.on), "version": at.known,
        "policy_hash": policies.digest, "code_hash": code_hash(),
        "files": [
            {"file": name, "rows": tables[name].height if name in tables else None,
             "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
            for name in sorted([*texts, *tables, "explanation.pdf"])
        ],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return sorted(folder / name for name in (*texts, *tables, "explanation.pdf", "manifest.json"))


def _in_major(rows: pl.DataFrame, currency: str) -> pl.DataFrame:
    """Money of a loan's rows as text in units of its currency."""
    money = [name for name in MONEY if rows.schema.get(name) == pl.Int64]
    return rows.with_columns(major(name, currency) for name in money)


def _tables(
    reader: LedgerReader, events: pl.DataFrame, loan_id: int, at: Clocks
) -> dict[str, pl.DataFrame]:
    known = {"loan": loan_id, "on": at.on, "version": at.known}
    positions = reader.query(
        "SELECT * FROM positions p WHERE p.loan_id = $loan AND p.business_date <= $on "
        f"AND p.version <= $version AND {KNOWN} ORDER BY p.business_date",
        known,
    )
    transfers = reader.query(
        "SELECT t.* EXCLUDE (debit, credit), d.name AS debit, c.name AS credit FROM transfers t "
        "JOIN account_roles d ON d.code = t.debit JOIN account_roles c ON c.code = t.credit "
        "WHERE loan_id = $loan AND t.value_date <= $on AND t.version <= $version "
        "ORDER BY t.version, t.value_date, t.event_id, d.name, c.name, t.amount",
        known,
    )
    allocations = reader.query(ALLOCATED, known)
    return {
        "events.csv": events.with_columns(kind=label("kind", Kind)),
        "positions.csv": positions,
        "allocations.csv": allocations.with_columns(
            label("component", Component), label("timing", Timing)
        ),
        "transfers.csv": transfers,
    }


def _in_force(
    policies: PolicyBook, reader: LedgerReader, loan_id: int, day: dt.date
) -> dict[str, object]:
    """The product that the loan pins, and every other policy in force for its entity by the day."""
    code = reader.query("SELECT product FROM loans WHERE loan_id = ? LIMIT 1", [loan_id])
    product = policies.product(int(code["product"][0]))
    others = [
        {"folder": folder} | policy.model_dump(mode="json", exclude_defaults=True)
        for folder, policy in policies.policies
        if folder not in ("products", "tapes") and policy.effective_from <= day
    ]
    return {"product": product.model_dump(mode="json"), "in_force": others}


def _proof(seen: Verified) -> dict[str, object]:
    return {
        "days": seen.days, "rows": seen.rows, "cells_that_differ": seen.differences.height,
        "digest": seen.digest,
        "meaning": "SHA-256 over every day of the loan, lived again from its events alone",
    }  # fmt: skip


def _paper(
    title: str,
    entity: str,
    explanation: Explanation,
    events: pl.DataFrame,
    proof: dict[str, object],
) -> Page:
    """The explanation on paper."""
    currency = CURRENCY_NAMES[int(events["currency"][0])]
    days = [
        {
            "date": str(date),
            "lines": [{"what": what(line, currency), "why": why(line)} for line in lines],
        }
        for date, lines in groupby(explanation.lines, key=lambda line: line.date)
    ]
    held = explanation.held
    told = {
        "title": title, "lender": entity, "as_of": str(explanation.as_of), "currency": currency, "days": days,
        "stands_at": stands_at(explanation, currency),
        "beside": held_by(held) if held else taken_back(events, currency),
        "proof": f"Lived again from its events alone: {proof['rows']} stored days, {proof['cells_that_differ']} "
        f"cells that differ; digest {proof['digest']}",
    }  # fmt: skip
    return Page("explanation", told, explanation.as_of)


def _set(paper: Page) -> bytes:
    """The PDF; a lender's key in letters that the fonts lack is spelled, a dispute waits for no font."""
    try:
        return rendered(paper)
    except NoSignError:
        return rendered(spelled_out(paper))
