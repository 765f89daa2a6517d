"""The tables: one script for each version of the store.

A script is never edited once it was released; the next change is the next script. Times are
seconds since 1970 UTC. JSON columns hold what `json.dumps` writes.
"""

from core.store.migrations import (
    classification,
    connections,
    diversity,
    experiments,
    first,
    interventions,
)

MIGRATIONS: tuple[str, ...] = (
    first.SCRIPT,
    diversity.SCRIPT,
    interventions.SCRIPT,
    classification.SCRIPT,
    experiments.SCRIPT,
    connections.SCRIPT,
)
"""The Nth script (from 1) makes version N out of version N - 1."""
