"""The runs side by side: diversity, what it rests on, and fluency beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from core.diversity.measures.scores import GIBBERISH
from core.figures.scores import diversity_against_fluency, diversity_by_label, nearest_histogram
from core.figures.theme import label_colors
from core.files.rows import shown
from pages.components.explore.exploration import Exploration
from pages.components.shell import escape_markdown

_LOSS = 0.5  # nats a token: a drop of fluency that a reader notices


def show_side_by_side(seen: Exploration, *, threshold: float) -> None:
    """A row for each run, and one for the reference."""
    rows = [
        _row(name, len(dataset), result, threshold)
        for name, dataset, result in zip(seen.names, seen.datasets, seen.results, strict=True)
    ]
    if seen.reference is not None:
        name = seen.reference_name or "reference"
        rows.append(_row(name, len(seen.reference), seen.reference_result, threshold))
    frame = pd.DataFrame(rows)
    if seen.reference is None:
        frame = frame.drop(columns="similarity", errors="ignore")
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        hide_index=True,
        height="content",
        placeholder="–",
        column_config={
            "name": st.column_config.TextColumn("Run", width=190),
            "n": number("Texts", format="localized", width=60),
            "score": number(
                "Remote-Clique",
                format="%.3f",
                width=100,
                help="Mean cosine distance between two texts, duplicates included. Higher is more "
                "diverse.",
            ),
            "interval": st.column_config.TextColumn("95 % interval", width=110),
            "fluency": number(
                "Fluency",
                format="%.2f",
                width=70,
                help="Mean log-probability a token under the untouched model. Gibberish is "
                "unlikely, and looks diverse. A server does not tell it of its texts.",
            ),
            "spread": number("± spread", format="%.2f", width=75),
            "exact": number("Exact repeats", format="percent", width=95),
            "near": number(
                "Near repeats",
                format="percent",
                width=95,
                help=f"Within {threshold:g} of an earlier text, exact ones included.",
            ),
            "nearest": number(
                "To nearest", format="%.3f", width=80, help="Mean distance to the nearest text."
            ),
            "vendi": number("Vendi", format="%.1f", width=60),
            "similarity": number(
                "Similarity",
                format="%.3f",
                width=80,
                help="Mean cosine to the real texts (the paper's similarity).",
            ),
        },
        alt="The runs and their measures side by side",
    )
    known = next((result for result in seen.results if result is not None), None)
    if known is not None:
        sizes = {row["n"] for row in rows}
        other = (
            " They differ in size: Vendi, repeats and distance to the nearest grow or fall "
            "with it; Remote-Clique does not."
            if len(sizes) > 1
            else ""
        )
        st.caption(f"Encoder {escape_markdown(known['encoder'])}, cosine distance.{other}")
    caution = caution_of(rows)
    if caution:
        st.warning(escape_markdown(caution), icon=":material/warning:")


def caution_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """A sentence on runs whose width may be gibberish: of no fluency, or of less than others.

    Args:
        rows: name, score and fluency of each run; None where unknown.

    Returns:
        Empty if there is none such.
    """
    known = [row for row in rows if row["score"] is not None and row["fluency"] is not None]
    if not known:
        return ""
    best = max(known, key=lambda row: row["fluency"])
    wide = [
        row
        for row in known
        if row["score"] > best["score"] and best["fluency"] - row["fluency"] >= _LOSS
    ]
    odd = [row for row in known if row["fluency"] <= GIBBERISH]
    if not wide and not odd:
        return ""
    told = ", ".join(f"{shown(row['name'])} ({row['fluency']:.1f} a token)" for row in wide or odd)
    verb = "is" if len(wide or odd) == 1 else "are"
    what = (
        f"more diverse than {shown(best['name'])} ({best['fluency']:.1f}) and clearly less fluent"
        if wide
        else "so unlikely in the eyes of its own model that little of it may make sense"
    )
    return (
        f"{told} {verb} {what}. Gibberish lies far from everything: read the texts on the map "
        "before you praise the score."
    )


def show_scores(seen: Exploration, *, threshold: float) -> None:
    """By label beside the reference's own, against fluency, and how near the nearest are."""
    results = dict(zip(seen.names, seen.results, strict=True))
    known = {name: result for name, result in results.items() if result is not None}
    if not known:
        st.info("No run is measured yet.", icon=":material/hourglass_top:")
        return
    colors = label_colors(seen.names)
    own = seen.reference_result
    rows = [row for name, result in known.items() for row in _by_label(name, result)]
    if own is not None:
        rows += _by_label(seen.reference_name or "reference", own)
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            st.markdown("**Remote-Clique by label** :small[:gray[with 95 % intervals]]")
            st.plotly_chart(
                diversity_by_label(
                    pd.DataFrame(rows),
                    labels=seen.label_names,
                    datasets={name: colors[name] for name in known},
                    reference=seen.reference_name if own is not None else None,
                ),
                key="by-label",
                config={"displayModeBar": False},
                alt="Remote-Clique of each label with intervals",
            )
            if own is None:
                st.caption("Attach a reference to see how diverse the real texts are.")
            _show_matched(known)
        with st.container():
            st.markdown("**Diversity against fluency** :small[:gray[left: odd; right: fluent]]")
            st.plotly_chart(
                diversity_against_fluency(
                    pd.DataFrame([_against(name, result) for name, result in known.items()]),
                    colors=colors,
                ),
                key="against-fluency",
                config={"displayModeBar": False},
                alt="Diversity against fluency, a point a run",
            )
            st.markdown("**Distance to the nearest earlier text**")
            distances = {name: _earlier(result) for name, result in known.items()}
            st.plotly_chart(
                nearest_histogram(distances, threshold=threshold, colors=colors),
                key="nearest",
                config={"displayModeBar": False},
                alt="Distances to the nearest earlier text, with the threshold of near repeats",
            )


