"""The map of all texts: colour, search, selection by lasso, and the neighbours of one text."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.diversity.map.frame import repeats
from core.diversity.measures.neighbours import nearest_to
from core.figures.map import DUPLICATE_COLORS, map_figure
from core.figures.small_multiples import small_multiples
from core.figures.theme import LABEL_COLORS, label_colors
from core.store.database import Database
from pages.components.explore.exploration import Exploration, placed, vectors_of
from pages.components.explore.selection import show_texts
from pages.components.intervene.annotation.chosen import label_chosen
from pages.components.shell import AppContext, show_errors

_COLOURS = {
    "label": "Label",
    "dataset": "Run",
    "cycle": "Cycle",
    "duplicate": "Repeats",
    "reference": "Real or not",
    "standing": "Copied",
}
_PANEL_COLOURS = ("label", "dataset", "duplicate", "standing")  # of categories
# What the mouse does on the map, as plotly calls it; it takes no clicks while it draws.
_MOUSE = {
    "lasso": ":material/lasso_select: Lasso",
    "select": ":material/select: Box",
    "pan": ":material/ads_click: Click",
}
_SELECTED = "explore_selected"
_NEIGHBOURS = 10


@st.fragment
def show_map(app: AppContext, seen: Exploration, *, threshold: float) -> None:
    """Draw the map and what is chosen on it."""
    with show_errors():
        colour, search, method, mouse, several = _controls(seen)
        points = placed(seen, app.db, method)
        note = _note(seen, method, len(points))
        points = points.assign(duplicate=repeats(points, threshold))
        if seen.reference is not None and not st.session_state.get("explore_real", True):
            points = points[~points["reference"]]
        if points.empty:
            st.info(note or "Nothing is placed yet.", icon=":material/hourglass_top:")
            return
        colors = _colors(seen, colour)
        found = _found(points, search)
        if several:
            by = colour if colour in _PANEL_COLOURS else "label"
            st.plotly_chart(
                small_multiples(
                    points,
                    by="dataset",
                    panels={name: name for name in seen.names},
                    color_by=by,
                    colors=DUPLICATE_COLORS if by == "duplicate" else _colors(seen, by),
                ),
                key="multiples",
                config={"displayModeBar": False},
                alt="One panel a run on the same axes",
            )
            st.caption(note if by == colour else f"{note} Side by side they are coloured by label.")
            return
        with st.grid(2, min_column_width=480, gap="medium"):
            with st.container():
                st.plotly_chart(
                    map_figure(points, color_by=colour, colors=colors, highlight=found, drag=mouse),
                    key="map",
                    on_select=_remember,
                    selection_mode=("points", "box", "lasso"),
                    config={"displaylogo": False, "scrollZoom": True},
                    alt="Map of the texts; draw a lasso to choose some",
                )
                hits = "" if found is None else f" {len(found):,} texts hold the words."
                st.caption(f"{note}{hits}")
            with st.container():
                _show_chosen(app.db, seen, points, found)


def _controls(seen: Exploration) -> tuple[str, str, str, str, bool]:
    offered = [
        key
        for key in _COLOURS
        if seen.reference is not None or key not in ("reference", "standing")
    ]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        search = st.text_input(
            "Search",
            type="search",
            live="300ms",
            key="explore_search",
            placeholder="Words in the text",
            persist_state="session",
            width=190,
        )
        colour = st.segmented_control(
            "Colour by",
            offered,
            format_func=_COLOURS.__getitem__,
            default="label",
            key="explore_colour",
            required=True,
            persist_state="session",
        )
        method = st.segmented_control(
            "Projection",
            ["UMAP", "PCA"],
            default="UMAP",
            key="explore_method",
            required=True,
            persist_state="session",
            help="UMAP keeps neighbours together and is fitted by the worker; PCA keeps the widest "
            "directions, and stands in until UMAP is ready.",
        )
        mouse = st.segmented_control(
            "Choose by",
            list(_MOUSE),
            format_func=_MOUSE.__getitem__,
            default="lasso",
            key="explore_mouse",
            required=True,
            persist_state="session",
            help="Draw round texts to list them, or click one to see its nearest neighbours; then "
            "dragging moves the map.",
        )
        if seen.reference is not None:
            st.toggle("Real texts", True, key="explore_real", persist_state="session")
        several = len(seen.names) > 1 and st.toggle(
            "Side by side", key="explore_several", persist_state="session"
        )
    if not seen.places.points:
        method = "PCA"
    return colour or "label", search, method or "UMAP", mouse or "lasso", several


def _note(seen: Exploration, method: str, shown: int) -> str:
    whole = len(seen.frame)
    missing = f" {whole - shown:,} are not placed yet." if shown < whole else ""
    known = seen.places.map
    if method == "PCA" or known is None:
        if not shown:
            return "The worker has not embedded these texts yet."
        wait = "" if seen.places.points else " UMAP follows when the worker has fitted it."
        return f"{shown:,} texts on their two widest directions (PCA).{missing}{wait}"
    method = "UMAP" if known.facts["method"] == "umap" else "PCA"
    fitted = {row["key"]: row["n"] for row in known.facts["datasets"]}
    whole_sets = [*seen.datasets, *([seen.reference] if seen.reference is not None else [])]
    later = sum(len(dataset) - fitted.get(dataset.key, 0) for dataset in whole_sets)
    hint = f" {later:,} came after it was fitted: refit it to give them a say." if later else ""
    note = known.facts["note"]
    return f"{shown:,} texts on the task's map ({method}).{missing}{hint} {note}".strip()


def _colors(seen: Exploration, colour: str) -> dict[str, str] | None:
    if colour == "label":
        return label_colors(seen.label_names)
    if colour == "dataset":
        return label_colors(seen.names)
    if colour == "standing":
        return {"generated": LABEL_COLORS[0], "generated, stands in the reference": LABEL_COLORS[5]}
    return None


def _found(points: pd.DataFrame, search: str) -> list[str] | None:
    if not search.strip():
        return None
    hits = points["text"].str.contains(search.strip(), case=False, regex=False)
    return list(points.loc[hits, "id"].to_numpy())


def _remember() -> None:
    """Keep the chosen ids: a redrawn figure forgets its selection."""
    chosen = st.session_state["map"]["selection"]["points"]
    ids = list(dict.fromkeys(_id(point) for point in chosen))
    if ids:
        st.session_state[_SELECTED] = ids


def _id(point: Any) -> str:
    data = point["customdata"]
    return str(data[0] if isinstance(data, list | tuple) else data)


def _forget() -> None:
    st.session_state.pop(_SELECTED, None)


def _show_chosen(
    db: Database, seen: Exploration, points: pd.DataFrame, found: list[str] | None
) -> None:
    """The texts of the lasso; of one text its neighbours; without either, what a search found."""
    ids: Sequence[str] = st.session_state.get(_SELECTED, ())
    chosen = points[points["id"].isin(ids)]
    if chosen.empty and found:
        st.markdown(f"**{len(found):,} texts found**")
        show_texts(points[points["id"].isin(found)], labels=seen.label_names, key="chosen")
        return
    if chosen.empty:
        st.info(
            "Draw a lasso or a box on the map to list texts here, or choose by a click to see the "
            "nearest neighbours of one.",
            icon=":material/lasso_select:",
        )
        return
    near = None if len(chosen) > 1 else _neighbours(db, seen, str(chosen["id"].iloc[0]))
    with st.container(horizontal=True, vertical_alignment="center"):
        words = "One text and its nearest" if near is not None else f"{len(chosen):,} texts chosen"
        st.markdown(f"**{words}**")
        st.button("Clear", icon=":material/close:", key="clear_map", on_click=_forget)
    show_texts(
        chosen if near is None else near,
        labels=seen.label_names,
        key="chosen",
        distance=near is not None,
        height=470,
    )
    label_chosen(db, seen.datasets, list(chosen["id"].to_numpy()))


def _neighbours(db: Database, seen: Exploration, one: str) -> pd.DataFrame | None:
    """A text and the texts nearest to it, with their distances; None while a vector is missing."""
    vectors = vectors_of(seen, db)
    if vectors is None:
        return None
    row = int(seen.frame.index[seen.frame["id"] == one][0])
    near = nearest_to(vectors, row, _NEIGHBOURS)
    table = seen.frame.loc[[row, *(place for place, _ in near)]]
    return table.assign(distance=[0.0, *(distance for _, distance in near)])
