"""Where to stand: the condition and the repair that reach what is wanted."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.costs import costs_of
from core.analysis.frames.columns import KNOBS
from core.analysis.naming import TITLES
from core.analysis.recommendation import Advice, Target, advise
from core.figures.compare.columns import at_stage, varying_knobs
from core.figures.compare.frontier import PATH, FrontierView, frontier_figure
from pages.components.compare.choice import METRIC_WORDS
from pages.components.compare.comparison import Comparison
from pages.components.compare.part import (
    WIDTH,
    basis,
    choose_part,
    measured,
    several_tasks,
    show_mixtures,
)
from pages.components.compare.point import choose_point, clicked, key_of, show_point
from pages.components.shell import AppContext, escape_markdown, show_errors

_WIDTH = 165


def show_advice(app: AppContext, seen: Comparison, points: pd.DataFrame) -> None:
    """Draw what can be wanted, and the advice.

    Args:
        app: what the page works with.
        seen: what is compared.
        points: those among which to choose; of one task.
    """
    st.markdown("**Where to stand** :small[:gray[say what you need; the points above answer]]")
    if several_tasks(points):
        st.caption("Advice is of one task: choose it above.")
        return
    metrics = measured(points)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        points = _alike(points)
        asked = {
            name: _share(name) for name in ("label_accuracy", "model_accuracy") if name in metrics
        }
        inspected = st.number_input(
            "Inspected texts, at most",
            min_value=0,
            value=None,
            step=10,
            placeholder="any number",
            key="advice_inspected",
            persist_state="session",
            width=_WIDTH,
        )
        money = _money(seen, points)
        aims = [one for one in metrics if one != "similarity"]
        if st.session_state.get("advice_aim") not in aims:
            st.session_state["advice_aim"] = aims[-1] if aims else None
        aim = st.selectbox(
            "And most of",
            aims,
            format_func=lambda one: METRIC_WORDS.get(one, one),
            key="advice_aim",
            persist_state="session",
            width=_WIDTH,
        )
        conservative = st.toggle(
            "Conservative",
            key="advice_conservative",
            persist_state="session",
            help="Let the lower ends of the 95 % intervals reach what is wanted, not the values.",
        )
    target = Target(
        at_least={name: value / 100 for name, value in asked.items() if value is not None},
        inspected=inspected,
        money=money,
    )
    costs = None if money is None else costs_of(app.db, seen.results)
    _show(advise(points, target, aim=aim, conservative=conservative, costs=costs), points)


def _alike(points: pd.DataFrame) -> pd.DataFrame:
    """The points of one encoder and classifier; others don't compete with them."""
    by = [
        f"{e}, {c}" if c else e
        for e, c in zip(points["encoder"], points["classifier"], strict=True)
    ]
    counts = pd.Series(by, index=points.index)
    ways = list(counts.value_counts().index)
    if len(ways) < 2:
        return points
    if st.session_state.get("advice_way") not in ways:
        st.session_state["advice_way"] = ways[0]
    way = st.selectbox("Measured by", ways, key="advice_way", persist_state="session", width=230)
    return points[counts == way]


def _share(metric: str) -> float | None:
    return st.number_input(
        f"{METRIC_WORDS[metric]}, at least %",
        min_value=0.0,
        max_value=100.0,
        value=80.0 if metric == "label_accuracy" else None,
        step=1.0,
        format="%g",
        placeholder="any",
        key=f"advice_{metric}",
        persist_state="session",
        width=_WIDTH,
    )


def _money(seen: Comparison, points: pd.DataFrame) -> float | None:
    """A limit, where any run was made by a server, whose tokens have a price."""
    own = set(seen.results.loc[seen.results["condition"].isin(points["condition"]), "run_id"])
    if not own & seen.served:
        return None
    return st.number_input(
        "Money a run, at most",
        min_value=0.0,
        value=None,
        step=1.0,
        format="%g",
        placeholder="any amount",
        key="advice_money",
        persist_state="session",
        width=_WIDTH,
        help="In the currency of the connection's prices. A model of this machine costs nothing.",
    )


def _show(advice: Advice, points: pd.DataFrame) -> None:
    tell = st.success if advice.reached else st.warning
    icon = ":material/flag:" if advice.reached else ":material/wrong_location:"
    first, _, second = advice.sentence.partition(" Next: ")
    tell(escape_markdown(first), icon=icon)
    if second:
        st.caption(escape_markdown(f"Next: {second}"))
    notes = list(advice.notes)
    if advice.reached:
        many = f"{advice.reaching:,} point{'s reach' if advice.reaching != 1 else ' reaches'}"
        notes.insert(0, f"{many} what is wanted, of {len(points):,}.")
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
_WHISKERS_UP_TO = 80  # conditions, beyond which intervals are all one would see
_ARROWS_UP_TO = 40
_NONE, _OOSF = "none", "oosf"
_INSPECTED = (
    "After LR the inspected texts count as right by definition, as the oracle inspected them and "
    "judges them: in small runs most of the gain in label accuracy is theirs. Model accuracy has "
    "no such favour."
)
_KNOB_WORDS = {knob: TITLES.get(knob, knob).capitalize() for knob in KNOBS} | {
    "min_p": "min_p",
    "task": "Task",
}


