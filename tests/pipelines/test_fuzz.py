"""Files that nobody meant to send, by a seed: every line is accounted for, what is accepted closes.

`make fuzz` runs 10,000 mutated files and 2,000 orders; a run of all tests a fixed slice of them
(`FUZZ=10000`, `ORDERS=2000`, `SEED=1` in the environment set other numbers).
"""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Callable, Iterator

from loanbook.core.catalogue.codes import Flag
from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.formats import commands, indices, payments
from loanbook.pipelines.formats.tape import parsing
from loanbook.pipelines.formats.tape import rows as tape_rows
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days
from tests.mutations import mutated
from tests.pipelines.files import LOANS, drop, take, weekly_loan

FILES = int(os.environ.get("FUZZ", "400"))
"""Mutated files that are read; every fortieth goes through a whole intake as well."""
ORDER_COUNT = int(os.environ.get("ORDERS", "100"))
SEED = int(os.environ.get("SEED", "1"))
DAY = dt.date(2018, 1, 11)
LOAN_KEYS = [f"F-{n}" for n in range(24)]
TAPE = LOANS + "".join(
    weekly_loan(key).replace("2018-01-02", "2018-01-09").replace("2018-01-09,,", "2018-01-16,,")
    for key in LOAN_KEYS
)
MONEY = ",".join(payments.COLUMNS) + "\n" + "".join(
    f"{{ref}}-{n},{LOAN_KEYS[n]},{n + 1}0.25,USD,2018-01-11\n" for n in range(12)
)  # fmt: skip
AMOUNT_LAST = "payment_ref,loan_key,currency,value_date,amount\n" + "".join(
    f"{{ref}}-{n},{LOAN_KEYS[n]},USD,2018-01-11,1{n}234.56\n" for n in range(12)
)
ORDERS = "command_ref,command,loan_key,value_date,amount,due_date,maker,checker,reason\n" + "".join(
    f"{{ref}}-{n},charge_fee,{LOAN_KEYS[n]},2018-01-11,{n + 1}.50,2018-02-20,ann,bob,late_document\n"
    for n in range(12)
)
INDEX = "index,date,rate_percent,corrects\n" + "".join(
    f"SOFR,2018-01-{n:02},4.{n:02},\n" for n in range(1, 12)
)


def lines_of(data: bytes) -> int:
    """Lines with something on them below the first, counted in bytes and by no parser."""
    return sum(1 for line in data.split(b"\n")[1:] if line.strip(b"\r"))


def test_every_line_of_a_mutated_file_is_a_row_or_is_refused(policies: PolicyBook) -> None:
    mapping = next(p for f, p in policies.policies if f == "tapes" and p.name == "canonical")
    product = next(p for f, p in policies.policies if p.name == "instalment-act365")

    def tape(data: bytes) -> int:
        raw, broken = tape_rows.read(data, mapping)
        ours = raw.filter(raw["product_name"] == product.name)
        good, bad = parsing.parse(ours, mapping, product, DAY)
        assert good.height + len({row["line"] for row in bad}) == ours.height
        return raw.height + len(broken)

    def rows(parse: Callable[..., object], *more: object) -> Callable[[bytes], int]:
        def count(data: bytes) -> int:
            found = parse(data, DAY, *more)
            refused = {row["line"] for row in found.bad}  # type: ignore[attr-defined]
            assert found.rows_in == found.good.height + len(refused)  # type: ignore[attr-defined]
            assert not refused & set(found.good["line"])  # type: ignore[attr-defined]
            return int(found.rows_in)  # type: ignore[attr-defined]

        return count

    read = {
        TAPE: tape, MONEY: rows(payments.parse), AMOUNT_LAST: rows(payments.parse),
        ORDERS: rows(commands.parse), INDEX: rows(indices.parse, ["SOFR"]),
    }  # fmt: skip
    rng, refused = random.Random(SEED), 0
    for n in range(FILES):
        text = list(read)[n % len(read)]
        data = mutated(text, rng)
        try:
            counted = read[text](data)
        except IntakeError:
            refused += 1
            continue
        assert counted == lines_of(data), data
    assert 0 < refused < FILES / 2


