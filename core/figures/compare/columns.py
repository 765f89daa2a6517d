"""Frames of results as figures read them: columns, their words, a row told in a hover.

The columns are those of a *points* frame: one row for each condition at each stage of repair.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.elements import Numbers
from core.figures.theme import shortened

if TYPE_CHECKING:
    import pandas as pd


KNOBS = ("temperature", "suppression", "seeding", "min_p", "model")


METRICS = ("diversity", "similarity", "label_accuracy", "model_accuracy")


RAW = "0"


ALL = "all"


PAPER = "paper"


_TITLES = {
    "diversity": "diversity (Remote-Clique)",
    "similarity": "similarity to real texts",
    "label_accuracy": "label accuracy",
    "model_accuracy": "model accuracy",
    "seeding": "seed examples",
    "other": "other settings",
}


_EMBEDDED = ("diversity", "similarity")


_ALIKE = 1.1  # sets whose sizes differ by no more than this factor are called equal


def title(column: str) -> str:
    """What a column is called on an axis; escaped."""
    return _TITLES.get(column, shortened(column.replace("_", " ")))


def is_share(metric: str) -> bool:
    """Whether a metric is told in percent."""
    return metric.endswith("accuracy")


def tick_form(metric: str) -> str:
    """How an axis writes a metric's values."""
    return ".0%" if is_share(metric) else ".2f"


def told(metric: str, value: float, *, sign: str = "") -> str:
    """A value in words: 72.5% or 0.181; "none" for a missing one. `sign` "+" always shows it."""
    if not math.isfinite(value):
        return "none"
    return f"{value:{sign}.1%}" if is_share(metric) else f"{value:{sign}.3f}"


