"""Three ways to start a project: a preset, a task from labelled data, or the demo."""

from collections import Counter
from pathlib import Path

import streamlit as st

from core.domain.errors import WidesetError
from core.domain.references import TEST_SHARE, divided
from core.domain.runs import EMBEDDED_TITLE, Example
from core.domain.tasks import MAX_LABELS, Label, Task, preset, preset_names
from core.domain.wording import capitalized, counted, listed, percent
from core.files.labelled import columns_of, read_labelled
from core.files.mapping import guessed_columns
from core.services.demo import open_demo
from core.store.references import add_reference
from core.store.tasks import save_task
from pages.components.shell import AppContext, escape_markdown, flash, show_errors


@st.dialog("From your own data", width="large")
def own_data(app: AppContext) -> None:
    """Open the dialog."""
    ask_for_data(app)


def ask_for_data(app: AppContext) -> None:
    """Ask for a file, what its texts are, and what each label means; then go to Generate."""
    st.caption(
        "Labelled texts seed the prompts, train an oracle that can stand in for an annotator, and "
        "test the classifiers. CSV, JSONL or Parquet, up to 50 MB; the file stays on this machine."
    )
    file = st.file_uploader(
        "Labelled texts",
        type=["csv", "jsonl", "ndjson", "parquet"],
        key="own_file",
        label_visibility="collapsed",
    )
    if file is None:
        return
    with show_errors():
        content = file.getvalue()
        columns = _choose_columns(content, file.name)
        if columns is None:
            st.caption("Choose the text column and the label column.")
            return
        examples = _read(content, file.name, *columns)
        counts = Counter(example.label for example in examples)
        if len(counts) > MAX_LABELS:
            st.error(
                f"The label column has {len(counts):,} different labels; a task has at most "
                f"{MAX_LABELS}. Choose another label column."
            )
            return
        task, missing = _edit_task(file.name, counts)
        with st.container(horizontal=True, vertical_alignment="center"):
            create = st.button(
                "Create task",
                type="primary",
                icon=":material/check:",
                key="own_make",
                disabled=task is None,
            )
            if missing:
                st.caption(f"Required: {listed(missing)}")
        if create and task is not None:
            parts = divided(examples, test_share=TEST_SHARE, seed=0)
            origin = {"file": file.name, "test_file": None, **parts.facts}
            with app.db.write():
                record = save_task(app.db, task)
                add_reference(app.db, task, file.name, parts.train, parts.test, origin)
            st.session_state["choose_task"] = f"saved-{record.id}"
            st.switch_page("pages/generate.py")


def _choose_columns(content: bytes, name: str) -> tuple[str, str] | None:
    columns = [column for column in dict.fromkeys(columns_of(content, name=name)) if column.strip()]
    guesses = guessed_columns(columns)
    chosen = []
    for place, what, guess in zip(st.columns(2), ("text", "label"), guesses, strict=True):
        with place:
            chosen.append(
                st.selectbox(
                    f"{capitalized(what)} column",
                    columns,
                    index=None if guess is None else columns.index(guess),
                    placeholder="Choose",
                    key=f"own_{what}s-{hash(tuple(columns))}",
                )
            )
    text, label = chosen
    return None if text is None or label is None else (text, label)


def _edit_task(name: str, counts: Counter[str]) -> tuple[Task | None, list[str]]:
    """Draw the task's form; the task, or None and what is missing."""
    left, right = st.columns(2)
    with left:
        title = st.text_input("Name", Path(name).stem[:80], max_chars=200, key="own_name")
    with right:
        text_type = st.text_input(
            "Text type",
            max_chars=200,
            placeholder="movie review",
            key="own_type",
            help='What one text is: the prompt says "Write a …".',
        )
    st.caption("What each label means, in the words of the prompt:")
    edited = st.data_editor(
        [{"label": label, "texts": number, "phrase": label} for label, number in counts.items()],
        hide_index=True,
        disabled=["label", "texts"],
        height="content" if len(counts) <= 8 else 300,
        column_config={
            "label": "Label",
            "texts": "Texts",
            "phrase": st.column_config.TextColumn("Phrase in the prompt", width="large"),
        },
        key="own_phrases",
        alt="Labels with their number of texts and phrase",
    )
    st.caption(
        f"{counted(counts.total(), 'text')}; {percent(TEST_SHARE, digits=0)} are held out for "
        "testing, drawn with seed 0."
    )
    required = {"name": title, "text type": text_type}
    missing = [field for field, value in required.items() if not value.strip()]
    if missing:
        return None, missing
    labels = tuple(
        Label(row["label"], str(row["phrase"] or "").strip() or row["label"]) for row in edited
    )
    task = Task(title.strip(), text_type.strip(), labels)
    first = labels[0]
    st.caption(
        f"The prompt will say: Write a *{escape_markdown(task.text_type)}* … "
        f"{escape_markdown(first.phrase)}"
    )
    return task, []


@st.cache_data(max_entries=2, show_spinner=False)
def _read(content: bytes, name: str, text: str, label: str) -> list[Example]:
    return read_labelled(content, name=name, task=None, text_column=text, label_column=label)


def show_start_options(app: AppContext) -> None:
    """Draw the three cards."""
    with st.grid(3, min_column_width=230, gap="medium"):
        with st.container(border=True, height="stretch"):
            _from_preset()
        with st.container(border=True, height="stretch"):
            _from_own_data(app)
        with st.container(border=True, height="stretch"):
            _from_demo(app)


def _from_preset() -> None:
    st.markdown("##### :material/edit_note: A preset")
    names = list(preset_names())
    chosen = st.selectbox(
        "Task",
        names,
        index=names.index("support"),
        format_func=lambda name: preset(name).name,
        key="home_preset",
        label_visibility="collapsed",
    )
    task = preset(chosen)
    names = ", ".join(task.label_names[:6]) + (" …" if len(task.labels) > 6 else "")
    st.caption(
        f"{counted(len(task.labels), 'label')} of a *{escape_markdown(task.text_type)}*: "
        f"{escape_markdown(names)}"
    )
    st.space("stretch")
    if st.button(
        "Start generating",
        type="primary",
        icon=":material/play_arrow:",
        key="home_start",
        width="stretch",
    ):
        st.session_state["choose_task"] = chosen
        st.query_params.clear()
        st.switch_page("pages/generate.py")


def _from_own_data(app: AppContext) -> None:
    st.markdown("##### :material/upload_file: Your own data")
    st.caption(
        "A file of labelled texts becomes a task: it seeds the prompts, simulates the annotator, "
        "and tests the classifiers."
    )
    st.space("stretch")
    if st.button("Choose a file", icon=":material/attach_file:", key="home_own", width="stretch"):
        own_data(app)


def _from_demo(app: AppContext) -> None:
    st.markdown("##### :material/slideshow: The demo")
    st.caption(
        f"A finished study of support messages generated by {EMBEDDED_TITLE}: 16 conditions, "
        "repaired and tested, with maps, versions and a presenter's view."
    )
    st.space("stretch")
    if st.button("Open the demo", icon=":material/open_in_new:", key="home_demo", width="stretch"):
        try:
            task = open_demo(app.db)
        except WidesetError as error:
            flash(error)
            st.rerun()
        show_task(task.key)
        st.switch_page("pages/compare.py")


def show_task(task_key: str) -> None:
    """Have the pages that show runs start with this task."""
    for page in ("explore", "intervene", "train", "compare"):
        st.session_state[f"{page}_task"] = task_key
