"""What a day's close reads and stores, whole or in parts.

- `books` - the book that a version stored, and the rows of loans that a day stores
- `outbox` - encrypted data files of the lake that no version names yet
- `registering` - the one commit that names them
- `risk_events` - what a version tells of risk states, in the same commit; what had been said of days before
"""
