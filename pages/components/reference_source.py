"""Attaching a reference: its file, which columns and labels it has, and the train/test split."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import streamlit as st

from core.domain.errors import BadInput
from core.domain.references import TEST_SHARE, Division, divided
from core.domain.runs import Example
from core.domain.serialization import to_json
from core.domain.tasks import Task
from core.domain.wording import counted
from core.files.example import TEST_FILE, TRAIN_FILE, example_reference, example_task
from core.files.labelled import columns_of, read_labelled
from core.files.mapping import MappedTexts, guessed_columns, guessed_map, read_mapped
from core.jobs.launch import ensure_worker
from core.jobs.queue import submit
from core.store.references import add_reference
from pages.components.shell import AppContext, escape_markdown, show_errors

PREVIEW_ROWS = 5
MAX_MAPPED = 100


@dataclass(frozen=True)
class GivenFile:
    """A labelled file.

    Args:
        name: its name.
        content: its content, or its path on this machine.
        changed: time of a path's last change, nanoseconds; distinguishes its versions in caches.
    """

    name: str
    content: bytes | Path
    changed: int = 0


@dataclass(frozen=True)
class FileMapping:
    """Which columns hold texts and labels, and the task's label for each label of the file."""

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
    for column, what, guess in zip((left, right), ("Text", "Label"), guesses, strict=True):
        with column:
            chosen.append(
                st.selectbox(
                    f"{what} column",
                    columns,
                    index=None if guess is None else columns.index(guess),
                    placeholder="Choose",
                    # By the columns, so that another file begins with its own guess.
                    key=f"{key}-{what}-{hash(tuple(columns))}",
                )
            )
    text, label = chosen
    if text is None or label is None:
        st.info("Choose the text and label columns.")
        return None
    labels, first = _labels(file, text, label)
    mapping = _choose_labels(task, labels, key=key)
    st.dataframe(
        [
            {"Text": example.text, "Label": example.label, "Task label": mapping.get(example.label)}
            for example in first
        ],
        hide_index=True,
        height="content",
        alt="The first rows of the file",
    )
    missing = [name for name in labels if name not in mapping]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        st.info(f"{counted(len(missing), 'label')} {verb} not mapped yet.")
        return None
    return FileMapping(text, label, tuple(mapping.items()))


@st.cache_data(max_entries=4, show_spinner=False)
def mapped_texts(task: Task, file: GivenFile, mapping: FileMapping) -> MappedTexts:
    """All texts of a file with the task's labels.

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
    """Draw the mapping; the task's label for each label of the file that is mapped."""
    guess = guessed_map(labels, task.label_names)
    if not set(labels) - set(task.label_names):
        return guess
    if len(labels) > MAX_MAPPED:
        raise BadInput(
            f"The file has {len(labels):,} different labels, too many to be mapped manually.",
            "Choose another label column, or use the task's label names in the file.",
        )
    names = list(task.label_names)
    mapping = {}
    st.caption("Map the file's labels to the task's:")
    with st.grid(2, min_column_width=120, gap="small"):
        for label, count in labels.items():
            name = st.selectbox(
                f"{escape_markdown(label)} ({count:,})",
                names,
                index=names.index(guess[label]) if label in guess else None,
                placeholder="Choose",
                key=f"{key}-map-{label}",
            )
            if name is not None:
                mapping[label] = name
    return mapping


@st.cache_data(max_entries=4, show_spinner=False)
def _columns(file: GivenFile) -> list[str]:
    return columns_of(file.content, name=file.name)


@st.cache_data(max_entries=4, show_spinner=False)
def _labels(
    file: GivenFile, text_column: str, label_column: str
) -> tuple[dict[str, int], list[Example]]:
    """Texts per label of the file, in order of appearance; and its first rows."""
    examples = read_labelled(
        file.content,
        name=file.name,
        task=None,
        text_column=text_column,
        label_column=label_column,
    )
    return dict(Counter(example.label for example in examples)), examples[:PREVIEW_ROWS]


_UPLOAD, _PATH, _HUB, _EXAMPLE = "Upload", "Path", "Hugging Face", "Example"


def attach(app: AppContext, task: Task) -> None:
    """Draw the ways to attach a reference to the task; reruns the page when one is attached."""
    # Each attached reference begins another round, whose widgets are empty.
    key = f"reference-{task.key}-{st.session_state.get('reference_round', 0)}"
    ways = [_UPLOAD, _PATH, _HUB]
    if task.key == example_task().key:
        ways.insert(0, _EXAMPLE)
    source = st.segmented_control("From", ways, default=ways[0], key=f"{key}-from", required=True)
    with show_errors():
        if source == _EXAMPLE:
            _from_example(app, task, key)
        elif source == _HUB:
            _from_hub(app, task, key)
        else:
            _from_files(app, task, key, uploaded=source == _UPLOAD)


def _from_example(app: AppContext, task: Task, key: str) -> None:
    st.caption("Customer support messages, written for this project.")
    train, test = example_reference()
    parts = divided(train, test=test)
    _show_parts(task, parts)
    if st.button("Attach", type="primary", key=f"{key}-attach"):
        origin = {
            "file": TRAIN_FILE.name,
            "test_file": TEST_FILE.name,
            "example": True,
            **parts.facts,
        }
        add_reference(app.db, task, "Example messages", parts.train, parts.test, origin)
        _next_round()


