"""Events, the only thing that changes a loan, and transfers, the only thing that moves money.

- `events` - the frame of events, and the order in which a day replays them
- `transfers` - movements of money: debit and credit in one row, so never unbalanced
"""
