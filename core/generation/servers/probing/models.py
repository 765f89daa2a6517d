"""The models that a server lists: asked for while none is chosen, and to check one that is."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.domain.connections import Connection
from core.domain.errors import BackendFailed
from core.generation.servers.errors import ServerInfo, error_from_status
from core.generation.servers.http_client import HttpResponse, ServerClient

MAX_MODELS = 200
"""Of a list that are kept."""


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as a server lists it.

    Args:
        name: the server's for it, at most 500 characters.
        owner: whom the server names as its owner; empty where it names none.
    """

    name: str
    owner: str = ""


def parse_models(response: HttpResponse) -> list[ListedModel]:
    """What an answer to `/models` lists, as the server orders it; none where it is no such list."""
    data = response.data
    entries = data.get("data") if response.ok and isinstance(data, dict) else None
    models: dict[str, ListedModel] = {}
    for entry in entries if isinstance(entries, list) else ():
        name = entry.get("id") if isinstance(entry, dict) else None
        # Others, such as with half a character in them, can neither be shown nor typed.
        if isinstance(name, str) and name.strip() and name.isprintable():
            model = ListedModel(name[:500], str(entry.get("owned_by") or ""))
            models.setdefault(model.name, model)
    return list(models.values())


def is_listed(model: str, names: Iterable[str]) -> bool:
    """Whether a model is among those; Ollama lists `name:latest` and answers to `name`."""
    return not {model, f"{model}:latest"}.isdisjoint(names)


def list_models(connection: Connection, client: ServerClient) -> tuple[str, ...]:
    """The names of the models that a server offers, as it orders them, the first 200.

    Args:
        connection: which server.
        client: asks it.

    Raises:
        BackendFailed: it does not answer, refuses, or lists none.
    """
    base_url = connection.base_url
    response = client.ask("/models")
    names = [model.name for model in parse_models(response)]
    if names:
        return tuple(names[:MAX_MODELS])
    suggestion = suggest_v1_url(connection, client)
    if not 200 <= response.status < 300:
        error = error_from_status(
            ServerInfo(base_url, "", connection.key_variable),
            response.status,
            body=response.text,
            data=response.data,
            headers=response.headers,
        )
        remedy = "Type the model's name instead." if error.kind == "not_found" else error.remedy
        raise BackendFailed(error.what, suggestion or remedy)
    raise BackendFailed(
        f"The server at {base_url} lists no models.",
        suggestion or "Check its base URL, which often ends in /v1, or type the model's name.",
    )


def suggest_v1_url(connection: Connection, client: ServerClient) -> str:
    """What to do where the models are listed one step below a base URL without `/v1`, the most
    frequent slip; empty where they are not."""
    base_url = connection.base_url
    if base_url.endswith("/v1"):
        return ""
    try:
        models = parse_models(client.ask("/v1/models"))
    except BackendFailed:
        return ""
    return f"Give {base_url}/v1 as the base URL: it lists models there." if models else ""
