"""From an application to a boarded loan account."""