def _from_files(app: AppContext, task: Task, key: str, *, uploaded: bool) -> None:
    own_test = st.toggle("Separate test file", key=f"{key}-own")
    choose_file = _upload if uploaded else _path
    train = choose_file("Train file" if own_test else "Labelled texts", f"{key}-train")
    test = choose_file("Test file", f"{key}-test") if own_test else None
    if train is None or (own_test and test is None):
        st.caption("CSV, JSONL or Parquet with a text column and a label column, up to 50 MB.")
        return
    mapping = choose_mapping(task, train, key=key)
    if mapping is None:
        return
    mapped = mapped_texts(task, train, mapping)
    if test is not None:
        parts = divided(mapped.examples, test=mapped_texts(task, test, mapping).examples)
    else:
        share, seed = _choose_split(key)
        parts = divided(mapped.examples, test_share=share, seed=seed)
    _show_parts(task, parts)
    name = st.text_input("Name", train.name, max_chars=200, key=f"{key}-name-{train.name}")
    if st.button("Attach", type="primary", key=f"{key}-attach"):
        origin = {
            "file": train.name,
            "test_file": None if test is None else test.name,
            **mapped.facts,
            **parts.facts,
        }
        add_reference(app.db, task, name, parts.train, parts.test, origin)
        _next_round()


def _from_hub(app: AppContext, task: Task, key: str) -> None:
    st.caption("Downloaded in the background, up to 50 MB; needs a network connection.")
    name = st.text_input("Dataset", placeholder="owner/name", key=f"{key}-hub").strip()
    left, right = st.columns(2)
    with left:
        config = st.text_input("Configuration", placeholder="default", key=f"{key}-config")
        text = st.text_input("Text column", placeholder="detected", key=f"{key}-text")
    with right:
        split = st.text_input("Split", placeholder="train", key=f"{key}-split")
        label = st.text_input("Label column", placeholder="detected", key=f"{key}-label")
    pairs = st.text_area(
        "Label mapping",
        placeholder="0 = negative",
        height=68,
        key=f"{key}-pairs",
        help="Only for labels with another name in the task, one per line: dataset's label = "
        "task's label. Case is ignored.",
    )
    share, seed = _choose_split(key)
    token = st.session_state.setdefault("reference_token", uuid4().hex)
    if st.button("Download", type="primary", key=f"{key}-attach", disabled=not name):
        spec = {
            "hub": name,
            "config": config.strip() or None,
            "split": split.strip() or None,
            "task": to_json(task),
            "text_column": text.strip() or None,
            "label_column": label.strip() or None,
            "map": _pairs(pairs),
            "test_share": share,
            "seed": seed,
        }
        job = submit(app.db, "fetch", spec, token=token)
        ensure_worker(app.home, app.db)
        st.session_state["reference_fetch"] = job.id
        st.session_state["reference_token"] = uuid4().hex
        _next_round()


def _upload(label: str, key: str) -> GivenFile | None:
    file = st.file_uploader(label, type=["csv", "jsonl", "ndjson", "parquet"], key=f"{key}-file")
    return None if file is None else GivenFile(file.name, file.getvalue())


def _path(label: str, key: str) -> GivenFile | None:
    entered = st.text_input(f"{label}: path", placeholder="/data/reviews.csv", key=key).strip()
    if not entered:
        return None
    path = Path(entered).expanduser()
    try:
        changed = path.stat().st_mtime_ns
    except (OSError, ValueError):  # reported when it is read
        changed = 0
    return GivenFile(path.name, path, changed)


def _choose_split(key: str) -> tuple[float, int]:
    left, right = st.columns(2)
    with left:
        share = st.slider(
            "Test share", 5, 95, round(TEST_SHARE * 100), format="%d%%", key=f"{key}-share"
        )
    with right:
        seed = st.number_input("Split seed", 0, 2**31 - 1, 0, key=f"{key}-seed")
    return share / 100, seed


def _show_parts(task: Task, parts: Division) -> None:
    """Texts per label of each part, and what was removed or is unusual."""
    train, test = (Counter(example.label for example in part) for part in (parts.train, parts.test))
    rows = [{"Label": name, "Train": train[name], "Test": test[name]} for name in task.label_names]
    st.dataframe(rows, hide_index=True, height="content", alt="Texts per label in both parts")
    sentences = [f"{len(parts.train):,} train and {len(parts.test):,} test texts, no overlap."]
    if parts.facts["left_out"]:
        sentences.append(
            f"Left out of the train part, as they are in the test file: "
            f"{counted(parts.facts['left_out'], 'text')}."
        )
    if parts.facts["copies"]:
        sentences.append(f"{counted(parts.facts['copies'], 'duplicate')}.")
    if parts.facts["contradictory"]:
        sentences.append(
            f"{counted(parts.facts['contradictory'], 'text')} with more than one label."
        )
    st.caption(" ".join(sentences))


def _pairs(text: str) -> dict[str, str]:
    pairs = {}
    for line in filter(str.strip, text.splitlines()):
        label, separator, name = line.rpartition("=")
        if not separator or not label.strip() or not name.strip():
            raise BadInput(
                f"The line '{line[:60]}' is not a label mapping.",
                "Write: dataset's label = task's label.",
            )
        pairs[label.strip()] = name.strip()
    return pairs


def _next_round() -> None:
    st.session_state["reference_round"] = st.session_state.get("reference_round", 0) + 1
    st.rerun()
