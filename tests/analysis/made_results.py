"""Assessed runs and results frames made by hand, for tests of what is concluded from them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.analysis.frames.columns import METRICS, POINT, RUN
from core.analysis.frames.results import Measured
from core.domain.conditions import Condition, Suppression
from core.domain.runs import Example, ModelChoice, RunSpec
from core.domain.tasks import preset
from core.store.generation.runs import RunRecord
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.assessment.results import AssessmentResult

SST2 = preset("sst2")


def spec_of(
    temperature: float = 0.7, strength: float = 0.0, seeds: int = 0, *, seed: int = 0, **more: Any
) -> RunSpec:
    labels = SST2.label_names
    return RunSpec(
        task=SST2,
        condition=Condition(temperature=temperature, suppression=Suppression(strength=strength)),
        per_label=more.pop("per_label", 100),
        seed=seed,
        seed_examples=tuple(Example(f"seed {k}", labels[k % 2]) for k in range(seeds)),
        model=ModelChoice(model=more.pop("model", "embedded")),
    )


def stage(
    inspected: str = "0",
    *,
    filtered: bool = False,
    repeat: int = 0,
    n: int = 200,
    **metrics: float | tuple[float, float, float] | None,
) -> dict[str, Any]:
    """A stage of an assessment: each metric a value or (value, low, high); missing is None."""
    told: dict[str, Any] = {}
    for metric in METRICS:
        given = metrics.get(metric)
        ends = given if isinstance(given, tuple) else (given, None, None)
        told[metric] = dict(zip(("value", "low", "high"), ends, strict=True))
    return {
        "inspected": inspected,
        "filtered": filtered,
        "repeat": repeat,
        "n": n,
        "removed": 0,
        **told,
    }


def assessment(stages: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "n": 200,
        "encoder": "minilm, mean pooling",
        "distance": "cosine",
        "oracle": {"accuracy": 0.9, "n": 100, "notes": []},
        "reference": {"train": 300, "test": 100},
        "fluency": -2.5,
        "duplicates": 0.1,
        "classifier": "probe",
        "notes": [],
        "stages": list(stages),
        **more,
    }


def measured(
    run_id: str,
    spec: RunSpec,
    stages: Sequence[Mapping[str, Any]],
    *,
    recipe: Recipe | None = None,
    **more: Any,
) -> Measured:
    run = RunRecord(
        id=run_id, name=f"run {run_id}", spec=spec, metadata=None, revision=1, created_at=0.0
    )
    result = AssessmentResult.from_dict(assessment(stages, **more))
    return Measured(run, result, recipe or Recipe(), sweep_id="s", repeat=spec.seed)


def results(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A results frame of these cells; what is not given is the same in all rows."""
    usual: dict[str, Any] = {
        "source": "ours",
        "task": "task",
        "task_key": "t",
        "n": 200.0,
        "encoder": "e",
        "classifier": "c",
        "temperature": 0.7,
        "suppression": 0.0,
        "seeding": 0.0,
        "min_p": 0.0,
        "model": "m",
        "other": "",
        "inspected": "0",
        "filtered": False,
        "sweep_id": "s",
        "repeat": 0,
        "seed": 0,
        "oracle_accuracy": np.nan,
        "fluency": np.nan,
        "duplicates": np.nan,
    }
    usual |= {f"{metric}{end}": np.nan for metric in METRICS for end in ("", "_low", "_high")}
    made = []
    for place, row in enumerate(rows):
        cells = {**usual, **row}
        knobs = "-".join(
            str(cells[name])
            for name in ("task_key", "temperature", "suppression", "seeding", "min_p", "other")
        )
        cells.setdefault("condition", knobs)
        cells.setdefault("point", f"{knobs}-{cells['inspected']}-{cells['filtered']}")
        cells.setdefault("run_id", f"r{place}")
        cells.setdefault("run_name", cells["run_id"])
        made.append(cells)
    return pd.DataFrame(made, columns=[*POINT, *RUN])
