"""Version 10: what was taken off around a text that a served model wrote."""

MIGRATION = "ALTER TABLE samples ADD COLUMN stripped TEXT NOT NULL DEFAULT ''"
