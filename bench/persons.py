"""`python -m bench.persons [PERSONS]`: persons compared with each other and with a list of sanctions, one core, in memory.

Names, births, numbers and telephones are synthetic, from a seed; one in twenty persons stands there a second time, with a letter of
the name, a digit of the birth or the number other or missing.
"""

from __future__ import annotations

import datetime as dt
import random
import resource
import sys
import time

import polars as pl

from loanbook.core.catalogue.personal import NAMES
from loanbook.core.origination.duplicates import comparable
from loanbook.core.origination.screening import hits
from loanbook.core.policy.decisions.duplicates import DuplicateRules
from loanbook.core.store.origination.linking import METHOD, pairs_of
from loanbook.pipelines.resources import read_policies

SEED, LISTED, AGAIN = 28, 20_000, 20
SYLLABLES = [
    "ba",
    "ke",
    "lo",
    "mi",
    "nu",
    "ra",
    "se",
    "to",
    "vi",
    "za",
    "do",
    "fe",
    "gu",
    "ha",
    "jo",
    "pe",
]


def people(count: int) -> tuple[pl.DataFrame, set[tuple[str, str]]]:
    """Persons as the vault has them, and which of them are one."""
    draw = random.Random(SEED)  # noqa: S311

    def word(length: int) -> str:
        return "".join(draw.choice(SYLLABLES) for _ in range(length)).capitalize()

    given, family = [word(2) for _ in range(400)], [word(3) for _ in range(4_000)]
    rows = [
        {
            "person": f"a{n:07}", "kind": "individual", "given_name": given[int(draw.paretovariate(1)) % 400],
            "family_name": family[int(draw.random() ** 2 * 4_000)],
            "birth_date": f"{1940 + draw.randrange(65)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}",
            "national_id": f"{draw.randrange(10**9):09}" if draw.random() < 0.7 else None, "id_country": "US",
            "email": f"u{n}@mail.example", "phone": f"+1555{draw.randrange(10**7):07}",
            "address_line_1": f"{draw.randrange(999)} {family[draw.randrange(4_000)]} St", "postal_code": f"{draw.randrange(99_999):05}",
            "bank": "021000021", "account": f"{draw.randrange(10**10)}",
        }
        for n in range(count - count // AGAIN)
    ]  # fmt: skip
    one: set[tuple[str, str]] = set()
    for n, first in enumerate(draw.sample(rows, count // AGAIN)):
        twin = first | {"person": f"b{n:07}", "email": f"again{n}@mail.example", "account": f"{draw.randrange(10**10)}"}  # fmt: skip
        other = draw.random()
        if other < 0.4:
            twin["family_name"] = f"{twin['family_name']}"[:-1] + "x"
        elif other < 0.6:
            twin["birth_date"] = f"{twin['birth_date']}"[:-1] + str(draw.randrange(10))
        elif other < 0.8:
            twin["national_id"] = None
        if draw.random() < 0.5:
            twin["phone"] = None
        if draw.random() < 0.3:
            twin["address_line_1"] = "1 New Road"
        one.add((f"{first['person']}", f"{twin['person']}"))
        rows.append(twin)
    lacking = [pl.lit(None, pl.String).alias(name) for name in NAMES if name not in rows[0]]
    return pl.DataFrame(rows).with_columns(lacking), one


def memory() -> int:
    """Most MiB that the process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Print what both took."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    persons, one = people(count)
    rules = read_policies().in_force(DuplicateRules, "standard", dt.date(2024, 1, 1))
    pairs_of(comparable(persons.head(100)), rules)  # imports are not its cost
    before, wall, cpu = memory(), time.perf_counter(), time.process_time()
    found = pairs_of(comparable(persons), rules)
    told = {*found.select("person", "other").rows()}
    print(f"{count:,} persons, {METHOD}: {time.process_time() - cpu:.1f} CPU s ({time.perf_counter() - wall:.1f} s by the clock), "
          f"{memory() - before} MiB more than before ({memory()} in all)")  # fmt: skip
    print(f"pairs that weigh enough: {len(told):,}; of {len(one):,} who stand there twice {len(told & one):,} are found, "
          f"{len(told - one):,} are two persons")  # fmt: skip
    some = persons.head(count // 10).select(
        subject="person", name=pl.concat_str("given_name", "family_name", separator=" "),
        born=pl.col("birth_date").str.head(4).cast(pl.Int64),
    )  # fmt: skip
    listed = persons.sample(LISTED, with_replacement=True, seed=SEED).select(
        list=pl.lit("synthetic"), entry_key="person", entry_ref="person", born_from=pl.lit(None, pl.Int64), born_to=pl.lit(None, pl.Int64),
        name=pl.concat_str("family_name", "given_name", separator=", "),
    )  # fmt: skip
    cpu = time.process_time()
    seen = hits(some, listed, 88, 2)
    print(f"{some.height:,} persons beside {LISTED:,} names of a list: {time.process_time() - cpu:.1f} CPU s, {seen.height:,} hits")  # fmt: skip


if __name__ == "__main__":
    main()
