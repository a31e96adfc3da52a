"""Books with a known truth: synthetic tapes, and payment histories derived from a tape."""
