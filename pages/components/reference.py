"""The reference of a task: its size, attaching one (columns, labels, split), removing it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import streamlit as st

from core.domain.errors import BadInput, WidesetError
from core.domain.references import TEST_SHARE, Reference
from core.domain.runs import Example
from core.domain.serialization import to_json
from core.domain.tasks import Task
from core.domain.wording import counted, percent
from core.files.labelled import columns_of, read_labelled
from core.files.mapping import guessed_columns, guessed_map
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, State, list_jobs, request_cancel, status, submit
from core.services.references import (
    FileMapping,
    HubRequest,
    PreparedReference,
    example_task,
    prepare_example,
    reference_from_files,
)
from core.store.references import (
    delete_reference,
    get_reference,
    reference_of,
    restore_reference,
)
from pages.components.jobs import follow
from pages.components.shell import AppContext, escape_markdown, flash, show_errors


def choose_reference(app: AppContext, task: Task) -> Reference | None:
    """Draw the task's reference and the ways to attach, replace and remove it.

    Errors of its callbacks appear where the page calls `show_flash`.

    Returns:
        The reference, None while the task has none.
    """
    reference = None
    with show_errors():
        reference = reference_of(app.db, task)
        st.caption("Reference: real labelled texts of this task")
        if reference is not None:
            _show(reference)
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.popover(
                "Attach reference data" if reference is None else "Replace",
                icon=":material/attach_file:",
                key=f"attach-reference-{task.key}-{st.session_state.get('reference_round', 0)}",
            ):
                attach(app, task)
            if reference is not None:
                st.button(
                    "Remove",
                    icon=":material/delete:",
                    type="tertiary",
                    key="remove_reference",
                    on_click=_remove,
                    args=(app, reference),
                )
        _offer_undo(app, task)
        _show_fetch(app, task)
    return reference


def _show(reference: Reference) -> None:
    train, test = sum(reference.train.values()), sum(reference.test.values())
    with st.expander(f"{escape_markdown(reference.name)}: {train:,} train, {test:,} test"):
        st.dataframe(
            [
                {"Label": name, "Train": reference.train[name], "Test": reference.test[name]}
                for name in reference.label_names
            ],
            hide_index=True,
            height="content",
            alt="Texts per label of the reference",
        )
        st.caption(escape_markdown(_origin(reference)))


def _origin(reference: Reference) -> str:
    origin = reference.origin
    if "hub" in origin:
        source = f"{origin['hub']} ({origin['config']}, {origin['split']}) of the Hugging Face hub"
    else:
        source = " and ".join(
            str(origin[part]) for part in ("file", "test_file") if origin.get(part)
        )
    test_share = origin.get("test_share")
    if isinstance(test_share, float):
        share = percent(test_share, digits=0)
        source += f"; {share} test, split with seed {origin['seed']}"
    return f"From {source}."


def _remove(app: AppContext, reference: Reference) -> None:
    try:
        delete_reference(app.db, reference.id)
        st.session_state["removed_reference"] = reference.id
    except WidesetError as error:
        flash(error)


def _offer_undo(app: AppContext, task: Task) -> None:
    removed = st.session_state.get("removed_reference")
    if removed is None:
        return
    reference = get_reference(app.db, removed)
    if reference.task_key != task.key or reference.deleted_at is None:
        return
    st.button(
        f"Undo: restore {escape_markdown(reference.name)}",
        icon=":material/undo:",
        type="tertiary",
        key="restore_reference",
        on_click=_restore,
        args=(app, removed),
    )


def _restore(app: AppContext, reference_id: str) -> None:
    try:
        restore_reference(app.db, reference_id)
        st.session_state.pop("removed_reference", None)
    except WidesetError as error:
        flash(error)


def _show_fetch(app: AppContext, task: Task) -> None:
    """The download for the task, of any session; and why this session's own failed."""
    for state in ("queued", "running"):
        for job in list_jobs(app.db, state=state):
            if job.kind == "fetch" and job.spec_as(HubRequest).task.key == task.key:
                _, job_state = status(app.db, job.id)
                if job_state in LIVE:
                    follow(app, (job.id,), partial(_draw_fetch, app), states=(job_state,))
                    return
    own = st.session_state.get("reference_fetch")
    if own is None:
        return
    job, job_state = status(app.db, own)
    if job_state == "done" or job.spec_as(HubRequest).task.key != task.key:
        return
    message = job.message or f"The dataset was not downloaded: the job is {job_state}."
    st.error(escape_markdown(f"{message} {job.remedy}".strip()), icon=":material/error:")
    st.button("Dismiss", key="dismiss_fetch", type="tertiary", on_click=_dismiss)


