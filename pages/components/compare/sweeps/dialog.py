"""The dialog of a new sweep: of a grid of conditions, or of existing runs."""

import io
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from core.domain.datasets import Dataset
from core.domain.errors import BadInput, WidesetError
from core.domain.references import Reference
from core.domain.runs import Example
from core.domain.tasks import Task, preset, preset_names
from core.domain.wording import counted, duration, money
from core.jobs.handlers.sweep import start_assessment, start_sweep
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, states_of_runs
from core.services.sweep.estimate import assessment_seconds, estimate_stored_sweep
from core.services.sweep.plan import assessed
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.generation.runs import list_runs
from core.store.references import list_references
from core.store.sweeps import SweepRecord
from core.store.tasks import list_tasks
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.cost_estimate import CostEstimate
from core.sweeps.grid.file import grid_from_toml
from core.sweeps.grid.spec import Grid
from core.sweeps.grid.writing import grid_toml
from pages.components.compare.sweeps.settings import (
    REFUSED,
    begin,
    close_dialog,
    fill,
    forget,
    grid_of_widgets,
    is_open,
    kept_words,
    key_of,
    recipe_of_widgets,
    show_started,
    token,
)
from pages.components.compare.sweeps.widgets import (
    axes_widgets,
    choose_at_servers,
    name_widgets,
    repair_widgets,
    size_widgets,
)
from pages.components.shell import AppContext, escape_markdown, show_errors
from pages.components.task import run_names

_MODES = {"new": "Generate and measure", "there": "Measure existing runs"}


@st.dialog("New sweep", width="large", on_dismiss=close_dialog)
def new_sweep(app: AppContext, task: Task, reference: Reference | None) -> None:
    """Draw the dialog.

    Args:
        reference: its real texts; without one, only diversity is measured.
    """
    if not is_open(task):
        st.rerun()  # one was started: the page shows it
    with show_errors():
        begin(task, reference)
        message = st.session_state.pop(REFUSED, None)
        if message:
            st.error(escape_markdown(message), icon=":material/error:")
        if reference is None:
            st.info(
                "Without real texts, only diversity is measured. Attach a reference in the side "
                "bar for label accuracy, model accuracy, repairs and seed examples.",
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
            _for_runs(app, task, reference)
        else:
            _for_grid(app, task, reference)


def _for_grid(app: AppContext, task: Task, reference: Reference | None) -> None:
    st.caption("Every combination of these values is one condition.")
    axes_widgets(app, reference)
    size_widgets()
    repair_widgets(reference)
    name_widgets()
    kept = kept_words(task)
    if kept:
        st.caption(f"Also set by the file: {escape_markdown(kept)}.")
    with st.container(border=True), show_errors():
        estimate = st.container()
        bar = st.container(horizontal=True, vertical_alignment="center")
        with estimate:
            # The limit stands beside the button, and the estimate depends on it.
            checked = choose_at_servers(app, grid_of_widgets(task, reference), cap_in=bar)
            _show_estimate(app.db, checked.grid)
        with bar:
            st.button(
                "Start",
                type="primary",
                icon=":material/play_arrow:",
                key="sweep_start",
                disabled=bool(checked.reason),
                help=escape_markdown(checked.reason) if checked.reason else None,
                on_click=_start,
                args=(
                    app,
                    task,
                    partial(start_sweep, app.db, checked.grid, token=f"sweep {token()}"),
                ),
            )
            _download(app, checked.grid)
    with st.expander("Load settings from a file", icon=":material/upload_file:"):
        _upload(app, task, reference)
        st.button(
            "Reset to the paper's grid",
            icon=":material/restart_alt:",
            type="tertiary",
            key="sweep_forget",
            on_click=forget,
        )


def _start(app: AppContext, task: Task, start: Callable[[], tuple[SweepRecord, Job]]) -> None:
    """Queue the sweep that `start` makes once per token; a callback."""
    try:
        record, _ = start()
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        st.session_state[REFUSED] = f"{error.what} {error.remedy}".strip()
        return
    show_started(task, record.id)


def _for_runs(app: AppContext, task: Task, reference: Reference | None) -> None:
    """Draw the choice of existing runs and what is measured of them."""
    states = states_of_runs(app.db)
    own = {
        row.run.id: row
        for row in list_runs(app.db)
        if row.counts.usable
        and row.run.spec.task.key == task.key
        and states.get(row.run.id) not in LIVE
    }
    if not own:
        st.info("No idle run of this task has texts.", icon=":material/edit_note:")
        return
    names = run_names([row.run for row in own.values()])
    key = "sweep_runs"
    kept = [run_id for run_id in st.session_state.get(key, list(own)) if run_id in own]
    st.session_state[key] = kept
    chosen = st.multiselect(
        "Runs",
        list(own),
        format_func=lambda run_id: names.get(run_id, run_id),
        key=key,
        wrap=True,
        help="Nothing is generated: their texts are measured and repaired.",
    )
    repair_widgets(reference)
    name_widgets()
    with st.container(border=True), show_errors():
        recipe = recipe_of_widgets(task, reference)
        _, n_test = real_texts(app.db, recipe.reference)
        left = [run_id for run_id in chosen if not assessed(app.db, run_id, recipe)]
        sizes = [own[run_id].counts.usable for run_id in left]
        seconds = assessment_seconds(app.db, recipe, sizes, n_test=n_test)
        with st.grid(4, min_column_width=110, gap="small"):
            st.metric("Runs", f"{len(chosen):,}")
            st.metric("Already measured", f"{len(chosen) - len(left):,}")
            st.metric("Texts", f"{sum(own[run_id].counts.usable for run_id in chosen):,}")
            st.metric("Estimated time", duration(max(1.0, seconds)) if left else "none")
        st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            key="sweep_assess",
            disabled=not chosen,
            on_click=_start,
            args=(app, task, partial(_assess, app, list(chosen), recipe, task, token())),
        )


