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
    simulate,
)
from loanbook.pipelines.commands.agreements import disburse, documents, offers
from loanbook.pipelines.commands.collections import contacts
from loanbook.pipelines.commands.console import err
from loanbook.pipelines.commands.guard import DEMO, OPEN, WHOLE, guarded
from loanbook.pipelines.commands.loans import changes, figures, loan, schedule, what_if
from loanbook.pipelines.commands.origination import apply as applying
from loanbook.pipelines.commands.origination import decide
from loanbook.pipelines.commands.payments import incoming, sending
from loanbook.pipelines.commands.people import audit, export, orders, roles, users, vault

app = typer.Typer(
    help="The loan platform: files in, one vectorised close a day, a versioned double-entry ledger.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
loan_app = typer.Typer(
    help="One loan: its terms, balances, dues and movements.", no_args_is_help=True
)
app.add_typer(loan_app, name="loan")

users_app = typer.Typer(
    help="Who may work with the instance; signing in and out.", no_args_is_help=True
)
app.add_typer(users_app, name="users")
apply_app = typer.Typer(
    help="Applications: where they stand, what was decided and why.", no_args_is_help=True
)
app.add_typer(apply_app, name="apply")
payments_app = typer.Typer(
    help="What banks told, what became of it, and what people decide.", no_args_is_help=True
)
app.add_typer(payments_app, name="payments")
collections_app = typer.Typer(
    help="Contacts with borrowers: written down, and judged by contact rules.", no_args_is_help=True
)
app.add_typer(collections_app, name="collections")
orders_app = typer.Typer(
    help="Orders that wait for another person, and what they would do.", no_args_is_help=True
)
app.add_typer(orders_app, name="orders")
vault_app = typer.Typer(
    help="Persons: names, addresses, national ids, accounts; masked, unless a reason is given.",
    no_args_is_help=True,
)
app.add_typer(vault_app, name="vault")
offers_app = typer.Typer(
    help="Offers: made, accepted, signed, withdrawn, handed off as loans.", no_args_is_help=True
)
app.add_typer(offers_app, name="offers")
documents_app = typer.Typer(
    help="What was shown and signed, proven byte by byte.", no_args_is_help=True
)
app.add_typer(documents_app, name="documents")
disburse_app = typer.Typer(
    help="Money of agreements out: gates, two people, proof.", no_args_is_help=True
)
app.add_typer(disburse_app, name="disburse")
audit_app = typer.Typer(help="Who did what, and the proof of it.", invoke_without_command=True)
app.add_typer(audit_app, name="audit")

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
    "demo": run.demo,
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
OF_A_LOAN: dict[str, Callable[..., None]] = {"list": loan.list_loans, "show": loan.show_loan}
OF_USERS: dict[str, Callable[..., None]] = {
    "list": users.list_users,
    "add": users.add,
    "role": users.role,
    "attribute": users.attribute,
    "reset": users.reset,
    "lock": users.lock,
    "token": users.token,
    "second-factor": users.second_factor,
    "sign-in": users.sign_in,
    "sign-out": users.sign_out,
    "whoami": users.whoami,
}
OF_APPLICATIONS: dict[str, tuple[str, Callable[..., None]]] = {
    "list": ("ledger.read", applying.list_applications),
    "show": ("ledger.read", applying.show_application),
    "funnel": ("ledger.read", applying.funnel),
    "rejects": ("ledger.read", applying.rejects),
    "linked": ("ledger.read", applying.linked),
    "withdraw": ("book.run", applying.withdraw),
    "expire": ("book.run", applying.expire),
}
"""Commands of applications, with the action that each is."""
OF_PAYMENTS: dict[str, tuple[str, Callable[..., None]]] = {
    "files": ("ledger.read", incoming.files),
    "entries": ("ledger.read", incoming.entries),
    "suspense": ("ledger.read", incoming.suspense),
    "assign": ("order.propose", incoming.assign),
    "simulate": (OPEN, incoming.simulate),
    "present": ("book.run", sending.present),
    "instruct": ("book.run", sending.instruct),
    "mandates": ("ledger.read", sending.mandates),
    "returns": ("ledger.read", sending.returns),
}
"""Commands of payments, with the action that each is."""
OF_ORDERS: dict[str, tuple[str, Callable[..., None]]] = {
    "list": ("ledger.read", orders.list_orders),
    "show": ("ledger.read", orders.show_order),
    "propose": ("order.propose", orders.propose),
    "reject": ("order.approve", orders.reject),
    "withdraw": ("order.propose", orders.withdraw),
}
OF_VAULT: dict[str, tuple[str, Callable[..., None]]] = {
    "show": ("personal.read", vault.show_persons),
    "find": ("personal.read", vault.find),
    "put": ("personal.write", vault.put),
    "unmask": ("personal.unmask", vault.unmask),
    "erase": ("personal.erase", vault.erase_person),
    "rotate": ("vault.rotate", vault.rotate),
}
OF_OFFERS: dict[str, tuple[str, Callable[..., None]]] = {
    "list": (WHOLE, offers.list_offers),
    "make": ("order.propose", offers.make),
    "accept": ("order.propose", offers.accept_offer),
    "decline": ("order.propose", offers.decline_offer),
    "sign": ("order.propose", offers.sign_offer),
    "withdraw": ("order.propose", offers.withdraw_offer),
    "board": ("book.run", offers.board),
    "check": (WHOLE, offers.check),
}
OF_DOCUMENTS: dict[str, tuple[str, Callable[..., None]]] = {
    "list": (WHOLE, documents.list_documents),
    "show": (WHOLE, documents.show_document),
    "verify": (WHOLE, documents.verify),
    "diff": (WHOLE, documents.diff),
}
OF_DISBURSEMENTS: dict[str, tuple[str, Callable[..., None]]] = {
    "list": (WHOLE, disburse.list_payouts),
    "gates": (WHOLE, disburse.gates),
    "kyc": ("order.propose", disburse.kyc),
    "account": ("order.propose", disburse.account),
    "propose": ("order.propose", disburse.propose_payout),
    "approve": ("order.approve", disburse.approve_payout),
    "prove": (WHOLE, disburse.prove_payout),
}
OF_COLLECTIONS: dict[str, tuple[str, Callable[..., None]]] = {
    "log": ("order.propose", contacts.log),
    "check": ("ledger.read", contacts.check),
}
READ, RUN, MAINTAIN = "ledger.read", "book.run", "book.maintain"
ACTIONS: dict[str, str] = {
    "demo": DEMO, "check": RUN, "run": RUN, "close": RUN, "backfill": RUN, "sql": "ledger.query",
    "marts": MAINTAIN, "migrate": MAINTAIN, "maintain": MAINTAIN, "rollback": "book.rollback",
    "simulate": OPEN, "init": OPEN, "pages": OPEN, "dagster": RUN,
    "what-if": WHOLE, "rebuild": WHOLE, "migration": WHOLE, "reconcile": WHOLE, "roles": "roles.read", "policies": "policy.change",
    "decide": RUN, "approve": "order.approve", "export": "ledger.export", "check-pack": OPEN,
}  # fmt: skip
"""What a command does, of the actions that roles grant; one that is not named reads the ledger."""
for _name, _command in COMMANDS.items():
    app.command(_name)(guarded(_name, ACTIONS.get(_name, READ), _command))
for _name, _command in OF_A_LOAN.items():
    loan_app.command(_name)(guarded(f"loan {_name}", READ, _command))
for (
    _name,
    _command,
) in OF_USERS.items():  # each asks by itself: a user signs in who may do nothing yet
    users_app.command(_name)(
        guarded(f"users {_name}", "users.read" if _name == "list" else OPEN, _command)
    )
for _name, (_action, _command) in OF_PAYMENTS.items():
    payments_app.command(_name)(guarded(f"payments {_name}", _action, _command))
for _name, (_action, _command) in OF_APPLICATIONS.items():
    apply_app.command(_name)(guarded(f"apply {_name}", _action, _command))
for _name, (_action, _command) in OF_ORDERS.items():
    orders_app.command(_name)(guarded(f"orders {_name}", _action, _command))
for _name, (_action, _command) in OF_VAULT.items():
    vault_app.command(_name)(guarded(f"vault {_name}", _action, _command))
for _group, _named, _commands in (
    (offers_app, "offers", OF_OFFERS),
    (documents_app, "documents", OF_DOCUMENTS),
    (disburse_app, "disburse", OF_DISBURSEMENTS),
    (collections_app, "collections", OF_COLLECTIONS),
):
    for _name, (_action, _command) in _commands.items():
        _group.command(_name)(guarded(f"{_named} {_name}", _action, _command))
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
