"""From landing files to events: content-addressed, typed, quarantined row by row.

- `landing` - files as they came, known by their content; which kinds there are, in which order
- `seen` - contents of landed files that did not change, so that they are not read again
- `shelving` - landed files of months past in folders of their own, which rest
- `intake` - rows become loans and events, or quarantine with the rule named
- `events` - events dated, keyed and hashed, each taken in once
- `boarding` - loans of tapes: paid out, or taken over with what they bring
- `banking` - files of banks: entries decided, payments made of them
- `receipts` - payments of files, each matched to its loan
- `lives` - how loans stand on the eve of a file's day, each going on from where an earlier file left it
- `orders` - orders against the loans they name: what may enter, what breaks which rule
- `fixings` - index values as resets, and corrections of them
- `dry_run` - what intake would make of a file, with nothing stored
- `quality` - the Great Expectations suite at intake
- `assets` - Dagster assets of the intake
"""