def orders(count: int, rng: random.Random) -> Iterator[str]:
    """Lines of orders: any command, of any loan, with fields that it takes, near and odd values."""
    dates = [DAY + dt.timedelta(days=n) for n in (-30, -9, -3, -1, 0, 0, 0, 1, 9, 40, 400, 40_000)]
    values: dict[str, Callable[[], str]] = {
        "amount": lambda: rng.choice(("0.01", "1.00", "10.50", "400", "1200", "99999999")),
        "due_date": lambda: str(rng.choice(dates)),
        "start_date": lambda: str(rng.choice(dates)),
        "target_ref": lambda: f"O{rng.randrange(count)}" if rng.random() < 0.7 else "money-1",
        "rate_percent": lambda: rng.choice(("0", "5", "12.5", "99", "0.0000001")),
        "instalments": lambda: rng.choice(("1", "2", "12", "600")),
        "keep": lambda: rng.choice(("term", "instalment", "")),
        "every": lambda: rng.choice(("1", "2", "366")),
        "unit": lambda: rng.choice(("months", "weeks", "days")),
        "interest": lambda: rng.choice(("", "level", "payable", "full", "split", "none", "simple")),
        "flag": lambda: rng.choice(list(Flag.__members__)),
        "originator": lambda: rng.choice(("ach", "sepa", "none")),
        "bank": lambda: rng.choice(("091000019", "091000018", "DEUTDEFF", "")),
        "account": lambda: rng.choice(("000123456", "DE89370400440532013000", "?")),
        "account_type": lambda: rng.choice(("", "checking", "savings", "other")),
        "holder": lambda: rng.choice(("Synthetic Payer", "")),
        "collects": lambda: rng.choice(("", "recurring", "once", "twice")),
        "payday": lambda: rng.choice(("1", "31", "32")),
        "channel": lambda: rng.choice(("web", "Web!")),
        "consent": lambda: rng.choice(("a" * 64, "a")),
        "consented_at": lambda: rng.choice(("2018-01-01T10:00:00+00:00", "2018-01-01")),
    }
    assert tuple(values) == ORDER_FIELDS
    for n in range(count):
        verb, (_, command) = rng.choice(list(COMMANDS.items()))
        told = {name: values[name]() for name in command.needs}
        told |= {name: values[name]() for name in command.may if rng.random() < 0.5}
        value = DAY if rng.random() < 0.7 else rng.choice(dates)
        fields = ",".join(told.get(name, "") for name in values)
        yield f"O{n},{verb},{rng.choice(LOAN_KEYS)},{value},ann,bob,agreed,{fields}\n"


ORDER_FIELDS = (
    "amount", "due_date", "start_date", "target_ref", "rate_percent", "instalments", "keep", "every", "unit",
    "interest", "flag", "originator", "bank", "account", "account_type", "holder", "collects", "payday", "channel",
    "consent", "consented_at",
)  # fmt: skip
ORDER_HEAD = ",".join((*commands.COLUMNS, *ORDER_FIELDS))


def test_what_a_whole_intake_accepts_of_fuzz_closes(new_ledger: Ledger) -> None:
    """Mutated files and random orders on one ledger: each file's rows are those of its bytes, each day
    is published with every law, and nothing stops the next one."""
    ledger, rng = new_ledger, random.Random(SEED + 1)
    policies = ledger.register(read_policies())
    drop(ledger, "loan_tape_2018-01-09_canonical.csv", TAPE)
    sent: dict[str, bytes] = {}
    kinds = {"payments": MONEY, "payments_last": AMOUNT_LAST, "commands": ORDERS, "index": INDEX}
    for n in range(max(FILES // 40, 1)):
        name = rng.choice(list(kinds))
        file = f"{name.partition('_')[0]}_{DAY}_{n}.csv"
        sent[file] = mutated(kinds[name].replace("{ref}", f"r{n}"), rng)
        drop(ledger, file, sent[file])
    lines = list(orders(ORDER_COUNT, rng))
    days = 1 if ORDER_COUNT < 1_000 else 8
    for day in range(days):
        date = DAY + dt.timedelta(days=day)
        drop(ledger, f"commands_{date}_orders.csv", "\n".join([ORDER_HEAD, *(
            line.strip() for line in lines[day::days])]) + "\n")  # fmt: skip
        report = take(ledger, policies)
        assert report.reconciles
        first = dt.date(2018, 1, 9) if not day else date
        span = [first + dt.timedelta(days=k) for k in range((date - first).days + 1)]
        assert len(list(close_days(ledger, policies, span, provenance(policies)))) == len(span)
    files = ledger.frame(
        "SELECT name, state, rows_in, accepted + quarantined + duplicates AS told FROM {lake}.files"
    )
    taken = {name: (rows, told) for name, state, rows, told in files.rows() if state == "taken"}
    for file, data in sent.items():
        if file in taken:
            assert taken[file] == (lines_of(data), lines_of(data)), file
    assert len(taken) > len(sent) / 3
    (accepted,) = ledger.one(
        "SELECT sum(accepted) FROM {lake}.files WHERE name LIKE '%_orders.csv'"
    )
    assert accepted > ORDER_COUNT / 20
