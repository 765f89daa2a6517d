"""The parts of Home: what the worker does, three ways to start a project, and the projects."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import pandas as pd
import streamlit as st

from core.domain.errors import StoreBusy, WidesetError
from core.domain.references import TEST_SHARE
from core.domain.runs import EMBEDDED_TITLE, Example
from core.domain.tasks import MAX_LABELS, Label, Task, preset, preset_names
from core.domain.wording import counted, duration, listed, percent
from core.files.labelled import columns_of, read_labelled
from core.jobs.lease import living
from core.jobs.queue import Job, list_jobs
from core.jobs.registry import job_activity, job_progress
from core.services.demo import open_demo
from core.services.references import FileMapping, reference_from_files
from core.store.connections import list_connections
from core.store.generation.runs import get_run
from core.store.projects import Project, list_projects
from core.store.tasks import list_tasks, save_task
from pages.components.jobs import STORE_BUSY
from pages.components.model import title
from pages.components.reference import choose_columns
from pages.components.shell import AppContext, escape_markdown, flash, show_errors

_POLL_SECONDS = 2.0


@st.fragment(run_every=_POLL_SECONDS)
def show_activity(app: AppContext) -> None:
    """Draw the running job and how many wait, every two seconds."""
    with show_errors():
        try:
            running = list_jobs(app.db, state="running", limit=1)
            waiting = len(list_jobs(app.db, state="queued"))
            alive = living(app.db) is not None
            if running and alive:
                more = f" {waiting:,} more waiting." if waiting else ""
                st.progress(job_progress(running[0]).share, f"{_words(app, running[0])}{more}")
            elif running:
                st.caption(":material/pause: A job was interrupted; resume it on its page.")
            elif waiting:
                st.caption(
                    f":material/hourglass_top: {counted(waiting, 'job')} in the queue; the worker "
                    "is starting."
                )
            else:
                st.caption(":material/bedtime: Idle")
        except StoreBusy:
            st.caption(STORE_BUSY)


def _words(app: AppContext, job: Job) -> str:
    words = job_activity(job.kind)
    if job.run_id is not None:
        words += f" {escape_markdown(get_run(app.db, job.run_id).name)}"
    progress = job.progress
    if progress.total:
        words += f": {progress.done or 0:,} of {progress.total:,}"
    left = progress.seconds_left
    return f"{words}, {duration(left)} left." if left else f"{words}."


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
        text, label = choose_columns(columns_of(content, name=file.name), key="own")
        if text is None or label is None:
            st.caption("Choose the text column and the label column.")
            return
        examples = _read(content, file.name, text, label)
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
            mapping = FileMapping(text_column=text, label_column=label)
            prepared = reference_from_files((file.name, content), None, task, mapping)
            with app.db.write():
                record = save_task(app.db, task)
                prepared.attached(app.db, task)
            st.session_state["choose_task"] = f"saved-{record.id}"
            st.switch_page("pages/generate.py")


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
        Label(str(row["label"]), str(row["phrase"] or "").strip() or str(row["label"]))
        for row in edited
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
    presets = list(preset_names())
    chosen = st.selectbox(
        "Task",
        presets,
        index=presets.index("support"),
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


def show_projects(app: AppContext) -> None:
    """Draw the list, and links to the pages of the selected project."""
    projects = list_projects(app.db, planned=True)
    st.subheader("Projects", anchor=False)
    if not projects:
        st.caption(f"None yet. Start with one of the options above{_connected(app)}.")
        return
    steps = [_next_step(project) for project in projects]
    frame = pd.DataFrame(
        {
            "project": [project.task.name for project in projects],
            **({"next": steps} if any(steps) else {}),
            "labels": [len(project.task.labels) for project in projects],
            "runs": [project.runs for project in projects],
            "texts": [project.texts for project in projects],
            "versions": [project.versions for project in projects],
            "trainings": [project.trainings for project in projects],
            "sweeps": [project.sweeps for project in projects],
            "reference": [project.references > 0 for project in projects],
            "active": [datetime.fromtimestamp(project.active_at) for project in projects],
        }
    )
    event = st.dataframe(
        frame,
        hide_index=True,
        height="content" if len(projects) <= 8 else 320,
        column_config={
            "project": st.column_config.TextColumn("Project", width=240),
            "labels": st.column_config.NumberColumn("Labels", width=70),
            "runs": st.column_config.NumberColumn("Runs", width=70),
            "texts": st.column_config.NumberColumn("Texts", format="localized", width=80),
            "versions": st.column_config.NumberColumn("Versions", width=75),
            "trainings": st.column_config.NumberColumn("Trainings", width=75),
            "sweeps": st.column_config.NumberColumn("Sweeps", width=70),
            "reference": st.column_config.CheckboxColumn("Reference", width=80),
            "active": st.column_config.DatetimeColumn(
                "Last activity", format="D MMM, HH:mm", width=110
            ),
            "next": st.column_config.TextColumn("Next step", width=210),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="home_projects",
        alt="Projects and their contents; select a row to open one",
    )
    rows = event["selection"]["rows"]
    # By position among those just drawn; a newer project is drawn in the next rerun.
    project = projects[rows[0]] if rows and rows[0] < len(projects) else projects[0]
    _show_links(app, project, chosen=bool(rows))


def _next_step(project: Project) -> str:
    """What to do in a project without texts; empty for one that has some."""
    if project.texts:
        return ""
    if project.runs:
        return "Resume its run"
    return "Generate texts" if project.references else "Generate texts or add a reference"


def _connected(app: AppContext) -> str:
    """The rest of the sentence where a connection is set up already."""
    connections = list_connections(app.db)
    if not connections:
        return ""
    names = listed(escape_markdown(title(connection)) for connection in connections[:2])
    return f", or use the model of your connection {names}"


def _show_links(app: AppContext, project: Project, *, chosen: bool) -> None:
    prefix = "" if chosen else "Last active: "
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{prefix}**{escape_markdown(project.task.name)}**", width="content")
        step = _next_step(project)
        if step:
            st.caption("has no texts yet", width="content")
            if st.button("Generate", icon=":material/edit_note:", key="home_to_generate"):
                _generate(app, project)
            return
        for page, icon in (
            ("explore", "scatter_plot"),
            ("intervene", "healing"),
            ("train", "model_training"),
            ("compare", "insights"),
        ):
            if st.button(
                page.capitalize(),
                icon=f":material/{icon}:",
                key=f"home_to_{page}",
            ):
                show_task(project.task.key)
                st.switch_page(f"pages/{page}.py")


def _generate(app: AppContext, project: Project) -> None:
    """Open Generate with the project's newest run, or with its task selected."""
    if project.latest_run:
        st.switch_page("pages/generate.py", query_params={"run": project.latest_run})
    names = {preset(name).key: name for name in preset_names()}
    names |= {record.task.key: f"saved-{record.id}" for record in list_tasks(app.db)}
    if project.task.key in names:
        st.session_state["choose_task"] = names[project.task.key]
    st.switch_page("pages/generate.py")
