"""Train: what the texts are worth, by classifiers trained on them and tested on real ones."""

import streamlit as st

from core.diversity.map.frame import display_names
from core.domain.errors import WidesetError
from core.store.trainings import get_training, restore_training
from pages.components.reference import choose_reference
from pages.components.shell import (
    AppContext,
    escape_markdown,
    flash,
    set_up,
    show_errors,
    show_flash,
)
from pages.components.train.choice import Choice, choose
from pages.components.train.compare import show_compare
from pages.components.train.entries import Entry, entries_of
from pages.components.train.generated import show_generated
from pages.components.train.ladder import show_ladder
from pages.components.train.plan import show_plan
from pages.components.train.row import show_row
from pages.components.train.running import show_going
from pages.components.train.try_it import show_trying

_TABS = ("Ladder", "Compare two", "One row", "Try it", "On generated texts")


def _offer_reference(app: AppContext, choice: Choice) -> None:
    """What to do without real texts to test on."""
    with st.container(border=True):
        st.markdown("**What is it worth? Real texts tell.**")
        st.markdown(
            "A classifier trained on generated texts is tested on real ones. Attach labelled texts "
            "of this task, from a file or the Hugging Face hub; the example task brings its own. "
            "Their test part is the test set, their train part the measure: how good real data of "
            "the same size would be."
        )
        choose_reference(app, choice.task)


def _offer_undo(app: AppContext, choice: Choice) -> None:
    removed = st.session_state.get("removed_training")
    if removed is None:
        return
    record = get_training(app.db, removed)
    if record.task_key == choice.task.key and record.deleted_at is not None:
        st.button(
            f"Undo: bring {escape_markdown(record.name)} back",
            icon=":material/undo:",
            type="tertiary",
            key="train_restore",
            on_click=_restore,
            args=(app, removed),
        )


def _restore(app: AppContext, training_id: str) -> None:
    try:
        restore_training(app.db, training_id)
        st.session_state.pop("removed_training", None)
    except WidesetError as error:
        flash(error)


def _test_set(choice: Choice, done: list[Entry]) -> str | None:
    """The test set whose rows are on view: the reference's, or that of an earlier one."""
    names: dict[str, str] = {}
    for one in done:
        key = one.record.spec["test"]
        now = ", now attached" if key == choice.test else ", no longer attached"
        names[key] = f"{one.result['test']['name']}, {one.result['n_test']:,} texts{now}"
    if choice.test is not None and choice.test in names:
        names = {choice.test: names[choice.test]} | names
    # A reference may be replaced by one of the same name and size.
    names = dict(zip(names, display_names(list(names.values())), strict=True))
    chosen = next(iter(names), None)
    if len(names) > 1:
        if st.session_state.get("train_test") not in names:
            st.session_state["train_test"] = chosen
        chosen = st.selectbox(
            "Test set",
            list(names),
            format_func=lambda one: names.get(one, one),
            key="train_test",
            persist_state="session",
            width=520,
            help="Only rows of one test set can be compared.",
        )
    if chosen is not None and chosen != choice.test:
        _warn_of_another(choice, next(one for one in done if one.record.spec["test"] == chosen))
    return chosen


def _warn_of_another(choice: Choice, row: Entry) -> None:
    """These rows were measured on other texts than what is trained now will be."""
    was = f"{escape_markdown(row.result['test']['name'])}, {row.result['n_test']:,} texts"
    now = "which is no longer attached."
    if choice.reference is not None:
        n = sum(choice.reference.test.values())
        now = (
            f"not on that of the attached reference, "
            f"{escape_markdown(choice.reference.name)}, {n:,} "
            "texts. Scores on the two can't be compared; what is trained now stands apart."
        )
    st.warning(f"These rows were measured on {was}, {now}", icon=":material/rule:")


def _show(app: AppContext, choice: Choice, entries: list[Entry]) -> None:
    labels = choice.task.label_names
    tabs = st.tabs(list(_TABS), key="train_tabs", on_change="rerun")
    for name, tab in zip(_TABS, tabs, strict=True):
        if not tab.open:
            continue
        with tab, show_errors():
            if name == "Ladder":
                show_ladder(entries)
            elif name == "Compare two":
                show_compare(app, entries, labels=labels)
            elif name == "One row":
                show_row(app, entries, labels=labels)
            elif name == "Try it":
                show_trying(app, entries, labels=labels)
            else:
                show_generated(app, entries, choice.offered, labels=labels)


app = set_up()
show_flash()
with show_errors():
    choice = choose(app)
    st.subheader("Train", anchor=False)
    if choice is None:
        st.info(
            "There is nothing to train on yet. Generate some texts, or choose a run in the side "
            "bar.",
            icon=":material/model_training:",
        )
        st.page_link("pages/generate.py", label="Generate texts", icon=":material/edit_note:")
    else:
        entries = entries_of(app.db, choice.task)
        # What comes and goes has a place of its own, so that the tabs below keep theirs.
        with st.container():
            if choice.reference is None:
                _offer_reference(app, choice)
            else:
                show_plan(app, choice, entries)
        with st.container():
            show_going(app, entries)
            _offer_undo(app, choice)
        done = [one for one in entries if one.done]
        with st.container():
            test = _test_set(choice, done)
        if test is not None:
            _show(app, choice, [one for one in done if one.record.spec["test"] == test])
