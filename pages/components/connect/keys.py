"""Whether a connection's key is there; the key itself is never read into the page."""

from typing import Literal

import streamlit as st

from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.generation.servers.keys import key_of

KeyState = Literal["none", "set", "missing"]


def key_state(connection: Connection) -> KeyState:
    """`none` where the connection needs no key, `set` where its variable holds one."""
    try:
        return "none" if key_of(connection) is None else "set"
    except BadInput:
        return "missing"


def show_key(connection: Connection) -> None:
    """Draw it as a badge."""
    state = key_state(connection)
    if state == "none":
        st.badge("no key", color="gray", icon=":material/key_off:")
    elif state == "set":
        st.badge(f"{connection.key_variable} is set", color="green", icon=":material/key:")
    else:
        st.badge(f"{connection.key_variable} is not set", color="red", icon=":material/key_off:")
