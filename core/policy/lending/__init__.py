"""How loans come to be: offers, agreements and payouts."""
