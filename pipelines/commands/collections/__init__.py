"""Commands of work on late loans: the contact log, and what of it broke contact rules."""
