"""Orders of a file against the loans they name, and what the store keeps of them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from loanbook.core.servicing.orders.rules import money
from loanbook.core.store.order_context import met, order_context, waived
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.commands.loans.loan import _refinancings
from loanbook.pipelines.formats.commands import parse
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.ingest.orders.context import order_rows
from loanbook.pipelines.ingest.orders.payloads import as_events
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from loanbook.pipelines.simulation.landing import TAPE
from tests.conftest import copied
from tests.pipelines.files import drop, rules, take

HEAD = (
    "command_ref,command,loan_key,value_date,amount,due_date,target_ref,instalments,every,unit,"
    "start_date,interest,maker,checker,reason\n"
)


def order(ref: str, command: str, loan: str, day: str, **told: str) -> str:
    fields = (
        "amount",
        "due_date",
        "target_ref",
        "instalments",
        "every",
        "unit",
        "start_date",
        "interest",
    )
    rest = ",".join(told.get(name, "") for name in fields)
    return f"{ref},{command},{loan},{day},{rest},maker-1,checker-2,hardship\n"


@dataclass(frozen=True)
class Week:
    """One ledger whose loans got orders from 12 to 16 January, each test's its own."""

    ledger: Ledger
    keys: list[str]
    """Loans in order of boarding."""
    ids: dict[str, int]
    disbursed_on: dict[int, dt.date]
    rate_ppb: dict[int, int]
    refunds: list[pl.DataFrame]
    """Transfers of the refund of interest, before it was taken back."""

    def counted(self, name: str) -> tuple[int, int]:
        """Rows of a file that entered and that were refused."""
        sql = "SELECT accepted, quarantined FROM {lake}.files WHERE name = ?"
        accepted, refused = self.ledger.frame(sql, [name]).row(0)
        return accepted, refused


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory, _closed: Path) -> Iterator[Week]:
    ledger = Ledger(copied(_closed, tmp_path_factory.mktemp("orders") / "home"))
    policies = ledger.register(read_policies())
    by = provenance(policies)
    terms = ledger.book(policies)[0].terms
    loans = ledger.loan_keys().sort("boards_on", "loan_id")
    keys = loans["loan_key"].to_list()
    week = Week(
        ledger, keys, dict(loans.select("loan_key", "loan_id").rows()),
        dict(terms.select("loan_id", "disbursed_on").rows()),
        dict(terms.select("loan_id", "rate_ppb").rows()), [],
    )  # fmt: skip

    def landed(day: int, *files: tuple[str, str]) -> None:
        """Take orders of a day in and close to it a day at a time, each from what is stored."""
        for case, body in files:
            drop(ledger, f"commands_2018-01-{day}{case}.csv", HEAD + body)
        take(ledger)
        for date in missing_days(ledger):
            list(close_days(ledger, policies, [date], by))

    landed(12, ("", _each_order(keys)), ("_charge_off", _charge(keys)),
           ("_deferred", _deferred(keys)),
           ("_state", order("off", "charge_off", keys[STATE], "2018-01-12")))  # fmt: skip
    landed(14, *_second_files(keys))
    sql = ("SELECT t.debit, t.amount FROM {lake}.transfers t JOIN {lake}.events e USING (event_id) "
           "WHERE e.source_ref = 'i-refund'")  # fmt: skip
    week.refunds.append(ledger.frame(sql))
    landed(15, ("_state", order("u", "reverse", keys[STATE], "2018-01-15", target_ref="w")
                + order("x", "extend_term", keys[STATE], "2018-01-15", instalments="2")))  # fmt: skip
    drop(ledger, "payments_2018-01-16.csv", "payment_ref,loan_key,amount,currency,value_date\n"
         f"p1,{keys[0]},25.00,USD,2018-01-13\n")  # fmt: skip
    bought, given_back = keys[BOUGHT_DOWN], keys[MERCHANT]
    landed(
        16,
        ("", order("t", "adjust_charge", keys[2], "2018-01-16", amount="0.01", target_ref="c")),
        ("_deferred", order("f-down", "reverse", bought, "2018-01-16", target_ref="b-down")),
        ("_interest",
         order("q-refund", "refund_interest", given_back, "2018-01-16", target_ref="m-refund")
         + order("r-refund", "reverse", given_back, "2018-01-16", target_ref="i-refund")),
    )  # fmt: skip
    yield week
    ledger.close()


