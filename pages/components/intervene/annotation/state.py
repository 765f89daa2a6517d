"""Stored vectors of a run's texts, held in memory between two keys."""

import getpass
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.domain.datasets import Dataset
from core.domain.errors import WidesetError
from core.domain.texts import text_hash
from core.interventions.annotation.session import Sitting
from core.store.database import Database
from core.store.diversity.embeddings import encoders_of, matrix_of
from pages.components.shell import escape_markdown

Vectors = npt.NDArray[np.float32]


def vectors_of(db: Database, dataset: Dataset, fingerprint: str | None) -> Vectors | None:
    """The texts' vectors, float32 (texts, size); None while one is missing.

    Args:
        db: the store.
        dataset: the texts.
        fingerprint: of the encoder; None takes any that knows all texts.
    """
    try:
        return _vectors(db, dataset, dataset.key, len(dataset), fingerprint)
    except LookupError:
        return None


@st.cache_resource(max_entries=3, show_spinner=False)
def _vectors(
    _db: Database, _dataset: Dataset, key: str, n: int, fingerprint: str | None
) -> Vectors:
    hashes = [text_hash(text) for text in _dataset.texts]
    names = [fingerprint] if fingerprint is not None else sorted(encoders_of(_db, hashes))
    for name in names:
        found = matrix_of(_db, name, hashes)
        if found is not None:
            return found
    raise LookupError("a vector is missing")  # what is raised is not kept


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
    st.session_state[_NOTE] = escape_markdown(f"{problem.what} {problem.remedy}".strip())


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
