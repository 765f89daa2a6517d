"""The neighbours of the text that is judged, on demand."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd
import streamlit as st

from core.diversity.measures.neighbours import nearest_to
from core.domain.datasets import Dataset
from core.domain.errors import BadInput, WidesetError
from core.figures.theme import label_colors
from core.interventions.annotation.queue import Kind, Order
from core.interventions.annotation.session import Sitting, keys_of
from core.store.database import Database
from core.store.datasets import run_key, version_key
from core.store.generation.runs import RunRecord
from core.store.interventions.judgements import Verdict
from core.store.interventions.previews import latest_preview
from core.store.interventions.versions import list_versions, version_rows
from pages.components.intervene.annotation.state import (
    forget_sitting,
    keep_sitting,
    kept_sitting,
    note,
    noted,
    session_id,
    vectors_of,
)
from pages.components.shell import AppContext, escape_markdown

_ON = "annotation_near"
_COUNT = 6


def neighbours_toggle() -> bool:
    """Draw the button; whether neighbours are shown. It stays as it is from text to text."""
    on = bool(st.session_state.get(_ON))
    st.button(
        "Hide neighbours" if on else "Neighbours",
        icon=":material/hub:",
        shortcut="N",
        key="annotation_near_button",
        on_click=_toggle,
    )
    return on


def show_neighbours(db: Database, dataset: Dataset, row: int, fingerprint: str | None) -> None:
    """Draw the texts nearest to one.

    Args:
        db: the store.
        dataset: the texts.
        row: of the text.
        fingerprint: see `vectors_of`.
    """
    vectors = vectors_of(db, dataset, fingerprint)
    if vectors is None:
        st.caption("The worker has not embedded all of these texts yet.")
        return
    near = nearest_to(vectors, row, _COUNT)
    colors = label_colors(dataset.label_names)
    st.dataframe(
        pd.DataFrame(
            {
                "label": [[dataset.labels[place]] for place, _ in near],
                "text": [dataset.texts[place] for place, _ in near],
                "distance": [distance for _, distance in near],
            }
        ),
        column_config={
            "label": st.column_config.MultiselectColumn(
                "Generated as",
                options=list(dataset.label_names),
                color=[colors[name] for name in dataset.label_names],
                width=130,
            ),
            "text": st.column_config.TextColumn("Text", width=640),
            "distance": st.column_config.NumberColumn("Distance", format="%.3f", width=80),
        },
        hide_index=True,
        key="annotation_neighbours",
        alt="The texts nearest to this one",
    )


def _toggle() -> None:
    st.session_state[_ON] = not st.session_state.get(_ON)


_KINDS: dict[Kind, str] = {
    "audit": "Random audit set",
    "uncertain": "Most uncertain",
    "spread": "Most spread out",
    "label": "A label at a time",
    "second": "Second opinion",
}
_WORDS: dict[Kind, str] = {
    "audit": "A random sample, to measure label accuracy without bias. It is kept apart: nothing "
    "learns from it. People with the same seed get the same texts and can be compared.",
    "uncertain": "The least confident labels first, as the newest label replacement saw them.",
    "spread": "Texts far from each other and from all judged ones, so that few cover much.",
    "label": "Texts of one label after the other, in random order.",
    "second": "What other people judged, their verdicts hidden: the basis of agreement.",
}
_SIZES = (45, 90, 180, 270, 360)


def choose_order(dataset: Dataset) -> Order:
    """Draw the choice."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind: Kind = (
            st.segmented_control(
                "Order",
                list(_KINDS),
                format_func=_KINDS.__getitem__,
                default="audit",
                key="annotation_kind",
                required=True,
                persist_state="session",
            )
            or "audit"
        )
        sizes = _SIZES[:3] if kind == "audit" else _SIZES
        size = st.segmented_control(
            "Texts",
            sizes,
            default=90,
            key=f"annotation_size_{len(sizes)}",
            required=True,
            persist_state="session",
        )
        seed, label = 0, ""
        if kind == "audit":
            seed = st.number_input(
                "Seed",
                0,
                2**31 - 1,
                0,
                key="annotation_seed",
                persist_state="session",
                width=110,
            )
        if kind == "label":
            label = st.selectbox(
                "Label",
                ["", *dataset.label_names],
                format_func=lambda name: name or "All, one after the other",
                key="annotation_label",
                persist_state="session",
                width=240,
            )
    st.caption(_WORDS[kind])
    return Order(kind, size=size or 90, seed=int(seed), label=label or None)


