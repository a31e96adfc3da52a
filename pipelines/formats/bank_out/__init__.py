"""Files for banks: debits and credits (`core/payments/out/instructions.py`) to bytes, the same ones each time.

- `writing` - which writer writes for a rail
- `text` - characters, amounts and sums as banks take them
- `nacha` - NACHA files of PPD, CCD and WEB entries, prenotifications among them
- `metro2` - Metro 2 files for credit bureaus
- `pain` - pain.008 (direct debits) and pain.001 (credit transfers)
"""
