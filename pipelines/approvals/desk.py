"""What orders are proposed and approved with."""

from __future__ import annotations

from dataclasses import dataclass

from loanbook.core.access.deciding import Access
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.rights.roles import ApprovalRules
from loanbook.core.store.people.database import People
from loanbook.core.store.people.in_force import access_of
from loanbook.core.store.queries import Queries
from loanbook.core.store.reader import LedgerReader


@dataclass(frozen=True)
class Desk:
    """What orders are proposed and approved with."""

    people: People
    reader: LedgerReader
    policies: PolicyBook
    access: Access

    @classmethod
    def of(cls, people: People, reader: LedgerReader, policies: PolicyBook) -> Desk:
        """The desk of an instance."""
        return cls(people, reader, policies, access_of(people.settings, people))

    @property
    def ledger(self) -> Queries:
        """The lake, for the engine."""
        return self.reader.lake()

    @property
    def rules(self) -> ApprovalRules:
        """The approval rules in force today; PolicyError if there are none."""
        return self.policies.in_force(ApprovalRules, "standard", self.people.clock().date())
