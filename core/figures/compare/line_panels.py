"""Panels of lines over a rising number: ours in full colour, the paper's pale and dashed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.domain.registries.metrics import COLUMN
from core.figures.compare.columns import (
    PAPER,
    PAPER_NAME,
    hovers,
    interval_columns,
    mean_hover,
    numbers,
    tick_format,
)
from core.figures.curves import Curve, score_range
from core.figures.elements import (
    SYMBOLS,
    PanelGrid,
    Trace,
    error_bars,
    legend_entry,
    padded_range,
    rim,
    scatter,
)
from core.figures.theme import (
    STATIC_LEGEND,
    base_layout,
    figure_of,
    footnote,
    grey,
    value_axis,
    with_alpha,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_MARK = 8  # pixels
_INTERVALS_UP_TO = 80  # marks of a panel
_LEGEND_ROW = 20  # pixels
_LEGEND_ENTRIES = 4  # in a row of a narrow page


@dataclass(frozen=True)
class Series:
    """Means of a metric, in rising order of their places; each tuple of shape (places,).

    Args:
        group: the values of the columns that make the group.
        at: places on the axis.
        value: the mean over all points of the group at a place.
        low: of a place with one point; NaN elsewhere.
        high: as `low`.
        points: the key of a place's one point; "" where there are several.
        hovers: escaped.
    """

    group: tuple[Any, ...]
    at: tuple[float, ...]
    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    points: tuple[str, ...]
    hovers: tuple[str, ...]

    def minus(self, value: float, metric: str, of: str) -> "Series":
        """The change against a value.

        The interval of a difference is not known from those of its parts, and so left out.
        """
        none = (float("nan"),) * len(self.at)
        changes = tuple(mean - value for mean in self.value)
        texts = tuple(
            f"{hover}<br>change against {of}: {COLUMN[metric].difference_words(change)}"
            for hover, change in zip(self.hovers, changes, strict=True)
        )
        return replace(self, value=changes, low=none, high=none, hovers=texts)


def series_of(points: "pd.DataFrame", *, at: str, by: Sequence[str], metric: str) -> list[Series]:
    """A series for each group that has a value, in the groups' order.

    Args:
        points: rows of one stage, or of one line's stages.
        at: a column of numbers; rows without one are left out.
        by: the columns that make a group; a missing value is a group, too.
        metric: what is shown.
    """
    places = numbers(points, at)
    values, lows, highs = interval_columns(points, metric)
    keys, texts = points["point"].tolist(), hovers(points, [metric])
    groups: dict[tuple[Any, ...], dict[float, list[int]]] = {}
    columns = [points[name].tolist() for name in by]
    for row, group in enumerate(zip(*columns, strict=True)):
        if np.isfinite(places[row]) and np.isfinite(values[row]):
            # NaN is not equal to itself: None stands for every missing value.
            group = tuple(None if part != part else part for part in group)
            groups.setdefault(group, {}).setdefault(float(places[row]), []).append(row)
    series = []
    for group in sorted(groups, key=lambda group: [(part is None, part or 0) for part in group]):
        rows = [groups[group][place] for place in sorted(groups[group])]
        single = [own[0] if len(own) == 1 else None for own in rows]
        series.append(
            Series(
                group=group,
                at=tuple(sorted(groups[group])),
                value=tuple(float(values[own].mean()) for own in rows),
                low=tuple(np.nan if row is None else float(lows[row]) for row in single),
                high=tuple(np.nan if row is None else float(highs[row]) for row in single),
                points=tuple("" if row is None else str(keys[row]) for row in single),
                hovers=tuple(
                    texts[own[0]]
                    if len(own) == 1
                    else mean_hover(f"{texts[own[0]]}<br>and others", metric, values[own])
                    for own in rows
                ),
            )
        )
    return series


def joined(series: Sequence[Series], *, group: tuple[Any, ...]) -> Series:
    """Many series as one, with a gap (NaN, "") after each: a hundred lines at the price of one."""
    nan = float("nan")
    gaps = {"at": nan, "value": nan, "low": nan, "high": nan, "points": "", "hovers": ""}
    chained: dict[str, Any] = {
        name: tuple(value for line in series for value in (*getattr(line, name), gap))
        for name, gap in gaps.items()
    }
    return Series(group=group, **chained)


@dataclass(frozen=True)
class LineStyle:
    """How a group's lines look.

    Args:
        name: escaped.
        color: "#RRGGBB".
        symbol: of the marks.
        thin: many lines in one, behind all others.
    """

    name: str
    color: str
    symbol: str = SYMBOLS[0]
    thin: bool = False

    def legend_entry(self) -> Trace:
        """The line's entry in the legend."""
        marker: dict[str, Any] = {
            "color": self.color,
            "symbol": self.symbol,
            "line": rim(self.symbol),
        }
        line = {"mode": "lines+markers", "line": {"color": self.color, "width": 2}}
        return legend_entry(self.name, **marker) | line


def paper_entry() -> Trace:
    """The legend's entry for the pale and dashed lines."""
    entry = legend_entry(PAPER_NAME, group=PAPER)
    return entry | {"mode": "lines", "line": {"color": grey(0.7), "width": 1.4, "dash": "dash"}}


