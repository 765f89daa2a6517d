"""Panels of lines: ours in full colour, the paper's pale, on shared or separate axes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.figures.facets import Facets
from core.figures.points import Trace, legend_entry
from core.figures.results import is_share
from core.figures.sentence import footnote
from core.figures.series import Series, series_range, series_trace
from core.figures.style import grey, quiet_layout, value_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

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
