"""The paper's figures 2 and 3: metrics over temperature, and over inspected texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.domain.registries.stages import ALL, RAW
from core.figures.compare.columns import (
    ALL_KNOBS,
    METRICS,
    PAPER,
    at_stage,
    axis_title,
    caveats,
    condition_names,
    group_name,
    inspected_counts,
    is_paper,
    knob_values,
    knob_words,
    pooled_knobs,
    varying_knobs,
)
from core.figures.compare.line_panels import (
    LineStyle,
    Panel,
    PanelLayout,
    Series,
    joined,
    line_panels,
    paper_entry,
    series_of,
)
from core.figures.elements import SYMBOLS, Trace
from core.figures.theme import LABEL_COLORS, SEQUENCE_COLORS, empty_figure, shortened

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

PaperPlace = Literal["behind", "own axis", "beside", "none"]

AVERAGE = "average"
COLORS = tuple(LABEL_COLORS[place] for place in (0, 5, 2, 3, 1, 4, 6, 7))
FILLS = ("-open", "", "-dot", "-open-dot")
_GREY = "#808080"
_GROUP = ("suppression", "seeding")
_MAX_TICKS = 7  # temperatures that all have a tick
_ALL_AFTER = 1.35  # times the largest number of inspected texts stands "all"
_MAX_NAMED = 8  # conditions that have a colour each
_MAX_STRENGTHS = 4

Lines = dict[tuple[str, str], list[Series]]


@dataclass(frozen=True, kw_only=True)
class PaperView:
    """How ours and the paper's values stand together.

    Args:
        paper: where the paper's values stand: on our axes, on axes of their own at the right, in
            rows of their own, or nowhere.
        paper_tasks: which of the paper's tasks belongs to ours; by default the one of the same
            name, else its average.
        relative: changes against the condition without suppression and seeding at the lowest
            temperature that both have, as absolute values of two encoders or classifiers can't be
            compared; without intervals.
        inspected: the stage of our data; the paper's is as generated.
        filtered: the same.
    """

    paper: PaperPlace = "behind"
    paper_tasks: Mapping[str, str] | None = None
    relative: bool = False
    inspected: str = RAW
    filtered: bool = False


def temperature_panels(
    points: "pd.DataFrame",
    view: PaperView | None = None,
    *,
    tasks: Sequence[str] | None = None,
    metrics: Sequence[str] = METRICS,
) -> "go.Figure":
    """Lines over temperature: colour and symbol show suppression, hollow or filled the seeding.

    Ours are in full colour, the paper's pale and dashed. Conditions that differ in something else
    are put together by their mean. customdata is `point`, "" of a mean.

    Args:
        points: a points frame, the paper's rows among them by `source`.
        view: how ours and the paper's stand together.
        tasks: names of our tasks, a row of panels each; by default all that occur.
        metrics: a panel each.
    """
    import pandas as pd

    view = view or PaperView()
    ours = at_stage(points[~is_paper(points)], view.inspected, filtered=view.filtered)
    theirs = at_stage(points[is_paper(points)])
    # The paper's repairs, seeded and unseeded in one, belong to another figure.
    theirs = theirs[theirs["seeding"].notna()]
    if view.paper == "none":
        theirs = theirs.iloc[:0]
    names = list(dict.fromkeys(ours["task"])) if tasks is None else list(tasks)
    panels: list[Panel] = []
    shown, notes = [], []
    for name in names or [AVERAGE]:
        paper_name = _paper_task(theirs, name, view.paper_tasks or {})
        pair = {"ours": ours[ours["task"] == name], PAPER: theirs[theirs["task"] == paper_name]}
        lines: Lines = {
            (whose, metric): series_of(frame, at="temperature", by=_GROUP, metric=metric)
            for whose, frame in pair.items()
            for metric in metrics
        }
        if view.relative:
            lines, missing = _changes(lines, _lowest(*pair.values()), name)
            notes += missing
        panels += _task_panels(lines, metrics, name, paper_name, view.paper, len(names) > 1)
        shown += list(pair.values())
    if not any(panel.ours or panel.paper for panel in panels):
        nothing = "No condition has been measured at this stage yet."
        return empty_figure("<br>".join([*dict.fromkeys(notes), nothing]))
    frame = pd.concat(shown)
    line = ("task", "temperature", *_GROUP)
    pooled = pooled_knobs(ours[ours["task"].isin(names)], line)
    temperatures = knob_values(frame, "temperature")
    notes += ["One temperature only."] if len(temperatures) == 1 else []
    notes += caveats(frame, metrics, pooled=pooled, of="Ours")
    styles = _GroupStyles.of(frame)
    many_rows = len(panels) > len(metrics)
    how = PanelLayout(
        columns=len(metrics) if many_rows else min(2, len(metrics)),
        x_axis=_temperature_axis(temperatures),
        x_title=axis_title("temperature"),
        own_axis=view.paper == "own axis",
        share=view.relative,
        relative=view.relative,
    )
    legend = styles.legend(paper=bool(len(theirs)) and view.paper != "beside")
    unique = list(dict.fromkeys(notes))
    return line_panels(panels, how, style=styles.style, legend=legend, notes=unique)


def _task_panels(
    lines: Lines,
    metrics: Sequence[str],
    name: str,
    paper_name: str,
    place: PaperPlace,
    several: bool,
) -> list[Panel]:
    """A row of panels for a task, or two where the paper's stand beside ours."""
    ours = {metric: lines["ours", metric] for metric in metrics}
    theirs = {metric: lines[PAPER, metric] for metric in metrics}
    nothing: dict[str, list[Series]] = {metric: [] for metric in metrics}
    if place == "beside":
        rows = [(f"{shortened(name)}, ours", ours, nothing)]
        rows += [(f"{shortened(paper_name)}, the paper", nothing, theirs)]
    else:
        rows = [(shortened(name) if several else "", ours, theirs)]
    return [
        Panel(axis_title(metric), metric, left[metric], right[metric], "" if column else heading)
        for heading, left, right in rows
        if any([*left.values(), *right.values()])
        for column, metric in enumerate(metrics)
    ]


