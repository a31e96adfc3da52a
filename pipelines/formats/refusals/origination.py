"""Rules of applications, and of what is known of who applies."""

from __future__ import annotations

from loanbook.pipelines.formats.refusals.rule import AMOUNT, BOUND, DATE, Groups, rule

_APPLICATIONS = (
    rule("not_one_object", "the line is no JSON object by itself, or a key stands in it twice", "write one object a line"),
    rule("value_not_plain", "a field of the object is an object or a list itself", "write plain values; several parties are set apart by a semicolon"),
    rule("application_ref_missing_or_too_long", "the row has no reference, or one of more than 64 characters", "give each application a reference of its own", "application_ref"),
    rule("product_not_of_the_partner", "the contract with the partner has other products", "mend the product, or `products` of the partner's mapping", "product"),
    rule("applicant_missing", "nobody is named who applies, or whom the report is about", "send a token of your own for the person", "applicant"),
    rule("applicant_kind_not_known", "the kind of applicant is none", "write individual, joint or business", "applicant_kind"),
    rule("parties_not_of_the_kind", "a joint application names a co-applicant, and no other does; owners are those of a business",
         "mend the kind, or the parties", "applicant_kind"),
    rule("party_named_twice", "the same person applies twice, owns twice, or guarantees a loan that he or she applies for", "name each person once"),
    rule("currency_is_not_the_products", "the currency is not the product's", "mend the row, or apply for another product", "currency"),
    rule("requested_amount_not_an_amount", "the amount asked for is no amount, or finer than its currency", AMOUNT, "amount"),
    rule("requested_amount_out_of_bounds", "less or more is asked for than the product lends", BOUND, "amount"),
    rule("requested_term_not_a_number", "the term is no whole number", "write it as 36", "term"),
    rule("requested_term_out_of_bounds", "fewer or more instalments are asked for than the product has", BOUND, "term"),
    rule("submitted_on_not_a_date", "the day of the application is no date in the form of the file", DATE, "submitted_on"),
    rule("submitted_in_the_future", "the application was handed in after the file's date", "mend the date, or land the file under a later one", "submitted_on"),
    rule("income_not_an_amount", "an income is no amount", f"{AMOUNT}; leave it empty where it is not known", "income_year", "income_verified_year"),
    rule("years_not_a_number", "years of age or with an employer are no whole number", "leave them empty where they are not known", "age_years", "employment_years"),
)  # fmt: skip
_BUREAU = (
    rule("report_id_missing_or_too_long", "the report has no number, or one of more than 64 characters", "send the bureau's own number", "report_id"),
    rule("bureau_not_named", "the bureau is not named in small letters, digits and hyphens", "write it like experian", "bureau"),
    rule("drawn_on_not_a_date", "the day on which the report was drawn is no date", DATE, "drawn_on"),
    rule("drawn_in_the_future", "the report was drawn after the file's date", "mend the date, or land the file under a later one", "drawn_on"),
    rule("record_not_known", "a trade line is of no known kind", "write trade, inquiry, collection, bankruptcy or tax_lien", "record"),
    rule("attribute_not_a_whole_number", "an attribute is no whole number, a field of a trade line is none of its kind, or there are no attributes",
         "amounts in attributes are minor units, shares basis points; leave out what is not known"),
    rule("report_has_a_refused_line", "another line of the report was refused: without it the report would tell too little",
         "mend that line and send the whole report again"),
)  # fmt: skip
_CONSENTS = (
    rule("consent_ref_missing_or_too_long", "the consent has no reference, or one of more than 64 characters", "give each consent and withdrawal its own", "consent_ref"),
    rule("consent_purpose_not_known", "the consent is to nothing that loanbook asks", "write bureau or bank", "purpose"),
    rule("given_not_yes_or_no", "it is not said whether consent is given or withdrawn", "write yes, or no for a withdrawal", "given"),
    rule("text_hash_not_a_hash", "the hash of the text that was shown is no SHA-256 in small hexadecimal digits", "send the SHA-256 of the text", "text_hash"),
    rule("given_at_not_a_time", "the moment is no time like 2024-02-01T12:30:00Z", "write it in UTC, to the second", "given_at"),
    rule("given_in_the_future", "the consent was given after the file's date", "mend the moment, or land the file under a later date", "given_at"),
)  # fmt: skip
_KYC = (
    rule("check_ref_missing_or_too_long", "the check has no reference, or one of more than 64 characters", "send the provider's own", "check_ref"),
    rule("provider_not_named", "the provider is not named in small letters, digits and hyphens", "name it", "provider"),
    rule("result_not_known", "the result is none", "write passed, failed or review", "result"),
    rule("checked_on_not_a_date", "the day of the check is no date", DATE, "checked_on"),
    rule("checked_in_the_future", "the check was made after the file's date", "mend the date, or land the file under a later one", "checked_on"),
)  # fmt: skip
_SANCTIONS = (
    rule("entry_ref_missing_or_too_long", "the entry has no number, or one of more than 64 characters", "fetch the list again; the edition is refused whole", "entry_ref"),
    rule("listed_name_missing", "the entry has no name", "fetch the list again; the edition is refused whole", "name"),
    rule("entry_stands_twice", "an entry before it has the same number", "fetch the list again; the edition is refused whole", "entry_ref"),
)  # fmt: skip
_BANK_DATA = (
    rule("item_id_missing_or_too_long", "the line has no item, or one of more than 64 characters", "send the provider's own", "item_id"),
    rule("as_of_not_a_date", "the day that the data are of is no date", DATE, "as_of"),
    rule("bank_data_of_the_future", "the data are of a day after the file's", "mend the date, or land the file under a later one", "as_of"),
    rule("bank_data_not_read", "accounts or transactions lack a field, an amount is none or finer than its currency, or there is more than one currency",
         "send accounts and transactions as the provider has them, a line a currency"),
)  # fmt: skip
_DOCUMENTS = (
    rule("document_ref_missing_or_too_long", "the document has no reference, or one of more than 64 characters", "give each document a reference of its own", "document_ref"),
    rule("document_type_not_known", "the document is of no known type", "write identity, income, bank_statement, address, registration or other", "type"),
    rule("uploader_missing", "nobody is named who handed it in", "send a token, or the name of the system", "uploader"),
    rule("uploaded_at_not_a_time", "the moment is no time like 2024-02-01T12:30:00Z", "write it in UTC, to the second", "uploaded_at"),
    rule("uploaded_in_the_future", "the document was handed in after the file's date", "mend the moment, or land the file under a later date", "uploaded_at"),
    rule("scan_not_known", "what a scanner said is none of its words", "write clean, not_scanned or infected", "scan"),
    rule("document_is_infected", "a scanner found malware in it", "have the applicant send it again, clean", "scan"),
    rule("document_not_of_a_kind_that_is_kept", "the content is no base64, no PDF, JPEG, PNG or TIFF, or larger than 20 MiB", "send it as PDF, JPEG, PNG or TIFF, of 20 MiB at most"),
    rule("document_is_not_as_hashed", "the content has another SHA-256 than is told: it was changed or cut on its way", "send it again", "sha256"),
)  # fmt: skip
_PERSONS = (
    rule("person_ref_missing_or_too_long", "nobody is named, or by more than 200 characters", "send the token of the application as applicant, or a ref of your own"),
    rule("person_kind_not_known", "the person is of no known kind", "write individual or business"),
    rule("person_without_a_name", "the row has no name", "send full_name, given_name and family_name, or legal_name"),
    rule("birth_date_not_a_date", "the birth date is no date, or not between 1900 and 2299", "write it as YYYY-MM-DD"),
    rule("born_in_the_future", "the person was born after the file's date", "mend the birth date"),
    rule("person_with_another_content", "the person is known with other content", "`loanbook vault put --amend` makes a new revision; or give another ref"),
    rule("person_is_forgotten", "the person was forgotten, and is not kept again", "leave the row out"),
    rule("person_not_kept", "the vault refused the row", "`loanbook vault put` says why"),
)  # fmt: skip
GROUPS: Groups = {
    "applications": _APPLICATIONS,
    "bureau": _BUREAU,
    "consents": _CONSENTS,
    "kyc": _KYC,
    "sanctions": _SANCTIONS,
    "bank_data": _BANK_DATA,
    "applicant_documents": _DOCUMENTS,
    "persons": _PERSONS,
}
