"""Texts of two points side by side, with what is known of their labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.domain.registries.metrics import COLUMN
from core.domain.registries.stages import stage_words
from core.domain.texts import fold
from core.domain.wording import capitalized, counted
from core.figures.theme import label_colors, pill_color
from core.interventions.previews import JudgeRequest
from core.jobs.handlers.interventions import preview_state
from core.store.database import Database
from core.store.datasets import run_key
from core.store.generation.runs import get_run
from core.store.generation.samples import SAMPLE_COLUMNS, sample_rows
from core.store.interventions.versions import head, version_rows
from core.sweeps.assessment.recipe import Recipe, sweep_recipe
from pages.components.compare.comparison import Comparison, measured, names_of, sweep_of
from pages.components.shell import AppContext, escape_markdown


@dataclass(frozen=True)
class Side:
    """The texts of one run of a point.

    Args:
        run_id: a run of the point's condition.
        label_names: its task's, in order.
        texts: its usable texts in order of arrival: id, text, label, folded, repeat (of an earlier
            one), now (label in the active version), removed (by it), oracle; None or False where
            unknown.
        version: the active version's name; "" without one.
    """

    run_id: str
    label_names: tuple[str, ...]
    texts: pd.DataFrame
    version: str


def look_at(db: Database, comparison: Comparison, run_id: str, *, n: float) -> Side:
    """Read what is stored of a run of a point with n texts; queues nothing."""
    run = get_run(db, run_id)
    rows = _rows(db, run_id, n)
    texts = pd.DataFrame(
        {
            "id": rows["id"],
            "text": rows["text"],
            "label": rows["label"],
            "folded": rows["text"].map(fold),
            "repeat": rows["duplicate_of"].notna(),
        }
    )
    version = head(db, run_id)
    labels: dict[str, str] = {}
    kept: dict[str, bool] = {}
    if version is not None and version.kind != "raw":
        for row in version_rows(db, version.id):
            labels[row.sample_id], kept[row.sample_id] = row.label, row.kept
    oracle = _oracle(db, comparison, run_id, len(texts))
    texts["now"] = [labels.get(sample) for sample in texts["id"]]
    texts["removed"] = [not kept.get(sample, True) for sample in texts["id"]]
    texts["oracle"] = [oracle.get(sample) for sample in texts["id"]]
    for column in ("now", "oracle"):
        texts[column] = texts[column].astype(object).where(texts[column].notna(), None)
    name = version.name if version is not None and labels else ""
    return Side(run_id, run.spec.task.label_names, texts, name)


def drawn(
    texts: pd.DataFrame, *, label: str | None, count: int, seed: int
) -> tuple[pd.DataFrame, int]:
    """Some texts of a label, in order of arrival, and how many there are of it.

    Args:
        texts: with a column label.
        label: None is all labels.
        count: at most so many.
        seed: 0 or more; equal ones draw the same.
    """
    own = texts if label is None else texts[texts["label"] == label]
    if len(own) <= count:
        return own, len(own)
    rows = np.random.default_rng(seed).choice(len(own), size=count, replace=False)
    return own.iloc[np.sort(rows)], len(own)


def _oracle(db: Database, comparison: Comparison, run_id: str, n: int) -> Mapping[str, str]:
    """The oracle's labels by text id, if it was run on the Intervene page."""
    ids = comparison.results.loc[comparison.results["run_id"] == run_id, "sweep_id"]
    sweep = sweep_of(comparison, str(ids.iloc[0])) if len(ids) else None
    recipe = sweep_recipe(sweep.grid) if sweep else Recipe()
    if recipe.reference is None:
        return {}
    request = JudgeRequest(n=n, encoder=recipe.encoder, reference=recipe.reference)
    result = preview_state(db, run_key(run_id), request).result
    return {} if result is None else result.label_by_id


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs={Database: lambda db: str(db.path)})
def _rows(db: Database, run_id: str, n: float) -> pd.DataFrame:
    """Its usable samples; `n` invalidates the cache when the run has grown."""
    return pd.DataFrame(sample_rows(db, run_id, outcome="usable"), columns=list(SAMPLE_COLUMNS))


POINTS = "compare_points"
"""Session key of up to two points, set here and where points are chosen."""

_SIDES = ("left", "right")
_ALL = "All labels"
_SEED = "compare_texts_seed"
_COLUMN = 400  # pixels; in a narrower window one side is below the other
_ROW = 68  # pixels: from 65 on a table wraps long texts


def show_texts(app: AppContext, comparison: Comparison) -> None:
    """Draw the tab."""
    points = comparison.points.drop_duplicates("point").set_index("point", drop=False)
    names = names_of(comparison.points)
    chosen = _chosen(comparison)
    sides = []
    with st.grid(2, min_column_width=_COLUMN, gap="medium"):
        for place in range(2):
            with st.container():
                sides.append(_choose_side(app, comparison, points, names, chosen, place))
    label, count = _controls(sides, chosen)
    seed = int(st.session_state.get(_SEED, 0))
    with st.grid(2, min_column_width=_COLUMN, gap="medium"):
        for place in range(2):
            with st.container():
                _show(sides[place], sides[1 - place], _SIDES[place], label, count, seed)
    st.caption(
        "Both sides are sampled with the same seed. A sweep stores the measured effect of a "
        "repair, not its labels: those are shown where the run has a version or was judged by the "
        "oracle on the Intervene page."
    )


