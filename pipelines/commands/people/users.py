"""`loanbook users`: who may work with the instance, and signing in on the command line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.words import counted
from loanbook.pipelines.commands.console import AsCsv, AsJson, out, piped, show

if TYPE_CHECKING:
    from loanbook.core.store.people.database import People

Name = Annotated[str, typer.Argument(help="The user's name.")]
FromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
SHOWN = {"name": pl.String, "kind": pl.String, "os_user": pl.String, "roles": pl.String,
         "attributes": pl.String, "second_factor": pl.String, "state": pl.String,
         "open_sessions": pl.Int64}  # fmt: skip


def _people() -> People:
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.resources import must_be_an_instance, settings

    must_be_an_instance(settings())
    return open_people(settings())


def _managing(people: People) -> Actor:
    """Who may manage users; the owner of an instance that has no user yet may add the first."""
    from loanbook.core.store.people import users
    from loanbook.core.store.people.acting import is_demo, must_be_allowed, system_user

    where = people.settings
    if not is_demo(where) and users.count(people) == 0:
        if where.home.stat().st_uid != os.getuid():
            raise AccessError(f"only the owner of {where.home} adds its first user")
        return Actor(f"os:{system_user()}", device="the instance's owner")
    return must_be_allowed(where, "users.manage", told="users")


def _known_role(people: People, role: str) -> str:
    from loanbook.core.store.people.in_force import access_of

    known = access_of(people.settings, people).roles
    if role not in known:
        raise AccessError(f"no role is named {role!r}; there are: {', '.join(sorted(known))}")
    return role


def _password(from_input: bool, asked: str = "Password", *, new: bool = True) -> str:
    """A password as it is typed, a new one twice, or the next line of standard input."""
    if from_input:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt(asked, hide_input=True, confirmation_prompt=new, err=True))


def list_users(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Who may work with the instance: roles, attributes, second factor, open sessions."""
    from loanbook.core.store.people import users

    rows = pl.DataFrame(users.listed(_people()), schema=SHOWN)
    if not piped(rows, as_json, as_csv):
        show(rows)


def add(
    name: Name,
    role: Annotated[
        list[str] | None, typer.Option(help="A role; may be given more than once.")
    ] = None,
    os_user: Annotated[
        str | None,
        typer.Option(help="The operating system's user who is this one on the command line."),
    ] = None,
    service: Annotated[
        bool, typer.Option("--service", help="No person: it has tokens, no password.")
    ] = False,
    password_stdin: FromInput = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="The operating system alone vouches for it.")
    ] = False,
) -> None:
    """Add a user. The first one of an instance is added by its owner."""
    from loanbook.core.store.people import users

    people = _people()
    by = _managing(people)
    roles = tuple(_known_role(people, each) for each in role or [])
    without = service or no_password
    password = None if without else _password(password_stdin)
    kind = "service" if service else "person"
    users.add_user(people, by, users.NewUser(name, kind, os_user, password, roles))  # type: ignore[arg-type]
    out.print(f"Added {name}, with {', '.join(roles) or 'no role'}.")


def role(
    name: Name,
    role: Annotated[str, typer.Argument(help="The role.")],
    take: Annotated[bool, typer.Option("--take", help="Take it away.")] = False,
) -> None:
    """Give a user a role, or take it away. Nobody gives one to themselves."""
    from loanbook.core.store.people import users

    people = _people()
    by = _managing(people)
    if take:
        users.take_role(people, by, name, role)
    else:
        users.give_role(people, by, name, _known_role(people, role))
    out.print(f"{name} {'has no longer' if take else 'has'} the role {role}.")


def attribute(
    name: Name,
    attribute: Annotated[
        str, typer.Argument(help="region, product, entity, account, delegate_of, own_loan.")
    ],
    values: Annotated[
        list[str] | None, typer.Argument(help="Its values; none: it is not known.")
    ] = None,
) -> None:
    """Say of which regions, products, entities or accounts a user is, whom they stand in for, or which loans are their own."""
    from loanbook.core.store.people import users

    people = _people()
    users.set_attribute(people, _managing(people), name, attribute, values or [])
    out.print(f"{attribute} of {name}: {', '.join(values or []) or 'not known'}.")