@st.fragment
def show_frontier(app: AppContext, seen: Comparison) -> None:
    """Draw the figure, the point that is chosen on it, and the advice."""
    x, y = seen.choice.x, seen.choice.y
    with show_errors():
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            part = choose_part(seen)
            raw = at_stage(part)
            colour = _choose_colour(raw)
            repair = _choose_repair(part, len(raw))
            many = len(raw) > _WHISKERS_UP_TO
            intervals = st.toggle(
                "Intervals",
                not many,
                key=f"compare_intervals-{'many' if many else 'few'}",
                persist_state="session",
                help="95 % intervals. Over the runs of a condition where there are several, else "
                "within its run.",
            )
        show_mixtures(part)
        metrics = measured(part)
        by = colour if colour in _KNOB_WORDS else None
        value = "model_accuracy" if by else colour
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
            alt=f"{METRIC_WORDS[y]} against {METRIC_WORDS[x].lower()}, a mark a condition; the "
            "list below and the tab Table tell the same",
        )
        said = _says(value if value in metrics else None, alike=alike)
        if "label_accuracy" in (x, y) and repair not in (_NONE, _OOSF):
            said += f" {_INSPECTED}"
        st.caption(f"{basis(raw)} {said}")
        with st.container(border=True):
            show_point(seen, part)
        show_advice(app, seen, part)


def _choose(part: pd.DataFrame, x: str, y: str) -> None:
    point = clicked(_CHART)
    choose_point(part, key_of(point) or (at_place(part, x, y, point) if point else ""))


def at_place(part: pd.DataFrame, x: str, y: str, point: Mapping[str, Any]) -> str:
    """The key of the condition as generated that lies where plotly tells; "" for none.

    An arrow begins in the middle of a mark, and a click there is meant for the mark.
    """
    raw = at_stage(part)
    here = np.isclose(raw[x], point["x"], rtol=0, atol=1e-9)
    here &= np.isclose(raw[y], point["y"], rtol=0, atol=1e-9)
    return str(raw["point"].iloc[int(here.argmax())]) if here.any() else ""


def _choose_colour(raw: pd.DataFrame) -> str:
    metrics = [one for one in measured(raw) if one in ("model_accuracy", "similarity")]
    knobs = [knob for knob in varying_knobs(raw) if knob in KNOBS]
    options = [*metrics[::-1], *knobs] or ["temperature"]
    if several_tasks(raw):
        options = ["task", *options]
    # Of several tasks the first thing to be seen is which is which.
    key = "compare_colour-tasks" if several_tasks(raw) else "compare_colour"
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[0]
    return str(
        st.selectbox(
            "Colour",
            options,
            format_func=lambda one: METRIC_WORDS.get(one) or _KNOB_WORDS[one],
            key=key,
            persist_state="session",
            width=WIDTH,
            help="A metric's colour is its area, too; beside a knob's colour the area tells model "
            "accuracy.",
        )
    )


def _choose_repair(part: pd.DataFrame, conditions: int) -> str:
    """What the arrows tell; there is no choice where nothing was repaired."""
    known = {str(one) for one in part.loc[~part["filtered"], "inspected"]} - {"0"}
    counted = sorted((one for one in known if one != "all"), key=int)
    words = {_NONE: "None"}
    words |= {one: f"LR, {int(one):,} inspected" for one in counted}
    if "all" in known:
        words["all"] = "LR of all texts"
    if len(known) > 1:
        words[PATH] = "LR, all budgets as a path"
    if part["filtered"].any():
        words[_OOSF] = "Out-of-scope filter"
    if len(words) == 1:
        return _NONE
    if st.session_state.get("compare_repair") not in words:
        usual = (counted or ["all"])[-1] if known and conditions <= _ARROWS_UP_TO else _NONE
        st.session_state["compare_repair"] = usual
    return str(
        st.selectbox(
            "Arrows",
            list(words),
            format_func=lambda one: words.get(one, one),
            key="compare_repair",
            persist_state="session",
            width=WIDTH,
            help="From each condition as generated to where a repair brings it.",
        )
    )


def _says(value: str | None, *, alike: bool) -> str:
    area = f"A mark's area tells {METRIC_WORDS[value].lower()}. " if value else ""
    rings = (
        "A ring: no other condition is better in both."
        if alike
        else "Without rings, as points of different tasks or encoders don't compete."
    )
    return f"{area}{rings}"