def _paper_task(theirs: "pd.DataFrame", name: str, known: Mapping[str, str]) -> str:
    """The paper's task for one of ours; spelled alike but for case and dashes is the same."""

    def letters(task: str) -> str:
        return "".join(filter(str.isalnum, task)).casefold()

    if name in known:
        return known[name]
    spelled = {letters(task): task for task in theirs["task"].unique()}
    return str(spelled.get(letters(name), AVERAGE))


def _lowest(ours: "pd.DataFrame", theirs: "pd.DataFrame") -> float:
    """The lowest temperature that both have, or that any has; NaN for none."""
    mine, other = (set(knob_values(frame, "temperature")) for frame in (ours, theirs))
    return float(min((mine & other) or (mine | other), default=float("nan")))


def _changes(lines: Lines, temperature: float, task: str) -> tuple[Lines, list[str]]:
    """Series as changes against the baseline condition, and a note for those without one."""
    changed: Lines = {}
    without: dict[str, None] = {}
    baseline = group_name(("temperature", *_GROUP), (temperature, 0.0, 0))
    for (whose, metric), series in lines.items():
        values = [
            value
            for part in series
            if part.group == (0, 0)
            for at, value in zip(part.at, part.value, strict=True)
            if at == temperature
        ]
        changed[whose, metric] = [
            part.minus(values[0], metric, baseline) for part in series if values
        ]
        if series and not values:
            without[whose] = None
    owners = {"ours": f"Ours of {shortened(task)}", PAPER: f"The paper's of {shortened(task)}"}
    return changed, [f"{owners[whose]}: no baseline condition {baseline}." for whose in without]


def _temperature_axis(temperatures: Sequence[float]) -> dict[str, object]:
    low, high = (min(temperatures), max(temperatures)) if temperatures else (0.0, 1.0)
    margin = 0.07 * (high - low) or 0.1
    ticks: dict[str, Any] = {"nticks": 6}
    if len(temperatures) <= _MAX_TICKS:
        ticks = {"tickmode": "array", "tickvals": list(temperatures), "tickformat": ".4~g"}
    return {"range": [low - margin, high + margin], **ticks}


@dataclass(frozen=True)
class _GroupStyles:
    """Lines' styles by the places of their suppression strengths and numbers of examples."""

    strengths: list[Any]
    examples: list[Any]

    @classmethod
    def of(cls, points: "pd.DataFrame") -> "_GroupStyles":
        return cls(*(knob_values(points, knob) for knob in _GROUP))

    def style(self, group: tuple[Any, ...]) -> LineStyle:
        strength, examples = group
        place = self.strengths.index(strength) if strength in self.strengths else -1
        fill = self.examples.index(examples) if examples in self.examples else 0
        # With a single number of examples, nothing is to be told apart by hollow or filled.
        fill = fill if len(self.examples) > 1 else 1
        return LineStyle(
            name=group_name(_GROUP, group) or "unknown",
            color=COLORS[place % len(COLORS)] if place >= 0 else _GREY,
            symbol=SYMBOLS[max(0, place) % len(SYMBOLS)] + FILLS[fill % len(FILLS)],
        )

    def legend(self, *, paper: bool) -> list[Trace]:
        """An entry for each line, and one for the paper's."""
        entries = [
            self.style((strength, examples)).legend_entry()
            for strength in self.strengths or [None]
            for examples in self.examples or [None]
        ]
        return [*entries, *([paper_entry()] if paper else [])]


