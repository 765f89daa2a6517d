"""Results and points: assessed runs as the frames that everything analytical reads.

The columns are those of `core.analysis.frames.columns`.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.analysis.frames.columns import METRICS, POINT, RUN
from core.analysis.pairs import t_quantile_of
from core.diversity.map.frame import display_names
from core.domain.registries.knobs import AXES, KNOBS, NUMERIC_AXES, SEPARATOR
from core.domain.registries.metrics import COLUMN
from core.domain.runs import RunSpec
from core.domain.serialization import to_json
from core.domain.settings_key import settings_key
from core.domain.tasks import Task
from core.domain.wording import listed
from core.interventions.relabelling.relabel import WEIGHT
from core.store.database import Database
from core.store.generation.runs import RunRecord
from core.store.sweeps import find_assessments, get_sweep, list_sweeps, trials_of
from core.sweeps.assessment.recipe import Recipe, sweep_recipe
from core.sweeps.assessment.results import AssessmentResult, Score, StageResult
from core.sweeps.grid.plan import condition_key

IDLE = "suppression has almost no effect"
"""Among the other settings of a condition in which one request covers a label."""

RANGES: Mapping[str, tuple[float, float]] = {
    column: (metric.low, metric.high) for column, metric in COLUMN.items()
}
"""Where each metric lies; intervals are cut to it."""

ALIKE = 1.1
"""Sets whose sizes differ by no more than this factor count as equally large."""

_NUMBERS = (*(knob.name for knob in NUMERIC_AXES), "n", "oracle_accuracy", "fluency", "duplicates")
_WHOLE = ("repeat", "seed")

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A run with what a recipe found of it.

    Args:
        run: as stored.
        result: what was found of it.
        recipe: by which.
        sweep_id: empty without one.
        repeat: its place among the runs of its condition, from 0.
    """

    run: RunRecord
    result: AssessmentResult
    recipe: Recipe
    sweep_id: str = ""
    repeat: int = 0


def stored_results(
    db: Database,
    *,
    task_key: str | None = None,
    study: str | None = None,
    sweep_ids: Sequence[str] | None = None,
) -> list[Measured]:
    """The assessed runs of sweeps, the oldest sweep's first, by position.

    A run that several sweeps share by the same recipe is there once, as the oldest one's; a
    deleted run not at all.

    Args:
        task_key: only of this task.
        study: only of sweeps that share this name.
        sweep_ids: of these sweeps; None is all living ones.

    Raises:
        BadInput: there is no such sweep.
    """
    if sweep_ids is None:
        sweeps = list_sweeps(db, task_key=task_key, study=study)[::-1]
    else:
        sweeps = [get_sweep(db, sweep_id) for sweep_id in sorted(set(sweep_ids))]
        sweeps = [
            sweep
            for sweep in sweeps
            if task_key in (None, sweep.task_key) and study in (None, sweep.study)
        ]
    results: dict[tuple[str, str], Measured] = {}
    for sweep in sweeps:
        recipe = sweep_recipe(sweep.grid)
        assessed = {
            assessment.run_id: assessment
            for assessment in find_assessments(db, sweep_ids=[sweep.id], recipe=recipe.key)
        }
        for trial in trials_of(db, sweep.id) if assessed else []:
            known = assessed.get(trial.run.id)
            if known is not None:
                result = AssessmentResult.from_dict(known.result)
                results.setdefault(
                    (known.run_id, recipe.key),
                    Measured(trial.run, result, recipe, sweep.id, trial.repeat),
                )
    return list(results.values())


def results_frame(rows: Iterable[Measured]) -> pd.DataFrame:
    """One row for each run at each stage of repair, in the order given: `POINT` and `RUN`.

    Repeats of LR are averaged within their run; the run's interval there is the wider, at each
    end, of the mean of the repeats' own and Student's t over the repeats. Runs that are copies of
    each other (condition, seed and all that was found of them) count once, as they tell nothing
    new. `condition` tells runs apart that were measured differently (encoder, classifier,
    reference, weight), too; before its "-" stands `condition_key`.
    """
    kept: list[tuple[Measured, str]] = []
    seen: dict[tuple[str, int], list[tuple[StageResult, ...]]] = {}
    for row in rows:
        condition = result_key(row.run.spec, row.recipe, row.result)
        alike = seen.setdefault((condition, row.run.spec.seed), [])
        if row.result.stages not in alike:
            alike.append(row.result.stages)
            kept.append((row, condition))
    others = other_settings([(row.run.spec, row.recipe) for row, _ in kept])
    columns: dict[str, list[Any]] = {name: [] for name in (*POINT, *RUN)}
    for (row, condition), other in zip(kept, others, strict=True):
        constant = _of_run(row, condition, other)
        stages: dict[tuple[str, bool], list[StageResult]] = {}
        for stage in row.result.stages:
            stages.setdefault((stage.inspected, stage.filtered), []).append(stage)
        for (inspected, filtered), repeats in stages.items():
            constant["point"] = f"{condition}-{inspected}{'-filtered' if filtered else ''}"
            constant["inspected"], constant["filtered"] = inspected, filtered
            constant["n"] = sum(stage.n for stage in repeats) / len(repeats)
            for metric in METRICS:
                ends = _over_repeats(metric, [stage.scores[metric] for stage in repeats])
                constant[metric], constant[f"{metric}_low"], constant[f"{metric}_high"] = ends
            for name, cells in columns.items():
                cells.append(constant[name])
    return _typed(pd.DataFrame(columns))


