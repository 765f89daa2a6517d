"""Our data beside the paper's: its four panels, and the effect of label replacement.

The paper's figures are about temperature, suppression and seeding, so these are named here.
"""

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st

from core.analysis.frames.paper import (
    AVERAGE,
    CLASSIFIER,
    ENCODER,
    NOTE,
    PAPER,
    STRENGTH,
    paper_conditions,
    paper_label_replacement,
    paper_name,
)
from core.domain.registries.metrics import COLUMN
from core.domain.wording import listed
from core.figures.compare.columns import at_stage
from core.figures.compare.paper import PaperPlace, PaperView, repair_panels, temperature_panels
from pages.components.compare.comparison import (
    WIDTH,
    Comparison,
    at,
    basis,
    choose_one,
    choose_part,
    measured,
    several_tasks,
    show_mixtures,
    stages_of,
)
from pages.components.compare.point import cells, choose_clicked, metric_column, show_point
from pages.components.shell import AppContext, escape_markdown, show_errors

_CHANGE, _VALUES = "Change", "Values"
_PLACES: Mapping[str, PaperPlace] = {
    "Behind": "behind",
    "Own axis": "own axis",
    "Beside": "beside",
    "Hidden": "none",
}
_KNOBS = ["temperature", "suppression", "seeding"]
_LINES = 8  # more could not be told apart
_SEEDS = 18  # of the paper


@st.fragment
def show_paper(app: AppContext, comparison: Comparison) -> None:
    """Draw the panels, the repairs, and the panels' numbers as a table."""
    with show_errors():
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            part = choose_part(comparison)
            stages = stages_of(part)
            scale, place = _choose_scale(part), _choose_place()
            stage = choose_one(
                "Repair of our data",
                list(stages),
                key="paper_stage",
                words=stages,
                width=WIDTH + 60,
                help="The paper's panels show data as generated.",
            )
            part, few = _fewer(part)
        tasks = dict(zip(part["task"], part["task_key"], strict=True))
        paper_tasks = {name: paper_name(key) or AVERAGE for name, key in tasks.items()}
        show_mixtures(part)
        _show_tasks(paper_tasks)
        together = pd.concat(
            [part, paper_conditions(*set(paper_tasks.values()))], ignore_index=True
        )
        metrics = measured(part)
        inspected, _, filtered = stage.partition("-")
        st.markdown("**The four panels** :small[:gray[the paper's figure 2]]")
        st.plotly_chart(
            temperature_panels(
                together,
                PaperView(
                    paper=_PLACES[place],
                    paper_tasks=paper_tasks,
                    relative=scale == _CHANGE,
                    inspected=inspected,
                    filtered=bool(filtered),
                ),
                tasks=list(tasks),
                metrics=metrics,
            ),
            key="paper_panels",
            on_select=partial(choose_clicked, part, "paper_panels"),
            selection_mode="points",
            config={"displayModeBar": False},
            alt="The metrics over temperature, by suppression and seeding, ours and the paper's; "
            "as a table below",
        )
        st.caption(f"{few}{_caveat(scale)} Ours: {basis(at_stage(part))}")
        _show_table(at(part, stage), paper_tasks, metrics)
        if part["inspected"].nunique() > 1:
            _show_repairs(part, hidden=place == "Hidden")
        with st.container(border=True):
            show_point(comparison, part)


