"""The side bar of the Explore page: which runs, beside which reference, seen by which encoder."""

from dataclasses import dataclass

import streamlit as st

from core.diversity.encoder import EncoderChoice
from core.diversity.texts_frame import display_names
from core.errors import BadInput
from core.references import Reference
from core.store.runs import RunRecord, RunSummary, list_runs
from core.tasks import Task
from pages.components.office import Office, told
from pages.components.plain import plain
from pages.components.reference_panel import choose_reference

MAX_RUNS = 8


@dataclass(frozen=True)
class Choice:
    """What is to be seen.

    Args:
        task: of all the runs.
        runs: one to eight, in the order chosen.
        names: theirs for display, each one once; the side bar and the page say the same.
        others: the task's other runs that have texts, the newest first.
        reference: real texts to compare with, None without.
        encoder: what makes the vectors.
    """

    task: Task
    runs: tuple[RunRecord, ...]
    names: tuple[str, ...]
    others: tuple[RunRecord, ...]
    reference: Reference | None
    encoder: EncoderChoice


def choose(office: Office) -> Choice | None:
    """Draw the choice; None while there is nothing to see."""
    found = [row for row in list_runs(office.db) if row.counts.usable]
    if not found:
        return None
    asked = _asked(found)
    with st.sidebar, told():
        task = _task(found, asked)
        own = {row.run.id: row.run for row in found if row.run.spec.task.key == task.key}
        names = _names(own)
        runs = _runs(own, names, asked)
        reference = choose_reference(office, task)
        encoder = _encoder()
        if runs and encoder is not None:
            return Choice(
                task,
                tuple(own[one] for one in runs),
                tuple(names[one] for one in runs),
                tuple(run for one, run in own.items() if one not in runs),
                reference,
                encoder,
            )
    return None


def _names(own: dict[str, RunRecord]) -> dict[str, str]:
    """Names without the task's, which all runs on the page share; of two alike the older is first.

    Counted over all of the task's runs, so that a run keeps its name whatever is chosen beside it.
    """
    oldest = sorted(own.values(), key=lambda run: (run.created_at, run.id))
    short = [run.name.removeprefix(f"{run.spec.task.name}, ") for run in oldest]
    return dict(zip([run.id for run in oldest], display_names(short), strict=True))


def _asked(found: list[RunSummary]) -> RunRecord | None:
    """The run that the page's address names, once."""
    wanted = st.query_params.get("run")
    asked = next((row.run for row in found if row.run.id == wanted), None)
    if asked is None or st.session_state.get("explore_asked") == wanted:
        return None
    st.session_state["explore_asked"] = wanted
    return asked


def _task(found: list[RunSummary], asked: RunRecord | None) -> Task:
    tasks: dict[str, Task] = {}
    for row in found:
        tasks.setdefault(row.run.spec.task.key, row.run.spec.task)
    names = dict(zip(tasks, display_names([task.name for task in tasks.values()]), strict=True))
    if asked is not None:
        st.session_state["explore_task"] = asked.spec.task.key
    chosen = st.selectbox(
        "Task",
        list(tasks),
        format_func=lambda key: names.get(key, key),
        key="explore_task",
        persist_state="session",
        help="Tasks that have texts. Runs of one task share one map.",
    )
    return tasks[chosen]


def _runs(own: dict[str, RunRecord], names: dict[str, str], asked: RunRecord | None) -> list[str]:
    key = "explore_runs"
    if asked is not None:
        st.session_state[key] = [asked.id]
    before = st.session_state.get(key)
    kept = [one for one in before or [] if one in own]
    # Of a task that was not on view yet the newest; none where a person took all away.
    st.session_state[key] = kept if kept or before == [] else list(own)[:1]
    chosen = st.multiselect(
        "Runs",
        list(own),
        format_func=lambda one: names.get(one, one),
        key=key,
        max_selections=MAX_RUNS,
        persist_state="session",
        placeholder="Choose runs",
        wrap=True,
    )
    if not chosen:
        st.info("Choose a run to see it.", icon=":material/arrow_upward:")
    return chosen


def _encoder() -> EncoderChoice | None:
    with st.expander("Encoder", icon=":material/scatter_plot:"):
        kind = st.segmented_control(
            "Encoder",
            ["Embedded", "Hugging Face"],
            default="Embedded",
            key="encoder_kind",
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        if kind == "Embedded":
            st.caption("all-MiniLM-L6-v2, mean pooling, on this machine, without a network.")
            return EncoderChoice()
        name = st.text_input(
            "Model id or folder",
            key="encoder_id",
            persist_state="session",
            placeholder="google-bert/bert-base-uncased",
        ).strip()
        pooling = st.segmented_control(
            "Pooling",
            ["mean", "cls"],
            default="mean",
            key="encoder_pooling",
            required=True,
            persist_state="session",
            help="The mean over all tokens, or the vector of the first one.",
        )
        if not name:
            st.info("Write an encoder's id.")
            return None
        try:
            return EncoderChoice(model=name, pooling=pooling or "mean")
        except BadInput as error:
            st.error(plain(str(error)))
            return None
