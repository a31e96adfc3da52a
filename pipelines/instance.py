"""What an instance says of itself: `loanbook.toml` in its home."""

from __future__ import annotations

import tomllib
from pathlib import Path

from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import TapeMapping

FILE = "loanbook.toml"
REASONS = "reconciliation.yaml"
"""Why balances may differ from those of another servicer, in the home too."""
CANONICAL = "canonical"
"""The mapping of loanbook's own columns, which every instance has beside its lender's."""


def mappings(policies: PolicyBook) -> list[str]:
    """Names of the tape mappings that the policies hold, sorted."""
    return sorted(
        {policy.name for _, policy in policies.policies if isinstance(policy, TapeMapping)}
    )


def default_mapping(home: Path, policies: PolicyBook) -> str:
    """The mapping of tapes whose name ends with none; its source system sends payments and orders.

    What `loanbook.toml` says (`[intake] mapping`), else the only mapping beside `canonical`.
    Raises IntakeError with the remedy if neither tells it.
    """
    known, path = mappings(policies), home / FILE
    named = _told(path)
    if named is not None:
        if named not in known:
            raise IntakeError(
                f"{path}: no mapping is named {named!r}; known: {', '.join(known)}; mend "
                "`mapping` below [intake]"
            )
        return named
    own = [name for name in known if name != CANONICAL] or known
    if len(own) == 1:
        return own[0]
    raise IntakeError(
        f"which mapping do tapes of {home} have whose name ends with none? Write {path} with "
        f"'[intake]' and 'mapping = \"NAME\"'; known: {', '.join(known)}"
    )


def _told(path: Path) -> str | None:
    """`[intake] mapping` of the file; None without file or key."""
    if not path.is_file():
        return None
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as bad:
        raise IntakeError(f"{path}: not TOML: {bad}; mend the syntax") from bad
    intake = content.get("intake", {})
    named = intake.get("mapping") if isinstance(intake, dict) else None
    if named is not None and not isinstance(named, str):
        raise IntakeError(f"{path}: mapping below [intake] is no text: {named!r}")
    return named
