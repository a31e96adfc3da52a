"""`loanbook pages` and `loanbook dagster`: what an instance shows, from an installed package too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from loanbook.core.errors import LoanbookError
from loanbook.core.store.settings import HOME_VARIABLE

SUPERSEDED = "-Wignore:Function `dev_command` is superseded:FutureWarning"
"""`dagster dev` serves a package that is installed; its successor wants a project of its own layout."""


def pages(port: Annotated[int, typer.Option(help="Where to serve.")] = 8501) -> None:
    """Serve the instance's pages on this machine; Ctrl-C ends it."""
    from loanbook.pipelines.resources import ROOT

    page = str(ROOT / "dashboards" / "serving" / "server.py")
    _serve(["streamlit", "run", page, "--server.port", str(port)], ROOT)


def dagster(
    port: Annotated[int, typer.Option(help="Where to serve.")] = 3000,
    host: Annotated[
        str,
        typer.Option(help="For whom: 0.0.0.0 for other machines too. It asks nobody who they are."),
    ] = "127.0.0.1",
) -> None:
    """Serve Dagster's own pages of the instance on this machine; Ctrl-C ends it."""
    from loanbook.pipelines.dagster_home import prepare_home
    from loanbook.pipelines.resources import settings

    home = prepare_home(settings())  # its own dagster.yaml, and none of the working folder
    _serve(["dagster", "dev", "-m", "loanbook.pipelines.definitions",
            "-h", host, "-p", str(port)], home, SUPERSEDED)  # fmt: skip


def _serve(words: list[str], folder: Path, *options: str) -> None:
    """Run a server on the instance found here; `folder`: where its settings lie; `options`: those
    of Python."""
    from loanbook.pipelines.resources import settings

    environment = os.environ | {HOME_VARIABLE: str(settings().home)}
    try:
        done = subprocess.run(
            [sys.executable, *options, "-m", *words], cwd=folder, env=environment, check=False
        )
    except KeyboardInterrupt:
        return
    if done.returncode:
        raise LoanbookError(
            f"{words[0]} ended with code {done.returncode}; its own words are above"
        )
