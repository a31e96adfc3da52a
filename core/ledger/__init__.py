"""Events, the only thing that changes a loan, and transfers, the only thing that moves money.

- `events` - the frame of events, and the order in which a day replays them
- `reversals` - which events stand, and which a reversal took back
- `people` - whether maker and checker are two people, whatever way their names are written
- `transfers` - movements of money: debit and credit in one row, so never unbalanced
"""
