"""Whose file of orders it is: what may enter as it stands, and what waits for another person.

In a demo every file enters as it is. In production the queue's own files enter, signed by the instance; a file that
is signed by the source that its mapping names enters row by row, where maker and checker are users who may order and
approve; all other rows wait as proposals, and are quarantined until somebody approves them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import polars as pl

from loanbook.core.access.actor import Actor, plain_name
from loanbook.core.contract.money import CURRENCY_NAMES, EXPONENT
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import CommandMapping
from loanbook.core.policy.rights.roles import ApprovalRules
from loanbook.core.store.settings import Settings
from loanbook.pipelines.formats.commands import FIELDS
from loanbook.pipelines.formats.table import Bad, Parsed
from loanbook.pipelines.ingest.events import Taken
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.waiting import SIGNATURE

PENDING = "approval-pending"
"""Stands for who will check an order that nobody has yet."""
PERSONAL = tuple(field.name for field in FIELDS if field.personal)
"""Fields that the queue keeps none of."""
_NUMBER = re.compile(r"[0-9]{1,13}(\.[0-9]{1,3})?")


def entering_and_waiting(
    parsed: Parsed, file: LandingFile, mapping: CommandMapping, where: Settings
) -> tuple[Parsed, pl.DataFrame]:
    """What of a file's rows may be judged to enter, and those that wait (as `Parsed.good` has them)."""
    from loanbook.core.store.people.keys import is_signed, public_key

    data = file.path.read_bytes()
    beside = file.path.with_name(file.path.name + SIGNATURE)
    signature = beside.read_bytes() if beside.is_file() else b""
    if signature and is_signed(data, signature, public_key(where)):
        return parsed, parsed.good.clear()
    if signature and mapping.signing_key and is_signed(data, signature, mapping.signing_key):
        good, bad = _by_users(parsed.good, where)
        return replace(parsed, good=good, bad=[*parsed.bad, *bad]), parsed.good.clear()
    return replace(parsed, good=parsed.good.clear()), parsed.good


def waiting_rows(rows: pl.DataFrame, judged: Taken, file: LandingFile) -> tuple[pl.DataFrame, Bad]:
    """Of rows that may not enter as they stand, those that no rule refuses: they wait; and all others, refused.

    `judged`: what the rows would give, if somebody approved them.
    """
    personal = pl.any_horizontal(pl.col(name).fill_null("") != "" for name in PERSONAL)
    lawful = judged.events["line"] if judged.events is not None else pl.Series(dtype=pl.Int64)
    fits = rows.filter(pl.col("line").is_in(lawful.implode()))
    waits = fits.filter(~personal)
    bad: Bad = []
    for rule, part, found in (
        ("waits_for_approval", waits, "`loanbook orders list` shows it"),
        ("personal_fields_need_a_signed_file", fits.filter(personal), "its source signs the file"),
    ):
        for line, ref in part.select("line", "command_ref").rows():
            bad.append({"line": line, "rule": rule, "found": f"{ref}: {found}"})
    return waits, [*judged.bad, *bad]


def let_wait(
    waits: pl.DataFrame,
    file: LandingFile,
    policies: PolicyBook,
    loans: pl.DataFrame,
    where: Settings,
    known_at: int,
) -> None:
    """Let rows of a file wait in the queue, each under an id of its own; one that waits already is left as it is."""
    from loanbook.core.store.people import queue
    from loanbook.core.store.people.database import open_people

    people = open_people(where)
    rules = policies.in_force(ApprovalRules, "standard", people.clock().date())
    currencies = dict(loans.select("loan_key", "currency").rows())
    names = ("command", "loan_key", "value_date", "reason", *(f.name for f in FIELDS))
    for row in waits.to_dicts():
        fields = {name: str(row[name]) for name in names if row[name] not in (None, "")}
        currency = CURRENCY_NAMES[currencies[row["loan_key"]]]
        amount = minor_units(fields.get("amount", ""), currency)
        step = rules.step(row["command"], amount)
        told = queue.Rules.of(rules, step, known_at)
        wanted = queue.Proposal(
            row["command"], row["loan_key"], row["value_date"], fields, amount, currency, row["reason"],
            f"{row['command_ref']} of {file.path.name}", file.path.name, order_id(file, row["line"]),
        )  # fmt: skip
        queue.propose(people, Actor(row["maker"], device=f"file {file.path.name}"), wanted, told)


def minor_units(amount: str, currency: str) -> int | None:
    """An amount in minor units of its currency; None: there is none, or it is no number of them."""
    scaled = Decimal(amount).scaleb(EXPONENT[currency]) if _NUMBER.fullmatch(amount) else None
    return None if scaled is None or scaled != int(scaled) else int(scaled)


def order_id(file: LandingFile, line: int) -> str:
    """The id under which a row of a file waits: the same each time that it is read."""
    return f"f-{file.file_id[:16]}-{line}"


def _by_users(rows: pl.DataFrame, where: Settings) -> tuple[pl.DataFrame, Bad]:
    """Rows whose maker and checker are users who may order and approve that; the others are refused."""
    from loanbook.core.store.people.database import open_people
    from loanbook.core.store.people.in_force import access_of
    from loanbook.core.store.people.users import known_names

    people = open_people(where)
    users, access = known_names(people), access_of(where, people)
    told: dict[tuple[str, str, str], str] = {}
    for verb, maker, checker in rows.select("command", "maker", "checker").unique().rows():
        for name, action in ((maker, "order.propose"), (checker, "order.approve")):
            user = users.get(plain_name(name)) if name else None
            if not name and action == "order.approve":
                continue
            if user is None:
                told[verb, maker, checker] = f"{name} is no user of this instance"
            elif not (
                verdict := access.may(replace(user, second_factor=True), action, verb)
            ).allowed:
                told[verb, maker, checker] = verdict.why
    bad: Bad = []
    for line, ref, verb, maker, checker in rows.select(
        "line", "command_ref", "command", "maker", "checker"
    ).rows():
        if why := told.get((verb, maker, checker)):
            bad.append({"line": line, "rule": "maker_or_checker_may_not", "found": f"{ref}: {why}"})
    lines = pl.Series([each["line"] for each in bad], dtype=pl.Int64)
    return rows.filter(~pl.col("line").is_in(lines.implode())), bad
