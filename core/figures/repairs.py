"""Repairs: label and model accuracy over the number of inspected texts (the paper's figure 3)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.figures.line_panels import Look, Panel, line_entry, panels_drawn
from core.figures.palette import LABEL_COLORS, SEQUENCE_COLORS
from core.figures.panels import AVERAGE, COLORS, paper_entry
from core.figures.points import SYMBOLS
from core.figures.results import (
    ALL,
    PAPER,
    condition_names,
    knob_told,
    knob_values,
    pooled,
    stages,
    title,
    unlike,
    varying,
)
from core.figures.sentence import sentence_figure
from core.figures.series import Series, joined, series_of
from core.figures.style import grey
from core.figures.words import shortened

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

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
    across = _across(at)
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


def _across(at: dict[str, float]) -> dict[str, Any]:
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