def _chosen(comparison: Comparison) -> tuple[str, str]:
    """Two points: those of the session, else the least and the most diverse as generated."""
    known = set(comparison.points["point"])
    kept = [point for point in st.session_state.get(POINTS) or [] if point in known][:2]
    raw = comparison.raw[comparison.raw["task_key"] == comparison.choice.task.key]
    raw = raw if len(raw) else comparison.points
    ends = raw.sort_values(["diversity", "point"], na_position="first")["point"].tolist()
    if not kept:
        return ends[0], ends[-1]
    if len(kept) == 1:
        return kept[0], ends[-1] if ends[-1] != kept[0] else ends[0]
    return kept[0], kept[1]


def _choose_side(
    app: AppContext,
    comparison: Comparison,
    points: pd.DataFrame,
    names: Mapping[str, str],
    chosen: tuple[str, str],
    place: int,
) -> Side:
    point = points.loc[chosen[place]]
    side, condition = _SIDES[place], point["condition"]
    raw = comparison.raw.drop_duplicates("condition").set_index("condition")["point"].to_dict()
    key = f"compare_texts_{side}"
    st.session_state[key] = condition
    runs = comparison.results[comparison.results["condition"] == condition].drop_duplicates(
        "run_id"
    )
    runs = runs.sort_values(["repeat", "seed"])
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            f"Condition, {side}",
            list(names),
            format_func=lambda key: names.get(key, key),
            key=key,
            on_change=_take,
            args=(key, place, chosen, raw),
        )
        ids = runs["run_id"].tolist()
        run_id = ids[0]
        if len(ids) > 1:
            run_id = st.selectbox(
                "Repeat",
                ids,
                format_func=lambda run_id: str(ids.index(run_id) + 1) if run_id in ids else run_id,
                key=f"compare_repeat_{side}_{condition}",
                width=90,
            )
    _show_numbers(point)
    return look_at(app.db, comparison, run_id, n=point["n"])


def _take(key: str, place: int, chosen: tuple[str, str], raw: Mapping[str, str]) -> None:
    """Show another condition on one side, as generated."""
    wanted = list(chosen)
    wanted[place] = raw.get(st.session_state[key], wanted[place])
    st.session_state[POINTS] = wanted


def _show_numbers(point: pd.Series) -> None:
    stage = capitalized(stage_words(str(point["inspected"]), filtered=bool(point["filtered"])))
    numbers = [
        f"{COLUMN[name].noun} **{COLUMN[name].words(point[name])}**"
        for name in measured(pd.DataFrame([point]))
    ]
    repeats = int(point["repeats"])
    mean = f", mean of {counted(repeats, 'repeat')}" if repeats > 1 else ""
    st.caption(f"{stage}{mean}: {', '.join(numbers) or 'nothing measured'}.")


def _controls(sides: Sequence[Side], chosen: tuple[str, str]) -> tuple[str, int]:
    labels = list(dict.fromkeys(name for side in sides for name in side.label_names))
    key = "compare_texts_label"
    if st.session_state.get(key) not in (None, _ALL, *labels):
        st.session_state[key] = _ALL
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        label = st.selectbox("Label", [_ALL, *labels], key=key, persist_state="session", width=240)
        count = st.segmented_control(
            "Texts per side",
            [10, 25, 50],
            default=10,
            key="compare_texts_count",
            required=True,
            persist_state="session",
        )
        st.button(
            "Other texts", icon=":material/shuffle:", key="compare_texts_other", on_click=_anew
        )
        st.button(
            "Swap sides",
            icon=":material/swap_horiz:",
            key="compare_texts_swap",
            on_click=_swap,
            args=(chosen,),
        )
    return label or _ALL, count or 10


def _anew() -> None:
    st.session_state[_SEED] = int(st.session_state.get(_SEED, 0)) + 1


def _swap(chosen: tuple[str, str]) -> None:
    st.session_state[POINTS] = list(chosen[::-1])


def _show(side: Side, other: Side, name: str, label: str, count: int, seed: int) -> None:
    shown, of = drawn(side.texts, label=None if label == _ALL else label, count=count, seed=seed)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{name.capitalize()}: {len(shown):,} of {of:,} texts")
        st.space("stretch")
        st.page_link(
            "pages/generate.py",
            label="Open the run",
            icon=":material/open_in_new:",
            query_params={"run": side.run_id},
        )
    if shown.empty:
        st.info("No text of this label.", icon=":material/filter_alt_off:")
        return
    both = set(other.texts["folded"]) if other.run_id != side.run_id else set()
    notes = [
        ", ".join(
            word
            for word, applies in (
                ("repeat", row["repeat"]),
                ("in both", row["folded"] in both),
                ("removed", row["removed"]),
            )
            if applies
        )
        for row in shown.to_dict("records")
    ]
    pills = [pill_color(color) for color in label_colors(side.label_names).values()]
    frame = pd.DataFrame({"text": shown["text"].to_numpy()})
    config: dict[str, Any] = {"text": st.column_config.TextColumn("Text", width=290)}
    for column, title, help in (
        ("label", "Specified", "The label it was generated for."),
        ("now", "Now", f"Its label in the run's active version, {side.version}."),
        ("oracle", "Oracle", "The label the oracle gives it."),
    ):
        if shown[column].notna().any():
            frame[column] = [[] if label is None else [label] for label in shown[column]]
            config[column] = st.column_config.MultiselectColumn(
                title,
                options=list(side.label_names),
                color=pills,
                width=95,
                help=escape_markdown(help),
            )
    if any(notes):
        frame["note"] = notes
        config["note"] = st.column_config.TextColumn(
            "",
            width=80,
            help="repeat: same words as an earlier text of its run. in both: also on the other "
            "side. removed: by the active version.",
        )
    st.dataframe(
        frame,
        column_config=config,
        hide_index=True,
        row_height=_ROW,
        height="content" if len(frame) <= 10 else 10 * _ROW + 38,
        key=f"compare_texts_table_{name}",
        alt=f"Texts of the condition on the {name}",
    )
