"""What the columns of files mean from which applications are decided."""

from __future__ import annotations

from loanbook.core.catalogue.personal import FIELDS
from loanbook.pipelines.formats.columns import DATE, REF, FileColumn

_AMOUNT = "decimal in the currency: 7500.25, or as `amounts` of the mapping says"
_TOKEN = "text: the sender's own token"
APPLICATIONS = (
    FileColumn("application_ref", "the partner's own reference; the same again is the same application", REF),
    FileColumn("product", "product that is applied for", "name of policies/products"),
    FileColumn("amount", "amount asked for, within the product's bounds", _AMOUNT),
    FileColumn("currency", "the product's currency", "ISO 4217: USD"),
    FileColumn("term", "instalments asked for, within the product's bounds", "whole number"),
    FileColumn("submitted_on", "day on which it was handed in, not after the file's date", "YYYY-MM-DD, or the mapping's `date_format`"),
    FileColumn("applicant", "who applies", _TOKEN),
    FileColumn("applicant_kind", "what applies; empty: joint where a co-applicant is named, else individual", "individual, joint, business", "no"),
    FileColumn("co_applicant", "who applies together with the applicant; several set apart by `;`", _TOKEN, "no"),
    FileColumn("guarantor", "who vouches; several set apart by `;`", _TOKEN, "no"),
    FileColumn("owner", "owners of a business; several set apart by `;`", _TOKEN, "no"),
    FileColumn("purpose", "what the money is for", "word", "no"),
    FileColumn("channel", "way by which it came to the partner", "word", "no"),
    FileColumn("income_year", "income a year as stated, of all borrowers", _AMOUNT, "no"),
    FileColumn("income_verified_year", "income a year as verified by a source", _AMOUNT, "no"),
    FileColumn("employment_years", "years with the present employer", "whole number", "no"),
    FileColumn("age_years", "age of the youngest borrower", "whole number", "no"),
    FileColumn("housing", "how the applicant lives", "word: mortgage, own, rent", "no"),
    FileColumn("state", "state or region of residence", "ISO 3166-2 without the country", "no"),
    FileColumn("device", "device from which it was sent", _TOKEN, "no"),
    FileColumn("phone", "telephone", _TOKEN, "no"),
    FileColumn("address", "address of residence", _TOKEN, "no"),
    FileColumn("account", "bank account for the payout", _TOKEN, "no"),
)  # fmt: skip
APPLICATION_NOTES = """CSV, JSON lines (one object a line) or Parquet: the content tells the form. A partner's file is read by its
mapping (`policies/application_files`), which its name ends with (`applications_2024-02-02_PARTNER.jsonl`) and which is the
contract with it: what its fields are called, for which products it may send, how many rows. `loanbook apply rejects --partner
PARTNER` is its report of what was refused. Without a mapping the fields are loanbook's own.

People, devices, numbers and accounts come as tokens of the sender, and are kept as tokens that a key of the instance makes of
them. A file with names, birth dates, national ids or e-mail addresses is refused whole."""
BUREAU = (
    FileColumn("report_id", "the bureau's own number of the report", REF),
    FileColumn("applicant", "whom it is about: the token of the application", _TOKEN),
    FileColumn("bureau", "who made it", "small letters, digits, hyphens"),
    FileColumn("drawn_on", "day on which it was drawn, not after the file's date", DATE),
    FileColumn("attributes", "of a JSON report: an object of inputs of the bureau (docs/policy-fields.md); others are kept in the original alone", "whole numbers", "no"),
    FileColumn("record", "of a trade line: what it is", "trade, inquiry, collection, bankruptcy, tax_lien", "no"),
    FileColumn("currency", "of a trade line: currency of its amounts", "ISO 4217: USD", "no"),
    FileColumn("account_type", "of a trade: card, mortgage, or another word", "word", "no"),
    FileColumn("opened_on", "day on which the account was opened", DATE, "no"),
    FileColumn("closed_on", "day on which it was closed; empty: it is open", DATE, "no"),
    FileColumn("limit", "limit, or amount first lent", _AMOUNT, "no"),
    FileColumn("balance", "what is owed", _AMOUNT, "no"),
    FileColumn("payment", "what is asked a month", _AMOUNT, "no"),
    FileColumn("days_past_due", "days past due now", "whole number", "no"),
    FileColumn("last_late_on", "when it was 30 days late or more for the last time", DATE, "no"),
    FileColumn("dated", "day of an inquiry, a collection or a public record", DATE, "no"),
)  # fmt: skip
BUREAU_NOTES = """JSON lines, a report a line, or CSV with a row a trade line; a report of which a line is refused is refused whole.
The text of each report is kept as it came, sealed under a key of the instance, with its SHA-256; each fact names where in it it
stands (`applicant_facts.path`: a JSON path, or lines of the file). A fact counts from the file's business date on."""
CONSENTS = (
    FileColumn("consent_ref", "the sender's own reference; a withdrawal has one of its own", REF),
    FileColumn("applicant", "who consents: the token of the application", _TOKEN),
    FileColumn("purpose", "what to: drawing a bureau's report, or using bank data", "bureau, bank"),
    FileColumn("given", "whether it is given, or withdrawn", "yes, no"),
    FileColumn("text_hash", "SHA-256 of the text that was shown", "64 small hexadecimal digits"),
    FileColumn("text_version", "version of that text", "text"),
    FileColumn("channel", "where it was given", "word"),
    FileColumn("given_at", "when, in UTC, not after the file's date", "2024-02-01T12:30:00Z"),
)  # fmt: skip
CONSENT_NOTES = """CSV, JSON lines or Parquet. Consents are added, never edited. From the day of a withdrawal on, a decision knows nothing
of what that source told, whatever it told before."""
CHECKS = (
    FileColumn("check_ref", "the provider's own reference", REF),
    FileColumn("applicant", "who was checked: the token of the application", _TOKEN),
    FileColumn("provider", "who checked", "small letters, digits, hyphens"),
    FileColumn("result", "what came of it", "passed, failed, review"),
    FileColumn("checked_on", "day of the check, not after the file's date", DATE),
    FileColumn("code", "the provider's own code of the result", "text", "no"),
    FileColumn("list_version", "version of the lists that were looked at", "text", "no"),
    FileColumn("latency_ms", "how long the provider took", "whole number", "no"),
)  # fmt: skip
CHECK_NOTES = """CSV, JSON lines or Parquet. A later check stands beside the earlier one; the last that is known counts."""
SANCTIONS = (
    FileColumn("entry_ref", "the list's own number of the entry (OFAC: uid, UN: DATAID)", REF),
    FileColumn("name", "whole name", "text"),
    FileColumn("kind", "what it is: individual, entity, vessel", "word", "no"),
    FileColumn("aliases", "other names, set apart by `;`", "text", "no"),
    FileColumn("born", "dates or years of birth as the list tells them; years are taken", "text", "no"),
    FileColumn("program", "sanctions programme or list", "text", "no"),
)  # fmt: skip
SANCTION_NOTES = """OFAC's SDN list as it is published (`sdn.xml`), the consolidated list of the UN Security Council as XML, CSV or JSON lines with these
columns. The name ends with the list's name: `sanctions_2024-02-02_ofac-sdn.xml`. Each file is an edition of the whole list: who is
not in it is listed no longer, so an edition of which a row can't be read is refused whole. `loanbook screening run` matches persons of
the vault with it; only entries that are new or changed are matched with persons who were matched before."""
PERSONS = (
    FileColumn("applicant", "who it is: the token by which applications name the person; or `ref`", _TOKEN, "no"),
    FileColumn("ref", "a key of your own, where no application names the person; it tells nothing of who it is", _TOKEN, "no"),
    FileColumn("kind", "empty: individual", "individual, business", "no"),
    *(FileColumn(field.name, field.meaning, "YYYY-MM-DD" if field.name == "birth_date" else "text", "no") for field in FIELDS),
)  # fmt: skip
PERSON_NOTES = """CSV, JSON lines or Parquet. What a row names goes to the vault of persons and nowhere else: quarantine names line and rule and quotes
nothing, and a column that is no field of a person refuses the file. A person who is known with other content is a conflict: `loanbook vault put
--amend` makes a new revision. Persons come before the applications, reports and documents of the same run, so that these are sealed under their
keys. The landed file holds the names as they are: take it away once it was taken in."""
DOCUMENTS = (
    FileColumn("document_ref", "the sender's own reference of the document", REF),
    FileColumn("applicant", "whose it is: the token of the application", _TOKEN),
    FileColumn("type", "what it proves", "identity, income, bank_statement, address, registration, other"),
    FileColumn("content", "the file itself: PDF, JPEG, PNG or TIFF, of 20 MiB at most", "base64"),
    FileColumn("sha256", "SHA-256 of the file", "64 small hexadecimal digits"),
    FileColumn("uploaded_at", "when it was handed in, in UTC, not after the file's date", "2024-02-01T12:30:00Z"),
    FileColumn("uploader", "who handed it in: a token, or the name of a system", "text"),
    FileColumn("scan", "what a scanner for malware said; infected is refused", "clean, not_scanned, infected"),
    FileColumn("scanner", "which scanner, and the version of its lists", "text", "no"),
)  # fmt: skip
DOCUMENT_NOTES = """JSON lines, an object a line. The bytes are kept sealed, with their SHA-256, under the key of the applicant too where
the vault of persons knows who that is (ref `applicant/TOKEN`); names of files are not kept. That a document came is a fact (`document_income`), so
a case that waits is decided anew. The landed file holds the documents as they are: take it away once it was taken in."""
BANK_DATA = (
    FileColumn("item_id", "the provider's own id of the link", REF),
    FileColumn("applicant", "whose accounts they are: the token of the application", _TOKEN),
    FileColumn("as_of", "day that the data are of, not after the file's date", DATE),
    FileColumn("accounts", "a list: `account_id`, `balances` with `current` and `iso_currency_code`", "JSON list"),
    FileColumn("transactions", "a list: `transaction_id`, `account_id`, `date`, `amount` (money out above zero), `iso_currency_code`, `pending`, `personal_finance_category.primary`", "JSON list"),
)  # fmt: skip
BANK_DATA_NOTES = """JSON lines in the shape of Plaid's accounts and transactions, an object for each link and day. What is pending, or after the
day, is left out; a transaction that stands twice counts once. Flows are those of 90 days. The text is kept as it came, sealed."""
