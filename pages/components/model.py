"""What the store knows of a server and its models, and what they are called."""

from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

import streamlit as st

from core.domain.connections import Connection
from core.domain.runs import ModelChoice, short_model
from core.generation.servers.capabilities import Capabilities, capabilities_from_dict
from core.generation.servers.suppression import suppression_support
from core.jobs.server_health import latest_connection_test
from core.store.connections import Probed, find_capabilities, list_connections
from core.store.database import Database
from pages.components.ages import ago
from pages.components.connect.keys import key_state
from pages.components.shell import PAGES, AppContext, escape_markdown


def title(connection: Connection) -> str:
    """What a connection is called: its name, else its host."""
    return connection.name or urlsplit(connection.base_url).netloc


def probed_of(db: Database, connection: Connection) -> Probed | None:
    """What was found of the model that is the connection's usual one."""
    if not connection.model:
        return None
    return find_capabilities(db, connection.base_url, connection.model)


def found_of(db: Database, choice: ModelChoice) -> Capabilities | None:
    """What probing found of a server's model; None for one on this machine or never probed."""
    if choice.backend != "openai":
        return None
    probed = find_capabilities(db, choice.base_url, choice.model)
    return None if probed is None else capabilities_from_dict(probed.result)


def known_models(db: Database, connection: Connection) -> list[str]:
    """The models that are known of a server: the usual one first, then those that it lists."""
    probed, test = probed_of(db, connection), latest_connection_test(db, connection.base_url)
    listed: Sequence[str] = () if probed is None else probed.result.get("models", ())
    last = {} if test is None else test[0].progress
    names = (connection.model, *listed, *last.get("models", ()), last.get("model"))
    return list(dict.fromkeys(name for name in names if name))


Width = int | Literal["stretch"]

SUPPRESSION_WORDS = {
    "exact": ":green[:material/verified:] Logit suppression is exact.",
    "approximate": ":orange[:material/warning:] Logit suppression is unsupported; "
    "approximations are offered.",
    "untested": ":gray[:material/help:] Not tested yet: a run with logit suppression flies the "
    "canary first.",
}


def choose_server_model(app: AppContext) -> ModelChoice | None:
    """Draw the choice of a connection and its model; None while one of them is missing."""
    connections = {one.base_url: one for one in list_connections(app.db)}
    if not connections:
        st.caption("There is no connection to a server yet.")
        st.page_link(PAGES / "connect.py", label="Add one", icon=":material/cable:")
        return None
    asked = st.session_state.get("server_url")
    if asked is not None and asked not in connections:  # its connection is deleted
        st.warning(
            f"There is no connection to {escape_markdown(asked)} any more.", icon=":material/cable:"
        )
        del st.session_state["server_url"]
    url = st.selectbox(
        "Connection",
        list(connections),
        format_func=lambda one: title(connections[one]) if one in connections else one,
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
    """Draw the choice of a connection's model, which can be typed as well; None without one."""
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
    st.markdown(f":small[{SUPPRESSION_WORDS[suppression_support(found_of(app.db, choice))]}]")
    if probed is None:
        st.page_link(PAGES / "connect.py", label="Test it", icon=":material/network_check:")
        return
    st.caption(tested_words(app, probed))


def tested_words(app: AppContext, probed: Probed) -> str:
    """How long ago a model was tested, and whether that still holds."""
    return f"Tested {ago(app.db.now() - probed.created_at)}. {probed.stale}".strip()
