"""Compare: what each knob gains and costs, what repair recovers, and the recommended setting."""

import streamlit as st

from core.jobs.handlers.conclusions import queue_report
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Work, status
from core.services.conclusions import ReportFile
from pages.components.compare.comparison import Comparison, choose, compare
from pages.components.compare.findings import show_matters
from pages.components.compare.frontier import show_frontier
from pages.components.compare.knobs import show_knobs
from pages.components.compare.maps import show_maps
from pages.components.compare.paper import show_paper
from pages.components.compare.point import OPEN
from pages.components.compare.presenter import (
    offer_presenter,
    presenting,
    restore_presented,
    show_presenter,
)
from pages.components.compare.sweeps.list import show_sweeps
from pages.components.compare.table import show_table
from pages.components.compare.texts import show_texts
from pages.components.jobs import show_work
from pages.components.shell import (
    AppContext,
    flash_errors,
    load_figures_ahead,
    set_up,
    show_errors,
    show_flash,
)
from pages.components.task import show_title

_TABS = {
    "Frontier": show_frontier,
    "The paper": show_paper,
    "Knobs": show_knobs,
    "What matters": show_matters,
    "Table": show_table,
    "Maps": show_maps,
    "Texts": show_texts,
}


def _show(app: AppContext, comparison: Comparison) -> None:
    if OPEN in st.session_state:
        st.session_state["compare_tabs"] = st.session_state.pop(OPEN)
    tabs = st.tabs(list(_TABS), key="compare_tabs", on_change="rerun")
    for show, tab in zip(_TABS.values(), tabs, strict=True):
        if tab.open:
            with tab, show_errors():
                show(app, comparison)


_JOB = "report_job"


def offer_report(app: AppContext, comparison: Comparison) -> None:
    """Draw the button that downloads the report, or the one that orders it."""
    report = _report_file(app, comparison)
    if report.written:
        st.download_button(
            "Report",
            report.path.read_bytes,
            file_name="wideset-report.html",
            mime="text/html",
            icon=":material/download:",
            on_click="ignore",
            key="report_file",
            help="One HTML file that works offline, with interactive charts.",
        )
        return
    work = _work(app, report)
    st.button(
        "Report",
        icon=":material/description:",
        key="report_order",
        disabled=work is not None and work.state in LIVE,
        help="Writes this comparison as one HTML file that works offline, with interactive charts.",
        on_click=_order,
        args=(app, report),
    )


def show_report_work(app: AppContext, comparison: Comparison) -> None:
    """Draw the progress of an ordered report."""
    report = _report_file(app, comparison)
    work = None if report.written else _work(app, report)
    if work is not None:
        show_work(app, [work])


def _report_file(app: AppContext, comparison: Comparison) -> ReportFile:
    choice = comparison.choice
    title = choice.study or ", ".join(dict.fromkeys(comparison.results["task"]))
    ids = [sweep.id for sweep in choice.sweeps]
    return ReportFile.of(app.home, ids, comparison.results, title=title)


def _work(app: AppContext, report: ReportFile) -> Work | None:
    """The job of exactly this report, if it was ordered here."""
    name, job = st.session_state.get(_JOB, ("", ""))
    return Work(*status(app.db, job)) if name == report.path.name else None


def _order(app: AppContext, report: ReportFile) -> None:
    with flash_errors():
        work = queue_report(app.db, report)
        st.session_state[_JOB] = (report.path.name, work.job.id)
        ensure_worker(app.home, app.db)


def show_heading(app: AppContext, comparison: Comparison | None) -> None:
    """Draw it; without anything to compare, the title alone."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if comparison is None:
            st.subheader("Compare", anchor=False, width="content")
        else:
            show_title("Compare", comparison.choice.task)
        if comparison is not None and len(comparison.points):
            st.space("stretch")
            offer_report(app, comparison)
            offer_presenter(comparison)
    with st.container():  # elements that come and go have a place of their own
        if comparison is not None and len(comparison.points):
            show_report_work(app, comparison)


app = set_up()
load_figures_ahead()
show_flash()
with show_errors():
    restore_presented(app)
    choice = choose(app)
    comparison = None if choice is None else compare(app, choice)
    if comparison is not None and presenting():
        show_presenter(app, comparison)
        st.stop()
    show_heading(app, comparison)
    if comparison is None:
        st.info(
            "There is nothing to compare yet. Open the demo on Home, or generate texts.",
            icon=":material/insights:",
        )
        st.page_link("pages/home.py", label="Home", icon=":material/home:")
    else:
        with st.container():
            show_sweeps(app, comparison.choice)
            show_work(app, comparison.works, results=True)
        if len(comparison.points):
            _show(app, comparison)
        elif comparison.choice.sweeps:
            more = len(comparison.choice.all_sweeps) > len(comparison.choice.sweeps)
            st.caption(
                "These sweeps have no results yet: each run appears after it is measured."
                + (" Other sweeps can be chosen in the side bar." if more else "")
            )
