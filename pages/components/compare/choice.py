"""The side bar of the Compare page: which project, which of its sweeps, and what is set against
what."""

from dataclasses import dataclass

import streamlit as st

from core.analysis.frames.columns import METRICS
from core.domain.tasks import Task
from core.store.generation.runs import RunRecord, list_runs
from core.store.sweeps import SweepRecord, list_sweeps
from pages.components.shell import AppContext, show_errors
from pages.components.task import choose_task, requested_run

METRIC_WORDS = {
    "diversity": "Diversity",
    "similarity": "Similarity to real data",
    "label_accuracy": "Label accuracy",
    "model_accuracy": "Model accuracy",
}
BUDGET_WORDS = {"none": "No repair", "all": "LR of all texts"}


@dataclass(frozen=True)
class Choice:
    """What is to be compared.

    Args:
        task: of the project.
        runs: the project's runs that have texts, the newest first.
        sweeps: those chosen, the newest first; of other tasks, too, where a study is on view.
        all_sweeps: all of the project's.
        x: metric on the horizontal axis of the frontier.
        y: metric on the vertical one.
        study: name of the study on view; empty for sweeps of the project alone.
    """

    task: Task
    runs: tuple[RunRecord, ...]
    sweeps: tuple[SweepRecord, ...]
    all_sweeps: tuple[SweepRecord, ...]
    x: str
    y: str
    study: str


def choose(app: AppContext) -> Choice | None:
    """Draw the choice; None while no project has a text."""
    found = [row for row in list_runs(app.db) if row.counts.usable]
    if not found:
        return None
    swept = {one.task_key for one in list_sweeps(app.db)}
    # Projects that have something to compare stand first, and so does the one to begin with.
    found.sort(key=lambda row: row.run.spec.task.key not in swept)
    with st.sidebar, show_errors():
        task = choose_task(found, requested_run(found, page="compare"), key="compare_task")
        runs = tuple(row.run for row in found if row.run.spec.task.key == task.key)
        own = list_sweeps(app.db, task_key=task.key)
        chosen = _choose_sweeps(own, task)
        study = _choose_study(chosen)
        if study:
            chosen = list_sweeps(app.db, study=study)
        x, y = _choose_axes() if chosen else ("diversity", "label_accuracy")
        return Choice(task, runs, tuple(chosen), tuple(own), x, y, study)
    return None


def _choose_sweeps(own: list[SweepRecord], task: Task) -> list[SweepRecord]:
    if not own:
        st.caption("No sweep of this project yet.")
        return []
    by_id = {one.id: one for one in own}
    key = f"compare_sweeps-{task.key}"
    kept = [one for one in st.session_state.get(key, []) if one in by_id]
    st.session_state[key] = kept or [own[0].id]
    chosen = st.multiselect(
        "Sweeps",
        list(by_id),
        format_func=lambda one: by_id[one].name if one in by_id else one,
        key=key,
        persist_state="session",
        wrap=True,
        help="Grids of conditions. Their points are drawn together.",
    )
    return [by_id[one] for one in chosen]


def _choose_study(chosen: list[SweepRecord]) -> str:
    """A study's name if its other tasks are to be seen, too."""
    studies = sorted({one.study for one in chosen if one.study})
    if len(studies) != 1:
        return ""
    whole = st.toggle(
        "All tasks of the study",
        key="compare_study",
        persist_state="session",
        help=f"The sweeps of other tasks that share the study's name, {studies[0]}.",
    )
    return studies[0] if whole else ""


def _choose_axes() -> tuple[str, str]:
    x, y = (
        st.selectbox(
            label,
            METRICS,
            index=METRICS.index(usual),
            format_func=METRIC_WORDS.__getitem__,
            key=key,
            persist_state="session",
        )
        for label, usual, key in (
            ("Frontier, across", "diversity", "compare_x"),
            ("Frontier, upwards", "label_accuracy", "compare_y"),
        )
    )
    return x, y
