"""SWIFT's messages of text.

- `mt` - statements MT940 and interim reports MT942
- `remittance` - what the text of their entries tells
"""
