"""Every rule that can refuse a row has its row on the page of refusals, and no row there is of none."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from loanbook.core.servicing.orders.allowed import RULES as ORDER_RULES
from loanbook.core.servicing.orders.what_is_left import _POOLS
from loanbook.pipelines.formats.registry import KINDS, _named
from loanbook.pipelines.formats.rules import GROUPS, OF_COLUMNS, RULES
from loanbook.pipelines.reporting.files_page import meaning
from loanbook.pipelines.trial import RULE as TRIAL

ROOT = Path(__file__).resolve().parents[2]


def _texts(node: ast.AST) -> Iterator[str]:
    return (
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


def _in_code() -> Iterator[str]:
    """Names of rules that intake gives by itself: `"rule": NAME`, `rule=...`, `rules = {NAME: ...}`,
    `refused(rows, NAME)`, and loops over (NAME, rows)."""
    folders = ("pipelines/ingest", "pipelines/formats/origination")
    files = (file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    for file in [*files, ROOT / "pipelines/formats/table.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    named = not isinstance(value, ast.Subscript)  # else where that is made
                    if isinstance(key, ast.Constant) and key.value == "rule" and named:
                        yield from _texts(value)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "rules":
                if isinstance(node.value, ast.Dict):
                    yield from (t for key in node.value.keys if key for t in _texts(key))
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "rule":
                if isinstance(node.value, ast.IfExp):
                    yield from (t for e in (node.value.body, node.value.orelse) for t in _texts(e))
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "refused":
                yield from _texts(node.args[1]) if isinstance(node.args[1], ast.Constant) else ()
            elif isinstance(node, ast.For) and "rule" in ast.unparse(node.target):
                if isinstance(node.iter, ast.Tuple):
                    yield from (t for pair in node.iter.elts for t in _texts(pair.elts[0]))  # type: ignore[attr-defined]
            elif isinstance(node, ast.keyword) and node.arg == "rule":
                literals = (e for e in ast.walk(node.value) if ast.unparse(e).startswith("pl.lit("))
                yield from (t for e in literals if isinstance(e, ast.Call) for t in _texts(e))


def _in_contracts() -> Iterator[str]:
    for kind in KINDS:
        contract = _named(kind.contract)
        if isinstance(contract, Mapping):
            yield from contract
            continue
        for name in contract._validation_rules(with_cast=False):
            column, _, check = name.partition("|")
            if check != "nullability":  # what is read is never null but by a rule of its own
                yield OF_COLUMNS.get(name, column if not check else name)


def test_every_rule_that_refuses_a_row_is_told_of_and_every_one_told_of_exists() -> None:
    used = {*_in_code(), *_in_contracts(), *(rule.refusal for rule in ORDER_RULES),
            *(pool.rule for pool in _POOLS), TRIAL}  # fmt: skip
    assert len(used) > 100
    assert sorted(used - set(RULES)) == []
    assert sorted(set(RULES) - used) == []
    assert sum(len(rules) for rules in GROUPS.values()) == len(RULES)
    for rule in RULES.values():
        assert meaning(rule), rule.name
        assert rule.remedy, rule.name
