"""Where to stand: the condition and the repair that reach what is wanted."""

from functools import partial

import pandas as pd
import streamlit as st

from core.experiments.advice import Advice, advise
from core.experiments.costs import costs_of
from core.experiments.target import Target
from pages.components.compare.choice import METRIC_WORDS
from pages.components.compare.comparison import Comparison
from pages.components.compare.part import measured, several_tasks
from pages.components.compare.point import choose_point
from pages.components.office import Office
from pages.components.plain import plain

_WIDTH = 165


def show_advice(office: Office, seen: Comparison, points: pd.DataFrame) -> None:
    """Draw what can be wanted, and the advice.

    Args:
        office: what the page works with.
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
        prudent = st.toggle(
            "Prudent",
            key="advice_prudent",
            persist_state="session",
            help="Let the lower ends of the 95 % intervals reach what is wanted, not the values.",
        )
    target = Target(
        **{name: value / 100 for name, value in asked.items() if value is not None},
        inspected=inspected,
        money=money,
    )
    costs = None if money is None else costs_of(office.db, seen.results)
    _show(advise(points, target, aim=aim, prudent=prudent, costs=costs), points)


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
    tell(plain(first), icon=icon)
    if second:
        st.caption(plain(f"Next: {second}"))
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
        st.caption(plain(" ".join(notes)))
