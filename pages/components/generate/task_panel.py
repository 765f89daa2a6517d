"""The choice of a task (presets, saved tasks, a new one by form or file) and of its examples."""

from pathlib import Path

import streamlit as st

from core.domain.runs import Example
from core.domain.tasks import Label, Task, preset, preset_names, task_from_toml
from core.files.labelled import balanced_examples, read_labelled
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.references import reference_of
from core.store.tasks import TaskRecord, delete_task, list_tasks, save_task
from pages.components.shell import AppContext, escape_markdown, show_errors

_LABEL_ROWS = 3


def choose_task(app: AppContext) -> Task | None:
    """Draw the choice; None while there is no usable task."""
    saved = {f"saved-{record.id}": record for record in list_tasks(app.db)}
    presets = {name: preset(name) for name in preset_names()}
    names = {key: task.name for key, task in presets.items()}
    taken = set(names.values())  # Streamlit distinguishes options by their titles
    names |= {
        key: f"{record.task.name} (mine)" if record.task.name in taken else record.task.name
        for key, record in saved.items()
    }
    chosen = st.selectbox(
        "Task",
        list(names),
        key="task",
        format_func=lambda key: names.get(key, key),
        bind="query-params",
        help="The paper's eight tasks, the example (support messages), and your own tasks.",
    )
    task = presets.get(chosen) or (saved[chosen].task if chosen in saved else None)
    if task is not None:
        labels = ", ".join(task.label_names)
        st.caption(
            f"{len(task.labels)} × *{escape_markdown(task.text_type)}*: {escape_markdown(labels)}"
        )
    with st.container(horizontal=True):
        if st.button("New task", icon=":material/add:", key="new_task", type="tertiary"):
            _dialog(app, None, None)
        if task is not None and st.button(
            "Edit" if chosen in saved else "Edit a copy",
            icon=":material/edit:",
            key="edit_task",
            type="tertiary",
        ):
            _dialog(app, task, saved.get(chosen))
    return task


@st.dialog("Task", width="medium")
def _dialog(app: AppContext, task: Task | None, record: TaskRecord | None) -> None:
    """Edit a saved task; a preset is copied, never changed."""
    name = task.name if task else ""
    if task is not None and record is None:
        name = f"{name} (mine)"
    if task is None:
        file = st.file_uploader(
            "From a TOML file", type="toml", key="task_file", help="name, text_type, [[labels]]"
        )
        if file is not None:
            _from_file(app, file.getvalue(), file.name)
            return
        st.caption("or fill in the form:")
    name = st.text_input("Name", name, max_chars=200, placeholder="Support tickets")
    text_type = st.text_input(
        "Text type",
        task.text_type if task else "",
        max_chars=200,
        placeholder="message to customer support",
        help='What one text is: the prompt says "Write a …".',
    )
    rows = [{"name": label.name, "phrase": label.phrase} for label in (task.labels if task else ())]
    rows += [{"name": "", "phrase": ""}] * (_LABEL_ROWS - len(rows))
    edited = st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        column_config={
            "name": st.column_config.TextColumn("Label", help="As in the data."),
            "phrase": st.column_config.TextColumn(
                "Phrase in the prompt", help="Default: the label.", width="large"
            ),
        },
        alt="Labels and their phrases",
    )
    with st.container(horizontal=True):
        save = st.button("Save task", type="primary", icon=":material/check:")
        remove = record is not None and st.button("Delete", icon=":material/delete:")
    with show_errors():
        if save:
            labels = tuple(
                Label(label, str(row.get("phrase") or "").strip() or label)
                for row in edited
                if (label := str(row.get("name") or "").strip())
            )
            _save(app, Task(name.strip(), text_type.strip(), labels), record)
        if remove and record is not None:
            delete_task(app.db, record.id)
            st.session_state["choose_task"] = preset_names()[0]
            st.rerun()


def _from_file(app: AppContext, data: bytes, name: str) -> None:
    with show_errors():
        task = task_from_toml(data.decode("utf-8-sig", errors="replace"), source=f"The file {name}")
        st.write(f"**{escape_markdown(task.name)}**: {escape_markdown(task.text_type)}")
        st.dataframe(
            [{"label": label.name, "phrase": label.phrase} for label in task.labels],
            hide_index=True,
            alt="Labels of the file",
        )
        if st.button("Save task", type="primary", icon=":material/check:"):
            _save(app, task, None)


