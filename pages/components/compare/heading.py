"""The page's heading: the report, written by the worker, and the presenter's view."""

import streamlit as st

from core.domain.errors import WidesetError
from core.jobs.handlers.conclusions import queue_report
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Work, status
from core.services.conclusions.report import ReportFile
from pages.components.compare.comparison import Comparison
from pages.components.compare.presenter import offer_presenter
from pages.components.jobs import show_work
from pages.components.shell import AppContext, flash

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
    try:
        work = queue_report(app.db, report)
        st.session_state[_JOB] = (report.path.name, work.job.id)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)


def show_heading(app: AppContext, comparison: Comparison | None) -> None:
    """Draw it; without anything to compare, the title alone."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Compare", anchor=False, width="content")
        if comparison is not None and len(comparison.points):
            st.space("stretch")
            offer_report(app, comparison)
            offer_presenter(comparison)
    with st.container():  # elements that come and go have a place of their own
        if comparison is not None and len(comparison.points):
            show_report_work(app, comparison)