def _fewer(part: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Of a large grid the settings nearest to the paper's unless all are wanted, and a sentence on
    that."""
    if len(part[["suppression", "seeding"]].drop_duplicates()) <= _LINES:
        return part, ""
    if st.toggle("All settings", key="paper_all", persist_state="session"):
        return part, ""
    return nearest_to_paper(part), (
        "Of our settings, only those nearest to the paper's are shown: with and without "
        "suppression, with and without seed examples. "
    )


def nearest_to_paper(points: pd.DataFrame) -> pd.DataFrame:
    """The points without suppression or with the strength nearest to 7.5, and likewise of 18 seed
    examples."""
    keep = pd.Series(True, index=points.index)
    for knob, paper in (("suppression", STRENGTH), ("seeding", _SEEDS)):
        values = [value for value in points[knob].unique() if value]
        near = min(values, key=lambda value: abs(value - paper), default=0)
        keep &= points[knob].isin([0, near])
    return points[keep]


def _choose_scale(part: pd.DataFrame) -> str:
    raw = at_stage(part)
    has_base = ((raw["suppression"] == 0) & (raw["seeding"] == 0)).any()
    return str(
        st.segmented_control(
            "Show",
            [_CHANGE, _VALUES],
            default=_CHANGE if has_base else _VALUES,
            key="paper_scale",
            required=True,
            persist_state="session",
            help="Change: relative to the condition without suppression and seed examples at the "
            "lowest temperature that ours and the paper's have in common.",
        )
    )


def _choose_place() -> str:
    return str(
        st.segmented_control(
            "The paper",
            list(_PLACES),
            default="Behind",
            key="paper_place",
            required=True,
            persist_state="session",
            help="Behind ours on the same axis; on its own axis at the right; in its own row; or "
            "not at all.",
        )
    )


def _show_tasks(paper_tasks: Mapping[str, str]) -> None:
    """Show which of our tasks are compared with the mean of the paper's."""
    none = [name for name, task in paper_tasks.items() if task == AVERAGE]
    if none:
        verb = "is" if len(none) == 1 else "are"
        st.info(
            escape_markdown(
                f"{listed(none)} {verb} not among the paper's eight tasks and {verb} compared with "
                "their mean."
            ),
            icon=":material/info:",
        )


def _caveat(scale: str) -> str:
    caveat = f"{NOTE} Its encoder ({ENCODER}) and classifier ({CLASSIFIER}) differ from ours, so "
    caveat += (
        "compare changes by direction and order of magnitude only."
        if scale == _CHANGE
        else "values are not comparable: compare the directions of lines, or show the change."
    )
    return escape_markdown(caveat)


def _show_repairs(part: pd.DataFrame, *, hidden: bool) -> None:
    st.markdown("**The effect of label replacement** :small[:gray[the paper's figure 3]]")
    together = part if hidden else pd.concat([part, paper_label_replacement()], ignore_index=True)
    names = part["task"].unique()
    st.plotly_chart(
        repair_panels(
            together,
            task=None if several_tasks(part) else str(names[0]),
            metrics=[name for name in measured(part) if COLUMN[name].unit == "share"],
            paper=not hidden,
        ),
        key="paper_repairs",
        on_select=partial(choose_clicked, part, "paper_repairs"),
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Label and model accuracy over the number of inspected texts, by temperature and "
        "suppression",
    )
    st.caption(
        escape_markdown(
            "The paper's lines are means over its eight tasks, seeded and unseeded data together. "
            "Its datasets have 5,600 texts: 180 inspected texts are 3% of them, but a larger "
            "share of a smaller dataset."
        )
        if not hidden
        else "Ours alone."
    )


def _show_table(part: pd.DataFrame, paper_tasks: Mapping[str, str], metrics: list[str]) -> None:
    """Draw the panels' numbers."""
    with st.expander("As a table", icon=":material/table:"):
        frames = []
        for name, task in paper_tasks.items():
            own = part[part["task"] == name]
            paper = paper_conditions(task)
            paper = paper.assign(seeding=paper["seeding"] > 0)
            paired = own.assign(seeding=own["seeding"] > 0).merge(
                paper, how="left", on=_KNOBS, suffixes=("", f"_{PAPER}")
            )
            frames.append(paired)
        both = pd.concat(frames, ignore_index=True)
        shown = [*(["task"] if len(paper_tasks) > 1 else []), *_KNOBS]
        table = both[shown]
        for metric in metrics:
            for column in (metric, f"{metric}_{PAPER}"):
                table = table.assign(**{column: cells(both, metric, column=column)})
        st.dataframe(
            table,
            hide_index=True,
            height="content" if len(both) <= 16 else 420,
            column_config={
                "task": st.column_config.TextColumn("Task"),
                "temperature": st.column_config.NumberColumn("Temperature", format="%.2g"),
                "suppression": st.column_config.NumberColumn("Suppression", format="%.3g"),
                "seeding": st.column_config.CheckboxColumn("Seeded"),
                **{name: metric_column(name) for name in metrics},
                **{f"{name}_{PAPER}": metric_column(name, whose="paper") for name in metrics},
            },
            alt="Each condition's numbers, ours and the paper's",
        )
