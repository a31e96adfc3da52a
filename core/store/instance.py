"""An instance: the folder of one lender, with `loanbook.toml`, its policies, files and ledger.

Nothing of a lender stands in the package: an installed loanbook is the same for all of them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loanbook.core.errors import LedgerError, PolicyError

HOME_VARIABLE = "LOANBOOK_HOME"
FILE = "loanbook.toml"
SHIPPED = Path(__file__).resolve().parents[2]
"""Where policies, sample and `dagster.yaml` lie: a checkout's root, or the installed package."""
SHIPPED_POLICIES = SHIPPED / "data" / "policies"


class InstanceError(LedgerError):
    """There is no instance, or its `loanbook.toml` is wrong."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Intake(_Table):
    """How landed files are read."""

    mapping: str | None = Field(default=None, min_length=1)
    """Mapping (policies/tapes) of a tape whose name ends with none."""
    payments: str | None = Field(default=None, min_length=1)
    """Mapping (policies/payment_files) of a payment file whose name ends with none."""
    commands: str | None = Field(default=None, min_length=1)
    """Mapping (policies/command_files) of a file of orders whose name ends with none."""
    collected: str | None = Field(default=None, min_length=1)
    """Mapping (policies/collection_files) of a collector's file whose name ends with none."""
    applications: str | None = Field(default=None, min_length=1)
    """Mapping (policies/application_files) of a file of applications whose name ends with none."""
    late_days: int = Field(default=366, ge=0, le=100_000)
    """How many days before the first open date a loan may have been paid out that a tape boards."""
    complete: Literal["line_end", "trailer", "checksum", "any"] = "line_end"
    """By what a whole file is known: its last line has an end (else that line is quarantined); its last
    line is `TRAILER,` and the count of its rows; a file NAME.sha256 beside it holds its checksum; or any
    file is whole."""
    settle_seconds: int = Field(default=0, ge=0)
    """A file that was written less than so many seconds ago waits for the next intake."""
    rest_days: int = Field(default=31, ge=0)
    """A folder below `landing` whose files all were taken in, and where nothing changed for so many days, is not
    listed again until a file is added, removed or renamed there. One that is overwritten in its place is found by
    `loanbook status --files` alone."""


class S3(_Table):
    """The server of data files that lie in a bucket. Its key is told by the environment alone."""

    endpoint: str = Field(default="", pattern=r"^(https?://[^/@\s]+)?$")
    """Empty: Amazon's. Else http(s)://HOST:PORT; `LOANBOOK_S3_ENDPOINT` wins."""
    region: str = Field(default="us-east-1", min_length=1)
    """`LOANBOOK_S3_REGION` wins."""


class Store(_Table):
    """Where the ledger is kept."""

    catalogue: str = Field(default="", pattern=r"^(postgresql://.*)?$")
    """Empty: SQLite in the folder. Else a PostgreSQL address; `LOANBOOK_CATALOGUE` wins."""
    data: str = Field(default="", pattern=r"^(s3://[^/\s*?\[]+(/[^/\s*?\[]+)*)?$")
    """Where data files lie. Empty: in the folder. Else s3://BUCKET/PREFIX; `LOANBOOK_DATA` wins."""
    s3: S3 = S3()


class Alerts(_Table):
    """Whom to tell of a run that failed, or that holds loans."""

    command: list[str] = Field(default=[])
    """Program and its arguments, run in the instance's folder with a JSON message on standard input.
    Empty: nobody is told."""


class Held(_Table):
    """How many loans a day may hold that break a law of theirs; more blocks the day."""

    loans: int = Field(default=100, ge=0)
    """The most of them. 0: none is held, any law that is broken blocks the day."""
    percent: int = Field(default=10, ge=0, le=100)
    """Of the book's loans, rounded down; one may be held in any book."""


class Close(_Table):
    """How the day of a large book is closed: cut by borrower into shards that are read, closed and written apart."""

    executor: Literal["local", "dask", "ray", "none"] = "local"
    """Where shards run: worker processes of this machine, a Dask or Ray cluster; none: this process, one after
    another."""
    shards: int = Field(default=0, ge=0, le=10_000)
    """How many; 0: one a processor, and so many that none has more than 500,000 loans; with `none` one frame."""
    from_loans: int = Field(default=2_000_000, ge=0)
    """Loans that ever entered the ledger from which on its days are closed in shards."""
    scheduler: str = ""
    """Address of the scheduler of Dask (tcp://HOST:8786) or of the head of Ray."""


