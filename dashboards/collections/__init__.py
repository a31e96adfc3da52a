"""The pages Collections, the queue of late loans and the desk of one, and Collections performance, what came of it."""