def _assess(
    app: AppContext, run_ids: Sequence[str], recipe: Recipe, task: Task, start_token: str
) -> tuple[SweepRecord, Job]:
    name = str(st.session_state.get(key_of("name")) or "").strip()
    return start_assessment(
        app.db,
        run_ids,
        recipe,
        task_key=task.key,
        name=name or f"{task.name}, {counted(len(run_ids), 'run')}",
        study=str(st.session_state.get(key_of("study")) or ""),
        token=f"assess {start_token}",
    )


_MANY = 2_000  # runs; looking up more would keep the dialog waiting


def _show_estimate(db: Database, grid: Grid) -> None:
    """Draw what the grid takes, as far as it can be told at once.

    Raises:
        BadInput: the grid is refused.
    """
    grid.check_size()
    if grid.runs > _MANY:
        with st.grid(3, min_column_width=110, gap="small"):
            st.metric("Conditions", f"{grid.conditions:,}")
            st.metric("Runs", f"{grid.runs:,}")
            st.metric("Max texts", f"{grid.texts:,}")
        st.caption(f"Above {_MANY:,} runs, time, tokens and reused runs are not estimated.")
        return
    train, n_test = real_texts(db, grid.recipe.reference)
    takes = estimate_stored_sweep(db, grid, train=train, n_test=n_test)
    asked = bool(takes.requests)
    with st.grid(4 if asked else 6, min_column_width=105, gap="small"):
        st.metric("Conditions", f"{takes.conditions:,}")
        st.metric(
            "Runs",
            f"{takes.runs:,}",
            help=f"{takes.reused:,} were generated before with equal settings and are reused; "
            f"{takes.assessed:,} of them are already measured with these settings.",
        )
        st.metric("Reused", f"{takes.reused:,}")
        st.metric("New texts", f"{takes.texts:,}")
        st.metric(
            "Tokens",
            _short(takes.tokens_in + takes.tokens_out),
            help=f"About {takes.tokens_in:,} in prompts and {takes.tokens_out:,} generated.",
        )
        st.metric("Time", time_words(takes))
        if asked:
            st.metric("Requests", f"{takes.requests:,}", help="To servers, at least.")
            st.metric(
                "Cost",
                money(takes.money, takes.currency),
                help="By the connection's prices and the token counts above.",
            )
    for words in takes.refused_words:
        st.warning(escape_markdown(words), icon=":material/block:")
    cost = ""
    if takes.money == 0 and not asked:
        cost = "No cost: the models run on this machine. "
    st.caption(escape_markdown(f"{cost}{' '.join(takes.notes)}"))


def _short(number: int) -> str:
    if number >= 10_000_000:
        return f"{number / 1e6:,.0f} M"
    if number >= 1_000_000:
        return f"{number / 1e6:.1f} M"
    return f"{number / 1e3:,.0f} k" if number >= 10_000 else f"{number:,}"


