"""Version 9: a text's label as repairs alone would have it, and the oracle named for its labels.

Filters and edits of scope once put the person's name behind a label that the oracle had given.
"""

import sqlite3

_MISNAMED = """
SELECT row.version_id, row.sample_id, before.who FROM version_rows AS row
    JOIN versions ON versions.id = row.version_id
    JOIN version_rows AS before
        ON before.version_id = versions.parent_id AND before.sample_id = row.sample_id
WHERE versions.id = ? AND versions.kind <> 'lr' AND before.who IN ('oracle', 'judge')
    AND row.human_label = before.human_label AND row.who <> before.who
    AND NOT EXISTS (
        SELECT 1 FROM judgements WHERE judgements.sample_id = row.sample_id
            AND judgements.label = row.human_label AND judgements.why NOT IN ('oracle', 'judge'))
"""


def migrate(connection: sqlite3.Connection) -> None:
    """Add the column; then, parents first, give back the oracle's name where it was replaced."""
    connection.execute("ALTER TABLE version_rows ADD COLUMN proposed_label TEXT")
    for (version,) in connection.execute("SELECT id FROM versions ORDER BY rowid").fetchall():
        for version_id, sample_id, who in connection.execute(_MISNAMED, (version,)).fetchall():
            connection.execute(
                "UPDATE version_rows SET who = ? WHERE version_id = ? AND sample_id = ?",
                (who, version_id, sample_id),
            )
