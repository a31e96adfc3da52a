"""What-if: the same loans and events under another policy; nothing is written."""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st
import yaml

from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.servicing.arrears.days_past_due import bucket
from loanbook.core.servicing.replay.what_if import MEASURES, WhatIf, what_if
from loanbook.core.store.history import StoredHistory
from loanbook.core.store.segments.question import Question
from loanbook.dashboards import data
from loanbook.dashboards.formats import count, day
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts import finder
from loanbook.dashboards.parts.card import Shown, done, figures, heading, in_units, money_column
from loanbook.dashboards.parts.scope import Scope, page_scope
from loanbook.dashboards.parts.table import show_rows

KINDS = (
    "products",
    "waterfalls",
    "late_fees",
    "origination_fees",
    "fees",
    "taxes",
    "rate_ceilings",
    "delinquency",
    "buckets",
)
"""Kinds of policies that loans are lived by."""
MOST = 20_000
"""So many loans are lived again on a page; more with `loanbook what-if`."""
ONE_DAY = dt.timedelta(days=1)


def draw() -> None:
    """Draw the page for the clocks and filters of the URL."""
    scope = page_scope("What-if")
    if scope is None:
        return
    st.caption("Loans of the filters are lived again from a date under another policy, by the one engine and the same events, "
               "and compared with what the ledger has. Nothing is written.")  # fmt: skip
    policies = data.stored_policies()
    kind, text = _policy(policies)
    first, last = data.ledger().published_range()
    assert first is not None
    assert last is not None
    start = st.date_input("From", value=first, min_value=first, max_value=scope.clocks.as_of, key="what_if_from",
                          help="First date under the other policy.")  # fmt: skip
    asked = Question(
        f"SELECT o.loan_id, o.label FROM ({scope.segment.loans('product')}) o ORDER BY 1 LIMIT {MOST + 1}", scope.segment.parameters
    )  # fmt: skip
    loans = scope.ask(asked)
    if loans.height > MOST:
        st.info(f"More than {MOST:,} loans match: filter them, or use `loanbook what-if`.")
        done(scope.token)
        return
    if not st.button(
        f"Live {count(loans.height)} loans again",
        key="run_what_if",
        type="primary",
        disabled=loans.is_empty(),
    ):
        done(scope.token)
        return
    try:
        other = policies.with_rules(kind, parse(kind, "other.yaml", text))
        with st.status("Living loans again", expanded=True) as status:
            found = _compared(
                scope,
                policies,
                other,
                loans["loan_id"],
                start if isinstance(start, dt.date) else first,
            )
            status.update(
                label=f"{count(loans.height)} loans lived again to {day(scope.clocks.as_of)}",
                state="complete",
                expanded=False,
            )
    except LoanbookError as error:
        st.error(str(error))
        done(f"{scope.token}|failed")
        return
    _shown(scope, found, loans, asked)
    done(f"{scope.token}|{kind}|{start}")