def repair_panels(
    points: "pd.DataFrame",
    *,
    task: str | None = None,
    metrics: Sequence[str] = ("label_accuracy", "model_accuracy"),
    by: Literal["mean", "condition"] = "mean",
    paper: bool = True,
    filtered: bool = False,
) -> "go.Figure":
    """What label replacement brings, by texts inspected; "all" stands apart at the right.

    customdata is `point`, "" of a mean.

    Args:
        points: a points frame, the paper's rows among them by `source`.
        task: the name of ours; None: all together.
        metrics: a row of panels each.
        by: "mean": a panel for each suppression strength with a line for each temperature, means
            over all else, the paper's (which puts seeded and unseeded together) pale and dashed
            behind; "condition": a line for each condition, beyond eight in grey with their mean.
        paper: whether to show the paper's.
        filtered: ours after out-of-scope filtering, too.
    """
    import pandas as pd

    after = points["filtered"].astype(bool).to_numpy(np.bool_)
    ours = points[~is_paper(points) & (after == filtered)]
    if task is not None:
        ours = ours[ours["task"] == task]
    repaired = points[is_paper(points) & ~after & points["seeding"].isna().to_numpy(np.bool_)]
    theirs = repaired[repaired["task"] == AVERAGE] if paper and by == "mean" else repaired.iloc[:0]
    frame = pd.concat([ours, theirs])
    budgets = inspected_counts(frame)
    if len(budgets) < 2 or not any(frame[metric].notna().any() for metric in metrics):
        return empty_figure("Label replacement has not been run yet.")
    places = _budget_places(budgets)
    ours, theirs = (
        part.assign(at=[places.get(str(count)) for count in part["inspected"]])
        for part in (ours, theirs)
    )
    last = max(places.values())
    axis = {
        "range": [-0.05 * last, 1.05 * last],
        "tickmode": "array",
        "tickvals": list(places.values()),
        "ticktext": list(places),
    }
    if by == "condition":
        return _by_condition(ours, metrics, axis, caveats(frame, metrics))
    line = ("temperature", "suppression", "inspected")
    pooled = pooled_knobs(ours, line, ("task", *ALL_KNOBS))
    temperatures = knob_values(frame, "temperature")
    strengths = knob_values(frame, "suppression")[:_MAX_STRENGTHS]
    panels = [
        Panel(
            name=f"{axis_title(metric)}, {knob_words('suppression', strength)}",
            metric=metric,
            ours=_temperature_series(ours, strength, metric),
            paper=_temperature_series(theirs, strength, metric),
        )
        for metric in metrics
        for strength in strengths
    ]
    styles = {value: _temperature_style(value, temperatures) for value in temperatures}
    legend = [style.legend_entry() for style in styles.values()]
    return line_panels(
        panels,
        PanelLayout(columns=len(strengths), x_axis=axis, x_title="Texts inspected", share=True),
        style=lambda group: styles[group[0]],
        legend=[*legend, *([paper_entry()] if len(theirs) else [])],
        notes=caveats(frame, metrics, pooled=pooled),
    )


def _temperature_series(points: "pd.DataFrame", strength: Any, metric: str) -> list[Series]:
    rows = points[(points["suppression"] == strength) & points["temperature"].notna()]
    return series_of(rows, at="at", by=["temperature"], metric=metric)


def _by_condition(
    ours: "pd.DataFrame", metrics: Sequence[str], axis: Mapping[str, object], notes: list[str]
) -> "go.Figure":
    first = ours.drop_duplicates("condition")
    keys = first["condition"].tolist()
    names = condition_names(first, varying_knobs(first)) if len(first) > 1 else ["condition"]
    few = len(keys) <= _MAX_NAMED
    styles: dict[Any, LineStyle] = {
        "each": LineStyle("condition", _GREY, thin=True),
        "mean": LineStyle(f"mean of {len(keys):,} conditions", LABEL_COLORS[0], SYMBOLS[1]),
    }
    if few:
        styles = {
            key: LineStyle(
                name or shortened(str(key)),
                COLORS[place % len(COLORS)],
                SYMBOLS[place % len(SYMBOLS)],
            )
            for place, (key, name) in enumerate(zip(keys, names, strict=True))
        }
    panels = []
    for metric in metrics:
        lines = series_of(ours, at="at", by=["condition"], metric=metric)
        if not few and lines:
            mean = series_of(ours.assign(every="mean"), at="at", by=["every"], metric=metric)
            lines = [joined(lines, group=("each",)), *mean]
        panels.append(Panel(axis_title(metric), metric, lines))
    return line_panels(
        panels,
        PanelLayout(columns=len(metrics), x_axis=axis, x_title="Texts inspected", height=280),
        style=lambda group: styles[group[0]],
        legend=[style.legend_entry() for style in styles.values()],
        notes=notes,
    )


def _budget_places(budgets: Sequence[str]) -> dict[str, float]:
    """The place of each number of inspected texts: to scale, "all" after the largest."""
    counted = {count: float(count) for count in budgets if count != ALL}
    most = max(counted.values(), default=0.0)
    return counted | ({ALL: _ALL_AFTER * most or 1.0} if ALL in budgets else {})


def _temperature_style(temperature: float, among: Sequence[float]) -> LineStyle:
    """From cold to hot, from dark to light; a symbol each."""
    place = among.index(temperature)
    shade = round(place / max(1, len(among) - 1) * (len(SEQUENCE_COLORS) - 1))
    name = knob_words("temperature", temperature)
    return LineStyle(name, SEQUENCE_COLORS[shade], SYMBOLS[place % len(SYMBOLS)])
