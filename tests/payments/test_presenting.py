"""Presentments: what falls due is asked for once, whatever is killed when, by mandates that live."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from loanbook.core.errors import LedgerConflictError, LedgerError
from loanbook.core.policy.originators import Originator
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.formats.bank.reading import READERS
from loanbook.pipelines.payments import outbox
from loanbook.pipelines.payments.presenting import Presented, plan, present
from loanbook.pipelines.resources import read_policies
from loanbook.pipelines.servicing.days import missing_days
from tests.conftest import copied
from tests.core.loans import with_more
from tests.payments.a_mandated_book import DAY, HEAD, asked, closed, create, files, shipped, why
from tests.pipelines.files import MONEY, drop, take


def test_what_falls_due_is_asked_by_mandates_that_live(lent: Ledger) -> None:
    policies = shipped(lent)
    foreseen = plan(lent, policies, DAY)
    assert not (lent.settings.home / "outbox").exists()
    done = present(lent, policies, DAY, run_id="r")
    (file,) = done.files
    assert file.row == foreseen.files[0].row
    amounts = asked(done, lent)
    full = amounts["A"]
    assert amounts == {"A": full, "D": full, "G": full - 6_000}  # 60.00 of G's came on the 7th
    assert why(done, lent) == {
        "B": "above_the_cap", "C": "mandate_created", "E": "mandate_suspended",
        "F": "mandate_revoked", "I": "mandate_expired",
    }  # fmt: skip
    ((name, body),) = files(lent).items()
    assert name == "ach-20180108-1-D.ach"
    read = READERS["nacha"](body)
    assert read.valid
    assert read.sums() == {("debit", "USD"): 3 * full - 6_000}
    assert set(read.entries["value_date"]) == {dt.date(2018, 1, 9)}
    # the loans owe nothing of it once the day has come, and the clearing account waits for the bank
    drop(lent, "payments_2018-01-10.csv", MONEY + "h,H,1.00,USD,2018-01-10\n")
    closed(lent, "2018-01-10", policies)
    past_due = lent.frame(
        "SELECT k.loan_key FROM {lake}.dues d JOIN {lake}.loan_keys k USING (loan_id) "
        "WHERE d.business_date = '2018-01-10' AND d.due_date <= '2018-01-09' AND d.paid < d.amount GROUP BY 1"
    )["loan_key"].to_list()
    assert sorted(past_due) == list("BCEFHI")
    # a mandate that serves once has served
    later = plan(lent, policies, dt.date(2018, 1, 12))  # settles on the 16th: the 15th is a holiday
    assert why(later, lent)["D"] == "mandate_expired"
    assert asked(later, lent).keys() == {"A", "G"}


def test_a_rerun_presents_nothing_twice_and_writes_the_same_file(
    lent: Ledger, tmp_path: Path
) -> None:
    policies = shipped(lent)
    present(lent, policies, DAY, run_id="r")
    first, events = files(lent), lent.frame("SELECT count(*) FROM {lake}.events").item()
    again = present(lent, policies, DAY, run_id="r2")
    assert again.files == []
    assert list(again.handed_over) == []
    assert files(lent) == first
    assert lent.frame("SELECT count(*) FROM {lake}.events").item() == events
    # the bank has taken it: it is not made again by itself, and a copy is the same to the byte
    ((name, body),) = first.items()
    (lent.settings.home / "outbox" / name).unlink()
    present(lent, policies, DAY, run_id="r3")
    assert files(lent) == {}
    assert outbox.again(lent, policies, lent.settings, name, tmp_path).read_bytes() == body
    # a file of an earlier day, with a late mandate, is another one of the day and asks the new alone
    drop(lent, "commands_2018-01-08.csv", HEAD + create("MH", "H", on="2018-01-08"))
    take(lent, policies)
    more = present(lent, policies, DAY, run_id="r4")
    assert asked(more, lent).keys() == {"H"}
    assert files(lent).keys() == {"ach-20180108-2-D.ach"}


def test_money_that_came_or_is_on_its_way_is_not_asked_for(lent: Ledger) -> None:
    policies = shipped(lent)
    full = asked(plan(lent, policies, DAY), lent)["A"]
    drop(
        lent,
        "payments_2018-01-08.csv",
        MONEY + f"a,A,{full / 100:.2f},USD,2018-01-08\ng2,G,10.00,USD,2018-01-08\n",
    )
    take(lent, policies)  # taken in, and not closed yet
    seen = plan(lent, policies, DAY)
    assert asked(seen, lent) == {"D": full, "G": full - 7_000}
    assert why(seen, lent)["A"] == "promised_elsewhere"


@pytest.mark.parametrize("where", ["before the record", "after the record", "before the mark", "after the mark",
                                   "after the hand-over"])  # fmt: skip
def test_a_run_that_dies_anywhere_presents_once(
    lent: Ledger, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    policies = shipped(lent)
    wanted = plan(lent, policies, DAY).files[0]

    class Died(Exception):
        pass

    def dies(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        if where == "before the record":
            patch.setattr(Ledger, "commit_intake", dies)
        elif where == "after the record":
            patch.setattr("loanbook.pipelines.payments.presenting.hand_over", dies)
        elif where == "before the mark":
            patch.setattr(outbox, "mark_handed_over", dies)
        elif where == "after the mark":
            marks = outbox.mark_handed_over
            patch.setattr(outbox, "mark_handed_over", lambda *a: (marks(*a), dies()))
        else:
            patch.setattr(
                outbox, "to_disk", lambda folder: dies() if folder.name == "outbox" else None
            )
        with pytest.raises(Died):
            present(lent, policies, DAY, run_id="r")
    seen = files(lent) if (lent.settings.home / "outbox").exists() else {}
    assert bool(seen) == (where == "after the hand-over")
    for name in seen:  # the bank takes it at once
        (lent.settings.home / "outbox" / name).unlink()
    present(lent, policies, DAY, run_id="r2")
    present(lent, policies, DAY, run_id="r3")
    after = files(lent)
    assert len(seen) + len(after) == 1
    ((name, body),) = (seen or after).items()
    assert (name, len(body)) == (wanted.row["name"], wanted.size)
    paid = lent.frame(
        "SELECT count(*) FROM {lake}.events WHERE source_system = 'presentment'"
    ).item()
    assert paid == wanted.instructions.height
    assert lent.frame("SELECT count(*) FROM {lake}.files_out").item() == 1


KILLED = """
    import os, signal, sys, datetime as dt
    from pathlib import Path
    from loanbook.core.store.settings import Settings
    from loanbook.core.store.writer import Ledger
    from loanbook.pipelines.payments import outbox
    from loanbook.pipelines.payments.presenting import present
    from loanbook.pipelines.resources import read_policies
    write = outbox.write_whole
    def killed(path, data, mode):
        write(path, data[:100], mode)  # half a file lies there under another name
        path.rename(path.with_name("." + path.name + outbox.PART))
        os.kill(os.getpid(), signal.SIGKILL)
    outbox.write_whole = killed
    ledger = Ledger(Settings(home=Path(sys.argv[1])))
    present(ledger, ledger.register(read_policies()), dt.date(2018, 1, 8), run_id="killed")
