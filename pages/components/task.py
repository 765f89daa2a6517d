"""The choice of a task that has texts, and the runs that are open, the same on every page."""

from collections.abc import Collection, Iterable, Sequence

import streamlit as st

from core.diversity.map.frame import display_names
from core.domain.errors import BadInput
from core.domain.tasks import Task
from core.jobs.queue import LIVE, states_of_runs
from core.store.database import Database
from core.store.generation.runs import RunRecord, RunSummary, get_run
from pages.components.shell import escape_markdown

_RUN = "run"
_OPEN, _SHOWN = "open_runs", "{}_runs_shown"


def choose_task(
    summaries: Sequence[RunSummary], requested: Sequence[RunRecord], *, key: str
) -> Task:
    """Draw the choice.

    Args:
        summaries: runs with texts, at least one, newest first.
        requested: runs whose task is to be selected now; of several tasks, the first one's.
        key: of the widget.
    """
    tasks: dict[str, Task] = {}
    for row in summaries:
        tasks.setdefault(row.run.spec.task.key, row.run.spec.task)
    names = dict(zip(tasks, display_names([task.name for task in tasks.values()]), strict=True))
    if requested:
        st.session_state[key] = requested[0].spec.task.key
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


def requested_runs(summaries: Sequence[RunSummary], *, page: str) -> list[RunRecord]:
    """Runs that the page is to show now: those of its address, else those opened on another page.

    Each is requested once, so that another choice on the page stays. An address of a run that is
    not there is answered by a message.

    Args:
        summaries: runs with texts.
        page: keeps the pages apart.
    """
    runs = {row.run.id: row.run for row in summaries}
    address = tuple(st.query_params.get_all(_RUN))
    unknown = [run_id for run_id in address if run_id not in runs]
    if unknown:
        st.warning(
            "The run in this page's address has no texts or was deleted. Choose another in the "
            "sidebar.",
            icon=":material/link_off:",
        )
    asked = address or st.session_state.get(_OPEN, ())
    if asked == st.session_state.get(_SHOWN.format(page), ()):
        return []
    return [runs[run_id] for run_id in asked if run_id in runs]


def opened_run(db: Database, *, page: str) -> RunRecord | None:
    """The run of the address, else the one opened last on another page; once for each page.

    For pages that show a single run: None where it is unknown or was deleted, which they say.
    """
    asked = tuple(st.query_params.get_all(_RUN)) or st.session_state.get(_OPEN, ())
    if not asked or asked == st.session_state.get(_SHOWN.format(page), ()):
        return None
    try:
        run = get_run(db, asked[0])
    except BadInput:
        return None
    if run.deleted_at is not None:
        return None
    st.session_state[_OPEN] = st.session_state[_SHOWN.format(page)] = asked
    return run


def at_rest(db: Database, run_ids: Iterable[str]) -> str:
    """The first of the runs that nothing is writing at the moment; the first, if all are written.

    Args:
        db: the store.
        run_ids: at least one, newest first.
    """
    states = states_of_runs(db)
    first, *others = run_ids
    return next((run_id for run_id in (first, *others) if states.get(run_id) not in LIVE), first)


def keep_open(run_ids: Sequence[str], *, page: str) -> None:
    """Put the runs that a page shows into its address; other pages open them, too."""
    shown = tuple(run_ids)
    st.session_state[_OPEN] = st.session_state[_SHOWN.format(page)] = shown
    if tuple(st.query_params.get_all(_RUN)) != shown:
        st.query_params[_RUN] = list(shown)


def open_runs(run_ids: Collection[str]) -> list[str]:
    """Of some runs those that are open, on this page or another."""
    return [run_id for run_id in st.session_state.get(_OPEN, ()) if run_id in run_ids]


def show_title(title: str, task: Task) -> None:
    """Draw a page's title with the name of the task that it shows."""
    st.subheader(title, anchor=False, width="content")
    st.badge(escape_markdown(task.name), icon=":material/category:", color="gray")
