"""What a file's columns and labels are in the task: guessed, shown, and for a person to mend."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import BadInput
from core.files.guesses import guessed_columns, guessed_map
from core.files.labelled import columns_of, read_labelled
from core.files.mapped import MappedTexts, read_mapped
from core.runs import Example
from core.tasks import Task
from pages.components.plain import plain

PREVIEW_ROWS = 5
MAX_MAPPED = 100


@dataclass(frozen=True)
class GivenFile:
    """A file that a person gave.

    Args:
        name: its name.
        content: its content, or its path on this machine.
        changed: for a path, what tells it from its older self.
    """

    name: str
    content: bytes | Path
    changed: int = 0


@dataclass(frozen=True)
class FileMapping:
    """Which columns hold texts and labels, and what the labels are in the task."""

    text_column: str
    label_column: str
    label_map: tuple[tuple[str, str], ...]


def choose_mapping(task: Task, file: GivenFile, *, key: str) -> FileMapping | None:
    """Draw the choice of columns and labels with the first rows; None while it is incomplete.

    Raises:
        BadInput: the file is refused.
    """
    columns = list(dict.fromkeys(column for column in _columns(file) if column.strip()))
    guesses = guessed_columns(columns)
    left, right = st.columns(2)
    chosen = []
    for place, what, guess in zip((left, right), ("Texts", "Labels"), guesses, strict=True):
        with place:
            chosen.append(
                st.selectbox(
                    f"Column of {what.lower()}",
                    columns,
                    index=None if guess is None else columns.index(guess),
                    placeholder="Choose",
                    # By its columns: another file's choice begins with its own guess.
                    key=f"{key}-{what}-{hash(tuple(columns))}",
                )
            )
    text, label = chosen
    if text is None or label is None:
        st.info("Choose the columns of texts and labels.")
        return None
    labels, first = _labels(file, text, label)
    meant = _choose_labels(task, labels, key=key)
    st.dataframe(
        [
            {"Text": example.text, "Label": example.label, "In the task": meant.get(example.label)}
            for example in first
        ],
        hide_index=True,
        height="content",
        alt="The first rows of the file",
    )
    missing = [name for name in labels if name not in meant]
    if missing:
        st.info(f"{len(missing)} of the file's {len(labels)} labels are none of the task's yet.")
        return None
    return FileMapping(text, label, tuple(meant.items()))


@st.cache_data(max_entries=4, show_spinner=False)
def mapped_texts(task: Task, file: GivenFile, mapping: FileMapping) -> MappedTexts:
    """All texts of a file in the task's words.

    Raises:
        BadInput: the file is refused.
    """
    return read_mapped(
        [(file.name, file.content)],
        task=task,
        text_column=mapping.text_column,
        label_column=mapping.label_column,
        label_map=dict(mapping.label_map),
    )


def _choose_labels(task: Task, labels: Mapping[str, int], *, key: str) -> dict[str, str]:
    """The task's name for each label of the file that has one by now."""
    guess = guessed_map(labels, task.label_names)
    if not set(labels) - set(task.label_names):
        return guess
    if len(labels) > MAX_MAPPED:
        raise BadInput(
            f"The file has {len(labels):,} different labels, too many to be mapped by hand.",
            "Choose the column of the labels, or name them in the file as the task does.",
        )
    names = list(task.label_names)
    meant = {}
    st.caption("The file's labels, and what each is in the task:")
    with st.grid(2, min_column_width=120, gap="small"):
        for label, count in labels.items():
            name = st.selectbox(
                f"{plain(label)} ({count:,})",
                names,
                index=names.index(guess[label]) if label in guess else None,
                placeholder="Choose",
                key=f"{key}-map-{label}",
            )
            if name is not None:
                meant[label] = name
    return meant


@st.cache_data(max_entries=4, show_spinner=False)
def _columns(file: GivenFile) -> list[str]:
    return columns_of(file.content, name=file.name)


@st.cache_data(max_entries=4, show_spinner=False)
def _labels(
    file: GivenFile, text_column: str, label_column: str
) -> tuple[dict[str, int], list[Example]]:
    """How often each label stands in a file, in order of their first rows; and these rows."""
    examples = read_labelled(
        file.content,
        name=file.name,
        task=None,
        text_column=text_column,
        label_column=label_column,
    )
    return dict(Counter(example.label for example in examples)), examples[:PREVIEW_ROWS]