def _draw_fetch(app: AppContext, jobs: Sequence[tuple[Job, State]]) -> None:
    ((job, state),) = jobs
    action = "Downloading" if state == "running" else "Waiting to download"
    st.caption(f"{action} {escape_markdown(str(job.spec['hub']))} …")
    st.button("Stop", key="stop_fetch", on_click=_stop, args=(app, job.id))


def _stop(app: AppContext, job_id: str) -> None:
    try:
        request_cancel(app.db, job_id)
        _dismiss()
    except WidesetError as error:
        flash(error)


def _dismiss() -> None:
    st.session_state.pop("reference_fetch", None)


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


def choose_columns(columns: list[str], *, key: str) -> tuple[str | None, str | None]:
    """Draw the choice of the columns with the texts and with the labels, beginning with a guess."""
    columns = [column for column in dict.fromkeys(columns) if column.strip()]
    text, label = (
        place.selectbox(
            f"{what} column",
            columns,
            index=None if guess is None else columns.index(guess),
            placeholder="Choose",
            # By the columns, so that another file begins with its own guess.
            key=f"{key}-{what}-{hash(tuple(columns))}",
        )
        for place, what, guess in zip(
            st.columns(2), ("Text", "Label"), guessed_columns(columns), strict=True
        )
    )
    return text, label


def _choose_mapping(task: Task, file: GivenFile, *, key: str) -> FileMapping | None:
    """Draw the choice of columns and labels with the first rows; None while it is incomplete.

    Raises:
        BadInput: the file is refused.
    """
    text, label = choose_columns(_columns(file), key=key)
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
    return FileMapping(text_column=text, label_column=label, label_map=mapping)


@st.cache_data(max_entries=4, show_spinner=False)
def _prepared(
    task: Task,
    train: GivenFile,
    test: GivenFile | None,
    mapping: FileMapping,
    test_share: float,
    seed: int,
) -> PreparedReference:
    """The reference of one file or two.

    Raises:
        BadInput: a file is refused.
    """
    return reference_from_files(
        (train.name, train.content),
        None if test is None else (test.name, test.content),
        task,
        mapping,
        test_share=test_share,
        seed=seed,
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
    prepared = prepare_example()
    _show_parts(task, prepared)
    if st.button("Attach", type="primary", key=f"{key}-attach"):
        prepared.attached(app.db, task)
        _next_round()


def _from_files(app: AppContext, task: Task, key: str, *, uploaded: bool) -> None:
    own_test = st.toggle("Separate test file", key=f"{key}-own")
    choose_file = _upload if uploaded else _path
    train = choose_file("Train file" if own_test else "Labelled texts", f"{key}-train")
    test = choose_file("Test file", f"{key}-test") if own_test else None
    if train is None or (own_test and test is None):
        st.caption("CSV, JSONL or Parquet with a text column and a label column, up to 50 MB.")
        return
    mapping = _choose_mapping(task, train, key=key)
    if mapping is None:
        return
    share, seed = (TEST_SHARE, 0) if own_test else _choose_split(key)
    prepared = _prepared(task, train, test, mapping, share, seed)
    _show_parts(task, prepared)
    name = st.text_input("Name", train.name, max_chars=200, key=f"{key}-name-{train.name}")
    if st.button("Attach", type="primary", key=f"{key}-attach"):
        replace(prepared, name=name or train.name).attached(app.db, task)
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
        request = HubRequest(
            hub=name,
            task=task,
            config=config.strip() or None,
            split=split.strip() or None,
            text_column=text.strip() or None,
            label_column=label.strip() or None,
            map=_pairs(pairs),
            test_share=share,
            seed=seed,
        )
        job = submit(app.db, "fetch", to_json(request), token=token)
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


def _show_parts(task: Task, prepared: PreparedReference) -> None:
    """Texts per label of each part, and what was removed or is unusual."""
    train, test = (
        Counter(example.label for example in part) for part in (prepared.train, prepared.test)
    )
    rows = [{"Label": name, "Train": train[name], "Test": test[name]} for name in task.label_names]
    st.dataframe(rows, hide_index=True, height="content", alt="Texts per label in both parts")
    sentences = [f"{train.total():,} train and {test.total():,} test texts, no overlap."]
    for name, start, noun, end in (
        ("left_out", "Left out of the train part, as they are in the test file: ", "text", ""),
        ("copies", "", "duplicate", ""),
        ("contradictory", "", "text", " with more than one label"),
    ):
        count = prepared.origin[name]
        if isinstance(count, int) and count:
            sentences.append(f"{start}{counted(count, noun)}{end}.")
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
