"""What comes back of what was presented: reversed, refused or listed by its code; mandates and retries follow."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from loanbook.core.payments.out.return_rates import return_rates
from loanbook.core.payments.out.returns import WHY
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.originators import Originator, ReturnCodes
from loanbook.core.store.banking.reading import CONSERVED
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.sending.asking import mandates_at
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.payments.presenting import plan, present
from loanbook.pipelines.resources import read_policies
from tests.payments.a_mandated_book import ACCOUNT, DAY, asked, closed, shipped, why
from tests.pipelines.bank_files import Entry, camt
from tests.pipelines.files import MONEY, drop, rules, take

ODFI = "09100001"


def entry(n: int, amount: int, addenda: str, code: str = "26") -> list[str]:
    """A return or change with the trace number of the bank that sends it."""
    trace = f"{ODFI}{n:07}"
    return [
        f"6{code}021000021{'4711':<17}{amount:010}{'L':<15}{'PAYER':<22}  1{trace}",
        f"7{addenda:<78}{trace}"[:94],
    ]


def returned(n: int, code: str, original: str, amount: int) -> list[str]:
    return entry(n, amount, f"99{code}{original}{'':6}{'02100002'}{'':44}")


def changed(n: int, code: str, original: str, data: str) -> list[str]:
    return entry(n, 0, f"98{code}{original}{'':6}{'02100002'}{data:<29}{'':15}", "21")


def nacha(day: str, *entries: list[str], sec: str = "PPD") -> bytes:
    """The bank's file of these entries, as it would send it."""
    lines = [line for pair in entries for line in pair]
    amount = sum(int(line[29:39]) for line in lines if line[0] == "6" and line[1:3] == "26")
    count, hashed = len(lines), sum(int(line[3:11]) for line in lines if line[0] == "6") % 10**10
    credit = 0
    date = day.replace("-", "")[2:]
    head = f"5200{'EXAMPLE BANK':<16}{'':20}{'1000000001'}{sec}{'RETURNS':<10}{'':6}{date}   1{ODFI}0000001"
    tail = f"8200{count:06}{hashed:010}{amount:012}{credit:012}{'1000000001'}{'':25}{ODFI}0000001"
    first = f"101 021000021 091000019{date}1200A094101{'LOANBOOK':<23}{'EXAMPLE BANK':<23}{'':8}"
    blocks = -(-(len(lines) + 4) // 10)
    last = f"9{1:06}{blocks:06}{count:08}{hashed:010}{amount:012}{credit:012}{'':39}"
    whole = [first, head, *lines, tail, last]
    whole += ["9" * 94] * (blocks * 10 - len(whole))
    return ("\n".join(whole) + "\n").encode()


def sent(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """What was asked of each loan, by its key."""
    rows = ledger.frame(
        "SELECT k.loan_key, i.trace, i.amount FROM {lake}.instructions i JOIN {lake}.loan_keys k USING (loan_id)"
    )
    return {row["loan_key"]: row for row in rows.to_dicts()}


def back(ledger: Ledger) -> dict[str, tuple[str, str]]:
    """Outcome and why of every return that is kept, by code and loan."""
    rows = ledger.frame(
        "SELECT r.code || '/' || coalesce(k.loan_key, '') AS name, r.outcome, r.why FROM {lake}.payment_returns r "
        "LEFT JOIN {lake}.loan_keys k USING (loan_id) ORDER BY r.recorded_at, r.line"
    )
    return {name: (outcome, said) for name, outcome, said in rows.rows()}


def states(ledger: Ledger, policies: PolicyBook, day: str) -> dict[str, str]:
    rows = mandates_at(ledger, policies, dt.date.fromisoformat(day))
    return dict(rows.select("mandate", "state").rows())


def unpaid(ledger: Ledger, day: str) -> list[str]:
    rows = ledger.frame(
        "SELECT k.loan_key FROM {lake}.dues d JOIN {lake}.loan_keys k USING (loan_id) "
        "WHERE d.business_date = ? AND d.due_date = '2018-01-09' AND d.paid < d.amount GROUP BY 1", [day],
    )  # fmt: skip
    return sorted(rows["loan_key"].to_list())


def test_a_return_is_reversed_from_the_day_of_its_payment_and_the_mandate_follows_its_code(
    presented: Ledger,
) -> None:
    ledger, policies = presented, shipped(presented)
    assert unpaid(ledger, "2018-01-09") == []
    amount, trace = (
        sent(ledger)["A"]["amount"],
        {key: row["trace"] for key, row in sent(ledger).items()},
    )
    body = nacha(
        "2018-01-11", returned(1, "R01", trace["A"], amount), returned(2, "R10", trace["B"], amount),
        returned(3, "R03", trace["C"], amount), returned(4, "R01", trace["D"], amount - 1),
        returned(5, "R01", "021000029999999", amount), returned(6, "R01", trace["A"], amount),
        returned(7, "R61", trace["E"], amount), returned(8, "R80", trace["F"], amount),
    )  # fmt: skip
    drop(ledger, "bank_2018-01-11_synthetic-bank.ach", body)
    closed(ledger, "2018-01-11", policies)
    assert back(ledger) == {
        "R01/A": ("refused", "returned_before"), "R10/B": ("reversal", "by_its_code"),
        "R03/C": ("reversal", "by_its_code"), "R01/D": ("refused", "another_amount"),
        "R61/E": ("refused", "dishonoured"), "R80/F": ("refused", "code_not_known"),
    }  # fmt: skip
    first = ledger.frame(
        "SELECT outcome FROM {lake}.payment_returns WHERE code = 'R01' ORDER BY line"
    )
    assert first["outcome"].to_list() == ["reversal", "refused", "refused"]
    assert unpaid(ledger, "2018-01-11") == ["A", "B", "C"]
    assert states(ledger, policies, "2018-01-11") == {
        "MA": "active", "MB": "revoked", "MC": "suspended", "MD": "active", "ME": "active", "MF": "active",
    }  # fmt: skip
    # the day itself is told anew: on the 9th nothing had come of those three
    restated = ledger.frame(
        "SELECT count(*) FROM {lake}.restated_loans WHERE from_date <= '2018-01-09'"
    ).item()
    assert restated == 3
    assert LedgerReader(ledger.settings).query(CONSERVED)["conserved"].all()
    # every entry has an outcome: three enter, the rest wait for a person with the reason
    seen = ledger.frame(
        "SELECT outcome, count(*) AS n, count(said) AS told FROM {lake}.bank_entries GROUP BY 1"
    )
    assert {o: (n, told) for o, n, told in seen.rows()} == {"returned": (3, 3), "suspense": (5, 5)}
    # the same file under another name, and the same return in another file, change nothing
    events = ledger.frame("SELECT count(*) FROM {lake}.events").item()
    drop(ledger, "bank_2018-01-12_synthetic-bank.ach", body)
    drop(
        ledger,
        "bank_2018-01-12_synthetic-bank.2.ach",
        nacha("2018-01-12", returned(2, "R10", trace["B"], amount)),
    )
    take(ledger, policies)
    assert ledger.frame("SELECT count(*) FROM {lake}.events").item() == events
    # a lender that sends no debits may get what comes back of another's: it waits for a person
    kept = [(folder, each) for folder, each in policies.policies if folder != "originators"]
    drop(
        ledger,
        "bank_2018-01-12_synthetic-bank.3.ach",
        nacha("2018-01-12", returned(9, "R02", "021000028888888", amount)),
    )
    take(ledger, PolicyBook(tuple(kept), policies.registry))
    unknown = "SELECT outcome, said FROM {lake}.bank_entries WHERE returns = 'R02'"
    assert ledger.frame(unknown).rows() == [("suspense", WHY["unknown_payment"])]


def test_returns_of_a_message_are_told_apart_though_all_of_it_stands_on_one_line(
    presented: Ledger,
) -> None:
    ledger, policies = presented, shipped(presented)
    of = {key: row["trace"] for key, row in sent(ledger).items()}
    amount = sent(ledger)["A"]["amount"]
    detail = ('<TxDtls><Refs><EndToEndId>{}</EndToEndId></Refs><AmtDtls><TxAmt><Amt Ccy="USD">101.50</Amt></TxAmt></AmtDtls>'
              "<RtrInf><Rsn><Cd>R01</Cd></Rsn></RtrInf></TxDtls>")  # fmt: skip
    backs = [[of["A"]], [of["B"]], [of["C"], of["D"]], [of["A"]]]
    entries = [Entry(-amount * len(each), ref=f"B{n}") for n, each in enumerate(backs)]
    body = camt("2018-01-11", [*entries, Entry(-777, ref="X")], opening=10**7)
    for each in backs:
        body = body.replace("<TxDtls></TxDtls>", "".join(map(detail.format, each)), 1)
    drop(ledger, "bank_2018-01-11_synthetic-bank.xml", body)
    closed(ledger, "2018-01-11", policies)
    assert amount == 10150
    assert unpaid(ledger, "2018-01-11") == ["A", "B", "C", "D"]
    seen = "SELECT outcome, said, count(*) FROM {lake}.bank_entries GROUP BY ALL ORDER BY ALL"
    assert ledger.frame(seen).rows() == [
        ("returned", WHY["by_its_code"], 4), ("suspense", "money went out, and nothing explains it", 1),
        ("suspense", WHY["told_before"], 1),
    ]  # fmt: skip
    assert LedgerReader(ledger.settings).query(CONSERVED)["conserved"].all()


def test_what_had_no_funds_is_asked_again_on_the_payday_twice_and_no_more(
    presented: Ledger,
) -> None:
    ledger, policies = presented, shipped(presented)
    traced = sent(ledger)
    amount = traced["A"]["amount"]
    drop(ledger, "bank_2018-01-11_synthetic-bank.ach", nacha(
        "2018-01-11", *(returned(n, code, traced[key]["trace"], amount)
                        for n, (key, code) in enumerate([("A", "R01"), ("B", "R10"), ("C", "R09"), ("D", "R01")], 1))))  # fmt: skip
    drop(ledger, "payments_2018-01-12.csv", MONEY + f"d,D,{2 * amount / 100:.2f},USD,2018-01-12\n")
    closed(ledger, "2018-01-12", policies)
    # five days after the return is Tuesday the 16th (the 15th is a holiday): the file of Friday the 12th
    friday = plan(ledger, policies, dt.date(2018, 1, 12))
    retried = friday.files[0].instructions.filter(pl.col("purpose") == "retry")
    keys = dict(ledger.loan_keys().select("loan_key", "loan_id").rows())
    assert retried.select("loan_id", "amount", "attempt", "description", "due_date").rows() == [
        (keys["C"], amount, 2, "RETRY PYMT", dt.date(2018, 1, 9))
    ]
    assert "B" not in asked(friday, ledger)  # unauthorised: its mandate was revoked
    assert why(friday, ledger)["D"] in ("not_owed_any_more", "promised_elsewhere")
    present(ledger, policies, dt.date(2018, 1, 12), run_id="r2")

    def comes_back(day: str, attempt: int) -> None:
        trace = ledger.frame(
            "SELECT trace FROM {lake}.instructions WHERE loan_id = ? AND due_date = '2018-01-09' AND attempt = ?",
            [keys["C"], attempt],
        ).item()  # fmt: skip
        body = nacha(day, returned(90 + attempt, "R01", trace, amount))
        drop(ledger, f"bank_{day}_synthetic-bank.ach", body)

    def retries(day: str) -> list[tuple[Any, ...]]:
        files = present(ledger, policies, dt.date.fromisoformat(day), run_id=day).files
        rows = pl.concat([file.instructions for file in files]) if files else retried.clear()
        again = rows.filter(pl.col("purpose") == "retry").sort("loan_id")
        return again.select("loan_id", "attempt", "effective").rows()

    comes_back("2018-01-18", 2)
    closed(ledger, "2018-01-21", policies)
    assert retries("2018-01-22") == [(keys["C"], 3, dt.date(2018, 1, 23))]
    comes_back("2018-01-25", 3)
    closed(ledger, "2018-01-24", policies)
    # A is paid on the 26th: the file of the 25th
    assert retries("2018-01-25") == [(keys["A"], 2, dt.date(2018, 1, 26))]
    closed(ledger, "2018-01-28", policies)
    assert retries("2018-01-29") == []  # C had its two
    assert unpaid(ledger, "2018-01-28") == [
        "B"
    ]  # what came of the others later met the oldest first
    late = ledger.frame(
        "SELECT k.loan_key FROM {lake}.dues d JOIN {lake}.loan_keys k USING (loan_id) "
        "WHERE d.business_date = '2018-01-28' AND d.due_date <= '2018-01-28' AND d.paid < d.amount GROUP BY 1"
    )
    assert sorted(late["loan_key"].to_list()) == ["B", "C"]


def test_a_return_after_its_window_is_refused_and_one_before_it_settled_is_not(
    four_lent: Ledger,
) -> None:
    policies = shipped(four_lent)
    done = present(four_lent, policies, DAY, run_id="r")
    amount = done.files[0].instructions["amount"][0]
    first, second = done.files[0].instructions.sort("loan_id")["trace"]
    drop(
        four_lent,
        "bank_2018-01-08_synthetic-bank.ach",
        nacha("2018-01-08", returned(1, "R02", first, amount)),
    )
    # two banking days after the 9th and one on its way: the 12th; the 16th is too late
    drop(
        four_lent,
        "bank_2018-01-16_synthetic-bank.ach",
        nacha("2018-01-16", returned(2, "R01", second, amount)),
    )
    closed(four_lent, "2018-01-16", policies)
    assert back(four_lent) == {
        "R02/A": ("reversal", "before_it_settled"), "R01/D": ("refused", "after_its_window"),
    }  # fmt: skip
    assert unpaid(four_lent, "2018-01-16") == ["A", "B", "C"]  # B and C were never asked


def test_a_notification_of_change_amends_the_mandate_and_is_listed(
    presented: Ledger,
) -> None:
    ledger, policies = presented, shipped(presented)
    traced = sent(ledger)
    drop(ledger, "bank_2018-01-10_synthetic-bank.ach", nacha(
        "2018-01-10", changed(1, "C01", traced["A"]["trace"], "99887766"),
        changed(2, "C03", traced["B"]["trace"], f"011401533   {'5544':<17}"),
        changed(3, "C05", traced["C"]["trace"], "37"), changed(4, "C04", traced["D"]["trace"], "OTHER NAME"),
        changed(5, "C01", "021000029999999", "1"), sec="COR"))  # fmt: skip
    closed(ledger, "2018-01-10", policies)
    rows = ledger.frame(
        "SELECT code, outcome, why FROM {lake}.account_changes ORDER BY line"
    ).rows()
    assert rows == [
        ("C01", "amended", "by_its_code"), ("C03", "amended", "by_its_code"), ("C05", "amended", "by_its_code"),
        ("C04", "listed", "for_a_person"), ("C01", "listed", "unknown_payment"),
    ]  # fmt: skip
    from loanbook.core.store.sending.instructions import with_accounts
    from loanbook.core.store.sending.vault import Vault

    mandates = mandates_at(ledger, policies, dt.date(2018, 1, 10))
    told = with_accounts(ledger, Vault(ledger.settings.lake), mandates)
    found = {r["mandate"]: (r["bank"], r["account"], r["account_type"]) for r in told.to_dicts()}
    assert found == {
        "MA": ("021000021", "99887766", "checking"), "MB": ("011401533", "5544", "checking"),
        "MC": ("021000021", ACCOUNT, "savings"), "MD": ("021000021", ACCOUNT, "checking"),
        "ME": ("021000021", ACCOUNT, "checking"), "MF": ("021000021", ACCOUNT, "checking"),
    }  # fmt: skip
    assert rules(ledger, "bank_2018-01-10_synthetic-bank.ach") == {}
    home = ledger.settings.home
    ledger.close()
    for path in home.rglob("*"):
        if path.is_file() and not {path.parent.name, path.parent.parent.name} & {
            "landing",
            "outbox",
        }:
            assert b"99887766" not in path.read_bytes(), path


def test_rates_are_set_against_the_limits_of_the_rail_to_the_entry() -> None:
    policies = read_policies()
    day = dt.date(2024, 3, 1)
    codes = {"ach": policies.in_force(ReturnCodes, "nacha", day)}
    assert policies.in_force(Originator, "ach", day).return_codes == "nacha"
    debits = pl.DataFrame({"originator": ["ach"] * 1000, "effective": [day] * 1000})

    def alarms(**counts: int) -> dict[str, tuple[str | None, bool]]:
        told = [code for code, n in counts.items() for _ in range(n)]
        back = pl.DataFrame(
            {"originator": ["ach"] * len(told), "code": told, "returned_on": [day] * len(told)},
            schema={"originator": pl.String, "code": pl.String, "returned_on": pl.Date},
        )
        rows = return_rates(debits, back, codes, day)
        return {
            m: (rate, alarm)
            for m, rate, alarm in rows.select("measure", "rate_percent", "alarm").rows()
        }

    # 5 of 1,000 are 0.5 %: at the limit, not beyond it
    assert alarms(R10=5, R03=30, R01=115) == {
        "unauthorised": ("0.50", False), "administrative": ("3.00", False), "overall": ("15.00", False),
    }  # fmt: skip
    assert alarms(R10=6, R03=31, R01=114) == {
        "unauthorised": ("0.60", True), "administrative": ("3.10", True), "overall": ("15.10", True),
    }  # fmt: skip
    few = return_rates(
        debits.head(2),
        pl.DataFrame({"originator": ["ach"] * 2, "code": ["R10"] * 2, "returned_on": [day] * 2}),
        codes,
        day,
    )
    assert not few["alarm"].any()  # all of two came back: too few to tell
    late = return_rates(debits, pl.DataFrame(schema={"originator": pl.String, "code": pl.String, "returned_on": pl.Date}),
                        codes, day + dt.timedelta(days=60))  # fmt: skip
    assert set(late["debits"]) == {0}
    assert set(late["rate_percent"]) == {None}
