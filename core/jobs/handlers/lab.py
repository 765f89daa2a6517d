"""The knob lab's questions, answered between two steps of a run under way."""

from collections.abc import Mapping
from typing import Any

from core.jobs.registry import question
from core.jobs.tools import WorkerTools


@question("next_token")
def next_token(spec: Mapping[str, Any], tools: WorkerTools) -> dict[str, Any]:
    """See `core.services.servers.knob_lab.Lab.next_token`."""
    return tools.lab.next_token(spec)


@question("walk")
def walk(spec: Mapping[str, Any], tools: WorkerTools) -> dict[str, Any]:
    """See `core.services.servers.knob_lab.Lab.walk`."""
    return tools.lab.walk(spec)
