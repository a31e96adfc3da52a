"""Ledgers that payments are tried on: each is made once, and every test writes to a copy of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from loanbook.core.store.writer import Ledger
from loanbook.pipelines.payments.presenting import present
from tests.conftest import copied, made_once
from tests.payments.a_mandated_book import DAY, HEAD, change, closed, create, lend
from tests.pipelines.conftest import new_ledger
from tests.pipelines.files import LOANS, MONEY, drop, take, weekly_loan

__all__ = ["new_ledger"]


@pytest.fixture(scope="session")
def written(
    tmp_path_factory: pytest.TempPathFactory, founded: Path
) -> Callable[[str, Callable[[Ledger], None]], Path]:
    """An instance that was written to from the empty ledger, once for all tests: by name and writer."""

    def of(name: str, write: Callable[[Ledger], None]) -> Path:
        def make(home: Path) -> None:
            ledger = Ledger(copied(founded, home))
            write(ledger)
            ledger.close()

        return made_once(tmp_path_factory, name, make)

    return of


Written = Callable[[str, Callable[[Ledger], None]], Path]


@pytest.fixture
def lent(tmp_path: Path, written: Written) -> Ledger:
    """Nine loans that owe their first instalment on the 9th, in all states of a mandate, closed to the 7th."""

    def write(ledger: Ledger) -> None:
        lend(
            ledger, "ABCDEFGHI", create("MA", "A"), create("MB", "B", cap="50.00"),
            create("MC", "C", starts="2018-01-20"), create("MD", "D", collects="once"), create("ME", "E"),
            create("MF", "F"), create("MG", "G"), create("MI", "I", ends="2018-01-05"),
        )  # fmt: skip
        drop(ledger, "commands_2018-01-04.csv", HEAD + change("s", "suspend_mandate", "E", "2018-01-04", "ME")
             + change("v", "revoke_mandate", "F", "2018-01-04", "MF"))  # fmt: skip
        drop(ledger, "payments_2018-01-07.csv", MONEY + "g,G,60.00,USD,2018-01-07\n")
        closed(ledger, "2018-01-07")

    return Ledger(copied(written("lent", write), tmp_path / "home"))


@pytest.fixture
def four_lent(tmp_path: Path, written: Written) -> Ledger:
    """Four loans closed to the 7th: B's mandate covers no instalment, C has none."""

    def write(ledger: Ledger) -> None:
        mandates = create("MA", "A"), create("MB", "B", cap="50.00"), create("MD", "D")
        lend(ledger, "ABCD", *mandates)
        closed(ledger, "2018-01-07")

    return Ledger(copied(written("four_lent", write), tmp_path / "home"))


@pytest.fixture
def presented(tmp_path: Path, written: Written) -> Ledger:
    """Six loans whose first instalments were presented on the 8th; closed to the 9th."""

    def write(ledger: Ledger) -> None:
        mandates = (create(f"M{key}", key, payday="26" if key == "A" else "") for key in "ABCDEF")
        lend(ledger, "ABCDEF", *mandates)
        policies = closed(ledger, "2018-01-07")
        present(ledger, policies, DAY, run_id="r")
        drop(ledger, "payments_2018-01-09.csv", MONEY)
        closed(ledger, "2018-01-09", policies)

    return Ledger(copied(written("presented", write), tmp_path / "home"))


@pytest.fixture
def with_mandates(tmp_path: Path, written: Written) -> Ledger:
    """Mandates of five loans, and what was ordered about them to 15 January; nothing closed."""

    def write(ledger: Ledger) -> None:
        drop(
            ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + "".join(map(weekly_loan, "ABCDE"))
        )
        drop(ledger, "commands_2018-01-03.csv", HEAD
             + create("MA", "A") + create("MB", "B", ends="2018-02-01") + create("MC", "C", starts="2018-01-20")
             + create("MD", "D", collects="once", cap="") + create("ME", "E", account="999"))  # fmt: skip
        take(ledger)
        drop(ledger, "commands_2018-01-10.csv", HEAD
             + change("s1", "suspend_mandate", "A", "2018-01-10", "MA")
             + change("v1", "revoke_mandate", "E", "2018-01-10", "ME")
             + change("a1", "amend_mandate", "B", "2018-01-10", "MB",
                      "011401533,778899,savings,Other Payer,99.00,,,,15"))  # fmt: skip
        drop(ledger, "commands_2018-01-15.csv", HEAD
             + change("r1", "resume_mandate", "A", "2018-01-15", "MA")
             + change("r2", "resume_mandate", "E", "2018-01-15", "ME")
             + change("r3", "resume_mandate", "B", "2018-01-15", "MA")
             + create("MA", "C", on="2018-01-15"))  # fmt: skip
        take(ledger)

    return Ledger(copied(written("with_mandates", write), tmp_path / "home"))
