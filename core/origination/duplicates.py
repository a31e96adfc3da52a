"""Records of persons made ready to be compared, and which of them are of one person by what people merged. Pure."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.personal import TOKENS
from loanbook.core.origination.screening import plain
from loanbook.core.policy.decisions.duplicates import SAME

COMPARED = pl.Schema({
    "person": pl.String(), "kind": pl.String(), "name": pl.String(), "initial": pl.String(), "birth_date": pl.String(),
    **dict.fromkeys(SAME, pl.UInt64()),
})  # fmt: skip
"""A row a person. `name`: its words in order of letters, without case and accents; what is the same or not stands there as a
number that is made of it; null: not known."""
PAIRS = pl.Schema({
    "person": pl.String(), "other": pl.String(), "weight": pl.Int64(), "evidence": pl.String(),
})  # fmt: skip
"""A row a pair, `person` before `other`. `weight`: hundredths of a bit; `evidence`: `field level weight`, set apart by `;`."""
MERGE_EVENTS = pl.Schema({
    "person": pl.String(), "other": pl.String(), "event": pl.String(), "on_date": pl.Date(),
})  # fmt: skip
"""What people said of pairs, in its order: merged, parted or apart."""


def comparable(persons: pl.DataFrame) -> pl.DataFrame:
    """`COMPARED` of persons: `person`, `kind` and the fields of the vault (`loanbook.core.catalogue.personal`)."""
    given = pl.concat_str("given_name", "family_name", separator=" ", ignore_nulls=True)
    whole = pl.coalesce("legal_name", pl.when(given != "").then(given), "full_name")
    told = persons.with_columns(name=whole).with_columns(_plain=plain("name"))
    words = pl.col("_plain").str.split(" ").list.sort().list.join(" ")
    name = pl.when(words != "").then(words)
    digits = pl.col("phone").str.replace_all(r"\D", "")
    street = pl.concat_str(_bare("address_line_1"), _bare("postal_code"), separator=" ")
    exact = {
        "national_id": pl.concat_str(*(_bare(each).fill_null("") for each in TOKENS["national_id"]), separator=" "),
        "email": pl.col("email").str.to_lowercase().str.strip_chars(),
        "phone": pl.when(digits.str.len_chars() > 5).then(digits),
        "account": pl.concat_str(*(_bare(each).fill_null("") for each in TOKENS["account"]), separator=" "),
        "address": street,
    }  # fmt: skip
    there = {name: pl.col(TOKENS[name][-1]).is_not_null() if name in TOKENS else pl.lit(True) for name in SAME}  # fmt: skip
    return told.select(
        "person", "kind", "birth_date", name=name, initial=name.str.head(1),
        **{name: pl.when(there[name] & exact[name].is_not_null()).then(exact[name].hash(seed=28)) for name in SAME},
    ).select(COMPARED.names()).cast(COMPARED)  # fmt: skip


def _bare(name: str) -> pl.Expr:
    """A field by its letters and digits alone, null where it has none."""
    text = pl.col(name).str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "")
    return pl.when(text != "").then(text)


def merged_on(said: pl.DataFrame, on: dt.date) -> pl.DataFrame:
    """Of `said` (`MERGE_EVENTS`) what was said by the end of a day."""
    return said.filter(pl.col("on_date") <= on)


def one_person(said: pl.DataFrame) -> pl.DataFrame:
    """`person`, `reads_as` of all who are merged with another by what was said last of each pair (`said`: `MERGE_EVENTS`): the
    least token of those who are one, also by way of a third."""
    last = said.group_by("person", "other", maintain_order=True).agg(pl.col("event").last())
    edges = last.filter(pl.col("event") == "merged").select("person", "other")
    both = pl.concat([edges, edges.select(person="other", other="person")])
    reach = pl.concat([both, both.select("person", other="person")]).unique()
    labels = reach.select("person", reads_as="person").unique().sort("person")
    while True:
        least = (
            reach.join(labels.rename({"person": "other"}), on="other")
            .group_by("person").agg(pl.col("reads_as").min()).sort("person")
        )  # fmt: skip
        if least.equals(labels):
            return least
        labels = least
