"""The presenter's view: the story of the sweeps on view, one step per screen, by keys."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.domain.tasks import Task
from core.domain.wording import capitalized
from core.figures.compare.frontier import FrontierView, frontier_figure
from core.figures.compare.presenter import openings_figure, utility_figure
from core.reports.stored_report import story_texts
from core.reports.story.step import Number, Step, Support, Text
from core.reports.story.story import Story, build_story
from core.store.database import Database
from core.store.sweeps import list_sweeps
from pages.components.compare.comparison import Comparison
from pages.components.shell import AppContext, escape_markdown

if TYPE_CHECKING:
    import plotly.graph_objects as go


_VERDICTS = {
    "holds": ":green[:material/check_circle:] holds",
    "does not": ":red[:material/cancel:] the opposite",
    "undecided": ":gray[:material/help:] undecided",
}


def _show_figure(story: Story, step: Step) -> None:
    """Draw the figure of a step that has one."""
    if step.kind == "recommendation":
        _show_support(step.support)
        return
    figure, alt = _figure(story, step)
    figure.update_layout(height=None)
    with st.container(key="present_figure", height="stretch"):
        st.plotly_chart(
            figure,
            key=f"present-{step.kind}",
            height="stretch",
            config={"displayModeBar": False, "scrollZoom": False},
            alt=alt,
        )


def _figure(story: Story, step: Step) -> "tuple[go.Figure, str]":
    """The figure, and what it shows."""
    if step.kind == "openings":
        rows = [(opening.words, opening.count) for opening in step.openings]
        return openings_figure(rows, texts=step.texts), "How often texts begin alike"
    if step.kind == "utility":
        bars = [(bar.kind, bar.name, bar.value, bar.low, bar.high) for bar in step.bars]
        return utility_figure(bars), "Accuracy on real texts by the data a classifier learned from"
    arrows = step.kind == "repairs" and bool(story.inspected)
    view = FrontierView(
        value=None,
        budget=story.inspected if arrows else None,
        pareto=not arrows,
        intervals=False if arrows else None,  # the numbers beside it have them
        large=True,
    )
    alt = "Label accuracy over diversity, a mark per condition"
    return frontier_figure(story.points, view), alt


def _show_support(support: tuple[Support, ...]) -> None:
    if not support:
        st.caption("No two runs differ in only one setting, so no claim can be tested.")
        return
    rows = []
    for claim in support:
        words = (claim.claim, claim.effect, claim.interval, claim.n.removesuffix(" of runs"))
        rows.append([_VERDICTS[claim.verdict], *map(escape_markdown, words)])
    head = ["| here | claim of the paper | effect | 95% interval | over |", "|---|---|--:|--:|---|"]
    with st.container(key="present_support"):
        st.markdown("\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)]))


_STEP, _SWEEPS = "present", "of"
_TASK, _CHOSEN = "compare_task", "compare_sweeps-{}"  # keys of the side bar's widgets

# The view fills the window between its bar and its foot, and letters grow with the window, so that
# nothing is cut off. On a phone it scrolls, with the buttons at hand.
_STYLE = """<style>
[data-testid='stSidebar'], [data-testid='stHeader'],
[data-testid='stExpandSidebarButton'], .st-key-present_keys {display: none}
[data-testid='stMain'] {overflow: hidden}
[data-testid='stMainBlockContainer'] {padding: 1.5vh 4vw 1.5vh; max-width: 100%; height: 100vh;
  overflow: hidden; display: flex; flex-direction: column}
[data-testid='stMainBlockContainer'] > [data-testid='stVerticalBlock'] {flex: 1 1 auto;
  min-height: 0; gap: 1vh}
[data-testid='stLayoutWrapper']:has(> .st-key-present_stage) {flex: 1 1 auto; min-height: 0}
.st-key-present_stage {height: 100%; min-height: 0; flex-wrap: nowrap}
.st-key-present_stage [data-testid='stLayoutWrapper']:has(.st-key-present_figure) {
  flex: 1 1 auto; min-height: 0}
.st-key-present_stage [data-testid='stHorizontalBlock'] {height: 100%}
.st-key-present_figure, .st-key-present_figure > div {flex: 1 1 auto; height: 100%; min-height: 0}
.st-key-present_stage [data-testid='stColumn']:has(.st-key-present_figure)
  > [data-testid='stVerticalBlock'] {height: 100%}
.st-key-present_dots p {letter-spacing: 0.5em; font-size: 1.1rem}
.st-key-present_stage h2 {font-size: clamp(1.4rem, min(5.6vh, 3.6vw), 4rem); padding: 0;
  line-height: 1.15}
