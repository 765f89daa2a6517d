"""Judging one by one: the order of the queue, the current text, its buttons and neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import streamlit as st

from core.diversity.measures.neighbours import nearest_to
from core.domain.datasets import Dataset
from core.domain.errors import BadInput, WidesetError
from core.domain.serialization import from_json
from core.figures.theme import label_colors
from core.interventions.annotation_queue import AnnotationSession, QueueKind, QueueOrder, label_keys
from core.interventions.previews import RelabelPreview, RelabelRequest
from core.store.database import Database
from core.store.datasets import run_key, version_key
from core.store.generation.runs import RunRecord
from core.store.interventions.judgements import Verdict
from core.store.interventions.previews import latest_preview
from core.store.interventions.versions import list_versions, version_rows
from pages.components.encoder import stored_vectors
from pages.components.intervene.annotation.state import (
    discard_queue,
    keep_queue,
    kept_queue,
    session_id,
    set_problem,
    show_problem,
)
from pages.components.shell import AppContext, escape_markdown
from pages.components.tables import show_texts


@dataclass(frozen=True, slots=True)
class OrderChoice:
    """An order of the queue as a person chooses it."""

    kind: QueueKind
    title: str
    description: str


ORDERS = (
    OrderChoice(
        "audit",
        "Random audit set",
        "A random sample that measures label accuracy without bias; nothing is trained on it. The "
        "same seed gives everybody the same texts, so that annotators can be compared.",
    ),
    OrderChoice(
        "uncertain",
        "Most uncertain",
        "The least confident labels first, by the latest label replacement.",
    ),
    OrderChoice(
        "spread",
        "Most diverse",
        "Texts far from each other and from all judged ones, so that few texts cover many.",
    ),
    OrderChoice(
        "label", "One label at a time", "The texts of one label after the other, in random order."
    ),
    OrderChoice(
        "second",
        "Second opinion",
        "Texts that other people judged, without their verdicts, to measure agreement.",
    ),
)
"""The orders of the queue, in the order in which they are offered."""

_SIZES = (45, 90, 180, 270, 360)
_AUDIT_SIZES = _SIZES[:3]
_LAST_VERDICT, _NEIGHBOURS_ON = "annotation_last", "annotation_near"
_NEIGHBOURS = 6
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
) -> None:
    """Draw the order of the queue and its next text; arguments as `show_annotation`."""
    order = _choose_order(dataset)
    try:
        queue = _current_queue(app.db, run, dataset, order, who, fingerprint)
    except BadInput as error:
        st.info(escape_markdown(str(error)), icon=":material/hourglass_top:")
        return
    _show_progress(queue, app.db.now())
    due = queue.current
    if due is None:
        _show_end(queue)
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
        _show_last_verdict()
    if _show_verdict_buttons(queue, due.id, label, dataset.label_names):
        _show_neighbours(app.db, dataset, row, fingerprint)


def _choose_order(dataset: Dataset) -> QueueOrder:
    by_kind = {order.kind: order for order in ORDERS}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind: QueueKind = (
            st.segmented_control(
                "Order",
                list(by_kind),
                format_func=lambda kind: by_kind[kind].title,
                default="audit",
                key="annotation_kind",
                required=True,
                persist_state="session",
            )
            or "audit"
        )
        sizes = _AUDIT_SIZES if kind == "audit" else _SIZES
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
                format_func=lambda name: name or "All labels in turn",
                key="annotation_label",
                persist_state="session",
                width=240,
            )
    st.caption(by_kind[kind].description)
    return QueueOrder(kind, size=size or 90, seed=int(seed), label=label or None)


def _current_queue(
    db: Database,
    run: RunRecord,
    dataset: Dataset,
    order: QueueOrder,
    who: str,
    fingerprint: str | None,
) -> AnnotationSession:
    """The queue that is being worked on, or a new one if the settings have changed."""
    signature = (run.id, len(dataset), order, who)
    kept = kept_queue(signature)
    if kept is not None:
        return kept
    discard_queue()
    st.session_state.pop(_LAST_VERDICT, None)
    confidence = _latest_confidence(db, run.id) if order.kind == "uncertain" else None
    vectors = None
    if order.kind == "spread":
        vectors = stored_vectors(db, dataset, fingerprint, any_encoder=True)
    queue = AnnotationSession(
        db,
        run.id,
        dataset,
        order,
        who=who,
        session=session_id(),
        vectors=vectors,
        confidence=confidence,
    )
    keep_queue(signature, queue)
    return queue


def _latest_confidence(db: Database, run_id: str) -> dict[str, float | None] | None:
    """Confidence of the run's latest preview of a label replacement, else of the latest version.

    By text id, 0 to 1; None if there is neither.
    """
    versions = list_versions(db, run_id)
    keys = [run_key(run_id), *(version_key(version.id) for version in versions)]
    latest = [latest_preview(db, RelabelRequest.kind, key) for key in keys]
    previews = [preview for preview in latest if preview is not None]
    if previews:
        newest = max(previews, key=lambda preview: preview.created_at)
        result = from_json(RelabelPreview, newest.result)
        return dict(zip(result.ids, result.confidence, strict=True))
    replaced = [version for version in versions if version.kind == "lr"]
    if not replaced:
        return None
    return {row.sample_id: row.confidence for row in version_rows(db, replaced[-1].id)}


def _show_progress(queue: AnnotationSession, now: float) -> None:
    midnight = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    today = queue.since(midnight.timestamp())
    st.progress(
        queue.done / queue.total if queue.total else 1.0,
        f"**{queue.done}** of {queue.total} · {queue.mine} by "
        f"{escape_markdown(queue.who)} in this run, {today} of them today",
    )


def _show_end(queue: AnnotationSession) -> None:
    message = "This queue is done." if queue.total else "No text is left in this order."
    st.success(f"{message} Choose another order or more texts.", icon=":material/done_all:")
    _show_last_verdict()
    _undo_button(queue, "end")


def _undo_button(queue: AnnotationSession, key: str) -> None:
    st.button(
        "Undo",
        icon=":material/undo:",
        shortcut="Z",
        key=f"undo-{key}",
        on_click=_undo,
        args=(queue,),
    )


def _show_last_verdict() -> None:
    if not show_problem():
        st.caption(st.session_state.get(_LAST_VERDICT, ""), text_alignment="right")


def _show_verdict_buttons(
    queue: AnnotationSession, key: str, label: str, names: Sequence[str]
) -> bool:
    """Draw the buttons; whether neighbours are to be shown.

    A button carries its text's id, so that a key pressed twice does not judge the next text, too.
    """
    shortcuts = label_keys(names)
    with st.container(horizontal=True):
        for place, name in enumerate(names):
            st.button(
                escape_markdown(name),
                shortcut=shortcuts[name],
                key=f"give-{place}-{key}",
                on_click=_judge,
                args=(queue, Verdict(key, name, True), label),
            )
    with st.container(horizontal=True):
        for title, icon, shortcut, prefix, verdict in (
            (f"Keep {escape_markdown(label)}", "check", "Space", "keep", Verdict(key, label, True)),
            ("Out of scope", "block", "O", "out", Verdict(key, in_scope=False)),
            ("Skip", "skip_next", "S", "skip", Verdict(key, skipped=True)),
        ):
            st.button(
                title,
                type="primary" if prefix == "keep" else "secondary",
                icon=f":material/{icon}:",
                shortcut=shortcut,
                key=f"{prefix}-{key}",
                on_click=_judge,
                args=(queue, verdict, label),
            )
        _undo_button(queue, key)
        on = bool(st.session_state.get(_NEIGHBOURS_ON))
        st.button(
            "Hide neighbours" if on else "Neighbours",
            icon=":material/hub:",
            shortcut="N",
            key="annotation_near_button",
            on_click=_toggle_neighbours,
        )
    return on


def _toggle_neighbours() -> None:
    st.session_state[_NEIGHBOURS_ON] = not st.session_state.get(_NEIGHBOURS_ON)


def _show_neighbours(db: Database, dataset: Dataset, row: int, fingerprint: str | None) -> None:
    """The nearest neighbours of the text in a row."""
    vectors = stored_vectors(db, dataset, fingerprint, any_encoder=True)
    if vectors is None:
        st.caption("Some of these texts have not been embedded yet.")
        return
    near = nearest_to(vectors, row, _NEIGHBOURS)
    frame = pd.DataFrame(
        {
            "label": [dataset.labels[place] for place, _ in near],
            "text": [dataset.texts[place] for place, _ in near],
            "distance": [distance for _, distance in near],
        }
    )
    show_texts(
        frame,
        labels=dataset.label_names,
        titles={"label": "Generated as"},
        key="annotation_neighbours",
        alt="Nearest neighbours of the text",
    )


def _judge(queue: AnnotationSession, verdict: Verdict, specified: str) -> None:
    try:
        stored = queue.judge(verdict)
    except WidesetError as error:
        set_problem(error)
        return
    if stored is not None:
        words = _verdict_words(verdict)
        if verdict.label not in (None, specified):
            words = f"{specified} → {words}"
        st.session_state[_LAST_VERDICT] = f"Last: {escape_markdown(words)}"


def _undo(queue: AnnotationSession) -> None:
    try:
        undone = queue.undo()
    except WidesetError as error:
        set_problem(error)
        return
    if undone is not None:
        message = f"Undone: {escape_markdown(_verdict_words(undone.verdict))}"
    elif queue.mine:
        message = "Nothing left to undo in this session; earlier judgements are under History."
    else:
        message = "Nothing left to undo."
    st.session_state[_LAST_VERDICT] = message


def _verdict_words(verdict: Verdict) -> str:
    if verdict.skipped:
        return "skipped"
    return verdict.label or "out of scope"


def _style(text: str, names: Sequence[str]) -> None:
    size = "1.9rem" if len(text) < 120 else "1.5rem" if len(text) < 320 else "1.15rem"
    rules = "\n".join(
        f"[class*='st-key-give-{place}-'] button {{border-left-color: {color}}}\n"
        f".st-key-specified-{place} [data-testid='stText'] {{border-color: {color}}}"
        for place, color in enumerate(label_colors(names).values())
    )
    st.html(_STYLE % (size, rules))