def _policy(policies: PolicyBook) -> tuple[str, str]:
    """The policy as it would be: chosen, and changed as text, or a file."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        held = [kind for kind in KINDS if any(folder == kind for folder, _ in policies.policies)]
        kind = (
            st.selectbox("Kind", held, key="what_if_kind", bind="query-params", width=200)
            or held[0]
        )
        named = {f"{p.name}@{p.version}": p for folder, p in policies.policies if folder == kind}
        name = st.selectbox(
            "Policy", list(named), key="what_if_policy", bind="query-params", width=280
        ) or next(iter(named))
        file = st.file_uploader("or a file", type=["yaml", "yml"], key="what_if_file", width=260)
    if file is not None:
        return kind, file.getvalue().decode("utf-8", errors="replace")
    chosen = named.get(name) or next(iter(named.values()))
    plain = chosen.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(
        {"name": chosen.name, "version": chosen.version, **plain},
        sort_keys=False,
        allow_unicode=True,
    )
    return kind, st.text_area("Change a value", text, height=220, key=f"what_if_text {kind} {name}")


def _compared(
    scope: Scope, policies: PolicyBook, other: PolicyBook, ids: pl.Series, first: dt.date
) -> WhatIf:
    """Both lives of the loans. LoanbookError where the one as it is does not come out as the ledger has it."""
    at = scope.segment.at
    ledger = data.ledger().lake()
    begins = ledger.first_published() or at.on
    st.write("The book of the day before, and the events since …")
    past = StoredHistory(ledger, policies, at.booked + ONE_DAY, at.known)
    start = past.book(ids, max(first, begins) - ONE_DAY)
    events = past.events(ids)
    st.write("Both lives …")
    found = what_if(start, events, policies, other, at.on)
    st.write("The life as it is beside the ledger …")
    kept = past.book(ids, at.on).positions
    lived = found.as_is.join(kept.select("loan_id"), on="loan_id", how="semi")
    if not lived.sort("loan_id").equals(kept.select(lived.columns).sort("loan_id")):
        raise LoanbookError(
            "the loans as they are do not come out as the ledger has them; `loanbook rebuild --verify` tells where"
        )
    return found


def _shown(scope: Scope, found: WhatIf, loans: pl.DataFrame, asked: Question) -> None:
    differing = (
        found.differing().join(loans, on="loan_id", how="left").rename({"label": "product_name"})
    )
    totals = found.totals()
    more = {r["measure"]: r["difference"] for r in totals.to_dicts()}
    figures(scope, [
        ("Loans that differ", count(differing.height), f"of {count(found.loans.height)}"),
        ("Principal", scope.money(more.get("principal", 0)), "difference"),
        ("Interest earned", scope.money(more.get("interest_earned", 0)), "difference"),
        ("Charges paid", scope.money(more.get("charges_paid", 0)), "difference"),
    ])  # fmt: skip
    _totals(scope, found, asked, totals)
    _most(scope, differing, asked)


def _totals(scope: Scope, found: WhatIf, asked: Question, totals: pl.DataFrame) -> None:
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        heading(
            scope,
            "By component",
            None,
            Shown("what_if_totals", totals, [asked], ("as_is", "what_if", "difference")),
        )
        show_rows(
            in_units(totals.drop("currency").with_columns(pl.col("measure").str.replace_all("_", " ")), ["as_is", "what_if", "difference"], scope.currency),
            column_config={"measure": "Measure", **{n: money_column(n.replace("_", " ").capitalize(), scope.currency)
                                                                  for n in ("as_is", "what_if", "difference")}})  # fmt: skip
    with right.container(border=True, height="stretch"):
        buckets = _by_bucket(scope, found)
        heading(scope, "By bucket", None, Shown("what_if_buckets", buckets, [asked]))
        show_rows(
            buckets,
            column_config={
                "bucket": "Days past due",
                "as_is": "Loans as they are",
                "what_if": "Under the other policy",
            },
        )


def _most(scope: Scope, differing: pl.DataFrame, asked: Question) -> None:
    columns = [
        f"{n}_more" for n in MEASURES if differing.height and (differing[f"{n}_more"] != 0).any()
    ]
    money = [n for n in columns if n != "days_past_due_more"]
    with st.container(border=True):
        products = (
            differing.group_by("product_name")
            .agg(pl.len().alias("loans"), *(pl.col(n).sum() for n in money))
            .sort("loans", descending=True)
        )
        heading(
            scope,
            "Loans that differ most",
            None,
            Shown(
                "what_if_loans",
                differing.select("loan_id", "product_name", *columns),
                [asked],
                tuple(money),
            ),
        )
        if differing.is_empty():
            st.info("No loan differs: the policy decides nothing of these loans from that date on.")
            return
        size = (
            pl.sum_horizontal(pl.col(n).abs() for n in money)
            if money
            else pl.col("days_past_due_more").abs()
        )
        most = (
            differing.sort(size, descending=True)
            .head(200)
            .select("loan_id", "product_name", *columns)
        )
        show_rows(in_units(most, money, scope.currency), 
                     column_config={"loan_id": "Number", "product_name": "Product",
                                    **{n: money_column(n.removesuffix("_more").replace("_", " ").capitalize(), scope.currency) for n in money}})  # fmt: skip
        st.caption(
            f"Differences, {scope.currency}; by product: "
            + ", ".join(
                f"{p} {count(n)} loans" for p, n in products.select("product_name", "loans").rows()
            )
        )
        finder.link("loan", "The first of them", loan=str(most["loan_id"][0]))


def _by_bucket(scope: Scope, found: WhatIf) -> pl.DataFrame:
    """Loans by bucket under both policies."""
    buckets = scope.buckets("default")
    labels = {n: each.label for n, each in enumerate(buckets.ranges)}
    days = found.loans.select(
        as_is=pl.col("days_past_due"),
        what_if=pl.col("days_past_due") + pl.col("days_past_due_more"),
    )
    counts = [
        days.group_by(place=bucket(pl.col(side).cast(pl.Int32), buckets).cast(pl.Int32)).agg(
            pl.len().cast(pl.Int64).alias(side)
        )
        for side in ("as_is", "what_if")
    ]
    rows = pl.DataFrame(
        {"place": list(labels), "bucket": list(labels.values())},
        schema_overrides={"place": pl.Int32},
    )
    for each in counts:
        rows = rows.join(each, on="place", how="left", maintain_order="left")
    return rows.drop("place").with_columns(pl.col("as_is", "what_if").fill_null(0))


PAGE = Page("what-if", "What-if", ":material/alt_route:", "Ledger", draw)
