"""The connections of this home: to choose from, to delete, and to bring back."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from core.domain.connections import Connection
from core.domain.errors import WidesetError
from core.domain.runs import short_model
from core.generation.servers.capabilities import capabilities_from_dict
from core.generation.servers.suppression import suppression_support
from core.jobs.server_health import last_contacts
from core.store.connections import (
    delete_connection,
    list_connections,
    save_connection,
)
from pages.components.ages import ago
from pages.components.connect.keys import key_state
from pages.components.model import probed_of, title
from pages.components.shell import AppContext, escape_markdown, flash

_DELETED = "connect_deleted"
_SUPPRESSION = {"exact": "exact", "approximate": "approximate only", "untested": "not tested"}


def choose_server(app: AppContext) -> Connection | None:
    """Draw the list; the connection that is on view, None without any."""
    _undo(app)
    connections = list_connections(app.db)
    if not connections:
        return None
    found = {one.base_url: probed_of(app.db, one) for one in connections}
    contacts, now = last_contacts(app.db), app.db.now()
    keys = {"none": "needs none", "set": "set", "missing": "not set"}
    frame = pd.DataFrame(
        {
            "name": [title(one) for one in connections],
            "last": [
                "never asked" if last is None else f"{last.summary} {ago(now - last.at)}"
                for last in (contacts.get(one.base_url) for one in connections)
            ],
            "url": [one.base_url for one in connections],
            "model": [short_model(one.model) or "none chosen" for one in connections],
            "key": [
                f"{one.key_variable}: {keys[key_state(one)]}"
                if one.key_variable
                else keys[key_state(one)]
                for one in connections
            ],
            "suppression": [
                _SUPPRESSION[
                    suppression_support(
                        None if kept is None else capabilities_from_dict(kept.result)
                    )
                ]
                for kept in found.values()
            ],
        }
    )
    st.dataframe(
        frame,
        column_config={
            "name": st.column_config.TextColumn("Connection", width=150),
            "last": st.column_config.TextColumn("Last known", width=170),
            "url": st.column_config.TextColumn("Base URL", width=230),
            "model": st.column_config.TextColumn("Model", width=190),
            "key": st.column_config.TextColumn("Key", width=210),
            "suppression": st.column_config.TextColumn("Logit suppression", width=140),
        },
        hide_index=True,
        height="content" if len(connections) <= 8 else 320,
        on_select=partial(_choose, tuple(one.base_url for one in connections)),
        selection_mode="single-row",
        key="connections",
        alt="Connections with model, key and what is known last; choose a row to see it",
    )
    asked = st.query_params.get("server")
    return next((one for one in connections if one.base_url == asked), connections[0])


def delete(app: AppContext, connection: Connection) -> None:
    """Delete a connection and offer to bring it back; a callback."""
    try:
        delete_connection(app.db, connection.base_url)
    except WidesetError as error:
        flash(error)
        return
    st.session_state[_DELETED] = connection
    st.query_params.pop("server", None)


def _undo(app: AppContext) -> None:
    gone = st.session_state.get(_DELETED)
    if gone is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f":material/delete: {escape_markdown(title(gone))} is deleted; its runs stay.",
            width="content",
        )
        st.button(
            "Undo",
            icon=":material/undo:",
            key="connect_undo",
            on_click=_restore,
            args=(app, gone),
        )


def _restore(app: AppContext, connection: Connection) -> None:
    try:
        save_connection(app.db, connection)
    except WidesetError as error:
        flash(error)
        return
    st.session_state.pop(_DELETED, None)
    st.query_params["server"] = connection.base_url


def _choose(urls: Sequence[str]) -> None:
    rows = st.session_state["connections"]["selection"]["rows"]
    if rows:
        st.query_params["server"] = urls[rows[0]]
