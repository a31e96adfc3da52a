"""Metro 2 files beside their expectations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.errors import IntakeError
from loanbook.pipelines.formats.bank.metro2 import Furnished, read
from tests.payment_files.comparing import Comparison

SUMS = ("current_balance", "amount_past_due", "highest_credit", "scheduled_payment")


def compare(expected: dict[str, Any], path: Path, to: Comparison) -> None:
    """A crasher must end, and a fragment be read or refused; of a whole file every figure is compared."""
    if path.read_bytes().lstrip()[:1] == b"{":
        to.not_judged.append("no Metro 2 file, but what another reader found in one")
        return
    try:
        file = read(path.read_bytes())
    except IntakeError as refused:
        if expected.get("valid") or expected.get("binary"):
            to.not_judged.append(str(refused))
        return
    if "base_records" in expected:
        _whole(expected, file, to)


def _whole(expected: dict[str, Any], file: Furnished, to: Comparison) -> None:
    to.same("valid", expected["valid"], file.valid)
    for name, theirs, ours in (("header", expected["header"], file.header), ("trailer", expected["trailer"], file.trailer)):  # fmt: skip
        told = {key: str(value).strip() for key, value in (theirs or {}).items()}
        mine = {key: value if key == "rdw" or name == "header" else str(int(value or 0)) for key, value in ours.items()}  # fmt: skip
        to.exactly(name, told, mine)
    accounts = file.accounts
    to.exactly("base records", expected["base_records"], accounts.height)
    to.exactly("segments", expected["segments"], dict(file.segments["segment"].value_counts().rows()))  # fmt: skip
    for name in SUMS:
        to.exactly(f"sum of {name}", expected[f"sum_{name}"], accounts[name].sum())
    to.exactly("states", expected["account_status"], dict(Counter(accounts["account_status"])))
    to.exactly("portfolios", expected["portfolio"], dict(Counter(accounts["portfolio_type"])))
    kinds = set(file.problems["kind"])
    unread = file.problems.filter(pl.col("kind") == "unparsable_lines")["found"].to_list()
    to.exactly("lines not read", expected["unparsed_lines"], int(unread[0].split(":")[0]) if unread else 0)  # fmt: skip
    to.exactly("left over", bool(expected["records_with_leftover"]), "segments_left_over" in kinds)
    for n, theirs in enumerate(expected.get("first_records") or []):
        ours = accounts.row(n, named=True)
        for key, value in theirs.items():
            told = value.strip() if isinstance(value, str) else value
            to.exactly(f"record {n + 1} {key}", told, ours[key])
    told_kinds = {each["code"] for each in expected["problems"]}
    to.exactly("problems", told_kinds, kinds & (to.kinds | told_kinds))
