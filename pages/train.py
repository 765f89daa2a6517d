"""Train: what the texts are worth, by classifiers trained on them and tested on real ones."""

import streamlit as st

from pages.components.office import Office, set_up, show_flash, told
from pages.components.train.choice import Choice, choose
from pages.components.train.entries import Entry, entries_of
from pages.components.train.going import show_going
from pages.components.train.ladder import show_ladder
from pages.components.train.plan import show_plan

_TABS = ("Ladder",)


def _show(office: Office, choice: Choice, entries: list[Entry], test: str) -> None:
    tabs = st.tabs(list(_TABS), key="train_tabs", on_change="rerun")
    for name, tab in zip(_TABS, tabs, strict=True):
        if not tab.open:
            continue
        with tab, told():
            if name == "Ladder":
                show_ladder(entries, test_name=test)


office = set_up()
show_flash()
with told():
    choice = choose(office)
    st.subheader("Train", anchor=False)
    if choice is None:
        st.info(
            "There is nothing to train on yet. Generate some texts, or choose a run in the side "
            "bar.",
            icon=":material/model_training:",
        )
        st.page_link("pages/generate.py", label="Generate texts", icon=":material/edit_note:")
    else:
        entries = entries_of(office.db, choice.task)
        show_plan(office, choice, entries)
        show_going(office, entries)
        mine = [one for one in entries if one.done and one.record.spec["test"] == choice.test]
        if mine and choice.reference is not None:
            _show(office, choice, mine, f"{choice.reference.name} (test)")
