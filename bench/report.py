"""What was measured, as Markdown: one function a section, each of the row that its measurement left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]


def report(result: Row) -> str:
    """The tables of all that was measured; sections of what was not are left out."""
    lines = _days(result)
    for name, section in _SECTIONS.items():
        if result.get(name):
            lines += section(result[name], result)
    lines += ["", "Great Expectations is not part of these figures: it looks at the stored version "
              "after the commit (about 0.05 s at 10,000 loans)."]  # fmt: skip
    return "\n".join(lines) + "\n"


def _days(result: Row) -> list[str]:
    lines = [
        "# Benchmarks", "",
        f"The measurements of `make bench`, each in a process of its own, on {result['cores']} cores, {result['memory_gib']:.0f} GiB, "
        f"{result['machine']}, {result['date']}. Machines are noisy: read the ratios.", "",
        "## A day, from stored version to committed version (seconds)", "",
        "| loans | read | compute | check | write and commit | whole | bare write | whole ÷ bare | bytes a loan-day | peak GiB |",
        "|-:|-:|-:|-:|-:|-:|-:|-:|-:|-:|",
    ]  # fmt: skip
    for d in result["days"]:
        lines.append(
            f"| {d['loans']:,} | {d['read']:.2f} | {d['compute']:.2f} | {d['check']:.2f} | {d['write']:.2f} "
            f"| {d['whole']:.2f} | {d['bare_write']:.2f} | {d['whole_to_bare']:.2f} "
            f"| {d['bytes_a_loan_day']:.0f} | {d['peak_gib']:.1f} |"
        )
    for size, why in result["left_out"].items():
        lines.append(f"\n{int(size):,} loans were left out: {why}.")
    return lines


def _compared(c: Row, _: Row) -> list[str]:
    base = c["seconds"]["compiled"]
    head = ["", f"## The same day by other means, {c['loans']:,} loans", "",
            f"The same tables in and out, in memory; figures agree {c['agree']}. Compute only, warm.", "",
            "| way | seconds | times the compiled pass |", "|-|-:|-:|"]  # fmt: skip
    return head + [f"| {name} | {s:.3f} | {s / base:.1f} |" for name, s in c["seconds"].items()]


def _backfill(b: Row, _: Row) -> list[str]:
    return ["", f"## A backfill of {b['days']} days, {b['loans']:,} loans", "",
            f"One day {b['one_day']:.2f} s, {b['days']} days {b['all_days']:.1f} s: "
            f"{b['ratio']:.1f} times one day."]  # fmt: skip


def _mixed(m: Row, result: Row) -> list[str]:
    said = (f"Computing a day of a book of {m['mixed_products']} products takes {m['mixed']:.2f} s, of a plain "
            f"one {m['plain']:.2f} s: {m['mixed'] / m['plain']:.1f} times, in memory, warm.")  # fmt: skip
    plain = next((d for d in result["days"] if d["loans"] == m["loans"]), None)
    whole = result.get("mixed_day")
    if plain and whole:
        said += (f" From stored to committed version {whole['whole']:.2f} s, {plain['whole']:.2f} s: "
                 f"{whole['whole'] / plain['whole']:.1f} times; peak {whole['peak_gib']:.1f} GiB.")  # fmt: skip
    return ["", f"## All products, {m['loans']:,} loans", "", said]


def _schedules(s: Row, _: Row) -> list[str]:
    return ["", f"## Schedules, {s['loans']:,} loans × {s['instalments']} instalments", "",
            f"Exactly rounded {s['exact']:.1f} s, the same table in float by numpy "
            f"{s['float']:.1f} s: {s['exact'] / s['float']:.1f} times. {s['cents_off']:,} of "
            f"{s['rows']:,} balances differ by rounding in float."]  # fmt: skip


def _rates(r: Row, _: Row) -> list[str]:
    return ["", f"## Annual percentage rates, {r['loans']:,} loans", "",
            f"{r['flows']:,} cash flows: {r['ours']:.1f} s; pyxirr, loan by loan, {r['pyxirr']:.1f} s "
            f"(scaled from a sample): {r['ours'] / r['pyxirr']:.1f} times. The rates agree to 1e-9."]  # fmt: skip


def _restated(r: Row, result: Row) -> list[str]:
    b = result.get("backfill")
    if not b:
        return []
    whole = b["all_days"] / b["days"] * r["days"]
    cost = r["restate"] + r["write"]
    return ["", f"## Late news, {r['days']} days back, for {r['loans']:,} loans", "",
            f"Restating 1 % of a book of {b['loans']:,} loans: {r['restate']:.1f} s to live them "
            f"again, {r['write']:.1f} s to write {r['loans'] * r['days']:,} restated rows, peak {r['peak_gib']:.1f} GiB, "
            f"{cost / whole:.1%} of closing the whole book for those days ({whole:.0f} s, from "
            "the backfill)."]  # fmt: skip


def _late_news(n: Row, _: Row) -> list[str]:
    return ["", f"## Late news of {n['restated']:,} of {n['loans']:,} loans, {n['days']} days back, in shards", "",
            f"The close that takes it in, of the whole book: {n['compute']:.1f} s in shards, {n['write']:.1f} s for the driver's "
            f"commit; {n['rows']:,} restated positions. At most {n['largest_gib']:.1f} GiB of memory in a worker process, "
            f"{n['all_gib']:.1f} GiB in all of them together."]  # fmt: skip


def _late(found: Row, result: Row) -> list[str]:
    day = next((d["whole"] for d in result["days"] if d["loans"] == found["loans"]), None)
    beside = f", beside a day of {day:.2f} s" if day else ""
    return ["", f"## Late loans: {found['late']:,} of {found['loans']:,}{beside} (seconds, from stored rows)", "",
            "| what | rows | seconds |", "|---|-:|-:|",
            f"| all promises judged by the money that came | {found['promised']:,} | {found['promises_seconds']:.2f} |",
            f"| the day's queue: promises, contact rules, points, lists | {found['queued']:,} | {found['queue_seconds']:.2f} |"]  # fmt: skip


def _vault(v: Row, _: Row) -> list[str]:
    words = {"put": "seal, make tokens, store", "open": "open", "find": "find by national id", "rotate": "wrap every key anew"}  # fmt: skip
    return ["", f"## The vault, {v['persons']:,} persons with five tokens each", "",
            f"SQLite, one core, seconds of the process; {v['bytes_a_person']:,.0f} bytes a person.", "",
            "| what | seconds | persons a second |", "|-|-:|-:|",
            *(f"| {words[name]} | {s:.1f} | {v['persons'] / s:,.0f} |" for name, s in v["seconds"].items())]  # fmt: skip


def _risk_events(r: Row, _: Row) -> list[str]:
    return ["", f"## A day's risk events, {r['loans']:,} loans, {r['late']:,} of them late", "",
            f"{r['events']:,} events: {r['changes']:.2f} s to find them, {r['write']:.2f} s to write them, "
            f"{r['bytes_an_event']:.0f} bytes each; the day's close in memory {r['close']:.2f} s, at the same time on the same "
            "machine."]  # fmt: skip


def _small(s: Row, _: Row) -> list[str]:
    return ["", f"## A backfill of {s['days']} days, {s['loans']} loans", "",
            f"{s['close'] * 1000:.0f} ms of CPU a day, close, laws, commit, checks and marts; its intake "
            f"{s['intake'] * 1000:.0f} ms."]  # fmt: skip


def _replayed(r: Row, _: Row) -> list[str]:
    return ["", f"## Replay of {r['loans']:,} loans, {r['days']} days", "",
            f"By the jump {r['replay']:.1f} s: {r['stops']:.1f} s for {r['rounds']} rounds of "
            f"visits, the rest for {r['rows']:,} positions, one a loan and day. Closed day by "
            f"day, with the same last book to the cent: {r['daily']:.1f} s."]  # fmt: skip


_SECTIONS: dict[str, Callable[[Row, Row], list[str]]] = {
    "compared": _compared, "backfill": _backfill, "mixed": _mixed, "schedules": _schedules, "rates": _rates,
    "restated": _restated, "late_news": _late_news, "replayed": _replayed, "vault": _vault, "late": _late, "risk_events": _risk_events,
    "small": _small,
}  # fmt: skip
"""What each measurement is told as: of its row and of all results."""
