"""Names of tasks in results: charts and cards know tasks by them, so no two may share one."""

import math
from collections.abc import Mapping
from typing import Any

from core.analysis.frames.columns import KNOBS
from core.domain.runs import short_model

TITLES: Mapping[str, str] = {metric: metric.replace("_", " ") for metric in KNOBS} | {
    "diversity": "diversity",
    "similarity": "similarity",
    "label_accuracy": "label accuracy",
    "model_accuracy": "model accuracy",
    "suppression": "suppression strength",
    "seeding": "seed examples",
}


def condition_words(row: Mapping[str, Any]) -> str:
    """A row of a points or results frame by its knobs: "T 0.7, suppression 7.5, 18 seeds"."""
    words = [f"T {row['temperature']:g}"]
    words.append(f"suppression {row['suppression']:g}" if row["suppression"] else "no suppression")
    if row["seeding"] == row["seeding"]:
        words.append(f"{row['seeding']:g} seed examples" if row["seeding"] else "unseeded")
    if row["min_p"]:
        words.append(f"min_p {row['min_p']:g}")
    words += [str(row["other"])] if row["other"] else []
    words += [short_model(str(row["model"]))] if row["model"] else []
    return ", ".join(words)


def repair_words(inspected: str, *, filtered: bool) -> str:
    """A stage of repair: "no repair", "LR with 180 inspected texts and OOSF"."""
    words = [] if inspected == "0" else [f"LR with {inspected} inspected texts"]
    if inspected == "all":
        words = ["LR with all texts inspected"]
    return " and ".join([*words, *(["OOSF"] if filtered else [])]) or "no repair"


def value_words(metric: str, value: float | None, *, signed: bool = False) -> str:
    """A value or, signed, a difference: 72.5 %, +3.1 points, 0.181; "unknown" for none."""
    if value is None or not math.isfinite(value):
        return "unknown"
    sign = "+" if signed else ""
    if metric.endswith("accuracy"):
        return f"{100 * value:{sign}.1f} {'points' if signed else '%'}"
    return f"{value:{sign}.3f}"


def interval_words(metric: str, low: float | None, high: float | None) -> str:
    """ "61.2 to 70.0 %"; "no interval" where an end is missing."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "no interval"
    if metric.endswith("accuracy"):
        return f"{100 * low:.1f} to {100 * high:.1f} %"
    return f"{low:.3f} to {high:.3f}"


def listed(words: list[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
