"""The instance's own folder of Dagster: its settings, its runs, and what the environment says of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from loanbook.core.store.settings import Settings
from loanbook.pipelines.resources import ROOT

STORAGE_VARIABLE = "LOANBOOK_DAGSTER_STORAGE"


def prepare_home(where: Settings) -> Path:
    """The instance's Dagster folder, with the root `dagster.yaml` in it; sets the environment."""
    home = where.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "dagster.yaml", home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ[STORAGE_VARIABLE] = str(home)
    os.environ["LOANBOOK_HOME"] = str(where.home)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "64")
    return home
