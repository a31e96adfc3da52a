"""A made-up book of five loans in an instance: the first day of it by the product itself, and six more in a
process of the copy, with all that there is to see then."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from loanbook.pipelines.cli import app
from tests.extending.product_copy import run

TAPE = (
    "loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,"
    "second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on,jurisdiction,drawn\n"
    "L-1,instalment-act365,1200.00,12,12,,0,1,months,,2018-01-02,2018-02-02,,,,\n"
    "L-2,instalment-act365,2400.00,12,12,,0,1,months,,2018-01-02,2018-02-02,,,,\n"
    "E-1,instalment-act365,1200.00,12,12,,0,1,months,1,2018-01-02,2018-02-02,,,,\n"
    "I-1,instalment-act365,1200.00,12,12,,0,3,days,1,2018-01-02,2018-01-05,,,,\n"
    "I-2,instalment-act365,1200.00,12,12,,0,3,days,1,2018-01-02,2018-01-05,,,,\n"
)
AFTER = """
import json
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner
from loanbook import open_ledger
from loanbook.core.catalogue import codes
from loanbook.dashboards import data
from loanbook.pipelines.cli import app
from loanbook.pipelines.definitions import defs
from loanbook.pipelines.reporting.files_page import file_kinds
from loanbook.pipelines.reporting.reference import reference
from loanbook.pipelines.resources import settings

def command(*words):
    said = CliRunner().invoke(app, list(words))
    assert said.exit_code == 0, said.output
    return said.output

command("migrate")
before = open_ledger().mart("principal_by_product").height
filled = command("marts")
for files in LANDING:
    for name, text in files.items():
        (settings().landing / name).write_text(text)
    command("backfill")
reader = open_ledger()

def rows(sql):
    return [list(row) for row in reader.query(sql).rows()]

def of(key, what):
    return dict(rows(f"SELECT business_date::VARCHAR, {what} FROM positions_now p "
                     f"JOIN loan_keys k USING (loan_id) WHERE k.loan_key = '{key}'"))

paid = reader.payments(names=True)
mart = reader.principal_by_product("2018-01-03")
assert mart.equals(reader.mart("principal_by_product", "2018-01-03"))
page = AppTest.from_string("from loanbook.dashboards.pages.ledger import marts; marts.draw()", default_timeout=90)
page.query_params["mart"] = "principal_by_product"
page.run()
assert not page.exception, page.exception
seen = {
    "code": [codes.MARK, codes.__file__],
    "refused": rows("SELECT name, line, rule FROM quarantine ORDER BY name, line"),
    "lockbox": [[*map(str, row)] for row in
                paid.select("loan_key", "amount", "value_date").sort("loan_key").rows()],
    "file_kinds": file_kinds(),
    "event": {
        "accrued": of("E-1", "interest_accrued"),
        "events": rows("SELECT kind, actor, payload FROM events WHERE kind > 40"),
        "rates": rows("SELECT DISTINCT rate_ppb FROM changed_terms JOIN loan_keys USING (loan_id) "
                      "WHERE loan_key = 'E-1'"),
        "explained": command("explain", "E-1"),
    },
    "component": {
        "due": of("I-1", "insurance_due"),
        "fees": of("I-1", "fees_due"),
        "paid": paid.filter(paid["loan_key"] == "I-1").select("fees", "insurance", "credit").rows(),
        "accounts": rows("SELECT d.name AS debit, c.name AS credit, sum(amount)::BIGINT FROM transfers t "
                         "JOIN account_roles d ON d.code = t.debit "
                         "JOIN account_roles c ON c.code = t.credit "
                         "WHERE 'insurance_receivable' IN (d.name, c.name) GROUP BY ALL ORDER BY ALL"),
        "overdue": dict(rows("SELECT business_date::VARCHAR, sum(overdue)::BIGINT "
                             "FROM portfolio_daily GROUP BY ALL")),
        "interest": dict(rows("SELECT business_date::VARCHAR, sum(principal_due + interest_due)::BIGINT "
                              "FROM positions_now GROUP BY ALL")),
        "told": command("explain", "I-1") + command("payoff", "I-1") + command("loan", "show", "I-1"),
    },
    "mart": {
        "before": before,
        "filled": filled,
        "principal": mart["principal"].to_list(),
        "last": reader.principal_by_product()["principal"].to_list(),
        "days": reader.mart("principal_by_product")["business_date"].n_unique(),
        "owed": reader.sql("SELECT max(principal) AS n FROM principal_by_product WHERE business_date "
                           "<= '2018-01-03' GROUP BY business_date")["n"].to_list(),
        "data": data.mart("principal_by_product", mart["business_date"][0], 2)["principal"].to_list(),
        "asset": "loanbook/principal_by_product" in
                 {k.to_user_string() for k in defs.resolve_asset_graph().get_all_asset_keys()},
        "reference": "### principal_by_product" in reference(),
        "page": page.dataframe[0].value["principal"].to_list(),
    },
}
with open(SEEN, "w") as file:
    json.dump(seen, file)
"""


def publish_a_day(home: Path) -> None:
    """A new instance of the product itself takes the tape in and publishes its day."""
    told = CliRunner().invoke(app, ["init", str(home), "--entity", "Made-up lender"])
    assert told.exit_code == 0, told.output
    (home / "landing" / "loan_tape_2018-01-02.csv").write_text(TAPE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as then:
        then.setenv("LOANBOOK_HOME", str(home))
        told = CliRunner().invoke(app, ["close"])
    assert told.exit_code == 0, told.output


def live_on(root: Path, home: Path, landing: list[dict[str, str]], seen: Path) -> None:
    """The copy takes in and closes each of the landings; what there is to see goes to the file
    `seen`, as JSON."""
    run(root, f"LANDING, SEEN = {landing!r}, {str(seen)!r}\n{AFTER}", home)
