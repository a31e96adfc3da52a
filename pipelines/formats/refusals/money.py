"""Rules of money that came: payments, what banks and collectors tell, decisions about it; and values of reference rates."""

from __future__ import annotations

from loanbook.pipelines.formats.refusals.rule import AMOUNT, Groups, rule

_PAYMENTS = (
    rule("payment_ref_missing_or_too_long", "the reference is empty, or longer than 64 characters",
         "give each payment the sender's own reference", "payment_ref"),
    rule("loan_key_empty", "the row names no loan", "give the loan's number"),
    rule("amount_not_a_number", "the amount is no number, or none in the form of the file's mapping", AMOUNT, "amount"),
    rule("amount_not_positive", "the amount is zero or below",
         "write an amount above zero; of payments: what goes out is an order, and `sign: minus` of the mapping reads -7500.25 as money in",
         "amount"),
    rule("amount_out_of_bounds", "the amount is more than any loan may be", "mend the row", "amount"),
    rule("unknown_designation", "the payment says that it is for something that loanbook does not know", "write principal_only or pay_ahead, or leave it empty", "designation"),
    rule("unknown_currency", "the currency is none that loanbook knows", "write its code of ISO 4217: USD", "currency"),
    rule("payment_in_the_future", "the value date is after the file's date",
         "send it in the file of its day", "value_date"),
    rule("principal_only_of_fixed_interest", "the payment is for the principal alone, but the schedule fixes the loan's interest",
         "leave the designation empty, or write pay_ahead", "designation"),
    rule("payment_before_disbursement", "the value date is before the day on which the loan was paid out",
         "mend the date or the key", "value_date"),
)  # fmt: skip
_INDEX = (
    rule("unknown_index", "no product follows an index of this name",
         "write it as `floating.index` of the product has it", "index"),
    rule("date_not_a_date", "the date of the value is no date", "write YYYY-MM-DD", "date"),
    rule("value_from_the_future", "the date of the value is after the file's date", "send it in the file of its day",
         "date"),
    rule("corrects_not_yes_or_empty", "`corrects` is neither yes nor empty", "write yes where it stands in for an earlier value",
         "corrects"),
)  # fmt: skip
_BANK = (
    rule("unknown_instruction", "a status report names an end-to-end id that the file it is about did not have",
         "ask the bank whose payment it is"),
    rule("amount_not_read", "the entry's amount can't be read, or is finer than its currency", "ask the bank for the file anew"),
    rule("amount_is_zero", "the entry moves nothing: a notice, or a prenotification", "nothing to do"),
    rule("direction_not_read", "the entry's kind does not say whether it is money in or out", "ask the bank what the kind means"),
    rule("currency_is_not_the_accounts", "the entry is in another currency than its account",
         "mend `currency` of the account's policy, or ask the bank"),
    rule("valued_too_far_ahead", "the entry counts from a day further ahead of the file's date than the account's policy lets it",
         "land the file under its own date, or raise `ahead_days` of the account's policy"),
    rule("unknown_bank_account", "no policy has the account that the statement names",
         "add its number to a policy of policies/bank_accounts, and land the file anew under a later date: what is known of it stays known"),
)  # fmt: skip
_ASSIGNMENTS = (
    rule("entry_id_missing_or_too_long", "the row names no entry", "`loanbook payments suspense` lists them"),
    rule("unknown_decision", "the decision is none", "write apply, settled or outside"),
    rule("loan_where_none_belongs", "a loan is named where the entry is said to be none's", "leave it empty, or write apply"),
    rule("unknown_entry", "no entry of this id ever was in suspense", "`loanbook payments suspense` lists them"),
    rule("entry_was_decided", "the entry was decided before, in another way", "reverse the payment that was made of it, or leave it"),
    rule("entry_needs_a_second_person", "the entry is of an amount that one person may not decide about",
         "name a checker, or set `one_person_below_minor` of the account's `receipt_matching`"),
    rule("money_out_is_no_payment", "the entry is money out: it pays no loan", "decide settled or outside"),
)  # fmt: skip
_COLLECTED = (
    rule("kind_not_known", "the row's kind is none of the words of the mapping", "add the word to `kinds` of the mapping"),
)  # fmt: skip
GROUPS: Groups = {
    "payments": _PAYMENTS,
    "index": _INDEX,
    "bank": _BANK,
    "assignments": _ASSIGNMENTS,
    "collected": _COLLECTED,
}
