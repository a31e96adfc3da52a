"""Which writer writes for a rail: one row a rail. To add one: its module, and its row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from loanbook.core.payments.out.instructions import Heading
from loanbook.core.policy.originators import Originator
from loanbook.pipelines.formats.bank_out import nacha, pain

WRITERS: Mapping[str, tuple[str, Callable[[Originator, Heading, pl.DataFrame], bytes]]] = {
    "nacha": (".ach", nacha.write),
    "sepa": (".xml", pain.write),
}
"""Ending of the file's name, and payments to bytes, by rail."""
