"""The head of the Intervene page: the active version, undo and redo, label accuracy."""

from collections.abc import Callable

import streamlit as st

from core.domain.errors import WidesetError
from core.domain.registries.metrics import METRIC
from core.domain.registries.stages import STAGE, STAGES
from core.interventions.registry import Decision, apply_intervention
from core.interventions.relabelling.label_accuracy import LabelAccuracy
from core.interventions.relabelling.oracle_quality import SELF_JUDGED
from core.store.interventions.versions import VersionRecord, lineage, redo, redo_target, undo
from pages.components.intervene.annotation.state import annotator_name
from pages.components.intervene.previews import explain
from pages.components.intervene.state import (
    RunState,
    accuracy_value,
    sized_share_words,
)
from pages.components.shell import AppContext, escape_markdown, flash, show_errors
from pages.components.task import show_title

_MOST_STEPS = 3
_MESSAGE = "intervened"


def set_message(message: str) -> None:
    """Keep a message, as Markdown, for the next drawing of the header."""
    st.session_state[_MESSAGE] = message


def change_version(move: Callable[..., VersionRecord], *args: object, **kwargs: object) -> None:
    """Activate the version that a move of the store leads to; for callbacks."""
    try:
        active = move(*args, who=annotator_name(), **kwargs)
        set_message(f"Active version: {escape_markdown(active.name)}.")
    except WidesetError as error:
        flash(error)


def apply(app: AppContext, state: RunState, kind: str, decision: Decision, message: str) -> None:
    """Derive the version that an intervention makes, and draw the page anew with a message.

    Args:
        app: home and store.
        state: what was previewed.
        kind: of the intervention.
        decision: what it takes, see `core.interventions.registry.Implementation`.
        message: as Markdown.
    """
    with show_errors():
        apply_intervention(app.db, state.subject, kind, decision, who=annotator_name())
        set_message(message)
        st.rerun()


def show_header(app: AppContext, state: RunState) -> None:
    """Draw the run's name, its active version, undo and redo; then the numbers."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show_title(escape_markdown(state.choice.name), state.choice.task)
        _show_steps(app, state.version)
        st.space("stretch")
        message = st.session_state.pop(_MESSAGE, None)
        if message:  # not a toast, which would cover the buttons
            st.caption(f":material/check: {message}", width="content")
        with st.container(horizontal=True, width="content", gap="small"):
            _show_moves(app, state)
    _show_numbers(state)


def _show_steps(app: AppContext, version: VersionRecord | None) -> None:
    """A badge for each of the latest interventions that led to the active version."""
    steps = [] if version is None else lineage(app.db, version.id)[1:]
    if not steps:
        st.badge(STAGES[0].short, color="gray", icon=STAGES[0].icon)
    if len(steps) > _MOST_STEPS:
        st.badge(f"{len(steps) - _MOST_STEPS} earlier", color="gray")
    for step in steps[-_MOST_STEPS:]:
        st.badge(escape_markdown(step.name), color="green", icon=STAGE[step.kind].icon)


def show_oracle(state: RunState) -> None:
    """The oracle's own accuracy, in the sidebar."""
    if state.choice.reference is None:
        return
    if state.opinion is None:
        st.caption("The oracle is not trained yet.")
        return
    st.caption(f"Oracle accuracy: {state.oracle_words(state.dataset)}.")
    explain(state.opinion.oracle.notes)


def _show_numbers(state: RunState) -> None:
    current = state.accuracy_by_oracle(state.subject)
    audit = state.subject.accuracy_by_people(audit=True)
    removed = len(state.raw) - len(state.dataset)
    with st.container(horizontal=True, gap="large"):
        st.metric(
            "Texts",
            f"{len(state.dataset):,}",
            delta=f"-{removed:,} removed" if removed else None,
            delta_color="off",
            width="content",
        )
        st.metric(
            "Labels replaced",
            f"{state.subject.replaced:,}",
            width="content",
            help="Compared with the labels that the texts were generated for.",
        )
        before, after = map(state.mean_accuracy_by_oracle, (state.generated, state.subject))
        gain = None
        if before is not None and after is not None and before != after:
            gain = METRIC["label_accuracy"].change_words(before, after)
        st.metric(
            "Label accuracy (oracle)",
            accuracy_value(current),
            delta=gain,
            width="content",
            help=f"{_by_oracle_words(state, current)} Accuracy of the oracle itself: "
            f"{state.oracle_words(state.dataset)}.",
        )
        st.metric(
            "Label accuracy (audit set)",
            accuracy_value(audit),
            delta=None if audit is None else f"of {audit.overall.n:,}",
            delta_color="off",
            delta_arrow="off",
            width="content",
            help="Judged by people on a random sample: "
            f"{sized_share_words(None if audit is None else audit.overall)}. Of these texts the "
            "labels before people's corrections count, so that corrections don't flatter it.",
        )


def _by_oracle_words(state: RunState, accuracy: LabelAccuracy | None) -> str:
    inspected = len(state.subject.inspected_by_oracle())
    if accuracy is None and inspected:
        return SELF_JUDGED
    words = f"{sized_share_words(None if accuracy is None else accuracy.overall)}"
    return (
        f"{words}, of the texts that the oracle did not label itself." if inspected else f"{words}."
    )


def _show_moves(app: AppContext, state: RunState) -> None:
    """Undo and Redo."""
    version = state.version
    for label, move, help, possible in (
        (
            "Undo",
            undo,
            "Activate the version that this one derives from. Nothing is lost.",
            version is not None and version.parent_id is not None,
        ),
        (
            "Redo",
            redo,
            "Activate the version that was undone last.",
            redo_target(app.db, state.choice.run.id) is not None,
        ),
    ):
        st.button(
            label,
            icon=f":material/{label.lower()}:",
            key=f"version_{label.lower()}",
            disabled=not possible,
            help=help,
            on_click=change_version,
            args=(move, app.db, state.choice.run.id),
            kwargs={"seen": state.version_id},
        )
