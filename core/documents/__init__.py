"""What stands on paper, as data: fields, states of an offer, what differs. Nothing here sets a page or opens a file.

- `kinds` - kinds of document, and by which law a cost is disclosed
- `fields` - what any document says, as JSON and its hash
- `paper` - what one agreement says: parties by token, terms, figures, schedule
- `wording` - the same in the words and units of a page
- `notices` - what a notice of adverse action says
- `clauses` - what a product's policies say of late money and early payment, in words
- `offers` - the life of an offer: its steps, and its state on a date
- `matching` - paper beside paper, and paper beside what was boarded: the fields that differ
- `payouts` - what must be so before money goes out, each by its name
- `letters` - letters of loans that have ended
- `closure` - what is to be done of such loans by when, and what delay costs
"""
