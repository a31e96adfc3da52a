"""Commands of applications: where they stand, what was decided and why, and deciding itself."""
