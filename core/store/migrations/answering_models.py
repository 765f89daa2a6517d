"""Version 11: which model answered a request, where it is another than the one asked."""

MIGRATION = "ALTER TABLE attempts ADD COLUMN other_model TEXT NOT NULL DEFAULT ''"
