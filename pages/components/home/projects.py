"""The list of projects: a task with everything made for it."""

from datetime import datetime

import pandas as pd
import streamlit as st

from core.domain.tasks import preset, preset_names
from core.domain.wording import listed
from core.store.connections import list_connections
from core.store.projects import Project, list_projects
from core.store.tasks import list_tasks
from pages.components.home.new_project import show_task
from pages.components.model import title
from pages.components.shell import AppContext, escape_markdown


def show_projects(app: AppContext) -> None:
    """Draw the list, and links to the pages of the selected project."""
    projects = list_projects(app.db, planned=True)
    st.subheader("Projects", anchor=False)
    if not projects:
        st.caption(f"None yet. Start with one of the options above{_connected(app)}.")
        return
    steps = [_next_step(project) for project in projects]
    frame = pd.DataFrame(
        {
            "project": [project.task.name for project in projects],
            **({"next": steps} if any(steps) else {}),
            "labels": [len(project.task.labels) for project in projects],
            "runs": [project.runs for project in projects],
            "texts": [project.texts for project in projects],
            "versions": [project.versions for project in projects],
            "trainings": [project.trainings for project in projects],
            "sweeps": [project.sweeps for project in projects],
            "reference": [project.references > 0 for project in projects],
            "active": [datetime.fromtimestamp(project.active_at) for project in projects],
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
            "versions": st.column_config.NumberColumn("Versions", width=75),
            "trainings": st.column_config.NumberColumn("Trainings", width=75),
            "sweeps": st.column_config.NumberColumn("Sweeps", width=70),
            "reference": st.column_config.CheckboxColumn("Reference", width=80),
            "active": st.column_config.DatetimeColumn(
                "Last activity", format="D MMM, HH:mm", width=110
            ),
            "next": st.column_config.TextColumn("Next step", width=210),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="home_projects",
        alt="Projects and their contents; select a row to open one",
    )
    rows = event["selection"]["rows"]
    # By position among those just drawn; a newer project is drawn in the next rerun.
    project = projects[rows[0]] if rows and rows[0] < len(projects) else projects[0]
    _show_links(app, project, chosen=bool(rows))


def _next_step(project: Project) -> str:
    """What to do in a project without texts; empty for one that has some."""
    if project.texts:
        return ""
    if project.runs:
        return "Resume its run"
    return "Generate texts" if project.references else "Generate texts or add a reference"


def _connected(app: AppContext) -> str:
    """The rest of the sentence where a connection is set up already."""
    connections = list_connections(app.db)
    if not connections:
        return ""
    names = listed(escape_markdown(title(connection)) for connection in connections[:2])
    return f", or use the model of your connection {names}"


def _show_links(app: AppContext, project: Project, *, chosen: bool) -> None:
    prefix = "" if chosen else "Last active: "
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{prefix}**{escape_markdown(project.task.name)}**", width="content")
        step = _next_step(project)
        if step:
            st.caption("has no texts yet", width="content")
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
    """Open Generate with the project's newest run, or with its task selected."""
    if project.latest_run:
        st.switch_page("pages/generate.py", query_params={"run": project.latest_run})
    names = {preset(name).key: name for name in preset_names()}
    names |= {record.task.key: f"saved-{record.id}" for record in list_tasks(app.db)}
    if project.task.key in names:
        st.session_state["choose_task"] = names[project.task.key]
    st.switch_page("pages/generate.py")
