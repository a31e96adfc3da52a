"""Which reader reads a format: one row a format. To add one: its module, and its row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from loanbook.core.payments.bank_file import BankFile
from loanbook.pipelines.formats.bank import bai2
from loanbook.pipelines.formats.bank.iso20022 import camt, pain, pain_status
from loanbook.pipelines.formats.bank.nacha import reader as nacha
from loanbook.pipelines.formats.bank.swift import mt

READERS: Mapping[str, Callable[[bytes], BankFile]] = {
    "nacha": nacha.read,
    "mt940": mt.read,
    "camt": camt.read,
    "pain": pain.read,
    "pain.002": pain_status.read,
    "bai2": bai2.read,
}
"""Bytes to what they say, by the name of the format."""
