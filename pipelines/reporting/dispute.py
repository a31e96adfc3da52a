"""A dispute pack: a loan's path cent by cent, its events and rows, the policies it lives by, and proof.

Everything is written by the published ledger and the loan's own events; a second pack of the same loan,
date and version is the same to the byte. `manifest.json` has the SHA-256 of every file.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from loanbook.core.catalogue.codes import Kind, Timing, label
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.money import CURRENCY_NAMES, major
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.explain.explain import Explanation
from loanbook.core.store.clocks import Clocks
from loanbook.core.store.lists import ALLOCATED, KNOWN
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.views import MONEY
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
    page = Page(f"Loan {whose['loan_key']}", whose["entity"], explanation, events, currency)
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
        _in_major(rows, currency).write_csv(folder / name)
    _paper(page, proof).output(folder / "explanation.pdf")
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


_INK, _QUIET = (20, 20, 20), (110, 110, 110)


@dataclass(frozen=True)
class Page:
    """What stands on paper."""

    title: str
    entity: str
    explanation: Explanation
    events: pl.DataFrame
    currency: str


class _Paper(FPDF):
    """Pages with their number below."""

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font("Helvetica", "", 7.5)
        self.set_text_color(*_QUIET)
        self.cell(0, 5, f"{self.page_no()} of {{nb}}", align="R")


def _paper(of: Page, proof: dict[str, object]) -> FPDF:
    """The explanation on paper."""
    explanation, currency = of.explanation, of.currency
    page = _Paper(format="A4")
    page.set_creation_date(dt.datetime.combine(explanation.as_of, dt.time(), dt.UTC))
    page.set_title(f"{of.title} as of {explanation.as_of}")
    page.set_margins(18, 18)
    page.set_auto_page_break(True, 18)
    page.add_page()

    def say(text: str, size: float = 9, style: str = "", ink: tuple[int, int, int] = _INK,
            indent: float = 0) -> None:  # fmt: skip
        page.set_font("Helvetica", style, size)
        page.set_text_color(*ink)
        page.set_x(page.l_margin + indent)
        page.multi_cell(0, size * 0.5, _latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")

    say(of.title, 16, "B")
    say(of.entity, ink=_QUIET)
    say(
        f"As of {explanation.as_of}, amounts in {currency}. Every line names the rule that decided it."
    )
    day = None
    for line in explanation.lines:
        if line.date != day:
            day = line.date
            page.ln(2)
            say(str(day), 10, "B")
        say(what(line, currency), indent=4)
        say(why(line), 7.5, ink=_QUIET, indent=8)
    page.ln(3)
    say(f"Stands at {stands_at(explanation, currency)}", 10, "B")
    held = explanation.held
    for text in held_by(held) if held else taken_back(of.events, currency):
        say(text)
    page.ln(2)
    say(f"Lived again from its events alone: {proof['rows']} stored days, {proof['cells_that_differ']} "
        f"cells that differ; digest {proof['digest']}", 7.5, ink=_QUIET)  # fmt: skip
    return page


def _latin(text: str) -> str:
    """Text in the letters that the standard fonts of PDF have."""
    plain = text.replace("−", "-").replace("–", "-").replace("→", "to").replace("×", "x")
    return plain.encode("latin-1", "replace").decode("latin-1")
