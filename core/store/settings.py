"""Where an instance lives and which catalogue keeps its versions."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from loanbook.core.store.instance import HOME_VARIABLE, find_home, read_instance

CATALOGUE_VARIABLE = "LOANBOOK_CATALOGUE"
PEOPLE_VARIABLE = "LOANBOOK_PEOPLE"


class Settings(BaseModel):
    """One running instance: a folder that holds everything it writes.

    `catalogue` is empty for SQLite inside `home`, or a ``postgresql://`` URL; so is `people`, of the people's
    database.
    """

    model_config = ConfigDict(frozen=True)

    home: Path
    catalogue: str = ""
    people: str = ""

    @classmethod
    def of(cls, home: Path) -> Settings:
        """An instance's folder, with the catalogue that the environment or `loanbook.toml` names."""
        told = read_instance(home)
        return cls(
            home=home,
            catalogue=os.environ.get(CATALOGUE_VARIABLE) or told.store.catalogue,
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
        """Folder of the encrypted data files."""
        return self.lake / "data"

    @property
    def landing(self) -> Path:
        """Folder into which a lender's files are dropped."""
        return self.home / "landing"

    @property
    def sqlite(self) -> Path:
        """The catalogue file, where no other catalogue is set."""
        return self.lake / "catalogue.sqlite"

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


__all__ = ["CATALOGUE_VARIABLE", "HOME_VARIABLE", "PEOPLE_VARIABLE", "Settings"]
