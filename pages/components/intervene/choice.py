"""The side bar of the Intervene page: which run, beside which reference, and who judges."""

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
    """What is to be repaired.

    Args:
        task: the run's.
        run: whose texts.
        name: the run's for display.
        reference: real texts, None without.
        encoder: what makes the vectors.
        annotator: who inspects.
        error_rate: the oracle's, 0 to 1, to simulate people.
    """

    task: Task
    run: RunRecord
    name: str
    reference: Reference | None
    encoder: EncoderChoice
    annotator: Annotator
    error_rate: float


def choose(app: AppContext) -> Choice | None:
    """Draw the choice; None while there is nothing to repair."""
    found = [row for row in list_runs(app.db) if row.counts.usable]
    if not found:
        return None
    asked = requested_run(found, page="intervene")
    with st.sidebar, show_errors():
        task = choose_task(found, asked, key="intervene_task")
        own = {row.run.id: row.run for row in found if row.run.spec.task.key == task.key}
        names = run_names(list(own.values()))
        if asked is not None:
            st.session_state["intervene_run"] = asked.id
        if st.session_state.get("intervene_run") not in own:
            st.session_state["intervene_run"] = next(iter(own))
        run_id = st.selectbox(
            "Run",
            list(own),
            format_func=lambda one: names.get(one, one),
            key="intervene_run",
            persist_state="session",
        )
        reference = choose_reference(app, task)
        encoder = choose_encoder()
        annotator, error_rate = _annotator(with_oracle=reference is not None)
        if encoder is not None:
            run = own[run_id]
            return Choice(task, run, names[run_id], reference, encoder, annotator, error_rate)
    return None


def _annotator(*, with_oracle: bool) -> tuple[Annotator, float]:
    options: list[Annotator] = ["oracle", "people"] if with_oracle else ["people"]
    key = "intervene_annotator"
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[0]
    annotator: Annotator = (
        st.segmented_control(
            "Who inspects",
            options,
            format_func=_NAMES.__getitem__,
            key=key,
            required=True,
            persist_state="session",
            help="People, by what they judged on this page; or the oracle, a classifier that "
            "learned from the reference and stands in for a person.",
        )
        or options[0]
    )
    if annotator == "people":
        if not with_oracle:
            st.caption("With reference data attached, an oracle can stand in for people.")
        return annotator, 0.0
    percent = st.slider(
        "Its errors",
        0,
        50,
        0,
        5,
        format="%d %%",
        key="intervene_errors",
        persist_state="session",
        help="Chance that the oracle names a wrong label on purpose, to simulate people who err. "
        "What it is measured by stays without.",
    )
    return annotator, percent / 100
