"""The sidebar of the Intervene page: the run, the reference, and who inspects."""

from dataclasses import dataclass

import streamlit as st

from core.diversity.embedding.encoder import EncoderChoice
from core.domain.references import Reference
from core.domain.tasks import Task
from core.interventions.requests import Annotator
from core.store.generation.runs import RunRecord, list_runs
from pages.components.encoder import choose_encoder
from pages.components.reference import choose_reference
from pages.components.shell import AppContext, show_errors
from pages.components.task import choose_task, requested_run, run_names

_NAMES: dict[Annotator, str] = {"oracle": "Oracle", "people": "People"}


@dataclass(frozen=True)
class Choice:
    """What to repair.

    Args:
        task: the run's.
        run: whose texts.
        name: the run's for display.
        reference: real texts, None without.
        encoder: what makes the vectors.
        annotator: who inspects.
        error_rate: chance that the oracle gives a wrong label on purpose, 0 to 1.
    """

    task: Task
    run: RunRecord
    name: str
    reference: Reference | None
    encoder: EncoderChoice
    annotator: Annotator
    error_rate: float

    @property
    def oracle_reference(self) -> str | None:
        """Id of the reference that the inspecting oracle learns from; None if people inspect."""
        if self.annotator != "oracle" or self.reference is None:
            return None
        return self.reference.id


def choose(app: AppContext) -> Choice | None:
    """Draw the choice; None while it is incomplete."""
    summaries = [row for row in list_runs(app.db) if row.counts.usable]
    if not summaries:
        return None
    requested = requested_run(summaries, page="intervene")
    with st.sidebar, show_errors():
        task = choose_task(summaries, requested, key="intervene_task")
        runs = {row.run.id: row.run for row in summaries if row.run.spec.task.key == task.key}
        names = run_names(list(runs.values()))
        if requested is not None:
            st.session_state["intervene_run"] = requested.id
        if st.session_state.get("intervene_run") not in runs:
            st.session_state["intervene_run"] = next(iter(runs))
        run_id = st.selectbox(
            "Run",
            list(runs),
            format_func=lambda run: names.get(run, run),
            key="intervene_run",
            persist_state="session",
        )
        reference = choose_reference(app, task)
        encoder = choose_encoder()
        annotator = _choose_annotator(with_oracle=reference is not None)
        error_rate = _choose_error_rate() if annotator == "oracle" else 0.0
        if encoder is not None:
            run = runs[run_id]
            return Choice(task, run, names[run_id], reference, encoder, annotator, error_rate)
    return None


def _choose_annotator(*, with_oracle: bool) -> Annotator:
    options: list[Annotator] = ["oracle", "people"] if with_oracle else ["people"]
    key = "intervene_annotator"
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[0]
    annotator: Annotator | None = st.segmented_control(
        "Annotator",
        options,
        format_func=_NAMES.__getitem__,
        key=key,
        required=True,
        persist_state="session",
        help="Who inspects texts: people, on the Annotate tab, or the oracle, a classifier trained "
        "on the reference that stands in for a person.",
    )
    if not with_oracle:
        st.caption("Attach a reference to let an oracle stand in for people.")
    return annotator or options[0]


def _choose_error_rate() -> float:
    percent = st.slider(
        "Oracle error rate",
        0,
        50,
        0,
        5,
        format="%d%%",
        key="intervene_errors",
        persist_state="session",
        help="Chance that the oracle gives a wrong label on purpose, to simulate human errors. "
        "Label accuracy is measured without these errors.",
    )
    return percent / 100