CHARGED, NOT_CHARGED, CAPITALISED, BOUGHT_DOWN, STATE, MERCHANT, OTHER = range(6, 13)
"""Loans of the week by what is ordered; the first six get an order of each kind."""


def _each_order(keys: list[str]) -> str:
    first, second, third, fourth, fifth, sixth = keys[:6]
    return "".join(
        [
            order("a", "reage", first, "2018-01-12", due_date="2018-02-01", instalments="24"),
            order("b", "pause_interest", second, "2018-01-12", start_date="2018-01-14",
                  due_date="2018-01-20"),
            order("c", "charge_fee", third, "2018-01-12", amount="12.50", due_date="2018-01-12"),
            order("d", "waive_charge", third, "2018-01-12", target_ref="c"),
            order("e", "reamortise", fourth, "2018-01-12"),
            order("f", "waive_charge", third, "2018-01-12", target_ref="none"),
            order("g", "pause_interest", second, "2018-01-12", start_date="2018-01-12",
                  due_date="2018-01-20"),
            order("h", "reage", first, "2018-01-12", due_date="2018-01-12", instalments="24"),
            order("i", "refund_credit", fourth, "2018-01-12", amount="1.00"),
            order("j", "reage", first, "2018-01-12", due_date="2018-02-01", instalments="24",
                  every="2"),
            order("k", "reage", fifth, "2018-01-12", due_date="2018-02-01", instalments="24",
                  interest="full"),
            order("l", "grant_moratorium", third, "2018-01-12", instalments="2",
                  interest="simple"),
            order("m", "grant_moratorium", third, "2018-01-12", instalments="2"),
            order("n", "settle", sixth, "2018-01-12"),
            order("o", "pause_delinquency", fourth, "2018-01-12", start_date="2018-02-10",
                  due_date="2018-02-28"),
            order("p", "resume_delinquency", fourth, "2018-01-12", start_date="2018-02-20"),
            order("q", "pause_delinquency", fourth, "2018-01-12", start_date="2018-02-10",
                  due_date="2018-02-01"),
            # the charge is waived whole, before money of its day: nothing of it can be given back
            order("r", "adjust_charge", third, "2018-01-12", amount="0.01", target_ref="c"),
        ]
    )  # fmt: skip


def _charge(keys: list[str]) -> str:
    return order("a-fee", "charge_fee", keys[CHARGED], "2018-01-12", amount="12.50",
                 due_date="2018-01-12")  # fmt: skip


def _deferred(keys: list[str]) -> str:
    first, second, day = keys[CAPITALISED], keys[BOUGHT_DOWN], "2018-01-12"
    return "".join(
        [
            order("a-down", "capitalise_fee", first, day, amount="10.00"),
            order("b-down", "buy_down", second, day, amount="31.00"),
            order("c-down", "adjust_buy_down", second, day, amount="5.00"),
            order("d-down", "adjust_buy_down", second, day, amount="27.00"),
        ]
    )


def _second_files(keys: list[str]) -> tuple[tuple[str, str], ...]:
    """Of 14 January."""
    day, loan, given_back, other = "2018-01-14", keys[STATE], keys[MERCHANT], keys[OTHER]
    return (
        ("_charge_off", order("b-off", "charge_off", keys[CHARGED], "2018-01-11")
         + order("c-off", "charge_off", keys[NOT_CHARGED], "2018-01-11")),
        ("_deferred", order("e-down", "adjust_buy_down", keys[BOUGHT_DOWN], day, amount="5.00")),
        ("_state", order("re", "reage", loan, day, due_date="2018-02-01", instalments="6")
         + order("fe", "charge_fee", loan, day, amount="5.00", due_date="2018-01-20")
         + order("of", "charge_off", loan, day)
         + order("w", "write_off", loan, day)),
        ("_interest", order("m-refund", "payout_refund", given_back, day, amount="500.00")
         + order("i-refund", "refund_interest", given_back, day, target_ref="m-refund")
         + order("n-refund", "refund_interest", other, day, target_ref="m-refund")
         + order("o-refund", "refund_interest", given_back, day, target_ref="none")
         + order("p-refund", "refund_interest", given_back, day, target_ref="m-refund")),
    )  # fmt: skip


