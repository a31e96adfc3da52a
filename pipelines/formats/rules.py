"""Every rule by which a row goes to quarantine: what it means, what to do, which cell is quoted.

A rule of a file's own contract, of intake and of orders alike: quarantine names no rule that has no row
here, and the page of refusals is made of these rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Where = Literal["any file", "loan_tape", "payments", "commands", "index", "orders"]


@dataclass(frozen=True)
class RefusalRule:
    """A rule of quarantine, as people are told of it."""

    name: str
    meaning: str
    remedy: str
    cells: tuple[str, ...] = ()
    """Fields whose text is quoted in `found`; none: the reference or the key of the row."""
    expected: str = ""
    """Form of a right value, told beside what was found."""


_AMOUNT = "write it as 7500.25, or say under `amounts` of the mapping how the file writes amounts"
_DATE = "mend the date, or `date_format` of the mapping"
_BOUND = "mend the row, or widen `bounds` in a new version of the product"
_COMMAND = "docs/guide/commands.md says which fields a command needs and takes"


def _rule(name: str, meaning: str, remedy: str, *cells: str, expected: str = "") -> RefusalRule:
    return RefusalRule(name, meaning, remedy, cells, expected)


_ANY = (
    _rule("last_line_without_its_end", "the file's last line has no line end, so it may be cut",
          "send the file whole, its last line ended, or say in `[intake] complete` how a whole file is told"),
    _rule("not_one_row", "the line is no row: a quote or a line break stands within it",
          "export the file again; a field holds no line break"),
    _rule("truncated_row", "the line has fewer fields than the header",
          "the file was cut, or a field is missing: export it again"),
    _rule("too_many_fields", "the line has more fields than the header",
          "put a field with a comma between quotes"),
    _rule("unknown_loan", "no loan has this key",
          "land the tape that brings the loan (its tape may have refused it), or mend the key", "loan_key"),
    _rule("can_not_be_closed", "lived by the engine for a trial, the loan or order breaks a law or can't be computed; found says which",
          "mend the terms or the order; if they are right, it is a defect: report it"),
    _rule("idempotency_conflict", "the same reference came before with another content",
          "a correction is a reversal and a new reference; a loan that was boarded is changed by orders"),
    _rule("unknown_target", "nothing that it may be about has this reference on the loan",
          "name the reference of a payment or order of the same loan that was taken in", "target_ref"),
    _rule("value_date_not_a_date", "the value date is no date in the form of the file, or not between 1900 and 2299",
          _DATE, "value_date"),
    _rule("amount_finer_than_currency", "the amount has more decimals than its currency",
          "round it where it is made: nothing is rounded on the way in", "amount"),
    _rule("currency_is_not_the_loans", "the currency is not the loan's",
          "send the amount in the loan's currency, or mend the key", "currency"),
)  # fmt: skip
_TAPE = (
    _rule("loan_key_missing", "the row has no loan number", "give the loan its number", "loan_key"),
    _rule("loan_key_doubled", "an earlier row of the file has the same loan number",
          "give each loan a number of its own", "loan_key"),
    _rule("unknown_product", "no product of this name is in force on the file's date",
          "mend the name, or add policies/products/NAME.yaml with an earlier effective_from", "product"),
    _rule("boarded_too_late", "the loan enters more days before the first open date than `late_days` of loanbook.toml lets it",
          "raise `late_days` below [intake], or mend the date"),
    _rule("fee_not_below_the_payout", "the fee of the payout and the tax on it are as much as the payout, or more",
          "lower the fee of the product's origination_fee, give it a maximum_minor, or lend more"),
    _rule("apr_not_found", "a ceiling binds the product's loans, and this one has no annual percentage rate",
          "mend the terms: what is paid back must be worth what is lent"),
    _rule("apr_above_the_ceiling", "the loan costs more than a law that binds its product allows",
          "the loan can't be boarded as it is; `ceilings` of the product names the law"),
    _rule("principal_not_an_amount", "the principal is no amount in the form of the mapping, or has more decimals than the currency",
          _AMOUNT, "principal"),
    _rule("principal_out_of_bounds", "the principal is below or above what the product lends", _BOUND, "principal"),
    _rule("rate_not_a_percentage", "the rate is no percentage, or is finer than a part per billion",
          "write it as 12.5 or 12.5%, with up to seven decimals", "rate_percent"),
    _rule("rate_out_of_bounds", "the rate is below or above the product's bounds", _BOUND, "rate_percent"),
    _rule("instalments_not_a_number", "the number of instalments is no whole number",
          "write it as 60, or `60 months`", "instalments"),
    _rule("term_out_of_bounds", "there are fewer or more instalments than the product has", _BOUND, "instalments"),
    _rule("instalment_not_an_amount", "the level instalment is no amount above zero",
          f"{_AMOUNT}; a tape with a product_column may leave it empty: then it is solved", "instalment"),
    _rule("balloon_not_an_amount", "the balloon is no amount", _AMOUNT, "balloon"),
    _rule("balloon_not_below_the_principal", "the balloon is as much as the principal, or more",
          "mend the row", "balloon", "principal"),
    _rule("balloon_out_of_bounds", "the balloon's share of the principal is outside the product's bounds", _BOUND,
          "balloon", "principal"),
    _rule("adjustment_not_an_amount", "the adjustment of the first interest is no amount", _AMOUNT,
          "first_interest_adjustment"),
    _rule("drawn_not_an_amount", "what is drawn at once is no amount", _AMOUNT, "drawn"),
    _rule("drawn_beyond_the_limit", "more is drawn at once than the limit", "mend the row", "drawn", "principal"),
    _rule("period_not_known", "the period is none: `every` from 1 to 366, a unit, a second anchor day from 1 to 31",
          "the unit is months, weeks, days or semi_monthly", "every", "unit", "second_anchor_day"),
    _rule("anchor_day_not_a_day_of_the_month", "the anchor day is no number from 1 to 31", "mend the row", "anchor_day"),
    _rule("end_of_month_not_yes_or_no", "end of month is neither yes nor no", "write yes, no, or leave it empty",
          "end_of_month"),
    _rule("maturity_not_in_the_last_period", "the maturity is no date between the due dates before the last one and after it",
          "mend the date or the number of instalments, or leave it empty where it is on the cycle", "maturity_date"),
    _rule("flat_interest_knows_no_odd_last_period", "the interest of a flat loan is reckoned on whole periods, and this one's last is none",
          "leave the maturity empty", "maturity_date"),
    _rule("interest_only_not_fewer_than_instalments", "the instalments without principal are no number from 0 to one fewer than all, at most 120",
          "mend the row, or leave it empty for what the product has", "interest_only"),
    _rule("stub_interest_not_known", "how the interest of an odd first period is asked is none of the words for it, or the loan is a line of credit, which has none",
          "write level, upfront, first_instalment or spread, or leave it empty for what the product has", "stub_interest"),
    _rule("grace_covers_every_instalment", "no instalment asks principal or bears interest, and the last one takes no rest (`last_instalment: level`)",
          "give the loan more instalments than the product has of grace", "instalments"),
    _rule("schedule_ends_beyond_the_calendar", "the last instalment would fall due after 2299",
          "mend the period or the number of instalments", "instalments", "every", "unit"),
    _rule("disbursed_on_not_a_date", "the day of the payout is no date in the form of the mapping", _DATE,
          "disbursed_on"),
    _rule("first_due_date_not_a_date", "the first due date is no date in the form of the mapping", _DATE,
          "first_due_date"),
    _rule("first_due_date_not_after_the_payout", "the first due date is not after the day of the payout",
          "mend the row", "first_due_date", "disbursed_on"),
    _rule("jurisdiction_not_a_code", "the place is no code of ISO 3166", "write US, US-CA or the like, or leave it empty",
          "jurisdiction"),
    _rule("line_without_months_as_its_cycle", "a line of credit is billed by months", "leave `unit` empty", "unit"),
    _rule("field_not_read", "a field is there and is no date, number or percentage as its column has them",
          "mend the field, or leave it empty"),
    _rule("opening_balance_not_an_amount", "a balance that the loan brings is no amount, or is below zero", _AMOUNT),
    _rule("grace_not_yes_or_no", "whether a line is in grace is neither yes nor no", "write yes or no"),
    _rule("the_product_has_no_advances", "the product has no advances at a rate of their own",
          "take the advances into the principal, or use a product with `line.cash_advances`"),
    _rule("more_left_than_the_line_owes", "parts of what the line owes are more than the whole", "mend the balances"),
    _rule("opening_principal_beyond_what_was_lent", "the loan owes more principal than was lent, or none",
          "mend the balances; a loan that owes nothing is not taken over"),
    _rule("arrears_without_their_first_day",
          "there are arrears without the day since when, or a day without arrears, or one after the file's date",
          "give past_due_since where something is past due, and only there"),
    _rule("taken_over_before_it_was_paid_out", "the loan was paid out after the date of the balances",
          "name the file by the date of the balances", "disbursed_on"),
)  # fmt: skip
_PAYMENTS = (
    _rule("payment_ref_missing_or_too_long", "the reference is empty, or longer than 64 characters",
          "give each payment the sender's own reference", "payment_ref"),
    _rule("loan_key_empty", "the row names no loan", "give the loan's number"),
    _rule("amount_not_a_number", "the amount is no number in the form of the mapping", _AMOUNT, "amount"),
    _rule("amount_not_positive", "the amount is zero or below",
          "send what came in; what goes out is an order. `sign: minus` of the mapping reads -7500.25 as money in",
          "amount"),
    _rule("amount_out_of_bounds", "the amount is more than any loan may be", "mend the row", "amount"),
    _rule("unknown_designation", "the payment says that it is for something that loanbook does not know", "write principal_only or pay_ahead, or leave it empty", "designation"),
    _rule("unknown_currency", "the currency is none that loanbook knows", "write its code of ISO 4217: USD", "currency"),
    _rule("payment_in_the_future", "the value date is after the file's date",
          "send it in the file of its day", "value_date"),
    _rule("principal_only_of_fixed_interest", "the payment is for the principal alone, but the schedule fixes the loan's interest",
          "leave the designation empty, or write pay_ahead", "designation"),
    _rule("payment_before_disbursement", "the value date is before the day on which the loan was paid out",
          "mend the date or the key", "value_date"),
)  # fmt: skip
_INDEX = (
    _rule("unknown_index", "no product follows an index of this name",
          "write it as `floating.index` of the product has it", "index"),
    _rule("date_not_a_date", "the date of the value is no date", "write YYYY-MM-DD", "date"),
    _rule("value_from_the_future", "the date of the value is after the file's date", "send it in the file of its day",
          "date"),
    _rule("corrects_not_yes_or_empty", "`corrects` is neither yes nor empty", "write yes where it stands in for an earlier value",
          "corrects"),
)  # fmt: skip
_COMMANDS = (
    _rule("command_ref_missing_or_too_long", "the reference is empty, or longer than 64 characters",
          "give each order the sender's own reference", "command_ref"),
    _rule("unknown_command", "no command has this name", "docs/guide/commands.md lists them", "command"),
    _rule("maker_missing_or_too_long", "who orders is not named, or in more than 64 characters", "name the maker"),
    _rule("checker_too_long", "who checked is named in more than 64 characters", "name the checker shorter"),
    _rule("maker_is_checker", "maker and checker are one person", "another person checks the order"),
    _rule("reason_not_a_code", "the reason is no code: it is no place for free text",
          "write it as a code, such as payment_returned", "reason",
          expected="2 to 40 small letters, digits and underscores, a letter first"),
    _rule("target_ref_too_long", "the reference that it is about is longer than 64 characters",
          "name the reference of a payment or order", "target_ref"),
    _rule("instalments_out_of_bounds", "there are fewer than 1 or more than 600 instalments", "mend the order",
          "instalments"),
    _rule("every_out_of_bounds", "`every` is not from 1 to 366", "mend the order", "every"),
    _rule("amount_not_a_positive_number", "the amount is missing, or no number above zero with up to three decimals",
          _AMOUNT, "amount"),
    _rule("amount_where_the_command_has_none", "the command has no amount", "leave it empty", "amount"),
    _rule("command_without_a_due_date", "the command needs a due date", _COMMAND, "command"),
    _rule("command_without_instalments", "the command needs a number of instalments", _COMMAND, "command"),
    _rule("command_without_a_start_date", "the command needs a start date", _COMMAND, "command"),
    _rule("command_without_its_target", "the command needs the reference that it is about", _COMMAND, "command"),
    _rule("command_without_a_field_it_needs", "the command needs a field that is empty", _COMMAND, "command"),
    _rule("field_that_the_command_does_not_take", "a field is filled that the command does not take: it would have no effect",
          f"leave it empty; {_COMMAND}"),
    _rule("period_not_every_and_unit", "the period needs both `every` and a unit: months, weeks or days",
          "give both, or none", "every", "unit"),
    _rule("keep_not_term_or_instalment", "`keep` is neither term nor instalment", "write one, or leave it empty", "keep"),
    _rule("interest_not_as_the_command_has_it", "the command has no such word for interest", _COMMAND, "interest"),
    _rule("flag_not_known", "no flag has this name", "docs/file-kinds.md lists them", "flag"),
    _rule("already_reversed", "it was taken back before", "nothing to do, or reverse the reversal's own money anew", "target_ref"),
    _rule("fee_was_adjusted_since", "part of the deferred fee was given back since", "reverse the adjustment first", "target_ref"),
    _rule("payment_was_charged_back", "a chargeback took the payment back: it would go out twice", "reverse the chargeback first",
          "target_ref"),
    _rule("target_is_ambiguous", "the reference is of several payments or orders of the loan, of more than one source or kind",
          "write KIND/REFERENCE or SOURCE/KIND/REFERENCE as `loanbook explain` and `events` have them", "target_ref"),
    _rule("more_than_the_charge", "more would be given back than is left of the charge, what was waived of it apart", "mend the amount", "amount"),
    _rule("more_than_the_payment", "more would be charged back than is left of the payment", "mend the amount", "amount"),
    _rule("more_than_was_paid_in", "more would be charged back than came in on the loan", "mend the amount", "amount"),
    _rule("more_than_was_paid_out", "more would be refunded than is left of what was paid out", "mend the amount", "amount"),
    _rule("loan_refinances_itself", "the loan that pays is the loan itself", "name the new loan", "target_ref"),
    _rule("not_the_day_of_the_new_loan", "the value date is not the day on which the new loan is paid out",
          "mend the date", "value_date"),
    _rule("interest_was_refunded", "the interest on this refund was refunded before", "nothing to do", "target_ref"),
    _rule("no_interest_to_refund", "there is no interest on what was refunded", "nothing to do"),
)  # fmt: skip
_LATER = "order it later, or value it on a later day"
_ORDERS = (
    _rule("needs_a_second_person", "", "name a checker, or set `approvals` of the product"),
    _rule("nothing_is_paid_out", "", "order it on or after the day of the payout", "value_date"),
    _rule("valued_before_boarding", "", "value it on or after the day on which the loan entered the book", "value_date"),
    _rule("loan_was_withdrawn", "", "board the loan anew under a number of its own"),
    _rule("a_published_version_has_read_it", "", "settle it, write it off, or reverse its payout"),
    _rule("loan_has_not_ended", "", "order it when the loan has ended"),
    _rule("loan_has_ended", "", "`reopen` it for the value date first"),
    _rule("loan_owes_nothing", "", "`refund_credit` gives back what the borrower has"),
    _rule("loan_is_charged_off", "", "docs/orders.md says what may be ordered after a charge-off"),
    _rule("no_line_of_credit", "", "the order is for lines of credit"),
    _rule("a_line_has_no_schedule", "", "the order is for loans with instalments"),
    _rule("draw_period_is_over", "", "nothing more may be drawn", "value_date"),
    _rule("flat_loans_do_not_change", "", "settle the loan and board a new one, or refinance it"),
    _rule("rate_above_the_products_bound", "", "mend the rate, or widen `bounds` in a new version of the product",
          "rate_percent"),
    _rule("no_interest_follows_the_balance", "", "the order is for products with `interest.accrual: daily`"),
    _rule("pause_ends_before_it_begins", "", "mend the dates", "start_date", "due_date"),
    _rule("pause_longer_than_the_bound", "", "mend the dates, or widen `bounds.pause_days` in a new version of the product",
          "start_date", "due_date"),
    _rule("pause_not_after_value_date", "", "mend the dates", "start_date", "value_date"),
    _rule("another_pause_runs", "", "end the pause that runs first"),
    _rule("contract_is_terminated", "", "the whole claim is due: only money and endings follow"),
    _rule("a_moratorium_runs", "", _LATER),
    _rule("interest_is_fixed_by_the_schedule", "", "the order is for products whose interest follows the balance"),
    _rule("no_instalment_was_billed_yet", "", _LATER),
    _rule("no_instalment_to_come", "", "spread what is owed by `reage`"),
    _rule("due_date_not_after_value_date", "", "mend the dates", "due_date", "value_date"),
    _rule("due_date_beyond_the_bound", "", "mend the year, or widen `bounds.due_within_days` in a new version of the product",
          "due_date"),
    _rule("charge_due_in_the_past", "", "let it fall due on the value date or later", "due_date", "value_date"),
    _rule("nothing_to_spread_anew_yet", "", _LATER),
    _rule("charge_off_before_the_last_payment", "", "value it on or after the last payment or charge", "value_date"),
    _rule("less_than_the_day_pays_out", "", "take the payout back, or order the limit for a later day", "amount", "value_date"),
    _rule("another_change_on_the_day", "", "take the first back, or order the second for a later day", "value_date"),
    _rule("more_than_may_be_lent", "", "mend the amount, or widen `payouts` in a new version of the product", "amount"),
    _rule("more_than_the_credit", "", "refund no more than the credit", "amount"),
    _rule("more_than_was_bought_down", "", "mend the amount", "amount"),
    _rule("charge_above_the_bound", "", "mend the amount, or widen `bounds.charge_percent` in a new version of the product",
          "amount"),
    _rule("no_merchant", "", "order a payout_refund, or set `payouts.merchant` of the product"),
    _rule("more_than_was_capitalised", "", "mend the amount", "amount"),
)  # fmt: skip
GROUPS: dict[Where, tuple[RefusalRule, ...]] = {
    "any file": _ANY, "loan_tape": _TAPE, "payments": _PAYMENTS, "index": _INDEX,
    "commands": _COMMANDS, "orders": _ORDERS,
}  # fmt: skip
"""Rules by where they first apply. Those of `orders` mean what `core/servicing/orders` says of them."""
RULES = {rule.name: rule for group in GROUPS.values() for rule in group}
OF_COLUMNS = {
    "payment_ref|min_length": "payment_ref_missing_or_too_long",
    "payment_ref|max_length": "payment_ref_missing_or_too_long",
    "command_ref|min_length": "command_ref_missing_or_too_long",
    "command_ref|max_length": "command_ref_missing_or_too_long",
    "loan_key|min_length": "loan_key_empty",
    "maker|min_length": "maker_missing_or_too_long",
    "maker|max_length": "maker_missing_or_too_long",
    "checker|max_length": "checker_too_long",
    "scaled|inf": "amount_not_a_number",
    "scaled|nan": "amount_not_a_number",
    "reason|regex": "reason_not_a_code",
    "target_ref|max_length": "target_ref_too_long",
    "instalments|min": "instalments_out_of_bounds",
    "instalments|max": "instalments_out_of_bounds",
    "every|min": "every_out_of_bounds",
    "every|max": "every_out_of_bounds",
}
"""Checks of a single column of a contract, by the name that people are told."""