def _save(app: AppContext, task: Task, record: TaskRecord | None) -> None:
    saved = save_task(
        app.db,
        task,
        task_id=None if record is None else record.id,
        expected_revision=None if record is None else record.revision,
    )
    st.session_state["choose_task"] = f"saved-{saved.id}"
    st.rerun()


def apply_choice() -> None:
    """Select a task that a dialog saved; call it before the widgets are drawn."""
    task = st.session_state.pop("choose_task", None)
    if task is not None:
        st.session_state["task"] = task


SEED_COUNT = 18
_NONE, _REFERENCE, _FILE, _PATH = "None", "Reference", "Upload", "Path"


def choose_examples(app: AppContext, task: Task, *, seed: int) -> tuple[Example, ...] | None:
    """Draw the choice; the train part of the task's reference is offered where it has one.

    Returns:
        The drawn examples, empty for an unseeded run; None while the choice can't be used.
    """
    reference = reference_of(app.db, task)
    offered = [_NONE, *([_REFERENCE] if reference is not None else []), _FILE, _PATH]
    if st.session_state.get("seeding") not in offered:
        st.session_state.pop("seeding", None)  # this task has no reference
    source = st.segmented_control(
        "Example seeding",
        offered,
        default=_NONE,
        key="seeding",
        required=True,
        persist_state="session",
    )
    if source == _NONE:
        st.caption("The first cycle has no examples; later ones draw from the generated texts.")
        return ()
    st.caption("Prompts show labelled real texts from the first cycle on.")
    with show_errors():
        if source == _REFERENCE and reference is not None:
            examples: list[Example] | None = _of_reference(
                app.db, reference_key(reference.id, "train")
            )
        else:
            examples = _uploaded(task) if source == _FILE else _at_path(task)
        if examples is None:
            return None
        most = max(len(task.labels), min(200, len(examples)))
        count = st.number_input(
            "Examples", 1, most, min(SEED_COUNT, most), key="seed_count", persist_state="session"
        )
        drawn = balanced_examples(examples, task=task, count=count, seed=seed)
        with st.expander(f"{len(drawn)} of {len(examples):,} texts, balanced"):
            st.dataframe(
                [{"Label": example.label, "Text": example.text} for example in drawn],
                hide_index=True,
                height=220,
                alt="Seed examples drawn from the file",
            )
        return drawn
    return None


@st.cache_data(max_entries=4, show_spinner=False)
def _of_reference(_db: Database, key: str) -> list[Example]:
    """The texts of a reference's part, which never change."""
    dataset = load_dataset(_db, key)
    return [Example(*pair) for pair in zip(dataset.texts, dataset.labels, strict=True)]


def _uploaded(task: Task) -> list[Example] | None:
    file = st.file_uploader(
        "File with examples",
        type=["csv", "jsonl", "parquet"],
        key="seed_file",
        help="Columns text and label; the labels are the task's label names.",
    )
    if file is not None:
        # Streamlit drops an upload when the page is left, so its bytes are kept.
        st.session_state["seed_upload"] = (file.name, file.getvalue())
    upload = st.session_state.get("seed_upload")
    if upload is None:
        st.info("Choose a CSV, JSONL or Parquet file with the columns text and label.")
        return None
    name, data = upload
    return _read(data, name, task)


def _at_path(task: Task) -> list[Example] | None:
    path = st.text_input(
        "File path",
        key="seed_path",
        persist_state="session",
        placeholder="/data/reviews/train.csv",
        help="CSV, JSONL or Parquet on this machine with the columns text and label.",
    ).strip()
    if not path:
        st.info("Enter the path of a CSV, JSONL or Parquet file on this machine.")
        return None
    file = Path(path).expanduser()
    changed = file.stat().st_mtime_ns if file.is_file() else 0
    return _read_path(file, changed, task)


@st.cache_data(max_entries=4, show_spinner=False)
def _read_path(file: Path, changed: int, task: Task) -> list[Example]:
    """Cached until the file's modification time, `changed`, is another."""
    return read_labelled(file, name=file.name, task=task)


@st.cache_data(max_entries=4, show_spinner=False)
def _read(data: bytes, name: str, task: Task) -> list[Example]:
    return read_labelled(data, name=name, task=task)
