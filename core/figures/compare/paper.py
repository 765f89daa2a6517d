"""The paper's figures 2 and 3: metrics over temperature, and over inspected texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.figures.compare.columns import (
    ALL,
    METRICS,
    PAPER,
    at_stage,
    condition_names,
    knob_told,
    knob_values,
    pooled,
    stages,
    title,
    unlike,
    varying,
)
from core.figures.compare.line_panels import (
    FILLS,
    Look,
    Panel,
    Series,
    joined,
    line_entry,
    panels_drawn,
    series_of,
)
from core.figures.elements import SYMBOLS, Trace, legend_entry
from core.figures.theme import LABEL_COLORS, SEQUENCE_COLORS, grey, sentence_figure, shortened

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


PaperPlace = Literal["behind", "own axis", "beside", "none"]


AVERAGE = "average"


COLORS = tuple(LABEL_COLORS[place] for place in (0, 5, 2, 3, 1, 4, 6, 7))


_GROUP = ("suppression", "seeding")


_TICKS = 7  # temperatures that all have a tick


def panels_figure(
    points: "pd.DataFrame",
    *,
    tasks: Sequence[str] | None = None,
    metrics: Sequence[str] = METRICS,
    paper: PaperPlace = "behind",
    paper_tasks: Mapping[str, str] | None = None,
    relative: bool = False,
    inspected: str = "0",
    filtered: bool = False,
    columns: int | None = None,
) -> "go.Figure":
    """Lines over temperature: colour and symbol tell suppression, hollow or filled the seeding.

    Ours are in full colour, the paper's pale and dashed. Conditions that differ in something else
    are put together by their mean. customdata is `point`, "" of a mean.

    Args:
        points: a points frame, the paper's rows among them by `source`.
        tasks: names of our tasks, a row of panels each; by default all that occur.
        metrics: a panel each.
        paper: where the paper's values stand: on our axes, on axes of their own at the right, in
            rows of their own, or nowhere.
        paper_tasks: which of the paper's tasks belongs to ours; by default the one of the same
            name, else its average.
        relative: changes against the condition without suppression and seeding at the lowest
            temperature that both have, as absolute values of two encoders or classifiers can't be
            compared; without intervals.
        inspected: the stage of our data; the paper's is as generated.
        filtered: the same.
        columns: panels in a row, when there is one row; by default two.
    """
    is_paper = points["source"] == PAPER
    ours = at_stage(points[~is_paper], inspected, filtered=filtered)
    theirs = at_stage(points[is_paper])
    # The paper's repairs, seeded and unseeded in one, belong to another figure.
    theirs = theirs[theirs["seeding"].notna()]
    if paper == "none":
        theirs = theirs.iloc[:0]
    names = list(dict.fromkeys(ours["task"])) if tasks is None else list(tasks)
    panels: list[Panel] = []
    shown, said = [], []
    for name in names or [AVERAGE]:
        its = _paper_task(theirs, name, paper_tasks or {})
        pair = {"ours": ours[ours["task"] == name], PAPER: theirs[theirs["task"] == its]}
        lines = {
            (whose, metric): series_of(frame, at="temperature", by=_GROUP, metric=metric)
            for whose, frame in pair.items()
            for metric in metrics
        }
        if relative:
            lines, words = _changes(lines, _lowest(*pair.values()), name)
            said += words
        own = {metric: lines["ours", metric] for metric in metrics}
        behind = {metric: lines[PAPER, metric] for metric in metrics}
        nothing: dict[str, list[Series]] = {metric: [] for metric in metrics}
        if paper == "beside":
            panels += _row(f"{shortened(name)}, ours", own, nothing)
            panels += _row(f"{shortened(its)}, the paper", nothing, behind)
        else:
            heading = shortened(name) if len(names) > 1 else ""
            panels += _row(heading, own, behind)
        shown += list(pair.values())
    if not any(panel.ours or panel.paper for panel in panels):
        nothing_yet = "No condition has been measured at this stage yet."
        return sentence_figure("<br>".join([*dict.fromkeys(said), nothing_yet]))
    import pandas as pd

    frame = pd.concat(shown)
    line = ("task", "temperature", "suppression", "seeding")
    others = pooled(ours[ours["task"].isin(names)], line, ("min_p", "model", "other"))
    if others:
        said.append(f"Ours are means over {', '.join(map(title, others))}.")
    alike = unlike(frame, metrics)
    looks = _Looks.of(frame)
    temperatures = knob_values(frame, "temperature")
    if len(temperatures) == 1:
        said.append("One temperature only.")
    in_a_row = len(metrics) if len(panels) > len(metrics) else (columns or min(2, len(metrics)))
    return panels_drawn(
        panels,
        columns=in_a_row,
        look=lambda _, group: looks.look(group),
        legend=looks.legend(paper=bool(len(theirs)) and paper != "beside"),
        across=_panels_across(temperatures),
        x_title="temperature",
        own_axis=paper == "own axis",
        share=relative,
        relative=relative,
        said=[*dict.fromkeys(said), *([alike] if alike else [])],
    )


Lines = dict[tuple[str, str], list[Series]]


def _row(
    heading: str, ours: Mapping[str, list[Series]], paper: Mapping[str, list[Series]]
) -> list[Panel]:
    """A panel for each metric, in one row; none where there is nothing at all."""
    if not any([*ours.values(), *paper.values()]):
        return []
    return [
        Panel(
            name=title(metric),
            metric=metric,
            ours=ours[metric],
            paper=paper[metric],
            heading="" if place else heading,
        )
        for place, metric in enumerate(ours)
    ]


def _paper_task(theirs: "pd.DataFrame", name: str, known: Mapping[str, str]) -> str:
    """The paper's task for one of ours; spelled alike but for case and dashes is the same."""
    if name in known:
        return known[name]
    spelled = {_bare(one): one for one in theirs["task"].unique()}
    return str(spelled.get(_bare(name), AVERAGE))


