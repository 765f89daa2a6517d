"""The side bar of the Explore page: which runs, beside which reference, seen by which encoder."""

from dataclasses import dataclass

import streamlit as st

from core.diversity.embedding.encoder import EncoderChoice
from core.domain.references import Reference
from core.domain.tasks import Task
from core.store.generation.runs import RunRecord, list_runs
from pages.components.encoder import choose_encoder
from pages.components.reference import choose_reference
from pages.components.shell import AppContext, show_errors
from pages.components.task import asked_run, choose_task, run_names

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


def has_texts(app: AppContext) -> bool:
    """Whether any run has a text to see."""
    return any(row.counts.usable for row in list_runs(app.db))


def choose(app: AppContext) -> Choice | None:
    """Draw the choice; None while there is nothing to see."""
    found = [row for row in list_runs(app.db) if row.counts.usable]
    if not found:
        return None
    asked = asked_run(found, page="explore")
    with st.sidebar, show_errors():
        task = choose_task(found, asked, key="explore_task")
        own = {row.run.id: row.run for row in found if row.run.spec.task.key == task.key}
        names = run_names(list(own.values()))
        runs = _runs(own, names, asked)
        reference = choose_reference(app, task)
        encoder = choose_encoder()
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
