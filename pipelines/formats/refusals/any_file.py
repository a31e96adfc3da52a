"""Rules of any file."""

from __future__ import annotations

from loanbook.pipelines.formats.refusals.rule import DATE, Groups, rule

_ANY = (
    rule("last_line_without_its_end", "the file's last line has no line end, so it may be cut",
         "send the file whole, its last line ended, or say in `[intake] complete` how a whole file is told"),
    rule("not_one_row", "the line is no row: a quote or a line break stands within it",
         "export the file again; a field holds no line break"),
    rule("truncated_row", "the line has fewer fields than the header",
         "the file was cut, or a field is missing: export it again"),
    rule("too_many_fields", "the line has more fields than the header",
         "put a field with a comma between quotes"),
    rule("unknown_loan", "no loan has this key",
         "land the tape that brings the loan (its tape may have refused it): the row is tried again by itself then, while its file lies in the landing folder; or mend the key", "loan_key"),
    rule("can_not_be_closed", "lived by the engine for a trial, the loan or order breaks a law or can't be computed; found says which",
         "mend the terms or the order; if they are right, it is a defect: report it"),
    rule("idempotency_conflict", "the same reference came before with another content",
         "a correction is a reversal and a new reference; a loan that was boarded is changed by orders"),
    rule("unknown_target", "nothing that it may be about has this reference on the loan",
         "name the reference of a payment or order of the same loan that was taken in", "target_ref"),
    rule("value_date_not_a_date", "the value date is no date in the form of the file, or not between 1900 and 2299",
         DATE, "value_date"),
    rule("amount_finer_than_currency", "the amount has more decimals than its currency",
         "round it where it is made: nothing is rounded on the way in", "amount"),
    rule("currency_is_not_the_loans", "the currency is not the loan's",
         "send the amount in the loan's currency, or mend the key", "currency"),
)  # fmt: skip
GROUPS: Groups = {
    "any file": _ANY,
}
