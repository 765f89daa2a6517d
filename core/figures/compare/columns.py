"""Points frames as figures read them: one row for each condition at each stage of repair.

Names, formats and words of columns are those of `core.knobs`, `core.metrics` and `core.stages`;
what is returned here is escaped.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.domain.registries.knobs import AXES, KNOB, SEPARATOR, condition_words
from core.domain.registries.metrics import COLUMN
from core.domain.registries.stages import ALL, RAW, stage_words
from core.domain.runs import short_model
from core.domain.wording import capitalized
from core.figures.elements import Numbers, error_bars
from core.figures.theme import escaped, interval_text, shortened

if TYPE_CHECKING:
    import pandas as pd

KNOBS = tuple(knob.name for knob in AXES)
METRICS = tuple(COLUMN)
ALL_KNOBS = (*KNOBS, "other")
PAPER = "paper"
PAPER_NAME = "the paper, read from its figures"

_SIMILAR = 1.1  # sets whose sizes differ by no more than this factor are called equal


def axis_title(column: str) -> str:
    """What a column is called on an axis; escaped."""
    if column in COLUMN:
        return escaped(COLUMN[column].axis_title)
    if column in KNOB:
        return escaped(KNOB[column].title)
    name = {"other": "other settings"}.get(column, column.replace("_", " "))
    return shortened(capitalized(name))


def column_name(column: str) -> str:
    """What a column is called within a sentence; escaped."""
    title = axis_title(column)
    return title[:1].lower() + title[1:]


def is_share(column: str) -> bool:
    """Whether a column is shown in percent."""
    return column in COLUMN and COLUMN[column].unit == "share"


def tick_format(column: str) -> str:
    """How an axis writes a column's values."""
    return COLUMN[column].tick_format if column in COLUMN else ""


def value_words(metric: str, value: float) -> str:
    """A metric's value: "72.5%", "0.181", "unknown"."""
    return COLUMN[metric].words(value)


