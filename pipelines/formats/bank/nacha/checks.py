"""What NACHA's rules ask of a file: order of records, fields, traces, and totals that must tie.

Each rule is an expression over records, batches or entries; what it finds is a row of the problems.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.frames import empty
from loanbook.core.payments.ach_codes import CHANGES, RETURNS
from loanbook.core.payments.bank_file import Problems, control, problem, rows_of, shaped
from loanbook.pipelines.formats.bank.nacha.records import BLOCK, HASH, LENGTH, at, number, word

CLASSES = frozenset(
    [
        "ACK",
        "ADV",
        "ARC",
        "ATX",
        "BOC",
        "CCD",
        "CIE",
        "COR",
        "CTX",
        "DNE",
        "ENR",
        "IAT",
        "MTE",
        "POP",
        "POS",
        "PPD",
        "RCK",
        "SHR",
        "TEL",
        "TRC",
        "TRX",
        "WEB",
        "XCK",
    ]
)
"""Standard entry class codes."""
SERVICES = frozenset({"200", "220", "225", "280"})
"""Service class codes: mixed, credits alone, debits alone, advices."""
SHOWN = 20
"""Lines of odd length, and traces that stand twice, that a problem names at most."""


def checked(
    lines: pl.DataFrame,
    batches: pl.DataFrame,
    entries: pl.DataFrame,
    returns: pl.DataFrame,
    changes: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Problems and controls of a file, in the order of its lines."""
    controls = lines.filter((pl.col("kind") == "8") & (pl.col("batch") > 0))
    found = [
        *_of_order(lines, batches, controls),
        *_of_headers(lines),
        *_of_batches(batches, entries),
        *_of_entries(entries, lines),
        _unknown(returns, "code", RETURNS, "unknown_return_code"),
        _unknown(changes, "code", CHANGES, "unknown_change_code"),
    ]
    batch_totals, tied = _batch_controls(batches, controls)
    of_file, totals = _file_control(lines, batches, entries)
    problems = [each for each in (*found, batch_totals) if each.height]
    return (
        pl.concat([*problems, rows_of("problems", [*_whole(lines), *of_file])]).sort("line", maintain_order=True),
        pl.concat([tied, rows_of("controls", totals)]),
    )  # fmt: skip


def _problems(frame: pl.DataFrame, kind: str, found: pl.Expr, hard: bool = True) -> pl.DataFrame:
    if not frame.height:
        return empty(Problems)
    return frame.select("line", kind=pl.lit(kind), hard=pl.lit(hard), found=found.cast(pl.String))


def _unknown(frame: pl.DataFrame, name: str, known: object, kind: str) -> pl.DataFrame:
    assert isinstance(known, dict | frozenset)
    return _problems(frame.filter(~pl.col(name).is_in(list(known))), kind, pl.col(name))


def _of_order(
    lines: pl.DataFrame, batches: pl.DataFrame, controls: pl.DataFrame
) -> list[pl.DataFrame]:
    """Records that stand where they may not."""
    kind = pl.col("kind")
    first = lines.head(1)
    opens_twice = (kind == "5") & (pl.col("batch").shift(1, fill_value=0) > 0) & (
        kind.shift(1, fill_value="") != "8"
    )  # fmt: skip
    unclosed = batches.join(controls.select("batch"), on="batch", how="anti", maintain_order="left")
    after = ((kind == "9").cum_sum().shift(1, fill_value=0) > 0) & ~kind.is_in(["9", "pad"])
    known = ["1", "5", "6", "7", "8", "9", "pad"]
    return [
        _problems(first.filter(kind != "1"), "file_header_not_first_record", kind),
        _problems(lines.filter(opens_twice), "batch_header_before_batch_control", pl.lit("")),
        _problems(unclosed, "missing_batch_control", pl.col("number")),
        _problems(lines.filter((kind == "8") & (pl.col("batch") == 0)), "batch_control_without_header", pl.lit("")),
        _problems(lines.filter((kind == "6") & (pl.col("batch") == 0)), "entry_outside_batch", at(80, 94)),
        _problems(lines.filter((kind == "7") & (pl.col("entry") == 0)), "addenda_outside_entry", at(2, 3)),
        _problems(lines.filter(after), "record_after_file_control", kind),
        _problems(lines.filter(~kind.is_in(known)), "unknown_record_type", kind),
    ]  # fmt: skip


