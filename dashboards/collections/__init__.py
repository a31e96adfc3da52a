"""The page Collections: the queue of late loans, and the desk of one."""
