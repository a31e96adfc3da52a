"""Reports over published versions: reconciliation and the portfolio mart."""
