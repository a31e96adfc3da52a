"""Policies of what is to come, and of what bureaus are told.

- `scenarios` - scenarios of a forecast
- `credit_reporting` - who furnishes to credit bureaus, and what
"""