def _of_headers(lines: pl.DataFrame) -> list[pl.DataFrame]:
    """Fields of file headers, and characters that no record may have."""
    heads = lines.filter(pl.col("kind") == "1")
    destination = at(4, 13)
    digits = destination.str.strip_chars()
    well = destination.str.contains(r"^(?: ?[0-9]{9} ?|[0-9]{10})$")
    nine = digits.str.contains(r"^[0-9]{9}$")
    odd = pl.col("text").str.extract(r"([\x00-\x1f\x7f])")
    return [
        _problems(lines.filter(odd.is_not_null()), "control_characters", pl.lit("a control character")),
        _problems(heads.filter(at(40, 40) != "1"), "format_code", at(40, 40)),
        _problems(heads.filter(~well), "immediate_destination_format", destination, hard=False),
        _problems(heads.filter(nine & ~_check_digit(digits)), "immediate_destination_check_digit", digits, hard=False),
        _problems(heads.filter(~at(24, 29).str.contains(r"^[0-9]{6}$")), "file_creation_date", at(24, 29)),
    ]  # fmt: skip


def _check_digit(routing: pl.Expr) -> pl.Expr:
    """Whether the ninth digit of a routing number (nine digits) makes the weighted sum whole tens."""
    weights = (3, 7, 1, 3, 7, 1, 3, 7, 1)
    digits = (
        routing.str.slice(n, 1).str.to_integer(strict=False) * w for n, w in enumerate(weights)
    )
    return pl.sum_horizontal(digits) % 10 == 0


def _of_batches(batches: pl.DataFrame, entries: pl.DataFrame) -> list[pl.DataFrame]:
    """Fields of batch headers, and what a batch may hold."""
    empty_or_zero = r"^[ 0]*$"
    named = batches.filter(~pl.col("iat") & pl.col("company").str.contains(empty_or_zero))
    undescribed = batches.filter(pl.col("description").str.contains(empty_or_zero))
    trace, batch = pl.col("reference"), pl.col("batch")
    order = (
        entries.filter(batch > 0)
        .select("batch", "reference", "sec")
        .with_columns(falls=(trace <= trace.shift(1)) & (batch == batch.shift(1)))
    )
    falling = order.filter("falls").select("batch").unique()
    foreign = (
        order.filter(pl.col("sec") != "ADV")
        .join(batches.select("batch", "bank"), on="batch")
        .filter(pl.col("reference").str.slice(0, 8) != pl.col("bank"))
        .select("batch")
        .unique()
    )
    service = pl.col("service_class")
    debits = batches.filter((service == "220") & (pl.col("debit") > 0))
    credits = batches.filter((service == "225") & (pl.col("credit") > 0))
    return [
        _unknown(batches, "sec", CLASSES, "unknown_sec"),
        _unknown(batches, "service_class", SERVICES, "unknown_service_class"),
        _problems(named, "company_name_blank_or_zero", pl.col("company")),
        _problems(undescribed, "entry_description_blank_or_zero", pl.col("description")),
        _problems(batches.filter(pl.col("entries") == 0), "empty_batch", pl.col("number")),
        _problems(debits, "debits_in_credits_only_batch", service),
        _problems(credits, "credits_in_debits_only_batch", service),
        _problems(batches.join(falling, on="batch", how="semi"), "trace_numbers_not_ascending", pl.col("number")),
        _problems(batches.join(foreign, on="batch", how="semi"), "trace_prefix_not_odfi", pl.col("number"), hard=False),
    ]  # fmt: skip


def _of_entries(entries: pl.DataFrame, lines: pl.DataFrame) -> list[pl.DataFrame]:
    """Fields of entries, their addenda and traces."""
    unmarked = entries.filter((pl.col("indicator") != "1") & (pl.col("details") > 0))
    marked = (
        lines.filter(pl.col("kind") == "7")
        .select("line", "entry")
        .join(unmarked.select("entry", owner="line"), on="entry", maintain_order="left")
    )
    bank = at(4, 12)
    wrong = bank.str.contains(r"^[0-9]{9}$") & ~_check_digit(bank)
    stands_twice = (
        entries.filter(pl.col("reference").str.strip_chars() != "")["reference"]
        .value_counts()
        .filter(pl.col("count") > 1)["reference"]
        .sort()
        .to_list()
    )
    twice = [problem(0, "duplicate_trace", stands_twice[:SHOWN], hard=False)]
    return [
        _problems(entries.filter(pl.col("amount").is_null()), "amount_not_numeric", at(28, 39)),
        _problems(entries.filter(pl.col("direction").is_null()), "transaction_code_not_numeric", pl.col("code")),
        _problems(entries.filter(wrong), "rdfi_check_digit", bank),
        _problems(marked, "addenda_indicator_not_set", pl.format("entry line {}", "owner")),
        rows_of("problems", twice if stands_twice else []),
    ]  # fmt: skip


