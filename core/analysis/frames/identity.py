"""How results differ: the key of condition and way of measuring, and other settings in words."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from core.classification.settings import FineTuning
from core.domain.registries.knobs import KNOBS, SEPARATOR
from core.domain.runs import RunSpec
from core.domain.settings_key import settings_key
from core.domain.tasks import Task
from core.interventions.relabelling.relabel import WEIGHT
from core.sweeps.grid.plan import condition_key

IDLE = "suppression has almost no effect"
"""Among the other settings of a condition in which one request covers a label."""


def result_key(spec: RunSpec, settings: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Condition and way of measuring: `condition_key`, "-", 8 hexadecimal digits.

    How many texts are inspected how often, and the seeds of measuring, are left out: results that
    differ in these alone are repeats of each other.

    Args:
        spec: of the run.
        settings: `Recipe.to_dict`.
        result: the assessment.
    """
    tuning = None
    if result.get("classifier") == "fine-tuning":
        tuning = FineTuning(**(settings.get("fine_tuning") or {})).with_rate()
    measured = [
        result.get("version"),
        result["encoder"],
        result.get("distance"),
        classifier_name(settings, result),
        tuning,
        settings.get("reference"),
        settings.get("weight"),
    ]
    return f"{condition_key(spec)}-{settings_key(measured)[:8]}"


def classifier_name(settings: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """A classifier for display; empty where none was trained."""
    kind = result.get("classifier", "none")
    if kind == "fine-tuning":
        return f"fine-tuned {(settings.get('fine_tuning') or {}).get('model', 'embedded')}"
    return {"probe": "linear probe", "none": ""}.get(kind, str(kind))


def other_settings(runs: Sequence[tuple[RunSpec, Mapping[str, Any]]]) -> list[str]:
    """For each run what is unusual apart from the knobs with columns of their own.

    Named are settings other than the default, and of those without a default (texts per label,
    phrases, server, reference) the ones that differ between runs of a task. A suppression that
    could have almost no effect (`RunSpec.idle_knob`) is named here, so that it is never compared
    with one that could.

    Args:
        runs: spec and recipe of each.
    """
    loose = [_loose(spec, settings) for spec, settings in runs]
    values: dict[tuple[str, str], set[str]] = {}
    keys = [_task_key(spec.task) for spec, _ in runs]
    for key, named in zip(keys, loose, strict=True):
        for name, value in named.items():
            values.setdefault((key, name), set()).add(value)
    others = []
    for (spec, settings), key, named in zip(runs, keys, loose, strict=True):
        words = _unusual(spec, settings)
        words += [
            f"{name} {value}" if value else f"no {name}"
            for name, value in named.items()
            if len(values[key, name]) > 1
        ]
        others.append(SEPARATOR.join(words))
    return others


def only_idle(other: str) -> str:
    """Of a condition's other settings those that its knobs can't be read without: `IDLE`."""
    return IDLE if IDLE in other.split(SEPARATOR) else ""


def _unusual(spec: RunSpec, settings: Mapping[str, Any]) -> list[str]:
    words = [
        knob.words(knob.value(spec))
        for knob in KNOBS
        if not knob.axis and knob.value(spec) != knob.default
    ]
    if spec.condition.logit_bias:
        words.append(f"logit biases {_digest(spec.condition.logit_bias)}")
    if spec.idle_knob:
        words.append(IDLE)
    weight = settings.get("weight", WEIGHT)
    if weight != WEIGHT:
        words.append(f"LR weight {weight:g}")
    return words


def _loose(spec: RunSpec, settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        "texts per label": str(spec.per_label),
        "targets": _digest(sorted(spec.targets)) if spec.targets else "",
        "task": _task_digest(spec.task),
        "server": spec.model.base_url,
        "reference": str(settings.get("reference") or ""),
    }


@lru_cache(64)
def _task_key(task: Task) -> str:
    return task.key


@lru_cache(64)
def _task_digest(task: Task) -> str:
    return _digest(task.to_dict())


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True).encode()
    return hashlib.blake2b(text, digest_size=3).hexdigest()