def numbers(points: "pd.DataFrame", column: str) -> Numbers:
    """A column as float64 of shape (rows,), NaN for what is no number or not there at all."""
    import pandas as pd

    if column not in points:
        return np.full(len(points), np.nan)
    values = pd.to_numeric(points[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def interval_columns(points: "pd.DataFrame", metric: str) -> tuple[Numbers, Numbers, Numbers]:
    """A metric's values and the ends of their intervals, each float64 (rows,)."""
    value, low, high = (numbers(points, f"{metric}{end}") for end in ("", "_low", "_high"))
    return value, low, high


def metric_error_bars(points: "pd.DataFrame", metric: str, *, color: Any) -> dict[str, object]:
    """Thin error bars of a metric, without caps; none where an end is missing."""
    return error_bars(*interval_columns(points, metric), color=color)


def at_stage(
    points: "pd.DataFrame", inspected: str = RAW, *, filtered: bool = False
) -> "pd.DataFrame":
    """The rows of one stage of repair, in their order."""
    here = (points["inspected"].astype(str) == inspected).to_numpy(np.bool_)
    return points[here & (points["filtered"].astype(bool).to_numpy(np.bool_) == filtered)]


def is_paper(points: "pd.DataFrame") -> Any:
    """bool (rows,): whether a row is the paper's."""
    return (points["source"] == PAPER).to_numpy(np.bool_)


def inspected_counts(points: "pd.DataFrame") -> list[str]:
    """The numbers of inspected texts that occur, as text: rising, "all" last."""
    known = {str(value) for value in points["inspected"].unique()}
    counted = sorted((value for value in known if value.isdecimal()), key=int)
    return counted + ([ALL] if ALL in known else [])


def knob_values(points: "pd.DataFrame", knob: str) -> list[Any]:
    """The different values of a knob: numbers rising, names in alphabetical order."""
    if knob not in points:
        return []
    values = points[knob].dropna().unique().tolist()
    return sorted(values, key=lambda value: (isinstance(value, str), value))


def varying_knobs(points: "pd.DataFrame", knobs: Sequence[str] = ALL_KNOBS) -> list[str]:
    """Those of the knobs that have more than one value."""
    return [knob for knob in knobs if len(knob_values(points, knob)) > 1]


def pooled_knobs(
    points: "pd.DataFrame", by: Sequence[str], knobs: Sequence[str] = ALL_KNOBS
) -> list[str]:
    """Those of the knobs that have more than one value among rows that are equal in `by`."""
    known = [knob for knob in by if knob in points]
    among = [knob for knob in varying_knobs(points, knobs) if knob not in known]
    if not known or not among:
        return among
    most = points.groupby(known, dropna=False, observed=True)[among].nunique().max()
    return [knob for knob in among if most[knob] > 1]


def knob_words(knob: str, value: Any) -> str:
    """A knob's value, escaped: "T 0.7", "unseeded"; empty for a missing one."""
    if value is None or value != value:
        return ""
    if isinstance(value, str):
        return shortened(short_model(value), 24)
    return escaped(KNOB[knob].words(value)) if knob in KNOB else f"{column_name(knob)} {value:g}"


def group_name(knobs: Sequence[str], values: Sequence[Any]) -> str:
    """The words of several knobs' values, escaped: "no suppression · 18 examples"."""
    return SEPARATOR.join(filter(None, map(knob_words, knobs, values)))


def condition_names(points: "pd.DataFrame", knobs: Sequence[str]) -> list[str]:
    """Each row's condition, escaped, by these knobs."""
    columns = [_values(points, knob) for knob in knobs]
    rows = zip(*columns, strict=True) if knobs else [()] * len(points)
    return [group_name(knobs, row) for row in rows]


def hovers(points: "pd.DataFrame", metrics: Sequence[str]) -> list[str]:
    """A hover for each row, escaped: condition, stage, metrics, size, source."""
    varying = varying_knobs(points, KNOBS)
    knobs = zip(*(_values(points, knob) for knob in KNOBS), strict=True)
    parts = [
        [shortened(condition_words(dict(zip(KNOBS, values, strict=True)), varying=varying), 120)]
        for values in knobs
    ]
    columns = ("other", "inspected", "filtered", "task", "source", "n")
    context = zip(*(_values(points, name) for name in columns), strict=True)
    intervals = [_interval_words(points, metric) for metric in metrics]
    for row, (other, inspected, filtered, task, source, n) in enumerate(context):
        lines = parts[row]
        if isinstance(other, str) and other:
            lines.append(shortened(other, 60))
        lines.append(shortened(stage_words(str(inspected), filtered=bool(filtered), raw=""), 60))
        lines += [
            f"{axis_title(metric)}: {words[row]}"
            for metric, words in zip(metrics, intervals, strict=True)
        ]
        of = [shortened(task)] if isinstance(task, str) and task else []
        of += [f"{n:,.0f} texts"] if isinstance(n, int | float) and math.isfinite(n) else []
        of += [PAPER_NAME] if source == PAPER else []
        lines.append(f"<i>{' · '.join(of)}</i>" if of else "")
    return ["<br>".join(filter(None, lines)) for lines in parts]


def mean_hover(first: str, metric: str, values: Numbers) -> str:
    """The hover of a mark that stands for several conditions.

    Args:
        first: what they share, or the hover of one of them; escaped.
        metric: the values' column.
        values: float64 (conditions,).
    """
    mean, low, high = (value_words(metric, float(of(values))) for of in (np.mean, np.min, np.max))
    return f"{first}<br>mean of {len(values):,} conditions: <b>{mean}</b> ({low} to {high})"


def caveats(
    points: "pd.DataFrame", metrics: Sequence[str], *, pooled: Sequence[str] = (), of: str = ""
) -> list[str]:
    """What a reader must know beside a figure, a sentence each; escaped.

    Args:
        points: the rows that are drawn.
        metrics: those drawn.
        pooled: knobs whose values stand together in one mark.
        of: the marks, such as "Cells".
    """
    means = f"{of} are means over" if of else "Means over"
    sentences = [f"{means} {', '.join(map(column_name, pooled))}."] if pooled else []
    warning = comparability_warning(points, metrics)
    return [*sentences, warning] if warning else sentences


def comparability_warning(points: "pd.DataFrame", metrics: Sequence[str]) -> str:
    """What makes points incomparable on these axes; escaped, empty where nothing does."""
    embedded = [name for name in metrics if name in COLUMN and _is_embedded(name)]
    reasons = []
    for column, plural, concerned in (
        ("encoder", "encoders", bool(embedded)),
        ("classifier", "classifiers", "model_accuracy" in metrics),
    ):
        names = [str(name) for name in knob_values(points, column)]
        if concerned and len(names) > 1:
            shown = ", ".join(shortened(name, 18) for name in names)
            reasons.append(f"{len(names)} {plural} ({shown})")
    n = numbers(points, "n")
    n = n[np.isfinite(n)]
    if len(n) and n.max() > _SIMILAR * n.min():
        reasons.append(f"datasets of {n.min():,.0f} to {n.max():,.0f} texts")
    return f"Not comparable: {'; '.join(reasons)}." if reasons else ""


def _is_embedded(metric: str) -> bool:
    return COLUMN[metric].needs_encoder and COLUMN[metric].measured


def _interval_words(points: "pd.DataFrame", metric: str) -> list[str]:
    form = ".1%" if is_share(metric) else ".3f"
    ends = (part.tolist() for part in interval_columns(points, metric))
    return [
        value_words(metric, value) + interval_text(low, high, form)
        for value, low, high in zip(*ends, strict=True)
    ]


def _values(points: "pd.DataFrame", column: str) -> list[Any]:
    return points[column].tolist() if column in points else [None] * len(points)
