"""What the ledger keeps of agreements: offers, documents by the hash of their content, signatures, payouts asked for.

- `keeping` - rows that are added once, in one transaction, and refused where they contradict what is there
- `offers` - offers with their steps, parties and checks
- `documents` - documents and signatures
- `payouts` - payouts asked for, and what became of each
- `closures` - loans that have ended, their letters, and collateral
- `signing_key` - the key that signs documents on this machine
"""
