"""What annotation keeps for one person's session of the page."""

import getpass
from uuid import uuid4

import streamlit as st

from core.errors import WidesetError
from core.interventions.sitting import Sitting
from pages.components.plain import plain

_SITTING, _NOTE, _WHO = "annotation_sitting", "annotation_note", "annotator"
_SESSION = "annotation_session"


def ask_who() -> str:
    """Draw the field for the annotator's name; the name, never empty."""
    st.session_state.setdefault(_WHO, _user())
    name = st.text_input(
        "Your name",
        key=_WHO,
        max_chars=200,
        persist_state="session",
        width=210,
        icon=":material/person:",
        placeholder="Your name",
        label_visibility="collapsed",
    )
    return name.strip() or _user()


def annotator() -> str:
    """The name that was given, where the field is not drawn."""
    return str(st.session_state.get(_WHO) or "").strip() or _user()


def session_id() -> str:
    """What tells this session of the page from others, maybe of somebody under the same name."""
    key: str = st.session_state.setdefault(_SESSION, uuid4().hex)
    return key


def kept_sitting(signature: object) -> Sitting | None:
    """The sitting that goes on, if it is the one that is asked for."""
    kept = st.session_state.get(_SITTING)
    return kept[1] if kept is not None and kept[0] == signature else None


def keep_sitting(signature: object, sitting: Sitting) -> None:
    """Go on with it at the next key."""
    st.session_state[_SITTING] = (signature, sitting)


def forget_sitting() -> None:
    """Judgements changed behind its back: the next drawing begins another."""
    st.session_state.pop(_SITTING, None)


def note(problem: WidesetError) -> None:
    """Keep what went wrong in a callback for the next drawing."""
    st.session_state[_NOTE] = plain(f"{problem.what} {problem.remedy}".strip())


def noted() -> str | None:
    """What was kept, once, as Markdown."""
    found: str | None = st.session_state.pop(_NOTE, None)
    return found


def _user() -> str:
    """The name of whoever is logged in, as far as the system tells."""
    try:
        return getpass.getuser().strip()[:200] or "me"
    except (KeyError, OSError, ImportError):
        return "me"
