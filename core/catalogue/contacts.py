"""Words of the contact log: channels, what came of a contact, what a consumer may say of being contacted or give notice of."""

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
NOTICES = {
    "dispute": "the debt, or a part of it, is disputed",
    "dispute_answered": "the dispute was answered with what verifies the debt",
    "hardship": "relief is asked for: the borrower can't pay as agreed for now",
    "hardship_answered": "the request was granted or refused",
    "attorney": "an attorney represents the borrower: contact goes there",
    "attorney_withdrawn": "takes that back",
    "bankruptcy": "a petition in bankruptcy was filed",
    "bankruptcy_ended": "the case was dismissed or closed",
    "complaint": "the borrower complains",
    "complaint_answered": "the complaint was answered",
    "skip_trace": "the borrower is searched for: no address that is known reaches them",
    "skip_trace_ended": "the search ended; the reason says how: found, not_found",
}
"""What a borrower may give notice of, and what it means; a notice stands until the one that answers it."""
ANSWERED_BY = {
    "dispute": "dispute_answered", "hardship": "hardship_answered", "attorney": "attorney_withdrawn",
    "bankruptcy": "bankruptcy_ended", "complaint": "complaint_answered", "skip_trace": "skip_trace_ended",
}  # fmt: skip
"""The notice that ends each."""
