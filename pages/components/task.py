"""The choice of a task among those that have texts, for pages that look at runs."""

from collections.abc import Sequence

import streamlit as st

from core.diversity.map.frame import display_names
from core.domain.tasks import Task
from core.store.generation.runs import RunRecord, RunSummary


def choose_task(found: Sequence[RunSummary], asked: RunRecord | None, *, key: str) -> Task:
    """Draw the choice.

    Args:
        found: runs with texts, at least one, the newest first.
        asked: a run whose task is to be chosen now.
        key: of the widget.
    """
    tasks: dict[str, Task] = {}
    for row in found:
        tasks.setdefault(row.run.spec.task.key, row.run.spec.task)
    names = dict(zip(tasks, display_names([task.name for task in tasks.values()]), strict=True))
    if asked is not None:
        st.session_state[key] = asked.spec.task.key
    chosen = st.selectbox(
        "Task",
        list(tasks),
        format_func=lambda one: names.get(one, one),
        key=key,
        persist_state="session",
        help="Tasks that have texts. Runs of one task share one map.",
    )
    return tasks[chosen]


def run_names(own: Sequence[RunRecord]) -> dict[str, str]:
    """Names for display by id, without the task's, which all share; of two alike the older first.

    Counted over all of the task's runs, so that a run keeps its name whatever is chosen beside it.
    """
    oldest = sorted(own, key=lambda run: (run.created_at, run.id))
    short = [run.name.removeprefix(f"{run.spec.task.name}, ") for run in oldest]
    return dict(zip([run.id for run in oldest], display_names(short), strict=True))


def asked_run(found: Sequence[RunSummary], *, page: str) -> RunRecord | None:
    """The run that the page's address names, once.

    Args:
        found: runs with texts.
        page: tells pages apart.
    """
    wanted = st.query_params.get("run")
    asked = next((row.run for row in found if row.run.id == wanted), None)
    if asked is None or st.session_state.get(f"{page}_asked") == wanted:
        return None
    st.session_state[f"{page}_asked"] = wanted
    return asked