.st-key-present_sentence p {font-size: clamp(1rem, min(2.9vh, 2.1vw), 2rem); line-height: 1.35}
[class*='st-key-present_text_'] [data-testid='stText'] span {
  font-size: clamp(1rem, min(2.7vh, 1.9vw), 1.9rem); line-height: 1.35; white-space: pre-wrap;
  overflow: hidden; overflow-wrap: anywhere; display: -webkit-box; -webkit-box-orient: vertical;
  -webkit-line-clamp: 2}
[class*='st-key-present_text_large'] [data-testid='stText'] span {
  font-size: clamp(1.1rem, min(4.2vh, 2.4vw), 3rem); -webkit-line-clamp: 7}
.st-key-present_numbers [data-testid='stMetricValue'] {
  font-size: clamp(1.5rem, min(6.4vh, 4vw), 4.4rem); line-height: 1.1}
.st-key-present_numbers p {font-size: clamp(0.85rem, min(2.3vh, 1.5vw), 1.5rem);
  white-space: normal; overflow: visible}
.st-key-present_numbers [data-testid='stMetricValue'] p {font-size: inherit}
.st-key-present_support table {font-size: clamp(0.8rem, min(2.1vh, 1.35vw), 1.6rem); width: 100%}
.st-key-present_support td, .st-key-present_support th {padding: 0.75vh 0.8vw}
.st-key-present_note p {font-size: clamp(0.78rem, min(1.9vh, 1.4vw), 1.25rem); line-height: 1.35}
@media (max-width: 640px) {
  [data-testid='stMain'], [data-testid='stMainBlockContainer'] {overflow: auto}
  [data-testid='stMainBlockContainer'] {height: auto; padding-bottom: 5rem}
  [data-testid='stMainBlockContainer'] > [data-testid='stVerticalBlock'],
  [data-testid='stLayoutWrapper']:has(> .st-key-present_stage), .st-key-present_stage,
  .st-key-present_stage [data-testid='stHorizontalBlock'],
  .st-key-present_stage [data-testid='stColumn']:has(.st-key-present_figure)
    > [data-testid='stVerticalBlock'] {flex: 0 0 auto; height: auto}
  .st-key-present_figure {flex: 0 0 60vh; height: 60vh}
  .st-key-present_dots, .st-key-present_figure .annotation {display: none}
  .st-key-present_buttons {position: fixed; left: 0; right: 0; bottom: 0; width: auto;
    padding: 0.6rem 4vw; backdrop-filter: blur(12px); z-index: 10}
}
</style>"""


def presenting() -> bool:
    """Whether the page's address asks for this view."""
    return _STEP in st.query_params


def restore_presented(app: AppContext) -> None:
    """Choose the sweeps that the address names; call it before the side bar is drawn."""
    wanted = st.query_params.get(_SWEEPS, "").split(".")
    if not presenting() or "presented" in st.session_state:
        return
    st.session_state["presented"] = True
    sweeps = [sweep for sweep in list_sweeps(app.db) if sweep.id in wanted]
    if sweeps:
        key = sweeps[0].task_key
        st.session_state[_TASK] = key
        st.session_state[_CHOSEN.format(key)] = [
            sweep.id for sweep in sweeps if sweep.task_key == key
        ]


def offer_presenter(comparison: Comparison) -> None:
    """Draw the button that opens the view."""
    key = comparison.choice.task.key
    st.button(
        "Present",
        icon=":material/slideshow:",
        key="present_open",
        help="The study as a story in seven steps, in large type. The arrow keys go to the next or "
        "the previous step, Escape leaves.",
        disabled=not len(comparison.raw),
        on_click=_open,
        args=(tuple(sweep.id for sweep in comparison.choice.sweeps if sweep.task_key == key),),
    )


def show_presenter(app: AppContext, comparison: Comparison) -> None:
    """Draw the step that the address names."""
    st.html(_STYLE)
    task = comparison.choice.task
    story = _story(app.db, comparison.points, comparison.results, task)
    if not story.steps:
        st.info("There is nothing to present: no run of the chosen sweeps has been measured yet.")
        st.button("Leave", icon=":material/close:", key="present_leave", on_click=_leave)
        return
    place = _place(len(story.steps))
    step = story.steps[place]
    _show_bar(task, place, len(story.steps))
    with st.container(key="present_stage", gap="small"):
        st.header(escape_markdown(step.title), anchor=False)
        with st.container(key="present_sentence"):
            st.markdown(escape_markdown(step.sentence))
        _show_step(story, step)
    with st.container(key="present_foot"):
        left, right = st.columns([5, 2], vertical_alignment="bottom")
        with left, st.container(key="present_note"):
            st.caption(escape_markdown(step.note))
        with right:
            _show_keys(place, len(story.steps))


