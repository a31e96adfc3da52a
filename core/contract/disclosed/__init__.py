"""What a borrower is told a loan costs.

- `apr` - annual percentage rates of Regulation Z, the EU and India
- `disclosure` - the rate that a loan's own schedule discloses before a payment is made
"""
