"""Metric definitions and the functions that compute them, once, for pages, exports and notebooks."""
