"""The figures of the presenter's view, as tall as the window leaves room for."""

from typing import TYPE_CHECKING

import streamlit as st

from core.experiments.standing import Support
from core.experiments.steps import Step
from core.experiments.story import Story
from core.figures.compare.frontier import frontier_figure
from core.figures.compare.presenter import openings_figure, worth_figure
from pages.components.plain import plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

_VERDICTS = {
    "holds": ":green[:material/check_circle:] holds",
    "does not": ":red[:material/cancel:] the opposite",
    "undecided": ":gray[:material/help:] open",
}


def show_figure(told: Story, step: Step) -> None:
    """Draw the figure of a step that has one."""
    if step.kind == "standing":
        _show_support(step.support)
        return
    figure, words = _figure(told, step)
    figure.update_layout(height=None)
    with st.container(key="present_figure", height="stretch"):
        st.plotly_chart(
            figure,
            key=f"present-{step.kind}",
            height="stretch",
            config={"displayModeBar": False, "scrollZoom": False},
            alt=words,
        )


def _figure(told: Story, step: Step) -> "tuple[go.Figure, str]":
    if step.kind == "openings":
        texts = step.texts
        rows = [(one.words, one.count) for one in step.openings]
        return openings_figure(rows, texts=texts), "How often texts begin alike"
    if step.kind == "worth":
        bars = [(one.kind, one.name, one.value, one.low, one.high) for one in step.bars]
        return worth_figure(bars), "Accuracy on real texts by what a classifier learned from"
    arrows = step.kind == "repairs" and bool(told.inspected)
    figure = frontier_figure(
        told.points,
        value=None,
        budget=told.inspected if arrows else None,
        pareto=not arrows,
        intervals=False if arrows else None,  # the numbers beside it tell them
        large=True,
    )
    return figure, "Label accuracy over diversity, a mark for each condition"


def _show_support(support: tuple[Support, ...]) -> None:
    if not support:
        st.caption("No two runs differ in one thing alone, so nothing can be tested.")
        return
    rows = [
        f"| {_VERDICTS[one.verdict]} | {plain(one.words)} | {plain(one.effect)} "
        f"| {plain(one.between)} | {plain(one.n.removesuffix(' of runs'))} |"
        for one in support
    ]
    head = [
        "| here | claim of the paper | effect | 95 % interval | over |",
        "|---|---|--:|--:|---|",
    ]
    with st.container(key="present_support"):
        st.markdown("\n".join([*head, *rows]))
