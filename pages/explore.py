"""Explore: how diverse the texts are, and why."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from uuid import uuid4

import streamlit as st

from core.domain.errors import StoreBusy, WidesetError
from core.jobs.handlers.measurements import refit
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Work, states_of_runs, status
from core.store.datasets import reference_key, run_key
from pages.components.explore.choice import Choice, choose, has_texts
from pages.components.explore.exploration import Exploration, explore
from pages.components.explore.map import show_map
from pages.components.explore.scores import show_metrics, show_scores, show_summary
from pages.components.explore.timeline import show_timeline
from pages.components.explore.why import show_why
from pages.components.jobs import show_work
from pages.components.shell import (
    AppContext,
    escape_markdown,
    flash,
    load_figures_ahead,
    set_up,
    show_errors,
    show_flash,
)
from pages.components.task import show_title

_POLL_SECONDS = 2.0
_REFIT_JOB, _REFIT_TOKEN = "refit_job", "refit_token"
_TABS: Mapping[str, Callable[[AppContext, Exploration], None]] = {
    "Map": show_map,
    "Scores": show_scores,
    "Timeline": show_timeline,
    "Why": show_why,
    "All metrics": show_metrics,
}


def _refit(app: AppContext, choice: Choice, token: str) -> None:
    """Queue a new map of the texts shown; once per token."""
    datasets = [run_key(run.id) for run in choice.runs]
    if choice.reference is not None:
        datasets.append(reference_key(choice.reference.id, "train"))
    try:
        job = refit(app.db, datasets, task_key=choice.task.key, choice=choice.encoder, token=token)
        st.session_state[_REFIT_JOB] = job.id
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
        return
    st.session_state[_REFIT_TOKEN] = uuid4().hex


@st.fragment(run_every=_POLL_SECONDS)
def _watch_runs(app: AppContext, runs: tuple[str, ...], generating: int) -> None:
    """Draw nothing, but rerun the page when a run has finished."""
    with suppress(StoreBusy):
        states = states_of_runs(app.db)
        if sum(states.get(run) in LIVE for run in runs) != generating:
            st.rerun()


def _refit_jobs(app: AppContext) -> list[Work]:
    """The new map that this session asked for, until it exists."""
    job_id = st.session_state.get(_REFIT_JOB)
    if job_id is None:
        return []
    job, state = status(app.db, job_id)
    if state == "done":
        del st.session_state[_REFIT_JOB]
        return []
    return [Work(job, state)]


def _show_heading(app: AppContext, choice: Choice | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if choice is None:
            st.subheader("Explore", anchor=False, width="content")
        else:
            show_title("Explore", choice.task)
            st.space("stretch")
            token = st.session_state.setdefault(_REFIT_TOKEN, uuid4().hex)
            st.button(
                "Refit map",
                icon=":material/restart_alt:",
                key="refit",
                help="Fit the task's map anew on the texts shown. Otherwise, new texts are added "
                "to the existing map.",
                on_click=_refit,
                args=(app, choice, token),
            )


def _show_tabs(app: AppContext, view: Exploration) -> None:
    with st.container():
        show_summary(view)
    tabs = st.tabs(list(_TABS), key="explore_tabs", on_change="rerun", bind="query-params")
    for tab, show in zip(tabs, _TABS.values(), strict=True):
        if tab.open:
            with tab:
                show(app, view)


def _show_page(app: AppContext) -> None:
    choice = choose(app)
    _show_heading(app, choice)
    if choice is None and has_texts(app):
        st.info("Choose a run and an encoder in the sidebar.", icon=":material/arrow_back:")
        return
    if choice is None:
        st.info("There are no texts yet. Generate some first.", icon=":material/scatter_plot:")
        st.page_link("pages/generate.py", label="Generate texts", icon=":material/edit_note:")
        return
    refits = _refit_jobs(app)  # before the map is read, so that a finished one is in it
    view = explore(app, choice)
    # In a container, so that the fragments below keep their position, which identifies them.
    with st.container():
        if view.generating:
            names = escape_markdown(", ".join(view.generating))
            st.info(
                f"Still generating: {names}. Metrics and map follow when the run has finished; the "
                "live score is on the Generate page.",
                icon=":material/play_arrow:",
            )
            _watch_runs(app, tuple(run.id for run in choice.runs), len(view.generating))
        show_work(app, [*refits, *view.jobs])
    _show_tabs(app, view)


app = set_up()
load_figures_ahead()
show_flash()
with show_errors():
    _show_page(app)
