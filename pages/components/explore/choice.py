"""The sidebar of the Explore page: runs, reference, encoder and threshold of near duplicates."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.neighbours import DEFAULT_THRESHOLD
from core.domain.references import Reference
from core.domain.tasks import Task
from core.store.database import Database
from core.store.generation.runs import RunRecord, list_runs
from pages.components.encoder import choose_encoder
from pages.components.reference import choose_reference
from pages.components.shell import AppContext, show_errors
from pages.components.task import at_rest, choose_task, keep_open, requested_runs, run_names

MAX_RUNS = 8


@dataclass(frozen=True)
class Choice:
    """What to explore.

    Args:
        task: of all the runs.
        runs: one to eight, in the order chosen.
        names: of the runs, for display, each unique.
        others: the task's other runs that have texts, newest first.
        reference: real texts to compare with, None without.
        encoder: what makes the vectors.
        threshold: cosine distance up to which two texts are near duplicates.
    """

    task: Task
    runs: tuple[RunRecord, ...]
    names: tuple[str, ...]
    others: tuple[RunRecord, ...]
    reference: Reference | None
    encoder: EncoderChoice
    threshold: float = DEFAULT_THRESHOLD


def has_texts(app: AppContext) -> bool:
    """Whether any run has a usable text."""
    return any(row.counts.usable for row in list_runs(app.db))


def choose(app: AppContext) -> Choice | None:
    """Draw the choice; None while it is incomplete."""
    summaries = [row for row in list_runs(app.db) if row.counts.usable]
    if not summaries:
        return None
    requested = requested_runs(summaries, page="explore")
    with st.sidebar, show_errors():
        task = choose_task(summaries, requested, key="explore_task")
        runs = {row.run.id: row.run for row in summaries if row.run.spec.task.key == task.key}
        names = run_names(list(runs.values()))
        chosen = _choose_runs(app.db, runs, names, requested)
        keep_open(chosen, page="explore")
        reference = choose_reference(app, task)
        encoder = choose_encoder()
        if chosen and encoder is not None:
            return Choice(
                task,
                tuple(runs[run_id] for run_id in chosen),
                tuple(names[run_id] for run_id in chosen),
                tuple(run for run_id, run in runs.items() if run_id not in chosen),
                reference,
                encoder,
                _choose_threshold(),
            )
    return None


def _choose_runs(
    db: Database,
    runs: dict[str, RunRecord],
    names: dict[str, str],
    requested: Sequence[RunRecord],
) -> list[str]:
    key = "explore_runs"
    before = st.session_state.get(key)
    kept = [run_id for run_id in before or [] if run_id in runs]
    wanted = [run.id for run in requested if run.id in runs][:MAX_RUNS]
    if not set(wanted) <= set(kept):  # what another page opened may be among those shown here
        kept = wanted
    # The newest run of a task that is shown for the first time; none where all were removed.
    st.session_state[key] = kept if kept or before == [] else [at_rest(db, runs)]
    chosen = st.multiselect(
        "Runs",
        list(runs),
        format_func=lambda run_id: names.get(run_id, run_id),
        key=key,
        max_selections=MAX_RUNS,
        persist_state="session",
        placeholder="Choose runs",
        wrap=True,
    )
    if not chosen:
        st.info("Choose at least one run.", icon=":material/arrow_upward:")
    return chosen


def _choose_threshold() -> float:
    return st.slider(
        "Near-duplicate threshold",
        0.0,
        0.5,
        DEFAULT_THRESHOLD,
        0.01,
        key="near_threshold",
        persist_state="session",
        help="Two texts whose cosine distance is at most this are near duplicates.",
    )
