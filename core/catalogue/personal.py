"""What the vault keeps of a person, and by which of it persons are found: every list of it stands here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mask = Literal["nothing", "initial", "last_four", "token"]
WAYS: tuple[Mask, ...] = ("last_four", "initial", "token", "nothing")
"""How a masked value is shown, from what tells most."""
KINDS = ("individual", "business")


@dataclass(frozen=True)
class PersonalField:
    """A field of a person's record."""

    name: str
    meaning: str
    mask: Mask = "nothing"
    """How it is shown where a role that reads persons says nothing of it."""


FIELDS = (
    PersonalField("given_name", "first and middle names", "initial"),
    PersonalField("family_name", "last name", "initial"),
    PersonalField("legal_name", "name of a business as registered", "initial"),
    PersonalField("full_name", "whole name, where its parts are not told apart", "initial"),
    PersonalField("birth_date", "of an individual; ISO 8601"),
    PersonalField("address_line_1", "street and number"),
    PersonalField("address_line_2", "the rest of it"),
    PersonalField("city", "of the address"),
    PersonalField("region", "of the address: state, province"),
    PersonalField("postal_code", "of the address"),
    PersonalField("country", "of the address; ISO 3166"),
    PersonalField("email", "address for mail", "initial"),
    PersonalField("phone", "with the country's code", "last_four"),
    PersonalField("id_type", "what the national id is: ssn, passport, registration"),
    PersonalField("id_country", "who gave it; ISO 3166"),
    PersonalField("national_id", "number by which a state knows a person or a business", "last_four"),
    PersonalField("bank", "routing number or BIC of the bank"),
    PersonalField("account", "number or IBAN of the account", "last_four"),
    PersonalField("account_type", "checking or savings"),
    PersonalField("holder", "whose name the account bears", "initial"),
    PersonalField("network_address", "from where the person signed last"),
)  # fmt: skip
NAMES = tuple(field.name for field in FIELDS)

TOKENS: dict[str, tuple[str, ...]] = {
    "national_id": ("id_country", "national_id"),
    "account": ("bank", "account"),
    "email": ("email",),
    "phone": ("phone",),
    "name_and_birth": ("given_name", "family_name", "birth_date"),
    "legal_name": ("legal_name",),
    "full_name": ("full_name",),
}
"""What persons are found and joined by, and the fields that it is made of; the last must be there."""
