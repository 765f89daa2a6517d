"""Short questions to a server that is probed, about one model or for the models that it lists:
what is sent, what came back, what it took."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.domain.connections import Connection
from core.domain.errors import BackendFailed, BadInput
from core.domain.registries.capabilities import Capabilities, Support, TokenField
from core.domain.serialization import Json, value_at
from core.domain.texts import storable_text
from core.generation.servers.errors import (
    ServerError,
    ServerInfo,
    error_from_object,
    error_from_status,
    error_of_kind,
)
from core.generation.servers.http_client import HttpResponse, ServerClient

STORY = "Tell a story in one line."
SHORT = 8
"""Tokens of most answers."""


class ProbeClient:
    """Asks one model and adds up what that takes.

    Args:
        client: asks the server.
        model: the served model's name.

    Attributes:
        token_field: the name under which the server takes the limit on new tokens.
        requests: asked so far.
        quickest: seconds of the quickest that was answered; None before.
        tokens_in, tokens_out: as far as the server reported them; None before it does.
    """

    def __init__(self, client: ServerClient, model: str) -> None:
        self.client = client
        self.model = model
        self.token_field: TokenField = "max_tokens"
        self.requests = 0
        self.quickest: float | None = None
        self.tokens_in: int | None = None
        self.tokens_out: int | None = None

    def chat(
        self,
        content: str,
        knobs: Mapping[str, Json],
        *,
        most: int,
        biases: Mapping[int, float] | None = None,
        system: str = "",
    ) -> HttpResponse:
        """One question to the chat route.

        Args:
            content: the user's turn.
            knobs: parameters, sent as they are.
            most: new tokens at most.
            biases: token id to logit bias.
            system: a turn of the role `system` before it.
        """
        turns = [{"role": "user", "content": content}]
        if system:
            turns.insert(0, {"role": "system", "content": system})
        body: dict[str, Json] = {
            "model": self.model,
            "messages": turns,
            self.token_field: most,
            **knobs,
        }
        if biases:
            body["logit_bias"] = {str(token): bias for token, bias in biases.items()}
        return self.ask("/chat/completions", body)

    def ask(self, path: str, body: Mapping[str, Json]) -> HttpResponse:
        """Any question, counted."""
        self.requests += 1
        # Some servers stream unless they are told not to.
        response = self.client.ask(path, {"stream": False, **body})
        if not response.ok:
            return response
        if self.quickest is None or response.seconds < self.quickest:
            self.quickest = response.seconds
        usage = response.usage
        if usage.tokens_in is not None and usage.tokens_out is not None:
            self.tokens_in = (self.tokens_in or 0) + usage.tokens_in
            self.tokens_out = (self.tokens_out or 0) + usage.tokens_out
        return response


_PATIENCE = 2  # questions without an answer before the rest stays unknown


class ProbeFindings:
    """Collects what is found out about one model.

    Args:
        server: what messages may name.

    Attributes:
        capabilities: as far as they are known.
        notes: sentences on what went wrong or stays unknown, each once.
    """

    def __init__(self, server: ServerInfo) -> None:
        self.server = server
        self.capabilities = Capabilities(base_url=server.base_url, model=server.model)
        self.notes: list[str] = []
        self._failed = 0

    def record(self, **values: Any) -> None:
        """Set fields of `capabilities`."""
        self.capabilities = replace(self.capabilities, **values)

    def note(self, sentence: str) -> None:
        """Add a sentence, unless it is there already."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def answered(self, key: str, ask: Callable[[], HttpResponse]) -> HttpResponse | None:
        """The answer to a question that uses a capability; None where it was refused or none came.

        Args:
            key: of the capability; refused, it is recorded as such.
            ask: not called any more once two questions got no answer.
        """
        if self._failed >= _PATIENCE:
            return None
        try:
            response = ask()
        except BackendFailed as error:
            self._failed += 1
            self.note(f"{key} stays unknown. {error.what}")
            if self._failed >= _PATIENCE:
                self.note("The probe was broken off; what is missing stays unknown.")
            return None
        if response.ok:
            return response
        status = response.status
        refused = 400 <= status < 500 and status not in (401, 403, 408, 429)
        support: Support = "refused" if refused or status == 501 else "unknown"
        self.record(**{key: support})
        self.note(f"{key}: {response_error(response, self.server).what}")
        return None


def first_text(response: HttpResponse) -> str:
    """The first text of an answer, of either route; empty without one."""
    choices = response.choices
    return storable_text(choices[0].text) if choices else ""


def rejects_parameter(response: HttpResponse, parameter: str) -> bool:
    """Whether the server turned a request down for that parameter."""
    return 400 <= response.status < 500 and parameter in response.text


def check_answers(response: HttpResponse, server: ServerInfo) -> None:
    """Refuse to go on where the plainest question was not answered.

    Raises:
        BadInput: the key, the model or the base URL is refused.
        BackendFailed: the server fails.
    """
    if response.choices:
        return
    error = response_error(response, server)
    refused = error.kind in ("key_refused", "forbidden", "not_found", "refused", "web_page")
    raise (BadInput if refused else BackendFailed)(error.what, error.remedy)


def response_error(response: HttpResponse, server: ServerInfo) -> ServerError:
    """What is wrong with a response, the server's own words included."""
    if not 200 <= response.status < 300:
        return error_from_status(
            server,
            response.status,
            body=response.text,
            data=response.data,
            headers=response.headers,
        )
    if value_at(response.data, "error"):
        return error_from_object(server, response.data)
    if isinstance(response.data, dict):
        return error_of_kind(server.base_url, "no_choices")
    page = response.text.lstrip().startswith("<")
    return error_of_kind(server.base_url, "web_page" if page else "bad_json")


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
    entries = value_at(response.data, "data") if response.ok else None
    models: dict[str, ListedModel] = {}
    for entry in entries if isinstance(entries, list) else ():
        name = value_at(entry, "id")
        # Others, such as with half a character in them, can neither be shown nor typed.
        if isinstance(name, str) and name.strip() and name.isprintable():
            model = ListedModel(name[:500], str(value_at(entry, "owned_by") or ""))
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
        error = response_error(response, ServerInfo(base_url, "", connection.key_variable))
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
