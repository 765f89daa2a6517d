"""The metrics of the runs: the summary above the tabs, the Scores tab, and the table of all."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from core.diversity.measures.fluency import GIBBERISH
from core.diversity.measures.results import Measurement, MeasureResult
from core.domain.registries.metrics import MEASURED, METRIC, Metric
from core.domain.wording import listed
from core.figures.scores import diversity_against_fluency, diversity_by_label, nearest_histogram
from core.figures.theme import label_colors
from core.files.rows import shown
from pages.components.explore.exploration import Exploration
from pages.components.shell import AppContext, escape_markdown

if TYPE_CHECKING:
    import numpy.typing as npt

_LESS_FLUENT = 0.5  # nats per token: a drop of fluency that a reader notices
_SUMMARY = tuple(metric for metric in MEASURED if metric.summary and metric.field is not None)
_DIVERSITY, _FLUENCY = METRIC["remote_clique"], METRIC["fluency"]
_NOT_MEASURED = "No run has been measured yet."


@dataclass(frozen=True, slots=True)
class RunScore:
    """Diversity (Remote-Clique) and fluency (nats per token) of a run; None where unknown."""

    name: str
    diversity: float | None
    fluency: float | None


def show_summary(view: Exploration) -> None:
    """Draw a row per run, and one for the reference."""
    threshold = view.choice.threshold
    rows = [
        _summary_row(name, len(dataset), result, threshold)
        for name, dataset, result in zip(view.names, view.datasets, view.results, strict=True)
    ]
    if view.reference is not None:
        own = view.reference_result
        rows.append(_summary_row(view.reference_name, len(view.reference), own, threshold))
    metrics = [
        metric for metric in _SUMMARY if view.reference is not None or not metric.needs_reference
    ]
    columns = ["name", "n"]
    config = {
        "name": st.column_config.TextColumn("Run", width=180),
        "n": st.column_config.NumberColumn("Texts", format="localized", width=60),
        "interval": st.column_config.TextColumn("95% interval", width=110),
        "fluency_sd": st.column_config.NumberColumn(
            "Fluency SD", format="%.2f", width=85, help="Standard deviation over the texts."
        ),
    }
    for metric in metrics:
        config[metric.name] = _metric_column(metric, threshold)
        columns.append(metric.name)
        if metric is _DIVERSITY:
            columns.append("interval")
        elif metric is _FLUENCY:
            columns.append("fluency_sd")
    st.dataframe(
        pd.DataFrame(rows, columns=columns),
        hide_index=True,
        height="content",
        placeholder="–",
        column_config=config,
        alt="Metrics of the runs side by side",
    )
    _show_notes(view, metrics, {len(dataset) for dataset in view.datasets})
    caution = fluency_caution(
        [
            RunScore(name, result.clique.value, result.measurements[_FLUENCY.name].value)
            for name, result in view.measured.items()
        ]
    )
    if caution:
        st.warning(escape_markdown(caution), icon=":material/warning:")


def _show_notes(view: Exploration, metrics: Sequence[Metric], sizes: set[int]) -> None:
    """The encoder, and which metrics can't be compared between runs of different size."""
    known = next(iter(view.measured.values()), None)
    if known is None:
        return
    if view.reference is not None:
        sizes = sizes | {len(view.reference)}
    note = ""
    if len(sizes) > 1:
        dependent = listed(metric.title for metric in metrics if metric.grows_with_n)
        note = f" The sizes differ: {dependent} depend on the number of texts; "
        note += f"{_DIVERSITY.title} does not."
    st.caption(f"Encoder {escape_markdown(known.encoder)}, cosine distance.{note}")


def _summary_row(
    name: str, n: int, result: MeasureResult | None, threshold: float
) -> dict[str, str | float | None]:
    row: dict[str, str | float | None] = {"name": name, "n": n, "interval": "not measured"}
    if result is None:
        return row
    row |= {metric.name: _metric_value(result, metric) for metric in _SUMMARY}
    low, high = result.clique.low, result.clique.high
    row["interval"] = "" if low is None else _DIVERSITY.interval_words(low, high)
    row["fluency_sd"] = _fluency_sd(result)
    # Stored at the default threshold; the sidebar has another one.
    near = (_nearest_earlier(result) <= threshold).mean() if n else None
    row["near_duplicates"] = None if near is None else float(near)
    return row


