"""Rules of work on late loans."""

from __future__ import annotations

from loanbook.pipelines.formats.refusals.rule import Groups, rule

_AT = "write it with its offset, to the second: 2024-03-10T07:30:00-05:00"
_LATE = "mend the moment, or land the file under a later date"
_CONTACTS = (
    rule("reference_missing_or_too_long", "the row has no reference, or one of more than 64 characters", "give each row its own", "reference"),
    rule("contacted_at_not_a_time", "the moment of the contact is no time with an offset", _AT, "occurred_at"),
    rule("contacted_in_the_future", "the contact was made after the file's date", _LATE, "occurred_at"),
    rule("channel_not_known", "the channel is none", "write call, sms, email, letter, push, chat or visit", "channel"),
    rule("direction_not_out_or_in", "it is not said who began the contact", "write out for the lender, in for the borrower", "direction"),
    rule("outcome_not_known", "the outcome is no disposition code", "docs/guide/collections.md lists them", "outcome"),
    rule("right_party_not_yes_or_no", "it is not said whether the borrower was spoken to", "write yes or no", "right_party"),
    rule("agent_missing_or_too_long", "nobody is named who made the contact, or in more than 64 characters", "send a code of the agent", "agent"),
    rule("place_not_a_code", "the place is no code", "write it as home or work, or leave it empty", "place"),
    rule("zone_not_known", "a zone is none of the time zone database, or none is named", "write it like America/Chicago; where it is not sure name every one that may be, set apart by ;", "zone"),
)  # fmt: skip
_PREFERENCES = (
    rule("stated_at_not_a_time", "the moment at which it was said is no time with an offset", _AT, "stated_at"),
    rule("stated_in_the_future", "it was said after the file's date", _LATE, "stated_at"),
    rule("preference_not_known", "the preference is of no known kind", "docs/guide/collections.md lists them", "kind"),
    rule("channel_not_of_the_preference", "the channel is none, or the preference is about no channel", "name a channel, or leave it empty", "channel"),
    rule("place_not_of_the_preference", "an inconvenient place is not named as a code, or a place stands where none belongs", "write it as home or work, of an inconvenient place alone", "place"),
    rule("times_not_of_one_day", "an inconvenient time has no weekdays and times of one day, the first before the last, or they stand where none belong",
         "write mon;tue, 09:00 and 17:00; a time over midnight is two rows", "days", "from", "to"),
    rule("written_not_yes_or_no", "it is not said whether it was in writing", "write yes or no", "written"),
)  # fmt: skip
_PROMISES = (
    rule("promised_at_not_a_time", "the moment of the promise is no time with an offset", _AT, "promised_at"),
    rule("promised_in_the_future", "the promise was made after the file's date", _LATE, "promised_at"),
    rule("promise_due_not_a_date", "the day by which money is to come is no date, or not between 1900 and 2299", "write it as 2024-03-15", "due_date"),
    rule("due_before_it_was_promised", "money is to come before the day of the promise", "mend the dates", "promised_at", "due_date"),
)  # fmt: skip
_NOTICES = (
    rule("notice_not_known", "the notice is of no known kind", "docs/guide/collections.md lists them; to be contacted no more (stop) is a contact preference", "kind"),
)  # fmt: skip
_LEGAL = (
    rule("stage_not_known", "the stage is of no known kind", "docs/guide/collections.md lists them", "stage"),
    rule("court_date_not_a_date", "the next date before the court is no date, or not between 1900 and 2299", "write it as 2024-03-15, or leave it empty", "next_on"),
    rule("court_date_before_its_step", "the next date before the court is before the day of the step", "mend the dates", "stated_at", "next_on"),
    rule("cost_below_zero", "what the step cost is below zero", "write what it cost, 0 where nothing", "amount"),
)  # fmt: skip
_PLACEMENTS = (
    rule("placement_step_not_known", "the step is of no known kind", "docs/guide/collections.md lists them", "step"),
    rule("agency_not_known", "no policy of collection_agencies that is in force has the agency's name", "mend the name, or add the agency", "agency"),
)  # fmt: skip
GROUPS: Groups = {
    "contacts": _CONTACTS,
    "contact_preferences": _PREFERENCES,
    "promises": _PROMISES,
    "notices": _NOTICES,
    "legal_steps": _LEGAL,
    "placements": _PLACEMENTS,
}