def time_words(takes: CostEstimate) -> str:
    """The range of the time that a sweep takes."""
    if takes.minutes_low is None or takes.minutes_high is None:
        return "unknown"
    if takes.minutes_high * 60 < 1:
        return "none"
    low, high = takes.minutes_low, takes.minutes_high
    if high < 1:
        return "under 1 min"
    if high < 120:
        return f"{max(1, round(low))} to {max(2, round(high))} min"
    return f"{low / 60:.1f} to {high / 60:.1f} h"


def real_texts(db: Database, reference_id: str | None) -> tuple[tuple[Example, ...], int]:
    """The reference's train part, and how many texts its test part has."""
    if reference_id is None:
        return (), 0
    train = _part(db, reference_key(reference_id, "train"))
    pairs = zip(train.texts, train.labels, strict=True)
    return tuple(Example(*pair) for pair in pairs), len(
        _part(db, reference_key(reference_id, "test"))
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _part(_db: Database, key: str) -> Dataset:
    """A reference's part, which never changes."""
    return load_dataset(_db, key)


_FILE = "sweep_file"
_MESSAGE = "sweep_file_message"


def _upload(app: AppContext, task: Task, reference: Reference | None) -> None:
    """Draw the upload of a grid file, and the errors of the last one."""
    st.file_uploader(
        "Settings from a grid file",
        type="toml",
        key=_FILE,
        on_change=_take,
        args=(app, task, reference),
        max_upload_size=1,
        help="The file that python -m core sweep reads; its --help has an example.",
    )
    kind, message = st.session_state.get(_MESSAGE, ("", ""))
    if kind == "error":
        st.error(escape_markdown(message), icon=":material/error:")
    elif kind:
        st.warning(escape_markdown(message), icon=":material/info:")


def _download(app: AppContext, grid: Grid) -> None:
    """Draw the download of the present settings."""
    name, is_known = _task_name(app, grid.task)
    reference = grid.recipe.reference

    def written() -> io.BytesIO:
        text = grid_toml(grid, task=name, reference=reference)
        if not is_known:
            text = f"# Save the task under this name first, or name a task file here.\n{text}"
        return io.BytesIO(text.encode("utf-8"))

    st.download_button(
        "Save settings to a file",
        written,
        file_name="grid.toml",
        icon=":material/download:",
        on_click="ignore",
        key="sweep_download",
        type="tertiary",
        help="For python -m core sweep grid.toml, or to load here again.",
    )


def _take(app: AppContext, task: Task, reference: Reference | None) -> None:
    given = st.session_state[_FILE]
    st.session_state.pop(_MESSAGE, None)
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
        message = _other_reference(app, task, file.reference, reference)
        if message:
            st.session_state[_MESSAGE] = ("warning", message)
    except WidesetError as error:
        st.session_state[_MESSAGE] = ("error", f"{error.what} {error.remedy}".strip())


def _find_task(app: AppContext, named: str, own: Task) -> Task:
    """The task that a file names, which must be the project's.

    Raises:
        BadInput: it is another task, or there is none of that name.
    """
    wanted = named.strip().casefold()
    known = {name.casefold(): preset(name) for name in preset_names()}
    known |= {record.task.name.casefold(): record.task for record in list_tasks(app.db)}
    known.setdefault(own.name.casefold(), own)
    task = known.get(wanted)
    if task is None:
        raise BadInput(
            f"there is no task '{named[:60]}' here.", "Name a preset, or a task that is saved."
        )
    if task.key != own.key:
        raise BadInput(
            f"it is the task '{task.name}', and this project's is '{own.name}'.",
            "Choose that project in the side bar first.",
        )
    return task


def _other_reference(
    app: AppContext, task: Task, named: str | None, present: Reference | None
) -> str:
    """A warning where the file names another reference than the attached one; else ""."""
    if named is None:
        return ""
    if present is None:
        return "The file names a reference, and none is attached here."
    matching = [
        record.id
        for record in list_references(app.db, task.key)
        if named in (record.id, record.name)
        or (named == "example" and record.origin.get("example"))
    ]
    if present.id in matching:
        return ""
    return f"The file names the reference '{named[:60]}'; here '{present.name}' is attached."


def _task_name(app: AppContext, task: Task) -> tuple[str, bool]:
    """A name by which a command finds the task, and whether it does."""
    for name in preset_names():
        if preset(name) == task:
            return name, True
    saved = any(record.task == task for record in list_tasks(app.db))
    return task.name, saved
