"""Points frames for tests: one row for each mapping, what is not told filled in."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.analysis.frames.columns import METRICS, POINT

HOSTILE = '<a href="x">&%{x}</a>'

_PLAIN: dict[str, Any] = {
    "source": "ours",
    "task": "reviews",
    "task_key": "k",
    "n": 200,
    "encoder": "MiniLM",
    "classifier": "probe",
    "temperature": 0.7,
    "suppression": 0.0,
    "seeding": 0,
    "min_p": 0.0,
    "model": "small",
    "other": "",
    "inspected": "0",
    "filtered": False,
}


def points(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """Rows c0, c1, ... unless told otherwise; a point's key is "condition|inspected|filtered"."""
    filled = []
    for place, row in enumerate(rows):
        one = {**_PLAIN, "condition": f"c{place}", **row}
        one.setdefault("point", f"{one['condition']}|{one['inspected']}|{int(one['filtered'])}")
        filled.append({column: one.get(column, math.nan) for column in POINT})
    return pd.DataFrame(filled, columns=list(POINT))


def grid(count: int, **more: Any) -> pd.DataFrame:
    """So many conditions with values, intervals and knobs of a few values each."""
    rows = []
    for place in range(count):
        values = {
            metric: 0.3 + (place * step % 97) / 200
            for metric, step in zip(METRICS, (31, 17, 53, 71), strict=True)
        }
        ends = {f"{k}{end}": v + d for k, v in values.items() for end, d in _ENDS}
        knobs = {
            "temperature": (2 + place % 10) / 10,
            "suppression": 2.5 * (place // 10 % 5),
            "seeding": 18 * (place // 50 % 2),
            "min_p": place // 100 / 100,
        }
        rows.append({**knobs, **values, **ends, **more})
    return points(*rows)


_ENDS = (("_low", -0.02), ("_high", 0.03))


def traces(figure: go.Figure, name: str) -> list[Any]:
    """Those of that name that have data; legend entries have none."""
    return [one for one in figure.data if one.name == name and any(x is not None for x in one.x)]


def notes(figure: go.Figure) -> str:
    """All annotations, as one text."""
    return " ".join(one.text for one in figure.layout.annotations)


def no_markup_of(figure: go.Figure, hostile: str = HOSTILE) -> bool:
    """Whether a hostile name is nowhere in a figure's texts unescaped."""
    said: list[str] = [str(one.text) for one in figure.layout.annotations]
    for trace in figure.data:
        for part in ("name", "hovertext", "text", "hovertemplate"):
            value = getattr(trace, part, None)
            said += _flat(value)
    for axis in figure.select_yaxes():
        said += _flat(axis.ticktext)
    for axis in figure.select_xaxes():
        said += _flat(axis.ticktext)
    return not any("<a " in one for one in said)


def _flat(value: Any) -> Iterable[str]:
    if value is None or isinstance(value, str):
        return [value or ""]
    return [word for one in value for word in _flat(one)]
