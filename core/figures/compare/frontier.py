"""The frontier: what diversity costs in label accuracy, a mark for each condition."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.domain.registries.stages import RAW, STAGE, stage_words
from core.figures.compare.columns import (
    KNOBS,
    METRICS,
    at_stage,
    axis_title,
    caveats,
    column_name,
    condition_names,
    hovers,
    inspected_counts,
    is_paper,
    is_share,
    knob_values,
    knob_words,
    metric_error_bars,
    numbers,
    tick_format,
    varying_knobs,
)
from core.figures.elements import (
    HOLLOW,
    NO_RIM,
    Numbers,
    Trace,
    category_look,
    legend_entry,
    mark_names,
    padded_range,
    scatter,
)
from core.figures.theme import (
    COLOR_SCALE,
    LABEL_COLORS,
    STATIC_LEGEND,
    base_layout,
    empty_figure,
    figure_of,
    footnote,
    grey,
    value_axis,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

PATH = "path"

_RING_COLOR = LABEL_COLORS[3]
_INTERVALS_UP_TO = 80  # marks, beyond which intervals are all one would see
_MAX_NAMES = 8  # members of the Pareto set that are named in the figure
_MIN_SPAN = 0.02  # of an axis: below, chance alone would look like a landslide
_MAX_CATEGORIES = 8  # values of a knob that colours and symbols tell apart
_CROWD = 120  # marks, from which they are smaller
_MIN_MARK, _MAX_MARK = 8.0, 19.0  # pixels
_WIDE = 0.05  # of a share
_RING = 8.0  # pixels that a ring is wider than its mark
_HEAD = 10.0  # pixels of an arrow
_STOP = 5.0
_HEADS_UP_TO = 1000  # beyond, an arrow is a line


@dataclass(frozen=True, kw_only=True)
class FrontierView:
    """What the frontier shows.

    Args:
        x: a metric or a knob.
        y: a metric.
        value: the metric that a mark's area shows and, without `by`, its colour, too.
        by: a knob, or "task", whose values have a colour and a symbol each; more than 8 numbers
            are shades.
        budget: inspected texts as text, or "all": arrows from each condition to where label
            replacement brings it; `PATH`: through all budgets.
        filtered: arrows to where out-of-scope filtering brings a condition.
        pareto: rings round the Pareto-optimal conditions and a step line; wants two at least.
        intervals: error bars; None: up to 80 marks.
        large: letters and marks for a room.
    """

    x: str = "diversity"
    y: str = "label_accuracy"
    value: str | None = "model_accuracy"
    by: str | None = None
    budget: str | None = None
    filtered: bool = False
    pareto: bool = True
    intervals: bool | None = None
    large: bool = False

    @property
    def letters(self) -> int:
        """Their size in pixels."""
        return 18 if self.large else 12

    @property
    def scale(self) -> float:
        """Of the marks."""
        return 1.5 if self.large else 1.0

    def places(self, points: "pd.DataFrame") -> tuple[Numbers, Numbers]:
        """x and y of each row, float64 (rows,)."""
        return numbers(points, self.x), numbers(points, self.y)

    def known(self, points: "pd.DataFrame") -> npt.NDArray[np.bool_]:
        """bool (rows,): whether a row has both."""
        x, y = self.places(points)
        return np.isfinite(x) & np.isfinite(y)

    def shade(self, points: "pd.DataFrame") -> str | None:
        """The column shown by shades and a colour bar; None where categories have colours."""
        if self.by is None:
            return self.value
        if self.by not in (*KNOBS, "task"):
            return self.by
        values = knob_values(points, self.by)
        named = any(isinstance(value, str) for value in values)
        return self.by if len(values) > _MAX_CATEGORIES and not named else None


def frontier_figure(
    points: "pd.DataFrame", view: FrontierView | None = None, *, height: int | None = None
) -> "go.Figure":
    """A mark for each condition as generated, in the trace's customdata its `point`.

    Args:
        points: a points frame; rows of `source` "paper" are hollow, and never Pareto-optimal.
        view: what is shown.
        height: in pixels.
    """
    view = view or FrontierView()
    letters = view.letters
    raw = at_stage(points)
    known = view.known(raw)
    shown = raw[known]
    if not len(shown):
        message = f"No condition has both {column_name(view.x)} and {column_name(view.y)} yet."
        return empty_figure(message, size=letters + 2)
    ours = ~is_paper(shown)
    arrows = repair_traces(points[~is_paper(points)], shown[ours], view)
    member = np.zeros(len(shown), dtype=np.bool_)
    if view.pareto and ours.sum() > 1:
        member[ours] = pareto_mask(*view.places(shown[ours]))
    intervals = len(shown) <= _INTERVALS_UP_TO if view.intervals is None else view.intervals
    sizes = _mark_sizes(shown, view)
    members = shown[member]
    traces = [
        *(_edge(members, view) if member.any() else []),
        *(_intervals(shown, view) if intervals else []),
        *arrows,
        *_marks(shown, view, sizes),
        *(_rings(members, view, sizes[member]) if member.any() else []),
    ]
    ranges = {
        axis: _range(shown, metric, [trace[axis] for trace in arrows], intervals=intervals)
        for axis, metric in (("x", view.x), ("y", view.y))
    }
    notes = _notes(shown, int((~known).sum()), view)
    below = round(4.3 * letters)
    annotations = [footnote(notes, below=below, size=letters - 1)] if notes else []
    if len(members) <= _MAX_NAMES and not arrows:
        annotations += mark_names(
            condition_names(members, varying_knobs(shown[ours])),
            view.places(members),
            marks=view.places(shown),
            x_range=ranges["x"],
            y_range=ranges["y"],
            letters=letters,
        )
    layout = base_layout(
        height=height or (680 if view.large else 460),
        margin={"l": 5 * letters, "t": 3 * letters, "b": below + round(1.5 * letters) * len(notes)},
        dragmode="zoom",
        showlegend=True,
        legend={**STATIC_LEGEND, "font": {"size": letters}},
        uirevision=f"{view.x} {view.y}",
        annotations=annotations,
        xaxis=_axis(view.x, ranges["x"], letters),
        yaxis=_axis(view.y, ranges["y"], letters),
    )
    shade = view.shade(shown)
    if shade is not None and np.isfinite(numbers(shown, shade)).any():
        layout["coloraxis"] = color_axis(shown, shade, letters=letters)
    return figure_of(traces, layout)


def pareto_mask(x: Numbers, y: Numbers) -> npt.NDArray[np.bool_]:
    """bool (points,): those that no other equals or surpasses in both, surpassing in one.

    Args:
        x: float64 (points,), more is better; finite.
        y: the same.
    """
    mask = np.zeros(len(x), dtype=np.bool_)
    best, at_best = -np.inf, -np.inf
    # From the right: a point is a member where it lies higher than all before it, or is their twin.
    for place in np.lexsort((-y, -x)):
        if y[place] > best or (y[place] == best and x[place] == at_best):
            mask[place] = True
            best, at_best = y[place], x[place]
    return mask


def _mark_sizes(points: "pd.DataFrame", view: FrontierView) -> Numbers:
    """Pixels across of each row's mark: its area rises evenly with the value; float64 (rows,)."""
    least, most = (_MIN_MARK, _MAX_MARK) if len(points) < _CROWD else (5.0, 11.0)
    values = numbers(points, view.value) if view.value else np.full(len(points), np.nan)
    there = np.isfinite(values)
    if not there.any():
        return np.full(len(points), (least + most) / 2 * view.scale)
    low, high = values[there].min(), values[there].max()
    share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    sizes = np.sqrt(least**2 + (most**2 - least**2) * share)
    return np.asarray(np.where(there, sizes, least) * view.scale)


