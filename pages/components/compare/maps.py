"""Maps of the sweep's runs, side by side on the task's one projection."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.frontier import extreme_conditions
from core.diversity.map.frame import repeats, texts_frame
from core.domain.errors import BadInput
from core.domain.wording import counted
from core.figures.map import MAX_PANELS, small_multiples
from core.figures.theme import LABEL_COLORS, label_colors
from core.jobs.handlers.measurements import mapped
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key, run_key
from core.store.references import get_reference
from core.sweeps.assessment.recipe import Recipe, sweep_recipe
from pages.components.compare.comparison import Comparison, names_of
from pages.components.jobs import show_work
from pages.components.shell import AppContext


def show_maps(app: AppContext, comparison: Comparison) -> None:
    """Draw the tab."""
    task = comparison.choice.task
    points = comparison.raw[comparison.raw["task_key"] == task.key]
    if points.empty:
        st.info("No run of this task has been measured yet.", icon=":material/hourglass_top:")
        return
    names = names_of(points)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        chosen = _choose(names, extreme_conditions(points, most=MAX_PANELS), task.key)
        real = st.toggle(
            "Real texts in the background", True, key="compare_maps_real", persist_state="session"
        )
    if not chosen:
        st.info("Choose a condition.", icon=":material/arrow_upward:")
        return
    runs = _runs(comparison, chosen)
    recipe = _recipe(comparison, task.key)
    keys = tuple(run_key(run_id) for run_id in runs["run_id"])
    beside = _reference(app.db, recipe.reference)
    frame = _frame(
        app.db,
        keys,
        tuple(names[condition] for condition in runs["condition"]),
        beside,
        tuple(runs["n"].tolist()),
    )
    places = mapped(
        app.db,
        [*keys, *([beside] if beside is not None else [])],
        list(frame["hash"].to_numpy()),
        task_key=task.key,
        choice=recipe.encoder,
    )
    with st.container():
        show_work(app, [places.work] if places.work is not None else [])
    spots = [places.points.get(key, (np.nan, np.nan)) for key in frame["hash"].to_numpy()]
    where = np.array(spots, dtype=np.float64).reshape(-1, 2)
    shown = frame.assign(x=where[:, 0], y=where[:, 1])
    shown = shown[shown["x"].notna()]
    if shown.empty:
        return
    behind = beside is not None and real
    st.plotly_chart(
        small_multiples(
            shown,
            by="dataset",
            panels=dict.fromkeys(
                [names[condition] for condition in runs["condition"]], LABEL_COLORS[0]
            ),
            color_by="label",
            colors=label_colors(list(task.label_names)),
            behind_real=behind,
        ),
        key="compare_maps",
        config={"displayModeBar": False},
        alt="One panel per condition on the same axes",
    )
    _note(comparison, len(frame) - len(shown), behind=behind)


def _choose(names: dict[str, str], default: Sequence[str], task_key: str) -> list[str]:
    key = f"compare_maps-{task_key}"
    known = [name for name in st.session_state.get(key) or [] if name in names]
    if key not in st.session_state or len(known) < len(st.session_state[key]):
        st.session_state[key] = known or list(default)
    chosen = st.multiselect(
        "Conditions",
        list(names),
        format_func=lambda condition: names.get(condition, condition),
        key=key,
        max_selections=MAX_PANELS,
        persist_state="session",
        wrap=False,
        help="By default the extreme conditions: the lowest and highest value of each knob.",
    )
    # Panels are in the order of the knobs, not of the choice.
    return [condition for condition in names if condition in chosen]


def _runs(comparison: Comparison, conditions: Sequence[str]) -> pd.DataFrame:
    """One run of each condition, the first of its repeats: condition, run_id, n."""
    rows = comparison.results[comparison.results["condition"].isin(conditions)]
    rows = rows[(rows["inspected"].astype(str) == "0") & ~rows["filtered"]]
    first = rows.sort_values(["repeat", "seed"]).drop_duplicates("condition")
    return first.set_index("condition").loc[list(conditions), ["run_id", "n"]].reset_index()


def _recipe(comparison: Comparison, task_key: str) -> Recipe:
    """Of the newest sweep of the task that is shown."""
    grids = (sweep.grid for sweep in comparison.choice.sweeps if sweep.task_key == task_key)
    return sweep_recipe(next(grids, {}))


def _reference(db: Database, reference_id: str | None) -> str | None:
    """The key of its train part; None if an imported project came without it."""
    if reference_id is None:
        return None
    try:
        return reference_key(get_reference(db, reference_id).id, "train")
    except BadInput:
        return None


def _note(comparison: Comparison, missing: int, *, behind: bool) -> None:
    background = "the reference's train part, hollow" if behind else "all texts shown, in grey"
    notes = [f"One run per condition, as generated; in the background {background}."]
    if missing:
        notes.append(f"{counted(missing, 'text')} not placed yet.")
    if len(set(comparison.points["task_key"])) > 1:
        notes.append("Only this project's task is shown: each task has its own map.")
    st.caption(" ".join(notes))


@st.cache_resource(max_entries=4, show_spinner=False)
def _frame(
    _db: Database,
    keys: tuple[str, ...],
    names: tuple[str, ...],
    reference: str | None,
    sizes: tuple[float, ...],
) -> pd.DataFrame:
    """All texts; the sizes invalidate the cache when runs have grown."""
    datasets = [
        replace(load_dataset(_db, key), name=name) for key, name in zip(keys, names, strict=True)
    ]
    real = None if reference is None else load_dataset(_db, reference)
    frame = texts_frame(datasets, distances=[None] * len(datasets), cycles={}, reference=real)
    return frame.assign(duplicate=repeats(frame, 0.0))
