"""Orders of a file against the loans they name, and what the store keeps of them."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from loanbook.core.servicing.orders.rules import money
from loanbook.core.store.order_context import met, order_context, waived
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.commands.loans.loan import _refinancings
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.ingest.orders.context import order_rows
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from loanbook.pipelines.simulation.landing import TAPE
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


def test_each_order_is_kept_and_the_stored_book_goes_on_from_it(closed_ledger: Ledger) -> None:
    ledger = closed_ledger
    policies = ledger.register(read_policies())
    by = provenance(policies)
    keys = ledger.loan_keys().sort("boards_on").head(6)
    first, second, third, fourth, fifth, sixth = keys["loan_key"].to_list()
    body = HEAD + "".join(
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
    drop(ledger, "commands_2018-01-12.csv", body)
    report = take(ledger)
    assert (report.accepted, report.quarantined) == (9, 9)
    assert rules(ledger, "commands_2018-01-12.csv") == {
        7: "unknown_target", 8: "pause_not_after_value_date", 9: "due_date_not_after_value_date",
        10: "more_than_the_credit", 11: "period_not_every_and_unit",
        13: "no_instalment_was_billed_yet", 14: "interest_not_as_the_command_has_it",
        18: "pause_ends_before_it_begins", 19: "more_than_the_charge",
    }  # fmt: skip
    # a day at a time, each from what is stored
    for day in missing_days(ledger):
        list(close_days(ledger, policies, [day], by))
    drop(ledger, "payments_2018-01-16.csv", "payment_ref,loan_key,amount,currency,value_date\n"
         f"p1,{first},25.00,USD,2018-01-13\n")  # fmt: skip
    late = order("t", "adjust_charge", third, "2018-01-16", amount="0.01", target_ref="c")
    drop(ledger, "commands_2018-01-16.csv", HEAD + late)
    take(ledger)
    assert rules(ledger, "commands_2018-01-16.csv") == {2: "more_than_the_charge"}
    loan_ids = pl.Series([dict(keys.select("loan_key", "loan_id").rows())[third]])
    assert waived(ledger, loan_ids)["amount"].to_list() == [12_50]
    for day in missing_days(ledger):
        list(close_days(ledger, policies, [day], by))
    assert rebuild(ledger, policies).differences.is_empty()
    loans = dict(keys.select("loan_key", "loan_id").rows())
    for loan_id in loans.values():
        assert replay_loan(ledger, policies, loan_id).differences.is_empty()
    reader = LedgerReader(ledger.settings)
    reasons = reader.sql("SELECT loan_id, reason FROM schedules WHERE reason <> 'boarded'")
    assert dict(reasons.rows()) == {loans[first]: "reaged", loans[second]: "interest_paused",
                                    loans[fourth]: "reamortised", loans[fifth]: "reaged"}  # fmt: skip
    ended = reader.sql("SELECT loan_id, close_reason FROM loans WHERE close_reason = 'settled'")
    assert ended["loan_id"].to_list() == [loans[sixth]]
    again = order_context(ledger, pl.Series([loans[second]], dtype=pl.Int64))
    assert again["paused_until"].to_list() == [dt.date(2018, 1, 20)]


def test_a_charge_off_is_not_dated_before_a_charge(closed_ledger: Ledger) -> None:
    """A loan that is charged off is charged no more: nor is one charged off from before a charge."""
    ledger = closed_ledger
    policies = ledger.register(read_policies())
    first, second = ledger.loan_keys().sort("boards_on").head(2)["loan_key"].to_list()
    fee = order("a", "charge_fee", first, "2018-01-12", amount="12.50", due_date="2018-01-12")
    drop(ledger, "commands_2018-01-12.csv", HEAD + fee)
    take(ledger)
    list(close_days(ledger, policies, missing_days(ledger), provenance(policies)))
    body = order("b", "charge_off", first, "2018-01-11") + order(
        "c", "charge_off", second, "2018-01-11"
    )
    drop(ledger, "commands_2018-01-14.csv", HEAD + body)
    take(ledger)
    found = rules(ledger, "commands_2018-01-14.csv")
    assert found == {2: "charge_off_before_the_last_payment"}


def test_fees_that_are_deferred_come_by_order_within_their_limits(closed_ledger: Ledger) -> None:
    ledger = closed_ledger
    policies = ledger.register(read_policies())
    by = provenance(policies)
    keys = ledger.loan_keys().sort("boards_on").head(2)
    first, second = keys["loan_key"].to_list()
    body = HEAD + "".join(
        [
            order("a", "capitalise_fee", first, "2018-01-12", amount="10.00"),
            order("b", "buy_down", second, "2018-01-12", amount="31.00"),
            order("c", "adjust_buy_down", second, "2018-01-12", amount="5.00"),
            order("d", "adjust_buy_down", second, "2018-01-12", amount="27.00"),
        ]
    )
    drop(ledger, "commands_2018-01-12.csv", body)
    take(ledger)
    assert rules(ledger, "commands_2018-01-12.csv") == {
        2: "more_than_may_be_lent", 4: "more_than_was_bought_down", 5: "more_than_was_bought_down",
    }  # fmt: skip
    list(close_days(ledger, policies, missing_days(ledger), by))
    drop(ledger, "commands_2018-01-14.csv", HEAD
         + order("e", "adjust_buy_down", second, "2018-01-14", amount="5.00"))  # fmt: skip
    take(ledger)
    list(close_days(ledger, policies, missing_days(ledger), by))
    drop(ledger, "commands_2018-01-16.csv", HEAD
         + order("f", "reverse", second, "2018-01-16", target_ref="b"))  # fmt: skip
    take(ledger)
    assert rules(ledger, "commands_2018-01-16.csv") == {2: "fee_was_adjusted_since"}
    list(close_days(ledger, policies, missing_days(ledger), by))
    assert rebuild(ledger, policies).differences.is_empty()
    reader = LedgerReader(ledger.settings)
    left = reader.sql(
        "SELECT income_deferred FROM positions WHERE income_deferred > 0 ORDER BY version DESC"
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


def test_what_the_state_of_a_loan_forbids_is_quarantined(closed_ledger: Ledger) -> None:
    ledger = closed_ledger
    policies = ledger.register(read_policies())
    loan = str(ledger.loan_keys().sort("boards_on")["loan_key"][0])
    drop(ledger, "commands_2018-01-12.csv",
         HEAD + order("off", "charge_off", loan, "2018-01-12"))  # fmt: skip
    take(ledger)
    list(close_days(ledger, policies, missing_days(ledger), provenance(policies)))
    drop(ledger, "commands_2018-01-14.csv", HEAD
         + order("r", "reage", loan, "2018-01-14", due_date="2018-02-01", instalments="6")
         + order("f", "charge_fee", loan, "2018-01-14", amount="5.00", due_date="2018-01-20")
         + order("o", "charge_off", loan, "2018-01-14")
         + order("w", "write_off", loan, "2018-01-14"))  # fmt: skip
    report = take(ledger)
    assert (report.accepted, report.quarantined) == (1, 3)
    assert set(rules(ledger, "commands_2018-01-14.csv").values()) == {"loan_is_charged_off"}
    list(close_days(ledger, policies, missing_days(ledger), provenance(policies)))
    drop(ledger, "commands_2018-01-15.csv", HEAD
         + order("u", "reverse", loan, "2018-01-15", target_ref="w")
         + order("x", "extend_term", loan, "2018-01-15", instalments="2"))  # fmt: skip
    assert take(ledger).accepted == 0
    assert rules(ledger, "commands_2018-01-15.csv") == {2: "unknown_target", 3: "loan_has_ended"}


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
         HEAD + order("cb", "chargeback", loan, "2018-01-14", amount="200.00", target_ref="p1"))  # fmt: skip
    take_in(ledger, policies, TAPE, correlation_id="test")
    assert rules(ledger, "commands_2018-01-14.csv") == {}
    assert rules(ledger, "payments_2018-01-12.csv") == {4: "unknown_designation"}
    # the same payment without its designation says something else, one that had none does not
    assert rules(ledger, "payments_2018-01-13.csv") == {3: "idempotency_conflict"}
    # the order came with its payment, before any close had allocated it: all of it is principal
    list(close_days(ledger, policies, missing_days(ledger), by))
    found = met(ledger, ledger.loan_keys().filter(pl.col("loan_key") == loan)["loan_id"])
    interest = found.filter(pl.col("component") == 1)["amount"].sum()
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
    told = ledger.frame("SELECT payload FROM {lake}.events WHERE source_ref IN ('cb', 'c2') "
                        "ORDER BY source_ref")["payload"].to_list()  # fmt: skip
    assert set(json.loads(told[1])) == {"of"}
    assert json.loads(told[0])["interest"] == interest
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
    closed_ledger: Ledger,
) -> None:
    ledger = closed_ledger
    policies = ledger.register(read_policies())
    by = provenance(policies)
    book, _ = ledger.book(policies)
    row = book.terms.sort("disbursed_on", "loan_id").row(0, named=True)
    keys = ledger.loan_keys()
    loan = keys.filter(pl.col("loan_id") == row["loan_id"])["loan_key"].item()
    other = keys.filter(pl.col("loan_id") != row["loan_id"])["loan_key"][0]
    drop(ledger, "commands_2018-01-14.csv", HEAD
         + order("m", "payout_refund", loan, "2018-01-14", amount="500.00")
         + order("i", "refund_interest", loan, "2018-01-14", target_ref="m")
         + order("n", "refund_interest", other, "2018-01-14", target_ref="m")
         + order("o", "refund_interest", loan, "2018-01-14", target_ref="x")
         + order("p", "refund_interest", loan, "2018-01-14", target_ref="m"))  # fmt: skip
    take_in(ledger, policies, TAPE, correlation_id="test")
    assert rules(ledger, "commands_2018-01-14.csv") == {
        4: "unknown_target", 5: "unknown_target", 6: "interest_was_refunded"
    }  # fmt: skip
    told = ledger.frame("SELECT amount FROM {lake}.events WHERE source_ref = 'i'")["amount"].item()
    nights = (dt.date(2018, 1, 14) - row["disbursed_on"]).days
    # nothing was paid yet: 500.00 of the principal bore its share of the month's interest
    assert nights > 0
    assert abs(told - 50_000 * row["rate_ppb"] / 10**9 / 12 * nights / 31) <= 1
    list(close_days(ledger, policies, missing_days(ledger), by))
    moved = ledger.frame(
        "SELECT t.debit, t.amount FROM {lake}.transfers t JOIN {lake}.events e USING (event_id) "
        "WHERE e.source_ref = 'i'"
    )
    assert moved["amount"].sum() == told
    assert set(moved["debit"]) == {ROLE["interest_income"]}
    drop(ledger, "commands_2018-01-16.csv", HEAD
         + order("q", "refund_interest", loan, "2018-01-16", target_ref="m")
         + order("r", "reverse", loan, "2018-01-16", target_ref="i"))  # fmt: skip
    take_in(ledger, policies, TAPE, correlation_id="test")
    assert rules(ledger, "commands_2018-01-16.csv") == {2: "interest_was_refunded"}
    list(close_days(ledger, policies, missing_days(ledger), by))
    assert rebuild(ledger, policies).differences.is_empty()


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
