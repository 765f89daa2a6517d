"""The projects of this home: a task with all that was made for it."""

from datetime import datetime

import pandas as pd
import streamlit as st

from core.domain.tasks import preset, preset_names
from core.store.connections import list_connections
from core.store.projects import Project, list_projects
from core.store.tasks import list_tasks
from pages.components.home.new_project import show_task
from pages.components.shell import AppContext, escape_markdown


def show_projects(app: AppContext) -> None:
    """Draw the list; a chosen row offers the pages that its project is ready for."""
    projects = list_projects(app.db, planned=True)
    st.subheader("Projects", anchor=False)
    if not projects:
        st.caption(f"None yet. Choose one of the ways above{_connected(app)}.")
        return
    steps = [_next_step(one) for one in projects]
    frame = pd.DataFrame(
        {
            "project": [one.task.name for one in projects],
            **({"next": steps} if any(steps) else {}),
            "labels": [len(one.task.labels) for one in projects],
            "runs": [one.runs for one in projects],
            "texts": [one.texts for one in projects],
            "versions": [one.versions for one in projects],
            "trainings": [one.trainings for one in projects],
            "sweeps": [one.sweeps for one in projects],
            "reference": [one.references > 0 for one in projects],
            "active": [datetime.fromtimestamp(one.active_at) for one in projects],
        }
    )
    event = st.dataframe(
        frame,
        hide_index=True,
        height="content" if len(projects) <= 8 else 320,
        column_config={
            "project": st.column_config.TextColumn("Project", width=240),
            "labels": st.column_config.NumberColumn("Labels", width=70),
            "runs": st.column_config.NumberColumn("Runs", width=70),
            "texts": st.column_config.NumberColumn("Texts", format="localized", width=80),
            "versions": st.column_config.NumberColumn("Repairs", width=75),
            "trainings": st.column_config.NumberColumn("Trained", width=75),
            "sweeps": st.column_config.NumberColumn("Sweeps", width=70),
            "reference": st.column_config.CheckboxColumn("Real data", width=80),
            "active": st.column_config.DatetimeColumn(
                "Last activity", format="D MMM, HH:mm", width=110
            ),
            "next": st.column_config.TextColumn("Next step", width=210),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="home_projects",
        alt="Projects with what was made for them; choose a row to open one",
    )
    rows = event["selection"]["rows"]
    # By place among those just drawn: a project that came since is drawn in the next round.
    project = projects[rows[0]] if rows and rows[0] < len(projects) else projects[0]
    _show_doors(app, project, chosen=bool(rows))


def _next_step(project: Project) -> str:
    """What a project without a text waits for; empty for one that has some."""
    if project.texts:
        return ""
    if project.runs:
        return "Go on with its run"
    return "Generate texts" if project.references else "Generate texts, or add real ones"


def _connected(app: AppContext) -> str:
    """The rest of a sentence for a home in which nothing but a connection is set up."""
    known = list_connections(app.db)
    if not known:
        return ""
    names = " and ".join(escape_markdown(one.name) for one in known[:2])
    verb = "is a connection" if len(known) == 1 else "are connections"
    return f"; {names} {verb} whose model can write"


def _show_doors(app: AppContext, project: Project, *, chosen: bool) -> None:
    said = "" if chosen else "Last worked on: "
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{said}**{escape_markdown(project.task.name)}**", width="content")
        step = _next_step(project)
        if step:
            st.caption("has no text yet", width="content")
            if st.button("Generate", icon=":material/edit_note:", key="home_to_generate"):
                _generate(app, project)
            return
        for page, icon in (
            ("explore", "scatter_plot"),
            ("intervene", "healing"),
            ("train", "model_training"),
            ("compare", "insights"),
        ):
            if st.button(
                page.capitalize(),
                icon=f":material/{icon}:",
                key=f"home_to_{page}",
            ):
                show_task(project.task.key)
                st.switch_page(f"pages/{page}.py")


def _generate(app: AppContext, project: Project) -> None:
    """Open Generate with the project's newest run, or with its task chosen."""
    if project.latest_run:
        st.switch_page("pages/generate.py", query_params={"run": project.latest_run})
    names = {preset(name).key: name for name in preset_names()}
    names |= {one.task.key: f"saved-{one.id}" for one in list_tasks(app.db)}
    if project.task.key in names:
        st.session_state["choose_task"] = names[project.task.key]
    st.switch_page("pages/generate.py")
