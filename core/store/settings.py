"""Where an instance lives and which catalogue keeps its versions."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from loanbook.core.store.instance import (
    HOME_VARIABLE,
    InstanceError,
    Store,
    find_home,
    read_instance,
)
from loanbook.core.store.storage.place import Place

CATALOGUE_VARIABLE = "LOANBOOK_CATALOGUE"
DATA_VARIABLE = "LOANBOOK_DATA"
ENDPOINT_VARIABLE = "LOANBOOK_S3_ENDPOINT"
REGION_VARIABLE = "LOANBOOK_S3_REGION"
PEOPLE_VARIABLE = "LOANBOOK_PEOPLE"
VARIABLES = (
    HOME_VARIABLE, CATALOGUE_VARIABLE, DATA_VARIABLE, ENDPOINT_VARIABLE, REGION_VARIABLE, PEOPLE_VARIABLE,
)  # fmt: skip
"""Variables of the environment that say where an instance is kept; each wins over `loanbook.toml`."""


class Settings(BaseModel):
    """One running instance: a folder that holds everything it writes.

    `catalogue` is empty for SQLite inside `home`, or a ``postgresql://`` URL; so is `people`, of the people's
    database. `bucket` is empty where data files lie inside `home`, else ``s3://bucket/prefix`` of the server at
    `endpoint` (empty: Amazon's) and `region`.
    """

    model_config = ConfigDict(frozen=True)

    home: Path
    catalogue: str = ""
    bucket: str = ""
    endpoint: str = ""
    region: str = ""
    people: str = ""

    @classmethod
    def of(cls, home: Path) -> Settings:
        """An instance's folder, with the catalogue that the environment or `loanbook.toml` names."""
        told = read_instance(home)
        store = _of_environment(told.store)
        return cls(
            home=home,
            catalogue=store.catalogue,
            bucket=store.data,
            endpoint=store.s3.endpoint,
            region=store.s3.region,
            people=os.environ.get(PEOPLE_VARIABLE) or told.people.database,
        )

    @classmethod
    def from_environment(cls, default_home: Path | None = None) -> Settings:
        """The instance that `find_home` gives for the working folder and the environment.

        `default_home` stands in where neither names one. InstanceError if there is none.
        """
        if default_home is not None and not os.environ.get(HOME_VARIABLE):
            return cls.of(default_home.resolve())
        return cls.of(find_home(Path.cwd(), os.environ))

    @property
    def lake(self) -> Path:
        """Folder of the ledger: catalogue and encrypted data files."""
        return self.home / "lake"

    @property
    def data(self) -> Path:
        """Folder of the encrypted data files, where they lie in no bucket."""
        return self.lake / "data"

    @property
    def place(self) -> Place:
        """Where the encrypted data files lie."""
        return Place(self.bucket or str(self.data))

    @property
    def landing(self) -> Path:
        """Folder into which a lender's files are dropped."""
        return self.home / "landing"

    @property
    def sqlite(self) -> Path:
        """The catalogue file, where no other catalogue is set."""
        return self.lake / "catalogue.sqlite"

    @property
    def begun(self) -> Path:
        """A file beside the lake that says that a ledger was begun in it."""
        return self.home / "ledger.begun"

    @property
    def people_folder(self) -> Path:
        """Folder of the people's database and of the instance's keys."""
        return self.home / "people"

    @property
    def people_file(self) -> Path | None:
        """The file of the people's database; None: PostgreSQL keeps it."""
        return None if self.people else self.people_folder / "people.sqlite"

    @property
    def has_ledger(self) -> bool:
        """Whether a ledger is there; one behind another catalogue is taken to be."""
        return bool(self.catalogue) or self.sqlite.exists()

    @property
    def attach(self) -> str:
        """What DuckLake attaches to."""
        if self.catalogue:
            return f"ducklake:postgres:{self.catalogue}"
        return f"ducklake:sqlite:{self.sqlite}"


def _of_environment(store: Store) -> Store:
    """What `loanbook.toml` says of the store, with what the environment says in its place, judged alike."""
    said = {
        name: value
        for name, variable in (("catalogue", CATALOGUE_VARIABLE), ("data", DATA_VARIABLE))
        if (value := os.environ.get(variable))
    }
    server = {
        name: value
        for name, variable in (("endpoint", ENDPOINT_VARIABLE), ("region", REGION_VARIABLE))
        if (value := os.environ.get(variable))
    }
    try:
        return Store.model_validate(
            store.model_dump() | said | {"s3": store.s3.model_dump() | server}
        )
    except ValidationError as bad:
        wrong = {error["loc"][-1] for error in bad.errors()}
        raise InstanceError(
            "; ".join(
                f"{variable}: {how}" for name, (variable, how) in _FORMS.items() if name in wrong
            )
        ) from None


_FORMS = {
    "catalogue": (CATALOGUE_VARIABLE, "write an address that begins with postgresql://"),
    "data": (DATA_VARIABLE, "write s3://BUCKET or s3://BUCKET/PREFIX, without a / at its end"),
    "endpoint": (
        ENDPOINT_VARIABLE,
        "write http://HOST:PORT or https://HOST:PORT, nothing after it",
    ),
    "region": (REGION_VARIABLE, "write a name"),
}


__all__ = ["CATALOGUE_VARIABLE", "DATA_VARIABLE", "ENDPOINT_VARIABLE", "HOME_VARIABLE", "PEOPLE_VARIABLE",
           "REGION_VARIABLE", "VARIABLES", "Settings"]  # fmt: skip
