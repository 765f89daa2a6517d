"""What tells a result from another: its condition's key, how it was measured, and in words."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from core.analysis.naming import IDLE
from core.classification.settings import FineTuning
from core.domain.conditions import Condition
from core.domain.runs import RunSpec
from core.domain.settings_key import settings_key
from core.domain.tasks import Task
from core.interventions.relabelling.relabel import WEIGHT
from core.sweeps.grid.plan import condition_key


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


def others_told(runs: Sequence[tuple[RunSpec, Mapping[str, Any]]]) -> list[str]:
    """For each run what is unusual apart from the knobs with columns of their own.

    Told are settings other than the default, and of those without a default (texts a label,
    phrases, server, reference) the ones that differ between runs of a task. A suppression that
    could have next to no effect (`RunSpec.idle_knob`) is named here, so that it is never compared
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
    told = []
    for (spec, settings), key, named in zip(runs, keys, loose, strict=True):
        words = _unusual(spec, settings)
        words += [
            f"{name} {value}" if value else f"no {name}"
            for name, value in named.items()
            if len(values[key, name]) > 1
        ]
        told.append(", ".join(words))
    return told


def _unusual(spec: RunSpec, settings: Mapping[str, Any]) -> list[str]:
    condition, usual = spec.condition, _USUAL
    words = [
        f"{name} {getattr(condition, field):g}"
        for field, name in (
            ("top_p", "top_p"),
            ("frequency_penalty", "frequency penalty"),
            ("max_tokens", "max tokens"),
            ("texts_a_request", "texts a request"),
        )
        if getattr(condition, field) != getattr(usual, field)
    ]
    suppression = condition.suppression
    words += [
        f"{name} {getattr(suppression, field)}"
        for field, name in (
            ("tokens", "suppressed tokens"),
            ("floor", "suppression floor"),
            ("scope", "tally by"),
            ("method", "suppression by"),
        )
        if getattr(suppression, field) != getattr(usual.suppression, field)
    ]
    if condition.prompt != usual.prompt:
        words.append(f"prompt {condition.prompt}")
    words += [name for name in ("strict_order", "only_new") if getattr(condition, name)]
    if condition.logit_bias:
        words.append(f"logit biases {_digest(condition.logit_bias)}")
    if spec.idle_knob:
        words.append(IDLE)
    weight = settings.get("weight", WEIGHT)
    if weight != WEIGHT:
        words.append(f"LR weight {weight:g}")
    return words


def _loose(spec: RunSpec, settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        "texts a label": str(spec.per_label),
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
    written = json.dumps(value, sort_keys=True).encode()
    return hashlib.blake2b(written, digest_size=3).hexdigest()


_USUAL = Condition()
