"""The knob lab's questions, answered between two steps of a run under way."""

from collections.abc import Mapping
from typing import Any

from core.domain.runs import spec_from_dict
from core.domain.serialization import to_json
from core.jobs.registry import question
from core.jobs.tools import WorkerTools


@question("next_token")
def next_token(asked: Mapping[str, Any], tools: WorkerTools) -> Mapping[str, object]:
    """`NextToken`, of `spec`, `label_index`, `prefix`, `run` (None without) and `top`."""
    answer: Mapping[str, object] = to_json(
        tools.lab.next_token(
            spec_from_dict(asked["spec"]),
            label_index=int(asked["label_index"]),
            prefix=str(asked["prefix"]),
            run_id=asked["run"],
            top=int(asked["top"]),
        )
    )
    return answer


@question("walk")
def walk(asked: Mapping[str, Any], tools: WorkerTools) -> Mapping[str, object]:
    """`Walk`, of `run`, `sample` and `top`."""
    answer: Mapping[str, object] = to_json(
        tools.lab.walk(asked["run"], asked["sample"], top=int(asked["top"]))
    )
    return answer