def series_trace(
    series: Series, style: LineStyle, *, paper: bool = False, intervals: bool = True
) -> Trace:
    """A line with marks and thin error bars; the paper's pale, dashed, with small marks.

    Args:
        series: its `points` become customdata.
        style: of the line.
        paper: whether these are the paper's values.
        intervals: whether to draw error bars.
    """
    shade = with_alpha(style.color, 0.6) if paper or style.thin else style.color
    trace = scatter(
        list(series.at),
        list(series.value),
        mode="lines+markers",
        customdata=list(series.points),
        hovers=list(series.hovers),
        name=f"{style.name}, the paper" if paper else style.name,
        line={
            "color": shade,
            "width": 0.8 if style.thin else 1.4 if paper else 2,
            "dash": "dash" if paper else "solid",
        },
        marker={
            "color": shade,
            "symbol": style.symbol,
            "size": 3 if style.thin else _MARK - 2 if paper else _MARK,
            "line": rim(style.symbol),
        },
    )
    if intervals and not style.thin and np.isfinite(np.subtract(series.high, series.low)).any():
        ends = series.value, series.low, series.high
        trace["error_y"] = error_bars(*ends, color=with_alpha(style.color, 0.45))
    return trace


def series_range(series: Iterable[Series], *, relative: bool = False) -> tuple[float, float]:
    """An axis with all values and intervals, and a margin; changes may lie below 0."""
    if relative:
        values = [0.0, *(value for part in series for value in part.value)]
        return padded_range(values, pad=0.08, least=0.04)
    return score_range([Curve("", part.at, part.value, part.low, part.high) for part in series])


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


@dataclass(frozen=True, kw_only=True)
class PanelLayout:
    """How the panels of a figure are laid out.

    Args:
        columns: panels in a row.
        x_axis: what every x axis has, such as its range and ticks.
        x_title: under the last row.
        own_axis: the paper's lines have a y axis of their own, at the right.
        share: panels of one metric have one range.
        relative: values are changes.
        height: of a panel in pixels.
    """

    columns: int
    x_axis: Mapping[str, object]
    x_title: str
    own_axis: bool = False
    share: bool = False
    relative: bool = False
    height: int = 180


def line_panels(
    panels: Sequence[Panel],
    how: PanelLayout,
    *,
    style: Callable[[tuple[Any, ...]], LineStyle],
    legend: Sequence[Trace],
    notes: Sequence[str] = (),
) -> "go.Figure":
    """The figure of these panels, row by row.

    Args:
        panels: one at least.
        how: the layout.
        style: of a group.
        legend: traces for the legend alone.
        notes: sentences under the figure, escaped.
    """
    headed = any(panel.heading for panel in panels)
    grid = PanelGrid(
        rows=-(-len(panels) // how.columns),
        columns=how.columns,
        panel=how.height,
        head=58 if headed else 30,
        gap=0.12 if how.own_axis else 0.075,
    )
    right = 34 if how.own_axis else 12
    above = _LEGEND_ROW * -(-len(legend) // _LEGEND_ENTRIES)
    layout = base_layout(
        height=grid.height + above + 50 + 17 * len(notes),
        margin={"l": 46, "r": right, "t": above + 4, "b": 46 + 17 * len(notes)},
        showlegend=bool(legend),
        legend={"y": 1, **STATIC_LEGEND},
    )
    annotations = [footnote(notes, below=44)] if notes else []
    traces: list[Trace] = []
    for place, panel in enumerate(panels):
        axes = grid.axes(place)
        # Axes of the paper's own have the numbers after all panels'.
        second = f"y{len(panels) + place + 1}" if how.own_axis else axes["yaxis"]
        few = sum(len(series.at) for series in panel.ours) <= _INTERVALS_UP_TO
        traces += [
            series_trace(series, style(series.group), paper=True, intervals=False)
            | axes
            | {"yaxis": second}
            for series in panel.paper
        ]
        traces += [
            series_trace(series, style(series.group), intervals=few) | axes for series in panel.ours
        ]
        layout |= _panel_axes(panels, place, how, grid)
        annotations.append(grid.name(place, panel.name))
        if panel.heading:
            heading = f"<b>{panel.heading}</b>"
            annotations.append(grid.name(place, heading, size=14, up=24))
    return figure_of([*traces, *legend], {**layout, "annotations": annotations})


def _panel_axes(
    panels: Sequence[Panel], place: int, how: PanelLayout, grid: PanelGrid
) -> dict[str, object]:
    """The axes of one panel by their names in the layout."""
    panel, end = panels[place], grid.end(place)
    alike = [other for other in panels if other.metric == panel.metric] if how.share else [panel]
    ours = [series for other in alike for series in other.ours]
    paper = [series for other in alike for series in other.paper]
    form = tick_format(panel.metric)
    numbers_axis: dict[str, Any] = {
        "tickformat": f"+{form}" if how.relative else form,
        "nticks": 5,
        "zeroline": how.relative,
        "zerolinecolor": grey(0.5),
        "zerolinewidth": 1,
    }
    across, up = grid.domains(place)
    # The last of its column: nothing stands below it.
    title = how.x_title if place + how.columns >= len(panels) else ""
    left = (ours or paper) if how.own_axis else ours + paper
    axes: dict[str, object] = {
        f"xaxis{end}": value_axis(title, domain=across, anchor=f"y{end}", showgrid=False)
        | {"ticks": "outside", "ticklen": 3, "tickcolor": grey(0.3), **how.x_axis},
        f"yaxis{end}": value_axis(
            domain=up,
            anchor=f"x{end}",
            range=list(series_range(left, relative=how.relative)),
            **numbers_axis,
        ),
    }
    if how.own_axis and paper:
        axes[f"yaxis{len(panels) + place + 1}"] = value_axis(
            overlaying=f"y{end}",
            anchor=f"x{end}",
            side="right",
            range=list(series_range(paper, relative=how.relative)),
            **numbers_axis | {"zeroline": False},
        ) | {"showgrid": False, "tickfont": {"color": grey(0.9), "style": "italic"}}
    return axes
