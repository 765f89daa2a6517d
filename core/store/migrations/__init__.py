"""The tables: one migration for each version of the store, an SQL script or a function.

One is never edited once it was released; the next change is the next one. A function works inside
the open transaction and knows the settings of its time by itself, not from the classes of today.
Times are seconds since 1970 UTC. JSON columns hold what `json.dumps` writes.
"""

import sqlite3
from collections.abc import Callable

from core.store.migrations import (
    answering_models,
    first_edition,
    label_sources,
    settings_keys,
    stripped_wrappings,
    version_kinds,
)

Migration = str | Callable[[sqlite3.Connection], None]

MIGRATIONS: tuple[Migration, ...] = (
    first_edition.FIRST,
    first_edition.DIVERSITY,
    first_edition.INTERVENTIONS,
    first_edition.CLASSIFICATION,
    first_edition.EXPERIMENTS,
    first_edition.CONNECTIONS,
    settings_keys.migrate,
    version_kinds.migrate,
    label_sources.migrate,
    stripped_wrappings.MIGRATION,
    answering_models.MIGRATION,
)
"""The Nth (from 1) makes version N out of version N - 1."""
