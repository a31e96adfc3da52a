"""Scenarios: speeds of prepayment and default by which a forecast is made."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from loanbook.core.policy.base import Policy

Share = Field(ge=0, le=1)


class Speed(BaseModel):
    """A speed of prepayment or default: a curve of the trade, or what was observed, times a factor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    curve: Literal["observed", "yearly", "psa", "abs", "sda"] = Field(
        default="observed",
        description="observed: the mean of the book's last months; yearly: CPR or CDR; psa, abs: curves of "
        "prepayment; sda: of default",
    )
    value: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="observed: factor of what was seen; yearly and abs: a share (0.06); psa, sda: 1 is 100 per cent of the curve",
    )


class Scenario(Policy):
    """How loans are taken to prepay, default and be recovered of in a forecast."""

    prepayment: Speed = Field(default=Speed(), description="speed of prepayment")
    default: Speed = Field(default=Speed(), description="speed of default")
    severity: float = Field(
        default=0.6, ge=0, le=1, description="share of the balance at default that is lost"
    )
    months_to_recovery: int = Field(
        default=6, ge=0, le=120, description="months from default to what is recovered"
    )
    pd_12_month: dict[Literal["stage_1", "stage_2", "stage_3"], float] = Field(
        default={"stage_1": 0.02, "stage_2": 0.25, "stage_3": 1.0},
        description="probability of default within twelve months by stage, for expected credit loss",
    )

    @property
    def chances(self) -> dict[str, float]:
        """`pd_12_month` by the names of stages."""
        return {str(stage): chance for stage, chance in self.pd_12_month.items()}
