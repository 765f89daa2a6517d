"""What an annotation session keeps between reruns: the annotator's name, the queue, a problem."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import streamlit as st

from core.domain.errors import WidesetError
from core.interventions.annotation_queue import AnnotationSession
from core.store.database import Database
from core.store.interventions.judgements import MAX_WHO, retract_all
from pages.components.shell import escape_markdown

_QUEUE, _PROBLEM, _NAME = "annotation_sitting", "annotation_note", "annotator"
_CHOSEN = "annotator_chosen"
_SESSION = "annotation_session"


@dataclass(frozen=True)
class SavedJudgements:
    """Judgements that were saved together.

    Args:
        ids: theirs.
        who: the annotator.
        message: about them, as Markdown.
        run_id: the run of their texts, if it is a single one.
    """

    ids: tuple[str, ...]
    who: str
    message: str = ""
    run_id: str = ""


def choose_annotator_name() -> str:
    """Draw the field for the annotator's name; the name, empty until one was chosen.

    It stands in the page's address, so that a reload and a restart of the server keep it.
    """
    if _NAME not in st.session_state and _CHOSEN in st.session_state:
        st.session_state[_NAME] = st.session_state[_CHOSEN]
    name = st.text_input(
        "Your name",
        key=_NAME,
        max_chars=MAX_WHO,
        bind="query-params",
        width=210,
        icon=":material/person:",
        placeholder="Your name",
        label_visibility="collapsed",
    )
    st.session_state[_CHOSEN] = name.strip()
    return name.strip()


def ask_for_name() -> None:
    """Say that nothing is judged without a name, and offer the system's."""
    st.info(
        "Enter your name to judge texts. Judgements are stored under it, and agreement is "
        "measured between names.",
        icon=":material/person:",
    )
    name = _user_name()
    st.button(
        f"Judge as {escape_markdown(name)}",
        key="annotator_user",
        on_click=st.session_state.update,
        args=({_NAME: name},),
    )


def chosen_name() -> str:
    """The annotator's name, where the field is not drawn; empty until one was chosen."""
    return str(st.session_state.get(_CHOSEN, ""))


def annotator_name() -> str:
    """Who changes a version: the annotator, else the user of this system."""
    return chosen_name() or _user_name()


def session_id() -> str:
    """Identifies this browser session; others may use the same name."""
    key: str = st.session_state.setdefault(_SESSION, uuid4().hex)
    return key


def kept_queue(signature: object) -> AnnotationSession | None:
    """The current queue, if it has this signature."""
    kept = st.session_state.get(_QUEUE)
    return kept[1] if kept is not None and kept[0] == signature else None


def keep_queue(signature: object, queue: AnnotationSession) -> None:
    """Continue with it in the next rerun."""
    st.session_state[_QUEUE] = (signature, queue)


def discard_queue() -> None:
    """Judgements changed elsewhere: the next rerun builds another queue."""
    st.session_state.pop(_QUEUE, None)


@contextmanager
def changing_judgements() -> Iterator[None]:
    """For callbacks: keep an error for the next rerun, else discard the queue."""
    try:
        yield
    except WidesetError as error:
        set_problem(error)
    else:
        discard_queue()


def set_problem(error: WidesetError) -> None:
    """Keep the error of a callback for the next rerun."""
    st.session_state[_PROBLEM] = escape_markdown(f"{error.what} {error.remedy}".strip())


def show_problem(icon: str = ":material/group:") -> bool:
    """Draw the kept error, once; whether there was one."""
    problem: str | None = st.session_state.pop(_PROBLEM, None)
    if problem:
        st.warning(problem, icon=icon)
    return bool(problem)


def undo_saved(db: Database, key: str) -> None:
    """Retract what was saved last, kept in the session under a key."""
    saved: SavedJudgements = st.session_state[key]
    with changing_judgements():
        retract_all(db, saved.ids, who=saved.who)
        del st.session_state[key]


def _user_name() -> str:
    """The name of the logged-in user, if the system knows it."""
    try:
        return getpass.getuser().strip()[:MAX_WHO] or "me"
    except (KeyError, OSError, ImportError):
        return "me"
