"""How loans fare: cohorts, roll rates, delinquency, cash flow, pools, what is to come."""