def known_confidence(db: Database, run_id: str) -> dict[str, float | None] | None:
    """Confidences of the run's newest preview of a label replacement, else of the newest applied.

    By text id, 0 to 1; None where there is neither.
    """
    versions = list_versions(db, run_id)
    keys = [run_key(run_id), *(version_key(version.id) for version in versions)]
    newest = [latest_preview(db, "relabel", key) for key in keys]
    previews = [preview for preview in newest if preview is not None]
    if previews:
        result = max(previews, key=lambda preview: preview.created_at).result
        return dict(zip(result["ids"], result["confidence"], strict=True))
    replaced = [version for version in versions if version.kind == "lr"]
    if not replaced:
        return None
    return {row.sample_id: row.confidence for row in version_rows(db, replaced[-1].id)}


_LAST = "annotation_last"
_HEIGHT = 220  # pixels of the text's box; the same for every text, so that no button moves
_STYLE = """<style>
.st-key-text_to_judge {scrollbar-gutter: stable}
.st-key-text_to_judge [data-testid='stText'], .st-key-text_to_judge [data-testid='stText'] * {
  font-family: inherit; font-size: %s; line-height: 1.4; white-space: pre-wrap;
  overflow-wrap: anywhere; max-width: 62rem}
[class*='st-key-specified-'] [data-testid='stText'] {
  border-radius: 99px; padding: 0.1rem 0.8rem; font-weight: 600; font-family: inherit;
  border: 1.5px solid currentColor}
[class*='st-key-give-'] button {border-left-width: 5px}
%s
</style>"""


def show_queue(
    app: AppContext,
    run: RunRecord,
    dataset: Dataset,
    *,
    who: str,
    fingerprint: str | None,
    confidence: Mapping[str, float | None] | None,
) -> None:
    """Draw the choice of the queue and its next text; arguments as `show_annotation`."""
    order = choose_order(dataset)
    try:
        sitting = _sitting(app, run, dataset, order, who, fingerprint, confidence)
    except BadInput as error:
        st.info(escape_markdown(f"{error.what} {error.remedy}"), icon=":material/hourglass_top:")
        return
    _show_progress(sitting, app.db.now())
    due = sitting.current
    if due is None:
        _show_end(sitting)
        return
    row = dataset.ids.index(due.id)
    text, label = dataset.texts[row], dataset.labels[row]
    _style(text, dataset.label_names)
    with st.container(
        border=True, height=_HEIGHT, key="text_to_judge", vertical_alignment="center"
    ):
        st.text(text)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Generated as", width="content")
        with st.container(key=f"specified-{dataset.label_names.index(label)}", width="content"):
            st.text(label)
        _show_last()
    near = _show_verdicts(sitting, due.id, label, dataset.label_names)
    if near:
        show_neighbours(app.db, dataset, row, fingerprint)


def _sitting(
    app: AppContext,
    run: RunRecord,
    dataset: Dataset,
    order: Order,
    who: str,
    fingerprint: str | None,
    confidence: Mapping[str, float | None] | None,
) -> Sitting:
    """The sitting that goes on, or a new one where something else is asked for."""
    signature = (run.id, len(dataset), order, who)
    kept = kept_sitting(signature)
    if kept is not None:
        return kept
    forget_sitting()
    st.session_state.pop(_LAST, None)
    if order.kind == "uncertain" and confidence is None:
        confidence = known_confidence(app.db, run.id)
    sitting = Sitting(
        app.db,
        run.id,
        dataset,
        order,
        who=who,
        session=session_id(),
        vectors=vectors_of(app.db, dataset, fingerprint) if order.kind == "spread" else None,
        confidence=confidence,
    )
    keep_sitting(signature, sitting)
    return sitting


