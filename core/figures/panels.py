"""The paper's four panels: metrics over temperature, by suppression and seeding (its figure 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from core.figures.line_panels import Look, Panel, line_entry, panels_drawn
from core.figures.palette import LABEL_COLORS
from core.figures.points import SYMBOLS, Trace, legend_entry
from core.figures.results import (
    METRICS,
    PAPER,
    at_stage,
    knob_told,
    knob_values,
    pooled,
    title,
    unlike,
)
from core.figures.sentence import sentence_figure
from core.figures.series import FILLS, Series, series_of
from core.figures.style import grey
from core.figures.words import shortened

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
        across=_across(temperatures),
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


def _across(temperatures: Sequence[float]) -> dict[str, Any]:
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
