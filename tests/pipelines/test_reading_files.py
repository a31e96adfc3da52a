"""What a file says is read exactly, or refused by its line; no line is lost on the way."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from loanbook.core.contract.dates.due_dates import changes_of, due_date
from loanbook.core.contract.dates.iso_dates import from_iso
from loanbook.core.errors import IntakeError, LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import CANONICAL_PAYMENTS, AmountForm
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.pipelines.agreements.quoting import quoted
from loanbook.pipelines.formats import commands, payments
from loanbook.pipelines.formats.tape import parsing
from loanbook.pipelines.formats.tape import rows as tape_rows
from tests.core.loans import ruled

HEAD = "loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,"
TAIL = "second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on,borrower"


def test_a_tape_says_which_day_of_the_month_instalments_fall_due(
    policies: PolicyBook,
) -> None:
    """A first due date on a month's last day means the last day, unless the tape says otherwise.

    One that is not on the day told is on its own, and those after it on the day that is told.
    """
    rows = [("A", "", ""), ("B", "30", ""), ("C", "", "no"), ("D", "31", "no"), ("E", "", "yes"),
            ("F", "15", "no"), ("G", "15", "yes")]  # fmt: skip
    text = "\n".join(
        [f"{HEAD}{TAIL},anchor_day,end_of_month",
         *(f"{key},instalment-act365,1200.00,12,6,,0.00,1,months,,2024-03-30,2024-04-30,,,,{day},{last}"
           for key, day, last in rows)]
    )  # fmt: skip
    mapping = next(p for f, p in policies.policies if f == "tapes" and p.name == "canonical")
    product = next(p for f, p in policies.policies if p.name == "instalment-act365")
    raw, broken = tape_rows.read(text.encode(), mapping)
    good, bad = parsing.parse(raw, mapping, product, dt.date(2024, 3, 30))
    assert broken == []
    assert bad == []
    loans = parsing.terms(good, 0, 0, "USD")
    assert loans.select(due=due_date(pl.lit(1), frozenset({0})))["due"].unique().to_list() == [
        dt.date(2024, 4, 30)
    ]
    third = loans.select(
        "loan_key", due=due_date(pl.lit(2), frozenset({0}), changes=changes_of(loans))
    ).rows()
    assert [(key, str(due)) for key, due in third] == [
        ("A", "2024-05-31"), ("B", "2024-05-30"), ("C", "2024-05-30"), ("D", "2024-05-31"),
        ("E", "2024-05-31"), ("F", "2024-05-15"), ("G", "2024-05-31"),
    ]  # fmt: skip


def test_a_tape_says_when_a_loan_matures_and_how_long_it_asks_no_principal(
    policies: PolicyBook,
) -> None:
    told = {  # maturity, interest-only instalments, stub interest: rule
        ("2024-09-15", "", "spread"): None, ("2024-10-15", "2", ""): None, ("2024-09-30", "0", "level"): None,
        ("", "", ""): None,
        ("2024-08-31", "", ""): "maturity_not_in_the_last_period",
        ("2024-10-31", "", ""): "maturity_not_in_the_last_period",
        ("+2024-09-15", "", ""): "maturity_not_in_the_last_period",
        ("2024- 09-15", "", ""): "maturity_not_in_the_last_period",
        ("soon", "", ""): "maturity_not_in_the_last_period",
        ("", "6", ""): "interest_only_not_fewer_than_instalments",
        ("", "-1", ""): "interest_only_not_fewer_than_instalments",
        ("", "", "first"): "stub_interest_not_known",
    }  # fmt: skip
    text = "\n".join(
        [f"{HEAD}{TAIL},maturity_date,interest_only,stub_interest",
         *(f"L{n},instalment-act365,1200.00,12,6,,0.00,1,months,,2024-03-30,2024-04-30,,,,{on},{free},{stub}"
           for n, (on, free, stub) in enumerate(told))]
    )  # fmt: skip
    mapping = next(p for f, p in policies.policies if f == "tapes" and p.name == "canonical")
    product = next(p for f, p in policies.policies if p.name == "instalment-act365")
    raw, _ = tape_rows.read(text.encode(), mapping)
    good, bad = parsing.parse(raw, mapping, product, dt.date(2024, 3, 30))
    assert {row["line"] - 2: row["rule"] for row in bad} == {
        n: rule for n, rule in enumerate(told.values()) if rule
    }  # fmt: skip
    own = (
        parsing.terms(good, 0, 0, "USD")
        .select("matures_on", "interest_only", "stub_interest_agreed")
        .rows()
    )
    assert own == [
        (dt.date(2024, 9, 15), None, 3), (dt.date(2024, 10, 15), 2, None), (None, None, 0),
        (None, None, None),
    ]  # fmt: skip


def test_a_number_of_a_tape_is_read_exactly_or_not_at_all(policies: PolicyBook) -> None:
    told = {  # rate, instalments: rule
        ("12", "6"): None, ("12%", "6 months"): None, ("0.0000001", "6"): None,
        ("5.123456789", "6"): "rate_not_a_percentage", ("1e1", "6"): "rate_not_a_percentage",
        ("12", "-36"): "instalments_not_a_number", ("12", "36.5"): "instalments_not_a_number",
        ("12", "36 or 60"): "instalments_not_a_number", ("12", "1e2"): "instalments_not_a_number",
        ("12", "36 weeks"): "instalments_not_a_number", ("12", "6 payments"): None,
    }  # fmt: skip
    text = "\n".join(
        [HEAD + TAIL,
         *(f"L{n},instalment-act365,1200.00,{rate},{term},,0.00,1,months,,2024-03-30,2024-04-30,,,"
           for n, (rate, term) in enumerate(told))]
    )  # fmt: skip
    mapping = next(p for f, p in policies.policies if f == "tapes" and p.name == "canonical")
    product = next(p for f, p in policies.policies if p.name == "instalment-act365")
    raw, _ = tape_rows.read(text.encode(), mapping)
    _, bad = parsing.parse(raw, mapping, product, dt.date(2024, 3, 30))
    assert {row["line"] - 2: row["rule"] for row in bad} == {
        n: rule for n, rule in enumerate(told.values()) if rule
    }


def test_a_bound_of_a_product_is_exact(policies: PolicyBook) -> None:
    product = next(p for f, p in policies.policies if p.name == "instalment-act365")
    for percent in ("8.2", "17.99", "18.99", "19.99", "24.99", "29.99"):
        written = product.model_dump() | {"bounds": {"rate_percent": [0, float(percent)]}}
        made = type(product).model_validate(written)
        assert made.bounds.rate_ppb == (0, round(float(percent) * 100) * 100_000)


def test_digits_stand_on_both_sides_of_a_point() -> None:
    head, day = ",".join(payments.COLUMNS) + "\n", dt.date(2024, 1, 1)
    told = ("5", "5.0", "0.50", ".5", "5.", "0.", ".", "-.5")
    comma = AmountForm(decimal=",", thousands=".")
    for point, form in ((".", AmountForm()), (",", comma)):
        rows = "".join(
            f'r{n},L,"{amount.replace(".", point)}",USD,{day}\n' for n, amount in enumerate(told)
        )
        mapping = CANONICAL_PAYMENTS.model_copy(update={"amounts": form})
        found = payments.parse((head + rows).encode(), day, mapping)
        assert found.good["minor"].to_list() == [500, 500, 50]
        assert [row["rule"] for row in found.bad] == ["amount_not_a_number"] * 5


def test_dates_and_numbers_are_written_one_way_in_every_file(policies: PolicyBook) -> None:
    """All digits of a date, no plus sign, no zero before a number's first digit; a mapping's own form of
    dates may leave a zero out."""
    day = dt.date(2026, 3, 1)
    cells = {
        "207.04": "2026-02-05", "+207.04": "2026-02-05", "0207.04": "2026-02-05", "7": "2026-2-5",
        "0.50": "2026-02-5", "8": "20260205",
    }  # fmt: skip
    rows = "".join(f"P{n},L,{a},USD,{on}\n" for n, (a, on) in enumerate(cells.items()))
    head = ",".join(payments.COLUMNS) + "\n"
    found = payments.parse((head + rows).encode(), day)
    assert found.good["minor"].to_list() == [20_704]
    wrong = ["amount_not_a_number"] * 2 + ["value_date_not_a_date"] * 3
    assert [row["rule"] for row in found.bad] == wrong
    american = CANONICAL_PAYMENTS.model_copy(update={"date_format": "%m/%d/%Y"})
    found = payments.parse(f"{head}P,L,7,USD,2/5/2026\n".encode(), day, american)
    assert found.good["value_date"].to_list() == [dt.date(2026, 2, 5)]

    head = ",".join([*commands.COLUMNS, "amount", "instalments", "due_date", "rate_percent"])
    told = ["+5,,2026-03-05,", "05,,2026-03-05,", "5,,2026-3-5,"]
    rows = [f"c{n},charge_fee,L,2026-02-05,ann,bob,agreed,{each}" for n, each in enumerate(told)]
    rows.append("c3,extend_term,L,2026-02-05,ann,bob,agreed,,+1,,")
    rows.append("c4,change_rate,L,2026-02-05,ann,bob,agreed,,,,05.5")
    found = commands.parse("\n".join([head, *rows, ""]).encode(), day)
    assert [row["rule"] for row in found.bad] == [
        "amount_not_a_positive_number", "amount_not_a_positive_number", "field_not_read",
        "field_not_read", "rate_not_a_percentage",
    ]  # fmt: skip
    for text in ("20260205", "2026-2-5", "2026-W06-4", " 2026-02-05"):
        with pytest.raises(ValueError, match="write it like 2018-06-30"):
            from_iso(text)


def test_every_line_of_a_file_is_a_row_or_is_refused() -> None:
    """A stray quote spoils its own line and swallows none that follow."""
    lines = [f"P{n},L{n},10.00,USD,2018-01-02" for n in range(100)]
    for opened in ((10,), (10, 11), (99,)):
        spoilt = [f'"{line}' if n in opened else line for n, line in enumerate(lines)]
        text = "\n".join([",".join(payments.COLUMNS), *spoilt])
        parsed = payments.parse(text.encode(), dt.date(2018, 1, 2))
        assert parsed.rows_in == 100
        assert parsed.good.height == 100 - len(opened)
        assert [row["line"] for row in parsed.bad] == [n + 2 for n in opened]


def test_a_header_that_names_a_column_twice_is_refused_by_name() -> None:
    text = ",".join([*payments.COLUMNS, "amount"]) + "\nP,L,10.00,USD,2018-01-02,1.00\n"
    with pytest.raises(IntakeError, match="names a column twice: amount"):
        payments.parse(text.encode(), dt.date(2018, 1, 2))


def test_a_schedule_that_ends_beyond_the_calendar_is_refused(policies: PolicyBook) -> None:
    rows = {  # instalments, every, unit: taken
        (600, 1, "months"): True, (600, 366, "months"): False, (240, 30, "days"): True,
        (600, 366, "days"): False, (12, "", ""): True, (3, 60, "months"): True,
    }  # fmt: skip
    text = "\n".join(
        [HEAD + TAIL,
         *(f"L{n},instalment-act365,1200.00,12,{count},,0.00,{every},{unit},,2024-03-30,2024-04-30,,,"
           for n, (count, every, unit) in enumerate(rows))]
    )  # fmt: skip
    mapping = next(p for f, p in policies.policies if f == "tapes" and p.name == "canonical")
    product = next(p for f, p in policies.policies if p.name == "instalment-act365")
    raw, _ = tape_rows.read(text.encode(), mapping)
    good, bad = parsing.parse(raw, mapping, product, dt.date(2024, 3, 30))
    assert good["line"].to_list() == [n + 2 for n, taken in enumerate(rows.values()) if taken]
    assert {row["rule"] for row in bad} == {"schedule_ends_beyond_the_calendar"}
    # what is taken in can be agreed, in one batch, whatever periods the others have
    agreed = agreed_terms(
        parsing.terms(good, policies.registry.index("instalment-act365@1"), 0, "USD")
        .drop("loan_key", "line").with_columns(loan_id=pl.int_range(1, pl.len() + 1)), policies.pins
    )  # fmt: skip
    assert (agreed["emi"] > 0).all()


def test_a_reage_beyond_the_calendar_is_refused() -> None:
    head = ",".join([*commands.COLUMNS, "due_date", "instalments", "every", "unit", "interest"])
    row = "C1,reage,L1,2024-04-21,ann,bob,told,2024-05-03,600,366,months,level"
    parsed = commands.parse(f"{head}\n{row}\n".encode(), dt.date(2024, 4, 21))
    assert [each["rule"] for each in parsed.bad] == ["schedule_ends_beyond_the_calendar"]


def test_a_schedule_agreed_row_by_row_is_boarded_where_it_adds_up(policies: PolicyBook) -> None:
    # ACT/365F at 12 %: 1,200.00 for 35 days 13.81, 800.00 for 44 days 11.57, 300.00 for 42 days 4.14
    told = {  # rows, what its interest goes by: rule
        ("2024-02-05 400 13.81; 2024-03-20 500 11.57; 2024-05-01 300 4.14", ""): None,
        ("2024-02-05 413.81;2024-03-20  511.57;2024-05-01 304.14;", "by_rate"): None,
        ("2024-02-05 413.81; 2024-03-20 511.57; 2024-05-01 404.14", "as_told"): None,
        ("2024-02-05 413.81; 2024-03-20 511.57; 2024-05-01 404.14", ""): "agreed_interest_not_the_rates",
        ("2024-02-05 400 13; 2024-03-20 500 11; 2024-05-01 301 4", "as_told"): "agreed_principal_not_the_loans",
        ("2024-02-05 1300 13; 2024-03-20 1 1; 2024-05-01 1", "as_told"): "agreed_principal_not_the_loans",
        ("2024-02-05 400 13.81; 2024-02-05 500 11.57; 2024-05-01 300 4.14", ""): "agreed_schedule_not_ascending",
        ("2024-02-05 400 13.81; 2024-05-01 800 4.14", ""): "agreed_schedule_beside_other_terms",
        ("2024-02-06 400 13.81; 2024-03-20 500 11.57; 2024-05-01 300 4.14", ""): "agreed_schedule_beside_other_terms",
        ("2024-02-05 400 x; 2024-03-20 500 11.57; 2024-05-01 300 4.14", ""): "agreed_schedule_not_read",
        ("2024-02-05x 400 13.81; 2024-03-20 500 11.57; 2024-05-01 300 4.14", ""): "agreed_schedule_not_read",
        ("2024-02-05; 2024-03-20 500 11.57; 2024-05-01 300 4.14", ""): "agreed_schedule_not_read",
        ("2024-02-05 400 13.81; 2024-03-20 500 11.57; 2024-05-01 300 4.14", "x"): "schedule_interest_not_known",
    }  # fmt: skip
    terms = "principal=1200 rate_percent=12 instalments=3 disbursed_on=2024-01-01 first_due_date=2024-02-05"
    for (rows, by), rule in told.items():
        fields = [*terms.split(), f"agreed_schedule={rows}", f"schedule_interest={by}"]
        if rule:
            with pytest.raises(LoanbookError, match=rule):
                quoted(policies, "instalment-act365", fields)
            continue
        plan = quoted(policies, "instalment-act365", fields).instalments
        last = 104_14 if by == "as_told" else 4_14
        assert plan["interest"].to_list() == [13_81, 11_57, last]
        assert plan["principal"].to_list() == [400_00, 500_00, 300_00]
        assert plan["due_date"][1] == dt.date(2024, 3, 20)
    # by 30/360 a whole month bears a twelfth, an odd row its share of the month that ends with it:
    # 1,200.00 x 1 % x 35/31 = 13.55, 800.00 x 1 % = 8.00, 300.00 x 1 % x 46/31 = 4.45
    thirty = ruled(policies, "instalment-act365", "schedule", rate_basis="30/360")
    dates, totals = ("2024-02-05", "2024-03-05", "2024-04-20"), ("413.55", "508.00", "304.45")

    def plan_of(*amounts: str) -> pl.DataFrame:
        rows = "; ".join(f"{on} {amount}" for on, amount in zip(dates, amounts, strict=True))
        fields = [*terms.split(), f"agreed_schedule={rows}"]
        return quoted(thirty, "instalment-act365", fields).instalments

    assert plan_of(*totals)["interest"].to_list() == [13_55, 8_00, 4_45]
    with pytest.raises(LoanbookError) as bad:
        plan_of(*totals[:2], "308.86")
    assert (
        "principal 1200.00, lent 1200.00; interest 30.41, at the rate 26.00; rows sum to 1230.41, at "
        "the rate to 1226.00" in str(bad.value)
    )
