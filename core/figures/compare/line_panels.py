"""Panels of lines: ours in full colour, the paper's pale, on shared or separate axes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.compare.columns import hovers, is_share, numbers, told
from core.figures.curves import Curve, value_range
from core.figures.elements import Facets, Trace, legend_entry
from core.figures.theme import footnote, grey, quiet_layout, see_through, value_axis

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


FILLS = ("-open", "", "-dot", "-open-dot")


_MARK = 8


_GL_FROM = 1000


@dataclass(frozen=True)
class Series:
    """Means of a metric, in rising order of where they stand; each tuple of shape (places,).

    Args:
        group: the values of the columns that make the group.
        at: places on the axis.
        value: the mean over all points of the group at a place.
        low: of a place with one point; NaN elsewhere.
        high: as `low`.
        points: the key of a place's one point; "" where there are several.
        told: hovers, escaped.
    """

    group: tuple[Any, ...]
    at: tuple[float, ...]
    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    points: tuple[str, ...]
    told: tuple[str, ...]

    def minus(self, value: float, metric: str, of: str) -> "Series":
        """The change against a value.

        The interval of a difference is not known from those of its parts, and so left out.
        """
        none = (float("nan"),) * len(self.at)
        changes = tuple(one - value for one in self.value)
        words = tuple(
            f"{line}<br>change against {of}: {told(metric, change, sign='+')}"
            for line, change in zip(self.told, changes, strict=True)
        )
        return replace(self, value=changes, low=none, high=none, told=words)


def series_of(points: "pd.DataFrame", *, at: str, by: Sequence[str], metric: str) -> list[Series]:
    """A series for each group that has a value, in the groups' order.

    Args:
        points: rows of one stage, or of one line's stages.
        at: a column of numbers; rows without one are left out.
        by: the columns that make a group; a missing value is a group, too.
        metric: what is shown.
    """
    places, values = numbers(points, at), numbers(points, metric)
    lows, highs = numbers(points, f"{metric}_low"), numbers(points, f"{metric}_high")
    keys, lines = points["point"].tolist(), hovers(points, [metric])
    groups: dict[tuple[Any, ...], dict[float, list[int]]] = {}
    columns = [points[name].tolist() for name in by]
    for row, group in enumerate(zip(*columns, strict=True)):
        if np.isfinite(places[row]) and np.isfinite(values[row]):
            # NaN is not equal to itself: None stands for every missing value.
            group = tuple(None if one != one else one for one in group)
            groups.setdefault(group, {}).setdefault(float(places[row]), []).append(row)
    series = []
    for group in sorted(groups, key=lambda one: [(_missing(part), part or 0) for part in one]):
        rows = [groups[group][place] for place in sorted(groups[group])]
        single = [one[0] if len(one) == 1 else None for one in rows]
        means = [float(values[one].mean()) for one in rows]
        series.append(
            Series(
                group=group,
                at=tuple(sorted(groups[group])),
                value=tuple(means),
                low=tuple(np.nan if one is None else float(lows[one]) for one in single),
                high=tuple(np.nan if one is None else float(highs[one]) for one in single),
                points=tuple("" if one is None else str(keys[one]) for one in single),
                told=tuple(
                    lines[one]
                    if one is not None
                    else _mean_told(lines[many[0]], metric, mean, many)
                    for one, many, mean in zip(single, rows, means, strict=True)
                ),
            )
        )
    return series


def joined(series: Sequence[Series], *, group: tuple[Any, ...]) -> Series:
    """Many series as one, with a gap (NaN, "") after each: a hundred lines at the price of one."""
    gap = (float("nan"),)
    return Series(
        group=group,
        at=tuple(x for one in series for x in (*one.at, *gap)),
        value=tuple(y for one in series for y in (*one.value, *gap)),
        low=tuple(y for one in series for y in (*one.low, *gap)),
        high=tuple(y for one in series for y in (*one.high, *gap)),
        points=tuple(key for one in series for key in (*one.points, "")),
        told=tuple(words for one in series for words in (*one.told, "")),
    )


def series_trace(
    series: Series,
    *,
    name: str,
    color: str,
    symbol: str,
    paper: bool = False,
    bars: bool = True,
    thin: bool = False,
) -> Trace:
    """A line with marks and thin whiskers; the paper's pale, dashed, with small marks.

    Args:
        series: its `points` become customdata.
        name: for the hover, escaped.
        color: "#RRGGBB".
        symbol: of the marks.
        paper: whether these are the paper's values.
        bars: whether to draw intervals.
        thin: many lines in one, behind others.
    """
    pale = paper or thin
    shade = see_through(color, 0.6) if pale else color
    trace: Trace = {
        "type": "scattergl" if len(series.at) > _GL_FROM else "scatter",
        "x": list(series.at),
        "y": list(series.value),
        "customdata": list(series.points),
        "hovertext": list(series.told),
        "hoverinfo": "text",
        "mode": "lines+markers",
        "name": name,
        "showlegend": False,
        "line": {
            "color": shade,
            "width": 0.8 if thin else 1.4 if paper else 2,
            "dash": "dash" if paper else "solid",
        },
        "marker": {
            "color": shade,
            "symbol": symbol,
            "size": 3 if thin else _MARK - 2 if paper else _MARK,
            "line": {"width": 1.6 if symbol.endswith("-open") else 0},
        },
    }
    value, low, high = (np.array(one) for one in (series.value, series.low, series.high))
    if bars and not thin and np.isfinite(high - low).any():
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": np.nan_to_num(high - value).clip(0),
            "arrayminus": np.nan_to_num(value - low).clip(0),
            "thickness": 1,
            "width": 0,
            "color": see_through(color, 0.45),
        }
    return trace


def series_range(series: Iterable[Series], *, relative: bool = False) -> tuple[float, float]:
    """An axis with all values and intervals, and a margin; changes may lie below nothing."""
    curves = [Curve("", one.at, one.value, one.low, one.high) for one in series]
    if not relative:
        return value_range(curves)
    values = [0.0, *(value for one in curves for value in one.value if value is not None)]
    margin = 0.08 * max(max(values) - min(values), 0.04)
    return min(values) - margin, max(values) + margin


def _missing(part: Any) -> bool:
    return part is None


def _mean_told(line: str, metric: str, mean: float, rows: Sequence[int]) -> str:
    return f"mean of {len(rows)} conditions, such as<br>{line}<br>mean: <b>{told(metric, mean)}</b>"


_BARS_UP_TO = 80  # marks of a panel


_LEGEND_ROW = 20  # pixels


_LEGEND_ENTRIES = 4  # in a row of a narrow page


@dataclass(frozen=True)
class Panel:
    """One panel of a figure.

    Args:
        name: above it, escaped.
        metric: what its lines show.
        ours: lines in full colour.
        paper: lines behind them.
        heading: above the row that begins with this panel, escaped.
    """

    name: str
    metric: str
    ours: Sequence[Series]
    paper: Sequence[Series] = ()
    heading: str = ""


@dataclass(frozen=True)
class Look:
    """How a group's lines look: name (escaped), "#RRGGBB", symbol of the marks, thin behind all."""

    name: str
    color: str
    symbol: str
    thin: bool = False