def _metric_column(metric: Metric, threshold: float) -> ColumnConfig:
    help = f"{metric.sentence} {metric.direction.capitalize()}."
    if metric.name == "near_duplicates":
        help += f" Threshold: {threshold:g}."
    if metric is _FLUENCY:
        help += " Not available for texts from a server."
    return st.column_config.NumberColumn(
        metric.short or metric.title,
        format="percent" if metric.unit == "share" else f"%.{metric.digits}f",
        width=30 + 6 * len(metric.short or metric.title),
        help=f"{metric.title}: {help}" if metric.short else help,
    )


def _metric_value(result: MeasureResult, metric: Metric, label: str | None = None) -> float | None:
    measurement = result.measurements.get(metric.name)
    if measurement is not None and label is not None:
        measurement = (measurement.per_label or {}).get(label)
    return None if measurement is None else measurement.value


def _fluency_sd(result: MeasureResult) -> float | None:
    sd = result.measurements[_FLUENCY.name].details["sd"]
    return sd if isinstance(sd, float) else None


def _nearest_earlier(result: MeasureResult) -> "npt.NDArray[np.float64]":
    """Each text's distance to the nearest earlier one, NaN for the first."""
    return np.array(result.texts.nearest_earlier, dtype=np.float64)


def fluency_caution(runs: Sequence[RunScore]) -> str:
    """A warning about runs whose diversity may be gibberish; empty if there is none.

    A run is suspicious if its fluency is that of gibberish, or if it is more diverse and clearly
    less fluent than the most fluent run.
    """
    known = [
        (run.name, run.diversity, run.fluency)
        for run in runs
        if run.diversity is not None and run.fluency is not None
    ]
    if not known:
        return ""
    best, best_diversity, best_fluency = max(known, key=lambda run: run[2])
    wider = [
        run for run in known if run[1] > best_diversity and best_fluency - run[2] >= _LESS_FLUENT
    ]
    suspicious = wider or [run for run in known if run[2] <= GIBBERISH]
    if not suspicious:
        return ""
    names = listed(f"{shown(name)} ({fluency:.1f} per token)" for name, _, fluency in suspicious)
    verb = "is" if len(suspicious) == 1 else "are"
    reason = (
        f"more diverse than {shown(best)} ({best_fluency:.1f}) and clearly less fluent"
        if wider
        else "so unlikely under the model itself that the texts may make little sense"
    )
    return (
        f"{names} {verb} {reason}. Gibberish is distant from everything: read the texts on the map "
        "before trusting the score."
    )


def show_scores(app: AppContext, view: Exploration) -> None:
    """Draw diversity by label, against fluency, and the distances to the nearest earlier text."""
    known = view.measured
    if not known:
        st.info(_NOT_MEASURED, icon=":material/hourglass_top:")
        return
    colors = label_colors(view.names)
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            _show_by_label(view)
            _show_equal_size(view)
        with st.container():
            st.markdown(
                f"**Diversity against fluency** :small[:gray[{_DIVERSITY.direction}; further right "
                "is more fluent]]"
            )
            rows = [
                {
                    "name": name,
                    **_with_interval(result.clique),
                    "fluency_mean": result.measurements[_FLUENCY.name].value,
                    "fluency_sd": _fluency_sd(result),
                    "n": result.n,
                }
                for name, result in known.items()
            ]
            st.plotly_chart(
                diversity_against_fluency(pd.DataFrame(rows), colors=colors),
                key="against-fluency",
                config={"displayModeBar": False},
                alt="Diversity against fluency, one point per run",
            )
            st.markdown("**Distance to the nearest earlier text**")
            st.plotly_chart(
                nearest_histogram(
                    {name: _nearest_earlier(result) for name, result in known.items()},
                    threshold=view.choice.threshold,
                    colors=colors,
                ),
                key="nearest",
                config={"displayModeBar": False},
                alt="Distances to the nearest earlier text, and the near-duplicate threshold",
            )


