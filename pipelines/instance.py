"""What an instance says of how its files are read."""

from __future__ import annotations

from pathlib import Path

from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import TapeMapping
from loanbook.core.store.instance import FILE, read_instance

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

    What `loanbook.toml` says (`[intake] mapping`), else the only mapping beside `canonical`, else
    `canonical`. Raises IntakeError with the remedy if the file names one that does not exist.
    """
    known = mappings(policies)
    named = read_instance(home).intake.mapping
    if named is not None and named not in known:
        raise IntakeError(
            f"{home / FILE}: no mapping is named {named!r}; known: {', '.join(known)}; mend "
            "`mapping` below [intake]"
        )
    if named is not None:
        return named
    tape_mappings = [name for name in known if name != CANONICAL]
    return tape_mappings[0] if len(tape_mappings) == 1 else CANONICAL


__all__ = ["CANONICAL", "FILE", "REASONS", "default_mapping", "mappings"]
