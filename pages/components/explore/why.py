"""What makes up a run's diversity: the texts, pairs, labels and openings behind the score."""

from dataclasses import asdict, dataclass

import pandas as pd
import streamlit as st

from core.diversity.map.frame import repeats
from core.diversity.measures.remote_clique import Vectors, decomposed
from core.domain.registries.metrics import METRIC
from core.domain.wording import counted, percent, quoted
from pages.components.explore.exploration import Exploration, show_rows, vectors_of
from pages.components.shell import AppContext, escape_markdown, show_errors

_SHOWN = 12
_OVERUSED, _OVERUSED_TEXTS = 0.05, 5  # share, and texts at least: two of thirty are chance
_NONE = "none"
_PAPER_OPENING = quoted("I'm so")
_FLUENCY_DROP = 0.5  # nats per token


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """Remote-Clique of a run, taken apart; None where unknown.

    Args:
        run: its name.
        score: over all pairs of texts.
        within: over pairs of texts of one label.
        between: over pairs of texts of different labels.
        without_duplicates: over all pairs, exact and near duplicates removed.
        duplicates: share of exact and near duplicates, 0 to 1.
        fluency: mean log-probability per token, nats.
    """

    run: str
    score: float | None = None
    within: float | None = None
    between: float | None = None
    without_duplicates: float | None = None
    duplicates: float | None = None
    fluency: float | None = None


@st.fragment
def show_why(app: AppContext, view: Exploration) -> None:
    """Draw what makes up the score of one run, beside another if one is chosen."""
    with show_errors():
        names = view.names
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            name = st.selectbox("Run", names, key="why_run", width=320)
            others = [_NONE, *(other for other in names if other != name)]
            chosen = st.selectbox("Compare with", others, key="why_other", width=320)
        other = None if chosen == _NONE else chosen
        if name not in view.measured:
            st.info("This run has not been measured yet.", icon=":material/hourglass_top:")
            return
        vectors = vectors_of(view, app.db)
        if vectors is not None:
            _show_parts(view, vectors, name, other)
        with st.grid(2, min_column_width=420, gap="large"):
            with st.container():
                _show_openings(view, name, other)
            with st.container():
                _show_pairs(view, name)
        frame = view.frame[view.frame["dataset"] == name]
        ranked = frame.sort_values("mean_distance", ascending=False, kind="stable")
        for title, note, rows, key in (
            ("Most distant texts", "varied or odd; check their fluency", ranked, "most"),
            ("Most typical texts", "closest to all others", ranked[::-1], "least"),
        ):
            st.markdown(f"**{title}** :small[:gray[{note}]]")
            show_rows(rows.head(_SHOWN), labels=view.label_names, key=key, height=300)


def _show_parts(view: Exploration, vectors: Vectors, name: str, other: str | None) -> None:
    """The score within and between labels, and without duplicates."""
    rows = [_parts(view, vectors, run) for run in (name, other) if run is not None]
    number = st.column_config.NumberColumn
    columns = (
        ("score", METRIC["remote_clique"].title, "Mean distance over all pairs of texts."),
        ("within", "Within labels", "Over pairs of texts of one label."),
        ("between", "Between labels", "Over pairs of texts of different labels."),
        ("without_duplicates", "Without duplicates", "Exact and near duplicates removed."),
    )
    st.dataframe(
        pd.DataFrame([asdict(row) for row in rows]),
        hide_index=True,
        placeholder="–",
        column_config={
            "run": st.column_config.TextColumn("Run", width=220),
            **{key: number(title, format="%.3f", help=help) for key, title, help in columns},
            "duplicates": number("Duplicates", format="percent", width=80),
            "fluency": number(METRIC["fluency"].title, format="%.2f", width=80),
        },
        alt="Remote-Clique within labels, between labels, and without duplicates",
    )
    if len(rows) == 2:
        st.markdown(escape_markdown(explain_difference(*rows)))


