"""The `loanbook` command: every command by name, in the order in which help lists them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands import (
    book,
    check,
    general_ledger,
    init,
    ledger,
    run,
    serve,
)
from loanbook.pipelines.commands.agreements import closure, disburse, documents, offers
from loanbook.pipelines.commands.collections import (
    contacts,
    promises,
    queue,
    recovery,
    reminders,
    settling,
)
from loanbook.pipelines.commands.console import err
from loanbook.pipelines.commands.guard import DEMO, OPEN, WHOLE, guarded
from loanbook.pipelines.commands.loans import changes, figures, loan, schedule, what_if
from loanbook.pipelines.commands.origination import apply as applying
from loanbook.pipelines.commands.origination import decide, duplicates, screening, underwrite
from loanbook.pipelines.commands.payments import incoming, links, sending
from loanbook.pipelines.commands.people import audit, export, orders, roles, users, vault
from loanbook.pipelines.commands.risk import alerts as risk_alerts
from loanbook.pipelines.commands.risk import events as risk_events
from loanbook.pipelines.commands.simulation import demo, simulate

app = typer.Typer(
    help="The loan platform: files in, one vectorised close a day, a versioned double-entry ledger.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
READ, RUN, MAINTAIN = "ledger.read", "book.run", "book.maintain"
PROPOSE, APPROVE, UNDERWRITE = "order.propose", "order.approve", "case.decide"
COMMANDS: dict[str, Callable[..., None]] = {
    "explain": figures.explain,
    "payoff": figures.payoff,
    "delinquency": figures.delinquency,
    "schedule": schedule.schedule,
    "quote": schedule.quote,
    "statements": loan.statements_of,
    "what-if": what_if.what_if_command,
    "journal": general_ledger.journal,
    "trial-balance": general_ledger.trial_balance,
    "migration": book.migration,
    "schedules": changes.schedules,
    "modifications": book.modifications,
    "hardship": book.hardship,
    "dispute": figures.dispute,
    "held": book.held,
    "restatements": book.restatements,
    "after-closure": book.after_closure,
    "credits": book.credit_balances,
    "demo": demo.demo,
    "check": check.check,
    "run": run.run,
    "close": run.close,
    "backfill": run.backfill,
    "status": run.status,
    "sql": ledger.sql,
    "marts": ledger.marts,
    "migrate": ledger.migrate,
    "maintain": ledger.maintain,
    "rollback": ledger.rollback,
    "replay": ledger.replay,
    "rebuild": ledger.rebuild,
    "simulate": simulate.simulate,
    "reconcile": run.reconcile_command,
    "events": risk_events.events,
    "alerts": risk_alerts.alerts,
    "init": init.init,
    "pages": serve.pages,
    "dagster": serve.dagster,
    "roles": roles.roles,
    "policies": roles.policies,
    "approve": orders.approve,
    "decide": decide.decide,
    "export": export.export,
    "check-pack": export.check_pack,
}
ACTIONS: dict[str, str] = {
    "demo": DEMO, "check": RUN, "run": RUN, "close": RUN, "backfill": RUN, "sql": "ledger.query",
    "marts": MAINTAIN, "migrate": MAINTAIN, "maintain": MAINTAIN, "rollback": "book.rollback",
    "simulate": OPEN, "init": OPEN, "pages": OPEN, "dagster": RUN,
    "what-if": WHOLE, "alerts": WHOLE, "rebuild": WHOLE, "migration": WHOLE, "reconcile": WHOLE, "roles": "roles.read", "policies": "policy.change",
    "decide": RUN, "approve": "order.approve", "export": "ledger.export", "check-pack": OPEN,
}  # fmt: skip
"""What a command does, of the actions that roles grant; one that is not named reads the ledger."""
GROUPS: dict[str, tuple[str, dict[str, tuple[str, Callable[..., None]]]]] = {
    "loan": ("One loan: its terms, balances, dues and movements.", {
        "list": (READ, loan.list_loans),
        "show": (READ, loan.show_loan),
    }),
    "users": ("Who may work with the instance; signing in and out.", {
        "list": ("users.read", users.list_users),
        # each of these asks by itself: a user signs in who may do nothing yet
        "add": (OPEN, users.add),
        "role": (OPEN, users.role),
        "attribute": (OPEN, users.attribute),
        "reset": (OPEN, users.reset),
        "lock": (OPEN, users.lock),
        "token": (OPEN, users.token),
        "second-factor": (OPEN, users.second_factor),
        "sign-in": (OPEN, users.sign_in),
        "sign-out": (OPEN, users.sign_out),
        "whoami": (OPEN, users.whoami),
    }),
    "apply": ("Applications: where they stand, what was decided and why.", {
        "list": (READ, applying.list_applications),
        "show": (READ, applying.show_application),
        "funnel": (READ, applying.funnel),
        "rejects": (READ, applying.rejects),
        "linked": (READ, applying.linked),
        "letters": (RUN, applying.letters),
        "calls": (READ, applying.calls),
        "document": ("personal.unmask", applying.open_document),
        "verify": (READ, applying.verify_documents),
        "withdraw": (RUN, applying.withdraw),
        "expire": (RUN, applying.expire),
    }),
    "underwrite": ("Persons decide on applications that the policy refers to them.", {
        "queue": (READ, underwrite.queue),
        "approve": (UNDERWRITE, underwrite.approve),
        "reject": (UNDERWRITE, underwrite.reject),
        "ask": (UNDERWRITE, underwrite.ask),
        "received": (UNDERWRITE, underwrite.received),
        "confirm": (UNDERWRITE, underwrite.confirm),
        "refuse": (UNDERWRITE, underwrite.refuse),
        "overrides": (READ, underwrite.overrides),
    }),
    "screening": ("Persons beside lists of sanctions, and what people say of hits.", {
        "run": (RUN, screening.run),
        "lists": (READ, screening.lists),
        "hits": (READ, screening.hits),
        "clear": ("screening.decide", screening.clear),
        "confirm": ("screening.decide", screening.confirm),
    }),
    "duplicates": ("Records of the vault that may be of one person, and what people say of them.", {
        "run": (RUN, duplicates.run),
        "list": (READ, duplicates.list_pairs),
        "show": ("personal.read", duplicates.show_pair),
        "merge": ("person.merge", duplicates.merge),
        "part": ("person.merge", duplicates.part),
        "apart": ("person.merge", duplicates.apart),
    }),
    "payments": ("What banks told, what became of it, and what people decide.", {
        "files": (READ, incoming.files),
        "entries": (READ, incoming.entries),
        "suspense": (READ, incoming.suspense),
        "assign": (PROPOSE, incoming.assign),
        "simulate": (OPEN, incoming.simulate),
        "present": (RUN, sending.present),
        "instruct": (RUN, sending.instruct),
        "mandates": (READ, sending.mandates),
        "returns": (READ, sending.returns),
        "link": (PROPOSE, links.link),
        "links": (READ, links.links),
        "pay-link": (DEMO, links.pay_link),
    }),
    "collections": ("Work on late loans: contacts, promises and notices, written down and judged by rules.", {
        "queue": (READ, queue.queue),
        "assign": (RUN, queue.assign),
        "compare": (WHOLE, queue.compare),
        "log": (PROPOSE, contacts.log),
        "promise": (PROPOSE, promises.promise),
        "notice": (PROPOSE, promises.notice),
        "promises": (READ, promises.promises),
        "settle": (PROPOSE, settling.settle),
        "legal": (PROPOSE, recovery.legal),
        "place": (PROPOSE, recovery.place),
        "placed": (READ, recovery.placed),
        "check": (READ, contacts.check),
    }),
    "reminders": ("Reminders of what falls due, is late or was promised: within contact rules, each once.", {
        "due": ("personal.read", reminders.due),
        "send": (RUN, reminders.send),
        "list": (READ, reminders.list_reminders),
    }),
    "orders": ("Orders that wait for another person, and what they would do.", {
        "list": (READ, orders.list_orders),
        "show": (READ, orders.show_order),
        "propose": (PROPOSE, orders.propose),
        "reject": (APPROVE, orders.reject),
        "withdraw": (PROPOSE, orders.withdraw),
    }),
    "vault": ("Persons: names, addresses, national ids, accounts; masked, unless a reason is given.", {
        "show": ("personal.read", vault.show_persons),
        "find": ("personal.read", vault.find),
        "put": ("personal.write", vault.put),
        "unmask": ("personal.unmask", vault.unmask),
        "erase": ("personal.erase", vault.erase_person),
        "rotate": ("vault.rotate", vault.rotate),
    }),
    "offers": ("Offers: made, accepted, signed, withdrawn, handed off as loans.", {
        "list": (WHOLE, offers.list_offers),
        "make": (PROPOSE, offers.make),
        "accept": (PROPOSE, offers.accept_offer),
        "decline": (PROPOSE, offers.decline_offer),
        "sign": (PROPOSE, offers.sign_offer),
        "withdraw": (PROPOSE, offers.withdraw_offer),
        "board": (RUN, offers.board),
        "check": (WHOLE, offers.check),
    }),
    "documents": ("What was shown and signed, proven byte by byte.", {
        "list": (WHOLE, documents.list_documents),
        "show": (WHOLE, documents.show_document),
        "verify": (WHOLE, documents.verify),
        "diff": (WHOLE, documents.diff),
    }),
    "closure": ("Loans that have ended: letters, collateral given back, each by when, and what delay costs.", {
        "list": (WHOLE, closure.list_tasks),
        "letters": (RUN, closure.letters),
        "collateral": (PROPOSE, closure.collateral),
    }),
    "disburse": ("Money of agreements out: gates, two people, proof.", {
        "list": (WHOLE, disburse.list_payouts),
        "gates": (WHOLE, disburse.gates),
        "kyc": (PROPOSE, disburse.kyc),
        "account": (PROPOSE, disburse.account),
        "propose": (PROPOSE, disburse.propose_payout),
        "approve": (APPROVE, disburse.approve_payout),
        "prove": (WHOLE, disburse.prove_payout),
    }),
}  # fmt: skip
"""Commands of one thing (`loanbook loan list`): its help, and each command with the action that it is."""
SIGNED: dict[str, dict[str, bool]] = {"collections settle": {"ignore_unknown_options": True}}
"""Commands that take an amount which somebody may write below zero: it is no option, and the command says what is wrong."""
for _name, _command in COMMANDS.items():
    app.command(_name)(guarded(_name, ACTIONS.get(_name, READ), _command))
for _group, (_help, _commands) in GROUPS.items():
    _of = typer.Typer(help=_help, no_args_is_help=True)
    app.add_typer(_of, name=_group)
    for _name, (_action, _command) in _commands.items():
        _called = f"{_group} {_name}"
        _of.command(_name, context_settings=SIGNED.get(_called))(
            guarded(_called, _action, _command)
        )
audit_app = typer.Typer(help="Who did what, and the proof of it.", invoke_without_command=True)
app.add_typer(audit_app, name="audit")
audit_app.callback()(audit.audit)
audit_app.command("verify")(audit.verify)
audit_app.command("misuse")(audit.misuse)


@app.callback()
def instance(
    home: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the instance. Default: LOANBOOK_HOME, else the folder or a parent "
            "with loanbook.toml, else a checkout's data/instance."
        ),
    ] = None,
) -> None:
    """Choose the instance that the command works on."""
    if home is not None:
        from loanbook.core.store.settings import HOME_VARIABLE

        os.environ[HOME_VARIABLE] = str(home.resolve())


def main() -> None:
    """Entry point: a domain error is one line and exit code 1, not a traceback."""
    try:
        app()
    except LoanbookError as error:
        err.print(f"[red]error[/red] {escape(str(error))}")
        sys.exit(1)
    except OSError as error:
        from loanbook.core.store.lake import of_a_full_disk

        said = of_a_full_disk(error) or f"{error.filename or ''}: {error.strerror or error}"
        err.print(f"[red]error[/red] {escape(said.removeprefix(': '))}")
        sys.exit(1)
    except Exception as error:
        from loanbook.core.store.lake import of_a_damaged_file, of_a_full_disk

        known = of_a_full_disk(error) or of_a_damaged_file(error)
        if known is None:
            raise
        err.print(f"[red]error[/red] {escape(known)}")
        sys.exit(1)
