"""Which of the points a tab shows, their names, and the sentences that belong to any of its
figures."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.analysis.frames.columns import KNOBS, METRICS
from core.analysis.frames.results import mixtures
from core.analysis.naming import condition_words, repair_words
from core.diversity.map.frame import display_names
from core.figures.compare.columns import varying_knobs
from pages.components.compare.comparison import Comparison
from pages.components.shell import escape_markdown

ALL_TASKS = "all"
WIDTH = 190


def choose_part(seen: Comparison, *, all_tasks: bool = True) -> pd.DataFrame:
    """The points of one task, or of all; a choice is drawn where there are several.

    Args:
        seen: what is compared.
        all_tasks: whether all together may be chosen.
    """
    names = dict(zip(seen.points["task_key"], seen.points["task"], strict=True))
    if len(names) < 2:
        return seen.points
    own = seen.choice.task.key
    options = sorted(names, key=lambda one: (one != own, names[one]))
    shown = [*options, ALL_TASKS] if all_tasks else options
    key = "compare_part" if all_tasks else "compare_one_part"
    if st.session_state.get(key) not in shown:
        st.session_state[key] = options[0]
    chosen = st.selectbox(
        "Task on view",
        shown,
        format_func=lambda one: "All tasks" if one == ALL_TASKS else names.get(one, one),
        key=key,
        persist_state="session",
        width=WIDTH,
    )
    return seen.points if chosen == ALL_TASKS else seen.points[seen.points["task_key"] == chosen]


def several_tasks(points: pd.DataFrame) -> bool:
    """Whether points are of more than one task."""
    return points["task_key"].nunique() > 1


def names_of(points: pd.DataFrame) -> dict[str, str]:
    """Each condition in words by its key, told apart; no Markdown, and not escaped."""
    one_each = points.drop_duplicates("condition")
    beside = varying_knobs(one_each, ("task", "encoder", "classifier"))
    same = [knob for knob in ("min_p", "model", "other") if knob not in varying_knobs(one_each)]
    words = []
    for row in one_each[[*KNOBS, "other", "task", "encoder", "classifier"]].to_dict("records"):
        told = condition_words({str(name): value for name, value in row.items()} | _blank(same))
        words.append(" · ".join([told, *(str(row[name]) for name in beside if row[name])]))
    return dict(zip(one_each["condition"], display_names(words), strict=True))


def stage_of(row: Mapping[str, object]) -> str:
    """What a point's key has after its condition's."""
    return f"{row['inspected']}{'-filtered' if row['filtered'] else ''}"


def stages_of(points: pd.DataFrame) -> dict[str, str]:
    """The stages of repair in words by `stage_of`, as generated first, "all" last."""
    found = points[["inspected", "filtered"]].drop_duplicates()
    pairs = zip(found["inspected"].astype(str), found["filtered"].astype(bool), strict=True)
    ordered = sorted(pairs, key=lambda one: (one[1], one[0] == "all", one[0].zfill(12)))
    told = {}
    for inspected, filtered in ordered:
        words = repair_words(inspected, filtered=filtered)
        told[stage_of({"inspected": inspected, "filtered": filtered})] = (
            words[0].upper() + words[1:]
        )
    return told


def at(points: pd.DataFrame, stage: str) -> pd.DataFrame:
    """The rows of one stage, told as by `stage_of`."""
    inspected, _, filtered = stage.partition("-")
    rows = points["inspected"].astype(str) == inspected
    return points[rows & (points["filtered"].astype(bool) == bool(filtered))]


def measured(points: pd.DataFrame) -> list[str]:
    """The metrics of which any point has a value."""
    return [metric for metric in METRICS if points[metric].notna().any()]


def show_mixtures(points: pd.DataFrame) -> None:
    """Say what forbids putting these points on one axis unsaid."""
    said = mixtures(points)
    if said:
        st.warning(escape_markdown(" ".join(said)), icon=":material/balance:")


def basis(points: pd.DataFrame) -> str:
    """How many conditions of what size, measured by what; fit for Markdown."""
    raw = points.drop_duplicates("condition")
    n, repeats = raw["n"], raw["repeats"]
    many = f"{len(raw):,} condition{'s' if len(raw) != 1 else ''}"
    size = f"{n.min():,.0f}" if n.max() - n.min() < 0.5 else f"{n.min():,.0f} to {n.max():,.0f}"
    runs = (
        f"{repeats.min():,} run{'s' if repeats.min() != 1 else ''} each"
        if repeats.min() == repeats.max()
        else f"{repeats.min():,} to {repeats.max():,} runs each"
    )
    said = [f"{many}, {runs}, n = {size} texts a run."]
    encoders, classifiers = (_known(points[name]) for name in ("encoder", "classifier"))
    if encoders:
        said.append(f"Diversity and similarity by {' and '.join(encoders)}, cosine distance.")
    if classifiers and points["model_accuracy"].notna().any():
        said.append(f"Model accuracy of {' and of '.join(map(_with_article, classifiers))}.")
    if repeats.max() > 1:
        said.append(
            "Intervals of repeated conditions go by the spread from run to run over all "
            "conditions of a task."
        )
    return escape_markdown(" ".join(said))


def _with_article(name: str) -> str:
    return f"a {name}"


def _known(names: pd.Series) -> Sequence[str]:
    return sorted({str(name) for name in names if name})


def _blank(knobs: Sequence[str]) -> dict[str, object]:
    return {knob: 0 if knob == "min_p" else "" for knob in knobs}