def _bare(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


def _lowest(ours: "pd.DataFrame", theirs: "pd.DataFrame") -> float:
    """The lowest temperature that both have, or that any has; NaN for none."""
    mine, other = (set(knob_values(frame, "temperature")) for frame in (ours, theirs))
    return float(min((mine & other) or (mine | other), default=float("nan")))


def _changes(lines: Lines, temperature: float, task: str) -> tuple[Lines, list[str]]:
    """Series as changes against the corner; those without a corner are left out, and said."""
    changed: Lines = {}
    gone: dict[str, None] = {}
    of = f"T {temperature:g}, no suppression, unseeded"
    for (whose, metric), series in lines.items():
        corner = [
            value
            for one in series
            if one.group == (0, 0)
            for at, value in zip(one.at, one.value, strict=True)
            if at == temperature
        ]
        changed[whose, metric] = [one.minus(corner[0], metric, of) for one in series if corner]
        if series and not corner:
            gone[whose] = None
    owners = {"ours": f"Ours of {shortened(task)}", PAPER: f"The paper's of {shortened(task)}"}
    return changed, [f"{owners[whose]}: no condition {of} to change against." for whose in gone]


def _panels_across(temperatures: Sequence[float]) -> dict[str, Any]:
    low, high = (min(temperatures), max(temperatures)) if temperatures else (0.0, 1.0)
    margin = 0.07 * (high - low) or 0.1
    ticks: dict[str, Any] = {"nticks": 6}
    if len(temperatures) <= _TICKS:
        ticks = {"tickmode": "array", "tickvals": list(temperatures), "tickformat": ".4~g"}
    return {
        "range": [low - margin, high + margin],
        "ticks": "outside",
        "ticklen": 3,
        "tickcolor": grey(0.3),
        **ticks,
    }


@dataclass(frozen=True)
class _Looks:
    """Suppression strengths and numbers of seeds, by whose places lines look as they do."""

    strengths: list[Any]
    seeds: list[Any]

    @classmethod
    def of(cls, points: "pd.DataFrame") -> "_Looks":
        return cls(*(knob_values(points, knob) for knob in _GROUP))

    def look(self, group: tuple[Any, ...]) -> Look:
        strength, seeds = group
        place = self.strengths.index(strength) if strength in self.strengths else -1
        fill = self.seeds.index(seeds) if seeds in self.seeds else 0
        # A single number of seeds is no matter of hollow or filled.
        fill = fill if len(self.seeds) > 1 else 1
        return Look(
            name=", ".join(filter(None, map(knob_told, _GROUP, group))) or "unknown",
            color=COLORS[place % len(COLORS)] if place >= 0 else "#808080",
            symbol=SYMBOLS[max(0, place) % len(SYMBOLS)] + FILLS[fill % len(FILLS)],
        )

    def legend(self, *, paper: bool) -> list[Trace]:
        """An entry for each line, and one that says which are the paper's."""
        entries = []
        for strength in self.strengths or [None]:
            for seeds in self.seeds or [None]:
                look = self.look((strength, seeds))
                entries.append(line_entry(look))
        return [*entries, *([paper_entry()] if paper else [])]


def paper_entry() -> Trace:
    """The legend's word on the pale and dashed lines."""
    entry = legend_entry("the paper, read from its figures", group=PAPER)
    return entry | {"mode": "lines", "line": {"color": grey(0.7), "width": 1.4, "dash": "dash"}}


_ALL_AFTER = 1.35  # times the largest number of inspected texts stands "all"


_NAMED = 8  # conditions that have a colour each


_STRENGTHS = 4


_GREY = "#808080"


def repairs_figure(
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
    after = points["filtered"].astype(bool).to_numpy(np.bool_)
    is_paper = (points["source"] == PAPER).to_numpy(np.bool_)
    ours = points[~is_paper & (after == filtered)]
    if task is not None:
        ours = ours[ours["task"] == task]
    repaired = points[is_paper & ~after & points["seeding"].isna().to_numpy(np.bool_)]
    theirs = repaired[repaired["task"] == AVERAGE] if paper and by == "mean" else repaired.iloc[:0]
    import pandas as pd

    frame = pd.concat([ours, theirs])
    budgets = stages(frame)
    if len(budgets) < 2 or not any(frame[metric].notna().any() for metric in metrics):
        return sentence_figure("Nothing has been repaired yet: label replacement has not been run.")
    at = _places(budgets)
    ours, theirs = (
        one.assign(at=[at.get(str(k)) for k in one["inspected"]]) for one in (ours, theirs)
    )
    said = [
        f"Means over {', '.join(map(title, others))}." for others in (_merged(ours, by),) if others
    ]
    alike = unlike(frame, metrics)
    said += [alike] if alike else []
    across = _repairs_across(at)
    if by == "condition":
        return _by_condition(ours, metrics, across, said)
    temperatures = knob_values(frame, "temperature")
    strengths = knob_values(frame, "suppression")[:_STRENGTHS]
    panels = [
        Panel(
            name=f"{title(metric)}, {knob_told('suppression', strength)}",
            metric=metric,
            ours=_series(ours, strength, metric),
            paper=_series(theirs, strength, metric),
        )
        for metric in metrics
        for strength in strengths
    ]
    looks = {one: _temperature_look(one, temperatures) for one in temperatures}
    legend = [line_entry(look) for look in looks.values()]
    return panels_drawn(
        panels,
        columns=len(strengths),
        look=lambda _, group: looks[group[0]],
        legend=[*legend, *([paper_entry()] if len(theirs) else [])],
        across=across,
        x_title="texts inspected",
        share=True,
        said=said,
    )


def _series(points: "pd.DataFrame", strength: Any, metric: str) -> list[Series]:
    rows = points[(points["suppression"] == strength) & points["temperature"].notna()]
    return series_of(rows, at="at", by=["temperature"], metric=metric)


def _by_condition(
    ours: "pd.DataFrame", metrics: Sequence[str], across: dict[str, Any], said: list[str]
) -> "go.Figure":
    first = ours.drop_duplicates("condition")
    keys = first["condition"].tolist()
    names = condition_names(first, varying(first)) if len(first) > 1 else ["condition"]
    few = len(keys) <= _NAMED
    looks: dict[Any, Look] = {
        key: Look(
            name or shortened(str(key)), COLORS[place % len(COLORS)], SYMBOLS[place % len(SYMBOLS)]
        )
        for place, (key, name) in enumerate(zip(keys, names, strict=True))
        if few
    }
    if not few:
        looks["each"] = Look("condition", _GREY, "circle", thin=True)
        looks["mean"] = Look(f"mean of {len(keys):,} conditions", LABEL_COLORS[0], "diamond")
    panels = []
    for metric in metrics:
        lines = series_of(ours, at="at", by=["condition"], metric=metric)
        if not few and lines:
            mean = series_of(ours.assign(every="mean"), at="at", by=["every"], metric=metric)
            lines = [joined(lines, group=("each",)), *mean]
        panels.append(Panel(title(metric), metric, lines))
    return panels_drawn(
        panels,
        columns=len(metrics),
        look=lambda _, group: looks[group[0]],
        legend=[line_entry(look) for look in looks.values()],
        across=across,
        x_title="texts inspected",
        said=said,
        height=280,
    )


def _merged(ours: "pd.DataFrame", by: str) -> list[str]:
    """What else differs among conditions that stand together in one line."""
    line = ("temperature", "suppression", "inspected")
    among = ("task", "seeding", "min_p", "model", "other")
    return [] if by == "condition" else pooled(ours, line, among)


def _places(budgets: Sequence[str]) -> dict[str, float]:
    """Where each stage stands: numbers to scale, "all" after the largest."""
    counted = {one: float(one) for one in budgets if one != ALL}
    most = max(counted.values(), default=0.0)
    return counted | ({ALL: _ALL_AFTER * most or 1.0} if ALL in budgets else {})


def _repairs_across(at: dict[str, float]) -> dict[str, Any]:
    last = max(at.values())
    return {
        "range": [-0.05 * last, 1.05 * last],
        "tickmode": "array",
        "tickvals": list(at.values()),
        "ticktext": list(at),
        "ticks": "outside",
        "ticklen": 3,
        "tickcolor": grey(0.3),
    }


def _temperature_look(temperature: float, among: Sequence[float]) -> Look:
    """From cold to hot, from dark to light; a symbol each."""
    place = among.index(temperature)
    shade = round(place / max(1, len(among) - 1) * (len(SEQUENCE_COLORS) - 1))
    return Look(
        knob_told("temperature", temperature),
        SEQUENCE_COLORS[shade],
        SYMBOLS[place % len(SYMBOLS)],
    )