def _show_step(story: Story, step: Step) -> None:
    if not step.numbers:
        _show_figure(story, step)
        return
    left, right = st.columns([4, 1], gap="large")
    with left:
        if step.kind == "samples":
            _show_texts(step.left, "large", 2)
        elif step.kind == "side_by_side":
            _show_side_by_side(story, step)
        else:
            _show_figure(story, step)
    with right, st.container(key="present_numbers", gap="large"):
        for number in step.numbers:
            _show_number(number)


def _show_number(number: Number) -> None:
    with st.container(gap="xxsmall"):
        st.metric(capitalized(number.name), number.value)
        if number.detail:
            st.caption(escape_markdown(number.detail))


def _show_side_by_side(story: Story, step: Step) -> None:
    sides = [("Baseline", story.baseline_words, step.left, "left")]
    if step.right:
        sides.append(("Most diverse", story.most_diverse_words, step.right, "right"))
    for column, (name, words, texts, key) in zip(
        st.columns(len(sides), gap="medium"), sides, strict=True
    ):
        with column, st.container(gap="small"):
            st.markdown(f"**{name}** :small[:gray[{escape_markdown(words)}]]")
            _show_texts(texts, key, 1, labels=False)


def _show_texts(texts: Sequence[Text], key: str, across: int, *, labels: bool = True) -> None:
    """Texts as they are, in boxes; long ones are cut off by their box."""
    if not texts:
        st.caption("There are no texts to show.")
        return
    columns = st.columns(across, gap="medium")
    for place, (text, label) in enumerate(texts):
        with (
            columns[place % across],
            st.container(border=True, key=f"present_text_{key}_{place}"),
        ):
            if labels:
                st.caption(escape_markdown(label))
            st.text(" ".join(text.split()))


def _show_bar(task: Task, place: int, count: int) -> None:
    with st.container(
        key="present_bar",
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
    ):
        st.caption(f"Wideset · {escape_markdown(task.name)}", width="content")
        dots = "".join("●" if number == place else "○" for number in range(count))
        with st.container(key="present_dots", width="content"):
            st.caption(dots, width="content")
        st.button(
            "Leave",
            icon=":material/close:",
            key="present_leave",
            type="tertiary",
            shortcut="Escape",
            on_click=_leave,
        )


def _show_keys(place: int, count: int) -> None:
    """The target step is part of each button, so that a key pressed twice goes there once."""
    back, forward = max(0, place - 1), min(count - 1, place + 1)
    with st.container(
        horizontal=True, horizontal_alignment="right", key="present_buttons", wrap=False
    ):
        st.button(
            "Back",
            icon=":material/arrow_back:",
            key=f"present_back-{place}",
            shortcut="Left",
            disabled=place == 0,
            on_click=_go,
            args=(back,),
        )
        st.button(
            "Next",
            icon=":material/arrow_forward:",
            key=f"present_next-{place}",
            type="primary",
            shortcut="Right",
            disabled=place == count - 1,
            on_click=_go,
            args=(forward,),
        )
    # The keys of presenters' remote controls, and of other programs.
    with st.container(key="present_keys"):
        for key, target in (("PageDown", forward), ("Space", forward), ("PageUp", back)):
            st.button(key, key=f"present_{key}-{place}", shortcut=key, on_click=_go, args=(target,))
        st.button("X", key=f"present_x-{place}", shortcut="X", on_click=_leave)


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs={Database: lambda db: str(db.path)})
def _story(db: Database, points: pd.DataFrame, results: pd.DataFrame, task: Task) -> Story:
    own = points[points["task_key"] == task.key]
    return build_story(points, results, story_texts(db, own, results), task=task)


def _open(sweeps: Sequence[str]) -> None:
    st.query_params[_STEP] = "1"
    st.query_params[_SWEEPS] = ".".join(sweeps)
    st.session_state["presented"] = True


def _go(place: int) -> None:
    st.query_params[_STEP] = str(place + 1)


def _leave() -> None:
    for name in (_STEP, _SWEEPS):
        st.query_params.pop(name, None)


def _place(count: int) -> int:
    asked = st.query_params.get(_STEP, "")
    number = int(asked) if asked.isdecimal() and len(asked) < 4 else 1
    return min(max(number, 1), count) - 1
