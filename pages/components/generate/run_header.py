"""The head of an open run: name, state, and what can be done with it."""

from datetime import datetime

import streamlit as st

from core.domain.conditions import Suppression
from core.domain.errors import WidesetError
from core.domain.runs import model_and_server
from core.domain.spending import spending_limit_from_dict
from core.generation.servers.suppression import METHOD_TITLES
from core.jobs.queue import LIVE, Job, State, request_cancel
from core.store.generation.runs import RunRecord, delete_run, rename_run, restore_run
from pages.components.generate.reuse import use_settings
from pages.components.jobs import resume_button, resume_job, stop_button
from pages.components.shell import PAGES, AppContext, escape_markdown, flash, show_errors
from pages.components.spending import raised_cap

_BADGES = {
    "queued": ("queued", "gray", ":material/schedule:"),
    "running": ("running", "blue", ":material/play_arrow:"),
    "done": ("done", "green", ":material/check:"),
    "failed": ("failed", "red", ":material/error:"),
    "paused": ("paused", "orange", ":material/pause:"),
    "cancelled": ("stopped", "orange", ":material/stop:"),
    "interrupted": ("interrupted", "orange", ":material/bolt:"),
}
_ADVICE = {
    "interrupted": "Its worker ended without a word. Resume goes on where it stopped.",
    "cancelled": "Stopped by hand; what arrived is kept. Resume goes on where it stopped.",
    "paused": "Resume goes on where it stopped.",
    "failed": "What arrived is kept. Resume tries again.",
}
_RENAME = ":material/edit: Rename"
_REUSE = ":material/tune: Use these settings"
_DELETE = ":material/delete: Delete"
_RESTORE = ":material/restore_from_trash: Restore"


def show_header(app: AppContext, run: RunRecord, job: Job | None, state: State) -> None:
    """Draw name, state and what can be done."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.subheader(escape_markdown(run.name), anchor=False, width="content")
        badge, color, icon = _BADGES[state]
        st.badge(badge, color=color, icon=icon)  # type: ignore[arg-type]
        if run.deleted_at is not None:
            st.badge("deleted", color="gray", icon=":material/delete:")
        st.space("stretch")
        with st.container(horizontal=True, width="content", gap="small"):
            if job is not None and state in LIVE:
                told_of = "What arrived is kept; Resume goes on."
                stop_button(app, job, key="stop", told=told_of)
            if job is not None and state in _ADVICE:
                resume_button(app, job.id, key="resume", main=True)
                if job.spec.get("cap"):
                    _cap(app, run, job)
            if state not in LIVE and st.button(
                "Explore",
                icon=":material/scatter_plot:",
                key="explore_run",
                help="See how widely its texts spread, and why.",
            ):
                st.switch_page(PAGES / "explore.py", query_params={"run": run.id})
            _menu(app, run, job)
    when = datetime.fromtimestamp(run.created_at).strftime("%d %b %Y, %H:%M")
    st.caption(f"{when} · {escape_markdown(describe(run))}")
    if job is not None and state in _ADVICE:
        reason = escape_markdown(f"{job.message} {job.remedy}".strip())
        st.warning(f"{reason} {_ADVICE[state]}".strip(), icon=":material/info:")


def _cap(app: AppContext, run: RunRecord, job: Job) -> None:
    """Raise the cap and go on, in one step."""
    now = spending_limit_from_dict(job.spec["cap"])
    with st.popover("Change the cap", icon=":material/savings:", key="raise_box"):
        st.caption("Of the whole run, what was spent before included. Empty is no limit.")
        cap, why = raised_cap(app, run, now)
        st.button(
            "Resume with this cap",
            icon=":material/play_arrow:",
            type="primary",
            key="resume_capped",
            disabled=bool(why) or cap == now,
            on_click=resume_job,
            args=(app, job.id, cap),
        )


def describe(run: RunRecord) -> str:
    """A run's condition in a line."""
    condition = run.spec.condition
    parts = [
        f"{run.spec.task.text_type}, {len(run.spec.task.labels)} labels",
        f"temperature {condition.temperature:g}",
        _suppression(condition.suppression),
        f"{len(run.spec.seed_examples)} seed examples" if run.spec.seed_examples else "unseeded",
        f"seed {run.spec.seed}",
    ]
    if run.spec.model.backend == "openai":
        parts.append(model_and_server(run.spec.model))
    return " · ".join(parts)


def _suppression(knobs: Suppression) -> str:
    if not knobs.on:
        return "no suppression"
    by = "" if knobs.method == "logit_bias" else f" by {METHOD_TITLES[knobs.method]}"
    return f"suppression {knobs.strength:g}{by}"


def _menu(app: AppContext, run: RunRecord, job: Job | None) -> None:
    last = _DELETE if run.deleted_at is None else _RESTORE
    chosen = st.menu_button("More", [_RENAME, _REUSE, last], key="run_menu")
    if chosen == _RENAME:
        _rename(app, run)
    if chosen == _REUSE:
        use_settings(app.db, run.spec)
        st.rerun()
    if chosen in (_DELETE, _RESTORE):
        _act(app, "delete" if chosen == _DELETE else "restore", run, job.id if job else None)
        st.rerun()


@st.dialog("Rename")
def _rename(app: AppContext, run: RunRecord) -> None:
    name = st.text_input("Name", run.name, max_chars=200, key="new_name")
    if st.button("Rename", type="primary", key="rename_now"):
        with show_errors():
            rename_run(app.db, run.id, name, expected_revision=run.revision)
            st.rerun()


def _act(app: AppContext, what: str, run: RunRecord, job_id: str | None) -> None:
    try:
        if what == "delete":
            if job_id:
                request_cancel(app.db, job_id)
            delete_run(app.db, run.id)
            st.toast("Deleted. Restore in the same menu brings it back whole.")
        if what == "restore":
            restore_run(app.db, run.id)
    except WidesetError as error:
        flash(error)
