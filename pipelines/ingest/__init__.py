"""From landing files to events: content-addressed, typed, quarantined row by row."""
