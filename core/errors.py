"""The domain's own errors: what was found, where, what was expected, what to do."""


class LoanbookError(Exception):
    """Base of every error a user can act on; the message names the remedy."""


class PolicyError(LoanbookError):
    """A policy file is missing, malformed or contradicts another one."""


class IntakeError(LoanbookError):
    """A landing file can't be taken in as a whole (a bad row is quarantined instead)."""


class EngineError(LoanbookError):
    """The engine refuses to compute what it can't compute exactly."""


class LedgerError(LoanbookError):
    """The ledger can't be opened, read or written as asked."""


class LedgerConflictError(LedgerError):
    """Another writer committed first; nothing of this attempt was kept."""


class LawBrokenError(LedgerError):
    """A conservation law does not hold, so the close was not committed."""