def reset(
    name: Name,
    second_factor: Annotated[
        bool, typer.Option("--second-factor", help="Forget the second factor, not the password.")
    ] = False,
    password_stdin: FromInput = False,
) -> None:
    """Give a user another password, or forget their second factor; their sessions end."""
    from loanbook.core.store.people import users

    people = _people()
    by = _managing(people)
    if second_factor:
        users.reset_second_factor(people, by, name)
    else:
        users.set_password(people, by, name, _password(password_stdin, f"Password of {name}"))
    out.print(f"Reset {name}; every session of theirs ended.")


def lock(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why.")],
    unlock: Annotated[bool, typer.Option("--unlock", help="Let them in again.")] = False,
) -> None:
    """Lock a user out: their sessions and tokens end at once."""
    from loanbook.core.store.people import users

    people = _people()
    users.lock(people, _managing(people), name, reason, locked=not unlock)
    out.print(f"{name} is {'open again' if unlock else 'locked out'}.")


def token(
    name: Annotated[str, typer.Argument(help="The service's name.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it holds.")] = 90,
) -> None:
    """Make a token of a service, shown this once; the service has it in LOANBOOK_TOKEN."""
    from loanbook.core.store.people import sessions

    people = _people()
    sys.stdout.write(sessions.make_token(people, _managing(people), name, days) + "\n")


def second_factor(
    name: Name,
    code: Annotated[str, typer.Option(help="A first code of it: from then on it counts.")] = "",
    password_stdin: FromInput = False,
) -> None:
    """Set up a second factor: once without a code, which prints what the authenticator needs, then with one.

    Asks for the user's own password.
    """
    from loanbook.core.store.people import sessions

    people = _people()
    password = _password(password_stdin, new=False)
    _, actor = sessions.sign_in(people, sessions.Credentials(name, password, device="command line"))
    sessions.end(people, actor)
    if code:
        sessions.confirm_second_factor(people, actor, name, code)
        out.print(f"{name} signs in with a second factor from now on.")
    else:
        sys.stdout.write(sessions.begin_second_factor(people, name) + "\n")


def sign_in(
    name: Name,
    code: Annotated[str, typer.Option(help="Code of the second factor.")] = "",
    password_stdin: FromInput = False,
) -> None:
    """Sign in on the command line: later commands act as this user until the session ends."""
    import socket

    from loanbook.core.store.people import sessions
    from loanbook.core.store.people.acting import session_file

    people = _people()
    password = _password(password_stdin, new=False)
    told = sessions.Credentials(
        name, password, code, device=f"command line of {socket.gethostname()}"
    )
    secret, actor = sessions.sign_in(people, told)
    path = session_file(people.settings)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(secret)
    factor = "with" if actor.second_factor else "without"
    out.print(f"Signed in as {actor.name}, {factor} a second factor; roles: "
              f"{', '.join(sorted(actor.roles)) or 'none'}.")  # fmt: skip


def sign_out() -> None:
    """End your sessions, on the command line and everywhere else."""
    from loanbook.core.store.people import sessions
    from loanbook.core.store.people.acting import acting, session_file

    people = _people()
    actor = acting(people.settings, people)
    ended = sessions.sign_out(people, actor) if actor.kind == "person" else 0
    session_file(people.settings).unlink(missing_ok=True)
    out.print(f"Ended {counted(ended, 'session')} of {actor.name}.")


def whoami() -> None:
    """Who you are here, and what you may do."""
    from loanbook.core.policy.rights.roles import ACTIONS
    from loanbook.core.store.people.acting import acting, is_demo
    from loanbook.core.store.people.in_force import access_of
    from loanbook.pipelines.resources import settings

    where = settings()
    actor = acting(where)
    if is_demo(where):
        out.print(f"{actor.name}, in a demo: whoever sits before it may do all.")
        return
    access = access_of(where)
    may = [action for action in ACTIONS if access.may(actor, action).allowed]
    out.print(f"{actor.words}; roles: {', '.join(sorted(actor.roles)) or 'none'}; second factor: "
              f"{'yes' if actor.second_factor else 'no'}")  # fmt: skip
    show(
        pl.DataFrame(
            {"may": may, "what": [ACTIONS[action] for action in may]},
            schema={"may": pl.String, "what": pl.String},
        )
    )
