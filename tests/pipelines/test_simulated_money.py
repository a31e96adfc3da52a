"""The same book's money in every format: what a right reader finds is known."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from typer.testing import CliRunner

from loanbook.core.catalogue.codes import Kind
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.commands.app import app
from loanbook.pipelines.simulation.bank_files import BACK, WRITERS
from tests.pipelines.files import take

PRODUCT = "instalment-act365"


def test_money_in_every_format_comes_to_the_same_payments_as_the_truth_and_the_plain_file(
    new_ledger: Ledger, tmp_path: Path
) -> None:
    folder = new_ledger.settings.landing
    ran = CliRunner()
    made = ran.invoke(
        app,
        [
            "simulate",
            str(folder),
            "--loans",
            "40",
            "--product",
            PRODUCT,
            "--days",
            "70",
            "--overwrite",
        ],
    )
    assert made.exit_code == 0, made.output
    plain = pl.concat(pl.read_csv(p, infer_schema=False) for p in folder.glob("payments_*.csv"))
    again = [word for name in WRITERS for word in ("--as", name)]
    made = ran.invoke(app, ["payments", "simulate", str(folder), *again])
    assert made.exit_code == 0, (made.output, made.exception)
    assert not list(folder.glob("payments_*.csv"))
    report = take(new_ledger)
    assert not report.refused, report.refused
    assert (report.quarantined, report.duplicates) == (0, 0)

    truth = pl.read_csv(
        folder.with_name(f"{folder.name}_money_truth.csv"),
        schema_overrides={"value_date": pl.String},
    )
    assert set(truth["format"]) == set(WRITERS)
    stored = new_ledger.frame(
        "SELECT f.name AS file, k.loan_key, e.amount, e.value_date::VARCHAR AS value_date, e.outcome "
        "FROM {lake}.bank_entries e JOIN {lake}.bank_files f USING (file_id) LEFT JOIN {lake}.loan_keys k USING (loan_id)"
    )
    told = truth.select("file", "loan_key", "amount", "value_date", "outcome")
    assert stored.select(told.columns).sort(pl.all()).equals(told.sort(pl.all()))
    # the plain file has the nameless payments too
    paid = new_ledger.frame(
        "SELECT k.loan_key, e.amount, e.value_date::VARCHAR AS value_date FROM {lake}.events e "
        "JOIN {lake}.loan_keys k USING (loan_id) WHERE e.kind = 2"
    )
    cents = pl.col("amount").str.replace(".", "", literal=True).cast(pl.Int64)
    both = plain.select("loan_key", cents, "value_date")
    assert paid.height == (truth["outcome"] == "applied").sum()
    assert paid.join(both, on=paid.columns, how="anti").is_empty()
    back = truth["reference"].str.starts_with(BACK)
    assert both.height - paid.height == (truth.filter(~back)["outcome"] == "suspense").sum() > 0
    # what a processor takes back is charged back of its payment; of a bank's people decide
    charged = new_ledger.frame(
        "SELECT k.loan_key, e.amount FROM {lake}.events e JOIN {lake}.loan_keys k USING (loan_id) WHERE e.kind = ?",
        [Kind.chargeback.value],
    )
    returned = truth.filter(pl.col("outcome") == "returned").select("loan_key", "amount")
    assert charged.sort(pl.all()).equals(returned.sort(pl.all()))
    assert returned.height > 0
    assert set(truth.filter(back)["format"]) == set(WRITERS) - {"nacha"}
