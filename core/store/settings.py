"""Where an instance lives and which catalogue keeps its versions."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict

HOME_VARIABLE = "LOANBOOK_HOME"
CATALOGUE_VARIABLE = "LOANBOOK_CATALOGUE"


class Settings(BaseModel):
    """One running instance: a folder that holds everything it writes.

    `catalogue` is empty for SQLite inside `home`, or a ``postgresql://`` URL.
    """

    model_config = ConfigDict(frozen=True)

    home: Path
    catalogue: str = ""

    @classmethod
    def from_environment(cls, default_home: Path) -> Settings:
        """`LOANBOOK_HOME` and `LOANBOOK_CATALOGUE`, or the default folder and SQLite."""
        home = Path(os.environ.get(HOME_VARIABLE) or default_home).resolve()
        return cls(home=home, catalogue=os.environ.get(CATALOGUE_VARIABLE, ""))

    @property
    def lake(self) -> Path:
        """Folder of the ledger: catalogue and encrypted data files."""
        return self.home / "lake"

    @property
    def landing(self) -> Path:
        """Folder into which a lender's files are dropped."""
        return self.home / "landing"

    @property
    def sqlite(self) -> Path:
        """The catalogue file, where no other catalogue is set."""
        return self.lake / "catalogue.sqlite"

    @property
    def attach(self) -> str:
        """What DuckLake attaches to."""
        if self.catalogue:
            return f"ducklake:postgres:{self.catalogue}"
        return f"ducklake:sqlite:{self.sqlite}"