def _marks(points: "pd.DataFrame", view: FrontierView, sizes: Numbers) -> list[Trace]:
    """The conditions, a trace for each entry of the legend; customdata is `point`."""
    columns = dict.fromkeys([view.y, view.x, *([view.value] if view.value else [])])
    hover = np.array(hovers(points, [name for name in columns if name in METRICS]), dtype=object)
    keys = points["point"].to_numpy(object)
    x, y = view.places(points)

    def trace(rows: npt.NDArray[np.bool_], name: str, **marker: Any) -> Trace:
        return scatter(
            x[rows],
            y[rows],
            count=len(points),
            customdata=keys[rows],
            hovers=hover[rows],
            name=name,
            showlegend=None,
            marker={"size": sizes[rows], "opacity": 0.92, "line": NO_RIM, **marker},
            unselected={"marker": {"opacity": 0.3}},
        )

    paper = is_paper(points)
    traces = []
    shade = view.shade(points)
    if shade is not None:
        shades = numbers(points, shade)
        known = np.isfinite(shades)
        looks: dict[str, tuple[Any, dict[str, Any]]] = {
            "condition": (known & ~paper, {"symbol": "circle"}),
            "the paper": (known & paper, HOLLOW),
        }
        for name, (rows, look) in looks.items():
            if rows.any():
                # plotly's own entry of a shaded mark is black, unseen on a dark page.
                shaded = trace(rows, name, color=shades[rows], coloraxis="coloraxis", **look)
                entry = legend_entry(name, **{"color": grey(0.9), **look})
                traces += [shaded | {"showlegend": False}, entry]
        if (~known).any():
            unknown = {**HOLLOW, "symbol": "circle-open", "color": grey(0.9)}
            traces.append(trace(~known, f"no {column_name(shade)}", **unknown))
        return traces
    by = view.by
    values = np.array(points[by].tolist() if by else [""] * len(points), dtype=object)
    for place, value in enumerate(knob_values(points, by) if by else [""]):
        look = category_look(place)
        name = (knob_words(by, value) if by else "") or "condition"
        hollow = {**HOLLOW, **look, "symbol": f"{look['symbol']}-open"}
        for rows, entry_name, marker in (
            (~paper, name, look),
            (paper, f"{name}, the paper", hollow),
        ):
            mine = rows & (values == value)
            if mine.any():
                traces.append(trace(mine, entry_name, **marker))
    missing = np.array([value is None or value != value for value in values], dtype=np.bool_)
    if missing.any():
        name = f"{column_name(by or '')} unknown"
        traces.append(trace(missing, name, color=grey(0.9), symbol="x"))
    return traces