_TOTALS = ("entry_addenda_count", "entry_hash", "total_debit", "total_credit")


def _batch_controls(
    batches: pl.DataFrame, controls: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each batch beside the control record that closes it."""
    adv = pl.col("sec") == "ADV"
    stated = {
        "entry_addenda_count": number(5, 10),
        "entry_hash": number(11, 20),
        "total_debit": pl.when(adv).then(number(21, 40)).otherwise(number(21, 32)),
        "total_credit": pl.when(adv).then(number(41, 60)).otherwise(number(33, 44)),
        "service_class": word(2, 4),
        "odfi": word(80, 87),
        "batch_number": word(88, 94),
    }
    computed = {
        "entry_addenda_count": pl.col("entries") + pl.col("addenda"),
        "entry_hash": pl.col("entry_hash"),
        "total_debit": pl.col("debit"),
        "total_credit": pl.col("credit"),
        "service_class": pl.col("service_class"),
        "odfi": pl.col("bank"),
        "batch_number": pl.col("number"),
    }
    both = controls.select("batch", "text", control_line="line").join(
        batches.drop("line"), on="batch", maintain_order="left"
    )
    totals = pl.concat(
        both.select(
            line="control_line",
            kind=pl.lit(f"batch_control_{name}"),
            stated=stated[name].cast(pl.String),
            computed=computed[name].cast(pl.String),
            ties=stated[name].eq_missing(computed[name]),
        )
        for name in stated
    )
    broken = totals.filter(~pl.col("ties"))
    found = pl.format("computed {}, stated {}", "computed", pl.col("stated").fill_null("none"))
    problems = broken.select("line", "kind", hard=pl.lit(True), found=found)
    return problems, shaped("controls", totals)


def _whole(lines: pl.DataFrame) -> list[dict]:
    """What the file as a whole lacks or has too often."""
    counts = dict(lines.group_by("kind").len().rows())
    odd = lines.filter(pl.col("length") != LENGTH).select("line", "length").rows()
    found = []
    if counts.get("1", 0) != 1:
        found.append(problem(0, "file_header_count", counts.get("1", 0)))
    if counts.get("9", 0) != 1:
        found.append(problem(0, "file_control_count", counts.get("9", 0)))
    if odd:
        found.append(problem(odd[0][0], "line_length_not_94", odd[:SHOWN], hard=False))
    return found


def _file_control(
    lines: pl.DataFrame, batches: pl.DataFrame, entries: pl.DataFrame
) -> tuple[list[dict], list[dict]]:
    """The file's one control record beside what the file holds."""
    controls = lines.filter(pl.col("kind") == "9")
    if controls.height != 1:
        return [], []
    adv = bool((batches["sec"] == "ADV").any())
    last = controls.select(
        batch_count=number(2, 7),
        block_count=number(8, 13),
        entry_addenda_count=number(14, 21),
        entry_hash=number(22, 31),
        total_debit=number(32, 51) if adv else number(32, 43),
        total_credit=number(52, 71) if adv else number(44, 55),
    ).row(0, named=True)
    way, amount = pl.col("direction"), pl.col("amount")
    debit, credit = entries.select(
        amount.filter(way == "debit").sum(), amount.filter(way == "credit").alias("credit").sum()
    ).row(0)
    computed = {
        "batch_count": batches.height,
        "block_count": -(-lines.height // BLOCK),
        "entry_addenda_count": lines["kind"].is_in(["6", "7"]).sum(),
        "entry_hash": int(batches["entry_hash"].sum()) % HASH,
        "total_debit": debit,
        "total_credit": credit,
    }
    totals = [
        control(0, f"file_control_{name}", last[name], value) for name, value in computed.items()
    ]
    found = [
        problem(0, each["kind"], f"computed {each['computed']}, stated {each['stated']}", hard=each["kind"] != "file_control_block_count")
        for each in totals
        if not each["ties"]
    ]  # fmt: skip
    if lines.height % BLOCK:
        found.append(problem(0, "not_padded_to_block_of_10", lines.height, hard=False))
    return found, totals
