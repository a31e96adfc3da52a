"""Policy is data: products, fees, waterfalls, buckets, accounts, calendars, tape mappings."""