def color_axis(points: "pd.DataFrame", column: str, *, letters: int) -> dict[str, object]:
    """The shades of a metric or a knob of many numbers, and their bar."""
    low, high = padded_range(numbers(points, column), pad=0, least=0.02)
    return {
        "colorscale": COLOR_SCALE,
        "cmin": low,
        "cmax": high,
        "colorbar": {
            "title": {"text": f"{axis_title(column)}<br> ", "font": {"size": letters}},
            "tickfont": {"size": letters},
            # Five ticks of a narrow range are not whole percents.
            "tickformat": (".0%" if high - low >= _WIDE else ".1%") if is_share(column) else "",
            "thickness": letters,
            "len": 0.8,
            "outlinewidth": 0,
            "nticks": 6,
        },
    }


def _rings(points: "pd.DataFrame", view: FrontierView, sizes: Numbers) -> list[Trace]:
    """Rings about members of the Pareto set; sizes are those of their marks."""
    marker = {
        "symbol": "circle-open",
        "size": sizes + _RING * view.scale,
        "color": _RING_COLOR,
        "line": {"width": 1.8 * view.scale},
    }
    return [
        scatter(
            *view.places(points),
            count=0,
            name="Ringed: Pareto-optimal",
            showlegend=None,
            marker=marker,
            unselected={"marker": {"opacity": 1}},
        )
    ]


def _edge(points: "pd.DataFrame", view: FrontierView) -> list[Trace]:
    """The edge of what is surpassed: down, then across, from member to member by rising x."""
    x, y = view.places(points)
    order = np.argsort(x, kind="stable")
    line = {"shape": "vh", "width": 1.4, "color": _RING_COLOR, "dash": "dot"}
    return [scatter(x[order], y[order], mode="lines", count=0, line=line, name="edge")]


def _intervals(points: "pd.DataFrame", view: FrontierView) -> list[Trace]:
    """All error bars behind all marks; those of a mark's own trace would lie over other marks."""
    bars: dict[str, Any] = {
        f"error_{axis}": metric_error_bars(points, metric, color=grey(0.5))
        for axis, metric in (("x", view.x), ("y", view.y))
        if metric in METRICS
    }
    marker = {"size": 1, "color": grey(0.5)}
    places = view.places(points)
    return [scatter(*places, count=0, marker=marker, name="interval", **bars)] if bars else []


