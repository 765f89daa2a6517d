"""Sweeps of runs that are there: nothing is generated, their texts are measured and repaired."""

from collections.abc import Sequence

import streamlit as st

from core.errors import WidesetError
from core.experiments.recipe import Recipe
from core.jobs.job import LIVE
from core.jobs.launch import ensure_worker
from core.jobs.queue import states_of_runs
from core.jobs.sweep import start_assessment
from core.jobs.sweep_estimate import assessment_seconds
from core.jobs.sweep_reuse import assessed
from core.references import Reference
from core.store.runs import RunRecord, list_runs
from core.tasks import Task
from pages.components.compare.sweep_settings import key_of, recipe_of_widgets
from pages.components.compare.sweep_state import REFUSED, show_next, token
from pages.components.compare.sweep_takes import real_texts
from pages.components.compare.sweep_widgets import name_widgets, repair_widgets
from pages.components.office import Office, told
from pages.components.progress import duration
from pages.components.task_choice import run_names


def show_for_runs(office: Office, task: Task, reference: Reference | None) -> None:
    """Draw the choice of runs and what is done with them."""
    states = states_of_runs(office.db)
    own = {
        row.run.id: row
        for row in list_runs(office.db)
        if row.counts.usable
        and row.run.spec.task.key == task.key
        and states.get(row.run.id) not in LIVE
    }
    if not own:
        st.info("No run of this task has texts and is at rest.", icon=":material/edit_note:")
        return
    names = run_names([row.run for row in own.values()])
    key = "sweep_runs"
    kept = [one for one in st.session_state.get(key, list(own)) if one in own]
    st.session_state[key] = kept
    chosen = st.multiselect(
        "Runs",
        list(own),
        format_func=lambda one: names.get(one, one),
        key=key,
        wrap=True,
        help="Nothing is generated: their texts are measured and repaired as they are.",
    )
    repair_widgets(reference)
    name_widgets()
    with st.container(border=True), told():
        recipe = recipe_of_widgets(task, reference)
        _, n_test = real_texts(office.db, recipe.reference)
        left = [one for one in chosen if not assessed(office.db, one, recipe)]
        sizes = [own[one].counts.usable for one in left]
        seconds = assessment_seconds(office.db, recipe, sizes, n_test=n_test)
        with st.grid(4, min_column_width=110, gap="small"):
            st.metric("Runs", f"{len(chosen):,}")
            st.metric("Measured already", f"{len(chosen) - len(left):,}")
            st.metric("Texts", f"{sum(own[one].counts.usable for one in chosen):,}")
            st.metric("Time, roughly", duration(max(1.0, seconds)) if left else "none")
        st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            key="sweep_assess",
            disabled=not chosen,
            on_click=_assess,
            args=(office, [own[one].run for one in chosen], recipe, task, token()),
        )


def _assess(
    office: Office, runs: Sequence[RunRecord], recipe: Recipe, task: Task, once: str
) -> None:
    name = str(st.session_state.get(key_of("name")) or "").strip()
    try:
        record, _ = start_assessment(
            office.db,
            [run.id for run in runs],
            recipe,
            task_key=task.key,
            name=name or f"{task.name}, {len(runs):,} runs",
            study=str(st.session_state.get(key_of("study")) or ""),
            token=f"assess {once}",
        )
        ensure_worker(office.home, office.db)
    except WidesetError as error:
        st.session_state[REFUSED] = f"{error.what} {error.remedy}".strip()
        return
    show_next(task, record.id)
