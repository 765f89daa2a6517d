"""Whether the dialog of a new sweep is open, and what makes starting one happen once."""

from uuid import uuid4

import streamlit as st

from core.domain.tasks import Task

REFUSED = "sweep_refused"
"""Where the session keeps why a start was refused, for the dialog to tell."""

_OPEN = "sweep_dialog"
_TOKEN = "sweep_token"


def open_dialog(task: Task) -> None:
    """Let the dialog be drawn from now on, until it is closed."""
    st.session_state[_OPEN] = task.key


def close_dialog() -> None:
    """Let it be drawn no more."""
    st.session_state.pop(_OPEN, None)


def is_open(task: Task) -> bool:
    """Whether it is to be drawn."""
    return st.session_state.get(_OPEN) == task.key


def token() -> str:
    """What a double click has in common."""
    return str(st.session_state.setdefault(_TOKEN, uuid4().hex))


def show_next(task: Task, sweep_id: str) -> None:
    """Close, and put the new sweep on view."""
    st.session_state[_TOKEN] = uuid4().hex
    st.session_state[f"compare_sweeps-{task.key}"] = [sweep_id]
    close_dialog()
