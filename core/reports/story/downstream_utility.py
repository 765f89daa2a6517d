"""Worth: how well a classifier does on real texts that learned from narrow, wide, repaired data."""

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from core.analysis.contrasts import Contrast, contrast, with_pooled_intervals
from core.analysis.findings.hypotheses import as_generated
from core.analysis.naming import value_words
from core.reports.story.conditions import Cast
from core.reports.story.wording import capital, change_words

METRIC = "model_accuracy"
RAW = "0"

BarKind = Literal["narrow", "wide", "narrow repaired", "repaired", "real"]


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
        overall: from the narrow data to the wide, both repaired alike where they are, so that it
            tells what the knobs brought and not what the repair did.
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
    points = with_pooled_intervals(chosen.points, results, vain=False)
    wanted: list[tuple[BarKind, str, str, str]] = [("narrow", "narrow", chosen.narrow, RAW)]
    if chosen.moved:
        wanted.append(("wide", "wide", chosen.wide, RAW))
    if inspected:
        few = "all looked at" if inspected == "all" else f"{inspected} looked at"
        if chosen.moved:
            wanted.append(("narrow repaired", f"narrow, {few}", chosen.narrow, inspected))
        wanted.append(("repaired", f"wide, {few}", chosen.wide, inspected))
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
    alike = inspected if any(bar.kind == "narrow repaired" for bar in bars) else RAW
    overall = contrast(results, METRIC, (chosen.narrow, alike), (chosen.wide, alike))
    real = float(as_generated(results)["oracle_accuracy"].mean())
    note = ""
    if bars and math.isfinite(real):
        bars.append(Bar("real", "real texts", real, math.nan, math.nan))
        note = "Real: the oracle, which learned from the reference's own texts."
    if not overall.known:
        title = "What it is worth was not measured"
        said = "Not both sides were." if bars else "No classifier was trained."
        return Worth(title, said, note, tuple(bars), overall)
    how = "repaired alike, the" if alike != RAW else "the"
    titles = {
        "up": f"Worth it: {how} wide data teaches more",
        "down": f"Not worth it here: {how} wide data teaches less",
        "unclear": capital(f"{how} wide data teaches no clearly better"),
    }
    both = ", both repaired" if alike != RAW else ""
    name = f"With the wide data instead of the narrow{both}, accuracy on real test texts"
    said = change_words(name, METRIC, overall)
    if math.isfinite(real):
        said += f" Real texts reach {value_words(METRIC, real)}."
    return Worth(titles[overall.direction], said, note, tuple(bars), overall)
