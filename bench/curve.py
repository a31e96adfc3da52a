"""The curve of ten years: `python -m bench.curve` draws what `python -m bench.age` measured, and writes its section of
docs/benchmarks.md."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from math import log10
from pathlib import Path
from typing import Any

import polars as pl

BUILD, DOC = Path("build") / "ten_years.csv", Path("docs") / "benchmarks.md"
CSV, PICTURE = Path("docs") / "images" / "ten_years.csv", Path("docs") / "images" / "ten_years.svg"
STEPS = {"close": "#1f5fa8", "page": "#b4561b", "intake": "#2d7a46"}
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 360, 56, 24, 48
HEADING = "## Ten years of nights, a book of 100 loans"


def picture(points: pl.DataFrame) -> str:
    """An SVG of the CPU seconds of each step by the ledger's age, on a logarithmic scale of days."""
    days, most = points["day"], max(points[step].max() for step in STEPS)  # type: ignore[type-var]
    top = -(-float(most) // 0.1) / 10  # type: ignore[arg-type]
    first, last = log10(days[0]), log10(days[-1])

    def x(day: int) -> float:
        return LEFT + (log10(day) - first) / (last - first) * (WIDTH - LEFT - 90)

    def y(seconds: float) -> float:
        return HEIGHT - BOTTOM - seconds / top * (HEIGHT - TOP - BOTTOM)

    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12" role="img">',
            "<title>CPU seconds of an intake, a close and a page by the age of the ledger in days</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            *_scales(points, top, x, y),
            *_lines(points, x, y),
            f'<text x="{LEFT}" y="{HEIGHT - 10}">business days since the first (logarithmic); CPU seconds, median '
            "of twelve nights</text>",
            "</svg>",
            "",
        ]
    )


def _scales(points: pl.DataFrame, top: float, x: Any, y: Any) -> Iterator[str]:
    for tenth in range(0, round(top * 10) + 1, 2):
        at = y(tenth / 10)
        yield f'<line x1="{LEFT}" x2="{WIDTH - 90}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>'
    for day in points["day"]:
        yield f'<text x="{x(day):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{day:,}</text>'


def _lines(points: pl.DataFrame, x: Any, y: Any) -> Iterator[str]:
    for step, colour in STEPS.items():
        at = [(x(day), y(seconds)) for day, seconds in points.select("day", step).rows()]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in at)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in at)
        yield f'<text x="{at[-1][0] + 10:.1f}" y="{at[-1][1] + 4:.1f}" fill="{colour}">{step}</text>'


def section(points: pl.DataFrame) -> list[str]:
    """The section of docs/benchmarks.md."""
    first, last = points.row(0, named=True), points.row(-1, named=True)
    ratios = ", ".join(
        f"{step} {last[step] / first[step]:.2f}" for step in ("intake", "close", "page")
    )
    lines = [
        "", HEADING, "",
        f"CPU seconds of one night ({last['day']:,} days, each closed; nights of all ages measured in turns; files merged and "
        "shelved at each month's end, as `loanbook maintain` does), the process's imports left out.", "",
        "![CPU seconds of an intake, a close and a page by the age of the ledger](images/ten_years.svg)", "",
        "| day | intake | close | page | landed files | data files | their MB | catalogue MB |",
        "|-:|-:|-:|-:|-:|-:|-:|-:|",
    ]  # fmt: skip
    for row in points.iter_rows(named=True):
        lines.append(
            f"| {row['day']:,} | {row['intake']:.2f} | {row['close']:.2f} | {row['page']:.2f} | {row['landed']:,} "
            f"| {row['files']:,} | {row['bytes'] / 2**20:.1f} | {row['catalogue'] / 2**20:.2f} |"
        )
    return [*lines, "", f"Day {last['day']:,} against day {first['day']}: {ratios} times. The points: "
            "[ten_years.csv](images/ten_years.csv).", *plan()]  # fmt: skip


SHARD, TABLES, LOAN_DAY, FILE, NAMED = 10**6, 6, 21, 512 * 2**20, 1_400
"""Loans a file, tables that a shard writes each night, bytes a loan-day (of a plain book), bytes of a file
that was merged, bytes of the catalogue a file (1,218 files of ten years by months: 1.68 MB)."""


def plan() -> list[str]:
    """What ten years of a billion loans come to, reckoned from bytes a loan-day and from the catalogue's bytes a file."""
    loans, nights = 10**9, 3650
    a_night = loans // SHARD * TABLES
    stored = loans * LOAN_DAY * nights
    merged = stored / FILE
    return [
        "", "### Reckoned for a billion loans", "",
        f"Not measured: {loans / 10**9:.0f} billion loans in shards of {SHARD:,}, {TABLES} tables with a file a shard and night, "
        f"{LOAN_DAY} bytes a loan-day, {NAMED / 1024:.1f} kB of the catalogue a file.", "",
        "| what | a night | ten years |", "|-|-:|-:|",
        f"| bytes | {loans * LOAN_DAY / 10**9:,.0f} GB | {stored / 10**12:,.0f} TB |",
        f"| files, a file a shard | {a_night:,} | {a_night * nights / 10**6:,.0f} million |",
        f"| files, months merged to {FILE // 2**20} MB | | {merged:,.0f} |",
        f"| catalogue, unmerged | {a_night * NAMED / 2**20:,.0f} MB | {a_night * nights * NAMED / 10**9:,.0f} GB |",
        f"| catalogue, merged | | {merged * NAMED / 10**9:.1f} GB |",
        "",
        f"The first limit is the commit: one transaction of one driver names {a_night:,} files, with a row of statistics for each of "
        "their columns. So shards are made larger before there are more of them (a file of four million loans is a quarter of "
        "the names), the catalogue is PostgreSQL, and months are merged before the next one ends. Bytes come next, and are a "
        "matter of how long positions of each day are kept.",
    ]  # fmt: skip


def main() -> None:
    shutil.copy(BUILD, CSV)
    points = pl.read_csv(CSV)
    PICTURE.write_text(picture(points))
    page = DOC.read_text()
    found = re.search(rf"\n{re.escape(HEADING)}\n.*?(?=\n## |\Z)", page, re.DOTALL)
    text = "\n".join(section(points)) + "\n"
    DOC.write_text(page.replace(found[0], text) if found else page.rstrip("\n") + "\n" + text)


if __name__ == "__main__":
    main()
