"""How loans come to be: offers, agreements and payouts; and how borrowers may be contacted."""
