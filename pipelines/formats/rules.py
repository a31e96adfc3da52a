"""Every rule by which a row goes to quarantine: what it means, what to do, which cell is quoted.

A rule of a file's own contract, of intake and of orders alike: quarantine names no rule that has no row
here, and the page of refusals is made of these rows. The rows stand by room in `refusals`.
"""

from __future__ import annotations

from loanbook.pipelines.formats.refusals import (
    any_file,
    collections,
    money,
    orders,
    origination,
    tape,
)
from loanbook.pipelines.formats.refusals.rule import Groups

GROUPS: Groups = {
    **any_file.GROUPS,
    **tape.GROUPS,
    **money.GROUPS,
    **orders.GROUPS,
    **origination.GROUPS,
    **collections.GROUPS,
}
"""Rules by where they first apply."""
RULES = {rule.name: rule for group in GROUPS.values() for rule in group}
_REFERENCES = ("entry_id", "application_ref", "report_id", "consent_ref", "reference", "check_ref", "document_ref", "person_ref", "item_id", "entry_ref",
               "payment_ref", "command_ref", "maker")  # fmt: skip
"""Columns that must be there, and hold 64 characters at most."""
_COUNTS = ("payday", "instalments", "every")
"""Columns of numbers with a least and a greatest value."""
OF_COLUMNS = {
    **{f"{name}|{bound}": f"{name}_missing_or_too_long" for name in _REFERENCES for bound in ("min_length", "max_length")},
    **{f"{name}|{bound}": f"{name}_out_of_bounds" for name in _COUNTS for bound in ("min", "max")},
    "loan_key|min_length": "loan_key_empty",
    "checker|max_length": "checker_too_long",
    "scaled|inf": "amount_not_a_number",
    "scaled|nan": "amount_not_a_number",
    "reason|regex": "reason_not_a_code",
    "target_ref|max_length": "target_ref_too_long",
}  # fmt: skip
"""Checks of a single column of a contract, by the name that people are told."""
