"""Train: classifiers trained on the texts and tested on real ones."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from core.diversity.map.frame import display_names
from core.domain.errors import WidesetError
from core.domain.wording import counted
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
from pages.components.task import show_title
from pages.components.train.choice import Choice, choose
from pages.components.train.compare import show_compare
from pages.components.train.details import show_details
from pages.components.train.generated import show_generated
from pages.components.train.plan import show_plan
from pages.components.train.progress import REMOVED, show_unfinished
from pages.components.train.results import show_results
from pages.components.train.trainings import Training, trainings_of
from pages.components.train.try_it import show_try_it

_TABS: Mapping[str, Callable[[AppContext, Choice, Sequence[Training]], None]] = {
    "Results": show_results,
    "Compare two": show_compare,
    "Model details": show_details,
    "Try it": show_try_it,
    "On generated texts": show_generated,
}


def _show_reference_needed(app: AppContext, choice: Choice) -> None:
    """What to do without real texts to test on."""
    with st.container(border=True):
        st.markdown("**Test on real texts**")
        st.markdown(
            "Classifiers trained on generated texts are tested on real ones. Attach labelled texts "
            "of this task, from a file or from Hugging Face; the example task includes some. Their "
            "test part is the test set; a model trained on their train part shows what real data "
            "of the same size achieves."
        )
        choose_reference(app, choice.task)


def _offer_undo(app: AppContext, choice: Choice) -> None:
    removed = st.session_state.get(REMOVED)
    if removed is None:
        return
    record = get_training(app.db, removed)
    if record.task_key == choice.task.key and record.deleted_at is not None:
        st.button(
            f"Undo: restore {escape_markdown(record.name)}",
            icon=":material/undo:",
            type="tertiary",
            key="train_restore",
            on_click=_restore,
            args=(app, removed),
        )


def _restore(app: AppContext, training_id: str) -> None:
    try:
        restore_training(app.db, training_id)
        st.session_state.pop(REMOVED, None)
    except WidesetError as error:
        flash(error)


def _test_words(training: Training) -> str:
    result = training.result
    return f"{result.test.name}, {counted(result.n_test, 'text')}"


def _choose_test_set(choice: Choice, trainings: Sequence[Training]) -> list[Training]:
    """The trainings of one test set: that of the attached reference, or of an earlier one."""
    by_test: dict[str, list[Training]] = {}
    for training in trainings:
        by_test.setdefault(training.record.spec["test"], []).append(training)
    if not by_test:
        return []
    if choice.test in by_test:
        by_test = {choice.test: by_test[choice.test], **by_test}
    # A reference may be replaced by one of the same name and size.
    names = display_names(
        [
            f"{_test_words(group[0])}, {'attached' if test == choice.test else 'not attached'}"
            for test, group in by_test.items()
        ]
    )
    titles = dict(zip(by_test, names, strict=True))
    chosen = next(iter(by_test))
    if len(by_test) > 1:
        if st.session_state.get("train_test") not in by_test:
            st.session_state["train_test"] = chosen
        chosen = st.selectbox(
            "Test set",
            list(titles),
            format_func=lambda test: titles.get(test, test),
            key="train_test",
            persist_state="session",
            width=520,
            help="Only models tested on the same texts can be compared.",
        )
    if chosen != choice.test:
        _warn_of_other_test_set(choice, by_test[chosen][0])
    return by_test[chosen]


def _warn_of_other_test_set(choice: Choice, training: Training) -> None:
    other = "which is no longer attached."
    if choice.reference is not None:
        n = counted(sum(choice.reference.test.values()), "text")
        other = (
            "not on that of the attached reference, "
            f"{escape_markdown(choice.reference.name)}, {n}. Scores on different test "
            "sets can't be compared; new models are listed separately."
        )
    test = escape_markdown(_test_words(training))
    st.warning(f"These models were tested on {test}, {other}", icon=":material/rule:")


def _show_tabs(app: AppContext, choice: Choice, trainings: Sequence[Training]) -> None:
    tabs = st.tabs(list(_TABS), key="train_tabs", on_change="rerun", bind="query-params")
    for tab, show in zip(tabs, _TABS.values(), strict=True):
        if tab.open:
            with tab, show_errors():
                show(app, choice, trainings)


def _show_page(app: AppContext) -> None:
    choice = choose(app)
    if choice is None:
        st.subheader("Train", anchor=False)
        st.info(
            "There are no texts to train on yet. Generate some, or choose a run in the sidebar.",
            icon=":material/model_training:",
        )
        st.page_link("pages/generate.py", label="Generate texts", icon=":material/edit_note:")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show_title("Train", choice.task)
    trainings = trainings_of(app.db, choice.task)
    # In containers, so that the tabs below keep their position, which identifies fragments.
    with st.container():
        if choice.reference is None:
            _show_reference_needed(app, choice)
        else:
            show_plan(app, choice, trainings)
    with st.container():
        show_unfinished(app, trainings)
        _offer_undo(app, choice)
    with st.container():
        shown = _choose_test_set(choice, [training for training in trainings if training.done])
    if shown:
        _show_tabs(app, choice, shown)


app = set_up()
show_flash()
with show_errors():
    _show_page(app)