def test_each_order_is_kept_and_the_stored_book_goes_on_from_it(week: Week) -> None:
    ledger, loans = week.ledger, week.ids
    first, second, third, fourth, fifth, sixth = week.keys[:6]
    assert week.counted("commands_2018-01-12.csv") == (9, 9)
    assert rules(ledger, "commands_2018-01-12.csv") == {
        7: "unknown_target", 8: "pause_not_after_value_date", 9: "due_date_not_after_value_date",
        10: "more_than_the_credit", 11: "period_not_every_and_unit",
        13: "no_instalment_was_billed_yet", 14: "interest_not_as_the_command_has_it",
        18: "pause_ends_before_it_begins", 19: "more_than_the_charge",
    }  # fmt: skip
    assert rules(ledger, "commands_2018-01-16.csv") == {2: "more_than_the_charge"}
    assert waived(ledger, pl.Series([loans[third]]))["amount"].to_list() == [12_50]
    policies = ledger.register(read_policies())
    assert rebuild(ledger, policies).differences.is_empty()
    for key in week.keys[:6]:
        assert replay_loan(ledger, policies, loans[key]).differences.is_empty()
    reader = LedgerReader(ledger.settings)
    six = f"loan_id IN ({', '.join(str(loans[key]) for key in week.keys[:6])})"
    reasons = reader.sql(
        f"SELECT loan_id, reason FROM schedules WHERE reason <> 'boarded' AND {six}"
    )
    assert dict(reasons.rows()) == {loans[first]: "reaged", loans[second]: "interest_paused",
                                    loans[fourth]: "reamortised", loans[fifth]: "reaged"}  # fmt: skip
    ended = reader.sql("SELECT loan_id, close_reason FROM loans WHERE close_reason = 'settled'")
    assert ended["loan_id"].to_list() == [loans[sixth]]
    context = order_context(ledger, pl.Series([loans[first], loans[fifth]], dtype=pl.Int64))
    assert dict(context.select("loan_id", "interest_fixed").rows()) == {
        loans[first]: False, loans[fifth]: True,
    }  # fmt: skip


def test_an_order_without_a_field_of_a_later_release_says_what_it_said() -> None:
    """So that a file that comes a second time is no other one."""
    rows = "\n".join(
        f"{ref},move_due_date,L1,2024-01-10,{to},{start},maker,checker,agreed"
        for ref, to, start in (("a", "2024-02-15", ""), ("b", "2024-04-15", "2024-04-01"))
    )
    head = "command_ref,command,loan_key,value_date,due_date,start_date,maker,checker,reason\n"
    parsed = parse((head + rows).encode(), dt.date(2024, 1, 10)).good
    given = parsed.with_columns(
        loan_currency=pl.lit(0), minor=pl.lit(None, pl.Int64), rate_ppb=pl.lit(None, pl.Int64)
    )
    before = '{"rate_ppb":null,"keep":"term","instalments":null,"due_date":"DATE","interest":null'
    assert as_events(given)["payload"].to_list() == [
        before.replace("DATE", "2024-02-15") + "}",
        before.replace("DATE", "2024-04-15") + ',"from_date":"2024-04-01"}',
    ]


def test_a_charge_off_is_not_dated_before_a_charge(week: Week) -> None:
    """A loan that is charged off is charged no more: nor is one charged off from before a charge."""
    found = rules(week.ledger, "commands_2018-01-14_charge_off.csv")
    assert found == {2: "charge_off_before_the_last_payment"}


