"""The score over samples generated, and a slider that plays their arrival again."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.figures.curves import Curve, diversity_curve, vocabulary_curve
from core.figures.map import replay_figure
from core.figures.theme import label_colors
from pages.components.explore.exploration import Exploration, placed
from pages.components.explore.selection import show_texts
from pages.components.shell import AppContext, show_errors

_NEWEST = 20


@st.fragment
def show_replay(app: AppContext, seen: Exploration) -> None:
    """Draw the curves, and the map at a moment."""
    with show_errors():
        names = seen.names
        known = [name for name, result in zip(names, seen.results, strict=True) if result]
        if not known:
            st.info("No run is measured yet.", icon=":material/hourglass_top:")
            return
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            name = st.selectbox("Run", known, key="replay_run", width=320)
            most = int((seen.frame["dataset"] == name).sum())
            upto = most
            if most > 1:
                upto = st.slider(
                    "Texts arrived", 1, most, most, key=f"replay-{seen.datasets[0].key}-{most}"
                )
        with st.grid(2, min_column_width=420, gap="large"):
            with st.container():
                _show_curves(seen, known, name, upto)
            with st.container():
                _show_moment(app, seen, name, upto)
        frame = seen.frame[(seen.frame["dataset"] == name) & (seen.frame["order"] < upto)]
        st.markdown(f"**The newest {min(_NEWEST, len(frame))} texts at that moment**")
        show_texts(frame.tail(_NEWEST)[::-1], labels=seen.label_names, key="replay", height=300)


def _show_curves(seen: Exploration, known: list[str], name: str, upto: int) -> None:
    results = dict(zip(seen.names, seen.results, strict=True))
    own = seen.reference_result
    line = None
    if own is not None and own["remote_clique"]["value"] is not None:
        line = (seen.reference_name or "reference", own["remote_clique"]["value"])
    st.markdown("**Remote-Clique over the texts generated** :small[:gray[with 95 % intervals]]")
    st.plotly_chart(
        diversity_curve(
            [_curve(one, results[one], one == name) for one in known], reference=line, marker=upto
        ),
        key="replay-curve",
        config={"displayModeBar": False},
        alt="Remote-Clique over the texts generated",
    )
    st.markdown("**Different words** :small[:gray[a flat curve repeats itself]]")
    st.plotly_chart(
        vocabulary_curve([_vocabulary(one, results[one], one == name) for one in known]),
        key="replay-words",
        config={"displayModeBar": False},
        alt="Different words over the texts generated",
    )


def _show_moment(app: AppContext, seen: Exploration, name: str, upto: int) -> None:
    method = "UMAP" if seen.places.map is not None else "PCA"
    points = placed(seen, app.db, method)
    points = points[(points["dataset"] == name) | points["reference"]]
    if points.empty:
        st.caption("The texts are not placed yet.")
        return
    st.markdown(f"**The map at that moment** :small[:gray[{method}]]")
    st.plotly_chart(
        replay_figure(
            points.assign(duplicate="new"),
            upto - 1,
            colors=label_colors(seen.label_names),
            height=520,
        ),
        key="replay-map",
        config={"displayModeBar": False},
        alt="The map of the texts that had arrived",
    )


def _curve(name: str, result: Mapping[str, Any] | None, chosen: bool) -> Curve:
    told = result["curve"] if result is not None else {}
    return Curve(
        name,
        told.get("at", ()),
        told.get("value", ()),
        told.get("low", ()),
        told.get("high", ()),
        emphasised=chosen,
    )


def _vocabulary(name: str, result: Mapping[str, Any] | None, chosen: bool) -> Curve:
    told = result["vocabulary"] if result is not None else {}
    return Curve(name, told.get("at", ()), told.get("words", ()), emphasised=chosen)
