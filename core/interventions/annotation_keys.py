"""The keys under which labels are given: digits first, then letters."""

from collections.abc import Sequence

# C and R are the browser page's own; O, S, Z and N are out of scope, skip, undo and neighbours.
KEYS = "123456789ABDEFGHIJKLMPQTUVWXY"


def keys_of(names: Sequence[str]) -> dict[str, str | None]:
    """Each label's key, in task order; None for those beyond the last key."""
    return {name: KEYS[place] if place < len(KEYS) else None for place, name in enumerate(names)}
