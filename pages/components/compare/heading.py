"""The report of what is compared: written by the worker, offered once it is there."""

import streamlit as st

from core.domain.errors import WidesetError
from core.jobs.cached_measurements import Work
from core.jobs.handlers.report import queue_report
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, status
from core.services.report import ReportFile
from pages.components.compare.comparison import Comparison
from pages.components.compare.presenter import offer_presenter
from pages.components.jobs import show_work
from pages.components.shell import AppContext, flash

_JOB = "report_job"


def offer_report(app: AppContext, seen: Comparison) -> None:
    """Draw the button that orders the report or, where it is there, the one that downloads it."""
    report = _report_file(app, seen)
    if report.written:
        st.download_button(
            "Report",
            report.path.read_bytes,
            file_name="wideset-report.html",
            mime="text/html",
            icon=":material/download:",
            on_click="ignore",
            key="report_file",
            help="One HTML file that works offline, its charts live.",
        )
        return
    work = _work(app, report)
    st.button(
        "Report",
        icon=":material/description:",
        key="report_order",
        disabled=work is not None and work.state in LIVE,
        help="Writes what is compared as one HTML file that works offline, its charts live.",
        on_click=_order,
        args=(app, report),
    )


def show_report_work(app: AppContext, seen: Comparison) -> None:
    """Draw how the report comes along, if it was ordered and is not there yet."""
    report = _report_file(app, seen)
    work = None if report.written else _work(app, report)
    if work is not None:
        show_work(app, [work])


def _report_file(app: AppContext, seen: Comparison) -> ReportFile:
    choice = seen.choice
    title = choice.study or ", ".join(dict.fromkeys(seen.results["task"]))
    ids = [one.id for one in choice.sweeps]
    return ReportFile.of(app.home, ids, seen.results, title=title)


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


def show_heading(app: AppContext, seen: Comparison | None) -> None:
    """Draw it; without anything to compare, the name alone."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Compare", anchor=False, width="content")
        if seen is not None and len(seen.points):
            st.space("stretch")
            offer_report(app, seen)
            offer_presenter(seen)
    with st.container():  # what comes and goes has a place of its own
        if seen is not None and len(seen.points):
            show_report_work(app, seen)