def _show_progress(sitting: Sitting, now: float) -> None:
    midnight = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    today = sitting.since(midnight.timestamp())
    share = sitting.done / sitting.total if sitting.total else 1.0
    st.progress(
        share,
        f"**{sitting.done}** of {sitting.total} · {sitting.mine} by "
        f"{escape_markdown(sitting.who)} in this run, {today} of them today",
    )


def _show_end(sitting: Sitting) -> None:
    words = "This queue is done." if sitting.total else "There is nothing left in this order."
    st.success(f"{words} Choose another order, or another number.", icon=":material/done_all:")
    _show_last()
    st.button(
        "Undo",
        icon=":material/undo:",
        shortcut="Z",
        key="undo-end",
        on_click=_undo,
        args=(sitting,),
    )


def _show_last() -> None:
    problem = noted()
    if problem:
        st.warning(problem, icon=":material/group:")
    else:
        st.caption(st.session_state.get(_LAST, ""), text_alignment="right")


def _show_verdicts(sitting: Sitting, key: str, label: str, names: Sequence[str]) -> bool:
    """The buttons; whether the neighbours are wanted.

    A button carries its text's id: a key pressed twice is not taken for a verdict on the next text.
    """
    keys = keys_of(names)
    with st.container(horizontal=True):
        for place, name in enumerate(names):
            st.button(
                escape_markdown(name),
                shortcut=keys[name],
                key=f"give-{place}-{key}",
                on_click=_judge,
                args=(sitting, Verdict(key, name, True), label),
            )
    with st.container(horizontal=True):
        st.button(
            f"Keep {escape_markdown(label)}",
            type="primary",
            icon=":material/check:",
            shortcut="Space",
            key=f"keep-{key}",
            on_click=_judge,
            args=(sitting, Verdict(key, label, True), label),
        )
        st.button(
            "Out of scope",
            icon=":material/block:",
            shortcut="O",
            key=f"out-{key}",
            on_click=_judge,
            args=(sitting, Verdict(key, in_scope=False), label),
        )
        st.button(
            "Skip",
            icon=":material/skip_next:",
            shortcut="S",
            key=f"skip-{key}",
            on_click=_judge,
            args=(sitting, Verdict(key, skipped=True), label),
        )
        st.button(
            "Undo",
            icon=":material/undo:",
            shortcut="Z",
            key=f"undo-{key}",
            on_click=_undo,
            args=(sitting,),
        )
        return neighbours_toggle()


def _judge(sitting: Sitting, verdict: Verdict, specified: str) -> None:
    try:
        stored = sitting.judge(verdict)
    except WidesetError as error:
        note(error)
        return
    if stored is not None:
        said = _in_words(verdict)
        changed = said if verdict.label in (None, specified) else f"{specified} → {said}"
        st.session_state[_LAST] = f"Last: {escape_markdown(changed)}"


def _undo(sitting: Sitting) -> None:
    try:
        back = sitting.undo()
    except WidesetError as error:
        note(error)
        return
    st.session_state[_LAST] = (
        "Nothing of this session is left to take back; History has the rest under your name."
        if back is None and sitting.mine
        else "There is nothing of yours left to take back."
        if back is None
        else f"Taken back: {escape_markdown(_in_words(back.verdict))}"
    )


def _in_words(verdict: Verdict) -> str:
    if verdict.skipped:
        return "skipped"
    return verdict.label or "out of scope"


def _style(text: str, names: Sequence[str]) -> None:
    size = "1.9rem" if len(text) < 120 else "1.5rem" if len(text) < 320 else "1.15rem"
    rules = "\n".join(
        f"[class*='st-key-give-{place}-'] button {{border-left-color: {colour}}}\n"
        f".st-key-specified-{place} [data-testid='stText'] {{border-color: {colour}}}"
        for place, colour in enumerate(label_colors(names).values())
    )
    st.html(_STYLE % (size, rules))
