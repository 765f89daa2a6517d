"""The head of the Intervene page: where the run stands, and the way back and forth."""

import streamlit as st

from core.domain.errors import WidesetError
from core.store.interventions.versions import VersionRecord, lineage, redo, redo_target, undo
from pages.components.intervene.accuracy_words import percent, told
from pages.components.intervene.current_version import Standing
from pages.components.intervene.previews import annotator_name
from pages.components.shell import AppContext, escape_markdown, flash

_MOST_STEPS = 3
_ICONS = {"lr": "healing", "oosf": "filter_alt", "manual": "edit"}


def show_header(app: AppContext, seen: Standing) -> None:
    """Draw the run's name, its present version, undo and redo; then how right its labels are."""
    now = seen.head
    following = redo_target(app.db, seen.choice.run.id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(escape_markdown(seen.choice.name), anchor=False, width="content")
        _steps(app, now)
        st.space("stretch")
        message = st.session_state.pop("intervened", None)
        if message:  # here, as a toast would lie on the very buttons
            st.caption(f":material/check: {message}", width="content")
        with st.container(horizontal=True, width="content", gap="small"):
            _step(app, seen, "Undo", possible=now is not None and now.parent_id is not None)
            _step(app, seen, "Redo", possible=following is not None)
    _numbers(seen)


def _steps(app: AppContext, now: VersionRecord | None) -> None:
    """A badge for each intervention on the way to the present version, the latest ones."""
    steps = [] if now is None else lineage(app.db, now.id)[1:]
    if not steps:
        st.badge("as generated", color="gray", icon=":material/edit_note:")
    if len(steps) > _MOST_STEPS:
        st.badge(f"{len(steps) - _MOST_STEPS} more", color="gray")
    for step in steps[-_MOST_STEPS:]:
        st.badge(escape_markdown(step.name), color="green", icon=f":material/{_ICONS[step.kind]}:")


def show_oracle(seen: Standing) -> None:
    """The oracle's own accuracy, in the side bar."""
    if seen.choice.reference is None:
        return
    if seen.oracle is None:
        st.caption("The oracle is not trained yet.")
        return
    st.caption(f"The oracle is right on {told(seen.oracle)}; {seen.oracle_facts['measured_on']}.")
    for sentence in seen.oracle_facts["notes"]:
        st.caption(f":material/info: {escape_markdown(sentence)}")


def _numbers(seen: Standing) -> None:
    now, raw = seen.by_oracle(seen.dataset), seen.by_oracle(seen.raw)
    audit = seen.by_people(seen.dataset, audit=True)
    gone = len(seen.raw) - len(seen.dataset)
    changed = sum(
        row.kept and row.label != label
        for row, label in zip(seen.subject.rows, seen.subject.specified, strict=True)
    )
    with st.container(horizontal=True, gap="large"):
        st.metric(
            "Texts",
            f"{len(seen.dataset):,}",
            delta=f"-{gone:,} out of scope" if gone else None,
            delta_color="off",
            width="content",
        )
        st.metric(
            "Labels replaced",
            f"{changed:,}",
            width="content",
            help="Against the labels that the texts were generated for.",
        )
        gain = None
        if now is not None and raw is not None and now.overall.interval and raw.overall.interval:
            difference = now.overall.interval.mean - raw.overall.interval.mean
            gain = f"{100 * difference:+.1f} points" if difference else None
        st.metric(
            "Label accuracy by the oracle",
            percent(None if now is None else now.overall),
            delta=gain,
            width="content",
            help=f"{told(None if now is None else now.overall)}. The oracle itself is right on "
            f"{told(seen.oracle)}.",
        )
        st.metric(
            "By the audit set",
            percent(None if audit is None else audit.overall),
            delta=None if audit is None else f"of {audit.overall.n:,}",
            delta_color="off",
            delta_arrow="off",
            width="content",
            help="By people, on texts drawn at random: "
            f"{told(None if audit is None else audit.overall)}.",
        )


def _step(app: AppContext, seen: Standing, words: str, *, possible: bool) -> None:
    towards = "what this version derives from" if words == "Undo" else "the version undone last"
    st.button(
        words,
        icon=f":material/{words.lower()}:",
        key=f"version_{words.lower()}",
        disabled=not possible,
        help=f"Stand at {towards}. Nothing is lost either way.",
        on_click=_move,
        args=(app, seen.choice.run.id, words, seen.head),
    )


def _move(app: AppContext, run_id: str, words: str, now: VersionRecord | None) -> None:
    if now is None:
        return
    try:
        step = undo if words == "Undo" else redo
        version = step(app.db, run_id, who=annotator_name(), seen=now.id)
        st.session_state["intervened"] = f"The run stands at: {escape_markdown(version.name)}."
    except WidesetError as error:
        flash(error)
