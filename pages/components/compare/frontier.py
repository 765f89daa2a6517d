"""The frontier, the point chosen on it, and the recommended setting."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.costs import costs_of
from core.analysis.frames.columns import KNOBS
from core.analysis.recommendation import Advice, Target, advise
from core.domain.registries.metrics import COLUMN
from core.domain.registries.stages import ALL, RAW, STAGE, stage_words
from core.domain.wording import counted
from core.figures.compare.columns import at_stage, inspected_counts, varying_knobs
from core.figures.compare.frontier import PATH, FrontierView, frontier_figure
from pages.components.compare.comparison import (
    Comparison,
    basis,
    choose_one,
    choose_part,
    column_title,
    measured,
    several_tasks,
    show_mixtures,
)
from pages.components.compare.point import ClickedMark, choose_point, clicked, show_point
from pages.components.shell import AppContext, escape_markdown, show_errors

_WIDTH = 165
_AIMS = ("higher is better", "higher is more diverse")
# The question of the paper: how diverse can data be whose labels are still right?
_DEFAULT_TARGETS = {"label_accuracy": 80.0}


def show_advice(app: AppContext, comparison: Comparison, points: pd.DataFrame) -> None:
    """Draw the target, and the point that reaches it.

    Args:
        points: those among which to choose; of one task.
    """
    st.markdown("**Recommended setting** :small[:gray[which of these points meets your target]]")
    if several_tasks(points):
        st.caption("A recommendation is for one task: choose it above.")
        return
    metrics = measured(points)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        points = _alike(points)
        asked = {
            name: _limit(
                f"Min {COLUMN[name].noun} (%)",
                key=f"advice_{name}",
                max_value=100.0,
                value=_DEFAULT_TARGETS.get(name),
            )
            for name in metrics
            if COLUMN[name].direction == "higher is better"
        }
        inspected = _limit("Max inspected texts", key="advice_inspected", min_value=0, step=10)
        money = _money(comparison, points)
        aims = [name for name in metrics if COLUMN[name].direction in _AIMS]
        if st.session_state.get("advice_aim") not in aims:
            st.session_state["advice_aim"] = aims[-1] if aims else None
        aim = st.selectbox(
            "Then maximise",
            aims,
            format_func=column_title,
            key="advice_aim",
            persist_state="session",
            width=_WIDTH,
        )
        conservative = st.toggle(
            "Conservative",
            key="advice_conservative",
            persist_state="session",
            help="Compare the lower ends of the 95% intervals with the target, not the values.",
        )
    target = Target(
        at_least={name: value / 100 for name, value in asked.items() if value is not None},
        inspected=inspected,
        money=money,
    )
    costs = None if money is None else costs_of(app.db, comparison.results)
    _show(advise(points, target, aim=aim, conservative=conservative, costs=costs), points)


def _alike(points: pd.DataFrame) -> pd.DataFrame:
    """The points of one encoder and classifier; others are not comparable."""
    by = [
        f"{e}, {c}" if c else e
        for e, c in zip(points["encoder"], points["classifier"], strict=True)
    ]
    counts = pd.Series(by, index=points.index)
    ways = list(counts.value_counts().index)
    if len(ways) < 2:
        return points
    way = choose_one("Measured by", ways, key="advice_way", words=str, width=230)
    return points[counts == way]


def _limit(
    label: str, *, key: str, min_value: float = 0.0, step: float = 1.0, **options: Any
) -> Any:
    """Draw a number that can be left open; None is any. `options` are those of the widget."""
    return st.number_input(
        label,
        min_value=min_value,
        value=options.pop("value", None),
        step=step,
        format="%g" if isinstance(step, float) else None,
        placeholder="any",
        key=key,
        persist_state="session",
        width=_WIDTH,
        **options,
    )


def _money(comparison: Comparison, points: pd.DataFrame) -> float | None:
    """A limit, where any run was made by a server, whose tokens have a price."""
    own = set(
        comparison.results.loc[comparison.results["condition"].isin(points["condition"]), "run_id"]
    )
    if not own & comparison.served:
        return None
    limit: float | None = _limit(
        "Max cost per run",
        key="advice_money",
        help="In the currency of the connection's prices. A model on this machine costs nothing.",
    )
    return limit


def _show(advice: Advice, points: pd.DataFrame) -> None:
    show = st.success if advice.reached else st.warning
    icon = ":material/flag:" if advice.reached else ":material/wrong_location:"
    first, _, second = advice.sentence.partition(" Next: ")
    show(escape_markdown(first), icon=icon)
    if second:
        st.caption(escape_markdown(f"Next: {second}"))
    notes = list(advice.notes)
    if advice.reached:
        reach = "reaches" if advice.reaching == 1 else "reach"
        count = f"{advice.reaching:,} of {counted(len(points), 'point')}"
        notes.insert(0, f"{count} {reach} the target.")
    with st.container(horizontal=True, vertical_alignment="center"):
        if advice.best is not None:
            st.button(
                "Show this point",
                icon=":material/my_location:",
                key="advice_show",
                on_click=partial(choose_point, points, advice.best.point),
            )
        st.caption(escape_markdown(" ".join(notes)))


_CHART = "frontier"
_INTERVALS_UP_TO = 80  # conditions, beyond which intervals would hide the marks
_ARROWS_UP_TO = 40
_NONE, _OOSF = "none", "oosf"
_INSPECTED = (
    "After LR the inspected texts count as correct by definition, because the oracle both inspects "
    "and judges them: in small runs most of the gain in label accuracy comes from them. Model "
    "accuracy is not affected."
)


@st.fragment
def show_frontier(app: AppContext, comparison: Comparison) -> None:
    """Draw the figure, the point that is chosen on it, and the recommended setting."""
    x, y = comparison.choice.x, comparison.choice.y
    with show_errors():
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            part = choose_part(comparison)
            raw = at_stage(part)
            colour = _choose_colour(raw, x, y)
            repair = _choose_repair(part, len(raw))
            many = len(raw) > _INTERVALS_UP_TO
            intervals = st.toggle(
                "Intervals",
                not many,
                key=f"compare_intervals-{'many' if many else 'few'}",
                persist_state="session",
                help="95% intervals: between the runs of a condition where there are several, else "
                "within its run.",
            )
        show_mixtures(part)
        metrics = measured(part)
        by = None if colour in COLUMN else colour
        value = next(iter(_sizes(raw, x, y)), None) if by else colour
        alike = not several_tasks(part) and part["encoder"].nunique() == 1
        st.plotly_chart(
            frontier_figure(
                part,
                FrontierView(
                    x=x,
                    y=y,
                    value=value if value in metrics else None,
                    by=by,
                    budget=None if repair in (_NONE, _OOSF) else repair,
                    filtered=repair == _OOSF,
                    pareto=alike,
                    intervals=intervals,
                ),
            ),
            key=_CHART,
            on_select=partial(_choose, part, x, y),
            selection_mode="points",
            config={"displaylogo": False, "modeBarButtons": [["toImage", "resetScale2d"]]},
            alt=f"{column_title(y)} over {column_title(x)}, one mark per condition; the list below "
            "and the Table tab have the same numbers",
        )
        legend = _legend(value if value in metrics else None, alike=alike)
        if "label_accuracy" in (x, y) and repair not in (_NONE, _OOSF):
            legend += f" {_INSPECTED}"
        st.caption(f"{basis(raw)} {legend}")
        with st.container(border=True):
            show_point(comparison, part)
        show_advice(app, comparison, part)


def _choose(part: pd.DataFrame, x: str, y: str) -> None:
    mark = clicked(_CHART)
    if mark is not None:
        choose_point(part, mark.key or at_place(part, x, y, mark))


def at_place(part: pd.DataFrame, x: str, y: str, mark: ClickedMark) -> str:
    """The key of the condition as generated at the clicked place; "" for none.

    An arrow starts in the middle of a mark, and a click there is meant for the mark.
    """
    raw = at_stage(part)
    here = np.isclose(raw[x], mark.x, rtol=0, atol=1e-9)
    here &= np.isclose(raw[y], mark.y, rtol=0, atol=1e-9)
    return str(raw["point"].iloc[int(here.argmax())]) if here.any() else ""


def _sizes(raw: pd.DataFrame, x: str, y: str) -> list[str]:
    """The metrics that are not on an axis, the last first."""
    return [name for name in reversed(measured(raw)) if name not in (x, y)]


def _choose_colour(raw: pd.DataFrame, x: str, y: str) -> str:
    options = [*_sizes(raw, x, y), *varying_knobs(raw, KNOBS)] or [KNOBS[0]]
    if several_tasks(raw):
        options = ["task", *options]
    # With several tasks, first show which is which.
    key = "compare_colour-tasks" if several_tasks(raw) else "compare_colour"
    return choose_one(
        "Colour",
        options,
        key=key,
        help="A metric also sets the size of the marks; with a knob, their size shows the last "
        "metric that is not on an axis.",
    )


def _choose_repair(part: pd.DataFrame, conditions: int) -> str:
    """What the arrows show; there is no choice where nothing was repaired."""
    counts = [count for count in inspected_counts(part[~part["filtered"]]) if count != RAW]
    words = {_NONE: "None"} | {count: stage_words(count) for count in counts}
    if len(counts) > 1:
        words[PATH] = f"{STAGE['lr'].short}, all numbers as a path"
    if part["filtered"].any():
        words[_OOSF] = STAGE["oosf"].title
    if len(words) == 1:
        return _NONE
    numbers = [count for count in counts if count != ALL] or counts
    return choose_one(
        "Arrows",
        list(words),
        key="compare_repair",
        default=numbers[-1] if numbers and conditions <= _ARROWS_UP_TO else _NONE,
        words=words,
        help="From each condition as generated to where a repair moves it.",
    )


def _legend(value: str | None, *, alike: bool) -> str:
    size = f"A mark's area shows {COLUMN[value].noun}. " if value else ""
    rings = (
        "Ringed: Pareto-optimal."
        if alike
        else "No rings, as points of different tasks or encoders are not comparable."
    )
    return f"{size}{rings}"
