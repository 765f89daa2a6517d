"""The annotation-budget curve: what so many inspected texts buy."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.figures.interventions import budget_curve
from core.interventions.annotation.judged import labels_by_row
from core.interventions.relabelling.budget import FLAT, MIN_LEFT, REPEATS
from core.interventions.relabelling.relabel import WEIGHT
from core.interventions.requests import BudgetRequest
from core.interventions.results import points_from_dicts
from core.jobs.previews import look
from pages.components.intervene.accuracy_words import told
from pages.components.intervene.current_version import Standing
from pages.components.intervene.previews import ask_button, show_asked
from pages.components.shell import AppContext, escape_markdown


def show_budget(app: AppContext, seen: Standing) -> None:
    """Draw the tab."""
    st.caption(
        f"Label accuracy after replacement over the number of inspected texts, {REPEATS} samples "
        "each: where the curve flattens, more inspection buys little."
    )
    choice, oracle = seen.choice, seen.choice.annotator == "oracle"
    number = 0 if oracle else seen.seen
    judged = labels_by_row(seen.dataset.ids, seen.people, audit=None)
    why = None
    if not oracle and len(judged) < 2 * MIN_LEFT:
        why = (
            f"{len(judged)} texts have a label from people; a curve needs at least "
            f"{2 * MIN_LEFT}, half to learn from and half to measure on. Judge more texts, or let "
            "the oracle inspect."
        )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        weight = st.slider(
            "Weight of the present label",
            0.0,
            1.0,
            WEIGHT,
            0.05,
            key="budget_weight",
            persist_state="session",
            width=220,
            help="As for replacing labels; the paper has 0.3.",
        )
        request = BudgetRequest(
            n=len(seen.dataset),
            encoder=choice.encoder.to_dict(),
            annotator=choice.annotator,
            reference=choice.reference.id if oracle and choice.reference is not None else None,
            error_rate=choice.error_rate,
            weight=weight,
        )
        asked = look(app.db, seen.dataset.key, request, seen=number)
        ask_button(
            app,
            seen.dataset.key,
            None if why is not None else request,
            asked=asked,
            seen=number,
            label="Draw the curve",
            icon="show_chart",
            key="budget_draw",
            why=why,
        )
    if why is not None:
        st.info(escape_markdown(why), icon=":material/info:")
    show_asked(app, asked)
    if asked.result is not None:
        if not asked.fresh:
            st.info("More was judged since this curve. Draw it again to use it.")
        _show_curve(seen, request, asked.result)


def _show_curve(seen: Standing, request: BudgetRequest, result: Mapping[str, Any]) -> None:
    points = points_from_dicts(result["points"])
    n = int(result["n"])
    partial = [p for p in points if p.inspected < n]
    means = {p.inspected: p.accuracy.mean for p in points if p.accuracy is not None}
    frame = pd.DataFrame(
        [
            {
                "inspected": p.inspected,
                "value": None if p.accuracy is None else p.accuracy.mean,
                "low": None if p.accuracy is None else p.accuracy.low,
                "high": None if p.accuracy is None else p.accuracy.high,
            }
            for p in partial
        ]
    ).astype(float)
    flat = result["flattens"]
    if flat is None:
        words = "The curve still rises at its end: more inspection would pay."
    elif flat == 0:
        words = "The curve is flat from the start: inspection buys little here."
    else:
        words = f"It flattens at about {flat:,} inspected texts, at {means[flat]:.1%}."
    st.markdown(
        f"**{words}** :small[:gray[below {100 * FLAT:g} points a 100 texts counts as flat]]"
    )
    st.plotly_chart(
        budget_curve(frame, baseline=means.get(0), everything=means.get(n)),
        key="budget-curve",
        config={"displayModeBar": False},
        alt="Label accuracy over the number of inspected texts",
    )
    if request.annotator == "oracle":
        st.caption(
            f"Measured by the oracle on all {n:,} texts, itself right on {told(seen.oracle)}. "
            "It inspects, too, so the curve ends at 100 % by definition."
            + (
                f" It names a wrong label with a chance of {request.error_rate:.0%}."
                if request.error_rate
                else ""
            )
        )
    else:
        st.caption(
            f"Measured on {int(result['judged']):,} texts that people labelled; fair as far as "
            "these were drawn at random."
        )
    refused = sum(value is None for p in points for value in p.accuracies)
    if refused:
        st.caption(
            f":material/info: {refused} samples held one label only, which teaches nothing; they "
            "are left out."
        )
    with st.expander("The numbers"):
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "inspected": p.inspected,
                        "mean": None if p.accuracy is None else f"{p.accuracy.mean:.1%}",
                        "interval": ""
                        if p.accuracy is None or p.accuracy.low is None
                        else f"{p.accuracy.low:.1%} to {p.accuracy.high:.1%}",
                        "repeats": ", ".join(
                            "-" if value is None else f"{value:.1%}" for value in p.accuracies
                        ),
                    }
                    for p in points
                ]
            ),
            hide_index=True,
            height="content",
            column_config={
                "inspected": "Inspected",
                "mean": "Label accuracy",
                "interval": "95 % interval",
                "repeats": "Each sample",
            },
            alt="The budget curve as numbers",
        )
