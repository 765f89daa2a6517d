"""The store: one SQLite file for a home folder."""
