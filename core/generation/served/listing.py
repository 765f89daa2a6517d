"""The models that a server lists, asked for while none is chosen yet."""

from core.connections import Connection
from core.errors import BackendFailed
from core.generation.served.error_responses import fault_of_status
from core.generation.served.failures import Server
from core.generation.served.wire import Asking

MOST = 200


def list_models(connection: Connection, client: Asking) -> tuple[str, ...]:
    """The names of the models that a server offers, as it orders them, the first 200.

    Args:
        connection: which server.
        client: asks it.

    Raises:
        BackendFailed: it does not answer, refuses, or lists none.
    """
    reply = client.ask("/models")
    if not 200 <= reply.status < 300:
        server = Server(connection.base_url, "", connection.key_variable)
        fault = fault_of_status(
            server, reply.status, body=reply.text, data=reply.data, headers=reply.headers
        )
        remedy = "Type the model's name instead." if fault.kind == "not_found" else fault.remedy
        raise BackendFailed(fault.what, remedy)
    listed = reply.data.get("data") if reply.ok and isinstance(reply.data, dict) else None
    entries = listed if isinstance(listed, list) else []
    names = [one["id"][:500] for one in entries if isinstance(one, dict) and _named(one)]
    if not names:
        raise BackendFailed(
            f"The server at {connection.base_url} lists no models.",
            "Check its base URL, which often ends in /v1, or type the model's name.",
        )
    return tuple(dict.fromkeys(names[:MOST]))


def _named(entry: dict[str, object]) -> bool:
    name = entry.get("id")
    return isinstance(name, str) and bool(name.strip())
