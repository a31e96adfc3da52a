"""What a notice of adverse action says beside its reasons: who the creditor is, whom the law has it name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from loanbook.core.policy.base import Policy

Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AdverseAction(Policy):
    """Letters to those who were turned down (12 CFR 1002.9, 15 USC 1681m). The shipped text is an example: have a lawyer read yours."""

    creditor: list[Line] = Field(
        min_length=2,
        description="name and address of the creditor, a line each (12 CFR 1002.9(a)(2))",
    )
    statement: str = Field(
        min_length=40,
        description="what the law has the letter say of the applicant's rights, with the agency that "
        "watches the creditor (12 CFR 1002.9(b)(1))",
    )
    bureaus: dict[str, list[Line]] = Field(
        default={},
        description="name, address and telephone of each bureau by the name that its files give it (15 USC 1681m(a)(3))",
    )
    bureau_statement: str = Field(
        min_length=40,
        description="what the letter says where a bureau's report was used (15 USC 1681m(a)(3) and (4))",
    )
    within_days: Annotated[int, Field(ge=1, le=90)] = Field(
        default=30,
        description="days after a decision within which its letter must be there (12 CFR 1002.9(a)(1)); a check of Dagster warns",
    )
