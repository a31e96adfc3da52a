"""Who sends debits and credits to a bank, by which rail; and what the rail's return codes mean for a lender."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from loanbook.core.policy.base import Days, Name, Policy, Reason

Rail = Literal["nacha", "sepa"]
"""How money moves: the ACH network of the United States, the single euro payments area."""
CURRENCY_OF: dict[str, str] = {"nacha": "USD", "sepa": "EUR"}
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,8}$")]
Share = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,7})?$")]
_WEIGHTS = (3, 7, 1, 3, 7, 1, 3, 7, 1)
_LETTERS = {chr(ord("A") + n): str(10 + n) for n in range(26)}


def routing_number_holds(text: str) -> bool:
    """Whether nine digits are a routing number: their weighted sum is whole tens (ABA check digit)."""
    if not re.fullmatch(r"[0-9]{9}", text):
        return False
    return sum(int(d) * w for d, w in zip(text, _WEIGHTS, strict=True)) % 10 == 0


def iban_holds(text: str) -> bool:
    """Whether a text without blanks is an IBAN by form and check digits (ISO 13616, modulo 97)."""
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", text):
        return False
    return int("".join(_LETTERS.get(c, c) for c in text[4:] + text[:4])) % 97 == 1


class Originator(Policy):
    """The lender as its bank knows it on one rail: what it is called, when it sends, how it collects."""

    rail: Rail = Field(description="nacha: ACH entries in US dollars; sepa: pain messages in euros")
    company: str = Field(
        min_length=1,
        max_length=70,
        description="name that the payer reads; NACHA shows 16 letters of it",
    )
    company_id: str = Field(
        min_length=1, max_length=35,
        description="id by which the bank knows the lender: NACHA company identification (up to 10 characters), SEPA creditor identifier",
    )  # fmt: skip
    bank: str = Field(description="the lender's bank: routing number of the ODFI, or BIC")
    bank_name: str = Field(default="", max_length=70, description="name of that bank")
    account: str = Field(
        default="", description="the lender's own account: of SEPA its IBAN; NACHA files name none"
    )
    calendar: Name = Field(description="calendar of the rail's banking days")
    cut_off: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = Field(
        description="time of day by which the bank must have the day's file, HH:MM; files say it as their time"
    )
    time_zone: str = Field(description="time zone of the cut-off, as America/New_York")
    lead_days: Annotated[int, Field(ge=0, le=20)] = Field(
        description="banking days from the file's day to the day on which debits settle"
    )
    credit_lead_days: Annotated[int, Field(ge=0, le=20)] = Field(
        default=1, description="the same of credits"
    )
    entry_class: Literal["PPD", "CCD", "WEB"] = Field(
        default="PPD",
        description="nacha: standard entry class of debits; credits are PPD, or CCD where this is",
    )
    debit_description: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9 .-]{1,10}$")] = Field(
        default="LOAN PYMT", description="what debits are for, as the payer reads it"
    )
    credit_description: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9 .-]{1,10}$")] = Field(
        default="LOAN", description="what credits are for"
    )
    prenote_days: Annotated[int, Field(ge=3, le=30)] | None = Field(
        default=None,
        description="nacha: a prenotification goes out first, and so many banking days must pass before the "
        "first debit; none: no prenotification is sent",
    )
    arrears: Literal["include", "leave"] = Field(
        default="leave",
        description="whether a debit also asks what is past due, or the dues of its date alone",
    )
    payday_within_days: Annotated[int, Field(ge=1, le=31)] = Field(
        default=21,
        description="a retry waits for the payer's payday where one is known that comes within so many days",
    )
    retry_after_days: Annotated[int, Field(ge=1, le=60)] = Field(
        default=5, description="days from a return to the retry, where no payday is known"
    )
    pays_out: list[Literal["disbursed", "credit_refunded"]] = Field(
        default=[],
        description="payouts of the ledger that go out as credits by this originator, from its effective_from on; none: "
        "they are paid elsewhere",
    )
    idle_months: Annotated[int, Field(ge=1, le=120)] | None = Field(
        default=None,
        description="a mandate by which nothing was asked for so many months has expired; none: it does not",
    )
    return_codes: Name = Field(description="policy of the rail's return codes")

    @property
    def currency(self) -> str:
        """The rail's currency."""
        return CURRENCY_OF[self.rail]

    @field_validator("time_zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as bad:
            raise ValueError(
                f"{zone!r} is no time zone; write America/New_York or the like"
            ) from bad
        return zone

    @model_validator(mode="after")
    def _of_the_rail(self) -> Originator:
        if self.rail == "nacha":
            if not routing_number_holds(self.bank):
                raise ValueError(
                    "bank: write the routing number of the ODFI, nine digits with its check digit"
                )
            if len(self.company_id) > 10:
                raise ValueError("company_id: NACHA has room for ten characters")
            return self
        if not re.fullmatch(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?", self.bank):
            raise ValueError("bank: write the BIC, 8 or 11 characters")
        if not iban_holds(self.account):
            raise ValueError(
                "account: write the lender's IBAN without blanks, with its check digits"
            )
        if self.prenote_days is not None:
            raise ValueError("prenote_days: SEPA has no prenotification; leave it out")
        return self

    def sent_at(self, day: dt.date) -> dt.datetime:
        """The cut-off of a day, in the originator's own time."""
        return dt.datetime.combine(day, dt.time.fromisoformat(self.cut_off))


class ReturnRule(BaseModel):
    """What a return code means: what becomes of the payment, of the mandate, and whether it is asked again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    becomes: Literal["reversal", "chargeback", "refused"] = Field(
        default="reversal",
        description="reversal: the loan is lived again as if the payment had not come; chargeback: the payment "
        "stands and is asked anew; refused: it enters nothing, a person looks at it",
    )
    group: Literal["unauthorised", "administrative", "other"] = Field(
        default="other", description="which rate of returns it counts to, beside the overall one"
    )
    mandate: Literal["keep", "suspend", "revoke"] = Field(
        default="suspend", description="what becomes of the mandate"
    )
    retries: Annotated[int, Field(ge=0, le=5)] = Field(
        default=0, description="how often the same debit may be presented again"
    )
    retry_within_days: Days = Field(
        default=0, description="days from the first settlement in which it may be"
    )
    window_days: Days = Field(
        default=2,
        description="days from settlement in which the return must reach the lender's bank",
    )
    window_in: Literal["banking", "calendar"] = Field(
        default="banking", description="which days the window counts"
    )
    reason: Reason = Field(
        default="payment_returned",
        description="reason code of the reversal or chargeback; fees read it",
    )


class RateLimits(BaseModel):
    """The most of its debits that may come back to an originator, in per cent of their number; none: no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unauthorised: Share | None = Field(default=None, description="of group unauthorised")
    administrative: Share | None = Field(default=None, description="of group administrative")
    overall: Share | None = Field(default=None, description="of any code")
    over_days: Annotated[int, Field(ge=1, le=400)] = Field(
        default=60, description="days before the date, it included, whose debits and returns count"
    )
    least_returns: Annotated[int, Field(ge=1)] = Field(
        default=3,
        description="returns of these days below which no rate sets off the alarm: one of two is half of them",
    )


class ReturnCodes(Policy):
    """A rail's return codes: what each means for payment, mandate and rates."""

    rail: Rail = Field(description="the rail whose codes they are")
    source: str = Field(min_length=1, description="the rule book, and its sections")
    codes: dict[Code, ReturnRule] = Field(min_length=1, description="rule by code")
    unknown: ReturnRule = Field(
        default=ReturnRule(
            becomes="refused", mandate="suspend", window_days=0, window_in="calendar"
        ),
        description="rule of a code that is not named",
    )
    grace_days: Days = Field(
        default=1,
        description="banking days that a return may be on its way to the lender beyond its window",
    )
    limits: RateLimits = Field(default=RateLimits(), description="rates that set off the alarm")

    def rule(self, code: str) -> ReturnRule:
        """What a code means."""
        return self.codes.get(code, self.unknown)
