"""Example seeding: real texts that form the first example pool (paper, section 4.1)."""

from pathlib import Path

import streamlit as st

from core.domain.runs import Example
from core.domain.tasks import Task
from core.files.labelled import balanced_examples, read_labelled
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.references import reference_of
from pages.components.shell import AppContext, show_errors

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
        st.session_state.pop("seeding", None)  # the task has no reference any more
    how = st.segmented_control(
        "Example seeding",
        offered,
        default=_NONE,
        key="seeding",
        required=True,
        persist_state="session",
    )
    if how == _NONE:
        st.caption("The first cycle has no examples; later ones draw from what was written.")
        return ()
    st.caption("Real texts with their labels stand in the prompts from the first cycle on.")
    with show_errors():
        if how == _REFERENCE and reference is not None:
            examples = _of_reference(app.db, reference_key(reference.id, "train"))
        else:
            examples = _uploaded(task) if how == _FILE else _at_path(task)
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
    found = load_dataset(_db, key)
    return [Example(text, label) for text, label in zip(found.texts, found.labels, strict=True)]


def _uploaded(task: Task) -> list[Example] | None:
    file = st.file_uploader(
        "File of examples",
        type=["csv", "jsonl", "parquet"],
        key="seed_file",
        help="Columns text and label; the labels are the task's label names.",
    )
    if file is not None:
        # An upload is gone when the page is left, so its bytes are kept beside it.
        st.session_state["seed_upload"] = (file.name, file.getvalue())
    kept = st.session_state.get("seed_upload")
    if kept is None:
        st.info("Choose a CSV, JSONL or Parquet file with the columns text and label.")
        return None
    name, data = kept
    return _read(data, name, task)


def _at_path(task: Task) -> list[Example] | None:
    path = st.text_input(
        "Path of the file",
        key="seed_path",
        persist_state="session",
        placeholder="/data/reviews/train.csv",
        help="CSV, JSONL or Parquet on this machine with the columns text and label.",
    ).strip()
    if not path:
        st.info("Write the path of a CSV, JSONL or Parquet file on this machine.")
        return None
    file = Path(path).expanduser()
    changed = file.stat().st_mtime_ns if file.is_file() else 0
    return _read_path(file, changed, task)


@st.cache_data(max_entries=4, show_spinner=False)
def _read_path(file: Path, changed: int, task: Task) -> list[Example]:
    """`changed` is not used but tells a file from its older self."""
    return read_labelled(file, name=file.name, task=task)


@st.cache_data(max_entries=4, show_spinner=False)
def _read(data: bytes, name: str, task: Task) -> list[Example]:
    return read_labelled(data, name=name, task=task)
