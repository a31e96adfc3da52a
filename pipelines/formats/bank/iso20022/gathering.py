"""What a message tells, gathered while its elements pass by: rows, put into frames from time to time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from loanbook.core.payments.bank_file import BankFile, problem, rows_of
from loanbook.pipelines.formats.bank.iso20022.stream import Message

CHUNK = 5_000
"""Rows that are held as Python objects at most."""


@dataclass
class Gathering:
    """Rows of the typed form, by the name of their frame."""

    message: Message
    rows: defaultdict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    frames: defaultdict[str, list[pl.DataFrame]] = field(default_factory=lambda: defaultdict(list))

    def flush(self, least: int = CHUNK) -> None:
        """Put rows into frames, where there are so many of a kind."""
        for name, rows in self.rows.items():
            if len(rows) >= least:
                self.frames[name].append(rows_of(name, rows))
                rows.clear()

    def wrong(self, line: int, kind: str, found: object = "", hard: bool = True) -> None:
        """A problem of the file."""
        self.rows["problems"].append(problem(line, kind, found, hard))

    def is_unknown(self) -> None:
        """The message is none that the format has, and nothing else is wrong with it."""
        container = self.message.container
        self.wrong(0, "empty_document" if container is None else "unknown_message", container or "")

    def ended(
        self, form: str, told: Mapping[str, str | None], heading: tuple[str, ...] = ()
    ) -> BankFile:
        """The file; `told`: what its header says, `heading`: names of it that have no place of their own."""
        self.rows["problems"].extend(self.message.problems)
        self.flush(1)
        return BankFile(
            format=form,
            version=self.message.schema,
            message_id=told.get("id"),
            created=told.get("created"),
            heading={name: value for name in heading if (value := told.get(name))},
            judged=self.message.judged,
            frames={name: pl.concat(frames) for name, frames in self.frames.items()},
        )
