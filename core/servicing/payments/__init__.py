"""Payments: where money goes, and what becomes of it when it is taken back.

- `receipts` - money in by kind: allocated and booked; of a claim off the books a recovery
- `refinancing` - a new loan pays this one off
- `credit_use` - what the borrower's credit meets
- `waterfall` - one payment a loan at a time meets dues in the order of its waterfall
- `several` - payments of one loan that follow each other on a day, poured at once
- `allocations` - what money met, and what that does to positions and dues
- `excess` - money beyond what is due: payoff, instalments to come, principal, credit
- `recast` - the level instalment anew, where money off the balance, or beyond an instalment, lowers it
- `simple_interest` - interest that is due at payment: what is earned to the day is met first
- `draws` - lines of credit: draws, grace of a statement that was paid in full
- `payoff_charges` - what an early payoff calls for: its fee, and tax on interest not billed
- `chargebacks` - money taken back, and the borrower's credit paid back
- `credit_balances` - small credits that nobody asks for: refunded, income, or escheated
"""
