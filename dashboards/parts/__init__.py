"""What pages share: the head with both clocks, scope and filters, cards, exports, finding a loan, saved views."""
