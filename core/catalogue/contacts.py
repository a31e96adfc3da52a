"""Words of the contact log: channels, what came of a contact, what a consumer may say of being contacted."""

from __future__ import annotations

CHANNELS = ("call", "sms", "email", "letter", "push", "chat", "visit")
DIRECTIONS = ("out", "in")
OUTCOMES = {
    "no_answer": "it rang and nobody answered",
    "busy": "the line was busy: the call was not connected",
    "not_in_service": "the number is not in service: the call was not connected",
    "voicemail": "a message was left",
    "wrong_party": "somebody else answered",
    "conversation": "somebody spoke with the lender, and nothing below came of it",
    "promise": "a promise to pay",
    "refused": "a refusal to pay",
    "dispute": "the debt is disputed",
    "hardship": "hardship was told of",
    "complaint": "a complaint",
    "stop": "to be contacted no more was asked for",
    "delivered": "a message was sent, and nothing says that it did not arrive",
    "not_delivered": "a message came back",
}
"""Disposition codes, and what each means."""
PREFERENCES = {
    "opt_out": "no contact by the channel; without one, by none",
    "opt_in": "takes an opt-out of the channel back; without one, of all",
    "stop": "no contact at all (cease contact)",
    "stop_withdrawn": "takes that back",
    "consent": "agrees to be contacted by the channel; without one, by all",
    "consent_withdrawn": "takes that back",
    "inconvenient_time": "no contact on the days between two times of the consumer's day",
    "inconvenient_place": "no contact at the place",
    "convenient": "takes every inconvenient time and place back",
    "call_again": "asks to be called",
}
"""What a consumer may say of being contacted, and what it means."""
