"""What an instance says of how its files are read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.partners import CANONICAL_APPLICATIONS, ApplicationMapping
from loanbook.core.policy.file_mappings import (
    AGREED_TAPE,
    AGREEMENT,
    CANONICAL,
    CANONICAL_COMMANDS,
    CANONICAL_PAYMENTS,
    CommandMapping,
    FileMapping,
    PaymentMapping,
    TapeMapping,
)
from loanbook.core.policy.payments.collections import CollectionMapping
from loanbook.core.store.instance import FILE, read_instance
from loanbook.pipelines.formats.registry import FileKind

REASONS = "reconciliation.yaml"
"""Why balances may differ from those of another servicer, in the home too."""
TAPES = "tapes"
MODELS: dict[str, type[FileMapping]] = {
    TAPES: TapeMapping, "payment_files": PaymentMapping, "command_files": CommandMapping,
    "collection_files": CollectionMapping, "application_files": ApplicationMapping,
}  # fmt: skip
"""Kinds of mapping by the folder of the policies that they stand in."""
_BUILT_IN: dict[str, FileMapping] = {
    "payment_files": CANONICAL_PAYMENTS, "command_files": CANONICAL_COMMANDS,
    "application_files": CANONICAL_APPLICATIONS,
}  # fmt: skip
"""Mappings of loanbook's own columns that need no file; an instance's `canonical` stands for it."""


def mappings(policies: PolicyBook, folder: str = TAPES) -> list[str]:
    """Names of the mappings of a folder, sorted."""
    held = {policy.name for kind, policy in policies.policies if kind == folder}
    return sorted(held | ({CANONICAL} if folder in _BUILT_IN else set()))


def default_mapping(home: Path, policies: PolicyBook, folder: str = TAPES, tape: str = "") -> str:
    """The mapping of files whose name ends with none.

    What `loanbook.toml` says below `[intake]` (`mapping` of tapes, `payments`, `commands`); of
    payments and orders else the one that has the name of the `tape` mapping; else the only mapping
    beside `canonical`, else `canonical`. Raises IntakeError with the remedy if the file names one that
    does not exist.
    """
    known = mappings(policies, folder)
    intake = read_instance(home).intake
    field = {
        TAPES: "mapping",
        "payment_files": "payments",
        "command_files": "commands",
        "collection_files": "collected",
        "application_files": "applications",
    }[folder]
    named = getattr(intake, field)
    if named is not None and named not in known:
        raise IntakeError(
            f"{home / FILE}: no mapping is named {named!r}; known: {', '.join(known)}; mend "
            f"`{field}` below [intake]"
        )
    if named is not None:
        return str(named)
    if tape in known:
        return tape
    own = [name for name in known if name != CANONICAL]
    return own[0] if len(own) == 1 else CANONICAL


def mapping_of(
    kind: FileKind, ending: str, policies: PolicyBook, tape: str, home: Path
) -> tuple[FileMapping, str]:
    """The mapping that a file is read by, and what to tell of its name's `ending` if that is no mapping.

    `tape`: the instance's own mapping of tapes. Raises IntakeError if a tape's name ends with what is
    no mapping: there the ending is nothing else.
    """
    if not kind.mappings:
        plain = {"name": CANONICAL, "version": 1, "effective_from": dt.date.min}
        return FileMapping.model_validate(
            plain | {"source_system": kind.name.replace("_", "-"), "columns": {}}
        ), ""
    if kind.mappings == TAPES and ending == AGREEMENT:
        return AGREED_TAPE, ""
    known = mappings(policies, kind.mappings)
    told = ""
    if ending and ending not in known:
        told = (
            f"no mapping is named {ending!r}; known: {', '.join(known)}; add "
            f"{kind.mappings}/{ending}.yaml to the policies, or end the name with one of these"
        )
        if not kind.free_ending:
            raise IntakeError(told)
    default = (
        tape if kind.mappings == TAPES else default_mapping(home, policies, kind.mappings, tape)
    )
    name = ending if ending in known else default
    held = [p for f, p in policies.policies if f == kind.mappings and p.name == name]
    if not held and name == CANONICAL and kind.mappings in _BUILT_IN:
        return _BUILT_IN[kind.mappings], told
    if not held:
        raise IntakeError(
            told
            or f"no mapping reads it: end its name with one of {', '.join(known) or '(none)'}, or add "
            f"{kind.mappings}/NAME.yaml to the policies"
        )
    return policies.in_force(MODELS[kind.mappings], name, dt.date.max), told


__all__ = ["CANONICAL", "FILE", "MODELS", "REASONS", "default_mapping", "mapping_of", "mappings"]
