"""Servicing: one pure close takes the whole portfolio through a day."""
