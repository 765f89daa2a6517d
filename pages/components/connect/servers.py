"""The list of connections: choose one, delete it, and undo that."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from core.domain.connections import Connection
from core.domain.errors import WidesetError
from core.domain.runs import short_model
from core.domain.wording import ago
from core.generation.servers.suppression import suppression_support
from core.jobs.handlers.servers import ServerContact, last_contacts
from core.store.connections import (
    delete_connection,
    list_connections,
    save_connection,
)
from pages.components.model import key_state, probed_of, title
from pages.components.shell import AppContext, escape_markdown, flash

_DELETED = "connect_deleted"
_KEYS = {"none": "not needed", "set": "set", "missing": "not set"}
_SUPPRESSION = {"exact": "exact", "approximate": "approximate only", "untested": "not tested"}


def choose_server(app: AppContext) -> Connection | None:
    """Draw the list; the selected connection, None without any."""
    _undo(app)
    connections = list_connections(app.db)
    if not connections:
        return None
    contacts = last_contacts(app.db)
    rows = [_row(app, server, contacts.get(server.base_url)) for server in connections]
    st.dataframe(
        pd.DataFrame(rows),
        column_config={
            "name": st.column_config.TextColumn("Connection", width=150),
            "last": st.column_config.TextColumn("Last contact", width=170),
            "url": st.column_config.TextColumn("Base URL", width=230),
            "model": st.column_config.TextColumn("Default model", width=190),
            "key": st.column_config.TextColumn("Key", width=210),
            "suppression": st.column_config.TextColumn("Logit suppression", width=140),
        },
        hide_index=True,
        height="content" if len(connections) <= 8 else 320,
        on_select=partial(_choose, tuple(connection.base_url for connection in connections)),
        selection_mode="single-row",
        key="connections",
        alt="Connections with model, key and last contact; select a row to open one",
    )
    url = st.query_params.get("server")
    selected = (connection for connection in connections if connection.base_url == url)
    return next(selected, connections[0])


def _row(app: AppContext, connection: Connection, last: ServerContact | None) -> dict[str, str]:
    key = _KEYS[key_state(connection)]
    test = probed_of(app.db, connection)
    support = suppression_support(None if test is None else test.capabilities)
    return {
        "name": title(connection),
        "last": "never used" if last is None else f"{last.summary} {ago(app.db.now() - last.at)}",
        "url": connection.base_url,
        "model": short_model(connection.model) or "none",
        "key": f"{connection.key_variable}: {key}" if connection.key_variable else key,
        "suppression": _SUPPRESSION[support],
    }


def delete(app: AppContext, connection: Connection) -> None:
    """Delete a connection and offer Undo; a callback."""
    try:
        delete_connection(app.db, connection.base_url)
    except WidesetError as error:
        flash(error)
        return
    st.session_state[_DELETED] = connection
    st.query_params.pop("server", None)


def _undo(app: AppContext) -> None:
    deleted = st.session_state.get(_DELETED)
    if deleted is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f":material/delete: {escape_markdown(title(deleted))} was deleted; its runs are kept.",
            width="content",
        )
        st.button(
            "Undo",
            icon=":material/undo:",
            key="connect_undo",
            on_click=_restore,
            args=(app, deleted),
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
