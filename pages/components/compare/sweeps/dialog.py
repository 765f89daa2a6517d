"""Sweeps of runs that are there: nothing is generated, their texts are measured and repaired."""

import io
from collections.abc import Sequence

import streamlit as st

from core.domain.errors import BadInput, WidesetError
from core.domain.references import Reference
from core.domain.tasks import Task, preset, preset_names
from core.jobs.handlers.sweep import start_assessment, start_sweep
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, states_of_runs
from core.jobs.sweeps.estimate import assessment_seconds
from core.jobs.sweeps.reuse import assessed
from core.store.generation.runs import RunRecord, list_runs
from core.store.references import list_references
from core.store.tasks import list_tasks
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.file import grid_from_toml, grid_toml
from core.sweeps.grid.spec import Grid
from pages.components.compare.sweeps.cost import real_texts, show_takes
from pages.components.compare.sweeps.models import choose_at_servers
from pages.components.compare.sweeps.settings import (
    begin,
    fill,
    forget,
    grid_of_widgets,
    kept_words,
    key_of,
    recipe_of_widgets,
)
from pages.components.compare.sweeps.state import REFUSED, close_dialog, is_open, show_next, token
from pages.components.compare.sweeps.widgets import (
    axes_widgets,
    name_widgets,
    repair_widgets,
    size_widgets,
)
from pages.components.generate.progress import duration
from pages.components.shell import AppContext, escape_markdown, show_errors
from pages.components.task import run_names


def show_for_runs(app: AppContext, task: Task, reference: Reference | None) -> None:
    """Draw the choice of runs and what is done with them."""
    states = states_of_runs(app.db)
    own = {
        row.run.id: row
        for row in list_runs(app.db)
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
    with st.container(border=True), show_errors():
        recipe = recipe_of_widgets(task, reference)
        _, n_test = real_texts(app.db, recipe.reference)
        left = [one for one in chosen if not assessed(app.db, one, recipe)]
        sizes = [own[one].counts.usable for one in left]
        seconds = assessment_seconds(app.db, recipe, sizes, n_test=n_test)
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
            args=(app, [own[one].run for one in chosen], recipe, task, token()),
        )


def _assess(
    app: AppContext, runs: Sequence[RunRecord], recipe: Recipe, task: Task, once: str
) -> None:
    name = str(st.session_state.get(key_of("name")) or "").strip()
    try:
        record, _ = start_assessment(
            app.db,
            [run.id for run in runs],
            recipe,
            task_key=task.key,
            name=name or f"{task.name}, {len(runs):,} runs",
            study=str(st.session_state.get(key_of("study")) or ""),
            token=f"assess {once}",
        )
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        st.session_state[REFUSED] = f"{error.what} {error.remedy}".strip()
        return
    show_next(task, record.id)


_FILE = "sweep_file"
_SAID = "sweep_file_said"


def upload(app: AppContext, task: Task, reference: Reference | None) -> None:
    """Draw the upload of a grid file, and what is wrong with the one that was given."""
    st.file_uploader(
        "Settings from a grid file",
        type="toml",
        key=_FILE,
        on_change=_take,
        args=(app, task, reference),
        max_upload_size=1,
        help="What python -m core sweep reads; its --help has an example.",
    )
    kind, said = st.session_state.get(_SAID, ("", ""))
    if kind == "error":
        st.error(escape_markdown(said), icon=":material/error:")
    elif kind:
        st.warning(escape_markdown(said), icon=":material/info:")


def download(app: AppContext, grid: Grid) -> None:
    """Draw the download of the present settings."""
    name, found = _task_word(app, grid.task)
    reference = grid.recipe.reference

    def written() -> io.BytesIO:
        text = grid_toml(grid, task=name, reference=reference)
        if not found:
            text = f"# Save the task under this name first, or name a task file here.\n{text}"
        return io.BytesIO(text.encode("utf-8"))

    st.download_button(
        "These settings as a file",
        written,
        file_name="grid.toml",
        icon=":material/download:",
        on_click="ignore",
        key="sweep_download",
        type="tertiary",
        help="For python -m core sweep grid.toml, and to take up again here.",
    )


