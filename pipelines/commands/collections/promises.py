"""`loanbook collections promise | promises | notice`: what borrowers promise and give notice of, and what became of it."""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from loanbook.core.catalogue.contacts import NOTICES, PREFERENCES
from loanbook.core.contract.money import major
from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.collections.contacts import facts_of, landed
from loanbook.pipelines.commands.console import (
    MOST,
    AsCsv,
    AsJson,
    AsOf,
    KnownAt,
    believed,
    found_loan,
    keyed,
    opened,
    out,
    piped,
    show,
    who_acts,
)

Agent = Annotated[str, who_acts("took it")]
_STATED = {"written": "no", "reason": "", "reference": ""}
_PREFERRED = {
    "channel": "", "place": "", "days": "", "from": "", "to": "", "written": "no", "reference": "",
}  # fmt: skip


def promise(
    loan: Annotated[str, typer.Argument(help="Key of the loan.")],
    parts: Annotated[
        list[str],
        typer.Argument(help="What is to come by when: 2024-03-15=120.00; several are one plan."),
    ],
    promised_at: Annotated[
        str, typer.Option("--at", help="When it was promised: 2024-03-10T07:30:00-05:00.")
    ],
    agent: Agent = "",
    reference: Annotated[
        str, typer.Option(help="Your own reference; else one of its content.")
    ] = "",
) -> None:
    """Write a promise to pay down: a file `promises_DATE_REFERENCE.csv` lands, after it was tried; the next `loanbook run`
    takes it in. Rows of a plan have the reference with -2, -3 … behind it."""
    from loanbook.pipelines.commands.landing import acting_as

    found = found_loan(loan, None, None)
    who, said = acting_as(agent, "--agent"), [part.partition("=") for part in parts]
    if bad := [due for due, sign, amount in said if not (due and sign and amount)]:
        raise LoanbookError(f"{bad[0]!r} is no promised payment; write it as 2024-03-15=120.00")
    currency = keyed(pl.DataFrame({"loan_id": [found.number]}), found.reader)["currency"][0]
    rows = [
        {
            "reference": f"{reference}-{n}" if reference and n > 1 else reference, "loan_key": found.key,
            "promised_at": promised_at, "due_date": due, "amount": amount, "currency": currency, "agent": who,
        }
        for n, (due, _, amount) in enumerate(said, start=1)
    ]  # fmt: skip
    landed("promises", rows, "promised_at")


def promises(
    loan: Annotated[str, typer.Argument(help="Key of a loan; none: of all.")] = "",
    by: Annotated[str, typer.Option(help="Rates instead: all, or agent.")] = "",
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Promised payments and what became of each by the money that came: open, kept, partly kept, broken, replaced.

    Judged from the ledger by both clocks: money that comes late, or goes back, changes what is said today and not what was
    said. `--by` counts them: kept of those that fell due, by number and by amount.
    """
    from loanbook.core.collections.promises import rates
    from loanbook.pipelines.collections.promised import promises_by

    if by not in ("", "all", "agent"):
        raise typer.BadParameter(f"{by!r} is none: write all or agent", param_hint="--by")
    reader, policies = opened()
    at = reader.clocks(as_of, known_at)
    number = found_loan(loan, None, None).number if loan else None
    rows = promises_by(reader, policies, at, number)
    rows = rows.drop("loan_key").pipe(keyed, reader)
    rows = rows.with_columns(pl.col("promised_at").dt.replace_time_zone("UTC"))
    if by:
        counted = rates(rows, "currency", *(["agent"] if by == "agent" else []))
        if piped(counted, as_json, as_csv):
            return
        shares = ((pl.col(name) / 10_000).round(2).alias(f"{name.removesuffix('_share')} %") for name in ("kept_share", "paid_share"))  # fmt: skip
        amounts = [major("amount_fallen"), major("amount_paid")]
        show(
            counted.with_columns(*amounts, *shares).drop("kept_share", "paid_share"),
            f"Promises {believed(at)}",
        )
        out.print("Shares are of promised payments that fell due: by number, and by amount.")
        return
    if piped(rows, as_json, as_csv):
        return
    shown = rows.select(
        "loan_key", "plan", "promised_on", "due_date", "last_day", major("amount"), major("paid"), "currency", "verdict",
        "agent", "reference",
    )  # fmt: skip
    show(shown.head(MOST), f"Promises {believed(at)}")
    if shown.height > MOST:
        out.print(f"The first {MOST} of {shown.height:,}; --csv has all.")


def notice(
    loan: Annotated[str, typer.Argument(help="Key of the loan that it was about.")],
    kind: Annotated[
        str,
        typer.Argument(help=f"{', '.join(NOTICES)}; or a preference: {', '.join(PREFERENCES)}."),
    ],
    facts: Annotated[
        list[str],
        typer.Argument(
            help="stated_at=2024-03-10T07:30:00-05:00, and where they are otherwise written=yes reason=not_my_debt "
            "reference=own; of a preference channel=call place=work days=mon;tue from=09:00 to=17:00",
        ),
    ],
    agent: Agent = "",
) -> None:
    """Write down a dispute, a request for relief, an attorney, a bankruptcy, a complaint, a stop: as a file that lands after it
    was tried. What of it holds contact, contact rules say."""
    from loanbook.pipelines.commands.landing import acting_as

    who = acting_as(agent, "--agent")
    if kind in PREFERENCES:
        row = facts_of(facts, ("stated_at",), _PREFERRED, "a preference")
        landed("contact_preferences", [row | {"loan_key": loan, "kind": kind}], "stated_at")
        return
    row = facts_of(facts, ("stated_at",), _STATED, "a notice")
    landed("notices", [row | {"loan_key": loan, "kind": kind, "agent": who}], "stated_at")
