"""Short questions to a model while it is probed: what is sent, what came back, what it took."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.domain.errors import BackendFailed, BadInput
from core.domain.registries.capabilities import Capabilities, Support, TokenField
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
        *,
        most: int,
        biases: Mapping[int, float] | None = None,
        system: str = "",
        **knobs: Any,
    ) -> HttpResponse:
        """One question to the chat route.

        Args:
            content: the user's turn.
            most: new tokens at most.
            biases: token id to logit bias.
            system: a turn of the role `system` before it.
            knobs: sent as they are.
        """
        turns = [{"role": "user", "content": content}]
        if system:
            turns.insert(0, {"role": "system", "content": system})
        body: dict[str, Any] = {
            "model": self.model,
            "messages": turns,
            self.token_field: most,
            **knobs,
        }
        if biases:
            body["logit_bias"] = {str(token): bias for token, bias in biases.items()}
        return self.ask("/chat/completions", body)

    def ask(self, path: str, body: Mapping[str, Any]) -> HttpResponse:
        """Any question, counted."""
        self.requests += 1
        response = self.client.ask(path, body)
        if not response.ok:
            return response
        if self.quickest is None or response.seconds < self.quickest:
            self.quickest = response.seconds
        usage = reported_usage(response)
        if usage is not None:
            self.tokens_in = (self.tokens_in or 0) + usage[0]
            self.tokens_out = (self.tokens_out or 0) + usage[1]
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


def texts(response: HttpResponse) -> list[str]:
    """The texts of an answer, of either route; a choice without one is an empty text."""
    contents = []
    for choice in choices(response):
        message = choice.get("message")
        content = message.get("content") if isinstance(message, dict) else choice.get("text")
        contents.append(storable_text(content) if isinstance(content, str) else "")
    return contents


def first_text(response: HttpResponse) -> str:
    """The first text of an answer; empty without one."""
    return (texts(response) or [""])[0]


def choices(response: HttpResponse) -> Sequence[Mapping[str, Any]]:
    """An answer's choices; none where it is no such answer."""
    data = response.data
    listed = data.get("choices") if response.ok and isinstance(data, dict) else None
    entries = listed if isinstance(listed, list) else []
    return [choice for choice in entries if isinstance(choice, dict)]


def reported_usage(response: HttpResponse) -> tuple[int, int] | None:
    """Tokens of prompt and answer as the server reports them; None where it does not."""
    usage = response.data.get("usage") if isinstance(response.data, dict) else None
    if not isinstance(usage, dict):
        return None
    tokens = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
    if not all(type(number) is int and number >= 0 for number in tokens):
        return None
    return tokens  # type: ignore[return-value]


def rejects_parameter(response: HttpResponse, parameter: str) -> bool:
    """Whether the server turned a request down for that parameter."""
    return 400 <= response.status < 500 and parameter in response.text


def check_answers(response: HttpResponse, server: ServerInfo) -> None:
    """Refuse to go on where the plainest question was not answered.

    Raises:
        BadInput: the key, the model or the base URL is refused.
        BackendFailed: the server fails.
    """
    if response.ok and choices(response):
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
    if isinstance(response.data, dict) and response.data.get("error"):
        return error_from_object(server, response.data)
    page = response.text.lstrip().startswith("<")
    return error_of_kind(server.base_url, "web_page" if page else "bad_json")
