"""A module a page, by the group that the navigation shows it in; each declares its `PAGE`."""
