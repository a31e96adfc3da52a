"""Figures from outside: cases that no one of this project wrote, and the runner for them."""
