"""Servers and their models: names, keys, capabilities, and the choice of one."""

from typing import Literal
from urllib.parse import urlsplit

import streamlit as st

from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import ModelChoice, short_model
from core.domain.wording import ago
from core.generation.servers.keys import key_of
from core.generation.servers.suppression import suppression_support
from core.jobs.handlers.servers import latest_connection_test
from core.services.servers.served_models import ProbeProgress
from core.store.connections import Probed, find_capabilities, list_connections
from core.store.database import Database
from pages.components.shell import PAGES, AppContext, escape_markdown


def title(connection: Connection) -> str:
    """A connection's name, else its host."""
    return connection.name or urlsplit(connection.base_url).netloc


def probed_of(db: Database, connection: Connection) -> Probed | None:
    """The last test of the connection's default model."""
    if not connection.model:
        return None
    return find_capabilities(db, connection.base_url, connection.model)


def capabilities_of(db: Database, choice: ModelChoice) -> Capabilities | None:
    """A server's model's capabilities; None for one that was never tested or is on this machine."""
    if choice.backend != "openai":
        return None
    probed = find_capabilities(db, choice.base_url, choice.model)
    return None if probed is None else probed.capabilities


def known_models(db: Database, connection: Connection) -> list[str]:
    """A server's known models: the default first, then those that it lists."""
    probed, test = probed_of(db, connection), latest_connection_test(db, connection.base_url)
    stored = () if probed is None else probed.capabilities.models
    last = ProbeProgress() if test is None else test[0].progress_as(ProbeProgress)
    names = (connection.model, *stored, *last.models, last.model)
    return list(dict.fromkeys(name for name in names if name))


Width = int | Literal["stretch"]
KeyState = Literal["none", "set", "missing"]


def key_state(connection: Connection) -> KeyState:
    """`none` where the connection needs no key, `set` where its variable holds one.

    The key itself is never read into a page.
    """
    try:
        return "none" if key_of(connection) is None else "set"
    except BadInput:
        return "missing"


SUPPRESSION_WORDS = {
    "exact": ":green[:material/verified:] Logit suppression is exact.",
    "approximate": ":orange[:material/warning:] Logit suppression is unsupported; "
    "approximations are offered.",
    "untested": ":gray[:material/help:] Not tested yet: a run with logit suppression first tests "
    "logit bias.",
}


def choose_server_model(app: AppContext) -> ModelChoice | None:
    """Draw the choice of a connection and its model; None while one of them is missing."""
    connections = {connection.base_url: connection for connection in list_connections(app.db)}
    if not connections:
        st.caption("No connection to a server yet.")
        st.page_link(PAGES / "connect.py", label="Add one", icon=":material/cable:")
        return None
    url = st.session_state.get("server_url")
    if url is not None and url not in connections:
        st.warning(
            f"The connection to {escape_markdown(url)} was deleted.", icon=":material/cable:"
        )
        del st.session_state["server_url"]
    url = st.selectbox(
        "Connection",
        list(connections),
        format_func=lambda url: title(connections[url]) if url in connections else url,
        key="server_url",
        persist_state="session",
    )
    connection = connections.get(url or "")
    if connection is None:
        return None
    model = name_model(app.db, connection, key=f"server_model-{connection.base_url}")
    if key_state(connection) == "missing":
        st.caption(f":red[:material/key_off: {connection.key_variable} is not set.]")
    if model is None:
        st.caption("Choose a model, or type the server's name for it.")
        return None
    choice = ModelChoice(backend="openai", model=model, base_url=connection.base_url)
    _show_known(app, choice)
    return choice


def name_model(
    db: Database, connection: Connection, *, key: str, width: Width = "stretch"
) -> str | None:
    """Draw the choice of a connection's model, which can also be typed; None without one."""
    models = known_models(db, connection)
    typed = st.session_state.get(key)
    if typed and typed not in models:
        models = [*models, typed]
    chosen = st.selectbox(
        "Model",
        models,
        index=0 if models and connection.model else None,
        format_func=short_model,
        accept_new_options=True,
        placeholder="The server's name for it",
        key=key,
        persist_state="session",
        width=width,
    )
    return str(chosen).strip() or None if chosen else None


def _show_known(app: AppContext, choice: ModelChoice) -> None:
    probed = find_capabilities(app.db, choice.base_url, choice.model)
    support = suppression_support(capabilities_of(app.db, choice))
    st.markdown(f":small[{SUPPRESSION_WORDS[support]}]")
    if probed is None:
        st.page_link(PAGES / "connect.py", label="Test it", icon=":material/network_check:")
        return
    st.caption(tested_words(app, probed))


def tested_words(app: AppContext, probed: Probed) -> str:
    """How long ago a model was tested, and whether the result is out of date."""
    return f"Tested {ago(app.db.now() - probed.created_at)}. {probed.stale}".strip()
