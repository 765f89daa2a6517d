"""Explore: how widely the texts spread, and why."""

from contextlib import suppress
from uuid import uuid4

import streamlit as st

from core.diversity.measures.neighbours import DEFAULT_THRESHOLD
from core.domain.errors import StoreBusy, WidesetError
from core.jobs.cached_measurements import Work, refit
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, states_of_runs, status
from core.store.datasets import reference_key, run_key
from pages.components.explore.choice import Choice, choose, has_texts
from pages.components.explore.exploration import Exploration, explore
from pages.components.explore.map import show_map
from pages.components.explore.measures import show_measures
from pages.components.explore.replay import show_replay
from pages.components.explore.scores import show_scores, show_side_by_side
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

_POLL_SECONDS = 2.0
_REFITTING = "refit_job"
_TABS = ("Map", "Scores", "As they arrived", "Why", "All measures")


def _refit(app: AppContext, choice: Choice, token: str) -> None:
    """A new map of what is on view; a second call with the same token finds the first one's."""
    datasets = [run_key(run.id) for run in choice.runs]
    if choice.reference is not None:
        datasets.append(reference_key(choice.reference.id, "train"))
    try:
        job = refit(app.db, datasets, task_key=choice.task.key, choice=choice.encoder, token=token)
        st.session_state[_REFITTING] = job.id
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
        return
    st.session_state["refit_token"] = uuid4().hex


@st.fragment(run_every=_POLL_SECONDS)
def _watch(app: AppContext, runs: tuple[str, ...], going: int) -> None:
    """Draws nothing; the whole page is drawn anew once a run comes to rest."""
    with suppress(StoreBusy):
        states = states_of_runs(app.db)
        if sum(states.get(run) in LIVE for run in runs) != going:
            st.rerun()


def _refitting(app: AppContext) -> list[Work]:
    """The new map that this person asked for, until it is there."""
    job_id = st.session_state.get(_REFITTING)
    if job_id is None:
        return []
    job, state = status(app.db, job_id)
    if state == "done":
        del st.session_state[_REFITTING]
        return []
    return [Work(job, state)]


def _show(app: AppContext, seen: Exploration) -> None:
    threshold = st.session_state.get("near_threshold", DEFAULT_THRESHOLD)
    with st.container():
        show_side_by_side(seen, threshold=threshold)
    tabs = dict(
        zip(_TABS, st.tabs(list(_TABS), key="explore_tabs", on_change="rerun"), strict=True)
    )
    for name, tab in tabs.items():
        if not tab.open:
            continue
        with tab:
            if name == "Map":
                show_map(app, seen, threshold=threshold)
            elif name == "Scores":
                show_scores(seen, threshold=threshold)
            elif name == "As they arrived":
                show_replay(app, seen)
            elif name == "Why":
                show_why(app, seen, threshold=threshold)
            else:
                show_measures(seen)


app = set_up()
load_figures_ahead()
show_flash()
with show_errors():
    choice = choose(app)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Explore", anchor=False, width="content")
        st.space("stretch")
        if choice is not None:
            st.button(
                "Refit the map",
                icon=":material/restart_alt:",
                key="refit",
                help="Fit the task's map anew on the texts on view. New texts are otherwise placed "
                "on the map as it is.",
                on_click=_refit,
                args=(app, choice, st.session_state.setdefault("refit_token", uuid4().hex)),
            )
    if choice is None and has_texts(app):
        st.info("Choose a run, and name an encoder, in the side bar.", icon=":material/arrow_back:")
    elif choice is None:
        st.info(
            "There is nothing to see yet. Generate some texts first.",
            icon=":material/scatter_plot:",
        )
        st.page_link("pages/generate.py", label="Generate texts", icon=":material/edit_note:")
    else:
        with st.sidebar:
            st.slider(
                "Near repeats",
                0.0,
                0.5,
                DEFAULT_THRESHOLD,
                0.01,
                key="near_threshold",
                persist_state="session",
                help="Two texts whose cosine distance is at most this count as near repeats.",
            )
        going = _refitting(app)  # before the map is read: what is done by then is in it
        seen = explore(app, choice)
        # In one place, whatever comes and goes in it: a fragment is known by its own place.
        with st.container():
            if seen.going:
                names = escape_markdown(", ".join(seen.going))
                st.info(
                    f"Still generating: {names}. Measured and mapped when at rest; the live score "
                    "is on the Generate page.",
                    icon=":material/play_arrow:",
                )
                _watch(app, tuple(run.id for run in choice.runs), len(seen.going))
            show_work(app, [*going, *seen.works])
        _show(app, seen)
