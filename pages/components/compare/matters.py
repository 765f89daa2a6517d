"""What matters: which metrics go with model accuracy, and which of the paper's findings hold."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.experiments.coefficients import SPECIFICATIONS
from core.experiments.naming import TITLES, condition_words, repair_words
from core.figures.compare.forest import coefficients_figure, residuals_figure
from core.jobs.job import LIVE
from core.jobs.study import studied
from pages.components.compare.card import show_card
from pages.components.compare.comparison import Comparison
from pages.components.office import Office
from pages.components.plain import plain
from pages.components.work import show_work

_SCALES = {
    "raw": "Raw",
    "standardised": "Standardised",
    "standardised within task": "Within task",
}
_UNITS = {
    "raw": "Model accuracy (0 to 1) for one more of the metric, in its own unit.",
    "standardised": "Standard deviations of model accuracy for one more of the metric.",
    "standardised within task": "Standard deviations of model accuracy for one more of the "
    "metric, both of each task's runs by itself.",
}
_STAGES = {"as generated": "As generated", "all stages": "All stages of repair"}


def show_matters(office: Office, seen: Comparison) -> None:
    """Draw the tab."""
    going = any(work.state in LIVE for work in seen.works)
    ids = [sweep.id for sweep in seen.choice.sweeps]
    found = studied(office.db, ids, seen.results, queue=not going)
    # What comes and goes has a place of its own.
    with st.container():
        if going and not found.fresh:
            st.caption(
                ":material/hourglass_top: The sweep is under way; what it comes to is concluded "
                "once it is at rest."
            )
        if found.work is not None:
            show_work(office, [found.work])
    if found.result is None:
        if not going and found.work is None:
            st.info("Nothing is concluded yet.", icon=":material/hourglass_top:")
        return
    if not found.fresh:
        st.warning(
            f"This is of {found.result['runs']:,} runs, from before something changed.",
            icon=":material/update:",
        )
    _show_regression(seen, found.result)
    st.space("small")
    show_card(seen, found.result)


def _show_regression(seen: Comparison, study: Mapping[str, Any]) -> None:
    st.markdown("#### What goes with model accuracy")
    several = len(study["tasks"]) > 1
    offered = [one for one in SPECIFICATIONS if several or one != "standardised within task"]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        scale = st.segmented_control(
            "Scaling",
            offered,
            format_func=_SCALES.__getitem__,
            default=offered[-1],
            key=f"matters_scale_{len(offered)}",
            required=True,
            persist_state="session",
            help="Raw keeps the metrics' own units. Standardised makes them comparable with each "
            "other. Within task leaves out what differs between tasks.",
        )
        stage = st.segmented_control(
            "Rows",
            list(_STAGES),
            format_func=_STAGES.__getitem__,
            default="as generated",
            key="matters_stage",
            required=True,
            persist_state="session",
            help="A row is a run as generated; or a run at each stage of repair, whose errors are "
            "then reckoned run by run.",
        )
    if not several:
        st.caption("With one task, standardised within task is the same as standardised.")
    scale, stage = scale or offered[-1], stage or "as generated"
    fit = study["regression"][stage][scale]
    if "refused" in fit:
        st.info(plain(f"{fit['refused']} {fit['remedy']}"), icon=":material/info:")
        return
    st.markdown(plain(fit["sentence"]))
    _show_figures(seen, study, fit, scale)
    _show_table(fit)
    robust = "; errors reckoned run by run, as a run has several rows" if fit["robust"] else ""
    st.caption(
        f"Ordinary least squares, {plain(scale)}: R² {fit['r2']:.2f} (adjusted "
        f"{fit['adjusted_r2']:.2f}), n {fit['n']:,} of {fit['runs']:,} runs{robust}. "
        + plain(" ".join(fit["notes"]))
    )


def _show_figures(
    seen: Comparison, study: Mapping[str, Any], fit: Mapping[str, Any], scale: str
) -> None:
    rows = pd.DataFrame(fit["coefficients"]).rename(columns={"name": "term"})
    with st.grid(2, min_column_width=440, gap="medium"):
        with st.container():
            st.markdown("**Coefficients** :small[:gray[with 95 % intervals; hollow: 0 is in it]]")
            st.plotly_chart(
                coefficients_figure(rows, paper=study["paper_coefficients"], scale="coefficient"),
                key="matters_coefficients",
                config={"displayModeBar": False},
                alt="Coefficients with their intervals, and the paper's",
            )
            st.caption(f"{_UNITS[scale]} {plain(study['paper_note'])}")
        with st.container():
            st.markdown("**Residuals** :small[:gray[a bend or a funnel: the model does not fit]]")
            st.plotly_chart(
                residuals_figure(_residuals(seen, fit), unit="model accuracy", height=300),
                key="matters_residuals",
                config={"displayModeBar": False},
                alt="Residuals over fitted values",
            )
            st.caption("A point is a row of the regression; hover to see which.")


def _residuals(seen: Comparison, fit: Mapping[str, Any]) -> pd.DataFrame:
    """The residuals by name; a row that is no longer there keeps its key as its name."""
    names, tasks = {}, {}
    for told in seen.results.drop_duplicates("point").to_dict("records"):
        point = told["point"]
        repair = repair_words(str(told["inspected"]), filtered=bool(told["filtered"]))
        names[point] = f"{condition_words(told)}; {repair}"
        tasks[point] = str(told["task"])
    return pd.DataFrame(
        {
            "point": fit["points"],
            "name": [names.get(one, one) for one in fit["points"]],
            "group": [tasks.get(one, "") for one in fit["points"]],
            "fitted": fit["fitted"],
            "residual": fit["residuals"],
        }
    )


def _show_table(fit: Mapping[str, Any]) -> None:
    rows = fit["coefficients"]
    st.dataframe(
        pd.DataFrame(
            {
                "term": [TITLES.get(row["name"], row["name"]).capitalize() for row in rows],
                "value": [row["value"] for row in rows],
                "interval": [f"{row['low']:+.3f} to {row['high']:+.3f}" for row in rows],
                "p": ["< .001" if row["p"] < 0.001 else f"{row['p']:.3f}" for row in rows],
                "inflation": [row["inflation"] for row in rows],
                "paper": [row["paper"] for row in rows],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "term": st.column_config.TextColumn("Predictor", width=160),
            "value": st.column_config.NumberColumn("Coefficient", format="%+.3f", width=100),
            "interval": st.column_config.TextColumn("95 % interval", width=150),
            "p": st.column_config.TextColumn("p", width=70),
            "inflation": st.column_config.NumberColumn(
                "Inflation",
                format="%.1f",
                width=85,
                help="Variance inflation: how much the other predictors blur this one; 1 is not "
                "at all, from 10 on they are hard to tell apart.",
            ),
            "paper": st.column_config.NumberColumn(
                "The paper's",
                format="%+.3f",
                width=110,
                help="Specification not stated: only the sign can be compared.",
            ),
        },
        alt="Coefficients with intervals and p-values",
    )
