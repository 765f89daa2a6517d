"""The map of all texts: colour, search, selection by lasso, and the neighbours of one text."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.diversity.neighbours import nearest_to
from core.diversity.texts_frame import repeats
from core.figures.map import map_figure
from core.figures.multiples import small_multiples
from core.figures.palette import LABEL_COLORS, label_colors
from core.store.database import Database
from pages.components.explore.exploration import Exploration, placed, vectors_of
from pages.components.explore.selection import show_texts
from pages.components.office import Office, told

_COLOURS = {
    "label": "Label",
    "dataset": "Run",
    "cycle": "Cycle",
    "duplicate": "Repeats",
    "reference": "Real or not",
    "standing": "In the reference",
}
_SELECTED = "explore_selected"
_NEIGHBOURS = 10


@st.fragment
def show_map(office: Office, seen: Exploration, *, threshold: float) -> None:
    """Draw the map and what is chosen on it."""
    with told():
        colour, search, method, several = _controls(seen)
        points = placed(seen, office.db, method)
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
            st.plotly_chart(
                small_multiples(
                    points,
                    by="dataset",
                    panels={name: name for name in seen.names},
                    color_by="label",
                    colors=label_colors(seen.label_names),
                ),
                key="multiples",
                config={"displayModeBar": False},
                alt="One panel a run on the same axes",
            )
            st.caption(note)
            return
        event = st.plotly_chart(
            map_figure(points, color_by=colour, colors=colors, highlight=found),
            key="map",
            on_select=_remember,
            selection_mode=("points", "box", "lasso"),
            config={"displaylogo": False, "scrollZoom": True},
            alt="Map of the texts; draw a lasso to choose some",
        )
        del event  # the callback has read it: a change of colour would empty it
        hits = "" if found is None else f" {len(found):,} texts hold the words."
        st.caption(f"{note}{hits}")
        _show_chosen(office.db, seen, points)


def _controls(seen: Exploration) -> tuple[str, str, str, bool]:
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
            width=220,
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
            default="UMAP" if seen.places.map is not None else "PCA",
            key="explore_method",
            required=True,
            help="UMAP keeps neighbours together and is fitted by the worker; PCA is there at "
            "once and keeps the widest directions.",
        )
        if seen.reference is not None:
            st.toggle("Real texts", True, key="explore_real", persist_state="session")
        several = len(seen.names) > 1 and st.toggle(
            "Side by side", key="explore_several", persist_state="session"
        )
    return colour or "label", search, method or "PCA", several


def _note(seen: Exploration, method: str, shown: int) -> str:
    whole = len(seen.frame)
    missing = f" {whole - shown:,} are not placed yet." if shown < whole else ""
    known = seen.places.map
    if method == "PCA":
        wait = " UMAP follows when the worker has fitted it." if known is None else ""
        return f"{shown:,} texts on their two widest directions (PCA).{missing}{wait}"
    if known is None:
        return "The worker fits the map; PCA is there at once."
    of = known.facts.get("sampled_of")
    drawn = (
        f" Fitted on a stratified sample of {known.facts.get('n', 0):,} of {of:,} different texts."
        if of
        else ""
    )
    return f"{shown:,} texts on the task's map (UMAP).{drawn}{missing}"


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


def _show_chosen(db: Database, seen: Exploration, points: pd.DataFrame) -> None:
    ids: Sequence[str] = st.session_state.get(_SELECTED, ())
    chosen = points[points["id"].isin(ids)]
    if chosen.empty:
        st.caption("Draw a lasso or a box to list texts; click one for its nearest neighbours.")
        return
    if len(chosen) > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{len(chosen):,} texts chosen**")
            st.button("Clear", icon=":material/close:", key="clear_map", on_click=_forget)
        show_texts(chosen, labels=seen.label_names, key="chosen")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**One text and its nearest neighbours**")
        st.button("Clear", icon=":material/close:", key="clear_map", on_click=_forget)
    vectors = vectors_of(seen, db)
    if vectors is None:
        show_texts(chosen, labels=seen.label_names, key="chosen")
        return
    row = int(seen.frame.index[seen.frame["id"] == chosen["id"].iloc[0]][0])
    near = nearest_to(vectors, row, _NEIGHBOURS)
    table = seen.frame.loc[[row, *(place for place, _ in near)]]
    table = table.assign(
        distance=[0.0, *(distance for _, distance in near)],
        duplicate=repeats(seen.frame, 0.0).loc[table.index],
    )
    show_texts(table, labels=seen.label_names, key="chosen", distance=True)
