"""What each column of a landed file means, in what form, and whether it must be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loanbook.pipelines.formats.commands import FIELDS

Required = Literal["yes", "no", "by mapping"]


@dataclass(frozen=True)
class FileColumn:
    """A column of a kind of file."""

    name: str
    meaning: str
    form: str
    required: Required = "yes"


AMOUNT = "decimal in the loan's currency: 7500 or 7500.25, no plus sign, no zero before the first digit; `$7,500.25` where the mapping's `amounts` say so"
DATE = "YYYY-MM-DD"
_DAY = "YYYY-MM-DD, or the mapping's `date_format`"
REF = "text, 1 to 64 characters, unique to the sender"
KEY = "text: the loan number of its tape"
CURRENCY = FileColumn("currency", "currency of the amount: the loan's own", "ISO 4217: USD")

PAYMENTS = (
    FileColumn(
        "payment_ref", "the sender's own reference; the same again is the same payment", REF
    ),
    FileColumn("loan_key", "loan that was paid", KEY),
    FileColumn("amount", "what came in", AMOUNT),
    CURRENCY,
    FileColumn("value_date", "day from which it counts, not after the file's date", _DAY),
    FileColumn(
        "designation",
        "where money beyond what is due goes, whatever the product says: off the "
        "principal alone, or ahead to the next instalments",
        "principal_only, pay_ahead",
        "no",
    ),
)
INDEX = (
    FileColumn("index", "reference rate, as a product's `floating.index` names it", "text"),
    FileColumn("date", "day that the value is of, not after the file's date", DATE),
    FileColumn("rate_percent", "the value a year", "percentage: 4.3125; up to seven decimals"),
    FileColumn(
        "corrects", "whether it stands in for an earlier value of the date", "yes, or empty", "no"
    ),
)
ORDERS = (
    FileColumn("command_ref", "the sender's own reference; the same again is the same order", REF),
    FileColumn("command", "what is ordered", "a command of docs/guide/commands.md"),
    FileColumn("loan_key", "loan that it is of", KEY),
    FileColumn("value_date", "day from which it counts", _DAY),
    FileColumn("maker", "who orders", "text, 1 to 64 characters"),
    FileColumn("checker", "who checked: another person; empty where the product's approvals let one order", "text"),
    FileColumn("reason", "why, as a code: no free text", "2 to 40 small letters, digits and underscores, a letter first: payment_returned"),
    *(FileColumn(field.name, field.meaning, field.form, "no") for field in FIELDS),
)  # fmt: skip
_MAPPED: Required = "by mapping"
TAPE = (
    FileColumn("principal", "amount lent; of a line of credit its limit", AMOUNT),
    FileColumn("rate_percent", "yearly rate of interest", "percentage: 18.00, or `18.00%`; up to seven decimals"),
    FileColumn("instalments", "how many; one word after the number is left out", "60, or `60 months`"),
    FileColumn("disbursed_on", "day of the payout", "date in the mapping's `date_format`"),
    FileColumn("first_due_date", "due date of the first instalment", "date in the mapping's `date_format`"),
    FileColumn("instalment", "the level instalment agreed; without it, it is solved", AMOUNT, _MAPPED),
    FileColumn("balloon", "part of the principal due with the last instalment", AMOUNT, _MAPPED),
    FileColumn("every", "units in a period; default 1", "1 to 366", _MAPPED),
    FileColumn("unit", "unit of the period; default months", "months, weeks, days, semi_monthly", _MAPPED),
    FileColumn("second_anchor_day", "other day of the month of a semi-monthly loan, not the first due date's; default 1", "1 to 31", _MAPPED),
    FileColumn("anchor_day", "day of the month on which instalments fall due, clipped to short months; the first one may fall due on another day, and the second is then on the anchor of the month (half months: the next of the two days) a period after it; default the first due date's", "1 to 31", _MAPPED),
    FileColumn("end_of_month", "instalments fall due on the last day of the month; default yes where the first due date is one and no `anchor_day` is told", "yes, no", _MAPPED),
    FileColumn("maturity_date", "due date of the last instalment, where its period is shorter or longer than the others; it lies between the due dates before and after it", "date in the mapping's `date_format`, or empty", _MAPPED),
    FileColumn("interest_only", "first instalments that ask no principal; default the product's `schedule.grace_principal`", "whole number below `instalments`, at most 120", _MAPPED),
    FileColumn("stub_interest", "how the interest of the days is asked that a first period has beyond a regular one; default the product's `schedule.stub_interest`", "level, upfront, first_instalment, spread, or empty", _MAPPED),
    FileColumn("agreed_schedule", "every instalment as it was agreed: due date with principal and interest, or with the total alone, of which interest is then what the rate gives. The loan lives by these rows, on these dates", "DATE PRINCIPAL INTEREST or DATE TOTAL, with a semicolon between the rows; dates as 2024-01-31", _MAPPED),
    FileColumn("schedule_interest", "whether the interest of an agreed schedule is what the contract's rate gives, to a minor unit a row, or agreed as it is told; default by_rate", "by_rate, as_told, or empty", _MAPPED),
    FileColumn("first_interest_adjustment", "added to the first interest, or taken off it", "decimal, may have a minus sign", _MAPPED),
    FileColumn("spread_percent", "added to the index of a floating rate", "percentage", _MAPPED),
    FileColumn("first_reset_on", "first day on which a floating rate is reset", "date in the mapping's `date_format`", _MAPPED),
    FileColumn("jurisdiction", "place whose law binds the loan", "ISO 3166: US, US-CA, or empty", _MAPPED),
    FileColumn("drawn", "of a line of credit: what is drawn at once", AMOUNT, _MAPPED),
)  # fmt: skip
TAPE_NOTES = """\
The columns have the lender's own names: a mapping (`policies/tapes`) says which is which below
`columns`, what is the same on every row below `constants`, and how dates and amounts are written. The
file's name may end with the mapping it is read by (up to a dot or an underscore); without one the instance's own is
taken. `key` of the mapping is the loan number, `attributes` are kept for analysis, `opening` are balances of
loans that already live: all are in [policy fields](policy-fields.md). A tape in loanbook's own names (the mapping
`canonical`) has `loan_number`, `product` and the columns that are required; it may leave out every other. A
column that is left out, beside one that nothing names and that is written much like it, is refused as a slip."""
_OWN = """\
These are loanbook's own columns. A sender with other columns has a mapping (`policies/{folder}`), as a tape
has: which column is which, what is the same on every row, how dates and amounts are written,
and the source system, which `loanbook explain`, the dispute pack and the key of each row name. A file is
read by the mapping that its name ends with (`{kind}_2024-02-02_bank.csv`, up to a dot or an underscore); without
one by that of `loanbook.toml` (`[intake] {field}`), else the one that has the name of the instance's own tape
mapping, else the only one there is, else `canonical`, whose source system is `{kind}`. An ending that names no mapping
tells files of a day apart."""
PAYMENT_NOTES = _OWN.format(folder="payment_files", kind="payments", field="payments")
ORDER_NOTES = (
    _OWN.format(folder="command_files", kind="commands", field="commands")
    + """
`target_ref` is looked for on the order's loan, whoever sent it; where two sources have the reference, it is written
as SOURCE/KIND/REFERENCE."""
)

BANK_NOTES = """What a bank sends as it is, whatever its ending: NACHA (received entries, returns, changes), camt.052, camt.053,
camt.054, MT940, MT942, BAI2. The content tells the format. Which account a statement is of is told by its number: the
policies (`policies/bank_accounts`) say which numbers are the lender's, in whose books they stand and what of them is
not the book's. Of a file that names no account (NACHA), or one account's number in two ways, the name may end with that of the
policy: `bank_2024-02-02_main.ach`.

A file ties (control totals, opening balance and entries against the closing balance) or is refused whole, with
both figures. Then each entry has one outcome: *applied* (a payment of a loan), *settled* (money whose payments another file
brought), *suspense* (it waits for people, `loanbook payments suspense`), *outside* (not the book's, by rule), *duplicate*
(known from another file, whatever its format), or *quarantined* by the rules below."""
