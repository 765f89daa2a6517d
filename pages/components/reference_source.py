"""What a file's columns and labels are in the task: guessed, shown, and for a person to mend."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import streamlit as st

from core.domain.errors import BadInput
from core.domain.references import TEST_SHARE, Division, divided
from core.domain.runs import Example
from core.domain.tasks import Task
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
                f"{escape_markdown(label)} ({count:,})",
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


_UPLOAD, _PATH, _HUB, _EXAMPLE = "Upload", "Path", "Hugging Face", "Example"


def attach(app: AppContext, task: Task) -> None:
    """Draw the ways to attach a reference to the task; the page is drawn anew once one is."""
    # Every attached reference begins another round, whose widgets are empty again.
    key = f"reference-{task.key}-{st.session_state.get('reference_round', 0)}"
    ways = [_UPLOAD, _PATH, _HUB]
    if task.key == example_task().key:
        ways.insert(0, _EXAMPLE)
    how = st.segmented_control("From", ways, default=ways[0], key=f"{key}-from", required=True)
    with show_errors():
        if how == _EXAMPLE:
            _from_example(app, task, key)
        elif how == _HUB:
            _from_hub(app, task, key)
        else:
            _from_files(app, task, key, uploaded=how == _UPLOAD)


def _from_example(app: AppContext, task: Task, key: str) -> None:
    st.caption("Messages to customer support, written for this project; no real person's.")
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
    own_test = st.toggle("The test part is a file of its own", key=f"{key}-own")
    give = _upload if uploaded else _path
    train = give("Train part" if own_test else "Labelled texts", f"{key}-train")
    test = give("Test part", f"{key}-test") if own_test else None
    if train is None or (own_test and test is None):
        st.caption("CSV, JSONL or Parquet with a column of texts and one of labels, up to 50 MB.")
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
    st.caption("Fetched by the worker, where there is a network; at most 50 MB.")
    name = st.text_input("Dataset", placeholder="owner/name", key=f"{key}-hub").strip()
    left, right = st.columns(2)
    with left:
        config = st.text_input("Configuration", placeholder="the only one", key=f"{key}-config")
        text = st.text_input("Column of texts", placeholder="a guess", key=f"{key}-text")
    with right:
        split = st.text_input("Split", placeholder="train", key=f"{key}-split")
        label = st.text_input("Column of labels", placeholder="a guess", key=f"{key}-label")
    pairs = st.text_area(
        "Labels that have another name in the task",
        placeholder="0 = negative",
        height=68,
        key=f"{key}-pairs",
        help="One on a line: the dataset's label = the task's. Case does not matter.",
    )
    share, seed = _choose_split(key)
    token = st.session_state.setdefault("reference_token", uuid4().hex)
    if st.button("Fetch", type="primary", key=f"{key}-attach", disabled=not name):
        spec = {
            "hub": name,
            "config": config.strip() or None,
            "split": split.strip() or None,
            "task": task.to_dict(),
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
    written = st.text_input(f"{label}: path", placeholder="/data/reviews.csv", key=key).strip()
    if not written:
        return None
    path = Path(written).expanduser()
    try:
        changed = path.stat().st_mtime_ns
    except (OSError, ValueError):  # said in words when it is read
        changed = 0
    return GivenFile(path.name, path, changed)


def _choose_split(key: str) -> tuple[float, int]:
    left, right = st.columns(2)
    with left:
        share = st.slider(
            "Test part", 5, 95, round(TEST_SHARE * 100), format="%d %%", key=f"{key}-share"
        )
    with right:
        seed = st.number_input("Seed of the split", 0, 2**31 - 1, 0, key=f"{key}-seed")
    return share / 100, seed


def _show_parts(task: Task, parts: Division) -> None:
    """How many texts a label each part has, and what is odd about them."""
    train, test = (Counter(example.label for example in part) for part in (parts.train, parts.test))
    rows = [{"Label": name, "Train": train[name], "Test": test[name]} for name in task.label_names]
    st.dataframe(rows, hide_index=True, height="content", alt="Texts a label in both parts")
    said = [f"{len(parts.train):,} train and {len(parts.test):,} test texts; none is in both."]
    if parts.facts["left_out"]:
        said.append(
            f"{parts.facts['left_out']:,} of the train file are in the test file: left out."
        )
    if parts.facts["copies"]:
        said.append(f"{parts.facts['copies']:,} are copies of others.")
    if parts.facts["contradictory"]:
        said.append(f"{parts.facts['contradictory']:,} have more than one label.")
    st.caption(" ".join(said))


def _pairs(text: str) -> dict[str, str]:
    found = {}
    for line in filter(str.strip, text.splitlines()):
        label, separator, name = line.rpartition("=")
        if not separator or not label.strip() or not name.strip():
            raise BadInput(f"The line '{line[:60]}' is no map.", "Write: file's label = task's.")
        found[label.strip()] = name.strip()
    return found


def _next_round() -> None:
    st.session_state["reference_round"] = st.session_state.get("reference_round", 0) + 1
    st.rerun()
