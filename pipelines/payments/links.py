"""Payment links: an adapter for whoever offers them, and a stand-in that keeps them on this machine.

A provider makes a link and tells what became of it; its settlement file (`collected_DATE_MAPPING.csv`, a mapping of
`collection_files`) brings the money, each payment with the loan's key as the link was made with it. So a payment by a link is
matched, tied and cleared as any of a collector's. Another provider is another class with `make` and `links`.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from loanbook.core.contract.money import to_major
from loanbook.core.errors import LoanbookError
from loanbook.core.payments.out.links import Link, Wanted
from loanbook.core.store.settings import Settings
from loanbook.core.store.storage.whole_files import write_whole
from loanbook.pipelines.waiting import land

MAPPING = "synthetic-links"
"""Mapping of `collection_files` by which the stand-in's settlements are read."""


class LinkProvider(Protocol):
    """Somebody who offers payment links."""

    def make(self, wanted: Wanted, on: dt.date) -> Link:
        """The link; the same one where the same was asked for before."""

    def links(self) -> list[Link]:
        """Every link, the oldest first."""


class LocalLinks:
    """The stand-in: keeps its links in a file of the instance, asks nobody, and settles by a file in the landing folder."""

    def __init__(self, where: Settings) -> None:
        self._path = where.home / "links" / "links.json"
        self._landing = where.landing

    def make(self, wanted: Wanted, on: dt.date) -> Link:
        """See `LinkProvider`."""
        known = self.links()
        same = [each for each in known if each.wanted.key == wanted.key]
        if same:
            return same[0]
        link = Link(f"PL-{wanted.key[:16]}", f"http://localhost/pay/{wanted.key}", wanted, on)
        self._keep([*known, link])
        return link

    def links(self) -> list[Link]:
        """See `LinkProvider`."""
        if not self._path.exists():
            return []
        return [_link(row) for row in json.loads(self._path.read_text(encoding="utf-8"))]

    def pay(self, reference: str, on: dt.date) -> Path:
        """Pay a link as its payer would, and hand its money over: the day's settlement file, of one link a day.

        The file comes first: a run that was killed before the link is told as paid makes the same file again. LoanbookError: there
        is no such link, it was paid, its last day is over, or the day was settled.
        """
        known = self.links()
        found = [each for each in known if each.reference == reference]
        if not found:
            raise LoanbookError(f"no link {reference!r}; `loanbook payments links` lists them")
        (link,) = found
        if link.paid_on or link.state(on) != "open":
            raise LoanbookError(
                f"the link {reference} is {link.state(max(on, link.paid_on or on))} and can't be paid"
            )
        path = self._landing / f"collected_{on}_{MAPPING}.csv"
        told = _settlement(link, on)
        sent = path.exists() and path.read_text(encoding="utf-8") != told
        if sent or any(
            each.paid_on == on for each in known
        ):  # one that was sent is not another one
            raise LoanbookError(f"{path.name} was settled already; pay it on a later day")
        land(path, told.encode())
        self._keep([replace(each, paid_on=on) if each is link else each for each in known])
        return path

    def _keep(self, links: list[Link]) -> None:
        told = json.dumps([_row(each) for each in links], indent=1)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._path, told.encode())


def _settlement(link: Link, on: dt.date) -> str:
    """The settlement file of a link that is paid on a day."""
    wanted, payout = link.wanted, f"LINKS-{on}"
    amount = to_major(wanted.amount, wanted.currency)
    rows = [
        (link.reference, "paid", amount, wanted.currency, str(on), wanted.loan_key, payout),
        (payout, "payout", amount, wanted.currency, str(on), "", payout),
    ]
    columns = ["reference", "type", "amount", "currency", "paid_on", "loan", "payout"]
    return pl.DataFrame(rows, schema=columns, orient="row").write_csv()


def _row(link: Link) -> dict[str, Any]:
    wanted = link.wanted
    return {
        "reference": link.reference, "url": link.url, "made_on": str(link.made_on),
        "paid_on": str(link.paid_on) if link.paid_on else None, "loan_key": wanted.loan_key, "amount": wanted.amount,
        "currency": wanted.currency, "last_day": str(wanted.last_day),
    }  # fmt: skip


def _link(row: dict[str, Any]) -> Link:
    day = dt.date.fromisoformat
    wanted = Wanted(row["loan_key"], row["amount"], row["currency"], day(row["last_day"]))
    paid = day(row["paid_on"]) if row["paid_on"] else None
    return Link(row["reference"], row["url"], wanted, day(row["made_on"]), paid)
