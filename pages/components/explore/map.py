"""The map of all texts: colours, search, selection by lasso, and the neighbours of one text."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.diversity.map.frame import STANDINGS, repeats
from core.diversity.measures.neighbours import nearest_to
from core.figures.map import DUPLICATE_COLORS, map_figure, small_multiples
from core.figures.theme import LABEL_COLORS, label_colors
from core.store.database import Database
from pages.components.explore.exploration import Exploration, points_frame, show_rows, vectors_of
from pages.components.intervene.annotation.selection import label_selection
from pages.components.shell import AppContext, show_errors

_COLORS = {
    "label": "Label",
    "dataset": "Run",
    "cycle": "Cycle",
    "duplicate": "Duplicates",
    "reference": "Real vs generated",
    "standing": "Copied from reference",
}
_PANEL_COLORS = ("label", "dataset", "duplicate", "standing")  # of categories
_NEEDS_REFERENCE = ("reference", "standing")
# Drag modes of plotly; a click selects a text in none but "pan".
_TOOLS = {
    "lasso": ":material/lasso_select: Lasso",
    "select": ":material/select: Box",
    "pan": ":material/ads_click: Click",
}
_SELECTED = "explore_selected"
_NEIGHBOURS = 10


@dataclass(frozen=True)
class _Controls:
    """Settings of the map: keys of `_COLORS` and `_TOOLS`, a search, `UMAP` or `PCA`."""

    color: str
    search: str
    method: str
    tool: str
    side_by_side: bool


@st.fragment
def show_map(app: AppContext, view: Exploration) -> None:
    """Draw the map and the texts selected on it."""
    with show_errors():
        controls = _controls(view)
        points = points_frame(view, app.db, controls.method)
        note = _note(view, controls.method, len(points))
        points = points.assign(duplicate=repeats(points, view.choice.threshold))
        if view.reference is not None and not st.session_state.get("explore_real", True):
            points = points[~points["reference"]]
        if points.empty:
            st.info(
                note or "No text has a position on the map yet.", icon=":material/hourglass_top:"
            )
            return
        if controls.side_by_side:
            _show_panels(view, points, controls.color, note)
            return
        matches = _matches(points, controls.search)
        with st.grid(2, min_column_width=480, gap="medium"):
            with st.container():
                st.plotly_chart(
                    map_figure(
                        points,
                        color_by=controls.color,
                        colors=_colors(view, controls.color),
                        highlight=matches,
                        drag=controls.tool,
                    ),
                    key="map",
                    on_select=_remember_selection,
                    selection_mode=("points", "box", "lasso"),
                    config={"displaylogo": False, "scrollZoom": True},
                    alt="Map of the texts; draw a lasso to select some",
                )
                count = "" if matches is None else f" {len(matches):,} texts match the search."
                st.caption(f"{note}{count}")
            with st.container():
                _show_selection(app.db, view, points, matches)


def _show_panels(view: Exploration, points: pd.DataFrame, color: str, note: str) -> None:
    """One map per run, on the same axes."""
    by = color if color in _PANEL_COLORS else "label"
    st.plotly_chart(
        small_multiples(
            points,
            by="dataset",
            panels={name: name for name in view.names},
            color_by=by,
            colors=_colors(view, by),
        ),
        key="multiples",
        config={"displayModeBar": False},
        alt="One panel per run, on the same axes",
    )
    st.caption(note if by == color else f"{note} The panels are coloured by label.")


def _controls(view: Exploration) -> _Controls:
    colors = [key for key in _COLORS if view.reference is not None or key not in _NEEDS_REFERENCE]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search",
            type="search",
            live="300ms",
            key="explore_search",
            placeholder="Words in the text",
            persist_state="session",
            width=150,
        )
        color = st.selectbox(
            "Colour by",
            colors,
            format_func=_COLORS.__getitem__,
            key="explore_colour",
            persist_state="session",
            width=160,
        )
        method = st.segmented_control(
            "Projection",
            ["UMAP", "PCA"],
            default="UMAP",
            key="explore_method",
            required=True,
            persist_state="session",
            help="UMAP preserves neighbourhoods and is fitted in the background; PCA shows the two "
            "directions of largest variance and is used until UMAP is ready.",
        )
        tool = st.segmented_control(
            "Select with",
            list(_TOOLS),
            format_func=_TOOLS.__getitem__,
            default="lasso",
            key="explore_mouse",
            required=True,
            persist_state="session",
            help="Draw a lasso or a box around texts to list them. With Click, click a text to see "
            "its nearest neighbours; dragging moves the map.",
        )
        if view.reference is not None:
            st.toggle("Real texts", True, key="explore_real", persist_state="session")
        side_by_side = len(view.names) > 1 and st.toggle(
            "Side by side", key="explore_several", persist_state="session"
        )
    if not view.places.points:
        method = "PCA"
    return _Controls(color, search, method or "UMAP", tool or "lasso", side_by_side)


def _note(view: Exploration, method: str, shown: int) -> str:
    """What the map shows, and what is missing."""
    missing = len(view.frame) - shown
    later = f" {missing:,} have no position yet." if missing else ""
    fitted = view.places.map
    if method == "PCA" or fitted is None:
        if not shown:
            return "These texts have not been embedded yet."
        wait = "" if view.places.points else " UMAP follows as soon as it is fitted."
        return f"{shown:,} texts on their first two principal components (PCA).{later}{wait}"
    method = "UMAP" if fitted.facts.method == "umap" else "PCA"
    sizes = {dataset.key: dataset.n for dataset in fitted.facts.datasets}
    datasets = [*view.datasets, *([view.reference] if view.reference is not None else [])]
    new = sum(len(dataset) - sizes.get(dataset.key, 0) for dataset in datasets)
    hint = f" {new:,} were added after it was fitted; refit to include them." if new else ""
    note = fitted.facts.note
    return f"{shown:,} texts on the task's map ({method}).{later}{hint} {note}".strip()


def _colors(view: Exploration, color: str) -> dict[str, str] | None:
    if color == "label":
        return label_colors(view.label_names)
    if color == "dataset":
        return label_colors(view.names)
    if color == "duplicate":
        return DUPLICATE_COLORS
    if color == "standing":
        return {STANDINGS[0]: LABEL_COLORS[0], STANDINGS[1]: LABEL_COLORS[5]}
    return None


def _matches(points: pd.DataFrame, search: str) -> list[str] | None:
    """Ids of the texts that contain the words; None without a search."""
    if not search.strip():
        return None
    hits = points["text"].str.contains(search.strip(), case=False, regex=False)
    return list(points.loc[hits, "id"].to_numpy())


def _remember_selection() -> None:
    """Keep the selected ids: a redrawn figure forgets its selection."""
    data = [point["customdata"] for point in st.session_state["map"]["selection"]["points"]]
    ids = [str(row[0] if isinstance(row, list | tuple) else row) for row in data]
    if ids:
        st.session_state[_SELECTED] = list(dict.fromkeys(ids))


def _clear_selection() -> None:
    st.session_state.pop(_SELECTED, None)


def _show_selection(
    db: Database, view: Exploration, points: pd.DataFrame, matches: list[str] | None
) -> None:
    """The selected texts; of a single one its neighbours; without any, the search's matches."""
    ids: Sequence[str] = st.session_state.get(_SELECTED, ())
    selected = points[points["id"].isin(ids)]
    if selected.empty and matches:
        st.markdown(f"**Matching texts ({len(matches):,})**")
        show_rows(points[points["id"].isin(matches)], labels=view.label_names, key="chosen")
        return
    if selected.empty:
        st.info(
            "Draw a lasso or a box on the map to list texts here, or select Click and click a text "
            "to see its nearest neighbours.",
            icon=":material/lasso_select:",
        )
        return
    near = None if len(selected) > 1 else _neighbours(db, view, str(selected["id"].iloc[0]))
    title = f"{len(selected):,} texts selected" if near is None else "Text and nearest neighbours"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{title}**")
        st.button("Clear", icon=":material/close:", key="clear_map", on_click=_clear_selection)
    show_rows(selected if near is None else near, labels=view.label_names, key="chosen", height=470)
    label_selection(db, view.datasets, list(selected["id"].to_numpy()))


def _neighbours(db: Database, view: Exploration, text_id: str) -> pd.DataFrame | None:
    """A text and its nearest neighbours with their distances; None while a vector is missing."""
    vectors = vectors_of(view, db)
    if vectors is None:
        return None
    row = int(view.frame.index[view.frame["id"] == text_id][0])
    near = nearest_to(vectors, row, _NEIGHBOURS)
    table = view.frame.loc[[row, *(place for place, _ in near)]]
    return table.assign(distance=[0.0, *(distance for _, distance in near)])
