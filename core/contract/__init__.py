"""What was agreed: money, calendars, day counts, due dates and schedules."""
