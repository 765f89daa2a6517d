"""The Budget tab: label accuracy after replacement over the number of inspected texts."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.domain.wording import MISSING, percent, percent_interval
from core.figures.interventions import budget_curve
from core.interventions.annotators import labels_by_row
from core.interventions.previews import BudgetCurve, BudgetRequest
from core.interventions.relabelling.budget import FLAT, MIN_LEFT, REPEATS, BudgetPoint
from pages.components.intervene.previews import (
    PreviewQuery,
    choose_weight,
    preview_button,
    show_outcome,
)
from pages.components.intervene.state import RunState
from pages.components.shell import AppContext


def show_budget(app: AppContext, state: RunState) -> None:
    """Draw the tab."""
    st.caption(
        f"Label accuracy after replacement over the number of inspected texts, {REPEATS} samples "
        "each. Where the curve flattens, further inspection gains little."
    )
    choice, by_oracle = state.choice, state.choice.annotator == "oracle"
    judged = labels_by_row(state.dataset, state.judgements, audit=None)
    blocked = None
    if not by_oracle and len(judged) < 2 * MIN_LEFT:
        blocked = (
            f"{len(judged)} texts have a label from people; a curve needs at least "
            f"{2 * MIN_LEFT}, half to learn from and half to measure on. Judge more texts, or let "
            "the oracle inspect."
        )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        request = BudgetRequest(
            n=len(state.dataset),
            encoder=choice.encoder,
            annotator=choice.annotator,
            reference=choice.oracle_reference,
            error_rate=choice.error_rate,
            weight=choose_weight("budget_weight"),
        )
        last = 0 if by_oracle else state.last_judgement
        query = PreviewQuery(state.dataset.key, request, last)
        preview = query.state(app.db)
        preview_button(
            app,
            query,
            preview,
            label="Draw curve",
            icon="show_chart",
            key="budget_draw",
            blocked=blocked,
        )
    outdated = "Texts were judged after this curve. Draw it again to use them."
    curve = show_outcome(app, preview, blocked=blocked, outdated=outdated)
    if curve is not None:
        _show_curve(state, request, curve)


def _show_curve(state: RunState, request: BudgetRequest, curve: BudgetCurve) -> None:
    points, n = curve.points, curve.n
    means = {point.inspected: point.accuracy.mean for point in points if point.accuracy is not None}
    flat = curve.flattens
    if flat is None:
        finding = "The curve still rises at its end: further inspection would help."
    elif flat == 0:
        finding = "The curve is flat from the start: inspection gains little here."
    else:
        finding = f"It flattens at about {flat:,} inspected texts, at {percent(means[flat])}."
    st.markdown(f"**{finding}** :small[:gray[flat: less than {100 * FLAT:g} points per 100 texts]]")
    st.plotly_chart(
        budget_curve(
            _point_frame([point for point in points if point.inspected < n]),
            baseline=means.get(0),
            everything=means.get(n),
        ),
        key="budget-curve",
        config={"displayModeBar": False},
        alt="Label accuracy over the number of inspected texts",
    )
    if request.annotator == "oracle":
        note = (
            f"Measured by the oracle on all {n:,} texts; its own accuracy: "
            f"{state.oracle_words(state.dataset)}. It also "
            "inspects, so the curve ends at 100% by definition."
        )
        if request.error_rate:
            note += f" Its error rate is set to {percent(request.error_rate, digits=0)}."
        st.caption(note)
    else:
        st.caption(
            f"Measured on {curve.judged:,} texts labelled by people; unbiased if they "
            "were drawn at random."
        )
    skipped = sum(accuracy is None for point in points for accuracy in point.accuracies)
    if skipped:
        st.caption(
            f":material/info: {skipped} samples had a single label, from which nothing can be "
            "learned; they are left out."
        )
    with st.expander("Numbers"):
        _show_numbers(points)


def _point_frame(points: Sequence[BudgetPoint]) -> pd.DataFrame:
    """The points as numbers: inspected, value, low, high; missing where nothing is known."""
    frame = pd.DataFrame({"inspected": [point.inspected for point in points]}, dtype=float)
    for column, end in (("value", "mean"), ("low", "low"), ("high", "high")):
        frame[column] = [getattr(point.accuracy, end, None) for point in points]
    return frame.astype(float)


def _show_numbers(points: Sequence[BudgetPoint]) -> None:
    frame = _point_frame(points)
    known = frame["low"].notna()
    st.dataframe(
        pd.DataFrame(
            {
                "inspected": [point.inspected for point in points],
                "mean": frame["value"].map(percent, na_action="ignore"),
                "interval": [
                    percent_interval(low, high) if shown else ""
                    for low, high, shown in zip(frame["low"], frame["high"], known, strict=True)
                ],
                "repeats": [
                    ", ".join(
                        MISSING if value is None else percent(value) for value in point.accuracies
                    )
                    for point in points
                ],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "inspected": "Inspected texts",
            "mean": "Label accuracy",
            "interval": "95% interval",
            "repeats": "Per sample",
        },
        alt="The budget curve as numbers",
    )