def test_fees_that_are_deferred_come_by_order_within_their_limits(week: Week) -> None:
    assert rules(week.ledger, "commands_2018-01-12_deferred.csv") == {
        2: "more_than_may_be_lent", 4: "more_than_was_bought_down", 5: "more_than_was_bought_down",
    }  # fmt: skip
    assert rules(week.ledger, "commands_2018-01-14_deferred.csv") == {}
    assert rules(week.ledger, "commands_2018-01-16_deferred.csv") == {2: "fee_was_adjusted_since"}
    left = LedgerReader(week.ledger.settings).sql(
        "SELECT income_deferred FROM positions WHERE income_deferred > 0 "
        f"AND loan_id = {week.ids[week.keys[BOUGHT_DOWN]]} ORDER BY version DESC"
    )
    assert 0 < left["income_deferred"][0] < 2_600


def test_a_loan_that_is_refinanced_is_linked_both_ways(ledger: Ledger) -> None:
    policies = ledger.register(read_policies())
    by = provenance(policies)
    keys = ledger.loan_keys().sort("boards_on", "loan_id")
    old, new = keys.row(0, named=True), keys.row(-1, named=True)
    assert old["boards_on"] < new["boards_on"]
    day = new["boards_on"].isoformat()
    body = HEAD.replace("reason", "flag,reason") + "".join(
        order(ref, command, old["loan_key"], on, **told).replace("hardship", f"{flag},hardship")
        for ref, command, on, flag, told in (
            ("a", "refinance", day, "", {"amount": "50.00", "target_ref": new["loan_key"]}),
            ("b", "refinance", day, "", {"amount": "50.00", "target_ref": old["loan_key"]}),
            ("c", "refinance", day, "", {"amount": "50.00", "target_ref": "none"}),
            ("d", "flag_borrower", day, "bankruptcy", {}),
            ("e", "flag_borrower", day, "rich", {}),
        )
    )
    drop(ledger, f"commands_{day}.csv", body)
    take(ledger)
    assert rules(ledger, f"commands_{day}.csv") == {
        3: "loan_refinances_itself", 4: "unknown_target", 6: "flag_not_known",
    }  # fmt: skip
    list(close_days(ledger, policies, missing_days(ledger), by))
    assert rebuild(ledger, policies).differences.is_empty()
    reader = LedgerReader(ledger.settings)
    moved = reader.sql(
        "SELECT sum(amount)::BIGINT AS moved FROM transfers "
        f"WHERE loan_id = {old['loan_id']} AND debit = {ROLE['refinance_clearing']}"
    )
    assert moved["moved"][0] == 5_000
    assert reader.sql("SELECT flags FROM changed_terms")["flags"].to_list() == [1]
    shown = dict(_refinancings(reader, new["loan_id"], reader.clocks()))
    assert shown == {"refinances": f"loan {old['loan_id']} on {day}"}


def test_what_the_state_of_a_loan_forbids_is_quarantined(week: Week) -> None:
    ledger = week.ledger
    assert week.counted("commands_2018-01-14_state.csv") == (1, 3)
    assert rules(ledger, "commands_2018-01-14_state.csv") == dict.fromkeys(
        (2, 3, 4), "loan_is_charged_off"
    )
    assert week.counted("commands_2018-01-15_state.csv") == (0, 2)
    found = rules(ledger, "commands_2018-01-15_state.csv")
    assert found == {2: "unknown_target", 3: "loan_has_ended"}