def _range(
    points: "pd.DataFrame", metric: str, arrows: Sequence[list[float | None]], *, intervals: bool
) -> tuple[float, float]:
    """An axis with all marks, arrows' ends and intervals in it, and a margin."""
    columns = [metric, *([f"{metric}_low", f"{metric}_high"] if intervals else [])]
    values = [value for column in columns for value in numbers(points, column).tolist()]
    return padded_range([*values, *(end for ends in arrows for end in ends)], least=_MIN_SPAN)


def _axis(metric: str, bounds: tuple[float, float], letters: int) -> dict[str, object]:
    return value_axis(
        tickformat=tick_format(metric) or ".2f",
        range=list(bounds),
        nticks=7,
        fixedrange=False,
        tickfont={"size": letters},
    ) | {"title": {"text": axis_title(metric), "font": {"size": letters + 1}}}


def _notes(points: "pd.DataFrame", missing: int, view: FrontierView) -> list[str]:
    notes = ["One condition only."] if len(points) == 1 else []
    if missing:
        notes.append(
            f"{missing:,} {'condition lacks' if missing == 1 else 'conditions lack'} a value."
        )
    return notes + caveats(points, (view.x, view.y, *([view.value] if view.value else [])))


def repair_traces(points: "pd.DataFrame", raw: "pd.DataFrame", view: FrontierView) -> list[Trace]:
    """Arrows for label replacement and for filtering, one trace each; customdata is `point`.

    An arrow's points are its start (customdata ""), its stops, its end, and a gap.

    Args:
        points: all stages.
        raw: the conditions that arrows start from; one that lacks a stage has no arrow to it.
        view: whose `budget` and `filtered` say which arrows to draw.
    """
    wanted: list[tuple[str, str, list[str]]] = []
    if view.budget is not None:
        path = view.budget == PATH
        counts = [count for count in inspected_counts(points) if count != RAW]
        name = "LR, by texts inspected" if path else stage_words(view.budget)
        wanted.append(("lr", name, counts if path else [view.budget]))
    if view.filtered:
        wanted.append(("oosf", STAGE["oosf"].short, [RAW]))
    traces = []
    starts = _ends(raw, view)
    for kind, name, through in wanted:
        filtered = kind == "oosf"
        steps = [_ends(at_stage(points, count, filtered=filtered), view) for count in through]
        trace = _arrows(starts, steps, scale=view.scale)
        if trace["x"]:
            color = STAGE[kind].color
            dash = "dot" if filtered else "solid"
            line = {"color": color, "width": 1.3 * view.scale, "dash": dash}
            marker = trace["marker"] | {"color": color, "opacity": 1}
            traces.append(trace | {"name": name, "line": line, "marker": marker})
            traces.append(legend_entry(name) | {"mode": "lines", "line": line})
    return traces


Ends = dict[Any, tuple[float, float, str, str]]


def _ends(points: "pd.DataFrame", view: FrontierView) -> Ends:
    """The place of each condition at a stage, with its key and hover."""
    shown = points[view.known(points)]
    x, y = view.places(shown)
    keys, texts = shown["point"].tolist(), hovers(shown, [view.y, view.x, "model_accuracy"])
    ends = zip(x.tolist(), y.tolist(), keys, texts, strict=True)
    return dict(zip(shown["condition"].tolist(), ends, strict=True))


def _arrows(starts: Ends, steps: Sequence[Ends], *, scale: float) -> Trace:
    gap = (None, None, "", "", 0.0, "circle")
    rows: list[tuple[float | None, float | None, str, str, float, str]] = []
    for condition, (x, y, _, _) in starts.items():
        stops = [step[condition] for step in steps if condition in step]
        if stops and stops[-1][:2] != (x, y):
            rows.append((x, y, "", "", 0.0, "circle"))
            rows += [(*stop, _STOP * scale, "circle") for stop in stops[:-1]]
            rows += [(*stops[-1], _HEAD * scale, "arrow"), gap]
    x_values, y_values, keys, texts, sizes, symbols = (
        map(list, zip(*rows, strict=True)) if rows else [[]] * 6
    )
    heads = len(starts) <= _HEADS_UP_TO
    marker = {"size": sizes, "symbol": symbols, "angleref": "previous", "line": {"width": 0}}
    return scatter(
        x_values,
        y_values,
        mode="lines+markers" if heads else "lines",
        count=len(starts),
        customdata=keys,
        hovers=texts,
        marker=marker if heads else {},
    )
