"""Which queue: the order of the texts, and what belongs to it."""

import streamlit as st

from core.datasets import Dataset
from core.interventions.orders import Kind, Order
from core.store.database import Database
from core.store.datasets import run_key, version_key
from core.store.previews import find_preview, latest_request
from core.store.versions import list_versions, version_rows

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
    asked = [(key, latest_request(db, "relabel", key)) for key in keys]
    found = [find_preview(db, "relabel", key, one) for key, one in asked if one is not None]
    previews = [preview for preview in found if preview is not None]
    if previews:
        result = max(previews, key=lambda preview: preview.created_at).result
        return dict(zip(result["ids"], result["confidence"], strict=True))
    replaced = [version for version in versions if version.kind == "lr"]
    if not replaced:
        return None
    return {row.sample_id: row.confidence for row in version_rows(db, replaced[-1].id)}