def points_frame(results: pd.DataFrame) -> pd.DataFrame:
    """One row for each condition at each stage: `POINT` and `repeats`, the number of runs.

    A metric that two runs or more have is their mean with Student's t interval (95%, cut to
    `RANGES`), which holds the chance of generation, seeds and training; one that a single run has
    keeps the run's own interval. `n` is the mean over runs.
    """
    codes, _ = pd.factorize(results["point"])
    first = np.unique(codes, return_index=True)[1]
    points = results.iloc[first][list(POINT)].reset_index(drop=True)
    many = np.bincount(codes, minlength=len(first))
    points["n"] = np.bincount(codes, results["n"], len(first)) / many
    for metric in METRICS:
        values, lows, highs = (
            results[f"{metric}{end}"].to_numpy(np.float64) for end in ("", "_low", "_high")
        )
        for end, numbers in zip(
            ("", "_low", "_high"), _over_runs(metric, codes, values, lows, highs), strict=True
        ):
            points[f"{metric}{end}"] = numbers
    points["repeats"] = many.astype(np.int64)
    return points


def mixtures(points: pd.DataFrame) -> list[str]:
    """Sentences on what forbids putting these points on one axis unsaid; none where nothing does.

    Args:
        points: a points or a results frame; of different encoders (diversity, similarity),
            classifiers (model accuracy) or sizes (all of them; as generated, where that is there,
            because filtering makes any set smaller).
    """
    sentences = []
    by_vectors = [name for name in METRICS if COLUMN[name].needs_encoder and COLUMN[name].measured]
    for column, metrics in (("encoder", by_vectors), ("classifier", ["model_accuracy"])):
        known = points[points[metrics].notna().any(axis=1)]
        names = sorted({str(name) for name in known[column] if name})
        if len(names) > 1:
            titles = listed(COLUMN[name].noun for name in metrics)
            verb = "is" if len(metrics) == 1 else "are"
            sentences.append(
                f"The points are of {len(names)} {column}s ({'; '.join(names)}): their {titles} "
                f"{verb} not comparable across them."
            )
    raw = points[(points["inspected"].astype(str) == "0") & ~points["filtered"].astype(bool)]
    n = (points if raw.empty else raw)["n"].to_numpy(np.float64)
    n = n[np.isfinite(n)]
    if len(n) and n.max() > ALIKE * n.min():
        sentences.append(
            f"The sets hold from {n.min():,.0f} to {n.max():,.0f} texts: a larger one trains a "
            "better classifier, whatever its quality."
        )
    return sentences


def named_apart(results: pd.DataFrame) -> pd.DataFrame:
    """Two tasks of one name get two: "Trial", "Trial (2)"; done again it changes nothing.

    Args:
        results: a results or a points frame.
    """
    names = dict(zip(results["task_key"], results["task"], strict=True))
    apart = dict(zip(names, display_names(list(names.values())), strict=True))
    return results.assign(task=results["task_key"].map(apart).astype("str"))


def _of_run(row: Measured, condition: str, other: str) -> dict[str, object]:
    spec, result = row.run.spec, row.result
    return {
        "condition": condition,
        "source": "ours",
        "task": spec.task.name,
        "task_key": spec.task.key,
        "encoder": result.encoder,
        "classifier": classifier_name(row.recipe, result),
        **{axis.name: axis.value(spec) for axis in AXES},
        "other": other,
        "run_id": row.run.id,
        "run_name": row.run.name,
        "sweep_id": row.sweep_id,
        "repeat": row.repeat,
        "seed": spec.seed,
        "oracle_accuracy": None if result.oracle is None else result.oracle.accuracy,
        "fluency": result.fluency,
        "duplicates": result.duplicates,
    }


def _over_repeats(metric: str, scores: Sequence[Score]) -> tuple[float, float, float]:
    known = [score.value for score in scores if score.value is not None]
    own = [(s.low, s.high) for s in scores if s.low is not None and s.high is not None]
    if len(scores) == 1 or not known:
        ends = (scores[0].value, scores[0].low, scores[0].high)
        value, low, high = (math.nan if end is None else end for end in ends)
        return value, low, high
    mean = sum(known) / len(known)
    low, high = np.mean(own, axis=0).tolist() if own else (math.nan, math.nan)
    if len(known) > 1:
        spread = sum((value - mean) ** 2 for value in known) / (len(known) - 1)
        reach = t_quantile_of(len(known) - 1) * math.sqrt(spread / len(known))
        least, most = RANGES[metric]
        # min and max keep their first argument where the second is NaN.
        low, high = min(max(least, mean - reach), low), max(min(most, mean + reach), high)
    return mean, low, high


