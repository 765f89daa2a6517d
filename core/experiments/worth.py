"""Worth: how well a classifier does on real texts that learned from narrow, wide, repaired data."""

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from core.experiments.cast import Cast
from core.experiments.claims import as_generated
from core.experiments.contrasts import Contrast, contrast, with_pooled_intervals
from core.experiments.naming import value_words
from core.experiments.story_words import difference_words

METRIC = "model_accuracy"
RAW = "0"

BarKind = Literal["narrow", "wide", "repaired", "real"]


@dataclass(frozen=True, slots=True)
class Bar:
    """What a classifier learned from, and its accuracy on real test texts (0 to 1).

    Args:
        kind: which data.
        name: in words.
        value: the mean over runs.
        low: lower end of its 95 % interval; NaN without one.
        high: upper end.
    """

    kind: BarKind
    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Worth:
    """What the data is worth.

    Args:
        title: the verdict.
        sentence: with the numbers.
        note: what the real bar is; empty without one.
        bars: those that were measured.
        overall: from the narrow data to the wide, repaired where it is.
    """

    title: str
    sentence: str
    note: str
    bars: tuple[Bar, ...]
    overall: Contrast


def worth(chosen: Cast, results: pd.DataFrame, inspected: str) -> Worth:
    """Compare what the sets are worth.

    Args:
        chosen: the conditions.
        results: their results.
        inspected: the stage of LR, empty without one.
    """
    points = with_pooled_intervals(chosen.points, results)
    wanted: list[tuple[BarKind, str, str, str]] = [("narrow", "narrow", chosen.narrow, RAW)]
    if chosen.moved:
        wanted.append(("wide", "wide", chosen.wide, RAW))
    few = "all texts" if inspected == "all" else f"{inspected} texts"
    if inspected:
        wanted.append(("repaired", f"wide, {few} looked at", chosen.wide, inspected))
    bars = []
    for kind, name, condition, stage in wanted:
        rows = points[
            (points["condition"] == condition)
            & (points["inspected"] == stage)
            & ~points["filtered"].astype(bool)
        ]
        for row in rows.to_dict("records"):
            if math.isfinite(row[METRIC]):
                ends = (float(row[f"{METRIC}{end}"]) for end in ("", "_low", "_high"))
                bars.append(Bar(kind, name, *ends))
    overall = contrast(
        results, METRIC, (chosen.narrow, RAW), (chosen.wide, inspected if inspected else RAW)
    )
    real = float(as_generated(results)["oracle_accuracy"].mean())
    note = ""
    if bars and math.isfinite(real):
        bars.append(Bar("real", "real texts", real, math.nan, math.nan))
        note = "Real: the oracle, which learned from the reference's own texts."
    if not overall.known:
        title = "What it is worth was not measured"
        return Worth(
            title, _values(bars) or "No classifier was trained.", note, tuple(bars), overall
        )
    what = "wide, repaired data" if inspected else "wide data"
    titles = {
        "up": f"Worth it: the {what} teaches more",
        "down": f"Not worth it here: the {what} teaches less",
        "unclear": f"Worth: no clear gain from the {what}",
    }
    last = "repaired" if inspected else "wide"
    change = value_words(METRIC, overall.mean, signed=True)
    said = f"{_values(bars)} From narrow to {last}: {change}"
    if overall.low is None:
        said += ", without an interval."
    elif overall.direction == "unclear":
        said += f", but the interval ({difference_words(METRIC, overall)}) holds 0."
    else:
        said += f" ({difference_words(METRIC, overall)})."
    return Worth(titles[overall.direction], said, note, tuple(bars), overall)


def _values(bars: list[Bar]) -> str:
    told = ", ".join(f"{value_words(METRIC, bar.value)} ({bar.name})" for bar in bars)
    return f"Real test texts that a classifier gets right: {told}." if told else ""
