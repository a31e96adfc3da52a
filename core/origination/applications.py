"""An application as it is kept: what is asked for and what is said of it; people, devices and accounts as tokens."""

from __future__ import annotations

import dataframely as dy

from loanbook.core.frames import COUNT, DATE, KEY, MINOR, column

KINDS = ("individual", "joint", "business")
OTHERS = ("co_applicant", "guarantor", "owner")
"""Roles of an application beside the applicant."""
PARTIES = ("applicant", *OTHERS)
"""Roles of people in an application; several of a role are set apart by a semicolon."""
LINKS = ("device", "phone", "address", "account")
"""What applications may have in common."""


class Applications(dy.Schema):
    """A row an application. No name, birth date, number or address stands here: people and things are tokens."""

    application_id = dy.String(
        primary_key=True, metadata=column("partner and its reference: PARTNER/REFERENCE", KEY)
    )
    partner = dy.String(metadata=column("source system of the file", "name"))
    reference = dy.String(metadata=column("the partner's own reference", KEY))
    product = dy.String(metadata=column("product that is applied for", "name"))
    channel = dy.String(nullable=True, metadata=column("way by which it came", "word"))
    applicant_kind = dy.String(metadata=column("individual, joint or business", "word"))
    applicant = dy.String(metadata=column("token of the first applicant", KEY))
    amount = dy.Int64(metadata=column("amount that is asked for", MINOR))
    currency = dy.String(metadata=column("its currency", "ISO 4217"))
    term = dy.Int64(metadata=column("instalments asked for", COUNT))
    purpose = dy.String(nullable=True, metadata=column("what the money is for", "word"))
    income_year = dy.Int64(nullable=True, metadata=column("income a year as stated", MINOR))
    income_verified_year = dy.Int64(
        nullable=True, metadata=column("income a year as verified", MINOR)
    )
    employment_years = dy.Int64(nullable=True, metadata=column("years with the employer", COUNT))
    age_years = dy.Int64(nullable=True, metadata=column("age of the youngest borrower", COUNT))
    borrowers = dy.Int64(metadata=column("borrowers who ask together", COUNT))
    guarantors = dy.Int64(metadata=column("guarantors named", COUNT))
    housing = dy.String(nullable=True, metadata=column("how the applicant lives", "word"))
    state = dy.String(nullable=True, metadata=column("state or region of residence", "word"))
    submitted_on = dy.Date(metadata=column("day on which it was handed in", DATE))
    business_date = dy.Date(metadata=column("business date of the file: known from then on", DATE))
    line = dy.Int64(metadata=column("line of the file", COUNT))
