"""Policies of what is to come, of what bureaus are told, and of what raises an alert.

- `scenarios` - scenarios of a forecast
- `credit_reporting` - who furnishes to credit bureaus, and what
- `alerts` - what is unusual enough to tell somebody of
"""
