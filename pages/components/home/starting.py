"""Three ways to begin: a preset, one's own data, the demo."""

import streamlit as st

from core.errors import WidesetError
from core.experiments.demo import open_demo
from core.tasks import preset, preset_names
from pages.components.home.own_data import own_data
from pages.components.office import Office, flash
from pages.components.plain import plain


def show_ways(office: Office) -> None:
    """Draw the three cards."""
    with st.grid(3, min_column_width=230, gap="medium"):
        with st.container(border=True, height="stretch"):
            _from_preset()
        with st.container(border=True, height="stretch"):
            _from_own_data(office)
        with st.container(border=True, height="stretch"):
            _from_demo(office)


def _from_preset() -> None:
    st.markdown("##### :material/edit_note: A preset")
    names = list(preset_names())
    chosen = st.selectbox(
        "Task",
        names,
        index=names.index("support"),
        format_func=lambda name: preset(name).name,
        key="home_preset",
        label_visibility="collapsed",
    )
    task = preset(chosen)
    listed = ", ".join(task.label_names[:6]) + (" …" if len(task.labels) > 6 else "")
    st.caption(f"{len(task.labels)} labels of a *{plain(task.text_type)}*: {plain(listed)}")
    st.space("stretch")
    if st.button(
        "Start generating",
        type="primary",
        icon=":material/play_arrow:",
        key="home_start",
        width="stretch",
    ):
        st.session_state["choose_task"] = chosen
        st.query_params.clear()
        st.switch_page("pages/generate.py")


def _from_own_data(office: Office) -> None:
    st.markdown("##### :material/upload_file: Your own data")
    st.caption(
        "Labelled texts in a file become a task: they seed the prompts, play the annotator, and "
        "test the classifiers."
    )
    st.space("stretch")
    if st.button("Choose a file", icon=":material/attach_file:", key="home_own", width="stretch"):
        own_data(office)


def _from_demo(office: Office) -> None:
    st.markdown("##### :material/slideshow: The demo")
    st.caption(
        "A finished study of support messages by the embedded model: 16 conditions, repaired and "
        "tested, with maps, versions and a presenter's view. Nothing to wait for."
    )
    st.space("stretch")
    if st.button("Open the demo", icon=":material/open_in_new:", key="home_demo", width="stretch"):
        try:
            task = open_demo(office.db)
        except WidesetError as error:
            flash(error)
            st.rerun()
        show_task(task.key)
        st.switch_page("pages/compare.py")


def show_task(task_key: str) -> None:
    """Let the pages that look at runs begin with this task."""
    for page in ("explore", "intervene", "train", "compare"):
        st.session_state[f"{page}_task"] = task_key
