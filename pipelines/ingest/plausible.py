"""Files that can't be what they say: links, and names whose date lies far from all others.

A day that is landed is closed, with every day before it, so one mistyped year would close decades.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable

AHEAD_DAYS = 31
"""A business date may lie so many days after the date of the clock."""
GAP_DAYS = 366
"""Landed business dates follow each other at most so many days apart."""


def far_dates(
    landed: Iterable[dt.date], known: Iterable[dt.date], today: dt.date
) -> dict[dt.date, str]:
    """Business dates of files that are refused, with the reason and what to do.

    `landed`: the date of each new file, as often as it occurs; `known`: dates that the ledger has
    already. Dates with no gap of more than `GAP_DAYS` between them belong together; where none is
    known, most files decide which of the groups is meant.
    """
    ahead = today + dt.timedelta(days=AHEAD_DAYS)
    files = Counter(landed)
    anchors = set(known)
    refused = {
        date: f"the business date {date} of its name is {(date - today).days} days ahead of the "
        f"clock ({today}), more than {AHEAD_DAYS}: mend the year in the name"
        for date in files
        if date > ahead
    }
    groups = _groups(sorted({*files, *anchors} - set(refused)))
    if not groups:
        return refused
    book = max(groups, key=lambda g: (len(anchors & set(g)), sum(files[d] for d in g), g[0]))
    for group in groups:
        if group is book:
            continue
        near = book[0] if group[0] < book[0] else book[-1]
        for date in group:
            refused[date] = (
                f"the business date {date} of its name lies {abs((date - near).days)} days from "
                f"{near}, the nearest date of the book, more than {GAP_DAYS}: mend the year in the "
                "name, or land the days between first"
            )
    return {date: why for date, why in refused.items() if date in files and date not in anchors}


def near_dates(landed: Iterable[dt.date], today: dt.date) -> list[dt.date]:
    """Dates of landed files, sorted, without those that would be refused."""
    dates = list(landed)
    far = far_dates(dates, (), today)
    return sorted({date for date in dates if date not in far})


def _groups(dates: list[dt.date]) -> list[list[dt.date]]:
    groups: list[list[dt.date]] = []
    for date in dates:
        if groups and (date - groups[-1][-1]).days <= GAP_DAYS:
            groups[-1].append(date)
        else:
            groups.append([date])
    return groups