def _take(app: AppContext, task: Task, reference: Reference | None) -> None:
    given = st.session_state[_FILE]
    st.session_state.pop(_SAID, None)
    if given is None:
        return

    def find(named: str) -> Task:
        return _find_task(app, named, task)

    try:
        try:
            text = given.getvalue().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadInput(f"{given.name} is not UTF-8.", "Save it as UTF-8.") from error
        file = grid_from_toml(text, find_task=find, source=given.name)
        fill(file.grid)
        said = _other_reference(app, task, file.reference, reference)
        if said:
            st.session_state[_SAID] = ("warning", said)
    except WidesetError as error:
        st.session_state[_SAID] = ("error", f"{error.what} {error.remedy}".strip())


def _find_task(app: AppContext, named: str, own: Task) -> Task:
    """The task that a file names, which must be the project's.

    Raises:
        BadInput: it is not, or there is none of that name.
    """
    wanted = named.strip().casefold()
    known = {name.casefold(): preset(name) for name in preset_names()}
    known |= {record.task.name.casefold(): record.task for record in list_tasks(app.db)}
    known.setdefault(own.name.casefold(), own)
    found = known.get(wanted)
    if found is None:
        raise BadInput(
            f"there is no task '{named[:60]}' here.", "Name a preset, or a task that is saved."
        )
    if found.key != own.key:
        raise BadInput(
            f"it is the task '{found.name}', and this project's is '{own.name}'.",
            "Choose that project in the side bar first.",
        )
    return found


def _other_reference(
    app: AppContext, task: Task, named: str | None, present: Reference | None
) -> str:
    """What to say where the file means another reference than the one that is attached."""
    if named is None:
        return ""
    if present is None:
        return "The file names a reference, and none is attached here."
    meant = [
        one.id
        for one in list_references(app.db, task.key)
        if named in (one.id, one.name) or (named == "example" and one.origin.get("example"))
    ]
    if present.id in meant:
        return ""
    return f"The file names the reference '{named[:60]}'; here '{present.name}' is attached."


def _task_word(app: AppContext, task: Task) -> tuple[str, bool]:
    """A name by which a command finds the task, and whether it does."""
    for name in preset_names():
        if preset(name) == task:
            return name, True
    saved = any(record.task == task for record in list_tasks(app.db))
    return task.name, saved


_MODES = {"new": "Generate and measure", "there": "Measure runs that are there"}


@st.dialog("New sweep", width="large", on_dismiss=close_dialog)
def new_sweep(app: AppContext, task: Task, reference: Reference | None) -> None:
    """Draw the dialog.

    Args:
        app: the store.
        task: the project's.
        reference: its real texts; without, diversity alone is measured.
    """
    if not is_open(task):
        st.rerun()  # it started one: the page shows it
    with show_errors():
        begin(task, reference)
        message = st.session_state.pop(REFUSED, None)
        if message:
            st.error(escape_markdown(message), icon=":material/error:")
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
            show_for_runs(app, task, reference)
        else:
            _for_grid(app, task, reference)


def _for_grid(app: AppContext, task: Task, reference: Reference | None) -> None:
    st.caption("Every value is combined with every other.")
    axes_widgets(app, reference)
    size_widgets()
    repair_widgets(reference)
    name_widgets()
    kept = kept_words(task)
    if kept:
        st.caption(f"As the file has it: {escape_markdown(kept)}.")
    with st.container(border=True), show_errors():
        told_first = st.container()
        bar = st.container(horizontal=True, vertical_alignment="center")
        with told_first:
            # The cap stands beside the button, and what a grid takes hangs on it.
            grid, why = choose_at_servers(app, grid_of_widgets(task, reference), cap_in=bar)
            show_takes(app.db, grid)
        with bar:
            st.button(
                "Start",
                type="primary",
                icon=":material/play_arrow:",
                key="sweep_start",
                disabled=bool(why),
                help=escape_markdown(why) if why else None,
                on_click=_start,
                args=(app, grid, token()),
            )
            download(app, grid)
    with st.expander("Take settings from a file", icon=":material/upload_file:"):
        upload(app, task, reference)
        st.button(
            "Back to the paper's grid",
            icon=":material/restart_alt:",
            type="tertiary",
            key="sweep_forget",
            on_click=forget,
        )


def _start(app: AppContext, grid: Grid, once: str) -> None:
    """Queue the sweep, once for a token."""
    try:
        record, _ = start_sweep(app.db, grid, token=f"sweep {once}")
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        st.session_state[REFUSED] = f"{error.what} {error.remedy}".strip()
        return
    show_next(grid.task, record.id)
