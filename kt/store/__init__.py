"""The journal: one SQLite file a profile, in which everything that happened can be read."""
