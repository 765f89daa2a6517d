"""Diversity and vocabulary over the texts generated, and a slider that replays the generation."""

import streamlit as st

from core.domain.registries.metrics import METRIC
from core.figures.curves import Curve, diversity_curve, vocabulary_curve
from core.figures.map import replay_figure
from core.figures.theme import label_colors
from pages.components.explore.exploration import Exploration, points_frame, show_rows
from pages.components.shell import AppContext, show_errors

_NEWEST = 20


@st.fragment
def show_timeline(app: AppContext, view: Exploration) -> None:
    """Draw the curves, and the map after a number of texts."""
    with show_errors():
        known = list(view.measured)
        if not known:
            st.info("No run has been measured yet.", icon=":material/hourglass_top:")
            return
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            name = st.selectbox("Run", known, key="replay_run", width=320)
            total = int((view.frame["dataset"] == name).sum())
            upto = total
            if total > 1:
                key = f"replay-{view.datasets[0].key}-{total}"
                upto = st.slider("Texts generated", 1, total, total, key=key)
        with st.grid(2, min_column_width=420, gap="large"):
            with st.container():
                _show_curves(view, name, upto)
            with st.container():
                _show_map(app, view, name, upto)
        frame = view.frame[(view.frame["dataset"] == name) & (view.frame["order"] < upto)]
        newest = min(_NEWEST, len(frame))
        st.markdown(f"**Newest texts at this point ({newest})**")
        show_rows(frame.tail(_NEWEST)[::-1], labels=view.label_names, key="replay", height=300)


def _show_curves(view: Exploration, name: str, upto: int) -> None:
    own = view.reference_result
    line = None
    if own is not None and own.clique.value is not None:
        line = (view.reference_name, own.clique.value)
    curves = []
    for run, result in view.measured.items():
        growth = result.curve
        curves.append(
            Curve(run, growth.at, growth.value, growth.low, growth.high, emphasised=run == name)
        )
    st.markdown("**Remote-Clique over texts generated** :small[:gray[with 95% intervals]]")
    st.plotly_chart(
        diversity_curve(curves, reference=line, marker=upto),
        key="replay-curve",
        config={"displayModeBar": False},
        alt="Remote-Clique over texts generated",
    )
    st.markdown(
        f"**{METRIC['vocabulary'].title}** :small[:gray[distinct words; a flat curve means "
        "repetition]]"
    )
    st.plotly_chart(
        vocabulary_curve(
            [
                Curve(run, result.vocabulary.at, result.vocabulary.words, emphasised=run == name)
                for run, result in view.measured.items()
            ]
        ),
        key="replay-words",
        config={"displayModeBar": False},
        alt="Distinct words over texts generated",
    )


def _show_map(app: AppContext, view: Exploration, name: str, upto: int) -> None:
    method = "UMAP" if view.places.map is not None else "PCA"
    points = points_frame(view, app.db, method)
    points = points[(points["dataset"] == name) | points["reference"]]
    if points.empty:
        st.caption("The texts have no position on the map yet.")
        return
    st.markdown(f"**The map at this point** :small[:gray[{method}]]")
    st.plotly_chart(
        replay_figure(
            points.assign(duplicate="new"),
            upto - 1,
            colors=label_colors(view.label_names),
            height=520,
        ),
        key="replay-map",
        config={"displayModeBar": False},
        alt="The map of the texts generated so far",
    )
