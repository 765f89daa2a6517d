"""Our data beside the paper's: its four panels, and what its label replacement brought."""

from collections.abc import Mapping

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
from core.figures.compare.columns import at_stage
from core.figures.compare.paper import PaperPlace, PaperView, repair_panels, temperature_panels
from pages.components.compare.comparison import Comparison
from pages.components.compare.part import (
    WIDTH,
    at,
    basis,
    choose_part,
    measured,
    several_tasks,
    show_mixtures,
    stages_of,
)
from pages.components.compare.point import cells, chosen_by, metric_column, show_point
from pages.components.shell import AppContext, escape_markdown, show_errors

_CHANGE, _VALUES = "Change", "Values"
_PLACES: Mapping[str, PaperPlace] = {
    "Behind": "behind",
    "Own axis": "own axis",
    "Beside": "beside",
    "Hidden": "none",
}
_KNOBS = ["temperature", "suppression", "seeding"]
_LINES = 8  # beyond, nobody tells them apart
_SEEDS = 18  # of the paper


@st.fragment
def show_paper(app: AppContext, seen: Comparison) -> None:
    """Draw the panels, the repairs, and both as a table."""
    with show_errors():
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            part = choose_part(seen)
            stages = stages_of(part)
            scale, place = _choose_scale(part), _choose_place()
            stage = _choose_stage(stages)
            part, few = _fewer(part)
        tasks = dict(zip(part["task"], part["task_key"], strict=True))
        theirs = {name: paper_name(key) or AVERAGE for name, key in tasks.items()}
        show_mixtures(part)
        _say_tasks(theirs)
        together = pd.concat([part, paper_conditions(*set(theirs.values()))], ignore_index=True)
        metrics = measured(part)
        inspected, _, filtered = stage.partition("-")
        st.markdown("**The four panels** :small[:gray[the paper's figure 2]]")
        st.plotly_chart(
            temperature_panels(
                together,
                PaperView(
                    paper=_PLACES[place],
                    paper_tasks=theirs,
                    relative=scale == _CHANGE,
                    inspected=inspected,
                    filtered=bool(filtered),
                ),
                tasks=list(tasks),
                metrics=metrics,
            ),
            key="paper_panels",
            on_select=chosen_by(part, "paper_panels"),
            selection_mode="points",
            config={"displayModeBar": False},
            alt="The metrics over temperature, by suppression and seeding, ours and the paper's; "
            "as a table below",
        )
        st.caption(f"{few}{_says(scale)} Ours: {basis(at_stage(part))}")
        _show_table(at(part, stage), theirs, metrics)
        if len({str(one) for one in part["inspected"]}) > 1:
            _show_repairs(part, hidden=place == "Hidden")
        with st.container(border=True):
            show_point(seen, part)


def _fewer(part: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Of a large grid the settings nearest to the paper's, unless all are asked for; and a word."""
    if len(part[["suppression", "seeding"]].drop_duplicates()) <= _LINES:
        return part, ""
    if st.toggle("All settings", key="paper_all", persist_state="session"):
        return part, ""
    return nearest_to_paper(part), (
        "Of our settings only those nearest to the paper's: with and without suppression, with "
        "and without seeds. "
    )


def nearest_to_paper(points: pd.DataFrame) -> pd.DataFrame:
    """The points without suppression or with the strength nearest to 7.5, and likewise of 18 seed
    examples."""
    keep = pd.Series(True, index=points.index)
    for knob, theirs in (("suppression", STRENGTH), ("seeding", _SEEDS)):
        values = [one for one in points[knob].unique() if one]
        near = min(values, key=lambda one: abs(one - theirs), default=0)
        keep &= points[knob].isin([0, near])
    return points[keep]


def _choose_scale(part: pd.DataFrame) -> str:
    raw = at_stage(part)
    corner = ((raw["suppression"] == 0) & (raw["seeding"] == 0)).any()
    return str(
        st.segmented_control(
            "Show",
            [_CHANGE, _VALUES],
            default=_CHANGE if corner else _VALUES,
            key="paper_scale",
            required=True,
            persist_state="session",
            help="Change: against the condition without suppression and seeding at the lowest "
            "temperature that ours and the paper's both have.",
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
            help="Behind ours on one axis; on an axis of its own at the right; in a row of its "
            "own; or not at all.",
        )
    )


def _choose_stage(stages: Mapping[str, str]) -> str:
    if st.session_state.get("paper_stage") not in stages:
        st.session_state["paper_stage"] = next(iter(stages))
    return str(
        st.selectbox(
            "Repair of ours",
            list(stages),
            format_func=lambda one: stages.get(one, one),
            key="paper_stage",
            persist_state="session",
            width=WIDTH + 60,
            help="The paper's panels are as generated.",
        )
    )


def _say_tasks(theirs: Mapping[str, str]) -> None:
    """Which of the paper's tasks each of ours is set against."""
    none = [name for name, its in theirs.items() if its == AVERAGE]
    if none:
        names = ", ".join(none)
        verb = "is" if len(none) == 1 else "are"
        st.info(
            escape_markdown(
                f"{names} {verb} none of the paper's eight tasks: set against the mean of the "
                "eight."
            ),
            icon=":material/info:",
        )


def _says(scale: str) -> str:
    unlike = (
        f"{NOTE} Its encoder ({ENCODER}) and its classifier ({CLASSIFIER}) are not ours, so that "
    )
    unlike += (
        "even changes are set beside each other by direction and order of size alone."
        if scale == _CHANGE
        else "values are not comparable: look at where lines go, or at the change."
    )
    return escape_markdown(unlike)


def _show_repairs(part: pd.DataFrame, *, hidden: bool) -> None:
    st.markdown("**What label replacement brings** :small[:gray[the paper's figure 3]]")
    together = part if hidden else pd.concat([part, paper_label_replacement()], ignore_index=True)
    names = part["task"].unique()
    st.plotly_chart(
        repair_panels(
            together,
            task=None if several_tasks(part) else str(names[0]),
            metrics=[
                one for one in ("label_accuracy", "model_accuracy") if part[one].notna().any()
            ],
            paper=not hidden,
        ),
        key="paper_repairs",
        on_select=chosen_by(part, "paper_repairs"),
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Label and model accuracy over the number of inspected texts, by temperature and "
        "suppression",
    )
    st.caption(
        escape_markdown(
            "The paper's lines are means of its eight tasks, seeded and unseeded data together. "
            "Its sets hold 5,600 texts: 180 inspected ones are 3 % of them, and a larger share of "
            "a smaller set."
        )
        if not hidden
        else "Ours alone."
    )


def _show_table(part: pd.DataFrame, theirs: Mapping[str, str], metrics: list[str]) -> None:
    """The panels' numbers."""
    with st.expander("As a table", icon=":material/table:"):
        frames = []
        for name, its in theirs.items():
            own = part[part["task"] == name]
            paper = paper_conditions(its)
            paper = paper.assign(seeding=paper["seeding"] > 0)
            paired = own.assign(seeding=own["seeding"] > 0).merge(
                paper, how="left", on=_KNOBS, suffixes=("", f"_{PAPER}")
            )
            frames.append(paired)
        both = pd.concat(frames, ignore_index=True)
        shown = [*(["task"] if len(theirs) > 1 else []), *_KNOBS]
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
                **{one: metric_column(one) for one in metrics},
                **{f"{one}_{PAPER}": metric_column(one, whose="paper's") for one in metrics},
            },
            alt="Each condition's numbers, ours and the paper's",
        )
