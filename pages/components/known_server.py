"""What the store knows of a server and its models, and what they are called."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from core.connections import Connection
from core.generation.servers.capabilities import Capabilities, capabilities_from_dict
from core.jobs.server_health import latest_connection_test
from core.runs import ModelChoice
from core.store.connections import Probed, find_capabilities
from core.store.database import Database


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