def test_a_chargeback_that_names_its_payment_asks_again_for_what_it_met(ledger: Ledger) -> None:
    shipped = read_policies()
    changed = []
    for folder, policy in shipped.policies:
        if isinstance(policy, Product) and policy.name == "lendingclub-personal":
            payments = policy.payments.model_copy(update={"chargeback": ["interest", "principal"]})
            policy = policy.model_copy(update={"payments": payments})  # noqa: PLW2901
        changed.append((folder, policy))
    policies = ledger.register(PolicyBook(tuple(changed)).with_registry(shipped.registry))
    by = provenance(policies)
    loan = str(ledger.loan_keys().sort("boards_on")["loan_key"][0])
    list(close_days(ledger, policies, missing_days(ledger), by))
    columns = "payment_ref,loan_key,amount,currency,value_date"
    drop(ledger, "payments_2018-01-12.csv", f"{columns},designation\n"
         f"p1,{loan},400.00,USD,2018-01-12,\np2,{loan},1.00,USD,2018-01-12,pay_ahead\n"
         f"p3,{loan},1.00,USD,2018-01-12,principle\n")  # fmt: skip
    drop(ledger, "payments_2018-01-13.csv", f"{columns}\np1,{loan},400.00,USD,2018-01-12\n"
         f"p2,{loan},1.00,USD,2018-01-12\n")  # fmt: skip
    drop(ledger, "commands_2018-01-14.csv",
         HEAD + order("cb", "chargeback", loan, "2018-01-14", amount="200.00", target_ref="p1")
         + order("c1", "chargeback", loan, "2018-01-14", amount="10.00", target_ref="p4"))  # fmt: skip
    drop(ledger, "payments_2018-01-14.csv", f"{columns}\np4,{loan},10.00,USD,2018-01-14\n")
    take_in(ledger, policies, TAPE, correlation_id="test")
    assert rules(ledger, "commands_2018-01-14.csv") == {}
    assert rules(ledger, "payments_2018-01-12.csv") == {4: "unknown_designation"}
    # the same payment without its designation says something else, one that had none does not
    assert rules(ledger, "payments_2018-01-13.csv") == {3: "idempotency_conflict"}
    # p1 is lived to the eve, though no close has allocated it; p4 came that day: all of it is principal
    list(close_days(ledger, policies, missing_days(ledger), by))
    found = met(ledger, ledger.loan_keys().filter(pl.col("loan_key") == loan)["loan_id"])
    of_p1 = pl.col("idempotency_key").str.ends_with("/p1")
    interest = found.filter(of_p1 & (pl.col("component") == 1))["amount"].sum()
    assert interest > 0
    drop(ledger, "commands_2018-01-16.csv",
         HEAD + order("c2", "chargeback", loan, "2018-01-16", amount="150.00", target_ref="p1")
         + order("c3", "chargeback", loan, "2018-01-16", amount="50.01", target_ref="p1")
         + order("c4", "chargeback", loan, "2018-01-16", amount="51.01")
         + order("g", "goodwill_credit", loan, "2017-12-01", amount="1.00")
         + order("f", "charge_fee", loan, "2018-01-16", amount="1.00", due_date="2299-12-31")
         + order("h", "charge_fee", loan, "2018-01-16", amount="1.00", due_date="2018-01-15")
         + order("j", "charge_fee", loan, "2018-01-16", amount="900000.00", due_date="2018-02-01")
         + order("k", "pause_delinquency", loan, "2018-01-16", start_date="2018-02-10",
                 due_date="2218-02-10")
         + order("m", "merchant_refund", loan, "2018-01-16", amount="1.00")
         + order("n", "payout_refund", loan, "2018-01-16", amount="900000.00"))  # fmt: skip
    take_in(ledger, policies, TAPE, correlation_id="test")
    assert rules(ledger, "commands_2018-01-16.csv") == {
        3: "more_than_the_payment", 4: "more_than_was_paid_in", 5: "valued_before_boarding",
        6: "due_date_beyond_the_bound", 7: "charge_due_in_the_past", 8: "charge_above_the_bound",
        9: "pause_longer_than_the_bound", 10: "no_merchant", 11: "more_than_was_paid_out",
    }  # fmt: skip
    told = ledger.frame("SELECT payload FROM {lake}.events WHERE source_ref IN ('cb', 'c1', 'c2') "
                        "ORDER BY source_ref")["payload"].to_list()  # fmt: skip
    assert set(json.loads(told[0])) == {"of"}
    assert [json.loads(each)["interest"] for each in told[1:]] == [interest, interest]
    drop(ledger, "commands_2018-01-17.csv",
         HEAD + order("r", "reverse", loan, "2018-01-17", target_ref="p1")
         + order("r2", "reverse", loan, "2018-01-17", target_ref="p1"))  # fmt: skip
    take_in(ledger, policies, TAPE, correlation_id="test")
    # the card network took the payment back already: it would go out twice; each row is refused once
    assert rules(ledger, "commands_2018-01-17.csv") == {
        2: "payment_was_charged_back", 3: "already_reversed"
    }  # fmt: skip
    list(close_days(ledger, policies, missing_days(ledger), by))
    assert rebuild(ledger, policies).differences.is_empty()