def _show_matched(known: Mapping[str, Mapping[str, Any]]) -> None:
    """Both sides at the smaller one's size, where a reference is there."""
    rows = []
    for name, result in known.items():
        matched = result.get("size_matched")
        if matched is None or matched["dataset"]["value"] is None:
            continue
        rows.append(
            {
                "name": name,
                "n": matched["n"],
                "own": _told(matched["dataset"]),
                "real": _told(matched["reference"]),
            }
        )
    if rows:
        st.markdown("**At equal size** :small[:gray[random subsets of the larger side]]")
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            column_config={"name": "Run", "n": "Texts", "own": "Run's", "real": "Reference's"},
            alt="Remote-Clique of runs and reference at equal size",
        )


def _row(name: str, n: int, result: Mapping[str, Any] | None, threshold: float) -> dict[str, Any]:
    if result is None:
        return {"name": name, "n": n, "score": None, "interval": "not measured", "fluency": None}
    clique, fluency = result["remote_clique"], result["fluency"]
    low, high = clique["low"], clique["high"]
    return {
        "name": name,
        "n": n,
        "score": clique["value"],
        "interval": "" if low is None else f"{low:.3f} to {high:.3f}",
        "fluency": fluency["mean"],
        "spread": fluency["sd"],
        "exact": result["exact_duplicates"]["share"],
        "near": float((_earlier(result) <= threshold).mean()) if n else None,
        "nearest": result["nearest_distance"]["value"],
        "vendi": result["vendi_score"]["value"],
        "similarity": result["similarity"]["value"] if "similarity" in result else None,
    }


def _earlier(result: Mapping[str, Any]) -> "npt.NDArray[np.float64]":
    """Each text's distance to the nearest earlier one, NaN for the first."""
    return np.array(result["texts"]["nearest_earlier"], dtype=np.float64)


def _by_label(name: str, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "dataset": name,
            "label": label,
            **{key: found[key] for key in ("value", "low", "high", "n")},
        }
        for label, found in result["remote_clique"]["per_label"].items()
    ]


def _against(name: str, result: Mapping[str, Any]) -> dict[str, Any]:
    clique, fluency = result["remote_clique"], result["fluency"]
    return {
        "name": name,
        "value": clique["value"],
        "low": clique["low"],
        "high": clique["high"],
        "fluency_mean": fluency["mean"],
        "fluency_sd": fluency["sd"],
        "n": result["n"],
    }


def _told(found: Mapping[str, Any]) -> str:
    if found["low"] is None:
        return f"{found['value']:.3f}"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
