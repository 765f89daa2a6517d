"""The dialog that starts a sweep: what is varied, what is measured, and what that takes."""

import streamlit as st

from core.errors import WidesetError
from core.experiments.grid import Grid
from core.jobs.launch import ensure_worker
from core.jobs.sweep import start_sweep
from core.references import Reference
from core.tasks import Task
from pages.components.compare.sweep_files import download, upload
from pages.components.compare.sweep_models import choose_at_servers
from pages.components.compare.sweep_runs import show_for_runs
from pages.components.compare.sweep_settings import begin, forget, grid_of_widgets, kept_words
from pages.components.compare.sweep_state import REFUSED, close_dialog, is_open, show_next, token
from pages.components.compare.sweep_takes import show_takes
from pages.components.compare.sweep_widgets import (
    axes_widgets,
    name_widgets,
    repair_widgets,
    size_widgets,
)
from pages.components.office import Office, told
from pages.components.plain import plain

_MODES = {"new": "Generate and measure", "there": "Measure runs that are there"}


@st.dialog("New sweep", width="large", on_dismiss=close_dialog)
def new_sweep(office: Office, task: Task, reference: Reference | None) -> None:
    """Draw the dialog.

    Args:
        office: the store.
        task: the project's.
        reference: its real texts; without, diversity alone is measured.
    """
    if not is_open(task):
        st.rerun()  # it started one: the page shows it
    with told():
        begin(task, reference)
        message = st.session_state.pop(REFUSED, None)
        if message:
            st.error(plain(message), icon=":material/error:")
        if reference is None:
            st.info(
                "Without real texts diversity alone is measured. Attach some in the side bar for "
                "label accuracy, model accuracy, repairs and seeding.",
                icon=":material/attach_file:",
            )
        mode = st.segmented_control(
            "What",
            list(_MODES),
            format_func=_MODES.__getitem__,
            default="new",
            key="sweep_mode",
            required=True,
            label_visibility="collapsed",
        )
        if mode == "there":
            show_for_runs(office, task, reference)
        else:
            _for_grid(office, task, reference)


def _for_grid(office: Office, task: Task, reference: Reference | None) -> None:
    st.caption("Every value is combined with every other.")
    axes_widgets(office, reference)
    size_widgets()
    repair_widgets(reference)
    name_widgets()
    kept = kept_words(task)
    if kept:
        st.caption(f"As the file has it: {plain(kept)}.")
    with st.container(border=True), told():
        told_first = st.container()
        bar = st.container(horizontal=True, vertical_alignment="center")
        with told_first:
            # The cap stands beside the button, and what a grid takes hangs on it.
            grid, why = choose_at_servers(office, grid_of_widgets(task, reference), cap_in=bar)
            show_takes(office.db, grid)
        with bar:
            st.button(
                "Start",
                type="primary",
                icon=":material/play_arrow:",
                key="sweep_start",
                disabled=bool(why),
                help=plain(why) if why else None,
                on_click=_start,
                args=(office, grid, token()),
            )
            download(office, grid)
    with st.expander("Take settings from a file", icon=":material/upload_file:"):
        upload(office, task, reference)
        st.button(
            "Back to the paper's grid",
            icon=":material/restart_alt:",
            type="tertiary",
            key="sweep_forget",
            on_click=forget,
        )


def _start(office: Office, grid: Grid, once: str) -> None:
    """Queue the sweep, once for a token."""
    try:
        record, _ = start_sweep(office.db, grid, token=f"sweep {once}")
        ensure_worker(office.home, office.db)
    except WidesetError as error:
        st.session_state[REFUSED] = f"{error.what} {error.remedy}".strip()
        return
    show_next(grid.task, record.id)
