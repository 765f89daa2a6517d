"""A sweep's settings as a grid file: taken from an upload, offered for download."""

import io

import streamlit as st

from core.errors import BadInput, WidesetError
from core.experiments.grid import Grid
from core.experiments.grid_file import grid_from_toml
from core.experiments.grid_toml import grid_toml
from core.references import Reference
from core.store.references import list_references
from core.store.tasks import list_tasks
from core.tasks import Task, preset, preset_names
from pages.components.compare.sweep_settings import fill
from pages.components.office import Office
from pages.components.plain import plain

_FILE = "sweep_file"
_SAID = "sweep_file_said"


def upload(office: Office, task: Task, reference: Reference | None) -> None:
    """Draw the upload of a grid file, and what is wrong with the one that was given."""
    st.file_uploader(
        "Settings from a grid file",
        type="toml",
        key=_FILE,
        on_change=_take,
        args=(office, task, reference),
        max_upload_size=1,
        help="What python -m core sweep reads; its --help has an example.",
    )
    kind, said = st.session_state.get(_SAID, ("", ""))
    if kind == "error":
        st.error(plain(said), icon=":material/error:")
    elif kind:
        st.warning(plain(said), icon=":material/info:")


def download(office: Office, grid: Grid) -> None:
    """Draw the download of the present settings."""
    name, found = _task_word(office, grid.task)
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


def _take(office: Office, task: Task, reference: Reference | None) -> None:
    given = st.session_state[_FILE]
    st.session_state.pop(_SAID, None)
    if given is None:
        return

    def find(named: str) -> Task:
        return _find_task(office, named, task)

    try:
        try:
            text = given.getvalue().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadInput(f"{given.name} is not UTF-8.", "Save it as UTF-8.") from error
        file = grid_from_toml(text, find_task=find, source=given.name)
        fill(file.grid)
        said = _other_reference(office, task, file.reference, reference)
        if said:
            st.session_state[_SAID] = ("warning", said)
    except WidesetError as error:
        st.session_state[_SAID] = ("error", f"{error.what} {error.remedy}".strip())


def _find_task(office: Office, named: str, own: Task) -> Task:
    """The task that a file names, which must be the project's.

    Raises:
        BadInput: it is not, or there is none of that name.
    """
    wanted = named.strip().casefold()
    known = {name.casefold(): preset(name) for name in preset_names()}
    known |= {record.task.name.casefold(): record.task for record in list_tasks(office.db)}
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
    office: Office, task: Task, named: str | None, present: Reference | None
) -> str:
    """What to say where the file means another reference than the one that is attached."""
    if named is None:
        return ""
    if present is None:
        return "The file names a reference, and none is attached here."
    meant = [
        one.id
        for one in list_references(office.db, task.key)
        if named in (one.id, one.name) or (named == "example" and one.origin.get("example"))
    ]
    if present.id in meant:
        return ""
    return f"The file names the reference '{named[:60]}'; here '{present.name}' is attached."


def _task_word(office: Office, task: Task) -> tuple[str, bool]:
    """A name by which a command finds the task, and whether it does."""
    for name in preset_names():
        if preset(name) == task:
            return name, True
    saved = any(record.task == task for record in list_tasks(office.db))
    return task.name, saved