def _over_runs(
    metric: str, codes: npt.NDArray[np.intp], values: Numbers, lows: Numbers, highs: Numbers
) -> tuple[Numbers, Numbers, Numbers]:
    size = int(codes.max()) + 1 if len(codes) else 0
    there = np.isfinite(values)
    of, values, lows, highs = codes[there], values[there], lows[there], highs[there]
    runs = np.bincount(of, minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(of, values, size) / runs
        spread = np.bincount(of, (values - mean[of]) ** 2, size) / (runs - 1)
        t = np.array(
            [t_quantile_of(int(number) - 1) if number > 1 else math.nan for number in runs]
        )
        reach = t * np.sqrt(spread / runs)
    least, most = RANGES[metric]
    low, high = np.maximum(mean - reach, least), np.minimum(mean + reach, most)
    alone = runs[of] == 1
    low[of[alone]], high[of[alone]] = lows[alone], highs[alone]
    return mean, low, high


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    ends = [f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")]
    numbers = dict.fromkeys([*_NUMBERS, *ends], np.float64)
    whole = dict.fromkeys(_WHOLE, np.int64)
    texts = set(frame.columns) - set(numbers) - set(whole) - {"filtered"}
    return frame.astype({**numbers, **whole, **dict.fromkeys(texts, "str"), "filtered": bool})


def result_key(spec: RunSpec, recipe: Recipe, result: AssessmentResult) -> str:
    """Condition and way of measuring: `condition_key`, "-", 8 hexadecimal digits.

    How many texts are inspected how often, and the seeds of measuring, are left out: results that
    differ in these alone are repeats of each other.

    Args:
        spec: of the run.
        recipe: by which it was assessed.
        result: the assessment.
    """
    tuning = None
    if result.classifier == "fine-tuning":
        tuning = recipe.fine_tuning.with_rate()
    measured = [
        result.version,
        result.encoder,
        result.distance,
        classifier_name(recipe, result),
        tuning,
        recipe.reference,
        recipe.weight,
    ]
    return f"{condition_key(spec)}-{settings_key(measured)[:8]}"


def classifier_name(recipe: Recipe, result: AssessmentResult) -> str:
    """A classifier for display; empty where none was trained."""
    if result.classifier == "fine-tuning":
        return f"fine-tuned {recipe.fine_tuning.model}"
    return {"probe": "linear probe", "none": ""}.get(result.classifier, result.classifier)


def other_settings(runs: Sequence[tuple[RunSpec, Recipe]]) -> list[str]:
    """For each run what is unusual apart from the knobs with columns of their own.

    Named are settings other than the default, and of those without a default (texts per label,
    phrases, server, reference) the ones that differ between runs of a task. A suppression that
    could have almost no effect (`RunSpec.idle_knob`) is named here, so that it is never compared
    with one that could.

    Args:
        runs: spec and recipe of each.
    """
    loose = [_loose(spec, recipe) for spec, recipe in runs]
    values: dict[tuple[str, str], set[str]] = {}
    keys = [_task_key(spec.task) for spec, _ in runs]
    for key, named in zip(keys, loose, strict=True):
        for name, value in named.items():
            values.setdefault((key, name), set()).add(value)
    others = []
    for (spec, recipe), key, named in zip(runs, keys, loose, strict=True):
        words = _unusual(spec, recipe)
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


def _unusual(spec: RunSpec, recipe: Recipe) -> list[str]:
    words = [
        knob.words(knob.value(spec))
        for knob in KNOBS
        if not knob.axis and knob.value(spec) != knob.default
    ]
    if spec.condition.logit_bias:
        words.append(f"logit biases {_digest(spec.condition.logit_bias)}")
    if spec.idle_knob:
        words.append(IDLE)
    if recipe.weight != WEIGHT:
        words.append(f"LR weight {recipe.weight:g}")
    return words


def _loose(spec: RunSpec, recipe: Recipe) -> dict[str, str]:
    return {
        "texts per label": str(spec.per_label),
        "targets": _digest(sorted(spec.targets)) if spec.targets else "",
        "task": _task_digest(spec.task),
        "server": spec.model.base_url,
        "reference": recipe.reference or "",
    }


@lru_cache(64)
def _task_key(task: Task) -> str:
    return task.key


@lru_cache(64)
def _task_digest(task: Task) -> str:
    return _digest(to_json(task))


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True).encode()
    return hashlib.blake2b(text, digest_size=3).hexdigest()
