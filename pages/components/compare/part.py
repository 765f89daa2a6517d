"""Which of the points a tab shows, their names, and the sentences that belong to any figure."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.analysis.frames.columns import METRICS
from core.analysis.frames.results import mixtures
from core.analysis.frontier import short_names
from core.domain.registries.metrics import SWEEP_METRICS
from core.domain.registries.stages import ALL, stage_words
from core.domain.wording import capitalized, counted, listed
from core.figures.compare.columns import at_stage
from pages.components.compare.comparison import Comparison
from pages.components.shell import escape_markdown

ALL_TASKS = "all"
WIDTH = 190


def choose_part(comparison: Comparison, *, all_tasks: bool = True) -> pd.DataFrame:
    """The points of one task, or of all; a choice is drawn where there are several.

    Args:
        comparison: what is compared.
        all_tasks: whether all together may be chosen.
    """
    names = dict(zip(comparison.points["task_key"], comparison.points["task"], strict=True))
    if len(names) < 2:
        return comparison.points
    own = comparison.choice.task.key
    options = sorted(names, key=lambda task_key: (task_key != own, names[task_key]))
    shown = [*options, ALL_TASKS] if all_tasks else options
    key = "compare_part" if all_tasks else "compare_one_part"
    if st.session_state.get(key) not in shown:
        st.session_state[key] = options[0]
    chosen = st.selectbox(
        "Task shown",
        shown,
        format_func=lambda task_key: "All tasks" if task_key == ALL_TASKS else names.get(task_key),
        key=key,
        persist_state="session",
        width=WIDTH,
    )
    return (
        comparison.points
        if chosen == ALL_TASKS
        else comparison.points[comparison.points["task_key"] == chosen]
    )


def several_tasks(points: pd.DataFrame) -> bool:
    """Whether points are of more than one task."""
    return points["task_key"].nunique() > 1


def names_of(points: pd.DataFrame) -> dict[str, str]:
    """Each condition in words by its key, unique, in the order of the knobs; not escaped."""
    return short_names(points, context=("task", "encoder", "classifier"))


def stage_of(row: Mapping[str, object]) -> str:
    """The key of a point's stage: what its own key has after its condition's."""
    return f"{row['inspected']}{'-filtered' if row['filtered'] else ''}"


def stages_of(points: pd.DataFrame) -> dict[str, str]:
    """The stages of repair in words by `stage_of`, as generated first, "all" last."""
    stages = points[["inspected", "filtered"]].drop_duplicates()
    pairs = zip(stages["inspected"].astype(str), stages["filtered"].astype(bool), strict=True)
    ordered = sorted(pairs, key=lambda stage: (stage[1], stage[0] == ALL, stage[0].zfill(12)))
    return {
        stage_of({"inspected": inspected, "filtered": filtered}): capitalized(
            stage_words(inspected, filtered=filtered)
        )
        for inspected, filtered in ordered
    }


def at(points: pd.DataFrame, stage: str) -> pd.DataFrame:
    """The rows of one stage, given as by `stage_of`."""
    inspected, _, filtered = stage.partition("-")
    return at_stage(points, inspected, filtered=bool(filtered))


def measured(points: pd.DataFrame) -> list[str]:
    """The metrics of which any point has a value."""
    return [metric for metric in METRICS if points[metric].notna().any()]


def show_mixtures(points: pd.DataFrame) -> None:
    """Warn of what makes these points incomparable."""
    sentences = mixtures(points)
    if sentences:
        st.warning(escape_markdown(" ".join(sentences)), icon=":material/balance:")


def basis(points: pd.DataFrame) -> str:
    """How many conditions of what size, measured by what; fit for Markdown."""
    raw = points.drop_duplicates("condition")
    n, repeats = raw["n"], raw["repeats"]
    size = f"{n.min():,.0f}" if n.max() - n.min() < 0.5 else f"{n.min():,.0f} to {n.max():,.0f}"
    runs = (
        counted(repeats.min(), "run")
        if repeats.min() == repeats.max()
        else f"{repeats.min():,} to {counted(repeats.max(), 'run')}"
    )
    sentences = [f"{counted(len(raw), 'condition')}, {runs} each, n = {size} texts per run."]
    encoders, classifiers = (_known(points[name]) for name in ("encoder", "classifier"))
    if encoders:
        embedded = [m.column for m in SWEEP_METRICS if m.needs_encoder and m.measured]
        names = capitalized(listed(embedded))
        sentences.append(f"{names} by {listed(encoders)}, cosine distance.")
    if classifiers and points["model_accuracy"].notna().any():
        sentences.append(f"Model accuracy of {listed(f'a {name}' for name in classifiers)}.")
    if repeats.max() > 1:
        sentences.append(
            "Intervals of repeated conditions are from the spread between the runs of all "
            "conditions of a task."
        )
    return escape_markdown(" ".join(sentences))


def _known(names: pd.Series) -> Sequence[str]:
    return sorted({str(name) for name in names if name})
