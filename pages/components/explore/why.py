"""Why the score is what it is: the texts, pairs, labels and openings that make it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.diversity.map.frame import repeats
from core.diversity.measures.remote_clique import Decomposition, decomposed
from pages.components.explore.exploration import Exploration, Vectors, vectors_of
from pages.components.explore.selection import show_texts
from pages.components.shell import AppContext, escape_markdown, show_errors

_SHOWN = 12
_OVERUSED, _OVERUSED_TEXTS = 0.05, 5  # share, and texts at least: two of thirty are chance


@st.fragment
def show_why(app: AppContext, seen: Exploration, *, threshold: float) -> None:
    """Draw the reasons for one run, beside another if there is one."""
    with show_errors():
        names = seen.names
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            name = st.selectbox("Run", names, key="why_run", width=320)
            others = ["nothing", *(other for other in names if other != name)]
            other = st.selectbox("Compared with", others, key="why_other", width=320)
        result = seen.results[names.index(name)]
        if result is None:
            st.info("This run is not measured yet.", icon=":material/hourglass_top:")
            return
        vectors = vectors_of(seen, app.db)
        if vectors is not None:
            _show_parts(seen, vectors, name, None if other == "nothing" else other, threshold)
        frame = seen.frame[seen.frame["dataset"] == name]
        with st.grid(2, min_column_width=420, gap="large"):
            with st.container():
                _show_openings(seen, name, None if other == "nothing" else other)
            with st.container():
                _show_pairs(frame, result)
        st.markdown(
            "**Texts that contribute most** :small[:gray[far from the others: wide, or odd; look "
            "at their fluency]]"
        )
        ranked = frame.sort_values("mean_distance", ascending=False, kind="stable")
        show_texts(ranked.head(_SHOWN), labels=seen.label_names, key="most", height=300)
        st.markdown(
            "**Texts that contribute least** :small[:gray[close to the others: the rut that the "
            "run is in]]"
        )
        show_texts(ranked[::-1].head(_SHOWN), labels=seen.label_names, key="least", height=300)


def _show_parts(
    seen: Exploration, vectors: Vectors, name: str, other: str | None, threshold: float
) -> None:
    """The score within and between labels, and without repeated texts."""
    rows = [_parts(seen, vectors, one, threshold) for one in (name, other) if one is not None]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={
            "run": st.column_config.TextColumn("Run", width=220),
            **{
                key: st.column_config.NumberColumn(label, format="%.3f", help=told)
                for key, label, told in (
                    ("score", "Remote-Clique", "Mean distance over all pairs of texts."),
                    ("within", "Within labels", "Over pairs of texts of one label."),
                    ("between", "Between labels", "Over pairs of texts of different labels."),
                    (
                        "without",
                        "Without repeats",
                        "Over all pairs, when exact and near duplicates are taken out.",
                    ),
                )
            },
            "repeats": st.column_config.NumberColumn("Repeats", format="percent", width=80),
            "fluency": st.column_config.NumberColumn("Fluency", format="%.2f", width=80),
        },
        alt="Remote-Clique within labels, between labels, and without repeated texts",
    )
    if len(rows) == 2:
        st.markdown(escape_markdown(moved(rows[0], rows[1])))


def moved(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """In a sentence or two, what made one run's score differ from another's.

    Args:
        one: run, score, within, between, without, repeats (share) and fluency, None where unknown.
        other: the same of the run that it is compared with.
    """
    if one["score"] is None or other["score"] is None:
        return ""
    step = one["score"] - other["score"]
    how = f"{abs(step):.3f} {'more' if step > 0 else 'less'} diverse than"
    if f"{abs(step):.3f}" == "0.000":
        how = "as diverse as"
    words = f"{one['run']} is {how} {other['run']}"
    parts = [
        (name, one[key] - other[key])
        for name, key in (("within labels", "within"), ("between labels", "between"))
        if one[key] is not None and other[key] is not None
    ]
    words += (
        ": " + ", ".join(f"{name} {change:+.3f}" for name, change in parts) + "." if parts else "."
    )
    if one["without"] is not None and other["without"] is not None and step:
        left = one["without"] - other["without"]
        words += f" Without repeated texts the difference is {left:+.3f}."
    if one["fluency"] is not None and other["fluency"] is not None:
        change = one["fluency"] - other["fluency"]
        if step > 0 and change < -0.5:
            words += (
                f" Its fluency is {-change:.1f} lower at the same time: read its texts before "
                "you take this for a gain."
            )
    return words


def _parts(seen: Exploration, vectors: Vectors, name: str, threshold: float) -> dict[str, Any]:
    own = (seen.frame["dataset"] == name).to_numpy()
    frame = seen.frame[own]
    found = _decomposed(vectors[own], frame)
    kinds = repeats(frame, threshold)
    fresh = (kinds == "new").to_numpy()
    alone = _decomposed(vectors[own][fresh], frame[fresh])
    fluency = frame["fluency"].mean()
    return {
        "run": name,
        "score": found.value,
        "within": found.within,
        "between": found.between,
        "without": alone.value,
        "repeats": float((~fresh).mean()) if len(fresh) else None,
        "fluency": None if pd.isna(fluency) else float(fluency),
    }


def _decomposed(vectors: Vectors, frame: pd.DataFrame) -> Decomposition:
    return decomposed(vectors, list(frame["label"].to_numpy()))


def _show_openings(seen: Exploration, name: str, other: str | None) -> None:
    st.markdown("**Over-used openings** :small[:gray[first two words]]")
    shares = {
        one: {row["words"]: row["share"] for row in result["openings"]}
        for one, result in zip(seen.names, seen.results, strict=True)
        if result is not None
    }
    own = shares.get(name, {})
    if not own:
        st.caption("No two texts begin alike.")
        return
    columns: dict[str, Any] = {"opening": list(own), "share": list(own.values())}
    if other is not None:
        columns["other"] = [shares.get(other, {}).get(words) for words in own]
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height=min(300, 38 + 35 * len(own)),
        column_config={
            "opening": st.column_config.TextColumn("Opening"),
            "share": st.column_config.ProgressColumn(
                "Of its texts", format="percent", min_value=0.0, max_value=1.0
            ),
            "other": st.column_config.NumberColumn("Of the other's", format="percent"),
        },
        alt="Openings that several texts share",
    )
    most, share = max(own.items(), key=lambda row: row[1])
    texts = len(seen.datasets[seen.names.index(name)])
    if share >= _OVERUSED and share * texts >= _OVERUSED_TEXTS:
        st.caption(
            f"“{escape_markdown(most)}” opens {share:.0%} of the texts. "
            "In the paper one condition began "
            "3,012 of 5,600 texts with “I'm so”. Logit suppression is the knob against it."
        )


def _show_pairs(frame: pd.DataFrame, result: Mapping[str, Any]) -> None:
    st.markdown("**Nearest pairs** :small[:gray[of different wording]]")
    texts = dict(zip(frame["id"], frame["text"], strict=True))
    rows = [
        {"distance": pair["distance"], "one": texts[pair["one"]], "other": texts[pair["other"]]}
        for pair in result["pairs"]
        if pair["one"] in texts and pair["other"] in texts
    ]
    if not rows:
        st.caption("There are too few texts of different wording.")
        return
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=300,
        column_config={
            "distance": st.column_config.NumberColumn("Distance", format="%.3f", width=75),
            "one": st.column_config.TextColumn("One", width=240),
            "other": st.column_config.TextColumn("Other", width=240),
        },
        alt="Pairs of texts that lie nearest together",
    )
