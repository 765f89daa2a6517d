"""The projects of this home: a task with all that was made for it."""

from datetime import datetime

import pandas as pd
import streamlit as st

from core.store.projects import Project, list_projects
from pages.components.home.starting import show_task
from pages.components.office import Office
from pages.components.plain import plain


def show_projects(office: Office) -> None:
    """Draw the list; a chosen row offers the pages that its project is ready for."""
    projects = list_projects(office.db)
    st.subheader("Projects", anchor=False)
    if not projects:
        st.caption("None yet. A project begins with its first run: choose one of the ways above.")
        return
    frame = pd.DataFrame(
        {
            "project": [one.task.name for one in projects],
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
        },
        on_select="rerun",
        selection_mode="single-row",
        key="home_projects",
        alt="Projects with what was made for them; choose a row to open one",
    )
    rows = event["selection"]["rows"]
    # By place among those just drawn: a project that came since is drawn in the next round.
    project = projects[rows[0]] if rows and rows[0] < len(projects) else projects[0]
    _show_doors(project, chosen=bool(rows))


def _show_doors(project: Project, *, chosen: bool) -> None:
    said = "" if chosen else "Last worked on: "
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{said}**{plain(project.task.name)}**", width="content")
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
                disabled=project.texts == 0,
            ):
                show_task(project.task.key)
                st.switch_page(f"pages/{page}.py")
