"""How far a piece of work is."""

from dataclasses import dataclass
from typing import Any

from core.domain.serialization import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """What a piece of work reports while it goes on; some kinds of work report more fields.

    Args:
        phase: what is being done, such as "embedding"; "done" or "stopped" at the end.
        done: parts that are done; None where there are no parts.
        total: parts in all; 0 or None while unknown.
        seconds_left: None while unknown.
    """

    phase: str
    done: int | None = None
    total: int | None = None
    seconds_left: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return dict(to_json(self))
