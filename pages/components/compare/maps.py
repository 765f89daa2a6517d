"""Maps of the sweep's runs, side by side on the task's one projection."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.extreme_conditions import extreme_conditions, short_names
from core.diversity.embedding.encoder import encoder_choice_from_dict
from core.diversity.map.frame import repeats, texts_frame
from core.domain.errors import BadInput
from core.figures.small_multiples import MAX_PANELS, small_multiples
from core.figures.theme import LABEL_COLORS, label_colors
from core.jobs.cached_measurements import mapped
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key, run_key
from core.store.references import get_reference
from core.sweeps.assessment.recipe import Recipe, recipe_from_dict
from pages.components.compare.comparison import Comparison
from pages.components.jobs import show_work
from pages.components.shell import AppContext


def show_maps(app: AppContext, seen: Comparison) -> None:
    """Draw the tab."""
    task = seen.choice.task
    points = seen.raw[seen.raw["task_key"] == task.key]
    if points.empty:
        st.info("No run of this task is assessed yet.", icon=":material/hourglass_top:")
        return
    names = short_names(points)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        chosen = _choose(names, extreme_conditions(points, most=MAX_PANELS), task.key)
        real = st.toggle(
            "Real texts behind", True, key="compare_maps_real", persist_state="session"
        )
    if not chosen:
        st.info("Choose a condition.", icon=":material/arrow_upward:")
        return
    runs = _runs(seen, chosen)
    recipe = _recipe(seen, task.key)
    keys = tuple(run_key(run_id) for run_id in runs["run_id"])
    beside = _reference(app.db, recipe.reference)
    frame = _frame(
        app.db,
        keys,
        tuple(names[one] for one in runs["condition"]),
        beside,
        tuple(runs["n"].tolist()),
    )
    places = mapped(
        app.db,
        [*keys, *([beside] if beside is not None else [])],
        list(frame["hash"].to_numpy()),
        task_key=task.key,
        choice=encoder_choice_from_dict(recipe.encoder),
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
            panels=dict.fromkeys([names[one] for one in runs["condition"]], LABEL_COLORS[0]),
            color_by="label",
            colors=label_colors(list(task.label_names)),
            behind_real=behind,
        ),
        key="compare_maps",
        config={"displayModeBar": False},
        alt="One panel a condition on the same axes",
    )
    _note(seen, len(frame) - len(shown), behind=behind)


def _choose(names: dict[str, str], usual: Sequence[str], task_key: str) -> list[str]:
    key = f"compare_maps-{task_key}"
    known = [one for one in st.session_state.get(key) or [] if one in names]
    if key not in st.session_state or len(known) < len(st.session_state[key]):
        st.session_state[key] = known or list(usual)
    chosen = st.multiselect(
        "Conditions",
        list(names),
        format_func=lambda one: names.get(one, one),
        key=key,
        max_selections=MAX_PANELS,
        persist_state="session",
        wrap=False,
        help="At first the corners of the grid: the lowest and highest value of each knob.",
    )
    # Panels stand by their knobs, however they were chosen.
    return [one for one in names if one in chosen]


def _runs(seen: Comparison, conditions: Sequence[str]) -> pd.DataFrame:
    """One run of each condition, the first of its repeats: condition, run_id, n."""
    rows = seen.results[seen.results["condition"].isin(conditions)]
    rows = rows[(rows["inspected"].astype(str) == "0") & ~rows["filtered"]]
    first = rows.sort_values(["repeat", "seed"]).drop_duplicates("condition")
    return first.set_index("condition").loc[list(conditions), ["run_id", "n"]].reset_index()


def _recipe(seen: Comparison, task_key: str) -> Recipe:
    """Of the newest sweep of the task that is on view."""
    grids = (one.grid for one in seen.choice.sweeps if one.task_key == task_key)
    return recipe_from_dict(next(grids, {}).get("recipe") or {})


def _reference(db: Database, reference_id: str | None) -> str | None:
    """The key of its train part; None if it did not come along with a project made elsewhere."""
    if reference_id is None:
        return None
    try:
        return reference_key(get_reference(db, reference_id).id, "train")
    except BadInput:
        return None


def _note(seen: Comparison, missing: int, *, behind: bool) -> None:
    ground = "the reference's train part, hollow" if behind else "all texts on view, in grey"
    said = [f"One run of each condition, as generated; behind it {ground}."]
    if missing:
        said.append(f"{missing:,} texts are not placed yet.")
    if len(set(seen.points["task_key"])) > 1:
        said.append("Only this project's task: each has a map of its own.")
    st.caption(" ".join(said))


@st.cache_resource(max_entries=4, show_spinner=False)
def _frame(
    _db: Database,
    keys: tuple[str, ...],
    names: tuple[str, ...],
    reference: str | None,
    sizes: tuple[float, ...],
) -> pd.DataFrame:
    """All texts; the sizes tell runs that grew from their younger selves."""
    datasets = [
        replace(load_dataset(_db, key), name=name) for key, name in zip(keys, names, strict=True)
    ]
    real = None if reference is None else load_dataset(_db, reference)
    frame = texts_frame(datasets, results=[None] * len(datasets), cycles={}, reference=real)
    return frame.assign(duplicate=repeats(frame, 0.0))