def line_entry(look: Look) -> Trace:
    """A line's entry in the legend."""
    rim = {"width": 1.6 if look.symbol.endswith("-open") else 0}
    entry = legend_entry(look.name, group=look.name, color=look.color, symbol=look.symbol, line=rim)
    return entry | {"mode": "lines+markers", "line": {"color": look.color, "width": 2}}


def panels_drawn(
    panels: Sequence[Panel],
    *,
    columns: int,
    look: Callable[[Panel, tuple[Any, ...]], Look],
    legend: Sequence[Trace],
    across: Mapping[str, Any],
    x_title: str,
    own_axis: bool = False,
    share: bool = False,
    relative: bool = False,
    said: Sequence[str] = (),
    height: int = 180,
) -> "go.Figure":
    """The figure of these panels, row by row.

    Args:
        panels: one at least.
        columns: panels in a row.
        look: of a group in a panel.
        legend: traces for the legend alone.
        across: what every x axis has, such as its range and ticks.
        x_title: under the last row.
        own_axis: the paper's lines have a y axis of their own, at the right.
        share: panels of one metric have one range.
        relative: values are changes.
        said: sentences under the figure, escaped.
        height: of a panel in pixels.
    """
    import plotly.graph_objects as go

    headed = any(panel.heading for panel in panels)
    rows = -(-len(panels) // columns)
    gap = 0.12 if own_axis else 0.075
    facets = Facets(rows, columns, panel=height, head=58 if headed else 30, gap=gap)
    legend_rows = -(-len(legend) // _LEGEND_ENTRIES)
    layout: dict[str, Any] = quiet_layout(
        height=facets.height + _LEGEND_ROW * legend_rows + 50 + 17 * len(said),
        left=46,
        right=34 if own_axis else 12,
        top=_LEGEND_ROW * legend_rows + 4,
        bottom=46 + 17 * len(said),
    )
    layout["legend"] |= {"y": 1, "itemclick": False, "itemdoubleclick": False}
    notes: list[dict[str, Any]] = [footnote(said, below=44)] if said else []
    traces: list[Trace] = []
    for place, panel in enumerate(panels):
        axes, end = facets.axes(place), facets.end(place)
        second = f"{len(panels) + place + 1}"
        bars = sum(len(one.at) for one in panel.ours) <= _BARS_UP_TO
        for series in panel.paper:
            looks = look(panel, series.group)
            where = axes | ({"yaxis": f"y{second}"} if own_axis else {})
            traces.append(_trace(series, looks, paper=True, bars=False) | where)
        for series in panel.ours:
            traces.append(_trace(series, look(panel, series.group), paper=False, bars=bars) | axes)
        alike = [one for one in panels if one.metric == panel.metric] if share else [panel]
        form = ".0%" if is_share(panel.metric) else ".2f"
        up: dict[str, Any] = {
            "tickformat": f"+{form}" if relative else form,
            "nticks": 5,
            "zeroline": relative,
            "zerolinecolor": grey(0.5),
            "zerolinewidth": 1,
        }
        domain = dict(zip(("x", "y"), facets.domains(place), strict=True))
        ours = [series for one in alike for series in one.ours]
        paper = [series for one in alike for series in one.paper]
        left = (ours or paper) if own_axis else ours + paper
        # The last of its column: nothing stands below it.
        named = x_title if place + columns >= len(panels) else ""
        layout[f"xaxis{end}"] = {
            **value_axis(named, domain=domain["x"], anchor=f"y{end}", showgrid=False),
            **across,
        }
        layout[f"yaxis{end}"] = value_axis(
            domain=domain["y"],
            anchor=f"x{end}",
            range=list(series_range(left, relative=relative)),
            **up,
        )
        if own_axis and paper:
            layout[f"yaxis{second}"] = value_axis(
                overlaying=f"y{end}",
                anchor=f"x{end}",
                side="right",
                range=list(series_range(paper, relative=relative)),
                **{**up, "zeroline": False},
            ) | {"showgrid": False, "tickfont": {"color": grey(0.9), "style": "italic"}}
        notes += _names(facets, place, panel)
    layout |= {
        "hovermode": "closest",
        "dragmode": False,
        "showlegend": bool(legend),
        "annotations": notes,
    }
    return go.Figure([*traces, *legend], layout)


def _trace(series: Series, looks: Look, *, paper: bool, bars: bool) -> Trace:
    name = f"{looks.name}, the paper" if paper else looks.name
    return series_trace(
        series,
        name=name,
        color=looks.color,
        symbol=looks.symbol,
        paper=paper,
        bars=bars,
        thin=looks.thin,
    )


def _names(facets: Facets, place: int, panel: Panel) -> list[dict[str, Any]]:
    name = facets.name(place, panel.name)
    if not panel.heading:
        return [name]
    heading = facets.name(place, f"<b>{panel.heading}</b>")
    return [heading | {"yshift": 24, "font": {"size": 14}}, name]
