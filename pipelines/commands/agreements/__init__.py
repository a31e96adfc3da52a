"""`loanbook offers | documents | disburse`: from terms to a signed agreement, a loan, and its money out."""