def test_interest_on_what_a_merchant_gives_back_is_worked_out_and_refunded_once(
    week: Week,
) -> None:
    ledger, loan = week.ledger, week.ids[week.keys[MERCHANT]]
    assert rules(ledger, "commands_2018-01-14_interest.csv") == {
        4: "unknown_target", 5: "unknown_target", 6: "interest_was_refunded"
    }  # fmt: skip
    sql = "SELECT amount FROM {lake}.events WHERE source_ref = 'i-refund'"
    told = ledger.frame(sql)["amount"].item()
    nights = (dt.date(2018, 1, 14) - week.disbursed_on[loan]).days
    # nothing was paid yet: 500.00 of the principal bore its share of the month's interest
    assert nights > 0
    assert abs(told - 50_000 * week.rate_ppb[loan] / 10**9 / 12 * nights / 31) <= 1
    (moved,) = week.refunds
    assert moved["amount"].sum() == told
    assert set(moved["debit"]) == {ROLE["interest_income"]}
    assert rules(ledger, "commands_2018-01-16_interest.csv") == {2: "interest_was_refunded"}


def test_a_payout_by_order_is_more_than_what_is_kept_of_it(policies: PolicyBook) -> None:
    """10.00 flat of every payout, and 16 % of tax on it: 11.60."""
    fee = next(p for f, p in policies.policies if f == "origination_fees" and p.name == "standard")
    flat = {"percent_ppb": 0, "flat_minor": 10_00, "maximum_minor": None, "every_payout": True}
    policies = policies.with_rules("origination_fees", fee.model_copy(update=flat))
    code = policies.registry.index("instalment-mxn@1")
    amounts = [11_60, 11_61, 5_00]
    orders = pl.DataFrame({
        "loan_id": [1, 1, 1], "instalments": [None] * 3, "product": [code] * 3, "minor": amounts, "amount": [""] * 3, "command": ["pay_out"] * 3,
        "kind": [Kind.disbursed.value] * 2 + [Kind.goodwill_credit.value], "checker": ["b"] * 3,
        "value_date": [dt.date(2024, 2, 1)] * 3, "boards_on": [dt.date(2024, 1, 1)] * 3,
        "start_date": [None] * 3,
    }, schema_overrides={"product": pl.Int16, "kind": pl.Int8, "start_date": pl.Date, "instalments": pl.Int16})  # fmt: skip
    stands = pl.DataFrame({
        "loan_id": [1], "status": [0], "lent": [50_00], "owed": [50_00], "drawn_since": [0], "capitalised": [0],
        "bought_down": [0], "instalments_agreed": [12], "jurisdiction": [None], "reopened_on": [None],
    }, schema_overrides={"status": pl.Int8, "jurisdiction": pl.Int64, "reopened_on": pl.Date})  # fmt: skip
    rows = order_rows(orders, policies, lambda ids: stands, dt.date(2024, 2, 1))
    assert rows["payout_fee"].to_list() == [11_60, 11_60, 0]
    refused = money.fee_not_below_the_payout.broken()
    assert rows.select(refused.fill_null(False)).to_series().to_list() == [True, False, False]
