"""How far a piece of work is."""

from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any


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
        """JSON-ready; a field that knows its own JSON is asked for it."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: _json_of(value) for name, value in values}


def _json_of(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_json_of(item) for item in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