def explain_difference(first: ScoreParts, second: ScoreParts) -> str:
    """Why the first run's score differs from the second's, in a few sentences."""
    if first.score is None or second.score is None:
        return ""
    difference = first.score - second.score
    relation = f"{abs(difference):.3f} {'more' if difference > 0 else 'less'} diverse than"
    if f"{abs(difference):.3f}" == "0.000":
        relation = "as diverse as"
    parts = [
        f"{name} {one - other:+.3f}"
        for name, one, other in (
            ("within labels", first.within, second.within),
            ("between labels", first.between, second.between),
        )
        if one is not None and other is not None
    ]
    sentence = f"{first.run} is {relation} {second.run}"
    sentences = [f"{sentence}: {', '.join(parts)}." if parts else f"{sentence}."]
    if None not in (first.without_duplicates, second.without_duplicates) and difference:
        assert first.without_duplicates is not None
        assert second.without_duplicates is not None
        rest = first.without_duplicates - second.without_duplicates
        sentences.append(f"Without duplicates the difference is {rest:+.3f}.")
    if first.fluency is not None and second.fluency is not None and difference > 0:
        drop = second.fluency - first.fluency
        if drop > _FLUENCY_DROP:
            sentences.append(
                f"Its fluency is {drop:.1f} lower, too: read its texts before treating this as an "
                "improvement."
            )
    return " ".join(sentences)


def _parts(view: Exploration, vectors: Vectors, name: str) -> ScoreParts:
    own = (view.frame["dataset"] == name).to_numpy()
    frame = view.frame[own]
    fresh = (repeats(frame, view.choice.threshold) == "new").to_numpy()
    labels = frame["label"].to_numpy()
    whole = decomposed(vectors[own], list(labels))
    fluency = frame["fluency"].mean()
    return ScoreParts(
        name,
        whole.value,
        whole.within,
        whole.between,
        decomposed(vectors[own][fresh], list(labels[fresh])).value,
        float((~fresh).mean()) if len(fresh) else None,
        None if pd.isna(fluency) else float(fluency),
    )


def _show_openings(view: Exploration, name: str, other: str | None) -> None:
    st.markdown(f"**{METRIC['openings'].title}** :small[:gray[first two words]]")
    shares = {
        run: {opening.words: opening.share for opening in result.openings}
        for run, result in view.measured.items()
    }
    own = shares[name]
    if not own:
        st.caption("No two texts begin with the same words.")
        return
    frame = pd.DataFrame({"opening": list(own), "share": list(own.values())})
    if other is not None:
        frame["other"] = [shares.get(other, {}).get(words) for words in own]
    st.dataframe(
        frame,
        hide_index=True,
        height=min(300, 38 + 35 * len(own)),
        placeholder="–",
        column_config={
            "opening": st.column_config.TextColumn("Opening"),
            "share": st.column_config.ProgressColumn(
                "Share of texts", format="percent", min_value=0.0, max_value=1.0
            ),
            "other": st.column_config.NumberColumn("In the other run", format="percent"),
        },
        alt="Openings that several texts share",
    )
    most, share = max(own.items(), key=lambda row: row[1])
    texts = len(view.datasets[view.names.index(name)])
    if share >= _OVERUSED and share * texts >= _OVERUSED_TEXTS:
        st.caption(
            f"{percent(share, digits=0)} of the {counted(texts, 'text')} begin with "
            f"{quoted(escape_markdown(most))}. In the paper, 3,012 of 5,600 texts of one condition "
            f"began with {_PAPER_OPENING}. Logit suppression reduces this."
        )


def _show_pairs(view: Exploration, name: str) -> None:
    st.markdown("**Nearest pairs** :small[:gray[texts that are not identical]]")
    frame = view.frame[view.frame["dataset"] == name]
    texts = dict(zip(frame["id"], frame["text"], strict=True))
    rows = [
        {"distance": pair.distance, "first": texts[pair.one], "second": texts[pair.other]}
        for pair in view.measured[name].pairs
        if pair.one in texts and pair.other in texts
    ]
    if not rows:
        st.caption("There are too few texts that are not identical.")
        return
    text = st.column_config.TextColumn
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=300,
        column_config={
            "distance": st.column_config.NumberColumn("Distance", format="%.3f", width=75),
            "first": text("First text", width=240),
            "second": text("Second text", width=240),
        },
        alt="Pairs of texts with the smallest distance",
    )
