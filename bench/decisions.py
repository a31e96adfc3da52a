"""`python -m bench.decisions`: decisions on 100,000 applications at once, beside a row-by-row rules engine.

Inputs are drawn from the public sample with replacement; bank data and shared devices, which it lacks, are drawn from a seed:
they are synthetic. Beside it zen-engine (JSON decision tables) evaluates the same rules and scorecard a row at a time, where it
is installed (`pip install zen-engine`; loanbook does not need it): grade, price, limits, reasons, hashes and trace are left out
there, so the comparison favours it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from typing import Any

import numpy as np
import polars as pl

from loanbook.core.decision.deciding import again, decide
from loanbook.core.policy.book import parse
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.pipelines.simulation.applicants import inputs_of
from loanbook.pipelines.simulation.landing import FOLDER, public_tape

ROWS, ZEN_ROWS, SEED, BAR_SECONDS, BAR_RATIO = 100_000, 5_000, 2018, 5.0, 20.0
FILE = FOLDER.parent / "policies" / "decisions" / "personal-loan.yaml"
BANK_RULES = """
  - {code: no_buffer, group: affordability, when: bank_net_month < 0, then: refer, weight: 45, says: More goes out of your account than comes in.}
  - {code: returned_debits, group: affordability, when: bank_returned_90d > 1, then: decline, weight: 85, says: Debits on your account came back.}
  - {code: stale_bank_data, group: referral, when: bank_age_days > 30, then: refer, weight: 20, says: Your bank data are no longer recent.}
"""


def policy() -> DecisionPolicy:
    """The shipped policy with three rules over bank data."""
    text = FILE.read_text(encoding="utf-8").replace(
        "scorecard:", BANK_RULES.strip("\n") + "\nscorecard:", 1
    )
    found = parse("decisions", "bench.yaml", text)
    assert isinstance(found, DecisionPolicy)
    return found


def applications() -> pl.DataFrame:
    """Rows as `decide` takes them."""
    draw = np.random.default_rng(SEED)
    rows = inputs_of(public_tape()).sample(ROWS, with_replacement=True, seed=SEED)
    return rows.with_columns(
        application_id=pl.int_range(pl.len()).cast(pl.String), currency=pl.lit("USD"), decided_at=dt.datetime(2018, 4, 1),
        bureau_age_days=pl.Series(draw.integers(0, 40, ROWS)), bank_age_days=pl.Series(draw.integers(0, 40, ROWS)),
        bank_net_month=pl.Series(draw.integers(-50_000, 300_000, ROWS)), bank_returned_90d=pl.Series(draw.integers(0, 3, ROWS)),
        device_applications_1d=pl.Series(draw.integers(0, 5, ROWS)), linked_rejected=pl.Series(draw.integers(0, 2, ROWS)),
    )  # fmt: skip


def zen_graph(of: DecisionPolicy) -> dict[str, Any]:
    """The rules as one table that collects codes, each characteristic as a table of its own."""
    tables = [
        _table(
            "rules",
            "collect",
            "",
            "code",
            [(_zen(rule.when), f'"{rule.code}"') for rule in of.rules],
        )
    ]
    for each in of.scorecard.characteristics:
        cells = [(f"< {b.below}" if b.below is not None else "", str(b.points)) for b in each.bins]
        cells += [(f'"{word}"', str(points)) for word, points in each.words.items()]
        if each.words:
            cells.append(("", str(each.other or 0)))
        tables.append(_table(each.input, "first", each.input, f"points_{each.input}", cells))
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in"},
        *tables,
        {"id": "out", "type": "outputNode", "name": "out"},
    ]
    edges = [
        {"id": f"{a}-{b}", "sourceId": a, "targetId": b}
        for table in tables for a, b in (("in", table["id"]), (table["id"], "out"))
    ]  # fmt: skip
    return {"nodes": nodes, "edges": edges}


def _zen(when: str) -> str:
    return (
        re.sub(r"(?<![<>!=])=(?!=)", "==", when).replace(" AND ", " and ").replace(" OR ", " or ")
    )


def _table(
    name: str, policy_: str, field: str, output: str, cells: list[tuple[str, str]]
) -> dict[str, Any]:
    rules = [{"_id": f"{name}{n}", "i": cell, "o": value} for n, (cell, value) in enumerate(cells)]
    content: dict[str, Any] = {"hitPolicy": policy_, "inputs": [{"id": "i", "name": "i", "field": field}],
               "outputs": [{"id": "o", "name": "o", "field": output}], "rules": rules}  # fmt: skip
    if policy_ == "collect":
        content["outputPath"] = name
    return {"id": name, "type": "decisionTableNode", "name": name, "content": content}


def zen_rate(rows: pl.DataFrame, of: DecisionPolicy) -> tuple[float, int] | None:
    """Applications a CPU second, and how many have at least one rule that holds; None: zen-engine isn't there."""
    try:
        import zen
    except ImportError:
        return None
    decision = zen.ZenEngine().create_decision(json.dumps(zen_graph(of)))
    told = rows.head(ZEN_ROWS).select(of.reads).to_dicts()
    began, held = time.process_time(), 0
    for row in told:
        held += bool(decision.evaluate(row)["result"].get("rules"))
    return ZEN_ROWS / (time.process_time() - began), held


def main() -> None:
    """Measure, and say whether the bars are met."""
    rows, of = applications(), policy()
    decide(rows.head(1_000), of)
    spent, walls = [], []
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        made, inputs = decide(rows, of)
        spent.append(time.process_time() - cpu)
        walls.append(time.perf_counter() - wall)
    best = min(spent)
    print(f"{ROWS:,} applications, {len(of.rules)} rules, {len(of.scorecard.characteristics)} characteristics: "
          f"{best:.2f} CPU s ({min(walls):.2f} s by the clock), bar {BAR_SECONDS} s: {'met' if min(walls) <= BAR_SECONDS else 'missed'}")  # fmt: skip
    print(made.group_by("outcome").len().sort("outcome").rows())
    cpu = time.process_time()
    same = again(made, inputs, of)["decision_hash"].equals(made["decision_hash"])
    print(
        f"made again from what is stored: {time.process_time() - cpu:.2f} CPU s, the same: {same}"
    )
    found = zen_rate(rows, of)
    if found is None:
        print("zen-engine is not installed: nothing to compare with")
        return
    ratio = ROWS / best / found[0]
    print(f"zen-engine: {found[0]:,.0f} a CPU second over {ZEN_ROWS:,} rows, loanbook {ROWS / best:,.0f}: {ratio:.1f} times, "
          f"bar {BAR_RATIO:.0f}: {'met' if ratio >= BAR_RATIO else 'missed'}")  # fmt: skip
    print(
        f"rules that hold: {found[1]} rows there, {(made.head(ZEN_ROWS)['hits'] != 0).sum()} here"
    )


if __name__ == "__main__":
    main()