"""


def test_a_process_that_is_killed_between_record_and_file_presents_once(lent: Ledger) -> None:
    policies = shipped(lent)
    where: Settings = lent.settings
    lent.close()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(where.home)],
        env={**os.environ, "POLARS_MAX_THREADS": "1"}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr.decode()
    ledger = Ledger(where)
    assert ledger.frame("SELECT count(*) FROM {lake}.files_out").item() == 1
    assert files(ledger) == {}
    left = present(ledger, policies, DAY, run_id="after")
    assert left.files == []
    assert [path.name for path in left.handed_over] == ["ach-20180108-1-D.ach"]
    assert READERS["nacha"](left.handed_over[0].read_bytes()).valid
    assert not list((where.home / "outbox" / outbox.WAITING).iterdir())


def test_two_runs_at_once_record_one(lent: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    policies = shipped(lent)
    other = Ledger(lent.settings)
    from loanbook.pipelines.payments import presenting

    first = presenting.plan

    def meanwhile(*given: object) -> Presented:
        found = first(*given)  # type: ignore[arg-type]
        monkeypatch.setattr(presenting, "plan", first)
        present(other, policies, DAY, run_id="other")
        return found

    monkeypatch.setattr(presenting, "plan", meanwhile)
    with pytest.raises(LedgerConflictError, match="another run|presented before"):
        present(lent, policies, DAY, run_id="r")
    assert lent.frame("SELECT count(*) FROM {lake}.files_out").item() == 1
    assert len(files(lent)) == 1


def test_a_file_is_made_of_a_book_that_is_fresh_and_on_banking_days(
    lent: Ledger, founded: Path, tmp_path: Path
) -> None:
    empty = Ledger(copied(founded, tmp_path / "empty"))
    with pytest.raises(LedgerError, match="nothing is published"):
        plan(empty, shipped(empty), DAY)
    policies = shipped(lent)
    for day in (dt.date(2018, 1, 6), dt.date(2018, 1, 15)):
        with pytest.raises(LedgerError, match="stands at 2018-01-07"):
            plan(lent, policies, day)
    sunday = plan(lent, policies, dt.date(2018, 1, 7))
    assert (sunday.files, sunday.passed.height) == ([], 0)


def test_an_account_is_asked_about_first_where_the_originator_says_so(lent: Ledger) -> None:
    own = read_policies()
    ach = own.in_force(Originator, "ach", DAY)
    asking = ach.model_copy(update={"version": 2, "prenote_days": 3, "arrears": "include"})
    policies = lent.register(with_more(own, ("originators", asking)))
    done = present(lent, policies, DAY, run_id="r")
    assert set(asked(done, lent).values()) == {0}
    assert set(asked(done, lent)) == set("ABCDG")  # of those that live, or will
    assert why(done, lent)["A"] == "waits_for_prenote"
    ((_, body),) = files(lent).items()
    assert set(READERS["nacha"](body).entries["code"]) == {"28"}
    assert (
        lent.frame("SELECT count(*) FROM {lake}.events WHERE source_system = 'presentment'").item()
        == 0
    )
    drop(lent, "payments_2018-01-14.csv", MONEY + "h,H,1.00,USD,2018-01-14\n")
    closed(lent, "2018-01-14", policies)
    # settles on the 16th: three banking days after the 9th are over; with the arrears of the 9th
    later = present(lent, policies, dt.date(2018, 1, 15), run_id="r2")
    assert later.files == []  # the 15th is a holiday
    closed(lent, "2018-01-15", policies) if missing_days(lent, dt.date(2018, 1, 15)) else None
    sixteenth = plan(lent, policies, dt.date(2018, 1, 16))
    assert why(sixteenth, lent).get("B") == "above_the_cap"