def _with_interval(measurement: Measurement) -> dict[str, float | None]:
    return {"value": measurement.value, "low": measurement.low, "high": measurement.high}


def _show_by_label(view: Exploration) -> None:
    colors = label_colors(view.names)
    own = view.reference_result
    results = {**view.measured, **({} if own is None else {view.reference_name: own})}
    rows = [
        {"dataset": name, "label": label, **_with_interval(measurement), "n": measurement.n}
        for name, result in results.items()
        for label, measurement in (result.clique.per_label or {}).items()
    ]
    st.markdown(f"**{_DIVERSITY.title} by label** :small[:gray[with 95% intervals]]")
    st.plotly_chart(
        diversity_by_label(
            pd.DataFrame(rows),
            labels=view.label_names,
            datasets={name: colors[name] for name in view.measured},
            reference=None if own is None else view.reference_name,
        ),
        key="by-label",
        config={"displayModeBar": False},
        alt=f"{_DIVERSITY.title} of each label with intervals",
    )
    if own is None:
        st.caption("Attach a reference to compare with the diversity of real texts.")


def _show_equal_size(view: Exploration) -> None:
    """Runs and reference at the smaller one's size, where there is a reference."""
    rows = []
    for name, result in view.measured.items():
        if result.reference is None:
            continue
        matched = result.reference.size_matched
        if matched.dataset.value is None:
            continue
        run, real = (
            _DIVERSITY.estimate_words(side.value, side.low, side.high)
            for side in (matched.dataset, matched.reference)
        )
        rows.append({"Run": name, "Texts": matched.n, "Generated": run, "Reference": real})
    if rows:
        title = METRIC["size_matched"].title
        st.markdown(f"**{title}** :small[:gray[random subsets of the larger one]]")
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt=f"{title}, runs and reference")


def show_metrics(app: AppContext, view: Exploration) -> None:
    """Draw a row per metric and a column per run; overall or of one label."""
    results = view.measured
    if not results:
        st.info(_NOT_MEASURED, icon=":material/hourglass_top:")
        return
    overall = "All labels"
    part = st.selectbox("Texts of", [overall, *view.label_names], key="measures_of", width=320)
    label = None if part == overall else part
    metrics = [
        metric
        for metric in MEASURED
        if metric.field is not None and (label is None or metric.by_label)
    ]
    frame = pd.DataFrame(
        {
            "metric": [metric.title for metric in metrics],
            **{
                f"run-{place}": [_metric_value(result, metric, label) for metric in metrics]
                for place, result in enumerate(results.values())
            },
            "direction": [metric.direction for metric in metrics],
            "range": [metric.range for metric in metrics],
            "meaning": [metric.sentence for metric in metrics],
            "size": ["equal sizes only" if item.grows_with_n else "any sizes" for item in metrics],
            "source": [metric.source for metric in metrics],
        }
    )
    text = st.column_config.TextColumn
    st.dataframe(
        frame,
        hide_index=True,
        height="content",
        placeholder="–",
        column_config={
            "metric": text("Metric", width=180, pinned=True),
            **{
                f"run-{place}": st.column_config.NumberColumn(name, format="%.3f", width=110)
                for place, name in enumerate(results)
            },
            "direction": text("Direction", width=170),
            "range": text("Range", width=130),
            "meaning": text("Meaning", width=430),
            "size": text("Comparable between", width=150),
            "source": text("Source", width=260),
        },
        alt="All metrics of the runs, with direction, range and source",
    )
    st.download_button(
        "Download as JSON",
        json.dumps({name: result.to_dict() for name, result in results.items()}, indent=1),
        file_name="wideset-measures.json",
        icon=":material/download:",
        on_click="ignore",
        key="measures-json",
        help="All metrics of the runs shown, with intervals, by label and by text.",
    )
