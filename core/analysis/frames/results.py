"""Results and points: assessed runs as the frames that everything analytical reads.

The columns are those of `core.analysis.frames.columns`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.analysis.frames.columns import METRICS, POINT, RUN
from core.analysis.frames.identity import classifier_name, other_settings, result_key
from core.analysis.pairs import t_quantile_of
from core.diversity.map.frame import display_names
from core.domain.registries.knobs import AXES, NUMERIC_AXES
from core.domain.registries.metrics import COLUMN
from core.domain.wording import listed
from core.store.generation.runs import RunRecord

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
        result: its assessment.
        settings: `Recipe.to_dict` of the recipe.
        sweep_id: empty without one.
        repeat: its place among the runs of its condition, from 0.
    """

    run: RunRecord
    result: Mapping[str, Any]
    settings: Mapping[str, Any]
    sweep_id: str = ""
    repeat: int = 0


def results_frame(rows: Iterable[Measured]) -> pd.DataFrame:
    """One row for each run at each stage of repair, in the order given: `POINT` and `RUN`.

    Repeats of LR are averaged within their run; the run's interval there is the wider, at each
    end, of the mean of the repeats' own and Student's t over the repeats. Runs that are copies of
    each other (condition, seed and all that was found of them) count once, as they tell nothing
    new. `condition` tells runs apart that were measured differently (encoder, classifier,
    reference, weight), too; before its "-" stands `condition_key`.
    """
    kept: list[tuple[Measured, str]] = []
    seen: dict[tuple[str, int], list[Any]] = {}
    for row in rows:
        condition = result_key(row.run.spec, row.settings, row.result)
        alike = seen.setdefault((condition, row.run.spec.seed), [])
        if row.result["stages"] not in alike:
            alike.append(row.result["stages"])
            kept.append((row, condition))
    others = other_settings([(row.run.spec, row.settings) for row, _ in kept])
    columns: dict[str, list[Any]] = {name: [] for name in (*POINT, *RUN)}
    for (row, condition), other in zip(kept, others, strict=True):
        constant = _of_run(row, condition, other)
        for (inspected, filtered), repeats in _stages(row.result).items():
            constant["point"] = f"{condition}-{inspected}{'-filtered' if filtered else ''}"
            constant["inspected"], constant["filtered"] = inspected, filtered
            constant["n"] = sum(stage["n"] for stage in repeats) / len(repeats)
            for metric in METRICS:
                ends = _over_repeats(metric, [stage[metric] for stage in repeats])
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


def _of_run(row: Measured, condition: str, other: str) -> dict[str, Any]:
    spec, result = row.run.spec, row.result
    return {
        "condition": condition,
        "source": "ours",
        "task": spec.task.name,
        "task_key": spec.task.key,
        "encoder": result["encoder"],
        "classifier": classifier_name(row.settings, result),
        **{axis.name: axis.value(spec) for axis in AXES},
        "other": other,
        "run_id": row.run.id,
        "run_name": row.run.name,
        "sweep_id": row.sweep_id,
        "repeat": row.repeat,
        "seed": spec.seed,
        "oracle_accuracy": (result.get("oracle") or {}).get("accuracy"),
        "fluency": result.get("fluency"),
        "duplicates": result.get("duplicates"),
    }


def _stages(result: Mapping[str, Any]) -> dict[tuple[str, bool], list[Mapping[str, Any]]]:
    stages: dict[tuple[str, bool], list[Mapping[str, Any]]] = {}
    for stage in result["stages"]:
        stages.setdefault((str(stage["inspected"]), bool(stage["filtered"])), []).append(stage)
    return stages


def _over_repeats(metric: str, measured: Sequence[Mapping[str, Any]]) -> tuple[float, float, float]:
    if len(measured) == 1:
        ends = (measured[0][end] for end in ("value", "low", "high"))
        value, low, high = (math.nan if end is None else float(end) for end in ends)
        return value, low, high
    known = [score for score in measured if score["value"] is not None]
    if not known:
        return math.nan, math.nan, math.nan
    mean = sum(score["value"] for score in known) / len(known)
    own = [score for score in known if score["low"] is not None and score["high"] is not None]
    low = sum(score["low"] for score in own) / len(own) if own else math.nan
    high = sum(score["high"] for score in own) / len(own) if own else math.nan
    if len(known) > 1:
        spread = sum((score["value"] - mean) ** 2 for score in known) / (len(known) - 1)
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