class Maintenance(_Table):
    """How old a thing must be that `loanbook maintain` does away with; days by the clock."""

    snapshot_days: int = Field(default=30, ge=0)
    """Snapshots of the lake. No version of the ledger goes with them."""
    merged_days: int = Field(default=1, ge=1)
    """Data files whose rows stand in a merged one: a reader that began before may still be at them."""
    orphan_days: int = Field(default=7, ge=1)
    """Data files that no version names: a close that runs has such ones, one that was killed left them."""
    shelve: bool = True
    """Whether landed files that were taken in are moved into a folder of their month below `landing`, but for those of
    the month that runs and the one before. false where a sender mirrors a folder, and would send them again: then each
    intake lists all that ever landed."""


class PeopleRules(_Table):
    """Who works with the instance, and how their sign-ins are kept."""

    database: str = Field(default="", pattern=r"^(postgresql://.*)?$")
    """Empty: SQLite in the folder `people`. Else a PostgreSQL address; `LOANBOOK_PEOPLE` wins."""
    key_service: str = Field(default="", pattern=r"^([A-Za-z_][\w.]*:[A-Za-z_]\w*)?$")
    """Empty: keys of the vault stand under `people/master.key`, or `LOANBOOK_MASTER_KEY`. Else MODULE:NAME of what
    makes an adapter of a key management service (`Root` of core/store/vault/roots.py)."""
    session_hours: int = Field(default=8, ge=1, le=24 * 31)
    """So long a sign-in lasts."""
    clock_skew_seconds: int = Field(default=300, ge=0)
    """A clock that stands further behind the last entry of the audit trail is refused."""


class Instance(_Table):
    """What `loanbook.toml` says. A field left out has its default."""

    profile: Literal["demo", "production"] = "demo"
    """demo: whoever sits before it may do all, without an account, and it says so. production: everyone is a
    known user, and does what their roles grant."""
    entity: str | None = Field(default=None, min_length=1)
    """The lender's name, for people; the entity of a loan is its product's."""
    intake: Intake = Intake()
    store: Store = Store()
    alerts: Alerts = Alerts()
    held: Held = Held()
    close: Close = Close()
    maintenance: Maintenance = Maintenance()
    people: PeopleRules = PeopleRules()


def in_checkout() -> bool:
    """Whether this code runs from a clone of the repository and not from an installed wheel."""
    return (SHIPPED / "pyproject.toml").is_file()


def find_home(cwd: Path, environ: Mapping[str, str]) -> Path:
    """The instance's folder: `LOANBOOK_HOME`, else the folder or a parent with `loanbook.toml`,
    else, in a checkout, its `data/instance`. InstanceError names the remedy if there is none."""
    named = environ.get(HOME_VARIABLE)
    if named:
        return Path(named).resolve()
    here = cwd.resolve()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return folder
    if in_checkout():
        return SHIPPED / "data" / "instance"
    raise InstanceError(
        f"neither {here} nor a folder above it holds a {FILE}; make an instance with "
        f"`loanbook init FOLDER` and work in it, or set {HOME_VARIABLE}"
    )


def read_instance(home: Path) -> Instance:
    """What the folder's `loanbook.toml` says; the defaults where there is none.

    InstanceError names file, field and remedy.
    """
    path = home / FILE
    if not path.is_file():
        return Instance()
    try:
        return Instance.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as bad:
        raise InstanceError(f"{path}: not TOML: {bad}; mend the syntax") from bad
    except ValidationError as bad:
        problems = "\n".join(f"  {_problem(error)}" for error in bad.errors())
        raise InstanceError(f"{path}: mend these fields:\n{problems}") from bad


def _problem(error: Mapping[str, object]) -> str:
    """One wrong field and what to do; its content is left out where it may hold a password."""
    place = error["loc"]
    field = ".".join(map(str, place)) if isinstance(place, tuple) else str(place)
    if error["type"] == "extra_forbidden":
        return f"field {field}: there is no such field; take it out, or mend its name"
    if field in ("store.catalogue", "people.database"):
        return f"field {field}: write an address that begins with postgresql://, or leave it empty"
    return f"field {field}: {error['msg']}; found {str(error['input'])[:80]!r}"


def policies_folder(home: Path | None) -> Path:
    """The instance's own `policies/` where it has one, else the shipped ones."""
    if home is not None and (home / "policies").is_dir():
        return home / "policies"
    return SHIPPED_POLICIES


def policy_files(folder: Path, kind: str = "*") -> list[tuple[str, str, str]]:
    """Every policy file, or those of a kind's folder, as (kind's folder, name, text), in the order of their names."""
    for path in folder.glob("[!.]*/*.yml"):
        raise PolicyError(f"{path}: policies are files that end with .yaml; rename it")
    paths = sorted(folder.glob(f"{kind}/*.yaml"))
    return [(path.parent.name, path.name, _text(path)) for path in paths]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as bad:
        raise PolicyError(f"{path}: not UTF-8 text: {bad}; save it as such") from bad
