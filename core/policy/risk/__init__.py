"""Policies of what is to come: scenarios of a forecast."""
