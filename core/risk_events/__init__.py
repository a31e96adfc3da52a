"""Risk events: every change of a loan's risk state, told once, with what made it, and corrected where it was wrong.

- `catalogue` - the types of events, their versions, what they say and an example of each
- `state` - what of a position is risk state, in codes
- `changes` - changes of a business date: the state before it beside the state after it
- `restating` - what was said of days that are lived again, beside what is true: corrections
- `notices` - notices of borrowers that stand, as they become known
- `folding` - events back to states: what a subscriber does
- `cloud` - events in the form of CloudEvents 1.0, and their schemas
- `page` - the catalogue as a page of docs
"""