def numbers(points: "pd.DataFrame", column: str) -> Numbers:
    """A column as float64 of shape (rows,), NaN for what is no number or not there at all."""
    import pandas as pd

    if column not in points:
        return np.full(len(points), np.nan)
    values = pd.to_numeric(points[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def whiskers(points: "pd.DataFrame", metric: str, *, color: Any) -> dict[str, Any]:
    """Error bars of a metric: thin, without caps; none where an end is missing."""
    middle, low, high = (numbers(points, f"{metric}{end}") for end in ("", "_low", "_high"))
    return {
        "type": "data",
        "symmetric": False,
        "array": np.nan_to_num(high - middle).clip(0),
        "arrayminus": np.nan_to_num(middle - low).clip(0),
        "thickness": 1,
        "width": 0,
        "color": color,
    }


def at_stage(
    points: "pd.DataFrame", inspected: str = RAW, *, filtered: bool = False
) -> "pd.DataFrame":
    """The rows of one stage of repair, in their order."""
    here = (points["inspected"].astype(str) == inspected).to_numpy(np.bool_)
    return points[here & (points["filtered"].astype(bool).to_numpy(np.bool_) == filtered)]


def stages(points: "pd.DataFrame") -> list[str]:
    """The numbers of inspected texts that occur, as text: rising, "all" last."""
    found = {str(one) for one in points["inspected"].unique()}
    counted = sorted((one for one in found if one.isdecimal()), key=int)
    return counted + ([ALL] if ALL in found else [])


def knob_values(points: "pd.DataFrame", knob: str) -> list[Any]:
    """The different values of a knob: numbers rising, names in alphabetical order."""
    if knob not in points:
        return []
    found = points[knob].dropna().unique().tolist()
    return sorted(found, key=lambda one: (isinstance(one, str), one))


def varying(points: "pd.DataFrame", knobs: Sequence[str] = (*KNOBS, "other")) -> list[str]:
    """Those of the knobs that have more than one value."""
    return [knob for knob in knobs if len(knob_values(points, knob)) > 1]


def pooled(
    points: "pd.DataFrame", by: Sequence[str], knobs: Sequence[str] = (*KNOBS, "other")
) -> list[str]:
    """Those of the knobs that have more than one value among rows that are equal in `by`."""
    told = [knob for knob in by if knob in points]
    among = [knob for knob in varying(points, knobs) if knob not in told]
    if not told or not among:
        return among
    most = points.groupby(told, dropna=False, observed=True)[among].nunique().max()
    return [knob for knob in among if most[knob] > 1]


def knob_told(knob: str, value: Any) -> str:
    """A knob's value in words, escaped: "T 0.7", "unseeded"; empty for a missing one."""
    if value is None or value != value:
        return ""
    if isinstance(value, str):
        return shortened(value, 24)
    if knob == "temperature":
        return f"T {value:g}"
    if knob == "suppression":
        return f"suppression {value:g}" if value else "no suppression"
    if knob == "seeding":
        return f"{value:g} seed{'' if value == 1 else 's'}" if value else "unseeded"
    return f"{title(knob)} {value:g}"


def condition_names(points: "pd.DataFrame", knobs: Sequence[str]) -> list[str]:
    """Each row's condition in words, escaped, by these knobs."""
    columns = [_values(points, knob) for knob in knobs]
    rows = zip(*columns, strict=True) if knobs else [()] * len(points)
    return [", ".join(filter(None, map(knob_told, knobs, row))) for row in rows]


def hovers(points: "pd.DataFrame", metrics: Sequence[str]) -> list[str]:
    """What a point's hover says, escaped: condition, stage, metrics, size, source."""
    columns = {metric: _intervals_told(points, metric) for metric in metrics}
    # Where nobody set min_p, no hover need say that it is off.
    knobs = [knob for knob in KNOBS if knob != "min_p" or np.nansum(numbers(points, knob)) > 0]
    lines = [[name or "one condition"] for name in condition_names(points, [*knobs, "other"])]
    stage = zip(_values(points, "inspected"), _values(points, "filtered"), strict=True)
    for line, (inspected, filtered) in zip(lines, stage, strict=True):
        repaired = stage_told(str(inspected), filtered=bool(filtered))
        if repaired:
            line.append(repaired)
    for metric, told_values in columns.items():
        for line, value in zip(lines, told_values, strict=True):
            line.append(f"{title(metric)}: {value}")
    context = zip(
        *(_values(points, name) for name in ("task", "source")),
        numbers(points, "n").tolist(),
        strict=True,
    )
    for line, (task, source, n) in zip(lines, context, strict=True):
        of = [shortened(task)] if isinstance(task, str) and task else []
        of += [f"{n:,.0f} texts"] if n == n else []
        of += ["the paper, read from its figures"] if source == PAPER else []
        if of:
            line.append(f"<i>{' · '.join(of)}</i>")
    return ["<br>".join(line) for line in lines]


def stage_told(inspected: str, *, filtered: bool) -> str:
    """A stage of repair in words, escaped; empty for data as generated."""
    words = []
    if inspected == ALL:
        words.append("LR of all texts")
    elif inspected != RAW:
        words.append(f"LR, {shortened(inspected)} inspected")
    return " + ".join([*words, *(["OOSF"] if filtered else [])])


def unlike(points: "pd.DataFrame", metrics: Sequence[str]) -> str:
    """What forbids comparing the points on these axes unsaid; escaped, empty where nothing does."""
    said = []
    for column, words, of in (
        ("encoder", "encoders", [one for one in metrics if one in _EMBEDDED]),
        ("classifier", "classifiers", [one for one in metrics if one == "model_accuracy"]),
    ):
        names = [str(one) for one in knob_values(points, column)]
        if of and len(names) > 1:
            said.append(f"{len(names)} {words} ({', '.join(shortened(one, 18) for one in names)})")
    n = numbers(points, "n")
    n = n[np.isfinite(n)]
    if len(n) and n.max() > _ALIKE * n.min():
        said.append(f"sets of {n.min():,.0f} to {n.max():,.0f} texts")
    return f"Not alike: {'; '.join(said)}." if said else ""


def _intervals_told(points: "pd.DataFrame", metric: str) -> list[str]:
    ends = (numbers(points, f"{metric}{end}").tolist() for end in ("", "_low", "_high"))
    return [
        told(metric, value)
        + (f" ({told(metric, low)} to {told(metric, high)})" if low == low and high == high else "")
        for value, low, high in zip(*ends, strict=True)
    ]


def _values(points: "pd.DataFrame", column: str) -> list[Any]:
    return points[column].tolist() if column in points else [None] * len(points)
