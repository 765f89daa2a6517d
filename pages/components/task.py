"""The choice of a task that has texts, for pages that work on runs."""

from collections.abc import Sequence

import streamlit as st

from core.diversity.map.frame import display_names
from core.domain.tasks import Task
from core.store.generation.runs import RunRecord, RunSummary


def choose_task(summaries: Sequence[RunSummary], requested: RunRecord | None, *, key: str) -> Task:
    """Draw the choice.

    Args:
        summaries: runs with texts, at least one, newest first.
        requested: a run whose task is to be selected now.
        key: of the widget.
    """
    tasks: dict[str, Task] = {}
    for row in summaries:
        tasks.setdefault(row.run.spec.task.key, row.run.spec.task)
    names = dict(zip(tasks, display_names([task.name for task in tasks.values()]), strict=True))
    if requested is not None:
        st.session_state[key] = requested.spec.task.key
    chosen = st.selectbox(
        "Task",
        list(tasks),
        format_func=lambda task: names.get(task, task),
        key=key,
        persist_state="session",
        help="Tasks that have texts. Runs of one task share one map.",
    )
    return tasks[chosen]


def run_names(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Display names by id, without the task's name; of equal names the older run comes first.

    Args:
        runs: all of the task's, so that a name does not depend on which of them are selected.
    """
    oldest = sorted(runs, key=lambda run: (run.created_at, run.id))
    short = [run.name.removeprefix(f"{run.spec.task.name}, ") for run in oldest]
    return dict(zip([run.id for run in oldest], display_names(short), strict=True))


def requested_run(summaries: Sequence[RunSummary], *, page: str) -> RunRecord | None:
    """The run that the page's address names, once.

    Args:
        summaries: runs with texts.
        page: keeps the pages apart.
    """
    run_id = st.query_params.get("run")
    requested = next((row.run for row in summaries if row.run.id == run_id), None)
    if requested is None or st.session_state.get(f"{page}_asked") == run_id:
        return None
    st.session_state[f"{page}_asked"] = run_id
    return requested
